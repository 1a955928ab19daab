//! What a materialization consumed, gave and cost. A record ties a recipe's address to a content
//! hash; it is recomputable and may be thrown away at any time.
//!
//! DCF type 02: 1 recipe (address), 2 function name, 3 function version, 4 inputs (list of struct:
//! 1 address, 2 content hash), 5 output (32 bytes), 6 size (u64), 7 cost (struct of u64: 1 wall
//! nanoseconds, 2 steps, 3 input bytes). All fields are always present. A failed or cut-off
//! execution is never a record, so there is no field for failure.

use std::sync::Arc;

use crate::address::{CAddr, ContentHash};
use crate::dcf::{
    Decode, DecodeError, Document, DocumentType, Encode, Reader, Writer, decode_document,
    encode_document,
};
use crate::function::{FunctionId, function_name, function_version};
use crate::limits::{self, Measure, OverLimit};
use crate::recipe::RecipeError;

/// One input as it was consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Consumed {
    /// The address that the recipe names.
    pub address: CAddr,
    /// The hash of the bytes that were consumed under it.
    pub content: ContentHash,
}

/// What a materialization cost. The recipe's own work, not that of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cost {
    /// Nanoseconds of wall time in the function.
    pub wall_nanos: u64,
    /// Steps that the function counted against its budget.
    pub steps: u64,
    /// Bytes of all inputs together.
    pub input_bytes: u64,
}

/// One finished materialization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// The recipe's address, aliases resolved.
    pub recipe: CAddr,
    /// The function that ran.
    pub function: Arc<FunctionId>,
    /// What it consumed, in the recipe's order. At most 65,536.
    pub inputs: Vec<Consumed>,
    /// The hash of what it gave.
    pub output: ContentHash,
    /// Bytes of what it gave.
    pub size: u64,
    /// What it cost.
    pub cost: Cost,
}

/// Bytes of one consumed input: count, tag, address, tag, hash.
const CONSUMED_BYTES: usize = 1 + 1 + 32 + 1 + 32;
/// Bytes of a record apart from texts and inputs: header 5, count 1, seven tags, recipe 32, three
/// lengths, output 32, size 8, cost 28.
const FIXED_BYTES: usize = 5 + 1 + 7 + 32 + 3 * 4 + 32 + 8 + 28;

impl Record {
    /// The canonical document; refused when the function is unnamed or a limit is exceeded.
    pub fn encode(&self) -> Result<Vec<u8>, RecipeError> {
        self.function.check()?;
        let inputs = self.inputs.len();
        OverLimit::check(Measure::Inputs, limits::RECIPE_INPUTS, inputs as u64)?;
        let texts = self.function.name.len() + self.function.version.len();
        let bytes = FIXED_BYTES + texts + inputs * CONSUMED_BYTES;
        OverLimit::check(Measure::Document, limits::RECORD_BYTES, bytes as u64)?;
        Ok(encode_document(self, bytes))
    }

    /// Reads a document of type 02, accepting exactly what [`Record::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
        decode_document(bytes)
    }

    /// The record's own address, under its context string.
    pub fn address(&self) -> Result<CAddr, RecipeError> {
        Ok(DocumentType::Record.address(&self.encode()?))
    }
}

impl Document for Record {
    const TYPE: DocumentType = DocumentType::Record;
}

impl Encode for Record {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(7);
        writer.u8(1);
        self.recipe.encode(writer);
        writer.u8(2);
        writer.string(&self.function.name);
        writer.u8(3);
        writer.string(&self.function.version);
        writer.u8(4);
        writer.list(&self.inputs);
        writer.u8(5);
        self.output.encode(writer);
        writer.u8(6);
        writer.u64(self.size);
        writer.u8(7);
        self.cost.encode(writer);
    }
}

impl Decode for Record {
    fn decode(reader: &mut Reader<'_>) -> Result<Record, DecodeError> {
        let mut fields = reader.fields(7)?;
        fields.next(reader)?;
        let recipe = CAddr::decode(reader)?;
        fields.next(reader)?;
        let name = function_name(reader)?;
        fields.next(reader)?;
        let version = function_version(reader)?;
        fields.next(reader)?;
        let inputs = reader.inputs(CONSUMED_BYTES)?;
        fields.next(reader)?;
        let output = ContentHash::decode(reader)?;
        fields.next(reader)?;
        let size = reader.u64()?;
        fields.next(reader)?;
        let cost = Cost::decode(reader)?;
        fields.finish(reader)?;
        Ok(Record {
            recipe,
            function: Arc::new(FunctionId::new(name, version)),
            inputs,
            output,
            size,
            cost,
        })
    }
}

impl Encode for Consumed {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(2);
        writer.u8(1);
        self.address.encode(writer);
        writer.u8(2);
        self.content.encode(writer);
    }
}

impl Decode for Consumed {
    fn decode(reader: &mut Reader<'_>) -> Result<Consumed, DecodeError> {
        let mut fields = reader.fields(2)?;
        fields.next(reader)?;
        let address = CAddr::decode(reader)?;
        fields.next(reader)?;
        let content = ContentHash::decode(reader)?;
        fields.finish(reader)?;
        Ok(Consumed { address, content })
    }
}

impl Encode for Cost {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(3);
        writer.u8(1);
        writer.u64(self.wall_nanos);
        writer.u8(2);
        writer.u64(self.steps);
        writer.u8(3);
        writer.u64(self.input_bytes);
    }
}

impl Decode for Cost {
    fn decode(reader: &mut Reader<'_>) -> Result<Cost, DecodeError> {
        let mut fields = reader.fields(3)?;
        fields.next(reader)?;
        let wall_nanos = reader.u64()?;
        fields.next(reader)?;
        let steps = reader.u64()?;
        fields.next(reader)?;
        let input_bytes = reader.u64()?;
        fields.finish(reader)?;
        Ok(Cost {
            wall_nanos,
            steps,
            input_bytes,
        })
    }
}

#[cfg(test)]
#[path = "record_test.rs"]
mod record_test;
