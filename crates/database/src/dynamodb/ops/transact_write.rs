//! TransactWriteItems: up to 100 writes and checks that happen together or not at all.
//!
//! Transactions that meet wait for each other (the store runs the later one again), so the reason
//! `TransactionConflict` is never given.

use super::batch_write::collect;
use super::shapes::metrics;
use crate::dynamodb::access;
use crate::dynamodb::action::{Act, Failed, What, check_put_size};
use crate::dynamodb::capacity::{Detail, Kind, Meter, meter_indexes};
use crate::dynamodb::change::How;
use crate::dynamodb::errors::{Error, Refusal, reason, validation};
use crate::dynamodb::expression::{Condition, Update};
use crate::dynamodb::insights;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::metering;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::token::{Cancelled, LIFE, TOKENS, TokenRecord};
use crate::dynamodb::number::Number;
use crate::dynamodb::request::{ConditionParameters, placeholders};
use crate::dynamodb::size::{Consistency, Units};
use crate::dynamodb::throttle;
use auth::sigv4::BodyHash;
use kernel::Cx;
use std::collections::HashSet;
use std::sync::Arc;
use store::Key;
use wire::{Struct, ToValue, Value};

kernel::ops! { pub(crate) static OPS:
    TransactWriteItems: [event] transact_write_items, "dynamodb:PutItem", access::transact_write;
}

/// AWS: the operation's page: the aggregate size of the items.
const BYTES_MAX: usize = 4 << 20;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct TransactWriteItems {
        items: Vec<TransactWriteItem> = "TransactItems",
        capacity: Option<String> = "ReturnConsumedCapacity",
        metrics: Option<String> = "ReturnItemCollectionMetrics",
        token: Option<String> = "ClientRequestToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TransactWriteItem {
        check: Option<OnKey> = "ConditionCheck",
        put: Option<Put> = "Put",
        delete: Option<OnKey> = "Delete",
        update: Option<Updating> = "Update",
    }

    /// A condition check, or a deletion.
    #[derive(Clone, Debug)]
    pub(crate) struct OnKey {
        key: Value = "Key",
        table: String = "TableName",
        condition: Option<String> = "ConditionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
        values: Option<Value> = "ExpressionAttributeValues",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Put {
        item: Value = "Item",
        table: String = "TableName",
        condition: Option<String> = "ConditionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
        values: Option<Value> = "ExpressionAttributeValues",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Updating {
        key: Value = "Key",
        update: String = "UpdateExpression",
        table: String = "TableName",
        condition: Option<String> = "ConditionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
        values: Option<Value> = "ExpressionAttributeValues",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TransactWriteItemsOutput {
        pub(crate) consumed: Option<Value> = "ConsumedCapacity",
        metrics: Option<Value> = "ItemCollectionMetrics",
    }
}

/// Why one action of a transaction cannot be done.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    code: &'static str,
    message: String,
    item: Option<Item>,
}

impl Reason {
    fn condition(item: Option<Item>) -> Reason {
        Reason { code: reason::CONDITION, message: "The conditional request failed".into(), item }
    }

    fn duplicate() -> Reason {
        let message = "Duplicate primary key exists in table".into();
        Reason { code: reason::DUPLICATE, message, item: None }
    }

    /// What is wrong with one item is a reason; anything else ends the request.
    ///
    /// # Errors
    /// What is not about the item.
    pub(crate) fn of_check(checked: Result<(), Error>) -> Result<Option<Reason>, Error> {
        let Err(error) = checked else { return Ok(None) };
        if let Some((code, message)) = error.throttling() {
            return Ok(Some(Reason { code, message: message.to_owned(), item: None }));
        }
        match error.validation() {
            Some(message) => {
                Ok(Some(Reason { code: reason::VALIDATION, message: message.to_owned(), item: None }))
            }
            None => Err(error),
        }
    }
}

/// The refusal of a transaction, with a reason for each action in turn.
pub(crate) fn cancelled(reasons: Vec<Option<Reason>>) -> Error {
    let codes: Vec<&str> = reasons.iter().map(|r| r.as_ref().map_or(reason::NONE, |r| r.code)).collect();
    let error = Error::from(Refusal::Cancelled(codes.join(", ")));
    let list = reasons.into_iter().map(|reason| {
        let mut out = Struct::new();
        match reason {
            None => out.push("Code", Value::str(reason::NONE)),
            Some(reason) => {
                out.push("Code", Value::str(reason.code));
                out.push("Message", Value::Str(reason.message));
                if let Some(item) = reason.item {
                    out.push("Item", item.into_wire());
                }
            }
        }
        Value::Struct(out)
    });
    error.with("CancellationReasons", Value::List(list.collect()))
}

/// The parameters that all kinds of actions share.
struct Shared {
    table: String,
    condition: Option<String>,
    names: Option<Value>,
    values: Option<Value>,
    on_failure: Option<String>,
}

impl Shared {
    /// An action on the item with this key; its expressions are checked first.
    fn read_keyed(
        mut self,
        key: Value,
        update: Option<String>,
        what: impl FnOnce(Item, Option<Update>) -> What,
    ) -> Result<Act, Error> {
        let table = std::mem::take(&mut self.table);
        let (condition, update, show_on_failure) = self.compile(update)?;
        let key = Item::from_wire(key).map_err(Invalid::older)?;
        Ok(Act { table, what: what(key, update), condition, show_on_failure })
    }

    /// Its condition, its update and whether a failed condition shows the item.
    fn compile(self, update: Option<String>) -> Result<(Option<Condition>, Option<Update>, bool), Error> {
        let mut expressions = vec![("ConditionExpression", self.condition.is_some())];
        if update.is_some() {
            expressions.insert(0, ("UpdateExpression", true));
        }
        let mut placeholders = placeholders(self.names, self.values, &expressions).map_err(Invalid::older)?;
        let update = update.map(|text| Update::compile(&text, &mut placeholders)).transpose()?;
        let parameters = ConditionParameters { expression: self.condition, ..ConditionParameters::default() };
        let condition = parameters.compile(&mut placeholders)?;
        placeholders.check_used()?;
        Ok((condition, update, self.on_failure.as_deref() == Some("ALL_OLD")))
    }
}

fn read(item: TransactWriteItem) -> Result<Act, Error> {
    match (item.check, item.put, item.delete, item.update) {
        (Some(OnKey { key, table, condition, names, values, on_failure }), None, None, None) => {
            let shared = Shared { table, condition, names, values, on_failure };
            shared.read_keyed(key, None, |key, _| What::Check(key))
        }
        (None, None, Some(OnKey { key, table, condition, names, values, on_failure }), None) => {
            let shared = Shared { table, condition, names, values, on_failure };
            shared.read_keyed(key, None, |key, _| What::Delete(key))
        }
        (None, Some(Put { item, table, condition, names, values, on_failure }), None, None) => {
            let item = Item::from_wire(item).map_err(Invalid::older)?;
            check_put_size(&item)?;
            let shared = Shared { table: String::new(), condition, names, values, on_failure };
            let (condition, _, show_on_failure) = shared.compile(None)?;
            Ok(Act { table, what: What::Put(item), condition, show_on_failure })
        }
        (None, None, None, Some(Updating { key, update, table, condition, names, values, on_failure })) => {
            let shared = Shared { table, condition, names, values, on_failure };
            shared.read_keyed(key, Some(update), |key, update| What::Update(key, update.unwrap_or_default()))
        }
        (None, None, None, None) => Err(validation(
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
        )),
        _ => Err(validation("TransactItems can only contain one of Check, Put, Update or Delete")),
    }
}

/// A transaction's actions in their order, and what is to be told of them. AWS: recorded; `NONE` is what is left out.
pub(crate) fn fingerprint_of_actions(actions: Option<Value>, told: [Option<&str>; 2]) -> Vec<u8> {
    let mut parts = vec![actions.unwrap_or(Value::Null)];
    parts.extend(told.map(|told| told.filter(|told| *told != "NONE").map_or(Value::Null, Value::str)));
    fingerprint_of(Some(Value::List(parts)))
}

/// What was asked for, as a number that tells requests with one token apart. Maps have no order: clients whose maps have
/// none write them differently each time. AWS: recorded; equal numbers are equal however they are written.
pub(crate) fn fingerprint_of(asked: Option<Value>) -> Vec<u8> {
    let asked = in_order(asked.unwrap_or(Value::Null));
    match BodyHash::of(wire::json::text(&asked).as_bytes()) {
        BodyHash::Of(hash) => hash.to_vec(),
        BodyHash::Unread => Vec::new(),
    }
}

/// The same, with the keys of each map in their order, and numbers as DynamoDB writes them.
fn in_order(value: Value) -> Value {
    let number = |value: Value| match value {
        Value::Str(text) => Value::Str(Number::parse(&text).map_or(text, |number| number.to_string())),
        other => other,
    };
    match value {
        Value::List(items) => Value::List(items.into_iter().map(in_order).collect()),
        Value::Struct(members) => {
            let told = members.into_iter().filter(|(name, value)| {
                *name != "ReturnValuesOnConditionCheckFailure" || value.as_str() != Some("NONE")
            });
            let members = told.map(|(name, value)| match (name, value) {
                ("N", value) => (name, number(value)),
                ("NS", Value::List(items)) => (name, Value::List(items.into_iter().map(number).collect())),
                (_, value) => (name, in_order(value)),
            });
            Value::Struct(members.collect())
        }
        Value::Map(mut entries) => {
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Map(entries.into_iter().map(|(key, value)| (key, in_order(value))).collect())
        }
        plain => plain,
    }
}

fn transact_write_items(cx: &mut Cx<'_>, req: TransactWriteItems) -> Result<TransactWriteItemsOutput, Error> {
    let told = [req.capacity.as_deref(), req.metrics.as_deref()];
    let fingerprint = req.token.as_ref().map(|_| fingerprint_of_actions(req.items.clone().to_value(), told));
    let token = req.token.zip(fingerprint);
    let acts: Vec<Act> = req.items.into_iter().map(read).collect::<Result<_, _>>()?;
    commit(cx, acts, token, req.capacity.as_deref(), req.metrics.as_deref())
}

/// Does all acts, or none. `token`: the caller's, and what was asked for under it.
///
/// # Errors
/// `TransactionCanceledException` and what the operation's page lists beside it.
pub(crate) fn commit(
    cx: &mut Cx<'_>,
    acts: Vec<Act>,
    token: Option<(String, Vec<u8>)>,
    capacity: Option<&str>,
    wants_metrics: Option<&str>,
) -> Result<TransactWriteItemsOutput, Error> {
    let token = token.map(|(token, request)| (Key::regional(cx.account, cx.region).str(&token), request));
    let prepared = prepare(cx, acts)?;
    if let Some((key, request)) = &token
        && let Some(known) = TOKENS.get(&*cx.tx, key)?.filter(|known| cx.now.since(known.done) < LIFE)
    {
        if known.request != *request {
            return Err(Refusal::TokenReused.into());
        }
        return Ok(repeated(cx, &prepared, &known.sizes, capacity));
    }
    let memory = cx.memory::<Cancelled>();
    if let Some((key, request)) = &token
        && memory.get(key, cx.now).is_some_and(|known| known != *request)
    {
        return Err(Refusal::TokenReused.into());
    }
    // AWS: what is empty is refused before the transaction begins.
    prepared.iter().try_for_each(|(act, schema, _)| schema.check_key_filled(act.key_item()))?;
    match attempt(cx, prepared, capacity, wants_metrics)? {
        Ok((output, sizes)) => {
            if let Some((key, request)) = token {
                TOKENS.put(cx.tx, &key, &TokenRecord { request, done: cx.now, sizes });
            }
            Ok(output)
        }
        Err(reasons) => {
            // AWS: recorded; the token stays with what was asked for, which may be tried again.
            if let Some((key, request)) = token {
                memory.keep(key, request, cx.now.plus(LIFE));
            }
            Err(cancelled(reasons))
        }
    }
}

/// The answer and the sizes of its items, or why the actions cannot be done.
type Attempt = Result<(TransactWriteItemsOutput, Vec<u64>), Vec<Option<Reason>>>;

fn attempt(
    cx: &mut Cx<'_>,
    prepared: Prepared,
    capacity: Option<&str>,
    wants_metrics: Option<&str>,
) -> Result<Attempt, Error> {
    let mut reasons = vec![None; prepared.len()];
    for (at, (act, schema, _)) in prepared.iter().enumerate() {
        // AWS: the first that cannot be done is told of, and no other is looked at.
        if let Some(reason) = Reason::of_check(act.check(schema).map(drop))? {
            reasons[at] = Some(reason);
            return Ok(Err(reasons));
        }
    }
    run(cx, prepared, capacity, wants_metrics)
}

type Prepared = Vec<(Act, Arc<Schema>, Vec<u8>)>;

/// Finds the tables, and sees that no item is in it twice.
fn prepare(cx: &mut Cx<'_>, acts: Vec<Act>) -> Result<Prepared, Error> {
    let mut prepared = Vec::with_capacity(acts.len());
    let mut seen = HashSet::with_capacity(acts.len());
    let mut bytes = 0;
    for act in acts {
        let schema = schema::usable(cx, &act.table)?;
        let key = schema.item_key(act.key_item());
        // Of a key that is none is told later.
        if schema.has_key(act.key_item()) && !seen.insert(key.clone()) {
            return Err(validation("Transaction request cannot include multiple operations on one item"));
        }
        bytes += act.key_item().size();
        prepared.push((act, schema, key));
    }
    if bytes > BYTES_MAX {
        // AWS: recorded; it says so twice.
        let sentence = "Transaction payload size cannot exceed 4MB. Payload Size: ";
        return Err(validation(format!("{sentence}: {sentence}{bytes}")));
    }
    Ok(prepared)
}

fn run(
    cx: &mut Cx<'_>,
    prepared: Prepared,
    capacity: Option<&str>,
    wants_metrics: Option<&str>,
) -> Result<Attempt, Error> {
    let mut meter = Meter::new(capacity, Kind::Write);
    let mut sizes = Vec::with_capacity(prepared.len());
    let want_old = meter.detail() != Detail::None;
    let mut reasons = Vec::with_capacity(prepared.len());
    let mut collections: Vec<(String, Value)> = Vec::new();
    for (act, schema, key) in prepared {
        let (table, show) = (act.table.clone(), act.show_on_failure);
        let of = schema.key_of(act.key_item());
        let checks = matches!(act.what, What::Check(_));
        match act.run(cx.tx, &schema, key, want_old, How::transactional(cx.now)) {
            Ok(outcome) => {
                let admitted = throttle::admit_write(cx, &schema, &outcome.done);
                insights::written(cx, &schema, &of, &outcome.done, &admitted);
                if let Err(error) = admitted {
                    reasons.push(Reason::of_check(Err(error))?);
                    continue;
                }
                metering::written(cx, &schema, &outcome.done);
                sizes.push(outcome.done.size as u64);
                meter.table(&table, outcome.done.table);
                meter_indexes(&mut meter, &table, &schema, &outcome.done.indexes);
                reasons.push(None);
            }
            Err(Failed::Condition(item)) => reasons.push(Some(Reason::condition(item.filter(|_| show)))),
            Err(Failed::Duplicate) => reasons.push(Some(Reason::duplicate())),
            Err(Failed::Refused(error)) => reasons.push(Reason::of_check(Err(error))?),
        }
        if wants_metrics == Some("SIZE")
            && !checks
            && let Some(found) = metrics(cx, &schema, &of)?
        {
            collect(&mut collections, table, found);
        }
    }
    if reasons.iter().any(Option::is_some) {
        return Ok(Err(reasons));
    }
    let metrics = (!collections.is_empty()).then_some(Value::Map(collections));
    Ok(Ok((TransactWriteItemsOutput { consumed: meter.many(), metrics }, sizes)))
}

/// The answer to a transaction that was done before. AWS: recorded; it costs what reading its items would have cost then,
/// each as large as it was before or after, whatever has become of them since.
fn repeated(
    cx: &mut Cx<'_>,
    prepared: &Prepared,
    sizes: &[u64],
    capacity: Option<&str>,
) -> TransactWriteItemsOutput {
    let mut meter = Meter::new(capacity, Kind::Read);
    for (at, (act, schema, _)) in prepared.iter().enumerate() {
        let size = sizes.get(at).map_or(0, |size| *size as usize);
        let units = Units::read(size, Consistency::Transactional);
        metering::read(cx, schema, None, [units, Units::ZERO]);
        meter.table(&act.table, units);
    }
    TransactWriteItemsOutput { consumed: meter.many(), metrics: None }
}

#[cfg(test)]
mod tests {
    use super::fingerprint_of;
    use wire::{Struct, Value};

    #[test]
    fn the_order_of_a_map_is_no_difference() {
        let text = |text: &str| Value::Struct(Struct::from_iter([("S", Value::Str(text.to_owned()))]));
        let map = |entries: &[(&str, Value)]| {
            Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
        };
        let nested =
            |inner: Value| map(&[("m", Value::Struct(Struct::from_iter([("M", inner)]))), ("a", text("1"))]);
        let of = |value: Value| fingerprint_of(Some(Value::List(vec![value])));
        let one = nested(map(&[("x", text("1")), ("y", text("2"))]));
        assert_eq!(of(one.clone()), of(nested(map(&[("y", text("2")), ("x", text("1"))]))));
        assert_ne!(of(one), of(nested(map(&[("x", text("2")), ("y", text("1"))]))));
        let list = |items: [&str; 2]| of(Value::List(items.map(text).to_vec()));
        assert_ne!(list(["1", "2"]), list(["2", "1"]));
    }
}
