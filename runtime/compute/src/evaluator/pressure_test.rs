//! Productions under pressure: over the memory budget, many in a row, many readers and one worker, and
//! hands that change in the middle.

use super::*;
use std::thread;

#[path = "flow_test.rs"]
mod flow_test;

/// A rig where memory is short and what is longer than `output_bytes` becomes a production.
fn tight(workers: usize, functions: Vec<Arc<dyn ComputeFunction>>, limits: (u64, u64)) -> Rig {
    tight_on(TestSources::default(), workers, functions, limits)
}

fn tight_on(
    sources: TestSources,
    workers: usize,
    functions: Vec<Arc<dyn ComputeFunction>>,
    (in_flight_bytes, output_bytes): (u64, u64),
) -> Rig {
    let sources = Arc::new(sources);
    let config = EvaluatorConfig {
        workers,
        in_flight_bytes,
        budget: BudgetLimits {
            output_bytes,
            ..BudgetLimits::default()
        },
        stream_bytes: DEFAULT_STREAM_OUTPUT_BYTES,
        salt: 7,
    };
    let evaluator = evaluator_of(&sources, functions, config);
    Rig { sources, evaluator }
}

fn tight_streaming(workers: usize, pieces: u64, turn: Turn) -> Streaming {
    let (function, made) = pour(pieces, turn);
    let rig = tight(workers, vec![function], (0, MIB / 4));
    let root = rig.sources.recipe("pour", &[], &[]);
    Streaming { rig, root, made }
}

fn held_back(at: u64) -> (Turn, Gate) {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    (Turn::Waits(at, gate.clone()), gate)
}

fn open(gate: &Gate) {
    *gate.0.lock() = true;
    gate.1.notify_all();
}

/// One short piece once the clock has gone on, and one when the gate is open.
struct Drip(Arc<dyn ComputeFunction>, Gate);

struct Dripping(u64, Gate);

impl Pieces for Dripping {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        self.0 += 1;
        let clock = SystemClock::default();
        match self.0 {
            1 => until("time goes on", || {
                clock.monotonic() > Duration::from_millis(30)
            }),
            2 => until("it is open", || *self.1.0.lock()),
            _ => return Ok(None),
        }
        Ok(Some("drop".into()))
    }
}

impl ComputeFunction for Drip {
    fn spec(&self) -> &FunctionSpec {
        self.0.spec()
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        drain(self, inputs, params, budget)
    }

    fn streaming(&self) -> Option<&dyn StreamingComputeFunction> {
        Some(self)
    }
}

impl StreamingComputeFunction for Drip {
    fn open(
        &self,
        _inputs: Vec<Box<dyn Pieces>>,
        _params: &Params,
    ) -> Result<Box<dyn Pieces>, FunctionError> {
        Ok(Box::new(Dripping(0, self.1.clone())))
    }
}

#[test]
fn a_slow_functions_first_bytes_do_not_wait_for_its_next() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let card = scripted("drip", |_, _| Ok(Bytes::new()));
    let rig = rig(1, vec![Arc::new(Drip(card, gate.clone()))]);
    let root = rig.sources.recipe("drip", &[], &[]);
    let (_ticket, answers) = start(&rig.evaluator, root, Mode::Parallel);
    let answer = answers.recv_timeout(Duration::from_secs(10));
    open(&gate);
    let Outcome::Production(mut tail) = answer.expect("before the next").unwrap().outcome else {
        panic!("it streams")
    };
    assert_eq!(read_out(tail.as_mut()).unwrap().0, "dropdrop");
}

#[test]
fn what_lost_its_beginning_to_a_file_is_not_handed_over() {
    let (turn, gate) = held_back(300);
    let streaming = tight_streaming(2, 400, turn);
    let (ticket, mut tail) = streaming.read();
    for number in 0..280 {
        assert_eq!(piece_of(tail.as_mut()).unwrap().unwrap(), nth_piece(number));
    }
    let count = streaming
        .rig
        .sources
        .recipe("byte_count", &[streaming.root], &[]);
    let (_other, answers) = start(&streaming.rig.evaluator, count, Mode::Parallel);
    until("the function has joined", || {
        let state = streaming.rig.evaluator.shared.state.lock();
        state.board.consumers() == 1
    });
    drop((ticket, tail));
    open(&gate);
    let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
    let expected = (400 * PIECE).to_string();
    assert_eq!(bytes_of(evaluated.outcome).unwrap(), expected.as_bytes());
    streaming.until_idle();
}

#[test]
fn a_reader_that_left_leaves_nothing_when_hands_change() {
    let (turn, gate) = held_back(10);
    let streaming = tight_streaming(2, 400, turn);
    let (ticket, tail) = streaming.read();
    let count = streaming
        .rig
        .sources
        .recipe("byte_count", &[streaming.root], &[]);
    let (_other, answers) = start(&streaming.rig.evaluator, count, Mode::Parallel);
    until("the function has joined", || {
        let state = streaming.rig.evaluator.shared.state.lock();
        state.board.consumers() == 1
    });
    drop((ticket, tail));
    open(&gate);
    let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
    let expected = (400 * PIECE).to_string();
    assert_eq!(bytes_of(evaluated.outcome).unwrap(), expected.as_bytes());
    assert_eq!(streaming.rig.sources.scratch.files(), 0);
    streaming.until_idle();
}

#[test]
fn what_cannot_be_held_is_not_made_to_its_end() {
    let (function, made) = pour(u64::MAX, Turn::None);
    let sources = TestSources {
        scratch: Arc::new(MemoryScratch::new(MIB)),
        ..TestSources::default()
    };
    let rig = tight_on(sources, 1, vec![function], (0, MIB / 4));
    let endless = rig.sources.recipe("pour", &[], &[]);
    let count = rig.sources.recipe("byte_count", &[endless], &[]);
    let lines = rig.sources.recipe("line_count", &[endless], &[]);
    let both = rig.sources.recipe("concat", &[count, lines], &[]);
    let fault = get(&rig.evaluator, both, Mode::Parallel).unwrap_err();
    assert!(matches!(fault, Fault::Overloaded { .. }), "{fault}");
    assert!(made.load(Ordering::Relaxed) < 100);
}

#[test]
fn a_stream_that_panics_when_it_is_dropped_ends_no_worker() {
    let streaming = Streaming::of(1, u64::MAX, Turn::Panics);
    let (ticket, mut tail) = streaming.read();
    thread::scope(|scope| {
        // Read on, so that it is dropped by the worker and not while it is put aside.
        scope.spawn(|| while piece_of(tail.as_mut()).is_ok_and(|piece| piece.is_ok()) {});
        until("it runs", || streaming.made.load(Ordering::Relaxed) > 500);
        drop(ticket);
    });
    let leaf = streaming.rig.sources.leaf(b"other");
    let other = streaming.rig.sources.recipe("uppercase", &[leaf], &[]);
    assert_eq!(value(&streaming.rig.evaluator, other), "OTHER");
    drop(tail);
    streaming.until_idle();
}

#[test]
fn a_request_that_is_planned_twice_waits_once() {
    let (turn, gate) = held_back(0);
    let streaming = Streaming::of(2, u64::MAX, turn);
    let (ticket, _answers) = start(&streaming.rig.evaluator, streaming.root, Mode::Parallel);
    let shared = &streaming.rig.evaluator.shared;
    let waiting = || shared.state.lock().board.waiting();
    until("it waits", || waiting() == 1);
    // As where two notice that a function was caught meanwhile.
    let request = *shared.state.lock().requests.keys().next().unwrap();
    shared.plan(request);
    assert_eq!(waiting(), 1);
    drop(ticket);
    open(&gate);
    streaming.until_idle();
}

#[test]
fn a_long_row_of_streaming_functions_nests_a_bounded_depth() {
    let streaming = tight_streaming(2, 40, Turn::None);
    let sources = &streaming.rig.sources;
    let mut at = streaming.root;
    for _ in 0..1000 {
        at = sources.recipe("uppercase", &[at], &[]);
    }
    let count = sources.recipe("byte_count", &[at], &[]);
    let expected = (40 * PIECE).to_string();
    assert_eq!(value(&streaming.rig.evaluator, count), expected.as_bytes());
    streaming.until_idle();
}

#[test]
fn who_leaves_a_row_of_functions_stops_all_of_them() {
    let streaming = tight_streaming(1, 40, Turn::Stalls(36));
    let sources = &streaming.rig.sources;
    let upper = sources.recipe("uppercase", &[streaming.root], &[]);
    let count = sources.recipe("byte_count", &[upper], &[]);
    let (ticket, _answers) = start(&streaming.rig.evaluator, count, Mode::Parallel);
    // The batch that came first made as many as one call may, and was given up.
    let made = 36 + MIB / 4 / PIECE as u64;
    until("it stalls", || {
        streaming.made.load(Ordering::Relaxed) == made
    });
    drop(ticket);
    let leaf = sources.leaf(b"other");
    assert_eq!(value(&streaming.rig.evaluator, leaf), "other");
    streaming.until_idle();
}

#[test]
fn readers_that_never_rest_leave_the_worker_to_others_too() {
    let streaming = Streaming::of(1, u64::MAX, Turn::None);
    let other = streaming.rig.sources.leaf(b"other");
    let other = streaming.rig.sources.recipe("uppercase", &[other], &[]);
    let root = |n: u64| {
        let leaf = streaming.rig.sources.leaf(&n.to_be_bytes());
        streaming.rig.sources.recipe("pour", &[leaf], &[])
    };
    let over = AtomicU64::new(0);
    thread::scope(|scope| {
        for n in 0..3 {
            let (root, streaming, over) = (root(n), &streaming, &over);
            scope.spawn(move || {
                let (_ticket, answers) = start(&streaming.rig.evaluator, root, Mode::Parallel);
                let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
                let Outcome::Production(mut tail) = evaluated.outcome else {
                    panic!("it streams")
                };
                while over.load(Ordering::Relaxed) == 0 {
                    piece_of(tail.as_mut()).unwrap().unwrap();
                }
            });
        }
        until("they run", || streaming.made.load(Ordering::Relaxed) > 500);
        let (_ticket, answers) = start(&streaming.rig.evaluator, other, Mode::Parallel);
        let answer = answers.recv_timeout(Duration::from_secs(5));
        over.store(1, Ordering::Relaxed);
        assert!(answer.is_ok(), "others wait for ever");
    });
    streaming.until_idle();
}

#[test]
fn readers_are_told_that_the_evaluator_goes() {
    let streaming = Streaming::of(1, u64::MAX, Turn::None);
    let (_ticket, mut tail) = streaming.read();
    streaming.until_awaited(tail.as_ref());
    drop(streaming.rig.evaluator);
    let fault = read_out(tail.as_mut()).unwrap_err();
    assert!(matches!(fault, Fault::Unavailable { .. }), "{fault}");
}

#[test]
fn what_can_be_kept_is_kept_also_where_memory_is_short() {
    let streaming = tight_streaming(1, 200, Turn::None);
    let (_ticket, mut tail) = streaming.read();
    let (bytes, content) = read_out(tail.as_mut()).unwrap();
    let values = streaming.rig.sources.values.lock();
    let value = values.get(&streaming.root).expect("it is kept");
    assert_eq!((value.content(), &value.bytes), (content, &bytes));
}

#[test]
fn a_record_says_how_much_its_function_read_also_of_what_was_made_meanwhile() {
    let streaming = tight_streaming(1, 40, Turn::None);
    let sources = &streaming.rig.sources;
    let count = sources.recipe("byte_count", &[streaming.root], &[]);
    value(&streaming.rig.evaluator, count);
    let record = sources.values.lock()[&count].record.clone();
    assert_eq!(record.cost.input_bytes, 40 * PIECE as u64);
}

#[test]
fn many_readers_at_rest_hold_little_memory_when_it_is_short() {
    let (function, _made) = pour(600, Turn::None);
    let rig = tight(1, vec![function], (0, MIB / 4));
    let mut readers = Vec::new();
    for n in 0..6_u64 {
        let leaf = rig.sources.leaf(&n.to_be_bytes());
        let root = rig.sources.recipe("pour", &[leaf], &[]);
        let (ticket, answers) = start(&rig.evaluator, root, Mode::Parallel);
        let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
        let Outcome::Production(mut tail) = evaluated.outcome else {
            panic!("it streams")
        };
        for number in 0..300 {
            assert_eq!(piece_of(tail.as_mut()).unwrap().unwrap(), nth_piece(number));
        }
        readers.push((ticket, tail));
    }
    for (_, tail) in &readers {
        until("it stands still", || tail.is_awaited());
    }
    let meter = &rig.evaluator.shared.executor.meter;
    assert!(!meter.is_over(readers.len() as u64 * MIB, 0), "{meter:?}");
    for (_, tail) in &mut readers {
        for number in 300..600 {
            assert_eq!(piece_of(tail.as_mut()).unwrap().unwrap(), nth_piece(number));
        }
        assert!(piece_of(tail.as_mut()).unwrap().is_err());
    }
}
