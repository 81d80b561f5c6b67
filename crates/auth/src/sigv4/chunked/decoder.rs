//! Reading an `aws-chunked` body, piece by piece.
//!
//! ```text
//!            header              data               size reached
//!  Header ───────────▶ Data ◀──────────▶ (slices) ──────────────▶ DataEnd ──▶ Header
//!     └── size 0 ──▶ Trailer ── empty line ──▶ Done
//! ```

use super::trailer::{self, Trailer};
use super::{
    CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, CHUNK_HEADER_BYTES_MAX, Chain, TRAILER_BYTES_MAX, incomplete,
    malformed_trailer,
};
use crate::sigv4::checksum::{Checksum, ChecksumKind};
use crate::sigv4::dialect::SigError;
use crate::sigv4::head::Payload;
use crate::sigv4::verify::Verified;
use aws_lc_rs::digest;
use bytes::Bytes;
use memchr::memchr;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Data { left: u64 },
    DataEnd { seen_cr: bool },
    Trailer,
    Done,
}

/// An incremental decoder; see the [module's page](super).
pub struct Decoder {
    state: State,
    /// `None` where chunks carry no signatures, or nobody can verify them.
    chain: Option<Chain>,
    is_signed: bool,
    takes_trailer: bool,
    announced: Vec<String>,
    checksum: Option<Checksum>,
    /// A line that is not yet complete.
    line: Vec<u8>,
    trailer: Trailer,
    trailer_bytes: usize,
    chunk_hash: digest::Context,
    chunk_signature: String,
    chunk_number: u64,
    chunk_size: u64,
    decoded_length: u64,
    expected_length: u64,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({:?}, {} of {} bytes)", self.state, self.decoded_length, self.expected_length)
    }
}

/// A body that is complete and whose signatures and checksum hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub length: u64,
    /// The trailers as sent, names in lower case.
    pub trailers: Vec<(String, String)>,
    /// The checksum of the trailer, in base64, if one was announced.
    pub checksum: Option<(ChecksumKind, String)>,
}

impl Decoder {
    /// For the body of a verified request whose payload [is chunked](Payload::is_chunked). The two headers are those of
    /// the request: `x-amz-decoded-content-length` and `x-amz-trailer`.
    ///
    /// # Errors
    /// `MissingContentLength` without a decoded length; `InvalidRequest` for a trailer that is no checksum we know;
    /// `MalformedTrailerError` for a trailer announced for a kind that has none.
    pub fn new(
        seed: &Verified,
        decoded_content_length: Option<&str>,
        trailer: Option<&str>,
    ) -> Result<Decoder, SigError> {
        Decoder::for_payload(seed.payload, Some(seed), decoded_content_length, trailer)
    }

    /// For an anonymous request with unsigned chunks.
    ///
    /// # Errors
    /// As [`Decoder::new`].
    pub fn unsigned(
        decoded_content_length: Option<&str>,
        trailer: Option<&str>,
    ) -> Result<Decoder, SigError> {
        Decoder::for_payload(Payload::UnsignedChunks, None, decoded_content_length, trailer)
    }

    /// For the body of a request whose secret nobody knows (root's shared keys): the framing is read, chunk signatures
    /// are passed over, checksums are verified.
    ///
    /// # Errors
    /// As [`Decoder::new`].
    pub fn unverified(
        payload: Payload,
        decoded_content_length: Option<&str>,
        trailer: Option<&str>,
    ) -> Result<Decoder, SigError> {
        Decoder::for_payload(payload, None, decoded_content_length, trailer)
    }

    fn for_payload(
        payload: Payload,
        seed: Option<&Verified>,
        decoded_content_length: Option<&str>,
        trailer: Option<&str>,
    ) -> Result<Decoder, SigError> {
        let (is_signed, takes_trailer) = match payload {
            Payload::SignedChunks { trailer } | Payload::EcdsaChunks { trailer } => (true, trailer),
            _ => (false, true),
        };
        let expected_length = decoded_content_length
            .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| {
                SigError::new("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")
            })?;
        let (announced, kind) = trailer::announced(trailer.unwrap_or_default())?;
        if !takes_trailer && !announced.is_empty() {
            return Err(malformed_trailer());
        }
        Ok(Decoder {
            state: State::Header,
            chain: seed.filter(|_| is_signed).map(Chain::new),
            is_signed,
            takes_trailer,
            announced,
            checksum: kind.map(Checksum::new),
            line: Vec::new(),
            trailer: Trailer::default(),
            trailer_bytes: 0,
            chunk_hash: digest::Context::new(&digest::SHA256),
            chunk_signature: String::new(),
            chunk_number: 0,
            chunk_size: CHUNK_BYTES_MIN,
            decoded_length: 0,
            expected_length,
        })
    }

    /// The checksum that will come behind the payload.
    pub fn announced(&self) -> Option<ChecksumKind> {
        self.checksum.as_ref().map(Checksum::kind)
    }

    /// Takes bytes from the front of `input` and gives the next slice of the payload; `None` when `input` is used up
    /// or the body is at its end. Call it until it gives `None`.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`, `InvalidChunkSizeError`, `MalformedTrailerError`, or `IncompleteBody` for framing that
    /// cannot be read, bytes after the end and more payload than announced. After an error the decoder is of no use.
    pub fn push(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, SigError> {
        while !input.is_empty() {
            match self.state {
                State::Data { left } => return self.data(input, left).map(Some),
                State::DataEnd { seen_cr } => {
                    let byte = input.split_to(1)[0];
                    self.state = match (seen_cr, byte) {
                        (false, b'\r') => State::DataEnd { seen_cr: true },
                        (true, b'\n') => State::Header,
                        _ => return Err(incomplete()),
                    };
                }
                State::Header => {
                    if let Some(line) = self.line(input, CHUNK_HEADER_BYTES_MAX, incomplete)? {
                        self.header(&line)?;
                    }
                }
                State::Trailer => {
                    let room = TRAILER_BYTES_MAX.saturating_sub(self.trailer_bytes);
                    if let Some(line) = self.line(input, room, malformed_trailer)? {
                        self.trailer_bytes += line.len() + 2;
                        self.trailer_line(&line)?;
                    }
                }
                State::Done => return Err(incomplete()),
            }
        }
        Ok(None)
    }

    /// To be called at the end of the body.
    ///
    /// # Errors
    /// `IncompleteBody` when something is missing, `BadDigest` or `InvalidRequest` for a wrong checksum.
    pub fn finish(mut self) -> Result<Finished, SigError> {
        if self.state != State::Done {
            return Err(incomplete());
        }
        if self.decoded_length != self.expected_length {
            return Err(self.wrong_length());
        }
        let checksum = match self.checksum.take() {
            Some(checksum) => Some(self.check(checksum)?),
            None => None,
        };
        Ok(Finished { length: self.decoded_length, trailers: self.trailer.fields, checksum })
    }

    fn wrong_length(&self) -> SigError {
        let text = "You did not provide the number of bytes specified by the Content-Length HTTP header";
        SigError::new("IncompleteBody", 400, text)
            .with("NumberBytesExpected", self.expected_length.to_string())
            .with("NumberBytesProvided", self.decoded_length.to_string())
    }

    fn check(&self, checksum: Checksum) -> Result<(ChecksumKind, String), SigError> {
        let kind = checksum.kind();
        let sent = self.trailer.fields.iter().find(|(name, _)| name == kind.header());
        let Some((_, sent)) = sent else { return Err(malformed_trailer()) };
        let Some(sent_bytes) = kind.decode(sent) else {
            let text = format!("Value for {} trailing header is invalid.", kind.header());
            return Err(SigError::new("InvalidRequest", 400, text));
        };
        if sent_bytes != checksum.finish() {
            let text = format!("The {} you specified did not match the calculated checksum.", kind.name());
            return Err(SigError::new("BadDigest", 400, text));
        }
        Ok((kind, sent.clone()))
    }

    /// A line without its `\r\n`, once it is complete. A lone `\n` belongs to the line (and makes it unreadable).
    fn line(
        &mut self,
        input: &mut Bytes,
        bytes_max: usize,
        too_long: fn() -> SigError,
    ) -> Result<Option<Vec<u8>>, SigError> {
        let end = memchr(b'\n', input);
        let part = input.split_to(end.map_or(input.len(), |at| at + 1));
        if self.line.len() + part.len() > bytes_max {
            return Err(too_long());
        }
        self.line.extend_from_slice(&part);
        if !self.line.ends_with(b"\r\n") {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.truncate(line.len() - 2);
        Ok(Some(line))
    }

    /// `size` in hexadecimal, and `;chunk-signature=` where chunks are signed.
    fn header(&mut self, line: &[u8]) -> Result<(), SigError> {
        let line = std::str::from_utf8(line).map_err(|_| incomplete())?;
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let is_hex = !size.is_empty() && size.len() <= 16 && size.bytes().all(|b| b.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|size| is_hex && *size <= CHUNK_BYTES_MAX);
        let size = size.ok_or_else(incomplete)?;
        match (self.is_signed, extension.strip_prefix("chunk-signature=")) {
            (true, Some(signature)) => self.chunk_signature = signature.to_owned(),
            (false, _) if extension.is_empty() => {}
            _ => return Err(incomplete()),
        }
        self.chunk_number += 1;
        if size > 0 && self.chunk_size < CHUNK_BYTES_MIN {
            let text = "Only the last chunk is allowed to have a size less than 8192 bytes";
            return Err(SigError::new("InvalidChunkSizeError", 400, text)
                .with("Chunk", self.chunk_number.to_string())
                .with("BadChunkSize", self.chunk_size.to_string()));
        }
        self.chunk_size = size;
        self.decoded_length = self.decoded_length.saturating_add(size);
        if self.decoded_length > self.expected_length {
            return Err(self.wrong_length());
        }
        if size > 0 {
            self.state = State::Data { left: size };
        } else {
            self.chunk_end()?;
            self.state = State::Trailer;
        }
        Ok(())
    }

    fn data(&mut self, input: &mut Bytes, left: u64) -> Result<Bytes, SigError> {
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let slice = input.split_to(take);
        if self.chain.is_some() {
            self.chunk_hash.update(&slice);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&slice);
        }
        let left = left - take as u64;
        self.state = State::Data { left };
        if left == 0 {
            self.chunk_end()?;
            self.state = State::DataEnd { seen_cr: false };
        }
        Ok(slice)
    }

    fn chunk_end(&mut self) -> Result<(), SigError> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let hash = std::mem::replace(&mut self.chunk_hash, digest::Context::new(&digest::SHA256)).finish();
        let mut chunk_sha256 = [0; 32];
        chunk_sha256.copy_from_slice(hash.as_ref());
        let string_to_sign = chain.chunk_string(&chunk_sha256);
        chain.follow(&string_to_sign, &self.chunk_signature)
    }

    /// An empty line ends the body.
    fn trailer_line(&mut self, line: &[u8]) -> Result<(), SigError> {
        // Some clients end the checksum's own line with `\n` before the `\r\n`, as the documentation's example does.
        let line = line.trim_ascii();
        if !line.is_empty() {
            if !self.takes_trailer {
                return Err(incomplete());
            }
            return self.trailer.add(line);
        }
        self.state = State::Done;
        self.trailer.must_be(&self.announced)?;
        let Some(chain) = self.chain.as_mut().filter(|_| self.takes_trailer) else {
            let has_signature = self.trailer.signature.is_some();
            return if has_signature && !self.is_signed { Err(malformed_trailer()) } else { Ok(()) };
        };
        let signature = self.trailer.signature.as_deref().ok_or_else(malformed_trailer)?;
        let string_to_sign = chain.trailer_string(&self.trailer.canonical());
        chain.follow(&string_to_sign, signature)
    }
}
