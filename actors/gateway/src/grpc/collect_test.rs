#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn zero_means_the_default_and_none_has_to_be_said() {
    let grace = |grace_period_secs, no_grace| {
        let message = GcRequest {
            grace_period_secs,
            no_grace,
            ..GcRequest::default()
        };
        read(&message).map(|request| request.grace)
    };
    assert_eq!(grace(0, false), Ok(DEFAULT_GRACE));
    assert_eq!(grace(0, true), Ok(Duration::ZERO));
    assert_eq!(grace(7, false), Ok(Duration::from_secs(7)));
    assert!(matches!(grace(7, true), Err(Fault::Malformed { .. })));
    let plain = read(&GcRequest::default()).unwrap();
    assert_eq!(
        (plain.extent, plain.max_removals, plain.detail),
        (Extent::Remove, None, 0)
    );
}
