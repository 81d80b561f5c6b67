//! Tags of alarms and of dashboards.

use crate::cloudwatch::access;
use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::model::alarm::{ALARMS, Alarm};
use crate::cloudwatch::model::dashboard::{DASHBOARDS, Dashboard};
use base::Arn;
use base::tag::{self, PER_RESOURCE_MAX, TagError, Tags};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    TagResource: add, "cloudwatch:TagResource", access::tagged;
    UntagResource: remove, "cloudwatch:UntagResource", access::tagged;
    ListTagsForResource: list, "cloudwatch:ListTagsForResource", access::tagged;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Tag {
        key: String = "Key",
        value: String = "Value",
    }

    #[derive(Debug)]
    pub(crate) struct TagResource {
        arn: String = "ResourceARN",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagResource {
        arn: String = "ResourceARN",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct OneResource { arn: String = "ResourceARN" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Vec<Tag> = "Tags" }
}

/// # Errors
/// `InvalidParameterValue`.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, WatchError> {
    let pairs = tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::checked(pairs).map_err(worded)
}

fn worded(error: TagError) -> WatchError {
    invalid(match error {
        TagError::TooMany(_) => format!("A resource can have at most {PER_RESOURCE_MAX} tags."),
        error => format!("The tags are invalid: {error:?}."),
    })
}

/// What has tags.
enum Tagged {
    Alarm(Box<Alarm>),
    Dashboard(Dashboard),
}

impl Tagged {
    /// # Errors
    /// `ResourceNotFoundException`.
    fn find(cx: &Cx<'_>, arn: &str) -> Result<Tagged, WatchError> {
        let missing = || WatchError::NoResource(arn.to_owned());
        let parsed = Arn::parse(arn).filter(|arn| arn.service == "cloudwatch").ok_or_else(missing)?;
        let is_own = parsed.account == cx.account.as_str();
        // A dashboard is of all regions.
        if let Some(name) = parsed.resource.strip_prefix("dashboard/").filter(|_| is_own) {
            let found = DASHBOARDS.get(cx.tx, &Dashboard::key(cx.account, name))?;
            return found.map(Tagged::Dashboard).ok_or_else(missing);
        }
        let is_here = is_own && parsed.region == cx.region.name();
        let name = parsed.resource.strip_prefix("alarm:").filter(|_| is_here).ok_or_else(missing)?;
        let found = ALARMS.get(cx.tx, &Alarm::key(cx.account, cx.region, name))?;
        found.map(|alarm| Tagged::Alarm(Box::new(alarm))).ok_or_else(missing)
    }

    fn tags(&mut self) -> &mut Tags {
        match self {
            Tagged::Alarm(alarm) => &mut alarm.tags,
            Tagged::Dashboard(dashboard) => &mut dashboard.tags,
        }
    }

    fn keep(&self, cx: &mut Cx<'_>) {
        match self {
            Tagged::Alarm(alarm) => ALARMS.put(cx.tx, &alarm.own_key(), alarm),
            Tagged::Dashboard(own) => DASHBOARDS.put(cx.tx, &Dashboard::key(cx.account, &own.name), own),
        }
    }
}

fn add(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, WatchError> {
    let mut tagged = Tagged::find(cx, &req.arn)?;
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::lay(tagged.tags(), pairs, cx.caller.service_id()).map_err(worded)?;
    tagged.keep(cx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, WatchError> {
    let mut tagged = Tagged::find(cx, &req.arn)?;
    tag::take(tagged.tags(), &req.keys).map_err(worded)?;
    tagged.keep(cx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, WatchError> {
    let tags = std::mem::take(Tagged::find(cx, &req.arn)?.tags());
    Ok(TagList { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
