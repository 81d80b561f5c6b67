//! DynamoDB Streams: what happened to the items of a table, for a day, in the order in which it happened.
//!
//! A stream is a view of its table's change log ([`super::model::log`]); how it is cut into shards stands in
//! [`super::model::stream`]. Iterators are signed tokens that hold all there is to know, and expire by the cloud's
//! clock.

mod access;
mod describe;
mod iterator;
mod list;
mod records;
pub mod work;

use super::encryption;
use super::errors::{Error, Refusal, validation};
use super::model::schema::{self, Schema};
use super::model::stream::{STREAMS, StreamRecord};
use super::model::table::{TABLES, TableRecord};
use base::{AccountId, Arn};
use kernel::Cx;
use std::sync::Arc;

pub static DYNAMODBSTREAMS: kernel::Service = kernel::Service {
    id: "dynamodbstreams",
    global: false,
    ops: &[describe::OPS, iterator::OPS, list::OPS, records::OPS],
};

/// What a stream's ARN says.
struct Place {
    account: AccountId,
    table: String,
    label: String,
}

impl Place {
    /// # Errors
    /// `ValidationException` for ARNs of other things, and of other regions.
    fn read(cx: &Cx<'_>, text: &str) -> Result<Place, Error> {
        let invalid = || validation("Invalid StreamArn");
        let arn = Arn::parse(text).ok_or_else(invalid)?;
        let (table, label) = arn
            .resource
            .strip_prefix("table/")
            .and_then(|rest| rest.split_once("/stream/"))
            .ok_or_else(invalid)?;
        if arn.service != "dynamodb"
            || arn.region != cx.region.name()
            || table.contains('/')
            || label.is_empty()
        {
            return Err(invalid());
        }
        let account = AccountId::parse(&arn.account).ok_or_else(invalid)?;
        Ok(Place { account, table: table.to_owned(), label: label.to_owned() })
    }
}

/// The stream that an ARN names.
///
/// # Errors
/// `ValidationException`, `ResourceNotFoundException`.
fn existing(cx: &Cx<'_>, arn: &str) -> Result<StreamRecord, Error> {
    let place = Place::read(cx, arn)?;
    let key = StreamRecord::key(place.account, cx.region, &place.table, &place.label);
    STREAMS.get(&*cx.tx, &key)?.ok_or_else(|| Refusal::NoStream(arn.to_owned()).into())
}

/// The table whose changes a stream shows, unlocked for the caller; none where the table is gone and had no key.
///
/// # Errors
/// `AccessDeniedException` and `ValidationException` of its KMS key.
fn unlocked(cx: &mut Cx<'_>, stream: &StreamRecord) -> Result<Option<Arc<Schema>>, Error> {
    let key = TABLES.stored_key(&TableRecord::key(stream.account, stream.region, &stream.table));
    let table = schema::load(cx.cloud(), &*cx.tx, &key)?;
    let table = match (table.filter(|table| table.record.number == stream.table_number), &stream.ended) {
        (Some(table), _) => Some(table),
        (None, Some(ended)) => Some(Arc::new(Schema::of((**ended).clone())?)),
        (None, None) => None,
    };
    if let Some(table) = &table {
        encryption::unlock(cx, table)?;
    }
    Ok(table)
}

/// # Errors
/// `ValidationException` where a limit is above what the operation takes.
fn limit(asked: Option<i64>, max: usize) -> Result<usize, Error> {
    match asked.map(usize::try_from) {
        None => Ok(max),
        Some(Ok(limit)) if limit <= max => Ok(limit),
        Some(_) => Err(super::errors::constraint(
            &asked.unwrap_or_default().to_string(),
            "limit",
            &format!("Member must have value less than or equal to {max}"),
        )),
    }
}
