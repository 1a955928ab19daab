//! Replays the fuzzer's seed corpus, and a bounded number of random mutations of it, in every
//! ordinary test run. The mutations come from a fixed seed: a failure shows again.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "reads the files that lie beside it in the repository, which no port serves"
)]

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks.rs"]
mod checks;

/// Mutations of each seed in one run: half a second of work in all.
const MUTATIONS: usize = 4_000;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 10, "the corpus of {target} is gone");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// SplitMix64: enough chance for mutations, and no dependency.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn mutate(seed: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len());
        match chance.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << chance.below(8),
            1 if !bytes.is_empty() => bytes[at] = chance.next() as u8,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, chance.next() as u8),
            4 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => {
                bytes.truncate(at);
                bytes.extend_from_slice(&other[chance.below(other.len())..]);
            }
        }
    }
    bytes
}

fn replay(target: &str, check: fn(&[u8])) {
    let seeds = seeds(target);
    let mut chance = Chance(2026);
    let mut replayed = 0;
    for seed in &seeds {
        check(seed);
        for _ in 0..MUTATIONS {
            let other = &seeds[chance.below(seeds.len())];
            check(&mutate(seed, other, &mut chance));
            replayed += 1;
        }
    }
    assert_eq!(replayed, seeds.len() * MUTATIONS);
}

#[test]
fn documents_of_the_corpus_and_their_mutations() {
    replay("decode_document", checks::decode_document);
}

#[test]
fn old_recipes_of_the_corpus_and_their_mutations() {
    replay("decode_legacy", checks::decode_legacy_recipe);
}
