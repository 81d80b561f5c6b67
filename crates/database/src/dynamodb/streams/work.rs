//! What happens to streams by themselves: shards are closed and followed, and what is a day old is trimmed.

use crate::dynamodb::errors::{Error, Refusal};
use crate::dynamodb::model::log::{self, Change, LOG, Position, STREAM_LIFE, TRIMMED, Trimmed};
use crate::dynamodb::model::replica::{CURSORS, ReplicaStatus, cursor_key};
use crate::dynamodb::model::stream::{SHARD_LIFE, STREAMS, StreamRecord, generation_key};
use crate::dynamodb::model::table::TABLES;
use base::{Region, Timestamp};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, KeyRange, Read, Record, Tx};
use wire::Fault;

/// Changes that one transaction trims.
const BATCH: usize = 500;
/// When to look again at what is old, and still to go to another region.
const HELD_LOOK: Duration = Duration::from_secs(600);

/// Closes shards and trims changes.
#[derive(Debug)]
pub struct StreamLife;

impl Reconciler for StreamLife {
    fn name(&self) -> &'static str {
        "dynamodb streams"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![STREAMS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let streams: Result<Vec<_>, _> =
            STREAMS.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward).collect();
        let mut next = None;
        for (_, stream) in streams.map_err(|e| e.to_string())? {
            let at = turn(cloud, &stream).map_err(|e| Fault::from(e).to_string())?;
            next = sooner(next, at);
        }
        let at = trim_all(cloud).map_err(|e| Fault::from(e).to_string())?;
        Ok(sooner(next, at))
    }
}

fn sooner(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

fn commit(tx: Tx) -> Result<(), Error> {
    match tx.commit().wait() {
        // Whoever was faster has woken the next run.
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => {
            kernel::log::error("a stream could not be changed", &[("problem", &error.to_string())]);
            Err(Refusal::Internal.into())
        }
    }
}

/// Begins the next generation when it is time, forgets those that are over, and the stream with its last. Says when
/// there is more to do.
fn turn(cloud: &Cloud, stream: &StreamRecord) -> Result<Option<Timestamp>, Error> {
    let now = cloud.clock().now();
    let mut tx = cloud.store().begin();
    let generations = stream.generations(&tx)?;
    for pair in generations.windows(2) {
        if now.since(pair[1].1.opened) > STREAM_LIFE {
            tx.delete(generation_key(stream.number, pair[0].0));
        }
    }
    let mut next = None;
    match (stream.closed, generations.last()) {
        (Some(closed), _) if now.since(closed) > STREAM_LIFE => {
            for (commit, _) in &generations {
                tx.delete(generation_key(stream.number, *commit));
            }
            STREAMS.delete(&mut tx, &stream.own_key());
        }
        (Some(closed), _) => next = Some(closed.plus(STREAM_LIFE)),
        (None, Some((_, last))) if now.since(last.opened) >= SHARD_LIFE => {
            stream.turn(&mut tx, now, false);
            next = Some(now.plus(SHARD_LIFE));
        }
        (None, last) => next = last.map(|(_, last)| last.opened.plus(SHARD_LIFE)),
    }
    if !tx.is_read_only() {
        commit(tx)?;
    }
    Ok(next)
}

/// What keeps the changes of a table.
struct Keeping {
    /// How long they stay in any case; for good while a table is being made of them.
    life: Option<Duration>,
    /// Who has to get them.
    regions: Vec<Region>,
}

impl Default for Keeping {
    fn default() -> Keeping {
        Keeping { life: Some(STREAM_LIFE), regions: Vec::new() }
    }
}

/// What keeps the changes of each table, by its number.
fn keepings(cloud: &Cloud) -> Result<HashMap<u64, Keeping>, Error> {
    let mut all: HashMap<u64, Keeping> = HashMap::new();
    for pair in TABLES.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
        let (_, table) = pair?;
        let own = all.entry(table.number).or_default();
        let active = table.replicas.iter().filter(|replica| replica.status == ReplicaStatus::Active);
        own.regions = active.map(|replica| replica.region).collect();
        if let Some(recovery) = table.recovery {
            own.life = own.life.map(|life| life.max(recovery.window()));
        }
        if let Some(restoring) = table.restore {
            all.entry(restoring.number).or_default().life = None;
        }
    }
    Ok(all)
}

/// Up to where each region has got a table's changes: what another has not got yet stays, however long it takes.
fn held(cloud: &Cloud, table: &Key, regions: &[Region]) -> Result<Option<Position>, Error> {
    let state = cloud.store().snapshot();
    let mut reader = table.reader();
    let (Some((account, region)), Some(number)) = (reader.regional(), reader.u64()) else { return Ok(None) };
    let at = regions.iter().map(|other| {
        let cursor = CURSORS.get(&state, &cursor_key(account, region, number, *other))?;
        Ok(cursor.unwrap_or_default().position())
    });
    Ok(at.collect::<Result<Vec<_>, Error>>()?.into_iter().min())
}

/// Trims every log. Says when the next change has its time.
fn trim_all(cloud: &Cloud) -> Result<Option<Timestamp>, Error> {
    let keepings = keepings(cloud)?;
    let other = Keeping::default();
    let whole = KeyRange::prefix(&LOG.stored_key(&Key::empty()));
    let mut rest = whole;
    let mut next = None;
    loop {
        let first = cloud.store().snapshot().scan(rest.clone(), Direction::Forward).next().transpose()?;
        let Some((key, _)) = first else { return Ok(next) };
        let Some((table, number)) = table_of(&key) else {
            rest = rest.after(&key);
            continue;
        };
        let keeping = keepings.get(&number).unwrap_or(&other);
        if let Some(life) = keeping.life {
            let held = held(cloud, &table, &keeping.regions)?;
            next = sooner(next, trim(cloud, &table, life, held)?);
        }
        let end = KeyRange::prefix(&LOG.stored_key(&table)).end;
        let Some(end) = end else { return Ok(next) };
        rest.start = end;
    }
}

/// The table's part of a change's key, and its number.
fn table_of(key: &[u8]) -> Option<(Key, u64)> {
    let start = LOG.stored_key(&Key::empty()).len();
    let key = Key::of_stored(key.get(start..)?);
    let mut reader = key.reader();
    let (account, region) = reader.regional()?;
    let number = reader.u64()?;
    Some((log::table(account, region, number), number))
}

fn trim(
    cloud: &Cloud,
    table: &Key,
    life: Duration,
    held: Option<Position>,
) -> Result<Option<Timestamp>, Error> {
    let prefix = LOG.stored_key(table);
    loop {
        let now = cloud.clock().now();
        let mut tx = cloud.store().begin();
        let (mut trimmed, mut next) = (Vec::new(), None);
        for pair in cloud.store().snapshot().scan(KeyRange::prefix(&prefix), Direction::Forward).take(BATCH) {
            let (key, value) = pair?;
            let change = Change::from_bytes(&value).map_err(|_| Error::from(Refusal::Internal))?;
            if now.since(change.time) <= life {
                next = Some(change.time.plus(life));
                break;
            }
            let at = Position::of_key(&prefix, &key);
            if held.is_some_and(|held| at.is_none_or(|at| at >= held)) {
                next = Some(now.plus(HELD_LOOK));
                break;
            }
            trimmed.push(key);
        }
        let Some(last) = trimmed.last().and_then(|key| Position::of_key(&prefix, key)) else {
            return Ok(next);
        };
        trimmed.into_iter().for_each(|key| tx.delete(key));
        TRIMMED.put(&mut tx, table, &Trimmed { before: last.commit + 1 });
        commit(tx)?;
        if next.is_some() {
            return Ok(next);
        }
    }
}
