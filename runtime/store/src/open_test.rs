//! Opening: what is refused, in which words, and that a refusal changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::{
    OpenError, RocksStorage,
    support_test::{again, again_on_tmpfs, child, open, put, small},
};
use deriva_system::storage::{Durability, Reading, Space, layout};
use rocksdb::{DB, Options};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Stdio,
};

fn refusal(directory: &Path) -> OpenError {
    RocksStorage::open(directory, small()).unwrap_err()
}

/// Every file of a store with its bytes.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory.join("store")).unwrap();
    let read = entries.map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    read.collect()
}

#[test]
fn what_was_written_is_there_after_a_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/when/absent");
    for round in 0..5_u8 {
        let storage = open(&path);
        for before in 0..round {
            let value = storage.get(Space::Recipes, &[before]).unwrap();
            assert_eq!(value.unwrap().as_ref(), [before; 100]);
        }
        let durability = [Durability::Synced, Durability::Behind][usize::from(round % 2)];
        put(
            &storage,
            Space::Recipes,
            &[round],
            &[round; 100],
            durability,
        )
        .unwrap();
    }
}

#[test]
fn the_format_is_written_at_creation() {
    let directory = tempfile::tempdir().unwrap();
    let format = open(directory.path())
        .get(Space::Meta, layout::META_FORMAT)
        .unwrap();
    assert_eq!(
        format.unwrap().as_ref(),
        layout::FORMAT_VERSION.to_be_bytes()
    );
}

#[test]
fn the_second_opener_is_told_who_holds_the_directory() {
    if let Some(directory) = child() {
        let _held = open(&directory);
        println!("open");
        // The parent ends this process.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "open_test::the_second_opener_is_told_who_holds_the_directory";
    let mut holder = again(name, directory.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(
        said.map(Result::unwrap).any(|line| line.ends_with("open")),
        "the other process opened it"
    );
    let error = refusal(directory.path());
    let OpenError::Held { by, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(
        by.contains(&holder.id().to_string()) && by.contains("a test") && by.ends_with(" UTC)"),
        "{by}"
    );
    assert!(
        error
            .to_string()
            .contains(&directory.path().display().to_string())
    );
    holder.kill().unwrap();
    holder.wait().unwrap();
    open(directory.path());
}

#[test]
fn a_directory_is_held_within_one_process_too_and_let_go_on_drop() {
    let directory = tempfile::tempdir().unwrap();
    let held = open(directory.path());
    assert!(matches!(refusal(directory.path()), OpenError::Held { .. }));
    drop(held);
    open(directory.path());
}

#[test]
fn hostile_words_in_the_lock_file_are_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let _held = open(directory.path());
    let lock = directory.path().join("lock");
    for words in [vec![0xff; 5000], b"{\"pid\":\"x\"}".to_vec(), Vec::new()] {
        fs::write(&lock, words).unwrap();
        let OpenError::Held { by, .. } = refusal(directory.path()) else {
            panic!("it is held");
        };
        assert_eq!(by, "a process that did not say who it is");
    }
    fs::write(&lock, r#"{"pid":7,"started":1,"what":"\u001b[2Jx"}"#).unwrap();
    assert!(!refusal(directory.path()).to_string().contains('\u{1b}'));
}

#[test]
fn a_newer_format_is_refused_and_nothing_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let newer = (layout::FORMAT_VERSION + 1).to_be_bytes();
    put(
        &storage,
        Space::Meta,
        layout::META_FORMAT,
        &newer,
        Durability::Synced,
    )
    .unwrap();
    drop(storage);
    let before = files(directory.path());
    let error = refusal(directory.path());
    assert!(
        matches!(&error, OpenError::NewerFormat { found, supported: 1, .. } if found == "format 2"),
        "{error:?}"
    );
    assert!(
        files(directory.path()) == before,
        "a refusal changed a file"
    );
}

#[test]
fn a_space_of_a_newer_release_is_refused_and_nothing_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let path = directory.path().join("store");
    let known = DB::list_cf(&Options::default(), &path).unwrap();
    let mut newer = DB::open_cf(&Options::default(), &path, known).unwrap();
    newer.create_cf("proofs", &Options::default()).unwrap();
    drop(newer);
    let before = files(directory.path());
    let error = refusal(directory.path());
    assert!(
        matches!(&error, OpenError::NewerFormat { found, .. } if found.contains("proofs")),
        "{error:?}"
    );
    assert!(
        files(directory.path()) == before,
        "a refusal changed a file"
    );
}

#[test]
fn a_format_that_is_no_version_is_damage() {
    for format in [&b""[..], b"1", &[0; 4], &[0; 8]] {
        let directory = tempfile::tempdir().unwrap();
        let storage = open(directory.path());
        put(
            &storage,
            Space::Meta,
            layout::META_FORMAT,
            format,
            Durability::Synced,
        )
        .unwrap();
        drop(storage);
        let error = refusal(directory.path());
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{format:?}: {error:?}"
        );
    }
}

#[test]
fn a_creation_that_was_cut_short_is_finished() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut options = Options::default();
    options.create_if_missing(true);
    let mut half = DB::open(&options, &path).unwrap();
    half.create_cf(Space::Recipes.name(), &options).unwrap();
    drop(half);
    let storage = open(directory.path());
    assert!(
        storage
            .get(Space::Meta, layout::META_FORMAT)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_file_in_place_of_the_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::File::create(&file)
        .unwrap()
        .write_all(b"not ours")
        .unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = refusal(&path);
        assert!(
            matches!(error, OpenError::NotADirectory { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    assert_eq!(fs::read(&file).unwrap(), b"not ours");
}

/// Permission bits do not bind root, so the file system itself is read-only here.
#[test]
fn a_read_only_directory_is_refused() {
    if let Some(directory) = child() {
        for path in [directory.clone(), directory.join("below")] {
            let error = refusal(&path);
            assert!(
                matches!(error, OpenError::ReadOnlyDirectory { .. }),
                "{error:?}"
            );
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "open_test::a_read_only_directory_is_refused";
    again_on_tmpfs(name, directory.path(), "ro,size=1m");
}

#[test]
fn an_opening_without_any_room_is_refused_and_succeeds_when_there_is_some() {
    if let Some(directory) = child() {
        let filler = directory.join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        // Writes until the disk takes no more.
        while file.write_all(&[1; 4096]).is_ok() {}
        let error = refusal(&directory);
        assert!(matches!(error, OpenError::NoSpace { .. }), "{error:?}");
        drop(file);
        fs::remove_file(&filler).unwrap();
        put(
            &open(&directory),
            Space::Pins,
            b"a",
            b"b",
            Durability::Synced,
        )
        .unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "open_test::an_opening_without_any_room_is_refused_and_succeeds_when_there_is_some";
    again_on_tmpfs(name, directory.path(), "size=32m");
}
