//! CopySnapshot: within a region and between regions, under the same key or another.

use super::snapshot::enter;
use super::snapshots;
use crate::ebs::blocks;
use crate::ebs::copies;
use crate::ebs::key;
use crate::ebs::model::{COMPLETED, Copied as Of, PENDING, Snapshot};
use base::Region;
use ec2::access::Access;
use ec2::backing::Copying;
use ec2::kind::SNAPSHOT;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Copies.
    pub(crate) static OPS:
        CopySnapshot: copy, "ec2:CopySnapshot", copied;
}

wire::shape! {
    #[derive(Debug)]
    struct Copy {
        description: Option<String> = "Description",
        destination: Option<String> = "DestinationRegion",
        encrypted: Option<bool> = "Encrypted",
        key: Option<String> = "KmsKeyId",
        /// Whoever signs a request needs none here: source and destination are one cloud.
        _url: Option<String> = "PresignedUrl",
        region: String = "SourceRegion",
        id: String = "SourceSnapshotId",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Copied {
        tags: Vec<Tag> = "Tags",
        id: String = "SnapshotId",
    }
}

fn copied(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let source = Region::parse(text("SourceRegion")).unwrap_or(cx.region);
    let arn = register::arn(cx.account, source, SNAPSHOT.noun, text("SourceSnapshotId"));
    let access = Access::of(cx, request).new(&SNAPSHOT);
    let region = access.cx.region.name();
    access.target(Target::on(arn).key("ec2:Region", region)).done()
}

fn copy(cx: &mut Cx<'_>, req: Copy) -> Result<Copied, Ec2Error> {
    let own = tags::of_new(cx.caller, &req.tags, &SNAPSHOT, &[&SNAPSHOT])?;
    if req.destination.as_ref().is_some_and(|name| name != cx.region.name()) {
        let what = "The destination region must be the one that the request is sent to.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    let source = Region::parse(&req.region)
        .ok_or_else(|| Ec2Error::value(&req.region, "SourceRegion", "It is no region."))?;
    let made = make(
        cx,
        &Copying {
            region: source,
            snapshot: &req.id,
            description: req.description.as_deref().unwrap_or_default(),
            encrypted: req.encrypted,
            key: req.key.as_deref(),
            tags: &own,
        },
    )?;
    Ok(Copied { tags: tags::view(&own), id: made.id })
}

/// The copy, with the rights of the caller to keys.
///
/// # Errors
/// Those of `CopySnapshot`.
pub(crate) fn make(cx: &mut Cx<'_>, req: &Copying<'_>) -> Result<Snapshot, Ec2Error> {
    let source = req.region;
    let here = std::mem::replace(&mut cx.region, source);
    let found = snapshots::find(cx, req.snapshot);
    cx.region = here;
    let (_, from) = found?;
    if from.state != COMPLETED {
        return Err(Plain::IncorrectState(format!("Snapshot is in invalid state - {}", from.state)).into());
    }
    let is_encrypted = req.encrypted == Some(true) || from.key.is_some() || key::defaults(cx)?.encrypt;
    if req.key.is_some() && !is_encrypted {
        let what = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(Plain::InvalidParameterDependency(what.into()).into());
    }
    let id = SNAPSHOT.id(cx.rng());
    let copied =
        Of { from: register::arn(cx.account, source, SNAPSHOT.noun, &from.id), shares: !is_encrypted };
    let (map, kms) = if is_encrypted {
        let named = match req.key {
            Some(named) => named.to_owned(),
            None => key::default_key(cx)?,
        };
        let seal = key::make(cx, &named, &id)?;
        let (number, kms) = (cx.rng().u64(), seal.key.clone());
        copies::begin(cx, from.map, number, Some(seal))?;
        (number, Some(kms))
    } else {
        blocks::hold(cx.tx, from.map)?;
        (from.map, None)
    };
    let snapshot = Snapshot {
        id: id.clone(),
        volume: crate::ebs::model::NO_VOLUME.into(),
        size: from.size,
        description: req.description.to_owned(),
        state: PENDING.into(),
        started: cx.now,
        map,
        key: kms,
        lineage: id.clone(),
        copied: Some(copied),
        ..Snapshot::default()
    };
    enter(cx, &snapshot, req.tags);
    Ok(snapshot)
}
