//! Logs Insights: queries are started, read, stopped and listed. [`crate::logs::querying`] is what runs them.

use super::{identified, named, position};
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::insights::Query;
use crate::logs::insights::run::ROWS;
use crate::logs::model::event::millis;
use crate::logs::model::group::group_arn;
use crate::logs::model::query::{Asked, Found, QUERIES, RESULTS, WAITING, key};
use crate::logs::sealing;
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    StartQuery: start, "logs:StartQuery", access::queried;
    GetQueryResults: results, "logs:GetQueryResults", kernel::access::any;
    StopQuery: stop, "logs:StopQuery", kernel::access::any;
    ListLogGroupsForQuery: list_groups, "logs:ListLogGroupsForQuery", kernel::access::any;
    DescribeQueries: describe, "logs:DescribeQueries", kernel::access::any;
}

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html>, as for the next.
const GROUPS_MAX: usize = 50;
const WAITING_MAX: usize = 100;
const LISTED_MAX: i64 = 1_000;
const LANGUAGE: &str = "CWLI";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct StartQuery {
        language: Option<String> = "queryLanguage",
        group: Option<String> = "logGroupName",
        names: Option<Vec<String>> = "logGroupNames",
        identifiers: Option<Vec<String>> = "logGroupIdentifiers",
        since: i64 = "startTime",
        until: i64 = "endTime",
        text: String = "queryString",
        limit: Option<i64> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct Started { id: String = "queryId" }

    #[derive(Debug)]
    pub(crate) struct OneQuery { id: String = "queryId" }

    #[derive(Debug)]
    pub(crate) struct GetQueryResults {
        id: String = "queryId",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "maxItems",
    }

    #[derive(Debug)]
    pub(crate) struct Results {
        language: String = "queryLanguage",
        rows: Vec<Vec<ResultField>> = "results",
        statistics: Statistics = "statistics",
        status: String = "status",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct ResultField {
        field: String = "field",
        value: String = "value",
    }

    #[derive(Debug)]
    pub(crate) struct Statistics {
        matched: f64 = "recordsMatched",
        scanned: f64 = "recordsScanned",
        bytes: f64 = "bytesScanned",
        groups: f64 = "logGroupsScanned",
    }

    #[derive(Debug)]
    pub(crate) struct ListGroups {
        id: String = "queryId",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "maxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Listing { groups: Vec<String> = "logGroupIdentifiers" }

    #[derive(Debug)]
    pub(crate) struct Stopped { success: bool = "success" }

    #[derive(Debug)]
    pub(crate) struct DescribeQueries {
        language: Option<String> = "queryLanguage",
        group: Option<String> = "logGroupName",
        status: Option<String> = "status",
        limit: Option<i64> = "maxResults",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Queries {
        queries: Vec<Listed> = "queries",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        language: String = "queryLanguage",
        id: String = "queryId",
        text: String = "queryString",
        status: String = "status",
        created: i64 = "createTime",
        group: Option<String> = "logGroupName",
        duration: Option<i64> = "queryDuration",
        bytes: f64 = "bytesScanned",
    }
}

/// The one language that is here.
///
/// # Errors
/// `NotImplemented` for the others.
pub(super) fn check_language(given: Option<&String>) -> Result<(), LogsError> {
    match given.filter(|language| *language != LANGUAGE) {
        Some(other) => Err(LogsError::NotBuilt(format!("Queries in {other}"))),
        None => Ok(()),
    }
}

/// The names of the groups that a query is about, each of them there.
fn groups(cx: &Cx<'_>, req: &StartQuery) -> Result<Vec<String>, LogsError> {
    let given = [req.group.is_some(), req.names.is_some(), req.identifiers.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err(invalid(
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.",
        ));
    }
    let names = req.group.iter().chain(req.names.iter().flatten()).map(|name| named(cx, name));
    let identifiers = req.identifiers.iter().flatten().map(|one| identified(cx, None, Some(one)));
    let all: Vec<_> = names.chain(identifiers).collect::<Result<_, _>>()?;
    if all.is_empty() || all.len() > GROUPS_MAX {
        return Err(invalid("A query can be about 1 to 50 log groups."));
    }
    let mut all: Vec<String> = all.into_iter().map(|group| group.name).collect();
    all.sort();
    all.dedup();
    Ok(all)
}

fn start(cx: &mut Cx<'_>, req: StartQuery) -> Result<Started, LogsError> {
    check_language(req.language.as_ref())?;
    let groups = groups(cx, &req)?;
    if req.since > req.until {
        return Err(invalid("Query's end time must be after its start time."));
    }
    Query::read(&req.text).map_err(LogsError::Malformed)?;
    let waiting = WAITING.count(cx.tx, &Key::global())?;
    if waiting >= WAITING_MAX {
        return Err(LogsError::Limit("Too many queries are running.".into()));
    }
    let asked = Asked {
        account: cx.account,
        region: cx.region,
        id: base::id::uuid(cx.rng()),
        text: req.text,
        groups,
        since: req.since.saturating_mul(1_000),
        until: req.until.saturating_mul(1_000).saturating_add(999),
        limit: req.limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(ROWS as u32),
        status: "Scheduled".to_owned(),
        created: cx.now,
        ..Asked::default()
    };
    asked.save(cx.tx);
    asked.name_in(&WAITING, cx.tx, cx.now);
    Ok(Started { id: asked.id })
}

fn own(cx: &Cx<'_>, id: &str) -> Result<Asked, LogsError> {
    QUERIES.get(cx.tx, &key(cx.account, cx.region, id))?.ok_or(LogsError::NoQuery)
}

fn results(cx: &mut Cx<'_>, req: GetQueryResults) -> Result<Results, LogsError> {
    let asked = own(cx, &req.id)?;
    let list = format!("logs:GetQueryResults {}", asked.id);
    let after = position(cx, &list, req.token.as_deref())?.and_then(|after| after.parse::<u64>().ok());
    let limit = req.limit.filter(|limit| *limit > 0).map_or(ROWS, |limit| limit as usize);
    let after = after.map(|after| asked.key().u64(after));
    let page = RESULTS.page(cx.tx, &asked.key(), after.as_ref(), limit)?;
    let first = after.as_ref().map_or(0, |after| {
        let bytes: [u8; 8] = after.as_bytes().last_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(bytes) + 1
    });
    let last = (first + page.items.len() as u64).saturating_sub(1);
    let token = page.next.is_some().then(|| cx.pager().token(&list, last.to_string().as_bytes()));
    let field = |cell: crate::logs::model::query::Cell| ResultField { field: cell.field, value: cell.value };
    let cloud = cx.cloud();
    let shown = |row: Found| match row.hidden.is_empty() {
        true => Ok(row),
        false => sealing::show(cloud, &row.hidden),
    };
    let rows = page.items.into_iter().map(|(_, row)| shown(row));
    let rows: Vec<Found> = rows.collect::<Result<_, LogsError>>()?;
    let rows = rows.into_iter().map(|row| row.cells.into_iter().map(field).collect());
    Ok(Results {
        language: LANGUAGE.to_owned(),
        rows: rows.collect(),
        statistics: Statistics {
            matched: asked.matched as f64,
            scanned: asked.scanned as f64,
            bytes: asked.bytes as f64,
            groups: asked.groups.len() as f64,
        },
        status: asked.status,
        token,
    })
}

/// AWS: a page has fifty at least, and a query not more.
fn list_groups(cx: &mut Cx<'_>, req: ListGroups) -> Result<Listing, LogsError> {
    let asked = own(cx, &req.id)?;
    // No page has ever told of a second.
    position(cx, "logs:ListLogGroupsForQuery", req.token.as_deref())?;
    let arn = |name: &String| group_arn(asked.account, asked.region.name(), name);
    let most = req.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(GROUPS_MAX);
    Ok(Listing { groups: asked.groups.iter().take(most).map(arn).collect() })
}

fn stop(cx: &mut Cx<'_>, req: OneQuery) -> Result<Stopped, LogsError> {
    let mut asked = own(cx, &req.id)?;
    if asked.status != "Scheduled" {
        return Err(invalid("Query is not running."));
    }
    "Cancelled".clone_into(&mut asked.status);
    asked.ended = Some(cx.now);
    asked.save(cx.tx);
    Ok(Stopped { success: true })
}

fn describe(cx: &mut Cx<'_>, req: DescribeQueries) -> Result<Queries, LogsError> {
    check_language(req.language.as_ref())?;
    let all = QUERIES.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let mut all: Vec<Asked> = all.map(|pair| pair.map(|(_, asked)| asked)).collect::<Result<_, _>>()?;
    all.retain(|asked| {
        req.group.as_ref().is_none_or(|group| asked.groups.contains(group))
            && req.status.as_ref().is_none_or(|status| asked.status == *status)
    });
    all.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
    let list =
        format!("logs:DescribeQueries {} {} {:?} {:?}", cx.account, cx.region.name(), req.group, req.status);
    if let Some(after) = position(cx, &list, req.token.as_deref())? {
        let seen = all.iter().position(|asked| asked.id == after).map_or(0, |at| at + 1);
        all.drain(..seen);
    }
    let limit = req.limit.unwrap_or(LISTED_MAX) as usize;
    let more = all.len() > limit;
    all.truncate(limit);
    let last = all.last().filter(|_| more);
    let token = last.map(|last| cx.pager().token(&list, last.id.as_bytes()));
    let listed = |asked: Asked| Listed {
        language: LANGUAGE.to_owned(),
        id: asked.id,
        text: asked.text,
        status: asked.status,
        created: millis(asked.created),
        group: asked.groups.into_iter().next(),
        duration: asked.ended.map(|ended| millis(ended) - millis(asked.created)),
        bytes: asked.bytes as f64,
    };
    Ok(Queries { queries: all.into_iter().map(listed).collect(), token })
}
