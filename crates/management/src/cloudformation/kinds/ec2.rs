//! Elastic IP addresses, key pairs, placement groups, the gateways that only let out, and flow logs.

use super::on::{On, map, text_at};
use super::parameter::SSM;
use super::vpc::{EC2, TAGGER, retagged};
use super::{BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::EC2::EIP",
        changes: &["InstanceId", "Tags"],
        fixed: &["Domain"],
        attributes: &["AllocationId", "PublicIp"],
        create: create_address,
        update: |on| {
            if on.changed("InstanceId") {
                disassociate(on)?;
                associate(on, Value::Str(on.attribute("AllocationId")))?;
            }
            on.retag(&TAGGER, Value::Str(on.attribute("AllocationId")))?;
            Ok(on.same())
        },
        delete: |on| {
            if on.was("InstanceId") != Value::Null {
                disassociate(on)?;
            }
            on.end(EC2, "ReleaseAddress", map([("AllocationId", Value::Str(on.attribute("AllocationId")))]))
        },
        mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("AllocationId")))),
        look: Some(&look::join::ADDRESS),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::KeyPair",
        fixed: &["KeyName", "KeyType", "KeyFormat", "PublicKeyMaterial", "Tags"],
        attributes: &["KeyPairId", "KeyFingerprint"],
        named: Some("KeyName"),
        create: create_key,
        delete: delete_key,
        look: Some(&look::machine::KEY_PAIR),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::PlacementGroup",
        fixed: &["PartitionCount", "SpreadLevel", "Strategy", "Tags"],
        attributes: &["GroupId", "GroupName"],
        create: |on| {
            let name = on.generated(255);
            let input = map([
                ("GroupName", Value::str(&name)),
                ("PartitionCount", on.prop("PartitionCount")),
                ("SpreadLevel", on.prop("SpreadLevel")),
                ("Strategy", on.prop("Strategy")),
                ("TagSpecifications", on.tag_specification("placement-group")),
            ]);
            let answer = on.call(EC2, "CreatePlacementGroup", input)?;
            let id = text_at(&answer, "PlacementGroup.GroupId");
            Ok(on.made(name.clone(), vec![("GroupId", Value::Str(id)), ("GroupName", Value::Str(name))]))
        },
        delete: |on| on.end(EC2, "DeletePlacementGroup", map([("GroupName", on.physical())])),
        look: Some(&look::machine::PLACEMENT),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::EgressOnlyInternetGateway",
        changes: &["Tags"],
        fixed: &["VpcId"],
        attributes: &["Id"],
        create: |on| {
            let tags = on.tag_specification("egress-only-internet-gateway");
            let input = map([("VpcId", on.prop("VpcId")), ("TagSpecifications", tags)]);
            let answer = on.call(EC2, "CreateEgressOnlyInternetGateway", input)?;
            let id = text_at(&answer, "EgressOnlyInternetGateway.EgressOnlyInternetGatewayId");
            Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
        },
        update: retagged,
        delete: |on| {
            let input = map([("EgressOnlyInternetGatewayId", on.physical())]);
            on.end(EC2, "DeleteEgressOnlyInternetGateway", input)
        },
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::beside::EGRESS),
        ..BASE
    },
    Kind {
        name: "AWS::EC2::FlowLog",
        changes: &["Tags"],
        fixed: FLOW_LOG,
        attributes: &["Id"],
        create: create_flow_log,
        update: retagged,
        delete: |on| on.end(EC2, "DeleteFlowLogs", map([("FlowLogIds", Value::List(vec![on.physical()]))])),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::beside::FLOW_LOG),
        ..BASE
    },
];

const FLOW_LOG: &[&str] = &[
    "ResourceId",
    "ResourceType",
    "TrafficType",
    "LogDestinationType",
    "LogDestination",
    "LogGroupName",
    "DeliverLogsPermissionArn",
    "DeliverCrossAccountRole",
    "LogFormat",
    "MaxAggregationInterval",
    "DestinationOptions",
];

fn create_flow_log(on: &mut On<'_, '_>) -> Done<Made> {
    let given = FLOW_LOG[1..].iter().map(|name| (*name, on.prop(name)));
    let own = [
        ("ResourceIds", Value::List(vec![on.prop("ResourceId")])),
        ("TagSpecifications", on.tag_specification("vpc-flow-log")),
    ];
    let all: Vec<_> = given.chain(own).filter(|(_, value)| *value != Value::Null).collect();
    let answer = on.call(EC2, "CreateFlowLogs", Value::map(all))?;
    match text_at(&answer, "FlowLogIds.0") {
        id if id.is_empty() => Err(Refusal::of(text_at(&answer, "Unsuccessful.0.Error.Message"))),
        id => Ok(on.made(id.clone(), vec![("Id", Value::Str(id))])),
    }
}

fn create_address(on: &mut On<'_, '_>) -> Done<Made> {
    let input =
        map([("Domain", Value::str("vpc")), ("TagSpecifications", on.tag_specification("elastic-ip"))]);
    let answer = on.call(EC2, "AllocateAddress", input)?;
    let (id, address) = (text_at(&answer, "AllocationId"), text_at(&answer, "PublicIp"));
    associate(on, Value::str(&id))?;
    Ok(on.made(address.clone(), vec![("AllocationId", Value::Str(id)), ("PublicIp", Value::Str(address))]))
}

fn associate(on: &mut On<'_, '_>, allocation: Value) -> Done<()> {
    match on.prop("InstanceId") {
        Value::Null => Ok(()),
        instance => on
            .call(EC2, "AssociateAddress", map([("AllocationId", allocation), ("InstanceId", instance)]))
            .map(drop),
    }
}

fn disassociate(on: &mut On<'_, '_>) -> Done<()> {
    let ids = Value::List(vec![Value::Str(on.attribute("AllocationId"))]);
    let answer = match on.call(EC2, "DescribeAddresses", map([("AllocationIds", ids)])) {
        Err(refusal) if refusal.gone => return Ok(()),
        other => other?,
    };
    match text_at(&answer, "Addresses.0.AssociationId") {
        id if id.is_empty() => Ok(()),
        id => on.end(EC2, "DisassociateAddress", map([("AssociationId", Value::Str(id))])),
    }
}

/// Where AWS keeps the private key of a pair that it has made.
fn key_parameter(id: &str) -> Value {
    Value::Str(format!("/ec2/keypair/{id}"))
}

/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-keypair.html>
fn create_key(on: &mut On<'_, '_>) -> Done<Made> {
    let (name, material) = (on.name("KeyName", 255), on.prop("PublicKeyMaterial"));
    let called = ("KeyName", Value::str(&name));
    let tags = ("TagSpecifications", on.tag_specification("key-pair"));
    let (operation, input) = match material {
        Value::Null => {
            let (kind, form) = (("KeyType", on.prop("KeyType")), ("KeyFormat", on.prop("KeyFormat")));
            ("CreateKeyPair", map([called, tags, kind, form]))
        }
        material => ("ImportKeyPair", map([called, tags, ("PublicKeyMaterial", material)])),
    };
    let answer = on.call(EC2, operation, input)?;
    let [id, print, secret] =
        ["KeyPairId", "KeyFingerprint", "KeyMaterial"].map(|member| text_at(&answer, member));
    if !secret.is_empty() {
        let kept = [
            ("Name", key_parameter(&id)),
            ("Type", Value::str("SecureString")),
            ("Value", Value::Str(secret)),
        ];
        on.call(SSM, "PutParameter", map(kept))?;
    }
    Ok(on.made(name, vec![("KeyPairId", Value::Str(id)), ("KeyFingerprint", Value::Str(print))]))
}

fn delete_key(on: &mut On<'_, '_>) -> Done<()> {
    if on.was("PublicKeyMaterial") == Value::Null {
        let name = key_parameter(&on.attribute("KeyPairId"));
        on.end(SSM, "DeleteParameter", map([("Name", name)]))?;
    }
    on.end(EC2, "DeleteKeyPair", map([("KeyName", on.physical())]))
}
