//! `gzip_decompress`, `zstd_decompress` and `lz4_decompress`: what was compressed, or a refusal.
//!
//! A bomb is stopped by its ratio and by the budget of output, in the memory of a window. A file that
//! is cut off, damaged or followed by something else is refused: a short value is never given for the
//! whole.

use std::io::{BufReader, Error, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;

use super::card::{card, cost, param};
use super::cut_bytes::{length, or_else};
use super::flow::{Inputs, Opened, Streamed, only};
use super::lz4_frame::Framed;
use super::source::SourceReader;
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, FunctionSpec, ParamKind};
use crate::params::Params;
use crate::streaming::{PIECE_BYTES, Pieces};

/// Result that is given whatever its ratio, in bytes: small things may be very regular.
const RATIO_GRACE_BYTES: u64 = 1024 * 1024;
/// Bytes that come out for one that went in, at most, unless the param says more.
const USUAL_RATIO: i64 = 1_000;
/// The most that the param may say.
const MAX_RATIO: i64 = 1_000_000;
/// Largest window that a zstd frame may ask for, as a power of two: 8 MiB, as its format advises.
const ZSTD_WINDOW_LOG: u32 = 23;
/// Scratch of a zstd decoder: its window and buffers.
const ZSTD_SCRATCH: u64 = 9 * 1024 * 1024;
/// Scratch of an lz4 decoder: two blocks of 8 MiB, the largest there are.
const LZ4_SCRATCH: u64 = 17 * 1024 * 1024;
/// Scratch of a gzip decoder.
const GZIP_SCRATCH: u64 = 128 * 1024;

pub(super) fn gzip_decompress() -> Streamed {
    let spec = decompressor(
        "gzip_decompress",
        "gzip (RFC 1952), of one member or several",
    );
    Streamed::new(spec, |inputs, params| {
        open(inputs, params, GZIP_SCRATCH, |reader| {
            Ok(Box::new(MultiGzDecoder::new(BufReader::new(reader))))
        })
    })
}

pub(super) fn zstd_decompress() -> Streamed {
    let spec = decompressor(
        "zstd_decompress",
        "Zstandard, of one frame or several, with a window of at most 8 MiB",
    );
    Streamed::new(spec, |inputs, params| {
        open(inputs, params, ZSTD_SCRATCH, |reader| {
            let mut decoder = zstd::stream::read::Decoder::new(reader)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Ok(Box::new(decoder))
        })
    })
}

pub(super) fn lz4_decompress() -> Streamed {
    let spec = decompressor("lz4_decompress", "an LZ4 frame");
    Streamed::new(spec, |inputs, params| {
        open(inputs, params, LZ4_SCRATCH, |reader| {
            Ok(Box::new(FrameDecoder::new(Framed::new(reader))))
        })
    })
}

fn decompressor(name: &str, format: &str) -> FunctionSpec {
    let ratio = ParamKind::I64 {
        min: 1,
        max: MAX_RATIO,
    };
    card(
        name,
        &format!(
            "Decompresses {format}. Checksums are checked; data that is cut off, damaged or followed \
             by something else is refused."
        ),
        Arity::exactly(&["data"]),
        cost(20_000, 10_000),
    )
    .with(param(
        "max_ratio",
        ratio,
        or_else(USUAL_RATIO),
        "How many bytes may come out for each that goes in, beyond the first MiB; more is refused.",
    ))
    .example("-i ADDR -p max_ratio=100")
}

/// A decoder of any of the formats, and the reader at its bottom.
trait Decoder: Read + Send {
    fn source(&mut self) -> &mut SourceReader;
}

impl Decoder for MultiGzDecoder<BufReader<SourceReader>> {
    fn source(&mut self) -> &mut SourceReader {
        self.get_mut().get_mut()
    }
}

impl Decoder for zstd::stream::read::Decoder<'static, BufReader<SourceReader>> {
    fn source(&mut self) -> &mut SourceReader {
        self.get_mut().get_mut()
    }
}

impl Decoder for FrameDecoder<Framed> {
    fn source(&mut self) -> &mut SourceReader {
        self.get_mut().source()
    }
}

type Made = Result<Box<dyn Decoder>, Error>;

fn open(inputs: Inputs, params: &Params, scratch: u64, make: fn(SourceReader) -> Made) -> Opened {
    Ok(Box::new(Decompress {
        fresh: Some(SourceReader::new(only(inputs)?)),
        make,
        decoder: None,
        max_ratio: length(params, "max_ratio")?,
        scratch,
        given: 0,
    }))
}

fn refuse(error: &Error) -> FunctionError {
    FunctionError::failed(format!(
        "the input cannot be decompressed: {error}; it is damaged, cut off or of another format"
    ))
}

struct Decompress {
    /// The input, until the decoder is made: making one may read.
    fresh: Option<SourceReader>,
    make: fn(SourceReader) -> Made,
    decoder: Option<Box<dyn Decoder>>,
    max_ratio: u64,
    scratch: u64,
    given: u64,
}

impl Decompress {
    /// Reads into `room` under the budget; gives the bytes read and the bytes taken so far, or
    /// nothing at the end of all frames.
    fn read(
        &mut self,
        room: &mut [u8],
        budget: &mut Budget,
    ) -> Result<Option<(usize, u64)>, FunctionError> {
        if let Some(mut reader) = self.fresh.take() {
            budget.charge_scratch(self.scratch)?;
            reader.lend(budget);
            self.decoder = Some((self.make)(reader).map_err(|error| refuse(&error))?);
        } else if let Some(decoder) = &mut self.decoder {
            decoder.source().lend(budget);
        }
        let Some(decoder) = &mut self.decoder else {
            return Ok(None);
        };
        let mut read = decoder.read(room);
        // Between two frames of lz4 the decoder says 0 once.
        while matches!(read, Ok(0)) && !decoder.source().exhausted() {
            read = decoder.read(room);
        }
        let taken = decoder.source().taken();
        decoder.source().give_back(budget)?;
        match read.map_err(|error| refuse(&error))? {
            0 => Ok(None),
            len => Ok(Some((len, taken))),
        }
    }
}

impl Pieces for Decompress {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        let mut piece = vec![0; PIECE_BYTES];
        let Some((len, taken)) = self.read(&mut piece, budget)? else {
            self.decoder = None;
            return Ok(None);
        };
        piece.truncate(len);
        budget.charge_output(len as u64)?;
        budget.charge_read(len as u64)?;
        self.given += len as u64;
        let allowed = taken.saturating_mul(self.max_ratio);
        if self.given > allowed.max(RATIO_GRACE_BYTES) {
            return Err(FunctionError::failed(format!(
                "more than {} bytes come out for each that goes in, which looks like a \
                 decompression bomb; if it is none, raise `max_ratio`",
                self.max_ratio
            )));
        }
        Ok(Some(Bytes::from(piece)))
    }
}
