//! The board as plain data: what is ready when, who is answered, what is let go.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::evaluator::plan::PlanNode;
use bytes::Bytes;
use deriva_model::{ContentHash, FunctionId, Recipe};
use deriva_system::view::Origin;
use std::{collections::BTreeMap, sync::atomic::Ordering};

fn sealed(name: &str) -> Arc<SealedRecipe> {
    let function = FunctionId::new(name, "1");
    let recipe = Recipe::new(function, Vec::new(), BTreeMap::new()).unwrap();
    Arc::new(SealedRecipe::seal(recipe))
}

pub(super) fn held(bytes: &'static [u8]) -> Arc<Held> {
    Arc::new(Held::known(
        ContentHash::of(bytes),
        Bytes::from_static(bytes),
    ))
}

/// A plan of named nodes: name, inputs by index, rank. The first is the root.
pub(super) fn plan(nodes: &[(&str, &[usize], u32)]) -> Plan {
    let mut all: Vec<Node> = Vec::new();
    let nodes = nodes
        .iter()
        .map(|(name, inputs, rank)| {
            let recipe = sealed(name);
            let from = all.len() as u32;
            all.extend(inputs.iter().map(|input| *input as Node));
            PlanNode {
                address: recipe.address(),
                kind: Kind::Run {
                    recipe,
                    inputs: from..all.len() as u32,
                    origin: Origin::Stored,
                },
                rank: *rank,
            }
        })
        .collect();
    Plan {
        nodes,
        inputs: all,
        root: 0,
        known: 0,
        checks: Checks::default(),
    }
}

fn join(board: &mut Board, request: RequestId, nodes: &[(&str, &[usize], u32)]) -> Option<Answer> {
    board.join(request, &plan(nodes), 0, |_| None)
}

pub(super) fn name(job: &Job) -> String {
    job.task.recipe.recipe().function().name.clone()
}

#[test]
fn inputs_come_first_and_longest_chains_before_short_ones() {
    let mut board = Board::default();
    let nodes: &[(&str, &[usize], u32)] = &[
        ("root", &[1, 2], 0),
        ("short", &[], 1),
        ("long", &[3], 1),
        ("deep", &[], 2),
    ];
    assert!(join(&mut board, 7, nodes).is_none());
    let deep = board.take().unwrap();
    let short = board.take().unwrap();
    assert_eq!((name(&deep), name(&short)), ("deep".into(), "short".into()));
    assert!(board.take().is_none(), "the others wait for their inputs");
    assert!(board.landed(deep.flight, &held(b"d")).is_empty());
    let long = board.take().unwrap();
    assert_eq!(name(&long), "long");
    board.landed(long.flight, &held(b"l"));
    assert!(board.take().is_none());
    board.landed(short.flight, &held(b"s"));
    let root = board.take().unwrap();
    let contents: Vec<_> = root
        .task
        .inputs
        .iter()
        .map(|input| input.settled().unwrap())
        .collect();
    assert_eq!(contents, [ContentHash::of(b"s"), ContentHash::of(b"l")]);
    let answers = board.landed(root.flight, &held(b"r"));
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].request, 7);
    assert!(board.flights.len() == 0 && board.by_address.is_empty());
}

#[test]
fn a_repeated_input_fills_every_position() {
    let mut board = Board::default();
    join(&mut board, 1, &[("root", &[1, 1, 1], 0), ("leafy", &[], 1)]);
    let leafy = board.take().unwrap();
    board.landed(leafy.flight, &held(b"x"));
    assert_eq!(board.take().unwrap().task.inputs.len(), 3);
}

#[test]
fn two_requests_share_a_flight_and_one_withdrawal_leaves_it() {
    let mut board = Board::default();
    let nodes: &[(&str, &[usize], u32)] = &[("root", &[1], 0), ("base", &[], 1)];
    join(&mut board, 1, nodes);
    join(&mut board, 2, nodes);
    let base = board.take().unwrap();
    assert!(board.take().is_none(), "one flight for both requests");
    board.withdraw(1);
    assert!(!base.task.cancelled.load(Ordering::Relaxed));
    board.landed(base.flight, &held(b"b"));
    let root = board.take().unwrap();
    let answers = board.landed(root.flight, &held(b"r"));
    assert_eq!(answers.iter().map(|a| a.request).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_nobody_needs_any_more_is_let_go_all_the_way_down() {
    let mut board = Board::default();
    let nodes: &[(&str, &[usize], u32)] = &[
        ("root", &[1, 2], 0),
        ("a", &[3], 1),
        ("b", &[3], 1),
        ("base", &[], 2),
    ];
    join(&mut board, 1, nodes);
    let base = board.take().unwrap();
    board.withdraw(1);
    assert!(base.task.cancelled.load(Ordering::Relaxed));
    assert!(board.flights.len() == 0 && board.by_request.is_empty());
    assert!(board.landed(base.flight, &held(b"late")).is_empty());
}

#[test]
fn a_failure_reaches_all_who_need_it_and_frees_what_only_they_needed() {
    let mut board = Board::default();
    let first: &[(&str, &[usize], u32)] =
        &[("root", &[1, 2], 0), ("bad", &[], 1), ("only-here", &[], 1)];
    join(&mut board, 1, first);
    join(&mut board, 2, &[("other", &[1], 0), ("kept", &[], 1)]);
    let jobs: Vec<Job> = std::iter::from_fn(|| board.take()).collect();
    let of = |wanted: &str| jobs.iter().find(|job| name(job) == wanted).unwrap();
    let fault = Fault::Draining;
    let answers = board.failed(of("bad").flight, &fault);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].request, 1);
    assert_eq!(answers[0].result.as_ref().unwrap_err(), &fault);
    assert!(of("only-here").task.cancelled.load(Ordering::Relaxed));
    assert!(!of("kept").task.cancelled.load(Ordering::Relaxed));
}

#[test]
fn a_value_that_came_in_since_the_plan_is_not_computed_again() {
    let mut board = Board::default();
    let base = sealed("base").address();
    let nodes = plan(&[("root", &[1], 0), ("base", &[], 1)]);
    let answer = board.join(1, &nodes, 0, |address| {
        (*address == base).then(|| held(b"b"))
    });
    assert!(answer.is_none());
    assert_eq!(name(&board.take().unwrap()), "root");
    assert!(board.take().is_none());
}

#[test]
fn a_flight_is_as_old_as_the_oldest_it_consumed() {
    let mut board = Board::default();
    board.join(1, &plan(&[("base", &[], 0)]), 3, |_| None);
    let nodes: &[(&str, &[usize], u32)] = &[("root", &[1], 0), ("mid", &[2], 1), ("base", &[], 2)];
    board.join(2, &plan(nodes), 9, |_| None);
    let base = board.take().unwrap();
    assert_eq!(base.begun, 3);
    board.landed(base.flight, &held(b"b"));
    let mid = board.take().unwrap();
    board.landed(mid.flight, &held(b"m"));
    assert_eq!(board.take().unwrap().begun, 3);
}

/// Ranks and inputs of a graph of `width` recipes over `base`, under one root.
fn over_base(width: usize) -> Vec<(String, Vec<usize>, u32)> {
    let root = ("root".to_owned(), (1..=width).collect(), 0);
    let middle = (1..=width).map(|n| (format!("middle {n}"), vec![width + 1], 1));
    let base = ("base".to_owned(), Vec::new(), 2);
    std::iter::once(root).chain(middle).chain([base]).collect()
}

fn join_named(board: &mut Board, request: RequestId, nodes: &[(String, Vec<usize>, u32)]) {
    let nodes: Vec<_> = nodes
        .iter()
        .map(|(name, inputs, rank)| (name.as_str(), inputs.as_slice(), *rank))
        .collect();
    assert!(join(board, request, &nodes).is_none());
}

#[test]
fn what_comes_and_goes_over_a_running_flight_leaves_nothing_behind() {
    let mut board = Board::default();
    let graph = over_base(100);
    join(&mut board, 1, &[("base", &[], 0)]);
    let base = board.take().unwrap();
    for request in 2..200 {
        join_named(&mut board, request, &graph);
        board.withdraw(request);
        assert_eq!(board.flights.len(), 1);
        assert_eq!(board.take_gone().len(), 101);
    }
    let consumers = board.flights.get(base.flight).unwrap().consumers.len();
    assert!(consumers < 300, "{consumers} dead consumers");
    join_named(&mut board, 1000, &graph);
    assert_eq!(board.landed(base.flight, &held(b"b")).len(), 1);
    let middle: Vec<Job> = std::iter::from_fn(|| board.take()).collect();
    assert_eq!(middle.len(), 100, "the living are all still there");
}

#[test]
fn ready_flights_that_come_and_go_untaken_leave_nothing_behind() {
    let mut board = Board::default();
    let leaves: Vec<_> = (0..50).map(|n| format!("ready {n}")).collect();
    let mut nodes: Vec<(&str, &[usize], u32)> = vec![("root", &INPUTS, 0)];
    const INPUTS: [usize; 50] = {
        let mut inputs = [0; 50];
        let mut at = 0;
        while at < 50 {
            inputs[at] = at + 1;
            at += 1;
        }
        inputs
    };
    nodes.extend(leaves.iter().map(|name| (name.as_str(), &[][..], 1)));
    for request in 0..200 {
        join(&mut board, request, &nodes);
        board.withdraw(request);
    }
    assert!(board.ready_at_most() < 200, "{}", board.ready_at_most());
    join(&mut board, 1000, &nodes);
    assert_eq!(std::iter::from_fn(|| board.take()).count(), 50);
}

#[test]
fn a_flight_begun_anew_is_not_cancelled_with_the_old_one() {
    let mut board = Board::default();
    join(&mut board, 1, &[("base", &[], 0)]);
    let old = board.take().unwrap();
    board.withdraw(1);
    join(&mut board, 2, &[("base", &[], 0)]);
    let new = board.take().unwrap();
    assert!(
        old.task.cancelled.load(Ordering::Relaxed) && !new.task.cancelled.load(Ordering::Relaxed)
    );
    assert!(board.failed(old.flight, &Fault::Cancelled).is_empty());
    let answers = board.landed(new.flight, &held(b"b"));
    assert!(answers[0].request == 2 && answers[0].result.is_ok());
    assert!(board.landed(old.flight, &held(b"b")).is_empty());
    drop(board.take_gone());
    assert!(board.is_empty());
}
