//! Volumes of instances: the root and those that a launch asks for, and what is shown of them.

use super::{call, list, some, texts};
use crate::ec2::image::{self, Found};
use crate::ec2::model::Instance;
use base::tag::Tags;
use base::{AccountId, Timestamp};
use ec2::access::Access;
use ec2::disk::{self, NewDisk, ROOT, Shop};
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::{Ec2Error, Plain, describe, register};
use kernel::Cx;
use std::collections::BTreeMap;
use wire::{FromValue, Struct, Value};

wire::shape! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Mapping {
        pub(super) ebs: Option<Ebs> = "Ebs",
        pub(super) without: Option<String> = "NoDevice",
        pub(super) device: Option<String> = "DeviceName",
        pub(super) ephemeral: Option<String> = "VirtualName",
    }

    #[derive(Clone, Debug, Default)]
    pub(super) struct Ebs {
        pub(super) delete: Option<bool> = "DeleteOnTermination",
        pub(super) iops: Option<i64> = "Iops",
        pub(super) snapshot: Option<String> = "SnapshotId",
        pub(super) size: Option<i64> = "VolumeSize",
        pub(super) kind: Option<String> = "VolumeType",
        pub(super) key: Option<String> = "KmsKeyId",
        pub(super) throughput: Option<i64> = "Throughput",
        pub(super) encrypted: Option<bool> = "Encrypted",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        device: String = "DeviceName",
        ebs: EbsView = "Ebs",
    }

    #[derive(Debug)]
    struct EbsView {
        at: Timestamp = "AttachTime",
        delete: bool = "DeleteOnTermination",
        status: String = "Status",
        volume: String = "VolumeId",
        card: i64 = "EbsCardIndex",
    }
}

/// What a launch's volumes are authorized by: those of the request, and those that come with its image.
pub(crate) fn access<'a, 'c>(mut access: Access<'a, 'c>, request: &Struct) -> Access<'a, 'c> {
    let found = request.str("ImageId").map(|id| image::find(access.cx, id));
    let asked = request.get("BlockDeviceMappings").cloned().map(Vec::<Mapping>::from_value);
    // What is refused by the handler needs no permission.
    let asked = asked.and_then(Result::ok).unwrap_or_default();
    let all = match found {
        Some(Ok(found)) => with_image(&found, &asked),
        _ => asked.into_iter().map(|mapping| (mapping, None)).collect(),
    };
    for (mapping, granted) in all.into_iter().filter(|(mapping, _)| mapping.without.is_none()) {
        let Some(ebs) = mapping.ebs else { continue };
        access = access.new(&VOLUME);
        if let Some(size) = ebs.size {
            access = access.key("ec2:VolumeSize", size.to_string());
        }
        if let Some(kind) = &ebs.kind {
            access = access.key("ec2:VolumeType", kind);
        }
        access = access.key("ec2:Encrypted", ebs.encrypted.unwrap_or(false).to_string());
        let Some(snapshot) = ebs.snapshot else { continue };
        let owner = granted.unwrap_or(access.cx.account);
        let arn = register::arn(owner, access.cx.region, SNAPSHOT.noun, &snapshot);
        access = access.key("ec2:ParentSnapshot", arn);
        if granted.is_none() {
            access = access.id(&SNAPSHOT, &snapshot);
        }
    }
    access
}

fn wrong(what: String) -> Ec2Error {
    Plain::InvalidBlockDeviceMapping(what).into()
}

/// The volumes of an image's machines that a launch does not map otherwise, and with those that it maps what it does not
/// say; whose the snapshots are that are only used for the image's sake.
fn with_image(found: &Found, asked: &[Mapping]) -> Vec<(Mapping, Option<AccountId>)> {
    let owner = match found {
        Found::BuiltIn(_) => None,
        Found::Made(owner, _) => Some(*owner),
    };
    let mut out = Vec::new();
    let mut left: Vec<&Mapping> = asked.iter().collect();
    for there in found.mappings() {
        let at = left.iter().position(|mapping| mapping.device.as_ref() == Some(&there.device));
        let asked = at.map(|at| left.remove(at));
        let ebs = asked.and_then(|mapping| mapping.ebs.clone());
        // AWS: another snapshot takes the place of the image's.
        let named = ebs.as_ref().and_then(|ebs| ebs.snapshot.as_ref());
        let is_other = named.is_some() && named != there.snapshot.as_ref();
        let ebs = ebs.unwrap_or_default();
        // What another type does is not what the image's did.
        let is_same = ebs.kind.is_none() || ebs.kind == there.kind;
        // What the image has encrypted is encrypted, under whichever key.
        let encrypted = ebs.encrypted.or(there.encrypted.filter(|is| *is && !is_other));
        let whole = Ebs {
            encrypted,
            delete: ebs.delete.or(Some(there.delete)),
            iops: ebs.iops.or(there.iops.filter(|_| is_same)),
            size: ebs.size.or(if is_other { None } else { there.size }),
            kind: ebs.kind.or_else(|| there.kind.clone()),
            throughput: ebs.throughput.or(there.throughput.filter(|_| is_same)),
            snapshot: ebs.snapshot.or_else(|| there.snapshot.clone()),
            ..ebs
        };
        let mapping = Mapping {
            ebs: Some(whole),
            without: asked.and_then(|mapping| mapping.without.clone()),
            device: Some(there.device.clone()),
            ephemeral: asked.and_then(|mapping| mapping.ephemeral.clone()),
        };
        out.push((mapping, owner.filter(|_| !is_other)));
    }
    out.extend(left.into_iter().map(|mapping| (mapping.clone(), None)));
    out
}

fn is_of_root(mapping: &Mapping) -> bool {
    mapping.device.as_deref() == Some(ROOT)
}

/// Makes the volumes of an instance that is being launched.
pub(crate) fn make(
    cx: &mut Cx<'_>,
    instance: &Instance,
    found: &Found,
    mappings: &[Mapping],
    tags: &Tags,
) -> Result<(), Ec2Error> {
    let sized =
        mappings.iter().any(|one| is_of_root(one) && one.ebs.as_ref().is_some_and(|ebs| ebs.size.is_some()));
    let mappings = with_image(found, mappings);
    if mappings.iter().any(|(mapping, _)| mapping.without.is_some() && is_of_root(mapping)) {
        return Err(wrong(format!("An instance has a root: {ROOT} cannot be left out.")));
    }
    let own = found.mappings().into_iter().find(|mapping| mapping.device == ROOT);
    let own = own.and_then(|mapping| mapping.snapshot);
    let names = |mapping: &Mapping| mapping.ebs.as_ref().and_then(|ebs| ebs.snapshot.clone());
    if mappings.iter().any(|(mapping, _)| is_of_root(mapping) && names(mapping) != own) {
        return Err(wrong("snapshotId cannot be modified on root device".into()));
    }
    for (mapping, granted) in mappings.iter().filter(|(mapping, _)| mapping.without.is_none()) {
        let device = mapping.device.clone().ok_or_else(|| Plain::MissingParameter("DeviceName".into()))?;
        if mapping.ephemeral.is_some() {
            return Err(wrong(format!("{} has no instance store volumes ({device}).", instance.kind)));
        }
        let is_root = device == ROOT;
        if !is_root && disk::is_root(&device) {
            return Err(wrong(format!("The root of this image is {ROOT} ({device}).")));
        }
        let ebs = mapping.ebs.clone().ok_or_else(|| wrong(format!("{device} needs Ebs or NoDevice.")))?;
        let wanted = NewDisk {
            zone: instance.zone.clone(),
            instance: instance.id.clone(),
            device,
            size: ebs.size,
            kind: ebs.kind,
            iops: ebs.iops,
            throughput: ebs.throughput,
            granted: granted.filter(|_| ebs.snapshot.is_some()),
            snapshot: ebs.snapshot,
            encrypted: ebs.encrypted,
            key: ebs.key,
            // AWS: the default for what a launch makes.
            delete_on_termination: ebs.delete.unwrap_or(true),
            tags: tags.clone(),
            files: is_root && !found.is_disk(),
            sized: is_root && sized,
            packed: is_root && found.is_sealed(),
        };
        cx.memory::<Shop>().make(cx, &wanted)?;
    }
    Ok(())
}

/// The volumes of an instance as a launch would ask for others like them.
pub(super) fn like(cx: &mut Cx<'_>, instance: &str) -> Result<Vec<Mapping>, Ec2Error> {
    let all = disk::of_instance(cx.tx, cx.account, cx.region, instance)?;
    let mut out = Vec::new();
    for attached in &all {
        let found = call(cx, "DescribeVolumes", [("VolumeIds", texts([&attached.volume]))])?;
        let Some(volume) = list(&found, "Volumes").first() else { continue };
        let number = |name: &str| match volume.member(name) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        };
        let kind = some(volume, "VolumeType");
        // Of the others it follows from their size.
        let is_asked = matches!(kind.as_deref(), Some("gp3" | "io1" | "io2"));
        let ebs = Ebs {
            delete: Some(attached.delete_on_termination),
            iops: number("Iops").filter(|_| is_asked),
            snapshot: some(volume, "SnapshotId"),
            size: number("Size"),
            key: some(volume, "KmsKeyId"),
            throughput: number("Throughput"),
            encrypted: volume.member("Encrypted").and_then(Value::as_bool),
            kind,
        };
        out.push(Mapping { ebs: Some(ebs), device: Some(attached.device.clone()), ..Mapping::default() });
    }
    out.sort_by_key(|mapping| !is_of_root(mapping));
    Ok(out)
}

/// What is attached to the account's instances, by instance and device.
pub(crate) fn all(cx: &Cx<'_>) -> Result<BTreeMap<String, Vec<View>>, Ec2Error> {
    let mut out: BTreeMap<String, Vec<View>> = BTreeMap::new();
    for attached in describe::all(cx, &disk::DISK_ATTACHMENTS)? {
        let ebs = EbsView {
            at: attached.at.whole_seconds(),
            delete: attached.delete_on_termination,
            status: attached.state,
            volume: attached.volume,
            card: 0,
        };
        out.entry(attached.instance).or_default().push(View { device: attached.device, ebs });
    }
    for views in out.values_mut() {
        // The root first.
        views.sort_by_cached_key(|view| (!disk::is_root(&view.device), view.device.clone()));
    }
    Ok(out)
}

impl View {
    /// A value of each, for filters.
    pub(crate) fn each(views: &[View], read: fn(&View) -> String) -> Vec<String> {
        views.iter().map(read).collect()
    }

    pub(crate) fn device(&self) -> String {
        self.device.clone()
    }

    pub(crate) fn volume(&self) -> String {
        self.ebs.volume.clone()
    }

    pub(crate) fn status(&self) -> String {
        self.ebs.status.clone()
    }

    pub(crate) fn delete(&self) -> String {
        self.ebs.delete.to_string()
    }

    pub(crate) fn at(&self) -> String {
        self.ebs.at.iso8601_millis()
    }
}
