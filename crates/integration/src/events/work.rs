//! What happens by itself: deliveries are made, schedules come due, and the cloud's own events reach the default bus.

use super::archive::{self, ARCHIVES, GONE, REPLAYS, RUNNING};
use super::errors::{self, EventsError};
use super::listening::Listening;
use super::metering::{self, Tried};
use super::model::{Bus, DEFAULT, DELIVERIES, DUE, Delivery, Due, RULES, Rule};
use super::routing::{self, Envelope, Event};
use super::sealing;
use super::target;
use crate::schedule::Schedule;
use base::{AccountId, Region, Timestamp};
use kernel::bus::Subscriber;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, bus, due};
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Tx};
use wire::{Fault, Value};

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html>, as for the next.
const RETRIES: u32 = 185;
const AGE: Duration = Duration::from_secs(86_400);

/// Makes deliveries.
#[derive(Debug)]
pub struct Deliver;

impl Reconciler for Deliver {
    fn name(&self) -> &'static str {
        "events delivery"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DELIVERIES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &DELIVERIES, |tx, delivery, now| {
            deliver(cloud, tx, delivery, now);
            Ok(())
        })
    }
}

/// Makes one delivery; where it fails it is put for later, or into the dead-letter queue.
fn deliver(cloud: &Arc<Cloud>, tx: &mut Tx, kept: &Delivery, now: Timestamp) {
    let opened = match sealing::opened(cloud, tx, kept, now) {
        Ok(opened) => opened,
        Err(fault) => return closed(cloud, tx, kept, &fault, now),
    };
    let (delivery, savepoint) = (&*opened, tx.savepoint());
    let Err(fault) = target::reach(cloud, tx, delivery, now) else {
        return metering::tried(cloud, tx, delivery, Tried::Succeeded);
    };
    tx.rollback_to(savepoint);
    // AWS: what the target refuses is not tried again, unless it had too much to do.
    let exhausted = if fault.is_sender() && errors::listed(&fault) != "THROTTLING" {
        None
    } else {
        Some(exhausted(delivery, now))
    };
    if let Some(None) = exhausted {
        let attempts = delivery.attempts + 1;
        metering::tried(cloud, tx, delivery, Tried::Again);
        return routing::put(tx, now.plus(due::pause(attempts)), &Delivery { attempts, ..kept.clone() });
    }
    give_up(cloud, tx, delivery, fault, exhausted.flatten());
}

/// A delivery whose key is closed: it waits for that, and is lost when its retries are over, since nobody can read it.
pub(super) fn closed(cloud: &Arc<Cloud>, tx: &mut Tx, kept: &Delivery, fault: &Fault, now: Timestamp) {
    if exhausted(kept, now).is_none() {
        let attempts = kept.attempts + 1;
        metering::tried(cloud, tx, kept, Tried::Again);
        return routing::put(tx, now.plus(due::pause(attempts)), &Delivery { attempts, ..kept.clone() });
    }
    metering::tried(cloud, tx, kept, Tried::Failed);
    let fields =
        [("rule", kept.rule.as_str()), ("target", &kept.target.arn), ("problem", &fault.to_string())];
    kernel::log::warn("an event was not delivered", &fields);
}

/// Into the dead-letter queue, where there is one; with the bound of the retry policy that was reached.
pub(super) fn give_up(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &Delivery,
    fault: Fault,
    exhausted: Option<&'static str>,
) {
    let queue = delivery.target.dead_letters.as_deref();
    let buried = match queue {
        Some(queue) => {
            let savepoint = tx.savepoint();
            let outcome = target::bury(cloud, tx, delivery, queue, &fault, exhausted);
            if outcome.is_err() {
                tx.rollback_to(savepoint);
            }
            outcome
        }
        None => Err(fault),
    };
    let how = match (queue, &buried) {
        (_, Ok(())) => Tried::Buried,
        (Some(_), Err(_)) => Tried::NotBuried,
        (None, Err(_)) => Tried::Failed,
    };
    metering::tried(cloud, tx, delivery, how);
    if let Err(why) = buried {
        let fields = [
            ("rule", delivery.rule.as_str()),
            ("target", &delivery.target.arn),
            ("problem", &why.to_string()),
        ];
        kernel::log::warn("an event was not delivered", &fields);
    }
}

/// Which of the retry policy's bounds is reached, as AWS names it.
pub(super) fn exhausted(delivery: &Delivery, now: Timestamp) -> Option<&'static str> {
    let attempts = delivery.attempts >= delivery.target.retries.unwrap_or(RETRIES);
    if attempts { Some("MaximumRetryAttempts") } else { too_old(delivery, now) }
}

/// The bound that a delivery's age has reached.
pub(super) fn too_old(delivery: &Delivery, now: Timestamp) -> Option<&'static str> {
    let age = delivery.target.age_seconds.map_or(AGE, |seconds| Duration::from_secs(seconds.into()));
    (now.since(delivery.taken) >= age).then_some("MaximumEventAgeInSeconds")
}

/// Rules come due.
#[derive(Debug)]
pub struct Tick;

impl Reconciler for Tick {
    fn name(&self) -> &'static str {
        "events schedules"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &DUE, |tx, due, now| {
            tick(cloud, tx, due, now).map_err(|error| Fault::from(error).to_string())
        })
    }
}

/// AWS: a schedule that was missed while nobody ran it comes once, and then at its next time.
fn tick(cloud: &Arc<Cloud>, tx: &mut Tx, due: &Due, now: Timestamp) -> Result<(), EventsError> {
    let home = (due.account, due.region);
    let Some(rule) = RULES.get(tx, &Rule::key(home, DEFAULT, &due.name))? else { return Ok(()) };
    let at = rule.due.unwrap_or(now);
    let event = Event::new(Envelope {
        id: &base::id::uuid(cloud.rng()),
        detail_type: "Scheduled Event",
        source: "aws.events",
        account: due.account.as_str(),
        time: at,
        region: due.region.name(),
        resources: &[rule.arn()],
        detail: Value::Map(Vec::new()),
    });
    // Schedules are the default bus's, and what they tell is EventBridge's own.
    let bus = Bus::load(tx, home, DEFAULT)?.unwrap_or_default();
    routing::send(cloud, tx, &rule, &event, (&bus, None), now)?;
    let next = next(&rule, now);
    rule.save(tx, next);
    Ok(())
}

/// When a rule comes due after `now`.
pub(super) fn next(rule: &Rule, now: Timestamp) -> Option<Timestamp> {
    let schedule = Schedule::read(rule.schedule.as_deref().filter(|_| rule.enabled)?)?;
    schedule.next(rule.since.seconds(), now.seconds()).map(Timestamp::from_seconds)
}

/// Commits; a conflict is found again by the next run.
fn commit(tx: Tx) -> Result<(), String> {
    match tx.commit().wait() {
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Replays go on.
#[derive(Debug)]
pub struct Replays;

impl Reconciler for Replays {
    fn name(&self) -> &'static str {
        "events replays"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![RUNNING.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        loop {
            let mut tx = cloud.store().begin();
            let first = RUNNING.scan(&tx, &Key::empty(), Direction::Forward).next();
            let Some((key, running)) = first.transpose().map_err(|error| error.to_string())? else {
                return Ok(None);
            };
            let place = archive::key((running.account, running.region), &running.name);
            match REPLAYS.get(&tx, &place).map_err(|error| error.to_string())? {
                Some(replay) => {
                    let step = replay.step(cloud, &mut tx, cloud.clock().now());
                    step.map_err(|error| Fault::from(error).to_string())?;
                }
                None => RUNNING.delete(&mut tx, &key),
            }
            commit(tx)?;
        }
    }
}

/// Archived events leave when their days are over, and with their archive.
#[derive(Debug)]
pub struct Retain;

impl Reconciler for Retain {
    fn name(&self) -> &'static str {
        "events archives"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![ARCHIVES.stored_key(&Key::empty()), GONE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let say = |error: store::StoreError| error.to_string();
        let (snapshot, now) = (cloud.store().snapshot(), cloud.clock().now());
        for pair in GONE.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, gone) = pair.map_err(say)?;
            while drop_some(cloud, gone.number, None)?.0 > 0 {}
            let mut tx = cloud.store().begin();
            GONE.delete(&mut tx, &key);
            commit(tx)?;
        }
        let mut next = None;
        for pair in ARCHIVES.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, archive) = pair.map_err(say)?;
            let Some(until) = archive.until(now) else { continue };
            loop {
                let (dropped, oldest) = drop_some(cloud, archive.number, Some(until))?;
                if let Some(at) = oldest.and_then(|taken| archive.ends(taken)) {
                    next = Some(next.map_or(at, |next: Timestamp| next.min(at)));
                }
                if dropped == 0 || oldest.is_some() {
                    break;
                }
            }
        }
        Ok(next)
    }
}

fn drop_some(
    cloud: &Cloud,
    number: u64,
    until: Option<Timestamp>,
) -> Result<(usize, Option<Timestamp>), String> {
    let mut tx = cloud.store().begin();
    let outcome = archive::drop_old(&mut tx, number, until).map_err(|error| error.to_string())?;
    commit(tx)?;
    Ok(outcome)
}

/// What the cloud's own services tell, on the default bus.
#[derive(Debug)]
pub struct OwnEvents;

impl Subscriber for OwnEvents {
    fn name(&self) -> &'static str {
        "events"
    }

    fn wants_calls(&self, cloud: &Cloud, home: (AccountId, Region)) -> bool {
        cloud.memory::<Listening>().wants_calls(cloud, home)
    }

    fn take(&self, cloud: &Arc<Cloud>, event: &bus::Event) -> Result<(), String> {
        let region = Region::parse(&event.region).ok_or("the region is unknown")?;
        let document = Event::new(Envelope {
            id: &event.id,
            detail_type: &event.detail_type,
            source: &event.source,
            account: event.account.as_str(),
            time: event.time,
            region: &event.region,
            resources: &event.resources,
            detail: wire::json::read(&event.detail).unwrap_or_else(|| Value::Map(Vec::new())),
        });
        let say = |error: EventsError| Fault::from(error).to_string();
        loop {
            let mut tx = cloud.store().begin();
            let bus = Bus::load(&tx, (event.account, region), DEFAULT).map_err(|e| e.to_string())?;
            let bus = bus.ok_or("there is no default bus")?;
            routing::route(cloud, &mut tx, &bus, &document, cloud.clock().now()).map_err(say)?;
            if tx.is_read_only() {
                return Ok(());
            }
            match tx.commit().wait() {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}
