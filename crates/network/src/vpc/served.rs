//! Interfaces of services that have no place in the room of networks themselves ([`ec2::served`]).

use super::find;
use super::model::{INTERFACES, InterfaceKind};
use super::ops::interface::{New, groups, plug};
use base::tag::Tags;
use base::{AccountId, Region};
use ec2::served::{NewInterface, Served};
use ec2::{Ec2Error, attachment, register};
use kernel::Cx;
use store::{StoreError, Tx};

/// # Errors
/// Those of `CreateNetworkInterface`.
pub fn make(cx: &mut Cx<'_>, wanted: &NewInterface) -> Result<Served, Ec2Error> {
    let subnet = find::subnet(cx, &wanted.subnet)?;
    let new = New {
        description: wanted.description.clone(),
        groups: groups(cx, &subnet.id, &subnet.vpc, &wanted.groups)?,
        kind: InterfaceKind::Lambda,
        requester: Some(attachment::CLOUD.into()),
        ..New::default()
    };
    let made = plug(cx, &subnet, new, &Tags::new())?;
    Ok(Served { interface: made.id, vpc: subnet.vpc, zone: subnet.zone })
}

/// # Errors
/// When the store cannot be read.
pub fn unmake(tx: &mut Tx, account: AccountId, region: Region, interface: &str) -> Result<(), StoreError> {
    match INTERFACES.get(tx, &register::key(account, region, interface))? {
        Some(found) if found.kind == InterfaceKind::Lambda => {
            super::work::unplug(tx, (account, region), &found);
            Ok(())
        }
        _ => Ok(()),
    }
}
