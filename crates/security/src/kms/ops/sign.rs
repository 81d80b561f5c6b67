//! `Sign`, `Verify`, `GetPublicKey`.

use super::describe::Algorithms;
use super::{check_tokens, usable, used};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::prepared::Prepared;
use crate::kms::core::sign::SignError;
use crate::kms::core::spec::{KeyUsage, MessageType, SigningAlgorithm};
use crate::kms::identify;
use crate::kms::material;
use crate::kms::model::Material;
use bytes::Bytes;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    Sign: sign, "kms:Sign", access::on_key;
    Verify: verify, "kms:Verify", access::on_key;
    GetPublicKey: get_public_key, "kms:GetPublicKey", access::on_key;
}

wire::shape! {
    pub(crate) struct Sign {
        key_id: String = "KeyId",
        message: Bytes = "Message",
        message_type: Option<String> = "MessageType",
        grant_tokens: Vec<String> = "GrantTokens",
        algorithm: String = "SigningAlgorithm",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct Signature {
        key_id: String = "KeyId",
        signature: Bytes = "Signature",
        algorithm: String = "SigningAlgorithm",
    }

    pub(crate) struct Verify {
        key_id: String = "KeyId",
        message: Bytes = "Message",
        message_type: Option<String> = "MessageType",
        signature: Bytes = "Signature",
        algorithm: String = "SigningAlgorithm",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct Verified {
        key_id: String = "KeyId",
        valid: bool = "SignatureValid",
        algorithm: String = "SigningAlgorithm",
    }

    #[derive(Debug)]
    pub(crate) struct GetPublicKey {
        key_id: String = "KeyId",
        grant_tokens: Vec<String> = "GrantTokens",
    }

    #[derive(Debug)]
    pub(crate) struct PublicKey {
        key_id: String = "KeyId",
        public: Bytes = "PublicKey",
        customer_spec: String = "CustomerMasterKeySpec",
        spec: String = "KeySpec",
        usage: String = "KeyUsage",
        encryption_algorithms: Option<Vec<String>> = "EncryptionAlgorithms",
        signing_algorithms: Option<Vec<String>> = "SigningAlgorithms",
        agreement_algorithms: Option<Vec<String>> = "KeyAgreementAlgorithms",
        encapsulation_algorithms: Option<Vec<String>> = "EncapsulationAlgorithms",
    }
}

impl From<SignError> for KmsError {
    fn from(error: SignError) -> KmsError {
        match error {
            SignError::Incompatible(refused) => refused.into(),
            SignError::InvalidSignature => KmsError::InvalidSignature,
            SignError::Failed => KmsError::Internal,
            SignError::TypeForSpec { .. }
            | SignError::TypeForAlgorithm { .. }
            | SignError::DigestLength(_)
            | SignError::MuLength(_) => KmsError::Validation(error.to_string()),
        }
    }
}

/// The model has checked both names.
fn asked(algorithm: &str, message_type: Option<&str>) -> Result<(SigningAlgorithm, MessageType), KmsError> {
    let algorithm = SigningAlgorithm::parse(algorithm).ok_or(KmsError::Internal)?;
    let message_type = message_type.map_or(Some(MessageType::Raw), MessageType::parse);
    Ok((algorithm, message_type.ok_or(KmsError::Internal)?))
}

fn sign(cx: &mut Cx<'_>, request: Sign) -> Result<Signature, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::SignVerify)?;
    let (algorithm, message_type) = asked(&request.algorithm, request.message_type.as_deref())?;
    let prepared = material::current(cx, &key)?;
    let Prepared::Signing(pair) = &*prepared else { return Err(KmsError::Internal) };
    let signature = pair.sign(algorithm, message_type, &request.message)?;
    used(cx, &key, request.dry_run)?;
    Ok(Signature { key_id: key.arn(), signature: signature.into(), algorithm: request.algorithm })
}

fn verify(cx: &mut Cx<'_>, request: Verify) -> Result<Verified, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::SignVerify)?;
    let (algorithm, message_type) = asked(&request.algorithm, request.message_type.as_deref())?;
    let prepared = material::current(cx, &key)?;
    let Prepared::Signing(pair) = &*prepared else { return Err(KmsError::Internal) };
    pair.verify(algorithm, message_type, &request.message, &request.signature)?;
    used(cx, &key, request.dry_run)?;
    Ok(Verified { key_id: key.arn(), valid: true, algorithm: request.algorithm })
}

fn get_public_key(cx: &mut Cx<'_>, request: GetPublicKey) -> Result<PublicKey, KmsError> {
    check_tokens(cx, &request.grant_tokens)?;
    let key = identify::enabled(cx, &request.key_id)?;
    if !key.spec.is_asymmetric() {
        let (arn, spec) = (key.arn(), key.spec);
        return Err(KmsError::Unsupported(format!(
            "{arn} key spec is {spec} which is not valid for GetPublicKey."
        )));
    }
    let material = Material::load(cx.tx, &key, &key.current)?.ok_or(KmsError::Internal)?.open(cx.sealer())?;
    let public = material.public_key()?.ok_or(KmsError::Internal)?;
    let algorithms = Algorithms::of(&key);
    Ok(PublicKey {
        key_id: key.arn(),
        public: public.into(),
        customer_spec: key.spec.to_string(),
        spec: key.spec.to_string(),
        usage: key.usage.to_string(),
        encryption_algorithms: algorithms.encryption,
        signing_algorithms: algorithms.signing,
        agreement_algorithms: algorithms.agreement,
        encapsulation_algorithms: algorithms.encapsulation,
    })
}
