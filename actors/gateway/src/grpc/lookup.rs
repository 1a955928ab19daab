//! What addresses stand for, read in batches: recipes from the view, what it does not hold from the
//! store.

use crate::context::GatewayContext;
use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::{CAddr, Record, SealedRecipe, legacy_address};
use deriva_system::{
    alias,
    storage::{Reading, Space, StorageFault, layout},
};
use std::sync::Arc;

/// Addresses that one answer to `Find` lists.
pub(super) const FIND_MAX: usize = 16;
/// Where addresses stand as keys.
const ADDRESS_SPACES: [Space; 3] = [Space::Leaves, Space::Recipes, Space::Aliases];

/// What stands under an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Leaf { size: u64 },
    Recipe(Arc<SealedRecipe>),
    Alias(CAddr),
    Nothing,
}

/// Looks many addresses up, in their order; a read for each space, not for each address.
///
/// # Errors
/// The store could not be read, or holds what it never wrote.
pub(super) fn look(context: &GatewayContext, addresses: &[CAddr]) -> Result<Vec<Found>, Fault> {
    let resident = |address| context.node.recipes.get(address).map(Found::Recipe);
    let mut found: Vec<Option<Found>> = addresses.iter().map(resident).collect();
    for space in ADDRESS_SPACES {
        let open: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_none()).collect();
        let keys: Vec<Vec<u8>> = open
            .iter()
            .map(|at| layout::address_key(&addresses[*at]))
            .collect();
        if keys.is_empty() {
            break;
        }
        let read = context.node.storage.get_many(space, &keys)?;
        let there = open.into_iter().zip(read);
        let there = there.filter_map(|(at, bytes)| Some((at, bytes?)));
        if space == Space::Aliases {
            let (places, entries): (Vec<usize>, Vec<(CAddr, Bytes)>) = there
                .map(|(at, entry)| (at, (addresses[at], entry)))
                .unzip();
            let targets = follow(context, &entries)?;
            for (at, to) in places.into_iter().zip(targets) {
                found[at] = to.map(Found::Alias);
            }
            break;
        }
        for (at, bytes) in there {
            found[at] = Some(parse(space, &addresses[at], bytes)?);
        }
    }
    Ok(found
        .into_iter()
        .map(|one| one.unwrap_or(Found::Nothing))
        .collect())
}

/// One address.
///
/// # Errors
/// As [`look`].
pub(super) fn look_one(context: &GatewayContext, address: CAddr) -> Result<Found, Fault> {
    let found = look(context, &[address])?;
    Ok(found.into_iter().next().unwrap_or(Found::Nothing))
}

/// Where aliases lead, both hashes checked until the import is declared complete.
fn follow(
    context: &GatewayContext,
    entries: &[(CAddr, Bytes)],
) -> Result<Vec<Option<CAddr>>, Fault> {
    alias::follow_many(
        context.node.storage.as_ref(),
        &context.node.recipes,
        entries,
    )
}

/// The address from before DCF that leads to a recipe, if it was imported: there is only one that
/// can.
///
/// # Errors
/// As [`look`].
pub(super) fn old_address(
    context: &GatewayContext,
    recipe: &SealedRecipe,
) -> Result<Option<CAddr>, Fault> {
    let Some(old) = legacy_address(recipe.recipe()) else {
        return Ok(None);
    };
    let key = layout::address_key(&old);
    let Some(entry) = context.node.storage.get(Space::Aliases, &key)? else {
        return Ok(None);
    };
    let to = follow(context, &[(old, entry)])?
        .into_iter()
        .next()
        .flatten();
    Ok(to.filter(|to| *to == recipe.address()).map(|_| old))
}

fn parse(space: Space, address: &CAddr, bytes: Bytes) -> Result<Found, Fault> {
    let found = match space {
        Space::Leaves => layout::parse_leaf_marker(&bytes).map(|(_, size)| Found::Leaf { size }),
        Space::Recipes => parse_recipe(address, &bytes),
        _ => None,
    };
    found.ok_or_else(|| damaged(space, address))
}

fn parse_recipe(address: &CAddr, bytes: &Bytes) -> Option<Found> {
    let (_, document) = layout::parse_stamped(bytes)?;
    let recipe = SealedRecipe::open(document.to_vec()).ok()?;
    (recipe.address() == *address).then(|| Found::Recipe(Arc::new(recipe)))
}

fn damaged(space: Space, address: &CAddr) -> Fault {
    let why = format!("the entry of {address} in {}", space.name());
    StorageFault::Damaged { why }.into()
}

/// What is known of a recipe's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownValue {
    pub(super) record: Arc<Record>,
    /// Whether its bytes are in memory or on disk.
    pub(super) cached: bool,
}

/// The records of recipes, in their order: from memory, else from disk.
///
/// # Errors
/// The store could not be read. A record that is damaged counts as not known: it is recomputable.
pub(super) fn values(
    context: &GatewayContext,
    recipes: &[CAddr],
) -> Result<Vec<Option<KnownValue>>, Fault> {
    let mut known: Vec<Option<KnownValue>> =
        recipes.iter().map(|at| resident(context, at)).collect();
    let open: Vec<usize> = (0..known.len()).filter(|at| known[*at].is_none()).collect();
    let keys: Vec<Vec<u8>> = open
        .iter()
        .map(|at| layout::address_key(&recipes[*at]))
        .collect();
    if keys.is_empty() {
        return Ok(known);
    }
    let storage = &context.node.storage;
    for (at, bytes) in open.iter().zip(storage.get_many(Space::Records, &keys)?) {
        let record = bytes.and_then(|bytes| Record::decode(&bytes).ok());
        let Some(record) = record.filter(|record| record.recipe == recipes[*at]) else {
            continue;
        };
        let marker = layout::value_key(&record.output, &record.recipe);
        let cached = storage.get(Space::Values, &marker)?.is_some();
        let record = Arc::new(record);
        known[*at] = Some(KnownValue { record, cached });
    }
    Ok(known)
}

fn resident(context: &GatewayContext, recipe: &CAddr) -> Option<KnownValue> {
    let value = context.node.values.peek(recipe)?;
    Some(KnownValue {
        record: value.record.clone(),
        cached: true,
    })
}

/// The stored addresses that begin with `prefix`, 8 to 64 lower-case hex digits; ascending.
///
/// # Errors
/// `Malformed`, or the store could not be read.
pub(super) fn find(storage: &dyn Reading, prefix: &str) -> Result<Vec<CAddr>, Fault> {
    let prefix = Prefix::read(prefix)?;
    let mut found = Vec::new();
    for space in ADDRESS_SPACES {
        let entries = storage.scan(space, &prefix.whole, &prefix.from, FIND_MAX)?;
        let addresses = entries
            .iter()
            .filter_map(|(key, _)| CAddr::try_from_slice(key).ok());
        found.extend(addresses.take_while(|address| prefix.begins(address)));
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(FIND_MAX);
    Ok(found)
}

/// The beginning of an address.
#[derive(Debug)]
struct Prefix {
    /// Its whole bytes.
    whole: Vec<u8>,
    /// The digit after them, if their number is odd.
    half: Option<u8>,
    /// The least bytes that begin with it.
    from: Vec<u8>,
}

impl Prefix {
    const DIGITS_MIN: usize = 8;
    const DIGITS_MAX: usize = CAddr::LEN * 2;

    fn read(text: &str) -> Result<Self, Fault> {
        let length = text.len();
        if !(Self::DIGITS_MIN..=Self::DIGITS_MAX).contains(&length) {
            let reason = format!("a prefix has 8 to 64 hex digits, this has {length} bytes");
            return Err(Fault::Malformed { reason });
        }
        let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
        let Some(digits) = digits else {
            let reason = "a prefix has lower-case hex digits only".to_owned();
            return Err(Fault::Malformed { reason });
        };
        let (pairs, half) = digits.as_chunks::<2>();
        let whole: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        let half = half.first().copied();
        let mut from = whole.clone();
        from.extend(half.map(|high| high << 4));
        Ok(Self { whole, half, from })
    }

    fn begins(&self, address: &CAddr) -> bool {
        let bytes = address.as_bytes();
        let half = self.half.is_none_or(|half| {
            bytes
                .get(self.whole.len())
                .is_some_and(|byte| byte >> 4 == half)
        });
        bytes.starts_with(&self.whole) && half
    }
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
#[path = "lookup_test.rs"]
mod lookup_test;
