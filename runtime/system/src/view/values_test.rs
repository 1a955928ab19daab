//! Values from their arrival on, the bound of what arrived, and cutoffs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Landing, Origin, Produced, Resident, Source, ValueView};
use bytes::Bytes;
use deriva_model::{CAddr, ContentHash, Cost, CutoffKey, FunctionId, Record};
use std::{sync::Arc, time::Duration};

fn address(name: u8) -> CAddr {
    CAddr::of_leaf(&[name])
}

fn key(name: u8) -> CutoffKey {
    CutoffKey::from_bytes([name; 32])
}

fn value(recipe: u8, cutoff: u8, origin: Origin) -> Arc<Resident> {
    let bytes = Bytes::from(vec![recipe; 100]);
    let record = Record {
        recipe: address(recipe),
        function: FunctionId::new("f", "1").into(),
        inputs: Vec::new(),
        output: ContentHash::of(&bytes),
        size: bytes.len() as u64,
        cost: Cost::default(),
    };
    Arc::new(Resident::new(bytes, Arc::new(record), key(cutoff), origin))
}

fn produced(view: &ValueView, recipe: u8) -> Produced {
    Produced {
        address: address(recipe),
        value: value(recipe, recipe, Origin::Stored),
        source: Source::Computed,
        begun: view.invalidation_number(),
    }
}

/// A value that is in and booked.
fn put(view: &ValueView, address: CAddr, value: Arc<Resident>) {
    view.offer(Produced {
        address,
        value,
        source: Source::Computed,
        begun: view.invalidation_number(),
    });
    assert_eq!(view.take_arrivals(1).len(), 1);
}

#[test]
fn a_value_is_found_from_its_arrival_on() {
    let view = ValueView::new(1 << 20);
    assert!(view.get(&address(1)).is_none());
    assert_eq!(view.offer(produced(&view, 1)), Landing::Ring);
    assert_eq!(view.offer(produced(&view, 2)), Landing::Queued);
    assert!(view.get(&address(1)).is_some());
    assert!(view.cutoff(&key(1)).is_some(), "by its cutoff too");
    let arrived: Vec<CAddr> = view
        .take_arrivals(9)
        .iter()
        .map(|new| new.address)
        .collect();
    assert_eq!(arrived, [address(1), address(2)]);
    assert_eq!((view.len(), view.arrived()), (2, 0));
    assert!(view.get(&address(1)).is_some() && view.cutoff(&key(1)).is_some());
    // The next one after the owner took all rings again.
    assert_eq!(view.offer(produced(&view, 3)), Landing::Ring);
}

#[test]
fn a_bell_that_nobody_heard_is_rung_by_the_next_that_arrives() {
    let view = ValueView::new(1 << 20);
    assert_eq!(view.offer(produced(&view, 1)), Landing::Ring);
    view.unheard();
    assert_eq!(view.offer(produced(&view, 2)), Landing::Ring);
    assert_eq!(view.offer(produced(&view, 3)), Landing::Queued);
}

#[test]
fn one_that_takes_anothers_place_takes_its_line() {
    let view = ValueView::new(1 << 20);
    let before = value(1, 1, Origin::Stored);
    put(&view, address(1), before.clone());
    assert_eq!(before.line(), None);
    view.while_there(&address(1), |there| there.set_line(7))
        .unwrap();
    assert_eq!(before.line(), Some(7));
    // The same content again leaves the one that is there.
    view.offer(produced(&view, 1));
    assert!(Arc::ptr_eq(&view.peek(&address(1)).unwrap(), &before));
    let other = Produced {
        value: value(2, 1, Origin::Stored),
        ..produced(&view, 1)
    };
    let there = other.value.clone();
    view.offer(other);
    assert!(Arc::ptr_eq(&view.peek(&address(1)).unwrap(), &there));
    assert_eq!(there.line(), Some(7));
    assert_eq!(view.while_there(&address(2), |_| ()), None);
}

#[test]
fn what_arrives_while_the_owner_works_is_told_again() {
    let view = ValueView::new(1 << 20);
    for recipe in 1..=3 {
        view.offer(produced(&view, recipe));
    }
    assert_eq!(view.take_arrivals(2).len(), 2);
    assert_eq!(
        view.offer(produced(&view, 4)),
        Landing::Queued,
        "one is left"
    );
    assert_eq!(view.take_arrivals(9).len(), 2);
    assert_eq!(view.offer(produced(&view, 1)), Landing::Ring);
    assert_eq!(view.take_arrivals(9).len(), 1, "the same one arrives again");
}

#[test]
fn more_than_the_bound_is_not_let_in_before_the_owner_came_not_even_if_it_is_empty() {
    let one = value(1, 1, Origin::Stored).weight();
    let view = ValueView::new(one * 10);
    for recipe in 0..10 {
        // The owner is told of the first, and of all that take more than half of the room.
        let expected = match recipe {
            1..5 => Landing::Queued,
            _ => Landing::Ring,
        };
        assert_eq!(view.offer(produced(&view, recipe)), expected);
        assert_eq!(view.is_pressed(), recipe >= 5);
    }
    assert_eq!(view.offer(produced(&view, 11)), Landing::Refused);
    assert!(view.get(&address(11)).is_none());
    assert_eq!(view.take_arrivals(6).len(), 6);
    assert!(!view.is_pressed());
    assert_eq!(view.offer(produced(&view, 11)), Landing::Queued);
    assert!(view.get(&address(11)).is_some());
    let empty = Resident::new(
        Bytes::new(),
        value(1, 1, Origin::Stored).record.clone(),
        key(1),
        Origin::Stored,
    );
    assert!(empty.weight() > 0);
}

#[test]
fn of_two_equal_values_the_first_stays_and_learns() {
    let view = ValueView::new(1 << 20);
    let first = Produced {
        value: value(1, 1, Origin::Transient),
        ..produced(&view, 1)
    };
    view.offer(first.clone());
    let second = produced(&view, 1);
    second.value.mark_verified();
    view.offer(second);
    let there = view.peek(&address(1)).unwrap();
    assert!(Arc::ptr_eq(&there, &first.value));
    assert!(there.is_durable() && there.is_verified());
}

#[test]
fn a_value_that_was_cut_off_leaves_the_key_to_the_one_that_was_computed() {
    let view = ValueView::new(1 << 20);
    let costing = |recipe: u8, nanos: u64| {
        let mut record = (*value(recipe, 7, Origin::Stored).record).clone();
        record.cost.wall_nanos = nanos;
        let bytes = Bytes::from(vec![recipe; 100]);
        let value = Resident::new(bytes, Arc::new(record), key(7), Origin::Stored);
        Produced {
            value: Arc::new(value),
            ..produced(&view, recipe)
        }
    };
    view.offer(costing(1, 70));
    view.offer(costing(2, 0));
    assert_eq!(view.cutoff(&key(7)).unwrap().record.recipe, address(1));
    assert_eq!(view.cutoff_nanos(&key(7)), 70);
    view.offer(costing(3, 80));
    assert_eq!(view.cutoff(&key(7)).unwrap().record.recipe, address(3));
}

#[test]
fn only_what_is_stored_answers_by_address_alone() {
    let view = ValueView::new(1 << 20);
    put(&view, address(1), value(1, 1, Origin::Transient));
    put(&view, address(2), value(2, 2, Origin::Stored));
    assert!(view.warm(&address(1)).is_none());
    assert!(view.warm(&address(2)).is_some());
    assert!(view.warm(&address(3)).is_none());
    view.get(&address(1)).unwrap().mark_durable();
    assert!(view.warm(&address(1)).is_some());
    view.count(0, 1);
    assert_eq!(view.lookups(), (2, 1));
}

#[test]
fn a_cutoff_names_a_value_that_has_it() {
    let view = ValueView::new(1 << 20);
    put(&view, address(1), value(1, 7, Origin::Stored));
    put(&view, address(2), value(2, 7, Origin::Stored));
    assert_eq!(view.cutoff(&key(7)).unwrap().record.recipe, address(1));
    // The one that holds the entry takes it along; another's going leaves it.
    view.remove(&address(2)).unwrap();
    assert!(view.cutoff(&key(7)).is_some());
    view.remove(&address(1)).unwrap();
    assert!(view.cutoff(&key(7)).is_none());
    // A value that came out otherwise is not answered for what it was before.
    put(&view, address(3), value(3, 8, Origin::Stored));
    put(&view, address(3), value(4, 9, Origin::Stored));
    assert!(view.cutoff(&key(8)).is_none());
    assert!(view.cutoff(&key(9)).is_some());
}

#[test]
fn uses_and_what_they_saved_are_counted() {
    let view = ValueView::new(1 << 20);
    put(&view, address(1), value(1, 1, Origin::Stored));
    for _ in 0..100 {
        assert!(view.get(&address(1)).is_some());
    }
    let resident = view.peek(&address(1)).unwrap();
    assert_eq!(resident.uses(), 101, "a peek is no use");
    resident.add_uses(7);
    assert_eq!(resident.uses(), 108);
    resident.add_uses(u32::MAX);
    assert!(view.get(&address(1)).is_some());
    assert_eq!(resident.uses(), u32::MAX);

    assert_eq!((view.lookups(), view.saved()), ((0, 0), Duration::ZERO));
    resident.set_recompute_nanos(250);
    for _ in 0..4 {
        assert!(view.warm(&address(1)).is_some());
    }
    assert_eq!(view.lookups(), (4, 0));
    assert_eq!(view.saved(), Duration::from_micros(1));
}

#[test]
fn what_a_cutoff_key_stands_for_has_a_cost() {
    let view = ValueView::new(1 << 20);
    assert_eq!(view.cutoff_nanos(&key(5)), 0);
    let twin = value(1, 5, Origin::Stored);
    twin.set_recompute_nanos(70);
    put(&view, address(1), twin);
    assert_eq!(view.cutoff_nanos(&key(5)), 70);
    view.remove(&address(1));
    assert_eq!(view.cutoff_nanos(&key(5)), 0);
}

#[test]
fn an_invalidated_value_is_gone_and_does_not_come_back() {
    let view = ValueView::new(1 << 20);
    let late = produced(&view, 1);
    view.offer(produced(&view, 1));
    let window = view.invalidations().begin(vec![address(1)]);
    assert_eq!(view.size_of(&address(1)), Some(100));
    assert!(view.unlink(&address(1)).is_some());
    assert_eq!(view.size_of(&address(1)), None);
    assert_eq!(view.offer(produced(&view, 1)), Landing::Stale, "under way");
    drop(window);
    assert!(view.get(&address(1)).is_none() && view.cutoff(&key(1)).is_none());
    assert_eq!(view.offer(late), Landing::Stale);
    assert_eq!(view.take_arrivals(9).len(), 1, "it arrived, and went");
    assert_eq!(view.offer(produced(&view, 1)), Landing::Ring);
    assert!(view.get(&address(1)).is_some());
}

/// A value comes in or is invalidated, and whatever the order, it is not there when both are over and
/// the invalidation came last to its number.
#[test]
fn what_began_before_an_invalidation_never_outlives_it() {
    let view = ValueView::new(1 << 20);
    for round in 0..2000_u32 {
        let name = (round % 200) as u8;
        let late = produced(&view, name);
        std::thread::scope(|scope| {
            scope.spawn(|| view.offer(late));
            let window = view.invalidations().begin(vec![address(name)]);
            view.unlink(&address(name));
            window.finish(&[address(name)]);
        });
        assert!(view.get(&address(name)).is_none(), "round {round}");
        assert!(view.cutoff(&key(name)).is_none());
    }
}
