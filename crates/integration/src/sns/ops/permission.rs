//! AddPermission and RemovePermission: a topic's policy, one statement at a time.

use crate::sns::access;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{self, TOPICS};
use crate::sns::policy;
use base::AccountId;
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    AddPermission: add, "sns:AddPermission", access::topic;
    RemovePermission: remove, "sns:RemovePermission", access::topic;
}

/// What others may be let do.
const SHARED: [&str; 8] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
];

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct AddPermission {
        arn: String = "TopicArn",
        label: String = "Label",
        accounts: Vec<String> = "AWSAccountId",
        actions: Vec<String> = "ActionName",
    }

    #[derive(Debug)]
    pub(crate) struct RemovePermission {
        arn: String = "TopicArn",
        label: String = "Label",
    }
}

type Document = (Vec<(String, Value)>, Vec<Value>);

/// The members of a policy but for its statements, and the statements.
fn read(text: &str) -> Result<Document, SnsError> {
    let Some(Value::Map(mut members)) = wire::json::read(text) else { return Err(SnsError::Internal) };
    let at = members.iter().position(|(name, _)| name == "Statement");
    let statements = match at.map(|at| members.remove(at).1) {
        Some(Value::List(statements)) => statements,
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    Ok((members, statements))
}

fn has_label(statement: &Value, label: &str) -> bool {
    let Value::Map(members) = statement else { return false };
    members.iter().any(|(name, value)| name == "Sid" && value.as_str() == Some(label))
}

/// One text as itself, several as a list.
fn texts(all: Vec<String>) -> Value {
    let mut values: Vec<Value> = all.into_iter().map(Value::Str).collect();
    if values.len() == 1 { values.remove(0) } else { Value::List(values) }
}

fn add(cx: &mut Cx<'_>, req: AddPermission) -> Result<Empty, SnsError> {
    let mut topic = model::topic(cx, &req.arn)?;
    if req.actions.is_empty() || req.actions.iter().any(|action| !SHARED.contains(&action.as_str())) {
        return Err(invalid("Policy statement action out of service scope!"));
    }
    if req.accounts.is_empty() || req.accounts.iter().any(|account| AccountId::parse(account).is_none()) {
        return Err(invalid("AWSAccountId"));
    }
    let (mut head, mut statements) = read(&policy::text(&topic))?;
    if statements.iter().any(|statement| has_label(statement, &req.label)) {
        return Err(invalid("Statement already exists"));
    }
    let principals = req.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = req.actions.iter().map(|action| format!("SNS:{action}")).collect();
    statements.push(Value::map(vec![
        ("Sid", Value::str(&req.label)),
        ("Effect", Value::str("Allow")),
        ("Principal", Value::map(vec![("AWS", texts(principals))])),
        ("Action", texts(actions)),
        ("Resource", Value::Str(topic.arn())),
    ]));
    head.push(("Statement".to_owned(), Value::List(statements)));
    let text = wire::json::text(&Value::Map(head));
    policy::check(&text)?;
    topic.policy = Some(text);
    TOPICS.put(cx.tx, &topic.key(), &topic);
    Ok(Empty)
}

/// AWS: a label that is not there is no error.
fn remove(cx: &mut Cx<'_>, req: RemovePermission) -> Result<Empty, SnsError> {
    let mut topic = model::topic(cx, &req.arn)?;
    let (mut head, mut statements) = read(&policy::text(&topic))?;
    let before = statements.len();
    statements.retain(|statement| !has_label(statement, &req.label));
    if statements.len() < before {
        head.push(("Statement".to_owned(), Value::List(statements)));
        topic.policy = Some(wire::json::text(&Value::Map(head)));
        TOPICS.put(cx.tx, &topic.key(), &topic);
    }
    Ok(Empty)
}
