//! `Encrypt`, `Decrypt`, `ReEncrypt`, with symmetric and RSA keys.

use super::{check_tokens, check_usage, context, refuse_recipient, usable, used};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::oaep::RsaError;
use crate::kms::core::prepared::Prepared;
use crate::kms::core::spec::{EncryptionAlgorithm, Incompatible, KeySpec, KeyUsage};
use crate::kms::core::symmetric::Blob;
use crate::kms::identify::{self, Accepts, Place, place};
use crate::kms::material;
use crate::kms::model::{KmsKey, Needs, key_arn};
use bytes::Bytes;
use kernel::Cx;
use wire::{Pairs, Value};

kernel::ops! { pub(crate) static OPS:
    Encrypt: encrypt, "kms:Encrypt", access::on_key;
    Decrypt: decrypt, "kms:Decrypt", access::decrypt;
    ReEncrypt: re_encrypt, "kms:ReEncryptFrom", access::re_encrypt;
}

wire::shape! {
    pub(crate) struct Encrypt {
        key_id: String = "KeyId",
        plaintext: Bytes = "Plaintext",
        context: Pairs<String> = "EncryptionContext",
        grant_tokens: Vec<String> = "GrantTokens",
        algorithm: Option<String> = "EncryptionAlgorithm",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct Encrypted {
        ciphertext: Bytes = "CiphertextBlob",
        key_id: String = "KeyId",
        algorithm: String = "EncryptionAlgorithm",
    }

    #[derive(Debug)]
    pub(crate) struct Decrypt {
        ciphertext: Option<Bytes> = "CiphertextBlob",
        context: Pairs<String> = "EncryptionContext",
        grant_tokens: Vec<String> = "GrantTokens",
        key_id: Option<String> = "KeyId",
        algorithm: Option<String> = "EncryptionAlgorithm",
        recipient: Option<Value> = "Recipient",
        dry_run: Option<bool> = "DryRun",
        dry_run_modifiers: Vec<String> = "DryRunModifiers",
    }

    pub(crate) struct Decrypted {
        key_id: String = "KeyId",
        plaintext: Bytes = "Plaintext",
        algorithm: String = "EncryptionAlgorithm",
        material: Option<String> = "KeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct ReEncrypt {
        ciphertext: Option<Bytes> = "CiphertextBlob",
        source_context: Pairs<String> = "SourceEncryptionContext",
        source: Option<String> = "SourceKeyId",
        destination: String = "DestinationKeyId",
        destination_context: Pairs<String> = "DestinationEncryptionContext",
        source_algorithm: Option<String> = "SourceEncryptionAlgorithm",
        destination_algorithm: Option<String> = "DestinationEncryptionAlgorithm",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
        dry_run_modifiers: Vec<String> = "DryRunModifiers",
    }

    #[derive(Debug)]
    pub(crate) struct ReEncrypted {
        ciphertext: Bytes = "CiphertextBlob",
        source: String = "SourceKeyId",
        key_id: String = "KeyId",
        source_algorithm: String = "SourceEncryptionAlgorithm",
        destination_algorithm: String = "DestinationEncryptionAlgorithm",
        source_material: Option<String> = "SourceKeyMaterialId",
        destination_material: Option<String> = "DestinationKeyMaterialId",
    }
}

impl From<RsaError> for KmsError {
    fn from(error: RsaError) -> KmsError {
        match error {
            RsaError::Incompatible(refused) => refused.into(),
            RsaError::TooLong { .. } => KmsError::Validation(error.to_string()),
            RsaError::Invalid(_) => KmsError::InvalidCiphertext,
            RsaError::Failed => KmsError::Internal,
        }
    }
}

/// A ciphertext to be opened, and by which key.
struct Opening<'a> {
    ciphertext: Option<&'a Bytes>,
    key: Option<&'a str>,
    algorithm: Option<&'a str>,
    context: &'a Pairs<String>,
    dry_run: Option<bool>,
    modifiers: &'a [String],
}

/// What came out of it.
struct Opened {
    key: KmsKey,
    /// `None` where a dry run ignores the ciphertext.
    plaintext: Option<zeroize::Zeroizing<Vec<u8>>>,
    algorithm: EncryptionAlgorithm,
    material: Option<String>,
}

fn encrypt(cx: &mut Cx<'_>, request: Encrypt) -> Result<Encrypted, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::EncryptDecrypt)?;
    let algorithm = algorithm(&key, request.algorithm.as_deref(), &request.context)?;
    let ciphertext = seal(cx, &key, algorithm, &request.context, &request.plaintext)?;
    used(cx, &key, request.dry_run)?;
    Ok(Encrypted { ciphertext: ciphertext.into(), key_id: key.arn(), algorithm: algorithm.to_string() })
}

fn decrypt(cx: &mut Cx<'_>, request: Decrypt) -> Result<Decrypted, KmsError> {
    check_tokens(cx, &request.grant_tokens)?;
    let opened = open(
        cx,
        &Opening {
            ciphertext: request.ciphertext.as_ref(),
            key: request.key_id.as_deref(),
            algorithm: request.algorithm.as_deref(),
            context: &request.context,
            dry_run: request.dry_run,
            modifiers: &request.dry_run_modifiers,
        },
    )?;
    refuse_recipient(request.recipient)?;
    used(cx, &opened.key, request.dry_run)?;
    Ok(Decrypted {
        key_id: opened.key.arn(),
        plaintext: Bytes::from(opened.plaintext.map(|text| text.to_vec()).unwrap_or_default()),
        algorithm: opened.algorithm.to_string(),
        material: opened.material,
    })
}

fn re_encrypt(cx: &mut Cx<'_>, request: ReEncrypt) -> Result<ReEncrypted, KmsError> {
    check_tokens(cx, &request.grant_tokens)?;
    let opened = open(
        cx,
        &Opening {
            ciphertext: request.ciphertext.as_ref(),
            key: request.source.as_deref(),
            algorithm: request.source_algorithm.as_deref(),
            context: &request.source_context,
            dry_run: request.dry_run,
            modifiers: &request.dry_run_modifiers,
        },
    )?;
    let key = identify::enabled(cx, &request.destination)?;
    check_usage(cx, &key, KeyUsage::EncryptDecrypt)?;
    let algorithm = algorithm(&key, request.destination_algorithm.as_deref(), &request.destination_context)?;
    let plaintext = opened.plaintext.unwrap_or_default();
    let ciphertext = seal(cx, &key, algorithm, &request.destination_context, &plaintext)?;
    used(cx, &opened.key, request.dry_run)?;
    used(cx, &key, request.dry_run)?;
    Ok(ReEncrypted {
        ciphertext: ciphertext.into(),
        source: opened.key.arn(),
        key_id: key.arn(),
        source_algorithm: opened.algorithm.to_string(),
        destination_algorithm: algorithm.to_string(),
        source_material: opened.material,
        destination_material: key.current_material().filter(|_| key.is_rotatable()).map(|id| id.to_string()),
    })
}

/// The algorithm that was asked for, if the key knows it.
fn algorithm(
    key: &KmsKey,
    asked: Option<&str>,
    context: &Pairs<String>,
) -> Result<EncryptionAlgorithm, KmsError> {
    let algorithm = asked.and_then(EncryptionAlgorithm::parse).unwrap_or(EncryptionAlgorithm::Symmetric);
    if !key.spec.encryption_algorithms().contains(&algorithm) {
        return Err(Incompatible { algorithm: algorithm.as_str(), spec: key.spec }.into());
    }
    if key.spec != KeySpec::Symmetric && !context.0.is_empty() {
        let message = "EncryptionContext is valid only with symmetric encryption KMS keys.";
        return Err(KmsError::Validation(message.into()));
    }
    Ok(algorithm)
}

fn seal(
    cx: &Cx<'_>,
    key: &KmsKey,
    algorithm: EncryptionAlgorithm,
    pairs: &Pairs<String>,
    plaintext: &[u8],
) -> Result<Vec<u8>, KmsError> {
    match &*material::current(cx, key)? {
        Prepared::Symmetric(symmetric) => Ok(symmetric.encrypt(cx.rng(), &context(pairs), plaintext)),
        Prepared::Rsa(rsa) => Ok(rsa.encrypt(algorithm, plaintext)?),
        _ => Err(KmsError::Internal),
    }
}

fn open(cx: &Cx<'_>, opening: &Opening<'_>) -> Result<Opened, KmsError> {
    let ignored = ignores_ciphertext(opening)?;
    let blob = opening.ciphertext.filter(|_| !ignored).map(|bytes| Blob::parse(bytes));
    let key = match (opening.key, &blob) {
        (Some(name), _) => place(cx, name, Accepts::KeysAndAliases)?.key(cx)?.key,
        (None, Some(Ok(blob))) => {
            let named = Place::Key { account: blob.account, id: blob.key_id.to_owned(), alias: None };
            named.key(cx)?.key
        }
        (None, Some(Err(_))) => return Err(KmsError::InvalidCiphertext),
        (None, None) => return Err(KmsError::Validation("KeyId is required.".into())),
    };
    if let Some(Ok(blob)) = &blob
        && key_arn(blob.account, cx.region, blob.key_id) != key.arn()
    {
        return Err(KmsError::IncorrectKey);
    }
    key.check(Needs::Enabled, cx.now)?;
    check_usage(cx, &key, KeyUsage::EncryptDecrypt)?;
    let algorithm = algorithm(&key, opening.algorithm, opening.context)?;
    let Some(bytes) = opening.ciphertext.filter(|_| !ignored) else {
        return Ok(Opened { key, plaintext: None, algorithm, material: None });
    };
    if key.spec != KeySpec::Symmetric {
        let prepared = material::current(cx, &key)?;
        let Prepared::Rsa(rsa) = &*prepared else { return Err(KmsError::Internal) };
        let plaintext = Some(rsa.decrypt(algorithm, bytes)?);
        return Ok(Opened { key, plaintext, algorithm, material: None });
    }
    let Some(Ok(blob)) = blob else { return Err(KmsError::InvalidCiphertext) };
    let prepared = material::generation(cx, &key, blob.material)?.ok_or(KmsError::InvalidCiphertext)?;
    let symmetric = material::symmetric(&key, &prepared)?;
    let plaintext =
        symmetric.decrypt(&blob, &context(opening.context)).map_err(|_| KmsError::InvalidCiphertext)?;
    Ok(Opened { key, plaintext: Some(plaintext), algorithm, material: Some(blob.material.to_string()) })
}

/// A dry run may ask about the permission alone, without a ciphertext.
fn ignores_ciphertext(opening: &Opening<'_>) -> Result<bool, KmsError> {
    if opening.modifiers.is_empty() {
        return match opening.ciphertext {
            Some(_) => Ok(false),
            None => Err(KmsError::Validation("CiphertextBlob is required.".into())),
        };
    }
    if opening.dry_run == Some(true) {
        return Ok(true);
    }
    Err(KmsError::Validation("DryRunModifiers can be used only when DryRun is true.".into()))
}
