#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the test looks at the directory behind the room's back"
)]

use super::*;

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn spilled_bytes_come_back_and_leave_no_name() {
    let directory = tempfile::tempdir().unwrap();
    let spills = SpillDirectory::open(directory.path().join("new/spill"), 1000).unwrap();
    for bytes in [Bytes::new(), Bytes::from(vec![7; 1000])] {
        let spilled = spills.spill(&bytes).unwrap();
        assert_eq!(spilled.size, bytes.len() as u64);
        assert!(names(&spills.path).is_empty());
        assert_eq!(unspill(&spilled).unwrap(), bytes);
        // More than once, too.
        assert_eq!(unspill(&spilled).unwrap(), bytes);
    }
}

#[test]
fn room_is_bounded_and_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let spills = SpillDirectory::open(directory.path().to_owned(), 1000).unwrap();
    let bytes = Bytes::from(vec![1; 600]);
    let first = spills.spill(&bytes).unwrap();
    let refused = spills.spill(&bytes).unwrap_err();
    assert_eq!(refused.reason(), "OVER_LIMIT");
    let second_handle = first.clone();
    drop(first);
    assert!(spills.spill(&bytes).is_err());
    drop(second_handle);
    spills.spill(&bytes).unwrap();
}

#[test]
fn a_start_removes_what_a_crash_left_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("spill-3"), "left").unwrap();
    fs::write(directory.path().join("somebody else's"), "kept").unwrap();
    SpillDirectory::open(directory.path().to_owned(), 1).unwrap();
    assert_eq!(names(directory.path()), ["somebody else's"]);
}

#[test]
fn changed_bytes_are_not_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let spills = SpillDirectory::open(directory.path().to_owned(), 1000).unwrap();
    let spilled = spills.spill(&Bytes::from_static(b"bytes")).unwrap();
    let spill: &SpillFile = spilled.file.downcast_ref().unwrap();
    spill.file.write_all_at(b"bites", 0).unwrap();
    assert_eq!(unspill(&spilled).unwrap_err().reason(), "STORE_FAILED");
    spill.file.set_len(2).unwrap();
    assert_eq!(unspill(&spilled).unwrap_err().reason(), "STORE_FAILED");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(SpillDirectory::open(file.join("spill"), 1).is_err());
}
