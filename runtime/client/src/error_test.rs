#![allow(clippy::unwrap_used, clippy::expect_used)]

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::ClientError;

fn refusal(status: Status) -> super::Refusal {
    match ClientError::from_status(status, "http://here") {
        ClientError::Refused(refusal) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bare_status_still_has_words() {
    let bare = refusal(Status::new(Code::NotFound, ""));
    assert_eq!(bare.message, "the server answered NotFound");
    assert_eq!(
        (bare.reason.as_str(), bare.addr, bare.hint),
        ("", None, None)
    );
}

#[test]
fn a_help_link_is_a_hint_where_no_message_is() {
    let mut details = ErrorDetails::new();
    details.add_help_link("put it first", "https://example.org");
    let status = Status::with_error_details(Code::NotFound, "gone", details);
    assert_eq!(refusal(status).hint.as_deref(), Some("put it first"));
}

#[test]
fn a_malformed_address_in_the_details_is_no_address() {
    let mut details = ErrorDetails::new();
    details.set_error_info("R", "deriva", [("address".to_owned(), "12".to_owned())]);
    let status = Status::with_error_details(Code::NotFound, "gone", details);
    assert_eq!(refusal(status).addr, None);
}

#[test]
fn garbage_in_place_of_details_is_no_detail() {
    let status = Status::with_details(Code::Aborted, "failed", vec![0xff; 40].into());
    let refusal = refusal(status);
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (Code::Aborted, "failed")
    );
}

#[test]
fn a_stream_without_a_status_is_cut_off() {
    let status = Status::unknown("protocol error: missing grpc-status trailer, …");
    assert!(matches!(
        ClientError::from_status(status, "u"),
        ClientError::CutOff(_)
    ));
}
