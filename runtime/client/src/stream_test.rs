//! What the client believes of a value that arrives.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn said(value: &[u8]) -> Bytes {
    Bytes::copy_from_slice(ContentHash::of(value).as_bytes())
}

#[test]
fn what_a_value_is_holds_for_all_that_came() {
    let mut arrived = Arrived::default();
    arrived.take(&"hello".into(), &Bytes::new()).unwrap();
    assert_eq!(arrived.content, None);
    arrived.take(&"!".into(), &said(b"hello!")).unwrap();
    assert_eq!(arrived.content, Some(ContentHash::of(b"hello!")));
    // The last message of an evaluation names a leaf and has no bytes.
    arrived.take(&Bytes::new(), &Bytes::new()).unwrap();
    let late = arrived.take(&"more".into(), &Bytes::new());
    assert!(matches!(late, Err(ClientError::Malformed(_))), "{late:?}");
}
