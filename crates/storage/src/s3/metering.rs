//! Request metrics: what each request adds to them ([`samples`]), by the configurations of its bucket, until
//! [`crate::s3::work::PublishRequests`] hands them to CloudWatch as its namespace `AWS/S3`.
//!
//! They wait in memory for some seconds; an orderly stop loses none. Not here: filters by tags and access points, which
//! are refused.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>

use super::errors::{Refusal, S3Error};
use super::settings::MetricsConfiguration;
use super::watched::{About, Watched, WatchedBucket};
use base::Timestamp;
use kernel::Cloud;
use kernel::witness::Seen;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const COUNT: &str = "Count";
const BYTES: &str = "Bytes";
const MILLISECONDS: &str = "Milliseconds";
const MINUTE: i64 = 60;
/// Minutes that wait: more only where nothing can be written.
const WAITING_MAX: usize = 10_000;

/// One number for one metric.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub unit: &'static str,
}

/// The values of one metric, each with how often it came.
pub type Values = BTreeMap<u64, u64>;

/// A minute of one configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Minute {
    pub bucket: String,
    pub id: String,
    /// When it began, in seconds.
    pub begun: i64,
}

/// What waits. Kept by [`Cloud::memory`].
#[derive(Default, Debug)]
pub struct Meter(Mutex<BTreeMap<Minute, BTreeMap<Metric, Values>>>);

impl MetricsConfiguration {
    /// # Errors
    /// `MalformedXML`; `NotImplemented` for filters by what a request's head does not tell.
    pub fn check(&self) -> Result<(), S3Error> {
        let Some(filter) = &self.filter else { return Ok(()) };
        let set = [
            filter.prefix.is_some(),
            filter.tag.is_some(),
            filter.access_point.is_some(),
            filter.and.is_some(),
        ];
        if set.iter().filter(|set| **set).count() != 1 {
            return Err(Refusal::MalformedXml.into());
        }
        let and = filter.and.as_ref();
        let tags = filter.tag.is_some() || and.is_some_and(|and| !and.tags.is_empty());
        let points = filter.access_point.is_some() || and.is_some_and(|and| and.access_point.is_some());
        if tags || points {
            let what = if tags { "tags" } else { "access points" };
            return Err(Refusal::NotBuilt(format!("A metrics filter by {what}")).into());
        }
        Ok(())
    }

    fn takes(&self, key: Option<&str>) -> bool {
        let Some(filter) = &self.filter else { return true };
        let and = filter.and.as_ref().and_then(|and| and.prefix.as_deref());
        let prefix = filter.prefix.as_deref().or(and).unwrap_or_default();
        key.is_some_and(|key| key.starts_with(prefix))
    }
}

/// Adds a request to the metrics of the buckets that it was about.
pub fn note(cloud: &Cloud, watched: &Watched, about: &About<'_>, seen: &Seen) {
    if let Some(bucket) = watched.of(&about.bucket) {
        add(cloud, bucket, about.key.as_deref(), seen.began, &samples(seen, about.key.is_some()));
    }
    if seen.facts.operation == Some("CopyObject")
        && let Some((source, key, _)) = &about.source
        && let Some(bucket) = watched.of(source)
    {
        let read = (Metric { name: "GetRequests", unit: COUNT }, 1);
        add(cloud, bucket, Some(key), seen.began, &[read]);
    }
}

fn add(cloud: &Cloud, bucket: &WatchedBucket, key: Option<&str>, at: Timestamp, samples: &[(Metric, u64)]) {
    if bucket.metrics.is_empty() {
        return;
    }
    let meter = cloud.memory::<Meter>();
    let mut waiting = meter.0.lock().unwrap_or_else(PoisonError::into_inner);
    for configuration in bucket.metrics.iter().filter(|configuration| configuration.takes(key)) {
        let begun = at.seconds().div_euclid(MINUTE) * MINUTE;
        let minute = Minute { bucket: bucket.name.clone(), id: configuration.id.clone(), begun };
        if waiting.len() >= WAITING_MAX && !waiting.contains_key(&minute) {
            continue;
        }
        let of_minute = waiting.entry(minute).or_default();
        for (metric, value) in samples {
            *of_minute.entry(*metric).or_default().entry(*value).or_default() += 1;
        }
    }
}

impl Meter {
    /// Takes what waits.
    pub fn take(&self) -> BTreeMap<Minute, BTreeMap<Metric, Values>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be handed over.
    pub fn put_back(&self, minutes: BTreeMap<Minute, BTreeMap<Metric, Values>>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (minute, metrics) in minutes {
            let of_minute = waiting.entry(minute).or_default();
            for (metric, values) in metrics {
                let all = of_minute.entry(metric).or_default();
                values.into_iter().for_each(|(value, times)| *all.entry(value).or_default() += times);
            }
        }
    }
}

/// What one request adds.
pub fn samples(seen: &Seen, of_object: bool) -> Vec<(Metric, u64)> {
    let of = |name, unit, value| (Metric { name, unit }, value);
    let mut out = vec![
        of("AllRequests", COUNT, 1),
        of("4xxErrors", COUNT, u64::from((400..500).contains(&seen.status))),
        of("5xxErrors", COUNT, u64::from(seen.status >= 500)),
        of("FirstByteLatency", MILLISECONDS, millis(seen.turned)),
        of("TotalRequestLatency", MILLISECONDS, millis(seen.total)),
    ];
    let kind = kind(seen.facts.operation, seen.parts.method.as_str(), of_object);
    out.extend(kind.map(|name| of(name, COUNT, 1)));
    if seen.sent > 0 {
        out.push(of("BytesDownloaded", BYTES, seen.sent));
    }
    if seen.received > 0 {
        out.push(of("BytesUploaded", BYTES, seen.received));
    }
    out
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The metric of the kind of a request, where it has one beside `AllRequests`.
fn kind(operation: Option<&str>, method: &str, of_object: bool) -> Option<&'static str> {
    match (operation, method) {
        (Some("ListObjects" | "ListObjectsV2" | "ListObjectVersions"), _) => Some("ListRequests"),
        (Some("DeleteObjects"), _) => Some("DeleteRequests"),
        (Some("SelectObjectContent"), _) => Some("SelectRequests"),
        (_, "HEAD") => Some("HeadRequests"),
        (_, "POST") => Some("PostRequests"),
        (_, "GET") if of_object => Some("GetRequests"),
        (_, "PUT") if of_object => Some("PutRequests"),
        (_, "DELETE") if of_object => Some("DeleteRequests"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{MetricsAnd, MetricsFilter};
    use super::*;

    #[test]
    fn kinds() {
        let table = [
            (Some("GetObject"), "GET", true, Some("GetRequests")),
            (Some("ListObjectsV2"), "GET", false, Some("ListRequests")),
            (Some("GetBucketAcl"), "GET", false, None),
            (Some("CopyObject"), "PUT", true, Some("PutRequests")),
            (Some("PutBucketTagging"), "PUT", false, None),
            (Some("DeleteObjects"), "POST", false, Some("DeleteRequests")),
            (Some("CompleteMultipartUpload"), "POST", true, Some("PostRequests")),
            (Some("HeadBucket"), "HEAD", false, Some("HeadRequests")),
            (None, "DELETE", true, Some("DeleteRequests")),
        ];
        for (operation, method, of_object, want) in table {
            assert_eq!(kind(operation, method, of_object), want, "{operation:?}");
        }
    }

    #[test]
    fn filters() {
        let of = |filter| MetricsConfiguration { id: "i".into(), filter };
        let prefix = MetricsFilter { prefix: Some("a/".into()), ..MetricsFilter::default() };
        assert!(of(None).takes(None) && of(None).takes(Some("k")));
        assert!(of(Some(prefix.clone())).takes(Some("a/k")));
        assert!(!of(Some(prefix.clone())).takes(Some("b")) && !of(Some(prefix.clone())).takes(None));
        assert!(of(Some(prefix.clone())).check().is_ok());
        let two = MetricsFilter { and: Some(MetricsAnd::default()), ..prefix };
        let code = |filter| wire::Fault::from(of(Some(filter)).check().unwrap_err()).code;
        assert_eq!(code(two), "MalformedXML");
        assert_eq!(code(MetricsFilter::default()), "MalformedXML");
        let tagged = MetricsFilter { tag: Some(Default::default()), ..MetricsFilter::default() };
        assert_eq!(code(tagged), "NotImplemented");
    }
}
