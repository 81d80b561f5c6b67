//! ExecuteTransaction: up to 100 statements that read, or that write, all together.

use super::values;
use super::write::{check, only_named, write};
use crate::dynamodb::access;
use crate::dynamodb::action::Act;
use crate::dynamodb::capacity::{Kind, Meter};
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::item::Item;
use crate::dynamodb::model::rows;
use crate::dynamodb::model::schema;
use crate::dynamodb::ops::transact_write::{Reason, cancelled, commit, fingerprint_of_actions};
use crate::dynamodb::partiql::Statement;
use crate::dynamodb::size::{Consistency, Units};
use crate::dynamodb::throttle;
use kernel::Cx;
use wire::{ToValue, Value};

kernel::ops! { pub(crate) static OPS:
    ExecuteTransaction: [event] execute_transaction, "dynamodb:PartiQLSelect", access::partiql::transaction;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ExecuteTransaction {
        statements: Vec<Parameterized> = "TransactStatements",
        token: Option<String> = "ClientRequestToken",
        capacity: Option<String> = "ReturnConsumedCapacity",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Parameterized {
        statement: String = "Statement",
        parameters: Option<Vec<Value>> = "Parameters",
        on_failure: Option<String> = "ReturnValuesOnConditionCheckFailure",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Response { item: Option<Value> = "Item" }

    #[derive(Clone, Debug)]
    pub(crate) struct ExecuteTransactionOutput {
        responses: Vec<Response> = "Responses",
        consumed: Option<Value> = "ConsumedCapacity",
    }
}

/// What is wrong with a statement, with the place that AWS puts before it.
fn at<T>(place: usize, outcome: Result<T, Error>) -> Result<T, Error> {
    outcome.map_err(|error| match error.validation() {
        Some(message) => validation(format!("Validation failed in TransactStatements[{place}]: {message}")),
        None => error,
    })
}

fn execute_transaction(cx: &mut Cx<'_>, req: ExecuteTransaction) -> Result<ExecuteTransactionOutput, Error> {
    let mut statements = Vec::with_capacity(req.statements.len());
    for (place, asked) in req.statements.iter().enumerate() {
        // AWS: what is wrong with a value is told without its place.
        let values = values(asked.parameters.as_deref())?;
        statements.push(at(place, Statement::parse(&asked.statement, values).map_err(Error::from))?);
    }
    let reads = statements.iter().filter(|statement| statement.is_read()).count();
    if reads == statements.len() {
        return read_all(cx, statements, req.capacity.as_deref());
    }
    if reads > 0 {
        return Err(validation(
            "ExecuteTransaction API does not support both read and write operations in the same request.",
        ));
    }
    // AWS: recorded; spaces at a statement's end are no difference.
    let trimmed = req.statements.iter().cloned().map(|mut asked| {
        asked.statement.truncate(asked.statement.trim_end().len());
        asked
    });
    let told = [req.capacity.as_deref(), None];
    let fingerprint = fingerprint_of_actions(trimmed.collect::<Vec<_>>().to_value(), told);
    let mut acts = Vec::with_capacity(statements.len());
    for (place, (statement, asked)) in statements.into_iter().zip(&req.statements).enumerate() {
        acts.push(at(place, act(cx, statement, asked.on_failure.as_deref() == Some("ALL_OLD")))?);
    }
    let token = req.token.map(|token| (token, fingerprint));
    let output = commit(cx, acts, token, req.capacity.as_deref(), None)?;
    Ok(ExecuteTransactionOutput { responses: Vec::new(), consumed: output.consumed })
}

fn act(cx: &mut Cx<'_>, statement: Statement, show: bool) -> Result<Act, Error> {
    let schema = schema::usable(cx, statement.table())?;
    if let Statement::Exists(select) = statement {
        return check(&schema, select, show);
    }
    let write = write(&schema, statement, show)?;
    if write.returning.is_some() {
        return Err(validation("RETURNING clause is not supported in ExecuteTransaction."));
    }
    Ok(write.act)
}

/// Each statement reads one item; all of them the same state.
fn read_all(
    cx: &mut Cx<'_>,
    statements: Vec<Statement>,
    capacity: Option<&str>,
) -> Result<ExecuteTransactionOutput, Error> {
    let mut meter = Meter::new(capacity, Kind::Read);
    let (mut responses, mut reasons) = (Vec::with_capacity(statements.len()), Vec::new());
    for (place, statement) in statements.into_iter().enumerate() {
        let Statement::Select(select) = statement else { continue };
        if select.source.index.is_some() {
            let refused = validation("Reads on indices are not supported within transactions.");
            return at(place, Err(refused));
        }
        let schema = schema::usable(cx, &select.source.table)?;
        let key = only_named(&schema, select.condition.as_ref()).ok_or_else(|| {
            validation("Select statements within ExecuteTransaction must specify the primary key in the where clause.")
        });
        let key = at(place, key)?;
        let reason = Reason::of_check(schema.check_key(&key))?;
        let refused = reason.is_some();
        reasons.push(reason);
        if refused {
            continue;
        }
        let row = cx.tx.get(&schema.item_key(&key))?;
        let size = row.as_ref().map(|row| rows::size(row)).transpose()?.unwrap_or(0);
        let units = Units::read(size, Consistency::Transactional);
        if let Err(error) = throttle::admit_read(cx, &schema, None, units, Units::ZERO) {
            if let Some(reason) = reasons.last_mut() {
                *reason = Reason::of_check(Err(error))?;
            }
            continue;
        }
        meter.table(&select.source.table, units);
        let item = row.map(|row| rows::decode(&schema.vault, &row)).transpose()?;
        responses.push(Response { item: item.map(|item| Item::into_wire(select.row(&item))) });
    }
    if reasons.iter().any(Option::is_some) {
        return Err(cancelled(reasons));
    }
    Ok(ExecuteTransactionOutput { responses, consumed: meter.many() })
}
