//! Bad input: bytes that are not UTF-8 where text is asked, and messages that are none.

use crate::raw;
use deriva_client::proto::{PutRecipeResponse, ResolveResponse};
use deriva_tests::Launch;
use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
use tonic::{Code, Request, Response, Status, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

/// `PutRecipeRequest` with bytes where it has text.
#[derive(Clone, PartialEq, prost::Message)]
struct Untextual {
    #[prost(bytes = "vec", tag = "1")]
    function_name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    function_version: Vec<u8>,
}

/// `ResolveRequest` with a number where it has bytes.
#[derive(Clone, PartialEq, prost::Message)]
struct Numbered {
    #[prost(uint64, tag = "1")]
    addr: u64,
}

async fn call<Q, A>(
    channel: &Channel,
    path: &'static str,
    message: Q,
) -> Result<Response<A>, Status>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<Q, A>::default();
    grpc.unary(Request::new(message), path.parse().unwrap(), codec)
        .await
}

#[tokio::test]
async fn text_that_is_none_is_refused() {
    let node = Launch::new().start().await;
    let channel = raw::channel(&node).await;
    for (name, version) in [(&b"\xff"[..], &b"1.0.0"[..]), (b"concat", b"1.0\xc3")] {
        let message = Untextual {
            function_name: name.to_vec(),
            function_version: version.to_vec(),
        };
        let path = "/deriva.Deriva/PutRecipe";
        let answer = call::<_, PutRecipeResponse>(&channel, path, message).await;
        let told = raw::refused(answer, Code::InvalidArgument, "MALFORMED");
        assert!(told.message.contains("UTF-8"), "{told:?}");
    }
    let path = "/deriva.Deriva/Resolve";
    let answer = call::<_, ResolveResponse>(&channel, path, Numbered { addr: 7 }).await;
    raw::refused(answer, Code::InvalidArgument, "MALFORMED");
}

#[tokio::test]
async fn the_command_line_refuses_it_as_wrong_usage() {
    let node = Launch::new().start().await;
    let broken = OsStr::from_bytes(b"conc\xff");
    let run = node
        .cli(&[OsStr::new("recipe"), broken, OsStr::new("1.0.0")])
        .await;
    assert_eq!((run.code, run.stdout.len()), (2, 0), "{run:?}");
    assert!(run.stderr.contains("UTF-8"), "{run:?}");
    for list in [&b"\xff"[..], b"{}", b"[{\"function\": 1}]", b"[]"] {
        let run = node.cli_fed(&["eval", "-"], list).await;
        assert_eq!((run.code, run.stdout.len()), (2, 0), "{run:?}");
        assert!(run.stderr.contains("list of recipes"), "{run:?}");
    }
}
