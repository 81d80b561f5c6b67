//! [`Dispatcher`]: which message of a queue is given to whom next. Pure: it is told what happens, and the time.
//!
//! It knows of each message when it was sent, when it becomes visible and who has it, never what is in it. The store
//! decides what is true; this is an index of it that is built when a queue is first used and follows every commit.
//!
//! ```text
//!             arrive          visible_at           take
//!  (reserve) ──────▶ waiting ───────────▶ ready ─────────▶ in flight ──▶ removed
//!                     ▲                     ▲                 │ │
//!                     └── delayed           └─────────────────┘ └ change: visible later
//!                                             visibility timeout
//! ```
//!
//! Messages stand in lanes. A standard queue has one for all its messages without a group, and one for each group
//! (each tenant of a fair queue). A FIFO queue has one for each group, in which nothing overtakes: it is closed while
//! its first message is not ready, and while one of its messages is in flight. A FIFO queue's place is taken when the
//! message is sent ([`Dispatcher::reserve`]), so that what is sent later cannot pass what is still on its way to the
//! disk.

use base::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The place of a message in its queue.
pub(crate) type Seq = u64;

/// Sequence numbers that one microsecond has, at most, when a queue is used for the first time after a restart.
const PER_MICROSECOND: u64 = 16;

/// AWS: the developer guide, "How Amazon SQS fair queues work": a tenant is noisy that has more than a tenth of the
/// messages in flight, and at least this many.
const NOISY_MIN: usize = 30;
const NOISY_SHARE: usize = 10;

/// A message as the dispatcher sees it.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) seq: Seq,
    pub(crate) sent: Timestamp,
    /// When its delay ends.
    pub(crate) visible_at: Timestamp,
    pub(crate) group: Option<Arc<str>>,
    /// Its last receive, where it was received before.
    pub(crate) lease: Option<Lease>,
}

/// One receive of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lease {
    /// Names this receive in its receipt handle.
    pub(crate) nonce: u64,
    /// How often the message has been received, this time included.
    pub(crate) count: u32,
    pub(crate) first: Timestamp,
    pub(crate) received: Timestamp,
    pub(crate) until: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Its place is taken, its commit is not decided.
    Reserved,
    /// Invisible until `Entry::at`: delayed, or in flight.
    Delayed,
    InFlight,
    Ready,
}

#[derive(Clone, Debug)]
struct Entry {
    sent: Timestamp,
    at: Timestamp,
    lane: u32,
    state: State,
    lease: Option<Lease>,
}

/// Messages of one group.
#[derive(Debug, Default)]
struct Lane {
    group: Option<Arc<str>>,
    /// Of a standard queue what is ready; of a FIFO queue everything, in order.
    line: BTreeSet<Seq>,
    in_flight: usize,
    /// Under which key it stands in [`Dispatcher::open`].
    open: Option<(bool, Seq)>,
    /// How many messages are in it, in any state.
    members: usize,
}

/// What a receive is to get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) max: usize,
    pub(crate) now: Timestamp,
    pub(crate) visibility: Duration,
    /// Messages that were received this often go to the dead-letter queue instead.
    pub(crate) receives_max: Option<u32>,
    pub(crate) in_flight_max: usize,
}

/// What a receive gets.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Taken {
    pub(crate) given: Vec<(Seq, Lease)>,
    /// For the dead-letter queue; held like a message in flight until [`Dispatcher::remove`].
    pub(crate) dead: Vec<(Seq, Lease)>,
    /// Nothing was given because too many are in flight.
    pub(crate) over_limit: bool,
}

/// How many messages there are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
}

/// Why a receipt handle does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stale {
    /// The message is gone.
    Gone,
    /// It was received again since.
    Superseded,
    /// Its visibility timeout is over.
    Expired(Lease),
}

#[derive(Debug)]
pub(crate) struct Dispatcher {
    fifo: bool,
    next: Seq,
    entries: HashMap<Seq, Entry>,
    /// What is delayed or in flight, by the time when that ends.
    due: BTreeSet<(Timestamp, Seq)>,
    by_age: BTreeSet<(Timestamp, Seq)>,
    lanes: Vec<Lane>,
    lane_of: HashMap<Arc<str>, u32>,
    free_lanes: Vec<u32>,
    /// The lanes that have something to give: quiet ones first, then by their oldest message.
    open: BTreeSet<(bool, Seq, u32)>,
    counts: Counts,
    /// The lane of messages without a group.
    plain: Option<u32>,
}

impl Dispatcher {
    pub(crate) fn new(fifo: bool, now: Timestamp) -> Dispatcher {
        let next = u64::try_from(now.micros()).unwrap_or(0).saturating_mul(PER_MICROSECOND);
        Dispatcher {
            fifo,
            next,
            entries: HashMap::new(),
            due: BTreeSet::new(),
            by_age: BTreeSet::new(),
            lanes: Vec::new(),
            lane_of: HashMap::new(),
            free_lanes: Vec::new(),
            open: BTreeSet::new(),
            counts: Counts::default(),
            plain: None,
        }
    }

    /// The next place. In a FIFO queue it is taken from now on, until [`Dispatcher::arrive`] or
    /// [`Dispatcher::abandon`].
    pub(crate) fn reserve(&mut self, group: Option<&Arc<str>>, now: Timestamp) -> Seq {
        let seq = self.next;
        self.next += 1;
        if self.fifo {
            let lane = self.lane(group);
            let entry = Entry { sent: now, at: now, lane, state: State::Reserved, lease: None };
            self.entries.insert(seq, entry);
            self.enter(lane, seq);
        }
        seq
    }

    /// The message of a reserved place will never come.
    pub(crate) fn abandon(&mut self, seq: Seq) {
        if self.entries.get(&seq).is_some_and(|entry| entry.state == State::Reserved) {
            self.remove(seq);
        }
    }

    /// A message is in the store.
    pub(crate) fn arrive(&mut self, arrival: &Arrival, now: Timestamp) {
        self.next = self.next.max(arrival.seq + 1);
        let known = self.entries.get(&arrival.seq).map(|entry| (entry.lane, entry.state));
        let lane = match known {
            Some((lane, State::Reserved)) => lane,
            Some(_) => return,
            None => {
                let lane = self.lane(arrival.group.as_ref());
                self.lanes[lane as usize].members += 1;
                if self.fifo {
                    self.lanes[lane as usize].line.insert(arrival.seq);
                }
                lane
            }
        };
        let held = arrival.lease.filter(|lease| lease.until > now);
        let (state, at) = match held {
            Some(lease) => (State::InFlight, lease.until),
            None if arrival.lease.is_none() && arrival.visible_at > now => {
                (State::Delayed, arrival.visible_at)
            }
            None => (State::Ready, now),
        };
        self.by_age.insert((arrival.sent, arrival.seq));
        let entry = Entry { sent: arrival.sent, at, lane, state: State::Reserved, lease: arrival.lease };
        self.entries.insert(arrival.seq, entry);
        self.turn(arrival.seq, state, at);
    }

    /// Moves a message into another state.
    fn turn(&mut self, seq: Seq, state: State, at: Timestamp) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        let (was, was_at, lane) = (entry.state, entry.at, entry.lane);
        (entry.state, entry.at) = (state, at);
        match was {
            State::Reserved => {}
            State::Delayed => self.counts.delayed -= 1,
            State::InFlight => {
                self.counts.in_flight -= 1;
                self.lanes[lane as usize].in_flight -= 1;
            }
            State::Ready => {
                self.counts.visible -= 1;
                if !self.fifo {
                    self.lanes[lane as usize].line.remove(&seq);
                }
            }
        }
        if matches!(was, State::Delayed | State::InFlight) {
            self.due.remove(&(was_at, seq));
        }
        match state {
            State::Reserved => {}
            State::Delayed => self.counts.delayed += 1,
            State::InFlight => {
                self.counts.in_flight += 1;
                self.lanes[lane as usize].in_flight += 1;
            }
            State::Ready => {
                self.counts.visible += 1;
                if !self.fifo {
                    self.lanes[lane as usize].line.insert(seq);
                }
            }
        }
        if matches!(state, State::Delayed | State::InFlight) {
            self.due.insert((at, seq));
        }
        self.refresh(lane);
    }

    /// Makes visible what has waited long enough.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        while let Some(&(at, seq)) = self.due.first() {
            if at > now {
                return;
            }
            self.turn(seq, State::Ready, now);
        }
    }

    /// When something next becomes visible by itself.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Forgets the messages that were sent before `horizon`, and names them.
    pub(crate) fn expire(&mut self, horizon: Timestamp) -> Vec<Seq> {
        let mut gone = Vec::new();
        while let Some(&(sent, seq)) = self.by_age.first() {
            if sent > horizon {
                break;
            }
            self.remove(seq);
            gone.push(seq);
        }
        gone
    }

    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(sent, _)| *sent)
    }

    /// Gives messages out. `nonce` draws the name of a receive.
    pub(crate) fn take(&mut self, asked: &Asked, mut nonce: impl FnMut() -> u64) -> Taken {
        self.tick(asked.now);
        let mut taken = Taken::default();
        while taken.given.len() < asked.max {
            let Some(lane) = self.next_lane() else { break };
            if self.counts.in_flight >= asked.in_flight_max {
                taken.over_limit = taken.given.is_empty();
                break;
            }
            // Of a FIFO queue as many messages of one group as there are; of a standard one the oldest of each turn.
            let count = if self.fifo { asked.max - taken.given.len() } else { 1 };
            self.take_from(lane, count, asked, &mut nonce, &mut taken);
        }
        taken
    }

    fn take_from(
        &mut self,
        lane: u32,
        count: usize,
        asked: &Asked,
        nonce: &mut impl FnMut() -> u64,
        taken: &mut Taken,
    ) {
        let ready = |seq: &&Seq| self.entries.get(seq).is_some_and(|e| e.state == State::Ready);
        let seqs: Vec<Seq> =
            self.lanes[lane as usize].line.iter().take_while(ready).take(count).copied().collect();
        for seq in seqs {
            let Some(entry) = self.entries.get_mut(&seq) else { continue };
            let before = entry.lease;
            let count = before.map_or(0, |lease| lease.count);
            let dead = asked.receives_max.is_some_and(|max| count >= max);
            let lease = Lease {
                nonce: nonce(),
                count: if dead { count } else { count.saturating_add(1) },
                first: before.map_or(asked.now, |lease| lease.first),
                received: asked.now,
                until: asked.now.plus(asked.visibility),
            };
            entry.lease = Some(lease);
            self.turn(seq, State::InFlight, lease.until);
            if dead { &mut taken.dead } else { &mut taken.given }.push((seq, lease));
        }
    }

    /// The lane whose turn it is.
    fn next_lane(&mut self) -> Option<u32> {
        loop {
            let (noisy, _, lane) = *self.open.first()?;
            // Its share has changed with what the others have in flight.
            if noisy == self.is_noisy(lane) {
                return Some(lane);
            }
            self.refresh(lane);
        }
    }

    /// Takes a receive of a message back, as if it had not been: what was to be written about it was not.
    pub(crate) fn give_back(&mut self, seq: Seq, lease: &Lease, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        if entry.lease.is_some_and(|held| held.nonce == lease.nonce) {
            let count = lease.count.saturating_sub(1);
            entry.lease = (count > 0).then_some(Lease { count, ..*lease });
            self.turn(seq, State::Ready, now);
        }
    }

    /// The receive that a receipt handle names, if it still holds.
    ///
    /// # Errors
    /// [`Stale`].
    pub(crate) fn held(&mut self, seq: Seq, nonce: u64, now: Timestamp) -> Result<Lease, Stale> {
        self.tick(now);
        let entry = self.entries.get(&seq).ok_or(Stale::Gone)?;
        match entry.lease {
            Some(lease) if lease.nonce == nonce && entry.state == State::InFlight => Ok(lease),
            Some(lease) if lease.nonce == nonce => Err(Stale::Expired(lease)),
            _ => Err(Stale::Superseded),
        }
    }

    /// Changes until when the receive named by `nonce` holds.
    pub(crate) fn hold(&mut self, seq: Seq, nonce: u64, until: Timestamp, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        let Some(lease) = entry.lease.as_mut().filter(|lease| lease.nonce == nonce) else { return };
        lease.until = until;
        let state = if until > now { State::InFlight } else { State::Ready };
        self.turn(seq, state, until.max(now));
    }

    /// The message is gone from the store.
    pub(crate) fn remove(&mut self, seq: Seq) {
        self.turn(seq, State::Reserved, Timestamp::from_micros(0));
        let Some(entry) = self.entries.remove(&seq) else { return };
        self.by_age.remove(&(entry.sent, seq));
        let lane = &mut self.lanes[entry.lane as usize];
        lane.line.remove(&seq);
        lane.members -= 1;
        self.refresh(entry.lane);
        self.drop_lane(entry.lane);
    }

    /// Forgets every message up to `last`, and names them.
    pub(crate) fn purge(&mut self, last: Seq) -> Vec<Seq> {
        let gone: Vec<Seq> = self
            .entries
            .iter()
            .filter(|(seq, entry)| **seq <= last && entry.state != State::Reserved)
            .map(|(seq, _)| *seq)
            .collect();
        gone.iter().for_each(|seq| self.remove(*seq));
        gone
    }

    /// The last place that was given out.
    pub(crate) fn last(&self) -> Seq {
        self.next.saturating_sub(1)
    }

    pub(crate) fn counts(&mut self, now: Timestamp) -> Counts {
        self.tick(now);
        self.counts
    }

    fn lane(&mut self, group: Option<&Arc<str>>) -> u32 {
        let known = match group {
            Some(group) => self.lane_of.get(group).copied(),
            None => self.plain,
        };
        if let Some(lane) = known {
            return lane;
        }
        let fresh = Lane { group: group.cloned(), ..Lane::default() };
        let lane = match self.free_lanes.pop() {
            Some(lane) => {
                self.lanes[lane as usize] = fresh;
                lane
            }
            None => {
                self.lanes.push(fresh);
                u32::try_from(self.lanes.len() - 1).unwrap_or(u32::MAX)
            }
        };
        match group {
            Some(group) => drop(self.lane_of.insert(group.clone(), lane)),
            None => self.plain = Some(lane),
        }
        lane
    }

    fn enter(&mut self, lane: u32, seq: Seq) {
        let place = &mut self.lanes[lane as usize];
        place.members += 1;
        place.line.insert(seq);
        self.refresh(lane);
    }

    fn drop_lane(&mut self, lane: u32) {
        let place = &mut self.lanes[lane as usize];
        if place.members > 0 {
            return;
        }
        if let Some(group) = place.group.take() {
            self.lane_of.remove(&group);
            self.free_lanes.push(lane);
        }
    }

    fn is_noisy(&self, lane: u32) -> bool {
        let lane = &self.lanes[lane as usize];
        let own = lane.in_flight;
        !self.fifo && lane.group.is_some() && own >= NOISY_MIN && own * NOISY_SHARE > self.counts.in_flight
    }

    /// Puts a lane where it belongs among those that have something to give.
    fn refresh(&mut self, lane: u32) {
        let place = &self.lanes[lane as usize];
        let head = place.line.first().copied();
        let is_open = |seq: &Seq| {
            !self.fifo
                || place.in_flight == 0
                    && self.entries.get(seq).is_some_and(|entry| entry.state == State::Ready)
        };
        let wanted = head.filter(is_open).map(|seq| (self.is_noisy(lane), seq));
        let had = place.open;
        if wanted == had {
            return;
        }
        if let Some((noisy, seq)) = had {
            self.open.remove(&(noisy, seq, lane));
        }
        if let Some((noisy, seq)) = wanted {
            self.open.insert((noisy, seq, lane));
        }
        self.lanes[lane as usize].open = wanted;
    }
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
