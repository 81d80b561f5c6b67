//! Request metrics, in CloudWatch's namespace `AWS/S3`: what each request adds to them ([`samples`]), by the
//! configurations of its bucket.
//!
//! Not here: filters by tags and access points, which are refused.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>

use super::errors::{Refusal, S3Error};
use super::settings::MetricsConfiguration;
use super::watched::{About, Watched, WatchedBucket};
use base::Timestamp;
use kernel::Cloud;
use kernel::vitals::{Metric, Place, Source, Vitals};
use kernel::witness::Seen;
use std::time::Duration;

pub(crate) const SOURCE: Source = Source { service: "s3.amazonaws.com", namespace: "AWS/S3" };

const COUNT: &str = "Count";
const BYTES: &str = "Bytes";
const MILLISECONDS: &str = "Milliseconds";

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
        let read = (Metric { name: "GetRequests", unit: COUNT }, 1.0);
        add(cloud, bucket, Some(key), seen.began, &[read]);
    }
}

fn add(cloud: &Cloud, bucket: &WatchedBucket, key: Option<&str>, at: Timestamp, samples: &[(Metric, f64)]) {
    for configuration in bucket.metrics.iter().filter(|configuration| configuration.takes(key)) {
        let dimensions = vec![("BucketName", bucket.name.clone()), ("FilterId", configuration.id.clone())];
        let place = Place { source: SOURCE, home: (bucket.owner, bucket.region), dimensions };
        cloud.memory::<Vitals>().note(place, at, samples);
    }
}

/// What one request adds.
fn samples(seen: &Seen, of_object: bool) -> Vec<(Metric, f64)> {
    let of = |name, unit, value| (Metric { name, unit }, value);
    let whether = |it: bool| f64::from(u8::from(it));
    let mut out = vec![
        of("AllRequests", COUNT, 1.0),
        of("4xxErrors", COUNT, whether((400..500).contains(&seen.status))),
        of("5xxErrors", COUNT, whether(seen.status >= 500)),
        of("FirstByteLatency", MILLISECONDS, millis(seen.turned)),
        of("TotalRequestLatency", MILLISECONDS, millis(seen.total)),
    ];
    let kind = kind(seen.facts.operation, seen.parts.method.as_str(), of_object);
    out.extend(kind.map(|name| of(name, COUNT, 1.0)));
    if seen.sent > 0 {
        out.push(of("BytesDownloaded", BYTES, seen.sent as f64));
    }
    if seen.received > 0 {
        out.push(of("BytesUploaded", BYTES, seen.received as f64));
    }
    out
}

/// Whole ones.
fn millis(time: Duration) -> f64 {
    time.as_millis() as f64
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
