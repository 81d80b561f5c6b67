//! GetItem.

use crate::dynamodb::access;
use crate::dynamodb::capacity::{Kind, Meter};
use crate::dynamodb::errors::Error;
use crate::dynamodb::expression::Projection;
use crate::dynamodb::insights;
use crate::dynamodb::item::Item;
use crate::dynamodb::lag;
use crate::dynamodb::legacy;
use crate::dynamodb::listing;
use crate::dynamodb::model::rows;
use crate::dynamodb::model::schema;
use crate::dynamodb::model::vault::Vault;
use crate::dynamodb::request::{placeholders, present, projection};
use crate::dynamodb::size::{Consistency, Units};
use crate::dynamodb::throttle;
use kernel::Cx;
use store::Slice;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    GetItem: [event] get_item, "dynamodb:GetItem", access::by_key;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct GetItem {
        table: String = "TableName",
        key: Value = "Key",
        attributes: Option<Vec<String>> = "AttributesToGet",
        consistent: Option<bool> = "ConsistentRead",
        capacity: Option<String> = "ReturnConsumedCapacity",
        projection: Option<String> = "ProjectionExpression",
        names: Option<Value> = "ExpressionAttributeNames",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GetItemOutput {
        item: Option<Value> = "Item",
        consumed: Option<Value> = "ConsumedCapacity",
    }
}

fn get_item(cx: &mut Cx<'_>, req: GetItem) -> Result<GetItemOutput, Error> {
    let legacy_present = present(&[("AttributesToGet", req.attributes.is_some())]);
    let expressions = [("ProjectionExpression", req.projection.is_some())];
    legacy::check_not_mixed(&legacy_present, &present(&expressions))?;
    let mut placeholders = placeholders(req.names, None, &expressions)?;
    let key = Item::from_wire(req.key)?;
    let projection = projection(req.projection.as_deref(), req.attributes.as_deref(), &mut placeholders)?;
    placeholders.check_used()?;
    let schema = schema::usable(cx, &req.table)?;
    schema.check_key(&key)?;
    listing::check_scalars(&schema, projection.as_ref(), None)?;
    let consistency = consistency(req.consistent);
    let past = lag::state(cx, &schema, consistency)?;
    let row = lag::from(past.as_ref(), cx.tx).get(&schema.item_key(&key))?;
    let size = row.as_ref().map(|row| rows::size(row)).transpose()?.unwrap_or(0);
    let mut meter = Meter::new(req.capacity.as_deref(), Kind::Plain);
    let units = Units::read(size, consistency);
    let admitted = throttle::admit_read(cx, &schema, None, units, Units::ZERO);
    insights::read(cx, &schema, None, &key, units, &admitted);
    admitted?;
    meter.table(&req.table, units);
    let item = row.map(|row| shown(&schema.vault, &row, projection.as_ref())).transpose()?;
    Ok(GetItemOutput { item: item.map(Item::into_wire), consumed: meter.one() })
}

/// # Errors
/// A damaged row's.
pub(crate) fn shown(vault: &Vault, row: &Slice, projection: Option<&Projection>) -> Result<Item, Error> {
    let Some(projection) = projection else { return Ok(rows::decode(vault, row)?) };
    let wanted: Vec<&str> = projection.attributes().collect();
    let item = Item::decode_only(&rows::body(vault, row)?, |name| wanted.binary_search(&name).is_ok())?;
    Ok(projection.apply(&item))
}

pub(crate) fn consistency(consistent: Option<bool>) -> Consistency {
    if consistent == Some(true) { Consistency::Strong } else { Consistency::Eventual }
}
