//! Topics that are told what becomes of a group's instances.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-sns-notifications.html>

use super::{all, find, keep, page, size};
use crate::autoscaling::access::{any, group as named};
use crate::autoscaling::errors::AutoScalingError;
use crate::autoscaling::model::{Group, NOTIFICATIONS};
use crate::autoscaling::work::notify;
use kernel::{Cx, Empty, Nothing};

kernel::ops! {
    /// Notifications.
    pub static OPS:
        PutNotificationConfiguration: put, "autoscaling:PutNotificationConfiguration", named;
        DescribeNotificationConfigurations: describe, "autoscaling:DescribeNotificationConfigurations", any;
        DeleteNotificationConfiguration: delete, "autoscaling:DeleteNotificationConfiguration", named;
        DescribeAutoScalingNotificationTypes: types, "autoscaling:DescribeAutoScalingNotificationTypes", any;
}

/// AWS: topics of one group.
const TOPICS_MAX: usize = 10;

wire::shape! {
    #[derive(Debug)]
    struct Put {
        group: String = "AutoScalingGroupName",
        topic: String = "TopicARN",
        kinds: Vec<String> = "NotificationTypes",
    }

    #[derive(Debug)]
    struct Describe {
        groups: Vec<String> = "AutoScalingGroupNames",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxRecords",
    }

    #[derive(Debug)]
    struct View {
        group: String = "AutoScalingGroupName",
        topic: String = "TopicARN",
        kind: String = "NotificationType",
    }

    #[derive(Debug)]
    struct Described {
        all: Vec<View> = "NotificationConfigurations",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Delete {
        group: String = "AutoScalingGroupName",
        topic: String = "TopicARN",
    }

    #[derive(Debug)]
    struct Types { all: Vec<String> = "AutoScalingNotificationTypes" }
}

/// AWS: a topic that is named again has what is said now, and hears of that at once.
fn put(cx: &mut Cx<'_>, req: Put) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.group)?;
    if let Some(unknown) = req.kinds.iter().find(|kind| !NOTIFICATIONS.contains(&kind.as_str())) {
        return Err(AutoScalingError::Validation(format!("Invalid notification type: {unknown}")));
    }
    if !group.topics.contains_key(&req.topic) && group.topics.len() >= TOPICS_MAX {
        return Err(AutoScalingError::Limit(
            "The maximum number of notification topics has been reached.".into(),
        ));
    }
    notify::test(cx, &group, &req.topic).map_err(|fault| {
        AutoScalingError::Validation(format!("The topic {} cannot be told: {}", req.topic, fault.message))
    })?;
    group.topics.insert(req.topic, req.kinds.into_iter().collect());
    keep(cx, &group);
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut groups = all(cx)?;
    groups.retain(|group| req.groups.is_empty() || req.groups.contains(&group.name));
    let of = |group: &Group| {
        let name = group.name.clone();
        let pairs =
            group.topics.iter().flat_map(|(topic, kinds)| kinds.iter().map(move |kind| (topic, kind)));
        let views =
            pairs.map(|(topic, kind)| View { group: name.clone(), topic: topic.clone(), kind: kind.clone() });
        views.collect::<Vec<_>>()
    };
    let views = groups.iter().flat_map(of).collect();
    let (all, next) = page(cx, views, size(req.max, 50, 100)?, req.next.as_ref())?;
    Ok(Described { all, next })
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.group)?;
    group.topics.remove(&req.topic);
    keep(cx, &group);
    Ok(Empty)
}

fn types(_: &mut Cx<'_>, _: Nothing) -> Result<Types, AutoScalingError> {
    Ok(Types { all: NOTIFICATIONS.iter().map(|kind| (*kind).to_owned()).collect() })
}
