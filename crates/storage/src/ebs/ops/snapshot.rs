//! CreateSnapshot, CreateSnapshots, DeleteSnapshot.

use super::fast;
use super::snapshots::{self, View, view};
use crate::ebs::backing as shelved;
use crate::ebs::blocks;
use crate::ebs::copies;
use crate::ebs::errors::{internal, store};
use crate::ebs::key;
use crate::ebs::model::{
    AVAILABLE, HOMES, Home as Owner, PENDING, SNAPSHOTS, Snapshot, VOLUMES, Volume, home,
};
use crate::ebs::plug::Plugged;
use base::Timestamp;
use base::tag::Tags;
use ec2::access::Access;
use ec2::backing::{self, Home};
use ec2::describe;
use ec2::disk::{self, ATTACHING, DETACHING, DiskAttachment, FILLS, Fill};
use ec2::kind::{INSTANCE, SNAPSHOT, VOLUME};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::{Answer, Body, Cx, Dx, Empty, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Snapshots.
    pub(crate) static OPS:
        CreateSnapshot: [wait] create => create_within, "ec2:CreateSnapshot", of_volume;
        CreateSnapshots: [wait] create_all, "ec2:CreateSnapshots", of_instance;
        DeleteSnapshot: delete, "ec2:DeleteSnapshot", |cx, r| Access::of(cx, r).one(&SNAPSHOT, "SnapshotId").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Create {
        description: Option<String> = "Description",
        volume: String = "VolumeId",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct CreateAll {
        description: Option<String> = "Description",
        instance: Instance = "InstanceSpecification",
        tags: Vec<TagSpecification> = "TagSpecifications",
        copy_tags: Option<String> = "CopyTagsFromSource",
    }

    #[derive(Debug)]
    struct Instance {
        id: String = "InstanceId",
        without_boot: Option<bool> = "ExcludeBootVolume",
        without: Vec<String> = "ExcludeDataVolumeIds",
    }

    #[derive(Debug)]
    struct All { snapshots: Vec<Info> = "Snapshots" }

    #[derive(Debug)]
    struct Info {
        description: String = "Description",
        tags: Vec<Tag> = "Tags",
        encrypted: bool = "Encrypted",
        volume: String = "VolumeId",
        state: String = "State",
        size: i64 = "VolumeSize",
        started: Timestamp = "StartTime",
        progress: String = "Progress",
        owner: String = "OwnerId",
        id: String = "SnapshotId",
    }

    #[derive(Debug)]
    struct Named { id: String = "SnapshotId" }
}

fn of_volume(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let volume = request.str("VolumeId").unwrap_or_default().to_owned();
    let parent = register::arn(cx.account, cx.region, VOLUME.noun, &volume);
    let access = Access::of(cx, request).new(&SNAPSHOT);
    // The parent volume is a key of the snapshot, which comes before its tags.
    access.key("ec2:ParentVolume", parent).one(&VOLUME, "VolumeId").done()
}

fn of_instance(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let instance = request.get("InstanceSpecification").and_then(|s| s.member("InstanceId"));
    let instance = instance.and_then(Value::as_str).unwrap_or_default().to_owned();
    let disks = disk::of_instance(cx.tx, cx.account, cx.region, &instance).map_err(kernel::Failure::from)?;
    let access = Access::of(cx, request).new(&SNAPSHOT).id(&INSTANCE, &instance);
    disks.iter().fold(access, |access, disk| access.id(&VOLUME, &disk.volume)).done()
}

/// Writes a new snapshot down.
pub(crate) fn enter(cx: &mut Cx<'_>, snapshot: &Snapshot, tags: &Tags) {
    SNAPSHOTS.put(cx.tx, &register::key(cx.account, cx.region, &snapshot.id), snapshot);
    HOMES.put(cx.tx, &home(cx.region, &snapshot.id), &Owner { account: cx.account });
    let parent = register::arn(cx.account, cx.region, VOLUME.noun, &snapshot.volume);
    let keys = [
        ("ec2:Encrypted", snapshot.key.is_some().to_string()),
        ("ec2:Owner", cx.account.to_string()),
        ("ec2:ParentVolume", parent),
        ("ec2:SnapshotTime", snapshot.started.iso8601()),
        ("ec2:VolumeSize", snapshot.size.to_string()),
    ];
    register::enter(cx, &SNAPSHOT, &snapshot.id, tags, &keys);
}

/// Takes a snapshot of what a volume holds now: the map that it wrote to becomes the snapshot's.
pub(crate) fn take(
    cx: &mut Cx<'_>,
    mut volume: Volume,
    description: &str,
    tags: &Tags,
    set: Option<&String>,
) -> Result<Snapshot, Ec2Error> {
    if volume.state != AVAILABLE {
        let what =
            format!("Volume {} is in state {} and has nothing to be taken of.", volume.id, volume.state);
        return Err(Plain::IncorrectState(what).into());
    }
    let seal = blocks::map(cx.tx, volume.map)?.seal;
    key::open(cx, seal.as_ref())?;
    let number = cx.rng().u64();
    let upper = blocks::on(cx.tx, number, volume.map)?;
    let taken = std::mem::replace(&mut volume.map, upper);
    VOLUMES.put(cx.tx, &register::key(cx.account, cx.region, &volume.id), &volume);
    let snapshot = Snapshot {
        id: SNAPSHOT.id(cx.rng()),
        lineage: volume.id.clone(),
        volume: volume.id,
        size: volume.size,
        description: description.to_owned(),
        state: PENDING.into(),
        started: cx.now,
        map: taken,
        key: volume.key,
        set: set.cloned(),
        ..Snapshot::default()
    };
    enter(cx, &snapshot, tags);
    Ok(snapshot)
}

/// Takes a snapshot of a volume, or of the files that one is for as long as a machine boots from it: those are packed
/// after the answer, and until then the snapshot is pending.
fn take_any(
    cx: &mut Cx<'_>,
    volume: Volume,
    description: &str,
    tags: &Tags,
    set: Option<&String>,
) -> Result<Snapshot, Ec2Error> {
    let attachment = disk::of_volume(cx.tx, cx.account, cx.region, &volume.id)?;
    let Some(attachment) = attachment.filter(|one| one.files && one.state != ATTACHING) else {
        return take(cx, volume, description, tags, set);
    };
    if attachment.state == DETACHING {
        let what = format!("Volume {} is being detached and has nothing to be taken of.", volume.id);
        return Err(Plain::IncorrectState(what).into());
    }
    let snapshot = Snapshot { set: set.cloned(), ..shelved::begun(cx, Some(&volume), description)? };
    let at = register::key(cx.account, cx.region, &snapshot.id);
    FILLS.put(cx.tx, &at, &Fill { instance: attachment.instance });
    enter(cx, &snapshot, tags);
    Ok(snapshot)
}

/// Has what programs have written to volumes made safe: a snapshot holds what was written before it was asked for.
async fn settle(dx: &Dx, volumes: Vec<String>) -> Result<(), Fault> {
    let plugged = dx.cloud().memory::<Plugged>();
    let done = tokio::task::spawn_blocking(move || volumes.iter().try_for_each(|id| plugged.flush(id)));
    done.await.map_err(|e| internal(&e))?.map_err(|e| internal(&e))
}

async fn create(dx: Dx, req: Create, _: Body) -> Result<Answer<View>, Fault> {
    settle(&dx, vec![req.volume.clone()]).await?;
    dx.transact(|cx| create_one(cx, &req)).await.map(Answer::from)
}

/// For calls from within, which do not wait: of a volume that nothing writes to.
fn create_within(cx: &mut Cx<'_>, req: Create) -> Result<View, Ec2Error> {
    if let Some(attachment) = disk::of_volume(cx.tx, cx.account, cx.region, &req.volume)? {
        let (id, instance) = (&req.volume, attachment.instance);
        return Err(Plain::VolumeInUse(format!("Volume {id} is currently attached to {instance}")).into());
    }
    create_one(cx, &req)
}

async fn create_all(dx: Dx, req: CreateAll, _: Body) -> Result<Answer<All>, Fault> {
    let disks = dx.read(|cx| disk::of_instance(cx.tx, cx.account, cx.region, &req.instance.id));
    let disks = disks.map_err(store)?;
    settle(&dx, disks.into_iter().map(|disk| disk.volume).collect()).await?;
    dx.transact(|cx| create_each(cx, &req)).await.map(Answer::from)
}

fn create_one(cx: &mut Cx<'_>, req: &Create) -> Result<View, Ec2Error> {
    let own = tags::of_new(cx.caller, &req.tags, &SNAPSHOT, &[&SNAPSHOT])?;
    let volume = describe::get(cx, &VOLUMES, &VOLUME, &req.volume)?;
    let snapshot = take_any(cx, volume, req.description.as_deref().unwrap_or_default(), &own, None)?;
    view(cx, cx.account, &snapshot)
}

/// Of all volumes of an instance, in one moment: this transaction's.
fn create_each(cx: &mut Cx<'_>, req: &CreateAll) -> Result<All, Ec2Error> {
    let own = tags::of_new(cx.caller, &req.tags, &SNAPSHOT, &[&SNAPSHOT])?;
    describe::check_id(&INSTANCE, &req.instance.id)?;
    if register::find(cx.tx, cx.account, cx.region, &req.instance.id)?.is_none() {
        return Err(Ec2Error::not_found(&INSTANCE, &req.instance.id));
    }
    let disks = disk::of_instance(cx.tx, cx.account, cx.region, &req.instance.id)?;
    if let Some(other) = req.instance.without.iter().find(|id| !disks.iter().any(|d| d.volume == **id)) {
        let what = format!("The volume {other} is not attached to instance {}.", req.instance.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let set = cx.request.id.clone();
    let mut snapshots = Vec::new();
    let without_boot = req.instance.without_boot == Some(true);
    let is_left_out = |disk: &&DiskAttachment| without_boot && disk::is_root(&disk.device);
    let wanted = disks.iter().filter(|disk| !req.instance.without.contains(&disk.volume));
    for disk in wanted.filter(|disk| !is_left_out(disk)) {
        let volume = describe::get(cx, &VOLUMES, &VOLUME, &disk.volume)?;
        let mut all = own.clone();
        if req.copy_tags.as_deref() == Some("volume") {
            let copied = register::tags(cx, &volume.id)?;
            all.extend(copied.into_iter().filter(|(key, _)| !own.contains_key(key)));
        }
        let description = req.description.as_deref().unwrap_or_default();
        let taken = take_any(cx, volume, description, &all, Some(&set))?;
        snapshots.push(Info {
            description: taken.description,
            tags: tags::view(&all),
            encrypted: taken.key.is_some(),
            volume: taken.volume,
            state: taken.state,
            size: taken.size,
            started: taken.started,
            progress: String::new(),
            owner: cx.account.to_string(),
            id: taken.id,
        });
    }
    Ok(All { snapshots })
}

fn delete(cx: &mut Cx<'_>, req: Named) -> Result<Empty, Ec2Error> {
    let snapshot = snapshots::own(cx, &req.id)?;
    let here = Home { account: cx.account, region: cx.region };
    if let Some(image) = backing::image_of(cx.tx, here, &snapshot.id)? {
        let what = format!("The snapshot {} is currently in use by {image}", snapshot.id);
        return Err(Plain::InvalidSnapshotInUse(what).into());
    }
    fast::let_go(cx, &snapshot.id)?;
    let at = register::key(cx.account, cx.region, &snapshot.id);
    FILLS.delete(cx.tx, &at);
    SNAPSHOTS.delete(cx.tx, &at);
    HOMES.delete(cx.tx, &home(cx.region, &snapshot.id));
    copies::give_up(cx.tx, snapshot.map)?;
    blocks::let_go(cx.tx, snapshot.map)?;
    register::strike(cx.tx, cx.account, cx.region, &snapshot.id);
    Ok(Empty)
}
