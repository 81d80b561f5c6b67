//! [`Query`]: metrics, and what is reckoned from them; asked for at once, or watched by an alarm.

use super::errors::{WatchError, invalid};
use super::math::search::{Search, Seen};
use super::math::{Expression, Known, Line, Outcome, Points, Searched};
use super::model::alarm::Watched;
use super::model::metric::{LISTED_FOR, METRICS, Metric};
use super::model::series::{self, Asked};
use super::model::statistic::Statistic;
use super::ops::get_statistics::checked_period;
use super::ops::{NameValue, dimensions, shown};
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use store::{Direction, Key, Read, StoreError};

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Query {
        pub(crate) id: String = "Id",
        pub(crate) metric: Option<MetricStat> = "MetricStat",
        pub(crate) expression: Option<String> = "Expression",
        pub(crate) label: Option<String> = "Label",
        pub(crate) returned: Option<bool> = "ReturnData",
        pub(crate) period: Option<i64> = "Period",
    }

    #[derive(Debug)]
    pub(crate) struct MetricStat {
        pub(crate) metric: OneMetric = "Metric",
        pub(crate) period: i64 = "Period",
        pub(crate) statistic: String = "Stat",
        pub(crate) unit: Option<String> = "Unit",
    }

    #[derive(Default, Debug)]
    pub(crate) struct OneMetric {
        pub(crate) namespace: Option<String> = "Namespace",
        pub(crate) name: Option<String> = "MetricName",
        pub(crate) dimensions: Vec<NameValue> = "Dimensions",
    }
}

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// # Errors
/// `ValidationError`, `InvalidParameterCombination`.
pub(super) fn check(queries: &[Query]) -> Result<(), WatchError> {
    for (at, query) in queries.iter().enumerate() {
        if !is_id(&query.id) {
            return Err(WatchError::Validation(format!(
                "The value {} for parameter MetricDataQueries.member.{}.Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$.",
                query.id,
                at + 1
            )));
        }
        if queries[..at].iter().any(|other| other.id == query.id) {
            return Err(WatchError::Validation(format!(
                "The values for parameter Id in MetricDataQueries are not unique: {}.",
                query.id
            )));
        }
        if query.metric.is_some() == query.expression.is_some() {
            return Err(WatchError::Combination(
                "The parameters MetricStat and Expression are mutually exclusive and exactly one of them must be \
                 specified."
                    .into(),
            ));
        }
    }
    Ok(())
}

impl Query {
    pub(super) fn is_returned(&self) -> bool {
        self.returned.unwrap_or(true)
    }

    /// What its values are called where nothing else is said.
    pub(super) fn own_label(&self) -> String {
        let own = self.metric.as_ref().map(|stat| stat.metric.name.clone().unwrap_or_default());
        own.unwrap_or_else(|| self.id.clone())
    }

    /// What it is called behind the label of an expression that has it in its list.
    fn plain_label(&self) -> String {
        let given = self.label.clone().filter(|label| !label.is_empty() && !label.contains("${"));
        given.unwrap_or_else(|| self.own_label())
    }

    /// Whether its expression has a `SEARCH`; whether it is one at all is for whoever reckons it.
    pub(super) fn searches(&self) -> bool {
        let mut out = Vec::new();
        let parsed = self.expression.as_deref().and_then(|text| Expression::parse(text).ok());
        parsed.is_some_and(|parsed| {
            parsed.searches(&mut out);
            !out.is_empty()
        })
    }

    /// Of its values, in seconds; none where its expression does not say.
    pub(super) fn seconds(&self) -> Option<i64> {
        self.metric.as_ref().map(|stat| stat.period).or(self.period)
    }

    /// As an alarm keeps it.
    pub(super) fn watched(self) -> Watched {
        let (metric, statistic, unit) = match self.metric {
            Some(stat) => (stat.metric, Some((stat.statistic, stat.period)), stat.unit),
            None => (OneMetric::default(), None, None),
        };
        let period = statistic.as_ref().map(|(_, period)| *period).or(self.period);
        Watched {
            id: self.id,
            expression: self.expression,
            label: self.label,
            is_returned: self.returned,
            period: period.and_then(|period| u32::try_from(period).ok()),
            namespace: metric.namespace.unwrap_or_default(),
            metric: metric.name.unwrap_or_default(),
            dimensions: dimensions(metric.dimensions),
            statistic: statistic.map(|(name, _)| name),
            unit,
        }
    }

    /// As it was given.
    pub(super) fn of(watched: Watched) -> Query {
        let period = watched.period.map(i64::from);
        let metric = watched.statistic.map(|statistic| MetricStat {
            metric: OneMetric {
                namespace: Some(watched.namespace),
                name: Some(watched.metric),
                dimensions: shown(watched.dimensions),
            },
            period: period.unwrap_or_default(),
            statistic,
            unit: watched.unit,
        });
        Query {
            id: watched.id,
            period: period.filter(|_| metric.is_none()),
            metric,
            expression: watched.expression,
            label: watched.label,
            returned: watched.is_returned,
        }
    }
}

/// Where metrics are read.
pub(super) struct Place<'a> {
    pub(super) from: &'a dyn Read,
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) now: Timestamp,
}

impl Place<'_> {
    /// What each query comes to between two moments.
    ///
    /// # Errors
    /// `ValidationError` for what cannot be reckoned, `InvalidParameterValue` for an unknown statistic.
    pub(super) fn reckon(
        &self,
        queries: &[Query],
        start: Timestamp,
        end: Timestamp,
    ) -> Result<BTreeMap<String, Outcome>, WatchError> {
        let wrong = |query: &Query, what: &str| {
            WatchError::Validation(format!("Error in expression '{}': {what}", query.id))
        };
        let mut known = Known { range: (start.seconds(), end.seconds()), ..Known::default() };
        let mut waiting = Vec::new();
        for query in queries {
            if let Some(stat) = &query.metric {
                let points = self.read(stat, start, end)?;
                known.outcomes.insert(query.id.clone(), Outcome::Series(points));
                known.periods.insert(query.id.clone(), stat.period);
                known.metrics.insert(query.id.clone(), query.plain_label());
            } else if let Some(text) = &query.expression {
                let parsed = Expression::parse(text).map_err(|what| wrong(query, &what))?;
                let mut searches = Vec::new();
                parsed.searches(&mut searches);
                for searched in searches {
                    if known.searches.len() >= SEARCHES_MAX {
                        return Err(wrong(query, &format!("there are more than {SEARCHES_MAX} searches.")));
                    }
                    let found = self.search(&searched, query, (start, end));
                    let found = found.map_err(|what| wrong(query, &what))?;
                    known.searches.insert(searched, found);
                }
                waiting.push((query, parsed));
            }
        }
        // Expressions may name each other in any order; each round reckons those whose parts are known.
        while let Some((first, _)) = waiting.first() {
            let (first, before) = (*first, waiting.len());
            let mut later = Vec::new();
            for (query, parsed) in waiting {
                if parsed.names().iter().all(|name| known.outcomes.contains_key(*name)) {
                    let outcome = parsed.reckon(&known).map_err(|what| wrong(query, &what))?;
                    if let Some(period) = known.period(&parsed) {
                        known.periods.insert(query.id.clone(), period);
                    }
                    known.outcomes.insert(query.id.clone(), outcome);
                } else {
                    later.push((query, parsed));
                }
            }
            waiting = later;
            if waiting.len() == before {
                return Err(wrong(first, "it names a metric that is not among the queries, or itself."));
            }
        }
        Ok(known.outcomes)
    }

    /// The series of a search, and their period.
    fn search(
        &self,
        (text, statistic, period): &Searched,
        query: &Query,
        (start, end): (Timestamp, Timestamp),
    ) -> Result<(Vec<Line>, i64), String> {
        let search = Search::parse(text)?;
        let statistic =
            Statistic::parse(statistic).ok_or_else(|| format!("the statistic {statistic} is not known"))?;
        let period = period.or(query.seconds()).unwrap_or(PERIOD);
        let period = checked_period(period).map_err(|_| format!("{period} is no period"))?;
        let unread = |_: StoreError| "the metrics could not be read".to_owned();
        let found = found(self.from, (self.account, self.region), &search, self.now);
        let found = found.map_err(unread)?;
        let labels = labels(&found);
        let mut lines = Vec::new();
        for (metric, label) in found.iter().zip(labels) {
            let asked = Asked {
                account: self.account,
                region: self.region,
                namespace: &metric.namespace,
                name: &metric.name,
                dimensions: &metric.dimensions,
                unit: None,
                period,
                start,
                end,
            };
            let points = self.points(&asked, &statistic);
            lines.push(Line { label, points: points.map_err(unread)? });
        }
        Ok((lines, period))
    }

    fn points(&self, asked: &Asked<'_>, statistic: &Statistic) -> Result<Points, StoreError> {
        let series = series::read(self.from, asked, self.now)?;
        let points = series.into_iter().filter_map(|((_, at), sums)| Some((at, statistic.of(&sums)?)));
        Ok(points.collect())
    }

    fn read(&self, stat: &MetricStat, start: Timestamp, end: Timestamp) -> Result<Points, WatchError> {
        let statistic = Statistic::parse(&stat.statistic).ok_or_else(|| {
            invalid(format!("The value {} for parameter Stat is not supported.", stat.statistic))
        })?;
        let dimensions = dimensions(stat.metric.dimensions.clone());
        let asked = Asked {
            account: self.account,
            region: self.region,
            namespace: stat.metric.namespace.as_deref().unwrap_or_default(),
            name: stat.metric.name.as_deref().unwrap_or_default(),
            dimensions: &dimensions,
            unit: stat.unit.as_deref(),
            period: checked_period(stat.period)?,
            start,
            end,
        };
        Ok(self.points(&asked, &statistic)?)
    }
}

/// AWS: in one request.
const SEARCHES_MAX: usize = 100;
/// AWS: time series of one search.
const FOUND_MAX: usize = 500;
/// Seconds, where nothing else is said.
const PERIOD: i64 = 300;

/// The metrics that a search finds, among those that got data in the last two weeks.
fn found(
    from: &dyn Read,
    (account, region): (AccountId, Region),
    search: &Search,
    now: Timestamp,
) -> Result<Vec<Metric>, StoreError> {
    let all = Key::regional(account, region);
    let prefix = match &search.schema {
        Some((namespace, _)) => all.str(namespace),
        None => all,
    };
    let oldest = now.minus(LISTED_FOR);
    let mut out = Vec::new();
    for pair in METRICS.scan(from, &prefix, Direction::Forward) {
        let (_, metric) = pair?;
        let dimensions: Vec<(&str, &str)> =
            metric.dimensions.iter().map(|own| (own.name.as_str(), own.value.as_str())).collect();
        let seen = Seen { namespace: &metric.namespace, name: &metric.name, dimensions: &dimensions };
        if metric.fed >= oldest && search.finds(seen) {
            out.push(metric);
        }
        if out.len() == FOUND_MAX {
            break;
        }
    }
    Ok(out)
}

/// What tells each of some metrics from the others; the name of the metric where that is alike in all.
fn labels(found: &[Metric]) -> Vec<String> {
    let differ = |of: fn(&Metric) -> &str| found.windows(2).any(|two| of(&two[0]) != of(&two[1]));
    let (namespaces, names) = (differ(|one| &one.namespace), differ(|one| &one.name));
    let value = |metric: &Metric, name: &str| {
        metric.dimensions.iter().find(|own| own.name == name).map(|own| own.value.clone())
    };
    let label = |metric: &Metric| {
        let mut parts: Vec<String> = namespaces.then(|| metric.namespace.clone()).into_iter().collect();
        let own = metric
            .dimensions
            .iter()
            .filter(|own| found.iter().any(|other| value(other, &own.name).as_ref() != Some(&own.value)));
        parts.extend(own.map(|own| own.value.clone()));
        if names || parts.is_empty() {
            parts.push(metric.name.clone());
        }
        parts.join(" ")
    };
    found.iter().map(label).collect()
}
