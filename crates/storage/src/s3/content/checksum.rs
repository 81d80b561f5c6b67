//! Checksums that callers state and S3 reports.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>. An object that comes
//! without one gets a CRC64NVME.

use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::object::Checksum;
use auth::sigv4::ChecksumKind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What S3 computes where nobody asks for anything.
pub const DEFAULT: ChecksumKind = ChecksumKind::Crc64Nvme;

pub const FULL_OBJECT: &str = "FULL_OBJECT";
pub const COMPOSITE: &str = "COMPOSITE";

/// A shape with a member for each algorithm.
pub(crate) trait Checksummed {
    fn members(&mut self) -> [(ChecksumKind, &mut Option<String>); 10];

    /// Sets the member of the checksum's algorithm.
    fn show(&mut self, checksum: &Checksum) {
        let text = text(checksum, None);
        for (kind, member) in self.members() {
            if kind.name() == checksum.algorithm {
                *member = Some(text.clone());
            }
        }
    }

    /// The one checksum that a request states, as it stands.
    ///
    /// # Errors
    /// `InvalidRequest` where there are several.
    fn stated_text(&mut self) -> Result<Option<(ChecksumKind, String)>, S3Error> {
        let mut stated = self.members().into_iter().filter_map(|(kind, member)| Some((kind, member.take()?)));
        let first = stated.next();
        if stated.next().is_some() {
            let message =
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(Refusal::InvalidRequest(message.to_owned()).into());
        }
        Ok(first)
    }

    /// The one checksum that a request states.
    ///
    /// # Errors
    /// `InvalidRequest` where there are several, or one that is none.
    fn stated(&mut self) -> Result<Option<(ChecksumKind, Vec<u8>)>, S3Error> {
        let Some((kind, text)) = self.stated_text()? else { return Ok(None) };
        let bytes = kind.decode(&text).ok_or_else(|| invalid(kind))?;
        Ok(Some((kind, bytes)))
    }
}

/// The refusal of a header whose value is no checksum of its algorithm.
pub(crate) fn invalid(kind: ChecksumKind) -> S3Error {
    Refusal::InvalidRequest(format!("Value for {} header is invalid.", kind.header())).into()
}

/// A shape with a member for each checksum algorithm beside its own, some of which may stand behind them.
macro_rules! with_checksums {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* } $(then { $($last:tt)* })?) => {
        wire::shape! {
            $(#[$meta])*
            $vis struct $name {
                $($body)*
                pub crc32: Option<String> = "ChecksumCRC32",
                pub crc32c: Option<String> = "ChecksumCRC32C",
                pub crc64nvme: Option<String> = "ChecksumCRC64NVME",
                pub checksum_md5: Option<String> = "ChecksumMD5",
                pub sha1: Option<String> = "ChecksumSHA1",
                pub sha256: Option<String> = "ChecksumSHA256",
                pub sha512: Option<String> = "ChecksumSHA512",
                pub xxhash128: Option<String> = "ChecksumXXHASH128",
                pub xxhash3: Option<String> = "ChecksumXXHASH3",
                pub xxhash64: Option<String> = "ChecksumXXHASH64",
                $($($last)*)?
            }
        }

        impl $crate::s3::content::checksum::Checksummed for $name {
            fn members(&mut self) -> [(auth::sigv4::ChecksumKind, &mut Option<String>); 10] {
                use auth::sigv4::ChecksumKind;
                [
                    (ChecksumKind::Crc32, &mut self.crc32),
                    (ChecksumKind::Crc32C, &mut self.crc32c),
                    (ChecksumKind::Crc64Nvme, &mut self.crc64nvme),
                    (ChecksumKind::Md5, &mut self.checksum_md5),
                    (ChecksumKind::Sha1, &mut self.sha1),
                    (ChecksumKind::Sha256, &mut self.sha256),
                    (ChecksumKind::Sha512, &mut self.sha512),
                    (ChecksumKind::XxHash128, &mut self.xxhash128),
                    (ChecksumKind::XxHash3, &mut self.xxhash3),
                    (ChecksumKind::XxHash64, &mut self.xxhash64),
                ]
            }
        }
    };
}
pub(crate) use with_checksums;

/// A request that carries bytes, with all that it may claim of them beside its own members.
macro_rules! with_claims {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* }) => {
        $crate::s3::content::checksum::with_checksums! {
            $(#[$meta])*
            $vis struct $name {
                $($body)*
                pub content_md5: Option<String> = "ContentMD5",
                pub algorithm: Option<String> = "ChecksumAlgorithm",
            }
        }

        impl $name {
            /// What it claims; a checksum may be announced to come behind the body.
            ///
            /// # Errors
            /// `InvalidDigest`, `InvalidRequest`.
            fn claims(
                &mut self,
                announced: Option<auth::sigv4::ChecksumKind>,
            ) -> Result<$crate::s3::content::checksum::Claims, $crate::s3::errors::S3Error> {
                use $crate::s3::content::checksum::{Checksummed, Claims};
                let stated = self.stated()?;
                Claims::read(self.content_md5.as_deref(), stated, announced, self.algorithm.as_deref())
            }
        }
    };
}
pub(crate) use with_claims;

/// As S3 prints it: base64, with the number of parts behind a composite one.
pub fn text(checksum: &Checksum, parts: Option<usize>) -> String {
    let value = STANDARD.encode(&checksum.value);
    match parts {
        Some(parts) if checksum.composite => format!("{value}-{parts}"),
        _ => value,
    }
}

/// `COMPOSITE` or `FULL_OBJECT`.
pub fn type_name(checksum: &Checksum) -> &'static str {
    if checksum.composite { COMPOSITE } else { FULL_OBJECT }
}

pub fn kind_of(checksum: &Checksum) -> Option<ChecksumKind> {
    ChecksumKind::from_name(&checksum.algorithm)
}

/// The algorithm that a request names.
///
/// # Errors
/// `InvalidRequest`.
pub fn algorithm(name: &str) -> Result<ChecksumKind, S3Error> {
    ChecksumKind::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = ChecksumKind::ALL.iter().map(|kind| kind.name()).collect();
        let message = format!(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{}]",
            names.join(", ")
        );
        Refusal::InvalidRequest(message).into()
    })
}

/// Whether an algorithm can be of all parts together, without a second pass over the bytes.
pub fn is_crc(kind: ChecksumKind) -> bool {
    matches!(kind, ChecksumKind::Crc32 | ChecksumKind::Crc32C | ChecksumKind::Crc64Nvme)
}

/// What a request says about the bytes that it carries.
#[derive(Clone, Default, Debug)]
pub struct Claims {
    pub md5: Option<[u8; 16]>,
    pub checksum: Option<(ChecksumKind, Vec<u8>)>,
    /// Which algorithm to compute where nothing else says.
    pub wanted: Option<ChecksumKind>,
    /// The bytes are a part of an upload.
    pub of_part: bool,
}

impl Claims {
    /// Reads `Content-MD5` and the headers about checksums; one may be announced to come behind the body.
    ///
    /// # Errors
    /// `InvalidDigest`, `InvalidRequest`.
    pub(crate) fn read(
        md5: Option<&str>,
        checksum: Option<(ChecksumKind, Vec<u8>)>,
        announced: Option<ChecksumKind>,
        sdk_algorithm: Option<&str>,
    ) -> Result<Claims, S3Error> {
        let md5 = md5.map(content_md5).transpose()?;
        if let Some(name) = sdk_algorithm {
            let stated = checksum.as_ref().map(|(kind, _)| *kind).or(announced);
            if stated.is_some() && ChecksumKind::from_name(name) != stated {
                let message = "Value for x-amz-sdk-checksum-algorithm header is invalid.";
                return Err(Refusal::InvalidRequest(message.to_owned()).into());
            }
            algorithm(name)?;
            if stated.is_none() {
                let message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.";
                return Err(Refusal::InvalidRequest(message.to_owned()).into());
            }
        }
        Ok(Claims { md5, checksum, ..Claims::default() })
    }
}

/// The bytes of a `Content-MD5`.
///
/// # Errors
/// `InvalidDigest`.
pub fn content_md5(text: &str) -> Result<[u8; 16], S3Error> {
    kernel::digests::read_md5(text)
        .ok_or_else(|| S3Error::from(Refusal::InvalidDigest).with("Content-MD5", text))
}

/// The refusal of bytes whose MD5 is another.
pub fn bad_md5(stated: &[u8; 16], computed: &[u8; 16], of_part: bool) -> S3Error {
    let refusal = S3Error::from(kernel::digests::bad_md5(stated, computed));
    // AWS: recorded answers: of a part it repeats the header as it came.
    if of_part { refusal.with("ExpectedDigest", STANDARD.encode(stated)) } else { refusal }
}
