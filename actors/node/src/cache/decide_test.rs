use super::*;

const CONFIG: CacheConfig = CacheConfig {
    memory_bytes: 1000,
    memory_values: 5,
    disk_bytes: 100_000,
};

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
