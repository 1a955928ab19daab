#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{fs, os::unix::fs::symlink, path::Path};

use super::Sink;

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name());
    let mut names = entries
        .map(|n| n.into_string().unwrap())
        .collect::<Vec<_>>();
    names.sort();
    names
}

#[test]
fn a_value_has_its_name_only_once_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("value");
    fs::write(&file, "old").unwrap();
    let mut sink = Sink::open(Some(&file)).unwrap();
    sink.write(b"new ").unwrap();
    sink.write(b"value").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"old");
    let (size, kept) = sink.keep().unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"new value");
    assert_eq!(
        (size, kept.unwrap().file_name().unwrap().to_str()),
        (9, Some("value"))
    );
    assert_eq!(names(dir.path()), ["value"]);
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::open(Some(&dir.path().join("value"))).unwrap();
    sink.write(b"half").unwrap();
    drop(sink);
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn a_link_stays_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    fs::write(&real, "old").unwrap();
    symlink(&real, &link).unwrap();
    let mut sink = Sink::open(Some(&link)).unwrap();
    sink.write(b"new").unwrap();
    sink.keep().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
}

#[test]
fn a_device_is_written_to_and_never_replaced() {
    let mut sink = Sink::open(Some(Path::new("/dev/null"))).unwrap();
    sink.write(b"gone").unwrap();
    assert_eq!(sink.keep().unwrap().0, 4);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_directory_and_a_missing_folder_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for file in [dir.path().to_owned(), dir.path().join("missing/value")] {
        let Err(failure) = Sink::open(Some(&file)) else {
            panic!("{file:?}")
        };
        let words = failure.words(super::super::args::Format::Text).unwrap();
        assert!(words.contains(file.to_str().unwrap()), "{words}");
    }
}

#[test]
fn a_missing_folder_is_named_and_no_temporary_file() {
    let Err(failure) = Sink::open(Some(Path::new("/nonexistent/x"))) else {
        panic!("there is no such directory")
    };
    let words = failure.words(super::super::args::Format::Text).unwrap();
    assert_eq!(
        words,
        "error: /nonexistent/x: there is no directory /nonexistent"
    );
    assert_eq!(failure.exit_code(), 2);
}

#[test]
fn a_file_is_told_as_it_was_typed_whether_it_exists_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let typed = dir.path().join("./a/../value");
    fs::create_dir(dir.path().join("a")).unwrap();
    for _ in 0..2 {
        let told = Sink::open(Some(&typed)).unwrap().keep().unwrap().1.unwrap();
        assert_eq!(told.as_os_str(), typed.as_os_str());
    }
}
