//! Shared secrets: `DeriveSharedSecret` (ECDH), `Encapsulate` and `Decapsulate` (ML-KEM).

use super::{refuse_recipient, usable, used};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::prepared::Prepared;
use crate::kms::core::spec::KeyUsage;
use crate::kms::material;
use bytes::Bytes;
use kernel::Cx;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    DeriveSharedSecret: derive, "kms:DeriveSharedSecret", access::on_key;
    Encapsulate: encapsulate, "kms:Encapsulate", access::on_key;
    Decapsulate: decapsulate, "kms:Decapsulate", access::on_key;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Derive {
        key_id: String = "KeyId",
        algorithm: String = "KeyAgreementAlgorithm",
        public: Bytes = "PublicKey",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
        recipient: Option<Value> = "Recipient",
    }

    pub(crate) struct Derived {
        key_id: String = "KeyId",
        secret: Bytes = "SharedSecret",
        algorithm: String = "KeyAgreementAlgorithm",
        origin: String = "KeyOrigin",
    }

    #[derive(Debug)]
    pub(crate) struct Encapsulate {
        key_id: String = "KeyId",
        algorithm: String = "EncapsulationAlgorithm",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
    }

    pub(crate) struct Encapsulated {
        key_id: String = "KeyId",
        secret: Bytes = "SharedSecret",
        ciphertext: Bytes = "SharedSecretCiphertextBlob",
        algorithm: String = "EncapsulationAlgorithm",
    }

    #[derive(Debug)]
    pub(crate) struct Decapsulate {
        key_id: String = "KeyId",
        ciphertext: Bytes = "SharedSecretCiphertextBlob",
        algorithm: String = "EncapsulationAlgorithm",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
    }

    pub(crate) struct Decapsulated {
        key_id: String = "KeyId",
        secret: Bytes = "SharedSecret",
        algorithm: String = "EncapsulationAlgorithm",
    }
}

fn derive(cx: &mut Cx<'_>, request: Derive) -> Result<Derived, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::KeyAgreement)?;
    refuse_recipient(request.recipient)?;
    let prepared = material::current(cx, &key)?;
    let Prepared::Agreement(own) = &*prepared else { return Err(KmsError::Internal) };
    let secret = own.derive(&request.public).map_err(|bad| KmsError::Validation(bad.to_string()))?;
    used(cx, &key, request.dry_run)?;
    Ok(Derived {
        key_id: key.arn(),
        secret: secret.to_vec().into(),
        algorithm: request.algorithm,
        origin: key.origin().to_owned(),
    })
}

fn encapsulate(cx: &mut Cx<'_>, request: Encapsulate) -> Result<Encapsulated, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::EncapsulateDecapsulate)?;
    let prepared = material::current(cx, &key)?;
    let Prepared::Kem(pair) = &*prepared else { return Err(KmsError::Internal) };
    let (secret, ciphertext) = pair.encapsulate()?;
    used(cx, &key, request.dry_run)?;
    Ok(Encapsulated {
        key_id: key.arn(),
        secret: secret.to_vec().into(),
        ciphertext: ciphertext.into(),
        algorithm: request.algorithm,
    })
}

fn decapsulate(cx: &mut Cx<'_>, request: Decapsulate) -> Result<Decapsulated, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::EncapsulateDecapsulate)?;
    let prepared = material::current(cx, &key)?;
    let Prepared::Kem(pair) = &*prepared else { return Err(KmsError::Internal) };
    let secret = pair.decapsulate(&request.ciphertext).map_err(|_| KmsError::InvalidCiphertext)?;
    used(cx, &key, request.dry_run)?;
    Ok(Decapsulated { key_id: key.arn(), secret: secret.to_vec().into(), algorithm: request.algorithm })
}
