use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const CONFIG: CacheConfig = CacheConfig {
    memory_bytes: 1000,
    memory_values: 5,
    disk_bytes: 0,
};

fn address(byte: u8) -> CAddr {
    CAddr::from_bytes([byte; 32])
}

fn costing(nanos: u64, weight: u64) -> Appraisal {
    Appraisal {
        nanos,
        weight,
        uses: 1,
    }
}

/// Books where every value costs and weighs the same.
struct Books {
    ledger: Ledger,
    uses: HashMap<CAddr, u32>,
}

impl Books {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(CONFIG),
            uses: HashMap::new(),
        }
    }

    fn admit(&mut self, byte: u8, appraisal: Appraisal) {
        let (_, before) = self.ledger.admit(address(byte), 10, appraisal);
        self.uses.insert(address(byte), 1 + before);
    }

    fn hit(&mut self, byte: u8) {
        *self.uses.get_mut(&address(byte)).unwrap() += 1;
    }

    fn evict(&mut self) -> Vec<CAddr> {
        let uses = &self.uses;
        self.ledger.evict(|address| uses[address])
    }
}

#[test]
fn among_equals_the_oldest_goes_unless_it_was_used() {
    let mut books = Books::new();
    for byte in 0..5 {
        books.admit(byte, costing(1000, 100));
    }
    assert_eq!(books.evict(), []);
    books.admit(5, costing(1000, 100));
    // 0 and 1 were used, so 2 goes.
    books.hit(0);
    books.hit(1);
    assert_eq!(books.evict(), [address(2)]);
    books.admit(6, costing(1000, 100));
    books.admit(7, costing(1000, 100));
    assert_eq!(books.evict(), [address(3), address(4)]);
    // Two uses outlast several that came later with one.
    books.admit(8, costing(1000, 100));
    assert_eq!(books.evict(), [address(5)]);
    assert_eq!(books.ledger.values(), 5);
}

#[test]
fn the_least_worth_goes_also_if_it_came_last() {
    let mut books = Books::new();
    for byte in 0..5 {
        books.admit(byte, costing(1_000_000, 100));
    }
    books.admit(5, costing(500_000, 100));
    assert_eq!(books.evict(), [address(5)]);
    books.admit(6, costing(1_000_000, 200));
    assert_eq!(books.evict(), [address(6)]);
    books.admit(7, costing(1_000_000, 50));
    assert_eq!(books.evict(), [address(0)]);
}

#[test]
fn what_is_dear_and_small_survives_a_scan() {
    let mut books = Books::new();
    for byte in 0..2 {
        books.admit(byte, costing(10_000_000, 100));
    }
    for byte in 2..250 {
        books.admit(byte, costing(10_000, 400));
        books.evict();
    }
    let left: HashSet<CAddr> = books.ledger.clear().into_keys().collect();
    assert!(left.contains(&address(0)) && left.contains(&address(1)));
}

#[test]
fn what_is_not_used_again_goes_in_the_end_however_dear() {
    let mut books = Books::new();
    books.admit(0, costing(10_000_000, 100));
    let gone = (0..10_000_u32).position(|round| {
        books.admit(1 + (round % 200) as u8, costing(1_000_000, 100));
        books.evict().contains(&address(0))
    });
    let gone = gone.expect("it is there for ever");
    assert!(gone > 10, "after {gone}");
}

#[test]
fn one_that_comes_back_is_known() {
    let roomy = CacheConfig {
        memory_bytes: 1 << 20,
        ..CONFIG
    };
    let mut ledger = Ledger::new(roomy);
    ledger.admit(address(0), 10, costing(0, 100));
    let lines: Vec<Line> = (1..6)
        .map(|byte| ledger.admit(address(byte), 10, costing(1 << 30, 100)).0)
        .collect();
    // Its five uses do not make up for what the others cost.
    assert_eq!(
        ledger.evict(|address| 1 + 4 * u32::from(address.as_bytes()[0] == 0)),
        [address(0)]
    );
    let (line, before) = ledger.admit(address(0), 10, costing(0, 100));
    assert_eq!(before, 5);
    assert_eq!(ledger.forget(line, &address(0)), Some(10));
    assert_eq!(ledger.admit(address(0), 10, costing(0, 100)).1, 0);
    // What was taken out for another reason is not remembered.
    assert_eq!(ledger.forget(lines[0], &address(1)), Some(10));
    assert_eq!(ledger.admit(address(1), 10, costing(0, 100)).1, 0);
}

#[test]
fn constant_hits_do_not_keep_memory_over_its_bound() {
    let mut ledger = Ledger::new(CONFIG);
    for byte in 0..20 {
        ledger.admit(address(byte), 10, costing(1000, 100));
    }
    let mut uses = 1;
    let evicted = ledger.evict(|_| {
        uses += 1;
        uses
    });
    assert_eq!(evicted.len(), 15);
}

#[test]
fn the_ends_of_the_numbers_are_no_edge() {
    let mut ledger = Ledger::new(CONFIG);
    let extremes = [0, 1, u64::MAX];
    for (nanos, weight) in extremes.into_iter().flat_map(|n| extremes.map(|w| (n, w))) {
        for byte in 0..10 {
            let appraisal = Appraisal {
                nanos,
                weight,
                uses: u32::MAX,
            };
            ledger.admit(address(byte), u64::MAX, appraisal);
            ledger.evict(|_| u32::MAX);
            assert!(ledger.weight <= CONFIG.memory_bytes && ledger.values() <= 5);
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Admit(u8, u64, u64),
    Forget(u8),
    Hit(u8),
}

fn event() -> impl Strategy<Value = Event> {
    let nanos = prop_oneof![0..10_000_000_u64, any::<u64>()];
    prop_oneof![
        3 => (0..16_u8, 0..=250u64, nanos)
            .prop_map(|(byte, weight, nanos)| Event::Admit(byte, weight, nanos)),
        1 => (0..16_u8).prop_map(Event::Forget),
        2 => (0..16_u8).prop_map(Event::Hit),
    ]
}

/// The victims of a sequence, with every promise of the books checked on the way.
fn run(events: &[Event]) -> Result<Vec<CAddr>, TestCaseError> {
    let mut ledger = Ledger::new(CONFIG);
    let mut inside: HashMap<CAddr, (Line, u64)> = HashMap::new();
    let mut left: Vec<(Line, CAddr)> = Vec::new();
    let mut uses: HashMap<CAddr, u32> = HashMap::new();
    let mut gone = Vec::new();
    for event in events {
        match event {
            Event::Admit(byte, weight, nanos) => {
                let at = address(*byte);
                if let Some((line, was)) = inside.remove(&at) {
                    prop_assert_eq!(ledger.forget(line, &at), Some(was / 2));
                }
                let (line, before) = ledger.admit(at, weight / 2, costing(*nanos, *weight));
                uses.insert(at, 1 + before);
                inside.insert(at, (line, *weight));
                for victim in ledger.evict(|address| uses[address]) {
                    let went = inside.remove(&victim);
                    prop_assert!(went.is_some());
                    left.extend(went.map(|(line, _)| (line, victim)));
                    gone.push(victim);
                }
            }
            Event::Forget(byte) => {
                if let Some((line, weight)) = inside.remove(&address(*byte)) {
                    let size = ledger.forget(line, &address(*byte));
                    prop_assert_eq!(size, Some(weight / 2));
                    left.push((line, address(*byte)));
                }
                // A line that was left is another's, or nobody's.
                for (line, address) in left.iter().filter(|(_, at)| !inside.contains_key(at)) {
                    prop_assert_eq!(ledger.forget(*line, address), None);
                }
            }
            Event::Hit(byte) => {
                *uses.entry(address(*byte)).or_default() += 1;
            }
        }
        let weight: u64 = inside.values().map(|(_, weight)| weight).sum();
        prop_assert!(weight <= CONFIG.memory_bytes && inside.len() <= CONFIG.memory_values);
        prop_assert_eq!(
            (ledger.weight, ledger.values()),
            (weight, inside.len() as u64)
        );
        let sizes = inside.values().map(|(_, weight)| weight / 2).sum::<u64>();
        prop_assert_eq!(ledger.size(), sizes);
        // Every value has one living place, and dead ones are few.
        let alive = ledger
            .order
            .iter()
            .filter(|place| alive(&ledger.lines, &place.0).is_some());
        prop_assert_eq!(alive.count(), inside.len());
        prop_assert!(ledger.order.len() <= 2 * CONFIG.memory_values + SLACK + 2);
    }
    let cleared: HashSet<CAddr> = ledger.clear().into_keys().collect();
    prop_assert_eq!(cleared, inside.into_keys().collect::<HashSet<_>>());
    prop_assert_eq!((ledger.values(), ledger.size()), (0, 0));
    Ok(gone)
}

proptest! {
    #[test]
    fn bounds_hold_and_books_agree_after_any_sequence(
        events in prop::collection::vec(event(), 0..400),
    ) {
        prop_assert_eq!(run(&events)?, run(&events)?, "the same history, the same victims");
    }
}
