use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const CONFIG: CacheConfig = CacheConfig {
    memory_bytes: 1000,
    memory_values: 5,
    disk_bytes: 100_000,
};

fn address(byte: u8) -> CAddr {
    CAddr::from_bytes([byte; 32])
}

fn arrival() -> Arrival {
    Arrival {
        size: 100,
        weight: 200,
        wall_nanos: 1_000_000,
        recipe: RecipeAt::Stored,
        source: Source::Computed,
    }
}

#[test]
fn only_what_costs_more_than_its_writing_goes_to_disk() {
    let dear = arrival();
    let cost_of_writing = WRITE_NANOS + 100 * WRITE_NANOS_PER_BYTE;
    let table = [
        (dear, Place::Taken),
        (
            Arrival {
                wall_nanos: cost_of_writing,
                ..dear
            },
            Place::Refused,
        ),
        (
            Arrival {
                wall_nanos: cost_of_writing + 1,
                ..dear
            },
            Place::Taken,
        ),
        (
            Arrival {
                wall_nanos: 0,
                ..dear
            },
            Place::Refused,
        ),
        // Its recipe is not stored; it came from there; it is too large a part.
        (
            Arrival {
                recipe: RecipeAt::Elsewhere,
                ..dear
            },
            Place::Refused,
        ),
        (
            Arrival {
                source: Source::Disk,
                ..dear
            },
            Place::Refused,
        ),
        (
            Arrival {
                size: 25_000,
                wall_nanos: u64::MAX,
                ..dear
            },
            Place::Refused,
        ),
        (
            Arrival {
                size: u64::MAX,
                wall_nanos: u64::MAX,
                ..dear
            },
            Place::Refused,
        ),
    ];
    for (arrival, expected) in table {
        assert_eq!(place(&arrival, &CONFIG).disk, expected, "{arrival:?}");
    }
}

#[test]
fn memory_takes_what_is_no_large_part_of_it() {
    let table = [
        (0, Place::Taken),
        (250, Place::Taken),
        (251, Place::Refused),
    ];
    for (weight, expected) in table {
        let arrival = Arrival {
            weight,
            ..arrival()
        };
        assert_eq!(place(&arrival, &CONFIG).memory, expected, "{weight}");
    }
    let none = CacheConfig {
        memory_values: 0,
        ..CONFIG
    };
    assert_eq!(place(&arrival(), &none).memory, Place::Refused);
}

#[test]
fn the_oldest_goes_unless_it_was_hit() {
    let mut ledger = Ledger::new(CONFIG);
    for byte in 0..5 {
        ledger.admit(address(byte), 100, 10);
    }
    assert_eq!(ledger.evict(|_| false), []);
    ledger.admit(address(5), 100, 10);
    // 0 and 1 were hit, so they are spared this time, and 2 goes.
    let mut hit = HashSet::from([address(0), address(1)]);
    assert_eq!(ledger.evict(|address| hit.remove(address)), [address(2)]);
    ledger.admit(address(6), 100, 10);
    ledger.admit(address(7), 100, 10);
    assert_eq!(ledger.evict(|_| false), [address(3), address(4)]);
    ledger.admit(address(8), 100, 10);
    // They had their second chance behind 5, and went behind it.
    assert_eq!(ledger.evict(|_| false), [address(5)]);
    assert_eq!(ledger.values(), 5);
}

#[test]
fn constant_hits_do_not_keep_memory_over_its_bound() {
    let mut ledger = Ledger::new(CONFIG);
    for byte in 0..20 {
        ledger.admit(address(byte), 100, 10);
    }
    assert_eq!(ledger.evict(|_| true).len(), 15);
}

#[test]
fn the_oldest_on_disk_go_until_the_rest_fits() {
    let config = CacheConfig {
        disk_bytes: 10 * DISK_OVERHEAD + 1000,
        ..CONFIG
    };
    let held = |values, bytes| OnDisk { values, bytes };
    let table: [(OnDisk, &[Option<u64>], usize); 6] = [
        (held(10, 1000), &[Some(100)], 0),
        (held(10, 1001), &[Some(1), Some(1)], 1),
        (held(11, 1000), &[Some(0), Some(0)], 1),
        (
            held(10, 3000),
            &[Some(500), Some(500), Some(500), Some(500)],
            2,
        ),
        // Those that are gone already are passed over, and their ages go too.
        (held(10, 1001), &[None, None, Some(1), Some(1)], 3),
        (held(10, 5000), &[Some(1)], 1),
    ];
    for (held, oldest, expected) in table {
        assert_eq!(
            held.victims(oldest, &config),
            expected,
            "{held:?} {oldest:?}"
        );
    }
}

#[derive(Clone, Debug)]
enum Event {
    Admit(u8, u64),
    Forget(u8),
    Hit(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (any::<u8>(), 0..=250u64).prop_map(|(byte, weight)| Event::Admit(byte % 16, weight)),
        1 => any::<u8>().prop_map(|byte| Event::Forget(byte % 16)),
        2 => any::<u8>().prop_map(|byte| Event::Hit(byte % 16)),
    ]
}

proptest! {
    #[test]
    fn bounds_hold_and_books_agree_after_any_sequence(
        events in prop::collection::vec(event(), 0..400),
    ) {
        let mut ledger = Ledger::new(CONFIG);
        let mut inside: HashMap<CAddr, u64> = HashMap::new();
        let mut hits: HashSet<CAddr> = HashSet::new();
        for event in events {
            match event {
                Event::Admit(byte, weight) => {
                    ledger.admit(address(byte), weight, weight / 2);
                    inside.insert(address(byte), weight);
                    for victim in ledger.evict(|address| hits.remove(address)) {
                        prop_assert!(inside.remove(&victim).is_some());
                    }
                }
                Event::Forget(byte) => {
                    let size = inside.remove(&address(byte)).map(|weight| weight / 2);
                    prop_assert_eq!(ledger.forget(&address(byte)), size);
                }
                Event::Hit(byte) => {
                    hits.insert(address(byte));
                }
            }
            let weight: u64 = inside.values().sum();
            prop_assert!(weight <= CONFIG.memory_bytes);
            prop_assert!(inside.len() <= CONFIG.memory_values);
            prop_assert_eq!(ledger.weight, weight);
            prop_assert_eq!(ledger.values(), inside.len() as u64);
            prop_assert_eq!(ledger.size(), inside.values().map(|weight| weight / 2).sum::<u64>());
            prop_assert!(ledger.order.len() <= 2 * CONFIG.memory_values + SLACK + 2);
        }
        let cleared: HashSet<CAddr> = ledger.clear().into_keys().collect();
        prop_assert_eq!(cleared, inside.into_keys().collect::<HashSet<_>>());
        prop_assert_eq!((ledger.values(), ledger.size()), (0, 0));
    }
}
