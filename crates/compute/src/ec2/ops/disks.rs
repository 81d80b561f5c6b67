//! Volumes of instances: those that a launch asks for, and what is shown of them.
//!
//! Not here: volumes that machines boot from; what a machine boots is its image, and what it writes is kept beside it.

use crate::ec2::image::{self, Found, ROOT};
use crate::ec2::model::Instance;
use base::tag::Tags;
use base::{AccountId, Timestamp};
use ec2::access::Access;
use ec2::disk::{self, NewDisk, Shop};
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::{Ec2Error, Plain};
use kernel::Cx;
use wire::{Struct, Value};

wire::shape! {
    #[derive(Clone, Debug)]
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
    }
}

/// What a launch's volumes are authorized by: those of the request, and those that come with its image.
pub(crate) fn access<'a, 'c>(mut access: Access<'a, 'c>, request: &Struct) -> Access<'a, 'c> {
    if let Some(Ok(Found::Made(_, image))) = request.str("ImageId").map(|id| image::find(access.cx, id)) {
        for there in image.mappings.iter().filter(|mapping| mapping.device != ROOT) {
            access = access.new(&VOLUME);
            if let Some(size) = there.size {
                access = access.key("ec2:VolumeSize", size.to_string());
            }
            if let Some(kind) = &there.kind {
                access = access.key("ec2:VolumeType", kind);
            }
            access = access.key("ec2:Encrypted", there.encrypted.unwrap_or(false).to_string());
        }
    }
    let mappings = request.get("BlockDeviceMappings").and_then(Value::as_list).unwrap_or_default();
    for ebs in mappings.iter().filter_map(|mapping| mapping.member("Ebs")) {
        access = access.new(&VOLUME);
        if let Some(Value::Int(size)) = ebs.member("VolumeSize") {
            access = access.key("ec2:VolumeSize", size.to_string());
        }
        if let Some(kind) = ebs.member("VolumeType").and_then(Value::as_str) {
            access = access.key("ec2:VolumeType", kind);
        }
        let encrypted = ebs.member("Encrypted").and_then(Value::as_bool).unwrap_or(false);
        access = access.key("ec2:Encrypted", encrypted.to_string());
        if let Some(snapshot) = ebs.member("SnapshotId").and_then(Value::as_str).map(str::to_owned) {
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
    let Found::Made(owner, image) = found else {
        return asked.iter().map(|mapping| (mapping.clone(), None)).collect();
    };
    let mut out = Vec::new();
    let mut left: Vec<&Mapping> = asked.iter().collect();
    for there in image.mappings.iter().filter(|mapping| mapping.device != ROOT) {
        let at = left.iter().position(|mapping| mapping.device.as_ref() == Some(&there.device));
        let asked = at.map(|at| left.remove(at));
        let ebs = asked.and_then(|mapping| mapping.ebs.clone());
        // AWS: another snapshot takes the place of the image's.
        let is_other = ebs.as_ref().is_some_and(|ebs| ebs.snapshot.is_some());
        let ebs = ebs.unwrap_or_default();
        // What another type does is not what the image's did.
        let is_same = ebs.kind.is_none() || ebs.kind == there.kind;
        let whole = Ebs {
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
        out.push((mapping, Some(*owner).filter(|_| !is_other)));
    }
    out.extend(left.into_iter().map(|mapping| (mapping.clone(), None)));
    out
}

/// Makes the volumes of an instance that is being launched.
pub(crate) fn make(
    cx: &mut Cx<'_>,
    instance: &Instance,
    found: &Found,
    mappings: &[Mapping],
    tags: &Tags,
) -> Result<(), Ec2Error> {
    let mappings = with_image(found, mappings);
    for (mapping, granted) in mappings.iter().filter(|(mapping, _)| mapping.without.is_none()) {
        let device = mapping.device.clone().ok_or_else(|| Plain::MissingParameter("DeviceName".into()))?;
        if mapping.ephemeral.is_some() {
            return Err(wrong(format!("{} has no instance store volumes ({device}).", instance.kind)));
        }
        if matches!(device.as_str(), "/dev/sda" | "/dev/sda1" | "/dev/xvda") {
            let what = "Machines have no root volume in this version of Virga, so that none can be mapped";
            return Err(wrong(format!("{what} ({device}).")));
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
        };
        cx.memory::<Shop>().make(cx, &wanted)?;
    }
    Ok(())
}

/// What is attached to an instance.
pub(crate) fn of(cx: &Cx<'_>, instance: &str) -> Result<Vec<View>, Ec2Error> {
    let all = disk::of_instance(cx.tx, cx.account, cx.region, instance)?;
    let view = |disk: disk::DiskAttachment| View {
        device: disk.device,
        ebs: EbsView {
            at: disk.at,
            delete: disk.delete_on_termination,
            status: disk.state,
            volume: disk.volume,
        },
    };
    Ok(all.into_iter().map(view).collect())
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
