//! Second executions as plain data: who may take which, in which order, and what two verdicts say.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::board_test::{held, name, plan};
use super::*;
use std::sync::atomic::Ordering;

fn dual() -> Checks {
    Checks {
        verification: Verification::Dual,
        ..Checks::default()
    }
}

fn join(board: &mut Board, request: RequestId, nodes: &[(&str, &[usize], u32)], checks: Checks) {
    let mut plan = plan(nodes);
    plan.checks = checks;
    assert!(board.join(request, &plan, 0, |_| None).is_none());
}

const fn worker(number: usize, crew: usize) -> Worker {
    Worker { number, crew }
}

fn content(bytes: &[u8]) -> Verdict {
    Ok(ContentHash::of(bytes))
}

fn failure() -> Verdict {
    Err(Fault::FunctionFailed {
        recipe: CAddr::of_leaf(b""),
        function: deriva_model::FunctionId::new("f", "1"),
        failure: Failure::Refused,
        message: String::new(),
    })
}

const WIDE: &[(&str, &[usize], u32)] = &[
    ("root", &[1, 2, 3], 0),
    ("a", &[], 3),
    ("b", &[], 2),
    ("c", &[], 1),
];

#[test]
fn second_executions_come_in_the_opposite_order_and_have_the_same_inputs() {
    let mut board = Board::default();
    join(&mut board, 1, WIDE, dual());
    let sole = worker(0, 1);
    let jobs: Vec<Job> = std::iter::from_fn(|| board.next_for(sole)).collect();
    let names: Vec<String> = jobs.iter().map(name).collect();
    assert_eq!(names, ["a", "b", "c", "c", "b", "a"]);
    for job in &jobs[..5] {
        board.settle(job.flight, &content(b"x"));
    }
    for job in &jobs[..3] {
        assert!(board.landed(job.flight, &held(b"x")).is_empty());
    }
    let (first, second) = (board.next_for(sole).unwrap(), board.next_for(sole).unwrap());
    assert_eq!(
        (name(&first), name(&second)),
        ("root".into(), "root".into())
    );
    assert_eq!((first.task.inputs.len(), second.task.inputs.len()), (3, 3));
    assert_eq!(board.landed(first.flight, &held(b"r")).len(), 1);
    assert!(board.is_empty());
}

#[test]
fn who_had_the_first_does_not_get_the_second_while_there_is_another() {
    let mut board = Board::default();
    join(&mut board, 1, WIDE, dual());
    let (one, two) = (worker(0, 2), worker(1, 2));
    let firsts: Vec<Job> = (0..3).map(|_| board.next_for(one).unwrap()).collect();
    assert!(board.next_for(one).is_none(), "all are his own");
    let seconds: Vec<Job> = std::iter::from_fn(|| board.next_for(two)).collect();
    assert_eq!(seconds.len(), firsts.len());
    assert!(board.next_for(two).is_none());
}

#[test]
fn second_executions_do_not_wait_for_ever() {
    let mut board = Board::default();
    join(&mut board, 1, &[("checked", &[], 9)], dual());
    let sole = worker(0, 1);
    assert_eq!(name(&board.next_for(sole).unwrap()), "checked");
    for request in 0..2 * PASSED_MAX as u64 {
        let fresh = format!("fresh {request}");
        join(
            &mut board,
            10 + request,
            &[(&fresh, &[], 1)],
            Checks::default(),
        );
    }
    let taken: Vec<String> = std::iter::from_fn(|| board.next_for(sole))
        .map(|job| name(&job))
        .collect();
    let at = taken.iter().position(|name| name == "checked").unwrap();
    assert_eq!(at, PASSED_MAX, "after so many first executions of others");
}

#[test]
fn a_wave_of_second_executions_is_not_held_up_by_the_next() {
    let mut board = Board::default();
    let nodes: &[(&str, &[usize], u32)] = &[
        ("root", &[1, 2, 3, 4, 5, 6], 0),
        ("0", &[], 9),
        ("1", &[], 8),
        ("2", &[], 7),
        ("3", &[], 6),
        ("4", &[], 5),
        ("5", &[], 4),
    ];
    join(&mut board, 1, nodes, Checks::default());
    let flights: Vec<FlightId> = std::iter::from_fn(|| board.take())
        .map(|job| job.flight)
        .collect();
    let mut queue = CheckQueue::default();
    let sole = worker(0, 1);
    for flight in flights[0..3].iter().copied() {
        queue.push(flight, sole);
    }
    assert_eq!(queue.take(sole), Some(flights[2]));
    for flight in flights[3..6].iter().copied() {
        queue.push(flight, sole);
    }
    let rest: Vec<FlightId> = std::iter::from_fn(|| queue.take(sole)).collect();
    assert_eq!(rest, [1, 0, 5, 4, 3].map(|at: usize| flights[at]));
}

#[test]
fn flights_are_shared_only_by_those_who_ask_alike() {
    let mut board = Board::default();
    let nodes: &[(&str, &[usize], u32)] = &[("base", &[], 0)];
    join(&mut board, 1, nodes, Checks::default());
    join(&mut board, 2, nodes, dual());
    join(&mut board, 3, nodes, dual());
    assert_eq!(board.flights.len(), 2);
    let apart = Checks {
        apart: Apart::Everything,
        ..Checks::default()
    };
    join(&mut board, 4, nodes, apart);
    join(&mut board, 5, nodes, apart);
    assert_eq!(board.flights.len(), 4, "apart from everybody");
    let jobs: Vec<Job> = std::iter::from_fn(|| board.next_for(worker(0, 1))).collect();
    assert_eq!(jobs.len(), 1 + 2 + 2 + 2);
    for job in &jobs {
        board.landed(job.flight, &held(b"x"));
    }
    assert!(board.is_empty());
}

#[test]
fn a_value_that_came_in_is_not_taken_by_who_stands_apart() {
    let mut board = Board::default();
    let mut nodes = plan(&[("root", &[1], 0), ("base", &[], 1)]);
    let root = nodes.nodes[0].address;
    nodes.checks = Checks {
        apart: Apart::Only(root),
        ..Checks::default()
    };
    assert!(board.join(1, &nodes, 0, |_| Some(held(b"known"))).is_none());
    let job = board.next_for(worker(0, 1)).unwrap();
    assert_eq!(
        (name(&job), job.task.inputs.len(), job.check),
        ("root".into(), 1, Check::Apart)
    );
}

#[test]
fn two_verdicts_agree_or_differ() {
    let (x, y) = (ContentHash::of(b"x"), ContentHash::of(b"y"));
    for (first, second, settled) in [
        (content(b"x"), content(b"x"), Settled::Agreed),
        (failure(), failure(), Settled::Agreed),
        (
            content(b"x"),
            content(b"y"),
            Settled::Differ {
                first: Some(x),
                second: Some(y),
            },
        ),
        (
            content(b"x"),
            failure(),
            Settled::Differ {
                first: Some(x),
                second: None,
            },
        ),
        (
            failure(),
            content(b"y"),
            Settled::Differ {
                first: None,
                second: Some(y),
            },
        ),
    ] {
        let mut board = Board::default();
        join(&mut board, 1, &[("base", &[], 0)], dual());
        let job = board.next_for(worker(0, 1)).unwrap();
        assert_eq!(board.settle(job.flight, &first), Settled::Waiting);
        assert_eq!(board.settle(job.flight, &second), settled);
        board.withdraw(1);
        assert_eq!(board.settle(job.flight, &second), Settled::Unwanted);
    }
}

#[test]
fn a_withdrawal_between_the_two_cancels_both() {
    let mut board = Board::default();
    join(
        &mut board,
        1,
        &[("root", &[1], 0), ("base", &[], 1)],
        dual(),
    );
    let first = board.next_for(worker(0, 2)).unwrap();
    board.withdraw(1);
    assert!(first.task.cancelled.load(Ordering::Relaxed));
    assert!(
        board.next_for(worker(1, 2)).is_none(),
        "the second is not begun"
    );
    drop(board.take_gone());
    assert!(board.is_empty());
    assert_eq!(board.checks_at_most(), 0);
}

#[test]
fn a_restart_ends_everything_and_names_who_waits() {
    let mut board = Board::default();
    join(&mut board, 1, WIDE, dual());
    join(&mut board, 2, WIDE, Checks::default());
    let running = board.next_for(worker(0, 1)).unwrap();
    let mut again = board.restart();
    again.sort_unstable();
    assert_eq!(again, [1, 2]);
    assert!(running.task.cancelled.load(Ordering::Relaxed));
    assert_eq!(board.take_gone().len(), 8);
    assert!(board.is_empty() && board.next_for(worker(0, 1)).is_none());
    assert!(board.landed(running.flight, &held(b"late")).is_empty());
}

#[test]
fn entries_of_flights_that_are_gone_are_swept() {
    let mut board = Board::default();
    for request in 0..10 * WAITING_MAX as u64 {
        join(&mut board, request, &[("base", &[], 0)], dual());
        board.take_first(worker(0, 2)).unwrap();
        board.withdraw(request);
        drop(board.take_gone());
    }
    assert!(
        board.checks_at_most() <= WAITING_MAX + 2,
        "{}",
        board.checks_at_most()
    );
}

#[test]
fn samples_are_the_share_asked_for_and_the_same_each_time() {
    let sampled = |parts, salt| Checks {
        verification: Verification::Sampled(Rate::new(parts).unwrap()),
        salt,
        ..Checks::default()
    };
    let recipes: Vec<CAddr> = (0..10_000_u32)
        .map(|n| CAddr::of_leaf(&n.to_le_bytes()))
        .collect();
    let chosen = |checks: Checks| -> Vec<bool> {
        recipes
            .iter()
            .map(|recipe| checks.of(recipe) == Check::Twice)
            .collect()
    };
    let count = |checks| chosen(checks).iter().filter(|twice| **twice).count();
    assert_eq!(count(sampled(0, 1)), 0);
    assert_eq!(count(sampled(Rate::ALL, 1)), recipes.len());
    let half = count(sampled(Rate::ALL / 2, 1));
    assert!((4_800..5_200).contains(&half), "{half}");
    let few = count(sampled(Rate::ALL / 100, 1));
    assert!((50..150).contains(&few), "{few}");
    assert_eq!(chosen(sampled(500_000, 1)), chosen(sampled(500_000, 1)));
    assert_ne!(
        chosen(sampled(500_000, 1)),
        chosen(sampled(500_000, 2)),
        "other processes, others"
    );
    let (some, more) = (chosen(sampled(100_000, 1)), chosen(sampled(200_000, 1)));
    assert!(
        some.iter().zip(&more).all(|(some, more)| !some || *more),
        "a higher rate adds"
    );
}

#[test]
fn only_the_functions_own_failures_are_verdicts() {
    assert!(!is_the_worlds(&failure().unwrap_err()));
    for fault in [
        Fault::Cancelled,
        Fault::Draining,
        Fault::StoreFailed { why: String::new() },
    ] {
        assert!(is_the_worlds(&fault), "{fault}");
    }
    let slow = Fault::FunctionFailed {
        recipe: CAddr::of_leaf(b""),
        function: deriva_model::FunctionId::new("f", "1"),
        failure: Failure::TooSlow,
        message: String::new(),
    };
    assert!(is_the_worlds(&slow));
}
