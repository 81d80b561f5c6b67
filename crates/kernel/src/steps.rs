//! Convergence step by step: of each record of a table that is somebody's in a region, one transaction a step, until it rests.

use crate::{Cloud, Cx};
use base::{AccountId, Region, Timestamp};
use std::sync::Arc;
use store::{Direction, Key, Record, Table};
use wire::Fault;

/// What comes after a step. `R`: that the step was refused, and is to be dropped but for a note.
#[derive(Debug)]
pub enum Next<R> {
    Again,
    /// Nothing before that time, but for news.
    Rest(Option<Timestamp>),
    Refused(R),
}

/// The earlier of two times, where there is one.
pub fn soonest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    [a, b].into_iter().flatten().min()
}

/// Brings each record of a table on, none held up by another; when the first of them is to be looked at again.
///
/// # Errors
/// A sentence for the log, of the last that failed.
pub fn each<T: Record>(
    cloud: &Arc<Cloud>,
    table: &Table<T>,
    id: impl Fn(T) -> String,
    bring_on: impl Fn((AccountId, Region), &str) -> Result<Option<Timestamp>, String>,
) -> Result<Option<Timestamp>, String> {
    let mut names = Vec::new();
    for pair in table.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
        let (key, record) = pair.map_err(|e| e.to_string())?;
        if let Some(home) = key.reader().regional() {
            names.push((home, id(record)));
        }
    }
    let (mut next, mut problem) = (None, None);
    for (home, id) in names {
        match bring_on(home, &id) {
            Ok(wake) => next = soonest(next, wake),
            Err(why) => problem = Some(format!("{id}: {why}")),
        }
    }
    problem.map_or(Ok(next), Err)
}

/// Goes on with one record as the service `name` until it rests, at most so many steps; when to look again.
///
/// # Errors
/// A sentence for the log: what a step, or the note of its refusal (`give_up`), failed by.
pub fn bring_on<R, E: Into<Fault>>(
    cloud: &Arc<Cloud>,
    name: &'static str,
    (account, region): (AccountId, Region),
    steps_max: usize,
    step: impl Fn(&mut Cx<'_>) -> Result<Next<R>, E>,
    give_up: impl Fn(&mut Cx<'_>, &R) -> Result<Next<R>, E>,
) -> Result<Option<Timestamp>, String> {
    let words = |error: E| error.into().message;
    for _ in 0..steps_max {
        let mut tx = cloud.store().begin();
        let mut next = cloud.act(&mut tx, name, account, region, &step).map_err(words)?;
        if let Next::Refused(why) = &next {
            tx = cloud.store().begin();
            next = cloud.act(&mut tx, name, account, region, |cx| give_up(cx, why)).map_err(words)?;
        }
        if !tx.is_read_only() {
            tx.commit().wait().map_err(|e| e.to_string())?;
        }
        if let Next::Rest(until) = next {
            return Ok(until);
        }
    }
    Ok(Some(cloud.clock().now()))
}
