//! Functions in a VPC.
//!
//! All functions of an account that are in one subnet with the same security groups share an interface there, made when
//! the first of them needs it. The sandboxes of their environments send by it, from its address; nobody can talk to them.
//! What such a function reaches is what its subnet's routes, the network ACLs and the groups let pass: the cloud itself
//! too, under AWS's names, by an internet gateway behind NAT or an endpoint, or not at all. An interface that no version
//! and no environment needs any more goes.
//!
//! Not here: IPv6.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>

use super::access::SERVICE;
use super::errors::{LambdaError, invalid, is_denied};
use super::model::{LINKS, Link, Network, VERSIONS, Version};
use super::workshop::Workshop;
use base::{AccountId, Region, Timestamp};
use ec2::served::{NewInterface, Sockets};
use host::{Driver, HostError, Place};
use kernel::reconcile::Reconciler;
use kernel::{As, Cloud, Cx};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{CommitError, Direction, Key, Read, StoreError};
use wire::{Fault, Struct, Value};

/// How long an environment waits for its interface, which is made real beside it.
const WAIT_MAX: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(10);
/// While environments are at work by an interface that is to go.
const LOOK: Duration = Duration::from_secs(1);

fn key(account: AccountId, region: Region, subnet: &str, groups: &[String]) -> Key {
    Key::regional(account, region).str(subnet).str(&groups.join(","))
}

fn texts(all: &[String]) -> Value {
    Value::List(all.iter().map(Value::str).collect())
}

fn ask(
    cx: &mut Cx<'_>,
    operation: &str,
    members: Vec<(&'static str, Value)>,
    who: As,
) -> Result<Value, Fault> {
    cx.call("ec2", operation, Value::Struct(members.into_iter().collect::<Struct>()), who)
}

/// What is named must be there for whoever names it; gives the VPCs that it is in.
fn look(
    cx: &mut Cx<'_>,
    operation: &str,
    member: (&'static str, &'static str),
    ids: &[String],
) -> Result<BTreeSet<String>, LambdaError> {
    let (ask_by, told_in) = member;
    let told = ask(cx, operation, vec![(ask_by, texts(ids))], As::CallerVia(SERVICE)).map_err(|fault| {
        let (code, message) = (&fault.code, &fault.message);
        if is_denied(&fault) {
            return LambdaError::Denied(format!(
                "Your access has been denied by EC2, please make sure your request credentials have permission to {operation} for {}. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized to perform this operation. {message}",
                ids.join(", ")
            ));
        }
        invalid(format!("Error occurred while {operation}. EC2 Error Code: {code}. EC2 Error Message: {message}"))
    })?;
    Ok(vpcs_in(&told, told_in))
}

/// The VPCs of subnets, for policies: of those that are there.
pub(crate) fn vpcs(cx: &mut Cx<'_>, subnets: &[String]) -> Vec<String> {
    let who = As::Service { name: SERVICE, account: cx.account };
    let told = ask(cx, "DescribeSubnets", vec![("SubnetIds", texts(subnets))], who);
    told.map(|told| vpcs_in(&told, "Subnets").into_iter().collect()).unwrap_or_default()
}

fn vpcs_in(told: &Value, member: &str) -> BTreeSet<String> {
    let all = told.member(member).and_then(Value::as_list).unwrap_or_default();
    all.iter().filter_map(|one| one.member("VpcId").and_then(Value::as_str)).map(str::to_owned).collect()
}

/// Lambda makes interfaces with the rights of the function's role.
fn check_role(cx: &mut Cx<'_>, role: &str, subnet: &str, groups: &[String]) -> Result<(), LambdaError> {
    let (cloud, place) = (Arc::clone(cx.cloud()), (cx.account, cx.region));
    let savepoint = cx.tx.savepoint();
    let tried = cloud.act_as_role(cx.tx, SERVICE, role, place, |cx| {
        let denied = |fault: Fault, operation: &str| match is_denied(&fault) {
            true => invalid(format!(
                "The provided execution role does not have permissions to call {operation} on EC2"
            )),
            false => invalid(format!(
                "Error occurred while {operation}. EC2 Error Code: {}. EC2 Error Message: {}",
                fault.code, fault.message
            )),
        };
        let wanted = vec![("SubnetId", Value::str(subnet)), ("Groups", texts(groups))];
        let operation = "CreateNetworkInterface";
        let made = ask(cx, operation, wanted, As::Caller).map_err(|fault| denied(fault, operation))?;
        let id = made.at(&["NetworkInterface", "NetworkInterfaceId"]).cloned().unwrap_or(Value::Null);
        for (operation, members) in [
            ("DescribeNetworkInterfaces", vec![("NetworkInterfaceIds", Value::List(vec![id.clone()]))]),
            ("DeleteNetworkInterface", vec![("NetworkInterfaceId", id)]),
        ] {
            ask(cx, operation, members, As::Caller).map_err(|fault| denied(fault, operation))?;
        }
        Ok(())
    });
    // It was to see whether the role may.
    cx.tx.rollback_to(savepoint);
    tried.map_err(|_| invalid("The role defined for the function cannot be assumed by Lambda."))?
}

/// Puts a function into subnets, with groups; into none where none are named.
///
/// # Errors
/// `InvalidParameterValueException`, `AccessDeniedException`
pub(crate) fn enter(
    cx: &mut Cx<'_>,
    (name, role): (&str, &str),
    subnets: &[String],
    groups: &[String],
) -> Result<Option<Network>, LambdaError> {
    let (Some(first), false) = (subnets.first(), groups.is_empty()) else {
        let both_empty = subnets.is_empty() && groups.is_empty();
        let words = "SubnetIds and SecurityIds must coexist or be both empty list.";
        return if both_empty { Ok(None) } else { Err(invalid(words)) };
    };
    let of_subnets = look(cx, "DescribeSubnets", ("SubnetIds", "Subnets"), subnets)?;
    let of_groups = look(cx, "DescribeSecurityGroups", ("GroupIds", "SecurityGroups"), groups)?;
    let mut vpcs = of_subnets.union(&of_groups);
    let (Some(vpc), None) = (vpcs.next(), vpcs.next()) else {
        return Err(invalid("The subnets and security groups of a function must all be in one VPC."));
    };
    check_role(cx, role, first, groups)?;
    let sorted: BTreeSet<&String> = groups.iter().collect();
    let network = Network {
        vpc: vpc.clone(),
        subnets: subnets.to_vec(),
        groups: sorted.into_iter().cloned().collect(),
    };
    for subnet in subnets {
        let key = key(cx.account, cx.region, subnet, &network.groups);
        if LINKS.contains(cx.tx, &key)? {
            continue;
        }
        let description = format!("AWS Lambda VPC ENI-{name}-{}", base::id::uuid(cx.rng()));
        let wanted = NewInterface { subnet: subnet.clone(), groups: network.groups.clone(), description };
        let sockets = cx.memory::<Sockets>();
        let made = sockets.make(cx, &wanted).map_err(|error| {
            let fault = Fault::from(error);
            invalid(format!(
                "Lambda was not able to create an ENI in the VPC of the Lambda function because of: {}: {}",
                fault.code, fault.message
            ))
        })?;
        LINKS.put(cx.tx, &key, &Link { interface: made.interface, zone: made.zone });
    }
    Ok(Some(network))
}

/// The interfaces that a new environment may have: of zones that are up, in the order of the subnets.
///
/// # Errors
/// When the store cannot be read.
fn links(from: &dyn Read, home: (AccountId, Region), network: &Network) -> Result<Vec<Link>, StoreError> {
    let down = ec2::zone::down(from)?;
    let mut links = Vec::new();
    for subnet in &network.subnets {
        links.extend(LINKS.get(from, &key(home.0, home.1, subnet, &network.groups))?);
    }
    links.retain(|link| !down.contains(&link.zone));
    Ok(links)
}

/// What an environment sends by.
#[derive(Debug)]
pub(crate) struct Tether {
    pub(crate) interface: String,
    /// Which one of those that there were under this name.
    incarnation: u64,
}

impl Tether {
    /// Whether what it leads to is still what it was.
    pub(crate) fn holds(&self, driver: &dyn Driver) -> bool {
        let there = driver.incarnation(&Place::Machine(self.interface.clone()));
        there.is_ok_and(|there| there == self.incarnation)
    }
}

/// Links a sandbox to an interface of its network. Blocks, also until the interface is there.
///
/// # Errors
/// What keeps it from being linked, in words.
pub(crate) fn tether(
    cloud: &Cloud,
    driver: &dyn Driver,
    machine: &str,
    home: (AccountId, Region),
    network: &Network,
) -> Result<Tether, String> {
    let began = Instant::now();
    let mut turn = usize::from(cloud.rng().bytes::<1>()[0]);
    loop {
        let links = links(&cloud.store().snapshot(), home, network).map_err(|why| why.to_string())?;
        if links.is_empty() {
            return Err("no zone of its subnets is available".into());
        }
        let interface = links[turn % links.len()].interface.clone();
        match driver.tether(machine, &interface) {
            Ok(()) => {
                let incarnation = driver.incarnation(&Place::Machine(interface.clone()));
                let incarnation = incarnation.map_err(|why| why.to_string())?;
                return Ok(Tether { interface, incarnation });
            }
            Err(HostError::NotThere(_)) if began.elapsed() < WAIT_MAX => {
                std::thread::sleep(STEP);
                turn += 1;
            }
            Err(why) => return Err(why.to_string()),
        }
    }
}

/// Takes interfaces away that nobody needs any more.
#[derive(Debug)]
pub struct Networks;

impl Networks {
    /// Whether some are left that environments still send by.
    fn step(cloud: &Arc<Cloud>) -> Result<bool, String> {
        let broken = |error: StoreError| error.to_string();
        let mut tx = cloud.store().begin();
        let mut links = Vec::new();
        for pair in LINKS.scan(&tx, &Key::empty(), Direction::Forward) {
            links.push(pair.map_err(broken)?);
        }
        if links.is_empty() {
            return Ok(false);
        }
        let mut needed = BTreeSet::new();
        for pair in VERSIONS.scan(&tx, &Key::empty(), Direction::Forward) {
            let (at, Version { network, .. }) = pair.map_err(broken)?;
            if let (Some(network), Some((account, region))) = (network, at.reader().regional()) {
                needed.extend(
                    network.subnets.iter().map(|subnet| key(account, region, subnet, &network.groups)),
                );
            }
        }
        let (workshop, sockets) = (cloud.memory::<Workshop>(), cloud.memory::<Sockets>());
        let mut is_busy = false;
        for (at, link) in links.into_iter().filter(|(at, _)| !needed.contains(at)) {
            let Some(home) = at.reader().regional() else { continue };
            if workshop.environments.leave(&link.interface) {
                is_busy = true;
                continue;
            }
            sockets.unmake(&mut tx, home, &link.interface).map_err(broken)?;
            LINKS.delete(&mut tx, &at);
        }
        match tx.commit().wait() {
            Ok(_) => Ok(is_busy),
            // The next look sees what has changed.
            Err(CommitError::Conflict) => Ok(true),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Reconciler for Networks {
    fn name(&self) -> &'static str {
        "networks of functions"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![VERSIONS.stored_key(&Key::empty()), LINKS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        Ok(Networks::step(cloud)?.then(|| cloud.clock().now().plus(LOOK)))
    }
}
