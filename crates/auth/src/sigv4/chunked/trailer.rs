//! What stands behind the last chunk.

use super::malformed_trailer;
use crate::sigv4::checksum::ChecksumKind;
use crate::sigv4::dialect::SigError;

const SIGNATURE: &str = "x-amz-trailer-signature";
/// More trailers than this are malformed; clients send one.
const TRAILERS_MAX: usize = 16;

/// The trailers, in order, without their signature.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) fields: Vec<(String, String)>,
    pub(super) signature: Option<String>,
}

impl Trailer {
    /// One line, without its line break.
    pub(super) fn add(&mut self, line: &[u8]) -> Result<(), SigError> {
        let line = std::str::from_utf8(line).map_err(|_| malformed_trailer())?;
        let (name, value) = line.split_once(':').ok_or_else(malformed_trailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if name.is_empty() || self.signature.is_some() || self.fields.len() >= TRAILERS_MAX {
            return Err(malformed_trailer());
        }
        if name == SIGNATURE {
            self.signature = Some(value);
        } else {
            self.fields.push((name, value));
        }
        Ok(())
    }

    /// `name:value\n` for each, what the signature covers.
    pub(super) fn canonical(&self) -> String {
        self.fields.iter().map(|(name, value)| format!("{name}:{value}\n")).collect()
    }

    /// The trailers must be the ones that `x-amz-trailer` announced.
    pub(super) fn must_be(&self, announced: &[String]) -> Result<(), SigError> {
        let is_there = |name: &String| self.fields.iter().any(|(n, _)| n == name);
        let is_announced = |(name, _): &(String, String)| announced.contains(name);
        if announced.iter().all(is_there) && self.fields.iter().all(is_announced) {
            Ok(())
        } else {
            Err(malformed_trailer())
        }
    }
}

/// Reads `x-amz-trailer`: names parted by commas, each a checksum.
pub(super) fn announced(header: &str) -> Result<(Vec<String>, Option<ChecksumKind>), SigError> {
    let unsupported = || {
        SigError::new(
            "InvalidRequest",
            400,
            "The value specified in the x-amz-trailer header is not supported",
        )
    };
    let names: Vec<String> = header
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    match names.as_slice() {
        [] => Ok((names, None)),
        [one] => {
            let kind = ChecksumKind::from_header(one).ok_or_else(unsupported)?;
            Ok((names, Some(kind)))
        }
        _ => Err(unsupported()),
    }
}
