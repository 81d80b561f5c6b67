//! The event stream framing (`application/vnd.amazon.eventstream`): messages of headers and a payload between two
//! CRC-32 checksums. S3 Select, Kinesis, Lambda and Bedrock stream in it, in both directions.
//!
//! ```text
//! total length u32 | headers length u32 | CRC of these 8 bytes u32 | headers | payload | CRC of all before u32
//! ```
//! Not here: the signatures of signed event streams (`auth`), and what an event means, which [`event_value`] and
//! `output::event` take from the model.

mod crc;
mod decode;
mod event;

pub use decode::{DecodeError, Decoder};
pub use event::{Incoming, ParseBody, event_value};

use base::Timestamp;
use bytes::Bytes;
use crc::crc32;

/// The most that a message's headers may take: AWS's limit of 128 KiB.
pub const MAX_HEADERS: usize = 128 * 1024;
/// The most that a message's payload may take: AWS's limit of 24 MiB.
pub const MAX_PAYLOAD: usize = 24 * 1024 * 1024;
/// Lengths and their checksum.
const PRELUDE: usize = 12;
/// What a message takes beyond headers and payload.
const OVERHEAD: usize = PRELUDE + 4;

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Message {
    pub headers: Vec<Header>,
    pub payload: Bytes,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Header {
    /// 1 to 255 bytes.
    pub name: String,
    pub value: HeaderValue,
}

#[derive(Clone, PartialEq, Debug)]
pub enum HeaderValue {
    Bool(bool),
    Byte(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    /// At most 65,535 bytes.
    Bytes(Bytes),
    /// At most 65,535 bytes.
    String(String),
    /// Milliseconds on the wire.
    Timestamp(Timestamp),
    Uuid([u8; 16]),
}

/// A message breaks one of the limits above, or has a header name or value of an impossible length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

impl Message {
    /// The header `name`, where it is there.
    pub fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.headers.iter().find(|h| h.name == name).map(|h| &h.value)
    }

    /// The header `name`, where it is there and a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Some(HeaderValue::String(s)) = self.header(name) { Some(s) } else { None }
    }
}

/// Appends the message to `out`.
///
/// # Errors
/// [`TooLarge`]; `out` is then as it was.
pub fn encode(message: &Message, out: &mut Vec<u8>) -> Result<(), TooLarge> {
    let start = out.len();
    let written = write(message, out, start);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write(message: &Message, out: &mut Vec<u8>, start: usize) -> Result<(), TooLarge> {
    if message.payload.len() > MAX_PAYLOAD {
        return Err(TooLarge);
    }
    out.resize(start + PRELUDE, 0);
    for header in &message.headers {
        write_header(header, out)?;
    }
    let headers = out.len() - start - PRELUDE;
    if headers > MAX_HEADERS {
        return Err(TooLarge);
    }
    let total = OVERHEAD + headers + message.payload.len();
    out[start..start + 4].copy_from_slice(&length(total)?);
    out[start + 4..start + 8].copy_from_slice(&length(headers)?);
    let prelude = crc32(0, &out[start..start + 8]);
    out[start + 8..start + PRELUDE].copy_from_slice(&prelude.to_be_bytes());
    out.extend_from_slice(&message.payload);
    let whole = crc32(0, &out[start..]);
    out.extend_from_slice(&whole.to_be_bytes());
    Ok(())
}

fn length(n: usize) -> Result<[u8; 4], TooLarge> {
    u32::try_from(n).map(u32::to_be_bytes).map_err(|_| TooLarge)
}

fn write_header(header: &Header, out: &mut Vec<u8>) -> Result<(), TooLarge> {
    let name = header.name.as_bytes();
    let len = u8::try_from(name.len()).ok().filter(|n| *n > 0).ok_or(TooLarge)?;
    out.push(len);
    out.extend_from_slice(name);
    match &header.value {
        HeaderValue::Bool(true) => out.push(0),
        HeaderValue::Bool(false) => out.push(1),
        HeaderValue::Byte(n) => out.extend_from_slice(&[2, n.to_be_bytes()[0]]),
        HeaderValue::Int16(n) => typed(out, 3, &n.to_be_bytes()),
        HeaderValue::Int32(n) => typed(out, 4, &n.to_be_bytes()),
        HeaderValue::Int64(n) => typed(out, 5, &n.to_be_bytes()),
        HeaderValue::Bytes(b) => sized(out, 6, b)?,
        HeaderValue::String(s) => sized(out, 7, s.as_bytes())?,
        HeaderValue::Timestamp(t) => typed(out, 8, &t.micros().div_euclid(1_000).to_be_bytes()),
        HeaderValue::Uuid(id) => typed(out, 9, id),
    }
    Ok(())
}

fn typed(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend_from_slice(bytes);
}

fn sized(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) -> Result<(), TooLarge> {
    let len = u16::try_from(bytes.len()).map_err(|_| TooLarge)?;
    out.push(kind);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
