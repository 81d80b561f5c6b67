//! What happens by itself: alarms are evaluated, and what is too old is forgotten.

use super::action;
use super::change::{self, Change};
use super::compose::{self, Looked};
use super::errors::WatchError;
use super::evaluate::{MORE_PERIODS, Missing, evaluate};
use super::math::{Outcome, Points};
use super::model::alarm::{ALARMS, Alarm, State};
use super::model::history::{self, HISTORY};
use super::model::metric::{self, DATA, METRICS, data_prefix};
use super::model::series::{self, Asked};
use super::model::statistic::Statistic;
use super::queries::{Place, Query};
use base::{Region, Timestamp};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, KeyRange, Read};
use wire::{Struct, Value};

/// AWS: alarms of periods from a minute on are evaluated each minute, others each ten seconds.
const EVERY: i64 = 60;
const EVERY_FINE: i64 = 10;

/// Evaluates alarms.
#[derive(Debug)]
pub struct Evaluate;

impl Reconciler for Evaluate {
    fn name(&self) -> &'static str {
        "cloudwatch alarms"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![ALARMS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let mut next: Option<Timestamp> = None;
        let mut composites = Vec::new();
        let snapshot = cloud.store().snapshot();
        for pair in ALARMS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, alarm) = pair.map_err(|e| e.to_string())?;
            if alarm.rule.is_some() {
                composites.push(key);
                continue;
            }
            let due = if alarm.due <= now { look_at(cloud, &key, now)? } else { Some(alarm.due) };
            next = [next, due].into_iter().flatten().min();
        }
        // One may stand on another, and none on itself.
        let mut changes = true;
        while std::mem::take(&mut changes) {
            for key in &composites {
                match compose::look_at(cloud, key, now)? {
                    Looked::Same(due) => next = [next, due].into_iter().flatten().min(),
                    Looked::Changed => changes = true,
                    Looked::Again => next = Some(now),
                }
            }
        }
        Ok(next)
    }
}

/// Evaluates one alarm; says when it is due again.
fn look_at(cloud: &Arc<Cloud>, key: &Key, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let mut tx = cloud.store().begin();
    let Some(alarm) = ALARMS.get(&tx, key).map_err(|e| e.to_string())? else { return Ok(None) };
    let every = if alarm.period < 60 { EVERY_FINE } else { EVERY };
    let due = Timestamp::from_seconds((now.seconds().div_euclid(every) + 1) * every);
    let judged = judge(&tx, &alarm, now)?;
    let newest = judged.as_ref().and_then(|(.., data)| data.clone());
    let change = match judged {
        Some((state, reason, data)) if state != alarm.state => Change { state, reason, data, due },
        _ => {
            Change { state: alarm.state, reason: alarm.reason.clone(), data: alarm.reason_data.clone(), due }
        }
    };
    if change.state == alarm.state {
        // Only its next time changes.
        ALARMS.put(&mut tx, key, &Alarm { due, ..alarm.clone() });
        // Once a minute, also where it is looked at more often.
        if alarm.period >= 60 || now.seconds().rem_euclid(EVERY) < EVERY_FINE {
            action::scale_again(cloud, &mut tx, &alarm, newest);
        }
    } else {
        change::apply(cloud, &mut tx, alarm, change, now).map_err(|e| e.to_string())?;
    }
    match tx.commit().wait() {
        Ok(_) => Ok(Some(due)),
        // Somebody has changed it meanwhile: at once again.
        Err(CommitError::Conflict) => Ok(Some(now)),
        Err(error) => Err(error.to_string()),
    }
}

type Judged = Option<(State, String, Option<String>)>;

fn judge(from: &dyn Read, alarm: &Alarm, now: Timestamp) -> Result<Judged, String> {
    let period = i64::from(alarm.period).max(1);
    // The period that runs is left out: it is not complete.
    let end = now.seconds().div_euclid(period) * period;
    let range = i64::from(alarm.periods + MORE_PERIODS);
    let start = end - range * period;
    let points = points(from, alarm, (start, end), now)?;
    let values: Vec<(i64, Option<f64>)> =
        (0..range).map(|n| start + n * period).map(|at| (at, points.get(&at).copied())).collect();
    let breached: Vec<Option<bool>> =
        values.iter().map(|(_, value)| value.map(|value| alarm.is_breached(value))).collect();
    let to_alarm = alarm.to_alarm.unwrap_or(alarm.periods);
    let missing = Missing::parse(alarm.missing.as_deref()).unwrap_or(Missing::Unknown);
    let Some(state) = evaluate(&breached, alarm.periods, to_alarm, missing) else { return Ok(None) };
    let recent: Vec<(i64, f64)> = values
        .iter()
        .rev()
        .filter_map(|(at, value)| Some((*at, (*value)?)))
        .take(alarm.periods as usize)
        .collect();
    let reason = reason(alarm, state, &recent, to_alarm);
    Ok(Some((state, reason, Some(data(alarm, &recent, now)))))
}

/// What the alarm sees, by the beginnings of its periods.
fn points(
    from: &dyn Read,
    alarm: &Alarm,
    (start, end): (i64, i64),
    now: Timestamp,
) -> Result<Points, String> {
    let region = Region::parse(&alarm.region).ok_or("the region is unknown")?;
    let (start, end) = (Timestamp::from_seconds(start), Timestamp::from_seconds(end));
    if !alarm.queries.is_empty() {
        let place = Place { from, account: alarm.account, region, now };
        let queries: Vec<Query> = alarm.queries.iter().cloned().map(Query::of).collect();
        let watched = queries.iter().find(|query| query.is_returned());
        // It could be reckoned when the alarm was put. Where that depends on the data, there are none now.
        let mut known = match place.reckon(&queries, start, end) {
            Ok(known) => known,
            // What cannot be read says nothing about the data.
            Err(WatchError::Unreadable) => return Err("the metrics cannot be read".to_owned()),
            Err(_) => return Ok(Points::new()),
        };
        return Ok(match watched.and_then(|query| known.remove(&query.id)) {
            Some(Outcome::Series(points)) => points,
            _ => Points::new(),
        });
    }
    let statistic = Statistic::parse(alarm.statistic()).ok_or("the statistic is unknown")?;
    let asked = Asked {
        account: alarm.account,
        region,
        namespace: &alarm.namespace,
        name: &alarm.metric,
        dimensions: &alarm.dimensions,
        unit: alarm.unit.as_deref(),
        period: i64::from(alarm.period).max(1),
        start,
        end,
    };
    let series = series::read(from, &asked, now).map_err(|e| e.to_string())?;
    let of_units = series.iter().rev();
    Ok(of_units.filter_map(|((_, at), sums)| Some((*at, statistic.of(sums)?))).collect())
}

fn reason(alarm: &Alarm, state: State, recent: &[(i64, f64)], to_alarm: u32) -> String {
    if state == State::InsufficientData {
        return format!(
            "Insufficient Data: {} datapoint{} unknown.",
            alarm.periods,
            if alarm.periods == 1 { " was" } else { "s were" }
        );
    }
    let number = |value: f64| format!("{value:?}");
    let shown: Vec<String> = recent
        .iter()
        .map(|(at, value)| format!("{} ({})", number(*value), short(Timestamp::from_seconds(*at))))
        .collect();
    let breaching = recent.iter().filter(|(_, value)| alarm.is_breached(*value)).count();
    let (count, not) = match state {
        State::Alarm => (breaching, ""),
        _ => (recent.len() - breaching, "not "),
    };
    let words = match alarm.comparison.as_str() {
        "GreaterThanOrEqualToThreshold" => "greater than or equal to",
        "GreaterThanThreshold" => "greater than",
        "LessThanThreshold" => "less than",
        _ => "less than or equal to",
    };
    if recent.is_empty() {
        let what = if state == State::Alarm { "Breaching" } else { "NonBreaching" };
        return format!(
            "Threshold Crossed: no datapoints were received for {} period{} and {} missing datapoint{} treated as [{what}].",
            alarm.periods,
            if alarm.periods == 1 { "" } else { "s" },
            alarm.periods,
            if alarm.periods == 1 { " was" } else { "s were" },
        );
    }
    let (was, plural) = if count == 1 { ("was", "") } else { ("were", "s") };
    let transition = match state {
        State::Alarm => format!(
            "(minimum {to_alarm} datapoint{} for OK -> ALARM transition)",
            if to_alarm == 1 { "" } else { "s" }
        ),
        _ => format!(
            "(minimum {} datapoint{} for ALARM -> OK transition)",
            alarm.periods - to_alarm + 1,
            if alarm.periods == to_alarm { "" } else { "s" }
        ),
    };
    format!(
        "Threshold Crossed: {count} out of the last {} datapoint{} [{}] {was} {not}{words} the threshold ({}) {transition}.",
        recent.len(),
        if recent.len() == 1 { plural } else { "s" },
        shown.join(", "),
        number(alarm.threshold.0),
    )
}

/// `27/11/26 05:30:00`
fn short(time: Timestamp) -> String {
    let iso = time.iso8601();
    let part = |range: std::ops::Range<usize>| iso.get(range).unwrap_or_default().to_owned();
    format!("{}/{}/{} {}", part(8..10), part(5..7), part(2..4), part(11..19))
}

fn data(alarm: &Alarm, recent: &[(i64, f64)], now: Timestamp) -> String {
    let mut out = Struct::new();
    out.push("version", Value::str("1.0"));
    out.push("queryDate", Value::str(now.iso8601_millis()));
    if let Some((at, _)) = recent.last() {
        out.push("startDate", Value::str(Timestamp::from_seconds(*at).iso8601_millis()));
    }
    if alarm.queries.is_empty() {
        out.push("statistic", Value::str(alarm.statistic()));
    }
    out.push("period", Value::Int(i64::from(alarm.period)));
    out.push("recentDatapoints", Value::List(recent.iter().map(|(_, value)| Value::Float(*value)).collect()));
    out.push("threshold", Value::Float(alarm.threshold.0));
    wire::json::text(&Value::Struct(out))
}

/// Forgets old data and old history.
#[derive(Debug)]
pub struct Forget;

const FORGET_EVERY: Duration = Duration::from_secs(6 * 3_600);
const BATCH: usize = 1_000;

impl Reconciler for Forget {
    fn name(&self) -> &'static str {
        "cloudwatch forgets"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        FORGET_EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let mut old = Vec::new();
        for pair in METRICS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, metric) = pair.map_err(|e| e.to_string())?;
            for unit in &metric.units {
                // Seconds are told of for three hours only.
                for (resolution, kept) in [(60, metric::KEPT_FOR), (1, Duration::from_secs(3 * 3_600))] {
                    let prefix = data_prefix(metric.id, resolution, unit);
                    let end = prefix.clone().i64(now.minus(kept).seconds());
                    old.push(KeyRange {
                        start: DATA.stored_key(&prefix).into(),
                        end: Some(DATA.stored_key(&end).into()),
                    });
                }
            }
        }
        for range in old {
            delete(cloud, &range)?;
        }
        let oldest = now.minus(history::KEPT_FOR);
        let items = HISTORY.scan(&snapshot, &Key::empty(), Direction::Forward);
        let stale = items.filter_map(|pair| match pair {
            Ok((key, item)) if item.time < oldest => Some(Ok(key)),
            Ok(_) => None,
            Err(error) => Some(Err(error.to_string())),
        });
        let mut tx = cloud.store().begin();
        for key in stale.take(BATCH) {
            HISTORY.delete(&mut tx, &key?);
        }
        tx.commit().wait().map_err(|e| e.to_string())?;
        Ok(Some(now.plus(FORGET_EVERY)))
    }
}

fn delete(cloud: &Cloud, range: &KeyRange) -> Result<(), String> {
    loop {
        let snapshot = cloud.store().snapshot();
        let mut tx = cloud.store().begin();
        let mut count = 0;
        for pair in snapshot.scan(range.clone(), Direction::Forward).take(BATCH) {
            tx.delete(pair.map_err(|e| e.to_string())?.0);
            count += 1;
        }
        if count > 0 {
            tx.commit().wait().map_err(|e| e.to_string())?;
        }
        if count < BATCH {
            return Ok(());
        }
    }
}
