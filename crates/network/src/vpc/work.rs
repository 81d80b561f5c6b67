//! What happens to network resources by themselves: NAT gateways and endpoints come up and go, peering requests
//! expire, and what is gone is forgotten after a while.

use super::model::{
    ADDRESSES, ENDPOINTS, INTERFACES, INTERNET_GATEWAYS, Interface, NATS, Nat, NatState, PEERINGS, Peering,
    PeeringState, USED, used_key,
};
use base::{AccountId, Region, Timestamp};
use ec2::attachment::ATTACHMENTS;
use ec2::register;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, StoreError, Tx};

/// How long a NAT gateway that is gone or has failed can still be described.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html>
const NAT_SHOWN: Duration = Duration::from_secs(3600);
/// AWS: <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle>
const PEERING_GONE_SHOWN: Duration = Duration::from_secs(2 * 3600);
const PEERING_EXPIRED_SHOWN: Duration = Duration::from_secs(2 * 24 * 3600);

/// Takes the region's gateways, endpoints and connections through their states.
#[derive(Debug)]
pub struct NetworkLife;

impl Reconciler for NetworkLife {
    fn name(&self) -> &'static str {
        "network life"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![NATS.stored_key(&all), ENDPOINTS.stored_key(&all), PEERINGS.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        loop {
            let now = cloud.clock().now();
            let mut tx = cloud.store().begin();
            let next = step(&mut tx, cloud, now).map_err(|error| error.to_string())?;
            if tx.is_read_only() {
                return Ok(next);
            }
            match tx.commit().wait() {
                // Somebody changed one of them meanwhile; the next round sees it.
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Whose a record is.
#[derive(Clone, Copy)]
struct Place {
    account: AccountId,
    region: Region,
}

impl Place {
    fn of(key: &Key) -> Option<Place> {
        let (account, region) = key.reader().regional()?;
        Some(Place { account, region })
    }

    fn key(self, id: &str) -> Key {
        register::key(self.account, self.region, id)
    }
}

/// Everything that is due; when the next will be.
fn step(tx: &mut Tx, cloud: &Cloud, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let nats = nats(tx, cloud, now)?;
    let peerings = peerings(tx, now)?;
    endpoints(tx)?;
    Ok([nats, peerings].into_iter().flatten().min())
}

fn nats(tx: &mut Tx, cloud: &Cloud, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let all: Vec<(Key, Nat)> = NATS.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<_, _>>()?;
    let mut next = None;
    for (key, mut nat) in all {
        let Some(place) = Place::of(&key) else { continue };
        match nat.state {
            NatState::Pending => bring_up(tx, cloud, place, &mut nat, now)?,
            NatState::Deleting => {
                take_down(tx, place, &mut nat)?;
                nat.state = NatState::Deleted;
            }
            NatState::Available => continue,
            NatState::Deleted | NatState::Failed => {
                let until = nat.deleted.unwrap_or(nat.created).plus(NAT_SHOWN);
                if until <= now {
                    NATS.delete(tx, &key);
                    register::strike(tx, place.account, place.region, &nat.id);
                } else {
                    next = [next, Some(until)].into_iter().flatten().min();
                }
                continue;
            }
        }
        NATS.put(tx, &key, &nat);
    }
    Ok(next)
}

/// A public gateway gets its addresses, unless its VPC has no way to the internet.
fn bring_up(
    tx: &mut Tx,
    cloud: &Cloud,
    place: Place,
    nat: &mut Nat,
    now: Timestamp,
) -> Result<(), StoreError> {
    let prefix = Key::regional(place.account, place.region);
    let gateways: Vec<_> =
        INTERNET_GATEWAYS.scan(tx, &prefix, Direction::Forward).collect::<Result<Vec<_>, _>>()?;
    let is_connected = gateways.iter().any(|(_, gateway)| gateway.vpc.as_ref() == Some(&nat.vpc));
    if !nat.private && !is_connected {
        let vpc = &nat.vpc;
        return fail(
            tx,
            place,
            nat,
            now,
            format!("Network {vpc} has no Internet gateway attached"),
            "Gateway.NotAttached",
        );
    }
    for at in 0..nat.addresses.len() {
        let address = &mut nat.addresses[at];
        let Some(allocation) = address.allocation.clone() else { continue };
        let key = place.key(&allocation);
        let elastic = ADDRESSES.get(tx, &key)?.filter(|elastic| elastic.association.is_none());
        let Some(mut elastic) = elastic else {
            let what =
                format!("Elastic IP address {allocation} could not be associated with this NAT gateway");
            return fail(tx, place, nat, now, what, "InvalidAllocationID.NotFound");
        };
        let id = base::id::ec2_resource_id(cloud.rng(), "eipassoc");
        elastic.association = Some(super::model::AddressAssociation {
            id: id.clone(),
            interface: address.interface.clone(),
            private: address.private.clone(),
        });
        ADDRESSES.put(tx, &key, &elastic);
        address.association = Some(id);
        let key = place.key(&address.interface);
        if let Some(mut interface) = INTERFACES.get(tx, &key)? {
            for private in interface.addresses.iter_mut().filter(|p| p.address == address.private) {
                private.allocation = Some(allocation.clone());
            }
            INTERFACES.put(tx, &key, &interface);
        }
    }
    nat.state = NatState::Available;
    Ok(())
}

fn fail(
    tx: &mut Tx,
    place: Place,
    nat: &mut Nat,
    now: Timestamp,
    what: String,
    code: &str,
) -> Result<(), StoreError> {
    take_down(tx, place, nat)?;
    nat.state = NatState::Failed;
    nat.deleted = Some(now);
    (nat.failure, nat.failure_code) = (what, code.to_owned());
    Ok(())
}

/// Gives back interface and addresses.
fn take_down(tx: &mut Tx, place: Place, nat: &mut Nat) -> Result<(), StoreError> {
    for address in &mut nat.addresses {
        if let Some(allocation) = &address.allocation {
            let key = place.key(allocation);
            if let Some(mut elastic) = ADDRESSES.get(tx, &key)?
                && elastic.association.as_ref().map(|a| &a.id) == address.association.as_ref()
            {
                elastic.association = None;
                ADDRESSES.put(tx, &key, &elastic);
            }
        }
        address.association = None;
        let key = place.key(&address.interface);
        if let Some(interface) = INTERFACES.get(tx, &key)? {
            unplug(tx, (place.account, place.region), &interface);
        }
    }
    Ok(())
}

/// Takes an interface of the cloud's own away.
pub(super) fn unplug(tx: &mut Tx, (account, region): (AccountId, Region), interface: &Interface) {
    let regional = Key::regional(account, region);
    for address in interface.addresses.iter().filter_map(|a| a.address.parse().ok()) {
        USED.delete(tx, &used_key(regional.clone(), &interface.subnet, Some(address)));
    }
    let key = register::key(account, region, &interface.id);
    INTERFACES.delete(tx, &key);
    ATTACHMENTS.delete(tx, &key);
    register::strike(tx, account, region, &interface.id);
}

fn endpoints(tx: &mut Tx) -> Result<(), StoreError> {
    let all: Vec<_> = ENDPOINTS.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<Vec<_>, _>>()?;
    for (key, mut endpoint) in all {
        if !endpoint.available {
            endpoint.available = true;
            ENDPOINTS.put(tx, &key, &endpoint);
        }
    }
    Ok(())
}

fn peerings(tx: &mut Tx, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let all: Vec<(Key, Peering)> =
        PEERINGS.scan(tx, &Key::empty(), Direction::Forward).collect::<Result<_, _>>()?;
    let mut next = None;
    for (key, mut peering) in all {
        let shown = match peering.state {
            PeeringState::Active => continue,
            PeeringState::PendingAcceptance => peering.expires.since(peering.since),
            PeeringState::Expired => PEERING_EXPIRED_SHOWN,
            PeeringState::Deleted | PeeringState::Rejected | PeeringState::Failed => PEERING_GONE_SHOWN,
        };
        let until = peering.since.plus(shown);
        if until > now {
            next = [next, Some(until)].into_iter().flatten().min();
        } else if peering.state == PeeringState::PendingAcceptance {
            peering.state = PeeringState::Expired;
            peering.since = now;
            peering.message = "Expired".into();
            PEERINGS.put(tx, &key, &peering);
        } else {
            PEERINGS.delete(tx, &key);
            for side in [&peering.requester, &peering.accepter] {
                register::strike(tx, side.account, side.region, &peering.id);
            }
        }
    }
    Ok(next)
}
