//! `DescribeKey`, `ListKeys`, and the description of a key that several operations answer.

use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::core::spec::{ECDH, KeyUsage, ML_KEM};
use crate::kms::identify::{Accepts, place};
use crate::kms::model::{KEYS, KeyState, KmsKey, MultiRegion, key_arn};
use crate::kms::page::{self, Page};
use base::{Region, Timestamp};
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    DescribeKey: describe_key, "kms:DescribeKey", access::on_key;
    ListKeys: list_keys, "kms:ListKeys", kernel::access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct DescribeKey {
        key_id: String = "KeyId",
        grant_tokens: Vec<String> = "GrantTokens",
    }

    #[derive(Debug)]
    pub(crate) struct KeyAnswer {
        pub(crate) metadata: Metadata = "KeyMetadata",
    }

    /// `KeyMetadata`.
    #[derive(Debug)]
    pub(crate) struct Metadata {
        account: String = "AWSAccountId",
        key_id: String = "KeyId",
        arn: String = "Arn",
        created: Timestamp = "CreationDate",
        enabled: bool = "Enabled",
        description: String = "Description",
        usage: String = "KeyUsage",
        state: String = "KeyState",
        deletion: Option<Timestamp> = "DeletionDate",
        valid_to: Option<Timestamp> = "ValidTo",
        origin: String = "Origin",
        expiration_model: Option<String> = "ExpirationModel",
        manager: String = "KeyManager",
        customer_spec: String = "CustomerMasterKeySpec",
        spec: String = "KeySpec",
        encryption_algorithms: Option<Vec<String>> = "EncryptionAlgorithms",
        signing_algorithms: Option<Vec<String>> = "SigningAlgorithms",
        agreement_algorithms: Option<Vec<String>> = "KeyAgreementAlgorithms",
        encapsulation_algorithms: Option<Vec<String>> = "EncapsulationAlgorithms",
        multi_region: bool = "MultiRegion",
        related: Option<Related> = "MultiRegionConfiguration",
        pending_days: Option<u32> = "PendingDeletionWindowInDays",
        mac_algorithms: Option<Vec<String>> = "MacAlgorithms",
        current_material: Option<String> = "CurrentKeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct Related {
        kind: String = "MultiRegionKeyType",
        primary: RelatedKey = "PrimaryKey",
        replicas: Vec<RelatedKey> = "ReplicaKeys",
    }

    #[derive(Debug)]
    pub(crate) struct RelatedKey {
        arn: String = "Arn",
        region: String = "Region",
    }

    #[derive(Debug)]
    pub(crate) struct ListKeys {
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
        owners: Vec<String> = "ResourceOwners",
    }

    #[derive(Debug)]
    pub(crate) struct Keys {
        keys: Vec<KeyEntry> = "Keys",
        next: Option<String> = "NextMarker",
        truncated: bool = "Truncated",
    }

    #[derive(Debug)]
    pub(crate) struct KeyEntry {
        id: String = "KeyId",
        arn: String = "KeyArn",
    }
}

/// The algorithms of a key by what it is for; at most one list is there.
#[derive(Debug, Default)]
pub(crate) struct Algorithms {
    pub(crate) encryption: Option<Vec<String>>,
    pub(crate) signing: Option<Vec<String>>,
    pub(crate) agreement: Option<Vec<String>>,
    pub(crate) encapsulation: Option<Vec<String>>,
    pub(crate) mac: Option<Vec<String>>,
}

impl Algorithms {
    pub(crate) fn of(key: &KmsKey) -> Algorithms {
        let names = |list: &mut dyn Iterator<Item = &'static str>| Some(list.map(str::to_owned).collect());
        let spec = key.spec;
        let mut out = Algorithms::default();
        match key.usage {
            KeyUsage::EncryptDecrypt => {
                out.encryption = names(&mut spec.encryption_algorithms().iter().map(|a| a.as_str()));
            }
            KeyUsage::SignVerify => {
                out.signing = names(&mut spec.signing_algorithms().iter().map(|a| a.as_str()));
            }
            KeyUsage::GenerateVerifyMac => {
                out.mac = names(&mut spec.mac_algorithms().iter().map(|a| a.as_str()));
            }
            KeyUsage::KeyAgreement => out.agreement = names(&mut std::iter::once(ECDH)),
            KeyUsage::EncapsulateDecapsulate => out.encapsulation = names(&mut std::iter::once(ML_KEM)),
        }
        out
    }
}

/// A key as it is described.
pub(crate) fn metadata(key: &KmsKey, now: Timestamp) -> Metadata {
    let state = key.state(now);
    let algorithms = Algorithms::of(key);
    let imported = key.external && state != KeyState::PendingImport && !key.current.is_empty();
    let expiration =
        if key.expires.is_some() { "KEY_MATERIAL_EXPIRES" } else { "KEY_MATERIAL_DOES_NOT_EXPIRE" };
    Metadata {
        account: key.account.to_string(),
        key_id: key.id.clone(),
        arn: key.arn(),
        created: key.created,
        enabled: state == KeyState::Enabled,
        description: key.description.clone(),
        usage: key.usage.to_string(),
        state: state.as_str().to_owned(),
        deletion: key.deletion,
        valid_to: key.expires.filter(|_| imported),
        origin: key.origin().to_owned(),
        expiration_model: imported.then(|| expiration.to_owned()),
        manager: if key.managed_by_aws { "AWS" } else { "CUSTOMER" }.to_owned(),
        customer_spec: key.spec.to_string(),
        spec: key.spec.to_string(),
        encryption_algorithms: algorithms.encryption,
        signing_algorithms: algorithms.signing,
        agreement_algorithms: algorithms.agreement,
        encapsulation_algorithms: algorithms.encapsulation,
        multi_region: key.multi_region.is_some(),
        related: key.multi_region.as_ref().map(|related| related_keys(key, related)),
        pending_days: key.pending_days,
        mac_algorithms: algorithms.mac,
        current_material: key.current_material().filter(|_| key.is_rotatable()).map(|id| id.to_string()),
    }
}

fn related_keys(key: &KmsKey, related: &MultiRegion) -> Related {
    let entry = |region: Region| RelatedKey {
        arn: key_arn(key.account, region, &key.id),
        region: region.to_string(),
    };
    Related {
        kind: if key.is_primary() { "PRIMARY" } else { "REPLICA" }.to_owned(),
        primary: entry(related.primary),
        replicas: related.replicas.iter().map(|region| entry(*region)).collect(),
    }
}

fn describe_key(cx: &mut Cx<'_>, request: DescribeKey) -> Result<KeyAnswer, KmsError> {
    super::check_tokens(cx, &request.grant_tokens)?;
    let found = place(cx, &request.key_id, Accepts::KeysAndAliases)?.key(cx)?;
    Ok(KeyAnswer { metadata: metadata(&found.key, cx.now) })
}

fn list_keys(cx: &mut Cx<'_>, request: ListKeys) -> Result<Keys, KmsError> {
    // Keys that other accounts share (through RAM) do not exist here.
    let own = request.owners.is_empty() || request.owners.iter().any(|owner| owner == "SELF");
    let list = format!("kms:ListKeys {} {} {:?}", cx.account, cx.region, request.owners);
    let Page { after, limit } =
        page::read(cx, &list, request.limit, request.marker.as_deref(), page::DEFAULT)?;
    if !own {
        return Ok(Keys { keys: Vec::new(), next: None, truncated: false });
    }
    let prefix = Key::regional(cx.account, cx.region);
    let after = after.map(|id| prefix.clone().str(&id));
    let found = KEYS.page(cx.tx, &prefix, after.as_ref(), limit)?;
    let next =
        found.next.as_ref().and_then(|_| found.items.last()).map(|(_, key)| page::marker(cx, &list, &key.id));
    let there = found.items.into_iter().filter(|(_, key)| !key.is_gone(cx.now));
    let keys = there.map(|(_, key)| KeyEntry { arn: key.arn(), id: key.id }).collect();
    Ok(Keys { keys, truncated: next.is_some(), next })
}
