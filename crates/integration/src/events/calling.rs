//! Calls to API destinations, apart from other deliveries, since their endpoints may be slow.
//!
//! A call is made with the right of the target's role to `events:InvokeApiDestination`, and not faster than its destination
//! allows. What comes back is noted in a transaction of its own; after a crash in between it is called again.

use super::destination::Destination;
use super::errors::EventsError;
use super::invocation::failed;
use super::metering::{self, Tried};
use super::model::{CALLS, Delivery};
use super::outcall::{self, Asked, change};
use super::routing;
use super::sealing;
use super::target::NAME;
use super::work::{closed, exhausted, give_up, too_old};
use crate::rates::Rates;
use base::Timestamp;
use kernel::Cloud;
use kernel::outbound::Client;
use kernel::reconcile::Reconciler;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use store::{Key, Tx};
use wire::Fault;

/// Endpoints that are called at a time.
const AT_ONCE: usize = 8;

/// To API destinations.
#[derive(Debug)]
pub struct CallOut(pub Arc<Client>);

/// What came of a call, and how long to wait at least before the next.
type Outcome = Result<(), (Fault, Duration)>;

/// What becomes of a delivery that is due.
enum Turn {
    Call(Destination),
    /// It is not called any more, and which bound of its retry policy was reached.
    End(Fault, Option<&'static str>),
}

/// A delivery whose turn it is.
struct Due<'d> {
    key: &'d Key,
    kept: &'d Delivery,
    delivery: Cow<'d, Delivery>,
    turn: Turn,
}

impl Reconciler for CallOut {
    fn name(&self) -> &'static str {
        "events calls"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![CALLS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let (mut after, mut next, rates) = (None, None, cloud.memory::<Rates>());
        loop {
            let page = CALLS.page(&cloud.store().snapshot(), &Key::empty(), after.as_ref(), AT_ONCE);
            let page = page.map_err(|error| error.to_string())?;
            let (now, mut due) = (cloud.clock().now(), Vec::new());
            for (key, delivery) in &page.items {
                let at = due_at(key).unwrap_or(now);
                if at > now {
                    // They are in the order of their times.
                    self.call(cloud, &due)?;
                    return Ok([next, Some(at)].into_iter().flatten().min());
                }
                let turn =
                    turn(cloud, &rates, delivery, now).map_err(|error| Fault::from(error).to_string())?;
                match turn {
                    Ok(turn) => {
                        let opened = sealing::opened(cloud, &mut cloud.store().begin(), delivery, now);
                        match opened {
                            Ok(open) => due.push(Due { key, kept: delivery, delivery: open, turn }),
                            Err(fault) => change(cloud, |tx| {
                                CALLS.delete(tx, key);
                                closed(cloud, tx, delivery, &fault, now);
                            })?,
                        }
                    }
                    Err(at) => next = [next, Some(at)].into_iter().flatten().min(),
                }
            }
            self.call(cloud, &due)?;
            after = page.next;
            if after.is_none() {
                return Ok(next);
            }
        }
    }
}

fn due_at(key: &Key) -> Option<Timestamp> {
    let mut reader = key.reader();
    reader.scope().and_then(|_| reader.time())
}

/// What becomes of a delivery now; or when its destination has room for it.
fn turn(
    cloud: &Cloud,
    rates: &Rates,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Result<Turn, Timestamp>, EventsError> {
    let end = |code: &str, why: &str, bound| Ok(Ok(Turn::End(failed(code, false, why), bound)));
    let found = Destination::by_arn(&cloud.store().snapshot(), &delivery.target.arn)?;
    let Some(destination) = found.filter(|destination| destination.account == delivery.account) else {
        return end("NO_RESOURCE", "the API destination does not exist", None);
    };
    // However slowly it may be called, and however long it wanted to be left alone.
    if let Some(bound) = too_old(delivery, now) {
        return end("TIMEOUT", "the event could not be delivered in its time", Some(bound));
    }
    let room = rates.take(&delivery.target.arn, destination.limit(), now);
    Ok(room.map(|()| Turn::Call(destination)))
}

impl CallOut {
    /// Makes the calls side by side, and notes each.
    fn call(&self, cloud: &Arc<Cloud>, due: &[Due<'_>]) -> Result<(), String> {
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let calls: Vec<_> = due.iter().map(|due| scope.spawn(move || self.outcome(cloud, due))).collect();
            let broke = |_| Err((failed("INTERNAL_ERROR", true, "the call broke"), Duration::ZERO));
            calls.into_iter().map(|call| call.join().unwrap_or_else(broke)).collect()
        });
        due.iter()
            .zip(outcomes)
            .try_for_each(|(due, outcome)| change(cloud, |tx| settle(cloud, tx, due, &outcome)))
    }

    fn outcome(&self, cloud: &Arc<Cloud>, due: &Due<'_>) -> Outcome {
        let at_once = |fault: Fault| (fault, Duration::ZERO);
        let destination = match &due.turn {
            Turn::Call(destination) => destination,
            Turn::End(fault, _) => return Err(at_once(fault.clone())),
        };
        let delivery = &*due.delivery;
        let event = wire::json::read(&delivery.event).ok_or_else(|| at_once(EventsError::Internal.into()))?;
        let asked = Asked {
            service: NAME,
            role: delivery.target.role.as_deref().unwrap_or_default(),
            source: None,
            http: &delivery.target.http.clone().unwrap_or_default(),
            event: &event,
            input: &delivery.input,
        };
        outcall::call(cloud, &self.0, destination, &asked).map(drop)
    }
}

/// Notes how a call went.
fn settle(cloud: &Arc<Cloud>, tx: &mut Tx, due: &Due<'_>, outcome: &Outcome) {
    CALLS.delete(tx, due.key);
    let Err((fault, wait)) = outcome else {
        return metering::tried(cloud, tx, &due.delivery, Tried::Succeeded);
    };
    let (delivery, now) = (&*due.delivery, cloud.clock().now());
    let bound = match due.turn {
        Turn::End(_, bound) => bound,
        Turn::Call(_) if fault.is_sender() => None,
        Turn::Call(_) => exhausted(delivery, now),
    };
    if fault.is_sender() || bound.is_some() {
        return give_up(cloud, tx, delivery, fault.clone(), bound);
    }
    let attempts = delivery.attempts + 1;
    metering::tried(cloud, tx, delivery, Tried::Again);
    // AWS: whichever is longer.
    let wait = kernel::due::pause(attempts).max(*wait);
    routing::put(tx, now.plus(wait), &Delivery { attempts, ..due.kept.clone() });
}
