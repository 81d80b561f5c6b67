//! The default encryption of a bucket: what is put without saying otherwise is encrypted so.

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::content::encryption::Algorithm;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::bucket::DefaultEncryption;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketEncryption: delete_encryption, "s3:PutEncryptionConfiguration", access::on_bucket;
    GetBucketEncryption: get_encryption, "s3:GetEncryptionConfiguration", access::on_bucket;
    PutBucketEncryption: put_encryption, "s3:PutEncryptionConfiguration", access::on_bucket;
}

requests! {
    PutEncryption { configuration: Configuration = "ServerSideEncryptionConfiguration" }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Configuration { rules: Vec<Rule> = "Rules" }

    #[derive(Clone, Debug)]
    pub(crate) struct Rule {
        default: Option<ByDefault> = "ApplyServerSideEncryptionByDefault",
        bucket_key: Option<bool> = "BucketKeyEnabled",
        blocked: Option<Blocked> = "BlockedEncryptionTypes",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Blocked { kinds: Vec<String> = "EncryptionType" }

    #[derive(Clone, Debug)]
    pub(crate) struct ByDefault {
        algorithm: String = "SSEAlgorithm",
        key: Option<String> = "KMSMasterKeyID",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct EncryptionView { configuration: Configuration = "ServerSideEncryptionConfiguration" }
}

fn put_encryption(cx: &mut Cx<'_>, req: PutEncryption) -> Result<Empty, S3Error> {
    load(cx, &req.bucket)?;
    let [rule] = &req.configuration.rules[..] else { return Err(Refusal::MalformedXml.into()) };
    let (algorithm, key) = match &rule.default {
        Some(default) => (algorithm(default)?, default.key.clone()),
        // Only what is blocked is said.
        None if rule.blocked.is_some() => (Algorithm::Own, None),
        None => return Err(Refusal::MalformedXml.into()),
    };
    let bucket_key = rule.bucket_key.unwrap_or_default();
    let blocked = rule.blocked.as_ref().map(|blocked| blocked.kinds.clone());
    change(cx, &req.bucket, |record| {
        // What is not said stays blocked, or free.
        let blocked = blocked.unwrap_or_else(|| std::mem::take(&mut record.encryption.blocked));
        record.encryption = DefaultEncryption {
            kms: algorithm != Algorithm::Own,
            dual: algorithm == Algorithm::Dual,
            key,
            bucket_key,
            blocked,
            was_put: true,
        };
        Ok(Empty)
    })
}

fn algorithm(default: &ByDefault) -> Result<Algorithm, S3Error> {
    match Algorithm::parse(&default.algorithm) {
        Some(Algorithm::Own) if default.key.is_some() => {
            let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
            let refusal = S3Error::from(Refusal::InvalidArgument(message.to_owned()));
            Err(refusal.with("ArgumentName", "ApplyServerSideEncryptionByDefault"))
        }
        Some(algorithm) => Ok(algorithm),
        None => Err(Refusal::MalformedXml.into()),
    }
}

fn get_encryption(cx: &mut Cx<'_>, req: OfBucket) -> Result<EncryptionView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let algorithm = bucket.record.encryption.algorithm();
    let DefaultEncryption { key, bucket_key, blocked, .. } = bucket.record.encryption.clone();
    let default = ByDefault { algorithm: algorithm.name().to_owned(), key };
    let blocked = (!blocked.is_empty()).then_some(Blocked { kinds: blocked });
    let rule = Rule { default: Some(default), bucket_key: Some(bucket_key), blocked };
    Ok(EncryptionView { configuration: Configuration { rules: vec![rule] } })
}

/// Back to S3's own keys, and to what new buckets block.
fn delete_encryption(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    change(cx, &req.bucket, |record| {
        record.encryption = DefaultEncryption::of_new_buckets();
        Ok(Empty)
    })
}
