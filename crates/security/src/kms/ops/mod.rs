//! KMS's operations, one file for each family.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a handler owns its request, whether or not it takes it apart"
)]

pub(crate) mod alias;
pub(crate) mod custom_key_store;
pub(crate) mod data_key;
pub(crate) mod deletion;
pub(crate) mod describe;
pub(crate) mod encrypt;
pub(crate) mod grant;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod mac;
pub(crate) mod multi_region;
pub(crate) mod policy;
pub(crate) mod rotation;
pub(crate) mod secret;
pub(crate) mod sign;
pub(crate) mod tag;
pub(crate) mod usage;

use super::KmsError;
use super::core::grant::GrantToken;
use super::core::spec::KeyUsage;
use super::identify;
use super::model::KmsKey;
use kernel::Cx;
use wire::{Pairs, Value};

/// What every use of a key checks, in AWS's order: grant tokens, the key's state, what it is for.
///
/// # Errors
/// `InvalidGrantTokenException`, those of [`identify::enabled`], `InvalidKeyUsageException`.
fn usable(cx: &Cx<'_>, name: &str, tokens: &[String], usage: KeyUsage) -> Result<KmsKey, KmsError> {
    check_tokens(cx, tokens)?;
    let key = identify::enabled(cx, name)?;
    check_usage(cx, &key, usage)?;
    Ok(key)
}

fn check_usage(cx: &Cx<'_>, key: &KmsKey, usage: KeyUsage) -> Result<(), KmsError> {
    if key.usage == usage {
        return Ok(());
    }
    let (arn, usage, operation) = (key.arn(), key.usage, cx.request.operation);
    Err(KmsError::InvalidKeyUsage(format!("{arn} key usage is {usage} which is not valid for {operation}.")))
}

/// Grants are known at once here, so a token adds nothing; a forged one is refused all the same.
fn check_tokens(cx: &Cx<'_>, tokens: &[String]) -> Result<(), KmsError> {
    let forged = tokens.iter().any(|token| GrantToken::open(cx.sealer(), token).is_err());
    if forged { Err(KmsError::InvalidGrantToken) } else { Ok(()) }
}

/// The last check of operations with `DryRun`.
fn stop_if_dry(dry_run: Option<bool>) -> Result<(), KmsError> {
    if dry_run == Some(true) { Err(KmsError::DryRun) } else { Ok(()) }
}

/// The last step of a use of the key: a dry run ends here, and what was no dry run is noted.
fn used(cx: &Cx<'_>, key: &KmsKey, dry_run: Option<bool>) -> Result<(), KmsError> {
    stop_if_dry(dry_run)?;
    super::usage::note(cx, key);
    Ok(())
}

/// Nitro enclaves do not exist here, and their attestation documents cannot be checked.
fn refuse_recipient(recipient: Option<Value>) -> Result<(), KmsError> {
    match recipient {
        None => Ok(()),
        Some(_) => {
            Err(KmsError::Unsupported("Recipient (Nitro attestation) is not supported by this cloud.".into()))
        }
    }
}

/// An encryption context as the engine takes it.
fn context(pairs: &Pairs<String>) -> Vec<(&str, &str)> {
    pairs.0.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}
