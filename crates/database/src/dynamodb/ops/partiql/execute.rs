//! ExecuteStatement: one statement, and page by page what it selects.

use super::select::{Place, Plan};
use super::write::{returned, write};
use super::{misplaced_exists, parse};
use crate::dynamodb::access;
use crate::dynamodb::capacity::{Kind, Meter};
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::item::Item;
use crate::dynamodb::model::schema;
use crate::dynamodb::ops::get::consistency;
use crate::dynamodb::ops::shapes::{Wanted, write_one};
use crate::dynamodb::partiql::{Select, Statement};
use kernel::Cx;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    ExecuteStatement: [event] execute_statement, "dynamodb:PartiQLSelect", access::partiql::one;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ExecuteStatement {
        statement: String = "Statement",
        parameters: Option<Vec<Value>> = "Parameters",
        consistent: Option<bool> = "ConsistentRead",
        next: Option<String> = "NextToken",
        capacity: Option<String> = "ReturnConsumedCapacity",
        limit: Option<i64> = "Limit",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ExecuteStatementOutput {
        items: Value = "Items",
        next: Option<String> = "NextToken",
        consumed: Option<Value> = "ConsumedCapacity",
        last: Option<Value> = "LastEvaluatedKey",
    }
}

fn execute_statement(cx: &mut Cx<'_>, req: ExecuteStatement) -> Result<ExecuteStatementOutput, Error> {
    let statement = parse(&req.statement, req.parameters.as_deref())?;
    match statement {
        Statement::Select(select) => selected(cx, &req, &select),
        Statement::Exists(_) => Err(misplaced_exists()),
        statement => {
            let schema = schema::usable(cx, statement.table())?;
            let show = req.on_failure.as_deref() == Some("ALL_OLD");
            let write = write(&schema, statement, show)?;
            let wanted = Wanted { capacity: req.capacity, metrics: None, old: write.returning.is_some() };
            let (outcome, output) = write_one(cx, write.act, &wanted)?;
            let items = returned(write.returning, outcome).map(Item::into_wire).into_iter().collect();
            Ok(ExecuteStatementOutput {
                items: Value::List(items),
                next: None,
                consumed: output.consumed,
                last: None,
            })
        }
    }
}

/// What a token is good for: this statement with these parameters, of this caller's account.
fn listing(cx: &Cx<'_>, req: &ExecuteStatement) -> String {
    let parameters = Value::List(req.parameters.clone().unwrap_or_default());
    let (account, region) = (cx.account.as_str(), cx.region.name());
    format!("dynamodb partiql {account} {region} {} {}", req.statement, wire::json::text(&parameters))
}

fn selected(
    cx: &mut Cx<'_>,
    req: &ExecuteStatement,
    select: &Select,
) -> Result<ExecuteStatementOutput, Error> {
    let schema = schema::usable(cx, &select.source.table)?;
    let plan = Plan::new(&schema, select, req.consistent == Some(true))?;
    let list = listing(cx, req);
    let from = match &req.next {
        None => None,
        Some(token) => {
            let other = || validation("NextToken does not match request");
            let position = cx.pager().position(&list, token).map_err(|_| other())?;
            Some(Place::decode(&position).ok_or_else(other)?)
        }
    };
    let mut meter = Meter::new(req.capacity.as_deref(), Kind::Plain);
    let limit = req.limit.and_then(|limit| usize::try_from(limit).ok());
    let rows = plan.page(cx, from.as_ref(), limit, consistency(req.consistent), &mut meter)?;
    plan.admit(cx, &rows)?;
    Ok(ExecuteStatementOutput {
        items: Value::List(rows.items.into_iter().map(Item::into_wire).collect()),
        next: rows.next.as_ref().map(|place| cx.pager().token(&list, &place.encode())),
        consumed: meter.one(),
        last: rows.next.map(|place| place.key.into_wire()),
    })
}
