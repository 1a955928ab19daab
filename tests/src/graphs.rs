//! Graphs to put: leaves and recipes made from a seed, with the values that they must have, computed
//! here by other code than the node's.

use bytes::Bytes;
use deriva_client::{Client, ClientError};
use deriva_model::{CAddr, FunctionId, Recipe, Value};
use std::collections::{BTreeMap, HashMap};

/// The version of every function that stories call.
const VERSION: &str = "1.0.0";
/// Values of a made graph grow no longer than this.
const VALUE_BYTES: usize = 16 << 10;
/// Recipes look this far back for their inputs, so that graphs are deep as well as wide.
const REACH: u64 = 12;

/// A recipe of a built-in function.
#[must_use]
pub fn recipe(function: &str, inputs: &[CAddr], params: &[(&str, Value)]) -> Recipe {
    let params = params
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    let params: BTreeMap<String, Value> = params.collect();
    Recipe::new(FunctionId::new(function, VERSION), inputs, params)
        .expect("a story's recipe is within the limits")
}

/// A param's text.
#[must_use]
pub fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// Bytes that nothing can compress, the same for the same seed.
#[must_use]
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&dice.roll().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// SplitMix64: a seed gives the same numbers on every machine.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.roll() % bound).expect("a bound is small")
    }
}

/// Leaves, recipes in an order in which they can be put, and what each recipe's value must be.
#[derive(Debug, Default)]
pub struct Graph {
    pub leaves: Vec<Bytes>,
    pub recipes: Vec<Recipe>,
    values: HashMap<CAddr, Bytes>,
    order: Vec<CAddr>,
}

impl Graph {
    /// A graph of mixed shapes.
    #[must_use]
    pub fn random(seed: u64, leaves: u64, recipes: u64) -> Self {
        let mut dice = Dice(seed);
        let mut graph = Self::default();
        for number in 0..leaves {
            graph.leaf(format!("leaf {number} of {seed}: {:016x}\n", dice.roll()).into());
        }
        while (graph.recipes.len() as u64) < recipes {
            graph.step(&mut dice);
        }
        graph
    }

    fn leaf(&mut self, bytes: Bytes) {
        let addr = CAddr::of_leaf(&bytes);
        self.order.push(addr);
        self.values.insert(addr, bytes.clone());
        self.leaves.push(bytes);
    }

    fn step(&mut self, dice: &mut Dice) {
        let count = 1 + dice.below(3);
        let inputs: Vec<CAddr> = (0..count).map(|_| self.pick(dice)).collect();
        let number = i64::try_from(dice.below(20)).expect("below twenty");
        let values: Vec<&Bytes> = inputs.iter().map(|input| &self.values[input]).collect();
        let one = inputs.split_at(1).0;
        let (recipe, value) = match dice.below(5) {
            0 => {
                let separator = format!("<{number}>");
                let parts: Vec<&[u8]> = values.iter().map(|value| value.as_ref()).collect();
                let joined = parts.join(separator.as_bytes());
                (
                    recipe("concat", &inputs, &[("separator", text(&separator))]),
                    joined,
                )
            }
            1 => (
                recipe("uppercase", one, &[]),
                values[0].to_ascii_uppercase(),
            ),
            2 => {
                let back = values[0].iter().rev().copied().collect();
                (recipe("reverse", one, &[]), back)
            }
            3 => {
                let kept = values[0]
                    .get(number as usize..)
                    .unwrap_or_default()
                    .to_vec();
                (recipe("slice", one, &[("start", Value::I64(number))]), kept)
            }
            _ => {
                let times = values[0].repeat(number as usize % 4);
                (
                    recipe("repeat", one, &[("count", Value::I64(number % 4))]),
                    times,
                )
            }
        };
        let addr = recipe.address();
        if value.len() > VALUE_BYTES || self.values.contains_key(&addr) {
            return;
        }
        self.values.insert(addr, value.into());
        self.order.push(addr);
        self.recipes.push(recipe);
    }

    fn pick(&self, dice: &mut Dice) -> CAddr {
        let known = self.order.len() as u64;
        let back = dice.below(known.min(REACH));
        let anywhere = dice.below(known);
        match dice.below(4) {
            0 => self.order[anywhere],
            _ => self.order[self.order.len() - 1 - back],
        }
    }

    /// Every address, leaves first, then recipes in their order.
    #[must_use]
    pub fn addresses(&self) -> &[CAddr] {
        &self.order
    }

    /// What the value of an address must be.
    #[must_use]
    pub fn value(&self, addr: &CAddr) -> &Bytes {
        &self.values[addr]
    }

    /// Puts everything; answers when all of it is acknowledged.
    pub async fn put(&self, client: &Client) -> Result<(), ClientError> {
        for leaf in &self.leaves {
            client.put_leaf(leaf.clone()).await?;
        }
        let stored = crate::store_all(client, self.recipes.clone()).await;
        assert_eq!(stored, &self.order[self.leaves.len()..]);
        Ok(())
    }
}
