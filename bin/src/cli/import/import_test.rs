//! What the survey makes of files and streams, hostile ones too, and the order and the report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{fs, io::Write as _, path::Path};

use deriva_model::{CAddr, limits};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::{
    Source,
    index::{Index, Place, Recipe},
    report::{Refused, Report},
    survey::{Found, Scope, spool, survey},
};
use crate::cli::args::Format;

const VECTORS: &str = include_str!("../../../../golden/vectors/import.json");

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// An old recipe by hand: what the laws say of the form.
fn old(name: &str, inputs: &[CAddr]) -> Vec<u8> {
    let mut bytes = (name.len() as u64).to_le_bytes().to_vec();
    bytes.extend(name.as_bytes());
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, b'1']);
    bytes.extend((inputs.len() as u64).to_le_bytes());
    inputs
        .iter()
        .for_each(|input| bytes.extend(input.as_bytes()));
    bytes.extend(0_u64.to_le_bytes());
    bytes
}

fn framed(records: &[&[u8]]) -> Vec<u8> {
    let framed = records.iter().map(|bytes| {
        let length = (bytes.len() as u64).to_le_bytes();
        [&length[..], bytes].concat()
    });
    framed.collect::<Vec<_>>().concat()
}

fn surveyed(source: Source, scope: Scope) -> Vec<Found> {
    let (out, mut found) = mpsc::channel(1000);
    survey(&source, scope, &out).unwrap();
    drop(out);
    std::iter::from_fn(|| found.blocking_recv()).collect()
}

fn stream(bytes: &[u8]) -> Vec<Found> {
    let name = Path::new("-").to_owned();
    let file = spool(bytes, &name).unwrap();
    surveyed(Source::Records { file, name }, Scope::Everything)
}

/// A word for what was found, with what a test asks about.
fn words(found: &[Found]) -> Vec<String> {
    let word = |found: &Found| match found {
        Found::Leaf(leaf) => format!("leaf {}", leaf.size),
        Found::Recipe(recipe) => format!("recipe {}", recipe.inputs.len()),
        Found::Refused(refused) => refused.reason.clone(),
        Found::Skipped => "skipped".to_owned(),
    };
    found.iter().map(word).collect()
}

#[test]
fn streams_are_read_as_the_golden_vectors_say() {
    let vectors: Json = serde_json::from_str(VECTORS).unwrap();
    let mut read = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        if vector["as"] != "import-stream" {
            continue;
        }
        let parts = vector["bytes"].as_array().unwrap().iter();
        let bytes: Vec<u8> = parts
            .flat_map(|part| unhex(part.as_str().unwrap()))
            .collect();
        let found = stream(&bytes);
        let told = found.iter().map(|found| match found {
            Found::Recipe(recipe) => json!(recipe.old.to_hex()),
            Found::Refused(refused) => json!(refused.reason),
            other => panic!("{other:?}"),
        });
        assert_eq!(
            Json::Array(told.collect()),
            vector["records"],
            "{}",
            vector["name"]
        );
        read += 1;
    }
    assert!(read >= 5, "{read}");
}

#[test]
fn a_record_stands_where_it_is_told_to_stand() {
    let (one, two) = (old("one", &[]), old("two", &[]));
    let found = stream(&framed(&[&one, b"x", &two]));
    let Found::Recipe(recipe) = &found[2] else {
        panic!("{found:?}")
    };
    let begin = 8 + one.len() + 8 + 1 + 8;
    let place = Place::Record {
        number: 3,
        offset: begin as u64,
        len: two.len(),
    };
    assert_eq!(recipe.place, place);
    let Found::Refused(refused) = &found[1] else {
        panic!("{found:?}")
    };
    assert_eq!(refused.at, format!("record 2 at byte {}", 8 + one.len()));
}

#[test]
fn lengths_that_lie_end_a_stream_and_sizes_over_the_limit_are_passed_over() {
    let good = old("f", &[]);
    for lie in [u64::MAX, 1 << 60, good.len() as u64 + 1] {
        let bytes = [&framed(&[&good])[..], &lie.to_le_bytes(), &good].concat();
        assert_eq!(words(&stream(&bytes)), ["recipe 0", "TRUNCATED"], "{lie}");
    }
    for end in 1..8 {
        let bytes = [&framed(&[&good])[..], &good[..end]].concat();
        assert_eq!(words(&stream(&bytes)), ["recipe 0", "TRUNCATED"], "{end}");
    }
    let huge = vec![0; limits::LEGACY_BYTES + 1];
    let grown = old(&"n".repeat(limits::TEXT_BYTES + 1), &[]);
    let bytes = framed(&[&huge, &good, &grown, &[], &good]);
    let expected = [
        "OVER_LIMIT",
        "recipe 0",
        "OVER_LIMIT",
        "NOT_A_RECIPE",
        "recipe 0",
    ];
    assert_eq!(words(&stream(&bytes)), expected);
    assert_eq!(words(&stream(b"")), [""; 0]);
    assert_eq!(
        words(&stream(&good)),
        ["recipe 0"],
        "one recipe without a length"
    );
}

#[test]
fn a_directory_is_told_in_order_and_without_following_links() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let write = |name: &str, bytes: &[u8]| fs::write(at(name), bytes).unwrap();
    fs::create_dir(at("c")).unwrap();
    let recipe = old("f", &[CAddr::of_leaf(b"leaf")]);
    write("c/recipe", &recipe);
    write(&format!("c/{}", CAddr::of_leaf(&recipe)), &recipe);
    write(&CAddr::of_leaf(b"leaf").to_hex(), b"leaf");
    write(&"a".repeat(64), b"another leaf");
    write("b-grown", &old("f", &vec![CAddr::of_leaf(b"leaf"); 65_537]));
    write("d-empty", b"");
    write("e-large", &vec![0xff; 3 << 20]);
    std::os::unix::fs::symlink("/etc", at("f-link")).unwrap();
    let source = || Source::Directory(root.path().to_owned());
    let found = surveyed(source(), Scope::Everything);
    let hex = CAddr::of_leaf(b"leaf").to_hex();
    assert!(hex.as_str() < "a", "the leaf's name sorts first");
    let expected = [
        "leaf 4",
        "NAME_MISMATCH",
        "OVER_LIMIT",
        "recipe 1",
        "recipe 1",
        "leaf 0",
        "leaf 3145728",
        "NOT_A_FILE",
    ];
    assert_eq!(words(&found), expected);
    let Found::Leaf(large) = &found[6] else {
        panic!("{found:?}")
    };
    assert!(large.bytes.is_none() && large.addr == CAddr::of_leaf(&vec![0xff; 3 << 20]));
    let found = surveyed(source(), Scope::RecipesOnly);
    let expected = [
        "skipped",
        "NAME_MISMATCH",
        "OVER_LIMIT",
        "recipe 1",
        "recipe 1",
        "skipped",
        "skipped",
        "NOT_A_FILE",
    ];
    assert_eq!(words(&found), expected);
}

#[test]
fn a_survey_that_nobody_hears_ends() {
    let (out, found) = mpsc::channel(1);
    drop(found);
    let name = Path::new("-").to_owned();
    let bytes = framed(&[&old("f", &[]), &old("g", &[])]);
    let file = spool(&bytes[..], &name).unwrap();
    let source = Source::Records { file, name };
    survey(&source, Scope::Everything, &out).unwrap();
}

#[test]
fn recipes_are_sent_behind_what_they_need() {
    let mut index = Index::default();
    let mut last = CAddr::of_leaf(b"leaf");
    let mut chain = Vec::new();
    for number in 0..1000_u64 {
        let bytes = old(&format!("f{number}"), &[last]);
        let recipe = Recipe {
            place: Place::Record {
                number,
                offset: 0,
                len: bytes.len(),
            },
            old: CAddr::of_leaf(&bytes),
            inputs: vec![last],
        };
        last = recipe.old;
        chain.push(recipe);
    }
    let expected: Vec<CAddr> = chain.iter().map(|recipe| recipe.old).collect();
    for recipe in chain.into_iter().rev() {
        index.push(recipe).unwrap();
    }
    let sent: Vec<CAddr> = index.ordered().into_iter().map(|item| item.old).collect();
    assert_eq!(sent, expected);
}

#[test]
fn a_report_lists_what_was_refused_and_fails_for_it() {
    let mut report = Report::default();
    report.recipes_new += 3;
    assert_eq!(report.answer().code, 0);
    let missing = CAddr::of_leaf(b"never put");
    let refused = Refused {
        old_addr: Some(CAddr::of_leaf(b"old")),
        missing: vec![missing],
        missing_count: 3,
        ..Refused::of("record 2 at byte 9".to_owned(), "MISSING_INPUTS", "words")
    };
    report.refuse(refused).unwrap();
    let answer = report.answer();
    assert_eq!(answer.code, 1);
    let listed =
        format!("record 2 at byte 9: MISSING_INPUTS: words\n  missing {missing}\n  and 2 more");
    assert!(answer.text.ends_with(&listed), "{}", answer.text);
    assert!(
        answer.text.contains("recipes imported  3"),
        "{}",
        answer.text
    );
    let expected = json!([{
        "at": "record 2 at byte 9", "reason": "MISSING_INPUTS", "message": "words",
        "old_addr": CAddr::of_leaf(b"old").to_hex(), "missing": [missing.to_hex()],
        "missing_count": 3,
    }]);
    assert_eq!(answer.json["refused"], expected);

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"before").unwrap();
    let sink = super::Sink::open(Some(file.path())).unwrap();
    let told = report.written(sink, Format::Text).unwrap();
    assert!(!told.text.contains("MISSING_INPUTS") && told.code == 1);
    let written = fs::read_to_string(file.path()).unwrap();
    assert_eq!(written.trim_end(), answer.text);
}
