use super::*;
use deriva_model::{Consumed, ContentHash, Cost, FunctionId};

fn address(byte: u8) -> CAddr {
    CAddr::from_bytes([byte; 32])
}

fn record(recipe: u8, inputs: &[u8]) -> Record {
    Record {
        recipe: address(recipe),
        function: FunctionId::new("f", "1").into(),
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

fn invalidate(invalidations: &Arc<Invalidations>, address: CAddr) {
    invalidations.begin(vec![address]).finish(&[address]);
}

#[test]
fn what_began_before_and_is_or_consumed_the_address_is_covered() {
    let invalidations = Arc::new(Invalidations::default());
    let before = invalidations.number();
    invalidate(&invalidations, address(1));
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
    let invalidations = Arc::new(Invalidations::remembering(2));
    let first = invalidations.number();
    for byte in 1..=3 {
        invalidate(&invalidations, address(byte));
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
    let invalidations = Arc::new(Invalidations::remembering(2));
    invalidate(&invalidations, address(1));
    invalidate(&invalidations, address(1));
    let between = 1;
    invalidate(&invalidations, address(2));
    assert!(invalidations.cover(&record(1, &[]), between));
}

#[test]
fn what_is_being_invalidated_is_covered_whenever_it_began() {
    let invalidations = Arc::new(Invalidations::default());
    let begun = invalidations.number();
    let window = invalidations.begin(vec![address(1), address(2)]);
    let again = invalidations.begin(vec![address(1)]);
    for now in [begun, begun + 7] {
        assert!(invalidations.cover(&record(1, &[]), now));
        assert!(invalidations.cover(&record(9, &[2]), now));
        assert!(!invalidations.cover(&record(9, &[3]), now));
    }
    let number = window.finish(&[address(1)]);
    assert!(invalidations.cover(&record(1, &[]), number), "twice open");
    assert!(!invalidations.cover(&record(2, &[]), begun), "it stayed");
    let last = again.finish(&[address(1)]);
    assert!(!invalidations.cover(&record(1, &[]), last));
    assert!(invalidations.cover(&record(1, &[]), number));
    // One that was cut off covers what it began with.
    drop(invalidations.begin(vec![address(3)]));
    assert!(invalidations.cover(&record(9, &[3]), last));
    assert!(!invalidations.cover(&record(9, &[3]), invalidations.number()));
}

#[test]
fn more_than_are_remembered_cover_everything_older() {
    let invalidations = Arc::new(Invalidations::remembering(2));
    let many: Vec<CAddr> = (1..=3).map(address).collect();
    let number = invalidations.begin(many.clone()).finish(&many);
    assert!(invalidations.cover(&record(9, &[]), number - 1));
    assert!(!invalidations.cover(&record(1, &[]), number));
}
