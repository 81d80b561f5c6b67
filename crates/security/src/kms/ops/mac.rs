//! `GenerateMac` and `VerifyMac`.

use super::{usable, used};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::mac::MacError;
use crate::kms::core::prepared::Prepared;
use crate::kms::core::spec::{KeyUsage, MacAlgorithm};
use crate::kms::material;
use bytes::Bytes;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    GenerateMac: generate_mac, "kms:GenerateMac", access::on_key;
    VerifyMac: verify_mac, "kms:VerifyMac", access::on_key;
}

wire::shape! {
    pub(crate) struct GenerateMac {
        message: Bytes = "Message",
        key_id: String = "KeyId",
        algorithm: String = "MacAlgorithm",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct Mac {
        mac: Bytes = "Mac",
        algorithm: String = "MacAlgorithm",
        key_id: String = "KeyId",
    }

    pub(crate) struct VerifyMac {
        message: Bytes = "Message",
        key_id: String = "KeyId",
        algorithm: String = "MacAlgorithm",
        mac: Bytes = "Mac",
        grant_tokens: Vec<String> = "GrantTokens",
        dry_run: Option<bool> = "DryRun",
    }

    #[derive(Debug)]
    pub(crate) struct Verified {
        key_id: String = "KeyId",
        valid: bool = "MacValid",
        algorithm: String = "MacAlgorithm",
    }
}

impl From<MacError> for KmsError {
    fn from(error: MacError) -> KmsError {
        match error {
            MacError::Incompatible(refused) => refused.into(),
            MacError::InvalidMac => KmsError::InvalidMac,
        }
    }
}

fn algorithm(name: &str) -> Result<MacAlgorithm, KmsError> {
    MacAlgorithm::parse(name).ok_or(KmsError::Internal)
}

fn generate_mac(cx: &mut Cx<'_>, request: GenerateMac) -> Result<Mac, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::GenerateVerifyMac)?;
    let prepared = material::current(cx, &key)?;
    let Prepared::Mac(secret) = &*prepared else { return Err(KmsError::Internal) };
    let mac = secret.generate(algorithm(&request.algorithm)?, &request.message)?;
    used(cx, &key, request.dry_run)?;
    Ok(Mac { mac: mac.into(), algorithm: request.algorithm, key_id: key.arn() })
}

fn verify_mac(cx: &mut Cx<'_>, request: VerifyMac) -> Result<Verified, KmsError> {
    let key = usable(cx, &request.key_id, &request.grant_tokens, KeyUsage::GenerateVerifyMac)?;
    let prepared = material::current(cx, &key)?;
    let Prepared::Mac(secret) = &*prepared else { return Err(KmsError::Internal) };
    secret.verify(algorithm(&request.algorithm)?, &request.message, &request.mac)?;
    used(cx, &key, request.dry_run)?;
    Ok(Verified { key_id: key.arn(), valid: true, algorithm: request.algorithm })
}
