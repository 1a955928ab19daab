//! Follows the framing of LZ4 frames as they are read, because the decoder takes one that was cut
//! between two blocks for whole. It decodes nothing and holds six bytes.

use std::io::{Error, ErrorKind, Read, Result as IoResult};

use super::source::SourceReader;

/// What every frame begins with. Frames of the old format say no end, so they are refused.
const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Magic, flags and block descriptor.
const HEAD_BYTES: usize = 6;
/// Bits of the flags: checksums after blocks, content size, content checksum, dictionary.
const BLOCK_CHECKSUMS: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
const DICTIONARY: u8 = 1;
/// The bit of a block's length that says it is not compressed.
const STORED: u32 = 1 << 31;

/// A source of which every end within a frame is an error.
pub(super) struct Framed {
    source: SourceReader,
    head: Vec<u8>,
    skip: u64,
    flags: Option<u8>,
    frames: u64,
}

impl Framed {
    pub(super) fn new(source: SourceReader) -> Self {
        Self {
            source,
            head: Vec::with_capacity(HEAD_BYTES),
            skip: 0,
            flags: None,
            frames: 0,
        }
    }

    pub(super) fn source(&mut self) -> &mut SourceReader {
        &mut self.source
    }

    /// Goes over bytes that the decoder is about to see.
    fn follow(&mut self, mut bytes: &[u8]) -> IoResult<()> {
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.skip).map_or(bytes.len(), |n| n.min(bytes.len()));
            bytes = bytes.get(skipped..).unwrap_or_default();
            self.skip -= skipped as u64;
            let Some((byte, rest)) = bytes.split_first() else {
                break;
            };
            bytes = rest;
            self.head.push(*byte);
            match (self.flags, self.head.as_slice()) {
                (None, [a, b, c, d, flags, _]) => {
                    if [*a, *b, *c, *d] != MAGIC {
                        return Err(broken("what begins there is no LZ4 frame"));
                    }
                    let size = u64::from(flags & CONTENT_SIZE != 0) * 8;
                    let dictionary = u64::from(flags & DICTIONARY != 0) * 4;
                    self.skip = 1 + size + dictionary;
                    self.flags = Some(*flags);
                    self.head.clear();
                }
                (Some(flags), [a, b, c, d]) => {
                    let length = u32::from_le_bytes([*a, *b, *c, *d]);
                    let checksum = |flag| u64::from(flags & flag != 0) * 4;
                    if length == 0 {
                        self.skip = checksum(CONTENT_CHECKSUM);
                        self.flags = None;
                        self.frames += 1;
                    } else {
                        self.skip = u64::from(length & !STORED) + checksum(BLOCK_CHECKSUMS);
                    }
                    self.head.clear();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn between_frames(&self) -> bool {
        self.skip == 0 && self.head.is_empty() && self.flags.is_none() && self.frames > 0
    }
}

/// Not the kind "unexpected end", which the decoder would take for the end.
fn broken(problem: &str) -> Error {
    Error::new(ErrorKind::InvalidData, problem)
}

impl Read for Framed {
    fn read(&mut self, into: &mut [u8]) -> IoResult<usize> {
        let read = self.source.read(into)?;
        if read == 0 && !into.is_empty() && !self.between_frames() {
            return Err(broken("the frame is cut off"));
        }
        self.follow(into.get(..read).unwrap_or_default())?;
        Ok(read)
    }
}
