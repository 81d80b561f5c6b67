//! Request metrics, in CloudWatch's namespace `AWS/S3`: what each request adds to them ([`samples`]), by the
//! configurations of its bucket.
//!
//! Tags are those that the object has once the request has ended, or had before it went. Not here: filters by access
//! points, of which there are none; they are refused.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>

use super::SERVICE;
use super::errors::{Refusal, S3Error};
use super::settings::{self, MetricsAnd, MetricsConfiguration};
use super::watched::{About, Watched, WatchedBucket, version_of};
use base::Timestamp;
use base::tag::Tags;
use kernel::Cloud;
use kernel::vitals::{Metric, Place, Source, Vitals};
use kernel::witness::Seen;
use std::time::Duration;

pub(crate) const SOURCE: Source = Source { service: SERVICE, namespace: "AWS/S3" };

const COUNT: &str = "Count";
const BYTES: &str = "Bytes";
const MILLISECONDS: &str = "Milliseconds";

impl MetricsConfiguration {
    /// # Errors
    /// `MalformedXML`; `NotImplemented` for filters by access points.
    pub fn check(&self) -> Result<(), S3Error> {
        if settings::id_fault(&self.id).is_some() {
            return Err(Refusal::MalformedXml.into());
        }
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
        let few = |and: &MetricsAnd| {
            usize::from(and.prefix.is_some()) + usize::from(and.access_point.is_some()) + and.tags.len() < 2
        };
        let everywhere =
            filter.prefix.iter().chain(and.and_then(|and| and.prefix.as_ref())).any(String::is_empty);
        if everywhere || and.is_some_and(few) {
            return Err(Refusal::MalformedXml.into());
        }
        if filter.access_point.is_some() || and.is_some_and(|and| and.access_point.is_some()) {
            return Err(Refusal::NotBuilt("A metrics filter by access points".to_owned()).into());
        }
        Ok(())
    }

    /// Asks for tags of objects.
    fn asks_tags(&self) -> bool {
        let filter = self.filter.as_ref();
        filter.is_some_and(|f| f.tag.is_some() || f.and.as_ref().is_some_and(|and| !and.tags.is_empty()))
    }

    fn takes(&self, key: Option<&str>, tags: &Tags) -> bool {
        let Some(filter) = &self.filter else { return true };
        let and = filter.and.as_ref();
        let prefix = filter.prefix.as_deref().or(and.and_then(|and| and.prefix.as_deref()));
        let mut wanted = filter.tag.iter().chain(and.iter().flat_map(|and| &and.tags));
        key.is_some_and(|key| key.starts_with(prefix.unwrap_or_default()))
            && wanted.all(|tag| tags.get(&tag.key) == Some(&tag.value))
    }
}

/// The object that a request was about, to a bucket's configurations.
struct Asked<'a> {
    key: Option<&'a str>,
    version: Option<&'a str>,
    /// What its handler has told of it.
    told: Option<&'a Tags>,
}

impl Asked<'_> {
    /// None where they cannot be read.
    fn tags(&self, cloud: &Cloud, bucket: &WatchedBucket) -> Tags {
        if let Some(told) = self.told {
            return told.clone();
        }
        let found = self.key.and_then(|key| version_of(cloud, &bucket.name, key, self.version));
        found.map(|version| version.tags).unwrap_or_default()
    }
}

/// Adds a request to the metrics of the buckets that it was about.
pub fn note(cloud: &Cloud, watched: &Watched, about: &About<'_>, seen: &Seen) {
    if let Some(bucket) = watched.of(&about.bucket) {
        let query = seen.parts.uri.query().unwrap_or_default();
        let version = query.split('&').find_map(|pair| pair.strip_prefix("versionId="));
        let told = seen.facts.things.first().and_then(|thing| thing.tags.as_ref());
        let object = Asked { key: about.key.as_deref(), version, told };
        add(cloud, bucket, &object, seen.began, &samples(seen, about.key.is_some()));
    }
    if seen.facts.operation == Some("CopyObject")
        && let Some((source, key, version)) = &about.source
        && let Some(bucket) = watched.of(source)
    {
        let read = (Metric { name: "GetRequests", unit: COUNT }, 1.0);
        let object = Asked { key: Some(key), version: version.as_deref(), told: None };
        add(cloud, bucket, &object, seen.began, &[read]);
    }
}

fn add(cloud: &Cloud, bucket: &WatchedBucket, object: &Asked<'_>, at: Timestamp, samples: &[(Metric, f64)]) {
    let asks = bucket.metrics.iter().any(MetricsConfiguration::asks_tags);
    let tags = if asks { object.tags(cloud, bucket) } else { Tags::new() };
    let taking = bucket.metrics.iter().filter(|configuration| configuration.takes(object.key, &tags));
    for configuration in taking {
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
    use super::super::filter::RuleTag;
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
        let none = Tags::new();
        assert!(of(None).takes(None, &none) && of(None).takes(Some("k"), &none));
        assert!(of(Some(prefix.clone())).takes(Some("a/k"), &none));
        assert!(!of(Some(prefix.clone())).takes(Some("b"), &none));
        assert!(!of(Some(prefix.clone())).takes(None, &none));
        assert!(of(Some(prefix.clone())).check().is_ok());
        let and = MetricsAnd {
            prefix: Some("a/".into()),
            tags: vec![RuleTag { key: "k".into(), value: "v".into() }],
            access_point: None,
        };
        let both = of(Some(MetricsFilter { and: Some(and), ..MetricsFilter::default() }));
        assert!(both.check().is_ok() && both.asks_tags());
        let tags = |value: &str| Tags::from([("k".to_owned(), value.to_owned())]);
        assert!(both.takes(Some("a/k"), &tags("v")));
        assert!(!both.takes(Some("a/k"), &tags("w")) && !both.takes(Some("b"), &tags("v")));
        assert!(!both.takes(Some("a/k"), &none) && !both.takes(None, &tags("v")));
        let two = MetricsFilter { and: Some(MetricsAnd::default()), ..prefix };
        let code = |filter| wire::Fault::from(of(Some(filter)).check().unwrap_err()).code;
        assert_eq!(code(two), "MalformedXML");
        assert_eq!(code(MetricsFilter::default()), "MalformedXML");
        let point = MetricsFilter { access_point: Some("arn".into()), ..MetricsFilter::default() };
        assert_eq!(code(point), "NotImplemented");
    }
}
