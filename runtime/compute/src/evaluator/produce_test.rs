//! Productions: order, pace, late readers, early ends, and pipelines of what is too large to hold.

use super::*;
use crate::{Pieces, StreamingComputeFunction, function::FunctionSpec, streaming::drain};
use deriva_system::compute::Tail;

#[path = "pressure_test.rs"]
mod pressure_test;

const PIECE: usize = 64 * 1024;
const MIB: u64 = 1 << 20;

/// Gives out as many pieces as it was told, each of them full of its number.
struct Pour {
    spec: FunctionSpec,
    pieces: u64,
    /// Pieces made by all calls together.
    made: Arc<AtomicU64>,
    /// The piece before which it waits, or at which it fails.
    turn: Turn,
}

#[derive(Clone)]
pub(super) enum Turn {
    None,
    /// Until the flag is up.
    Waits(u64, Arc<(Mutex<bool>, Condvar)>),
    Fails(u64),
    /// Until nobody needs it any more: no other limit ends it.
    Stalls(u64),
    /// When it is dropped.
    Panics,
}

struct Poured {
    pieces: u64,
    at: u64,
    made: Arc<AtomicU64>,
    turn: Turn,
}

impl Pieces for Poured {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        if self.at == self.pieces {
            return Ok(None);
        }
        match &self.turn {
            Turn::Fails(at) if *at == self.at => return Err(FunctionError::failed("dry")),
            Turn::Waits(at, flag) if *at == self.at => {
                let mut open = flag.0.lock();
                while !*open {
                    assert!(!flag.1.wait_for(&mut open, PATIENCE).timed_out());
                }
            }
            Turn::Stalls(at) if *at == self.at => loop {
                std::thread::yield_now();
                budget.progressed();
                budget.checkpoint()?;
            },
            _ => {}
        }
        budget.charge_output(PIECE as u64)?;
        self.made.fetch_add(1, Ordering::Relaxed);
        self.at += 1;
        Ok(Some(nth_piece(self.at - 1)))
    }
}

impl Drop for Poured {
    fn drop(&mut self) {
        assert!(!matches!(self.turn, Turn::Panics), "on purpose");
    }
}

fn nth_piece(number: u64) -> Bytes {
    let number = format!("{number:08x}");
    number.bytes().cycle().take(PIECE).collect()
}

impl ComputeFunction for Pour {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
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

impl StreamingComputeFunction for Pour {
    fn open(
        &self,
        _inputs: Vec<Box<dyn Pieces>>,
        _params: &Params,
    ) -> Result<Box<dyn Pieces>, FunctionError> {
        Ok(Box::new(Poured {
            pieces: self.pieces,
            at: 0,
            made: self.made.clone(),
            turn: self.turn.clone(),
        }))
    }
}

pub(super) fn pour(pieces: u64, turn: Turn) -> (Arc<dyn ComputeFunction>, Arc<AtomicU64>) {
    let made = Arc::new(AtomicU64::new(0));
    let function = Pour {
        spec: spec_of_a_test("pour"),
        pieces,
        made: made.clone(),
        turn,
    };
    (Arc::new(function), made)
}

pub(super) fn until(what: &str, condition: impl Fn() -> bool) {
    let clock = SystemClock::default();
    let began = clock.monotonic();
    while !condition() {
        assert!(clock.monotonic() - began < PATIENCE, "{what}, in time");
        std::thread::yield_now();
    }
}

struct Streaming {
    rig: Rig,
    root: CAddr,
    made: Arc<AtomicU64>,
}

impl Streaming {
    fn of(workers: usize, pieces: u64, turn: Turn) -> Self {
        let (function, made) = pour(pieces, turn);
        let rig = rig(workers, vec![function]);
        let root = rig.sources.recipe("pour", &[], &[]);
        Self { rig, root, made }
    }

    /// A reader of the root's production.
    fn read(&self) -> (Box<dyn Ticket>, Box<dyn Tail>) {
        let (ticket, answers) = start(&self.rig.evaluator, self.root, Mode::Parallel);
        let evaluated = answers.recv_timeout(PATIENCE).unwrap().unwrap();
        match evaluated.outcome {
            Outcome::Production(tail) => (ticket, tail),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the production stands still for want of a reader.
    fn until_awaited(&self, tail: &dyn Tail) {
        until("it stands still", || tail.is_awaited());
    }

    /// Waits until nothing is under way, and nothing is left of what was.
    fn until_idle(&self) {
        until("nothing is under way", || {
            let state = self.rig.evaluator.shared.state.lock();
            let rest = state.board.is_empty() && state.tails.is_empty() && state.parked.is_empty();
            rest && self.meter_is_under(0) && self.rig.sources.scratch.used() == 0
        });
    }

    fn meter_is_under(&self, bytes: u64) -> bool {
        !self.rig.evaluator.shared.executor.meter.is_over(bytes, 0)
    }
}

#[test]
fn a_gibibyte_passes_through_little_memory_in_order() {
    let pieces = 1024 * MIB / PIECE as u64;
    let streaming = Streaming::of(1, pieces, Turn::None);
    let (_ticket, mut tail) = streaming.read();
    let mut hasher = blake3::Hasher::new();
    for number in 0..pieces {
        let piece = piece_of(tail.as_mut()).unwrap().unwrap();
        assert!(piece == nth_piece(number), "piece {number}");
        assert!(streaming.meter_is_under(80 * MIB));
        hasher.update(&piece);
    }
    let content = piece_of(tail.as_mut()).unwrap().unwrap_err();
    assert_eq!(content.as_bytes(), hasher.finalize().as_bytes());
    assert_eq!(streaming.made.load(Ordering::Relaxed), pieces);
    drop((tail, _ticket));
    streaming.until_idle();
}

#[test]
fn the_first_piece_leaves_before_the_last_is_made() {
    let flag = Arc::new((Mutex::new(false), Condvar::new()));
    let streaming = Streaming::of(1, 20, Turn::Waits(10, flag.clone()));
    let (_ticket, mut tail) = streaming.read();
    assert_eq!(piece_of(tail.as_mut()).unwrap().unwrap(), nth_piece(0));
    assert!(streaming.made.load(Ordering::Relaxed) <= 10);
    *flag.0.lock() = true;
    flag.1.notify_all();
    for number in 1..20 {
        assert_eq!(piece_of(tail.as_mut()).unwrap().unwrap(), nth_piece(number));
    }
    assert!(piece_of(tail.as_mut()).unwrap().is_err());
}

#[test]
fn a_slow_reader_pauses_the_computation_which_holds_no_worker_then() {
    let streaming = Streaming::of(1, 4000, Turn::None);
    let (_ticket, mut tail) = streaming.read();
    for turn in 1..=3 {
        streaming.until_awaited(tail.as_ref());
        let made = streaming.made.load(Ordering::Relaxed);
        assert!(made <= (turn - 1) * 1000 + crate::evaluator::tail::AHEAD_MAX + 1);
        // The only worker is free for others.
        let leaf = streaming.rig.sources.leaf(&turn.to_be_bytes());
        let other = streaming.rig.sources.recipe("reverse", &[leaf], &[]);
        value(&streaming.rig.evaluator, other);
        assert_eq!(streaming.made.load(Ordering::Relaxed), made);
        for number in (turn - 1) * 1000..turn * 1000 {
            assert_eq!(piece_of(tail.as_mut()).unwrap().unwrap(), nth_piece(number));
        }
    }
}

#[test]
fn a_reader_that_goes_away_stops_it() {
    let streaming = Streaming::of(2, u64::MAX, Turn::None);
    let (ticket, mut tail) = streaming.read();
    piece_of(tail.as_mut()).unwrap().unwrap();
    drop((ticket, tail));
    streaming.until_idle();
    // And one that leaves while it is put aside.
    let (ticket, tail) = streaming.read();
    streaming.until_awaited(tail.as_ref());
    drop((ticket, tail));
    streaming.until_idle();
    assert!(streaming.rig.sources.values.lock().is_empty());
}

#[test]
fn a_failure_in_the_middle_is_no_value() {
    let streaming = Streaming::of(1, 100, Turn::Fails(50));
    let (ticket, mut tail) = streaming.read();
    let fault = read_out(tail.as_mut()).unwrap_err();
    assert!(
        matches!(&fault, Fault::FunctionFailed { recipe, .. } if *recipe == streaming.root),
        "{fault}"
    );
    assert!(streaming.rig.sources.values.lock().is_empty());
    assert_eq!(streaming.rig.evaluator.counts().failures, 1);
    drop((ticket, tail));
    streaming.until_idle();
}

#[test]
fn late_readers_follow_the_same_production_from_its_beginning() {
    let pieces = 2000;
    let streaming = Streaming::of(1, pieces, Turn::None);
    let (_first, mut first) = streaming.read();
    // More than memory holds, so that the beginning lies in a file.
    for number in 0..1500 {
        assert_eq!(
            piece_of(first.as_mut()).unwrap().unwrap(),
            nth_piece(number)
        );
    }
    streaming.until_awaited(first.as_ref());
    let (_second, mut second) = streaming.read();
    for number in 0..pieces {
        assert_eq!(
            piece_of(second.as_mut()).unwrap().unwrap(),
            nth_piece(number)
        );
    }
    assert!(piece_of(second.as_mut()).unwrap().is_err());
    assert!(read_out(first.as_mut()).is_ok());
    assert_eq!(streaming.made.load(Ordering::Relaxed), pieces);
    assert_eq!(streaming.rig.evaluator.counts().executions, 1);
}

#[test]
fn a_value_that_can_be_kept_is_kept_with_its_record() {
    let streaming = Streaming::of(1, 100, Turn::None);
    let (_ticket, mut tail) = streaming.read();
    let (bytes, content) = read_out(tail.as_mut()).unwrap();
    let value = streaming.rig.sources.values.lock()[&streaming.root].clone();
    assert_eq!((value.content(), &value.bytes), (content, &bytes));
    assert!(value.record.cost.wall_nanos > 0);
}

#[test]
fn a_production_aside_goes_on_for_a_function_that_needs_it_whole() {
    let streaming = Streaming::of(1, 900, Turn::None);
    let (_ticket, tail) = streaming.read();
    streaming.until_awaited(tail.as_ref());
    let count = streaming
        .rig
        .sources
        .recipe("byte_count", &[streaming.root], &[]);
    assert_eq!(
        value(&streaming.rig.evaluator, count),
        (900 * PIECE as u64).to_string().as_bytes()
    );
    assert_eq!(streaming.made.load(Ordering::Relaxed), 900);
}

#[test]
fn what_lies_between_streaming_functions_is_never_held() {
    let streaming = Streaming::of(2, 3000, Turn::None);
    let sources = &streaming.rig.sources;
    let upper = sources.recipe("uppercase", &[streaming.root], &[]);
    let count = sources.recipe("byte_count", &[upper], &[]);
    let expected = (3000 * PIECE as u64).to_string();
    assert_eq!(value(&streaming.rig.evaluator, count), expected.as_bytes());
    assert_eq!(sources.scratch.files(), 0);
    // All were read to their ends, so the small one at the end has its record.
    let record = sources.values.lock()[&count].record.clone();
    assert_eq!(record.inputs.len(), 1);
    drop(record);
    streaming.until_idle();
}

#[test]
fn what_two_functions_need_is_made_once() {
    let streaming = Streaming::of(2, 1200, Turn::None);
    let sources = &streaming.rig.sources;
    let count = sources.recipe("byte_count", &[streaming.root], &[]);
    let lines = sources.recipe("line_count", &[streaming.root], &[]);
    let both = sources.recipe("concat", &[count, lines], &[]);
    let size = (1200 * PIECE as u64).to_string();
    assert!(value(&streaming.rig.evaluator, both).starts_with(size.as_bytes()));
    // Some of it was made and given up by the batch that came first.
    assert_eq!(streaming.rig.evaluator.counts().executions, 4);
    streaming.until_idle();
}

#[test]
fn a_leaf_larger_than_one_call_takes_goes_through_a_pipeline() {
    let whole = scripted("whole", |inputs, _| Ok(inputs.concat().into()));
    let rig = rig(1, vec![whole]);
    let bytes: Vec<u8> = (0..70 * MIB).map(|at| b'a' + (at % 23) as u8).collect();
    let leaf = rig.sources.leaf(&bytes);
    let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
    let expected = ContentHash::of(&bytes.to_ascii_uppercase());
    for mode in [Mode::Parallel, Mode::Sequential, Mode::Record] {
        rig.sources.forget_values();
        let (bytes, trace) = get(&rig.evaluator, upper, mode).unwrap();
        assert_eq!(ContentHash::of(&bytes), expected);
        if let Some(trace) = trace {
            assert_eq!(trace.steps[0].output, expected);
            let replay = Mode::Replay(Arc::new(trace));
            get(&rig.evaluator, upper, replay).unwrap();
        }
    }
    // A function that cannot stream says what it takes.
    let whole = rig.sources.recipe("whole", &[upper], &[]);
    let fault = get(&rig.evaluator, whole, Mode::Parallel).unwrap_err();
    assert!(matches!(fault, Fault::OverLimit { .. }), "{fault}");
    assert_eq!(rig.sources.scratch.used(), 0);
}

#[test]
fn who_stops_reading_early_has_a_value_and_no_record() {
    let streaming = Streaming::of(1, 3000, Turn::None);
    let sources = &streaming.rig.sources;
    let head = sources.recipe("slice", &[streaming.root], &[("end", Value::I64(3))]);
    assert_eq!(
        value(&streaming.rig.evaluator, head),
        nth_piece(0).slice(..3)
    );
    assert!(!sources.values.lock().contains_key(&head));
    assert!(streaming.made.load(Ordering::Relaxed) < 3000);
    streaming.until_idle();
}

#[test]
fn an_evaluator_that_goes_tells_the_readers() {
    let streaming = Streaming::of(1, u64::MAX, Turn::None);
    let (_ticket, mut tail) = streaming.read();
    streaming.until_awaited(tail.as_ref());
    drop(streaming.rig.evaluator);
    assert!(read_out(tail.as_mut()).is_err());
}

#[test]
fn scratch_that_is_full_loses_late_readers_only() {
    let (function, _made) = pour(2000, Turn::None);
    let sources = Arc::new(TestSources {
        scratch: Arc::new(MemoryScratch::new(MIB)),
        ..TestSources::default()
    });
    let evaluator = evaluator(&sources, 1, vec![function], 1 << 30);
    let root = sources.recipe("pour", &[], &[]);
    let (_first, answers) = start(&evaluator, root, Mode::Parallel);
    let Outcome::Production(mut tail) = answers.recv_timeout(PATIENCE).unwrap().unwrap().outcome
    else {
        panic!("it streams")
    };
    for _ in 0..1500 {
        piece_of(tail.as_mut()).unwrap().unwrap();
    }
    let late = get(&evaluator, root, Mode::Parallel).unwrap_err();
    assert!(matches!(late, Fault::Overloaded { .. }), "{late}");
    let mut rest = 0;
    while piece_of(tail.as_mut()).unwrap().is_ok() {
        rest += 1;
    }
    assert_eq!(rest, 500);
}
