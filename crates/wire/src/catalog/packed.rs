//! Models that lie in the program compressed: those of services of which hardly anything is asked. What routing needs to
//! know of them lies in front as it is.
//!
//! Layout: magic, length of the head (u32, little-endian), the head (a model file without operations and shapes), the
//! whole model file compressed (zlib).

use super::format::{self, Corrupt, Entry};
use crate::model::Service;
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use std::io::Read;

const MAGIC: &[u8; 4] = b"VGP1";

/// The parts of a packed file; `None` where it is a plain one.
fn parts(file: &'static [u8]) -> Option<(&'static [u8], &'static [u8])> {
    let (length, rest) = file.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Writes one service as the bytes of its packed file. Equal services give equal bytes.
///
/// # Panics
/// Never: memory takes what is written to it.
pub fn encode(service: &Service) -> Vec<u8> {
    let head = format::encode(&Service {
        protocols: service.protocols.clone(),
        operations: Vec::new(),
        shapes: Vec::new(),
        ..*service
    });
    let mut out = MAGIC.to_vec();
    out.extend((head.len() as u32).to_le_bytes());
    out.extend(head);
    let whole = format::encode(service);
    ZlibEncoder::new(&whole[..], Compression::best()).read_to_end(&mut out).expect("memory takes all");
    out
}

/// Reads only the head of a file, packed or not.
///
/// # Errors
/// [`Corrupt`] when `file` is not a model file.
pub fn entry(file: &'static [u8]) -> Result<Entry, Corrupt> {
    format::entry(parts(file).map_or(file, |(head, _)| head))
}

/// Reads a whole file, packed or not. What was packed is unpacked once, for the life of the process.
///
/// # Errors
/// [`Corrupt`] when `file` is not a model file.
pub fn decode(file: &'static [u8]) -> Result<Service, Corrupt> {
    let Some((_, packed)) = parts(file) else { return format::decode(file) };
    let mut whole = Vec::new();
    ZlibDecoder::new(packed).read_to_end(&mut whole).map_err(|_| Corrupt { offset: 0 })?;
    format::decode(whole.leak())
}
