//! `sha256`: the SHA-256 of the input as 64 lower-case hex digits, without a newline.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::card::{card, cost, input};
use crate::budget::{Budget, CHECKPOINT_BYTES, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec};
use crate::params::Params;

/// Length of the result, in bytes.
const HEX_LEN: u64 = 64;

pub(super) struct Sha256Hex {
    spec: FunctionSpec,
}

impl Sha256Hex {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
                "sha256",
                "Gives the SHA-256 of its input as 64 lower-case hex digits, without a newline.",
                Arity::exactly(&["data"]),
                cost(500, 700),
            ),
        }
    }
}

impl ComputeFunction for Sha256Hex {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        _params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let data = input(&self.spec, inputs, 0)?;
        let mut output = Output::with_room(HEX_LEN, budget)?;
        let mut hasher = Sha256::new();
        for piece in data.chunks(CHECKPOINT_BYTES as usize) {
            budget.charge_read(piece.len() as u64)?;
            hasher.update(piece);
        }
        for byte in hasher.finalize() {
            output.push(format!("{byte:02x}").as_bytes(), budget)?;
        }
        Ok(output.finish())
    }
}
