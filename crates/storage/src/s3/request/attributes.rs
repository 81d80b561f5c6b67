//! What a request says of a new object beside its bytes: metadata, class, tags, ACL, lock.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>

use crate::s3::acl::accept;
use crate::s3::acl::headers::Stated;
use crate::s3::buckets::Bucket;
use crate::s3::content::encryption::{Asked, Customer};
use crate::s3::errors::{Denial, Refusal, S3Error, argument};
use crate::s3::lock;
use crate::s3::model::object::{Retention, StorageClass, Version};
use crate::s3::model::upload::Upload;
use crate::s3::public_access;
use crate::s3::tags;
use base::Timestamp;
use base::tag::Tags;
use kernel::Cx;
use std::collections::BTreeMap;
use wire::{Pairs, words};

/// AWS: user metadata, names and values together, in bytes.
const METADATA_BYTES_MAX: usize = 2048;
/// What an object is that has come without a type.
pub(crate) const DEFAULT_TYPE: &str = "binary/octet-stream";

/// The members of a request, as they came.
#[derive(Clone, Default, Debug)]
pub(crate) struct Attributes {
    pub(crate) acl: Option<String>,
    pub(crate) grant_full_control: Option<String>,
    pub(crate) grant_read: Option<String>,
    pub(crate) grant_read_acp: Option<String>,
    pub(crate) grant_write_acp: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) metadata: Pairs<String>,
    pub(crate) encryption: Asked,
    pub(crate) class: Option<String>,
    pub(crate) redirect: Option<String>,
    pub(crate) tagging: Option<String>,
    pub(crate) lock_mode: Option<String>,
    pub(crate) lock_until: Option<Timestamp>,
    pub(crate) legal_hold: Option<String>,
}

/// A shape with the members of [`Attributes`] beside its own. `inner` is the macro that declares it.
macro_rules! with_attributes {
    ($inner:ident => $(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* }) => {
        $inner! {
            $(#[$meta])*
            $vis struct $name {
                $($body)*
                pub acl: Option<String> = "ACL",
                pub grant_full_control: Option<String> = "GrantFullControl",
                pub grant_read: Option<String> = "GrantRead",
                pub grant_read_acp: Option<String> = "GrantReadACP",
                pub grant_write_acp: Option<String> = "GrantWriteACP",
                pub cache_control: Option<String> = "CacheControl",
                pub content_disposition: Option<String> = "ContentDisposition",
                pub content_encoding: Option<String> = "ContentEncoding",
                pub content_language: Option<String> = "ContentLanguage",
                pub content_type: Option<String> = "ContentType",
                pub expires: Option<String> = "Expires",
                pub metadata: wire::Pairs<String> = "Metadata",
                pub sse: Option<String> = "ServerSideEncryption",
                pub kms_key: Option<String> = "SSEKMSKeyId",
                pub kms_context: Option<String> = "SSEKMSEncryptionContext",
                pub bucket_key: Option<bool> = "BucketKeyEnabled",
                pub customer_algorithm: Option<String> = "SSECustomerAlgorithm",
                pub customer_key: Option<String> = "SSECustomerKey",
                pub customer_md5: Option<String> = "SSECustomerKeyMD5",
                pub class: Option<String> = "StorageClass",
                pub redirect: Option<String> = "WebsiteRedirectLocation",
                pub tagging: Option<String> = "Tagging",
                pub lock_mode: Option<String> = "ObjectLockMode",
                pub lock_until: Option<base::Timestamp> = "ObjectLockRetainUntilDate",
                pub legal_hold: Option<String> = "ObjectLockLegalHoldStatus",
            }
        }

        impl $name {
            /// Takes the members out.
            fn attributes(&mut self) -> $crate::s3::request::attributes::Attributes {
                use $crate::s3::content::encryption::{Asked, Customer};
                $crate::s3::request::attributes::Attributes {
                    acl: self.acl.take(),
                    grant_full_control: self.grant_full_control.take(),
                    grant_read: self.grant_read.take(),
                    grant_read_acp: self.grant_read_acp.take(),
                    grant_write_acp: self.grant_write_acp.take(),
                    cache_control: self.cache_control.take(),
                    content_disposition: self.content_disposition.take(),
                    content_encoding: self.content_encoding.take(),
                    content_language: self.content_language.take(),
                    content_type: self.content_type.take(),
                    expires: self.expires.take(),
                    metadata: std::mem::take(&mut self.metadata),
                    encryption: Asked {
                        sse: self.sse.take(),
                        key: self.kms_key.take(),
                        context: self.kms_context.take(),
                        bucket_key: self.bucket_key,
                        customer: Customer {
                            algorithm: self.customer_algorithm.take(),
                            key: self.customer_key.take(),
                            md5: self.customer_md5.take(),
                        },
                    },
                    class: self.class.take(),
                    redirect: self.redirect.take(),
                    tagging: self.tagging.take(),
                    lock_mode: self.lock_mode.take(),
                    lock_until: self.lock_until,
                    legal_hold: self.legal_hold.take(),
                }
            }
        }
    };
}
pub(crate) use with_attributes;

impl Attributes {
    pub(crate) fn customer(&self) -> &Customer {
        &self.encryption.customer
    }

    fn stated(&self) -> Stated<'_> {
        Stated {
            canned: self.acl.as_deref(),
            full_control: self.grant_full_control.as_deref(),
            read: self.grant_read.as_deref(),
            read_acp: self.grant_read_acp.as_deref(),
            write: None,
            write_acp: self.grant_write_acp.as_deref(),
        }
    }

    /// Checks all of it against the bucket: a version without bytes, order and time.
    ///
    /// # Errors
    /// `InvalidArgument`, `InvalidStorageClass`, `InvalidTag`, `MetadataTooLarge`, `AccessControlListNotSupported`, ...
    pub(crate) fn version(&self, cx: &Cx<'_>, bucket: &Bucket) -> Result<Version, S3Error> {
        let uploader = cx.caller.principal.account();
        let blocks = || public_access::of(cx.tx, &bucket.record).block_acls;
        let (owner, grants) = accept::of_new_object(&bucket.record, &self.stated(), uploader, blocks)?;
        Ok(Version {
            class: self.class()?,
            headers: self.headers(),
            metadata: self.metadata(cx.request.form)?,
            tags: self.tags()?,
            retention: self.retention(bucket, cx.now)?,
            legal_hold: self.legal_hold(bucket)?,
            redirect: self.redirect()?,
            owner,
            grants,
            ..Version::default()
        })
    }

    pub(crate) fn class(&self) -> Result<StorageClass, S3Error> {
        match self.class.as_deref() {
            None => Ok(StorageClass::Standard),
            Some(name) => {
                StorageClass::parse(name).ok_or_else(|| Refusal::InvalidStorageClass(name.to_owned()).into())
            }
        }
    }

    /// The headers that S3 keeps and answers as they came.
    pub(crate) fn headers(&self) -> BTreeMap<String, String> {
        let encoding = self.content_encoding.as_deref().map(without_chunking).filter(|e| !e.is_empty());
        let all = [
            ("cache-control", self.cache_control.as_deref()),
            ("content-disposition", self.content_disposition.as_deref()),
            ("content-encoding", encoding.as_deref()),
            ("content-language", self.content_language.as_deref()),
            // AWS: a recorded answer has an empty one, where an empty one came.
            ("content-type", Some(self.content_type.as_deref().unwrap_or(DEFAULT_TYPE))),
            ("expires", self.expires.as_deref()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
    }

    /// Headers may carry words of RFC 2047, which are read; what forms carry is text as it stands.
    fn metadata(&self, form: bool) -> Result<BTreeMap<String, String>, S3Error> {
        let size: usize = self.metadata.0.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > METADATA_BYTES_MAX {
            return Err(Refusal::MetadataTooLarge(size).into());
        }
        let pairs = self.metadata.0.iter();
        let value = |text: &String| if form { text.clone() } else { words::decode(text).into_owned() };
        Ok(pairs.map(|(name, text)| (name.to_ascii_lowercase(), value(text))).collect())
    }

    pub(crate) fn tags(&self) -> Result<Tags, S3Error> {
        let Some(header) = self.tagging.as_deref() else { return Ok(Tags::new()) };
        let pairs = wire::head::form_pairs(header);
        let whole = || {
            argument(
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
                "x-amz-tagging",
                header,
            )
        };
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let repeated = names.windows(2).any(|pair| pair[0] == pair[1]);
        // A second equals sign would have to be encoded.
        let unreadable =
            header.split('&').any(|pair| pair.matches('=').count() > 1) || !wire::head::is_escaped(header);
        if repeated || unreadable || names.iter().any(|name| name.is_empty()) {
            return Err(whole());
        }
        tags::checked(pairs, tags::OF_OBJECT_MAX)
    }

    fn retention(&self, bucket: &Bucket, now: Timestamp) -> Result<Option<Retention>, S3Error> {
        match (self.lock_mode.as_deref(), self.lock_until) {
            (None, None) => Ok(lock::default_retention(&bucket.record, now)),
            (Some(mode), Some(until)) => {
                check_lockable(bucket)?;
                let compliance = match mode {
                    "COMPLIANCE" => true,
                    "GOVERNANCE" => false,
                    other => {
                        return Err(argument("Unknown wormMode directive.", "x-amz-object-lock-mode", other));
                    }
                };
                if until <= now {
                    let message = "The retain until date must be in the future!";
                    return Err(argument(message, "x-amz-object-lock-retain-until-date", until.iso8601()));
                }
                Ok(Some(Retention { compliance, until }))
            }
            (mode, _) => {
                let message =
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
                let missing = if mode.is_some() {
                    "x-amz-object-lock-retain-until-date"
                } else {
                    "x-amz-object-lock-mode"
                };
                Err(S3Error::from(Refusal::InvalidArgument(message.to_owned())).with("ArgumentName", missing))
            }
        }
    }

    fn legal_hold(&self, bucket: &Bucket) -> Result<bool, S3Error> {
        match self.legal_hold.as_deref() {
            None => Ok(false),
            Some(status) => {
                check_lockable(bucket)?;
                match status {
                    "ON" => Ok(true),
                    "OFF" => Ok(false),
                    other => {
                        let message = "Legal Hold must be either of 'ON' or 'OFF'";
                        Err(argument(message, "x-amz-object-lock-legal-hold", other))
                    }
                }
            }
        }
    }

    fn redirect(&self) -> Result<Option<String>, S3Error> {
        let Some(to) = &self.redirect else { return Ok(None) };
        if to.starts_with('/') || to.starts_with("http://") || to.starts_with("https://") {
            return Ok(Some(to.clone()));
        }
        Err(Refusal::RedirectLocation.into())
    }

    /// Whether the request sets a lock, which wants a checksum of the body.
    pub(crate) fn locks(&self) -> bool {
        self.lock_mode.is_some() || self.lock_until.is_some() || self.legal_hold.is_some()
    }
}

fn check_lockable(bucket: &Bucket) -> Result<(), S3Error> {
    if bucket.record.object_lock { Ok(()) } else { Err(Denial::LockNoneForNew.into()) }
}

/// `aws-chunked` is of the transfer, not of the object.
fn without_chunking(encoding: &str) -> String {
    let parts = encoding.split(',').filter(|part| !part.trim().eq_ignore_ascii_case("aws-chunked"));
    parts.collect::<Vec<_>>().join(",").trim().to_owned()
}

/// A version that is completed from an upload.
pub(crate) fn of_upload(upload: Upload) -> Version {
    Version {
        class: upload.class,
        headers: upload.headers,
        metadata: upload.metadata,
        tags: upload.tags,
        grants: upload.grants,
        owner: upload.owner,
        encryption: upload.encryption,
        retention: upload.retention,
        legal_hold: upload.legal_hold,
        redirect: upload.redirect,
        multipart: true,
        ..Version::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, without_chunking};
    use wire::Pairs;

    #[test]
    fn chunking_is_no_encoding() {
        for (header, kept) in [
            ("aws-chunked", ""),
            ("gzip,aws-chunked", "gzip"),
            ("aws-chunked, gzip", "gzip"),
            ("gzip, br", "gzip, br"),
            ("gzip, br,aws-chunked", "gzip, br"),
        ] {
            assert_eq!(without_chunking(header), kept);
        }
    }

    #[test]
    fn metadata_is_bounded() {
        let with = |len: usize| Attributes {
            metadata: Pairs(vec![("Name".into(), "x".repeat(len))]),
            ..Attributes::default()
        };
        assert_eq!(with(2044).metadata(false).unwrap().keys().collect::<Vec<_>>(), ["name"]);
        assert_eq!(with(2045).metadata(false).unwrap_err().code(), "MetadataTooLarge");
    }

    #[test]
    fn words_in_metadata_are_read_but_of_forms() {
        let word = "=?UTF-8?B?YWJj?=";
        let attributes =
            Attributes { metadata: Pairs(vec![("a".into(), word.into())]), ..Attributes::default() };
        for (form, text) in [(false, "abc"), (true, word)] {
            assert_eq!(attributes.metadata(form).unwrap()["a"], text);
        }
    }

    #[test]
    fn tags_of_a_header() {
        let said = |header: &str| {
            let attributes = Attributes { tagging: Some(header.into()), ..Attributes::default() };
            attributes.tags().map(|tags| tags.len()).map_err(|e| e.code().to_owned())
        };
        assert_eq!(said("a=1&b=2"), Ok(2));
        assert_eq!(said(""), Ok(0));
        assert_eq!(said("a=1&a=2"), Err("InvalidArgument".into()));
        assert_eq!(said("=1"), Err("InvalidArgument".into()));
        assert_eq!(said("a=1,b=2"), Err("InvalidArgument".into()));
        assert_eq!(said("a=1%3D2"), Ok(1));
        assert_eq!(said("a%"), Err("InvalidArgument".into()));
    }
}
