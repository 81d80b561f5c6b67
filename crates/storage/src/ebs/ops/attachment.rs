//! AttachVolume, DetachVolume, and the volumes of a launch.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-attaching-volume.html>. Names of devices:
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>

use super::volume;
use super::volumes::{AttachmentView, attachment_view};
use crate::ebs::blocks;
use crate::ebs::key;
use crate::ebs::model::{AVAILABLE, VOLUMES, Volume};
use crate::ebs::plug::Plugged;
use ec2::access::Access;
use ec2::describe;
use ec2::disk::{self, ATTACHING, DETACHING, DISK_ATTACHMENTS, DiskAttachment, NewDisk};
use ec2::errors::Limit;
use ec2::kind::{INSTANCE, VOLUME};
use ec2::{Ec2Error, Plain, register};
use kernel::{As, Cx};
use wire::Value;

kernel::ops! {
    /// Attachments.
    pub(crate) static OPS:
        AttachVolume: attach, "ec2:AttachVolume", |cx, r| Access::of(cx, r).one(&VOLUME, "VolumeId").one(&INSTANCE, "InstanceId").done();
        DetachVolume: detach, "ec2:DetachVolume", |cx, r| Access::of(cx, r).one(&VOLUME, "VolumeId").one(&INSTANCE, "InstanceId").done();
}

/// AWS: of most types, with interfaces. <https://docs.aws.amazon.com/ebs/latest/userguide/volume_limits.html>
const PER_INSTANCE_MAX: usize = 27;
const SELF: &str = "ec2.amazonaws.com";

wire::shape! {
    #[derive(Debug)]
    struct Attach {
        device: String = "Device",
        instance: String = "InstanceId",
        volume: String = "VolumeId",
    }

    #[derive(Debug)]
    struct Detach {
        device: Option<String> = "Device",
        force: Option<bool> = "Force",
        instance: Option<String> = "InstanceId",
        volume: String = "VolumeId",
    }
}

/// `/dev/sdf`, `/dev/sdf1`, `/dev/xvdf`, `/dev/xvdba`.
fn is_device(name: &str) -> bool {
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
    if let Some(rest) = name.strip_prefix("/dev/xvd") {
        return rest.len() <= 2 && letters(rest);
    }
    let Some(rest) = name.strip_prefix("/dev/sd") else { return false };
    let (letter, number) = rest.split_at_checked(1).unwrap_or(("", ""));
    let number_fits =
        number.is_empty() || matches!(number.parse::<u8>(), Ok(1..=15)) && !number.starts_with('0');
    letters(letter) && number_fits
}

fn check_device(name: &str) -> Result<(), Ec2Error> {
    if is_device(name) {
        return Ok(());
    }
    Err(Ec2Error::value(name, "device", &format!("{name} is not a valid EBS device name.")))
}

/// The same letter, whichever way it is written.
fn spot(device: &str) -> &str {
    device.strip_prefix("/dev/sd").or(device.strip_prefix("/dev/xvd")).unwrap_or(device)
}

/// An instance's state and zone, as its own room says.
fn instance(cx: &mut Cx<'_>, id: &str) -> Result<(String, String), Ec2Error> {
    let ids = Value::List(vec![Value::str(id)]);
    let asked = Value::Struct([("InstanceIds", ids)].into_iter().collect());
    let account = cx.account;
    let found = cx.call("ec2", "DescribeInstances", asked, As::Service { name: SELF, account })?;
    let first = |value: &Value, list: &str| value.member(list).and_then(Value::as_list)?.first().cloned();
    let found = first(&found, "Reservations").and_then(|reservation| first(&reservation, "Instances"));
    let found = found.ok_or_else(|| Ec2Error::not_found(&INSTANCE, id))?;
    let text = |outer: &str, inner: &str| {
        let value = found.member(outer).and_then(|value| value.member(inner));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    Ok((text("State", "Name"), text("Placement", "AvailabilityZone")))
}

/// Writes an attachment down, once the instance has a place for it and the caller the key.
fn plug(
    cx: &mut Cx<'_>,
    volume: &Volume,
    instance: &str,
    device: &str,
    delete: bool,
) -> Result<DiskAttachment, Ec2Error> {
    check_device(device)?;
    let others = disk::of_instance(cx.tx, cx.account, cx.region, instance)?;
    if others.iter().any(|other| spot(&other.device) == spot(device)) {
        let what =
            format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    if others.len() >= PER_INSTANCE_MAX {
        return Err(Limit::AttachedVolumes.into());
    }
    cx.memory::<Plugged>().possible()?;
    let seal = blocks::map(cx.tx, volume.map)?.seal;
    let attachment = DiskAttachment {
        volume: volume.id.clone(),
        instance: instance.to_owned(),
        device: device.to_owned(),
        at: cx.now,
        delete_on_termination: delete,
        state: ATTACHING.into(),
        key: key::keep(cx, seal.as_ref())?,
        ..DiskAttachment::default()
    };
    DISK_ATTACHMENTS.put(cx.tx, &register::key(cx.account, cx.region, &volume.id), &attachment);
    Ok(attachment)
}

fn attach(cx: &mut Cx<'_>, req: Attach) -> Result<AttachmentView, Ec2Error> {
    let volume = describe::get(cx, &VOLUMES, &VOLUME, &req.volume)?;
    describe::check_id(&INSTANCE, &req.instance)?;
    let (state, zone) = instance(cx, &req.instance)?;
    if !matches!(state.as_str(), "running" | "stopped") {
        return Err(Plain::IncorrectState(format!("Instance '{}' is not 'running'.", req.instance)).into());
    }
    if disk::of_volume(cx.tx, cx.account, cx.region, &volume.id)?.is_some() {
        let what = format!("{} is already attached to an instance", volume.id);
        return Err(Plain::VolumeInUse(what).into());
    }
    if volume.state != AVAILABLE {
        let what = format!("{} is not 'available'.", volume.id);
        return Err(Plain::IncorrectState(what).into());
    }
    if zone != volume.zone {
        let (volume, instance) = (&volume.id, &req.instance);
        let what =
            format!("The volume '{volume}' is not in the same availability zone as instance '{instance}'");
        return Err(Plain::InvalidVolumeZone(what).into());
    }
    let made = plug(cx, &volume, &req.instance, &req.device, false)?;
    Ok(attachment_view(&made))
}

fn detach(cx: &mut Cx<'_>, req: Detach) -> Result<AttachmentView, Ec2Error> {
    let volume = describe::get(cx, &VOLUMES, &VOLUME, &req.volume)?;
    let id = &volume.id;
    let Some(mut attachment) = disk::of_volume(cx.tx, cx.account, cx.region, id)? else {
        return Err(Plain::IncorrectState(format!("Volume '{id}' is in the 'available' state.")).into());
    };
    let wrong = |given: &Option<String>, is: &str| given.as_ref().is_some_and(|given| given != is);
    if wrong(&req.instance, &attachment.instance) || wrong(&req.device, &attachment.device) {
        let to = req.instance.or(req.device).unwrap_or_default();
        let what = format!("Volume '{id}' is not attached to '{to}'.");
        return Err(Plain::InvalidAttachmentNotFound(what).into());
    }
    attachment.state = DETACHING.into();
    attachment.forced |= req.force == Some(true);
    DISK_ATTACHMENTS.put(cx.tx, &register::key(cx.account, cx.region, id), &attachment);
    Ok(attachment_view(&attachment))
}

/// A volume for a launch: see [`ec2::disk::Make`].
///
/// # Errors
/// Those of `CreateVolume` and `AttachVolume`.
pub fn for_launch(cx: &mut Cx<'_>, wanted: &NewDisk) -> Result<(), Ec2Error> {
    check_device(&wanted.device)?;
    let volume = volume::for_launch(cx, wanted)?;
    plug(cx, &volume, &wanted.instance, &wanted.device, wanted.delete_on_termination)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_device;

    #[test]
    fn names_of_devices() {
        for good in ["/dev/sdf", "/dev/sda1", "/dev/sdz15", "/dev/xvdf", "/dev/xvdba"] {
            assert!(is_device(good), "{good}");
        }
        for bad in [
            "sdf",
            "/dev/sd",
            "/dev/sdf0",
            "/dev/sdf16",
            "/dev/sdf01",
            "/dev/xvd",
            "/dev/xvdabc",
            "/dev/../x",
            "/dev/nvme1n1",
        ] {
            assert!(!is_device(bad), "{bad}");
        }
    }
}
