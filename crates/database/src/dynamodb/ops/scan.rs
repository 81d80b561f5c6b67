//! Scan: all items of a table or an index, or of one segment of it.

use super::get::consistency;
use super::query::start_item;
use crate::dynamodb::access;
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::expression::{Condition, Kind, Placeholders, Projection, check_placeholders_allowed};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::lag;
use crate::dynamodb::legacy;
use crate::dynamodb::listing::{self, ListingOutput};
use crate::dynamodb::model::keys;
use crate::dynamodb::model::schema;
use crate::dynamodb::read::{self, Asked};
use crate::dynamodb::request::present;
use crate::dynamodb::throttle;
use kernel::Cx;
use store::{Direction, KeyRange};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    Scan: [event] scan, "dynamodb:Scan", access::scan;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Scan {
        table: String = "TableName",
        index: Option<String> = "IndexName",
        attributes: Option<Vec<String>> = "AttributesToGet",
        limit: Option<i64> = "Limit",
        select: Option<String> = "Select",
        scan_filter: Option<Value> = "ScanFilter",
        operator: Option<String> = "ConditionalOperator",
        start: Option<Value> = "ExclusiveStartKey",
        capacity: Option<String> = "ReturnConsumedCapacity",
        total: Option<u32> = "TotalSegments",
        segment: Option<u32> = "Segment",
        projection: Option<String> = "ProjectionExpression",
        filter: Option<String> = "FilterExpression",
        names: Option<Value> = "ExpressionAttributeNames",
        values: Option<Value> = "ExpressionAttributeValues",
        consistent: Option<bool> = "ConsistentRead",
    }
}

impl Scan {
    fn check_parameters(&self) -> Result<(), Error> {
        let legacy_present = present(&[
            ("AttributesToGet", self.attributes.is_some()),
            ("ScanFilter", self.scan_filter.is_some()),
            ("ConditionalOperator", self.operator.is_some()),
        ]);
        let expressions = present(&[
            ("ProjectionExpression", self.projection.is_some()),
            ("FilterExpression", self.filter.is_some()),
        ]);
        legacy::check_not_mixed(&legacy_present, &expressions)?;
        let projects = self.attributes.is_some() || self.projection.is_some();
        let legacy_projection = self.attributes.is_some();
        listing::check_select(self.select.as_deref(), self.index.as_deref(), legacy_projection, projects)
    }

    /// The segment and how many there are.
    fn segment(&self) -> Result<Option<(u32, u32)>, Error> {
        match (self.segment, self.total) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(validation(
                "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
            )),
            (None, Some(_)) => Err(validation(
                "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
            )),
            (Some(segment), Some(total)) if segment >= total => Err(validation(
                "The Segment parameter is zero-based and must be less than parameter TotalSegments",
            )),
            (Some(segment), Some(total)) => Ok(Some((segment, total))),
        }
    }
}

fn scan(cx: &mut Cx<'_>, mut req: Scan) -> Result<ListingOutput, Error> {
    req.check_parameters()?;
    let expressions =
        [("FilterExpression", req.filter.is_some()), ("ProjectionExpression", req.projection.is_some())];
    let (names, values) = (req.names.take(), req.values.take());
    check_placeholders_allowed(names.is_some(), values.is_some(), &expressions).map_err(Invalid::older)?;
    let attributes =
        req.attributes.as_deref().map(|names| legacy::attributes_to_get(names.iter().map(String::as_str)));
    let attributes = attributes.transpose()?;
    let filtered = legacy::filter(req.scan_filter.take(), req.operator.as_deref()).map_err(Invalid::older)?;
    let start = req.start.take().map(start_item).transpose().map_err(Invalid::older)?;
    let segment = req.segment()?;
    let mut placeholders = Placeholders::new(names, values).map_err(Invalid::older)?;
    let compiled =
        req.filter.as_deref().map(|text| Condition::compile(Kind::Filter, text, &mut placeholders));
    let filter = compiled.transpose()?.or(filtered);
    let projected = req.projection.as_deref().map(|text| Projection::compile(text, &mut placeholders));
    let projection = projected.transpose()?.or(attributes);
    placeholders.check_used()?;
    let schema = schema::usable(cx, &req.table)?;
    let index = listing::index(&schema, req.index.as_deref(), req.consistent)?;
    if let (Some(start), Some(index)) = (&start, index) {
        listing::check_start(&schema, Some(index), start, index.keys.parts())?;
    }
    let selection = listing::selection(index, req.select.as_deref(), projection.as_ref(), filter.as_ref())?;
    let mut range = range(index.map_or(&schema.prefix, |index| &index.prefix), segment);
    if let Some(start) = &start {
        let at = listing::start_key(&schema, index, start)?;
        if let Some((segment, total)) = segment.filter(|_| !range.contains(&at)) {
            return Err(validation(format!(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: {total} Segment: {segment}"
            )));
        }
        range = range.after(&at);
    }
    listing::check_scalars(&schema, projection.as_ref(), filter.as_ref())?;
    let asked = Asked {
        schema: &schema,
        index,
        range,
        direction: Direction::Forward,
        limit: req.limit.and_then(|limit| usize::try_from(limit).ok()),
        filter: filter.as_ref(),
        projection: projection.as_ref(),
        count: selection.count,
        fetch: selection.fetch,
        consistency: consistency(req.consistent),
    };
    let past = lag::state(cx, &schema, asked.consistency)?;
    let page = read::page(lag::from(past.as_ref(), cx.tx), &asked)?;
    throttle::admit_read(cx, &schema, index, page.units, page.fetched)?;
    Ok(listing::output(page, &req.table, index, selection.count, req.capacity.as_deref()))
}

/// All rows, or those of a segment: a range of hashes.
fn range(prefix: &[u8], segment: Option<(u32, u32)>) -> KeyRange {
    let whole = KeyRange::prefix(prefix);
    let Some((segment, total)) = segment else { return whole };
    let (low, high) = keys::segment(segment, total);
    let at = |hash: u32| [prefix, &hash.to_be_bytes()].concat();
    KeyRange { start: at(low).into(), end: high.map_or(whole.end, |high| Some(at(high).into())) }
}
