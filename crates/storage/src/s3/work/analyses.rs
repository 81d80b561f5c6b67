//! Storage class analyses at work: what is counted goes into the store ([`WriteActivity`]), and at each midnight becomes a
//! day of an analysis, whose file is written anew ([`Analyses`]).
//!
//! What cannot be delivered is told in the log; the next day's file has its days, too.

use super::delivery::{self, Target};
use super::inventory::key_of;
use crate::s3::analytics::activity::{self, ACTIVITY};
use crate::s3::analytics::csv::{self, DAYS, Day, Row};
use crate::s3::analytics::{day, group};
use crate::s3::buckets;
use crate::s3::configs::{self, ANALYTICS};
use crate::s3::inventory::schedule;
use crate::s3::model::bucket::BucketRecord;
use crate::s3::model::object::{CURRENT, VERSIONS};
use crate::s3::settings::AnalyticsConfiguration;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Snapshot, StoreError, Table, Tx};
use wire::{Fault, Value};

const WRITE_AFTER: Duration = Duration::from_secs(1);

store::record! {
    /// When the next day of an analysis is over.
    #[derive(Clone, PartialEq, Debug)]
    pub struct NextAnalysis {
        1 => pub bucket: String,
        2 => pub at: Timestamp,
    }
}

/// Under the keys of [`ANALYTICS`]; of those that are told in a file.
pub const NEXT_ANALYSES: Table<NextAnalysis> = Table::new(0x2037, "s3/next analyses");

/// Forgets what is known of an analysis, or of all those under a bucket's scope.
///
/// # Errors
/// The store's.
pub(crate) fn forget(tx: &mut Tx, under: &Key) -> Result<(), StoreError> {
    configs::forget(tx, &NEXT_ANALYSES, under)?;
    configs::forget(tx, &ACTIVITY, under)?;
    configs::forget(tx, &DAYS, under)
}

/// Counts into the store, once a second.
#[derive(Debug)]
pub struct WriteActivity;

impl Reconciler for WriteActivity {
    fn name(&self) -> &'static str {
        "s3 analysed requests"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        WRITE_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        activity::write(cloud).map(|()| None)
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        activity::write(cloud)
    }
}

/// Days into files, at midnight.
#[derive(Debug)]
pub struct Analyses;

impl Reconciler for Analyses {
    fn name(&self) -> &'static str {
        "s3 storage class analyses"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![NEXT_ANALYSES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let mut soonest = None;
        for pair in NEXT_ANALYSES.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (row, next) = pair.map_err(|problem| problem.to_string())?;
            let at = if next.at <= now { analyse(cloud, &row, &next)? } else { Some(next.at) };
            soonest = soonest.into_iter().chain(at).min();
        }
        Ok(soonest)
    }
}

/// Adds the days that are over, and says when the next one is.
fn analyse(cloud: &Arc<Cloud>, row: &Key, next: &NextAnalysis) -> Result<Option<Timestamp>, String> {
    activity::write(cloud)?;
    let failed = |problem: StoreError| problem.to_string();
    let now = cloud.clock().now();
    let mut tx = cloud.store().begin();
    // Unless it was put anew meanwhile.
    if NEXT_ANALYSES.get(&tx, row).map_err(failed)?.as_ref() != Some(next) {
        return Ok(Some(now));
    }
    let configuration = ANALYTICS.get(&tx, row).map_err(failed)?;
    let bucket = buckets::find(cloud, &tx, &next.bucket).map_err(|error| Fault::from(error).to_string())?;
    let (Some(configuration), Some(bucket)) = (configuration, bucket) else {
        NEXT_ANALYSES.delete(&mut tx, row);
        return finish(tx, now, None);
    };
    let snapshot = cloud.store().snapshot();
    let stored = stored(&snapshot, &bucket.record, &configuration, now).map_err(failed)?;
    let mut days = BTreeSet::from([day(next.at) - 1]);
    let noted: Vec<_> =
        ACTIVITY.scan(&tx, row, Direction::Forward).collect::<Result<_, _>>().map_err(failed)?;
    let over = noted.into_iter().filter(|(_, activity)| activity.day < day(now));
    let mut tallies = Vec::new();
    for (place, activity) in over {
        days.insert(activity.day);
        tallies.push((activity.day, activity.tallies));
        ACTIVITY.delete(&mut tx, &place);
    }
    for number in days {
        let of_day = tallies.iter().filter(|(of, _)| *of == number).flat_map(|(_, tallies)| tallies);
        DAYS.put(&mut tx, &row.clone().i64(number), &Day::of(number, &stored, of_day));
    }
    let all: Vec<Day> = DAYS
        .scan(&tx, row, Direction::Forward)
        .map(|pair| pair.map(|(_, day)| day))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if let Err(fault) = deliver(cloud, &bucket.record, &configuration, &all) {
        let problem = fault.to_string();
        let told =
            [("bucket", next.bucket.as_str()), ("id", configuration.id.as_str()), ("problem", &problem)];
        kernel::log::warn("an analysis could not be delivered", &told);
    }
    let at = schedule::next("Daily", now);
    NEXT_ANALYSES.put(&mut tx, row, &NextAnalysis { at, ..next.clone() });
    finish(tx, now, Some(at))
}

fn finish(tx: Tx, now: Timestamp, next: Option<Timestamp>) -> Result<Option<Timestamp>, String> {
    match tx.commit().wait() {
        Ok(_) => Ok(next),
        Err(CommitError::Conflict) => Ok(Some(now)),
        Err(problem) => Err(problem.to_string()),
    }
}

/// What lies in the bucket of what the analysis takes, by class and age.
fn stored(
    snapshot: &Snapshot,
    bucket: &BucketRecord,
    configuration: &AnalyticsConfiguration,
    now: Timestamp,
) -> Result<Vec<Row>, StoreError> {
    let scope = bucket.scope();
    let conditions = configuration.conditions();
    let wanted = scope.clone().str_prefix(conditions.prefix);
    let mut rows = Vec::new();
    let current = CURRENT.scan(snapshot, &wanted, Direction::Forward);
    for pair in current.chain(VERSIONS.scan(snapshot, &wanted, Direction::Forward)) {
        let (row, version) = pair?;
        if !version.delete_marker && conditions.hold(&key_of(&scope, &row), version.size, &version.tags) {
            let group = group(version.modified, now, version.size);
            Row::of(&mut rows, version.class, group).add_object(version.size);
        }
    }
    Ok(rows)
}

fn deliver(
    cloud: &Arc<Cloud>,
    bucket: &BucketRecord,
    configuration: &AnalyticsConfiguration,
    days: &[Day],
) -> Result<(), Fault> {
    let Some(to) = configuration.exported() else { return Ok(()) };
    let prefix = to.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).unwrap_or_default();
    let key = format!("{prefix}{}/{}.csv", bucket.name, configuration.id);
    let target = Target { bucket: to.name().unwrap_or_default(), account: to.account.as_deref() };
    let kind = vec![("ContentType", Value::str("text/csv"))];
    delivery::put(cloud, bucket, target, &key, csv::text(configuration, days).into_bytes(), kind)
}
