//! Attributes of one instance, and what it says on its console.

use super::run::checked_data;
use super::{call, describe::groups, disks, list, texts};
use crate::ec2::kinds;
use crate::ec2::machinery::Machinery;
use crate::ec2::model::{INSTANCES, Instance, state};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ec2::access::Access;
use ec2::describe;
use ec2::disk::{self, DiskAttachment, ROOT};
use ec2::kind::INSTANCE;
use ec2::shapes::{Flag, GroupView, Text};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};

kernel::ops! {
    /// Attributes and console.
    pub static OPS:
        DescribeInstanceAttribute: describe_attribute, "ec2:DescribeInstanceAttribute", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").done();
        ModifyInstanceAttribute: modify, "ec2:ModifyInstanceAttribute", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").attributes(&["DisableApiTermination", "DisableApiStop", "InstanceInitiatedShutdownBehavior", "InstanceType", "UserData"]).done();
        GetConsoleOutput: console, "ec2:GetConsoleOutput", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Ask {
        id: String = "InstanceId",
        attribute: String = "Attribute",
    }

    #[derive(Debug)]
    struct Attributes {
        id: String = "InstanceId",
        termination: Option<Flag> = "DisableApiTermination",
        stop: Option<Flag> = "DisableApiStop",
        behaviour: Option<Text> = "InstanceInitiatedShutdownBehavior",
        kind: Option<Text> = "InstanceType",
        user_data: Option<Text> = "UserData",
        groups: Option<Vec<GroupView>> = "Groups",
        root: Option<Text> = "RootDeviceName",
        disks: Option<Vec<disks::View>> = "BlockDeviceMappings",
    }

    #[derive(Debug)]
    pub(crate) struct Modify {
        id: String = "InstanceId",
        pub(crate) termination: Option<Flag> = "DisableApiTermination",
        pub(crate) stop: Option<Flag> = "DisableApiStop",
        pub(crate) behaviour: Option<Text> = "InstanceInitiatedShutdownBehavior",
        pub(crate) kind: Option<Text> = "InstanceType",
        user_data: Option<Data> = "UserData",
        disks: Vec<Mapping> = "BlockDeviceMappings",
    }

    #[derive(Debug)]
    struct Data { value: Option<Bytes> = "Value" }

    #[derive(Debug)]
    struct Mapping {
        device: Option<String> = "DeviceName",
        ebs: Option<Ebs> = "Ebs",
    }

    #[derive(Debug)]
    struct Ebs {
        delete: Option<bool> = "DeleteOnTermination",
        volume: Option<String> = "VolumeId",
    }

    #[derive(Debug)]
    struct Named { id: String = "InstanceId" }

    #[derive(Debug)]
    struct Console {
        id: String = "InstanceId",
        at: Timestamp = "Timestamp",
        output: Option<String> = "Output",
    }
}

fn find(cx: &Cx<'_>, id: &str) -> Result<Instance, Ec2Error> {
    describe::get(cx, &INSTANCES, &INSTANCE, id)
}

fn behaviour(instance: &Instance) -> &'static str {
    if instance.terminates_on_shutdown { "terminate" } else { "stop" }
}

fn describe_attribute(cx: &mut Cx<'_>, req: Ask) -> Result<Attributes, Ec2Error> {
    let instance = find(cx, &req.id)?;
    let mut out = Attributes {
        id: req.id,
        termination: None,
        stop: None,
        behaviour: None,
        kind: None,
        user_data: None,
        groups: None,
        root: None,
        disks: None,
    };
    match req.attribute.as_str() {
        "disableApiTermination" => out.termination = Flag::of(instance.termination_protected),
        "disableApiStop" => out.stop = Flag::of(instance.stop_protected),
        "instanceInitiatedShutdownBehavior" => out.behaviour = Text::of(behaviour(&instance)),
        "instanceType" => out.kind = Text::of(&instance.kind),
        "userData" => {
            let text = STANDARD.encode(&instance.user_data);
            out.user_data = Some(Text { value: (!text.is_empty()).then_some(text) });
        }
        "groupSet" => {
            let first = texts(instance.interfaces.first());
            let found = call(cx, "DescribeNetworkInterfaces", [("NetworkInterfaceIds", first)])?;
            out.groups = list(&found, "NetworkInterfaces").first().map(groups);
        }
        "rootDeviceName" => out.root = Text::of(if instance.rooted { ROOT } else { "" }),
        "blockDeviceMapping" => {
            out.disks = Some(disks::all(cx)?.remove(&instance.id).unwrap_or_default());
        }
        other => {
            let why = "This attribute is not built in this version of Virga.";
            return Err(Ec2Error::value(other, "attribute", why));
        }
    }
    Ok(out)
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Empty, Ec2Error> {
    let mut instance = find(cx, &req.id)?;
    let given = [
        req.termination.is_some(),
        req.stop.is_some(),
        req.behaviour.is_some(),
        req.kind.is_some(),
        req.user_data.is_some(),
        !req.disks.is_empty(),
    ];
    match given.iter().filter(|given| **given).count() {
        0 => return Err(Plain::InvalidParameterCombination("No attributes specified.".into()).into()),
        1 => {}
        _ => {
            let what = "Fields for multiple attribute types specified";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
    }
    if instance.is_over() {
        let what = format!("The instance '{}' is not in a valid state for this operation.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    super::spot_rules::may_change(&instance, &req)?;
    if !req.disks.is_empty() {
        return keep_or_not(cx, &instance, &req.disks);
    }
    if let Some(value) = req.termination.and_then(|flag| flag.value) {
        instance.termination_protected = value;
    }
    if let Some(value) = req.stop.and_then(|flag| flag.value) {
        instance.stop_protected = value;
    }
    match req.behaviour.and_then(|text| text.value).as_deref() {
        None => {}
        Some("stop") => instance.terminates_on_shutdown = false,
        Some("terminate") => instance.terminates_on_shutdown = true,
        Some(other) => {
            let name = "instanceInitiatedShutdownBehavior";
            return Err(Ec2Error::value(other, name, "Valid values: stop, terminate."));
        }
    }
    // AWS: while it runs it has these.
    if (req.kind.is_some() || req.user_data.is_some()) && instance.state != state::STOPPED {
        let what = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    if let Some(data) = req.user_data {
        instance.user_data = checked_data(data.value.unwrap_or_default().to_vec())?;
    }
    if let Some(kind) = req.kind.and_then(|text| text.value) {
        if kinds::find(&kind).is_none() {
            return Err(Ec2Error::value(kind, "instanceType", "There is no such type."));
        }
        instance.kind = kind;
    }
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Empty)
}

/// Which volumes go with an instance.
fn keep_or_not(cx: &mut Cx<'_>, instance: &Instance, mappings: &[Mapping]) -> Result<Empty, Ec2Error> {
    let all = disk::of_instance(cx.tx, cx.account, cx.region, &instance.id)?;
    for mapping in mappings {
        let device = mapping.device.clone().ok_or_else(|| Plain::MissingParameter("DeviceName".into()))?;
        let ebs = mapping.ebs.as_ref();
        let is_meant = |one: &&DiskAttachment| {
            one.device == device && ebs.and_then(|ebs| ebs.volume.as_ref()).is_none_or(|id| *id == one.volume)
        };
        let Some(mut found) = all.iter().find(is_meant).cloned() else {
            let what = format!("No device is currently mapped at {device}");
            return Err(Plain::InvalidInstanceAttributeValue(what).into());
        };
        let delete = ebs.and_then(|ebs| ebs.delete);
        found.delete_on_termination = delete.unwrap_or(found.delete_on_termination);
        let key = register::key(cx.account, cx.region, &found.volume);
        disk::DISK_ATTACHMENTS.put(cx.tx, &key, &found);
    }
    Ok(Empty)
}

fn console(cx: &mut Cx<'_>, req: Named) -> Result<Console, Ec2Error> {
    let instance = find(cx, &req.id)?;
    let said = cx.memory::<Machinery>().console(&instance.id);
    let output = said.filter(|said| !said.is_empty()).map(|said| STANDARD.encode(said));
    Ok(Console { id: instance.id, at: cx.now, output })
}
