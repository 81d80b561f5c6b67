//! ListStreams.

use super::{access, limit};
use crate::dynamodb::errors::{Error, Refusal};
use crate::dynamodb::model::stream::{STREAMS, StreamRecord};
use crate::dynamodb::model::table::{TABLES, TableRecord};
use kernel::Cx;
use store::Key;

kernel::ops! { pub(super) static OPS:
    ListStreams: list_streams, "dynamodb:ListStreams", access::any;
}

const PAGE_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct ListStreams {
        table: Option<String> = "TableName",
        limit: Option<i64> = "Limit",
        start: Option<String> = "ExclusiveStartStreamArn",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Stream {
        arn: String = "StreamArn",
        label: String = "StreamLabel",
        table: String = "TableName",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ListStreamsOutput {
        streams: Vec<Stream> = "Streams",
        last: Option<String> = "LastEvaluatedStreamArn",
    }
}

fn list_streams(cx: &mut Cx<'_>, req: ListStreams) -> Result<ListStreamsOutput, Error> {
    let limit = limit(req.limit, PAGE_MAX)?;
    let prefix = match &req.table {
        None => Key::regional(cx.account, cx.region),
        Some(table) => Key::regional(cx.account, cx.region).str(table),
    };
    let after = match &req.start {
        None => None,
        Some(arn) => {
            let place = super::Place::read(cx, arn)?;
            Some(StreamRecord::key(cx.account, cx.region, &place.table, &place.label))
        }
    };
    let page = STREAMS.page(&*cx.tx, &prefix, after.as_ref(), limit)?;
    if let Some(table) = req.table.filter(|_| page.items.is_empty() && after.is_none())
        && !TABLES.contains(&*cx.tx, &TableRecord::key(cx.account, cx.region, &table))?
    {
        return Err(Refusal::NoTable(table).into());
    }
    let streams: Vec<Stream> = page
        .items
        .into_iter()
        .map(|(_, stream)| Stream { arn: stream.arn(), label: stream.label, table: stream.table })
        .collect();
    let last = page.next.and_then(|_| streams.last().map(|stream| stream.arn.clone()));
    Ok(ListStreamsOutput { streams, last })
}
