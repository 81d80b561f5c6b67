//! `aws-chunked` bodies: S3's framing that carries a signature with each chunk, or checksums behind the last.
//!
//! [`Decoder`] takes bytes as they come from the network and gives slices of the payload back, without copying. A
//! chunk's signature stands before it but covers all of it, so slices come out **before** they are verified: whoever
//! stores them commits only after [`Decoder::finish`]. [`ChunkSigner`] makes such bodies.
//!
//! ```text
//! 10000;chunk-signature=<hex>\r\n <65536 bytes> \r\n
//! 400;chunk-signature=<hex>\r\n <1024 bytes> \r\n
//! 0;chunk-signature=<hex>\r\n
//! x-amz-checksum-crc32c:sOO8/Q==\r\n            (kinds with a trailer)
//! x-amz-trailer-signature:<hex>\r\n             (signed kinds with a trailer)
//! \r\n
//! ```
//!
//! Source: S3 API reference, "Signature Calculations: Transferring Payload in Multiple Chunks" and "Trailing headers".

mod decoder;
mod signer;
mod trailer;

pub use decoder::{Decoder, Finished};
pub use signer::ChunkSigner;

use super::dialect::{Dialect, SigError};
use super::verify::Verified;
use super::{Algorithm, Cause, Mismatch};
use crate::sigv4::head::sha256;
use crate::sigv4::key::SigningKey;

/// Size and signature of a chunk: 16 digits, `;chunk-signature=`, at most 144 of signature, and some room.
pub const CHUNK_HEADER_BYTES_MAX: usize = 512;

/// All trailers together.
pub const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// The largest chunk that is taken: S3's largest object in one PUT, 5 GiB.
pub const CHUNK_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// Only the last chunk may be shorter.
pub const CHUNK_BYTES_MIN: u64 = 8 * 1024;

/// SigV4A's chunk signatures are filled up with `*` to this length.
const ECDSA_SIGNATURE_CHARS: usize = 144;

/// The signatures of one body, each of which covers the one before.
#[derive(Debug, Clone)]
struct Chain {
    key: SigningKey,
    access_key: String,
    /// `20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n`
    middle: String,
    previous: String,
}

impl Chain {
    fn new(seed: &Verified) -> Chain {
        Chain {
            key: seed.key.clone(),
            access_key: seed.access_key.clone(),
            middle: format!("{}\n{}\n", seed.timestamp.sigv4(), seed.scope.text()),
            previous: seed.signature.clone(),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self.key {
            SigningKey::Hmac(_) => Algorithm::Hmac,
            SigningKey::Ecdsa(_) => Algorithm::Ecdsa,
        }
    }

    fn chunk_string(&self, chunk_sha256: &[u8; 32]) -> String {
        format!(
            "{}-PAYLOAD\n{}{}\n{}\n{}",
            self.algorithm().text(),
            self.middle,
            self.previous,
            super::verify::EMPTY_SHA256,
            super::encode::hex(chunk_sha256),
        )
    }

    fn trailer_string(&self, canonical_trailer: &str) -> String {
        let hash = super::encode::hex(&sha256(canonical_trailer.as_bytes()));
        format!("{}-TRAILER\n{}{}\n{hash}", self.algorithm().text(), self.middle, self.previous)
    }

    /// Verifies the next link and makes it the one before.
    fn follow(&mut self, string_to_sign: &str, signature: &str) -> Result<(), SigError> {
        let bare = match self.key {
            SigningKey::Hmac(_) => signature,
            SigningKey::Ecdsa(_) => signature.trim_end_matches('*'),
        };
        if super::verify::matches_signature(&self.key, string_to_sign.as_bytes(), bare) {
            self.previous.clear();
            self.previous.push_str(bare);
            return Ok(());
        }
        let mismatch = Mismatch {
            access_key: self.access_key.clone(),
            signature: signature.to_owned(),
            string_to_sign: string_to_sign.as_bytes().to_vec(),
            canonical_request: Vec::new(),
        };
        Err(Cause::Mismatch(Box::new(mismatch)).tell(Dialect::S3))
    }
}

fn incomplete() -> SigError {
    SigError::new("IncompleteBody", 400, "The request body terminated unexpectedly")
}

fn malformed_trailer() -> SigError {
    SigError::new(
        "MalformedTrailerError",
        400,
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )
}

#[cfg(test)]
mod tests;
