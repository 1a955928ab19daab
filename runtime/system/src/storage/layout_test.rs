//! The layout against its golden vectors: `golden/vectors/storage.json`, written from the table in
//! `layout` and not from its code, and what `import.json` adds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::storage::Space;
use deriva_messages::cache::CascadeRoot;
use deriva_model::FunctionId;
use serde_json::Value;
use std::collections::HashSet;

const VECTORS: &str = include_str!("../../../../golden/vectors/storage.json");
/// What came with the import of old recipes; its streams are read by the command line.
const IMPORT: &str = include_str!("../../../../golden/vectors/import.json");

fn vectors() -> Vec<Value> {
    let read = |text: &str| -> Vec<Value> {
        let mut file: Value = serde_json::from_str(text).unwrap();
        serde_json::from_value(file["vectors"].take()).unwrap()
    };
    let import = read(IMPORT).into_iter();
    let ours = import.filter(|vector| vector["as"] != "import-stream");
    read(VECTORS).into_iter().chain(ours).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().as_chunks::<2>();
    assert!(pairs.1.is_empty(), "{digits}");
    let text = |pair| str::from_utf8(pair).unwrap();
    let bytes = pairs.0.iter();
    bytes
        .map(|pair| u8::from_str_radix(text(pair), 16).unwrap())
        .collect()
}

fn expand(parts: &Value) -> Vec<u8> {
    let part = |part: &Value| match part {
        Value::String(digits) => unhex(digits),
        repeated => {
            let times = repeated["times"].as_u64().unwrap();
            unhex(repeated["repeat"].as_str().unwrap()).repeat(usize::try_from(times).unwrap())
        }
    };
    parts.as_array().unwrap().iter().flat_map(part).collect()
}

/// What a vector says that its bytes mean.
struct Meaning<'a>(&'a Value);

impl Meaning<'_> {
    fn text(&self, name: &str) -> &str {
        self.0[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} in {}", self.0))
    }
    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap()
    }
    fn epoch(&self) -> Epoch {
        Epoch::new(self.number("epoch"))
    }
    fn locator(&self) -> Locator {
        Locator(self.number("locator"))
    }
    fn address(&self, name: &str) -> CAddr {
        CAddr::parse_hex(self.text(name)).unwrap()
    }
    fn content(&self) -> ContentHash {
        ContentHash::parse_hex(self.text("content")).unwrap()
    }
    fn cutoff(&self) -> CutoffKey {
        CutoffKey::from_bytes(unhex(self.text("cutoff")).try_into().unwrap())
    }
    fn inputs(&self) -> Vec<CAddr> {
        let inputs = self.0["inputs"].as_array().unwrap().iter();
        inputs
            .map(|input| CAddr::parse_hex(input.as_str().unwrap()).unwrap())
            .collect()
    }
    fn marker(&self) -> ValueMarker {
        ValueMarker {
            size: self.number("size"),
            age: self.number("age"),
            cutoff: self.cutoff(),
        }
    }
    fn function(&self) -> FunctionId {
        FunctionId::new(self.text("function"), self.text("version"))
    }
    fn outcome(&self, name: &str) -> Option<ContentHash> {
        let told = self.0[name].as_str();
        told.map(|digits| ContentHash::parse_hex(digits).unwrap())
    }
    fn mark(&self) -> MarkEntry {
        MarkEntry {
            stage: match self.text("stage") {
                "voiding" => MarkStage::Voiding,
                "voided" => MarkStage::Voided,
                other => panic!("no stage {other}"),
            },
            epoch: self.epoch(),
            recipe: self.address("recipe"),
            first: self.outcome("first"),
            second: self.outcome("second"),
        }
    }
    fn collection(&self) -> CollectionEntry {
        CollectionEntry {
            epoch: self.epoch(),
            grace: self.number("grace"),
            left: self.number("left"),
        }
    }
    fn cascade(&self) -> CascadeEntry {
        CascadeEntry {
            address: self.address("address"),
            root: match self.text("root") {
                "included" => CascadeRoot::Included,
                "spared" => CascadeRoot::Spared,
                other => panic!("no root is {other}"),
            },
        }
    }
    fn chunked(&self) -> ContentEntry {
        ContentEntry::Chunked {
            locator: self.locator(),
            manifest: Manifest::decode(&unhex(self.text("manifest"))).unwrap(),
        }
    }
    fn counter(&self) -> Counter {
        match self.text("counter") {
            "recipes" => Counter::Recipes,
            "leaves" => Counter::Leaves,
            "leaf_bytes" => Counter::LeafBytes,
            "values" => Counter::Values,
            "value_bytes" => Counter::ValueBytes,
            "aliases" => Counter::Aliases,
            "pins" => Counter::Pins,
            other => panic!("no counter {other}"),
        }
    }
}

/// The bytes of a key.
fn key(kind: &str, meaning: &Meaning<'_>) -> Option<Vec<u8>> {
    Some(match kind {
        "space" => {
            let name = meaning.text("space");
            let space = Space::ALL.into_iter().find(|space| space.name() == name);
            space.unwrap().name().as_bytes().to_vec()
        }
        "address-key" => address_key(&meaning.address("address")),
        "inputs-key" => inputs_key(&meaning.address("recipe")),
        "dependents-prefix" => dependents_prefix(&meaning.address("input")),
        "dependent-key" => dependent_key(&meaning.address("input"), &meaning.address("recipe")),
        "content-key" => content_key(&meaning.content()),
        "value-key" => value_key(&meaning.content(), &meaning.address("recipe")),
        "chunk-key" => {
            let index = u32::try_from(meaning.number("index")).unwrap();
            chunk_key(meaning.locator(), index)
        }
        "cutoff-key" => cutoff_key(&meaning.cutoff(), &meaning.address("recipe")),
        "meta-format" => META_FORMAT.to_vec(),
        "meta-boot" => META_BOOT.to_vec(),
        "meta-epoch" => META_EPOCH.to_vec(),
        "meta-import" => META_IMPORT.to_vec(),
        "epoch-start-key" => epoch_start_key(meaning.epoch()),
        "counter-key" => meaning.counter().key(),
        "staged-key" => staged_key(meaning.locator()),
        "marked-key" => marked_key(&meaning.function()),
        "forgotten-key" => forgotten_key(&meaning.address("recipe")),
        "tomb-key" => tomb_key(&meaning.address("address")),
        "meta-collection" => META_COLLECTION.to_vec(),
        "meta-longest-grace" => META_LONGEST_GRACE.to_vec(),
        "cascade-key" => cascade_key(meaning.number("number")),
        "agreed-key" => agreed_key(&meaning.address("recipe")),
        "age-key" => age_key(meaning.number("number")),
        "worth-age-key" => age_key(age_number(
            meaning.number("worth"),
            meaning.number("sequence"),
        )),
        "meta-inflation" => META_INFLATION.to_vec(),
        _ => return None,
    })
}

/// The bytes of a value.
fn value(kind: &str, meaning: &Meaning<'_>) -> Vec<u8> {
    match kind {
        "recipe-value" => stamped(meaning.epoch(), &unhex(meaning.text("document"))),
        "inputs-value" => inputs_value(&meaning.inputs()),
        "leaf-marker" => leaf_marker(meaning.epoch(), meaning.number("size")),
        "content-inline" => {
            let entry = ContentEntry::Inline(expand(&meaning.0["content"]).into());
            entry.encode().unwrap()
        }
        "content-chunked" => meaning.chunked().encode().unwrap(),
        "value-marker" => meaning.marker().encode(),
        "mark" => meaning.mark().encode(),
        "collection" => meaning.collection().encode(),
        "cascade" => meaning.cascade().encode(),
        "alias-value" => alias_value(meaning.epoch(), &meaning.address("recipe")),
        "pin-value" => stamped(meaning.epoch(), b""),
        "format-value" => {
            assert_eq!(meaning.number("format"), u64::from(FORMAT_VERSION));
            FORMAT_VERSION.to_be_bytes().to_vec()
        }
        "epoch-value" => epoch_value(meaning.epoch(), meaning.number("start")),
        "number" => number(meaning.number("number")),
        other => panic!("nothing is written as {other}"),
    }
}

/// Whether a parser reads the bytes and, when their meaning is told, comes to it.
fn reads(kind: &str, bytes: &[u8], meaning: Option<&Meaning<'_>>) -> bool {
    fn is<T: PartialEq>(read: Option<T>, told: Option<T>) -> bool {
        read.is_some_and(|read| told.is_none_or(|told| read == told))
    }
    let shared = Bytes::copy_from_slice(bytes);
    match kind {
        "recipe-value" => is(
            parse_stamped(&shared),
            meaning.map(|told| (told.epoch(), unhex(told.text("document")).into())),
        ),
        "pin-value" => is(
            parse_stamped(&shared),
            meaning.map(|told| (told.epoch(), Bytes::new())),
        ),
        "inputs-value" => is(parse_inputs(bytes), meaning.map(Meaning::inputs)),
        "leaf-marker" => is(
            parse_leaf_marker(bytes),
            meaning.map(|told| (told.epoch(), told.number("size"))),
        ),
        "content-inline" => is(
            ContentEntry::decode(&shared),
            meaning.map(|told| ContentEntry::Inline(expand(&told.0["content"]).into())),
        ),
        "content-chunked" => is(ContentEntry::decode(&shared), meaning.map(Meaning::chunked)),
        "mark" => is(MarkEntry::parse(bytes), meaning.map(Meaning::mark)),
        "collection" => is(
            CollectionEntry::parse(bytes),
            meaning.map(Meaning::collection),
        ),
        "cascade" => is(CascadeEntry::parse(bytes), meaning.map(Meaning::cascade)),
        "value-marker" => is(ValueMarker::parse(bytes), meaning.map(Meaning::marker)),
        "alias-value" => is(
            parse_alias(bytes),
            meaning.map(|told| (told.epoch(), told.address("recipe"))),
        ),
        "epoch-value" => is(
            parse_epoch(bytes),
            meaning.map(|told| (told.epoch(), told.number("start"))),
        ),
        "number" => is(
            parse_number(bytes),
            meaning.map(|told| told.number("number")),
        ),
        // The store reads the format itself, by the same four bytes.
        "format-value" => bytes == FORMAT_VERSION.to_be_bytes(),
        other => panic!("nothing is read as {other}"),
    }
}

#[test]
fn every_vector_is_written_and_read_as_it_says() {
    let vectors = vectors();
    assert!(vectors.len() >= 60, "only {}", vectors.len());
    let mut names = HashSet::new();
    for vector in &vectors {
        let (name, kind) = (&vector["name"], vector["as"].as_str().unwrap());
        assert!(names.insert(name.as_str().unwrap()), "{name} stands twice");
        let bytes = expand(&vector["bytes"]);
        if vector["refusal"] == "another-shape" {
            assert!(!reads(kind, &bytes, None), "{name} is read");
            continue;
        }
        let meaning = Meaning(&vector["meaning"]);
        match key(kind, &meaning) {
            Some(key) => assert_eq!(key, bytes, "{name}"),
            None => {
                assert_eq!(value(kind, &meaning), bytes, "{name}");
                assert!(
                    reads(kind, &bytes, Some(&meaning)),
                    "{name} is read otherwise"
                );
            }
        }
    }
}

#[test]
fn every_space_and_counter_has_a_vector() {
    let vectors = vectors();
    let told = |kind: &str| vectors.iter().filter(|vector| vector["as"] == kind).count();
    assert_eq!(told("space"), Space::ALL.len());
    assert_eq!(told("counter-key"), 7);
}

#[test]
fn a_vector_with_a_wrong_word_disagrees() {
    let vectors = vectors();
    let marker = vectors
        .iter()
        .find(|vector| vector["as"] == "leaf-marker")
        .unwrap();
    let mut wrong = marker["meaning"].clone();
    wrong["size"] = "13".into();
    let bytes = expand(&marker["bytes"]);
    assert!(reads(
        "leaf-marker",
        &bytes,
        Some(&Meaning(&marker["meaning"]))
    ));
    assert!(!reads("leaf-marker", &bytes, Some(&Meaning(&wrong))));
    assert_ne!(value("leaf-marker", &Meaning(&wrong)), bytes);
}

/// Every shape of hostile bytes: cut anywhere or with a byte after, no parser panics or reads it
/// as the whole. Only what is open at its end can be shorter or longer.
#[test]
fn bytes_cut_or_lengthened_are_never_read_as_the_whole() {
    let open = [
        "recipe-value",
        "pin-value",
        "inputs-value",
        "content-inline",
    ];
    for vector in vectors() {
        let kind = vector["as"].as_str().unwrap();
        let meaning = Meaning(&vector["meaning"]);
        if vector["refusal"].is_string() || key(kind, &meaning).is_some() {
            continue;
        }
        let whole = expand(&vector["bytes"]);
        let mut longer = whole.clone();
        longer.push(0);
        let lengths = 0..whole.len();
        let cut = lengths.map(|length| whole[..length].to_vec());
        for bytes in cut.chain([longer]) {
            assert!(
                !reads(kind, &bytes, Some(&meaning)),
                "{} of {kind}",
                bytes.len()
            );
            let fixed = !open.contains(&kind);
            assert!(
                !(fixed && reads(kind, &bytes, None)),
                "{} of {kind}",
                bytes.len()
            );
        }
    }
}

#[test]
fn the_ends_of_keys_are_read_back() {
    let recipe = CAddr::from_bytes([7; 32]);
    let input = CAddr::from_bytes([8; 32]);
    assert_eq!(last_address(&dependent_key(&input, &recipe)), Some(recipe));
    assert_eq!(last_address(&[7; 31]), None);
    assert_eq!(last_address(b""), None);
    assert_eq!(last_number(&age_key(300)), Some(300));
    assert_eq!(last_number(&staged_key(Locator(u64::MAX))), Some(u64::MAX));
    assert_eq!(last_number(&[1; 7]), None);
}

/// Worth comes first, then the order of writing; what releases before wrote is below every start.
#[test]
fn values_leave_the_disk_in_the_order_of_their_worth() {
    let boot = 7_u64 << 32;
    let in_order = [
        age_number(0, boot),
        age_number(0, boot + 1),
        age_number(1, boot),
        age_number(WORTH_MAX - 1, boot + 9),
        age_number(WORTH_MAX, boot),
        age_number(u64::MAX, boot + 1),
    ];
    assert!(in_order.is_sorted_by(|one, next| one < next));
    assert_eq!(worth_of(age_number(300, u64::MAX)), 300);
    assert_eq!(worth_of(age_number(u64::MAX, 0)), WORTH_MAX);
    for boot in [1, 2, 1000, u64::from(u32::MAX)] {
        let newest_old = (boot << 32) - 1;
        assert!(worth_of(newest_old) < worth_above_old(boot));
    }
    assert_eq!(worth_above_old(u64::MAX), WORTH_MAX);
}

/// Keys with numbers sort as their numbers do; the layout lives by that.
#[test]
fn keys_sort_as_their_numbers_do() {
    let numbers = [0, 1, 255, 256, 65_535, 1 << 32, u64::MAX - 1, u64::MAX];
    for pair in numbers.windows(2) {
        assert!(age_key(pair[0]) < age_key(pair[1]));
        assert!(epoch_start_key(Epoch::new(pair[0])) < epoch_start_key(Epoch::new(pair[1])));
        let last = chunk_key(Locator(pair[0]), u32::MAX);
        assert!(last < chunk_key(Locator(pair[1]), 0));
        assert!(chunk_key(Locator(pair[0]), 0xff) < chunk_key(Locator(pair[0]), 0x100));
    }
}

/// No two functions share a key, and what is no key of a function is not read as one.
#[test]
fn the_keys_of_marks_are_read_back() {
    let functions = [("a", "bc"), ("ab", "c"), ("абв", "1"), ("", ""), ("a", "")];
    let functions = functions.map(|(name, version)| FunctionId::new(name, version));
    let keys: HashSet<Vec<u8>> = functions.iter().map(marked_key).collect();
    assert_eq!(keys.len(), functions.len());
    for function in &functions {
        assert_eq!(
            parse_marked_key(&marked_key(function)).as_ref(),
            Some(function)
        );
    }
    let long = [MARKED_PREFIX, &[0, 0, 0, 0, 0, 0, 0, 3], b"ab"].concat();
    let no_text = [MARKED_PREFIX, &[0, 0, 0, 0, 0, 0, 0, 1], &[0xff, b'1']].concat();
    for bytes in [&b"marked/"[..], b"marked", b"forgotten/", &long, &no_text] {
        assert_eq!(parse_marked_key(bytes), None);
    }
}
