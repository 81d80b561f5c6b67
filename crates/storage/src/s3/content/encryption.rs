//! Encryption at rest: whose key, and what requests and answers say of it.
//!
//! ```text
//! SSE-S3    AES256        the cloud's own key; every object that says nothing else
//! SSE-KMS   aws:kms       a data key that KMS made for the caller, kept as KMS sealed it
//! DSSE-KMS  aws:kms:dsse  the same, and a second layer around it under a key of the cloud's own
//! SSE-C     AES256        a key that the caller brings each time; a salted HMAC of it is kept
//! ```
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>. KMS is asked with the caller's
//! permissions, so whoever may read an object and not use its key reads nothing. Keys that callers bring are taken without
//! TLS, since the cloud answers on the loopback.

use super::bucket_keys::{self, DataKey};
use crate::s3::SERVICE;
use crate::s3::buckets::Bucket;
use crate::s3::errors::{Refusal, S3Error, argument};
use crate::s3::model::bucket::{DefaultEncryption, object_arn};
use crate::s3::model::object::{Encryption, KmsEncryption};
use auth::md5::Md5;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blob::cipher::Root;
use kernel::{As, Cx};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use wire::{Struct, Value};
use zeroize::Zeroizing;

const AES256: &str = "AES256";
const SSE: &str = "x-amz-server-side-encryption";
const SALT: usize = 16;

/// Under whose keys, and in how many layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    Own,
    Kms,
    Dual,
}

impl Algorithm {
    pub fn parse(name: &str) -> Option<Algorithm> {
        [Algorithm::Own, Algorithm::Kms, Algorithm::Dual].into_iter().find(|one| one.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Own => AES256,
            Algorithm::Kms => "aws:kms",
            Algorithm::Dual => "aws:kms:dsse",
        }
    }
}

impl DefaultEncryption {
    pub fn algorithm(&self) -> Algorithm {
        match (self.kms, self.dual) {
            (false, _) => Algorithm::Own,
            (true, false) => Algorithm::Kms,
            (true, true) => Algorithm::Dual,
        }
    }
}

impl KmsEncryption {
    fn algorithm(&self) -> Algorithm {
        if self.dual { Algorithm::Dual } else { Algorithm::Kms }
    }
}

/// What a request says of the encryption of what it writes.
#[derive(Clone, Default, Debug)]
pub struct Asked {
    pub sse: Option<String>,
    pub key: Option<String>,
    /// JSON in base64.
    pub context: Option<String>,
    pub bucket_key: Option<bool>,
    pub customer: Customer,
}

/// The three headers of a key that the caller brings.
#[derive(Clone, Default, Debug)]
pub struct Customer {
    pub algorithm: Option<String>,
    pub key: Option<String>,
    pub md5: Option<String>,
}

/// A key for what is written, and how to find it again.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub root: Root,
    pub encryption: Encryption,
}

/// What an answer says of the encryption.
#[derive(Clone, Default, Debug)]
pub struct Shown {
    pub sse: Option<&'static str>,
    pub key: Option<String>,
    pub bucket_key: Option<bool>,
    pub context: Option<String>,
    pub customer_algorithm: Option<String>,
    pub customer_md5: Option<String>,
}

/// The key of SSE-S3, derived once.
#[derive(Default, Debug)]
struct OwnKey(OnceLock<Root>);

/// S3's own key.
pub fn own(cx: &Cx<'_>) -> Root {
    let own = cx.memory::<OwnKey>();
    own.0.get_or_init(|| Root::new(&cx.sealer().key_for("s3 objects"))).clone()
}

impl Customer {
    pub fn is_silent(&self) -> bool {
        self.algorithm.is_none() && self.key.is_none() && self.md5.is_none()
    }

    /// The key, once all three headers agree; `None` where there is none.
    ///
    /// # Errors
    /// `InvalidArgument`, `InvalidEncryptionAlgorithmError`.
    pub fn read(&self) -> Result<Option<Zeroizing<[u8; 32]>>, S3Error> {
        if self.is_silent() {
            return Ok(None);
        }
        // AWS: recorded answers: these tell no value.
        let refuse = |what: &str| {
            let refusal = S3Error::from(Refusal::InvalidArgument(what.to_owned()));
            Err(refusal.with("ArgumentName", SSE))
        };
        match self.algorithm.as_deref() {
            Some(AES256) => {}
            Some(other) => {
                return Err(S3Error::from(Refusal::EncryptionAlgorithm)
                    .with("ArgumentName", SSE)
                    .with("ArgumentValue", other));
            }
            None => {
                return refuse(
                    "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.",
                );
            }
        }
        let key = self.key.as_deref().and_then(|text| STANDARD.decode(text).ok()).map(Zeroizing::new);
        let Some(key) = key else {
            return refuse(
                "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.",
            );
        };
        let Some(md5) = self.md5.as_deref() else {
            return refuse(
                "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.",
            );
        };
        let Ok(own) = <[u8; 32]>::try_from(key.as_slice()).map(Zeroizing::new) else {
            return refuse("The secret key was invalid for the specified algorithm.");
        };
        if STANDARD.decode(md5).ok().as_deref() != Some(&Md5::of(&key)[..]) {
            return refuse("The calculated MD5 hash of the key did not match the hash that was provided.");
        }
        Ok(Some(own))
    }

    fn show(&self, shown: &mut Shown) {
        shown.customer_algorithm = Some(AES256.to_owned());
        shown.customer_md5 = self.md5.clone();
    }
}

/// A salted HMAC of the key, by which it is recognized.
fn fingerprint(salt: &[u8], key: &[u8; 32]) -> Vec<u8> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), key);
    [salt, tag.as_ref()].concat()
}

fn recognizes(kept: &[u8], key: &[u8; 32]) -> bool {
    kept.len() > SALT && fingerprint(&kept[..SALT], key) == kept
}

impl Asked {
    /// Finds or makes the key for a new object or upload.
    ///
    /// # Errors
    /// `InvalidArgument` and its like; KMS's refusals.
    pub fn seal(&self, cx: &mut Cx<'_>, bucket: &Bucket, key: &str) -> Result<Sealed, S3Error> {
        if !self.customer.is_silent() && self.sse.is_some() {
            let message = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified";
            return Err(argument(message, SSE, self.sse.clone().unwrap_or_default()));
        }
        if let Some(customer) = self.customer.read()? {
            // AWS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
            if bucket.record.encryption.blocks_customers() {
                return Err(Refusal::AccessDenied.into());
            }
            let kept = fingerprint(&cx.rng().bytes::<SALT>(), &customer);
            return Ok(Sealed { root: Root::new(&customer), encryption: Encryption::Customer(kept) });
        }
        let stated = match self.sse.as_deref() {
            None => None,
            Some(name) => Some(
                Algorithm::parse(name)
                    .ok_or_else(|| argument("The encryption method specified is not supported", SSE, name))?,
            ),
        };
        if self.key.is_some() && matches!(stated, None | Some(Algorithm::Own)) {
            let message = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
            return Err(argument(message, SSE, self.sse.clone().unwrap_or_else(|| "null".into())));
        }
        match stated.unwrap_or_else(|| bucket.record.encryption.algorithm()) {
            Algorithm::Own => Ok(Sealed { root: own(cx), encryption: Encryption::S3 }),
            Algorithm::Kms => self.seal_by_kms(cx, bucket, key, false),
            Algorithm::Dual => self.seal_by_kms(cx, bucket, key, true),
        }
    }

    fn seal_by_kms(
        &self,
        cx: &mut Cx<'_>,
        bucket: &Bucket,
        key: &str,
        dual: bool,
    ) -> Result<Sealed, S3Error> {
        let default = &bucket.record.encryption;
        let named = match (&self.key, &default.key) {
            (Some(named), _) => named.clone(),
            (None, Some(named)) if self.sse.is_none() || default.kms => of_bucket(bucket, named),
            _ => "alias/aws/s3".to_owned(),
        };
        // AWS: there are no bucket keys where there are two layers.
        let bucket_key = !dual && self.bucket_key.unwrap_or(default.bucket_key);
        let own = self.context.as_deref().map(read_context).transpose()?.unwrap_or_default();
        let context = full_context(bucket, key, bucket_key, &own);
        let data = if bucket_key {
            bucket_keys::generate(cx, bucket.record.number, &named, || context.clone(), generate)?
        } else {
            generate(cx, &named, context)?
        };
        let root = by_data_key(cx, &data.plaintext, dual);
        let encryption =
            KmsEncryption { key: data.key_arn, sealed: data.sealed, bucket_key, context: own, dual };
        Ok(Sealed { root, encryption: Encryption::Kms(encryption) })
    }
}

/// The key that contents lie under: one of KMS's, and where there are two layers one of the cloud's around it.
pub(crate) fn by_data_key(cx: &Cx<'_>, data: &[u8; 32], dual: bool) -> Root {
    let root = Root::new(data);
    if dual { root.within(&cx.sealer().key_for("s3 objects, second layer")) } else { root }
}

/// A key's bare id means the key of the bucket's own account and region.
fn of_bucket(bucket: &Bucket, key: &str) -> String {
    if key.starts_with("arn:") || key.starts_with("alias/") {
        return key.to_owned();
    }
    let (region, owner) = (bucket.record.region.name(), bucket.record.owner);
    format!("arn:aws:kms:{region}:{owner}:key/{key}")
}

/// The caller's own encryption context.
fn read_context(text: &str) -> Result<BTreeMap<String, String>, S3Error> {
    let invalid = || {
        let message = "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map";
        argument(message, "x-amz-server-side-encryption-context", text)
    };
    let json = STANDARD.decode(text).map_err(|_| invalid())?;
    let json = std::str::from_utf8(&json).ok().and_then(wire::input::free_json);
    let Some(Value::Map(pairs)) = json else { return Err(invalid()) };
    pairs
        .into_iter()
        .map(|(name, value)| Ok((name, value.as_str().ok_or_else(invalid)?.to_owned())))
        .collect()
}

/// The context as KMS gets it: the caller's, and what it is for.
fn full_context(bucket: &Bucket, key: &str, bucket_key: bool, own: &BTreeMap<String, String>) -> Value {
    let arn = if bucket_key { bucket.record.arn() } else { object_arn(&bucket.record.name, key) };
    let mut pairs: Vec<(String, Value)> =
        own.iter().map(|(name, value)| (name.clone(), Value::Str(value.clone()))).collect();
    pairs.push(("aws:s3:arn".to_owned(), Value::Str(arn)));
    Value::Map(pairs)
}

fn generate(cx: &mut Cx<'_>, named: &str, context: Value) -> Result<DataKey, S3Error> {
    let request: Struct =
        [("KeyId", Value::str(named)), ("KeySpec", Value::str("AES_256")), ("EncryptionContext", context)]
            .into_iter()
            .collect();
    let answer = call(cx, "GenerateDataKey", request)?;
    let blob = |name: &str| match answer.member(name) {
        Some(Value::Blob(bytes)) => Ok(bytes.to_vec()),
        _ => Err(S3Error::from(Refusal::Internal)),
    };
    Ok(DataKey {
        key_arn: answer.member("KeyId").and_then(Value::as_str).unwrap_or_default().to_owned(),
        sealed: blob("CiphertextBlob")?,
        plaintext: plaintext(blob("Plaintext")?)?,
    })
}

fn plaintext(bytes: Vec<u8>) -> Result<Zeroizing<[u8; 32]>, S3Error> {
    let bytes = Zeroizing::new(bytes);
    let key = bytes.as_slice().try_into().map_err(|_| Refusal::Internal)?;
    Ok(Zeroizing::new(key))
}

fn call(cx: &mut Cx<'_>, operation: &str, request: Struct) -> Result<Value, S3Error> {
    cx.call("kms", operation, Value::Struct(request), As::CallerVia(SERVICE)).map_err(S3Error::of_kms)
}

/// The key of what was written, for whoever may use it.
///
/// # Errors
/// `InvalidRequest`, `AccessDenied`, `InvalidArgument`; KMS's refusals.
pub fn open(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    encryption: &Encryption,
    customer: &Customer,
) -> Result<Root, S3Error> {
    check_customer(encryption, customer)?;
    match encryption {
        Encryption::S3 => Ok(own(cx)),
        Encryption::Customer(_) => {
            let key = customer.read()?.ok_or(Refusal::Internal)?;
            Ok(Root::new(&key))
        }
        Encryption::Kms(kms) => {
            let data = data_key(cx, bucket, key, kms)?;
            Ok(by_data_key(cx, &data, kms.dual))
        }
    }
}

/// The data key of what lies under a key of KMS, for whoever may use that.
///
/// # Errors
/// KMS's refusals.
pub(crate) fn data_key(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    kms: &KmsEncryption,
) -> Result<Zeroizing<[u8; 32]>, S3Error> {
    let decrypt = |cx: &mut Cx<'_>| {
        let request: Struct = [
            ("CiphertextBlob", Value::Blob(kms.sealed.clone().into())),
            ("EncryptionContext", full_context(bucket, key, kms.bucket_key, &kms.context)),
            ("KeyId", Value::str(kms.key.clone())),
        ]
        .into_iter()
        .collect();
        match call(cx, "Decrypt", request)?.member("Plaintext") {
            Some(Value::Blob(bytes)) => plaintext(bytes.to_vec()),
            _ => Err(Refusal::Internal.into()),
        }
    };
    if kms.bucket_key { bucket_keys::open(cx, &kms.sealed, decrypt) } else { decrypt(cx) }
}

/// Seals the data key of something for its replica in another bucket, under the key `named`.
///
/// # Errors
/// KMS's refusals.
pub(crate) fn seal_for(
    cx: &mut Cx<'_>,
    there: &Bucket,
    key: &str,
    kms: &KmsEncryption,
    named: &str,
    data: &[u8; 32],
) -> Result<KmsEncryption, S3Error> {
    let bucket_key = !kms.dual && there.record.encryption.bucket_key;
    let request: Struct = [
        ("KeyId", Value::str(named)),
        ("Plaintext", Value::Blob(data.to_vec().into())),
        ("EncryptionContext", full_context(there, key, bucket_key, &kms.context)),
    ]
    .into_iter()
    .collect();
    let answer = call(cx, "Encrypt", request)?;
    let Some(Value::Blob(sealed)) = answer.member("CiphertextBlob") else {
        return Err(Refusal::Internal.into());
    };
    Ok(KmsEncryption {
        key: answer.member("KeyId").and_then(Value::as_str).unwrap_or_default().to_owned(),
        sealed: sealed.to_vec(),
        bucket_key,
        context: kms.context.clone(),
        dual: kms.dual,
    })
}

/// Holds the key that a caller brings to something stored against the one that it needs.
///
/// # Errors
/// `InvalidRequest`, `AccessDenied`, `InvalidArgument`.
pub fn check_customer(encryption: &Encryption, customer: &Customer) -> Result<(), S3Error> {
    match encryption {
        Encryption::Customer(_) if customer.is_silent() => {
            let message = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.";
            Err(Refusal::InvalidRequest(message.to_owned()).into())
        }
        Encryption::Customer(kept) => match customer.read() {
            Ok(Some(key)) if recognizes(kept, &key) => Ok(()),
            Err(error) if customer.algorithm.as_deref() != Some(AES256) || customer.key.is_none() => {
                Err(error)
            }
            Err(error) if error.message().starts_with("The calculated MD5") => Err(error),
            _ => Err(Refusal::WrongCustomerKey.into()),
        },
        _ if customer.is_silent() => Ok(()),
        _ => {
            customer.read()?;
            let message = "The encryption parameters are not applicable to this object.";
            Err(Refusal::InvalidRequest(message.to_owned()).into())
        }
    }
}

/// Whether a part comes with the key with which its upload began.
///
/// # Errors
/// `InvalidRequest`.
pub fn check_part(encryption: &Encryption, customer: &Customer) -> Result<(), S3Error> {
    let given = customer.read()?;
    match (encryption, given) {
        (Encryption::Customer(kept), Some(key)) if recognizes(kept, &key) => Ok(()),
        (Encryption::Customer(_), Some(_)) => {
            let message = "The provided encryption parameters did not match the ones used originally.";
            Err(Refusal::InvalidRequest(message.to_owned()).into())
        }
        (Encryption::S3 | Encryption::Kms(_), None) => Ok(()),
        _ => {
            let message = "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.";
            Err(Refusal::InvalidRequest(message.to_owned()).into())
        }
    }
}

/// What answers say of the encryption. `customer`: the headers of the request.
pub fn shown(encryption: &Encryption, customer: &Customer) -> Shown {
    let mut shown = Shown::default();
    match encryption {
        Encryption::S3 => shown.sse = Some(AES256),
        Encryption::Kms(kms) => {
            shown.sse = Some(kms.algorithm().name());
            shown.key = Some(kms.key.clone());
            shown.bucket_key = kms.bucket_key.then_some(true);
            if !kms.context.is_empty() {
                let pairs = kms.context.iter().map(|(k, v)| (k.clone(), Value::str(v.as_str())));
                shown.context = Some(STANDARD.encode(wire::json::text(&Value::Map(pairs.collect()))));
            }
        }
        Encryption::Customer(_) => customer.show(&mut shown),
    }
    shown
}

/// Whether the entity tag of one content is its MD5.
pub fn has_md5_tag(encryption: &Encryption) -> bool {
    *encryption == Encryption::S3
}

/// The entity tag of a content: its MD5, or, where that would tell something of the encrypted bytes, chance.
pub fn etag(cx: &Cx<'_>, encryption: &Encryption, md5: &[u8; 16]) -> String {
    if has_md5_tag(encryption) { auth::md5::hex(md5) } else { auth::md5::hex(&cx.rng().bytes::<16>()) }
}

#[cfg(test)]
mod tests {
    use super::{Customer, check_customer, check_part, fingerprint};
    use crate::s3::model::object::Encryption;
    use auth::md5::Md5;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn customer(key: &[u8]) -> Customer {
        Customer {
            algorithm: Some("AES256".into()),
            key: Some(STANDARD.encode(key)),
            md5: Some(STANDARD.encode(Md5::of(key))),
        }
    }

    fn said(customer: &Customer) -> String {
        customer.read().map(|_| ()).map_err(|e| e.message().to_owned()).unwrap_err()
    }

    #[test]
    fn three_headers_must_agree() {
        assert!(Customer::default().read().unwrap().is_none());
        assert!(customer(&[1; 32]).read().unwrap().is_some());
        assert_eq!(said(&customer(&[1; 10])), "The secret key was invalid for the specified algorithm.");
        let wrong = Customer { md5: customer(&[2; 32]).md5, ..customer(&[1; 32]) };
        assert!(said(&wrong).starts_with("The calculated MD5 hash"));
        let other = Customer { algorithm: Some("AES192".into()), ..customer(&[1; 32]) };
        assert_eq!(
            said(&other),
            "The Encryption request you specified is not valid. Supported value: AES256."
        );
        assert!(
            said(&Customer { algorithm: None, ..customer(&[1; 32]) }).contains("valid encryption algorithm")
        );
        assert!(said(&Customer { key: None, ..customer(&[1; 32]) }).contains("appropriate secret key"));
    }

    #[test]
    fn the_key_is_recognized() {
        let kept = Encryption::Customer(fingerprint(&[9; 16], &[1; 32]));
        let code = |e: &Encryption, c: &Customer| check_customer(e, c).map_err(|e| e.code().to_owned());
        assert_eq!(code(&kept, &customer(&[1; 32])), Ok(()));
        assert_eq!(code(&kept, &customer(&[2; 32])), Err("AccessDenied".into()));
        assert_eq!(code(&kept, &customer(&[2; 8])), Err("AccessDenied".into()));
        assert_eq!(code(&kept, &Customer::default()), Err("InvalidRequest".into()));
        assert_eq!(code(&Encryption::S3, &customer(&[1; 32])), Err("InvalidRequest".into()));
        assert_eq!(code(&Encryption::S3, &Customer::default()), Ok(()));
        assert!(check_part(&kept, &customer(&[1; 32])).is_ok());
        assert!(check_part(&kept, &customer(&[3; 32])).is_err());
        assert!(check_part(&kept, &Customer::default()).is_err());
        assert!(check_part(&Encryption::S3, &customer(&[1; 32])).is_err());
    }
}
