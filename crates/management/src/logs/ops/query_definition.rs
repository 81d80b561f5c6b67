//! Queries that are kept by name: put, list, delete.

use super::position;
use super::query::check_language;
use crate::logs::errors::LogsError;
use crate::logs::model::event::millis;
use crate::logs::model::query::{DEFINITIONS, Definition, key};
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    PutQueryDefinition: put, "logs:PutQueryDefinition", kernel::access::any;
    DescribeQueryDefinitions: describe, "logs:DescribeQueryDefinitions", kernel::access::any;
    DeleteQueryDefinition: delete, "logs:DeleteQueryDefinition", kernel::access::any;
}

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const DEFINITIONS_MAX: usize = 1_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutQueryDefinition {
        language: Option<String> = "queryLanguage",
        name: String = "name",
        id: Option<String> = "queryDefinitionId",
        groups: Option<Vec<String>> = "logGroupNames",
        text: String = "queryString",
        token: Option<String> = "clientToken",
    }

    #[derive(Debug)]
    pub(crate) struct Put { id: String = "queryDefinitionId" }

    #[derive(Debug)]
    pub(crate) struct DescribeQueryDefinitions {
        language: Option<String> = "queryLanguage",
        prefix: Option<String> = "queryDefinitionNamePrefix",
        limit: Option<i64> = "maxResults",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Definitions {
        definitions: Vec<Shown> = "queryDefinitions",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        language: String = "queryLanguage",
        id: String = "queryDefinitionId",
        name: String = "name",
        text: String = "queryString",
        modified: i64 = "lastModified",
        groups: Vec<String> = "logGroupNames",
    }

    #[derive(Debug)]
    pub(crate) struct OneDefinition { id: String = "queryDefinitionId" }

    #[derive(Debug)]
    pub(crate) struct Deleted { success: bool = "success" }
}

fn all(cx: &Cx<'_>) -> Result<Vec<Definition>, LogsError> {
    let all = DEFINITIONS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    Ok(all.map(|pair| pair.map(|(_, one)| one)).collect::<Result<_, _>>()?)
}

fn put(cx: &mut Cx<'_>, req: PutQueryDefinition) -> Result<Put, LogsError> {
    check_language(req.language.as_ref())?;
    // AWS: a request that comes twice makes one definition.
    let repeated = match &req.token {
        Some(token) if req.id.is_none() => all(cx)?.into_iter().find(|one| one.token.as_ref() == Some(token)),
        _ => None,
    };
    let id = match req.id.or(repeated.map(|one| one.id)) {
        Some(id) if !DEFINITIONS.contains(cx.tx, &key(cx.account, cx.region, &id))? => {
            return Err(LogsError::NoDefinition);
        }
        Some(id) => id,
        None => {
            if !cx.has_room(&DEFINITIONS, &Key::regional(cx.account, cx.region), DEFINITIONS_MAX)? {
                return Err(LogsError::Limit("Resource limit exceeded.".into()));
            }
            base::id::uuid(cx.rng())
        }
    };
    let groups = req.groups.unwrap_or_default();
    let definition = Definition {
        id: id.clone(),
        name: req.name,
        text: req.text,
        groups,
        modified: cx.now,
        token: req.token,
    };
    DEFINITIONS.put(cx.tx, &key(cx.account, cx.region, &id), &definition);
    Ok(Put { id })
}

fn describe(cx: &mut Cx<'_>, req: DescribeQueryDefinitions) -> Result<Definitions, LogsError> {
    check_language(req.language.as_ref())?;
    let prefix = req.prefix.unwrap_or_default();
    let list = format!("logs:DescribeQueryDefinitions {} {} {prefix}", cx.account, cx.region.name());
    let after = position(cx, &list, req.token.as_deref())?;
    let mut found = all(cx)?;
    found.retain(|one| one.name.starts_with(&prefix) && after.as_ref().is_none_or(|after| one.id > *after));
    let limit = req.limit.map_or(DEFINITIONS_MAX, |limit| limit as usize);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let token = last.map(|last| cx.pager().token(&list, last.id.as_bytes()));
    let shown = |one: Definition| Shown {
        language: "CWLI".to_owned(),
        id: one.id,
        name: one.name,
        text: one.text,
        modified: millis(one.modified),
        groups: one.groups,
    };
    Ok(Definitions { definitions: found.into_iter().map(shown).collect(), token })
}

fn delete(cx: &mut Cx<'_>, req: OneDefinition) -> Result<Deleted, LogsError> {
    let key = key(cx.account, cx.region, &req.id);
    if !DEFINITIONS.contains(cx.tx, &key)? {
        return Err(LogsError::NoDefinition);
    }
    DEFINITIONS.delete(cx.tx, &key);
    Ok(Deleted { success: true })
}
