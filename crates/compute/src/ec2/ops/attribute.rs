//! Attributes of one instance, and what it says on its console.

use super::run::{check_kind, checked_data};
use super::{call, describe::groups, disks, list, texts};
use crate::ec2::kinds;
use crate::ec2::machinery::Machinery;
use crate::ec2::model::{Cpus, INSTANCES, Instance, state};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ec2::access::Access;
use ec2::describe;
use ec2::disk::{self, DiskAttachment, ROOT};
use ec2::kind::{INSTANCE, SECURITY_GROUP};
use ec2::shapes::{Flag, GroupView, Text};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! {
    /// Attributes and console.
    pub static OPS:
        DescribeInstanceAttribute: describe_attribute, "ec2:DescribeInstanceAttribute", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").done();
        ModifyInstanceAttribute: modify, "ec2:ModifyInstanceAttribute", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").attributes(&["DisableApiTermination", "DisableApiStop", "EbsOptimized", "Groups", "InstanceInitiatedShutdownBehavior", "InstanceType", "SourceDestCheck", "UserData"]).many(&SECURITY_GROUP, "Groups").done();
        ResetInstanceAttribute: reset, "ec2:ResetInstanceAttribute", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").key("ec2:Attribute", r.str("Attribute").unwrap_or_default()).done();
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
        check: Option<Flag> = "SourceDestCheck",
        optimized: Option<Flag> = "EbsOptimized",
        ena: Option<Flag> = "EnaSupport",
        enclave: Option<Enclave> = "EnclaveOptions",
        kernel: Option<Text> = "KernelId",
        ramdisk: Option<Text> = "RamdiskId",
        sriov: Option<Text> = "SriovNetSupport",
        codes: Option<Vec<Code>> = "ProductCodes",
    }

    #[derive(Debug)]
    struct Enclave { enabled: bool = "Enabled" }

    #[derive(Debug)]
    struct Code { id: String = "ProductCodeId" }

    #[derive(Debug)]
    struct Reset {
        id: String = "InstanceId",
        attribute: String = "Attribute",
    }

    #[derive(Debug)]
    pub(crate) struct Modify {
        id: String = "InstanceId",
        pub(crate) termination: Option<Flag> = "DisableApiTermination",
        pub(crate) stop: Option<Flag> = "DisableApiStop",
        pub(crate) behaviour: Option<Text> = "InstanceInitiatedShutdownBehavior",
        pub(crate) kind: Option<Text> = "InstanceType",
        user_data: Option<Data> = "UserData",
        pub(crate) check: Option<Flag> = "SourceDestCheck",
        groups: Vec<String> = "Groups",
        optimized: Option<Flag> = "EbsOptimized",
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

/// The interface that an instance has first, as networks describe it; a terminated one has none.
fn first(cx: &mut Cx<'_>, instance: &Instance) -> Result<Option<Value>, Ec2Error> {
    let Some(id) = instance.interfaces.first() else { return Ok(None) };
    let found = call(cx, "DescribeNetworkInterfaces", [("NetworkInterfaceIds", texts([id]))])?;
    Ok(list(&found, "NetworkInterfaces").first().cloned())
}

/// Changes the one interface of an instance. AWS: with several, one says which.
fn change_interface(
    cx: &mut Cx<'_>,
    instance: &Instance,
    name: &'static str,
    value: Value,
) -> Result<Empty, Ec2Error> {
    let [id] = &instance.interfaces[..] else {
        let what = format!(
            "There are multiple interfaces attached to instance '{}'. Please specify an interface ID for the operation instead.",
            instance.id
        );
        return Err(Plain::InvalidInstanceId(what).into());
    };
    call(cx, "ModifyNetworkInterfaceAttribute", [("NetworkInterfaceId", Value::str(id)), (name, value)])?;
    Ok(Empty)
}

fn flag(value: bool) -> Value {
    Value::Struct([("Value", Value::Bool(value))].into_iter().collect())
}

/// AWS: kernels and RAM disks could be reset where instances had some.
fn reset(cx: &mut Cx<'_>, req: Reset) -> Result<Empty, Ec2Error> {
    let instance = find(cx, &req.id)?;
    match req.attribute.as_str() {
        "sourceDestCheck" => change_interface(cx, &instance, "SourceDestCheck", flag(true)),
        other => {
            let why =
                "Only sourceDestCheck can be reset: no instance here has a kernel or a RAM disk of its own.";
            Err(Ec2Error::value(other, "attribute", why))
        }
    }
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
        check: None,
        optimized: None,
        ena: None,
        enclave: None,
        kernel: None,
        ramdisk: None,
        sriov: None,
        codes: None,
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
        "groupSet" => out.groups = first(cx, &instance)?.as_ref().map(groups),
        "sourceDestCheck" => {
            let found = first(cx, &instance)?;
            let check = found.and_then(|found| found.member("SourceDestCheck")?.as_bool());
            out.check = check.and_then(Flag::of);
        }
        "ebsOptimized" => out.optimized = Flag::of(instance.optimized),
        "enaSupport" => out.ena = Flag::of(true),
        "enclaveOptions" => out.enclave = Some(Enclave { enabled: false }),
        // AWS: what there is none of has no value.
        "kernel" => out.kernel = Some(Text { value: None }),
        "ramdisk" => out.ramdisk = Some(Text { value: None }),
        "sriovNetSupport" => out.sriov = Some(Text { value: None }),
        "productCodes" => out.codes = Some(Vec::new()),
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
        req.check.is_some(),
        req.optimized.is_some(),
        !req.groups.is_empty(),
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
    let check = req.check.and_then(|flag| flag.value).map(|value| ("SourceDestCheck", flag(value)));
    if let Some((name, value)) = check.or((!req.groups.is_empty()).then(|| ("Groups", texts(&req.groups)))) {
        return change_interface(cx, &instance, name, value);
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
    let at_rest = req.kind.is_some() || req.user_data.is_some() || req.optimized.is_some();
    if at_rest && instance.state != state::STOPPED {
        let what = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    if let Some(data) = req.user_data {
        instance.user_data = checked_data(data.value.unwrap_or_default().to_vec())?;
    }
    if let Some(value) = req.optimized.and_then(|flag| flag.value) {
        check_optimized(&instance.kind, value)?;
        instance.optimized = value;
        register::set_key(cx, &instance.id, "ec2:EbsOptimized", Some(value.to_string()))?;
    }
    if let Some(kind) = req.kind.and_then(|text| text.value) {
        become_of(&mut instance, kind)?;
    }
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Empty)
}

/// AWS: its processors become those of the new type.
fn become_of(instance: &mut Instance, kind: String) -> Result<(), Ec2Error> {
    check_kind(&kind)?;
    (instance.kind, instance.cpus) = (kind, Cpus::default());
    Ok(())
}

/// Which types may have a way of their own to their volumes.
pub(super) fn check_optimized(kind: &str, wanted: bool) -> Result<(), Ec2Error> {
    if wanted && kinds::find(kind).is_some_and(|kind| !kind.is_nitro()) {
        let what = "The requested configuration is currently not supported. Please check the documentation for supported configurations.";
        return Err(Plain::Unsupported(what.into()).into());
    }
    Ok(())
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
    Ok(Console { id: instance.id, at: cx.now.whole_seconds(), output })
}
