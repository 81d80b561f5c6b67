//! Counting what is read and uploaded, for the analyses that take the object: in memory for a second, then in the store.
//! A crash loses that second; an orderly stop loses nothing.

use super::{day, group};
use crate::s3::buckets;
use crate::s3::configs::ANALYTICS;
use crate::s3::model::object::StorageClass;
use crate::s3::watched::{About, Watched, version_of};
use kernel::Cloud;
use kernel::witness::Seen;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use store::{CommitError, Table};
use wire::Fault;

store::record! {
    /// What happened in a day to the objects of one analysis.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Activity {
        /// Counted from 1970 on.
        1 => pub day: i64,
        2 => pub tallies: Vec<Tally>,
    }

    /// In one class and group of ages.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Tally {
        1 => pub class: StorageClass,
        2 => pub group: u32,
        3 => pub gets: u64,
        4 => pub retrieved: u64,
        5 => pub uploaded: u64,
    }
}

/// Under the keys of [`ANALYTICS`], by day.
pub(crate) const ACTIVITY: Table<Activity> = Table::new(0x2038, "s3/analysed requests");

/// A bucket's name, an analysis's id, a day.
type Of = (String, String, i64);
type Tallies = BTreeMap<(StorageClass, u32), Tally>;

/// What waits in memory. Kept by [`Cloud::memory`].
#[derive(Default, Debug)]
pub(crate) struct Waiting(Mutex<BTreeMap<Of, Tallies>>);

impl Tally {
    fn add(&mut self, more: &Tally) {
        self.gets += more.gets;
        self.retrieved += more.retrieved;
        self.uploaded += more.uploaded;
    }
}

/// Adds tallies of the same class and group up.
pub(crate) fn add_up(all: &mut Vec<Tally>, more: impl IntoIterator<Item = Tally>) {
    for tally in more {
        match all.iter_mut().find(|known| (known.class, known.group) == (tally.class, tally.group)) {
            Some(known) => known.add(&tally),
            None => all.push(tally),
        }
    }
}

/// Counts a request that has succeeded.
pub(crate) fn note(cloud: &Cloud, watched: &Watched, about: &About<'_>, seen: &Seen) {
    let bucket = watched.of(&about.bucket).filter(|bucket| !bucket.analytics.is_empty());
    let (Some(bucket), Some(key)) = (bucket, about.key.as_deref()) else { return };
    let reads = match (seen.facts.operation, seen.status) {
        (Some("GetObject"), 200 | 206) => true,
        (Some("PutObject" | "CopyObject"), 200) => false,
        _ => return,
    };
    let query = seen.parts.uri.query().unwrap_or_default();
    let id = query.split('&').find_map(|pair| pair.strip_prefix("versionId=")).filter(|_| reads);
    let Some(version) = version_of(cloud, &bucket.name, key, id) else { return };
    let tally = Tally {
        class: version.class,
        group: group(version.modified, seen.began, version.size),
        gets: u64::from(reads),
        retrieved: if reads { seen.sent } else { 0 },
        uploaded: if reads { 0 } else { version.size },
    };
    let waiting = cloud.memory::<Waiting>();
    let mut all = waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
    let takes =
        |of: &&crate::s3::settings::AnalyticsConfiguration| of.conditions().hold(key, 0, &version.tags);
    for analysis in bucket.analytics.iter().filter(takes) {
        let of = (bucket.name.clone(), analysis.id.clone(), day(seen.began));
        let place = all.entry(of).or_default().entry((tally.class, tally.group));
        place.and_modify(|known| known.add(&tally)).or_insert_with(|| tally.clone());
    }
}

/// Writes what waits.
///
/// # Errors
/// A sentence for the log. What was to be written still waits.
pub(crate) fn write(cloud: &Cloud) -> Result<(), String> {
    let waiting = cloud.memory::<Waiting>();
    let taken = std::mem::take(&mut *waiting.0.lock().unwrap_or_else(PoisonError::into_inner));
    if taken.is_empty() {
        return Ok(());
    }
    loop {
        match once(cloud, &taken) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(problem) => {
                let mut all = waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
                for (of, tallies) in taken {
                    let known = all.entry(of).or_default();
                    for (place, tally) in tallies {
                        known.entry(place).and_modify(|known| known.add(&tally)).or_insert(tally);
                    }
                }
                return Err(problem);
            }
        }
    }
}

/// Whether nobody came in between.
fn once(cloud: &Cloud, taken: &BTreeMap<Of, Tallies>) -> Result<bool, String> {
    let failed = |problem: store::StoreError| problem.to_string();
    let mut tx = cloud.store().begin();
    for ((bucket, id, day), tallies) in taken {
        let found = buckets::find(cloud, &tx, bucket).map_err(|error| Fault::from(error).to_string())?;
        let Some(bucket) = found else { continue };
        let row = bucket.scope.clone().str(id);
        // It may have gone meanwhile.
        if !ANALYTICS.contains(&tx, &row).map_err(failed)? {
            continue;
        }
        let row = row.i64(*day);
        let known = ACTIVITY.get(&tx, &row).map_err(failed)?;
        let mut activity = known.unwrap_or(Activity { day: *day, tallies: Vec::new() });
        add_up(&mut activity.tallies, tallies.values().cloned());
        ACTIVITY.put(&mut tx, &row, &activity);
    }
    match tx.commit().wait() {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(problem) => Err(problem.to_string()),
    }
}
