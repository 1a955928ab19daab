#![allow(clippy::unwrap_used, clippy::expect_used)]

use deriva_model::CAddr;

use super::{super::args::Format, Target, only, short};

fn addr(byte: u8) -> CAddr {
    CAddr::from_bytes([byte; 32])
}

#[test]
fn whole_addresses_and_prefixes_are_told_apart() {
    let hex = addr(0xab).to_string();
    assert_eq!(hex.parse(), Ok(Target::Whole(addr(0xab))));
    assert_eq!(hex[..8].parse(), Ok(Target::Prefix("abababab".to_owned())));
    assert_eq!(hex[..63].parse(), Ok(Target::Prefix(hex[..63].to_owned())));
}

#[test]
fn what_is_neither_is_told_why() {
    let cases = [
        ("", "too few"),
        ("abababa", "too few"),
        ("ABABABAB", "lower-case"),
        ("abababag", "hex digits"),
        ("äääääääää", "hex digits"),
    ];
    for (text, why) in cases {
        let said = text.parse::<Target>().unwrap_err();
        assert!(said.contains(why), "{text}: {said}");
    }
    for text in [
        format!("{}0", addr(1)),
        addr(0xab).to_string().to_uppercase(),
    ] {
        assert!(text.parse::<Target>().is_err(), "{text}");
    }
}

#[test]
fn a_prefix_stands_for_one_address_only() {
    assert_eq!(only("01010101", &[addr(1)]).unwrap(), addr(1));
    let none = only("01010101", &[])
        .unwrap_err()
        .words(Format::Text)
        .unwrap();
    assert!(
        none.contains("no stored address begins with 01010101"),
        "{none}"
    );
    let two = only("01010101", &[addr(1), addr(2)]).unwrap_err();
    let words = two.words(Format::Text).unwrap();
    assert!(words.contains(&addr(1).to_string()) && words.contains(&addr(2).to_string()));
    assert!(words.contains("ambiguous"), "{words}");
    assert_eq!(two.exit_code(), 1);
}

#[test]
fn short_is_for_the_eye() {
    assert_eq!(short(&addr(0xab)), "abababababab");
}
