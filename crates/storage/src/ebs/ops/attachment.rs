//! AttachVolume, DetachVolume, and the volumes of a launch.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-attaching-volume.html>. Names of devices:
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>

use super::volume;
use super::volumes::{AttachmentView, attachment_view};
use crate::ebs::backing;
use crate::ebs::blocks;
use crate::ebs::key;
use crate::ebs::model::{AVAILABLE, VOLUMES, Volume};
use crate::ebs::plug::Plugged;
use crate::ebs::shape;
use ec2::access::Access;
use ec2::describe;
use ec2::disk::{
    self, ATTACHED, ATTACHING, DETACHING, DISK_ATTACHMENTS, DiskAttachment, Held, Made, NewDisk, NewRoot,
};
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

/// What an instance's own room says of it.
struct Machine {
    state: String,
    zone: String,
    /// It boots from a volume, if there is one.
    rooted: bool,
}

fn instance(cx: &mut Cx<'_>, id: &str) -> Result<Machine, Ec2Error> {
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
    Ok(Machine {
        state: text("State", "Name"),
        zone: text("Placement", "AvailabilityZone"),
        rooted: found.member("RootDeviceName").is_some(),
    })
}

/// An attachment that is asked for.
struct Wanted<'a> {
    instance: &'a str,
    device: &'a str,
    delete: bool,
    files: bool,
    sized: bool,
    state: &'static str,
    /// See [`DiskAttachment::key`], where that is known already.
    key: Option<&'a [u8]>,
}

/// Writes an attachment down.
fn plug(cx: &mut Cx<'_>, volume: &Volume, wanted: &Wanted<'_>) -> Result<DiskAttachment, Ec2Error> {
    let Wanted { instance, device, .. } = *wanted;
    check_device(device)?;
    let others = disk::of_instance(cx.tx, cx.account, cx.region, instance)?;
    let at = |other: &DiskAttachment| {
        spot(&other.device) == spot(device) || disk::is_root(&other.device) && disk::is_root(device)
    };
    if others.iter().any(at) {
        return Err(in_use(device));
    }
    if others.len() >= PER_INSTANCE_MAX {
        return Err(Limit::AttachedVolumes.into());
    }
    match wanted.files {
        true if volume.key.is_some() => cx.memory::<Plugged>().seals_roots()?,
        true if wanted.sized => cx.memory::<Plugged>().holds_roots()?,
        true => {}
        false => cx.memory::<Plugged>().possible()?,
    }
    let key = match wanted.key {
        Some(key) => key.to_vec(),
        None => {
            let seal = blocks::map(cx.tx, volume.map)?.seal;
            key::keep(cx, seal.as_ref())?
        }
    };
    let attachment = DiskAttachment {
        volume: volume.id.clone(),
        instance: instance.to_owned(),
        device: device.to_owned(),
        at: cx.now,
        delete_on_termination: wanted.delete,
        state: wanted.state.into(),
        key,
        files: wanted.files,
        size: wanted.files.then_some(volume.size),
        held: wanted.files.then(|| Held::to(&shape::rate(&volume.shape()))),
        ..DiskAttachment::default()
    };
    DISK_ATTACHMENTS.put(cx.tx, &register::key(cx.account, cx.region, &volume.id), &attachment);
    Ok(attachment)
}

fn in_use(device: &str) -> Ec2Error {
    let what =
        format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
    Plain::InvalidParameterValue(what).into()
}

fn attach(cx: &mut Cx<'_>, req: Attach) -> Result<AttachmentView, Ec2Error> {
    let volume = describe::get(cx, &VOLUMES, &VOLUME, &req.volume)?;
    describe::check_id(&INSTANCE, &req.instance)?;
    let machine = instance(cx, &req.instance)?;
    let (state, zone) = (machine.state.as_str(), machine.zone);
    if !matches!(state, "running" | "stopped") {
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
    let is_root = disk::is_root(&req.device);
    if is_root && (!machine.rooted || state != "stopped") {
        return Err(in_use(&req.device));
    }
    // No disk that boots by itself.
    let files = is_root && !disk::boots(&backing::beginning(cx, volume.map)?);
    let wanted = Wanted {
        instance: &req.instance,
        // A machine has one name for it.
        device: if is_root { disk::ROOT } else { &req.device },
        delete: false,
        files,
        sized: false,
        state: ATTACHING,
        key: None,
    };
    let made = plug(cx, &volume, &wanted)?;
    Ok(attachment_view(&made))
}

/// AWS: a root is detached of a machine that is off only.
fn may_lose_root(cx: &mut Cx<'_>, attachment: &DiskAttachment) -> Result<(), Ec2Error> {
    let (volume, from) = (&attachment.volume, &attachment.instance);
    if attachment.state == ATTACHING {
        return Err(Plain::IncorrectState(format!("Volume '{volume}' is in the 'attaching' state.")).into());
    }
    if instance(cx, from)?.state != "stopped" {
        let what = format!("Unable to detach root volume '{volume}' from instance '{from}'");
        return Err(Plain::OperationNotPermitted(what).into());
    }
    Ok(())
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
    if disk::is_root(&attachment.device) {
        may_lose_root(cx, &attachment)?;
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
    let attachment = Wanted {
        instance: &wanted.instance,
        device: &wanted.device,
        delete: wanted.delete_on_termination,
        files: wanted.files,
        sized: wanted.sized,
        // Where its files are the image's there is nothing to be made ready.
        state: if wanted.files && !wanted.packed { ATTACHED } else { ATTACHING },
        key: None,
    };
    plug(cx, &volume, &attachment)?;
    Ok(())
}

/// A volume for a root that is to be replaced: see [`ec2::disk::Spare`].
///
/// # Errors
/// Those of `CreateVolume`.
pub fn spare(cx: &mut Cx<'_>, wanted: &NewDisk) -> Result<Made, Ec2Error> {
    let volume = volume::for_launch(cx, wanted)?;
    if wanted.files && volume.key.is_some() {
        cx.memory::<Plugged>().seals_roots()?;
    }
    let seal = blocks::map(cx.tx, volume.map)?.seal;
    Ok(Made { key: key::keep(cx, seal.as_ref())?, id: volume.id })
}

/// A volume becomes the root of a machine that is off and has none: see [`ec2::disk::Root`].
///
/// # Errors
/// Those of `AttachVolume`.
pub fn as_root(cx: &mut Cx<'_>, root: &NewRoot<'_>) -> Result<(), Ec2Error> {
    let volume = describe::get(cx, &VOLUMES, &VOLUME, root.volume)?;
    let files = !disk::boots(&backing::kept_beginning(cx, volume.map, root.key)?);
    let NewRoot { instance, delete, state, key, .. } = *root;
    let key = Some(key);
    plug(cx, &volume, &Wanted { instance, device: disk::ROOT, delete, files, sized: false, state, key })?;
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
