//! Multi-Region keys: the same key, with the same id and material, in several regions.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html>
//!
//! Shared are id, spec, usage, origin, material and rotation; policy, tags, aliases, grants and state are each key's
//! own. Everything happens in one transaction, so no key is ever seen `Creating` or `Updating`.

use super::describe::{Metadata, metadata};
use super::key::touch;
use super::tag::{Tag, checked, listed};
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::identify;
use crate::kms::model::{KeyState, KmsKey, Material, MultiRegion, Needs};
use crate::kms::policy;
use base::Region;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    ReplicateKey: replicate_key, "kms:ReplicateKey", access::replicate_key;
    UpdatePrimaryRegion: update_primary_region, "kms:UpdatePrimaryRegion", access::update_primary_region;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct ReplicateKey {
        key_id: String = "KeyId",
        region: String = "ReplicaRegion",
        policy: Option<String> = "Policy",
        bypass_lockout: Option<bool> = "BypassPolicyLockoutSafetyCheck",
        description: Option<String> = "Description",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct Replica {
        metadata: Metadata = "ReplicaKeyMetadata",
        policy: String = "ReplicaPolicy",
        tags: Option<Vec<Tag>> = "ReplicaTags",
    }

    #[derive(Debug)]
    pub(crate) struct UpdatePrimaryRegion {
        key_id: String = "KeyId",
        region: String = "PrimaryRegion",
    }
}

/// The primary key that a request names, and its relations.
fn primary(cx: &Cx<'_>, key_id: &str) -> Result<(KmsKey, MultiRegion), KmsError> {
    let key = identify::key_that(cx, key_id, Needs::Enabled)?;
    match &key.multi_region {
        Some(related) if key.is_primary() => {
            let related = related.clone();
            Ok((key, related))
        }
        _ => Err(KmsError::Unsupported(format!("{} is not a multi-region primary key.", key.arn()))),
    }
}

fn region(name: &str) -> Result<Region, KmsError> {
    Region::parse(name).ok_or_else(|| KmsError::Validation(format!("{name} is not a region of this cloud.")))
}

fn replicate_key(cx: &mut Cx<'_>, request: ReplicateKey) -> Result<Replica, KmsError> {
    let (mut primary, mut related) = primary(cx, &request.key_id)?;
    let region = region(&request.region)?;
    if region == primary.region {
        return Err(KmsError::Validation(
            "The replica region must differ from the region of the primary key.".into(),
        ));
    }
    if KmsKey::load(cx.tx, primary.account, region, &primary.id)?.is_some() {
        let what = format!("A replica of {} already exists in {region}.", primary.arn());
        return Err(KmsError::AlreadyExists(what));
    }
    related.replicas.push(region);
    let mut replica = KmsKey {
        region,
        created: cx.now,
        description: request.description.unwrap_or_default(),
        policy: String::new(),
        tags: checked(request.tags)?,
        stored_state: if primary.external { KeyState::PendingImport } else { KeyState::Enabled },
        expires: None,
        aliases: Vec::new(),
        grants: 0,
        due: None,
        multi_region: Some(related.clone()),
        ..primary.clone()
    };
    (replica.policy, replica.policy_names) = match request.policy {
        Some(text) => {
            policy::accepted(cx, &replica.arn(), &text, request.bypass_lockout.unwrap_or_default())?
        }
        None => (policy::default_policy(cx.account), Default::default()),
    };
    for material in Material::all(cx.tx, &primary)? {
        // Imported material is brought to each region by whoever has it; only its name is shared.
        let copy = match primary.external {
            true => Material { sealed: Vec::new(), valid_to: None, ..material },
            false => material,
        };
        copy.save(cx.tx, &replica);
    }
    let answer = Replica {
        metadata: metadata(&replica, cx.now),
        policy: policy::shown(cx, &replica)?,
        tags: (!replica.tags.is_empty()).then(|| listed(&replica.tags)),
    };
    touch(cx, &primary);
    touch(cx, &replica);
    primary.multi_region = Some(related.clone());
    tell_others(cx, &primary, &replica, &related)?;
    replica.save(cx.tx);
    primary.save(cx.tx);
    Ok(answer)
}

/// Brings the relations of the remaining related keys up to date.
fn tell_others(cx: &mut Cx<'_>, one: &KmsKey, other: &KmsKey, related: &MultiRegion) -> Result<(), KmsError> {
    for region in one.other_regions() {
        if region == other.region {
            continue;
        }
        if let Some(mut key) = KmsKey::load(cx.tx, one.account, region, &one.id)? {
            key.multi_region = Some(related.clone());
            key.save(cx.tx);
        }
    }
    Ok(())
}

fn update_primary_region(cx: &mut Cx<'_>, request: UpdatePrimaryRegion) -> Result<Empty, KmsError> {
    let (mut old, related) = primary(cx, &request.key_id)?;
    let region = region(&request.region)?;
    let not_there = || KmsError::Unsupported(format!("{} has no replica key in {region}.", old.arn()));
    let mut new = match related.replicas.contains(&region) {
        true => KmsKey::load(cx.tx, old.account, region, &old.id)?.ok_or_else(not_there)?,
        false => return Err(not_there()),
    };
    new.check(Needs::Enabled, cx.now)?;
    // The old primary takes the new one's place among the replicas.
    let swap = |replica: &Region| if *replica == region { old.region } else { *replica };
    let swapped = MultiRegion { primary: region, replicas: related.replicas.iter().map(swap).collect() };
    touch(cx, &old);
    touch(cx, &new);
    tell_others(cx, &old, &new, &swapped)?;
    for key in [&mut old, &mut new] {
        key.multi_region = Some(swapped.clone());
    }
    old.save(cx.tx);
    new.save(cx.tx);
    Ok(Empty)
}
