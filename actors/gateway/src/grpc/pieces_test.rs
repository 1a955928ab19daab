#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::Pieces;
use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Body, Interest, Materialized},
};
use deriva_model::ContentHash;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::StreamExt;

fn interest() -> (Interest, oneshot::Receiver<()>) {
    let (held, gone) = oneshot::channel();
    (Interest { held }, gone)
}

fn streamed(size: u64, chunks: Vec<Result<Bytes, Fault>>) -> Pieces {
    let (give, take) = mpsc::channel(chunks.len().max(1));
    for chunk in chunks {
        give.try_send(chunk).unwrap();
    }
    let answer = Materialized {
        content: ContentHash::of(b""),
        size,
        body: Body::Chunks(take),
        trace: None,
    };
    Pieces::of_answer(answer, interest().0, 4)
}

async fn all(pieces: Pieces) -> Vec<Result<Bytes, Fault>> {
    pieces.collect().await
}

#[tokio::test]
async fn bytes_are_cut_without_copying() {
    let bytes = Bytes::from_static(b"0123456789");
    let pieces: Vec<Bytes> = Pieces::of(bytes.clone(), 4)
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(pieces, ["0123", "4567", "89"]);
    assert_eq!(pieces[1].as_ptr(), bytes[4..].as_ptr());
}

#[tokio::test]
async fn a_piece_length_of_zero_and_an_empty_value_both_end() {
    assert_eq!(all(Pieces::of(Bytes::from_static(b"ab"), 0)).await.len(), 2);
    assert!(all(Pieces::of(Bytes::new(), 4)).await.is_empty());
    assert!(all(streamed(0, vec![])).await.is_empty());
}

#[tokio::test]
async fn chunks_are_cut_each_by_itself_and_empty_ones_skipped() {
    let chunks = ["01234", "", "56"].map(|text| Ok(Bytes::from_static(text.as_bytes())));
    let pieces = all(streamed(7, chunks.to_vec())).await;
    assert_eq!(
        pieces,
        ["0123", "4", "56"].map(|text| Ok(Bytes::from_static(text.as_bytes())))
    );
}

#[tokio::test]
async fn a_source_that_stops_early_is_no_value() {
    let pieces = all(streamed(8, vec![Ok(Bytes::from_static(b"0123"))])).await;
    assert_eq!(pieces.len(), 2);
    assert_eq!(pieces[1].as_ref().unwrap_err().reason(), "UNAVAILABLE");
}

#[tokio::test]
async fn a_source_that_fails_or_gives_too_much_is_no_value() {
    let address = deriva_model::CAddr::of_leaf(b"x");
    let loss = Fault::DataLoss {
        address,
        what: "chunk 1".to_owned(),
    };
    let failed = all(streamed(
        8,
        vec![Ok(Bytes::from_static(b"0123")), Err(loss.clone())],
    ))
    .await;
    assert_eq!(failed.last().unwrap().as_ref().unwrap_err(), &loss);
    let longer = all(streamed(3, vec![Ok(Bytes::from_static(b"0123"))])).await;
    assert_eq!(longer[0].as_ref().unwrap_err().reason(), "BREACH");
}

#[tokio::test]
async fn dropping_the_pieces_withdraws_the_request() {
    let (interest, mut gone) = interest();
    let answer = Materialized {
        content: ContentHash::of(b"x"),
        size: 1,
        body: Body::Resident(Bytes::from_static(b"x")),
        trace: None,
    };
    let pieces = Pieces::of_answer(answer, interest, 4);
    assert!(matches!(
        gone.try_recv(),
        Err(oneshot::error::TryRecvError::Empty)
    ));
    drop(pieces);
    assert!(matches!(
        gone.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    ));
}
