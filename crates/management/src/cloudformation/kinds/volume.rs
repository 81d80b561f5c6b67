//! EBS volumes and their attachments.

use super::on::{On, at, map, text_at};
use super::vpc::{EC2, TAGGER};
use super::{BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

/// What a template may not change of a volume that is there, by AWS's documentation.
const SETTLED: &[&str] = &["AvailabilityZone", "Encrypted", "KmsKeyId", "SnapshotId"];
const SHAPE: &[&str] = &["Iops", "Size", "Throughput", "VolumeType"];

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::EC2::Volume",
        changes: &[
            "AutoEnableIO",
            "AvailabilityZone",
            "Encrypted",
            "Iops",
            "KmsKeyId",
            "Size",
            "SnapshotId",
            "Tags",
            "Throughput",
            "VolumeType",
        ],
        attributes: &["VolumeId"],
        create,
        update,
        delete: |on| on.end(EC2, "DeleteVolume", map([("VolumeId", on.physical())])),
        snapshot: Some(|on| on.call(EC2, "CreateSnapshot", map([("VolumeId", on.physical())])).map(drop)),
        ready: |on| {
            let id = on.physical();
            let volume = describe(on, id)?;
            match text_at(&volume, "State").as_str() {
                "available" | "in-use" => Ok(Some(Vec::new())),
                "creating" => Ok(None),
                other => Err(Refusal::of(format!("Volume {} did not stabilize: {other}.", on.physical))),
            }
        },
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::machine::VOLUME),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::SnapshotBlockPublicAccess",
        changes: &["State"],
        attributes: &["AccountId"],
        create: |on| {
            block(on)?;
            let account = on.account().to_owned();
            Ok(on.made(account.clone(), vec![("AccountId", Value::Str(account))]))
        },
        update: |on| {
            block(on)?;
            Ok(on.same())
        },
        delete: |on| on.end(EC2, "DisableSnapshotBlockPublicAccess", map([])),
        look: Some(&look::machine::SNAPSHOT_BLOCK),
        taken: Some(look::machine::is_blocked),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::VolumeAttachment",
        changes: &["Device", "InstanceId", "VolumeId"],
        create: |on| {
            let names = ["Device", "InstanceId", "VolumeId"];
            let input = map(names.map(|name| (name, on.prop(name))));
            on.call(EC2, "AttachVolume", input)?;
            let of = ["VolumeId", "InstanceId"].map(|name| on.text(name).unwrap_or_default());
            Ok(on.made(of.join("|"), Vec::new()))
        },
        update: |_| Err(unchangeable("AWS::EC2::VolumeAttachment")),
        delete: detach,
        ready: |on| {
            let id = on.prop("VolumeId");
            let volume = describe(on, id)?;
            Ok((text_at(&volume, "Attachments.0.State") == "attached").then(Vec::new))
        },
        gone: |on| {
            let id = on.was("VolumeId");
            match describe(on, id) {
                Err(refusal) if refusal.gone => Ok(true),
                other => Ok(at(&other?, "Attachments.0").is_none()),
            }
        },
        look: Some(&look::machine::VOLUME_IN_USE),
        ..BASE
    },
];

fn unchangeable(kind: &str) -> Refusal {
    Refusal::of(format!("Update to resource type {kind} is not supported."))
}

fn block(on: &mut On<'_, '_>) -> Done<()> {
    on.call(EC2, "EnableSnapshotBlockPublicAccess", map([("State", on.prop("State"))])).map(drop)
}

fn describe(on: &mut On<'_, '_>, id: Value) -> Done<Value> {
    let answer = on.call(EC2, "DescribeVolumes", map([("VolumeIds", Value::List(vec![id]))]))?;
    Ok(at(&answer, "Volumes.0").cloned().unwrap_or(Value::Null))
}

fn auto_io(on: &mut On<'_, '_>, id: Value) -> Done<()> {
    let wanted = map([("Value", Value::Bool(on.flag("AutoEnableIO")))]);
    let input = map([("VolumeId", id), ("AutoEnableIO", wanted)]);
    on.call(EC2, "ModifyVolumeAttribute", input).map(drop)
}

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    let names = SETTLED.iter().chain(SHAPE);
    let mut input: Vec<(String, Value)> =
        names.map(|name| ((*name).to_owned(), on.prop(name))).filter(|(_, v)| *v != Value::Null).collect();
    let tags = on.tag_specification("volume");
    if tags != Value::Null {
        input.push(("TagSpecifications".to_owned(), tags));
    }
    let answer = on.call(EC2, "CreateVolume", Value::Map(input))?;
    let id = text_at(&answer, "VolumeId");
    if on.flag("AutoEnableIO") {
        auto_io(on, Value::str(&id))?;
    }
    Ok(on.made(id.clone(), vec![("VolumeId", Value::Str(id))]))
}

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    if SETTLED.iter().any(|name| on.changed(name)) {
        return Err(unchangeable("AWS::EC2::Volume"));
    }
    if SHAPE.iter().any(|name| on.changed(name)) {
        let mut input = vec![("VolumeId".to_owned(), on.physical())];
        let wanted = SHAPE.iter().map(|name| ((*name).to_owned(), on.prop(name)));
        input.extend(wanted.filter(|(_, value)| *value != Value::Null));
        on.call(EC2, "ModifyVolume", Value::Map(input))?;
    }
    if on.changed("AutoEnableIO") {
        auto_io(on, on.physical())?;
    }
    on.retag(&TAGGER, on.physical())?;
    Ok(on.same())
}

/// One that somebody has detached already is as it should be.
fn detach(on: &mut On<'_, '_>) -> Done<()> {
    let id = on.was("VolumeId");
    let volume = match describe(on, id.clone()) {
        Err(refusal) if refusal.gone => return Ok(()),
        other => other?,
    };
    if at(&volume, "Attachments.0").is_none() {
        return Ok(());
    }
    on.end(EC2, "DetachVolume", map([("VolumeId", id), ("InstanceId", on.was("InstanceId"))]))
}
