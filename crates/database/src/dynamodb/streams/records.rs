//! GetRecords.

use super::iterator::{ShardIterator, arn_of, trimmed};
use super::{access, existing, limit, unlocked};
use crate::dynamodb::errors::{Error, Refusal};
use crate::dynamodb::item::Item;
use crate::dynamodb::metering;
use crate::dynamodb::model::log::{self, By, Change, Position, STREAM_LIFE, What};
use crate::dynamodb::model::stream::{Shard, StreamRecord, sequence_number};
use auth::sigv4::BodyHash;
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Record as _};
use wire::Value;

kernel::ops! { pub(super) static OPS:
    GetRecords: [event] get_records, "dynamodb:GetRecords", access::by_iterator;
}

/// AWS: the operation's page: up to 1,000 records and 1 MB.
const RECORDS_MAX: usize = 1_000;
const BYTES_MAX: usize = 1 << 20;
/// Changes of all lanes that one call looks at.
const LOOKS_MAX: usize = 20_000;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct GetRecords {
        iterator: String = "ShardIterator",
        limit: Option<i64> = "Limit",
    }

    #[derive(Clone, Debug)]
    pub(super) struct GetRecordsOutput {
        records: Vec<Record> = "Records",
        next: Option<String> = "NextShardIterator",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Record {
        id: String = "eventID",
        name: String = "eventName",
        version: String = "eventVersion",
        source: String = "eventSource",
        region: String = "awsRegion",
        body: Body = "dynamodb",
        identity: Option<Identity> = "userIdentity",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Identity {
        principal: String = "PrincipalId",
        kind: String = "Type",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Body {
        created: Timestamp = "ApproximateCreationDateTime",
        keys: Value = "Keys",
        new: Option<Value> = "NewImage",
        old: Option<Value> = "OldImage",
        sequence: String = "SequenceNumber",
        size: i64 = "SizeBytes",
        view: String = "StreamViewType",
    }
}

fn get_records(cx: &mut Cx<'_>, req: GetRecords) -> Result<GetRecordsOutput, Error> {
    let limit = limit(req.limit, RECORDS_MAX)?;
    let iterator = ShardIterator::read(cx, &req.iterator)?;
    let arn = arn_of(&req.iterator)?;
    let stream = existing(cx, arn)?;
    metering::stream_read(cx, arn);
    let table = unlocked(cx, &stream)?;
    let shards = stream.shards(&*cx.tx, cx.now)?;
    let is_it = |shard: &&Shard| shard.lane == iterator.lane && shard.start == iterator.start;
    let shard = shards.iter().find(is_it).ok_or(Refusal::Trimmed)?;
    if iterator.at < trimmed(cx, &stream)? {
        return Err(Refusal::Trimmed.into());
    }
    let prefix = log::prefix(stream.account, stream.region, stream.table_number);
    let (mut records, mut bytes) = (Vec::new(), 0);
    // Where the next call goes on, unless everything there is was seen.
    let mut more = None;
    let range = log::range(&prefix, iterator.at, shard.end);
    for (looks, pair) in cx.tx.scan(range, Direction::Forward).enumerate() {
        let (key, value) = pair?;
        let at = Position::of_key(&prefix, &key).ok_or(Refusal::Internal)?;
        if records.len() == limit || bytes >= BYTES_MAX || looks == LOOKS_MAX {
            more = Some(at);
            break;
        }
        let change = Change::from_bytes(&value).map_err(|_| Error::from(Refusal::Internal))?;
        if stream.lane_of(change.hash) != shard.lane {
            continue;
        }
        if records.is_empty() && cx.now.since(change.time) > STREAM_LIFE {
            return Err(Refusal::Trimmed.into());
        }
        let change = match &table {
            Some(table) => change.opened(&table.vault)?,
            None => change,
        };
        let record = record(&stream, at, change)?;
        bytes += record.body.size as usize;
        records.push(record);
    }
    let next = match (more, shard.end) {
        (Some(at), _) => Some(at),
        (None, Some(_)) => None,
        // Nothing that is committed later can lie before this.
        (None, None) => Some(iterator.at.max(Position::start_of(cx.tx.base().number() + 1))),
    };
    let next = next.map(|at| ShardIterator { at, issued: cx.now, ..iterator }.text(cx, arn));
    Ok(GetRecordsOutput { records, next })
}

/// A change as the stream's view shows it.
fn record(stream: &StreamRecord, at: Position, change: Change) -> Result<Record, Error> {
    let image = |bytes: Option<&Vec<u8>>, views: [&str; 2]| -> Result<Option<Item>, Error> {
        let bytes = bytes.filter(|_| views.contains(&stream.view.as_str()));
        Ok(bytes.map(|bytes| Item::decode(bytes)).transpose()?)
    };
    let keys = change.key_item()?;
    let new = image(change.new.as_ref(), ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"])?;
    let old = image(change.old.as_ref(), ["OLD_IMAGE", "NEW_AND_OLD_IMAGES"])?;
    let size = keys.size() + new.as_ref().map_or(0, Item::size) + old.as_ref().map_or(0, Item::size);
    let name = match change.what {
        What::Insert => "INSERT",
        What::Modify => "MODIFY",
        What::Remove => "REMOVE",
    };
    let sequence = sequence_number(at);
    let identity = (change.by == By::TimeToLive)
        .then(|| Identity { principal: "dynamodb.amazonaws.com".to_owned(), kind: "Service".to_owned() });
    Ok(Record {
        id: event_id(stream.number, &sequence),
        name: name.to_owned(),
        version: "1.1".to_owned(),
        source: "aws:dynamodb".to_owned(),
        region: stream.region.name().to_owned(),
        body: Body {
            created: change.time.whole_seconds(),
            keys: keys.into_wire(),
            new: new.map(Item::into_wire),
            old: old.map(Item::into_wire),
            sequence,
            size: size as i64,
            view: stream.view.clone(),
        },
        identity,
    })
}

/// The same for every reader, and for nothing else.
fn event_id(stream: u64, sequence: &str) -> String {
    match BodyHash::of(format!("{stream}/{sequence}").as_bytes()) {
        BodyHash::Of(hash) => hash[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
        BodyHash::Unread => String::new(),
    }
}
