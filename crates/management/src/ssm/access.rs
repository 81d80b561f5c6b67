//! Which parameters each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>

use super::errors::SsmError;
use super::model::{Parameter, arn};
use super::name::Wanted;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

type Targets = Result<Vec<Target>, Fault>;

fn target(cx: &Cx<'_>, text: &str) -> Result<Target, SsmError> {
    let wanted = Wanted::read(text);
    let home = (cx.account, cx.region);
    if let Some(arn) = wanted.arn.filter(|arn| arn.account != cx.account.as_str()) {
        let owner = base::AccountId::parse(&arn.account).unwrap_or(cx.account);
        return Ok(Target::on(text).owned_by(owner));
    }
    let target = Target::on(arn(home, &wanted.name));
    Ok(match Parameter::load(cx.tx, home, &wanted.name)? {
        Some(parameter) => target.tagged(parameter.tags),
        None => target,
    })
}

/// The parameter that `Name` tells.
///
/// # Errors
/// The store's.
pub(super) fn named(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![target(cx, request.str("Name").unwrap_or_default())?])
}

/// A parameter that is put; its tags want their own right.
///
/// # Errors
/// The store's.
pub(super) fn put(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let target_of = |cx: &Cx<'_>| target(cx, request.str("Name").unwrap_or_default());
    let overwrite = request.get("Overwrite").and_then(Value::as_bool).unwrap_or_default();
    let mut targets = vec![target_of(cx)?.key("ssm:Overwrite", overwrite.to_string())];
    if request.get("Tags").is_some() {
        targets.push(target_of(cx)?.doing("ssm:AddTagsToResource"));
    }
    Ok(targets)
}

/// The parameters that `Names` tells.
///
/// # Errors
/// The store's.
pub(super) fn several(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let names = request.get("Names").and_then(Value::as_list).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    names.into_iter().map(|name| Ok(target(cx, name)?)).collect()
}

/// A path: who may read it may read all that is below.
///
/// # Errors
/// Never.
pub(super) fn path(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let path = request.str("Path").unwrap_or_default();
    let recursive = request.get("Recursive").and_then(Value::as_bool).unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    let target = Target::on(arn((cx.account, cx.region), path));
    Ok(vec![target.key("ssm:Recursive", recursive.to_string())])
}

/// What tags are about.
///
/// # Errors
/// The store's.
pub(super) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![target(cx, request.str("ResourceId").unwrap_or_default())?])
}
