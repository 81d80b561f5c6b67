//! Log groups: create, delete, list.

use super::{name_of, named};
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::millis;
use crate::logs::model::group::{GROUPS, GROUPS_MAX, Group, INFREQUENT};
use crate::logs::model::metric_filter::{METRIC_FILTERS, MetricFilter, of_group};
use crate::logs::model::stream::{STREAMS, prefix};
use crate::logs::model::subscription::{self, Subscription};
use crate::logs::ops::tag;
use crate::logs::sealing;
use crate::logs::work::RUBBISH;
use kernel::{Cx, Empty};
use store::{Direction, Key};
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreateLogGroup: create, "logs:CreateLogGroup", access::new_group;
    DeleteLogGroup: delete, "logs:DeleteLogGroup", access::group;
    DescribeLogGroups: describe, "logs:DescribeLogGroups", access::groups;
    ListLogGroups: list, "logs:ListLogGroups", kernel::access::any;
}

const STANDARD: &str = "STANDARD";
const PAGE_MAX: i64 = 50;
const LIST_DEFAULT: i64 = 50;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateLogGroup {
        name: String = "logGroupName",
        tags: Option<Pairs<String>> = "tags",
        class: Option<String> = "logGroupClass",
        protected: Option<bool> = "deletionProtectionEnabled",
        key: Option<String> = "kmsKeyId",
    }

    #[derive(Debug)]
    pub(crate) struct OneGroup { pub(crate) name: String = "logGroupName" }

    #[derive(Debug)]
    pub(crate) struct DescribeLogGroups {
        prefix: Option<String> = "logGroupNamePrefix",
        pattern: Option<String> = "logGroupNamePattern",
        identifiers: Vec<String> = "logGroupIdentifiers",
        class: Option<String> = "logGroupClass",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct LogGroups {
        groups: Vec<LogGroup> = "logGroups",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct LogGroup {
        name: String = "logGroupName",
        created: i64 = "creationTime",
        retention: Option<i64> = "retentionInDays",
        arn: String = "arn",
        bytes: i64 = "storedBytes",
        class: String = "logGroupClass",
        bare_arn: String = "logGroupArn",
        protected: bool = "deletionProtectionEnabled",
        filters: i64 = "metricFilterCount",
        key: Option<String> = "kmsKeyId",
    }

    #[derive(Debug)]
    pub(crate) struct ListLogGroups {
        pattern: Option<String> = "logGroupNamePattern",
        class: Option<String> = "logGroupClass",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        groups: Vec<Summary> = "logGroups",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Summary {
        name: String = "logGroupName",
        arn: String = "logGroupArn",
        class: String = "logGroupClass",
    }
}

fn create(cx: &mut Cx<'_>, req: CreateLogGroup) -> Result<Empty, LogsError> {
    let class = req.class.unwrap_or_else(|| STANDARD.into());
    // `DELIVERY` and `ESSENTIALS` groups keep nothing that could be read here.
    if class != STANDARD && class != INFREQUENT {
        return Err(invalid(format!("Log groups of the class {class} are not built.")));
    }
    if GROUPS.contains(cx.tx, &Group::key(cx.account, cx.region, &req.name))? {
        return Err(LogsError::GroupExists);
    }
    if !cx.has_room(&GROUPS, &Key::regional(cx.account, cx.region), GROUPS_MAX)? {
        return Err(LogsError::Limit("Resource limit exceeded.".into()));
    }
    let mut group = Group {
        account: cx.account,
        region: cx.region.name().into(),
        id: cx.rng().u64(),
        created: cx.now,
        retention_days: None,
        class,
        tags: tag::checked(req.tags.unwrap_or_default().0, &req.name)?,
        protected: req.protected.unwrap_or_default(),
        metric_filters: 0,
        subscriptions: 0,
        kms_key: None,
        data_key: 0,
        name: req.name,
    };
    if let Some(key) = &req.key {
        sealing::associate(cx, &mut group, key)?;
    }
    group.save(cx.tx);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: OneGroup) -> Result<Empty, LogsError> {
    let group = named(cx, &req.name)?;
    if group.protected {
        return Err(LogsError::Protected);
    }
    GROUPS.delete(cx.tx, &group.own_key());
    for filter in of_group(cx.tx, group.id)? {
        METRIC_FILTERS.delete(cx.tx, &MetricFilter::key(group.id, &filter.name));
    }
    for filter in subscription::of_group(cx.tx, group.id)? {
        subscription::SUBSCRIPTIONS.delete(cx.tx, &Subscription::key(group.id, &filter.name));
    }
    sealing::forget(cx, &group)?;
    // Nobody can name its streams any more; they and their events are swept away in pieces.
    RUBBISH.put(cx.tx, &Key::global().u64(group.id), &Default::default());
    Ok(Empty)
}

/// Which groups a listing is about.
struct Wanted<'r> {
    prefix: &'r str,
    /// Parts of the name, in any case, of which it has one; all names where there is none.
    parts: Vec<Part>,
    class: Option<&'r str>,
}

impl Wanted<'_> {
    fn holds(&self, group: &Group) -> bool {
        let name = group.name.to_lowercase();
        (self.parts.is_empty() || self.parts.iter().any(|part| part.is_in(&name)))
            && self.class.is_none_or(|class| class == group.class)
    }
}

struct Part {
    text: String,
    /// It stands at the beginning of the name.
    first: bool,
}

impl Part {
    /// `^/app`
    fn new(text: &str) -> Part {
        let first = text.starts_with('^');
        Part { text: text.trim_start_matches('^').to_lowercase(), first }
    }

    fn is_in(&self, name: &str) -> bool {
        if self.first { name.starts_with(&self.text) } else { name.contains(&self.text) }
    }
}

/// A page of groups by name, and the token of the next.
fn page(
    cx: &Cx<'_>,
    wanted: &Wanted<'_>,
    list: &str,
    token: Option<&str>,
    limit: i64,
) -> Result<(Vec<Group>, Option<String>), LogsError> {
    let list = format!("{list} {} {}", cx.account, cx.region.name());
    let prefix = Key::regional(cx.account, cx.region).str_prefix(wanted.prefix);
    Ok(cx.list(&GROUPS, &prefix, &list, token, limit as usize, |group| wanted.holds(group))?)
}

fn describe(cx: &mut Cx<'_>, req: DescribeLogGroups) -> Result<LogGroups, LogsError> {
    if req.prefix.is_some() && req.pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let wanted = Wanted {
        prefix: req.prefix.as_deref().unwrap_or_default(),
        parts: req.pattern.as_deref().map(Part::new).into_iter().collect(),
        class: req.class.as_deref(),
    };
    let (groups, token) = if req.identifiers.is_empty() {
        let list = format!("logs:DescribeLogGroups {:?} {:?} {:?}", req.prefix, req.pattern, req.class);
        page(cx, &wanted, &list, req.token.as_deref(), req.limit.unwrap_or(PAGE_MAX))?
    } else {
        let names = req.identifiers.iter().filter_map(|identifier| name_of(identifier));
        let found = names.map(|name| Group::load(cx.tx, cx.account, cx.region, &name));
        let found = found.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        (found.into_iter().filter(|group| wanted.holds(group)).collect(), None)
    };
    let groups = groups.into_iter().map(|group| shown(cx, group)).collect::<Result<_, _>>()?;
    Ok(LogGroups { groups, token })
}

fn shown(cx: &Cx<'_>, group: Group) -> Result<LogGroup, LogsError> {
    let streams = STREAMS.scan(cx.tx, &prefix(group.id), Direction::Forward);
    let bytes = streams.map(|pair| pair.map(|(_, stream)| stream.bytes)).sum::<Result<u64, _>>()?;
    let bare_arn = group.arn();
    Ok(LogGroup {
        created: millis(group.created),
        retention: group.retention_days.map(i64::from),
        arn: format!("{bare_arn}:*"),
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        class: group.class,
        bare_arn,
        protected: group.protected,
        filters: i64::from(group.metric_filters),
        key: group.kms_key,
        name: group.name,
    })
}

fn list(cx: &mut Cx<'_>, req: ListLogGroups) -> Result<Listed, LogsError> {
    let pattern = req.pattern.as_deref();
    // AWS: up to five parts, divided by `|`; one that begins with `^` is about the beginning of the name.
    let parts = pattern.into_iter().flat_map(|pattern| pattern.split('|')).map(Part::new);
    let wanted = Wanted { prefix: "", parts: parts.collect(), class: req.class.as_deref() };
    let list = format!("logs:ListLogGroups {pattern:?} {:?}", req.class);
    let limit = req.limit.unwrap_or(LIST_DEFAULT);
    let (groups, token) = page(cx, &wanted, &list, req.token.as_deref(), limit)?;
    let groups =
        groups.into_iter().map(|group| Summary { arn: group.arn(), class: group.class, name: group.name });
    Ok(Listed { groups: groups.collect(), token })
}
