#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{AddressError, CAddr, ContentHash};

const HEX: &str = "dc5a4edb8240b018124052c330270696f96771a63b45250a5c17d3000e823355";

#[test]
fn the_leaf_of_the_laws_has_its_address() {
    let address = CAddr::of_leaf(b"hello world\n");
    assert_eq!(address.to_string(), HEX);
    assert_eq!(address.to_hex(), HEX);
    assert_eq!(format!("{address:?}"), format!("CAddr({HEX})"));
    assert_eq!(CAddr::parse_hex(HEX), Ok(address));
    assert_eq!(CAddr::try_from_slice(address.as_bytes()), Ok(address));
    assert_eq!(address.as_content(), ContentHash::of(b"hello world\n"));
    assert_eq!(address.as_content().as_leaf_address(), address);
    assert_eq!(
        format!("{:?}", address.as_content()),
        format!("ContentHash({HEX})")
    );
}

#[test]
fn other_lengths_are_refused_with_both_lengths() {
    for got in [0, 31, 33, 64] {
        let refusal = CAddr::try_from_slice(&vec![7; got]);
        assert_eq!(
            refusal,
            Err(AddressError::WrongLength { expected: 32, got })
        );
    }
}

#[test]
fn every_malformed_text_has_its_own_refusal() {
    let short = AddressError::HexTooShort { got: 63 };
    assert_eq!(CAddr::parse_hex(&HEX[1..]), Err(short));
    assert_eq!(
        CAddr::parse_hex(""),
        Err(AddressError::HexTooShort { got: 0 })
    );
    let long = AddressError::HexTooLong { got: 65 };
    assert_eq!(CAddr::parse_hex(&format!("{HEX}0")), Err(long));
    let upper = AddressError::UpperCase { at: 0, digit: 'D' };
    assert_eq!(CAddr::parse_hex(&HEX.replacen('d', "D", 1)), Err(upper));
    let bad = AddressError::BadDigit { at: 63, digit: 'g' };
    assert_eq!(CAddr::parse_hex(&format!("{}g", &HEX[..63])), Err(bad));
    let wide = AddressError::BadDigit { at: 0, digit: 'é' };
    assert_eq!(CAddr::parse_hex(&format!("é{}", &HEX[2..])), Err(wide));
    let space = AddressError::BadDigit { at: 0, digit: ' ' };
    assert_eq!(CAddr::parse_hex(&format!(" {}", &HEX[1..])), Err(space));
}
