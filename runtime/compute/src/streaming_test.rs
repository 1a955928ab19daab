#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deriva_model::{CAddr, FunctionId, Recipe, Value};

use super::*;
use crate::budget::{BudgetLimits, Resource};
use crate::function::{Arity, CostHint, FunctionSpec};
use crate::registry::Registry;

/// A clock that moves when it is told to.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn turn(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn budget(&self, limits: BudgetLimits) -> Budget {
        let hand = self.clone();
        Budget::new(
            limits,
            Arc::new(move || Duration::from_secs(hand.0.load(Ordering::Relaxed))),
        )
    }
}

/// Pieces as scripted; a `None` within is an error, as of a source that was cut off.
struct Script {
    pieces: VecDeque<Option<&'static str>>,
    hand: Hand,
    seconds: u64,
}

impl Pieces for Script {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        self.hand.turn(self.seconds);
        match self.pieces.pop_front() {
            Some(Some(piece)) => Ok(Some(Bytes::from(piece))),
            Some(None) => Err(FunctionError::failed("cut off")),
            None => Ok(None),
        }
    }
}

fn script(pieces: &[Option<&'static str>], hand: &Hand, seconds: u64) -> Box<dyn Pieces> {
    Box::new(Script {
        pieces: pieces.iter().copied().collect(),
        hand: hand.clone(),
        seconds,
    })
}

fn call(name: &str, params: &[(&str, &str)]) -> Call {
    let params = params.iter();
    let params = params
        .map(|(k, v)| (k.to_string(), Value::from(*v)))
        .collect();
    let inputs = vec![CAddr::from_bytes([7; 32])];
    let recipe = Recipe::new(FunctionId::new(name, "1.0.0"), inputs, params).unwrap();
    Registry::builtin().prepare(&recipe).unwrap()
}

/// A function that needs all of its input at once: no built-in one does.
struct Batch(FunctionSpec);

impl ComputeFunction for Batch {
    fn spec(&self) -> &FunctionSpec {
        &self.0
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        _params: &Params,
        _budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        Ok(inputs.concat().into())
    }
}

fn batch() -> Call {
    let id = FunctionId::new("batch", "1.0.0");
    let spec = FunctionSpec {
        id: id.clone(),
        description: String::new(),
        inputs: Arity::exactly(&["data"]),
        params: Vec::new(),
        example: String::new(),
        cost: CostHint {
            fixed_nanos: 1,
            nanos_per_kib: 1,
        },
    };
    let mut registry = Registry::new();
    registry.register(Arc::new(Batch(spec))).unwrap();
    let inputs = vec![CAddr::from_bytes([7; 32])];
    let recipe = Recipe::new(id, inputs, std::collections::BTreeMap::new()).unwrap();
    let call = registry.prepare(&recipe).unwrap();
    assert!(!call.streams());
    call
}

fn all(mut stream: Stream) -> Result<Vec<u8>, FunctionError> {
    let mut value = Vec::new();
    while let Some(piece) = stream.pull()? {
        value.extend_from_slice(&piece);
    }
    assert_eq!(stream.pull(), Ok(None), "the end stays the end");
    Ok(value)
}

#[test]
fn a_source_that_was_cut_off_is_an_error_and_stays_one() {
    let hand = Hand::default();
    for call in [
        call("skip", &[("count", "0")]),
        call("reverse", &[]),
        batch(),
    ] {
        let name = call.spec().id.name.clone();
        let source = script(&[Some("ab"), None], &hand, 0);
        let budget = hand.budget(BudgetLimits::streaming());
        let mut stream = call.open_stream(vec![source], budget).unwrap();
        let mut error = None;
        for _ in 0..4 {
            if let Err(got) = stream.pull() {
                assert_eq!(got.to_string(), "cut off");
                error = Some(got);
            } else {
                assert!(error.is_none(), "{name}: an error was followed by a value");
            }
        }
        assert!(error.is_some(), "{name}");
    }
}

#[test]
fn streams_feed_streams_and_empty_pieces_are_passed_over() {
    let hand = Hand::default();
    let source = script(&[Some("b\n"), Some(""), Some("a"), Some("\nb")], &hand, 0);
    let mut top: Box<dyn Pieces> = source;
    for name in ["sort_lines", "unique_lines", "hex_encode", "hex_decode"] {
        let budget = hand.budget(BudgetLimits::streaming());
        top = Box::new(call(name, &[]).open_stream(vec![top], budget).unwrap());
    }
    let budget = hand.budget(BudgetLimits::streaming());
    let last = call("join", &[]).open_stream(vec![top], budget).unwrap();
    assert_eq!(all(last).unwrap(), b"a,b");
}

#[test]
fn the_clock_stands_while_others_are_waited_for() {
    let hand = Hand::default();
    let limits = BudgetLimits {
        wall: Duration::from_secs(1),
        ..BudgetLimits::streaming()
    };
    let source = script(&[Some("a"), Some("b"), Some("c")], &hand, 100);
    let call = call("byte_count", &[]);
    let mut stream = call.open_stream(vec![source], hand.budget(limits)).unwrap();
    hand.turn(1_000);
    assert_eq!(stream.pull().unwrap().unwrap(), "3");
    hand.turn(1_000);
    assert_eq!(stream.pull(), Ok(None));
}

struct Slow(Hand);

impl Pieces for Slow {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        self.0.turn(2);
        budget.checkpoint()?;
        Ok(Some(Bytes::from_static(b"x")))
    }
}

struct Broken;

impl Pieces for Broken {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        panic!("broken");
    }
}

struct Nothings;

impl Pieces for Nothings {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        Ok(Some(Bytes::new()))
    }
}

#[test]
fn time_inside_counts_a_panic_is_caught_and_nothings_end() {
    let hand = Hand::default();
    let limits = |wall| BudgetLimits {
        wall: Duration::from_secs(wall),
        steps: 1_000,
        ..BudgetLimits::streaming()
    };
    let mut slow = Stream::new(Box::new(Slow(hand.clone())), hand.budget(limits(1)));
    let what = Resource::WallMillis;
    let limit = 1_000;
    assert_eq!(
        slow.pull(),
        Err(FunctionError::BudgetExceeded { what, limit })
    );
    // Each piece is progress: no number of them is too slow when none is.
    let mut slow = Stream::new(Box::new(Slow(hand.clone())), hand.budget(limits(3)));
    for _ in 0..10 {
        assert_eq!(slow.pull().unwrap().unwrap(), "x");
    }
    let mut broken = Stream::new(Box::new(Broken), hand.budget(limits(1)));
    for _ in 0..2 {
        assert!(matches!(broken.pull(), Err(FunctionError::Panicked { .. })));
    }
    let mut nothings = Stream::new(Box::new(Nothings), hand.budget(limits(1)));
    assert!(matches!(
        nothings.pull(),
        Err(FunctionError::BudgetExceeded { .. })
    ));
}

#[test]
fn inputs_that_a_batch_function_cannot_hold_are_refused_as_they_come() {
    struct Zeros;
    impl Pieces for Zeros {
        fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
            Ok(Some(Bytes::from_static(&[0; PIECE_BYTES])))
        }
    }
    let hand = Hand::default();
    let budget = hand.budget(BudgetLimits::streaming());
    let call = batch();
    let mut stream = call.open_stream(vec![Box::new(Zeros)], budget).unwrap();
    assert!(matches!(
        stream.pull(),
        Err(FunctionError::InputsTooLarge { .. })
    ));
    let budget = hand.budget(BudgetLimits::streaming());
    assert!(matches!(
        call.open_stream(Vec::new(), budget),
        Err(FunctionError::WrongInputs { .. })
    ));
}

#[test]
fn a_stream_ends_at_its_limit_of_output_and_when_it_is_cancelled() {
    let hand = Hand::default();
    let limits = BudgetLimits {
        output_bytes: 3,
        ..BudgetLimits::streaming()
    };
    let source = script(&[Some("ab"), Some("cd")], &hand, 0);
    let call = call("skip", &[("count", "0")]);
    let stream = call.open_stream(vec![source], hand.budget(limits)).unwrap();
    let what = Resource::OutputBytes;
    assert_eq!(
        all(stream),
        Err(FunctionError::BudgetExceeded { what, limit: 3 })
    );
    let flag = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let budget = hand.budget(BudgetLimits::streaming()).cancelled_by(flag);
    let source = script(&[Some("ab")], &hand, 0);
    let stream = call.open_stream(vec![source], budget).unwrap();
    assert_eq!(all(stream), Err(FunctionError::Cancelled));
}
