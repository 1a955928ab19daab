//! `sha256`, `sha512`, `blake3`, `crc32` and `merkle_root`: short names for long inputs, as lower-case hex
//! without a newline.

use bytes::Bytes;
use sha2::{Digest, Sha256, Sha512};

use super::card::{card, cost, default, word};
use super::flow::{Flow, Inputs, LineWork, Opened, Outbox, Streamed, Transform, by_line, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError};
use crate::params::Params;
use crate::streaming::Pieces;

pub(super) fn sha256() -> Streamed {
    let spec = card(
        "sha256",
        "Gives the SHA-256 of its input as 64 lower-case hex digits, without a newline.",
        Arity::exactly(&["data"]),
        cost(500, 700),
    );
    Streamed::new(spec, |inputs, _| through(inputs, Hashing(Sha256::new())))
}

pub(super) fn sha512() -> Streamed {
    let spec = card(
        "sha512",
        "Gives the SHA-512 of its input as 128 lower-case hex digits, without a newline.",
        Arity::exactly(&["data"]),
        cost(500, 1_000),
    );
    Streamed::new(spec, |inputs, _| through(inputs, Hashing(Sha512::new())))
}

pub(super) fn blake3() -> Streamed {
    let spec = card(
        "blake3",
        "Gives the BLAKE3 of its input as 64 lower-case hex digits, without a newline: its address, \
         were it a leaf.",
        Arity::exactly(&["data"]),
        cost(500, 300),
    );
    Streamed::new(spec, |inputs, _| {
        through(inputs, Hashing(::blake3::Hasher::new()))
    })
}

pub(super) fn crc32() -> Streamed {
    let spec = card(
        "crc32",
        "Gives the CRC-32 (ISO-HDLC, as in gzip and zip) of its input as 8 lower-case hex digits, \
         without a newline. It finds accidents, not forgeries.",
        Arity::exactly(&["data"]),
        cost(300, 100),
    );
    Streamed::new(spec, |inputs, _| {
        through(inputs, Hashing(crc32fast::Hasher::new()))
    })
}

pub(super) fn merkle_root() -> Streamed {
    let spec = card(
        "merkle_root",
        "Gives the root of the Merkle tree over its leaves as RFC 6962 (section 2.1) defines it with \
         SHA-256, as 64 lower-case hex digits without a newline. The leaves are the inputs in recipe \
         order, or the lines of the only input, without their newlines.",
        Arity::any("leaf"),
        cost(500, 1_000),
    )
    .with(word(
        "leaves",
        &["inputs", "lines"],
        default("inputs"),
        "What the leaves are.",
    ))
    .example("-i ADDR1 ADDR2");
    Streamed::new(spec, open_merkle)
}

/// A hash under way.
trait Running: Send {
    fn add(&mut self, bytes: &[u8]);
    fn hex(&mut self) -> String;
}

impl Running for Sha256 {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn hex(&mut self) -> String {
        hex(&self.finalize_reset())
    }
}

impl Running for Sha512 {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn hex(&mut self) -> String {
        hex(&self.finalize_reset())
    }
}

impl Running for ::blake3::Hasher {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn hex(&mut self) -> String {
        self.finalize().to_hex().to_string()
    }
}

impl Running for crc32fast::Hasher {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn hex(&mut self) -> String {
        format!("{:08x}", self.clone().finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hashing<H>(H);

impl<H: Running> Transform for Hashing<H> {
    fn feed(
        &mut self,
        input: &mut Bytes,
        _out: &mut Outbox,
        _budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.0.add(input);
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(self.0.hex().as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}

/// What the RFC puts before a leaf, so that no leaf hashes as a node.
const LEAF: [u8; 1] = [0];
/// What it puts before the hashes of two subtrees.
const NODE: [u8; 1] = [1];

/// The complete subtrees so far, largest first: at most 64 hashes.
#[derive(Default)]
struct Tree {
    subtrees: Vec<(u64, [u8; 32])>,
}

impl Tree {
    fn add(&mut self, leaf: [u8; 32]) {
        let mut grown = (1, leaf);
        while let Some((leaves, hash)) = self.subtrees.last().copied()
            && leaves == grown.0
        {
            self.subtrees.pop();
            grown = (leaves * 2, node(hash, grown.1));
        }
        self.subtrees.push(grown);
    }

    fn root(&self) -> String {
        let mut from_the_right = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = from_the_right.next() else {
            return hex(&Sha256::digest([]));
        };
        hex(&from_the_right.fold(last, |right, left| node(left, right)))
    }
}

fn node(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(NODE);
    hasher
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

fn open_merkle(inputs: Inputs, params: &Params) -> Opened {
    if params.string("leaves")? == "inputs" {
        let inputs = inputs.into_iter();
        return Ok(Box::new(OverInputs {
            inputs: Some(inputs),
        }));
    }
    if inputs.len() != 1 {
        return Err(FunctionError::failed(format!(
            "leaves=lines takes exactly 1 input, and {} were given; join them with `concat` first",
            inputs.len()
        )));
    }
    by_line(inputs, OverLines(Tree::default()))
}

struct OverInputs {
    inputs: Option<std::vec::IntoIter<Box<dyn Pieces>>>,
}

impl Pieces for OverInputs {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        let Some(inputs) = self.inputs.take() else {
            return Ok(None);
        };
        let mut tree = Tree::default();
        for mut input in inputs {
            let mut hasher = Sha256::new().chain_update(LEAF);
            while let Some(piece) = input.next(budget)? {
                budget.charge_read(piece.len() as u64)?;
                hasher.update(&piece);
            }
            budget.charge_steps(1)?;
            tree.add(hasher.finalize().into());
        }
        let mut out = Outbox::default();
        out.push(tree.root().as_bytes(), budget)?;
        Ok(out.take())
    }
}

struct OverLines(Tree);

impl LineWork for OverLines {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        budget.charge_read(line.len() as u64)?;
        let leaf = Sha256::new().chain_update(LEAF).chain_update(line);
        self.0.add(leaf.finalize().into());
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(self.0.root().as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}
