//! EC2's instances.

use super::interface::filtered;
use super::on::{On, at, map, text_at};
use super::vpc::{EC2, TAGGER};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, group, look};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::Value;

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::EC2::Instance",
    changes: &[
        "CreditSpecification",
        "DisableApiTermination",
        "EbsOptimized",
        "IamInstanceProfile",
        "InstanceInitiatedShutdownBehavior",
        "InstanceType",
        "MetadataOptions",
        "Monitoring",
        "SecurityGroupIds",
        "SourceDestCheck",
        "Tags",
        "UserData",
    ],
    fixed: &[
        "AvailabilityZone",
        "BlockDeviceMappings",
        "HibernationOptions",
        "ImageId",
        "Ipv6AddressCount",
        "Ipv6Addresses",
        "KeyName",
        "LaunchTemplate",
        "NetworkInterfaces",
        "PlacementGroupName",
        "PrivateIpAddress",
        "SecurityGroups",
        "SubnetId",
        "Tenancy",
    ],
    attributes: &[
        "InstanceId",
        "AvailabilityZone",
        "PrivateDnsName",
        "PrivateIp",
        "PublicDnsName",
        "PublicIp",
        "VpcId",
    ],
    create,
    update,
    delete: |on| {
        let ids = Value::List(vec![on.physical()]);
        on.end(EC2, "TerminateInstances", map([("InstanceIds", ids)]))
    },
    ready,
    gone: |on| match describe(on) {
        Err(refusal) if refusal.gone => Ok(true),
        other => Ok(matches!(text_at(&other?, "State.Name").as_str(), "terminated" | "")),
    },
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::machine::INSTANCE),
    ..BASE
}];

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    let place = map([
        ("AvailabilityZone", on.prop("AvailabilityZone")),
        ("GroupName", on.prop("PlacementGroupName")),
        ("Tenancy", on.prop("Tenancy")),
    ]);
    let groups = group::ids(on, on.prop("SecurityGroupIds"))?;
    let input = map([
        ("MinCount", Value::Int(1)),
        ("MaxCount", Value::Int(1)),
        ("ImageId", on.prop("ImageId")),
        ("InstanceType", on.prop("InstanceType")),
        ("KeyName", on.prop("KeyName")),
        ("LaunchTemplate", on.prop("LaunchTemplate")),
        ("BlockDeviceMappings", on.prop("BlockDeviceMappings")),
        ("HibernationOptions", on.prop("HibernationOptions")),
        ("MetadataOptions", on.prop("MetadataOptions")),
        ("SubnetId", on.prop("SubnetId")),
        ("SecurityGroupIds", groups),
        ("SecurityGroups", on.prop("SecurityGroups")),
        ("EbsOptimized", on.prop("EbsOptimized")),
        ("Ipv6AddressCount", on.prop("Ipv6AddressCount")),
        ("Ipv6Addresses", on.prop("Ipv6Addresses")),
        ("PrivateIpAddress", on.prop("PrivateIpAddress")),
        ("NetworkInterfaces", interfaces(on)),
        ("UserData", on.prop("UserData")),
        ("IamInstanceProfile", profile(on)),
        ("Monitoring", monitoring(on)),
        ("CreditSpecification", credits(on).map_or(Value::Null, |option| map([("CpuCredits", option)]))),
        ("DisableApiTermination", on.prop("DisableApiTermination")),
        ("InstanceInitiatedShutdownBehavior", on.prop("InstanceInitiatedShutdownBehavior")),
        ("Placement", if place == Value::Map(Vec::new()) { Value::Null } else { place }),
        ("TagSpecifications", on.tag_specification("instance")),
    ]);
    let answer = on.call(EC2, "RunInstances", input)?;
    if on.prop("SourceDestCheck") != Value::Null {
        let first = text_at(&answer, "Instances.0.NetworkInterfaces.0.NetworkInterfaceId");
        check_source(on, first)?;
    }
    let id = text_at(&answer, "Instances.0.InstanceId");
    Ok(on.made(id.clone(), vec![("InstanceId", Value::Str(id))]))
}

/// Whether the first interface takes only what is for it, as it does where nothing is said.
fn check_source(on: &mut On<'_, '_>, interface: String) -> Done<()> {
    let checks = on.prop("SourceDestCheck") == Value::Null || on.flag("SourceDestCheck");
    let wanted = map([("Value", Value::Bool(checks))]);
    let input = map([("NetworkInterfaceId", Value::Str(interface)), ("SourceDestCheck", wanted)]);
    on.call(EC2, "ModifyNetworkInterfaceAttribute", input).map(drop)
}

fn monitoring(on: &On<'_, '_>) -> Value {
    match on.prop("Monitoring") {
        Value::Null => Value::Null,
        _ => map([("Enabled", Value::Bool(on.flag("Monitoring")))]),
    }
}

/// Templates spell it their own way.
fn credits(on: &On<'_, '_>) -> Option<Value> {
    at(&on.prop("CreditSpecification"), "CPUCredits").cloned()
}

/// A template names a profile, and nothing else of it.
fn profile(on: &On<'_, '_>) -> Value {
    on.text("IamInstanceProfile").map_or(Value::Null, |name| map([("Name", Value::Str(name))]))
}

/// Gives the instance another profile, its first, or none.
fn change_profile(on: &mut On<'_, '_>) -> Done<()> {
    let asked = filtered([("instance-id", on.physical())]);
    let found = on.call(EC2, "DescribeIamInstanceProfileAssociations", asked)?;
    let association = text_at(&found, "IamInstanceProfileAssociations.0.AssociationId");
    let (wanted, id) = (profile(on), ("AssociationId", Value::str(&association)));
    let (operation, input) = match (association.is_empty(), wanted) {
        (true, Value::Null) => return Ok(()),
        (true, wanted) => {
            let instance = ("InstanceId", on.physical());
            ("AssociateIamInstanceProfile", map([instance, ("IamInstanceProfile", wanted)]))
        }
        (false, Value::Null) => ("DisassociateIamInstanceProfile", map([id])),
        (false, wanted) => {
            ("ReplaceIamInstanceProfileAssociation", map([id, ("IamInstanceProfile", wanted)]))
        }
    };
    on.call(EC2, operation, input).map(drop)
}

/// The groups of an interface have another name there.
fn interfaces(on: &On<'_, '_>) -> Value {
    let Value::List(items) = on.prop("NetworkInterfaces") else { return Value::Null };
    let renamed = |item: Value| match item {
        Value::Map(entries) => {
            let name = |key: String| if key == "GroupSet" { "Groups".to_owned() } else { key };
            Value::Map(entries.into_iter().map(|(key, value)| (name(key), value)).collect())
        }
        other => other,
    };
    Value::List(items.into_iter().map(renamed).collect())
}

fn describe(on: &mut On<'_, '_>) -> Done<Value> {
    let answer =
        on.call(EC2, "DescribeInstances", map([("InstanceIds", Value::List(vec![on.physical()]))]))?;
    Ok(at(&answer, "Reservations.0.Instances.0").cloned().unwrap_or(Value::Null))
}

/// The type, the user data and the way to volumes are for [`ready`]: the instance has to stop for them.
fn update(on: &mut On<'_, '_>) -> Done<Made> {
    let modify = |on: &mut On<'_, '_>, member: &str, value: Value| {
        let input = map([("InstanceId", on.physical()), (member, map([("Value", value)]))]);
        on.call(EC2, "ModifyInstanceAttribute", input).map(drop)
    };
    if on.changed("DisableApiTermination") {
        let wanted = Value::Bool(on.flag("DisableApiTermination"));
        modify(on, "DisableApiTermination", wanted)?;
    }
    if on.changed("InstanceInitiatedShutdownBehavior") {
        let wanted = on.text("InstanceInitiatedShutdownBehavior").unwrap_or_else(|| "stop".into());
        modify(on, "InstanceInitiatedShutdownBehavior", Value::Str(wanted))?;
    }
    if on.changed("SecurityGroupIds") && on.prop("SecurityGroupIds") != Value::Null {
        let instance = describe(on)?;
        let interface = Value::Str(text_at(&instance, "NetworkInterfaces.0.NetworkInterfaceId"));
        let groups = group::ids(on, on.prop("SecurityGroupIds"))?;
        let input = map([("NetworkInterfaceId", interface), ("Groups", groups)]);
        on.call(EC2, "ModifyNetworkInterfaceAttribute", input)?;
    }
    if on.changed("SourceDestCheck") {
        let first = text_at(&describe(on)?, "NetworkInterfaces.0.NetworkInterfaceId");
        check_source(on, first)?;
    }
    if on.changed("Monitoring") {
        let operation = if on.flag("Monitoring") { "MonitorInstances" } else { "UnmonitorInstances" };
        on.call(EC2, operation, map([("InstanceIds", Value::List(vec![on.physical()]))]))?;
    }
    if on.changed("CreditSpecification")
        && let Some(option) = credits(on)
    {
        let wanted = map([("InstanceId", on.physical()), ("CpuCredits", option)]);
        let input = map([("InstanceCreditSpecifications", Value::List(vec![wanted]))]);
        on.call(EC2, "ModifyInstanceCreditSpecification", input)?;
    }
    if on.changed("MetadataOptions")
        && let Value::Map(options) = on.prop("MetadataOptions")
    {
        let id = ("InstanceId".to_owned(), on.physical());
        let input = Value::Map(options.into_iter().chain([id]).collect());
        on.call(EC2, "ModifyInstanceMetadataOptions", input)?;
    }
    if on.changed("IamInstanceProfile") {
        change_profile(on)?;
    }
    on.retag(&TAGGER, on.physical())?;
    Ok(on.same())
}

/// What an instance gets only while it is stopped, and does not have yet: the attribute and its value.
fn lacking(on: &mut On<'_, '_>, instance: &Value) -> Done<Option<(&'static str, Value)>> {
    let kind = on.text("InstanceType").filter(|kind| *kind != text_at(instance, "InstanceType"));
    if let Some(wanted) = kind.filter(|_| on.changed("InstanceType")) {
        return Ok(Some(("InstanceType", Value::Str(wanted))));
    }
    let optimized = on.flag("EbsOptimized");
    if on.changed("EbsOptimized") && at(instance, "EbsOptimized") != Some(&Value::Bool(optimized)) {
        return Ok(Some(("EbsOptimized", Value::Bool(optimized))));
    }
    if !on.changed("UserData") {
        return Ok(None);
    }
    let asked = map([("InstanceId", on.physical()), ("Attribute", Value::str("userData"))]);
    let told = text_at(&on.call(EC2, "DescribeInstanceAttribute", asked)?, "UserData.Value");
    let wanted = on.text("UserData").unwrap_or_default();
    if told == wanted {
        return Ok(None);
    }
    let bytes = STANDARD.decode(&wanted).map_err(|_| Refusal::of("Invalid BASE64 encoding of user data."))?;
    Ok(Some(("UserData", Value::Blob(bytes.into()))))
}

fn ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let instance = describe(on)?;
    let state = text_at(&instance, "State.Name");
    let ids = map([("InstanceIds", Value::List(vec![on.physical()]))]);
    // AWS: one whose root is a volume is not replaced for these, but stops and starts.
    let is_there = on.before != &Value::Map(Vec::new());
    let stops = is_there && ["InstanceType", "UserData", "EbsOptimized"].iter().any(|name| on.changed(name));
    let lacks = if stops { lacking(on, &instance)? } else { None };
    match (state.as_str(), lacks) {
        ("running", Some(_)) => on.call(EC2, "StopInstances", ids)?,
        ("stopped", Some((attribute, value))) => {
            let input = map([("InstanceId", on.physical()), (attribute, map([("Value", value)]))]);
            on.call(EC2, "ModifyInstanceAttribute", input)?
        }
        ("stopped", None) if stops => on.call(EC2, "StartInstances", ids)?,
        ("running", None) => return Ok(Some(attributes(&instance))),
        ("terminated" | "shutting-down", _) | ("stopped", None) => {
            let why = text_at(&instance, "StateReason.Message");
            return Err(Refusal::of(format!("Instance {} did not stabilize: {state}. {why}", on.physical)));
        }
        _ => return Ok(None),
    };
    Ok(None)
}

pub(super) fn attributes(instance: &Value) -> Attributes {
    let rows = [
        ("AvailabilityZone", "Placement.AvailabilityZone"),
        ("PrivateDnsName", "PrivateDnsName"),
        ("PrivateIp", "PrivateIpAddress"),
        ("PublicDnsName", "PublicDnsName"),
        ("PublicIp", "PublicIpAddress"),
        ("VpcId", "VpcId"),
    ];
    rows.iter().map(|(name, path)| (*name, Value::Str(text_at(instance, path)))).collect()
}
