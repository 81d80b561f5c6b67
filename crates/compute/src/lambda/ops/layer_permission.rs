//! Who else may use a version of a layer.

use super::configuration::check_revision;
use super::permission::{PolicyShown, object, principal};
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::layer::{self, LayerName};
use crate::lambda::model::{LAYER_POLICIES, PolicyOf};
use crate::lambda::policy;
use auth::policy::{Policy, PolicyKind};
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    AddLayerVersionPermission: add, "lambda:AddLayerVersionPermission", access::layer_version;
    RemoveLayerVersionPermission: remove, "lambda:RemoveLayerVersionPermission", access::layer_version;
    GetLayerVersionPolicy: get, "lambda:GetLayerVersionPolicy", access::layer_version;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Add {
        name: String = "LayerName",
        version: i64 = "VersionNumber",
        id: String = "StatementId",
        action: String = "Action",
        principal: String = "Principal",
        organization: Option<String> = "OrganizationId",
        revision: Option<String> = "RevisionId",
    }

    #[derive(Debug)]
    pub(crate) struct AddedTo {
        statement: String = "Statement",
        revision: String = "RevisionId",
    }

    #[derive(Debug)]
    pub(crate) struct Remove {
        name: String = "LayerName",
        version: i64 = "VersionNumber",
        id: String = "StatementId",
        revision: Option<String> = "RevisionId",
    }

    #[derive(Debug)]
    pub(crate) struct Get {
        name: String = "LayerName",
        version: i64 = "VersionNumber",
    }
}

fn found(cx: &Cx<'_>, name: &str, version: i64) -> Result<LayerName, LambdaError> {
    let named = LayerName::read(cx, name)?.at(u64::try_from(version).unwrap_or(0));
    layer::version(cx.tx, &named)?;
    Ok(named)
}

fn add(cx: &mut Cx<'_>, req: Add) -> Result<AddedTo, LambdaError> {
    let named = found(cx, &req.name, req.version)?;
    let mut policy = layer::policy(cx.tx, &named)?.unwrap_or_default();
    check_revision(req.revision.as_deref(), &policy.revision)?;
    if policy.statements.iter().any(|(id, _)| *id == req.id) {
        return Err(LambdaError::Conflict(format!(
            "The statement id ({}) provided already exists. Please provide a new statement id, or remove the existing statement.",
            req.id
        )));
    }
    let mut members = vec![
        ("Sid", Value::str(&req.id)),
        ("Effect", Value::str("Allow")),
        ("Principal", principal(&req.principal)?),
        ("Action", Value::str(&req.action)),
        ("Resource", Value::Str(named.version_arn())),
    ];
    if let Some(organization) = &req.organization {
        let equals = object(vec![("aws:PrincipalOrgID", Value::str(organization))]);
        members.push(("Condition", object(vec![("StringEquals", equals)])));
    }
    let statement = wire::json::text(&object(members));
    policy.statements.push((req.id, statement.clone()));
    policy.revision = base::id::uuid(cx.rng());
    let document = policy.text();
    if document.len() > policy::BYTES_MAX {
        return Err(LambdaError::PolicyLength);
    }
    Policy::parse(&document, PolicyKind::Resource("lambda")).map_err(|_| {
        invalid("The provided principal was invalid. Please check the principal and try again.")
    })?;
    LAYER_POLICIES.put(cx.tx, &named.version_key(), &policy);
    Ok(AddedTo { statement, revision: policy.revision })
}

fn existing(cx: &Cx<'_>, named: &LayerName) -> Result<PolicyOf, LambdaError> {
    let missing = || LambdaError::NotFound("No policy is associated with the given resource.".into());
    layer::policy(cx.tx, named)?.ok_or_else(missing)
}

fn remove(cx: &mut Cx<'_>, req: Remove) -> Result<Empty, LambdaError> {
    let named = found(cx, &req.name, req.version)?;
    let mut policy = existing(cx, &named)?;
    check_revision(req.revision.as_deref(), &policy.revision)?;
    let before = policy.statements.len();
    policy.statements.retain(|(id, _)| *id != req.id);
    if policy.statements.len() == before {
        return Err(LambdaError::NotFound(format!("Statement {} is not found in resource policy.", req.id)));
    }
    policy.revision = base::id::uuid(cx.rng());
    match policy.statements.is_empty() {
        true => LAYER_POLICIES.delete(cx.tx, &named.version_key()),
        false => LAYER_POLICIES.put(cx.tx, &named.version_key(), &policy),
    }
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: Get) -> Result<PolicyShown, LambdaError> {
    let named = found(cx, &req.name, req.version)?;
    let PolicyOf { statements, revision } = existing(cx, &named)?;
    let policy = PolicyOf { statements, revision: revision.clone() };
    Ok(PolicyShown { policy: policy.text(), revision })
}
