//! Connections from the developer's programs to a machine: `virga ssh`, `virga forward`.

use super::exec::{NotStarted, off, running};
use super::machinery::Machinery;
use super::ops::SELF;
use host::{HostError, Place};
use kernel::{Call, Cloud};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use wire::Value;

/// Who the developer is on the cloud's internet: of TEST-NET-1, so nobody else is.
pub const DEVELOPER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const TIMEOUT: Duration = Duration::from_secs(5);

/// By which way a connection reaches a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From the cloud's internet to its public address: gateway, routes, ACLs and groups decide.
    Internet,
    /// Within the machine itself, as Session Manager's agent does: no packet rule is asked.
    Inside,
}

/// Connects to a TCP port of a running machine. Blocks.
///
/// # Errors
/// [`NotStarted::Machine`] where there is no such machine, it has no public address, or nothing answers.
pub fn connect(cloud: &Arc<Cloud>, instance: &str, port: u16, way: Way) -> Result<TcpStream, NotStarted> {
    let (account, region, record) = running(cloud, instance)?;
    if record.virtual_machine && way == Way::Inside {
        return Err(NotStarted::Machine(format!(
            "{instance} is a virtual machine: no way leads into it but its network"
        )));
    }
    let driver = cloud.memory::<Machinery>().driver();
    let driver = driver.ok_or_else(|| NotStarted::Machine(off(instance, "booting")))?;
    let (from, to) = match way {
        Way::Inside => (Place::Machine(instance.to_owned()), Ipv4Addr::LOCALHOST.into()),
        Way::Internet => {
            let mut tx = cloud.store().begin();
            let ids = Value::List(vec![Value::str(instance)]);
            let value = Value::Struct([("InstanceIds", ids)].into_iter().collect());
            let call = Call { service: "ec2", operation: "DescribeInstances", value };
            let found = cloud.call(&mut tx, SELF, account, region, call);
            let found = found.map_err(|fault| NotStarted::Failed(fault.message))?;
            let address = public_address(&found).ok_or_else(|| {
                NotStarted::Machine(format!(
                    "{instance} has no public address: nothing on the internet can reach it (--inside goes by no network)"
                ))
            })?;
            (Place::Internet(DEVELOPER), address)
        }
    };
    driver.connect(&from, SocketAddr::new(to, port), TIMEOUT).map_err(|why| match why {
        HostError::Unreachable(why) if way == Way::Internet => NotStarted::Machine(format!(
            "no answer: {why}; `virga why --from {DEVELOPER} --to {instance} --port {port}` tells which rule decides"
        )),
        HostError::Unreachable(why) => NotStarted::Machine(format!("no answer: {why}")),
        HostError::NotThere(_) => NotStarted::Machine(off(instance, "booting")),
        why => NotStarted::Failed(why.to_string()),
    })
}

fn public_address(found: &Value) -> Option<IpAddr> {
    let reservation = found.at(&["Reservations"])?.as_list()?.first()?;
    let instance = reservation.at(&["Instances"])?.as_list()?.first()?;
    instance.at(&["PublicIpAddress"])?.as_str()?.parse().ok()
}
