//! Aliases: names for versions, which may share their calls with another.

use super::configuration::check_revision;
use super::page;
use super::provision;
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{self, ALIASES, Alias, POLICIES, PROVISIONS, URLS};
use crate::lambda::name::{LATEST, Named};
use crate::lambda::policy;
use kernel::{Cx, Empty};
use std::collections::BTreeMap;
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreateAlias: create, "lambda:CreateAlias", access::function;
    UpdateAlias: update, "lambda:UpdateAlias", access::function;
    GetAlias: get, "lambda:GetAlias", access::function;
    ListAliases: list, "lambda:ListAliases", access::function;
    DeleteAlias: delete, "lambda:DeleteAlias", access::function;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Routing { weights: Pairs<f64> = "AdditionalVersionWeights" }

    #[derive(Debug)]
    pub(crate) struct CreateAlias {
        function: String = "FunctionName",
        name: String = "Name",
        version: String = "FunctionVersion",
        description: Option<String> = "Description",
        routing: Option<Routing> = "RoutingConfig",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateAlias {
        function: String = "FunctionName",
        name: String = "Name",
        version: Option<String> = "FunctionVersion",
        description: Option<String> = "Description",
        routing: Option<Routing> = "RoutingConfig",
        revision: Option<String> = "RevisionId",
    }

    #[derive(Debug)]
    pub(crate) struct OneAlias {
        function: String = "FunctionName",
        name: String = "Name",
    }

    #[derive(Debug)]
    pub(crate) struct ListAliases {
        function: String = "FunctionName",
        version: Option<String> = "FunctionVersion",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct Aliases {
        marker: Option<String> = "NextMarker",
        aliases: Vec<Shown> = "Aliases",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        arn: String = "AliasArn",
        name: String = "Name",
        version: String = "FunctionVersion",
        description: String = "Description",
        routing: Option<Routing> = "RoutingConfig",
        revision: String = "RevisionId",
    }
}

/// Weights are kept in parts of this.
const WHOLE: f64 = 10_000.0;

fn shown(named: &Named, alias: Alias) -> Shown {
    let weights: Vec<_> =
        alias.weights.into_iter().map(|(label, part)| (label, f64::from(part) / WHOLE)).collect();
    Shown {
        arn: format!("{}:{}", named.arn(), alias.name),
        name: alias.name,
        version: alias.version,
        description: alias.description,
        routing: (!weights.is_empty()).then_some(Routing { weights: Pairs(weights) }),
        revision: alias.revision,
    }
}

/// AWS: one version beside the alias's own, both published.
fn weights(
    cx: &Cx<'_>,
    named: &Named,
    version: &str,
    routing: Routing,
) -> Result<BTreeMap<String, u32>, LambdaError> {
    let pairs = routing.weights.0;
    if pairs.len() > 1 {
        return Err(invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    let mut out = BTreeMap::new();
    for (label, weight) in pairs {
        if label == version {
            return Err(invalid(format!(
                "Invalid function version {label}. Function version {version} is already included in routing configuration."
            )));
        }
        if label == LATEST || version == LATEST {
            return Err(invalid("$LATEST is not supported for an alias pointing to more than 1 version"));
        }
        if !(0.0..=1.0).contains(&weight) {
            return Err(invalid("Value of AdditionalVersionWeights must be between 0.0 and 1.0."));
        }
        model::version(cx.tx, named, &label)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10,000")]
        out.insert(label, (weight * WHOLE).round() as u32);
    }
    Ok(out)
}

fn create(cx: &mut Cx<'_>, req: CreateAlias) -> Result<Shown, LambdaError> {
    let named = Named::read(cx, &req.function, None)?;
    model::function(cx.tx, &named)?;
    let key = named.key().str(&req.name);
    if ALIASES.contains(cx.tx, &key)? {
        return Err(LambdaError::Conflict(format!("Alias already exists: {}:{}", named.arn(), req.name)));
    }
    model::version(cx.tx, &labelled(&named, &req.version), &req.version)?;
    let weights = match req.routing {
        Some(routing) => weights(cx, &named, &req.version, routing)?,
        None => BTreeMap::new(),
    };
    let alias = Alias {
        name: req.name,
        version: req.version,
        description: req.description.unwrap_or_default(),
        weights,
        revision: base::id::uuid(cx.rng()),
    };
    ALIASES.put(cx.tx, &key, &alias);
    Ok(shown(&named, alias))
}

/// The function at a version, for the wording.
fn labelled(named: &Named, label: &str) -> Named {
    Named { qualifier: Some(label.to_owned()), ..named.clone() }
}

fn one(cx: &Cx<'_>, function: &str, name: &str) -> Result<(Named, Alias), LambdaError> {
    let named = Named::read(cx, function, None)?;
    model::function(cx.tx, &named)?;
    let missing = || LambdaError::NotFound(format!("Cannot find alias arn: {}:{name}", named.arn()));
    let alias = model::alias(cx.tx, &named, name)?.ok_or_else(missing)?;
    Ok((named, alias))
}

fn update(cx: &mut Cx<'_>, req: UpdateAlias) -> Result<Shown, LambdaError> {
    let (named, mut alias) = one(cx, &req.function, &req.name)?;
    check_revision(req.revision.as_deref(), &alias.revision)?;
    if let Some(version) = req.version {
        model::version(cx.tx, &labelled(&named, &version), &version)?;
        alias.version = version;
    }
    if let Some(routing) = req.routing {
        alias.weights = weights(cx, &named, &alias.version, routing)?;
    } else if alias.weights.contains_key(&alias.version) {
        let version = &alias.version;
        return Err(invalid(format!(
            "Invalid function version {version}. Function version {version} is already included in routing configuration."
        )));
    }
    provision::check_moved(cx, &named, &alias)?;
    alias.description = req.description.unwrap_or(alias.description);
    alias.revision = base::id::uuid(cx.rng());
    ALIASES.put(cx.tx, &named.key().str(&alias.name), &alias);
    Ok(shown(&named, alias))
}

fn get(cx: &mut Cx<'_>, req: OneAlias) -> Result<Shown, LambdaError> {
    let (named, alias) = one(cx, &req.function, &req.name)?;
    Ok(shown(&named, alias))
}

fn list(cx: &mut Cx<'_>, req: ListAliases) -> Result<Aliases, LambdaError> {
    let named = Named::read(cx, &req.function, None)?;
    model::function(cx.tx, &named)?;
    let list = format!("ListAliases {} {:?}", named.name, req.version);
    let (found, marker) = page(cx, &ALIASES, &named.key(), &list, (req.marker.as_deref(), req.most))?;
    let wanted = |alias: &Alias| {
        req.version.as_ref().is_none_or(|v| alias.version == *v || alias.weights.contains_key(v))
    };
    let aliases = found.into_iter().map(|(_, alias)| alias).filter(wanted);
    Ok(Aliases { marker, aliases: aliases.map(|alias| shown(&named, alias)).collect() })
}

/// AWS: an alias that is not there is no error.
fn delete(cx: &mut Cx<'_>, req: OneAlias) -> Result<Empty, LambdaError> {
    let named = Named::read(cx, &req.function, None)?;
    model::function(cx.tx, &named)?;
    ALIASES.delete(cx.tx, &named.key().str(&req.name));
    if let Some(url) = URLS.get(cx.tx, &named.key().str(&req.name))? {
        url.delete(cx.tx);
    }
    POLICIES.delete(cx.tx, &policy::key(&labelled(&named, &req.name)));
    PROVISIONS.delete(cx.tx, &named.key().str(&req.name));
    Ok(Empty)
}
