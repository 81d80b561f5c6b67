//! Plugging interfaces into instances and pulling them out again, also while they run: the data plane follows.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network-interface-attachments.html>
//! Not here: other network cards than the first, ENA Express.

use super::{call, list, text, texts};
use crate::ec2::kinds;
use crate::ec2::model::{INSTANCES, Instance, state};
use ec2::access::Access;
use ec2::attachment::{ATTACHMENTS, Attachment, CLOUD};
use ec2::errors::Limit;
use ec2::kind::{INSTANCE, NETWORK_INTERFACE};
use ec2::{Ec2Error, Plain, describe, register};
use kernel::{Cx, Empty, Target};
use store::{Direction, Key, StoreError};
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Attachments of interfaces.
    pub static OPS:
        AttachNetworkInterface: attach, "ec2:AttachNetworkInterface", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").one(&NETWORK_INTERFACE, "NetworkInterfaceId").done();
        DetachNetworkInterface: detach, "ec2:DetachNetworkInterface", ends;
}

wire::shape! {
    #[derive(Debug)]
    struct Attach {
        card: Option<i64> = "NetworkCardIndex",
        interface: String = "NetworkInterfaceId",
        instance: String = "InstanceId",
        device: i64 = "DeviceIndex",
    }

    #[derive(Debug)]
    struct Attached {
        id: String = "AttachmentId",
        card: i64 = "NetworkCardIndex",
    }

    #[derive(Debug)]
    struct Detach {
        id: String = "AttachmentId",
        // An interface goes at once, whatever its instance does.
        _force: Option<bool> = "Force",
    }
}

/// An attachment, and the interface that it is of.
fn find(cx: &Cx<'_>, id: &str) -> Result<Option<(String, Attachment)>, StoreError> {
    let regional = Key::regional(cx.account, cx.region);
    for pair in ATTACHMENTS.scan(cx.tx, &regional, Direction::Forward) {
        let (key, attachment) = pair?;
        if attachment.id == id {
            let mut reader = key.reader();
            let interface = reader.regional().and_then(|_| reader.str());
            return Ok(interface.map(|interface| (interface, attachment)));
        }
    }
    Ok(None)
}

/// The ends of an attachment.
fn ends(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let id = request.str("AttachmentId").unwrap_or_default();
    let found = find(cx, id).map_err(|error| Fault::from(kernel::Failure::from(error)))?;
    let any = || "*".to_owned();
    let (interface, instance) = match found {
        Some((interface, attachment)) => (interface, attachment.instance.unwrap_or_else(any)),
        None => (any(), any()),
    };
    Access::of(cx, request).id(&INSTANCE, &instance).id(&NETWORK_INTERFACE, &interface).done()
}

fn of_service() -> Ec2Error {
    Plain::AuthFailure("You do not have permission to access the specified resource.".into()).into()
}

/// The devices at which an instance has interfaces.
fn devices(cx: &Cx<'_>, instance: &Instance) -> Result<Vec<(i64, String)>, Ec2Error> {
    let mut devices = Vec::new();
    for id in &instance.interfaces {
        let found = ATTACHMENTS.get(cx.tx, &register::key(cx.account, cx.region, id))?;
        devices.push((found.map_or(0, |attachment| attachment.device_index), id.clone()));
    }
    Ok(devices)
}

/// Refuses what the instance has no place for.
fn check(cx: &Cx<'_>, instance: &Instance, req: &Attach, zone: &str) -> Result<(), Ec2Error> {
    let id = &instance.id;
    if !matches!(instance.state, state::RUNNING | state::STOPPED) {
        let what = format!("Instance '{id}' is not 'running' or 'stopped'.");
        return Err(Plain::IncorrectState(what).into());
    }
    if zone != instance.zone {
        let what = "You may not attach a network interface to an instance if they are not in the same availability zone";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let device = req.device;
    if devices(cx, instance)?.iter().any(|(other, _)| *other == device) {
        let what = format!("Instance '{id}' already has an interface attached at device index '{device}'.");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let most = kinds::find(&instance.kind).map_or(i64::MAX, |kind| kind.interfaces);
    let count = i64::try_from(instance.interfaces.len()).unwrap_or(i64::MAX) + 1;
    if count > most {
        return Err(Limit::Interfaces(count, instance.kind.clone()).into());
    }
    if !(0..i64::from(u16::MAX)).contains(&device) {
        return Err(Ec2Error::value(device, "deviceIndex", "There is no such device."));
    }
    if let Some(card) = req.card.filter(|card| *card != 0) {
        let what = format!("Instance type {} has no network card {card}.", instance.kind);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    Ok(())
}

/// An interface that an instance may be launched with.
pub(super) fn free(cx: &mut Cx<'_>, id: &String) -> Result<Value, Ec2Error> {
    let shown = owned(cx, id)?;
    if ATTACHMENTS.contains(cx.tx, &register::key(cx.account, cx.region, id))? {
        return Err(Plain::InterfaceInUse(format!("Interface: {id} in use.")).into());
    }
    Ok(shown)
}

/// An interface that is none of a service's.
fn owned(cx: &mut Cx<'_>, id: &String) -> Result<Value, Ec2Error> {
    let shown = call(cx, "DescribeNetworkInterfaces", [("NetworkInterfaceIds", texts([id]))])?;
    let shown = list(&shown, "NetworkInterfaces").first().cloned().ok_or(Plain::InternalError)?;
    if shown.member("RequesterManaged").and_then(Value::as_bool) == Some(true) {
        return Err(of_service());
    }
    Ok(shown)
}

/// An attachment as it begins.
pub(super) fn attachment(cx: &mut Cx<'_>, instance: &Instance, device: i64) -> Attachment {
    Attachment {
        id: base::id::ec2_resource_id(cx.rng(), "eni-attach"),
        instance: Some(instance.id.clone()),
        owner: cx.account.to_string(),
        device_index: device,
        at: cx.now,
        status: "attached".into(),
        named: device == 0 && instance.names.ipv4,
        named_v6: device == 0 && instance.names.ipv6,
        rests: instance.state == state::STOPPED,
        nitro: kinds::find(&instance.kind).is_some_and(kinds::InstanceType::is_nitro),
        ..Attachment::default()
    }
}

fn attach(cx: &mut Cx<'_>, req: Attach) -> Result<Attached, Ec2Error> {
    let mut instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.instance)?;
    let shown = owned(cx, &req.interface)?;
    if ATTACHMENTS.contains(cx.tx, &register::key(cx.account, cx.region, &req.interface))? {
        let what = format!("Network interface '{}' is currently in use.", req.interface);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    check(cx, &instance, &req, &text(&shown, "AvailabilityZone"))?;
    let attachment = attachment(cx, &instance, req.device);
    let mut places = devices(cx, &instance)?;
    ATTACHMENTS.put(cx.tx, &register::key(cx.account, cx.region, &req.interface), &attachment);
    places.push((req.device, req.interface));
    places.sort();
    instance.interfaces = places.into_iter().map(|(_, id)| id).collect();
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Attached { id: attachment.id, card: 0 })
}

fn detach(cx: &mut Cx<'_>, req: Detach) -> Result<Empty, Ec2Error> {
    let found = find(cx, &req.id)?;
    let (interface, attachment) = found.ok_or_else(|| Plain::InvalidAttachment(req.id.clone()))?;
    if attachment.owner == CLOUD {
        return Err(of_service());
    }
    if attachment.device_index == 0 {
        let what = "The network interface at device index 0 and networkCard index 0 cannot be detached.";
        return Err(Plain::OperationNotPermitted(what.into()).into());
    }
    if let Some(id) = &attachment.instance {
        let key = register::key(cx.account, cx.region, id);
        if let Some(mut instance) = INSTANCES.get(cx.tx, &key)? {
            instance.interfaces.retain(|other| *other != interface);
            INSTANCES.put(cx.tx, &key, &instance);
        }
    }
    ATTACHMENTS.delete(cx.tx, &register::key(cx.account, cx.region, &interface));
    Ok(Empty)
}
