//! Graphs that are measured, sealed as a client seals them, and the same work done by hand.

use crate::{
    Failure,
    functions::{MIXED, mix, recipe},
};
use dashmap::DashMap;
use deriva_messages::materialize::Transient;
use deriva_model::{CAddr, ContentHash, Recipe, SealedRecipe};
use deriva_system::{AddressMap, Spread};
use std::sync::Arc;

/// The map of the node's views, with keys like theirs and hashed as there.
pub type Bare<V> = DashMap<CAddr, V, Spread>;

/// A graph whose recipes travel with the request.
pub struct Graph {
    pub root: CAddr,
    pub recipes: Transient,
}

impl Graph {
    /// Recipes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recipes.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recipes.is_empty()
    }
}

/// Takes recipes one after the other, inputs before consumers.
pub trait Site {
    /// What takes a recipe's place as an input.
    ///
    /// # Errors
    /// As the site has it.
    fn put(&mut self, recipe: Recipe) -> Result<CAddr, Failure>;
}

/// Seals and collects, as a client does.
#[derive(Default)]
pub struct Sealed(pub Vec<Arc<SealedRecipe>>);

impl Site for Sealed {
    fn put(&mut self, recipe: Recipe) -> Result<CAddr, Failure> {
        let sealed = SealedRecipe::seal(recipe);
        let address = sealed.address();
        self.0.push(Arc::new(sealed));
        Ok(address)
    }
}

impl Sealed {
    /// The graph under the recipe that was put last.
    ///
    /// # Errors
    /// Nothing was put.
    pub fn travelling(self) -> Result<Graph, Failure> {
        let root = self.0.last().ok_or("an empty graph")?.address();
        let recipes = self.0.into_iter();
        let recipes = recipes.map(|recipe| (recipe.address(), recipe)).collect();
        Ok(Graph {
            root,
            recipes: Arc::new(recipes),
        })
    }
}

/// The least that has to be done for a recipe, on one thread: canonical bytes, hash, a look at each
/// input, the function, the hash of what it made, and both into a map.
#[derive(Default)]
pub struct ByHand {
    recipes: AddressMap<CAddr, Arc<SealedRecipe>>,
    values: Bare<(ContentHash, [u8; MIXED])>,
}

impl ByHand {
    /// A value that is there from the beginning.
    pub fn hold(&self, leaf: CAddr, bytes: [u8; MIXED]) {
        let content = ContentHash::of(&bytes);
        self.values.insert(leaf, (content, bytes));
    }

    #[must_use]
    pub fn value(&self, address: &CAddr) -> Option<[u8; MIXED]> {
        self.values.get(address).map(|value| value.1)
    }
}

impl Site for ByHand {
    fn put(&mut self, recipe: Recipe) -> Result<CAddr, Failure> {
        let sealed = Arc::new(SealedRecipe::seal(recipe));
        let address = sealed.address();
        self.recipes.insert(address, sealed.clone());
        let inputs = sealed.recipe().inputs().iter();
        let inputs: Option<Vec<[u8; MIXED]>> = inputs.map(|input| self.value(input)).collect();
        let inputs = inputs.ok_or("an input is missing")?;
        let number = match sealed.recipe().given().as_slice() {
            [("n", deriva_model::Value::I64(number))] => *number,
            _ => 0,
        };
        let made = mix(inputs.iter().map(<[u8; MIXED]>::as_slice), number).to_le_bytes();
        self.values.insert(address, (ContentHash::of(&made), made));
        Ok(address)
    }
}

/// Recipes that have nothing but a leaf in common, gathered under one root: `count` of them, some
/// hundred a gathering. `seed` makes them others than those of another run.
///
/// # Errors
/// What the site says.
pub fn apart(site: &mut impl Site, leaf: CAddr, count: usize, seed: usize) -> Result<(), Failure> {
    const GATHERED: usize = 256;
    let mut above = Vec::new();
    let mut gathered = Vec::with_capacity(GATHERED);
    for number in 0..count {
        let number = i64::try_from(seed * count + number)?;
        gathered.push(site.put(recipe("mix", vec![leaf], Some(number))?)?);
        if gathered.len() == GATHERED {
            above.push(site.put(recipe("mix", std::mem::take(&mut gathered), None)?)?);
        }
    }
    above.extend(gathered);
    site.put(recipe("mix", above, None)?)?;
    Ok(())
}

/// Layers of recipes, each over two neighbours of the layer below, the lowest over the leaf twice; as
/// many layers as a layer has recipes, and a root over the highest. About `nodes` recipes.
///
/// # Errors
/// What the site says.
pub fn layered(
    site: &mut impl Site,
    leaf: CAddr,
    nodes: usize,
    seed: usize,
) -> Result<(), Failure> {
    let width = nodes.isqrt().max(2);
    let lowest = (0..width).map(|at| {
        let number = i64::try_from(seed * width + at)?;
        site.put(recipe("mix", vec![leaf, leaf], Some(number))?)
    });
    let mut layer: Vec<CAddr> = lowest.collect::<Result<_, Failure>>()?;
    for _ in 1..nodes / width {
        let next = (0..width).map(|at| {
            let pair = vec![layer[at], layer[(at + 1) % width]];
            site.put(recipe("mix", pair, None)?)
        });
        layer = next.collect::<Result<_, Failure>>()?;
    }
    site.put(recipe("mix", layer, None)?)?;
    Ok(())
}
