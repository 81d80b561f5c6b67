//! Reading the trail: newest first, or by request id.

use super::entry::{Block, Entry};
use super::trail::{Shelf, shelf_key};
use super::{BLOCK_SPAN, TRAIL};
use crate::cloud::Cloud;
use base::{AccountId, Region, Timestamp};
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;
use store::field::{Field, Input, Malformed};
use store::{Direction, KeyRange, Read, Record, StoreError};

/// What of the trail is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    pub account: AccountId,
    pub region: Region,
    /// Both inclusive.
    pub since: Timestamp,
    pub until: Timestamp,
    /// Only what comes behind the entry with this time and number.
    pub after: Option<(Timestamp, u64)>,
}

impl Query {
    /// All of an account's calls in one region.
    pub fn all(account: AccountId, region: Region) -> Query {
        let (since, until) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
        Query { account, region, since, until, after: None }
    }

    fn wants(&self, place: (Timestamp, u64)) -> bool {
        self.since <= place.0 && place.0 <= self.until && self.after.is_none_or(|after| place < after)
    }

    /// The latest instant of which an entry may be wanted.
    fn latest(&self) -> Timestamp {
        self.after.map_or(self.until, |(time, _)| time.min(self.until))
    }

    fn shelf(&self) -> Shelf {
        (self.account, self.region.name())
    }
}

/// An entry that has been found but not decoded, because others may come before it. Ordered by time and number.
struct Held {
    place: (Timestamp, u64),
    block: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.place == other.place
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

/// Hands over the entries of a query, newest first, until `visit` says stop by returning false.
///
/// # Errors
/// The store's.
pub fn walk(cloud: &Cloud, query: &Query, visit: &mut dyn FnMut(Entry) -> bool) -> Result<(), StoreError> {
    let mut walk = Walk { query, held: BinaryHeap::new(), last: None };
    // The memory before the disk: what moves from one to the other meanwhile is seen twice rather than never.
    for block in cloud.trail().in_memory(Some(query.shelf())) {
        walk.hold(block)?;
    }
    let shelf = shelf_key(query.shelf());
    let mut range = KeyRange::prefix(&TRAIL.stored_key(&shelf));
    let latest = query.latest();
    if latest.micros() < i64::MAX {
        let end = shelf.time(Timestamp::from_micros(latest.micros() + 1));
        range = range.before(&TRAIL.stored_key(&end));
    }
    let snapshot = cloud.store().snapshot();
    for pair in snapshot.scan(range, Direction::Backward) {
        let (key, value) = pair?;
        let Some(earliest) = block_place(&key).map(|(time, _)| time) else { continue };
        // Whatever is later than this block can reach is complete, and leaves in order.
        let horizon = earliest.plus(BLOCK_SPAN);
        if !walk.leave(Some(horizon), visit)? {
            return Ok(());
        }
        if horizon < query.since {
            break;
        }
        walk.hold(entries(&value)?)?;
    }
    walk.leave(None, visit).map(drop)
}

struct Walk<'a> {
    query: &'a Query,
    held: BinaryHeap<Held>,
    last: Option<(Timestamp, u64)>,
}

impl Walk<'_> {
    fn hold(&mut self, entries: Vec<u8>) -> Result<(), StoreError> {
        let block = Arc::new(entries);
        for range in ranges(&block).map_err(|why| damaged(&why))? {
            let place = place(&block[range.clone()]).map_err(|why| damaged(&why))?;
            if self.query.wants(place) {
                self.held.push(Held { place, block: Arc::clone(&block), range });
            }
        }
        Ok(())
    }

    /// Hands over what is later than `horizon`. False: the visitor has enough.
    fn leave(
        &mut self,
        horizon: Option<Timestamp>,
        visit: &mut dyn FnMut(Entry) -> bool,
    ) -> Result<bool, StoreError> {
        while self.held.peek().is_some_and(|next| horizon.is_none_or(|horizon| next.place.0 > horizon)) {
            let Some(next) = self.held.pop() else { break };
            if self.last.replace(next.place) == Some(next.place) {
                continue;
            }
            let entry = Entry::read(Input::new(&next.block[next.range])).map_err(|why| damaged(&why))?;
            if !visit(entry) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The call with this request id, wherever it is on record; rather the client's own than one made within it.
///
/// # Errors
/// The store's.
pub fn find(cloud: &Cloud, request_id: &str) -> Result<Option<Entry>, StoreError> {
    let mut inner = None;
    for block in cloud.trail().in_memory(None) {
        if let Some(entry) = find_in(&block, request_id, &mut inner)? {
            return Ok(Some(entry));
        }
    }
    let snapshot = cloud.store().snapshot();
    for pair in snapshot.scan(whole(), Direction::Backward) {
        if let Some(entry) = find_in(&entries(&pair?.1)?, request_id, &mut inner)? {
            return Ok(Some(entry));
        }
    }
    Ok(inner)
}

fn find_in(block: &[u8], request_id: &str, inner: &mut Option<Entry>) -> Result<Option<Entry>, StoreError> {
    for range in ranges(block).map_err(|why| damaged(&why))? {
        let mut input = Input::new(&block[range.clone()]);
        let first = input.varint().and_then(|number| Ok((number, input.nested()?)));
        // The request id is written first.
        if !first.is_ok_and(|(number, id)| number == 1 && id.rest() == request_id.as_bytes()) {
            continue;
        }
        let entry = Entry::read(Input::new(&block[range])).map_err(|why| damaged(&why))?;
        if !entry.nested {
            return Ok(Some(entry));
        }
        *inner = Some(entry);
    }
    Ok(None)
}

/// The whole trail.
pub(super) fn whole() -> KeyRange {
    KeyRange::prefix(&TRAIL.stored_key(&store::Key::empty()))
}

/// Time and number in a block's stored key: its last sixteen bytes.
pub(super) fn block_place(stored: &[u8]) -> Option<(Timestamp, u64)> {
    let (rest, number) = stored.split_last_chunk::<8>()?;
    let (_, time) = rest.split_last_chunk::<8>()?;
    let micros = (u64::from_be_bytes(*time) ^ (1 << 63)) as i64;
    Some((Timestamp::from_micros(micros), u64::from_be_bytes(*number)))
}

/// The entries of a stored block.
fn entries(stored: &[u8]) -> Result<Vec<u8>, StoreError> {
    Block::from_bytes(stored).and_then(Block::into_entries).map_err(|why| damaged(&why))
}

/// Where the entries of a block lie.
fn ranges(block: &[u8]) -> Result<Vec<Range<usize>>, Malformed> {
    let mut found = Vec::new();
    let mut input = Input::new(block);
    while !input.is_empty() {
        let entry = input.nested()?;
        let end = block.len() - input.rest().len();
        found.push(end - entry.rest().len()..end);
    }
    Ok(found)
}

/// An entry's time and number, which are among its first fields.
fn place(entry: &[u8]) -> Result<(Timestamp, u64), Malformed> {
    let mut input = Input::new(entry);
    let (mut time, mut found) = (Timestamp::default(), 0);
    while !input.is_empty() {
        let (number, payload) = (input.varint()?, input.nested()?);
        match number {
            1 => {}
            3 => time = Timestamp::read(payload)?,
            21 => found = u64::read(payload)?,
            _ => break,
        }
    }
    Ok((time, found))
}

fn damaged(why: &Malformed) -> StoreError {
    StoreError::Damaged { table: TRAIL.name(), key: String::new(), what: why.to_string() }
}
