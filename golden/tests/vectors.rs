//! Reads every vector with the Rust implementation and with the Python one, and holds the files
//! themselves against their pins.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "reads the files that lie beside it in the repository, which no port serves"
)]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use deriva_golden::{Kind, Vector, check, folder, load};
use deriva_model::ContentHash;

/// The BLAKE3 hash of every file of vectors. A line is added with its file and never edited.
const PINS: &str = include_str!("../vectors/PINS");

/// Files that are read by the crates that own what they freeze; they are pinned here all the same.
const READ_ELSEWHERE: [&str; 2] = ["storage.json", "import.json"];

fn files() -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

fn vectors() -> Vec<(String, Vector)> {
    let mut vectors = Vec::new();
    for (file, path) in files() {
        if READ_ELSEWHERE.contains(&file.as_str()) {
            continue;
        }
        let told = load(&path).unwrap_or_else(|problem| panic!("{file}: {problem}"));
        vectors.extend(
            told.vectors
                .into_iter()
                .map(|vector| (file.clone(), vector)),
        );
    }
    vectors
}

#[test]
fn every_vector_is_read_as_it_says() {
    let wrong: Vec<String> = vectors()
        .iter()
        .filter_map(|(file, vector)| {
            let problem = check(vector).err()?;
            Some(format!("{file}: {}: {problem}", vector.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_vector_file_was_changed() {
    let pins: BTreeMap<String, String> = PINS
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(hash, file)| (file.to_owned(), hash.to_owned()))
        .collect();
    let found: BTreeMap<String, String> = files()
        .into_iter()
        .map(|(file, path)| (file, ContentHash::of(&fs::read(path).unwrap()).to_hex()))
        .collect();
    assert_eq!(
        found, pins,
        "a vector never changes; a new file gets a new line in vectors/PINS"
    );
}

#[test]
fn names_are_told_once_in_a_file() {
    let mut seen = HashSet::new();
    for (file, vector) in vectors() {
        assert!(seen.insert((file, vector.name.clone())), "{}", vector.name);
    }
}

#[test]
fn every_kind_and_every_refusal_has_a_vector() {
    let vectors = vectors();
    assert!(vectors.len() >= 60, "only {}", vectors.len());
    for kind in [
        Kind::Recipe,
        Kind::Record,
        Kind::Trace,
        Kind::Manifest,
        Kind::Value,
        Kind::Legacy,
        Kind::Leaf,
        Kind::Cutoff,
    ] {
        assert!(
            vectors.iter().any(|(_, vector)| vector.kind == kind),
            "{kind:?}"
        );
    }
    let refusals: HashSet<_> = vectors
        .iter()
        .filter_map(|(_, vector)| vector.refusal.as_deref())
        .collect();
    // Both ways: no reason without a vector, and no reason that the list of reasons forgot.
    assert_eq!(refusals, HashSet::from(deriva_model::DecodeError::REASONS));
}

/// A reader that accepts everything would pass above if vectors could not fail: they can.
#[test]
fn a_vector_with_a_wrong_word_disagrees() {
    let (_, told) = vectors()
        .into_iter()
        .find(|(_, vector)| vector.address.is_some() && vector.kind == Kind::Recipe)
        .unwrap();
    let mut address = told.clone();
    address.address = Some("00".repeat(32));
    let mut refusal = told.clone();
    refusal.refusal = Some("truncated".to_owned());
    let mut meaning = told.clone();
    meaning.meaning.as_mut().unwrap()["function"] = "another".into();
    for wrong in [address, refusal, meaning] {
        assert!(check(&wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(check(&told), Ok(()));
}

#[test]
fn the_independent_reader_agrees() {
    let reader = folder().with_file_name("reader.py");
    let output = Command::new("python3").arg("-B").arg(reader).output();
    let output = output.expect("python3 runs; it is needed for the independent reader");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
