//! What was done to groups.

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

/// AWS: the newest first; what is not known is left out.
fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut place = Key::regional(cx.account, cx.region);
    if let Some(name) = &req.group {
        place = place.str(name);
    }
    let found = ACTIVITIES.scan(cx.tx, &place, Direction::Forward);
    let mut all: Vec<Activity> = found.map(|pair| pair.map(|(_, one)| one)).collect::<Result<_, _>>()?;
    all.retain(|activity| req.ids.is_empty() || req.ids.contains(&activity.id));
    all.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
    let (found, next) = page(cx, all, size(req.max, 100, 100)?, req.next.as_ref())?;
    Ok(Described { activities: found.into_iter().map(View::of).collect(), next })
}
