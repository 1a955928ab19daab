//! Addresses as they come in: exactly 32 bytes, or a refusal that says what was wrong with them.

use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::CAddr;

/// Reads one address; `what` names its place in the request.
///
/// # Errors
/// `Malformed`, with the bytes expected and got.
pub(super) fn read(what: &str, bytes: &[u8]) -> Result<CAddr, Fault> {
    CAddr::try_from_slice(bytes).map_err(|error| Fault::Malformed {
        reason: format!("{what}: {error}{}", likely(bytes)),
    })
}

/// Hex digits in place of bytes are the mistake made most.
fn likely(bytes: &[u8]) -> &'static str {
    if bytes.len() == CAddr::LEN * 2 && bytes.iter().all(u8::is_ascii_hexdigit) {
        return "; these look like hex digits, send the bytes that they spell";
    }
    ""
}

/// An address as it goes out.
pub(super) fn write(address: &CAddr) -> Bytes {
    Bytes::copy_from_slice(address.as_bytes())
}

#[cfg(test)]
#[path = "address_test.rs"]
mod address_test;
