//! Availability zones as domains of failure: which of them are down, for all accounts.
//!
//! A zone fails by the operator's order and stays so over restarts. Whoever makes its machines and links real reads it
//! here; nothing else about the zone's resources changes.

use crate::errors::{Ec2Error, Plain};
use crate::fault;
use base::{Region, Timestamp};
use kernel::Cx;
use std::collections::{BTreeMap, BTreeSet};
use store::{Direction, Key, Read, StoreError, Table, Tx};

store::record! {
    /// A zone that has failed at some time; under its name.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Zone {
        1 => pub down: bool,
        /// When that last changed.
        2 => pub since: Timestamp,
        /// How often it has failed: what was started before the last time is gone, whether or not it was seen to go.
        3 => pub failures: u64,
    }
}

pub const ZONES: Table<Zone> = Table::new(0x1F20, "ec2/zones");

fn key(zone: &str) -> Key {
    Key::global().str(zone)
}

/// Whether there is such a zone.
pub fn exists(zone: &str) -> bool {
    Region::all().any(|region| region.zones().any(|name| name == zone))
}

/// What is on record about a zone; nothing where it has never failed.
///
/// # Errors
/// When the store cannot be read.
pub fn find(from: &dyn Read, zone: &str) -> Result<Option<Zone>, StoreError> {
    ZONES.get(from, &key(zone))
}

/// # Errors
/// As [`find`].
pub fn is_down(from: &dyn Read, zone: &str) -> Result<bool, StoreError> {
    Ok(find(from, zone)?.is_some_and(|zone| zone.down))
}

/// All that have ever failed, by name.
///
/// # Errors
/// As [`find`].
pub fn all(from: &dyn Read) -> Result<BTreeMap<String, Zone>, StoreError> {
    let mut out = BTreeMap::new();
    for pair in ZONES.scan(from, &Key::global(), Direction::Forward) {
        let (key, zone) = pair?;
        let mut reader = key.reader();
        if reader.scope().is_some()
            && let Some(name) = reader.str()
        {
            out.insert(name, zone);
        }
    }
    Ok(out)
}

/// The names of those that are down.
///
/// # Errors
/// As [`find`].
pub fn down(from: &dyn Read) -> Result<BTreeSet<String>, StoreError> {
    Ok(all(from)?.into_iter().filter(|(_, zone)| zone.down).map(|(name, _)| name).collect())
}

/// The names of those where whoever calls gets no machine: they are down, or an experiment has shut them.
///
/// # Errors
/// As [`find`].
pub fn closed(cx: &Cx<'_>) -> Result<BTreeSet<String>, StoreError> {
    let mut closed = down(cx.tx)?;
    closed.extend(fault::shut(cx)?);
    Ok(closed)
}

/// Refuses a machine of a type in a zone that is closed.
///
/// # Errors
/// `InsufficientInstanceCapacity`, with the zones of the region that are open.
pub fn capacity(cx: &Cx<'_>, zone: &str, kind: &str) -> Result<(), Ec2Error> {
    let closed = closed(cx)?;
    if closed.contains(zone) { Err(no_capacity(cx, zone, kind, &closed)) } else { Ok(()) }
}

/// `InsufficientInstanceCapacity`, where these zones are closed.
pub fn no_capacity(cx: &Cx<'_>, zone: &str, kind: &str, closed: &BTreeSet<String>) -> Ec2Error {
    let others: Vec<String> = cx.region.zones().filter(|name| !closed.contains(name)).collect();
    Plain::InsufficientInstanceCapacity(kind.to_owned(), zone.to_owned(), others.join(", ")).into()
}

/// Fails a zone or restores it; nothing where it is as asked.
///
/// # Errors
/// As [`find`].
pub fn set(tx: &mut Tx, name: &str, down: bool, now: Timestamp) -> Result<(), StoreError> {
    let zone = find(tx, name)?;
    if zone.as_ref().is_some_and(|zone| zone.down) == down {
        return Ok(());
    }
    let failures = zone.map_or(0, |zone| zone.failures) + u64::from(down);
    ZONES.put(tx, &key(name), &Zone { down, since: now, failures });
    Ok(())
}
