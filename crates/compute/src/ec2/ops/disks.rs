//! Volumes of instances: those that a launch asks for, and what is shown of them.
//!
//! Not here: volumes that machines boot from; what a machine boots is its image, and what it writes is kept beside it.

use crate::ec2::model::Instance;
use base::Timestamp;
use base::tag::Tags;
use ec2::access::Access;
use ec2::disk::{self, NewDisk, Shop};
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::{Ec2Error, Plain};
use kernel::Cx;
use wire::{Struct, Value};

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Mapping {
        ebs: Option<Ebs> = "Ebs",
        without: Option<String> = "NoDevice",
        device: Option<String> = "DeviceName",
        ephemeral: Option<String> = "VirtualName",
    }

    #[derive(Clone, Debug)]
    struct Ebs {
        delete: Option<bool> = "DeleteOnTermination",
        iops: Option<i64> = "Iops",
        snapshot: Option<String> = "SnapshotId",
        size: Option<i64> = "VolumeSize",
        kind: Option<String> = "VolumeType",
        key: Option<String> = "KmsKeyId",
        throughput: Option<i64> = "Throughput",
        encrypted: Option<bool> = "Encrypted",
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

/// What a launch's volumes are authorized by.
pub(crate) fn access<'a, 'c>(mut access: Access<'a, 'c>, request: &Struct) -> Access<'a, 'c> {
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

/// Makes the volumes of an instance that is being launched.
pub(crate) fn make(
    cx: &mut Cx<'_>,
    instance: &Instance,
    mappings: &[Mapping],
    tags: &Tags,
) -> Result<(), Ec2Error> {
    for mapping in mappings.iter().filter(|mapping| mapping.without.is_none()) {
        let device = mapping.device.clone().ok_or_else(|| Plain::MissingParameter("DeviceName".into()))?;
        if mapping.ephemeral.is_some() {
            return Err(wrong(format!("{} has no instance store volumes ({device}).", instance.kind)));
        }
        if matches!(device.as_str(), "/dev/sda" | "/dev/sda1" | "/dev/xvda") {
            let what = "The image has no root volume in this version of Virga, so that none can be mapped";
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
