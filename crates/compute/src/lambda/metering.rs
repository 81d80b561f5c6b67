//! What CloudWatch is told of functions, in its namespace `AWS/Lambda`.
//!
//! Functions are seen as a whole, by what was called (`Resource`: the function, a version or an alias), and all of an
//! account together.
//!
//! Not here: the metrics of event source mappings but `IteratorAge`, and of extensions.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>

use super::access::SERVICE;
use super::environments::{Provisioned, Slot};
use super::name::Named;
use kernel::Cloud;
use kernel::vitals::{Metric, Place, Source, Vitals};
use std::time::Duration;

const SOURCE: Source = Source { service: SERVICE, namespace: "AWS/Lambda" };

const fn time(name: &'static str) -> Metric {
    Metric { name, unit: "Milliseconds" }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// Notes samples of a function, of what was called of it, and of all together where `together`.
fn note(cloud: &Cloud, named: &Named, samples: &[(Metric, f64)], together: bool) {
    let (vitals, now) = (cloud.memory::<Vitals>(), cloud.clock().now());
    let resource = match &named.qualifier {
        Some(qualifier) => format!("{}:{qualifier}", named.name),
        None => named.name.clone(),
    };
    let function = || ("FunctionName", named.name.clone());
    let places = [vec![function(), ("Resource", resource)], vec![function()], Vec::new()];
    for dimensions in places.into_iter().take(if together { 3 } else { 2 }) {
        let place = Place { source: SOURCE, home: (named.account, named.region), dimensions };
        vitals.note(place, now, samples);
    }
}

/// A function ran at its place among the others.
pub(crate) fn ran(
    cloud: &Cloud,
    (named, version): (&Named, &str),
    took: Duration,
    failed: bool,
    slot: &Slot,
) {
    let samples = [
        (Metric::count("Invocations"), 1.0),
        (Metric::count("Errors"), f64::from(u8::from(failed))),
        (Metric::count("Throttles"), 0.0),
        (time("Duration"), millis(took)),
    ];
    note(cloud, named, &samples, true);
    // AWS: of an alias, by the version that it led to.
    if let Some(alias) = named.qualifier.as_deref().filter(|qualifier| *qualifier != version) {
        let dimensions = vec![
            ("ExecutedVersion", version.to_owned()),
            ("FunctionName", named.name.clone()),
            ("Resource", format!("{}:{alias}", named.name)),
        ];
        let place = Place { source: SOURCE, home: (named.account, named.region), dimensions };
        cloud.memory::<Vitals>().note(place, cloud.clock().now(), &samples);
    }
    note(cloud, named, &[(Metric::count("ConcurrentExecutions"), f64::from(slot.at_once))], false);
    let place = Place { source: SOURCE, home: (named.account, named.region), dimensions: Vec::new() };
    let mut together = vec![(Metric::count("ConcurrentExecutions"), f64::from(slot.at_once_of_all))];
    let shared = slot.at_once_of_shared.map(f64::from);
    together.extend(shared.map(|shared| (Metric::count("UnreservedConcurrentExecutions"), shared)));
    cloud.memory::<Vitals>().note(place, cloud.clock().now(), &together);
    match slot.provisioned {
        Provisioned::Yes(at_work, share) => {
            let utilization = f64::from(at_work) / f64::from(share.max(1));
            let samples = [
                (Metric::count("ProvisionedConcurrencyInvocations"), 1.0),
                (Metric::count("ProvisionedConcurrentExecutions"), f64::from(at_work)),
                (Metric::count("ProvisionedConcurrencyUtilization"), utilization),
            ];
            note(cloud, named, &samples, false);
        }
        Provisioned::Spilled => {
            note(cloud, named, &[(Metric::count("ProvisionedConcurrencySpilloverInvocations"), 1.0)], false);
        }
        Provisioned::No => {}
    }
}

/// A function was not let run.
pub(crate) fn throttled(cloud: &Cloud, named: &Named) {
    note(cloud, named, &[(Metric::count("Throttles"), 1.0)], true);
}

/// A function was a consequence of itself once too often.
pub(crate) fn dropped(cloud: &Cloud, named: &Named) {
    note(cloud, named, &[(Metric::count("RecursiveInvocationsDropped"), 1.0)], false);
}

/// An event was taken that nobody waits for.
pub(crate) fn received(cloud: &Cloud, named: &Named) {
    note(cloud, named, &[(Metric::count("AsyncEventsReceived"), 1.0)], true);
}

/// Such an event is handed to its function, so long after it was taken.
pub(crate) fn aged(cloud: &Cloud, named: &Named, age: Duration) {
    note(cloud, named, &[(time("AsyncEventAge"), millis(age))], true);
}

/// Such an event was given up.
pub(crate) fn given_up(cloud: &Cloud, named: &Named) {
    note(cloud, named, &[(Metric::count("AsyncEventsDropped"), 1.0)], true);
}

/// A destination did not take what it was to be told.
pub(crate) fn untold(cloud: &Cloud, named: &Named) {
    note(cloud, named, &[(Metric::count("DestinationDeliveryFailures"), 1.0)], true);
}

/// The queue or topic for such events did not take one.
pub(crate) fn unburied(cloud: &Cloud, named: &Named) {
    note(cloud, named, &[(Metric::count("DeadLetterErrors"), 1.0)], true);
}

/// The last record of a batch of a stream was as old when its function got it.
pub(crate) fn behind(cloud: &Cloud, named: &Named, age: Duration) {
    note(cloud, named, &[(time("IteratorAge"), millis(age))], true);
}

/// A function URL answered.
pub(crate) fn answered(cloud: &Cloud, named: &Named, status: u16, took: Duration) {
    let within = |from: u16| f64::from(u8::from((from..from + 100).contains(&status)));
    let samples = [
        (Metric::count("UrlRequestCount"), 1.0),
        (Metric::count("Url4xxCount"), within(400)),
        (Metric::count("Url5xxCount"), within(500)),
        (time("UrlRequestLatency"), millis(took)),
    ];
    note(cloud, named, &samples, false);
}
