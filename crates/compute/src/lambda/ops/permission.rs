//! AddPermission, RemovePermission, GetPolicy: a resource policy, one statement at a time.

use super::configuration::{check_revision, found};
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{POLICIES, PolicyOf};
use crate::lambda::name::Named;
use crate::lambda::policy;
use auth::policy::{Policy, PolicyKind};
use base::AccountId;
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    AddPermission: add, "lambda:AddPermission", access::permission;
    RemovePermission: remove, "lambda:RemovePermission", access::function;
    GetPolicy: get, "lambda:GetPolicy", access::function;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct AddPermission {
        name: String = "FunctionName",
        id: String = "StatementId",
        action: String = "Action",
        principal: String = "Principal",
        source_arn: Option<String> = "SourceArn",
        source_account: Option<String> = "SourceAccount",
        organization: Option<String> = "PrincipalOrgID",
        url_auth: Option<String> = "FunctionUrlAuthType",
        via_url: Option<bool> = "InvokedViaFunctionUrl",
        qualifier: Option<String> = "Qualifier",
        revision: Option<String> = "RevisionId",
    }

    #[derive(Debug)]
    pub(crate) struct Added { statement: String = "Statement" }

    #[derive(Debug)]
    pub(crate) struct RemovePermission {
        name: String = "FunctionName",
        id: String = "StatementId",
        qualifier: Option<String> = "Qualifier",
        revision: Option<String> = "RevisionId",
    }

    #[derive(Debug)]
    pub(crate) struct GetPolicy {
        name: String = "FunctionName",
        qualifier: Option<String> = "Qualifier",
    }

    #[derive(Debug)]
    pub(crate) struct PolicyShown {
        pub(super) policy: String = "Policy",
        pub(super) revision: String = "RevisionId",
    }
}

pub(super) fn object(members: Vec<(&str, Value)>) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Whom a statement is about, as policies write it.
pub(super) fn principal(text: &str) -> Result<Value, LambdaError> {
    if text == "*" {
        return Ok(Value::str("*"));
    }
    if AccountId::parse(text).is_some() {
        return Ok(object(vec![("AWS", Value::Str(format!("arn:aws:iam::{text}:root")))]));
    }
    if text.starts_with("arn:") {
        return Ok(object(vec![("AWS", Value::str(text))]));
    }
    if text.ends_with(".amazonaws.com") || text.ends_with(".alexa.com") {
        return Ok(object(vec![("Service", Value::str(text))]));
    }
    Err(invalid("The provided principal was invalid. Please check the principal and try again."))
}

fn statement(named: &Named, req: &AddPermission) -> Result<String, LambdaError> {
    let mut equals = Vec::new();
    if let Some(account) = &req.source_account {
        equals.push(("AWS:SourceAccount", Value::str(account)));
    }
    if let Some(organization) = &req.organization {
        equals.push(("aws:PrincipalOrgID", Value::str(organization)));
    }
    if let Some(auth) = &req.url_auth {
        equals.push(("lambda:FunctionUrlAuthType", Value::str(auth)));
    }
    let mut conditions = Vec::new();
    if !equals.is_empty() {
        conditions.push(("StringEquals", object(equals)));
    }
    if let Some(via_url) = req.via_url {
        let via_url = Value::Str(via_url.to_string());
        conditions.push(("Bool", object(vec![("lambda:InvokedViaFunctionUrl", via_url)])));
    }
    if let Some(arn) = &req.source_arn {
        conditions.push(("ArnLike", object(vec![("AWS:SourceArn", Value::str(arn))])));
    }
    let mut members = vec![
        ("Sid", Value::str(&req.id)),
        ("Effect", Value::str("Allow")),
        ("Principal", principal(&req.principal)?),
        ("Action", Value::str(&req.action)),
        ("Resource", Value::Str(named.qualified_arn())),
    ];
    if !conditions.is_empty() {
        members.push(("Condition", object(conditions)));
    }
    Ok(wire::json::text(&object(members)))
}

fn add(cx: &mut Cx<'_>, req: AddPermission) -> Result<Added, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    found(cx, &named)?;
    let mut policy = policy::of(cx.tx, &named)?.unwrap_or_default();
    check_revision(req.revision.as_deref(), &policy.revision)?;
    if policy.statements.iter().any(|(id, _)| *id == req.id) {
        return Err(LambdaError::Conflict(format!(
            "The statement id ({}) provided already exists. Please provide a new statement id, or remove the existing statement.",
            req.id
        )));
    }
    let text = statement(&named, &req)?;
    policy.statements.push((req.id, text.clone()));
    policy.revision = base::id::uuid(cx.rng());
    let document = policy.text();
    if document.len() > policy::BYTES_MAX {
        return Err(LambdaError::PolicyLength);
    }
    Policy::parse(&document, PolicyKind::Resource("lambda")).map_err(|_| {
        invalid("The provided principal was invalid. Please check the principal and try again.")
    })?;
    POLICIES.put(cx.tx, &policy::key(&named), &policy);
    Ok(Added { statement: text })
}

fn existing(cx: &Cx<'_>, named: &Named) -> Result<PolicyOf, LambdaError> {
    found(cx, named)?;
    let policy = policy::of(cx.tx, named)?;
    policy.ok_or_else(|| LambdaError::NotFound("The resource you requested does not exist.".into()))
}

fn remove(cx: &mut Cx<'_>, req: RemovePermission) -> Result<Empty, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    let missing = || LambdaError::NotFound(format!("Statement {} is not found in resource policy.", req.id));
    let mut policy = match existing(cx, &named) {
        Err(LambdaError::NotFound(what)) if what.starts_with("The resource") => {
            return Err(LambdaError::NotFound("No policy is associated with the given resource.".into()));
        }
        policy => policy?,
    };
    check_revision(req.revision.as_deref(), &policy.revision)?;
    let before = policy.statements.len();
    policy.statements.retain(|(id, _)| *id != req.id);
    if policy.statements.len() == before {
        return Err(missing());
    }
    policy.revision = base::id::uuid(cx.rng());
    match policy.statements.is_empty() {
        true => POLICIES.delete(cx.tx, &policy::key(&named)),
        false => POLICIES.put(cx.tx, &policy::key(&named), &policy),
    }
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: GetPolicy) -> Result<PolicyShown, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    let policy = existing(cx, &named)?;
    Ok(PolicyShown { policy: policy.text(), revision: policy.revision })
}
