//! The recorded steps of one materialization, in the order in which they finished, for replay: a
//! replay runs the same steps one after the other and compares every hash.
//!
//! DCF type 03: 1 root (address), 2 steps (list of struct: 1 recipe (address), 2 inputs (list of
//! content hashes, in recipe order), 3 output (32 bytes), 4 size (u64)). All fields are always
//! present. A trace states what happened and proves nothing: recipes are looked up by address when
//! it is replayed, and whether the steps fit the graph is judged then.

use crate::address::{CAddr, ContentHash};
use crate::dcf::{
    Decode, DecodeError, Document, DocumentType, Encode, Reader, Writer, decode_document,
    encode_document,
};
use crate::limits::{self, Measure, OverLimit};

/// One function call as it happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceStep {
    /// The recipe that ran.
    pub recipe: CAddr,
    /// The hashes of what it consumed, in recipe order. At most 65,536.
    pub inputs: Vec<ContentHash>,
    /// The hash of what it gave.
    pub output: ContentHash,
    /// Bytes of what it gave.
    pub size: u64,
}

/// The steps of one materialization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trace {
    /// What was asked for.
    pub root: CAddr,
    /// Each recipe that ran, once, every one after those it consumed. The document's 64 MiB bound their number.
    pub steps: Vec<TraceStep>,
}

/// Bytes of a step apart from its inputs: count, four tags, recipe, length, output, size.
const STEP_BYTES: usize = 1 + 4 + 32 + 4 + 32 + 8;
/// Bytes of a trace apart from its steps: header 5, count, two tags, root, length.
const FIXED_BYTES: usize = 5 + 1 + 2 + 32 + 4;

impl Trace {
    /// The canonical document; refused when it or a step's inputs are over their limit.
    pub fn encode(&self) -> Result<Vec<u8>, OverLimit> {
        let mut bytes = FIXED_BYTES;
        for step in &self.steps {
            let inputs = step.inputs.len();
            OverLimit::check(Measure::Inputs, limits::RECIPE_INPUTS, inputs as u64)?;
            bytes += STEP_BYTES + inputs * ContentHash::LEN;
        }
        OverLimit::check(Measure::Document, limits::TRACE_BYTES, bytes as u64)?;
        Ok(encode_document(self, bytes))
    }

    /// Reads a document of type 03, accepting exactly what [`Trace::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Trace, DecodeError> {
        decode_document(bytes)
    }

    /// The trace's own address, under its context string.
    pub fn address(&self) -> Result<CAddr, OverLimit> {
        Ok(DocumentType::Trace.address(&self.encode()?))
    }
}

impl Document for Trace {
    const TYPE: DocumentType = DocumentType::Trace;
}

impl Encode for Trace {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(2);
        writer.u8(1);
        self.root.encode(writer);
        writer.u8(2);
        writer.list(&self.steps);
    }
}

impl Decode for Trace {
    fn decode(reader: &mut Reader<'_>) -> Result<Trace, DecodeError> {
        let mut fields = reader.fields(2)?;
        fields.next(reader)?;
        let root = CAddr::decode(reader)?;
        fields.next(reader)?;
        let count = reader.count(STEP_BYTES)?;
        let steps = reader.items(count)?;
        fields.finish(reader)?;
        Ok(Trace { root, steps })
    }
}

impl Encode for TraceStep {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(4);
        writer.u8(1);
        self.recipe.encode(writer);
        writer.u8(2);
        writer.list(&self.inputs);
        writer.u8(3);
        self.output.encode(writer);
        writer.u8(4);
        writer.u64(self.size);
    }
}

impl Decode for TraceStep {
    fn decode(reader: &mut Reader<'_>) -> Result<TraceStep, DecodeError> {
        let mut fields = reader.fields(4)?;
        fields.next(reader)?;
        let recipe = CAddr::decode(reader)?;
        fields.next(reader)?;
        let inputs = reader.inputs(ContentHash::LEN)?;
        fields.next(reader)?;
        let output = ContentHash::decode(reader)?;
        fields.next(reader)?;
        let size = reader.u64()?;
        fields.finish(reader)?;
        Ok(TraceStep {
            recipe,
            inputs,
            output,
            size,
        })
    }
}

#[cfg(test)]
#[path = "trace_test.rs"]
mod trace_test;
