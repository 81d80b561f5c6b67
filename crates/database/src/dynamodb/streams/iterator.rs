//! GetShardIterator, and what an iterator holds.
//!
//! `arn:aws:dynamodb:...:table/t/stream/2026-01-15T12:00:00.000|1|<signed token>`

use super::describe::bounds;
use super::{access, existing};
use crate::dynamodb::errors::{Error, Refusal, parameter, validation};
use crate::dynamodb::model::log::{self, Change, Position, STREAM_LIFE, TRIMMED};
use crate::dynamodb::model::stream::{Shard, StreamRecord, position};
use base::Timestamp;
use kernel::Cx;
use std::time::Duration;
use store::{Direction, Record};

kernel::ops! { pub(super) static OPS:
    GetShardIterator: [event] get_shard_iterator, "dynamodb:GetShardIterator", access::on_stream;
}

/// AWS: the operation's page.
const LIFE: Duration = Duration::from_secs(15 * 60);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct GetShardIterator {
        arn: String = "StreamArn",
        shard: String = "ShardId",
        kind: String = "ShardIteratorType",
        sequence: Option<String> = "SequenceNumber",
        time: Option<Timestamp> = "Timestamp",
    }

    #[derive(Clone, Debug)]
    pub(super) struct GetShardIteratorOutput { iterator: Option<String> = "ShardIterator" }
}

/// Where somebody reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ShardIterator {
    pub(super) lane: u32,
    /// The shard's first commit, which tells it from the others of its lane.
    pub(super) start: u64,
    /// The next change.
    pub(super) at: Position,
    pub(super) issued: Timestamp,
}

/// The stream that an iterator is of.
///
/// # Errors
/// `ValidationException`.
pub(super) fn arn_of(iterator: &str) -> Result<&str, Error> {
    iterator.split_once('|').map(|(arn, _)| arn).ok_or_else(invalid)
}

fn invalid() -> Error {
    validation("Invalid ShardIterator")
}

impl ShardIterator {
    pub(super) fn text(&self, cx: &Cx<'_>, arn: &str) -> String {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend(self.lane.to_be_bytes());
        bytes.extend(self.start.to_be_bytes());
        bytes.extend(self.at.commit.to_be_bytes());
        bytes.extend(self.at.within.to_be_bytes());
        bytes.extend(self.issued.micros().to_be_bytes());
        format!("{arn}|1|{}", cx.pager().token(arn, &bytes))
    }

    /// # Errors
    /// `ValidationException`, `ExpiredIteratorException`.
    pub(super) fn read(cx: &Cx<'_>, text: &str) -> Result<ShardIterator, Error> {
        let arn = arn_of(text)?;
        let token = text[arn.len()..].strip_prefix("|1|").ok_or_else(invalid)?;
        let bytes = cx.pager().position(arn, token).map_err(|_| invalid())?;
        let iterator = ShardIterator::of_bytes(&bytes).ok_or_else(invalid)?;
        if cx.now.since(iterator.issued) > LIFE {
            return Err(Refusal::Expired.into());
        }
        Ok(iterator)
    }

    fn of_bytes(bytes: &[u8]) -> Option<ShardIterator> {
        let (lane, rest) = bytes.split_first_chunk::<4>()?;
        let (start, rest) = rest.split_first_chunk::<8>()?;
        let (commit, rest) = rest.split_first_chunk::<8>()?;
        let (within, rest) = rest.split_first_chunk::<4>()?;
        let (issued, rest) = rest.split_first_chunk::<8>()?;
        let at = Position { commit: u64::from_be_bytes(*commit), within: u32::from_be_bytes(*within) };
        rest.is_empty().then_some(ShardIterator {
            lane: u32::from_be_bytes(*lane),
            start: u64::from_be_bytes(*start),
            at,
            issued: Timestamp::from_micros(i64::from_be_bytes(*issued)),
        })
    }
}

fn get_shard_iterator(cx: &mut Cx<'_>, req: GetShardIterator) -> Result<GetShardIteratorOutput, Error> {
    let stream = existing(cx, &req.arn)?;
    let numbered = match (req.kind.as_str(), &req.sequence) {
        ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER", None) => {
            return Err(parameter(format_args!(
                "SequenceNumber must be specified for ShardIteratorType {}",
                req.kind
            )));
        }
        ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER", Some(number)) => {
            let invalid = || parameter(format_args!("Invalid SequenceNumber: {number}"));
            Some(position(number).ok_or_else(invalid)?)
        }
        (_, Some(_)) => {
            return Err(parameter(format_args!(
                "SequenceNumber cannot be specified for ShardIteratorType {}",
                req.kind
            )));
        }
        ("AT_TIMESTAMP", None) if req.time.is_none() => {
            return Err(parameter("Timestamp must be specified for ShardIteratorType AT_TIMESTAMP"));
        }
        (kind, None) if kind != "AT_TIMESTAMP" && req.time.is_some() => {
            return Err(parameter(format_args!(
                "Timestamp cannot be specified for ShardIteratorType {kind}"
            )));
        }
        (_, None) => None,
    };
    let shards = stream.shards(&*cx.tx, cx.now)?;
    let missing = || Error::from(Refusal::NoShard(req.shard.clone(), req.arn.clone()));
    let shard = shards.into_iter().find(|shard| shard.id == req.shard).ok_or_else(missing)?;
    let at = match numbered {
        Some(at) => at_number(cx, &stream, &shard, at, req.kind == "AFTER_SEQUENCE_NUMBER")?,
        None if req.kind == "LATEST" => latest(cx, &shard),
        None => horizon(cx, &stream, &shard, req.time)?,
    };
    let iterator = ShardIterator { lane: shard.lane, start: shard.start, at, issued: cx.now };
    Ok(GetShardIteratorOutput { iterator: Some(iterator.text(cx, &req.arn)) })
}

fn at_number(
    cx: &Cx<'_>,
    stream: &StreamRecord,
    shard: &Shard,
    at: Position,
    after: bool,
) -> Result<Position, Error> {
    let (start, end) = bounds(shard);
    if at < start || end.is_some_and(|end| at > end) {
        return Err(parameter("The SequenceNumber is not within the range of the shard"));
    }
    let is_old = |change: &Change| cx.now.since(change.time) > STREAM_LIFE;
    let found = find(cx, stream, shard, at, is_old)?;
    if at < trimmed(cx, stream)? || found == Some(at) {
        return Err(Refusal::Trimmed.into());
    }
    Ok(if after { at.next() } else { at })
}

/// The place before which everything is gone.
pub(super) fn trimmed(cx: &Cx<'_>, stream: &StreamRecord) -> Result<Position, Error> {
    let key = log::table(stream.account, stream.region, stream.table_number);
    let before = TRIMMED.get(&*cx.tx, &key)?.map_or(0, |trimmed| trimmed.before);
    Ok(Position::start_of(before))
}

/// The first change of the shard from `at` on that is so, if there is one.
fn find(
    cx: &Cx<'_>,
    stream: &StreamRecord,
    shard: &Shard,
    at: Position,
    is_so: impl Fn(&Change) -> bool,
) -> Result<Option<Position>, Error> {
    let prefix = log::prefix(stream.account, stream.region, stream.table_number);
    for pair in cx.tx.scan(log::range(&prefix, at, shard.end), Direction::Forward) {
        let (key, value) = pair?;
        let change = Change::from_bytes(&value).map_err(|_| Error::from(Refusal::Internal))?;
        if stream.lane_of(change.hash) == shard.lane && is_so(&change) {
            return Ok(Position::of_key(&prefix, &key));
        }
    }
    Ok(None)
}

/// The oldest change that a stream still holds and that is not from before `time`; where there is none, where the next
/// one will be.
fn horizon(
    cx: &Cx<'_>,
    stream: &StreamRecord,
    shard: &Shard,
    time: Option<Timestamp>,
) -> Result<Position, Error> {
    let oldest = Position::start_of(shard.start + 1).max(trimmed(cx, stream)?);
    let is_so = |change: &Change| {
        cx.now.since(change.time) <= STREAM_LIFE && time.is_none_or(|time| change.time >= time)
    };
    match find(cx, stream, shard, oldest, is_so)? {
        Some(found) => Ok(found),
        None => Ok(oldest.max(latest(cx, shard))),
    }
}

/// Behind everything that has been committed.
fn latest(cx: &Cx<'_>, shard: &Shard) -> Position {
    let now = Position::start_of(cx.tx.base().number() + 1);
    shard.end.map_or(now, |end| now.min(Position::start_of(end)))
}

#[cfg(test)]
mod tests {
    use super::{Position, ShardIterator};
    use base::Timestamp;

    #[test]
    fn only_whole_tokens_are_iterators() {
        let bytes: Vec<u8> = (0..32).collect();
        let read = ShardIterator::of_bytes(&bytes).unwrap();
        assert_eq!((read.lane, read.at.within), (0x0001_0203, 0x1415_1617));
        assert_eq!(read.at, Position { commit: 0x0C0D_0E0F_1011_1213, within: 0x1415_1617 });
        assert_eq!(read.issued, Timestamp::from_micros(0x1819_1A1B_1C1D_1E1F));
        assert_eq!(ShardIterator::of_bytes(&bytes[1..]), None);
        assert_eq!(ShardIterator::of_bytes(&[&bytes[..], &[0]].concat()), None);
    }
}
