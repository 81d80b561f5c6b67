//! Spot requests brought on: fulfilled when price and capacity allow it, followed while their machines live, and
//! forgotten. One step of one request is one transaction.

use super::model::{
    ACTIVE, BAD, CANCELLED, DISABLED, ENDED_BY_PRICE, ENDED_BY_USER, ENDED_NO_CAPACITY, EXPIRED, FAILED,
    FULFILLED, MARKED_STOP, NO_CAPACITY, NO_ZONE, NOT_YET, OPEN, REQUESTS, Request, STILL_RUNNING,
    STOPPED_BY_PRICE, STOPPED_BY_USER, STOPPED_NO_CAPACITY, Status, TOO_LOW,
};
use super::notice::{Here, carry_out, give, interrupted};
use super::terms::{pool, too_low};
use crate::ec2::errors::ON_LAUNCH;
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::news;
use crate::ec2::ops::SELF;
use crate::ec2::ops::run::check_kind;
use crate::ec2::ops::spot_launch::{launch_for, zone_for};
use crate::ec2::ops::spot_request::{keep, withdraw};
use crate::ec2::ops::state::{boot, keep as keep_instance};
use base::Timestamp;
use ec2::zone::{self, ZONES};
use ec2::{Ec2Error, disk, register};
use kernel::reconcile::Reconciler;
use kernel::steps::{self, soonest};
use kernel::{Cloud, Cx};
use std::sync::Arc;
use std::time::Duration;
use store::Key;

/// AWS: requests are deleted four hours after they are cancelled and their instances are terminated.
const KEPT: Duration = Duration::from_secs(4 * 3600);
/// Between two tries to start a machine that is stopped.
const AGAIN: Duration = Duration::from_secs(60);
/// Steps of one request in one run; none takes more than three.
const STEPS_MAX: usize = 10;

/// Brings spot requests on.
#[derive(Debug)]
pub struct SpotRequests;

/// Refused: EC2 refuses to launch.
type Next = kernel::steps::Next<Ec2Error>;

impl Reconciler for SpotRequests {
    fn name(&self) -> &'static str {
        "spot requests"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![REQUESTS.stored_key(&all), INSTANCES.stored_key(&all), ZONES.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        steps::each(
            cloud,
            &REQUESTS,
            |request| request.id,
            |home, id| {
                steps::bring_on(
                    cloud,
                    SELF,
                    home,
                    STEPS_MAX,
                    |cx| step(cx, id),
                    |cx, why| give_up(cx, id, why),
                )
            },
        )
    }
}

/// A launch that was refused: for want of capacity it is tried again, whatever else is wrong stays so.
fn give_up(cx: &mut Cx<'_>, id: &str, error: &Ec2Error) -> Result<Next, Ec2Error> {
    let Some(mut request) = REQUESTS.get(cx.tx, &register::key(cx.account, cx.region, id))? else {
        return Ok(Next::Rest(None));
    };
    if error.is_capacity() {
        request.is_at(OPEN, NO_CAPACITY, cx.now);
        keep(cx, &request);
        return Ok(Next::Rest(None));
    }
    request.says(FAILED, BAD, error.message(), cx.now);
    request.fault = Some((error.code().to_owned(), error.message().to_owned()));
    keep(cx, &request);
    Ok(Next::Again)
}

fn step(cx: &mut Cx<'_>, id: &str) -> Result<Next, Ec2Error> {
    let Some(mut request) = REQUESTS.get(cx.tx, &register::key(cx.account, cx.region, id))? else {
        return Ok(Next::Rest(None));
    };
    let before = request.clone();
    let mut instance = match &request.instance {
        Some(id) => INSTANCES.get(cx.tx, &register::key(cx.account, cx.region, id))?,
        None => None,
    };
    let wake = match &mut instance {
        Some(instance) => watch(cx, &mut request, instance)?,
        None => None,
    };
    let next = match request.state.as_str() {
        OPEN => evaluate(cx, &mut request, instance.as_ref())?,
        ACTIVE => follow(cx, &mut request, instance.as_ref()),
        DISABLED => wait(cx, &mut request, instance)?,
        _ => finish(cx, &mut request, instance.as_ref()),
    };
    let Next::Rest(until) = next else {
        if !matches!(next, Next::Refused(_)) {
            keep(cx, &request);
        }
        return Ok(next);
    };
    if request != before {
        keep(cx, &request);
    }
    Ok(Next::Rest(soonest(until, wake)))
}

/// Interrupts a machine that runs, when it is time for that; tells when it may be.
fn watch(
    cx: &mut Cx<'_>,
    request: &mut Request,
    instance: &mut Instance,
) -> Result<Option<Timestamp>, Ec2Error> {
    if !matches!(instance.state, state::PENDING | state::RUNNING) {
        return Ok(None);
    }
    let here = Here { account: cx.account, region: cx.region, now: cx.now };
    let cloud = Arc::clone(cx.cloud());
    if let Some(at) = instance.notice.as_ref().map(|notice| notice.at) {
        if at > cx.now {
            return Ok(Some(at));
        }
        carry_out(&cloud, cx.tx, here, instance);
        return Ok(None);
    }
    let kind = check_kind(&instance.kind)?;
    if too_low(cx, kind, &instance.zone, request.max).is_some() {
        give(&cloud, cx.tx, here, request, instance, true);
        return Ok(instance.notice.as_ref().map(|notice| notice.at));
    }
    Ok(Some(pool(cx, kind, &instance.zone).next_change(cx.now)))
}

/// One that waits for its machine. The last one may still have to go.
fn evaluate(cx: &mut Cx<'_>, request: &mut Request, last: Option<&Instance>) -> Result<Next, Ec2Error> {
    let until = request.until;
    if request.has_expired(cx.now) {
        request.is_at(CANCELLED, EXPIRED, cx.now);
        return Ok(Next::Again);
    }
    if let Some(from) = request.from.filter(|from| *from > cx.now) {
        request.is_at(OPEN, NOT_YET, cx.now);
        return Ok(Next::Rest(soonest(Some(from), until)));
    }
    if let Some(then) = request.not_before.filter(|then| *then > cx.now) {
        let goes = last.is_some_and(|last| last.state != state::TERMINATED);
        if !(goes && request.code == ENDED_NO_CAPACITY.0) {
            request.is_at(OPEN, NO_CAPACITY, cx.now);
        }
        return Ok(Next::Rest(soonest(Some(then), until)));
    }
    let zone = match zone_for(cx, request) {
        Ok(zone) => zone,
        Err(error) if error.is_ours() => return Err(error),
        Err(error) => return Ok(Next::Refused(error)),
    };
    let lacks =
        if zone::exists(&zone) { zone::is_down(cx.tx, &zone)?.then_some(NO_CAPACITY) } else { Some(NO_ZONE) };
    if let Some(status) = lacks {
        request.is_at(OPEN, status, cx.now);
        return Ok(Next::Rest(until));
    }
    let kind = check_kind(&request.kind)?;
    if let Some(words) = too_low(cx, kind, &zone, request.max) {
        request.says(OPEN, TOO_LOW, &words, cx.now);
        return Ok(Next::Rest(soonest(Some(pool(cx, kind, &zone).next_change(cx.now)), until)));
    }
    match launch_for(cx, request, &zone) {
        Ok(instance) => {
            request.is_fulfilled(&instance.id, &instance.zone, cx.now);
            news::fulfilled(cx, &request.id, &instance.id);
            Ok(Next::Again)
        }
        Err(error) if error.is_ours() && !error.is_capacity() => Err(error),
        Err(error) => Ok(Next::Refused(error)),
    }
}

/// By what a machine was ended or stopped: by price, for its place, by its user.
fn why(instance: Option<&Instance>, [price, capacity, user]: [Status; 3]) -> Status {
    match instance.and_then(interrupted) {
        Some(true) => price,
        Some(false) => capacity,
        None => user,
    }
}

const ENDED: [Status; 3] = [ENDED_BY_PRICE, ENDED_NO_CAPACITY, ENDED_BY_USER];
const STOPPED: [Status; 3] = [STOPPED_BY_PRICE, STOPPED_NO_CAPACITY, STOPPED_BY_USER];

fn is_gone(instance: Option<&Instance>) -> bool {
    instance.is_none_or(|instance| instance.state == state::TERMINATED)
}

/// One that has its machine.
fn follow(cx: &Cx<'_>, request: &mut Request, instance: Option<&Instance>) -> Next {
    if is_gone(instance) {
        request.is_over(why(instance, ENDED), cx.now);
        return Next::Again;
    }
    match instance.map(|instance| instance.state) {
        Some(state::STOPPED) => {
            request.is_at(DISABLED, why(instance, STOPPED), cx.now);
            return Next::Again;
        }
        Some(state::STOPPING) => request.is_at(ACTIVE, MARKED_STOP, cx.now),
        Some(state::PENDING | state::RUNNING) if request.persistent && request.has_expired(cx.now) => {
            request.is_at(CANCELLED, STILL_RUNNING, cx.now);
        }
        _ => {}
    }
    Next::Rest(request.until.filter(|_| request.persistent && request.state == ACTIVE))
}

/// One whose machine is stopped: its user starts it again, or this does when an interruption is over.
fn wait(cx: &mut Cx<'_>, request: &mut Request, instance: Option<Instance>) -> Result<Next, Ec2Error> {
    let Some(mut instance) = instance.filter(|instance| instance.state != state::TERMINATED) else {
        request.is_over(ENDED_BY_USER, cx.now);
        return Ok(Next::Again);
    };
    if matches!(instance.state, state::PENDING | state::RUNNING) {
        request.is_at(ACTIVE, FULFILLED, cx.now);
        return Ok(Next::Again);
    }
    if instance.state != state::STOPPED {
        return Ok(Next::Rest(None));
    }
    if request.has_expired(cx.now) {
        withdraw(cx, request)?;
        return Ok(Next::Again);
    }
    let until = request.until;
    if interrupted(&instance).is_none() || request.of_fleet {
        return Ok(Next::Rest(until));
    }
    if let Some(then) = request.not_before.filter(|then| *then > cx.now) {
        return Ok(Next::Rest(soonest(Some(then), until)));
    }
    let kind = check_kind(&instance.kind)?;
    if too_low(cx, kind, &instance.zone, request.max).is_some() {
        let next = pool(cx, kind, &instance.zone).next_change(cx.now);
        return Ok(Next::Rest(soonest(Some(next), until)));
    }
    if zone::is_down(cx.tx, &instance.zone)? {
        return Ok(Next::Rest(until));
    }
    let root = disk::root_of(cx.tx, cx.account, cx.region, &instance.id)?;
    if instance.rooted && root.is_none() {
        // AWS: one whose root was detached is terminated where it would be started.
        instance.enter(state::SHUTTING_DOWN, cx.now, Some(ON_LAUNCH));
        keep_instance(cx, &instance, state::STOPPED);
        return Ok(Next::Again);
    }
    match boot(cx, &mut instance) {
        Ok(()) => {}
        Err(error) if error.is_ours() => return Err(error),
        // No public address is free, or the like: that may change.
        Err(_) => return Ok(Next::Rest(soonest(Some(cx.now.plus(AGAIN)), until))),
    }
    keep_instance(cx, &instance, state::STOPPED);
    request.is_fulfilled(&instance.id, &instance.zone, cx.now);
    Ok(Next::Again)
}

/// One that is over. It is forgotten some time after its machine is.
fn finish(cx: &mut Cx<'_>, request: &mut Request, instance: Option<&Instance>) -> Next {
    if !is_gone(instance) {
        return Next::Rest(None);
    }
    if request.state == CANCELLED && request.code == STILL_RUNNING.0 {
        request.is_at(CANCELLED, why(instance, ENDED), cx.now);
    }
    let then = request.updated.plus(KEPT);
    if then > cx.now {
        return Next::Rest(Some(then));
    }
    REQUESTS.delete(cx.tx, &register::key(cx.account, cx.region, &request.id));
    register::strike(cx.tx, cx.account, cx.region, &request.id);
    Next::Rest(None)
}
