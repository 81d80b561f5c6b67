//! The checksums that S3 takes in headers and trailers, computed as bytes come.

use crate::md5::Md5;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use xxhash_rust::xxh3::Xxh3Default;
use xxhash_rust::xxh64::Xxh64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumKind {
    Crc32,
    Crc32C,
    Crc64Nvme,
    Md5,
    Sha1,
    Sha256,
    Sha512,
    XxHash128,
    XxHash3,
    XxHash64,
}

impl ChecksumKind {
    /// In the order in which S3 names them.
    pub const ALL: [ChecksumKind; 10] = [
        ChecksumKind::Crc32,
        ChecksumKind::Crc32C,
        ChecksumKind::Crc64Nvme,
        ChecksumKind::Md5,
        ChecksumKind::Sha1,
        ChecksumKind::Sha256,
        ChecksumKind::Sha512,
        ChecksumKind::XxHash128,
        ChecksumKind::XxHash3,
        ChecksumKind::XxHash64,
    ];

    /// `CRC32`, as in `x-amz-checksum-algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            ChecksumKind::Crc32 => "CRC32",
            ChecksumKind::Crc32C => "CRC32C",
            ChecksumKind::Crc64Nvme => "CRC64NVME",
            ChecksumKind::Md5 => "MD5",
            ChecksumKind::Sha1 => "SHA1",
            ChecksumKind::Sha256 => "SHA256",
            ChecksumKind::Sha512 => "SHA512",
            ChecksumKind::XxHash128 => "XXHASH128",
            ChecksumKind::XxHash3 => "XXHASH3",
            ChecksumKind::XxHash64 => "XXHASH64",
        }
    }

    /// `x-amz-checksum-crc32`
    pub fn header(self) -> &'static str {
        match self {
            ChecksumKind::Crc32 => "x-amz-checksum-crc32",
            ChecksumKind::Crc32C => "x-amz-checksum-crc32c",
            ChecksumKind::Crc64Nvme => "x-amz-checksum-crc64nvme",
            ChecksumKind::Md5 => "x-amz-checksum-md5",
            ChecksumKind::Sha1 => "x-amz-checksum-sha1",
            ChecksumKind::Sha256 => "x-amz-checksum-sha256",
            ChecksumKind::Sha512 => "x-amz-checksum-sha512",
            ChecksumKind::XxHash128 => "x-amz-checksum-xxhash128",
            ChecksumKind::XxHash3 => "x-amz-checksum-xxhash3",
            ChecksumKind::XxHash64 => "x-amz-checksum-xxhash64",
        }
    }

    /// From `CRC32`, in any case.
    pub fn from_name(name: &str) -> Option<ChecksumKind> {
        ChecksumKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// From `x-amz-checksum-crc32`, in any case.
    pub fn from_header(name: &str) -> Option<ChecksumKind> {
        ChecksumKind::ALL.into_iter().find(|kind| kind.header().eq_ignore_ascii_case(name))
    }

    /// Length in bytes, before base64.
    pub fn bytes(self) -> usize {
        match self {
            ChecksumKind::Crc32 | ChecksumKind::Crc32C => 4,
            ChecksumKind::Crc64Nvme | ChecksumKind::XxHash3 | ChecksumKind::XxHash64 => 8,
            ChecksumKind::Md5 | ChecksumKind::XxHash128 => 16,
            ChecksumKind::Sha1 => 20,
            ChecksumKind::Sha256 => 32,
            ChecksumKind::Sha512 => 64,
        }
    }

    /// The bytes of a value as sent, `None` when it is not base64 of the right length.
    pub fn decode(self, base64: &str) -> Option<Vec<u8>> {
        STANDARD.decode(base64).ok().filter(|bytes| bytes.len() == self.bytes())
    }
}

/// A checksum in the making.
pub struct Checksum {
    kind: ChecksumKind,
    state: State,
}

enum State {
    Crc(Box<crc_fast::Digest>),
    Md5(Md5),
    Sha(digest::Context),
    Xxh3(Box<Xxh3Default>),
    Xxh64(Xxh64),
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({})", self.kind.name())
    }
}

impl Checksum {
    pub fn new(kind: ChecksumKind) -> Checksum {
        use crc_fast::{CrcAlgorithm, Digest};
        let state = match kind {
            ChecksumKind::Crc32 => State::Crc(Box::new(Digest::new(CrcAlgorithm::Crc32IsoHdlc))),
            ChecksumKind::Crc32C => State::Crc(Box::new(Digest::new(CrcAlgorithm::Crc32Iscsi))),
            ChecksumKind::Crc64Nvme => State::Crc(Box::new(Digest::new(CrcAlgorithm::Crc64Nvme))),
            ChecksumKind::Sha1 => State::Sha(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY)),
            ChecksumKind::Sha256 => State::Sha(digest::Context::new(&digest::SHA256)),
            ChecksumKind::Sha512 => State::Sha(digest::Context::new(&digest::SHA512)),
            ChecksumKind::Md5 => State::Md5(Md5::new()),
            ChecksumKind::XxHash128 | ChecksumKind::XxHash3 => State::Xxh3(Box::default()),
            ChecksumKind::XxHash64 => State::Xxh64(Xxh64::new(0)),
        };
        Checksum { kind, state }
    }

    pub fn kind(&self) -> ChecksumKind {
        self.kind
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(crc) => crc.update(bytes),
            State::Md5(md5) => md5.update(bytes),
            State::Sha(sha) => sha.update(bytes),
            State::Xxh3(hash) => hash.update(bytes),
            State::Xxh64(hash) => hash.update(bytes),
        }
    }

    /// The value, big-endian.
    pub fn finish(self) -> Vec<u8> {
        match self.state {
            State::Crc(crc) => {
                let all = crc.finalize().to_be_bytes();
                all[all.len() - self.kind.bytes()..].to_vec()
            }
            State::Md5(md5) => md5.finish().to_vec(),
            State::Sha(sha) => sha.finish().as_ref().to_vec(),
            State::Xxh3(hash) if self.kind == ChecksumKind::XxHash128 => {
                hash.digest128().to_be_bytes().to_vec()
            }
            State::Xxh3(hash) => hash.digest().to_be_bytes().to_vec(),
            State::Xxh64(hash) => hash.digest().to_be_bytes().to_vec(),
        }
    }

    /// The value as headers carry it.
    pub fn finish_base64(self) -> String {
        STANDARD.encode(self.finish())
    }

    /// Of a whole body at once, as headers carry it.
    pub fn of(kind: ChecksumKind, bytes: &[u8]) -> String {
        let mut checksum = Checksum::new(kind);
        checksum.update(bytes);
        checksum.finish_base64()
    }
}

/// The checksum of bytes that come in parts, from the parts' own checksums and lengths; `None` for algorithms of which
/// that cannot be told, and for values of another length.
pub fn combine<'a>(kind: ChecksumKind, parts: impl Iterator<Item = (&'a [u8], u64)>) -> Option<Vec<u8>> {
    use crc_fast::{CrcAlgorithm, checksum_combine};
    let algorithm = match kind {
        ChecksumKind::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        ChecksumKind::Crc32C => CrcAlgorithm::Crc32Iscsi,
        ChecksumKind::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
        _ => return None,
    };
    let mut whole = 0;
    for (value, len) in parts {
        if value.len() != kind.bytes() {
            return None;
        }
        let value = value.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        whole = checksum_combine(algorithm, whole, value, len);
    }
    let bytes = whole.to_be_bytes();
    Some(bytes[bytes.len() - kind.bytes()..].to_vec())
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_make_the_whole() {
        use super::{Checksum, ChecksumKind, combine};
        let text: Vec<u8> = (0..1000_u32).map(|n| (n % 251) as u8).collect();
        let of = |kind, bytes: &[u8]| {
            let mut checksum = Checksum::new(kind);
            checksum.update(bytes);
            checksum.finish()
        };
        for kind in [ChecksumKind::Crc32, ChecksumKind::Crc32C, ChecksumKind::Crc64Nvme] {
            let parts: Vec<(Vec<u8>, u64)> =
                text.chunks(300).map(|part| (of(kind, part), part.len() as u64)).collect();
            let combined = combine(kind, parts.iter().map(|(value, len)| (&value[..], *len)));
            assert_eq!(combined, Some(of(kind, &text)), "{kind:?}");
            assert_eq!(combine(kind, [(&[][..], 1)].into_iter()), None);
        }
        assert_eq!(combine(ChecksumKind::Sha256, std::iter::empty()), None);
    }

    use super::{Checksum, ChecksumKind};

    #[test]
    fn the_check_values() {
        // The customary check input of CRC catalogues.
        for (kind, expected) in [
            (ChecksumKind::Crc32, "y/Q5Jg=="),
            (ChecksumKind::Crc32C, "4waSgw=="),
            (ChecksumKind::Crc64Nvme, "rosUhgp5mIg="),
            (ChecksumKind::Md5, "JfnnlDI7RTiF9RgfG2JNCw=="),
            (ChecksumKind::XxHash128, "MxGUd+3l3NXpcWQnaB1YYA=="),
            (ChecksumKind::XxHash3, "ctyxi2ehff8="),
            (ChecksumKind::XxHash64, "jLhB20DmroM="),
            (ChecksumKind::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (ChecksumKind::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
            (
                ChecksumKind::Sha512,
                "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==",
            ),
        ] {
            assert_eq!(Checksum::of(kind, b"123456789"), expected, "{kind:?}");
            let mut parts = Checksum::new(kind);
            parts.update(b"1234");
            parts.update(b"56789");
            assert_eq!(parts.finish_base64(), expected, "{kind:?}");
            assert_eq!(kind.decode(expected).map(|b| b.len()), Some(kind.bytes()));
        }
    }

    #[test]
    fn names() {
        for kind in ChecksumKind::ALL {
            assert_eq!(ChecksumKind::from_name(&kind.name().to_lowercase()), Some(kind));
            assert_eq!(ChecksumKind::from_header(&kind.header().to_uppercase()), Some(kind));
            assert_eq!(kind.decode("AA=="), None, "{kind:?}");
        }
        assert_eq!(ChecksumKind::from_name("ADLER32"), None);
    }
}
