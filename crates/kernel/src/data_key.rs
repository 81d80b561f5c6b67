//! Data keys: keys of a service's own for what it keeps, each encrypted by a key of KMS and kept beside what it seals.
//!
//! Who asks KMS is the caller's to say, and how long an open key is remembered; so what is kept closes when its key of KMS does.

use crate::seal::Sealer;
use crate::{As, Call, Cx, failure};
use std::sync::Arc;
use wire::{Fault, Struct, Value};
use zeroize::Zeroizing;

/// A data key that is open.
#[derive(Clone, Debug)]
pub struct DataKey {
    /// As KMS has encrypted it.
    pub encrypted: Vec<u8>,
    pub sealer: Arc<Sealer>,
}

/// What a data key is for: who opens it must say the same again.
fn context(pairs: &[(&str, &str)]) -> Value {
    Value::Map(pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::str(*value))).collect())
}

/// What is asked to have one made.
pub fn generation(kms_key: &str, pairs: &[(&str, &str)]) -> Call<'static> {
    let mut ask = Struct::new();
    ask.push("KeyId", Value::str(kms_key));
    ask.push("KeySpec", Value::str("AES_256"));
    ask.push("EncryptionContext", context(pairs));
    Call { service: "kms", operation: "GenerateDataKey", value: Value::Struct(ask) }
}

/// What is asked to have one opened.
pub fn opening(encrypted: &[u8], pairs: &[(&str, &str)]) -> Call<'static> {
    let mut ask = Struct::new();
    ask.push("CiphertextBlob", Value::Blob(encrypted.to_vec().into()));
    ask.push("EncryptionContext", context(pairs));
    Call { service: "kms", operation: "Decrypt", value: Value::Struct(ask) }
}

/// Has a data key made.
///
/// # Errors
/// Those of `kms:GenerateDataKey`.
pub fn generate(cx: &mut Cx<'_>, kms_key: &str, pairs: &[(&str, &str)], who: As) -> Result<DataKey, Fault> {
    let Call { service, operation, value } = generation(kms_key, pairs);
    made(&cx.call(service, operation, value, who)?)
}

/// Opens one.
///
/// # Errors
/// Those of `kms:Decrypt`.
pub fn open(
    cx: &mut Cx<'_>,
    encrypted: &[u8],
    pairs: &[(&str, &str)],
    who: As,
) -> Result<Arc<Sealer>, Fault> {
    let Call { service, operation, value } = opening(encrypted, pairs);
    sealer(&cx.call(service, operation, value, who)?)
}

/// What was answered to [`generation`].
///
/// # Errors
/// `InternalFailure` for what is no data key.
pub fn made(answer: &Value) -> Result<DataKey, Fault> {
    let Some(Value::Blob(encrypted)) = answer.member("CiphertextBlob") else {
        return Err(failure::internal_failure());
    };
    Ok(DataKey { encrypted: encrypted.to_vec(), sealer: sealer(answer)? })
}

/// What was answered to [`opening`].
///
/// # Errors
/// `InternalFailure` for what is no data key.
pub fn sealer(answer: &Value) -> Result<Arc<Sealer>, Fault> {
    let key = match answer.member("Plaintext") {
        Some(Value::Blob(bytes)) => <[u8; 32]>::try_from(&bytes[..]).ok(),
        _ => None,
    };
    let key = Zeroizing::new(key.ok_or_else(failure::internal_failure)?);
    Ok(Arc::new(Sealer::new(&key)))
}
