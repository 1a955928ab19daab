#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Piece, Pieces};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Body, Interest, Materialized, Part, Whole},
};
use deriva_model::ContentHash;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::StreamExt;

fn interest() -> (Interest, oneshot::Receiver<()>) {
    let (held, gone) = oneshot::channel();
    (Interest { held }, gone)
}

fn whole(size: u64) -> Whole {
    Whole {
        content: ContentHash::of(b"the value"),
        size,
    }
}

fn of_parts(known: Option<Whole>, parts: Vec<Result<Part, Fault>>) -> Pieces {
    let (give, take) = mpsc::channel(parts.len().max(1));
    for part in parts {
        give.try_send(part).unwrap();
    }
    let answer = Materialized {
        whole: known,
        body: Body::Parts(take),
        trace: None,
    };
    Pieces::of_answer(answer, interest().0, 4)
}

fn streamed(size: u64, chunks: Vec<Result<Bytes, Fault>>) -> Pieces {
    let parts = chunks.into_iter().map(|chunk| chunk.map(Part::Bytes));
    of_parts(Some(whole(size)), parts.collect())
}

async fn all(pieces: Pieces) -> Vec<Result<Piece, Fault>> {
    pieces.collect().await
}

/// The pieces as text, and what the last of them says that the value is.
async fn told(pieces: Pieces) -> (Vec<String>, Option<ContentHash>) {
    let pieces: Vec<Piece> = pieces.map(Result::unwrap).collect().await;
    let (last, before) = pieces.split_last().unwrap();
    assert!(before.iter().all(|piece| piece.content.is_none()));
    let text = |piece: &Piece| String::from_utf8(piece.bytes.to_vec()).unwrap();
    (pieces.iter().map(text).collect(), last.content)
}

#[tokio::test]
async fn bytes_are_cut_without_copying() {
    let bytes = Bytes::from_static(b"0123456789");
    let pieces: Vec<Bytes> = Pieces::of(bytes.clone(), 4)
        .map(|piece| piece.unwrap().bytes)
        .collect()
        .await;
    assert_eq!(pieces, ["0123", "4567", "89"]);
    assert_eq!(pieces[1].as_ptr(), bytes[4..].as_ptr());
}

#[tokio::test]
async fn a_piece_length_of_zero_and_an_empty_value_both_end() {
    assert_eq!(all(Pieces::of(Bytes::from_static(b"ab"), 0)).await.len(), 2);
    assert!(all(Pieces::of(Bytes::new(), 4)).await.is_empty());
    let empty = told(streamed(0, vec![])).await;
    assert_eq!(empty, (vec![String::new()], Some(whole(0).content)));
}

#[tokio::test]
async fn chunks_are_cut_each_by_itself_and_empty_ones_skipped() {
    let chunks = ["01234", "", "56"].map(|text| Ok(Bytes::from_static(text.as_bytes())));
    let (pieces, content) = told(streamed(7, chunks.to_vec())).await;
    assert_eq!(pieces, ["0123", "4", "56"]);
    assert_eq!(content, Some(whole(7).content));
}

#[tokio::test]
async fn a_value_in_memory_says_what_it_is_with_its_last_piece() {
    let content = ContentHash::of(b"01234");
    let pieces = Pieces::of_value(content, Bytes::from_static(b"01234"), 4);
    assert_eq!(
        told(pieces).await,
        (vec!["0123".to_owned(), "4".to_owned()], Some(content))
    );
}

#[tokio::test]
async fn a_provisional_value_says_at_its_end_what_it_is() {
    let bytes = || Ok(Part::Bytes(Bytes::from_static(b"0123")));
    let complete = of_parts(None, vec![bytes(), bytes(), Ok(Part::Whole(whole(8)))]);
    let (pieces, content) = told(complete).await;
    assert_eq!(pieces, ["0123", "0123", ""]);
    assert_eq!(content, Some(whole(8).content));
    let empty = of_parts(None, vec![Ok(Part::Whole(whole(0)))]);
    assert_eq!(told(empty).await.1, Some(whole(0).content));
}

#[tokio::test]
async fn a_provisional_value_without_a_right_end_is_no_value() {
    let bytes = || Ok(Part::Bytes(Bytes::from_static(b"0123")));
    let ends = [
        (vec![bytes()], "UNAVAILABLE"),
        (vec![bytes(), Ok(Part::Whole(whole(5)))], "UNAVAILABLE"),
        (vec![bytes(), Ok(Part::Whole(whole(3)))], "BREACH"),
        (vec![bytes(), Err(Fault::Cancelled)], "CANCELLED"),
        (vec![], "UNAVAILABLE"),
    ];
    for (parts, reason) in ends {
        let given = all(of_parts(None, parts)).await;
        let (last, before) = given.split_last().unwrap();
        assert_eq!(last.as_ref().unwrap_err().reason(), reason);
        let quiet = |piece: &Result<Piece, Fault>| piece.as_ref().unwrap().content.is_none();
        assert!(before.iter().all(quiet));
    }
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
        whole: Some(whole(1)),
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
