//! Tags of the root, units, accounts and policies.

use super::super::access::named;
use super::super::errors::{OrgError, Plain};
use super::super::model::{
    CONTROLS, Control, MEMBERS, ORGANIZATIONS, Organization, UNITS, member_key, within,
};
use super::super::page::page;
use super::super::tree::{self, Node};
use super::Tag;
use base::tag::{Tags, lay, take};
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! {
    pub static OPS:
        TagResource: tag_resource, "organizations:TagResource", named;
        UntagResource: untag_resource, "organizations:UntagResource", named;
        ListTagsForResource: list_tags, "organizations:ListTagsForResource", named;
}

wire::shape! {
    pub struct TagResource {
        pub id: String = "ResourceId",
        pub tags: Vec<Tag> = "Tags",
    }

    pub struct UntagResource {
        pub id: String = "ResourceId",
        pub keys: Vec<String> = "TagKeys",
    }

    pub struct ListTags {
        pub id: String = "ResourceId",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct TagList {
        pub tags: Vec<Tag> = "Tags",
        pub next_token: Option<String> = "NextToken",
    }
}

/// What has tags.
enum Tagged {
    Node(Node),
    Policy(Control),
}

fn find(cx: &Cx<'_>, organization: &Organization, id: &str) -> Result<Tagged, OrgError> {
    let found = if id.starts_with("p-") {
        tree::control(cx.tx, &organization.id, id)?.map(Tagged::Policy)
    } else {
        tree::node(cx.tx, organization, id)?.map(Tagged::Node)
    };
    found.ok_or_else(|| Plain::TargetNotFound.into())
}

fn tags_of(organization: &Organization, found: &Tagged) -> Tags {
    match found {
        Tagged::Node(node) => node.tags(organization).clone(),
        Tagged::Policy(control) => control.tags.clone(),
    }
}

fn put(cx: &mut Cx<'_>, mut organization: Organization, found: Tagged, tags: Tags) -> Result<(), OrgError> {
    match found {
        Tagged::Node(Node::Root) => {
            organization.root_tags = tags;
            ORGANIZATIONS.put(cx.tx, &Key::global().str(&organization.id), &organization);
        }
        Tagged::Node(Node::Unit(mut unit)) => {
            unit.tags = tags;
            UNITS.put(cx.tx, &within(&organization.id, &unit.id), &unit);
        }
        Tagged::Node(Node::Account(mut member)) => {
            member.tags = tags;
            MEMBERS.put(cx.tx, &member_key(member.account), &member);
        }
        Tagged::Policy(control) if control.is_aws_managed() => {
            let what = "You can't tag a policy that is managed by AWS.";
            return Err(OrgError::input("IMMUTABLE_POLICY", what));
        }
        Tagged::Policy(mut control) => {
            control.tags = tags;
            CONTROLS.put(cx.tx, &within(&organization.id, &control.id), &control);
        }
    }
    Ok(())
}

fn tag_resource(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let found = find(cx, &organization, &req.id)?;
    let mut tags = tags_of(&organization, &found);
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    lay(&mut tags, pairs, cx.caller.service_id()).map_err(|error| super::tag_error(&error))?;
    put(cx, organization, found, tags)?;
    Ok(Empty)
}

fn untag_resource(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let found = find(cx, &organization, &req.id)?;
    let mut tags = tags_of(&organization, &found);
    take(&mut tags, &req.keys).map_err(|error| super::tag_error(&error))?;
    put(cx, organization, found, tags)?;
    Ok(Empty)
}

fn list_tags(cx: &mut Cx<'_>, req: ListTags) -> Result<TagList, OrgError> {
    let organization = tree::managed(cx)?;
    let found = find(cx, &organization, &req.id)?;
    let all = tags_of(&organization, &found).into_iter();
    let all = all.map(|(key, value)| (key.clone(), Tag { key, value })).collect();
    let (tags, next_token) = page(cx, &format!("tags/{}", req.id), all, req.next_token.as_deref(), None)?;
    Ok(TagList { tags, next_token })
}
