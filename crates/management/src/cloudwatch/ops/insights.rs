//! Contributor Insights: the rules that services keep, and what they have seen ([`kernel::contributors`]).
//!
//! Not here: rules over log groups, of one's own making or managed, and switching rules on and off.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetInsightRuleReport.html>

use crate::cloudwatch::access;
use crate::cloudwatch::errors::{WatchError, invalid};
use base::Timestamp;
use kernel::Cx;
use kernel::contributors::{MINUTES, Minute, RULES, Rule, TOPS};
use kernel::listing::NoPage;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use store::{Direction, Key, KeyRange};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    DescribeInsightRules: describe, "cloudwatch:DescribeInsightRules", kernel::access::any;
    GetInsightRuleReport: report, "cloudwatch:GetInsightRuleReport", access::insight_rule;
}

const PAGE_MAX: usize = 500;
const CONTRIBUTORS: i64 = 10;
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// AWS: the page of `InsightRule`.
const SCHEMA: &str = r#"{"Name": "ServiceLogRule", "Version": 1}"#;
const METRICS: [&str; 7] =
    ["UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum", "Average"];

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct DescribeInsightRules {
        token: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Described {
        token: Option<String> = "NextToken",
        rules: Vec<Shown> = "InsightRules",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        name: String = "Name",
        state: String = "State",
        schema: String = "Schema",
        definition: String = "Definition",
        managed: bool = "ManagedRule",
    }

    #[derive(Debug)]
    pub(crate) struct GetInsightRuleReport {
        rule: String = "RuleName",
        start: Timestamp = "StartTime",
        end: Timestamp = "EndTime",
        period: i64 = "Period",
        max: Option<i64> = "MaxContributorCount",
        metrics: Vec<String> = "Metrics",
        order: Option<String> = "OrderBy",
    }

    #[derive(Debug)]
    pub(crate) struct Report {
        labels: Vec<String> = "KeyLabels",
        statistic: String = "AggregationStatistic",
        value: f64 = "AggregateValue",
        unique: i64 = "ApproximateUniqueCount",
        contributors: Vec<Contributor> = "Contributors",
        metrics: Vec<MetricPoint> = "MetricDatapoints",
    }

    #[derive(Debug)]
    pub(crate) struct Contributor {
        keys: Vec<String> = "Keys",
        value: f64 = "ApproximateAggregateValue",
        points: Vec<Point> = "Datapoints",
    }

    #[derive(Debug)]
    pub(crate) struct Point {
        at: Timestamp = "Timestamp",
        value: f64 = "ApproximateValue",
    }

    #[derive(Debug)]
    pub(crate) struct MetricPoint {
        at: Timestamp = "Timestamp",
        unique: Option<f64> = "UniqueContributors",
        top: Option<f64> = "MaxContributorValue",
        count: Option<f64> = "SampleCount",
        average: Option<f64> = "Average",
        sum: Option<f64> = "Sum",
        least: Option<f64> = "Minimum",
        most: Option<f64> = "Maximum",
    }
}

fn describe(cx: &mut Cx<'_>, req: DescribeInsightRules) -> Result<Described, WatchError> {
    let limit = req.max.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_MAX);
    let prefix = Key::regional(cx.account, cx.region);
    let list = format!("cloudwatch:DescribeInsightRules {} {}", cx.account, cx.region.name());
    let page = cx.list(&RULES, &prefix, &list, req.token.as_deref(), limit, |_| true);
    let (rules, token) = page.map_err(|none| match none {
        NoPage::Token => WatchError::BadToken,
        NoPage::Store(error) => error.into(),
    })?;
    Ok(Described { token, rules: rules.into_iter().map(shown).collect() })
}

fn shown(rule: Rule) -> Shown {
    let whole = |members: Vec<(&'static str, Value)>| Value::Struct(members.into_iter().collect());
    let schema = vec![("Name", Value::str("ServiceLogRule")), ("Version", Value::Int(1))];
    let keys = Value::List(rule.labels.into_iter().map(Value::Str).collect());
    let definition = whole(vec![
        ("Schema", whole(schema)),
        ("Resource", Value::Str(rule.resource)),
        ("Contribution", whole(vec![("Keys", keys)])),
        ("AggregateOn", Value::str("Sum")),
    ]);
    Shown {
        name: rule.name,
        state: "ENABLED".into(),
        schema: SCHEMA.into(),
        definition: wire::json::text(&definition),
        managed: true,
    }
}

fn units(thousandths: u64) -> f64 {
    thousandths as f64 / 1_000.0
}

/// What happened in one period.
#[derive(Default)]
struct Period {
    all: Minute,
    tops: HashMap<Vec<String>, u64>,
}

/// What one contributor did in the whole time.
#[derive(Default)]
struct Seen {
    sum: u64,
    most: u64,
    points: BTreeMap<i64, u64>,
}

fn check(req: &GetInsightRuleReport) -> Result<(), WatchError> {
    if req.start >= req.end {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    if req.end.since(req.start) > LONGEST {
        return Err(invalid("A report is about 24 hours at most."));
    }
    if req.period <= 0 || req.period % 60 != 0 {
        return Err(invalid("The parameter Period must be a multiple of 60."));
    }
    if !(1..=TOPS as i64).contains(&req.max.unwrap_or(CONTRIBUTORS)) {
        return Err(invalid(format!("The parameter MaxContributorCount must be between 1 and {TOPS}.")));
    }
    if let Some(other) = req.metrics.iter().find(|metric| !METRICS.contains(&metric.as_str())) {
        return Err(invalid(format!("The value {other} for parameter Metrics is invalid.")));
    }
    match req.order.as_deref() {
        None | Some("Sum" | "Maximum") => Ok(()),
        Some(other) => Err(invalid(format!("The value {other} for parameter OrderBy is invalid."))),
    }
}

fn report(cx: &mut Cx<'_>, req: GetInsightRuleReport) -> Result<Report, WatchError> {
    check(&req)?;
    let key = Key::regional(cx.account, cx.region).str(&req.rule);
    let rule = RULES.get(cx.tx, &key)?.ok_or_else(|| WatchError::NoResource(req.rule.clone()))?;
    let at = |time: Timestamp| MINUTES.stored_key(&key.clone().i64(time.seconds()));
    let range = KeyRange { start: at(req.start).into(), end: Some(at(req.end).into()) };
    let mut periods: BTreeMap<i64, Period> = BTreeMap::new();
    let mut seen: HashMap<Vec<String>, Seen> = HashMap::new();
    let mut unique = 0;
    for pair in MINUTES.range(cx.tx, range, Direction::Forward) {
        let (place, minute) = pair?;
        let mut began = store::key::KeyReader::over(&place.as_bytes()[key.as_bytes().len()..]);
        let began = began.i64().unwrap_or_default().div_euclid(req.period) * req.period;
        let period = periods.entry(began).or_default();
        period.all.add(&minute);
        period.all.unique = period.all.unique.max(minute.unique);
        unique = minute.unique.max(unique);
        for top in minute.tops {
            *period.tops.entry(top.keys.clone()).or_default() += top.sum;
            let seen = seen.entry(top.keys).or_default();
            (seen.sum, seen.most) = (seen.sum + top.sum, seen.most.max(top.most));
            *seen.points.entry(began).or_default() += top.sum;
        }
    }
    let unique = unique.max(seen.len() as u64) as i64;
    Ok(Report {
        labels: rule.labels,
        statistic: "Sum".into(),
        value: units(periods.values().map(|period| period.all.sum).sum()),
        unique,
        contributors: largest(seen, req.order.as_deref(), req.max.unwrap_or(CONTRIBUTORS) as usize),
        metrics: if req.metrics.is_empty() { Vec::new() } else { metrics(&periods, &req.metrics) },
    })
}

fn largest(seen: HashMap<Vec<String>, Seen>, order: Option<&str>, max: usize) -> Vec<Contributor> {
    let size = |seen: &Seen| if order == Some("Maximum") { seen.most } else { seen.sum };
    let mut all: Vec<(Vec<String>, Seen)> = seen.into_iter().collect();
    all.sort_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
    all.truncate(max);
    let point = |(at, sum)| Point { at: Timestamp::from_seconds(at), value: units(sum) };
    all.into_iter()
        .map(|(keys, seen)| Contributor {
            value: units(size(&seen)),
            points: seen.points.into_iter().map(point).collect(),
            keys,
        })
        .collect()
}

fn metrics(periods: &BTreeMap<i64, Period>, asked: &[String]) -> Vec<MetricPoint> {
    let point = |(at, period): (&i64, &Period)| {
        let of = |name: &str, value: f64| asked.iter().any(|asked| asked == name).then_some(value);
        let Minute { count, sum, least, most, .. } = period.all;
        let top = period.tops.values().copied().max().unwrap_or_default();
        MetricPoint {
            at: Timestamp::from_seconds(*at),
            unique: of("UniqueContributors", period.all.unique.max(period.tops.len() as u64) as f64),
            top: of("MaxContributorValue", units(top)),
            count: of("SampleCount", count as f64),
            average: of("Average", units(sum) / count.max(1) as f64),
            sum: of("Sum", units(sum)),
            least: of("Minimum", units(least)),
            most: of("Maximum", units(most)),
        }
    };
    periods.iter().map(point).collect()
}
