//! How a `SecureString` is sealed: with the KMS key itself, or, in the advanced tier, whose values are larger than KMS
//! takes, with a data key of it.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html>

use super::errors::SsmError;
use super::model::{ADVANCED, SECURE, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use kernel::seal::Sealer;
use kernel::{As, Cx};
use wire::Value;

/// The key of those who name none.
pub(super) const DEFAULT_KEY: &str = "alias/aws/ssm";
const VIA: As = As::CallerVia("ssm.amazonaws.com");
const PURPOSE: &str = "ssm parameter";

fn context(arn: &str) -> Value {
    Value::Map(vec![("PARAMETER_ARN".into(), Value::str(arn))])
}

fn ask(cx: &mut Cx<'_>, operation: &str, members: [(&'static str, Value); 3]) -> Result<Value, SsmError> {
    let request = Value::Struct(members.into_iter().collect());
    cx.call("kms", operation, request, VIA).map_err(SsmError::of_kms)
}

fn blob(answer: &Value, member: &str) -> Result<Bytes, SsmError> {
    match answer.member(member) {
        Some(Value::Blob(bytes)) => Ok(bytes.clone()),
        _ => Err(SsmError::Internal),
    }
}

fn sealer(key: &[u8]) -> Result<Sealer, SsmError> {
    Ok(Sealer::new(key.try_into().map_err(|_| SsmError::Internal)?))
}

/// What stands in place of a secret.
///
/// # Errors
/// Those of KMS.
pub(super) fn seal(
    cx: &mut Cx<'_>,
    arn: &str,
    key: &str,
    tier: &str,
    text: &str,
) -> Result<String, SsmError> {
    let key = ("KeyId", Value::str(key));
    if tier != ADVANCED {
        let plaintext = ("Plaintext", Value::Blob(text.to_owned().into()));
        let answer = ask(cx, "Encrypt", [key, plaintext, ("EncryptionContext", context(arn))])?;
        return Ok(BASE64.encode(blob(&answer, "CiphertextBlob")?));
    }
    let spec = ("KeySpec", Value::str("AES_256"));
    let answer = ask(cx, "GenerateDataKey", [key, spec, ("EncryptionContext", context(arn))])?;
    let sealed = sealer(&blob(&answer, "Plaintext")?)?.seal(cx.rng(), PURPOSE, text.as_bytes());
    let data_key = blob(&answer, "CiphertextBlob")?;
    Ok(format!("{}.{}", BASE64.encode(data_key), BASE64.encode(sealed)))
}

fn decrypt(cx: &mut Cx<'_>, arn: &str, key: Option<&str>, sealed: &str) -> Result<Bytes, SsmError> {
    let ciphertext = BASE64.decode(sealed).map_err(|_| SsmError::Internal)?;
    let members = [
        ("CiphertextBlob", Value::Blob(ciphertext.into())),
        ("EncryptionContext", context(arn)),
        ("KeyId", Value::str(key.unwrap_or(DEFAULT_KEY))),
    ];
    blob(&ask(cx, "Decrypt", members)?, "Plaintext")
}

/// What a version's value is.
///
/// # Errors
/// Those of KMS.
pub(super) fn open(cx: &mut Cx<'_>, arn: &str, version: &Version) -> Result<String, SsmError> {
    if version.kind != SECURE {
        return Ok(version.value.clone());
    }
    let key = version.key.as_deref();
    let plaintext = match version.value.split_once('.') {
        None => decrypt(cx, arn, key, &version.value)?.to_vec(),
        Some((data_key, sealed)) => {
            let data_key = decrypt(cx, arn, key, data_key)?;
            let sealed = BASE64.decode(sealed).map_err(|_| SsmError::Internal)?;
            sealer(&data_key)?.open(PURPOSE, &sealed).map_err(|_| SsmError::Internal)?.to_vec()
        }
    };
    String::from_utf8(plaintext).map_err(|_| SsmError::Internal)
}
