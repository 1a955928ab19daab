use super::*;

fn address(number: u64) -> CAddr {
    CAddr::of_leaf(&number.to_be_bytes())
}

#[test]
fn uses_are_known_again_a_part_forgotten() {
    let mut ghosts = Ghosts::new(10 * BYTES_A_GHOST);
    let table = [(1, 1), (5, 5), (6, 5), (60, 50), (u32::MAX, 54)];
    for (uses, known) in table {
        ghosts.remember(&address(1), uses);
        assert_eq!(ghosts.recall(&address(1)), known, "{uses}");
        assert_eq!(ghosts.recall(&address(1)), 0, "told once");
    }
}

#[test]
fn the_oldest_are_forgotten_at_the_bound() {
    let mut ghosts = Ghosts::new(10 * BYTES_A_GHOST);
    for number in 0..1000 {
        ghosts.remember(&address(number), 3);
        assert!(ghosts.len() <= 10);
    }
    assert_eq!(ghosts.recall(&address(989)), 0);
    for number in 990..1000 {
        assert_eq!(ghosts.recall(&address(number)), 3);
    }
}

#[test]
fn one_that_went_again_is_as_young_as_its_last_going() {
    let mut ghosts = Ghosts::new(3 * BYTES_A_GHOST);
    ghosts.remember(&address(1), 2);
    ghosts.remember(&address(2), 2);
    ghosts.remember(&address(1), 4);
    // The entry of its first going is the oldest; the last one stands.
    ghosts.remember(&address(3), 2);
    assert_eq!(ghosts.recall(&address(1)), 4);
}

#[test]
fn a_memory_of_nothing_remembers_nothing() {
    let mut ghosts = Ghosts::new(0);
    ghosts.remember(&address(1), 9);
    assert_eq!((ghosts.recall(&address(1)), ghosts.len()), (0, 0));
}
