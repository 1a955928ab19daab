//! The bare gRPC interface, for requests that the client would never make.

use bytes::Bytes;
use deriva_client::proto::deriva_client::DerivaClient;
use deriva_tests::NodeProcess;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::fmt::Debug;
use tonic::{
    Code, Response, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

/// More than any request of a story.
const MESSAGE_BYTES: usize = 64 << 20;

pub(crate) async fn channel(node: &NodeProcess) -> Channel {
    let endpoint = Endpoint::from_shared(node.url()).unwrap();
    endpoint.connect().await.unwrap()
}

pub(crate) async fn stub(node: &NodeProcess) -> DerivaClient<Channel> {
    let stub = DerivaClient::new(channel(node).await);
    stub.max_encoding_message_size(MESSAGE_BYTES)
        .max_decoding_message_size(MESSAGE_BYTES)
}

/// A call without a gRPC client, so that nobody on this side keeps its deadline; answers the status
/// that the node sent.
pub(crate) async fn bare_call(
    node: &NodeProcess,
    method: &str,
    message: &impl prost::Message,
    timeout: &str,
) -> (i32, String) {
    let address = node.url().trim_start_matches("http://").to_owned();
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    let framed = [&[0], &length.to_be_bytes()[..], &message].concat();
    let request = hyper::Request::post(format!("http://{address}/deriva.Deriva/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(Full::new(Bytes::from(framed)))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = |headers: &hyper::HeaderMap| {
        let text = |name| Some(headers.get(name)?.to_str().unwrap().to_owned());
        Some((
            text("grpc-status")?.parse().unwrap(),
            text("grpc-message").unwrap_or_default(),
        ))
    };
    let early = status(response.headers());
    let rest = response.into_body().collect().await.unwrap();
    connection.abort();
    let told = early.or_else(|| rest.trailers().and_then(status));
    told.expect("every call ends with a status")
}

/// What a status says of itself.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) message: String,
    pub(crate) metadata: std::collections::HashMap<String, String>,
}

/// A refusal with that code and reason.
pub(crate) fn refused<T: Debug>(
    answer: Result<Response<T>, Status>,
    code: Code,
    reason: &str,
) -> Told {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), code, "{status:?}");
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no reason: {status:?}"));
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        (reason, "deriva"),
        "{status:?}"
    );
    Told {
        message: status.message().to_owned(),
        metadata: info.metadata.clone(),
    }
}
