//! Contributor Insights of tables and global indexes: on, off, and how they stand.
//!
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateContributorInsights.html>

use crate::dynamodb::access;
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::insights;
use crate::dynamodb::model::insights::{Insights, State};
use crate::dynamodb::model::name::Place;
use crate::dynamodb::model::schema;
use crate::dynamodb::model::table::{IndexRecord, Status, TABLES, TableRecord};
use base::Timestamp;
use kernel::Cx;
use kernel::contributors::RULES;
use std::time::Duration;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    UpdateContributorInsights: update, "dynamodb:UpdateContributorInsights", access::on_table_or_index;
    DescribeContributorInsights: describe, "dynamodb:DescribeContributorInsights", access::on_table_or_index;
    ListContributorInsights: list, "dynamodb:ListContributorInsights", access::any_or_table;
}

const PAGE_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct UpdateContributorInsights {
        table: String = "TableName",
        index: Option<String> = "IndexName",
        action: String = "ContributorInsightsAction",
        mode: Option<String> = "ContributorInsightsMode",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        table: String = "TableName",
        index: Option<String> = "IndexName",
        status: String = "ContributorInsightsStatus",
        mode: Option<String> = "ContributorInsightsMode",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DescribeContributorInsights {
        table: String = "TableName",
        index: Option<String> = "IndexName",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described {
        table: String = "TableName",
        index: Option<String> = "IndexName",
        rules: Option<Vec<String>> = "ContributorInsightsRuleList",
        status: String = "ContributorInsightsStatus",
        updated: Option<Timestamp> = "LastUpdateDateTime",
        mode: Option<String> = "ContributorInsightsMode",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListContributorInsights {
        table: Option<String> = "TableName",
        token: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Listed {
        summaries: Vec<Summary> = "ContributorInsightsSummaries",
        token: Option<String> = "NextToken",
    }
}

/// The global index that a request names.
fn index<'t>(table: &'t TableRecord, name: Option<&str>) -> Result<Option<&'t IndexRecord>, Error> {
    let Some(name) = name else { return Ok(None) };
    let found = table.index(name).filter(|index| index.global && index.status != Status::Deleting);
    found.map(Some).ok_or_else(|| Refusal::NoIndexHere(name.to_owned(), table.name.clone()).into())
}

/// AWS: recorded; that of insights that are off again is still told.
fn mode(insights: &Insights) -> String {
    let mode = if insights.throttled_only { "THROTTLED_KEYS" } else { "ACCESSED_AND_THROTTLED_KEYS" };
    mode.to_owned()
}

fn summary(table: &TableRecord, index: Option<&IndexRecord>) -> Summary {
    let insights = index.map_or(table.insights.as_ref(), |index| index.insights.as_ref());
    let state = insights.map_or(State::Disabled, |insights| insights.state);
    Summary {
        table: table.name.clone(),
        index: index.map(|index| index.name.clone()),
        status: state.name().to_owned(),
        mode: insights.map(mode),
    }
}

fn update(cx: &mut Cx<'_>, req: UpdateContributorInsights) -> Result<Summary, Error> {
    let schema = schema::made(cx, &req.table)?;
    let mut table = schema.record.clone();
    let not_valid = |what: &str| {
        validation(format!(
            "Table or Index is not in a valid state to update Key Access Insights: {what} must be ACTIVE to enable ContributorInsights."
        ))
    };
    if !matches!(table.status, Status::Active | Status::Updating) {
        return Err(not_valid("TableStatus"));
    }
    let own = index(&schema.record, req.index.as_deref())?;
    if own.is_some_and(|own| own.status == Status::Creating) {
        return Err(not_valid("IndexStatus"));
    }
    encryption::check_usable(cx, table.encryption.as_ref())?;
    let before = own.map_or(table.insights.clone(), |own| own.insights.clone());
    let was_on = before.as_ref().is_some_and(|b| matches!(b.state, State::Enabled | State::Enabling));
    let throttled_only = req.mode.as_deref() == Some("THROTTLED_KEYS");
    let is_same = before.as_ref().is_some_and(|before| before.throttled_only == throttled_only);
    let after = match req.action.as_str() {
        // AWS: recorded; it stays as it is.
        "ENABLE" if was_on && is_same => before,
        "ENABLE" => {
            // Rules of another mode are others.
            insights::forget(cx.tx, &schema.record, own)?;
            let since = before.as_ref().filter(|_| was_on).map(|before| before.since);
            let mut after =
                Insights { state: State::Enabling, throttled_only, since: cx.now, updated: cx.now };
            match since {
                Some(since) => after.since = since,
                None => date(cx, &schema.record, own, &mut after)?,
            }
            Some(after)
        }
        _ if was_on => before.map(|before| Insights { state: State::Disabling, updated: cx.now, ..before }),
        _ => before,
    };
    match own {
        None => table.insights = after,
        Some(own) => {
            let place = table.indexes.iter_mut().find(|index| index.number == own.number);
            place.into_iter().for_each(|index| index.insights.clone_from(&after));
        }
    }
    TABLES.put(cx.tx, &table.own_key(), &table);
    Ok(summary(&table, index(&table, req.index.as_deref())?))
}

/// Finds a moment by which the rules' names are nobody else's.
fn date(
    cx: &Cx<'_>,
    table: &TableRecord,
    index: Option<&IndexRecord>,
    insights: &mut Insights,
) -> Result<(), Error> {
    loop {
        let mut taken = false;
        for (_, key, _) in insights.rules(table, index) {
            taken |= RULES.contains(&*cx.tx, &key)?;
        }
        if !taken {
            return Ok(());
        }
        insights.since = insights.since.plus(Duration::from_millis(1));
    }
}

fn describe(cx: &mut Cx<'_>, req: DescribeContributorInsights) -> Result<Described, Error> {
    let schema = schema::made(cx, &req.table)?;
    let table = &schema.record;
    let own = index(table, req.index.as_deref())?;
    let insights = own.map_or(table.insights.as_ref(), |own| own.insights.as_ref());
    let on = insights.filter(|insights| insights.state != State::Disabled);
    let names = |insights: &Insights| {
        insights.rules(table, own).into_iter().map(|(_, _, rule)| rule.name).collect::<Vec<_>>()
    };
    let Summary { table: name, index, status, mode } = summary(table, own);
    let updated = insights.map(|insights| insights.updated);
    Ok(Described { table: name, index, rules: on.map(names), status, updated, mode })
}

fn list(cx: &mut Cx<'_>, req: ListContributorInsights) -> Result<Listed, Error> {
    let all = Key::regional(cx.account, cx.region);
    let tables: Vec<TableRecord> = match &req.table {
        Some(name) => vec![schema::existing(cx, name)?.record.clone()],
        None => TABLES
            .scan(&*cx.tx, &all, Direction::Forward)
            .map(|pair| pair.map(|(_, table)| table))
            .collect::<Result<_, _>>()?,
    };
    let place = req.table.as_deref().map(|name| Place::read(cx, name)).transpose()?;
    let list = format!(
        "dynamodb:ListContributorInsights {} {} {:?}",
        cx.account,
        cx.region.name(),
        place.map(|place| place.arn())
    );
    let after = match &req.token {
        None => None,
        Some(token) => Some(cx.pager().position(&list, token).map_err(|_| validation("Invalid NextToken"))?),
    };
    let each = tables.iter().flat_map(|table| {
        let indexes = table.globals().map(move |index| summary(table, Some(index)));
        std::iter::once(summary(table, None)).chain(indexes)
    });
    // AWS: recorded; what is off is not listed.
    let mut each: Vec<Summary> = each.filter(|summary| summary.status != State::Disabled.name()).collect();
    each.sort_by_key(place_of);
    let limit = req.max.and_then(|max| usize::try_from(max).ok()).filter(|max| *max > 0).unwrap_or(PAGE_MAX);
    let behind = |summary: &Summary| after.as_ref().is_none_or(|after| place_of(summary) > *after);
    let mut summaries: Vec<Summary> = each.into_iter().filter(behind).take(limit + 1).collect();
    let more = summaries.len() > limit;
    summaries.truncate(limit);
    let last = summaries.last().filter(|_| more);
    let token = last.map(|last| cx.pager().token(&list, &place_of(last)));
    Ok(Listed { summaries, token })
}

/// Where a summary stands in the list.
fn place_of(summary: &Summary) -> Vec<u8> {
    format!("{}\u{1}{}", summary.table, summary.index.as_deref().unwrap_or_default()).into_bytes()
}
