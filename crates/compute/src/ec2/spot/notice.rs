//! Interruptions: announced, and two minutes later carried out.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>

use super::model::{CANCELLED, ENDED_NO_CAPACITY, MARKED_END, MARKED_STOP, REQUESTS, Request, STILL_RUNNING};
use crate::ec2::errors::{SPOT_SHUTDOWN, SPOT_TERMINATION};
use crate::ec2::model::{INSTANCES, Instance, Notice, state};
use crate::ec2::news;
use base::{AccountId, Region, Timestamp};
use ec2::register;
use kernel::Cloud;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Tx};

/// From the notice to the interruption.
const NOTICE: Duration = Duration::from_secs(120);
/// For so long there is no capacity for the request of a machine whose place was needed. AWS does not tell how long
/// that is; this is long enough to be seen.
const NEEDED: Duration = Duration::from_secs(600);

/// Where records are, and when it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) now: Timestamp,
}

impl Here {
    pub(crate) fn key(self, id: &str) -> Key {
        register::key(self.account, self.region, id)
    }
}

/// Announces to a machine that it will be interrupted, and writes both records.
pub(crate) fn give(
    cloud: &Cloud,
    tx: &mut Tx,
    here: Here,
    request: &mut Request,
    instance: &mut Instance,
    by_price: bool,
) {
    let at = here.now.plus(NOTICE);
    // AWS: one whose request is cancelled can only be terminated.
    let stops = request.stops && request.state != CANCELLED;
    instance.notice = Some(Notice { at, stops, by_price });
    if !by_price {
        request.not_before = Some(at.plus(NEEDED));
    }
    match request.state.as_str() {
        CANCELLED => request.is_at(CANCELLED, STILL_RUNNING, here.now),
        _ if stops => request.shows(MARKED_STOP, here.now),
        _ if by_price => request.shows(MARKED_END, here.now),
        // AWS: it is over for the request at once; the machine has its two minutes.
        _ => request.is_over(ENDED_NO_CAPACITY, here.now),
    }
    INSTANCES.put(tx, &here.key(&instance.id), instance);
    REQUESTS.put(tx, &here.key(&request.id), request);
    news::warned(cloud, tx, (here.account, here.region), here.now, instance);
}

/// Does what was announced, once its time has come.
pub(crate) fn carry_out(cloud: &Cloud, tx: &mut Tx, here: Here, instance: &mut Instance) {
    let stops = instance.notice.as_ref().is_some_and(|notice| notice.stops);
    let (next, reason) =
        if stops { (state::STOPPING, SPOT_SHUTDOWN) } else { (state::SHUTTING_DOWN, SPOT_TERMINATION) };
    instance.forced = false;
    instance.enter(next, here.now, Some(reason));
    INSTANCES.put(tx, &here.key(&instance.id), instance);
    news::entered(cloud, tx, (here.account, here.region), here.now, instance);
}

/// Whether a machine was ended or stopped by an interruption, and whether that was for the price.
pub(crate) fn interrupted(instance: &Instance) -> Option<bool> {
    let by_spot = |(code, _): &(String, String)| code == SPOT_TERMINATION.0 || code == SPOT_SHUTDOWN.0;
    instance.reason.as_ref().filter(|reason| by_spot(reason))?;
    instance.notice.as_ref().map(|notice| notice.by_price)
}

/// By the operator's order a machine's place is needed: it gets its notice. Tells when it will be interrupted.
///
/// # Errors
/// A sentence that says why it cannot be.
pub fn interrupt(cloud: &Arc<Cloud>, tx: &mut Tx, id: &str) -> Result<Timestamp, String> {
    let all = INSTANCES.scan(tx, &Key::empty(), Direction::Forward);
    let all: Vec<(Key, Instance)> = all.collect::<Result<_, _>>().map_err(|why| why.to_string())?;
    let found = all.into_iter().find(|(_, instance)| instance.id == id);
    let Some((key, mut instance)) = found else { return Err(format!("there is no instance {id:?}")) };
    let Some((account, region)) = key.reader().regional() else { return Err(format!("{id} is nobody's")) };
    let here = Here { account, region, now: cloud.clock().now() };
    let Some(spot) = &instance.spot else { return Err(format!("{id} is not a Spot Instance")) };
    if !matches!(instance.state, state::PENDING | state::RUNNING) {
        return Err(format!("{id} is {}", state::word(instance.state)));
    }
    if let Some(notice) = &instance.notice {
        return Ok(notice.at);
    }
    let request = REQUESTS.get(tx, &here.key(spot)).map_err(|why| why.to_string())?;
    let mut request = request.ok_or_else(|| format!("{id} has no Spot request any more"))?;
    give(cloud, tx, here, &mut request, &mut instance, false);
    Ok(here.now.plus(NOTICE))
}

/// The running spot machines, each with its notice.
///
/// # Errors
/// When the store cannot be read.
pub fn running(cloud: &Cloud) -> Result<Vec<Instance>, store::StoreError> {
    let snapshot = cloud.store().snapshot();
    let all = INSTANCES.scan(&snapshot, &Key::empty(), Direction::Forward);
    let is_meant = |instance: &Instance| {
        instance.spot.is_some() && matches!(instance.state, state::PENDING | state::RUNNING)
    };
    let all: Vec<Instance> = all.map(|pair| pair.map(|(_, instance)| instance)).collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(is_meant).collect())
}
