//! Queries run by themselves, on what stood in the store when they began, and are forgotten after their days.

use super::errors::LogsError;
use super::insights::Query;
use super::insights::run::{Record, Running};
use super::insights::value::Val;
use super::model::event::{Place, millis};
use super::model::group::Group;
use super::model::query::{Asked, Cell, ENDS, Found, Named, QUERIES, RESULTS, WAITING, key};
use super::model::stream::{STREAMS, prefix};
use super::sealing;
use super::walk::{Merged, Span};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, due};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Read, Tx};
use wire::Fault;

/// AWS: results are there for seven days.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Runs queries.
#[derive(Debug)]
pub struct Ask;

impl Reconciler for Ask {
    fn name(&self) -> &'static str {
        "logs queries"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![WAITING.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let next = due::work_off(cloud, &WAITING, |tx, named, now| {
            ask(cloud, tx, named, now).map_err(|error| Fault::from(error).to_string())
        })?;
        let end =
            due::work_off(cloud, &ENDS, |tx, named, _| forget(tx, named).map_err(|error| error.to_string()))?;
        Ok(next.into_iter().chain(end).min())
    }
}

fn ask(cloud: &Arc<Cloud>, tx: &mut Tx, named: &Named, now: Timestamp) -> Result<(), LogsError> {
    let found = QUERIES.get(tx, &key(named.account, named.region, &named.id))?;
    let Some(mut asked) = found.filter(|asked| asked.status == "Scheduled") else { return Ok(()) };
    // It was read when it was asked.
    let Ok(query) = Query::read(&asked.text) else { return Ok(()) };
    let mut running = Running::new(&query, now);
    let snapshot = cloud.store().snapshot();
    let is_sealed = scan(cloud, &snapshot, &mut asked, now, |record| running.take(record))?;
    asked.matched = running.matched;
    let rows = running.end(usize::try_from(asked.limit).unwrap_or(usize::MAX));
    for (at, row) in (0u64..).zip(rows) {
        let cells = row.into_iter().map(|(field, value)| Cell { field, value }).collect();
        let found = Found { cells, hidden: Vec::new() };
        let found = match is_sealed {
            true => Found { cells: Vec::new(), hidden: sealing::hide(cloud.as_ref(), &found) },
            false => found,
        };
        RESULTS.put(tx, &asked.key().u64(at), &found);
    }
    "Complete".clone_into(&mut asked.status);
    asked.ended = Some(now);
    asked.save(tx);
    asked.name_in(&ENDS, tx, now.plus(KEPT));
    Ok(())
}

/// Tells all events of a query's groups within its time, the oldest first; whether some of the groups have a key of KMS.
fn scan(
    cloud: &Arc<Cloud>,
    from: &dyn Read,
    asked: &mut Asked,
    now: Timestamp,
    mut take: impl FnMut(Record),
) -> Result<bool, LogsError> {
    let (mut ids, mut sources, mut rings) = (Vec::new(), Vec::new(), Vec::new());
    for name in &asked.groups {
        let Some(group) = Group::load(from, asked.account, asked.region, name)? else { continue };
        let since = group.keeps_since(now).map_or(i64::MIN, millis);
        rings.push(sealing::ring_of(cloud, &group)?);
        let log = format!("{}:{}", group.account, group.name);
        for stream in STREAMS.scan(from, &prefix(group.id), Direction::Forward) {
            let (_, stream) = stream?;
            ids.push(stream.id);
            sources.push((since, log.clone(), stream.name, rings.len() - 1));
        }
    }
    let until = Place { time: asked.until.saturating_add(1), number: 0 };
    let span = Span { since: Place { time: asked.since, number: 0 }, until };
    for found in Merged::new(from, &ids, span) {
        let (at, place, event) = found?;
        let (since, log, stream, ring) = &sources[at];
        if place.time < *since {
            continue;
        }
        let event = rings[*ring].open(event)?;
        asked.scanned += 1;
        asked.bytes += event.message.len() as u64;
        let system = vec![
            ("@timestamp", Val::Time(place.time)),
            ("@ingestionTime", Val::Time(millis(event.ingested))),
            ("@logStream", Val::text(stream)),
            ("@log", Val::text(log)),
            ("@ptr", Val::Text(place.digits(ids[at]))),
        ];
        take(Record { message: event.message, system });
    }
    Ok(rings.iter().any(sealing::Ring::has_keys))
}

fn forget(tx: &mut Tx, named: &Named) -> Result<(), store::StoreError> {
    let key = key(named.account, named.region, &named.id);
    let all = RESULTS.scan(tx, &key, Direction::Forward).map(|pair| pair.map(|(key, _)| key));
    for row in all.collect::<Result<Vec<_>, _>>()? {
        RESULTS.delete(tx, &row);
    }
    QUERIES.delete(tx, &key);
    Ok(())
}
