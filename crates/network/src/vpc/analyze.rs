//! A path's analysis: a walk through the VPC's topology, and what of it is kept.

use super::find;
use super::model::{AclRule, Hop, HopRule, INTERFACES, INTERNET_GATEWAYS, Interface, Path, RouteRule};
use super::topology::{Place, topology};
use ec2::describe::{all, get};
use ec2::kind::{INSTANCE, INTERNET_GATEWAY, NETWORK_INTERFACE};
use ec2::{Ec2Error, Plain, attachment};
use kernel::Cx;
use net::topology::Address;
use net::walk::{self, Flow, Origin, Packet, Rule, Transport};
use std::net::{IpAddr, Ipv4Addr};

/// A host on the internet, where a path names none: TEST-NET-3 (RFC 5737).
const SOMEBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

/// An end of a path.
enum Spot {
    Interface(Box<Interface>),
    /// The internet gateway of a VPC.
    Gateway(String),
}

/// The id in an ARN, or the text itself.
pub(crate) fn id_of(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn resolve(cx: &Cx<'_>, text: &str, name: &str) -> Result<Spot, Ec2Error> {
    let id = id_of(text);
    if NETWORK_INTERFACE.fits(id) {
        return Ok(Spot::Interface(Box::new(find::interface(cx, id)?)));
    }
    if INTERNET_GATEWAY.fits(id) {
        let gateway = get(cx, &INTERNET_GATEWAYS, &INTERNET_GATEWAY, id)?;
        let what = || Plain::InvalidParameterValue(format!("{id} is not attached to a VPC."));
        return Ok(Spot::Gateway(gateway.vpc.ok_or_else(what)?));
    }
    if INSTANCE.fits(id) {
        for interface in all(cx, &INTERFACES)? {
            let attached = attachment::of(cx.tx, cx.account, cx.region, &interface.id)?;
            if attached.is_some_and(|a| a.instance.as_deref() == Some(id) && a.device_index == 0) {
                return Ok(Spot::Interface(Box::new(interface)));
            }
        }
        return Err(Ec2Error::not_found(&INSTANCE, id));
    }
    let why = "Paths lead between network interfaces, instances and internet gateways.";
    Err(Ec2Error::value(text, name, why))
}

/// Checks that the ends of a path exist.
///
/// # Errors
/// The `NotFound` of their kinds; `InvalidParameterValue` for a kind that is not analyzed.
pub(crate) fn check(cx: &Cx<'_>, path: &Path) -> Result<(), Ec2Error> {
    resolve(cx, &path.source, "source")?;
    if let Some(destination) = &path.destination {
        resolve(cx, destination, "destination")?;
    }
    Ok(())
}

/// # Errors
/// As [`check`].
pub(crate) fn analyze(cx: &Cx<'_>, path: &Path) -> Result<walk::Walk, Ec2Error> {
    let source = resolve(cx, &path.source, "source")?;
    let destination = path.destination.as_deref().map(|text| resolve(cx, text, "destination")).transpose()?;
    let address = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<IpAddr>().ok());
    let given = address(&path.destination_ip);
    let (vpc, from) = match &source {
        Spot::Interface(interface) => {
            let origin = Origin::Interface { id: interface.id.clone(), source: address(&path.source_ip) };
            (interface.vpc.clone(), origin)
        }
        Spot::Gateway(vpc) => (vpc.clone(), Origin::Internet(address(&path.source_ip).unwrap_or(SOMEBODY))),
    };
    let plan = topology(cx.tx, Place { account: cx.account, region: cx.region, vpc: &vpc })?;
    let addresses = |interface: &Interface| {
        plan.interface(&interface.id).map(|(_, there)| there.addresses.clone()).unwrap_or_default()
    };
    let of_interface = |interface: &Interface| {
        // Of a family that both ends have, where there is one.
        let own = if let Spot::Interface(source) = &source { addresses(source) } else { Vec::new() };
        match (&source, Address::to(&addresses(interface), &own)) {
            // From outside an interface goes by its public address.
            (Spot::Gateway(_), Some(there)) => Some(there.public.unwrap_or(there.private)),
            (_, Some(there)) => Some(there.private),
            (_, None) => interface.primary().parse().ok(),
        }
    };
    let to = match &destination {
        _ if given.is_some() => given,
        Some(Spot::Interface(interface)) => of_interface(interface),
        Some(Spot::Gateway(_)) | None => Some(SOMEBODY),
    };
    let port = path.port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let transport = if path.protocol == "udp" { Transport::udp(port) } else { Transport::tcp(port) };
    let flow = Flow { from, to: to.ok_or(Plain::InternalError)?, transport };
    Ok(walk::walk(&plan, &flow))
}

fn hop(component: &walk::Component, vpc: Option<&String>, rule: Option<&Rule>, packet: Packet) -> Hop {
    let rule = match rule {
        Some(Rule::SecurityGroup { egress, .. } | Rule::NoGroupRule { egress }) => HopRule::Group(*egress),
        Some(Rule::Acl { number, egress, allow }) => {
            HopRule::Acl(AclRule { number: number.map(i64::from), egress: *egress, allow: *allow })
        }
        Some(Rule::Route { destination, target }) => {
            HopRule::Route(RouteRule { destination: destination.to_string(), target: target.to_string() })
        }
        _ => HopRule::None,
    };
    let (protocol, ports) = match packet.transport {
        Transport::Tcp { source_port, destination_port } => ("6", Some((source_port, destination_port))),
        Transport::Udp { source_port, destination_port } => ("17", Some((source_port, destination_port))),
        Transport::Icmp { .. } => ("1", None),
        Transport::Protocol(_) => ("-1", None),
    };
    Hop {
        component: component.id().to_owned(),
        rule,
        vpc: vpc.cloned(),
        source: packet.source.to_string(),
        destination: packet.destination.to_string(),
        source_port: ports.map(|(port, _)| port.into()),
        destination_port: ports.map(|(_, port)| port.into()),
        protocol: protocol.into(),
        code: String::new(),
    }
}

/// The hops of one direction.
pub(crate) fn hops(path: &walk::Path) -> Vec<Hop> {
    path.hops.iter().map(|h| hop(&h.component, h.vpc.as_ref(), h.rule.as_ref(), h.packet)).collect()
}

/// What stands in the way.
pub(crate) fn obstacles(walk: &walk::Walk) -> Vec<Hop> {
    let one = |obstacle: &walk::Obstacle| Hop {
        code: obstacle.code.to_string(),
        ..hop(&obstacle.component, obstacle.vpc.as_ref(), obstacle.rule.as_ref(), obstacle.packet)
    };
    walk.obstacles().map(one).collect()
}
