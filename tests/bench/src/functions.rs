//! The functions that are measured: as little work as a function can be, so that what is left is ours.
//!
//! They are pure, charge their budget and are called like every other. They refuse to be of any use.

use crate::Failure;
use bytes::Bytes;
use deriva_compute::{
    Budget, ComputeFunction, FunctionError, FunctionSpec, Params, Registry,
    function::{Arity, CostHint, ParamKind, ParamSpec, Presence},
};
use deriva_model::{CAddr, FunctionId, Recipe, RecipeError, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// Bytes of what `mix` makes.
pub const MIXED: usize = 8;
/// Bytes of what `spread` makes.
pub const SPREAD: usize = 64;
/// An odd number with bits in no order: half of the golden ratio's digits.
const STIR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Steps of `toil` between two looks at its budget.
const TOIL_BETWEEN: u64 = 10_000;

const FUNCTIONS: [(&str, Nature); 3] = [
    ("mix", Nature::Mix),
    ("spread", Nature::Spread),
    ("toil", Nature::Toil),
];

/// One id a function, which its recipes share, as a client does that makes many.
static IDS: LazyLock<[Arc<FunctionId>; FUNCTIONS.len()]> =
    LazyLock::new(|| FUNCTIONS.map(|(name, _)| Arc::new(FunctionId::new(name, VERSION))));
const VERSION: &str = "1.0.0";

/// What a benchmark's node can call, beside the functions that come with it.
///
/// # Errors
/// A name is taken.
pub fn registry() -> Result<Registry, Failure> {
    let mut registry = Registry::builtin();
    for (name, nature) in FUNCTIONS {
        registry.register(Arc::new(Function::new(name, nature)))?;
    }
    Ok(registry)
}

/// A recipe of one of these functions; `number` makes it another one.
///
/// # Errors
/// More inputs than a recipe may have.
pub fn recipe(name: &str, inputs: Vec<CAddr>, number: Option<i64>) -> Result<Recipe, RecipeError> {
    let params = number.map(|number| ("n".to_owned(), Value::I64(number)));
    let params: BTreeMap<String, Value> = params.into_iter().collect();
    let known = IDS.iter().find(|id| id.name == name).cloned();
    let function = known.unwrap_or_else(|| Arc::new(FunctionId::new(name, VERSION)));
    Recipe::new(function, inputs, params)
}

/// Stirs the words of the inputs, in their order, into a number.
pub fn mix<'a>(inputs: impl Iterator<Item = &'a [u8]>, number: i64) -> u64 {
    let start = number.cast_unsigned() ^ STIR;
    inputs.fold(start, |stirred, input| {
        input.chunks(8).fold(stirred, |stirred, word| {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            step(stirred ^ u64::from_le_bytes(padded))
        })
    })
}

const fn step(number: u64) -> u64 {
    let mixed = number.wrapping_mul(STIR);
    mixed ^ (mixed >> 29)
}

/// What a function makes of the number.
enum Nature {
    /// The number.
    Mix,
    /// [`SPREAD`] bytes.
    Spread,
    /// The number stirred `n` times: as long as a benchmark wants.
    Toil,
}

struct Function {
    spec: FunctionSpec,
    nature: Nature,
}

impl Function {
    fn new(name: &str, nature: Nature) -> Self {
        let number = ParamSpec {
            name: "n".to_owned(),
            kind: ParamKind::I64 {
                min: i64::MIN,
                max: i64::MAX,
            },
            presence: Presence::Default(Value::I64(0)),
            description: "Stirred in.".to_owned(),
        };
        let spec = FunctionSpec {
            id: FunctionId::new(name, VERSION),
            description: "Stirs its inputs into a number.".to_owned(),
            inputs: Arity::any("anything"),
            params: vec![number],
            example: format!("deriva recipe {name} 1.0.0 -p n:int=1"),
            cost: CostHint {
                fixed_nanos: 100,
                nanos_per_kib: 500,
            },
        };
        Self { spec, nature }
    }
}

impl ComputeFunction for Function {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let read: usize = inputs.iter().map(Bytes::len).sum();
        budget.charge_read(read as u64)?;
        let number = params.i64("n")?;
        let mut mixed = mix(inputs.iter().map(AsRef::as_ref), number);
        let times = match self.nature {
            Nature::Mix => 1,
            Nature::Spread => SPREAD / MIXED,
            Nature::Toil => {
                mixed = toil(mixed, number.unsigned_abs(), budget)?;
                1
            }
        };
        budget.charge_output((times * MIXED) as u64)?;
        let mut made = Vec::with_capacity(times * MIXED);
        for _ in 0..times {
            made.extend_from_slice(&mixed.to_le_bytes());
            mixed = step(mixed);
        }
        Ok(made.into())
    }
}

fn toil(mut mixed: u64, steps: u64, budget: &mut Budget) -> Result<u64, FunctionError> {
    let mut left = steps;
    while left > 0 {
        let some = left.min(TOIL_BETWEEN);
        for _ in 0..some {
            mixed = step(mixed);
        }
        budget.charge_steps(some)?;
        left -= some;
    }
    Ok(mixed)
}
