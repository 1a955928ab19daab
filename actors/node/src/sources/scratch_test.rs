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
fn pieces_come_back_by_number_and_the_file_has_no_name() {
    let directory = tempfile::tempdir().unwrap();
    let scratch = ScratchDirectory::open(directory.path().join("new/spill"), 1001).unwrap();
    let file = scratch.file().unwrap();
    assert_eq!(file.piece(0).unwrap(), None);
    for piece in [&[7; 1000][..], b"", b"x"] {
        file.push(piece).unwrap();
    }
    assert!(names(&scratch.path).is_empty());
    // More than once, too.
    for number in [2, 0, 1, 0] {
        let expected = [&[7; 1000][..], b"", b"x"][number as usize];
        assert_eq!(file.piece(number).unwrap().unwrap(), expected);
    }
    assert_eq!(file.piece(3).unwrap(), None);
    assert_eq!(file.piece(u64::MAX).unwrap(), None);
    assert_eq!(file.size(), 1001);
}

#[test]
fn room_is_bounded_and_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let scratch = ScratchDirectory::open(directory.path().to_owned(), 1000).unwrap();
    let (first, other) = (scratch.file().unwrap(), scratch.file().unwrap());
    first.push(&[1; 600]).unwrap();
    let refused = other.push(&[1; 600]).unwrap_err();
    assert_eq!(refused.reason(), "OVER_LIMIT");
    assert_eq!(other.size(), 0);
    other.push(&[1; 400]).unwrap();
    let second_handle = first.clone();
    drop(first);
    assert!(other.push(&[1; 600]).is_err());
    drop(second_handle);
    other.push(&[1; 600]).unwrap();
}

#[test]
fn a_start_removes_what_a_crash_left_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("spill-3"), "left").unwrap();
    fs::write(directory.path().join("somebody else's"), "kept").unwrap();
    ScratchDirectory::open(directory.path().to_owned(), 1).unwrap();
    assert_eq!(names(directory.path()), ["somebody else's"]);
}

#[test]
fn changed_bytes_are_not_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let scratch = ScratchDirectory::open(directory.path().to_owned(), 1000).unwrap();
    let file = Unnamed {
        file: scratch.unnamed().unwrap(),
        room: scratch.room.clone(),
        index: Mutex::default(),
    };
    file.push(b"bytes").unwrap();
    file.file.write_all_at(b"bites", 0).unwrap();
    assert_eq!(file.piece(0).unwrap_err().reason(), "STORE_FAILED");
    file.file.set_len(2).unwrap();
    assert_eq!(file.piece(0).unwrap_err().reason(), "STORE_FAILED");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(ScratchDirectory::open(file.join("spill"), 1).is_err());
}
