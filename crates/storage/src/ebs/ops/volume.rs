//! CreateVolume, DeleteVolume.

use super::volumes::{View, is_id, made};
use super::{fast, snapshots};
use crate::ebs::blocks;
use crate::ebs::copies;
use crate::ebs::key;
use crate::ebs::model::{COMPLETED, CREATING, MODIFICATIONS, Shape, Snapshot, VOLUMES, Volume};
use crate::ebs::news::{self, Here};
use crate::ebs::shape::{self, Wanted};
use base::AccountId;
use base::tag::Tags;
use ec2::access::Access;
use ec2::describe;
use ec2::disk::{self, NewDisk};
use ec2::errors::Limit;
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::tags::{self, TagSpecification};
use ec2::token::TOKEN_CHARS_MAX;
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Empty, Target};
use std::sync::Arc;
use store::Key;
use wire::{Fault, FromValue, Struct, Value};

kernel::ops! {
    /// Volumes.
    pub(crate) static OPS:
        CreateVolume: create, "ec2:CreateVolume", new_volume;
        DeleteVolume: delete, "ec2:DeleteVolume", old_volume;
}

/// AWS: 5,000 in a region at first.
const VOLUMES_MAX: usize = 5000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Create {
        zone: Option<String> = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        encrypted: Option<bool> = "Encrypted",
        iops: Option<i64> = "Iops",
        key: Option<String> = "KmsKeyId",
        size: Option<i64> = "Size",
        snapshot: Option<String> = "SnapshotId",
        kind: Option<String> = "VolumeType",
        tags: Vec<TagSpecification> = "TagSpecifications",
        multi: Option<bool> = "MultiAttachEnabled",
        throughput: Option<i64> = "Throughput",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    struct Named { id: String = "VolumeId" }
}

fn text<'a>(request: &'a Struct, name: &str) -> Option<&'a str> {
    request.get(name).and_then(Value::as_str)
}

/// Whether the request only asks whether it would be allowed. AWS says all the same what is wrong with it.
fn is_dry(request: &Struct) -> bool {
    request.get("DryRun").and_then(Value::as_bool) == Some(true)
}

/// The new volume with its condition keys, and the snapshot that it is made of.
fn new_volume(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    if is_dry(request) {
        let asked = Create::from_value(Value::Struct(request.clone()));
        let asked = asked.map_err(|_| Ec2Error::from(Plain::InternalError))?;
        check(cx, &asked)?;
        zone(cx, &asked)?;
        if asked.snapshot.is_none() {
            shape_of(&asked, None)?;
        }
    }
    // Read here: where there is a snapshot nothing acts on it, and the caller is told so.
    if request.get("VolumeInitializationRate").is_some() && text(request, "SnapshotId").is_none() {
        let what =
            "You can't specify VolumeInitializationRate for volumes that are not created from a snapshot.";
        return Err(Ec2Error::from(Plain::InvalidParameterCombination(what.into())).into());
    }
    let number = |name: &str| match request.get(name) {
        Some(Value::Int(number)) => Some(number.to_string()),
        _ => None,
    };
    let encrypted = request.get("Encrypted").and_then(Value::as_bool).unwrap_or(false);
    let kind = text(request, "VolumeType").unwrap_or("gp2").to_owned();
    let mut keys = vec![("ec2:Encrypted", encrypted.to_string()), ("ec2:VolumeType", kind)];
    keys.extend(text(request, "AvailabilityZone").map(|zone| ("ec2:AvailabilityZone", zone.to_owned())));
    keys.extend(number("Size").map(|size| ("ec2:VolumeSize", size)));
    keys.extend(number("Iops").map(|iops| ("ec2:VolumeIops", iops)));
    keys.extend(number("Throughput").map(|throughput| ("ec2:VolumeThroughput", throughput)));
    if let Some(snapshot) = text(request, "SnapshotId") {
        let arn = register::arn(cx.account, cx.region, SNAPSHOT.noun, snapshot);
        keys.push(("ec2:ParentSnapshot", arn));
    }
    let mut access = Access::of(cx, request).new(&VOLUME);
    for (name, value) in keys {
        access = access.key(name, value);
    }
    access.one(&SNAPSHOT, "SnapshotId").done()
}

/// The volume that goes.
fn old_volume(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    if is_dry(request) {
        check_id(text(request, "VolumeId").unwrap_or_default())?;
    }
    Access::of(cx, request).one(&VOLUME, "VolumeId").done()
}

/// AWS: an id of zeros alone is none, and the code is not that of other operations.
fn check_id(id: &str) -> Result<(), Ec2Error> {
    if is_id(id) {
        return Ok(());
    }
    Err(Plain::InvalidParameterValue(format!("The volume ID '{id}' is malformed")).into())
}

/// What is wrong with a request whatever is there. The tags that it gives.
fn check(cx: &Cx<'_>, req: &Create) -> Result<Tags, Ec2Error> {
    tags::of_new(cx.caller, &req.tags, &VOLUME, &[&VOLUME])
}

/// The zone that is named by its name or id.
fn zone(cx: &Cx<'_>, req: &Create) -> Result<String, Ec2Error> {
    // Recorded: of a volume of no size it says so before it looks at the zone.
    let named = req.zone.is_some() || req.zone_id.is_some();
    if named && req.size.is_none() && req.snapshot.is_none() {
        return Err(Plain::MissingParameter("size/snapshot".into()).into());
    }
    let region = cx.region;
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    match (said(&req.zone), said(&req.zone_id)) {
        (Some(name), None) => {
            region.zones().find(|zone| *zone == name).ok_or_else(|| Plain::InvalidZone(name).into())
        }
        (None, Some(id)) => region.zone_named_by_id(&id).ok_or_else(|| Plain::InvalidZone(id).into()),
        (Some(_), Some(_)) => {
            let what = "AvailabilityZone and AvailabilityZoneId can't be used together. Specify only one of these parameters.";
            Err(Plain::InvalidParameterCombination(what.into()).into())
        }
        (None, None) => Err(Plain::MissingParameter("zone".into()).into()),
    }
}

fn shape_of(req: &Create, from: Option<&Snapshot>) -> Result<Shape, Ec2Error> {
    let size = match (req.size, from.map(|snapshot| snapshot.size)) {
        (Some(size), Some(least)) if size < least => {
            let why = format!("Volume size must be at least that of its snapshot: {least} GiB.");
            return Err(Ec2Error::value(size, "size", &why));
        }
        (Some(size), _) | (None, Some(size)) => size,
        (None, None) => return Err(Plain::MissingParameter("size/snapshot".into()).into()),
    };
    shape::of(&Wanted { kind: req.kind.as_deref(), size, iops: req.iops, throughput: req.throughput })
}

/// Its map, and the ARN of its KMS key.
fn bytes(
    cx: &mut Cx<'_>,
    id: &str,
    req: &Create,
    from: Option<&(AccountId, Snapshot)>,
) -> Result<(u64, Option<String>), Ec2Error> {
    let sealed = from.is_some_and(|(_, snapshot)| snapshot.key.is_some());
    let is_encrypted = req.encrypted == Some(true) || sealed || key::defaults(cx)?.encrypt;
    if req.key.is_some() && !is_encrypted {
        let what = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(Plain::InvalidParameterDependency(what.into()).into());
    }
    let number = cx.rng().u64();
    let own_key = from.filter(|(owner, _)| *owner == cx.account).and_then(|(_, s)| s.key.clone());
    let wanted = match (is_encrypted, &req.key, own_key) {
        (false, ..) => None,
        (true, Some(named), _) => Some(key::arn(cx, named)?),
        (true, None, Some(own)) => Some(own),
        (true, None, None) => {
            let default = key::default_key(cx)?;
            Some(key::arn(cx, &default)?)
        }
    };
    let Some((_, snapshot)) = from else {
        let seal = wanted.as_ref().map(|key| key::make(cx, key, id)).transpose()?;
        return Ok((blocks::ground(cx.tx, number, seal), wanted));
    };
    if snapshot.key == wanted {
        let seal = blocks::map(cx.tx, snapshot.map)?.seal;
        key::open(cx, seal.as_ref())?;
        return Ok((blocks::on(cx.tx, number, snapshot.map)?, wanted));
    }
    let seal = wanted.as_ref().map(|key| key::make(cx, key, id)).transpose()?;
    copies::begin(cx, snapshot.map, number, seal)?;
    Ok((number, wanted))
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<View, Ec2Error> {
    let own = check(cx, &req)?;
    if req.token.as_ref().is_some_and(|token| token.chars().count() > TOKEN_CHARS_MAX) {
        let what = "Client token must be less than or equal to 64 characters.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let there = describe::get(cx, &VOLUMES, &VOLUME, &id)?;
        return made(cx, &there);
    }
    if req.multi == Some(true) {
        let what =
            "Volumes that are attached to several instances at once are not built in this version of Virga.";
        return Err(Plain::Unsupported(what.into()).into());
    }
    let zone = zone(cx, &req)?;
    // AWS: of the one that a volume is made of it says this.
    let gone = |error: Ec2Error| match error.code() {
        "InvalidSnapshot.NotFound" => Plain::SnapshotGone.into(),
        _ => error,
    };
    let from = req.snapshot.as_ref().map(|id| snapshots::find(cx, id).map_err(gone)).transpose()?;
    let volume = make(cx, &req, from, zone, &own)?;
    token::keep(cx, req.token.as_ref(), &req, &volume.id);
    made(cx, &volume)
}

fn make(
    cx: &mut Cx<'_>,
    req: &Create,
    from: Option<(AccountId, Snapshot)>,
    zone: String,
    tags: &Tags,
) -> Result<Volume, Ec2Error> {
    if let Some((_, snapshot)) = from.as_ref().filter(|(_, snapshot)| snapshot.state != COMPLETED) {
        let what = format!("Snapshot is in invalid state - {}", snapshot.state);
        return Err(Plain::IncorrectState(what).into());
    }
    let shape = shape_of(req, from.as_ref().map(|(_, snapshot)| snapshot))?;
    if !cx.has_room(&VOLUMES, &Key::regional(cx.account, cx.region), VOLUMES_MAX)? {
        return Err(Limit::Volume.into());
    }
    let id = VOLUME.id(cx.rng());
    let (map, key) = bytes(cx, &id, req, from.as_ref())?;
    let fast = match &req.snapshot {
        Some(snapshot) => fast::spend(cx, snapshot, &zone)?,
        None => false,
    };
    let volume = Volume {
        id: id.clone(),
        zone,
        size: shape.size,
        kind: shape.kind,
        iops: shape.iops,
        throughput: shape.throughput,
        snapshot: req.snapshot.clone(),
        state: CREATING.into(),
        created: cx.now,
        map,
        key,
        auto_io: false,
        request: cx.request.id.clone(),
        fast,
    };
    VOLUMES.put(cx.tx, &register::key(cx.account, cx.region, &id), &volume);
    register::enter(cx, &VOLUME, &id, tags, &condition_keys(cx, &volume));
    Ok(volume)
}

/// A volume that comes with an instance; it is there as soon as the launch is.
pub(crate) fn for_launch(cx: &mut Cx<'_>, wanted: &NewDisk) -> Result<Volume, Ec2Error> {
    let req = Create {
        zone: None,
        zone_id: None,
        encrypted: wanted.encrypted,
        iops: wanted.iops,
        key: wanted.key.clone(),
        size: wanted.size,
        snapshot: wanted.snapshot.clone(),
        kind: wanted.kind.clone(),
        tags: Vec::new(),
        multi: None,
        throughput: wanted.throughput,
        token: None,
    };
    let from = match (&wanted.snapshot, wanted.granted) {
        (None, _) => None,
        (Some(id), None) => Some(snapshots::find(cx, id)?),
        (Some(id), Some(owner)) => Some((owner, snapshots::of(cx, owner, id)?)),
    };
    if let (Some((_, snapshot)), Some(size)) = (&from, wanted.size)
        && size < snapshot.size
    {
        // AWS's words, with its two spaces.
        let (id, least) = (&snapshot.id, snapshot.size);
        let what =
            format!("Volume of size {size}GB is smaller than  snapshot '{id}', expect size >= {least}GB");
        return Err(Plain::InvalidBlockDeviceMapping(what).into());
    }
    make(cx, &req, from, wanted.zone.clone(), &wanted.tags)
}

/// What policies may ask about a volume.
pub(crate) fn condition_keys(cx: &Cx<'_>, volume: &Volume) -> Vec<(&'static str, String)> {
    let mut keys = vec![
        ("ec2:AvailabilityZone", volume.zone.clone()),
        ("ec2:Encrypted", volume.key.is_some().to_string()),
        ("ec2:VolumeSize", volume.size.to_string()),
        ("ec2:VolumeType", volume.kind.clone()),
    ];
    keys.extend(volume.iops.map(|iops| ("ec2:VolumeIops", iops.to_string())));
    keys.extend(volume.throughput.map(|throughput| ("ec2:VolumeThroughput", throughput.to_string())));
    let arn = |id: &String| register::arn(cx.account, cx.region, SNAPSHOT.noun, id);
    keys.extend(volume.snapshot.as_ref().map(|id| ("ec2:ParentSnapshot", arn(id))));
    keys
}

fn delete(cx: &mut Cx<'_>, req: Named) -> Result<Empty, Ec2Error> {
    check_id(&req.id)?;
    let volume = describe::get(cx, &VOLUMES, &VOLUME, &req.id)?;
    if let Some(attachment) = disk::of_volume(cx.tx, cx.account, cx.region, &volume.id)? {
        let (id, instance) = (&volume.id, attachment.instance);
        return Err(Plain::VolumeInUse(format!("Volume {id} is currently attached to {instance}")).into());
    }
    let key = register::key(cx.account, cx.region, &volume.id);
    VOLUMES.delete(cx.tx, &key);
    MODIFICATIONS.delete(cx.tx, &key);
    copies::give_up(cx.tx, volume.map)?;
    blocks::let_go(cx.tx, volume.map)?;
    register::strike(cx.tx, cx.account, cx.region, &volume.id);
    tell(cx, &volume.id, ("deleteVolume", "deleted"));
    Ok(Empty)
}

/// Tells the bus what this request has done to a volume.
pub(crate) fn tell(cx: &mut Cx<'_>, id: &str, what: (&'static str, &'static str)) {
    let here = Here { account: cx.account, region: cx.region, now: cx.now };
    let cloud = Arc::clone(cx.cloud());
    news::volume(&cloud, cx.tx, here, id, what, &cx.request.id);
}
