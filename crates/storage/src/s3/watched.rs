//! [`Watched`]: the buckets of whose requests somebody wants to know, remembered until a configuration changes; and the
//! [`Witness`] who is told of them.
//!
//! While there is none, a request costs four loads of counters.

use super::analytics::activity;
use super::configs::{ANALYTICS, LOGGING, LoggingRecord, METRICS};
use super::model::bucket::BUCKETS;
use super::model::object::Version;
use super::settings::{AnalyticsConfiguration, MetricsConfiguration};
use super::{buckets, logging, metering, versions};
use base::{AccountId, Region};
use http::request::Parts;
use kernel::Cloud;
use kernel::site::host_of;
use kernel::witness::{Seen, Witness};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use store::{Direction, Key, Snapshot, StoreError, Watch};
use wire::route::host;

/// A bucket of whose requests somebody wants to know.
#[derive(Clone, Debug)]
pub struct WatchedBucket {
    pub name: String,
    pub owner: AccountId,
    pub region: Region,
    pub logging: Option<LoggingRecord>,
    pub metrics: Vec<MetricsConfiguration>,
    /// Those that are told in a file.
    pub analytics: Vec<AnalyticsConfiguration>,
}

/// Those buckets, by name.
#[derive(Default, Debug)]
pub struct Watched(HashMap<String, Arc<WatchedBucket>>);

impl Watched {
    pub fn of(&self, name: &str) -> Option<&Arc<WatchedBucket>> {
        self.0.get(name)
    }

    fn read(snapshot: &Snapshot) -> Result<Watched, StoreError> {
        let mut all = HashMap::new();
        let none = Key::empty();
        let logged = LOGGING.scan(snapshot, &none, Direction::Forward).next().is_some();
        let measured = METRICS.scan(snapshot, &none, Direction::Forward).next().is_some();
        if !logged && !measured && ANALYTICS.scan(snapshot, &none, Direction::Forward).next().is_none() {
            return Ok(Watched(all));
        }
        for pair in BUCKETS.scan(snapshot, &Key::empty(), Direction::Forward) {
            let (_, record) = pair?;
            let scope = record.scope();
            let logging = LOGGING.get(snapshot, &scope)?;
            let metrics = METRICS.scan(snapshot, &scope, Direction::Forward);
            let metrics: Vec<_> = metrics.map(|pair| pair.map(|(_, of)| of)).collect::<Result<_, _>>()?;
            let analytics = ANALYTICS.scan(snapshot, &scope, Direction::Forward);
            let mut analytics: Vec<_> =
                analytics.map(|pair| pair.map(|(_, of)| of)).collect::<Result<_, _>>()?;
            analytics.retain(|analysis| analysis.exported().is_some());
            if logging.is_some() || !metrics.is_empty() || !analytics.is_empty() {
                let (name, owner, region) = (record.name, record.owner, record.region);
                let bucket = WatchedBucket { name: name.clone(), owner, region, logging, metrics, analytics };
                all.insert(name, Arc::new(bucket));
            }
        }
        Ok(Watched(all))
    }
}

/// What a request is about, by its head.
#[derive(Clone, Debug)]
pub struct About<'p> {
    pub bucket: Cow<'p, str>,
    pub key: Option<String>,
    /// Of a copy: bucket, key, version.
    pub source: Option<(String, String, Option<String>)>,
    pub website: bool,
}

impl<'p> About<'p> {
    pub fn of(parts: &'p Parts) -> Option<About<'p>> {
        let name = host::read(host_of(parts));
        if name.endpoint_prefix.is_some_and(|prefix| prefix != "s3") {
            return None;
        }
        let path = parts.uri.path().strip_prefix('/').unwrap_or_default();
        let (bucket, key) = match name.bucket {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        if bucket.is_empty() {
            return None;
        }
        let source = parts.headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok());
        Some(About {
            bucket: Cow::Borrowed(bucket),
            key: (!key.is_empty())
                .then(|| wire::head::percent_decoded(key).unwrap_or_else(|| key.to_owned())),
            source: source.and_then(super::access::copy_source),
            website: name.website,
        })
    }
}

/// The version that a request was about, as it is now; `None` also where it cannot be read.
pub(crate) fn version_of(cloud: &Cloud, bucket: &str, key: &str, id: Option<&str>) -> Option<Version> {
    let snapshot = cloud.store().snapshot();
    let bucket = buckets::find(cloud, &snapshot, bucket).ok()??;
    match id {
        Some(id) => versions::by_id(&snapshot, &bucket, key, id).ok()?.map(|found| found.version),
        None => versions::current(&snapshot, &bucket, key).ok()?,
    }
}

/// Who is told of requests to S3.
#[derive(Default, Debug)]
pub struct Requests {
    watches: OnceLock<[Watch; 3]>,
    /// One more than the generation as of which nobody wants anything, which is what nearly every request finds.
    idle: AtomicU64,
    /// As of which generation, and what was there.
    known: RwLock<Option<(u64, Arc<Watched>)>>,
}

impl Requests {
    /// Counts every change of a configuration.
    fn generation(&self, cloud: &Cloud) -> u64 {
        let watches = self.watches.get_or_init(|| {
            let none = Key::empty();
            let prefixes =
                [LOGGING.stored_key(&none), METRICS.stored_key(&none), ANALYTICS.stored_key(&none)];
            prefixes.map(|prefix| cloud.store().watch(&prefix))
        });
        watches.iter().map(Watch::generation).sum()
    }

    /// The buckets as they are.
    fn watched(&self, cloud: &Cloud) -> Arc<Watched> {
        // Before the tables are read: what changes meanwhile is read again.
        let generation = self.generation(cloud);
        if let Some((known, watched)) = &*self.known.read().unwrap_or_else(PoisonError::into_inner)
            && *known == generation
        {
            return Arc::clone(watched);
        }
        match Watched::read(&cloud.store().snapshot()) {
            Ok(watched) => {
                let watched = Arc::new(watched);
                if watched.0.is_empty() {
                    self.idle.store(generation + 1, Ordering::Release);
                }
                let fresh = Some((generation, Arc::clone(&watched)));
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                watched
            }
            Err(problem) => {
                kernel::log::error("buckets could not be read", &[("problem", &problem.to_string())]);
                Arc::default()
            }
        }
    }
}

impl Witness for Requests {
    fn wants(&self, cloud: &Cloud, parts: &Parts) -> bool {
        if self.idle.load(Ordering::Acquire) == self.generation(cloud) + 1 {
            return false;
        }
        let watched = self.watched(cloud);
        let Some(about) = About::of(parts) else { return false };
        let source = about.source.as_ref().and_then(|(bucket, _, _)| watched.of(bucket));
        watched.of(&about.bucket).or(source).is_some()
    }

    fn tell(&self, cloud: &Arc<Cloud>, seen: &Seen) {
        if seen.facts.service.is_some_and(|service| service != "s3") {
            return;
        }
        let Some(about) = About::of(&seen.parts) else { return };
        let watched = self.watched(cloud);
        metering::note(cloud, &watched, &about, seen);
        activity::note(cloud, &watched, &about, seen);
        for (bucket, line) in logging::request::lines(&watched, &about, seen) {
            logging::keep::note(cloud, &bucket, seen.began, &line);
        }
    }
}
