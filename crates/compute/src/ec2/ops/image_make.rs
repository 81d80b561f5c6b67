//! CreateImage, RegisterImage, CopyImage, DeregisterImage.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html> and its neighbours,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/CopyingAMIs.html>
//!
//! Not here: images of other systems or processors than this machine's, protection from deregistration, deprecation, disabled images.

use super::disks::Mapping as Asked;
use super::{call, list, text, texts};
use crate::ec2::image::{
    self, AVAILABLE, Found, Image, MADE, Mapping, OWNERS, Owner, PENDING, architecture, here, owner_key,
    stage,
};
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::news;
use base::Region;
use base::tag::Tags;
use ec2::access::Access;
use ec2::backing::{self, Copying, Home, Shelves, Taken};
use ec2::disk::{DiskAttachment, ROOT};
use ec2::errors::is_denied;
use ec2::kind::{IMAGE, INSTANCE, SNAPSHOT};
use ec2::tags::{self, TagSpecification};
use ec2::{Ec2Error, Plain, describe, disk, register, token};
use kernel::{Answer, As, Body, Cx, Dx, Target};
use std::sync::Arc;
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Making images.
    pub static OPS:
        CreateImage: [wait] create, "ec2:CreateImage", |cx, r| Access::of(cx, r).new(&IMAGE).new(&SNAPSHOT).one(&INSTANCE, "InstanceId").done();
        RegisterImage: register, "ec2:RegisterImage", registering;
        CopyImage: copy, "ec2:CopyImage", copying;
        DeregisterImage: deregister, "ec2:DeregisterImage", |cx, r| Access::of(cx, r).one(&IMAGE, "ImageId").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Create {
        description: Option<String> = "Description",
        instance: String = "InstanceId",
        mappings: Vec<Asked> = "BlockDeviceMappings",
        name: String = "Name",
        no_reboot: Option<bool> = "NoReboot",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Register {
        architecture: Option<String> = "Architecture",
        description: Option<String> = "Description",
        mappings: Vec<Asked> = "BlockDeviceMappings",
        name: String = "Name",
        root: Option<String> = "RootDeviceName",
        tags: Vec<TagSpecification> = "TagSpecifications",
        virtualization: Option<String> = "VirtualizationType",
        boots: Option<String> = "BootMode",
    }

    #[derive(Debug)]
    struct Copy {
        description: Option<String> = "Description",
        encrypted: Option<bool> = "Encrypted",
        key: Option<String> = "KmsKeyId",
        name: String = "Name",
        source: String = "SourceImageId",
        region: String = "SourceRegion",
        tags: Vec<TagSpecification> = "TagSpecifications",
        copy_tags: Option<bool> = "CopyImageTags",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    struct Deregister {
        snapshots: Option<bool> = "DeleteAssociatedSnapshots",
        id: String = "ImageId",
    }

    #[derive(Debug)]
    struct Made { id: String = "ImageId" }

    #[derive(Debug)]
    struct Gone {
        done: bool = "Return",
        snapshots: Vec<GoneSnapshot> = "DeleteSnapshotResults",
    }

    #[derive(Debug)]
    struct GoneSnapshot {
        id: String = "SnapshotId",
        code: String = "ReturnCode",
    }
}

const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=128;

/// What an image's and its snapshots' tags are.
fn tags_of(cx: &Cx<'_>, specifications: &[TagSpecification]) -> Result<(Tags, Tags), Ec2Error> {
    let kinds = [&IMAGE, &SNAPSHOT];
    Ok((
        tags::of_new(cx.caller, specifications, &IMAGE, &kinds)?,
        tags::of_new(cx.caller, specifications, &SNAPSHOT, &kinds)?,
    ))
}

fn check_name(cx: &Cx<'_>, name: &str) -> Result<(), Ec2Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    if !NAME_CHARS.contains(&name.chars().count()) || !name.chars().all(fits) {
        return Err(Plain::ImageNameMalformed.into());
    }
    match describe::all(cx, &MADE)?.into_iter().find(|image| image.name == name) {
        Some(other) => Err(Plain::ImageNameDuplicate(name.into(), other.id).into()),
        None => Ok(()),
    }
}

/// Writes a new image down.
fn enter(cx: &mut Cx<'_>, mut image: Image, own: &Tags) -> Made {
    (image.id, image.created, image.state) = (IMAGE.id(cx.rng()), cx.now, PENDING.into());
    image.request.clone_from(&cx.request.id);
    for snapshot in image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()) {
        backing::enter(cx.tx, here(cx), snapshot, &image.id);
    }
    MADE.put(cx.tx, &register::key(cx.account, cx.region, &image.id), &image);
    OWNERS.put(cx.tx, &owner_key(cx.region, &image.id), &Owner { account: cx.account });
    register::enter(cx, &IMAGE, &image.id, own, &keys(cx, image.public));
    Made { id: image.id }
}

/// What policies may ask about an image.
fn keys(cx: &Cx<'_>, public: bool) -> [(&'static str, String); 4] {
    [
        ("ec2:Owner", cx.account.to_string()),
        ("ec2:Public", public.to_string()),
        ("ec2:ImageType", "machine".to_owned()),
        ("ec2:RootDeviceType", "ebs".to_owned()),
    ]
}

fn of_snapshot(device: &str, taken: Taken, delete: bool) -> Mapping {
    Mapping {
        device: device.to_owned(),
        snapshot: Some(taken.id),
        size: Some(taken.size),
        kind: Some(taken.kind),
        delete,
        iops: taken.iops,
        throughput: taken.throughput,
        encrypted: Some(taken.encrypted),
    }
}

/// A mapping that a request asks for, over what there is under its device.
fn wanted(asked: &Asked, device: &str, mut there: Mapping) -> Result<Mapping, Ec2Error> {
    let wrong = |what: String| Ec2Error::from(Plain::InvalidBlockDeviceMapping(what));
    if asked.ephemeral.is_some() {
        return Err(wrong(format!("No type has instance store volumes ({device}).")));
    }
    let ebs = asked.ebs.clone().ok_or_else(|| wrong(format!("{device} needs Ebs or NoDevice.")))?;
    if ebs.encrypted.is_some() && ebs.encrypted != there.encrypted || ebs.key.is_some() {
        let what = "Virga does not encrypt the snapshots of images anew";
        return Err(Plain::Unsupported(format!("{what} ({device}).")).into());
    }
    device.clone_into(&mut there.device);
    there.snapshot = ebs.snapshot.or(there.snapshot);
    there.size = ebs.size.or(there.size);
    if ebs.kind.is_some() && ebs.kind != there.kind {
        // What another type does is not what this one did.
        (there.kind, there.iops, there.throughput) = (ebs.kind, None, None);
    }
    there.iops = ebs.iops.or(there.iops);
    there.throughput = ebs.throughput.or(there.throughput);
    there.delete = ebs.delete.unwrap_or(there.delete);
    if there.snapshot.is_none() && there.size.is_none() {
        return Err(Plain::MissingParameter("size/snapshot".into()).into());
    }
    Ok(there)
}

fn device(asked: &Asked) -> Result<String, Ec2Error> {
    asked.device.clone().ok_or_else(|| Plain::MissingParameter("DeviceName".into()).into())
}

/// A snapshot of the caller's account that is complete; its size.
fn complete(cx: &mut Cx<'_>, id: &String) -> Result<(i64, bool), Ec2Error> {
    let owners = Value::List(vec![Value::str("self")]);
    let found = call(cx, "DescribeSnapshots", [("SnapshotIds", texts([id])), ("OwnerIds", owners)])?;
    let snapshot = list(&found, "Snapshots").first().ok_or_else(|| Ec2Error::not_found(&SNAPSHOT, id))?;
    let state = text(snapshot, "State");
    if state != "completed" {
        return Err(Plain::IncorrectState(format!("Snapshot is in invalid state - {state}")).into());
    }
    let Some(Value::Int(size)) = snapshot.member("VolumeSize") else {
        return Err(Plain::InternalError.into());
    };
    let encrypted = snapshot.member("Encrypted").and_then(Value::as_bool).unwrap_or(false);
    Ok((*size, encrypted))
}

async fn create(dx: Dx, req: Create, _: Body) -> Result<Answer<Made>, Fault> {
    let disks = dx.read(|cx| disk::of_instance(cx.tx, cx.account, cx.region, &req.instance));
    let disks: Vec<String> = disks.map_err(Ec2Error::from)?.into_iter().map(|disk| disk.volume).collect();
    let cloud = Arc::clone(dx.cloud());
    let shelf = cloud.memory::<Shelves>().get()?;
    let settled = tokio::task::spawn_blocking(move || shelf.settle(&cloud, &disks)).await;
    if !matches!(settled, Ok(Ok(()))) {
        return Err(Plain::InternalError.into());
    }
    dx.transact(|cx| create_now(cx, &req)).await.map(Answer::from)
}

fn create_now(cx: &mut Cx<'_>, req: &Create) -> Result<Made, Ec2Error> {
    let (own, of_snapshots) = tags_of(cx, &req.tags)?;
    let instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.instance)?;
    if !matches!(instance.state, state::RUNNING | state::STOPPING | state::STOPPED) {
        let what = format!(
            "Invalid value '{}' for instanceId. Instance is not in state 'running' or 'stopping' or 'stopped'",
            instance.id
        );
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let root = disk::root_of(cx.tx, cx.account, cx.region, &instance.id)?;
    let root = root.filter(|root| !root.files || root.state == disk::ATTACHED);
    if instance.rooted && root.is_none() {
        let what = format!("The instance '{}' has no root volume attached.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    check_name(cx, &req.name)?;
    let reboots = req.no_reboot != Some(true);
    let image = Image {
        name: req.name.clone(),
        description: req.description.clone().unwrap_or_default(),
        mappings: mappings(cx, req, &instance, root.as_ref(), &of_snapshots)?,
        source: Some((instance.image.clone(), cx.region.name().to_owned())),
        stage: if reboots || instance.state == state::STOPPING { stage::REST } else { stage::PACK },
        reboots: reboots || instance.state == state::STOPPING,
        virtual_machine: instance.virtual_machine,
        disk: root.as_ref().is_some_and(|root| !root.files),
        volume: root.map(|root| root.volume),
        instance: Some(instance.id),
        ..Image::default()
    };
    let layer = image.root().cloned().unwrap_or_default();
    Ok(enter(cx, Image { layer, ..image }, &own))
}

/// The root, and the volumes of the instance as the request wants them.
fn mappings(
    cx: &mut Cx<'_>,
    req: &Create,
    instance: &Instance,
    boots_from: Option<&DiskAttachment>,
    tags: &Tags,
) -> Result<Vec<Mapping>, Ec2Error> {
    let shelf = cx.memory::<Shelves>().get()?;
    // AWS: what a snapshot of an image says of itself.
    let description = format!("Created by CreateImage({})", instance.id);
    let named = |asked: &Asked| asked.device.clone().unwrap_or_default();
    let root = shelf.begin(cx, boots_from.map(|root| root.volume.as_str()), &description, tags)?;
    let root = of_snapshot(ROOT, root, boots_from.is_none_or(|root| root.delete_on_termination));
    let mut out = vec![match req.mappings.iter().find(|asked| named(asked) == ROOT) {
        Some(asked) => wanted(asked, ROOT, root)?,
        None => root,
    }];
    let all = disk::of_instance(cx.tx, cx.account, cx.region, &instance.id)?;
    for attached in all.into_iter().filter(|attached| !disk::is_root(&attached.device)) {
        let asked = req.mappings.iter().find(|asked| named(asked) == attached.device);
        if asked.is_some_and(|asked| asked.without.is_some()) {
            continue;
        }
        let taken = shelf.take(cx, &attached.volume, &description, tags)?;
        let there = of_snapshot(&attached.device, taken, attached.delete_on_termination);
        out.push(match asked {
            Some(asked) => wanted(asked, &attached.device, there)?,
            None => there,
        });
    }
    for asked in req.mappings.iter().filter(|asked| asked.without.is_none()) {
        let device = device(asked)?;
        if !out.iter().any(|mapping| mapping.device == device) {
            let new = wanted(asked, &device, Mapping { delete: true, ..Mapping::default() })?;
            if let Some(snapshot) = &new.snapshot {
                complete(cx, snapshot)?;
            }
            out.push(new);
        }
    }
    Ok(out)
}

fn registering(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mappings = request.get("BlockDeviceMappings").and_then(Value::as_list).unwrap_or_default();
    let ids: Vec<String> = mappings
        .iter()
        .filter_map(|mapping| mapping.member("Ebs")?.member("SnapshotId")?.as_str().map(str::to_owned))
        .collect();
    ids.iter().fold(Access::of(cx, request).new(&IMAGE), |access, id| access.id(&SNAPSHOT, id)).done()
}

fn register(cx: &mut Cx<'_>, req: Register) -> Result<Made, Ec2Error> {
    let own = tags::of_new(cx.caller, &req.tags, &IMAGE, &[&IMAGE])?;
    // AWS: the defaults, which no machine of this cloud is.
    let machine = (req.architecture.as_deref().unwrap_or("i386"), req.virtualization.as_deref());
    if machine != (architecture(), Some("hvm")) {
        let what = format!("Images here are of Architecture {} and VirtualizationType hvm.", architecture());
        return Err(Plain::Unsupported(what).into());
    }
    if req.boots.as_deref() == Some("uefi") {
        let what = "Virtual machines here have a BIOS and no UEFI: an image's BootMode is legacy-bios or uefi-preferred.";
        return Err(Plain::Unsupported(what.into()).into());
    }
    check_name(cx, &req.name)?;
    let root = req.root.clone().unwrap_or_else(|| ROOT.into());
    let mut mappings = Vec::new();
    for asked in req.mappings.iter().filter(|asked| asked.without.is_none()) {
        let device = device(asked)?;
        let mut new = wanted(asked, &device, Mapping { delete: true, ..Mapping::default() })?;
        if let Some(snapshot) = &new.snapshot {
            let (size, encrypted) = complete(cx, snapshot)?;
            new.size = Some(new.size.unwrap_or(size));
            new.encrypted = Some(encrypted);
        }
        // The root comes first.
        mappings.insert(if device == root { 0 } else { mappings.len() }, new);
    }
    let found = mappings.first().filter(|mapping| mapping.device == root);
    let Some(layer) = found.and_then(|mapping| mapping.snapshot.clone()) else {
        let what = "An image needs the snapshot of its root among BlockDeviceMappings, under RootDeviceName.";
        return Err(Plain::InvalidBlockDeviceMapping(what.into()).into());
    };
    if root != ROOT {
        return Err(Plain::Unsupported(format!("The root of an image here is {ROOT}.")).into());
    }
    let is_encrypted = found.is_some_and(|mapping| mapping.encrypted == Some(true));
    let disk = boots(cx, &layer)?;
    // A disk is booted from as it is, and what is encrypted is unpacked for its machines only.
    let stage = if disk || is_encrypted { stage::SNAPSHOTS } else { stage::LAY };
    let description = req.description.unwrap_or_default();
    let image = Image {
        name: req.name,
        description,
        mappings,
        layer,
        stage,
        disk,
        virtual_machine: disk,
        boots: req.boots,
        ..Image::default()
    };
    Ok(enter(cx, image, &own))
}

/// Whether a snapshot of the caller's holds a disk that boots by itself, and no archive of files.
fn boots(cx: &mut Cx<'_>, snapshot: &str) -> Result<bool, Ec2Error> {
    let shelf = cx.memory::<Shelves>().get()?;
    Ok(disk::boots(&shelf.beginning(cx, cx.account, snapshot)?))
}

fn source(name: &str) -> Result<Region, Ec2Error> {
    Region::parse(name).ok_or_else(|| Ec2Error::value(name, "SourceRegion", "It is no region."))
}

fn copying(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let source = request.str("SourceRegion").and_then(Region::parse).unwrap_or(cx.region);
    let id = request.str("SourceImageId").unwrap_or_default();
    let arn = register::arn(cx.account, source, IMAGE.noun, id);
    let access = Access::of(cx, request).new(&IMAGE).new(&SNAPSHOT);
    let region = access.cx.region.name();
    access.target(Target::on(arn).key("ec2:Region", region)).done()
}

fn copy(cx: &mut Cx<'_>, req: Copy) -> Result<Made, Ec2Error> {
    let (mut own, of_snapshots) = tags_of(cx, &req.tags)?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        return Ok(Made { id });
    }
    check_name(cx, &req.name)?;
    let region = source(&req.region)?;
    let there = std::mem::replace(&mut cx.region, region);
    let found = image::launchable(cx, &req.source);
    let theirs = register::tags(cx, &req.source);
    cx.region = there;
    let Found::Made(owner, from) = found? else {
        let what = "The images that come with Virga are in every region, and have no snapshots to be copied.";
        return Err(Plain::InvalidRequest(what.into()).into());
    };
    if req.copy_tags == Some(true) && owner == cx.account {
        let theirs = theirs?.into_iter().filter(|(key, _)| !key.starts_with("aws:"));
        let theirs: Vec<_> = theirs.filter(|(key, _)| !own.contains_key(key)).collect();
        own.extend(theirs);
    }
    let mut mappings = from.mappings.clone();
    for mapping in &mut mappings {
        let Some(snapshot) = &mapping.snapshot else { continue };
        let copied = copy_snapshot(cx, (&req, region), &from, snapshot, &of_snapshots)?;
        // As it was asked for, or as the account has it.
        mapping.encrypted = Some(copied.encrypted);
        mapping.snapshot = Some(copied.id);
    }
    let image = Image {
        name: req.name.clone(),
        description: req.description.clone().unwrap_or_else(|| from.description.clone()),
        mappings,
        layer: from.layer.clone(),
        source: Some((from.id.clone(), region.name().to_owned())),
        stage: stage::SNAPSHOTS,
        virtual_machine: from.virtual_machine,
        boots: from.boots.clone(),
        disk: from.disk,
        ..Image::default()
    };
    let made = enter(cx, image, &own);
    token::keep(cx, req.token.as_ref(), &req, &made.id);
    Ok(made)
}

fn copy_snapshot(
    cx: &mut Cx<'_>,
    (req, region): (&Copy, Region),
    from: &Image,
    snapshot: &str,
    tags: &Tags,
) -> Result<Taken, Ec2Error> {
    let description =
        format!("Copied for DestinationAmi from SourceAmi {} for SourceSnapshot {snapshot}", from.id);
    let wanted = Copying {
        region,
        snapshot,
        description: &description,
        encrypted: req.encrypted,
        key: req.key.as_deref(),
        tags,
    };
    let shelf = cx.memory::<Shelves>().get()?;
    match shelf.copy(cx, &wanted) {
        Err(why) if why.code() == SNAPSHOT.not_found => {
            let what = "You do not have permission to access the storage of this ami";
            Err(Plain::InvalidRequest(what.into()).into())
        }
        copied => copied,
    }
}

fn deregister(cx: &mut Cx<'_>, req: Deregister) -> Result<Gone, Ec2Error> {
    let image = image::own(cx, &req.id)?;
    let home = here(cx);
    let all: Vec<String> = image.mappings.iter().filter_map(|mapping| mapping.snapshot.clone()).collect();
    for snapshot in &all {
        backing::strike(cx.tx, home, snapshot, &image.id);
    }
    if let Some(root) = image.root().filter(|_| image.state != AVAILABLE) {
        give_up(cx, home, root)?;
    }
    MADE.delete(cx.tx, &register::key(cx.account, cx.region, &image.id));
    OWNERS.delete(cx.tx, &owner_key(cx.region, &image.id));
    register::strike(cx.tx, cx.account, cx.region, &image.id);
    let (cloud, request) = (Arc::clone(cx.cloud()), cx.request.id.clone());
    let told = Image { why: None, ..image };
    let at = (cx.account, cx.region);
    news::imaged(&cloud, cx.tx, at, cx.now, (&told, "deregistered", &request));
    let mut snapshots = Vec::new();
    if req.snapshots == Some(true) {
        for id in all {
            let code = delete_snapshot(cx, home, &id)?.to_owned();
            snapshots.push(GoneSnapshot { id, code });
        }
    }
    Ok(Gone { done: true, snapshots })
}

/// Deletes a snapshot with the caller's permissions; what became of it, in AWS's words.
fn delete_snapshot(cx: &mut Cx<'_>, home: Home, id: &str) -> Result<&'static str, Ec2Error> {
    if backing::image_of(cx.tx, home, id)?.is_some() {
        return Ok("skipped");
    }
    let named = Value::Struct([("SnapshotId", Value::str(id))].into_iter().collect());
    Ok(match cx.call("ec2", "DeleteSnapshot", named, As::Caller) {
        Ok(_) => "success",
        Err(fault) if is_denied(&fault) => "missing-permissions",
        Err(fault) if fault.status < 500 => "client-error",
        Err(_) => "internal-error",
    })
}

/// A snapshot that nobody will fill any more.
fn give_up(cx: &mut Cx<'_>, home: Home, snapshot: &str) -> Result<(), Ec2Error> {
    let shelf = cx.memory::<Shelves>().get()?;
    Ok(shelf.end(
        cx.tx,
        home,
        snapshot,
        Err("The image was deregistered before the snapshot was complete."),
    )?)
}
