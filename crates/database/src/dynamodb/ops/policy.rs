//! Resource policies of tables. They are enforced with every request: see [`crate::dynamodb::access`].

use super::table::check_idle;
use crate::dynamodb::access;
use crate::dynamodb::errors::{Error, Refusal, parameter, validation};
use crate::dynamodb::model::name::Place;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::table::{Status, TABLES, TableRecord};
use auth::policy::{Policy, PolicyKind};
use kernel::Cx;
use std::sync::Arc;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    PutResourcePolicy: put_policy, "dynamodb:PutResourcePolicy", access::on_arn;
    GetResourcePolicy: get_policy, "dynamodb:GetResourcePolicy", access::on_arn;
    DeleteResourcePolicy: delete_policy, "dynamodb:DeleteResourcePolicy", access::on_arn;
}

/// AWS: the service's quotas: a policy's size.
const BYTES_MAX: usize = 20 * 1024;
/// The revision by which a caller says that there is no policy yet.
const NO_POLICY: &str = "NO_POLICY";

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct PutPolicy {
        arn: String = "ResourceArn",
        policy: String = "Policy",
        expected: Option<String> = "ExpectedRevisionId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GetPolicy { arn: String = "ResourceArn" }

    #[derive(Clone, Debug)]
    pub(crate) struct DeletePolicy {
        arn: String = "ResourceArn",
        expected: Option<String> = "ExpectedRevisionId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Revision { revision: Option<String> = "RevisionId" }

    #[derive(Clone, Debug)]
    pub(crate) struct GetPolicyOutput {
        policy: String = "Policy",
        revision: String = "RevisionId",
    }
}

/// # Errors
/// `ValidationException` for text that is no policy of a table, or a long one.
pub(crate) fn checked_policy(text: &str) -> Result<String, Error> {
    if text.len() > BYTES_MAX {
        return Err(parameter(format_args!("Maximum policy size of {BYTES_MAX} bytes exceeded")));
    }
    let invalid = |what: &str| parameter(format_args!("Invalid policy document: {what}"));
    match wire::json::read(text) {
        Some(Value::Null) => return Err(invalid("This text appears not to be a policy")),
        Some(Value::Map(members)) if members.is_empty() => {
            let (line, last) = text.lines().zip(1..).last().map_or((1, ""), |(last, line)| (line, last));
            let end = format!("Syntax error at position ({line},{})", last.chars().count() + 1);
            return Err(invalid(&end));
        }
        Some(Value::Map(_)) => {}
        _ => return Err(invalid("This policy contains invalid Json")),
    }
    let policy = Policy::parse(text, PolicyKind::Resource("dynamodb")).map_err(|malformed| {
        // AWS: of all faults this one stands by itself.
        match malformed.message.as_str() {
            "Invalid principal in policy" => validation("Invalid principal in policy document."),
            message => invalid(message),
        }
    })?;
    // AWS: tables are never open to the public.
    // <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-bpa-rbp.html>
    if policy.is_public() {
        return Err(validation(
            "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure least-privilege form of access",
        ));
    }
    Ok(text.to_owned())
}

/// The revision of a policy that is put now. AWS: milliseconds, so later ones are greater.
pub(crate) fn revision(cx: &Cx<'_>) -> u64 {
    u64::try_from(cx.now.micros() / 1000).unwrap_or_default()
}

/// The table of a policy. AWS: one that is not there is told by its name here.
fn table_of(cx: &Cx<'_>, arn: &str) -> Result<Arc<Schema>, Error> {
    let name = || arn.rsplit_once('/').map_or(arn, |(_, name)| name).to_owned();
    schema::find(cx, &Place::read_resource(cx, arn)?)?
        .filter(|schema| schema.record.restore.is_none())
        .ok_or_else(|| Refusal::NoTable(name()).into())
}

/// AWS: recorded; the policy of a table that is being deleted is read, but does not change.
fn check_stays(table: &TableRecord) -> Result<(), Error> {
    if table.status == Status::Deleting { check_idle(table) } else { Ok(()) }
}

fn check_revision(table: &TableRecord, expected: Option<&str>) -> Result<(), Error> {
    let Some(expected) = expected else { return Ok(()) };
    let (name, revision) = (&table.name, table.policy_revision);
    let what = match (&table.policy, expected) {
        (None, NO_POLICY) => return Ok(()),
        (Some(_), given) if given == revision.to_string() => return Ok(()),
        (Some(_), NO_POLICY) => format!(
            "Requested policy update expecting none to be present for table {name}, but a policy exists with revision id {revision}."
        ),
        (Some(_), given) => format!(
            "Requested update for policy with revision id {given}, but the policy associated to target table {name} has revision id {revision}."
        ),
        (None, given) => format!(
            "Requested update for policy with revision id {given}, but no policy is associated to target table {name}."
        ),
    };
    Err(Refusal::NoPolicy(format!("Resource-based policy not found for the provided ResourceArn: {what}"))
        .into())
}

fn put_policy(cx: &mut Cx<'_>, req: PutPolicy) -> Result<Revision, Error> {
    let policy = checked_policy(&req.policy)?;
    let mut table = table_of(cx, &req.arn)?.record.clone();
    check_revision(&table, req.expected.as_deref())?;
    if table.policy.as_ref() != Some(&policy) {
        check_stays(&table)?;
        table.policy = Some(policy);
        table.policy_revision = revision(cx).max(table.policy_revision + 1);
        TABLES.put(cx.tx, &table.own_key(), &table);
    }
    Ok(Revision { revision: Some(table.policy_revision.to_string()) })
}

fn get_policy(cx: &mut Cx<'_>, req: GetPolicy) -> Result<GetPolicyOutput, Error> {
    let schema = table_of(cx, &req.arn)?;
    match &schema.record.policy {
        Some(policy) => Ok(GetPolicyOutput {
            policy: policy.clone(),
            revision: schema.record.policy_revision.to_string(),
        }),
        None => Err(Refusal::NoPolicy(format!(
            "Resource-based policy not found for the provided ResourceArn: {}",
            req.arn
        ))
        .into()),
    }
}

fn delete_policy(cx: &mut Cx<'_>, req: DeletePolicy) -> Result<Revision, Error> {
    let mut table = table_of(cx, &req.arn)?.record.clone();
    let current = table.policy.as_ref().map(|_| table.policy_revision);
    check_stays(&table)?;
    check_revision(&table, req.expected.as_deref())?;
    if current.is_some() {
        table.policy = None;
        TABLES.put(cx.tx, &table.own_key(), &table);
    }
    Ok(Revision { revision: current.map(|revision| revision.to_string()) })
}
