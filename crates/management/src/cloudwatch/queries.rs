//! [`Query`]: metrics, and what is reckoned from them; asked for at once, or watched by an alarm.

use super::errors::{WatchError, invalid};
use super::math::{Expression, Known, Outcome, Points};
use super::model::alarm::Watched;
use super::model::series::{self, Asked};
use super::model::statistic::Statistic;
use super::ops::get_statistics::checked_period;
use super::ops::{NameValue, dimensions, shown};
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use store::Read;

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
            } else if let Some(text) = &query.expression {
                waiting.push((query, Expression::parse(text).map_err(|what| wrong(query, &what))?));
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
        let series = series::read(self.from, &asked, self.now)?;
        let points = series.into_iter().filter_map(|((_, at), sums)| Some((at, statistic.of(&sums)?)));
        Ok(points.collect())
    }
}
