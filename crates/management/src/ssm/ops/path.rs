//! Parameters are read by where they lie.

use super::get::{Shown, shown};
use super::{home, position};
use crate::ssm::errors::{SsmError, invalid};
use crate::ssm::filter::{Filters, StringFilter, is_below};
use crate::ssm::model::{PARAMETERS, Parameter, Version};
use crate::ssm::name::{Selector, is_path};
use crate::ssm::{access, public};
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    GetParametersByPath: by_path, "ssm:GetParametersByPath", access::path;
}

const PAGE_MAX: i64 = 10;
/// How many records are looked at in one go.
const BATCH: usize = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetParametersByPath {
        path: String = "Path",
        recursive: Option<bool> = "Recursive",
        filters: Vec<StringFilter> = "ParameterFilters",
        decrypt: Option<bool> = "WithDecryption",
        max: Option<i64> = "MaxResults",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Found {
        parameters: Vec<Shown> = "Parameters",
        token: Option<String> = "NextToken",
    }
}

/// The version that a listing shows: the latest, or the one with a label that is asked for.
fn chosen(cx: &Cx<'_>, filters: &Filters, parameter: &Parameter) -> Result<(Version, Selector), SsmError> {
    let label =
        filters.labels().and_then(|labels| parameter.labels.iter().find(|l| labels.contains(&l.name)));
    let Some(label) = label else { return Ok((parameter.latest.clone(), Selector::Latest)) };
    let version = parameter.version(cx.tx, home(cx), label.version)?.ok_or(SsmError::Internal)?;
    Ok((version, Selector::Label(label.name.clone())))
}

/// What lies below the path, one more than a page where there are more.
fn below(
    cx: &mut Cx<'_>,
    req: &GetParametersByPath,
    filters: &Filters,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<(String, Version, Selector)>, SsmError> {
    let recursive = req.recursive.unwrap_or_default();
    let mut found = Vec::new();
    if req.path.starts_with("/aws") {
        for (name, version) in public::list(cx, &req.path)? {
            if is_below(name, &req.path, recursive) && after.as_deref().is_none_or(|after| name > after) {
                found.push((name.to_owned(), version, Selector::Latest));
            }
        }
        found.truncate(limit);
        return Ok(found);
    }
    // Names without a slash lie below `/` as well.
    let folder = if req.path == "/" { "" } else { req.path.as_str() };
    let prefix = Key::regional(cx.account, cx.region).str_prefix(folder);
    let mut after = after.map(|name| Parameter::key(home(cx), &name));
    loop {
        let page = PARAMETERS.page(cx.tx, &prefix, after.as_ref(), BATCH)?;
        for (_, parameter) in page.items {
            if is_below(&parameter.name, &req.path, recursive) && filters.pass(&parameter) {
                let (version, selector) = chosen(cx, filters, &parameter)?;
                found.push((parameter.name, version, selector));
            }
        }
        after = page.next;
        if after.is_none() || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
    }
}

fn by_path(cx: &mut Cx<'_>, req: GetParametersByPath) -> Result<Found, SsmError> {
    if !is_path(&req.path) {
        return Err(invalid(
            "The parameter path must begin with a forward slash \"/\" and consist of names.",
        ));
    }
    let filters = Filters::by_path(req.filters.clone())?;
    let list = format!("ssm:path {} {:?} {:?} {:?}", cx.account, req.path, req.recursive, req.filters);
    let after = position(cx, &list, req.token.as_deref())?;
    let max = req.max.unwrap_or(PAGE_MAX) as usize;
    let mut found = below(cx, &req, &filters, after, max + 1)?;
    let more = found.len() > max;
    found.truncate(max);
    let last = found.last().filter(|_| more).map(|(name, _, _)| cx.pager().token(&list, name.as_bytes()));
    let decrypt = req.decrypt.unwrap_or_default();
    let parameters =
        found.into_iter().map(|(name, version, selector)| shown(cx, &name, version, &selector, decrypt));
    Ok(Found { parameters: parameters.collect::<Result<_, _>>()?, token: last })
}
