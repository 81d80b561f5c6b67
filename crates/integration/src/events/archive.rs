//! Archives: what came over a bus is kept, as far as a pattern wants it, until its days are over; and replays, which send it over
//! the bus again.
//!
//! Events are kept in the transaction that takes them, ordered by the time that they tell, which is how replays go through them.
//! What is replayed is not archived again. In an archive with a key of KMS events lie sealed.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html>

use super::errors::EventsError;
use super::model::{Bus, Home};
use super::routing::{self, Event};
use super::sealing;
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Read, StoreError, Table, Tx};
use wire::Value;

/// By account, region, name.
pub(super) const ARCHIVES: Table<Archive> = Table::new(0x1406, "events/archives");
/// By the archive's number, time of the event, number.
pub(super) const KEPT: Table<Kept> = Table::new(0x1407, "events/archived");
/// By the archive's number, when it was taken, number.
const TAKEN: Table<Taken> = Table::new(0x1408, "events/archived by age");
/// By account, region, name.
pub(super) const REPLAYS: Table<Replay> = Table::new(0x1409, "events/replays");
/// Replays that are not at their end, by account, region, name.
pub(super) const RUNNING: Table<Running> = Table::new(0x140A, "events/running replays");
/// Archives that are gone but for their events, by number.
pub(super) const GONE: Table<Gone> = Table::new(0x140B, "events/deleted archives");

/// Events of one transaction.
const BATCH: usize = 50;
const DAY: Duration = Duration::from_secs(86_400);

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Archive {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) bus: String,
        5 => pub(super) description: Option<String>,
        6 => pub(super) pattern: Option<String>,
        /// None for ever.
        7 => pub(super) days: Option<u32>,
        8 => pub(super) created: Timestamp,
        /// Tells it apart from one of the same name that is gone.
        9 => pub(super) number: u64,
        10 => pub(super) kms_key: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Kept {
        /// Empty where it is sealed.
        1 => pub(super) event: String,
        2 => pub(super) taken: Timestamp,
        3 => pub(super) sealed: Vec<u8>,
        /// What KMS made of the key that opens it.
        4 => pub(super) data_key: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Debug)]
    struct Taken {
        1 => time: Timestamp,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Replay {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) description: Option<String>,
        5 => pub(super) archive: String,
        6 => pub(super) archive_number: u64,
        7 => pub(super) bus: String,
        /// ARNs of the only rules that get the events; none for all.
        8 => pub(super) rules: Vec<String>,
        9 => pub(super) from: Timestamp,
        10 => pub(super) to: Timestamp,
        11 => pub(super) state: String,
        12 => pub(super) started: Timestamp,
        13 => pub(super) ended: Option<Timestamp>,
        14 => pub(super) last: Option<Timestamp>,
        /// The stored key of the event that was sent last.
        15 => pub(super) position: Option<Vec<u8>>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Running {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Gone { 1 => pub(super) number: u64 }
}

pub(super) fn key((account, region): Home, name: &str) -> Key {
    Key::regional(account, region).str(name)
}

pub(super) fn archive_arn((account, region): Home, name: &str) -> String {
    format!("arn:aws:events:{}:{account}:archive/{name}", region.name())
}

pub(super) fn replay_arn((account, region): Home, name: &str) -> String {
    format!("arn:aws:events:{}:{account}:replay/{name}", region.name())
}

impl Archive {
    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn arn(&self) -> String {
        archive_arn(self.home(), &self.name)
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        ARCHIVES.put(tx, &key(self.home(), &self.name), self);
    }

    fn all(&self) -> Key {
        Key::global().u64(self.number)
    }

    /// How many events it has, and of how many bytes.
    pub(super) fn census(&self, from: &dyn Read) -> Result<(i64, i64), StoreError> {
        KEPT.scan(from, &self.all(), Direction::Forward).try_fold((0, 0), |(count, bytes), pair| {
            let (_, kept) = pair?;
            Ok((count + 1, bytes + (kept.event.len() + kept.sealed.len()) as i64))
        })
    }
}

/// Keeps an event in the archives of its bus that want it.
///
/// # Errors
/// The store's.
pub(super) fn keep(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    bus: &Bus,
    event: &Event,
    now: Timestamp,
) -> Result<(), EventsError> {
    if event.document.entry("replay-name").is_some() {
        return Ok(());
    }
    let all = ARCHIVES.scan(tx, &Key::regional(bus.account, bus.region), Direction::Forward);
    let all = all.map(|pair| pair.map(|(_, archive)| archive)).collect::<Result<Vec<_>, _>>()?;
    let wants = |archive: &&Archive| {
        let is_wanted = |pattern: &str| routing::is_wanted(cloud, pattern, event);
        archive.bus == bus.name && archive.pattern.as_deref().is_none_or(is_wanted)
    };
    let time = event.document.entry("time").and_then(Value::as_str).and_then(Timestamp::parse_iso8601);
    let time = time.unwrap_or(now);
    for archive in all.iter().filter(wants) {
        let number = cloud.rng().u64();
        let kept = match archive.kms_key.as_deref() {
            None => Kept { event: event.text.clone(), taken: now, ..Kept::default() },
            Some(key) => match sealing::archived(cloud, tx, bus, key, &event.text, now) {
                Ok((sealed, data_key)) => Kept { event: String::new(), taken: now, sealed, data_key },
                Err(fault) => {
                    sealing::lost(cloud, tx, bus, event, &fault);
                    continue;
                }
            },
        };
        KEPT.put(tx, &archive.all().time(time).u64(number), &kept);
        TAKEN.put(tx, &archive.all().time(now).u64(number), &Taken { time });
    }
    Ok(())
}

/// Drops some events of an archive that were taken before `until`; when the next one is to go, or now where more of them are left.
///
/// # Errors
/// The store's.
pub(super) fn drop_old(
    tx: &mut Tx,
    number: u64,
    until: Option<Timestamp>,
) -> Result<(usize, Option<Timestamp>), StoreError> {
    let all = Key::global().u64(number);
    let page = TAKEN.page(tx, &all, None, BATCH)?;
    let mut dropped = 0;
    for (key, Taken { time }) in page.items {
        let mut reader = key.reader();
        let read =
            reader.scope().and_then(|_| reader.u64()).and_then(|_| Some((reader.time()?, reader.u64()?)));
        let Some((taken, own)) = read else { continue };
        if until.is_some_and(|until| taken > until) {
            return Ok((dropped, Some(taken)));
        }
        TAKEN.delete(tx, &key);
        KEPT.delete(tx, &all.clone().time(time).u64(own));
        dropped += 1;
    }
    Ok((dropped, None))
}

impl Archive {
    /// Before which time events have had their days.
    pub(super) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        Some(now.minus(DAY * self.days?))
    }

    /// When an event that was taken then has had its days.
    pub(super) fn ends(&self, taken: Timestamp) -> Option<Timestamp> {
        Some(taken.plus(DAY * self.days?))
    }
}

impl Replay {
    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn arn(&self) -> String {
        replay_arn(self.home(), &self.name)
    }

    pub(super) fn is_at_work(&self) -> bool {
        matches!(self.state.as_str(), "STARTING" | "RUNNING" | "CANCELLING")
    }

    /// Saves it, with its place among those that are not at their end.
    pub(super) fn save(&self, tx: &mut Tx) {
        let key = key(self.home(), &self.name);
        if self.is_at_work() {
            let entry = Running { account: self.account, region: self.region, name: self.name.clone() };
            RUNNING.put(tx, &key, &entry);
        } else {
            RUNNING.delete(tx, &key);
        }
        REPLAYS.put(tx, &key, self);
    }

    fn end(mut self, tx: &mut Tx, state: &str, now: Timestamp) {
        self.state = state.to_owned();
        self.ended = Some(now);
        self.save(tx);
    }

    /// Sends the next events of the archive, and says where it is now.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn step(mut self, cloud: &Arc<Cloud>, tx: &mut Tx, now: Timestamp) -> Result<(), EventsError> {
        if self.state == "CANCELLING" {
            self.end(tx, "CANCELLED", now);
            return Ok(());
        }
        let Some(bus) = Bus::load(tx, self.home(), &self.bus)? else {
            self.end(tx, "FAILED", now);
            return Ok(());
        };
        let all = Key::global().u64(self.archive_number);
        let after = self.position.as_deref().map(Key::of_stored);
        // Just before the first event of its time.
        let first = all.clone().time(self.from);
        let page = KEPT.page(tx, &all, Some(&after.unwrap_or(first)), BATCH)?;
        let mut is_over = page.next.is_none();
        for (key, kept) in page.items {
            let mut reader = key.reader();
            let time = reader.scope().and_then(|_| reader.u64()).and_then(|_| reader.time()).unwrap_or(now);
            if time >= self.to {
                is_over = true;
                break;
            }
            let text = match kept.sealed.is_empty() {
                true => kept.event,
                false => match sealing::unarchived(cloud, tx, &bus, (&kept.sealed, &kept.data_key), now) {
                    Ok(text) => text,
                    Err(fault) => {
                        let fields = [("replay", self.arn()), ("problem", fault.to_string())];
                        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
                        kernel::log::warn("an archived event could not be opened", &fields);
                        self.end(tx, "FAILED", now);
                        return Ok(());
                    }
                },
            };
            self.send(cloud, tx, &bus, &text, now)?;
            self.position = Some(key.as_bytes().to_vec());
            self.last = Some(time);
        }
        if is_over {
            self.end(tx, "COMPLETED", now);
        } else {
            "RUNNING".clone_into(&mut self.state);
            self.save(tx);
        }
        Ok(())
    }

    fn send(
        &self,
        cloud: &Arc<Cloud>,
        tx: &mut Tx,
        bus: &Bus,
        text: &str,
        now: Timestamp,
    ) -> Result<(), EventsError> {
        let Some(Value::Map(mut members)) = wire::json::read(text) else { return Ok(()) };
        members.push(("replay-name".to_owned(), Value::str(&self.name)));
        let document = Value::Map(members);
        let text = wire::json::text(&document);
        let event = Event { document, text, hops: 0, trace: None };
        let may = |arn: &str| self.rules.is_empty() || self.rules.iter().any(|wanted| wanted == arn);
        routing::route_to(cloud, tx, bus, &event, now, may)
    }
}
