//! Leaves and values of any size: streamed in, streamed out, never held whole.

use crate::raw;
use bytes::Bytes;
use deriva_client::{
    ClientError, Resolution,
    proto::{GetRequest, PutLeafStreamRequest, StatusRequest, deriva_client::DerivaClient},
};
use deriva_model::CAddr;
use deriva_tests::{Launch, NodeProcess, eventually, noise};
use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::oneshot,
};

const MIB: usize = 1 << 20;
/// More than any part of the node may hold.
const LEAF_BYTES: usize = 300 * MIB;
/// What a node may need for it beyond what it needed before.
const GROWTH_BYTES: u64 = 128 << 20;

/// So many bytes of noise, made as they are read; then the end or a failure, when it is told so.
struct Source {
    piece: Bytes,
    at: usize,
    end: usize,
    then: Then,
}

enum Then {
    End,
    FailWhenTold(oneshot::Receiver<()>),
}

impl Source {
    fn new(end: usize) -> Self {
        Self {
            piece: noise(42, MIB + 3).into(),
            at: 0,
            end,
            then: Then::End,
        }
    }

    /// One that waits after its bytes, and fails when its other end is dropped.
    fn failing(end: usize) -> (Self, oneshot::Sender<()>) {
        let (fail, told) = oneshot::channel();
        (
            Self {
                then: Then::FailWhenTold(told),
                ..Self::new(end)
            },
            fail,
        )
    }

    fn next(&mut self, room: usize) -> Bytes {
        let offset = self.at % self.piece.len();
        let some = room.min(self.end - self.at).min(self.piece.len() - offset);
        self.at += some;
        self.piece.slice(offset..offset + some)
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at < self.end {
            let some = self.next(buf.remaining());
            buf.put_slice(&some);
            return Poll::Ready(Ok(()));
        }
        match &mut self.then {
            Then::End => Poll::Ready(Ok(())),
            Then::FailWhenTold(told) => Pin::new(told)
                .poll(cx)
                .map(|_| Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// Writes to the node's store so far.
async fn writes(node: &NodeProcess) -> f64 {
    node.metrics().await.sum("store_write_seconds_count", &[])
}

/// Waits until the node has written some chunks more.
async fn some_are_written(node: &NodeProcess, before: f64) {
    eventually("the node takes the upload", async || {
        writes(node).await >= before + 3.0
    })
    .await;
}

#[tokio::test]
async fn a_leaf_larger_than_the_node_may_hold_goes_in_and_out() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    // Both ways once, so that what is allocated for good is there before.
    let warm = client.put_leaf_stream(Source::new(8 * MIB)).await.unwrap();
    let small = deriva_tests::fetch(&client, &warm).await.unwrap();
    assert_eq!(small.len(), 8 * MIB);
    let before = node.peak_bytes();
    let leaf = client
        .put_leaf_stream(Source::new(LEAF_BYTES))
        .await
        .unwrap();
    let size = LEAF_BYTES as u64;
    assert_eq!(
        client.resolve(&leaf).await.unwrap(),
        Resolution::Leaf { size }
    );
    let mut value = client.get(&leaf).await.unwrap();
    let mut expected = Source::new(LEAF_BYTES);
    let mut seen = 0;
    while let Some(chunk) = value.chunk().await.unwrap() {
        seen += chunk.len();
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let same = expected.next(rest.len());
            assert!(rest.starts_with(&same), "the bytes differ before {seen}");
            rest = &rest[same.len()..];
        }
    }
    assert_eq!(seen, LEAF_BYTES);
    let grown = node.peak_bytes() - before;
    assert!(
        grown < GROWTH_BYTES,
        "{} MiB more for a leaf of {} MiB",
        grown >> 20,
        LEAF_BYTES >> 20
    );
}

#[tokio::test]
async fn an_upload_that_breaks_leaves_nothing() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    // A source that fails.
    let before = writes(&node).await;
    let (source, fail) = Source::failing(9 * MIB);
    let putting = {
        let client = client.clone();
        tokio::spawn(async move { client.put_leaf_stream(source).await })
    };
    some_are_written(&node, before).await;
    drop(fail);
    let error = putting.await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Source(_)), "{error:?}");
    // A client that goes away.
    let before = writes(&node).await;
    let (source, _fail) = Source::failing(9 * MIB);
    let putting = {
        let client = client.clone();
        tokio::spawn(async move { client.put_leaf_stream(source).await })
    };
    some_are_written(&node, before).await;
    putting.abort();
    assert!(putting.await.unwrap_err().is_cancelled());
    eventually("both are given up", async || {
        node.metrics()
            .await
            .sum("gateway_uploads_abandoned_total", &[])
            >= 2.0
    })
    .await;
    assert_eq!(client.status().await.unwrap().blob_count, 0);
    // The same upload, made whole, is stored.
    let leaf = client.put_leaf_stream(Source::new(9 * MIB)).await.unwrap();
    assert_eq!(
        client.resolve(&leaf).await.unwrap(),
        Resolution::Leaf { size: 9 << 20 }
    );
    let node = node.restart().await;
    assert_eq!(node.client().await.status().await.unwrap().blob_count, 1);
}

/// Clients in other languages cancel a call by resetting its stream, which must not look like the
/// end of the leaf.
#[tokio::test]
async fn an_upload_that_is_cancelled_is_not_taken_for_whole() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    for (number, pieces) in [(1.0, 1), (2.0, 9)] {
        let channel = raw::channel(&node).await;
        let mut stub = DerivaClient::new(channel.clone());
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let sent = tokio_stream::wrappers::ReceiverStream::new(receiver);
        let call = tokio::spawn(async move { stub.put_leaf_stream(sent).await });
        for _ in 0..pieces {
            let data = vec![7; 1 << 19].into();
            sender.send(PutLeafStreamRequest { data }).await.unwrap();
        }
        // All of it was taken, and what is asked later on the same connection is answered.
        drop(sender.reserve().await.unwrap());
        DerivaClient::new(channel)
            .status(StatusRequest {})
            .await
            .unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        let labels = [("method", "PutLeafStream")];
        eventually("the call has ended", async || {
            node.metrics().await.sum("grpc_requests_total", &labels) == number
        })
        .await;
        assert_eq!(
            client.status().await.unwrap().blob_count,
            0,
            "{pieces} pieces"
        );
    }
    let labels = [("method", "PutLeafStream"), ("code", "CANCELLED")];
    assert_eq!(
        node.metrics().await.sum("grpc_requests_total", &labels),
        2.0
    );
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_its_request() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf_stream(Source::new(64 * MIB)).await.unwrap();
    let mut stub = raw::stub(&node).await;
    let request = GetRequest {
        addr: leaf.as_bytes().to_vec().into(),
        ..GetRequest::default()
    };
    let mut value = stub.get(request).await.unwrap().into_inner();
    assert!(value.message().await.unwrap().is_some());
    let under_way = async || {
        node.metrics()
            .await
            .sum("materialize_requests_in_flight", &[])
    };
    assert_eq!(
        under_way().await,
        1.0,
        "the stream is held up by its reader"
    );
    drop(value);
    eventually("the request ends", async || under_way().await == 0.0).await;
    eventually("it is counted as cancelled", async || {
        let labels = [("method", "Get"), ("code", "CANCELLED")];
        node.metrics().await.sum("grpc_requests_total", &labels) == 1.0
    })
    .await;
}

#[tokio::test]
async fn leaves_around_the_size_of_a_chunk_come_back_whole() {
    let node = Launch::new().set("chunk_size", "16KiB").start().await;
    let client = node.client().await;
    let chunk = 16 << 10;
    for size in [
        0,
        1,
        4096,
        4097,
        chunk - 1,
        chunk,
        chunk + 1,
        2 * chunk,
        5 * chunk + 3,
    ] {
        let bytes = noise(size as u64, size);
        let leaf = client.put_leaf(bytes.clone()).await.unwrap();
        assert_eq!(leaf, CAddr::of_leaf(&bytes));
        assert!(
            deriva_tests::fetch(&client, &leaf).await.unwrap() == bytes,
            "{size} bytes"
        );
    }
}

#[tokio::test]
async fn a_leaf_that_no_call_takes_whole_is_hashed_piece_by_piece() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf_stream(Source::new(65 * MIB)).await.unwrap();
    let hashed = deriva_tests::recipe("blake3", &[leaf], &[]);
    let hashed = deriva_tests::store(&client, &hashed).await;
    let digest = deriva_tests::fetch(&client, &hashed).await.unwrap();
    assert_eq!(digest, leaf.to_hex());
}
