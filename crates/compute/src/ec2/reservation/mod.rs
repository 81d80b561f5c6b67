//! On-Demand Capacity Reservations: room for machines of one type in one zone, which is paid for whether or not it is used.
//!
//! A machine is in a reservation while it runs: in the one that it is launched for, or, where it leaves that open, in one
//! that is open and fits. Room that comes free is taken by machines that run already and fit.
//!
//! Not here: reservations of several types (fleets of them), for a date to come, in groups, shared with other accounts,
//! split or moved, and Capacity Blocks.

pub(crate) mod model;
pub mod work;

use super::model::{INSTANCES, Instance, state};
use ec2::kind::CAPACITY_RESERVATION;
use ec2::{Ec2Error, Plain, describe};
use kernel::Cx;
use model::{RESERVATIONS, Reservation};

/// Whether a machine takes room where it is.
pub(crate) fn takes_room(instance: &Instance) -> bool {
    !matches!(instance.state, state::STOPPED | state::TERMINATED)
}

/// How many machines are in a reservation.
pub(crate) fn used(all: &[Instance], reservation: &Reservation) -> i64 {
    let is_in =
        |instance: &&Instance| instance.reserved.as_deref() == Some(&reservation.id) && takes_room(instance);
    i64::try_from(all.iter().filter(is_in).count()).unwrap_or(i64::MAX)
}

/// The reservation of a machine that is to run, where there is one for it.
///
/// # Errors
/// `ReservationCapacityExceeded` where the one that it is for has no room; what is wrong with that one.
pub(crate) fn claim(cx: &Cx<'_>, instance: &Instance) -> Result<Option<String>, Ec2Error> {
    let is_spot = instance.spot.is_some();
    if let Some(id) = &instance.wish.target {
        let wanted = describe::get(cx, &RESERVATIONS, &CAPACITY_RESERVATION, id)?;
        if is_spot || !wanted.is_for(instance) {
            let what = format!(
                "The attributes of the instance do not match those of the Capacity Reservation {id}."
            );
            return Err(Plain::InvalidParameterValue(what).into());
        }
        if !wanted.is_active() {
            return Err(Plain::InvalidCapacityReservationState(id.clone(), wanted.state).into());
        }
        let all = describe::all(cx, &INSTANCES)?;
        return match used(&all, &wanted) < wanted.total {
            true => Ok(Some(wanted.id)),
            false => Err(Plain::ReservationCapacityExceeded.into()),
        };
    }
    if is_spot || !instance.wish.is_open() {
        return Ok(None);
    }
    let mut fitting = describe::all(cx, &RESERVATIONS)?;
    fitting.retain(|one| one.is_open() && one.is_for(instance));
    if fitting.is_empty() {
        return Ok(None);
    }
    fitting.sort_by_key(|one| (one.created, one.id.clone()));
    let all = describe::all(cx, &INSTANCES)?;
    Ok(fitting.into_iter().find(|one| used(&all, one) < one.total).map(|one| one.id))
}
