#![allow(clippy::unwrap_used)]

use super::*;

fn read(text: &str) -> Option<Verification> {
    text.parse().ok()
}

fn sampled(parts: u32) -> Verification {
    Verification::Sampled(Rate::new(parts).unwrap())
}

#[test]
fn every_form_is_read_and_written_back() {
    for (text, verification) in [
        ("off", Verification::Off),
        ("dual", Verification::Dual),
        ("sampled:0", sampled(0)),
        ("sampled:0.01", sampled(10_000)),
        ("sampled:0.000001", sampled(1)),
        ("sampled:0.5", sampled(500_000)),
        ("sampled:0.999999", sampled(999_999)),
        ("sampled:1", sampled(Rate::ALL)),
    ] {
        assert_eq!(read(text), Some(verification), "{text}");
        assert_eq!(verification.to_string(), text);
    }
    assert_eq!(read("sampled:1.0"), Some(sampled(Rate::ALL)));
    assert_eq!(read("sampled:0.10"), Some(sampled(100_000)));
}

#[test]
fn anything_else_is_refused() {
    for text in [
        "",
        "on",
        "Dual",
        "dual ",
        "sampled",
        "sampled:",
        "sampled:.5",
        "sampled:1.",
        "sampled:2",
        "sampled:1.000001",
        "sampled:-0.5",
        "sampled:+1",
        "sampled:0.0000001",
        "sampled:1e-2",
        "sampled:0,5",
        "sampled:00.5",
        "sampled:0.5.5",
        "sampled:٣",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    assert!(NoVerification.to_string().contains("sampled:0.01"));
}

#[test]
fn the_stricter_is_the_greater() {
    let rising = [
        Verification::Off,
        sampled(0),
        sampled(1),
        sampled(Rate::ALL),
        Verification::Dual,
    ];
    assert!(rising.is_sorted());
    assert_eq!(Rate::new(Rate::ALL + 1), None);
}
