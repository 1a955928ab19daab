//! What a vector tells of its bytes, as the domain's own types.

use std::collections::BTreeMap;

use deriva_model::{
    CAddr, Consumed, ContentHash, Cost, F64, FunctionId, Recipe, Record, Trace, TraceStep, Value,
};
use serde::Deserialize;

use crate::{Disagreement, from_hex};

/// A recipe as told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeTold {
    function: String,
    version: String,
    inputs: Vec<String>,
    params: BTreeMap<String, ValueTold>,
}

/// A value as told: one key, its kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueTold {
    /// Text.
    String(String),
    /// A number in decimal digits, because JSON's numbers do not hold 64 bits everywhere.
    I64(String),
    /// True or false.
    Bool(bool),
    /// Hex digits.
    Bytes(String),
    /// Values in order.
    List(Vec<ValueTold>),
    /// The IEEE bits in hex digits.
    F64(String),
}

/// A record as told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTold {
    recipe: String,
    function: String,
    version: String,
    inputs: Vec<(String, String)>,
    output: String,
    size: String,
    cost: (String, String, String),
}

/// A trace as told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceTold {
    root: String,
    steps: Vec<StepTold>,
}

/// A step of a trace as told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepTold {
    recipe: String,
    inputs: Vec<String>,
    output: String,
    size: String,
}

impl RecipeTold {
    /// The recipe.
    pub fn mean(&self) -> Result<Recipe, Disagreement> {
        let inputs: Result<Vec<CAddr>, _> =
            self.inputs.iter().map(|input| address(input)).collect();
        let params: Result<_, Disagreement> = self
            .params
            .iter()
            .map(|(key, value)| Ok((key.clone(), value.mean()?)))
            .collect();
        let function = FunctionId::new(&self.function, &self.version);
        Recipe::new(function, inputs?, params?).map_err(Disagreement::unreadable)
    }
}

impl ValueTold {
    /// The value.
    pub fn mean(&self) -> Result<Value, Disagreement> {
        Ok(match self {
            ValueTold::String(text) => Value::String(text.clone()),
            ValueTold::I64(digits) => Value::I64(number(digits)?),
            ValueTold::Bool(flag) => Value::Bool(*flag),
            ValueTold::Bytes(digits) => Value::Bytes(from_hex(digits)?),
            ValueTold::List(items) => {
                let items: Result<_, _> = items.iter().map(ValueTold::mean).collect();
                Value::List(items?)
            }
            ValueTold::F64(digits) => {
                let bits = u64::from_str_radix(digits, 16).map_err(Disagreement::unreadable)?;
                let float = F64::from_canonical_bits(bits);
                Value::F64(float.ok_or_else(|| Disagreement::unreadable("not canonical bits"))?)
            }
        })
    }
}

impl RecordTold {
    /// The record.
    pub fn mean(&self) -> Result<Record, Disagreement> {
        let inputs: Result<_, Disagreement> = self
            .inputs
            .iter()
            .map(|(input, hash)| {
                Ok(Consumed {
                    address: address(input)?,
                    content: content(hash)?,
                })
            })
            .collect();
        Ok(Record {
            recipe: address(&self.recipe)?,
            function: FunctionId::new(&self.function, &self.version).into(),
            inputs: inputs?,
            output: content(&self.output)?,
            size: number(&self.size)?,
            cost: Cost {
                wall_nanos: number(&self.cost.0)?,
                steps: number(&self.cost.1)?,
                input_bytes: number(&self.cost.2)?,
            },
        })
    }
}

impl TraceTold {
    /// The trace.
    pub fn mean(&self) -> Result<Trace, Disagreement> {
        let steps: Result<_, _> = self.steps.iter().map(StepTold::mean).collect();
        Ok(Trace {
            root: address(&self.root)?,
            steps: steps?,
        })
    }
}

impl StepTold {
    fn mean(&self) -> Result<TraceStep, Disagreement> {
        Ok(TraceStep {
            recipe: address(&self.recipe)?,
            inputs: contents(&self.inputs)?,
            output: content(&self.output)?,
            size: number(&self.size)?,
        })
    }
}

pub(crate) fn contents(told: &[String]) -> Result<Vec<ContentHash>, Disagreement> {
    told.iter().map(|hash| content(hash)).collect()
}

fn address(digits: &str) -> Result<CAddr, Disagreement> {
    CAddr::parse_hex(digits).map_err(Disagreement::unreadable)
}

fn content(digits: &str) -> Result<ContentHash, Disagreement> {
    ContentHash::parse_hex(digits).map_err(Disagreement::unreadable)
}

fn number<N: std::str::FromStr>(digits: &str) -> Result<N, Disagreement>
where
    N::Err: ToString,
{
    digits
        .parse()
        .map_err(|error: N::Err| Disagreement::unreadable(error.to_string()))
}
