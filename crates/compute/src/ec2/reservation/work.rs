//! Reservations that end in their time, room that is taken when it comes free, and what is paid for room that is not used.

use super::model::{EXPIRED, RESERVATIONS, Reservation, takers};
use super::used;
use crate::ec2::kinds;
use crate::ec2::model::{INSTANCES, Instance};
use crate::ec2::ops::SELF;
use base::{AccountId, Region, Timestamp};
use ec2::kind::CAPACITY_RESERVATION;
use ec2::{Ec2Error, describe, register};
use kernel::meter::{Gauge, Line, each};
use kernel::reconcile::Reconciler;
use kernel::steps;
use kernel::{Cloud, Cx};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, StoreError};

/// For how long one that is over is shown. AWS does not tell how long that is.
const SHOWN: Duration = Duration::from_secs(3600);
const STEPS_MAX: usize = 3;

type Next = steps::Next<Infallible>;

/// Keeps reservations.
#[derive(Debug)]
pub struct Reservations;

impl Reconciler for Reservations {
    fn name(&self) -> &'static str {
        "capacity reservations"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![RESERVATIONS.stored_key(&all), INSTANCES.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        steps::each(
            cloud,
            &RESERVATIONS,
            |one| one.id,
            |home, id| {
                steps::bring_on(cloud, SELF, home, STEPS_MAX, |cx| step(cx, id), |_, never| match *never {})
            },
        )
    }
}

fn step(cx: &mut Cx<'_>, id: &str) -> Result<Next, Ec2Error> {
    let key = register::key(cx.account, cx.region, id);
    let Some(mut reservation) = RESERVATIONS.get(cx.tx, &key)? else { return Ok(Next::Rest(None)) };
    if !reservation.is_active() {
        let then = reservation.ended.unwrap_or(reservation.created).plus(SHOWN);
        if then > cx.now {
            return Ok(Next::Rest(Some(then)));
        }
        RESERVATIONS.delete(cx.tx, &key);
        register::strike(cx.tx, cx.account, cx.region, id);
        return Ok(Next::Rest(None));
    }
    if reservation.until.is_some_and(|until| until <= cx.now) {
        end(cx, &mut reservation, EXPIRED)?;
        return Ok(Next::Again);
    }
    settle(cx, &reservation)?;
    Ok(Next::Rest(reservation.until))
}

/// Ends a reservation. Its machines run on, and are in none.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn end(cx: &mut Cx<'_>, reservation: &mut Reservation, state: &str) -> Result<(), Ec2Error> {
    (reservation.state, reservation.ended) = (state.to_owned(), Some(cx.now));
    RESERVATIONS.put(cx.tx, &register::key(cx.account, cx.region, &reservation.id), reservation);
    for mut instance in describe::all(cx, &INSTANCES)? {
        if instance.reserved.as_deref() == Some(&reservation.id) {
            instance.reserved = None;
            INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
        }
    }
    Ok(())
}

/// Lets machines that run take the room that is left, where whoever fits may.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn settle(cx: &mut Cx<'_>, reservation: &Reservation) -> Result<(), Ec2Error> {
    if !reservation.is_open() {
        return Ok(());
    }
    let all = describe::all(cx, &INSTANCES)?;
    for taker in takers(reservation, &all, reservation.total - used(&all, reservation)) {
        let instance = Instance { reserved: Some(reservation.id.clone()), ..taker.clone() };
        INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    }
    Ok(())
}

/// Room that is reserved and not used, by the hour.
#[derive(Debug)]
pub struct Unused;

impl Gauge for Unused {
    fn name(&self) -> &'static str {
        "capacity reservations"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![RESERVATIONS.stored_key(&Key::empty())]
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        let words = |why: StoreError| why.to_string();
        let snapshot = cloud.store().snapshot();
        each(cloud, &RESERVATIONS, |(account, region), reservation| {
            if let Some(kind) = kinds::find(&reservation.kind).filter(|_| reservation.is_active()) {
                let all = of(&snapshot, account, region).map_err(words)?;
                let unused = (reservation.total - used(&all, &reservation)).max(0);
                let resource = register::arn(account, region, CAPACITY_RESERVATION.noun, &reservation.id);
                let kind = &kind.unused;
                let line = Line { account, region, kind, operation: "RunInstances", resource: &resource };
                tell(&line, unused.unsigned_abs());
            }
            Ok(())
        })
    }
}

fn of(from: &dyn store::Read, account: AccountId, region: Region) -> Result<Vec<Instance>, StoreError> {
    let all = INSTANCES.scan(from, &Key::regional(account, region), Direction::Forward);
    all.map(|pair| pair.map(|(_, instance)| instance)).collect()
}
