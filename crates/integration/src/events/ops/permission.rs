//! PutPermission and RemovePermission: who else may send to a bus.

use crate::events::access;
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{Bus, own_bus};
use crate::events::policy;
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    PutPermission: put, "events:PutPermission", access::bus;
    RemovePermission: remove, "events:RemovePermission", access::bus;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutPermission {
        bus: Option<String> = "EventBusName",
        action: Option<String> = "Action",
        principal: Option<String> = "Principal",
        id: Option<String> = "StatementId",
        condition: Option<Condition> = "Condition",
        policy: Option<String> = "Policy",
    }

    #[derive(Debug)]
    pub(crate) struct Condition {
        operator: String = "Type",
        key: String = "Key",
        value: String = "Value",
    }

    #[derive(Debug)]
    pub(crate) struct RemovePermission {
        bus: Option<String> = "EventBusName",
        id: Option<String> = "StatementId",
        all: Option<bool> = "RemoveAllPermissions",
    }
}

fn statements(bus: &Bus) -> Result<Vec<Value>, EventsError> {
    let Some(text) = &bus.policy else { return Ok(Vec::new()) };
    let Some(Value::Map(members)) = wire::json::read(text) else { return Err(EventsError::Internal) };
    Ok(match members.into_iter().find(|(name, _)| name == "Statement").map(|(_, value)| value) {
        Some(Value::List(all)) => all,
        Some(one) => vec![one],
        None => Vec::new(),
    })
}

fn has_id(statement: &Value, id: &str) -> bool {
    let Value::Map(members) = statement else { return false };
    members.iter().any(|(name, value)| name == "Sid" && value.as_str() == Some(id))
}

fn save(cx: &mut Cx<'_>, mut bus: Bus, statements: Vec<Value>) -> Result<Empty, EventsError> {
    let policy =
        Value::map([("Version", Value::str("2012-10-17")), ("Statement", Value::List(statements.clone()))]);
    bus.policy = (!statements.is_empty()).then(|| wire::json::text(&policy));
    if let Some(text) = &bus.policy {
        policy::check(text)?;
    }
    bus.modified = Some(cx.now);
    bus.save(cx.tx);
    Ok(Empty)
}

fn put(cx: &mut Cx<'_>, req: PutPermission) -> Result<Empty, EventsError> {
    let mut bus = own_bus(cx, req.bus.as_deref())?;
    if let Some(text) = req.policy {
        if req.action.is_some() || req.principal.is_some() || req.id.is_some() {
            return Err(invalid("Policy cannot be given together with Action, Principal or StatementId."));
        }
        policy::check(&text)?;
        bus.policy = Some(text);
        bus.modified = Some(cx.now);
        bus.save(cx.tx);
        return Ok(Empty);
    }
    let (Some(action), Some(principal), Some(id)) = (req.action, req.principal, req.id) else {
        return Err(invalid("Either Policy or Action, Principal and StatementId must be specified."));
    };
    if action != "events:PutEvents" {
        return Err(invalid("Provided value in parameter 'action' is not supported."));
    }
    let who = match principal.as_str() {
        "*" => Value::str("*"),
        account => Value::map([("AWS", Value::Str(format!("arn:aws:iam::{account}:root")))]),
    };
    let mut statement = vec![
        ("Sid".to_owned(), Value::str(&id)),
        ("Effect".to_owned(), Value::str("Allow")),
        ("Principal".to_owned(), who),
        ("Action".to_owned(), Value::Str(action)),
        ("Resource".to_owned(), Value::Str(bus.arn())),
    ];
    if let Some(Condition { operator, key, value }) = req.condition {
        let test = Value::map([(key.as_str(), Value::Str(value))]);
        statement.push(("Condition".to_owned(), Value::map([(operator.as_str(), test)])));
    }
    let mut all = statements(&bus)?;
    all.retain(|other| !has_id(other, &id));
    all.push(Value::Map(statement));
    save(cx, bus, all)
}

fn remove(cx: &mut Cx<'_>, req: RemovePermission) -> Result<Empty, EventsError> {
    let bus = own_bus(cx, req.bus.as_deref())?;
    if req.all.unwrap_or_default() {
        return save(cx, bus, Vec::new());
    }
    let id = req.id.ok_or_else(|| invalid("Parameter StatementId is required."))?;
    let mut all = statements(&bus)?;
    let before = all.len();
    all.retain(|other| !has_id(other, &id));
    if all.len() == before {
        return Err(EventsError::NoStatement);
    }
    save(cx, bus, all)
}
