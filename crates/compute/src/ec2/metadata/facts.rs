//! Who asks, and what the records say about it.

use super::scaling;
use super::tree::{Facts, Nic, Profile, Role};
use crate::ec2::image::architecture;
use crate::ec2::model::{Association, INSTANCES, Instance, state};
use crate::ec2::names::host_name;
use crate::ec2::ops::describe::private_dns;
use crate::ec2::ops::profile::{self as profiles, name_of};
use crate::ec2::ops::{SELF, call, list, some, text, texts};
use crate::ec2::placement;
use base::{AccountId, Region};
use ec2::{Ec2Error, attachment, disk, public, register};
use kernel::{Cloud, Cx};
use std::net::Ipv4Addr;
use std::sync::Arc;
use store::{Direction, Key, Tx};
use wire::Value;

/// Who asks: an instance, and where its records are.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) instance: Instance,
}

/// The instance that has an address in a VPC.
///
/// # Errors
/// When the records cannot be read.
pub(super) fn asker(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    vpc: &str,
    address: &str,
) -> Result<Option<Asker>, Ec2Error> {
    let mut here = Vec::new();
    for pair in INSTANCES.scan(tx, &Key::empty(), Direction::Forward) {
        let (key, instance) = pair?;
        let Some((account, region)) = key.reader().regional() else { continue };
        if instance.vpc != vpc || matches!(instance.state, state::STOPPED | state::TERMINATED) {
            continue;
        }
        let asker = Asker { account, region, instance };
        if asker.instance.address == address {
            return Ok(Some(asker));
        }
        here.push(asker);
    }
    // Another of its addresses, or of its interfaces.
    let Some(Asker { account, region, .. }) = here.first() else { return Ok(None) };
    let (account, region) = (*account, *region);
    let found = cloud.act(tx, SELF, account, region, |cx| {
        let filter = |name: &str, value: &str| {
            let values = Value::List(vec![Value::str(value)]);
            Value::Struct([("Name", Value::str(name)), ("Values", values)].into_iter().collect())
        };
        let by = if address.contains(':') {
            "ipv6-addresses.ipv6-address"
        } else {
            "addresses.private-ip-address"
        };
        let filters = vec![filter("vpc-id", vpc), filter(by, address)];
        call(cx, "DescribeNetworkInterfaces", [("Filters", Value::List(filters))])
    })?;
    let Some(interface) = list(&found, "NetworkInterfaces").first() else { return Ok(None) };
    let id = text(interface, "NetworkInterfaceId");
    Ok(here.into_iter().find(|asker| asker.instance.interfaces.contains(&id)))
}

/// The devices that its volumes had when it was started, the root apart: AWS tells of no others.
fn disks(cx: &Cx<'_>, instance: &Instance) -> Result<Vec<String>, Ec2Error> {
    let all = disk::of_instance(cx.tx, cx.account, cx.region, &instance.id)?;
    let all = all.into_iter().filter(|attached| attached.at <= instance.launched);
    let devices = all.map(|attached| attached.device);
    Ok(devices.filter(|device| !disk::is_root(device)).collect())
}

/// What may be told to an instance.
///
/// # Errors
/// When the records cannot be read.
pub(super) fn of(cx: &mut Cx<'_>, instance: &Instance) -> Result<Facts, Ec2Error> {
    let first = texts([&instance.subnet]);
    let subnets = call(cx, "DescribeSubnets", [("SubnetIds", first)])?;
    let zone_id = list(&subnets, "Subnets").first().map(|subnet| text(subnet, "AvailabilityZoneId"));
    let tags = match instance.metadata.tags {
        true => Some(register::tags(cx, &instance.id)?),
        false => None,
    };
    let profile = instance.profile.as_ref().map(|held| profile(cx, held)).transpose()?;
    Ok(Facts {
        account: cx.account.to_string(),
        region: cx.region.name().to_owned(),
        zone: instance.zone.clone(),
        zone_id: zone_id.unwrap_or_default(),
        group: placement::of(cx, instance)?.map(|group| group.name).unwrap_or_default(),
        partition: if instance.partition > 0 { instance.partition.to_string() } else { String::new() },
        instance: instance.id.clone(),
        image: instance.image.clone(),
        index: instance.index,
        kind: instance.kind.clone(),
        architecture: architecture().to_owned(),
        reservation: instance.reservation.clone(),
        launched: instance.launched,
        address: instance.address.clone(),
        host_name: host_name(cx, instance),
        key: instance.key_name.clone().zip(instance.public_key.clone()),
        user_data: instance.user_data.clone(),
        is_spot: instance.spot.is_some(),
        notice: instance.notice.clone().filter(|_| !instance.is_over()),
        interfaces: interfaces(cx, instance)?,
        disks: disks(cx, instance)?,
        profile,
        scales_to: scaling::target(cx, instance)?,
        tags,
    })
}

fn profile(cx: &mut Cx<'_>, held: &Association) -> Result<Profile, Ec2Error> {
    // Another that was made under the same name is another.
    let found = match profiles::Profile::get(cx, name_of(&held.arn)) {
        Ok(found) => Some(found).filter(|found| found.id == held.profile),
        Err(error) if error.is_ours() => return Err(error),
        Err(_) => None,
    };
    let role = found.as_ref().and_then(|found| found.role.as_ref());
    let role = role.map(|role| Role {
        name: text(role, "RoleName"),
        id: text(role, "RoleId"),
        arn: text(role, "Arn"),
    });
    Ok(Profile {
        arn: held.arn.clone(),
        id: held.profile.clone(),
        since: held.since,
        is_there: found.is_some(),
        role,
    })
}

fn interfaces(cx: &mut Cx<'_>, instance: &Instance) -> Result<Vec<Nic>, Ec2Error> {
    if instance.interfaces.is_empty() {
        return Ok(Vec::new());
    }
    let found =
        call(cx, "DescribeNetworkInterfaces", [("NetworkInterfaceIds", texts(&instance.interfaces))])?;
    let vpcs = call(cx, "DescribeVpcs", [("VpcIds", texts([&instance.vpc]))])?;
    let blocks =
        list(&vpcs, "Vpcs").first().map(|vpc| list(vpc, "CidrBlockAssociationSet")).unwrap_or_default();
    let vpc_blocks: Vec<String> = blocks.iter().map(|block| text(block, "CidrBlock")).collect();
    let of_ipv6 = |told: Option<&Value>| -> Vec<String> {
        let all = told.map(|told| list(told, "Ipv6CidrBlockAssociationSet")).unwrap_or_default();
        all.iter().map(|block| text(block, "Ipv6CidrBlock")).collect()
    };
    let vpc_blocks_v6 = of_ipv6(list(&vpcs, "Vpcs").first());
    let mut out = Vec::new();
    for one in list(&found, "NetworkInterfaces") {
        let (id, subnet) = (text(one, "NetworkInterfaceId"), text(one, "SubnetId"));
        let attached = attachment::of(cx.tx, cx.account, cx.region, &id)?;
        let subnets = call(cx, "DescribeSubnets", [("SubnetIds", texts([&subnet]))])?;
        let mut nic = Nic {
            mac: text(one, "MacAddress"),
            device: attached.map_or(0, |attached| attached.device_index),
            owner: text(one, "OwnerId"),
            host_name: some(one, "PrivateIpAddress")
                .map_or_else(|| host_name(cx, instance), |address| private_dns(cx, &address)),
            groups: list(one, "Groups").iter().map(|g| (text(g, "GroupId"), text(g, "GroupName"))).collect(),
            subnet_block: list(&subnets, "Subnets").first().map(|s| text(s, "CidrBlock")).unwrap_or_default(),
            vpc: text(one, "VpcId"),
            vpc_blocks: vpc_blocks.clone(),
            ipv6: list(one, "Ipv6Addresses").iter().map(|one| text(one, "Ipv6Address")).collect(),
            subnet_blocks_v6: of_ipv6(list(&subnets, "Subnets").first()),
            vpc_blocks_v6: vpc_blocks_v6.clone(),
            id,
            subnet,
            ..Nic::default()
        };
        for address in list(one, "PrivateIpAddresses") {
            let own = text(address, "PrivateIpAddress");
            if let Some(association) = address.member("Association") {
                nic.public.push((text(association, "PublicIp"), own.clone()));
            }
            nic.addresses.push(own);
        }
        let name = nic.public.first().and_then(|(public, _)| public.parse::<Ipv4Addr>().ok());
        nic.public_name = name.map(|address| public::dns_name(cx.region, address)).unwrap_or_default();
        out.push(nic);
    }
    out.sort_by_key(|nic| nic.device);
    Ok(out)
}
