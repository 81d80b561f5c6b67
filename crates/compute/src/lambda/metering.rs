//! What CloudWatch is told of functions, in its namespace `AWS/Lambda`.
//!
//! Counted in memory and published every few seconds, by the minute, as the service itself; a crash loses the last
//! seconds of metrics, as no one was told of them. Functions are seen as a whole, by what was called (`Resource`: the
//! function, a version or an alias), and all of an account together.
//!
//! Not here: the metrics of asynchronous events, event source mappings, extensions, provisioned concurrency, and
//! `ExecutedVersion`.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>

use super::access::SERVICE;
use super::name::Named;
use base::{AccountId, Region, Timestamp};
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::CommitError;
use wire::{Struct, Value};

const NAMESPACE: &str = "AWS/Lambda";
const PUBLISH_AFTER: Duration = Duration::from_secs(5);
/// CloudWatch takes so many values of one metric at once.
const VALUES_MAX: usize = 150;
/// And so many metrics in one call.
const DATA_MAX: usize = 1_000;
const CONFLICTS_MAX: u32 = 32;

/// A metric of one minute. `of`: the function and what of it was called; neither for all together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Series {
    home: (AccountId, Region),
    minute: i64,
    of: (Option<String>, Option<String>),
    name: &'static str,
}

/// Values, in parts of a thousand, and how often there was each.
type Values = BTreeMap<i64, u64>;

/// What has not been published.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<HashMap<Series, Values>>);

const COUNT: &str = "Count";

fn unit(name: &str) -> &'static str {
    match name {
        "Duration" | "UrlRequestLatency" => "Milliseconds",
        _ => COUNT,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "durations of minutes in thousandths of milliseconds")]
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

impl Meter {
    fn all(&self) -> MutexGuard<'_, HashMap<Series, Values>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts values of a function, of what was called of it, and of all together where `together`.
    fn note(&self, named: &Named, now: Timestamp, values: &[(&'static str, f64)], together: bool) {
        let minute = now.seconds().div_euclid(60);
        let resource = match &named.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", named.name),
            None => named.name.clone(),
        };
        let places =
            [(Some(named.name.clone()), Some(resource)), (Some(named.name.clone()), None), (None, None)];
        let mut all = self.all();
        for of in &places[..if together { 3 } else { 2 }] {
            for (name, value) in values {
                let home = (named.account, named.region);
                let series = Series { home, minute, of: of.clone(), name };
                #[allow(clippy::cast_possible_truncation, reason = "numbers of functions and milliseconds")]
                let value = (value * 1_000.0).round() as i64;
                *all.entry(series).or_default().entry(value).or_default() += 1;
            }
        }
    }

    /// A function ran.
    pub(crate) fn ran(&self, named: &Named, now: Timestamp, took: Duration, failed: bool, at_once: u32) {
        let values = [
            ("Invocations", 1.0),
            ("Errors", f64::from(u8::from(failed))),
            ("Throttles", 0.0),
            ("Duration", millis(took)),
        ];
        self.note(named, now, &values, true);
        self.note(named, now, &[("ConcurrentExecutions", f64::from(at_once))], false);
    }

    /// A function was not let run.
    pub(crate) fn throttled(&self, named: &Named, now: Timestamp) {
        self.note(named, now, &[("Throttles", 1.0)], true);
    }

    /// A function URL answered.
    pub(crate) fn answered(&self, named: &Named, now: Timestamp, status: u16, took: Duration) {
        let within = |from: u16| f64::from(u8::from((from..from + 100).contains(&status)));
        let values = [
            ("UrlRequestCount", 1.0),
            ("Url4xxCount", within(400)),
            ("Url5xxCount", within(500)),
            ("UrlRequestLatency", millis(took)),
        ];
        self.note(named, now, &values, false);
    }

    fn take(&self) -> HashMap<Series, Values> {
        std::mem::take(&mut *self.all())
    }

    /// What could not be published is kept for the next time.
    fn give_back(&self, back: HashMap<Series, Values>) {
        let mut all = self.all();
        for (series, values) in back {
            let known = all.entry(series).or_default();
            for (value, count) in values {
                *known.entry(value).or_default() += count;
            }
        }
    }
}

fn structure(members: Vec<(&'static str, Value)>) -> Value {
    Value::Struct(members.into_iter().collect::<Struct>())
}

#[allow(clippy::cast_precision_loss, reason = "counts and milliseconds")]
fn data(series: &Series, values: &Values) -> Vec<Value> {
    let (function, resource) = &series.of;
    let dimensions = [("FunctionName", function), ("Resource", resource)].into_iter();
    let dimensions = dimensions.filter_map(|(name, value)| {
        Some(structure(vec![("Name", Value::str(name)), ("Value", Value::str(value.as_ref()?))]))
    });
    let dimensions = Value::List(dimensions.collect());
    let pairs: Vec<(f64, f64)> =
        values.iter().map(|(value, count)| (*value as f64 / 1_000.0, *count as f64)).collect();
    let list = |all: Vec<f64>| Value::List(all.into_iter().map(Value::Float).collect());
    let datum = |some: &[(f64, f64)]| {
        structure(vec![
            ("MetricName", Value::str(series.name)),
            ("Dimensions", dimensions.clone()),
            ("Timestamp", Value::Time(Timestamp::from_seconds(series.minute * 60))),
            ("Values", list(some.iter().map(|(value, _)| *value).collect())),
            ("Counts", list(some.iter().map(|(_, count)| *count).collect())),
            ("Unit", Value::str(unit(series.name))),
        ])
    };
    pairs.chunks(VALUES_MAX).map(datum).collect()
}

/// Publishes what was counted.
#[derive(Debug)]
pub struct Publish;

impl Publish {
    fn publish(
        cloud: &Arc<Cloud>,
        (account, region): (AccountId, Region),
        all: &HashMap<Series, Values>,
    ) -> Result<(), String> {
        let data: Vec<Value> = all.iter().flat_map(|(series, values)| data(series, values)).collect();
        for some in data.chunks(DATA_MAX) {
            for left in (0..CONFLICTS_MAX).rev() {
                let mut tx = cloud.store().begin();
                let members =
                    vec![("Namespace", Value::str(NAMESPACE)), ("MetricData", Value::List(some.to_vec()))];
                let call =
                    Call { service: "cloudwatch", operation: "PutMetricData", value: structure(members) };
                cloud.call(&mut tx, SERVICE, account, region, call).map_err(|fault| fault.to_string())?;
                match tx.commit().wait() {
                    Ok(_) => break,
                    Err(CommitError::Conflict) if left > 0 => {}
                    Err(why) => return Err(why.to_string()),
                }
            }
        }
        Ok(())
    }
}

impl Reconciler for Publish {
    fn name(&self) -> &'static str {
        "lambda metrics"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        PUBLISH_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let meter = cloud.memory::<Meter>();
        let mut by_home: HashMap<(AccountId, Region), HashMap<Series, Values>> = HashMap::new();
        for (series, values) in meter.take() {
            by_home.entry(series.home).or_default().insert(series, values);
        }
        let mut problem = Ok(None);
        for (home, all) in by_home {
            if let Err(why) = Publish::publish(cloud, home, &all) {
                meter.give_back(all);
                problem = Err(why);
            }
        }
        problem
    }
}
