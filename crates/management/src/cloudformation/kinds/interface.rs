//! Network interfaces, their attachments, and addresses that are led to them.

use super::on::{On, at, map, only, text_at};
use super::vpc::{EC2, TAGGER, associated};
use super::{BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

/// What an interface gets when it is made: AWS changes some of it in place, which is not built.
const ADDRESSES: &[&str] =
    &["PrivateIpAddresses", "SecondaryPrivateIpAddressCount", "Ipv6Addresses", "Ipv6AddressCount"];

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::EC2::NetworkInterface",
        changes: &[
            "Description",
            "GroupSet",
            "PrivateIpAddresses",
            "SecondaryPrivateIpAddressCount",
            "Ipv6Addresses",
            "Ipv6AddressCount",
            "SourceDestCheck",
            "Tags",
        ],
        fixed: &["SubnetId", "PrivateIpAddress"],
        attributes: &["Id", "PrimaryPrivateIpAddress", "SecondaryPrivateIpAddresses", "VpcId"],
        create,
        update,
        delete: |on| on.end(EC2, "DeleteNetworkInterface", map([("NetworkInterfaceId", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::beside::INTERFACE),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::NetworkInterfaceAttachment",
        changes: &["DeleteOnTermination"],
        fixed: &["DeviceIndex", "InstanceId", "NetworkInterfaceId"],
        attributes: &["AttachmentId"],
        create: |on| {
            let own = ["DeviceIndex", "InstanceId", "NetworkInterfaceId"];
            let answer =
                on.call(EC2, "AttachNetworkInterface", map(own.map(|name| (name, on.prop(name)))))?;
            let id = text_at(&answer, "AttachmentId");
            ends_with_machine(on, &id)?;
            Ok(on.made(id.clone(), vec![("AttachmentId", Value::Str(id))]))
        },
        update: |on| {
            ends_with_machine(on, on.physical)?;
            Ok(on.same())
        },
        delete: |on| {
            let input = map([("AttachmentId", on.physical()), ("Force", Value::Bool(true))]);
            on.end(EC2, "DetachNetworkInterface", input)
        },
        ready: |on| {
            let state = attachment_state(on)?;
            Ok((state == "attached").then(Vec::new))
        },
        gone: |on| {
            let mine = ("attachment.attachment-id", on.physical());
            let seen = on.call(EC2, "DescribeNetworkInterfaces", filtered([mine]))?;
            Ok(at(&seen, "NetworkInterfaces.0").is_none())
        },
        look: Some(&look::join::INTERFACE_IN_USE),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::EIPAssociation",
        fixed: &["AllocationId", "EIP", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"],
        attributes: &["Id"],
        create: |on| {
            let input = map([
                ("AllocationId", on.prop("AllocationId")),
                ("PublicIp", on.prop("EIP")),
                ("InstanceId", on.prop("InstanceId")),
                ("NetworkInterfaceId", on.prop("NetworkInterfaceId")),
                ("PrivateIpAddress", on.prop("PrivateIpAddress")),
            ]);
            associated(on, "AssociateAddress", input, "AssociationId")
        },
        delete: |on| on.end(EC2, "DisassociateAddress", map([("AssociationId", on.physical())])),
        look: Some(&look::join::ADDRESS_IN_USE),
        ..BASE
    },
];

/// What a describing operation is asked with.
pub(super) fn filtered<const N: usize>(filters: [(&str, Value); N]) -> Value {
    let one = |(name, value)| map([("Name", Value::str(name)), ("Values", Value::List(vec![value]))]);
    map([("Filters", Value::List(filters.into_iter().map(one).collect()))])
}

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    if let Value::List(items) = on.prop("PrivateIpAddresses") {
        items.iter().try_for_each(|item| only(item, &["Primary", "PrivateIpAddress"]))?;
    }
    let own = ["SubnetId", "PrivateIpAddress", "Description"].iter().chain(ADDRESSES);
    let mut input: Vec<(String, Value)> =
        own.map(|name| ((*name).to_owned(), on.prop(name))).filter(|(_, v)| *v != Value::Null).collect();
    let more =
        [("Groups", on.prop("GroupSet")), ("TagSpecifications", on.tag_specification("network-interface"))];
    input.extend(more.into_iter().filter(|(_, v)| *v != Value::Null).map(|(name, v)| (name.to_owned(), v)));
    let answer = on.call(EC2, "CreateNetworkInterface", Value::Map(input))?;
    let told = |path: &str| text_at(&answer, &format!("NetworkInterface.{path}"));
    let id = told("NetworkInterfaceId");
    checks_source(on, Value::str(&id))?;
    let others = match at(&answer, "NetworkInterface.PrivateIpAddresses") {
        Some(Value::List(all)) => all.iter().filter(|one| text_at(one, "Primary") != "true").collect(),
        _ => Vec::new(),
    };
    let others = others.into_iter().map(|one| Value::Str(text_at(one, "PrivateIpAddress"))).collect();
    let attributes = vec![
        ("Id", Value::str(&id)),
        ("PrimaryPrivateIpAddress", Value::Str(told("PrivateIpAddress"))),
        ("SecondaryPrivateIpAddresses", Value::List(others)),
        ("VpcId", Value::Str(told("VpcId"))),
    ];
    Ok(on.made(id, attributes))
}

fn modify(on: &mut On<'_, '_>, id: Value, member: &str, value: Value) -> Done<()> {
    let input = map([("NetworkInterfaceId", id), (member, value)]);
    on.call(EC2, "ModifyNetworkInterfaceAttribute", input).map(drop)
}

fn checks_source(on: &mut On<'_, '_>, id: Value) -> Done<()> {
    if !on.changed("SourceDestCheck") {
        return Ok(());
    }
    let wanted = on.prop("SourceDestCheck") == Value::Null || on.flag("SourceDestCheck");
    modify(on, id, "SourceDestCheck", map([("Value", Value::Bool(wanted))]))
}

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    if let Some(name) = ADDRESSES.iter().find(|name| on.changed(name)) {
        return Err(Refusal::of(format!("Updates of {name} of network interfaces are not built.")));
    }
    if on.changed("GroupSet") {
        let groups = on.prop("GroupSet");
        if groups == Value::Null {
            return Err(Refusal::of(
                "The groups of a network interface are replaced by others, not taken away.",
            ));
        }
        modify(on, on.physical(), "Groups", groups)?;
    }
    if on.changed("Description") {
        let text = Value::Str(on.text("Description").unwrap_or_default());
        modify(on, on.physical(), "Description", map([("Value", text)]))?;
    }
    checks_source(on, on.physical())?;
    on.retag(&TAGGER, on.physical())?;
    Ok(on.same())
}

/// AWS: an attached interface ends with its machine unless the template says otherwise.
fn ends_with_machine(on: &mut On<'_, '_>, id: &str) -> Done<()> {
    let ends = on.prop("DeleteOnTermination") == Value::Null || on.flag("DeleteOnTermination");
    let attachment = map([("AttachmentId", Value::str(id)), ("DeleteOnTermination", Value::Bool(ends))]);
    modify(on, on.prop("NetworkInterfaceId"), "Attachment", attachment)
}

fn attachment_state(on: &mut On<'_, '_>) -> Done<String> {
    let ids = Value::List(vec![on.prop("NetworkInterfaceId")]);
    let seen = on.call(EC2, "DescribeNetworkInterfaces", map([("NetworkInterfaceIds", ids)]))?;
    Ok(text_at(&seen, "NetworkInterfaces.0.Attachment.Status"))
}
