//! Which tables and indexes each operation touches, and the condition keys that DynamoDB adds.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html> and the guide's
//! page on conditions for fine-grained access control. A table's own policy is asked too, which is how another
//! account gets in.
//!
//! `dynamodb:Attributes` holds the attributes that a request names: the requests' own lists, keys and items, and the
//! names that stand in its expressions ([`attributes`]).

mod attributes;
mod keys;
pub(crate) mod partiql;

use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::model::name::Place;
use crate::dynamodb::model::schema::{self, Schema};
use auth::policy::ResourceMode;
use base::{Arn, Region};
use kernel::{Cx, Target};
use keys::Leading;
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::validate::misnamed_tables;
use wire::{Fault, Struct, Value};

pub(crate) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

/// A table, or one of its indexes, whether it exists or not.
pub(super) fn target(
    cx: &Cx<'_>,
    place: &Place,
    index: Option<&str>,
) -> Result<(Target, Option<Arc<Schema>>), Error> {
    let arn = match index {
        None => place.arn(),
        Some(index) => format!("{}/index/{index}", place.arn()),
    };
    let mut target = Target::on(arn).owned_by(place.account);
    let schema = schema::find(cx, place)?;
    // AWS: recorded; of what another account has not no more is said.
    if schema.is_none() && place.account != cx.account {
        return Err(Refusal::Denied.into());
    }
    if let Some(schema) = &schema {
        target = target.tagged(schema.record.tags.clone());
        if let Some(policy) = &schema.policy {
            target = target.guarded(policy.clone(), ResourceMode::Optional);
        }
    }
    Ok((target, schema))
}

fn table_name(request: &Struct) -> &str {
    request.str("TableName").unwrap_or_default()
}

/// A table that is to be made.
pub(crate) fn new_table(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read(cx, table_name(request))?;
    Ok(vec![Target::on(place.arn()).owned_by(place.account)])
}

pub(crate) fn on_table(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read(cx, table_name(request))?;
    Ok(vec![target(cx, &place, None)?.0])
}

/// A table, or the index of it that is named.
pub(crate) fn on_table_or_index(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read(cx, table_name(request))?;
    Ok(vec![target(cx, &place, request.str("IndexName"))?.0])
}

/// A table where one is named.
pub(crate) fn any_or_table(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    match request.str("TableName") {
        None => any(cx, request),
        Some(_) => on_table(cx, request),
    }
}

/// UpdateTable: the table, and the replicas that are made or deleted.
pub(crate) fn update_table(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read(cx, table_name(request))?;
    let mut targets = vec![target(cx, &place, None)?.0];
    let updates = request.get("ReplicaUpdates").and_then(Value::as_list).unwrap_or_default();
    let actions = [("Create", "dynamodb:CreateTableReplica"), ("Delete", "dynamodb:DeleteTableReplica")];
    for update in updates {
        for (member, action) in actions {
            let region = update.at(&[member, "RegionName"]).and_then(Value::as_str).and_then(Region::parse);
            if let Some(region) = region {
                let arn = Place { region, ..place.clone() }.arn();
                targets.push(Target::on(arn).owned_by(place.account).doing(action));
            }
        }
    }
    Ok(targets)
}

/// A global table of the first version.
pub(crate) fn on_global_table(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.str("GlobalTableName").unwrap_or_default();
    let arn = Arn::new("dynamodb", "", cx.account.as_str(), &format!("global-table/{name}"));
    Ok(vec![Target::on(arn.to_string())])
}

pub(crate) fn on_arn(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read_resource(cx, request.str("ResourceArn").unwrap_or_default())?;
    Ok(vec![target(cx, &place, None)?.0])
}

/// What a request says about the items that it wants, as condition keys.
struct Asking<'r> {
    /// The part of the request that is about one table.
    part: &'r Struct,
    table: &'r str,
    index: Option<&'r str>,
    leading: Leading<'r>,
    /// Further attribute names: of items and keys.
    named: BTreeSet<String>,
    /// Of the whole request.
    capacity: Option<&'r str>,
    enclosing: Option<&'static str>,
}

impl<'r> Asking<'r> {
    fn of(request: &'r Struct, leading: Leading<'r>) -> Asking<'r> {
        Asking {
            part: request,
            table: table_name(request),
            index: request.str("IndexName"),
            leading,
            named: BTreeSet::new(),
            capacity: request.str("ReturnConsumedCapacity"),
            enclosing: None,
        }
    }

    fn naming(mut self, map: Option<&Value>) -> Asking<'r> {
        if let Some(Value::Map(pairs)) = map {
            self.named.extend(pairs.iter().map(|(name, _)| name.clone()));
        }
        self
    }

    fn target(mut self, cx: &Cx<'_>) -> Result<Target, Error> {
        let place = Place::read(cx, self.table)?;
        let (mut target, schema) = target(cx, &place, self.index)?;
        let leading = schema.map(|schema| self.leading.values(&schema, self.index, self.part));
        if let Some(values) = leading.filter(|values| !values.is_empty()) {
            target = target.keys("dynamodb:LeadingKeys", values);
        }
        attributes::collect(self.part, &mut self.named);
        if !self.named.is_empty() {
            target = target.keys("dynamodb:Attributes", self.named.into_iter().collect());
        }
        for (member, key) in [("Select", "dynamodb:Select"), ("ReturnValues", "dynamodb:ReturnValues")] {
            if let Some(value) = self.part.str(member) {
                target = target.key(key, value);
            }
        }
        if let Some(capacity) = self.capacity {
            target = target.key("dynamodb:ReturnConsumedCapacity", capacity);
        }
        if let Some(enclosing) = self.enclosing {
            target = target.key("dynamodb:EnclosingOperation", enclosing);
        }
        Ok(target)
    }
}

/// The selection of a read that names none: all attributes, or those that it names.
fn with_select(target: Target, request: &Struct) -> Target {
    let names = request.get("ProjectionExpression").is_some() || request.get("AttributesToGet").is_some();
    match request.str("Select") {
        None if names => target.key("dynamodb:Select", "SPECIFIC_ATTRIBUTES"),
        None if request.str("IndexName").is_some() => {
            target.key("dynamodb:Select", "ALL_PROJECTED_ATTRIBUTES")
        }
        None => target.key("dynamodb:Select", "ALL_ATTRIBUTES"),
        Some(_) => target,
    }
}

/// GetItem, UpdateItem, DeleteItem.
pub(crate) fn by_key(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let key = request.get("Key");
    let target = Asking::of(request, Leading::Of(vec![key])).naming(key).target(cx)?;
    let reads = cx.request.operation == "GetItem";
    Ok(vec![if reads { with_select(target, request) } else { target }])
}

/// PutItem.
pub(crate) fn put(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let item = request.get("Item");
    Ok(vec![Asking::of(request, Leading::Of(vec![item])).naming(item).target(cx)?])
}

/// Query.
pub(crate) fn query(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let target = Asking::of(request, Leading::OfConditions).target(cx)?;
    Ok(vec![with_select(target, request)])
}

/// Scan.
pub(crate) fn scan(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let target = Asking::of(request, Leading::None).target(cx)?;
    Ok(vec![with_select(target, request)])
}

fn by_table(request: &Struct) -> &[(String, Value)] {
    if let Some(Value::Map(tables)) = request.get("RequestItems") { tables } else { &[] }
}

/// Refuses tables of a batch whose names are none.
fn check_names(request: &Struct, shown: impl Fn(&Value) -> String) -> Result<(), Error> {
    match request.get("RequestItems").and_then(|all| misnamed_tables(all, shown)) {
        Some(sentence) => Err(validation(sentence).counted()),
        None => Ok(()),
    }
}

/// As Java prints it: `{table=[WriteRequest(putRequest=PutRequest(item={pk=AttributeValue(s=a)}))]}`.
fn as_java(value: &Value) -> String {
    let listed = |parts: Vec<String>| parts.join(", ");
    let lower = |name: &str| format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
    match value {
        Value::Str(text) => text.clone(),
        Value::List(items) => format!("[{}]", listed(items.iter().map(as_java).collect())),
        Value::Map(pairs) => {
            format!(
                "{{{}}}",
                listed(pairs.iter().map(|(key, value)| format!("{key}={}", as_java(value))).collect())
            )
        }
        Value::Struct(members) => {
            let inner = |(name, value): (&'static str, &Value)| format!("{}={}", lower(name), as_java(value));
            let shape = match members.iter().next() {
                Some(("PutRequest" | "DeleteRequest", _)) => "WriteRequest",
                Some(("Item", _)) => "PutRequest",
                Some(("Key", _)) => "DeleteRequest",
                _ => "AttributeValue",
            };
            format!("{shape}({})", listed(members.iter().map(inner).collect()))
        }
        other => wire::json::text(other),
    }
}

/// BatchGetItem.
pub(crate) fn batch_get(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    check_names(request, wire::json::text)?;
    let mut targets = Vec::new();
    for (table, part) in by_table(request) {
        let Value::Struct(part) = part else { continue };
        let keys = part.get("Keys").and_then(Value::as_list).unwrap_or_default();
        let mut asking = Asking::of(part, Leading::Of(keys.iter().map(Some).collect()));
        (asking.table, asking.capacity) = (table, request.str("ReturnConsumedCapacity"));
        let asking = keys.iter().fold(asking, |asking, key| asking.naming(Some(key)));
        targets.push(with_select(asking.target(cx)?, part));
    }
    Ok(targets)
}

/// The item, or its key.
fn written(write: &Value) -> Option<&Value> {
    write.at(&["PutRequest", "Item"]).or_else(|| write.at(&["DeleteRequest", "Key"]))
}

/// BatchWriteItem.
pub(crate) fn batch_write(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    check_names(request, as_java)?;
    let mut targets = Vec::new();
    let empty = Struct::new();
    for (table, writes) in by_table(request) {
        let writes = writes.as_list().unwrap_or_default();
        let items: Vec<&Value> = writes.iter().filter_map(written).collect();
        let mut asking = Asking::of(&empty, Leading::Of(items.iter().copied().map(Some).collect()));
        (asking.table, asking.capacity) = (table, request.str("ReturnConsumedCapacity"));
        let asking = items.iter().fold(asking, |asking, item| asking.naming(Some(*item)));
        targets.push(asking.target(cx)?);
    }
    Ok(targets)
}

/// The parts of a transaction, each with the action that it needs.
const PARTS: &[(&str, &str, &str)] = &[
    ("Get", "Key", "dynamodb:GetItem"),
    ("ConditionCheck", "Key", "dynamodb:ConditionCheckItem"),
    ("Put", "Item", "dynamodb:PutItem"),
    ("Delete", "Key", "dynamodb:DeleteItem"),
    ("Update", "Key", "dynamodb:UpdateItem"),
];

fn transaction(cx: &Cx<'_>, request: &Struct, enclosing: &'static str) -> Targets {
    let items = request.get("TransactItems").and_then(Value::as_list).unwrap_or_default();
    let mut targets = Vec::with_capacity(items.len());
    for item in items {
        for (member, key, action) in PARTS {
            let Some(Value::Struct(part)) = item.member(member) else { continue };
            let key = part.get(key);
            let mut asking = Asking::of(part, Leading::Of(vec![key])).naming(key);
            asking.capacity = request.str("ReturnConsumedCapacity");
            asking.enclosing = Some(enclosing);
            targets.push(asking.target(cx)?.doing(action));
        }
    }
    Ok(targets)
}

pub(crate) fn transact_get(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    transaction(cx, request, "TransactGetItems")
}

pub(crate) fn transact_write(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    transaction(cx, request, "TransactWriteItems")
}
