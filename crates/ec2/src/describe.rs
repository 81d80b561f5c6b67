//! What every Describe operation does: ids that must exist, filters, pages.
//!
//! A noun hands over its records and a list of the filters that it knows; the rest is here.

use crate::errors::{Ec2Error, Plain};
use crate::filter::{self, Filter, Known};
use crate::kind::{INSTANCE, Kind};
use crate::register;
use crate::tags::Tag;
use kernel::Cx;
use store::{Direction, Key, Record, Table};

/// An item of an answer.
pub trait Item {
    fn id(&self) -> &str;

    fn tags(&self) -> &[Tag];
}

/// What a request asks for beside ids.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub filters: &'a [Filter],
    pub max: Option<i64>,
    pub token: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub fn new(filters: &'a [Filter], max: Option<i64>, token: Option<&'a String>) -> Ask<'a> {
        Ask { filters, max, token: token.map(String::as_str) }
    }
}

/// # Errors
/// The kind's `Malformed`.
pub fn check_id(kind: &Kind, id: &str) -> Result<(), Ec2Error> {
    if kind.fits(id) { Ok(()) } else { Err(Ec2Error::malformed(kind, id)) }
}

/// The record of one id.
///
/// # Errors
/// The kind's `Malformed` and `NotFound`.
pub fn get<R: Record>(cx: &Cx<'_>, table: &Table<R>, kind: &Kind, id: &str) -> Result<R, Ec2Error> {
    check_id(kind, id)?;
    let found = table.get(cx.tx, &register::key(cx.account, cx.region, id))?;
    found.ok_or_else(|| Ec2Error::not_found(kind, id))
}

/// All records of the account and region.
///
/// # Errors
/// When the store cannot be read.
pub fn all<R: Record>(cx: &Cx<'_>, table: &Table<R>) -> Result<Vec<R>, Ec2Error> {
    let prefix = Key::regional(cx.account, cx.region);
    let found = table.scan(cx.tx, &prefix, Direction::Forward);
    Ok(found.map(|pair| pair.map(|(_, record)| record)).collect::<Result<_, _>>()?)
}

/// The records of the ids; of all where there is none.
///
/// # Errors
/// As [`get`]; malformed ids first.
pub fn some<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    kind: &Kind,
    ids: &[String],
) -> Result<Vec<R>, Ec2Error> {
    ids.iter().try_for_each(|id| check_id(kind, id))?;
    some_of_any(cx, table, kind, ids)
}

/// The same, where an id of any form is looked for.
///
/// # Errors
/// The kind's `NotFound`.
pub fn some_of_any<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    kind: &Kind,
    ids: &[String],
) -> Result<Vec<R>, Ec2Error> {
    if ids.is_empty() {
        return all(cx, table);
    }
    let mut seen = Vec::new();
    let (mut out, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        match table.get(cx.tx, &register::key(cx.account, cx.region, id))? {
            Some(found) => out.push(found),
            None => missing.push(id.as_str()),
        }
    }
    match missing[..] {
        [] => Ok(out),
        // AWS: of several instances it names all.
        [_, _, ..] if *kind == INSTANCE => Err(Ec2Error::none_found(kind, &missing)),
        [first, ..] => Err(Ec2Error::not_found(kind, first)),
    }
}

/// Filters items and cuts out the page that is asked for.
///
/// # Errors
/// `InvalidParameterValue` for filters, `InvalidPaginationToken`.
pub fn page<V: Item>(
    cx: &Cx<'_>,
    mut items: Vec<V>,
    ask: Ask<'_>,
    known: &Known<V>,
) -> Result<(Vec<V>, Option<String>), Ec2Error> {
    filter::check(ask.filters, known)?;
    items.retain(|item| filter::passes(item, item.tags(), ask.filters, known));
    cut(cx, items, ask, |item| item.id().to_owned())
}

/// The page of a sorted list; `position` is unique to an item.
///
/// # Errors
/// `InvalidPaginationToken`; `InvalidParameterValue` for a page of nothing, which would have no next one.
pub fn cut<V>(
    cx: &Cx<'_>,
    mut items: Vec<V>,
    ask: Ask<'_>,
    position: impl Fn(&V) -> String,
) -> Result<(Vec<V>, Option<String>), Ec2Error> {
    if let Some(max) = ask.max.filter(|max| *max < 1) {
        return Err(few(max, 0));
    }
    items.sort_by_cached_key(&position);
    let list = format!("{}/{}/{}", cx.request.operation, cx.account, cx.region);
    if let Some(token) = ask.token {
        let after = cx.pager().position(&list, token).map_err(|_| Plain::InvalidNextToken)?;
        items.retain(|item| position(item).as_bytes() > after.as_slice());
    }
    let max = ask.max.and_then(|max| usize::try_from(max).ok()).filter(|max| *max < items.len());
    let Some(max) = max else { return Ok((items, None)) };
    items.truncate(max);
    let token = items.last().map(|last| cx.pager().token(&list, position(last).as_bytes()));
    Ok((items, token))
}

fn few(max: i64, bound: i64) -> Ec2Error {
    let what = format!(
        "Value ( {max} ) for parameter maxResults is invalid. Expecting a value greater than {bound}."
    );
    Plain::InvalidParameterValue(what).into()
}

/// AWS: pages of some lists have five items at least, which it says as if it were more.
///
/// # Errors
/// `InvalidParameterValue`.
pub fn five_or_more(max: Option<i64>) -> Result<(), Ec2Error> {
    max.filter(|max| *max < 5).map_or(Ok(()), |max| Err(few(max, 5)))
}

/// The one refusal of ids together with a page size.
///
/// # Errors
/// `InvalidParameterCombination`.
pub fn ids_or_pages(ids: &[String], name: &str, max: Option<i64>) -> Result<(), Ec2Error> {
    if ids.is_empty() || max.is_none() {
        return Ok(());
    }
    let what = format!("The parameter {name} cannot be used with the parameter maxResults");
    Err(Plain::InvalidParameterCombination(what).into())
}
