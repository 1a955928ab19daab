//! Replays the fuzzer's seeds, and a bounded number of random mutations of them, in every ordinary
//! test run. The mutations come from a fixed seed: a failure shows again.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "reads the files that lie beside it in the repository, which no port serves"
)]

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks.rs"]
mod checks;

/// Mutations of each seed in one run: some seconds of work in all.
const MUTATIONS: usize = 100;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "the seeds of {target} are gone");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A linear congruence: enough chance for mutations, and no dependency.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

fn mutate(seed: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len() + 1);
        match (chance.below(4), bytes.get(at)) {
            (0, Some(byte)) => bytes[at] = byte ^ (1 << chance.below(8)),
            (1, Some(_)) => drop(bytes.remove(at)),
            (2, _) => bytes.insert(
                at,
                other
                    .get(chance.below(other.len()))
                    .copied()
                    .unwrap_or(b'"'),
            ),
            _ => {
                bytes.truncate(at);
                bytes.extend_from_slice(&other[chance.below(other.len() + 1)..]);
            }
        }
    }
    bytes
}

fn replay(target: &str, check: fn(&[u8])) {
    let seeds = seeds(target);
    let mut chance = Chance(2026);
    for seed in &seeds {
        check(seed);
        for _ in 0..MUTATIONS {
            let other = &seeds[chance.below(seeds.len())];
            check(&mutate(seed, other, &mut chance));
        }
    }
}

#[test]
fn tables() {
    replay("tables", checks::tables);
}

#[test]
fn json() {
    replay("json", checks::json);
}

#[test]
fn numbers() {
    replay("numbers", checks::numbers);
}

#[test]
fn encodings() {
    replay("encodings", checks::encodings);
}

#[test]
fn compressed() {
    replay("compressed", checks::compressed);
}
