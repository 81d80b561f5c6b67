//! Reading events in order: of one stream, and of several at once.

use super::model::event::{EVENTS, Event, Place};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use store::{Direction, KeyRange, Read, StoreError};

/// The most that one answer holds.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
pub(super) const PAGE_EVENTS_MAX: usize = 10_000;
pub(super) const PAGE_BYTES_MAX: usize = 1 << 20;

/// From `since` (included) to `until` (not included).
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) since: Place,
    pub(super) until: Place,
}

impl Span {
    fn range(self, stream: u64) -> KeyRange {
        let key = |place: Place| EVENTS.stored_key(&place.key(stream));
        let start = key(self.since);
        let end = key(self.until).max(start.clone());
        KeyRange { start: start.into(), end: Some(end.into()) }
    }
}

impl Place {
    /// The place right behind this one.
    pub(super) fn next(self) -> Place {
        match self.number.checked_add(1) {
            Some(number) => Place { number, ..self },
            None => Place { time: self.time.saturating_add(1), number: 0 },
        }
    }
}

pub(super) type Found = Result<(Place, Event), StoreError>;

/// The events of one stream.
pub(super) fn stream<'a>(
    from: &'a dyn Read,
    id: u64,
    span: Span,
    direction: Direction,
) -> impl Iterator<Item = Found> + use<'a> {
    EVENTS.range(from, span.range(id), direction).filter_map(|pair| match pair {
        Ok((key, event)) => Some(Ok((Place::of(&key)?, event))),
        Err(error) => Some(Err(error)),
    })
}

/// The events of several streams, as `(index of the stream, place, event)`, by time; of the same time by stream.
pub(super) struct Merged<'a> {
    streams: Vec<Box<dyn Iterator<Item = Found> + 'a>>,
    heads: BinaryHeap<Reverse<Head>>,
    failed: Option<StoreError>,
}

struct Head {
    order: (i64, usize, u64),
    event: Event,
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.order == other.order
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl<'a> Merged<'a> {
    pub(super) fn new(from: &'a dyn Read, ids: &[u64], span: Span) -> Merged<'a> {
        let streams = ids.iter().map(|id| {
            Box::new(stream(from, *id, span, Direction::Forward)) as Box<dyn Iterator<Item = Found> + 'a>
        });
        let mut merged = Merged { streams: streams.collect(), heads: BinaryHeap::new(), failed: None };
        (0..ids.len()).for_each(|at| merged.pull(at));
        merged
    }

    fn pull(&mut self, at: usize) {
        match self.streams[at].next() {
            None => {}
            Some(Err(error)) => self.failed = Some(error),
            Some(Ok((place, event))) => {
                self.heads.push(Reverse(Head { order: (place.time, at, place.number), event }));
            }
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<(usize, Place, Event), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let Reverse(Head { order: (time, at, number), event }) = self.heads.pop()?;
        self.pull(at);
        Some(Ok((at, Place { time, number }, event)))
    }
}
