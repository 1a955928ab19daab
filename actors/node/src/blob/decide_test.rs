use super::*;
use deriva_model::ChunkSize;

fn staged() -> Incoming {
    let bytes = vec![7; 20_000];
    Incoming::Staged {
        locator: Locator(9),
        manifest: Arc::new(Manifest::of(&bytes, ChunkSize::DEFAULT)),
    }
}

const OLD: Chunks = Chunks {
    locator: Locator(3),
    count: 5,
};

#[test]
fn a_leafs_bytes_take_the_place_of_what_may_be_damaged() {
    let inline = || Incoming::Inline(Bytes::from_static(b"bytes"));
    let write = |freed| ContentChange::Write { freed };
    let same = Standing::Inline(Bytes::from_static(b"bytes"));
    let other = Standing::Inline(Bytes::from_static(b"rotten"));
    let table = [
        (Standing::Nothing, inline(), write(None)),
        (Standing::Unreadable, inline(), write(None)),
        (same.clone(), inline(), ContentChange::Keep),
        (other, inline(), write(None)),
        (Standing::Chunked(OLD), inline(), write(Some(OLD))),
        (Standing::Nothing, staged(), write(None)),
        (Standing::Chunked(OLD), staged(), write(Some(OLD))),
        (
            Standing::Nothing,
            Incoming::Verified,
            ContentChange::Vanished,
        ),
        (
            Standing::Unreadable,
            Incoming::Verified,
            ContentChange::Vanished,
        ),
        (same, Incoming::Verified, ContentChange::Keep),
        (
            Standing::Chunked(OLD),
            Incoming::Verified,
            ContentChange::Keep,
        ),
    ];
    for (standing, incoming, expected) in table {
        let change = content_for_leaf(&standing, &incoming);
        assert_eq!(change, expected, "{standing:?} {incoming:?}");
    }
}

#[test]
fn a_values_bytes_never_take_the_place_of_others() {
    let write = ContentChange::Write { freed: None };
    let rotten = Standing::Inline(Bytes::from_static(b"rotten"));
    let table = [
        (Standing::Nothing, staged(), write.clone()),
        (Standing::Unreadable, staged(), write),
        (Standing::Chunked(OLD), staged(), ContentChange::Keep),
        (rotten, staged(), ContentChange::Keep),
        (
            Standing::Chunked(OLD),
            Incoming::Verified,
            ContentChange::Keep,
        ),
        (
            Standing::Nothing,
            Incoming::Verified,
            ContentChange::Vanished,
        ),
    ];
    for (standing, incoming, expected) in table {
        let change = content_for_value(&standing, &incoming);
        assert_eq!(change, expected, "{standing:?} {incoming:?}");
    }
}

#[test]
fn a_marker_is_touched_when_its_epoch_or_size_is_not_todays() {
    let now = Epoch::new(4);
    let table = [
        (None, MarkerChange::New),
        (Some((Epoch::new(3), 10)), MarkerChange::Touch),
        (Some((Epoch::new(4), 10)), MarkerChange::Keep),
        (Some((Epoch::new(5), 10)), MarkerChange::Keep),
        (Some((Epoch::new(4), 11)), MarkerChange::Touch),
    ];
    for (stands, expected) in table {
        assert_eq!(marker(stands, now, 10), expected, "{stands:?}");
    }
}

#[test]
fn content_dies_only_when_nobody_holds_it() {
    let table = [
        (false, false, true),
        (true, false, false),
        (false, true, false),
        (true, true, false),
    ];
    for (leaf, other_value, dies) in table {
        assert_eq!(content_dies(Holders { leaf, other_value }), dies);
    }
}
