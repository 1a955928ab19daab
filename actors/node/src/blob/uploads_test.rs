#![allow(clippy::unwrap_used)]

use super::*;

const CHUNK: usize = 1 << 14;

fn uploads() -> Uploads {
    Uploads::new(7, ChunkSize::new(14).unwrap())
}

fn manifest(len: usize) -> Manifest {
    Manifest::of(&vec![1; len], ChunkSize::new(14).unwrap())
}

fn stage(uploads: &Uploads, upload: Locator, index: u32, len: usize) {
    uploads.begin(upload, index, len).unwrap();
    assert!(uploads.written(upload, len));
}

#[test]
fn locators_differ_and_belong_to_their_start() {
    let uploads = uploads();
    let (first, second) = (uploads.locator().unwrap(), uploads.locator().unwrap());
    assert_ne!(first, second);
    assert_eq!(first.0 >> 32, 7);
    assert!(!uploads.is_from_before(first));
    assert!(uploads.is_from_before(Locator(6 << 32 | u64::from(u32::MAX))));
    // Ages are numbers of their own.
    assert_eq!(uploads.age().unwrap(), 7 << 32);
}

#[test]
fn an_upload_is_whole_when_all_its_chunks_are_written_in_any_order() {
    let uploads = uploads();
    let upload = uploads.open().unwrap();
    let manifest = manifest(2 * CHUNK + 5);
    stage(&uploads, upload, 2, 5);
    stage(&uploads, upload, 0, CHUNK);
    assert!(uploads.check_whole(upload, &manifest).is_err());
    uploads.begin(upload, 1, CHUNK).unwrap();
    // Begun is not written.
    assert!(uploads.check_whole(upload, &manifest).is_err());
    assert!(uploads.written(upload, CHUNK));
    uploads.check_whole(upload, &manifest).unwrap();
    assert_eq!(uploads.close(upload), Some(3));
    assert!(uploads.check_whole(upload, &manifest).is_err());
}

#[test]
fn what_does_not_fit_the_manifest_is_no_whole_upload() {
    let cases: [&[(u32, usize)]; 5] = [
        &[],
        &[(0, CHUNK)],
        // A chunk too many.
        &[(0, CHUNK), (1, 5), (2, CHUNK)],
        // The short chunk in the wrong place.
        &[(0, 5), (1, CHUNK)],
        // Another size.
        &[(0, CHUNK), (1, 6)],
    ];
    for chunks in cases {
        let uploads = uploads();
        let upload = uploads.open().unwrap();
        for (index, len) in chunks {
            stage(&uploads, upload, *index, *len);
        }
        let checked = uploads.check_whole(upload, &manifest(CHUNK + 5));
        assert!(
            matches!(checked, Err(Fault::Malformed { .. })),
            "{chunks:?}"
        );
    }
}

#[test]
fn chunks_without_a_place_are_refused() {
    let uploads = uploads();
    let upload = uploads.open().unwrap();
    stage(&uploads, upload, 0, 10);
    let refused = [
        // Twice the same; empty; too long; a second short one; far beyond; another upload.
        (upload, 0, CHUNK),
        (upload, 1, 0),
        (upload, 1, CHUNK + 1),
        (upload, 1, 10),
        (upload, u32::MAX, CHUNK),
        (Locator(1), 0, CHUNK),
    ];
    for (upload, index, len) in refused {
        let begun = uploads.begin(upload, index, len);
        assert!(
            matches!(begun, Err(Fault::Malformed { .. })),
            "{index} {len}"
        );
    }
}

#[test]
fn a_chunk_that_could_not_be_written_may_come_again() {
    let uploads = uploads();
    let upload = uploads.open().unwrap();
    uploads.begin(upload, 0, 10).unwrap();
    uploads.not_written(upload, 0);
    stage(&uploads, upload, 0, 10);
    uploads.check_whole(upload, &manifest(10)).unwrap();
}

#[test]
fn a_chunk_that_arrives_after_the_end_is_told_so() {
    let uploads = uploads();
    let upload = uploads.open().unwrap();
    uploads.begin(upload, 0, CHUNK).unwrap();
    assert_eq!(uploads.close(upload), Some(1));
    assert!(!uploads.written(upload, CHUNK));
}

#[test]
fn open_uploads_are_bounded() {
    let uploads = uploads();
    let opened: Vec<_> = (0..OPEN_MAX).map(|_| uploads.open().unwrap()).collect();
    assert!(matches!(uploads.open(), Err(Fault::Overloaded { .. })));
    uploads.close(opened[0]).unwrap();
    uploads.open().unwrap();
}
