//! Tags of groups, changed and listed.

use super::{all, find, keep, page, size};
use crate::autoscaling::access::{any, tagged};
use crate::autoscaling::errors::AutoScalingError;
use crate::autoscaling::model::Group;
use crate::autoscaling::ops::group::{Tag, check_key, tags};
use base::tag::{is_own, is_reserved};
use kernel::{Cx, Empty};
use std::collections::BTreeMap;

kernel::ops! {
    /// Tags.
    pub static OPS:
        CreateOrUpdateTags: set, "autoscaling:CreateOrUpdateTags", tagged;
        DeleteTags: delete, "autoscaling:DeleteTags", tagged;
        DescribeTags: describe, "autoscaling:DescribeTags", any;
}

wire::shape! {
    #[derive(Debug)]
    struct Asked { tags: Vec<Tag> = "Tags" }

    #[derive(Debug)]
    pub(super) struct Filter {
        name: Option<String> = "Name",
        pub(super) values: Vec<String> = "Values",
    }

    #[derive(Debug)]
    struct Describe {
        filters: Vec<Filter> = "Filters",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxRecords",
    }

    #[derive(Debug)]
    struct Described {
        tags: Vec<Tag> = "Tags",
        next: Option<String> = "NextToken",
    }
}

impl Filter {
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    pub(super) fn unknown(&self, known: &str) -> AutoScalingError {
        let name = self.name();
        AutoScalingError::Validation(format!(
            "Filter type {name} is not correct. Allowed Filter types are: {known}"
        ))
    }
}

/// Whether a group has the tags that are asked about.
pub(super) fn has(group: &Group, filters: &[Filter]) -> Result<bool, AutoScalingError> {
    for filter in filters {
        let named = |text: &String| filter.values.contains(text);
        let found = match filter.name() {
            "tag-key" => group.tags.keys().any(named),
            "tag-value" => group.tags.values().any(|(value, _)| named(value)),
            name => match name.strip_prefix("tag:") {
                Some(key) => group.tags.get(key).is_some_and(|(value, _)| named(value)),
                None => return Err(filter.unknown("tag-key tag-value tag:<key>")),
            },
        };
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The asked tags by their groups.
fn by_group(asked: Vec<Tag>) -> Result<BTreeMap<String, Vec<Tag>>, AutoScalingError> {
    let mut groups: BTreeMap<String, Vec<Tag>> = BTreeMap::new();
    for tag in asked {
        let Some(group) = tag.group.clone() else {
            return Err(AutoScalingError::Validation("ResourceId is required for each tag.".into()));
        };
        groups.entry(group).or_default().push(tag);
    }
    Ok(groups)
}

fn set(cx: &mut Cx<'_>, req: Asked) -> Result<Empty, AutoScalingError> {
    for (name, asked) in by_group(req.tags)? {
        let mut group = find(cx, &name)?;
        group.tags.extend(tags(&name, &asked, |key| is_own(cx.caller.service_id(), key))?);
        room(&group)?;
        keep(cx, &group);
    }
    Ok(Empty)
}

fn room(group: &Group) -> Result<(), AutoScalingError> {
    // AWS's own do not count.
    let count = group.tags.keys().filter(|key| !is_reserved(key)).count();
    match count > super::group::TAGS_MAX {
        true => Err(AutoScalingError::Limit("The maximum number of tags has been reached.".into())),
        false => Ok(()),
    }
}

/// AWS: a value that is named must be the tag's.
fn delete(cx: &mut Cx<'_>, req: Asked) -> Result<Empty, AutoScalingError> {
    for (name, asked) in by_group(req.tags)? {
        let mut group = find(cx, &name)?;
        for tag in asked {
            check_key(&tag.key)?;
            let is_meant = |(value, _): &(String, bool)| tag.value.as_ref().is_none_or(|own| own == value);
            if group.tags.get(&tag.key).is_some_and(is_meant) {
                group.tags.remove(&tag.key);
            }
        }
        keep(cx, &group);
    }
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut found: Vec<Tag> = all(cx)?.iter().flat_map(Tag::of).collect();
    for filter in &req.filters {
        let name = filter.name();
        let of = |tag: &Tag| match name {
            "auto-scaling-group" => tag.group.clone(),
            "key" => Some(tag.key.clone()),
            "value" => tag.value.clone(),
            "propagate-at-launch" => tag.propagate.map(|propagate| propagate.to_string()),
            _ => None,
        };
        if !["auto-scaling-group", "key", "value", "propagate-at-launch"].contains(&name) {
            return Err(filter.unknown("auto-scaling-group key value propagate-at-launch"));
        }
        found.retain(|tag| of(tag).is_some_and(|value| filter.values.contains(&value)));
    }
    let (tags, next) = page(cx, found, size(req.max, 50, 100)?, req.next.as_ref())?;
    Ok(Described { tags, next })
}
