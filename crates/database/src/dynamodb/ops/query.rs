//! Query: the items of one partition, of a table or an index, in the order of their sort keys.

use super::get::consistency;
use crate::dynamodb::access;
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::expression::{
    Condition, KeyCondition, KeyTest, Kind, Placeholders, Projection, Sought, check_placeholders_allowed,
};
use crate::dynamodb::insights;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::lag;
use crate::dynamodb::legacy;
use crate::dynamodb::listing::{self, ListingOutput};
use crate::dynamodb::model::keys;
use crate::dynamodb::model::schema::{self, IndexSchema, KeyPart, KeySchema, Schema};
use crate::dynamodb::read::{self, Asked};
use crate::dynamodb::request::present;
use crate::dynamodb::throttle;
use crate::dynamodb::value::{AttributeValue, Type};
use kernel::Cx;
use store::{Direction, KeyRange};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    Query: [event] query, "dynamodb:Query", access::query;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Query {
        table: String = "TableName",
        index: Option<String> = "IndexName",
        select: Option<String> = "Select",
        attributes: Option<Vec<String>> = "AttributesToGet",
        limit: Option<i64> = "Limit",
        consistent: Option<bool> = "ConsistentRead",
        key_conditions: Option<Value> = "KeyConditions",
        query_filter: Option<Value> = "QueryFilter",
        operator: Option<String> = "ConditionalOperator",
        forward: Option<bool> = "ScanIndexForward",
        start: Option<Value> = "ExclusiveStartKey",
        capacity: Option<String> = "ReturnConsumedCapacity",
        projection: Option<String> = "ProjectionExpression",
        filter: Option<String> = "FilterExpression",
        key_condition: Option<String> = "KeyConditionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
        values: Option<Value> = "ExpressionAttributeValues",
    }
}

impl Query {
    fn check_parameters(&self) -> Result<(), Error> {
        let legacy_present = present(&[
            ("AttributesToGet", self.attributes.is_some()),
            ("QueryFilter", self.query_filter.is_some()),
            ("ConditionalOperator", self.operator.is_some()),
            // Beside other expressions they are the one mixture that AWS takes.
            ("KeyConditions", self.key_conditions.is_some() && self.key_condition.is_some()),
        ]);
        let expressions = present(&[
            ("ProjectionExpression", self.projection.is_some()),
            ("FilterExpression", self.filter.is_some()),
            ("KeyConditionExpression", self.key_condition.is_some()),
        ]);
        legacy::check_not_mixed(&legacy_present, &expressions)?;
        let projects = self.attributes.is_some() || self.projection.is_some();
        let legacy_projection = self.attributes.is_some();
        listing::check_select(self.select.as_deref(), self.index.as_deref(), legacy_projection, projects)
    }
}

/// What a query asks for, read but not yet held against its table.
struct Parsed {
    condition: KeyCondition,
    filter: Option<Condition>,
    projection: Option<Projection>,
    start: Option<Item>,
}

/// In AWS's order: who sends two faults is told of the one that is looked for first.
fn read(req: &mut Query) -> Result<Parsed, Error> {
    req.check_parameters()?;
    let expressions = [
        ("FilterExpression", req.filter.is_some()),
        ("KeyConditionExpression", req.key_condition.is_some()),
        ("ProjectionExpression", req.projection.is_some()),
    ];
    let (names, values) = (req.names.take(), req.values.take());
    check_placeholders_allowed(names.is_some(), values.is_some(), &expressions).map_err(Invalid::older)?;
    let filtered = legacy::filter(req.query_filter.clone(), req.operator.as_deref())?;
    let attributes =
        req.attributes.as_deref().map(|names| legacy::attributes_to_get(names.iter().map(String::as_str)));
    let attributes = attributes.transpose()?;
    let start = req.start.take().map(start_item).transpose()?;
    let conditions = req.key_conditions.take();
    let conditions =
        conditions.map(|given| legacy::key_conditions(given, req.index.is_some())).transpose()?;
    if req.key_condition.is_none() && conditions.is_none() {
        return Err(validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ));
    }
    let mut placeholders = Placeholders::new(names, values)?;
    let mut compiled = |kind, text: Option<&str>| {
        text.map(|text| Condition::compile(kind, text, &mut placeholders)).transpose()
    };
    let condition = compiled(Kind::KeyCondition, req.key_condition.as_deref())?;
    let filter = compiled(Kind::Filter, req.filter.as_deref())?.or(filtered);
    let projected = req.projection.as_deref().map(|text| Projection::compile(text, &mut placeholders));
    let projection = projected.transpose()?.or(attributes);
    placeholders.check_used()?;
    let condition = condition.map(KeyCondition::read).transpose()?.or(conditions).unwrap_or_default();
    Ok(Parsed { condition, filter, projection, start })
}

fn query(cx: &mut Cx<'_>, mut req: Query) -> Result<ListingOutput, Error> {
    let Parsed { condition, filter, projection, start } = read(&mut req)?;
    let schema = schema::usable(cx, &req.table)?;
    let index = listing::index(&schema, req.index.as_deref(), req.consistent)?;
    let keys = index.map_or(&schema.keys, |index| &index.keys);
    if let Some(start) = &start {
        listing::check_start(&schema, index, start, keys.hashes())?;
    }
    let sought = resolve(condition, keys)?;
    if let Some(start) = &start {
        listing::check_start(&schema, index, start, keys.ranges())?;
    }
    if let Some(filter) = &filter {
        listing::check_filter(filter, keys, req.query_filter.is_some())?;
    }
    let selection = listing::selection(index, req.select.as_deref(), projection.as_ref(), filter.as_ref())?;
    let forward = req.forward != Some(false);
    let mut range = range(&schema, index, &sought);
    if let Some(start) = &start {
        let at = start_key(&schema, index, start, &sought)?;
        range = if forward { range.after(&at) } else { range.before(&at) };
    }
    listing::check_scalars(&schema, projection.as_ref(), filter.as_ref())?;
    let asked = Asked {
        schema: &schema,
        index,
        range,
        direction: if forward { Direction::Forward } else { Direction::Backward },
        limit: req.limit.and_then(|limit| usize::try_from(limit).ok()),
        filter: filter.as_ref(),
        projection: projection.as_ref(),
        count: selection.count,
        fetch: selection.fetch,
        consistency: consistency(req.consistent),
    };
    let past = lag::state(cx, &schema, asked.consistency)?;
    let page = read::page(lag::from(past.as_ref(), cx.tx), &asked)?;
    let admitted = throttle::admit_read(cx, &schema, index, page.units, page.fetched);
    let hashes = keys.hashes().map(|part| part.name.clone());
    if schema.is_watched {
        let partition = Item::from_pairs(hashes.zip(sought.partition).collect());
        insights::read(cx, &schema, index, &partition, page.units + page.fetched, &admitted);
    }
    admitted?;
    Ok(listing::output(page, &req.table, index, selection.count, req.capacity.as_deref()))
}

/// # Errors
/// `ValidationException`.
pub(crate) fn start_item(value: Value) -> Result<Item, Invalid> {
    // AWS leaves the beginning out where numbers and sets are concerned.
    const BARE: &[&str] = &[
        "contains duplicates",
        "number set",
        "numeric value",
        "significant digits",
        "number with magnitude",
    ];
    Item::from_wire(value).map_err(|invalid| match invalid.message() {
        message if BARE.iter().any(|part| message.contains(part)) => invalid,
        message => Invalid::new(format!("The provided starting key is invalid: {message}")),
    })
}

/// # Errors
/// `ValidationException`.
fn resolve(condition: KeyCondition, keys: &KeySchema) -> Result<Sought, Error> {
    fn named(part: &KeyPart) -> (&str, Type) {
        (part.name.as_str(), part.kind)
    }
    let (hashes, ranges): (Vec<_>, Vec<_>) =
        (keys.hashes().map(named).collect(), keys.ranges().map(named).collect());
    let sought = if keys.is_composite() {
        condition.resolve_composite(&hashes, &ranges)?
    } else {
        let (partition, last) = condition.resolve(hashes[0], ranges.first().copied())?;
        Sought { partition: vec![partition], equals: Vec::new(), last }
    };
    let empty = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.is_empty(),
        AttributeValue::B(bytes) => bytes.is_empty(),
        _ => false,
    };
    let given = sought.partition.iter().zip(&hashes).chain(sought.equals.iter().zip(&ranges));
    let last = sought.last.iter().flat_map(KeyTest::values);
    let last = last.filter_map(|value| Some((value, ranges.get(sought.equals.len())?)));
    let key = given.chain(last).find(|(value, _)| empty(value)).map(|(_, part)| part.0);
    match key {
        None => Ok(sought),
        Some(key) => Err(validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {key}"
        ))),
    }
}

/// The rows of one partition whose sort keys pass the test.
pub(crate) fn range(schema: &Schema, index: Option<&IndexSchema>, sought: &Sought) -> KeyRange {
    let bytes = |value: &AttributeValue| value.key_bytes().unwrap_or_default();
    let mut base = index.map_or(&schema.prefix, |index| &index.prefix).clone();
    let partition: Vec<Vec<u8>> = sought.partition.iter().map(bytes).collect();
    keys::push_partition(&mut base, &partition);
    for value in &sought.equals {
        keys::push(&mut base, &bytes(value));
    }
    let whole = KeyRange::prefix(&base);
    let at = |value: &AttributeValue| {
        let mut key = base.clone();
        keys::push(&mut key, &bytes(value));
        KeyRange::prefix(&key)
    };
    match &sought.last {
        None => whole,
        Some(KeyTest::Equal(value)) => at(value),
        Some(KeyTest::Less(value)) => KeyRange { end: Some(at(value).start), ..whole },
        Some(KeyTest::LessOrEqual(value)) => KeyRange { end: at(value).end, ..whole },
        Some(KeyTest::Greater(value)) => KeyRange { start: at(value).end.unwrap_or(whole.start), ..whole },
        Some(KeyTest::GreaterOrEqual(value)) => KeyRange { start: at(value).start, ..whole },
        Some(KeyTest::Between(low, high)) => KeyRange { start: at(low).start, end: at(high).end },
        Some(KeyTest::BeginsWith(value)) => {
            let mut key = base.clone();
            keys::push_beginning(&mut key, &bytes(value));
            KeyRange::prefix(&key)
        }
    }
}

fn start_key(
    schema: &Schema,
    index: Option<&IndexSchema>,
    start: &Item,
    sought: &Sought,
) -> Result<Vec<u8>, Error> {
    let at = listing::start_key(schema, index, start)?;
    let keys = index.map_or(&schema.keys, |index| &index.keys);
    let is = |(part, value): (&KeyPart, &AttributeValue)| start.get(&part.name) == Some(value);
    let range = keys.ranges().nth(sought.equals.len()).and_then(|range| start.get(&range.name));
    let passes = match (&sought.last, range) {
        (Some(test), Some(value)) => test.accepts(value),
        _ => true,
    };
    if !passes || !keys.ranges().zip(&sought.equals).all(is) {
        return Err(validation("The provided starting key does not match the range key predicate"));
    }
    if keys.hashes().zip(&sought.partition).all(is) {
        return Ok(at);
    }
    // AWS: to the letter; one of another partition is not that of a query of a part of one.
    Err(validation(match sought.last.is_none() && sought.equals.is_empty() {
        true => "The provided starting key is outside query boundaries based on provided conditions",
        false => "The query can return at most one row and cannot be restarted",
    }))
}
