#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use deriva_system::scratch::MemoryScratch;
use proptest::prelude::*;

use super::tape::{header, parse};
use super::*;
use crate::budget::{Budget, BudgetLimits};
use crate::function::FunctionError;

fn budget(scratch_bytes: u64, files: &MemoryScratch) -> Budget {
    let limits = BudgetLimits {
        scratch_bytes,
        ..BudgetLimits::streaming()
    };
    let clock = Arc::new(|| Duration::ZERO);
    Budget::new(limits, clock).with_scratch(Arc::new(files.clone()))
}

type Pair = (Vec<u8>, Vec<u8>);

fn drain(mut sorted: Sorted, budget: &mut Budget) -> Result<Vec<Pair>, FunctionError> {
    let mut records = Vec::new();
    while sorted.advance(budget)? {
        records.push((sorted.key().to_vec(), sorted.payload().to_vec()));
    }
    assert!(!sorted.advance(budget)? && sorted.key().is_empty());
    sorted.release(budget);
    Ok(records)
}

fn records() -> impl Strategy<Value = Vec<Pair>> {
    let bytes = |longest| proptest::collection::vec(0u8..3, 0..longest);
    proptest::collection::vec((bytes(9), bytes(200)), 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn it_is_one_stable_sort_and_gives_everything_back(
        records in records(),
        descending: bool,
        first: bool,
        memory in 12_000u64..60_000,
    ) {
        let files = MemoryScratch::new(1 << 30);
        let mut budget = budget(memory, &files);
        let order = if descending { Order::Descending } else { Order::Ascending };
        let ties = if first { Ties::First } else { Ties::All };
        let mut sorter = Sorter::new(order, ties, 2);
        for (key, payload) in &records {
            sorter.push(key, payload, &mut budget).unwrap();
        }
        let found = drain(sorter.finish(&mut budget).unwrap(), &mut budget).unwrap();
        let mut expected = records;
        expected.sort_by(|a, b| order.of(a.0.cmp(&b.0)));
        if first {
            expected.dedup_by(|later, earlier| later.0 == earlier.0);
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(files.used(), 0);
        prop_assert_eq!(budget.scratch_left(), memory);
    }

    #[test]
    fn a_spool_gives_back_what_it_took_as_often_as_asked(
        records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..900), 0..60),
        memory in 8_000u64..40_000,
    ) {
        let files = MemoryScratch::new(1 << 30);
        let mut budget = budget(memory, &files);
        let mut spool = Spool::new(2);
        for record in &records {
            spool.record(record, &mut budget).unwrap();
        }
        let reel = spool.seal(&mut budget).unwrap();
        for _ in 0..2 {
            let mut cursor = reel.cursor(&mut budget).unwrap();
            for record in &records {
                prop_assert!(cursor.advance(&mut budget).unwrap());
                prop_assert_eq!(cursor.payload(), &record[..]);
            }
            prop_assert!(!cursor.advance(&mut budget).unwrap());
        }
        reel.release(&mut budget);
        prop_assert_eq!(files.used(), 0);
        prop_assert_eq!(budget.scratch_left(), memory);
    }

    #[test]
    fn keys_stand_in_the_order_of_their_cells(
        a in proptest::collection::vec(proptest::collection::vec(0u8..3, 0..5), 2),
        b in proptest::collection::vec(proptest::collection::vec(0u8..3, 0..5), 2),
    ) {
        let mut budget = budget(10_000, &MemoryScratch::new(0));
        let mut key = |row: &[Vec<u8>]| {
            let mut key = Key::default();
            for cell in row {
                key.cell(cell, &mut budget).unwrap();
            }
            key.bytes().to_vec()
        };
        let (left, right) = (key(&a), key(&b));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert_eq!(cells(&left), a);
    }

    #[test]
    fn numbers_stand_in_their_order(a: f64, b: f64) {
        prop_assume!(!a.is_nan() && !b.is_nan());
        prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.total_cmp(&b));
        prop_assert_eq!(unordered(ordered(a)).to_bits(), a.to_bits());
        prop_assert!(ordered(a) > 0);
    }

    #[test]
    fn lengths_are_read_as_they_were_written(key in 0usize..70_000, payload in 0usize..70_000) {
        let (head, len) = header(key, payload);
        let mut bytes = head[..len].to_vec();
        bytes.extend(vec![1; key]);
        bytes.extend(vec![2; payload]);
        bytes.push(3);
        let (k, p) = parse(&bytes);
        prop_assert_eq!((k.len(), p.len()), (key, payload));
        prop_assert!(k.iter().all(|byte| *byte == 1) && p.iter().all(|byte| *byte == 2));
    }

    #[test]
    fn bytes_that_nobody_wrote_are_a_fault_and_no_panic(
        piece in proptest::collection::vec(any::<u8>(), 1..60),
    ) {
        let mut budget = budget(1 << 20, &MemoryScratch::new(1 << 20));
        let mut tape = tape::Tape::new(&budget).unwrap();
        tape.push(&piece, &mut budget).unwrap();
        let mut cursor = Cursor::open(tape.since(0), 64, 40, &mut budget).unwrap();
        let mut read = 0;
        while let Ok(true) = cursor.advance(&mut budget) {
            read += 1;
        }
        prop_assert!(read <= piece.len());
        let (key, payload) = parse(&piece);
        prop_assert!(key.len() + payload.len() < piece.len());
    }
}
