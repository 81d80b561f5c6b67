//! Subscription filters: put, describe, delete. [`crate::logs::subscription`] is what they do.

use super::{named, position};
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::millis;
use crate::logs::model::subscription::{SUBSCRIPTIONS, Subscription, of_group};
use crate::logs::pattern::Pattern;
use crate::logs::{access, subscription};
use base::Arn;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    PutSubscriptionFilter: put, "logs:PutSubscriptionFilter", access::group;
    DescribeSubscriptionFilters: describe, "logs:DescribeSubscriptionFilters", access::group;
    DeleteSubscriptionFilter: delete, "logs:DeleteSubscriptionFilter", access::group;
}

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const PER_GROUP_MAX: usize = 2;
const PAGE_MAX: i64 = 50;
const BY_STREAM: &str = "ByLogStream";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutSubscriptionFilter {
        group: String = "logGroupName",
        name: String = "filterName",
        pattern: String = "filterPattern",
        destination: String = "destinationArn",
        role: Option<String> = "roleArn",
        distribution: Option<String> = "distribution",
    }

    #[derive(Debug)]
    pub(crate) struct DescribeSubscriptionFilters {
        group: String = "logGroupName",
        prefix: Option<String> = "filterNamePrefix",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct Filters {
        filters: Vec<Shown> = "subscriptionFilters",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        name: String = "filterName",
        group: String = "logGroupName",
        pattern: String = "filterPattern",
        destination: String = "destinationArn",
        distribution: String = "distribution",
        created: i64 = "creationTime",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteSubscriptionFilter {
        group: String = "logGroupName",
        name: String = "filterName",
    }
}

/// # Errors
/// `InvalidParameterException`; `NotImplemented` for what is no function.
pub(super) fn check_destination(destination: &str, role: Option<&str>) -> Result<(), LogsError> {
    let arn = Arn::parse(destination).ok_or_else(|| invalid("Invalid destinationArn."))?;
    if arn.service != "lambda" {
        return Err(LogsError::NotBuilt(format!("Subscriptions of the service {}", arn.service)));
    }
    if role.is_some() {
        return Err(invalid("destinationArn for vendor lambda cannot be used with roleArn"));
    }
    Ok(())
}

fn put(cx: &mut Cx<'_>, req: PutSubscriptionFilter) -> Result<Empty, LogsError> {
    let mut group = named(cx, &req.group)?;
    if group.is_infrequent() {
        return Err(LogsError::OfStandard("Subscription filters"));
    }
    Pattern::parse(&req.pattern).map_err(LogsError::Invalid)?;
    check_destination(&req.destination, req.role.as_deref())?;
    let before = of_group(cx.tx, group.id)?;
    let known = before.iter().find(|filter| filter.name == req.name);
    if known.is_none() && before.len() >= PER_GROUP_MAX {
        return Err(LogsError::Limit("Resource limit exceeded.".into()));
    }
    subscription::test(cx, &group.name, &req.destination)?;
    let created = known.map_or(cx.now, |filter| filter.created);
    if known.is_none() {
        group.subscriptions = before.len() as u32 + 1;
        group.save(cx.tx);
    }
    let filter = Subscription {
        name: req.name,
        pattern: req.pattern,
        destination: req.destination,
        distribution: req.distribution.unwrap_or_else(|| BY_STREAM.to_owned()),
        created,
        off_until: None,
    };
    filter.save(cx.tx, group.id);
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: DescribeSubscriptionFilters) -> Result<Filters, LogsError> {
    let group = named(cx, &req.group)?;
    let prefix = req.prefix.unwrap_or_default();
    let list = format!("logs:DescribeSubscriptionFilters {} {prefix}", group.id);
    let after = position(cx, &list, req.token.as_deref())?;
    let limit = req.limit.unwrap_or(PAGE_MAX) as usize;
    let mut found = of_group(cx.tx, group.id)?;
    found.retain(|filter| {
        filter.name.starts_with(&prefix) && after.as_ref().is_none_or(|after| filter.name > *after)
    });
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let token = last.map(|last| cx.pager().token(&list, last.name.as_bytes()));
    let shown = |filter: Subscription| Shown {
        name: filter.name,
        group: group.name.clone(),
        pattern: filter.pattern,
        destination: filter.destination,
        distribution: filter.distribution,
        created: millis(filter.created),
    };
    Ok(Filters { filters: found.into_iter().map(shown).collect(), token })
}

fn delete(cx: &mut Cx<'_>, req: DeleteSubscriptionFilter) -> Result<Empty, LogsError> {
    let mut group = named(cx, &req.group)?;
    let key = Subscription::key(group.id, &req.name);
    if !SUBSCRIPTIONS.contains(cx.tx, &key)? {
        return Err(LogsError::NoSubscription);
    }
    SUBSCRIPTIONS.delete(cx.tx, &key);
    group.subscriptions -= 1;
    group.save(cx.tx);
    Ok(Empty)
}
