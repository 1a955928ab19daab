//! Executing twice, on real threads: who executes, what is compared, what a difference brings down.

use super::produce_test::{Turn, pour, until};
use super::*;
use deriva_system::compute::{Depth, Rate};
use std::{collections::HashSet, thread, thread::ThreadId};

fn ask(root: CAddr, mode: Mode, verification: Verification) -> Materialize {
    Materialize {
        root,
        mode,
        verification,
        transient: Arc::default(),
        deadline: None,
    }
}

fn begin(rig: &Rig, ask: Materialize) -> (Box<dyn Ticket>, Answers) {
    let (answer, answers) = mpsc::channel();
    let done = Box::new(move |result| answer.send(result).unwrap_or_default());
    (rig.evaluator.start(ask, done), answers)
}

fn heard(answers: &Answers) -> Result<Bytes, Fault> {
    let evaluated = answers.recv_timeout(PATIENCE).expect("an answer in time")?;
    bytes_of(evaluated.outcome)
}

fn asked(rig: &Rig, root: CAddr, mode: Mode, verification: Verification) -> Result<Bytes, Fault> {
    let (_ticket, answers) = begin(rig, ask(root, mode, verification));
    heard(&answers)
}

fn dual(rig: &Rig, root: CAddr) -> Result<Bytes, Fault> {
    asked(rig, root, Mode::Parallel, Verification::Dual)
}

fn verify(rig: &Rig, root: CAddr, depth: Depth) -> Result<Bytes, Fault> {
    asked(rig, root, Mode::Verify(depth), Verification::Off)
}

fn violation(result: Result<Bytes, Fault>) -> Violation {
    match result.unwrap_err() {
        Fault::Nondeterministic { violation } => *violation,
        other => panic!("{other:?}"),
    }
}

/// Says which threads called it.
fn witnessed() -> (Arc<dyn ComputeFunction>, Arc<Mutex<Vec<ThreadId>>>) {
    let calls: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
    let seen = calls.clone();
    let function = scripted("witnessed", move |inputs, _| {
        seen.lock().push(thread::current().id());
        Ok(inputs.concat().into())
    });
    (function, calls)
}

/// Makes something else each time.
fn fickle() -> Arc<dyn ComputeFunction> {
    let calls = AtomicU64::new(0);
    scripted("fickle", move |_, _| {
        Ok(format!("{}", calls.fetch_add(1, Ordering::Relaxed)).into())
    })
}

#[test]
fn the_two_executions_are_of_two_workers() {
    let (function, calls) = witnessed();
    let rig = rig(2, vec![function]);
    for n in 0..50_u32 {
        let leaf = rig.sources.leaf(&n.to_le_bytes());
        let root = rig.sources.recipe("witnessed", &[leaf], &[]);
        assert_eq!(dual(&rig, root).unwrap(), n.to_le_bytes()[..]);
        let threads: HashSet<ThreadId> = calls.lock().drain(..).collect();
        assert_eq!(threads.len(), 2);
    }
    let counts = rig.evaluator.counts();
    assert_eq!(
        (counts.agreed, counts.differed, counts.executions),
        (50, 0, 100)
    );
}

#[test]
fn the_two_executions_overlap_when_two_workers_are_free() {
    let rig = rig(2, vec![rendezvous(2)]);
    let leaf = rig.sources.leaf(b"together");
    let root = rig.sources.recipe("meet", &[leaf], &[]);
    assert_eq!(dual(&rig, root).unwrap(), "together");
}

#[test]
fn one_worker_does_both() {
    let (function, calls) = witnessed();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("witnessed", &[leaf], &[]);
    assert_eq!(dual(&rig, root).unwrap(), "x");
    assert_eq!(calls.lock().len(), 2);
}

#[test]
fn every_shape_at_every_concurrency_agrees() {
    for workers in [1, 2, 16] {
        let rig = rig(workers, vec![]);
        let (fan, expected) = wide(&rig.sources, 500);
        assert_eq!(dual(&rig, fan).unwrap(), expected);
        let (deep, expected) = chain(&rig.sources, 501);
        assert_eq!(dual(&rig, deep).unwrap(), expected);
        let mixed = mixed(&rig.sources);
        let twice = dual(&rig, mixed).unwrap();
        assert_eq!(verify(&rig, mixed, Depth::Graph).unwrap(), twice);
        rig.sources.forget_values();
        assert_eq!(value(&rig.evaluator, mixed), twice);
        assert_eq!(rig.evaluator.counts().in_flight, 0);
    }
}

#[test]
fn verified_values_are_taken_and_others_are_not() {
    let (function, calls) = witnessed();
    let rig = rig(2, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("witnessed", &[leaf], &[]);
    value(&rig.evaluator, root);
    assert_eq!(calls.lock().len(), 1);
    dual(&rig, root).unwrap();
    assert_eq!(calls.lock().len(), 3, "known, but executed once only");
    dual(&rig, root).unwrap();
    value(&rig.evaluator, root);
    assert_eq!(calls.lock().len(), 3, "known and verified");
}

#[test]
fn early_cutoff_is_no_execution() {
    let (function, calls) = witnessed();
    let rig = rig(2, vec![function]);
    let (one, other) = (rig.sources.leaf(b"AB"), rig.sources.leaf(b"ab"));
    let upper = |leaf| rig.sources.recipe("uppercase", &[leaf], &[]);
    let first = rig.sources.recipe("witnessed", &[upper(one)], &[]);
    let second = rig.sources.recipe("witnessed", &[upper(other)], &[]);
    dual(&rig, first).unwrap();
    dual(&rig, second).unwrap();
    assert_eq!((calls.lock().len(), rig.evaluator.counts().cutoffs), (4, 0));
}

#[test]
fn a_difference_fails_all_who_need_it_and_nothing_of_it_is_kept() {
    let rig = rig(2, vec![fickle()]);
    let leaf = rig.sources.leaf(b"x");
    let bad = rig.sources.recipe("fickle", &[leaf], &[]);
    let above = rig.sources.recipe("reverse", &[bad], &[]);
    let found = violation(dual(&rig, above));
    assert_eq!(
        (found.recipe, found.function.name.as_str()),
        (bad, "fickle")
    );
    assert!(found.first.is_some() && found.second.is_some() && found.first != found.second);
    assert!(rig.sources.values.lock().is_empty());
    assert_eq!(*rig.sources.caught.lock(), std::slice::from_ref(&found));
    assert_eq!(rig.sources.voided.load(Ordering::Relaxed), 1);
    let counts = rig.evaluator.counts();
    assert_eq!(
        (counts.agreed, counts.differed, counts.in_flight),
        (0, 1, 0)
    );
    for mode in [Mode::Parallel, Mode::Sequential, Mode::Record] {
        let refused = violation(asked(&rig, above, mode, Verification::Off));
        assert_eq!(refused, found, "refused from now on, whoever asks");
    }
    assert_eq!(rig.evaluator.counts().executions, counts.executions);
}

#[test]
fn failing_once_is_a_difference_and_failing_twice_is_none() {
    for (fails, differs) in [(1, true), (2, false)] {
        for panics in [false, true] {
            let calls = AtomicU64::new(0);
            let function = scripted("shaky", move |_, _| {
                if calls.fetch_add(1, Ordering::Relaxed) < fails {
                    assert!(!panics, "on purpose");
                    return Err(FunctionError::failed("not today"));
                }
                Ok("made".into())
            });
            let rig = rig(2, vec![function]);
            let leaf = rig.sources.leaf(b"x");
            let root = rig.sources.recipe("shaky", &[leaf], &[]);
            match dual(&rig, root).unwrap_err() {
                Fault::Nondeterministic { violation } => {
                    assert!(differs, "{violation}");
                    assert!(violation.first.is_none() ^ violation.second.is_none());
                }
                Fault::FunctionFailed { failure, .. } => {
                    assert!(!differs);
                    assert_eq!(failure == Failure::Panicked, panics);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(rig.evaluator.counts().differed, u64::from(differs));
        }
    }
}

#[test]
fn a_slow_machine_is_no_difference() {
    let calls = AtomicU64::new(0);
    let function = scripted("slow", move |_, _| {
        if calls.fetch_add(1, Ordering::Relaxed) == 0 {
            let what = crate::budget::Resource::WallMillis;
            return Err(FunctionError::BudgetExceeded { what, limit: 1 });
        }
        Ok("made".into())
    });
    let rig = rig(2, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("slow", &[leaf], &[]);
    match dual(&rig, root).unwrap_err() {
        Fault::FunctionFailed { failure, .. } => assert_eq!(failure, Failure::TooSlow),
        other => panic!("{other:?}"),
    }
    assert_eq!(dual(&rig, root).unwrap(), "made");
    assert_eq!(rig.evaluator.counts().differed, 0);
}

#[test]
fn a_dual_request_does_not_take_the_answer_of_an_unverified_flight() {
    let (function, gate, entries) = gated();
    let rig = rig(4, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("gated", &[leaf], &[]);
    let (_plain, plain) = start(&rig.evaluator, root, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    let (_twice, twice) = begin(&rig, ask(root, Mode::Parallel, Verification::Dual));
    let (_again, again) = begin(&rig, ask(root, Mode::Parallel, Verification::Dual));
    // Two executions of its own, for both of them together.
    entries.recv_timeout(PATIENCE).unwrap();
    entries.recv_timeout(PATIENCE).unwrap();
    *gate.0.lock() = true;
    gate.1.notify_all();
    assert!(plain.recv_timeout(PATIENCE).unwrap().is_ok());
    assert_eq!(heard(&twice).unwrap(), "x");
    assert_eq!(heard(&again).unwrap(), "x");
    assert!((3..=5).contains(&rig.evaluator.counts().executions));
}

/// Waits for the test in its second call only.
fn held_up_once() -> (
    Arc<dyn ComputeFunction>,
    mpsc::Sender<()>,
    mpsc::Receiver<()>,
) {
    let (open, opened) = mpsc::channel();
    let (entered, entries) = mpsc::channel();
    let (opened, calls) = (Mutex::new(opened), AtomicU64::new(0));
    let function = scripted("held", move |inputs, budget| {
        if calls.fetch_add(1, Ordering::Relaxed) == 1 {
            entered.send(()).unwrap_or_default();
            opened.lock().recv_timeout(PATIENCE).unwrap_or_default();
        }
        budget.checkpoint()?;
        Ok(inputs.concat().into())
    });
    (function, open, entries)
}

#[test]
fn nothing_leaves_before_both_agree() {
    let (function, open, entries) = held_up_once();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("held", &[leaf], &[]);
    let (_ticket, answers) = begin(&rig, ask(root, Mode::Parallel, Verification::Dual));
    // One worker does both, so the first has ended.
    entries.recv_timeout(PATIENCE).unwrap();
    assert!(answers.try_recv().is_err());
    assert!(rig.sources.values.lock().is_empty());
    open.send(()).unwrap();
    assert_eq!(heard(&answers).unwrap(), "x");
    assert_eq!(rig.sources.values.lock().len(), 1);
}

#[test]
fn who_leaves_during_the_second_execution_leaves_nothing_behind() {
    let (function, open, entries) = held_up_once();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("held", &[leaf], &[]);
    let (ticket, _answers) = begin(&rig, ask(root, Mode::Parallel, Verification::Dual));
    entries.recv_timeout(PATIENCE).unwrap();
    drop(ticket);
    open.send(()).unwrap();
    // The one worker answers this when it is done with the other.
    assert_eq!(value(&rig.evaluator, leaf), "x");
    let counts = rig.evaluator.counts();
    assert_eq!((counts.agreed, counts.differed), (0, 0));
    assert!(rig.sources.values.lock().is_empty());
    assert!(rig.evaluator.shared.state.lock().board.is_empty());
}

#[test]
fn what_was_under_way_begins_anew_when_a_function_is_caught() {
    let (function, gate, entries) = gated();
    let rig = rig(4, vec![function, fickle()]);
    let leaf = rig.sources.leaf(b"x");
    let bad = rig.sources.recipe("fickle", &[leaf], &[]);
    // Computed once and believed; another request has consumed it and is on its way.
    value(&rig.evaluator, bad);
    let above = rig.sources.recipe("gated", &[bad], &[]);
    let (_above, above) = start(&rig.evaluator, above, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    let innocent = rig.sources.recipe("gated", &[leaf], &[]);
    let (_innocent, innocent) = start(&rig.evaluator, innocent, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    violation(verify(&rig, bad, Depth::Root));
    *gate.0.lock() = true;
    gate.1.notify_all();
    violation(heard(&above));
    assert_eq!(heard(&innocent).unwrap(), "x");
    assert!(
        rig.sources
            .values
            .lock()
            .values()
            .all(|value| value.bytes == "x")
    );
}

#[test]
fn a_sequential_request_that_consumed_what_is_voided_begins_anew() {
    let (function, gate, entries) = gated();
    let rig = rig(4, vec![function, fickle()]);
    let leaf = rig.sources.leaf(b"x");
    let bad = rig.sources.recipe("fickle", &[leaf], &[]);
    value(&rig.evaluator, bad);
    let above = rig.sources.recipe("gated", &[bad], &[]);
    let (_above, above) = start(&rig.evaluator, above, Mode::Sequential);
    entries.recv_timeout(PATIENCE).unwrap();
    violation(verify(&rig, bad, Depth::Root));
    *gate.0.lock() = true;
    gate.1.notify_all();
    violation(heard(&above));
}

#[test]
fn verify_compares_with_the_record_that_stands() {
    let made = Arc::new(Mutex::new("before"));
    let now = made.clone();
    let turns = scripted("turns", move |_, _| Ok((*now.lock()).into()));
    let rig = rig(2, vec![turns]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("turns", &[leaf], &[]);
    assert_eq!(value(&rig.evaluator, root), "before");
    assert_eq!(verify(&rig, root, Depth::Root).unwrap(), "before");
    *made.lock() = "after";
    let found = violation(verify(&rig, root, Depth::Root));
    assert_eq!(found.first, Some(ContentHash::of(b"before")));
    assert_eq!(found.second, Some(ContentHash::of(b"after")));
    assert!(rig.sources.values.lock().is_empty());
}

#[test]
fn verify_executes_the_root_only_or_everything() {
    let rig = rig(2, vec![]);
    let (root, _) = chain(&rig.sources, 10);
    value(&rig.evaluator, root);
    let before = rig.evaluator.counts().executions;
    verify(&rig, root, Depth::Root).unwrap();
    assert_eq!(rig.evaluator.counts().executions - before, 2);
    verify(&rig, root, Depth::Graph).unwrap();
    assert_eq!(rig.evaluator.counts().executions - before, 2 + 20);
    assert_eq!(rig.evaluator.counts().agreed, 11);
    let leaf = rig.sources.leaf(b"a leaf");
    assert_eq!(verify(&rig, leaf, Depth::Graph).unwrap(), "a leaf");
}

#[test]
fn verify_looks_into_a_marked_function_and_keeps_nothing() {
    let honest = Arc::new(Mutex::new(false));
    let now = honest.clone();
    let calls = AtomicU64::new(0);
    let mends = scripted("mends", move |_, _| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        Ok(if *now.lock() {
            "same".into()
        } else {
            format!("{call}").into()
        })
    });
    let rig = rig(2, vec![mends]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("mends", &[leaf], &[]);
    violation(verify(&rig, root, Depth::Root));
    violation(dual(&rig, root));
    *honest.lock() = true;
    assert_eq!(verify(&rig, root, Depth::Graph).unwrap(), "same");
    assert!(rig.sources.values.lock().is_empty());
    violation(dual(&rig, root));
    rig.sources.caught.lock().clear();
    assert_eq!(dual(&rig, root).unwrap(), "same");
    assert_eq!(rig.sources.values.lock().len(), 1);
}

#[test]
fn sampled_executes_the_share_twice() {
    let sampled = |parts| Verification::Sampled(Rate::new(parts).unwrap());
    let mut executions = Vec::new();
    for parts in [0, Rate::ALL, Rate::ALL / 2, Rate::ALL / 2] {
        let rig = rig(2, vec![]);
        let (root, expected) = wide(&rig.sources, 199);
        let got = asked(&rig, root, Mode::Parallel, sampled(parts)).unwrap();
        assert_eq!(got, expected);
        let counts = rig.evaluator.counts();
        assert_eq!(counts.executions, 200 + counts.agreed);
        executions.push(counts.executions);
    }
    let [none, all, half, again] = executions[..] else {
        panic!("{executions:?}")
    };
    assert_eq!((none, all), (200, 400));
    assert!((260..340).contains(&half), "{half}");
    assert_eq!(half, again);
}

#[test]
fn a_sequential_request_is_executed_twice_too() {
    let (function, calls) = witnessed();
    let rig = rig(2, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("witnessed", &[leaf], &[]);
    asked(&rig, root, Mode::Sequential, Verification::Dual).unwrap();
    assert_eq!(calls.lock().len(), 2);
}

#[test]
fn many_requests_of_all_modes_over_one_graph_agree_and_end() {
    let rig = rig(3, vec![]);
    let (root, expected) = wide(&rig.sources, 60);
    let asked: Vec<_> = (0..60)
        .map(|n| {
            let (mode, verification) = match n % 6 {
                0 => (Mode::Parallel, Verification::Off),
                1 => (Mode::Parallel, Verification::Dual),
                2 => (Mode::Sequential, Verification::Off),
                3 => (Mode::Verify(Depth::Root), Verification::Off),
                4 => (Mode::Verify(Depth::Graph), Verification::Dual),
                _ => (
                    Mode::Parallel,
                    Verification::Sampled(Rate::new(300_000).unwrap()),
                ),
            };
            let (ticket, answers) = begin(&rig, ask(root, mode, verification));
            (n % 7 != 0).then_some((ticket, answers))
        })
        .collect();
    for (_ticket, answers) in asked.iter().flatten() {
        assert_eq!(heard(answers).unwrap(), expected);
    }
    assert_eq!(rig.evaluator.counts().differed, 0);
}

#[test]
fn a_value_that_streams_is_shown_when_both_agree() {
    let (function, made) = pour(100, Turn::None);
    let rig = rig(2, vec![function]);
    let root = rig.sources.recipe("pour", &[], &[]);
    let (_ticket, answers) = begin(&rig, ask(root, Mode::Parallel, Verification::Dual));
    let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 200);
    assert!(matches!(evaluated.outcome, Outcome::Bytes { .. }));
}

#[test]
fn what_no_memory_holds_is_made_twice_too() {
    let pieces = (64 << 20) / (64 << 10) + 1;
    let (function, made) = pour(pieces, Turn::None);
    let rig = rig(2, vec![function]);
    let root = rig.sources.recipe("pour", &[], &[]);
    let (_ticket, answers) = begin(&rig, ask(root, Mode::Parallel, Verification::Dual));
    let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(matches!(evaluated.outcome, Outcome::Production(_)));
    assert_eq!(made.load(Ordering::Relaxed), 2 * pieces);
    assert_eq!(
        bytes_of(evaluated.outcome).unwrap().len(),
        (64 << 20) + (64 << 10)
    );
    assert_eq!(rig.evaluator.counts().agreed, 1);
}

#[test]
fn an_input_that_is_consumed_twice_is_held_and_not_pulled() {
    let (function, made) = pour(64, Turn::None);
    // No room in memory: what one function alone needs would be pulled by it.
    let rig = rig_with(2, vec![function], 0);
    let poured = rig.sources.recipe("pour", &[], &[]);
    let digest = rig.sources.recipe("sha256", &[poured], &[]);
    let verified = verify(&rig, digest, Depth::Root).unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 64, "once, and consumed twice");
    rig.sources.forget_values();
    assert_eq!(value(&rig.evaluator, digest), verified);
}

#[test]
fn a_stream_under_way_is_cut_when_a_function_is_caught() {
    let flag = Arc::new((Mutex::new(false), Condvar::new()));
    let (function, made) = pour(100, Turn::Waits(50, flag.clone()));
    let rig = rig(3, vec![function, fickle()]);
    let root = rig.sources.recipe("pour", &[], &[]);
    let (_ticket, answers) = start(&rig.evaluator, root, Mode::Parallel);
    let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
    let Outcome::Production(mut tail) = evaluated.outcome else {
        panic!("{:?}", evaluated.outcome)
    };
    assert!(piece_of(tail.as_mut()).unwrap().is_ok());
    until("the stream waits", || made.load(Ordering::Relaxed) == 50);
    let leaf = rig.sources.leaf(b"x");
    let bad = rig.sources.recipe("fickle", &[leaf], &[]);
    violation(verify(&rig, bad, Depth::Root));
    let cut = loop {
        match piece_of(tail.as_mut()) {
            Ok(piece) => assert!(piece.is_ok(), "it must not end well"),
            Err(fault) => break fault,
        }
    };
    assert!(cut.is_retryable(), "{cut:?}");
    *flag.0.lock() = true;
    flag.1.notify_all();
    assert_eq!(value(&rig.evaluator, leaf), "x");
    until("all is let go", || {
        rig.evaluator.shared.state.lock().board.is_empty()
    });
}

#[test]
fn a_stream_put_aside_goes_when_a_function_is_caught() {
    let (function, _made) = pour(u64::MAX, Turn::None);
    let rig = rig(2, vec![function, fickle()]);
    let root = rig.sources.recipe("pour", &[], &[]);
    let (_ticket, answers) = start(&rig.evaluator, root, Mode::Parallel);
    let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
    let Outcome::Production(mut tail) = evaluated.outcome else {
        panic!("{:?}", evaluated.outcome)
    };
    until("it is put aside", || tail.is_awaited());
    let leaf = rig.sources.leaf(b"x");
    let bad = rig.sources.recipe("fickle", &[leaf], &[]);
    violation(verify(&rig, bad, Depth::Root));
    // Before its reader takes anything more, which would wake it.
    assert!(rig.evaluator.shared.state.lock().parked.is_empty());
    let cut = read_out(tail.as_mut()).unwrap_err();
    assert!(cut.is_retryable(), "{cut:?}");
}
