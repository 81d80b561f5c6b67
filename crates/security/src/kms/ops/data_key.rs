//! Data keys and data key pairs, and random bytes.

use super::{context, refuse_recipient, stop_if_dry, usable, used};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::material::KeyMaterial;
use crate::kms::core::spec::{KeySpec, KeyUsage};
use crate::kms::material;
use bytes::Bytes;
use kernel::Cx;
use wire::{Pairs, Value};
use zeroize::Zeroizing;

kernel::ops! { pub(crate) static OPS:
    GenerateDataKey: generate_data_key, "kms:GenerateDataKey", access::on_key;
    GenerateDataKeyWithoutPlaintext: without_plaintext, "kms:GenerateDataKeyWithoutPlaintext", access::on_key;
    GenerateDataKeyPair: generate_pair, "kms:GenerateDataKeyPair", access::on_key;
    GenerateDataKeyPairWithoutPlaintext: pair_without_plaintext, "kms:GenerateDataKeyPairWithoutPlaintext", access::on_key;
    GenerateRandom: generate_random, "kms:GenerateRandom", kernel::access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GenerateDataKey {
        key_id: String = "KeyId",
        context: Pairs<String> = "EncryptionContext",
        bytes: Option<u32> = "NumberOfBytes",
        spec: Option<String> = "KeySpec",
        grant_tokens: Vec<String> = "GrantTokens",
        recipient: Option<Value> = "Recipient",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct WithoutPlaintext {
        key_id: String = "KeyId",
        context: Pairs<String> = "EncryptionContext",
        bytes: Option<u32> = "NumberOfBytes",
        spec: Option<String> = "KeySpec",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
    }

    pub(crate) struct DataKey {
        ciphertext: Bytes = "CiphertextBlob",
        plaintext: Bytes = "Plaintext",
        key_id: String = "KeyId",
        material: String = "KeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct SealedDataKey {
        ciphertext: Bytes = "CiphertextBlob",
        key_id: String = "KeyId",
        material: String = "KeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct GeneratePair {
        context: Pairs<String> = "EncryptionContext",
        key_id: String = "KeyId",
        spec: String = "KeyPairSpec",
        grant_tokens: Vec<String> = "GrantTokens",
        recipient: Option<Value> = "Recipient",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct PairWithoutPlaintext {
        context: Pairs<String> = "EncryptionContext",
        key_id: String = "KeyId",
        spec: String = "KeyPairSpec",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
    }

    pub(crate) struct Pair {
        sealed: Bytes = "PrivateKeyCiphertextBlob",
        private: Bytes = "PrivateKeyPlaintext",
        public: Bytes = "PublicKey",
        key_id: String = "KeyId",
        spec: String = "KeyPairSpec",
        material: String = "KeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct SealedPair {
        sealed: Bytes = "PrivateKeyCiphertextBlob",
        public: Bytes = "PublicKey",
        key_id: String = "KeyId",
        spec: String = "KeyPairSpec",
        material: String = "KeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct GenerateRandom {
        bytes: Option<u32> = "NumberOfBytes",
        key_store: Option<String> = "CustomKeyStoreId",
        recipient: Option<Value> = "Recipient",
    }

    pub(crate) struct Random {
        plaintext: Bytes = "Plaintext",
    }
}

/// Something sealed under a symmetric key.
struct Sealed {
    ciphertext: Vec<u8>,
    key_arn: String,
    material: String,
}

/// Makes something secret and seals it under the key.
fn seal<T>(
    cx: &Cx<'_>,
    (key_id, tokens): (&str, &[String]),
    pairs: &Pairs<String>,
    dry_run: Option<bool>,
    make: impl FnOnce() -> Result<(Zeroizing<Vec<u8>>, T), KmsError>,
) -> Result<(Sealed, Zeroizing<Vec<u8>>, T), KmsError> {
    let key = usable(cx, key_id, tokens, KeyUsage::EncryptDecrypt)?;
    let prepared = material::current(cx, &key)?;
    let symmetric = material::symmetric(&key, &prepared)?;
    stop_if_dry(dry_run)?;
    let (secret, rest) = make()?;
    let ciphertext = symmetric.encrypt(cx.rng(), &context(pairs), &secret);
    let sealed = Sealed { ciphertext, key_arn: key.arn(), material: symmetric.material_id().to_string() };
    used(cx, &key, None)?;
    Ok((sealed, secret, rest))
}

fn length(spec: Option<&str>, bytes: Option<u32>) -> Result<usize, KmsError> {
    match (spec, bytes) {
        (Some("AES_128"), None) => Ok(16),
        (Some(_), None) => Ok(32),
        (None, Some(bytes)) => Ok(bytes as usize),
        _ => Err(KmsError::Validation("Please specify either number of bytes or key spec.".into())),
    }
}

fn random(cx: &Cx<'_>, len: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; len]);
    cx.rng().fill(&mut out);
    out
}

fn generate_data_key(cx: &mut Cx<'_>, request: GenerateDataKey) -> Result<DataKey, KmsError> {
    let len = length(request.spec.as_deref(), request.bytes)?;
    refuse_recipient(request.recipient)?;
    let named = (request.key_id.as_str(), request.grant_tokens.as_slice());
    let (sealed, plaintext, ()) =
        seal(cx, named, &request.context, request.dry_run, || Ok((random(cx, len), ())))?;
    Ok(DataKey {
        ciphertext: sealed.ciphertext.into(),
        plaintext: plaintext.to_vec().into(),
        key_id: sealed.key_arn,
        material: sealed.material,
    })
}

fn without_plaintext(cx: &mut Cx<'_>, request: WithoutPlaintext) -> Result<SealedDataKey, KmsError> {
    let len = length(request.spec.as_deref(), request.bytes)?;
    let named = (request.key_id.as_str(), request.grant_tokens.as_slice());
    let (sealed, _, ()) = seal(cx, named, &request.context, request.dry_run, || Ok((random(cx, len), ())))?;
    Ok(SealedDataKey {
        ciphertext: sealed.ciphertext.into(),
        key_id: sealed.key_arn,
        material: sealed.material,
    })
}

/// The private key in DER, and the public one.
fn new_pair(cx: &Cx<'_>, spec: &str) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), KmsError> {
    let unsupported = || KmsError::Unsupported(format!("KeyPairSpec {spec} is not supported in this Region"));
    let spec = KeySpec::parse(spec).filter(|spec| spec.is_data_key_pair()).ok_or_else(unsupported)?;
    let make = || KeyMaterial::generate(spec, cx.rng());
    let pair = if spec.is_slow_to_generate() { kernel::slow(make)? } else { make()? };
    let public = pair.public_key()?.ok_or(KmsError::Internal)?;
    Ok((pair.private_key()?, public))
}

fn generate_pair(cx: &mut Cx<'_>, request: GeneratePair) -> Result<Pair, KmsError> {
    refuse_recipient(request.recipient)?;
    let named = (request.key_id.as_str(), request.grant_tokens.as_slice());
    let make = || new_pair(cx, &request.spec);
    let (sealed, private, public) = seal(cx, named, &request.context, request.dry_run, make)?;
    Ok(Pair {
        sealed: sealed.ciphertext.into(),
        private: private.to_vec().into(),
        public: public.into(),
        key_id: sealed.key_arn,
        spec: request.spec,
        material: sealed.material,
    })
}

fn pair_without_plaintext(cx: &mut Cx<'_>, request: PairWithoutPlaintext) -> Result<SealedPair, KmsError> {
    let named = (request.key_id.as_str(), request.grant_tokens.as_slice());
    let make = || new_pair(cx, &request.spec);
    let (sealed, _, public) = seal(cx, named, &request.context, request.dry_run, make)?;
    Ok(SealedPair {
        sealed: sealed.ciphertext.into(),
        public: public.into(),
        key_id: sealed.key_arn,
        spec: request.spec,
        material: sealed.material,
    })
}

fn generate_random(cx: &mut Cx<'_>, request: GenerateRandom) -> Result<Random, KmsError> {
    if request.key_store.is_some() {
        return Err(KmsError::CustomKeyStoreNotFound);
    }
    refuse_recipient(request.recipient)?;
    let bytes = request.bytes.ok_or_else(|| KmsError::Validation("NumberOfBytes is required.".into()))?;
    Ok(Random { plaintext: random(cx, bytes as usize).to_vec().into() })
}
