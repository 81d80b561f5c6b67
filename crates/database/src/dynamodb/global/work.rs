//! Replication: each region's own changes go to every other, in order, a moment after they happened.

use crate::dynamodb::change::How;
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal};
use crate::dynamodb::item::Item;
use crate::dynamodb::metering;
use crate::dynamodb::model::log::{self, By, Change, Position};
use crate::dynamodb::model::replica::{self, CURSORS, Cursor, ReplicaStatus, VERSIONS, Version};
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::table::{Status, TABLES, TableRecord};
use crate::dynamodb::work::commit;
use crate::dynamodb::write;
use base::{Region, Timestamp};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Read, Record};
use wire::Fault;

/// Changes that one transaction carries over.
const BATCH: usize = 100;
/// AWS: usually within a second.
const LAG_MIN_MICROS: u64 = 200_000;
const LAG_SPREAD_MICROS: u64 = 800_000;

/// Carries changes between replicas, and settles who is one.
#[derive(Debug)]
pub struct Replicate;

impl Reconciler for Replicate {
    fn name(&self) -> &'static str {
        "dynamodb replication"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![TABLES.stored_key(&Key::empty()), VERSIONS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let all: Result<Vec<_>, _> =
            TABLES.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward).collect();
        let mut next: Option<Timestamp> = None;
        for (_, table) in all.map_err(|e| e.to_string())? {
            if table.replicas.is_empty() {
                continue;
            }
            settle(cloud, &table).map_err(|e| Fault::from(e).to_string())?;
            for other in &table.replicas {
                let due = ship(cloud, &table, other.region).map_err(|e| Fault::from(e).to_string())?;
                next = next.into_iter().chain(due).min();
            }
        }
        Ok(next)
    }
}

/// Replicas that are filled become active; those that are gone are forgotten.
fn settle(cloud: &Cloud, table: &TableRecord) -> Result<(), Error> {
    let mut tx = cloud.store().begin();
    let Some(mut current) = TABLES.get(&tx, &table.own_key())? else { return Ok(()) };
    let mut replicas = Vec::with_capacity(current.replicas.len());
    for mut replica in current.replicas.clone() {
        let other = TABLES.get(&tx, &TableRecord::key(table.account, replica.region, &table.name))?;
        let is_member = |t: &TableRecord| t.replicas.iter().any(|r| r.region == table.region);
        match (replica.status, other) {
            (ReplicaStatus::Creating, Some(other)) if other.status != Status::Creating => {
                replica.status = ReplicaStatus::Active;
            }
            (ReplicaStatus::Deleting | ReplicaStatus::Active, other)
                if !other.as_ref().is_some_and(is_member) =>
            {
                CURSORS.delete(
                    &mut tx,
                    &replica::cursor_key(table.account, table.region, table.number, replica.region),
                );
                continue;
            }
            _ => {}
        }
        replicas.push(replica);
    }
    if replicas == current.replicas {
        return Ok(());
    }
    current.replicas = replicas;
    TABLES.put(&mut tx, &current.own_key(), &current);
    commit(tx).map(drop)
}

/// How long a change takes to another region: always the same in a cloud with the same seed.
fn lag(cloud: &Cloud, at: Position, to: Region) -> Duration {
    let seed = cloud.settings().seed.unwrap_or_default();
    let of_region =
        to.name().bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    let mixed = (of_region ^ at.commit).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Duration::from_micros(LAG_MIN_MICROS + (mixed >> 33) % LAG_SPREAD_MICROS)
}

fn read(value: &[u8]) -> Result<Change, Error> {
    Change::from_bytes(value).map_err(|_| Refusal::Internal.into())
}

/// Carries what is due to one region. Says when the next change is.
fn ship(cloud: &Arc<Cloud>, table: &TableRecord, to: Region) -> Result<Option<Timestamp>, Error> {
    let own = replica::cursor_key(table.account, table.region, table.number, to);
    let prefix = log::prefix(table.account, table.region, table.number);
    loop {
        let mut tx = cloud.store().begin();
        let key = TABLES.stored_key(&TableRecord::key(table.account, to, &table.name));
        let Some(target) = schema::load(cloud, &tx, &key)? else { return Ok(None) };
        let is_member = target.record.replicas.iter().any(|replica| replica.region == table.region);
        if !is_member || !matches!(target.record.status, Status::Active | Status::Updating) {
            return Ok(None);
        }
        let Some(source) = schema::load(cloud, &tx, &TABLES.stored_key(&table.own_key()))? else {
            return Ok(None);
        };
        // Until somebody who may use the keys has used both tables. What is to be carried over stays meanwhile.
        if !encryption::unlock_known(cloud, &source) || !encryption::unlock_known(cloud, &target) {
            return Ok(None);
        }
        let now = cloud.clock().now();
        let first = CURSORS.get(&tx, &own)?.unwrap_or_default().position();
        let state = cloud.store().snapshot();
        let (mut at, mut next) = (first, None);
        for pair in state.scan(log::range(&prefix, first, None), Direction::Forward).take(BATCH) {
            let (key, value) = pair?;
            let place = Position::of_key(&prefix, &key).ok_or(Refusal::Internal)?;
            let change = read(&value)?;
            let due = change.time.plus(lag(cloud, place, to));
            if change.by != By::Replication {
                if due > now {
                    next = Some(due);
                    break;
                }
                apply(&mut tx, cloud, &target, &change.opened(&source.vault)?, table.region, now)?;
            }
            at = place.next();
        }
        if at == first {
            return Ok(next);
        }
        CURSORS.put(&mut tx, &own, &Cursor::at(at));
        if commit(tx)? && next.is_some() {
            return Ok(next);
        }
    }
}

/// One change, unless the item was written later.
fn apply(
    tx: &mut store::Tx,
    cloud: &Cloud,
    target: &Arc<Schema>,
    change: &Change,
    from: Region,
    now: Timestamp,
) -> Result<(), Error> {
    let key = target.item_key(&change.key_item()?);
    let version = Version { time: change.time, region: from.name().to_owned() };
    if !version.wins_over(replica::version(tx, &key)?.as_ref()) {
        return Ok(());
    }
    let old = write::read(tx, target, &key)?;
    let new = change.new.as_deref().map(Item::decode).transpose()?;
    replica::set_version(tx, &key, &version);
    if old != new {
        let how = How::by(By::Replication, now);
        let done = write::replace(tx, target, key, old.as_ref(), new.as_ref(), how)?;
        metering::written_in(tx, cloud, now, target, &done);
    }
    Ok(())
}
