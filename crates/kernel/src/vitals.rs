//! [`Vitals`]: the metrics of services, by which CloudWatch tells how they fare.
//!
//! Values are added up in memory by the minute and published every few seconds, by CloudWatch's public operation and as
//! the service itself. An orderly stop loses none; a crash loses the last seconds.
//!
//! CloudWatch is the one service that the kernel calls by its name: all others tell it of themselves.

use crate::cloud::Cloud;
use crate::nested::Call;
use crate::reconcile::Reconciler;
use base::{AccountId, Region, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{CommitError, Tx};
use wire::{Fault, Value};

const PUBLISH_AFTER: Duration = Duration::from_secs(5);
const MINUTE: i64 = 60;
/// Minutes of places that wait: more only where nothing can be written.
const WAITING_MAX: usize = 10_000;
/// CloudWatch takes so many values of one metric at once.
const VALUES_MAX: usize = 150;
/// And so many metrics in one call.
const DATA_MAX: usize = 1_000;
const CONFLICTS_MAX: u32 = 32;

/// A service that tells of itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Source {
    /// As whom it publishes: `lambda.amazonaws.com`.
    pub service: &'static str,
    /// `AWS/Lambda`
    pub namespace: &'static str,
}

/// What is counted or measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Metric {
    pub name: &'static str,
    /// In CloudWatch's words: `Count`.
    pub unit: &'static str,
}

impl Metric {
    /// One that counts.
    pub const fn count(name: &'static str) -> Metric {
        Metric { name, unit: "Count" }
    }
}

/// What metrics are of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    pub source: Source,
    pub home: (AccountId, Region),
    pub dimensions: Vec<(&'static str, String)>,
}

/// Values in thousandths, which add up exactly, and how often there was each.
pub type Values = BTreeMap<i64, u64>;
/// By place and minute.
type Minutes = HashMap<(Place, i64), BTreeMap<Metric, Values>>;

/// What waits to be published. Kept by [`Cloud::memory`].
#[derive(Default, Debug)]
pub struct Vitals(Mutex<Waiting>);

#[derive(Default, Debug)]
struct Waiting {
    minutes: Minutes,
    dropped: u64,
}

impl Waiting {
    /// The metrics of a place in a minute, unless too many wait.
    fn metrics(&mut self, minute: (Place, i64)) -> Option<&mut BTreeMap<Metric, Values>> {
        if self.minutes.len() >= WAITING_MAX && !self.minutes.contains_key(&minute) {
            self.dropped += 1;
            return None;
        }
        Some(self.minutes.entry(minute).or_default())
    }
}

impl Vitals {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one value to each of some metrics.
    pub fn note(&self, place: Place, at: Timestamp, samples: &[(Metric, f64)]) {
        let mut waiting = self.waiting();
        let Some(metrics) = waiting.metrics((place, at.seconds().div_euclid(MINUTE))) else { return };
        for (metric, value) in samples {
            let thousandths = (value * 1_000.0).round() as i64;
            *metrics.entry(*metric).or_default().entry(thousandths).or_default() += 1;
        }
    }

    /// Adds values that a service has collected itself.
    pub fn add(&self, place: Place, at: Timestamp, metric: Metric, values: Values) {
        let mut waiting = self.waiting();
        let Some(metrics) = waiting.metrics((place, at.seconds().div_euclid(MINUTE))) else { return };
        add_up(metrics.entry(metric).or_default(), values);
    }

    fn give_back(&self, minutes: Minutes) {
        let mut waiting = self.waiting();
        for (minute, metrics) in minutes {
            let known = waiting.minutes.entry(minute).or_default();
            for (metric, values) in metrics {
                add_up(known.entry(metric).or_default(), values);
            }
        }
    }
}

/// Adds one value to each of some metrics once a transaction commits.
pub fn note_after(cloud: &Cloud, tx: &mut Tx, place: Place, at: Timestamp, samples: Vec<(Metric, f64)>) {
    let vitals = cloud.memory::<Vitals>();
    tx.on_end(move |commit| {
        if commit.is_some() {
            vitals.note(place, at, &samples);
        }
    });
}

fn add_up(all: &mut Values, more: Values) {
    more.into_iter().for_each(|(value, times)| *all.entry(value).or_default() += times);
}

/// One value of a metric, as CloudWatch takes it.
pub fn datum(
    dimensions: &[(&'static str, String)],
    at: Timestamp,
    metric: Metric,
    amount: impl IntoIterator<Item = (&'static str, Value)>,
) -> Value {
    let dimensions = dimensions.iter().map(|(name, value)| {
        Value::Struct([("Name", Value::str(*name)), ("Value", Value::str(value))].into_iter().collect())
    });
    let fixed = [
        ("MetricName", Value::str(metric.name)),
        ("Dimensions", Value::List(dimensions.collect())),
        ("Timestamp", Value::Time(at)),
        ("Unit", Value::str(metric.unit)),
    ];
    Value::Struct(fixed.into_iter().chain(amount).collect())
}

/// Hands data to CloudWatch, in a transaction that the caller commits.
///
/// # Errors
/// Those of `PutMetricData`.
pub fn put(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    source: Source,
    (account, region): (AccountId, Region),
    data: &[Value],
) -> Result<(), Fault> {
    for some in data.chunks(DATA_MAX) {
        let members =
            [("Namespace", Value::str(source.namespace)), ("MetricData", Value::List(some.to_vec()))];
        let value = Value::Struct(members.into_iter().collect());
        let call = Call { service: "cloudwatch", operation: "PutMetricData", value };
        cloud.call(tx, source.service, account, region, call)?;
    }
    Ok(())
}

/// The values of one metric, some of them at a time.
fn data<'a>(
    place: &'a Place,
    minute: i64,
    metric: Metric,
    values: &Values,
) -> impl Iterator<Item = Value> + 'a {
    let all: Vec<(f64, f64)> =
        values.iter().map(|(value, times)| (*value as f64 / 1_000.0, *times as f64)).collect();
    let chunks: Vec<Vec<(f64, f64)>> = all.chunks(VALUES_MAX).map(<[_]>::to_vec).collect();
    let at = Timestamp::from_seconds(minute * MINUTE);
    chunks.into_iter().map(move |some| {
        let (values, counts) = some.into_iter().map(|(v, n)| (Value::Float(v), Value::Float(n))).unzip();
        datum(
            &place.dimensions,
            at,
            metric,
            [("Values", Value::List(values)), ("Counts", Value::List(counts))],
        )
    })
}

/// Publishes what waits.
fn publish(cloud: &Arc<Cloud>) -> Result<(), String> {
    let vitals = cloud.memory::<Vitals>();
    let Waiting { minutes, dropped } = std::mem::take(&mut *vitals.waiting());
    if dropped > 0 {
        let values = dropped.to_string();
        crate::log::error("metrics were lost: too many wait for CloudWatch", &[("values", &values)]);
    }
    // Each minute by itself: one that CloudWatch refuses takes no other with it.
    let mut by_home: HashMap<(Source, (AccountId, Region), i64), Minutes> = HashMap::new();
    for (minute, metrics) in minutes {
        let of = (minute.0.source, minute.0.home, minute.1);
        by_home.entry(of).or_default().insert(minute, metrics);
    }
    let mut problem = Ok(());
    for ((source, home, _), minutes) in by_home {
        if let Err(why) = publish_of(cloud, source, home, &minutes) {
            vitals.give_back(minutes);
            problem = Err(why);
        }
    }
    problem
}

/// A minute of one service in one account and region, in one transaction, so that nothing is counted twice.
fn publish_of(
    cloud: &Arc<Cloud>,
    source: Source,
    home: (AccountId, Region),
    minutes: &Minutes,
) -> Result<(), String> {
    let all: Vec<Value> = minutes
        .iter()
        .flat_map(|((place, minute), metrics)| {
            metrics.iter().flat_map(|(metric, values)| data(place, *minute, *metric, values))
        })
        .collect();
    for left in (0..CONFLICTS_MAX).rev() {
        let mut tx = cloud.store().begin();
        if let Err(fault) = put(cloud, &mut tx, source, home, &all) {
            // What CloudWatch does not take now (it is too old, after the clock was moved) it never will.
            if fault.status < 500 {
                let told = [("namespace", source.namespace), ("problem", &fault.to_string())];
                crate::log::warn("metrics were not taken", &told);
                return Ok(());
            }
            return Err(fault.to_string());
        }
        match tx.commit().wait() {
            Err(CommitError::Conflict) if left > 0 => {}
            done => return done.map(drop).map_err(|error| error.to_string()),
        }
    }
    Ok(())
}

/// Publishes every few seconds, and before the end.
#[derive(Debug)]
pub(crate) struct Publish;

impl Reconciler for Publish {
    fn name(&self) -> &'static str {
        "metrics of services"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        PUBLISH_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        publish(cloud).map(|()| None)
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        publish(cloud)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        let source = Source { service: "x.amazonaws.com", namespace: "AWS/X" };
        let home = (AccountId::DEFAULT, Region::US_EAST_1);
        Place { source, home, dimensions: vec![("Name", name.to_owned())] }
    }

    const TOOK: Metric = Metric { name: "Duration", unit: "Milliseconds" };

    #[test]
    fn values_of_a_minute_are_added_up_and_given_back_whole() {
        let vitals = Vitals::default();
        let note = |second, value| vitals.note(place("a"), Timestamp::from_seconds(second), &[(TOOK, value)]);
        note(59, 1.5);
        note(60, 1.5);
        note(119, 1.5);
        note(119, 0.25);
        let taken = std::mem::take(&mut *vitals.waiting());
        let minutes = taken.minutes.clone();
        let of = |minute| &minutes[&(place("a"), minute)][&TOOK];
        assert_eq!(*of(0), Values::from([(1_500, 1)]));
        assert_eq!(*of(1), Values::from([(250, 1), (1_500, 2)]));
        note(60, 1.5);
        vitals.give_back(taken.minutes);
        assert_eq!(vitals.waiting().minutes[&(place("a"), 1)][&TOOK], Values::from([(250, 1), (1_500, 3)]));
    }

    #[test]
    fn what_cannot_be_published_does_not_take_all_memory() {
        let vitals = Vitals::default();
        for minute in 0..WAITING_MAX as i64 + 5 {
            vitals.note(place("a"), Timestamp::from_seconds(minute * MINUTE), &[(TOOK, 1.0)]);
        }
        vitals.note(place("a"), Timestamp::from_seconds(0), &[(TOOK, 1.0)]);
        let waiting = vitals.waiting();
        assert_eq!((waiting.minutes.len(), waiting.dropped), (WAITING_MAX, 5));
        assert_eq!(waiting.minutes[&(place("a"), 0)][&TOOK], Values::from([(1_000, 2)]));
    }

    #[test]
    fn many_values_go_in_several_pieces() {
        let values: Values = (0..400).map(|value| (value, 1)).collect();
        let place = place("a");
        let sizes: Vec<usize> = data(&place, 0, TOOK, &values)
            .map(|datum| datum.member("Values").and_then(Value::as_list).map_or(0, <[_]>::len))
            .collect();
        assert_eq!(sizes, [150, 150, 100]);
    }
}
