//! Writing an `aws-chunked` body.

use super::{Chain, ECDSA_SIGNATURE_CHARS};
use crate::sigv4::checksum::{Checksum, ChecksumKind};
use crate::sigv4::head::{Payload, sha256};
use crate::sigv4::sign::{Unsignable, signature};
use crate::sigv4::verify::Verified;

/// Frames and, where the kind asks for it, signs chunk after chunk. All but the last must have at least 8 KiB.
#[derive(Debug)]
pub struct ChunkSigner {
    chain: Option<Chain>,
    has_trailer: bool,
    checksum: Option<Checksum>,
}

impl ChunkSigner {
    /// `seed` is what [`sign_headers`](crate::sigv4::sign::sign_headers) gave; `checksum` is for the trailer.
    pub fn new(seed: &Verified, checksum: Option<ChecksumKind>) -> ChunkSigner {
        let (is_signed, has_trailer) = match seed.payload {
            Payload::SignedChunks { trailer } | Payload::EcdsaChunks { trailer } => (true, trailer),
            _ => (false, true),
        };
        ChunkSigner {
            chain: is_signed.then(|| Chain::new(seed)),
            has_trailer,
            checksum: checksum.filter(|_| has_trailer).map(Checksum::new),
        }
    }

    fn frame(&mut self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), Unsignable> {
        out.extend_from_slice(format!("{:x}", data.len()).as_bytes());
        if let Some(chain) = &mut self.chain {
            let text = signature(&chain.key, chain.chunk_string(&sha256(data)).as_bytes())?;
            out.extend_from_slice(b";chunk-signature=");
            out.extend_from_slice(padded(chain, &text).as_bytes());
            chain.previous = text;
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Appends one chunk.
    ///
    /// # Errors
    /// [`Unsignable`] never with HMAC.
    pub fn chunk(&mut self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), Unsignable> {
        if data.is_empty() {
            return Ok(()); // an empty chunk ends the body
        }
        self.frame(out, data)?;
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
        if let Some(checksum) = &mut self.checksum {
            checksum.update(data);
        }
        Ok(())
    }

    /// Appends the last, empty chunk and the trailer.
    ///
    /// # Errors
    /// [`Unsignable`] never with HMAC.
    pub fn end(mut self, out: &mut Vec<u8>) -> Result<(), Unsignable> {
        self.frame(out, b"")?;
        let mut canonical = String::new();
        if let Some(checksum) = self.checksum.take() {
            let name = checksum.kind().header();
            let value = checksum.finish_base64();
            out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
            canonical = format!("{name}:{value}\n");
        }
        if let (Some(chain), true) = (&self.chain, self.has_trailer) {
            let text = signature(&chain.key, chain.trailer_string(&canonical).as_bytes())?;
            out.extend_from_slice(format!("x-amz-trailer-signature:{}\r\n", padded(chain, &text)).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

fn padded(chain: &Chain, signature: &str) -> String {
    match chain.key {
        crate::sigv4::key::SigningKey::Hmac(_) => signature.to_owned(),
        crate::sigv4::key::SigningKey::Ecdsa(_) => format!("{signature:*<ECDSA_SIGNATURE_CHARS$}"),
    }
}
