#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use super::RetryPolicy;
use crate::{ClientError, Refusal};
use tonic::Code;

fn refused(code: Code, retry_after: Option<Duration>) -> ClientError {
    ClientError::Refused(Box::new(Refusal {
        code,
        message: String::new(),
        reason: String::new(),
        addr: None,
        hint: None,
        retry_after,
    }))
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn waits_double_up_to_the_longest_and_then_end() {
    let policy = RetryPolicy {
        attempts: 5,
        first_wait: 100 * MS,
        longest_wait: 300 * MS,
    };
    let error = refused(Code::Unavailable, None);
    let waits = (1..=5)
        .map(|made| policy.wait_after(made, &error))
        .collect::<Vec<_>>();
    let expected = [
        Some(100 * MS),
        Some(200 * MS),
        Some(300 * MS),
        Some(300 * MS),
        None,
    ];
    assert_eq!(waits, expected);
}

#[test]
fn a_server_that_asks_for_more_is_given_it_up_to_the_longest() {
    let policy = RetryPolicy {
        attempts: 9,
        first_wait: 100 * MS,
        longest_wait: 300 * MS,
    };
    let asked = |ms| refused(Code::ResourceExhausted, Some(ms * MS));
    assert_eq!(policy.wait_after(1, &asked(250)), Some(250 * MS));
    assert_eq!(policy.wait_after(1, &asked(9999)), Some(300 * MS));
}

#[test]
fn many_attempts_do_not_overflow() {
    let policy = RetryPolicy {
        attempts: u32::MAX,
        ..RetryPolicy::brief()
    };
    let error = refused(Code::Unavailable, None);
    assert_eq!(policy.wait_after(1000, &error), Some(policy.longest_wait));
}

#[test]
fn refusals_are_final() {
    let policy = RetryPolicy::brief();
    for code in [
        Code::NotFound,
        Code::InvalidArgument,
        Code::DataLoss,
        Code::ResourceExhausted,
    ] {
        assert_eq!(policy.wait_after(1, &refused(code, None)), None, "{code:?}");
    }
    assert_eq!(
        RetryPolicy::none().wait_after(1, &refused(Code::Unavailable, None)),
        None
    );
}
