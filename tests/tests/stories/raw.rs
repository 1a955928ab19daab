//! The bare gRPC interface, for requests that the client would never make.

use deriva_client::proto::deriva_client::DerivaClient;
use deriva_tests::NodeProcess;
use std::{fmt::Debug, time::Duration};
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
    stub.max_encoding_message_size(MESSAGE_BYTES).max_decoding_message_size(MESSAGE_BYTES)
}

/// What a status says of itself.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) message: String,
    pub(crate) metadata: std::collections::HashMap<String, String>,
    pub(crate) retry_after: Option<Duration>,
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
    let info = details.error_info().unwrap_or_else(|| panic!("no reason: {status:?}"));
    assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "deriva"), "{status:?}");
    Told {
        message: status.message().to_owned(),
        metadata: info.metadata.clone(),
        retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
    }
}
