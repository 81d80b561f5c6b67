//! AddPermission and RemovePermission: a queue's policy, one statement at a time.

use crate::sqs::access;
use crate::sqs::errors::SqsError;
use crate::sqs::model::attributes::check_policy;
use crate::sqs::model::known;
use base::AccountId;
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    AddPermission: add, "sqs:AddPermission", access::own_queue;
    RemovePermission: remove, "sqs:RemovePermission", access::own_queue;
}

/// AWS: the policy quotas of the developer guide.
const ACTIONS_MAX: usize = 7;
const PRINCIPALS_MAX: usize = 50;
const LABEL_CHARS_MAX: usize = 80;

/// What an owner may let others do; the rest stays with the owner.
const SHARED: [&str; 8] = [
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
];
const ALSO_SHARED: &str = "PurgeQueue";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct AddPermission {
        url: String = "QueueUrl",
        label: String = "Label",
        accounts: Vec<String> = "AWSAccountIds",
        actions: Vec<String> = "Actions",
    }

    #[derive(Debug)]
    pub(crate) struct RemovePermission {
        url: String = "QueueUrl",
        label: String = "Label",
    }
}

fn check(req: &AddPermission) -> Result<(), SqsError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if req.label.is_empty() || req.label.len() > LABEL_CHARS_MAX || !req.label.bytes().all(good) {
        return Err(SqsError::value(
            &req.label,
            "Label",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        ));
    }
    if req.actions.is_empty() {
        return Err(SqsError::Missing("Actions"));
    }
    if req.accounts.is_empty() {
        return Err(SqsError::Invalid(
            "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.".into(),
        ));
    }
    if req.actions.len() > ACTIONS_MAX {
        let count = req.actions.len();
        return Err(SqsError::OverLimit(format!(
            "{count} Actions were found, maximum allowed is {ACTIONS_MAX}."
        )));
    }
    if req.accounts.len() > PRINCIPALS_MAX {
        let count = req.accounts.len();
        return Err(SqsError::OverLimit(format!(
            "{count} principals were found, maximum allowed is {PRINCIPALS_MAX}."
        )));
    }
    let is_shared = |action: &str| SHARED.contains(&action) || action == ALSO_SHARED;
    if let Some(action) = req.actions.iter().find(|action| !is_shared(action)) {
        let name = format!("SQS:{action}");
        return Err(SqsError::value(
            name,
            "ActionName",
            "Only the queue owner is allowed to invoke this action.",
        ));
    }
    if let Some(account) = req.accounts.iter().find(|account| AccountId::parse(account).is_none()) {
        return Err(SqsError::value(format!("[{account}]"), "PrincipalId", "Unable to verify."));
    }
    Ok(())
}

/// One text as itself, several as a list: as AWS writes them.
fn texts(all: Vec<String>) -> Value {
    let mut values: Vec<Value> = all.into_iter().map(Value::Str).collect();
    if values.len() == 1 { values.remove(0) } else { Value::List(values) }
}

/// The members of a policy but for its statements, and the statements.
type Document = (Vec<(String, Value)>, Vec<Value>);

fn read(policy: Option<&String>, arn: &str) -> Result<Document, SqsError> {
    let Some(text) = policy else {
        let head = vec![
            ("Version".to_owned(), Value::str("2008-10-17")),
            ("Id".to_owned(), Value::Str(format!("{arn}/SQSDefaultPolicy"))),
        ];
        return Ok((head, Vec::new()));
    };
    let Some(Value::Map(mut members)) = wire::json::read(text) else { return Err(SqsError::Internal) };
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

fn written(mut head: Vec<(String, Value)>, statements: Vec<Value>) -> Option<String> {
    if statements.is_empty() {
        return None;
    }
    head.push(("Statement".to_owned(), Value::List(statements)));
    Some(wire::json::text(&Value::Map(head)))
}

fn add(cx: &mut Cx<'_>, req: AddPermission) -> Result<Empty, SqsError> {
    let mut queue = known::by_url(cx, &req.url)?.queue.clone();
    check(&req)?;
    let arn = queue.arn();
    let (head, mut statements) = read(queue.policy.as_ref(), &arn)?;
    if statements.iter().any(|statement| has_label(statement, &req.label)) {
        return Err(SqsError::value(&req.label, "Label", "Already exists."));
    }
    let principals = req.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = req.actions.iter().map(|action| format!("SQS:{action}")).collect();
    statements.push(Value::map(vec![
        ("Sid", Value::str(&req.label)),
        ("Effect", Value::str("Allow")),
        ("Principal", Value::map(vec![("AWS", texts(principals))])),
        ("Action", texts(actions)),
        ("Resource", Value::Str(arn)),
    ]));
    queue.policy = written(head, statements);
    if let Some(text) = &queue.policy {
        check_policy(text)?;
    }
    queue.modified = cx.now;
    queue.save(cx.tx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: RemovePermission) -> Result<Empty, SqsError> {
    let mut queue = known::by_url(cx, &req.url)?.queue.clone();
    let (head, mut statements) = read(queue.policy.as_ref(), &queue.arn())?;
    let before = statements.len();
    statements.retain(|statement| !has_label(statement, &req.label));
    if statements.len() == before {
        return Err(SqsError::value(&req.label, "Label", "can't find label."));
    }
    queue.policy = written(head, statements);
    queue.modified = cx.now;
    queue.save(cx.tx);
    Ok(Empty)
}
