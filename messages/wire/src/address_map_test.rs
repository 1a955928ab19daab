#![allow(clippy::unwrap_used)]

use super::{AddressMap, AddressSet, Spread};
use deriva_model::CAddr;
use std::hash::BuildHasher;

fn address(number: u64) -> CAddr {
    CAddr::of_leaf(&number.to_be_bytes())
}

#[test]
fn what_is_put_in_is_found_and_nothing_else() {
    let mut map = AddressMap::default();
    for number in 0..10_000 {
        map.insert(address(number), number);
    }
    for number in 0..10_000 {
        assert_eq!(map.get(&address(number)), Some(&number));
        assert_eq!(map.get(&address(number + 10_000)), None);
    }
}

/// Among so many hashes of 64 bits two are hardly ever alike, and the low bits, which choose the
/// place, and the high ones, which tell neighbours apart, fill evenly.
#[test]
fn hashes_differ_and_fill_high_and_low_bits_evenly() {
    const KEYS: u64 = 1 << 16;
    let spread = Spread::default();
    let hashes: AddressSet<CAddr> = (0..KEYS).map(address).collect();
    let mut low = vec![0_u32; 256];
    let mut high = vec![0_u32; 128];
    let mut seen = std::collections::HashSet::new();
    for key in &hashes {
        let hash = spread.hash_one(key);
        seen.insert(hash);
        low[(hash & 255) as usize] += 1;
        high[(hash >> 57) as usize] += 1;
    }
    assert_eq!(seen.len() as u64, KEYS);
    // Some 256 and 512 are expected; eight deviations are never seen by chance.
    assert!(
        low.iter().all(|count| (128..=384).contains(count)),
        "{low:?}"
    );
    assert!(
        high.iter().all(|count| (331..=693).contains(count)),
        "{high:?}"
    );
}

#[test]
fn two_tables_spread_differently() {
    let key = address(1);
    let hashes: Vec<u64> = (0..4).map(|_| Spread::default().hash_one(key)).collect();
    assert!(hashes.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn the_same_address_under_two_kinds_hashes_differently() {
    #[derive(Hash)]
    enum Kind {
        One,
        Other,
    }
    let spread = Spread::default();
    let (one, other) = (
        spread.hash_one((address(1), Kind::One)),
        spread.hash_one((address(1), Kind::Other)),
    );
    assert_ne!(one, other);
}
