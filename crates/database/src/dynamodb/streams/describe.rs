//! DescribeStream: a stream and its shards.

use super::{access, existing, limit};
use crate::dynamodb::errors::{Error, constraint};
use crate::dynamodb::model::log::{self, Position};
use crate::dynamodb::model::stream::{Shard, StreamRecord, sequence_number};
use crate::dynamodb::model::table::{Status, TABLES, TableRecord};
use crate::dynamodb::ops::describe::{KeySchemaElement, elements};
use base::Timestamp;
use kernel::{Cx, Wakes};

kernel::ops! { pub(super) static OPS:
    DescribeStream: describe_stream, "dynamodb:DescribeStream", access::on_stream;
}

const PAGE_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct DescribeStream {
        arn: String = "StreamArn",
        limit: Option<i64> = "Limit",
        start: Option<String> = "ExclusiveStartShardId",
        filter: Option<ShardFilter> = "ShardFilter",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ShardFilter {
        kind: Option<String> = "Type",
        shard: Option<String> = "ShardId",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Range {
        start: String = "StartingSequenceNumber",
        end: Option<String> = "EndingSequenceNumber",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ShardView {
        id: String = "ShardId",
        range: Range = "SequenceNumberRange",
        parent: Option<String> = "ParentShardId",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Description {
        arn: String = "StreamArn",
        label: String = "StreamLabel",
        status: String = "StreamStatus",
        view: String = "StreamViewType",
        created: Timestamp = "CreationRequestDateTime",
        table: String = "TableName",
        keys: Vec<KeySchemaElement> = "KeySchema",
        shards: Vec<ShardView> = "Shards",
        last: Option<String> = "LastEvaluatedShardId",
    }

    #[derive(Clone, Debug)]
    pub(super) struct DescribeStreamOutput { stream: Description = "StreamDescription" }
}

/// The first number that a shard's changes can have, and the last where it is closed.
pub(super) fn bounds(shard: &Shard) -> (Position, Option<Position>) {
    let last = |end: u64| Position { commit: end.saturating_sub(1), within: 999_999 };
    (Position::start_of(shard.start + 1), shard.end.map(last))
}

fn view(shard: Shard) -> ShardView {
    let (start, end) = bounds(&shard);
    let range = Range { start: sequence_number(start), end: end.map(sequence_number) };
    ShardView { id: shard.id, range, parent: shard.parent }
}

/// A stream follows its table: it is being switched on or off while the table is being changed.
fn status(cx: &Cx<'_>, stream: &StreamRecord) -> Result<&'static str, Error> {
    let table = TABLES.get(&*cx.tx, &TableRecord::key(stream.account, stream.region, &stream.table))?;
    let table = table.filter(|table| table.number == stream.table_number);
    let is_changing = table.as_ref().is_some_and(|t| matches!(t.status, Status::Updating | Status::Deleting));
    let last = table.as_ref().and_then(|table| table.latest_stream.as_ref());
    Ok(match stream.closed {
        Some(_) if is_changing && last == Some(&stream.label) => "DISABLING",
        Some(_) => "DISABLED",
        None if table.is_some_and(|table| table.stream.is_some_and(|stream| stream.changing)) => "ENABLING",
        None => "ENABLED",
    })
}

fn describe_stream(cx: &mut Cx<'_>, req: DescribeStream) -> Result<DescribeStreamOutput, Error> {
    let limit = limit(req.limit, PAGE_MAX)?;
    let stream = existing(cx, &req.arn)?;
    let changes = log::prefix(stream.account, stream.region, stream.table_number);
    cx.memory::<Wakes>().tell(&req.arn, changes);
    let parent = match &req.filter {
        None => None,
        Some(ShardFilter { kind: Some(_), shard: Some(parent) }) => Some(parent),
        Some(ShardFilter { kind, .. }) => {
            let missing = if kind.is_none() { "shardFilter.type" } else { "shardFilter.shardId" };
            return Err(constraint("null", missing, "Member must not be null"));
        }
    };
    let wanted = |shard: &Shard| {
        req.start.as_ref().is_none_or(|start| shard.id > *start)
            && parent.is_none_or(|parent| shard.parent.as_ref() == Some(parent))
    };
    let all = stream.shards(&*cx.tx, cx.now)?;
    let mut rest = all.into_iter().filter(wanted);
    let shards: Vec<ShardView> = rest.by_ref().take(limit).map(view).collect();
    let last = rest.next().and_then(|_| shards.last().map(|shard| shard.id.clone()));
    Ok(DescribeStreamOutput {
        stream: Description {
            arn: stream.arn(),
            status: status(cx, &stream)?.to_owned(),
            keys: elements(&stream.hash, stream.range.as_ref()),
            label: stream.label,
            view: stream.view,
            created: stream.created,
            table: stream.table,
            shards,
            last,
        },
    })
}
