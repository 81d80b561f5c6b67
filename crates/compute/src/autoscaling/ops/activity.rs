//! What was done to groups.

use super::tag::Filter;
use super::{all, of_group, page, size};
use crate::autoscaling::access::any;
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::{ACTIVITIES, Activity};
use base::Timestamp;
use kernel::Cx;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{Direction, Key};

kernel::ops! {
    /// Activities.
    pub static OPS:
        DescribeScalingActivities: describe, "autoscaling:DescribeScalingActivities", any;
}

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        filters: Vec<Filter> = "Filters",
        ids: Vec<String> = "ActivityIds",
        group: Option<String> = "AutoScalingGroupName",
        deleted: Option<bool> = "IncludeDeletedGroups",
        max: Option<i64> = "MaxRecords",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        activities: Vec<View> = "Activities",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(super) struct View {
        id: String = "ActivityId",
        group: String = "AutoScalingGroupName",
        description: String = "Description",
        cause: String = "Cause",
        start: Timestamp = "StartTime",
        end: Option<Timestamp> = "EndTime",
        status: String = "StatusCode",
        message: Option<String> = "StatusMessage",
        progress: i64 = "Progress",
        details: String = "Details",
        state: String = "AutoScalingGroupState",
        arn: String = "AutoScalingGroupARN",
    }
}

impl View {
    /// One of a group that is there.
    pub(super) fn of(activity: Activity) -> View {
        View::of_any(activity, true)
    }

    fn of_any(activity: Activity, is_there: bool) -> View {
        View {
            state: if is_there { "InService" } else { "Deleted" }.into(),
            progress: if activity.end.is_some() { 100 } else { 50 },
            id: activity.id,
            group: activity.group,
            description: activity.description,
            cause: activity.cause,
            start: activity.start,
            end: activity.end.map(Timestamp::whole_seconds),
            status: activity.status,
            message: activity.message,
            details: activity.details,
            arn: activity.arn,
        }
    }
}

/// A bound of time as AWS reads it: a date and a time of day, whose seconds may be missing, with an offset of up to 18
/// hours; the midnight at a day's end may be written as 24 o'clock.
fn bound(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once('T')?;
    let offset = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at(offset);
    let fraction = time.split_once('.').map_or(0, |(_, digits)| digits.len());
    let hours: i64 = if zone.len() == 6 { zone.get(1..3)?.parse().ok()? } else { 0 };
    if fraction > 9 || time.get(6..8) == Some("60") || (hours, zone.get(4..)) > (18, Some("00")) {
        return None;
    }
    let time = if time.len() == 5 { format!("{time}:00") } else { time.to_owned() };
    let is_end =
        time.strip_prefix("24:00:00").is_some_and(|rest| rest.chars().all(|at| matches!(at, '.' | '0')));
    let time = if is_end { "00:00:00" } else { &time };
    let read = Timestamp::parse_iso8601(&format!("{date}T{time}{zone}"))?;
    Some(if is_end { read.plus(Duration::from_secs(86_400)) } else { read })
}

fn narrow(all: &mut Vec<Activity>, filter: &Filter, of_group: bool) -> Result<(), AutoScalingError> {
    const NAMES: &str = "StartTimeLowerBound StartTimeUpperBound Status";
    let name = filter.name();
    if name == "Status" {
        if !of_group {
            return Err(invalid(
                "The Status filter requires an Auto Scaling group name. Add the AutoScalingGroupName parameter and try again.",
            ));
        }
        all.retain(|activity| filter.values.contains(&activity.status));
        return Ok(());
    }
    if !NAMES.split(' ').any(|known| known == name) {
        return Err(filter.unknown(NAMES));
    }
    for text in &filter.values {
        let wrong = || invalid("The filter configuration isn't valid. The specified timestamp isn't valid.");
        let bound = bound(text).ok_or_else(wrong)?;
        all.retain(|one| if name.contains("Lower") { one.start >= bound } else { one.start <= bound });
    }
    Ok(())
}

/// AWS: the newest first; what is not known is left out.
fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let groups = all(cx)?;
    let with_deleted = req.deleted == Some(true);
    if let Some(name) = &req.group
        && !with_deleted
        && !groups.iter().any(|group| group.name == *name)
    {
        return Err(AutoScalingError::NoGroup(name.clone()));
    }
    // A group of the name may be another than the one that an activity is of.
    let there: BTreeSet<String> = groups.iter().map(|group| group.arn(cx.account, cx.region)).collect();
    let mut found = of_group(cx, &ACTIVITIES, req.group.as_deref())?;
    found.retain(|activity| {
        let is_asked_for = req.ids.is_empty() || req.ids.contains(&activity.id);
        is_asked_for && !activity.is_over(cx.now) && (with_deleted || there.contains(&activity.arn))
    });
    for filter in &req.filters {
        narrow(&mut found, filter, req.group.is_some())?;
    }
    found.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
    let (found, next) = page(cx, found, size(req.max, 100, 100)?, req.next.as_ref())?;
    let view = |activity: Activity| {
        let is_there = there.contains(&activity.arn);
        View::of_any(activity, is_there)
    };
    Ok(Described { activities: found.into_iter().map(view).collect(), next })
}

/// Forgets what is told no longer, of whatever group: nobody writes activities of a deleted one, and so forgets its own.
pub(super) fn forget_old(cx: &mut Cx<'_>) -> Result<(), AutoScalingError> {
    let all = Key::regional(cx.account, cx.region);
    let mut over = Vec::new();
    for pair in ACTIVITIES.scan(cx.tx, &all, Direction::Forward) {
        let (key, activity) = pair?;
        if activity.is_over(cx.now) {
            over.push(key);
        }
    }
    over.iter().for_each(|key| ACTIVITIES.delete(cx.tx, key));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::bound;
    use base::Timestamp;

    #[test]
    fn bounds_are_read_as_aws_reads_them() {
        let at = |text: &str| Timestamp::parse_iso8601(text);
        for (text, same) in [
            ("2026-09-27T12:47:11.507000Z", "2026-09-27T12:47:11.507Z"),
            ("2026-09-27T20:47:11.507+08:00", "2026-09-27T12:47:11.507Z"),
            ("2026-09-27T12:47Z", "2026-09-27T12:47:00Z"),
            ("2026-09-27T24:00:00Z", "2026-09-28T00:00:00Z"),
            ("2026-09-27T12:47:11+18:00", "2026-09-26T18:47:11Z"),
            ("2026-09-27T12:47:11.507000001Z", "2026-09-27T12:47:11.507Z"),
        ] {
            assert_eq!(bound(text), at(same), "{text}");
            assert!(bound(text).is_some(), "{text}");
        }
        for text in [
            "yesterday",
            "2026-09-27",
            "2026-09-27T12:47:11.507000",
            "2026-09-27 12:47:11.507000",
            "2026-09-00T12:00:00Z",
            "2026-13-27T12:00:00Z",
            "2026-09-27T24:00:01Z",
            "2026-09-27T12:47:60Z",
            "2026-09-27T12:60:00Z",
            "2026-09-27T12:47:11.5070000001Z",
            "2026-09-27T12:47:11,507000Z",
            "2026-9-27T2:3:4Z",
            "2026-09-27T12:47:11+18:01",
            "2026-09-27T12:47:11.507000Zignored",
            "T",
            "2026-09-27T\u{e9}\u{e9}\u{e9}\u{e9}Z",
        ] {
            assert_eq!(bound(text), None, "{text}");
        }
    }
}
