//! Reading messages from a stream of bytes that arrives in any pieces.

use super::{Header, HeaderValue, MAX_HEADERS, MAX_PAYLOAD, Message, OVERHEAD, PRELUDE, crc32};
use base::Timestamp;
use bytes::{Buf, Bytes, BytesMut};

/// Why a stream cannot be read on. There is no way to find the next message after one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// The lengths' checksum does not match them.
    PreludeChecksum,
    /// The message's checksum does not match it.
    MessageChecksum,
    /// Lengths beyond the limits, or that contradict each other.
    Length,
    /// A header that ends too early, has no name, an unknown type, a time out of range or text that is
    /// not UTF-8.
    Header,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DecodeError::PreludeChecksum => "the checksum of the message's prelude does not match",
            DecodeError::MessageChecksum => "the checksum of the message does not match",
            DecodeError::Length => "the message's lengths are out of bounds",
            DecodeError::Header => "a header of the message is malformed",
        })
    }
}

impl std::error::Error for DecodeError {}

/// Holds what has come and is not yet a whole message: at most one message beyond what is pushed.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    failed: Option<DecodeError>,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder::default()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether nothing is left over: a stream that ends elsewhere is cut short.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next whole message; `None` where more bytes are needed.
    ///
    /// # Errors
    /// [`DecodeError`], and the same one ever after.
    pub fn next_message(&mut self) -> Result<Option<Message>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let message = self.read();
        if let Err(error) = message {
            self.failed = Some(error);
            self.buffer = BytesMut::new();
        }
        message
    }

    fn read(&mut self) -> Result<Option<Message>, DecodeError> {
        let Some((prelude, _)) = self.buffer.split_at_checked(PRELUDE) else { return Ok(None) };
        let (mut fields, lengths) = (prelude, &prelude[..8]);
        let (total, headers, checksum) =
            (fields.get_u32() as usize, fields.get_u32() as usize, fields.get_u32());
        if crc32(0, lengths) != checksum {
            return Err(DecodeError::PreludeChecksum);
        }
        let payload = total.checked_sub(OVERHEAD + headers.min(total)).ok_or(DecodeError::Length)?;
        if headers > MAX_HEADERS || payload > MAX_PAYLOAD {
            return Err(DecodeError::Length);
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        let mut message = self.buffer.split_to(total).freeze();
        let mut end = message.split_off(total - 4);
        if crc32(0, &message) != end.get_u32() {
            return Err(DecodeError::MessageChecksum);
        }
        message.advance(PRELUDE);
        let payload = message.split_off(headers);
        Ok(Some(Message { headers: read_headers(message)?, payload }))
    }
}

fn read_headers(mut bytes: Bytes) -> Result<Vec<Header>, DecodeError> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let len = usize::from(bytes.get_u8());
        if len == 0 {
            return Err(DecodeError::Header);
        }
        let name = text(take(&mut bytes, len)?)?;
        headers.push(Header { name, value: read_value(&mut bytes)? });
    }
    Ok(headers)
}

fn read_value(bytes: &mut Bytes) -> Result<HeaderValue, DecodeError> {
    let kind = take(bytes, 1)?.get_u8();
    Ok(match kind {
        0 => HeaderValue::Bool(true),
        1 => HeaderValue::Bool(false),
        2 => HeaderValue::Byte(take(bytes, 1)?.get_i8()),
        3 => HeaderValue::Int16(take(bytes, 2)?.get_i16()),
        4 => HeaderValue::Int32(take(bytes, 4)?.get_i32()),
        5 => HeaderValue::Int64(take(bytes, 8)?.get_i64()),
        6 => HeaderValue::Bytes(sized(bytes)?),
        7 => HeaderValue::String(text(sized(bytes)?)?),
        8 => {
            let micros = take(bytes, 8)?.get_i64().checked_mul(1_000).ok_or(DecodeError::Header)?;
            HeaderValue::Timestamp(Timestamp::from_micros(micros))
        }
        9 => {
            let mut id = [0; 16];
            id.copy_from_slice(&take(bytes, 16)?);
            HeaderValue::Uuid(id)
        }
        _ => return Err(DecodeError::Header),
    })
}

fn sized(bytes: &mut Bytes) -> Result<Bytes, DecodeError> {
    let len = take(bytes, 2)?.get_u16();
    take(bytes, usize::from(len))
}

fn take(bytes: &mut Bytes, len: usize) -> Result<Bytes, DecodeError> {
    if bytes.len() < len { Err(DecodeError::Header) } else { Ok(bytes.split_to(len)) }
}

fn text(bytes: Bytes) -> Result<String, DecodeError> {
    String::from_utf8(bytes.into()).map_err(|_| DecodeError::Header)
}
