//! Soak: how long a start takes with a million recipes, against one with a thousand.
//!
//! It fills two stores, opens each again a few times, prints the times, and fails when the large one
//! takes more than `FACTOR` times as long and more than `FREE` besides. It refuses to be a
//! benchmark: only growth is judged.
//!
//! Run it with `cargo run -p deriva-store --example open_time`.

use deriva_store::{RocksStorage, StoreOptions};
use deriva_system::{
    Clock, SystemClock,
    storage::{Batch, Durability, Reading, Space, Storage},
};
use std::{error::Error, path::Path, process::ExitCode, time::Duration};

const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
/// Bytes of a recipe's value, about.
const RECIPE_BYTES: usize = 160;
const BATCH: u64 = 1_000;
const OPENINGS: usize = 5;
/// What a start may take without being judged: the log, which is bounded, is read again.
const FREE: Duration = Duration::from_secs(2);
const FACTOR: u32 = 3;

/// Thirty-two bytes that look like an address, the same for the same number.
fn address(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_add(1);
    let next = || {
        state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (state >> 29);
        state.to_be_bytes()
    };
    std::iter::repeat_with(next).take(4).flatten().collect()
}

fn fill(directory: &Path, recipes: u64) -> Result<(), Box<dyn Error>> {
    let storage = RocksStorage::open(directory, StoreOptions::default())?;
    for first in (0..recipes).step_by(usize::try_from(BATCH)?) {
        let mut batch = Batch::default();
        for number in first..first + BATCH {
            let key = address(number);
            batch.put(Space::Edges, [&[0][..], &key].concat(), address(number / 2));
            batch.put(Space::Recipes, key.clone(), key.repeat(RECIPE_BYTES / 32));
        }
        storage.write(&batch, Durability::Behind)?;
    }
    storage.write(&Batch::default(), Durability::Synced)?;
    Ok(())
}

/// The shortest of a few openings: the first pays for the log of the filling, others for the machine.
fn opening(directory: &Path, recipes: u64) -> Result<Duration, Box<dyn Error>> {
    let clock = SystemClock::default();
    let mut shortest = Duration::MAX;
    for _ in 0..OPENINGS {
        let start = clock.monotonic();
        let storage = RocksStorage::open(directory, StoreOptions::default())?;
        let took = clock.monotonic().saturating_sub(start);
        println!("{recipes} recipes: open after {took:?}");
        shortest = shortest.min(took);
        let last = storage.get(Space::Recipes, &address(recipes - 1))?;
        last.ok_or("the last recipe is not there")?;
    }
    Ok(shortest)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut times = Vec::new();
    for recipes in [FEW, MANY] {
        let directory = tempfile::tempdir()?;
        fill(directory.path(), recipes)?;
        times.push(opening(directory.path(), recipes)?);
    }
    let [few, many] = times.as_slice() else {
        return Err("two stores were measured".into());
    };
    println!("few {few:?}, many {many:?}");
    if *many > FREE && *many > *few * FACTOR {
        eprintln!("a start takes longer with more recipes");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
