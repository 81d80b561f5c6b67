//! Who signed this request, and is it true? Signature Version 4 and 4A, from the server's side.
//!
//! [`read`] finds out how a request is signed and by whom, without knowing a secret. The caller looks the access key
//! up and hands its [`Secret`] to [`Presented::verify`], which recomputes the signature. What went wrong is a
//! [`Cause`]; [`Cause::tell`] says it in the words of one protocol family ([`Dialect`]), because a DynamoDB client, an
//! S3 client and an EC2 client each wait for codes of their own. Bodies sent as `aws-chunked` are checked chunk by
//! chunk by [`chunked::Decoder`], browser uploads by [`post::verify_post_policy`]. [`sign`] makes what this module
//! verifies: the cloud's own clients and the tests use it.
//!
//! Pure: no I/O and no clock (`now` is passed in). Not here: looking up keys, deciding whether a session token belongs
//! to the key, authorization, the conditions of a POST policy, and Signature Version 2, which is refused but for S3's
//! presigned URLs ([`PresignedV2`]).

pub mod asymmetric;
mod canonical;
mod cause;
mod checksum;
pub mod chunked;
mod dialect;
mod encode;
mod head;
mod key;
pub mod post;
mod presigned_v2;
mod read;
pub mod sign;
mod verify;

pub use cause::{Cause, ExpiresFault, Mismatch, ScopeFault};
pub use checksum::{Checksum, ChecksumKind, combine};
pub use dialect::{Dialect, SigError};
pub use encode::uri_encode_into;
pub use head::{BodyHash, Payload, RequestHead, Scope, Via};
pub use key::{KeyCache, Secret};
pub use presigned_v2::PresignedV2;
pub use read::{Algorithm, Presented, read};
pub use verify::{Expect, Held, Verified};

/// How far a request's clock may be from ours, in either direction (S3 and DynamoDB report this very number).
pub const SKEW_MINUTES_MAX: u64 = 15;

/// The longest life of a presigned URL: seven days.
pub const PRESIGN_SECONDS_MAX: u32 = 604_800;

/// The longest path plus query that is looked at; HTTP servers refuse far shorter ones.
pub const TARGET_BYTES_MAX: usize = 128 * 1024;

/// The longest `Authorization` header and the longest list of signed headers that are looked at.
pub const AUTHORIZATION_BYTES_MAX: usize = 16 * 1024;
