//! BatchExecuteStatement: up to 25 statements, each of which succeeds or fails by itself.
//!
//! All of them run in one transaction of the store, in order; one that fails leaves nothing behind.

use super::select::{Plan, index};
use super::write::{only_named, returned, write};
use super::{misplaced_exists, parse};
use crate::dynamodb::access;
use crate::dynamodb::capacity::{Detail, Kind, Meter, meter_indexes};
use crate::dynamodb::errors::{Error, batch_code, validation};
use crate::dynamodb::item::Item;
use crate::dynamodb::model::schema;
use crate::dynamodb::ops::get::consistency;
use crate::dynamodb::ops::shapes::run_alone;
use crate::dynamodb::partiql::{Select, Statement};
use kernel::Cx;
use wire::{Fault, Value};

kernel::ops! { pub(crate) static OPS:
    BatchExecuteStatement: [event] batch_execute_statement, "dynamodb:PartiQLSelect", access::partiql::batch;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct BatchExecuteStatement {
        statements: Vec<BatchStatement> = "Statements",
        capacity: Option<String> = "ReturnConsumedCapacity",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct BatchStatement {
        statement: String = "Statement",
        parameters: Option<Vec<Value>> = "Parameters",
        consistent: Option<bool> = "ConsistentRead",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct StatementError {
        code: String = "Code",
        message: String = "Message",
        item: Option<Value> = "Item",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Response {
        error: Option<StatementError> = "Error",
        table: Option<String> = "TableName",
        item: Option<Value> = "Item",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct BatchExecuteStatementOutput {
        responses: Vec<Response> = "Responses",
        consumed: Option<Value> = "ConsumedCapacity",
    }
}

fn batch_execute_statement(
    cx: &mut Cx<'_>,
    req: BatchExecuteStatement,
) -> Result<BatchExecuteStatementOutput, Error> {
    let mut parsed = Vec::with_capacity(req.statements.len());
    for asked in req.statements {
        let statement = parse(&asked.statement, asked.parameters.as_deref());
        parsed.push((asked, statement));
    }
    let reads =
        |(_, statement): &&(_, Result<Statement, _>)| statement.as_ref().is_ok_and(Statement::is_read);
    let known = parsed.iter().filter(|(_, statement)| statement.is_ok()).count();
    let count = parsed.iter().filter(reads).count();
    if count > 0 && count < known {
        return Err(validation("Read and write requests together in the same batch is not supported."));
    }
    let mut meter = Meter::new(req.capacity.as_deref(), Kind::Plain);
    let mut responses = Vec::with_capacity(parsed.len());
    for (asked, statement) in parsed {
        let table = statement.as_ref().ok().map(|statement| statement.table().to_owned());
        let savepoint = cx.tx.savepoint();
        responses.push(match statement.and_then(|statement| run(cx, &asked, statement, &mut meter)) {
            Ok(item) => Response { error: None, table, item: item.map(Item::into_wire) },
            Err(error) => {
                cx.tx.rollback_to(savepoint);
                Response { error: Some(told(error)?), table, item: None }
            }
        });
    }
    Ok(BatchExecuteStatementOutput { responses, consumed: meter.many() })
}

/// An error as one statement of a batch answers it; what is nobody's fault ends the whole batch.
fn told(error: Error) -> Result<StatementError, Error> {
    let fault = Fault::from(error);
    let Some(code) = batch_code(&fault.code) else { return Err(fault.into()) };
    let item = fault.members.get("Item").cloned();
    Ok(StatementError { code: code.to_owned(), message: fault.message, item })
}

fn run(
    cx: &mut Cx<'_>,
    asked: &BatchStatement,
    statement: Statement,
    meter: &mut Meter,
) -> Result<Option<Item>, Error> {
    let table = statement.table().to_owned();
    let schema = schema::usable(cx, &table)?;
    match statement {
        Statement::Select(select) => {
            index(&schema, &select, false)?;
            check_single(&schema, &select)?;
            let plan = Plan::new(&schema, &select, asked.consistent == Some(true))?;
            let rows = plan.page(cx, None, None, consistency(asked.consistent), meter)?;
            plan.admit(cx, &rows)?;
            Ok(rows.items.into_iter().next())
        }
        Statement::Exists(_) => Err(misplaced_exists()),
        statement => {
            let show = asked.on_failure.as_deref() == Some("ALL_OLD");
            let write = write(&schema, statement, show)?;
            let key = write.act.check(&schema)?;
            let want_old = write.returning.is_some() || meter.detail() != Detail::None;
            let outcome = run_alone(cx, write.act, &schema, key, want_old)?;
            meter.table(&table, outcome.done.table);
            meter_indexes(meter, &table, &schema, &outcome.done.indexes);
            Ok(returned(write.returning, outcome))
        }
    }
}

fn check_single(schema: &schema::Schema, select: &Select) -> Result<(), Error> {
    let single = select.source.index.is_none() && only_named(schema, select.condition.as_ref()).is_some();
    if single {
        return Ok(());
    }
    Err(validation(
        "Select statements within BatchExecuteStatement must specify the primary key in the where clause.",
    ))
}
