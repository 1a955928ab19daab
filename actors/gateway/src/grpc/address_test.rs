#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{read, write};
use deriva_messages::Fault;
use deriva_model::CAddr;

#[test]
fn thirty_two_bytes_are_an_address() {
    let address = CAddr::of_leaf(b"x");
    assert_eq!(read("addr", &write(&address)).unwrap(), address);
}

#[test]
fn every_other_length_is_refused_with_what_was_expected_and_got() {
    for length in [0, 1, 31, 33, 64, 4096] {
        let Fault::Malformed { reason } = read("addr", &vec![0; length]).unwrap_err() else {
            unreachable!("another fault");
        };
        assert_eq!(
            reason,
            format!("addr: an address is 32 bytes, not {length}")
        );
    }
}

#[test]
fn hex_digits_are_recognized() {
    let fault = read("addr", CAddr::of_leaf(b"x").to_hex().as_bytes()).unwrap_err();
    assert!(fault.to_string().contains("hex digits"), "{fault}");
}
