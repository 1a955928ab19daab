#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{advice, code, retry_after, status};
use deriva_messages::{Failure, Fault};
use deriva_model::{CAddr, FunctionId};
use tonic::{Code, codegen::http::HeaderMap};
use tonic_types::StatusExt;

fn address(byte: u8) -> CAddr {
    CAddr::from_bytes([byte; 32])
}

fn failed(failure: Failure) -> Fault {
    Fault::FunctionFailed {
        recipe: address(7),
        function: FunctionId::new("csv_join", "1.0.0"),
        failure,
        message: "no such column".to_owned(),
    }
}

/// Every fault with the code that `api.md` gives it.
fn table() -> Vec<(Fault, Code)> {
    let text = || "why".to_owned();
    let (one, two) = (address(1), address(2));
    vec![
        (Fault::NotFound { address: one }, Code::NotFound),
        (Fault::missing_inputs(one, vec![two]), Code::NotFound),
        (Fault::Malformed { reason: text() }, Code::InvalidArgument),
        (
            Fault::RefusedRecipe { reason: text() },
            Code::InvalidArgument,
        ),
        (Fault::LeafIsRecipe { address: one }, Code::InvalidArgument),
        (
            Fault::OverLimit {
                what: text(),
                limit: 1,
                got: 2,
            },
            Code::ResourceExhausted,
        ),
        (
            Fault::Overloaded {
                what: text(),
                retry_after_ms: 50,
            },
            Code::ResourceExhausted,
        ),
        (failed(Failure::Refused), Code::FailedPrecondition),
        (failed(Failure::Panicked), Code::Aborted),
        (failed(Failure::OverBudget), Code::Aborted),
        (failed(Failure::TooSlow), Code::Aborted),
        (
            Fault::Nondeterministic {
                violation: Box::new(crate::grpc::test_node::caught()),
            },
            Code::FailedPrecondition,
        ),
        (
            Fault::DataLoss {
                address: one,
                what: text(),
            },
            Code::DataLoss,
        ),
        (
            Fault::StoreFull {
                free: 1,
                reserve: 2,
            },
            Code::ResourceExhausted,
        ),
        (Fault::StoreReadOnly { why: text() }, Code::Unavailable),
        (Fault::StoreFailed { why: text() }, Code::Unavailable),
        (Fault::Unavailable { what: text() }, Code::Unavailable),
        (Fault::Draining, Code::Unavailable),
        (Fault::Cancelled, Code::Cancelled),
        (Fault::DeadlineExceeded, Code::DeadlineExceeded),
        (Fault::Cycle { from: one, to: two }, Code::InvalidArgument),
        (
            Fault::TraceMismatch {
                step: 3,
                address: one,
                what: text(),
            },
            Code::FailedPrecondition,
        ),
        (
            Fault::InUse {
                address: one,
                by: two,
            },
            Code::FailedPrecondition,
        ),
        (Fault::Unsupported { what: text() }, Code::Unimplemented),
        (Fault::Breach { what: text() }, Code::Internal),
    ]
}

#[test]
fn every_fault_has_its_code_and_says_reason_address_and_advice() {
    for (fault, expected) in table() {
        let status = status(&fault);
        assert_eq!(status.code(), expected, "{fault}");
        assert_eq!(code(&fault), expected);
        assert_eq!(status.message(), fault.to_string());
        let details = status.get_error_details();
        let info = details.error_info().expect("an ErrorInfo");
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            (fault.reason(), "deriva")
        );
        let address = fault.address().map(|address| address.to_hex());
        assert_eq!(info.metadata.get("address").cloned(), address, "{fault}");
        let said = details.localized_message().expect("advice");
        assert_eq!(said.message, advice(&fault));
        let bad = details.bad_request().is_some();
        let form = matches!(
            fault.reason(),
            "MALFORMED" | "REFUSED_RECIPE" | "LEAF_IS_RECIPE"
        );
        assert_eq!(bad, form, "{fault}");
        let wait = details.retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(wait, retry_after(&fault), "{fault}");
    }
}

#[test]
fn the_table_knows_every_variant() {
    let reasons: std::collections::BTreeSet<&str> =
        table().iter().map(|(fault, _)| fault.reason()).collect();
    assert_eq!(reasons.len(), 22, "{reasons:?}");
}

#[test]
fn what_may_pass_by_itself_says_when_and_what_will_not_does_not() {
    for (fault, _) in table() {
        if fault.is_retryable() {
            assert!(retry_after(&fault).is_some(), "{fault}");
        }
    }
    assert_eq!(
        retry_after(&Fault::OverLimit {
            what: String::new(),
            limit: 1,
            got: 2
        }),
        None
    );
}

#[test]
fn missing_inputs_are_named() {
    let status = status(&Fault::missing_inputs(
        address(1),
        vec![address(2), address(3)],
    ));
    let details = status.get_error_details();
    let metadata = &details.error_info().expect("an ErrorInfo").metadata;
    let named = format!("{},{}", address(2), address(3));
    assert_eq!(metadata["missing"], named);
    assert_eq!(metadata["missing_count"], "2");
}

#[test]
fn the_longest_status_fits_into_headers() {
    let faults = [
        Fault::RefusedRecipe {
            reason: "ä".repeat(100_000),
        },
        Fault::missing_inputs(address(1), vec![address(2); 70_000]),
        Fault::FunctionFailed {
            recipe: address(1),
            function: FunctionId::new("n".repeat(65_536), "1"),
            failure: Failure::Refused,
            message: "\n".repeat(100_000),
        },
    ];
    for fault in faults {
        let mut headers = HeaderMap::new();
        status(&fault).add_header(&mut headers).expect("headers");
        let bytes: usize = headers
            .iter()
            .map(|(key, value)| key.as_str().len() + value.len())
            .sum();
        assert!(bytes < 12 * 1024, "{} bytes for {}", bytes, fault.reason());
    }
}

fn over(what: &str) -> Fault {
    Fault::OverLimit {
        what: what.to_owned(),
        limit: 1,
        got: 2,
    }
}

#[test]
fn advice_fits_what_went_wrong() {
    let inputs = over(&format!("{} concat@1.0.0", Fault::FUNCTION_INPUTS));
    assert!(advice(&inputs).contains("64 MiB of inputs"), "{inputs}");
    assert!(!advice(&inputs).contains("PutLeafStream"));
    assert!(!advice(&over("the graph")).contains("64 MiB"));
    let budget = advice(&failed(Failure::OverBudget));
    assert!(budget.contains("function_output") && budget.contains("function_seconds"));
    let mismatch = |what: &str| Fault::TraceMismatch {
        step: 0,
        address: address(1),
        what: what.to_owned(),
    };
    assert!(advice(&mismatch(Fault::OTHER_ROOT)).contains("another address"));
    assert!(advice(&mismatch("another output")).contains("not deterministic"));
}
