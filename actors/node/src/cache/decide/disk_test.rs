use super::*;

const CONFIG: CacheConfig = CacheConfig {
    memory_bytes: 0,
    memory_values: 0,
    disk_bytes: 10 * OVERHEAD + 1000,
};

fn candidate(size: Option<u64>) -> Candidate {
    Candidate {
        size,
        worth: 100,
        merit: None,
    }
}

#[test]
fn the_least_worth_go_until_the_rest_fits() {
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
    for (held, sizes, expected) in table {
        let page: Vec<_> = sizes.iter().map(|size| candidate(*size)).collect();
        let fates = held.judge(&page, &CONFIG, &mut Inflation::default(), &mut 9);
        assert_eq!(fates, vec![Fate::Goes; expected], "{held:?} {sizes:?}");
    }
}

#[test]
fn what_was_used_since_it_was_weighed_stays_as_long_as_there_are_chances() {
    let over = OnDisk {
        values: 10,
        bytes: 9000,
    };
    let used = |merit| Candidate {
        merit: Some(merit),
        ..candidate(Some(1000))
    };
    let gone = Candidate {
        size: None,
        ..used(500)
    };
    let page = [used(40), used(51), gone, used(60), candidate(Some(1000))];
    let mut chances = 5;
    let fates = over.judge(&page, &CONFIG, &mut Inflation::at(50), &mut chances);
    // 50 and 40 are no more than the 100 it has. The first that went raised the inflation by 5.
    let expected = [
        Fate::Goes,
        Fate::Stays(106),
        Fate::Goes,
        Fate::Stays(115),
        Fate::Goes,
    ];
    assert_eq!((fates.as_slice(), chances), (expected.as_slice(), 3));
    let fates = over.judge(&[used(500); 3], &CONFIG, &mut Inflation::at(50), &mut 1);
    assert_eq!(fates, [Fate::Stays(550), Fate::Goes, Fate::Goes]);
}

#[test]
fn inflation_rises_with_what_goes_and_not_with_what_is_gone() {
    let over = OnDisk {
        values: 10,
        bytes: 9000,
    };
    let mut inflation = Inflation::default();
    let gone = [candidate(None), candidate(None)];
    over.judge(&gone, &CONFIG, &mut inflation, &mut 0);
    assert_eq!(inflation.level(), 0);
    over.judge(&[candidate(Some(1))], &CONFIG, &mut inflation, &mut 0);
    assert_eq!(inflation.level(), 10);
}
