//! Which operations take aliases, and which reach keys of other accounts. Both are said on each operation's page of
//! the API reference ("Cross-account use", `KeyId`).

use crate::kms::KmsError;
use crate::kms::identify::Accepts;
use kernel::Cx;

/// What uses a key rather than managing it.
const USES: &[&str] = &[
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
];

const MANAGES_ABROAD: &[&str] =
    &["CreateGrant", "GetKeyRotationStatus", "ListGrants", "RetireGrant", "RevokeGrant"];

pub(crate) fn accepts(operation: &str) -> Accepts {
    if USES.contains(&operation) { Accepts::KeysAndAliases } else { Accepts::Keys }
}

pub(crate) fn reaches_other_accounts(operation: &str) -> bool {
    USES.contains(&operation) || MANAGES_ABROAD.contains(&operation)
}

/// No policy can allow what the operation does not offer.
pub(crate) fn refused(cx: &Cx<'_>, arn: &str) -> KmsError {
    let (who, operation) = (cx.caller.arn(), cx.request.operation);
    KmsError::AccessDenied(format!(
        "User: {who} is not authorized to perform: kms:{operation} on resource: {arn} because the operation does not \
         work on KMS keys of other accounts"
    ))
}
