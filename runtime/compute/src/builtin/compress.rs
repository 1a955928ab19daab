//! `gzip_compress`, `zstd_compress` and `lz4_compress`: bytes pinned by the crates' exact versions.
//!
//! On one thread, without a time, a name or a size in the header. The input is cut anew into equal
//! blocks, so that where it was cut before cannot shape the result. Another crate version that gives
//! other bytes is another version of the function; the vectors say whether it does.

use std::io::Write;

use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::card::{card, cost, param};
use super::cut_bytes::or_else;
use super::flow::{Flow, Outbox, Streamed, Transform, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, FunctionSpec, ParamKind};

/// Bytes given to an encoder at once.
const BLOCK_BYTES: usize = 64 * 1024;
/// "Unknown" in gzip's header, which would else name the machine.
const NO_SYSTEM: u8 = 255;
/// Scratch of an encoder of gzip or lz4, roughly.
const SMALL_ENCODER_BYTES: u64 = 1024 * 1024;
/// Scratch of zstd at its highest level here: window, tables and buffers, rounded up.
const ZSTD_ENCODER_BYTES: u64 = 96 * 1024 * 1024;
/// Steps for each byte that zstd's highest levels may look at, by level.
const STEPS_PER_KIB_AND_LEVEL: u64 = 16;

pub(super) fn gzip_compress() -> Streamed {
    let spec = compressor("gzip_compress", "gzip (RFC 1952), as one member", 20_000);
    let spec = with_level(spec, 0, 9, 6);
    Streamed::new(spec, |inputs, params| {
        let level = u32::try_from(params.i64("level")?).unwrap_or_default();
        let encoder = GzBuilder::new()
            .mtime(0)
            .operating_system(NO_SYSTEM)
            .write(Vec::new(), Compression::new(level));
        through(inputs, Compress::new(encoder, SMALL_ENCODER_BYTES, level))
    })
}

pub(super) fn zstd_compress() -> Streamed {
    let spec = compressor(
        "zstd_compress",
        "Zstandard, as one frame with a checksum",
        5_000,
    );
    let spec = with_level(spec, 1, 19, 3);
    Streamed::new(spec, |inputs, params| {
        let level = i32::try_from(params.i64("level")?).unwrap_or_default();
        let encoder = zstd::stream::write::Encoder::new(Vec::new(), level)
            .and_then(|mut encoder| encoder.include_checksum(true).map(|()| encoder))
            .map_err(|error| broken(&error))?;
        let work = Compress::new(encoder, ZSTD_ENCODER_BYTES, level.unsigned_abs());
        through(inputs, work)
    })
}

pub(super) fn lz4_compress() -> Streamed {
    let spec = compressor(
        "lz4_compress",
        "an LZ4 frame of independent 64 KiB blocks with a checksum",
        2_000,
    );
    Streamed::new(spec, |inputs, _| {
        let info = FrameInfo::new()
            .block_size(BlockSize::Max64KB)
            .block_mode(BlockMode::Independent)
            .content_checksum(true);
        let encoder = FrameEncoder::with_frame_info(info, Vec::new());
        through(inputs, Compress::new(encoder, SMALL_ENCODER_BYTES, 1))
    })
}

fn compressor(name: &str, format: &str, nanos_per_kib: u64) -> FunctionSpec {
    card(
        name,
        &format!(
            "Compresses its input to {format}. The bytes are the same on every machine and at every \
             time: no date, no name, one thread."
        ),
        Arity::exactly(&["data"]),
        cost(50_000, nanos_per_kib),
    )
}

fn with_level(spec: FunctionSpec, min: i64, max: i64, usual: i64) -> FunctionSpec {
    spec.with(param(
        "level",
        ParamKind::I64 { min, max },
        or_else(usual),
        "How hard it tries: higher is smaller and slower.",
    ))
    .example(&format!("-i ADDR -p level={max}"))
}

fn broken(error: &dyn std::fmt::Display) -> FunctionError {
    FunctionError::failed(format!("the encoder gave up: {error}"))
}

/// An encoder that writes into memory, whatever the format.
trait Encoder: Send {
    fn add(&mut self, block: &[u8]) -> Result<(), FunctionError>;
    /// Writes the end of the format.
    fn end(&mut self) -> Result<(), FunctionError>;
    /// What was written since the last time.
    fn written(&mut self) -> Vec<u8>;
}

impl Encoder for GzEncoder<Vec<u8>> {
    fn add(&mut self, block: &[u8]) -> Result<(), FunctionError> {
        self.write_all(block).map_err(|error| broken(&error))
    }

    fn end(&mut self) -> Result<(), FunctionError> {
        self.try_finish().map_err(|error| broken(&error))
    }

    fn written(&mut self) -> Vec<u8> {
        std::mem::take(self.get_mut())
    }
}

impl Encoder for zstd::stream::write::Encoder<'static, Vec<u8>> {
    fn add(&mut self, block: &[u8]) -> Result<(), FunctionError> {
        self.write_all(block).map_err(|error| broken(&error))
    }

    fn end(&mut self) -> Result<(), FunctionError> {
        self.do_finish().map_err(|error| broken(&error))
    }

    fn written(&mut self) -> Vec<u8> {
        std::mem::take(self.get_mut())
    }
}

impl Encoder for FrameEncoder<Vec<u8>> {
    fn add(&mut self, block: &[u8]) -> Result<(), FunctionError> {
        self.write_all(block).map_err(|error| broken(&error))
    }

    fn end(&mut self) -> Result<(), FunctionError> {
        self.try_finish().map_err(|error| broken(&error))
    }

    fn written(&mut self) -> Vec<u8> {
        std::mem::take(self.get_mut())
    }
}

struct Compress<E> {
    encoder: E,
    block: Vec<u8>,
    /// Scratch not charged yet.
    owed: u64,
    steps_per_block: u64,
}

impl<E: Encoder> Compress<E> {
    fn new(encoder: E, scratch: u64, level: u32) -> Self {
        Self {
            encoder,
            block: Vec::with_capacity(BLOCK_BYTES),
            owed: scratch,
            steps_per_block: BLOCK_BYTES as u64 / 1024
                * STEPS_PER_KIB_AND_LEVEL
                * u64::from(level + 1),
        }
    }

    fn encode(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<(), FunctionError> {
        budget.charge_steps(self.steps_per_block)?;
        self.encoder.add(&self.block)?;
        self.block.clear();
        out.push(&self.encoder.written(), budget)
    }
}

impl<E: Encoder> Transform for Compress<E> {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        budget.charge_scratch(std::mem::take(&mut self.owed))?;
        while !input.is_empty() && !out.full() {
            let len = input.len().min(BLOCK_BYTES - self.block.len());
            self.block.extend_from_slice(&input.split_to(len));
            if self.block.len() == BLOCK_BYTES {
                self.encode(out, budget)?;
            }
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        budget.charge_scratch(std::mem::take(&mut self.owed))?;
        self.encode(out, budget)?;
        self.encoder.end()?;
        out.push(&self.encoder.written(), budget)?;
        Ok(Flow::Done)
    }
}
