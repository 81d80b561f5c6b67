//! A table's streams: views of its change log, each from when it was switched on until it was switched off.
//!
//! A stream divides the partitions among a fixed number of *lanes*, by their hashes. Every four hours a new
//! *generation* begins: each lane's shard is closed and has a child. A generation is a row that is appended under the
//! number of its commit, and a shard is the part of the log of one lane between two of them: writers need to know
//! of neither.
//!
//! ```text
//! lane 0   [shard]──>[shard]──>[shard, open]
//! lane 1   [shard]──>[shard]──>[shard, open]
//!          generation 0 · 1 · 2                      a last generation without shards closes the stream
//! ```

use super::log::{Position, STREAM_LIFE};
use super::table::{StreamRef, TableRecord};
use base::{AccountId, Region, Timestamp};
use std::time::Duration;
use store::{Direction, Key, KeyRange, Read, Record, StoreError, Table, Tx};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct StreamRecord {
        1 => pub table: String,
        2 => pub label: String,
        /// Under which its generations lie.
        3 => pub number: u64,
        /// The table's, under which the log lies.
        4 => pub table_number: u64,
        5 => pub view: String,
        6 => pub created: Timestamp,
        7 => pub closed: Option<Timestamp>,
        8 => pub hash: String,
        9 => pub range: Option<String>,
        10 => pub lanes: u32,
        11 => pub account: AccountId,
        12 => pub region: Region,
        /// The table at its end, by whose keys what is left can be read: where it had any.
        13 => pub ended: Option<Box<TableRecord>>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Generation {
        1 => pub opened: Timestamp,
        /// No shard follows.
        2 => pub closes: bool,
    }
}

/// By account, region, table, label.
pub const STREAMS: Table<StreamRecord> = Table::new(0x1009, "dynamodb/streams");
/// By stream, then commit.
pub const GENERATIONS: Table<Generation> = Table::new(0x100A, "dynamodb/stream generations");

/// How long a shard takes in changes. AWS does not promise a figure; about four hours is what is seen.
pub const SHARD_LIFE: Duration = Duration::from_secs(4 * 3_600);

/// AWS: a partition writes up to 1,000 units a second and reads 3,000; a table on demand begins with four.
const PARTITION_WRITES: i64 = 1_000;
const PARTITION_READS: i64 = 3_000;
const LANES_ON_DEMAND: u32 = 4;
const LANES_MAX: i64 = 64;

/// A shard of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shard {
    pub id: String,
    pub lane: u32,
    /// The commit of the generation that opened it: every change in it is of a later one.
    pub start: u64,
    /// The commit that closed it.
    pub end: Option<u64>,
    pub parent: Option<String>,
}

impl StreamRecord {
    pub fn key(account: AccountId, region: Region, table: &str, label: &str) -> Key {
        Key::regional(account, region).str(table).str(label)
    }

    pub fn own_key(&self) -> Key {
        StreamRecord::key(self.account, self.region, &self.table, &self.label)
    }

    pub fn arn(&self) -> String {
        arn(self.account, self.region, &self.table, &self.label)
    }

    /// Whether changes of partitions with this hash are in the lane.
    pub fn lane_of(&self, hash: u32) -> u32 {
        ((u64::from(hash) * u64::from(self.lanes.max(1))) >> 32) as u32
    }

    /// Notes with the streams of a table that goes by which keys their changes are opened.
    ///
    /// # Errors
    /// The store's.
    pub fn outlive(tx: &mut Tx, table: &TableRecord) -> Result<(), StoreError> {
        let of_name = Key::regional(table.account, table.region).str(&table.name);
        let all: Vec<_> = STREAMS.scan(&*tx, &of_name, Direction::Forward).collect::<Result<_, _>>()?;
        for (key, mut stream) in all.into_iter().filter(|(_, stream)| stream.table_number == table.number) {
            stream.ended = Some(Box::new(table.clone()));
            STREAMS.put(tx, &key, &stream);
        }
        Ok(())
    }

    fn generations_prefix(&self) -> Vec<u8> {
        generations(self.number)
    }

    /// Begins the next generation of shards.
    pub fn turn(&self, tx: &mut Tx, now: Timestamp, closes: bool) {
        let generation = Generation { opened: now, closes };
        tx.append(self.generations_prefix(), [], generation.to_bytes());
    }

    /// The generations with their commits, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn generations(&self, from: &dyn Read) -> Result<Vec<(u64, Generation)>, StoreError> {
        let prefix = self.generations_prefix();
        let mut out = Vec::new();
        for pair in from.scan(KeyRange::prefix(&prefix), Direction::Forward) {
            let (key, value) = pair?;
            let position = key.get(prefix.len()..).and_then(|rest| rest.first_chunk::<8>());
            let generation = Generation::from_bytes(&value).map_err(|what| StoreError::Damaged {
                table: GENERATIONS.name(),
                key: key.escape_ascii().to_string(),
                what: what.to_string(),
            })?;
            out.extend(position.map(|commit| (u64::from_be_bytes(*commit), generation)));
        }
        Ok(out)
    }

    /// The shards, sorted by id, without those whose last change has left the stream.
    ///
    /// # Errors
    /// The store's.
    pub fn shards(&self, from: &dyn Read, now: Timestamp) -> Result<Vec<Shard>, StoreError> {
        let generations = self.generations(from)?;
        let mut out: Vec<Shard> = Vec::new();
        let mut before: Option<(u64, Timestamp)> = None;
        for (at, (commit, generation)) in generations.iter().enumerate() {
            if generation.closes {
                break;
            }
            let next = generations.get(at + 1);
            let gone = next.is_some_and(|(_, next)| now.since(next.opened) > STREAM_LIFE);
            if !gone {
                out.extend((0..self.lanes).map(|lane| Shard {
                    id: shard_id(generation.opened, *commit, lane),
                    lane,
                    start: *commit,
                    end: next.map(|(commit, _)| *commit),
                    parent: before.map(|(commit, opened)| shard_id(opened, commit, lane)),
                }));
            }
            before = Some((*commit, generation.opened));
        }
        out.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(out)
    }
}

fn generations(stream: u64) -> Vec<u8> {
    GENERATIONS.stored_key(&Key::global().u64(stream))
}

/// The key of a generation, to forget it.
pub fn generation_key(stream: u64, commit: u64) -> Vec<u8> {
    [&generations(stream)[..], &commit.to_be_bytes()].concat()
}

/// `shardId-00000001768478400000-1a2b3c4d`: when it was opened, in milliseconds, and what tells it from its siblings.
fn shard_id(opened: Timestamp, commit: u64, lane: u32) -> String {
    let mixed = (commit.wrapping_mul(64) + u64::from(lane)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("shardId-{:020}-{:08x}", opened.micros().div_euclid(1_000).max(0), mixed >> 32)
}

/// A stream's ARN.
pub fn arn(account: AccountId, region: Region, table: &str, label: &str) -> String {
    format!("{}/stream/{label}", super::table::arn(account, region, table))
}

/// How many shards a table's stream has at a time.
fn lanes(table: &TableRecord) -> u32 {
    if table.on_demand {
        return LANES_ON_DEMAND;
    }
    let throughput = &table.throughput;
    let partitions =
        throughput.write.div_euclid(PARTITION_WRITES) + throughput.read.div_euclid(PARTITION_READS) + 1;
    u32::try_from(partitions.clamp(1, LANES_MAX)).unwrap_or(1)
}

/// `2026-01-15T12:00:00.000`
fn label(at: Timestamp) -> String {
    let mut label = at.iso8601_millis();
    label.truncate(label.trim_end_matches('Z').len());
    label
}

/// Switches a stream on. `number` was drawn by chance; the caller writes the table's record.
///
/// # Errors
/// The store's.
pub fn open(
    tx: &mut Tx,
    number: u64,
    now: Timestamp,
    table: &mut TableRecord,
    view: &str,
) -> Result<(), StoreError> {
    let mut at = now;
    let key = |at| StreamRecord::key(table.account, table.region, &table.name, &label(at));
    // Labels tell the streams of a table apart, also where the clock stands still.
    while STREAMS.contains(tx, &key(at))? {
        at = at.plus(Duration::from_millis(1));
    }
    let label = label(at);
    let stream = StreamRecord {
        table: table.name.clone(),
        label: label.clone(),
        number,
        table_number: table.number,
        view: view.to_owned(),
        created: now,
        closed: None,
        hash: table.hash.clone(),
        range: table.range.clone(),
        lanes: lanes(table),
        account: table.account,
        region: table.region,
        ended: None,
    };
    STREAMS.put(tx, &stream.own_key(), &stream);
    stream.turn(tx, now, false);
    table.stream = Some(StreamRef { view: view.to_owned(), label: label.clone(), changing: true });
    table.latest_stream = Some(label);
    Ok(())
}

/// Switches the table's stream off, if there is one. What it holds can be read for another day.
///
/// # Errors
/// The store's.
pub fn close(tx: &mut Tx, now: Timestamp, table: &mut TableRecord) -> Result<(), StoreError> {
    let Some(current) = table.stream.take() else { return Ok(()) };
    table.stream_closing = true;
    let key = StreamRecord::key(table.account, table.region, &table.name, &current.label);
    if let Some(mut stream) = STREAMS.get(tx, &key)? {
        stream.closed = Some(now);
        STREAMS.put(tx, &key, &stream);
        stream.turn(tx, now, true);
    }
    Ok(())
}

/// `100000000000258000007`: sequence numbers have 21 digits at least.
pub fn sequence_number(position: Position) -> String {
    (SEQUENCE_BASE + u128::from(position.commit) * WITHIN + u128::from(position.within)).to_string()
}

/// Sequence numbers are above this one, and each commit has this many.
const SEQUENCE_BASE: u128 = 100_000_000_000_000_000_000;
const WITHIN: u128 = 1_000_000;

/// The place that a caller's sequence number means.
pub fn position(sequence_number: &str) -> Option<Position> {
    let number = sequence_number.parse::<u128>().ok()?.checked_sub(SEQUENCE_BASE)?;
    let commit = u64::try_from(number / WITHIN).ok()?;
    Some(Position { commit, within: u32::try_from(number % WITHIN).ok()? })
}

#[cfg(test)]
mod tests {
    use super::{Position, StreamRecord, position, sequence_number, shard_id};
    use base::Timestamp;

    #[test]
    fn sequence_numbers_tell_their_places() {
        let at = Position { commit: 258, within: 7 };
        assert_eq!(sequence_number(at), "100000000000258000007");
        assert_eq!(position("100000000000258000007"), Some(at));
        for bad in ["", "x", "99999999999999999999", "-1", "1e30"] {
            assert_eq!(position(bad), None, "{bad}");
        }
    }

    #[test]
    fn lanes_share_all_hashes() {
        let stream = StreamRecord { lanes: 3, ..StreamRecord::default() };
        assert_eq!([0, u32::MAX / 2, u32::MAX].map(|hash| stream.lane_of(hash)), [0, 1, 2]);
    }

    #[test]
    fn shards_have_ids_of_their_own() {
        let opened = Timestamp::from_seconds(1_768_478_400);
        let ids: Vec<String> =
            [(1, 0), (1, 1), (2, 0)].iter().map(|(c, lane)| shard_id(opened, *c, *lane)).collect();
        assert!(ids.iter().all(|id| id.starts_with("shardId-00000001768478400000-") && id.len() == 37));
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    }
}
