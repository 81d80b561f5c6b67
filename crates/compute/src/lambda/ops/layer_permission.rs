//! Who else may use a version of a layer.

use super::permission::{NO_POLICY, PolicyShown, principal};
use crate::lambda::access;
use crate::lambda::errors::LambdaError;
use crate::lambda::layer::{self, LayerName};
use crate::lambda::model::{LAYER_POLICIES, PolicyOf};
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
    policy.check_new(&req.id, req.revision.as_deref())?;
    let mut members = vec![
        ("Sid", Value::str(&req.id)),
        ("Effect", Value::str("Allow")),
        ("Principal", principal(&req.principal)?),
        ("Action", Value::str(&req.action)),
        ("Resource", Value::Str(named.version_arn())),
    ];
    if let Some(organization) = &req.organization {
        let equals = Value::map(vec![("aws:PrincipalOrgID", Value::str(organization))]);
        members.push(("Condition", Value::map(vec![("StringEquals", equals)])));
    }
    let statement = wire::json::text(&Value::map(members));
    policy.add(cx, req.id, statement.clone())?;
    policy.keep(cx, &LAYER_POLICIES, &named.version_key());
    Ok(AddedTo { statement, revision: policy.revision })
}

fn existing(cx: &Cx<'_>, named: &LayerName) -> Result<PolicyOf, LambdaError> {
    layer::policy(cx.tx, named)?.ok_or_else(|| LambdaError::NotFound(NO_POLICY.into()))
}

fn remove(cx: &mut Cx<'_>, req: Remove) -> Result<Empty, LambdaError> {
    let named = found(cx, &req.name, req.version)?;
    let mut policy = existing(cx, &named)?;
    policy.remove(cx, &req.id, req.revision.as_deref())?;
    policy.keep(cx, &LAYER_POLICIES, &named.version_key());
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: Get) -> Result<PolicyShown, LambdaError> {
    let named = found(cx, &req.name, req.version)?;
    let policy = existing(cx, &named)?;
    Ok(PolicyShown { policy: policy.text(), revision: policy.revision })
}
