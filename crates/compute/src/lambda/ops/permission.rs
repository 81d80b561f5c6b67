//! AddPermission, RemovePermission, GetPolicy: a resource policy, one statement at a time.

use super::configuration::found;
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{POLICIES, PolicyOf};
use crate::lambda::name::{LATEST, Named};
use crate::lambda::policy;
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
        token: Option<String> = "EventSourceToken",
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

const BY_URL: &str = "lambda:InvokeFunctionUrl";

/// AWS's words where there is nothing to take away.
pub(super) const NO_POLICY: &str = "No policy is associated with the given resource.";

/// Whom a statement is about, as policies write it.
pub(super) fn principal(text: &str) -> Result<Value, LambdaError> {
    if text == "*" {
        return Ok(Value::str("*"));
    }
    if AccountId::parse(text).is_some() {
        return Ok(Value::map(vec![("AWS", Value::Str(format!("arn:aws:iam::{text}:root")))]));
    }
    if text.starts_with("arn:") {
        return Ok(Value::map(vec![("AWS", Value::str(text))]));
    }
    if [".amazonaws.com", ".amazon.com", ".alexa.com"].iter().any(|domain| text.ends_with(domain)) {
        return Ok(Value::map(vec![("Service", Value::str(text))]));
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
    if let Some(token) = &req.token {
        equals.push(("lambda:EventSourceToken", Value::str(token)));
    }
    if let Some(auth) = &req.url_auth {
        if req.action != BY_URL {
            return Err(invalid(format!("FunctionUrlAuthType is only supported for {BY_URL} action")));
        }
        equals.push(("lambda:FunctionUrlAuthType", Value::str(auth)));
    }
    let mut conditions = Vec::new();
    if !equals.is_empty() {
        conditions.push(("StringEquals", Value::map(equals)));
    }
    if let Some(via_url) = req.via_url {
        let via_url = Value::Str(via_url.to_string());
        conditions.push(("Bool", Value::map(vec![("lambda:InvokedViaFunctionUrl", via_url)])));
    }
    if let Some(arn) = &req.source_arn {
        conditions.push(("ArnLike", Value::map(vec![("AWS:SourceArn", Value::str(arn))])));
    }
    let mut members = vec![
        ("Sid", Value::str(&req.id)),
        ("Effect", Value::str("Allow")),
        ("Principal", principal(&req.principal)?),
        ("Action", Value::str(&req.action)),
        ("Resource", Value::Str(named.qualified_arn())),
    ];
    if !conditions.is_empty() {
        members.push(("Condition", Value::map(conditions)));
    }
    Ok(wire::json::text(&Value::map(members)))
}

fn add(cx: &mut Cx<'_>, req: AddPermission) -> Result<Added, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    if named.qualifier.as_deref() == Some(LATEST) {
        return Err(invalid("We currently do not support adding policies for $LATEST."));
    }
    found(cx, &named)?;
    let mut policy = policy::of(cx.tx, &named)?.unwrap_or_default();
    policy.check_new(&req.id, req.revision.as_deref())?;
    let text = statement(&named, &req)?;
    policy.add(cx, req.id, text.clone())?;
    policy.keep(cx, &POLICIES, &policy::key(&named));
    Ok(Added { statement: text })
}

/// The policy, or a refusal with these words where there is none.
fn existing(cx: &Cx<'_>, named: &Named, missing: &str) -> Result<PolicyOf, LambdaError> {
    found(cx, named)?;
    policy::of(cx.tx, named)?.ok_or_else(|| LambdaError::NotFound(missing.into()))
}

fn remove(cx: &mut Cx<'_>, req: RemovePermission) -> Result<Empty, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    let mut policy = existing(cx, &named, NO_POLICY)?;
    policy.remove(cx, &req.id, req.revision.as_deref())?;
    policy.keep(cx, &POLICIES, &policy::key(&named));
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: GetPolicy) -> Result<PolicyShown, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    let policy = existing(cx, &named, "The resource you requested does not exist.")?;
    Ok(PolicyShown { policy: policy.text(), revision: policy.revision })
}
