use super::*;
use deriva_model::{Consumed, ContentHash, Cost, FunctionId};

fn address(byte: u8) -> CAddr {
    CAddr::from_bytes([byte; 32])
}

fn record(recipe: u8, inputs: &[u8]) -> Record {
    Record {
        recipe: address(recipe),
        function: FunctionId::new("f", "1"),
        inputs: inputs
            .iter()
            .map(|input| Consumed {
                address: address(*input),
                content: ContentHash::of(b"input"),
            })
            .collect(),
        output: ContentHash::of(b"output"),
        size: 6,
        cost: Cost::default(),
    }
}

#[test]
fn what_began_before_and_is_or_consumed_the_address_is_covered() {
    let invalidations = Invalidations::default();
    let before = invalidations.number();
    invalidations.add(address(1));
    let after = invalidations.number();
    let table = [
        (record(1, &[9]), before, true),
        (record(2, &[9, 1]), before, true),
        (record(2, &[9]), before, false),
        (record(1, &[9]), after, false),
        (record(2, &[1]), after, false),
    ];
    for (record, begun, covered) in table {
        assert_eq!(
            invalidations.cover(&record, begun),
            covered,
            "{record:?} {begun}"
        );
    }
}

#[test]
fn what_is_forgotten_covers_everything_older() {
    let invalidations = Invalidations::remembering(2);
    let first = invalidations.number();
    for byte in 1..=3 {
        invalidations.add(address(byte));
    }
    // Address 1 is forgotten: it covers by the floor, also what it has nothing to do with.
    assert!(invalidations.cover(&record(9, &[]), first));
    // What began after the forgotten one is judged by the remembered ones alone.
    assert!(!invalidations.cover(&record(9, &[]), first + 1));
    assert!(invalidations.cover(&record(9, &[3]), first + 1));
    assert!(!invalidations.cover(&record(9, &[1]), first + 1));
}

#[test]
fn an_address_invalidated_again_is_remembered_by_its_latest_number() {
    let invalidations = Invalidations::remembering(2);
    invalidations.add(address(1));
    invalidations.add(address(1));
    let between = 1;
    invalidations.add(address(2));
    assert!(invalidations.cover(&record(1, &[]), between));
}
