//! Live tails: who watches groups hears of each event once it is on the disk.
//!
//! Sessions live in memory, and end with their connection, after three hours, or with the process.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatchLogs_LiveTail.html>

use super::model::event::millis;
use super::model::group::Group;
use super::pattern::Pattern;
use base::AccountId;
use kernel::Cx;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// AWS: the operation's page: what one update has at most.
pub(super) const UPDATE_EVENTS_MAX: usize = 500;
/// What is kept of one second, to be sampled from.
const HEARD_MAX: usize = 50_000;

/// What a session wants.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) account: AccountId,
    /// Their ids, and how they were named.
    pub(super) groups: Vec<(u64, String)>,
    /// Of one group: some streams, or those that begin so. Neither: all.
    pub(super) streams: Vec<String>,
    pub(super) prefixes: Vec<String>,
    pub(super) pattern: Pattern,
}

/// An event as it is told.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Heard {
    pub(super) stream: String,
    pub(super) group: String,
    pub(super) message: String,
    pub(super) time: i64,
    pub(super) ingested: i64,
}

#[derive(Debug)]
struct Session {
    wanted: Wanted,
    heard: Vec<Heard>,
    /// More came than is kept.
    lost: bool,
}

/// All sessions. Kept by [`kernel::Cloud::memory`].
#[derive(Debug, Default)]
pub(super) struct Tails(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    sessions: HashMap<u64, Session>,
}

impl Wanted {
    fn has_stream(&self, name: &str) -> bool {
        let is_any = self.streams.is_empty() && self.prefixes.is_empty();
        is_any
            || self.streams.iter().any(|own| own == name)
            || self.prefixes.iter().any(|own| name.starts_with(own.as_str()))
    }
}

impl Tails {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins a session, unless the account has so many.
    pub(super) fn begin(&self, wanted: Wanted, most: usize) -> Option<u64> {
        self.with(|inner| {
            let own = inner.sessions.values().filter(|session| session.wanted.account == wanted.account);
            if own.count() >= most {
                return None;
            }
            inner.next += 1;
            let session = Session { wanted, heard: Vec::new(), lost: false };
            inner.sessions.insert(inner.next, session);
            Some(inner.next)
        })
    }

    pub(super) fn end(&self, number: u64) {
        self.with(|inner| inner.sessions.remove(&number));
    }

    /// What a session has heard since it was asked last, and whether that is not all.
    pub(super) fn take(&self, number: u64) -> (Vec<Heard>, bool) {
        let taken = self.with(|inner| {
            let session = inner.sessions.get_mut(&number)?;
            Some((std::mem::take(&mut session.heard), std::mem::take(&mut session.lost)))
        });
        let (heard, lost) = taken.unwrap_or_default();
        let is_sampled = lost || heard.len() > UPDATE_EVENTS_MAX;
        (sampled(heard), is_sampled)
    }

    fn hear(&self, all: Vec<(u64, Vec<Heard>)>) {
        self.with(|inner| {
            for (number, mut heard) in all {
                let Some(session) = inner.sessions.get_mut(&number) else { continue };
                let room = HEARD_MAX.saturating_sub(session.heard.len());
                session.lost |= heard.len() > room;
                heard.truncate(room);
                session.heard.append(&mut heard);
            }
        });
    }
}

/// As many as an update may have, evenly from all of them.
fn sampled(heard: Vec<Heard>) -> Vec<Heard> {
    let count = heard.len();
    if count <= UPDATE_EVENTS_MAX {
        return heard;
    }
    let kept = |at: usize| at * UPDATE_EVENTS_MAX / count != (at + 1) * UPDATE_EVENTS_MAX / count;
    heard.into_iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, one)| one).collect()
}

/// Tells sessions of events, given by time and message, once they are on the disk.
pub(super) fn tell<'e>(
    cx: &mut Cx<'_>,
    group: &Group,
    stream: &str,
    events: impl Iterator<Item = (i64, &'e str)> + Clone,
) {
    let (tails, ingested) = (cx.memory::<Tails>(), millis(cx.now));
    let all: Vec<(u64, Vec<Heard>)> = tails.with(|inner| {
        let of = |(number, session): (&u64, &Session)| {
            let (_, named) = session.wanted.groups.iter().find(|(id, _)| *id == group.id)?;
            if !session.wanted.has_stream(stream) {
                return None;
            }
            let matching =
                events.clone().filter(|(_, message)| session.wanted.pattern.extract(message).is_some());
            let heard = matching.map(|(time, message)| Heard {
                stream: stream.to_owned(),
                group: named.clone(),
                message: message.to_owned(),
                time,
                ingested,
            });
            Some((*number, heard.collect()))
        };
        inner.sessions.iter().filter_map(of).collect()
    });
    if !all.is_empty() {
        let tails = Arc::clone(&tails);
        cx.tx.on_end(move |done| {
            if done.is_some() {
                tails.hear(all);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Heard, UPDATE_EVENTS_MAX, sampled};

    #[test]
    fn samples_are_even() {
        let of = |count: usize| {
            let one = |time: usize| Heard {
                stream: String::new(),
                group: String::new(),
                message: String::new(),
                time: time as i64,
                ingested: 0,
            };
            sampled((0..count).map(one).collect())
        };
        assert_eq!((of(3).len(), of(UPDATE_EVENTS_MAX).len()), (3, UPDATE_EVENTS_MAX));
        let many = of(2_000);
        assert_eq!(many.len(), UPDATE_EVENTS_MAX);
        assert!(many.windows(2).all(|pair| pair[1].time - pair[0].time == 4));
    }
}
