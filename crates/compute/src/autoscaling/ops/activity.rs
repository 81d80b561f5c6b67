//! What was done to groups.

use super::tag::Filter;
use super::{page, size};
use crate::autoscaling::access::any;
use crate::autoscaling::errors::AutoScalingError;
use crate::autoscaling::model::{ACTIVITIES, Activity};
use base::Timestamp;
use kernel::Cx;
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
        arn: String = "AutoScalingGroupARN",
    }
}

impl View {
    pub(super) fn of(activity: Activity) -> View {
        View {
            progress: if activity.end.is_some() { 100 } else { 50 },
            id: activity.id,
            group: activity.group,
            description: activity.description,
            cause: activity.cause,
            start: activity.start,
            end: activity.end,
            status: activity.status,
            message: activity.message,
            details: activity.details,
            arn: activity.arn,
        }
    }
}

fn narrow(all: &mut Vec<Activity>, filter: &Filter, of_group: bool) -> Result<(), AutoScalingError> {
    const NAMES: &str = "StartTimeLowerBound StartTimeUpperBound Status";
    let name = filter.name();
    if name == "Status" {
        if !of_group {
            let what = "The Status filter can only be used in combination with AutoScalingGroupName.";
            return Err(AutoScalingError::Validation(what.into()));
        }
        all.retain(|activity| filter.values.contains(&activity.status));
        return Ok(());
    }
    if !NAMES.split(' ').any(|known| known == name) {
        return Err(filter.unknown(NAMES));
    }
    for text in &filter.values {
        let wrong = || AutoScalingError::Validation(format!("{name}: {text} is not an ISO 8601 timestamp."));
        let bound = Timestamp::parse_iso8601(text).ok_or_else(wrong)?;
        all.retain(|one| if name.contains("Lower") { one.start >= bound } else { one.start <= bound });
    }
    Ok(())
}

/// AWS: the newest first; what is not known is left out.
fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut place = Key::regional(cx.account, cx.region);
    if let Some(name) = &req.group {
        place = place.str(name);
    }
    let found = ACTIVITIES.scan(cx.tx, &place, Direction::Forward);
    let mut all: Vec<Activity> = found.map(|pair| pair.map(|(_, one)| one)).collect::<Result<_, _>>()?;
    all.retain(|activity| req.ids.is_empty() || req.ids.contains(&activity.id));
    for filter in &req.filters {
        narrow(&mut all, filter, req.group.is_some())?;
    }
    all.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
    let (found, next) = page(cx, all, size(req.max, 100, 100)?, req.next.as_ref())?;
    Ok(Described { activities: found.into_iter().map(View::of).collect(), next })
}
