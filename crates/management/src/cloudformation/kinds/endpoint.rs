//! VPC endpoints.

use super::on::{On, at, map, text_at, texts};
use super::vpc::{EC2, TAGGER};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::EC2::VPCEndpoint",
    changes: &[
        "PolicyDocument",
        "PrivateDnsEnabled",
        "RouteTableIds",
        "SecurityGroupIds",
        "SubnetIds",
        "Tags",
    ],
    fixed: &["ServiceName", "VpcEndpointType", "VpcId"],
    attributes: &["Id", "CreationTimestamp", "DnsEntries", "NetworkInterfaceIds"],
    create,
    update,
    delete: |on| {
        let ids = Value::List(vec![on.physical()]);
        on.end(EC2, "DeleteVpcEndpoints", map([("VpcEndpointIds", ids)]))
    },
    ready,
    gone: |on| match describe(on) {
        Err(refusal) if refusal.gone => Ok(true),
        other => Ok(matches!(text_at(&other?, "State").as_str(), "deleted" | "")),
    },
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::beside::ENDPOINT),
    ..BASE
}];

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    let input = map([
        ("ServiceName", on.prop("ServiceName")),
        ("VpcEndpointType", on.prop("VpcEndpointType")),
        ("VpcId", on.prop("VpcId")),
        ("PolicyDocument", on.document("PolicyDocument")),
        ("PrivateDnsEnabled", on.prop("PrivateDnsEnabled")),
        ("RouteTableIds", on.prop("RouteTableIds")),
        ("SecurityGroupIds", on.prop("SecurityGroupIds")),
        ("SubnetIds", on.prop("SubnetIds")),
        ("TagSpecifications", on.tag_specification("vpc-endpoint")),
    ]);
    let answer = on.call(EC2, "CreateVpcEndpoint", input)?;
    let id = text_at(&answer, "VpcEndpoint.VpcEndpointId");
    Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
}

/// Lists are changed by what comes and what goes.
fn update(on: &mut On<'_, '_>) -> Done<Made> {
    let mut input = vec![("VpcEndpointId".to_owned(), on.physical())];
    for list in ["RouteTableIds", "SecurityGroupIds", "SubnetIds"] {
        let (wanted, was) = on.lists(list);
        let of = |these: &[String], those: &[String]| {
            these.iter().filter(|id| !those.contains(id)).map(Value::str).collect::<Vec<_>>()
        };
        for (verb, ids) in [("Add", of(&wanted, &was)), ("Remove", of(&was, &wanted))] {
            if !ids.is_empty() {
                input.push((format!("{verb}{list}"), Value::List(ids)));
            }
        }
    }
    if on.changed("PrivateDnsEnabled") {
        input.push(("PrivateDnsEnabled".into(), Value::Bool(on.flag("PrivateDnsEnabled"))));
    }
    if on.changed("PolicyDocument") {
        input.push(match on.document("PolicyDocument") {
            Value::Null => ("ResetPolicy".into(), Value::Bool(true)),
            policy => ("PolicyDocument".into(), policy),
        });
    }
    if input.len() > 1 {
        on.call(EC2, "ModifyVpcEndpoint", Value::Map(input))?;
    }
    on.retag(&TAGGER, on.physical())?;
    Ok(on.same())
}

fn describe(on: &mut On<'_, '_>) -> Done<Value> {
    let ids = Value::List(vec![on.physical()]);
    let answer = on.call(EC2, "DescribeVpcEndpoints", map([("VpcEndpointIds", ids)]))?;
    Ok(at(&answer, "VpcEndpoints.0").cloned().unwrap_or(Value::Null))
}

pub(super) fn ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let endpoint = describe(on)?;
    match text_at(&endpoint, "State").to_lowercase().as_str() {
        "available" => {}
        state @ ("failed" | "rejected" | "expired") => {
            return Err(Refusal::of(format!("VPC endpoint {} is in state {state}", on.physical)));
        }
        _ => return Ok(None),
    }
    let entries = match at(&endpoint, "DnsEntries") {
        Some(Value::List(entries)) => entries
            .iter()
            .map(|entry| {
                Value::Str(format!("{}:{}", text_at(entry, "HostedZoneId"), text_at(entry, "DnsName")))
            })
            .collect(),
        _ => Vec::new(),
    };
    let interfaces = texts(at(&endpoint, "NetworkInterfaceIds")).into_iter().map(Value::Str).collect();
    let created = look::plain(&look::own(&endpoint, "CreationTimestamp"));
    Ok(Some(vec![
        ("CreationTimestamp", created),
        ("DnsEntries", Value::List(entries)),
        ("NetworkInterfaceIds", Value::List(interfaces)),
    ]))
}
