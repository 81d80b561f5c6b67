//! The global condition keys of a request. The cheap and common ones are set at once, the others are answered when a
//! policy asks.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use crate::access::Target;
use crate::cx::Cx;
use crate::identity::{Caller, Membership};
use auth::policy::{Principal, Values};
use base::{Arn, Timestamp};
use std::borrow::Cow;
use wire::{Struct, Value};

/// What the keys of one request are read from.
pub(crate) struct Facts<'a, 'c> {
    pub(crate) cx: &'a Cx<'c>,
    pub(crate) request: &'a Struct,
    pub(crate) target: &'a Target,
    /// Of the caller's account.
    pub(crate) membership: Option<&'a Membership>,
    /// Of the resource's account.
    pub(crate) resource_membership: Option<&'a Membership>,
    /// Of the account for whose resource a service calls.
    pub(crate) source_membership: Option<&'a Membership>,
    /// Of the account whose VPC endpoint the call came through.
    pub(crate) way_membership: Option<&'a Membership>,
}

/// The values of one key; `None` where the request has no such key. Owned: few keys are asked for, and an answer that borrows nothing keeps the evaluator simple.
pub(crate) fn answer(facts: &Facts<'_, '_>, key: &str) -> Option<Values<'static>> {
    lazy(facts, key).map(|values| match values {
        Values::One(value) => Values::One(Cow::Owned(value.into_owned())),
        Values::Many(values) => {
            Values::Many(values.into_iter().map(|v| Cow::Owned(v.into_owned())).collect())
        }
    })
}

fn lazy<'a>(facts: &Facts<'a, '_>, key: &str) -> Option<Values<'a>> {
    let key = key.to_ascii_lowercase();
    if let Some((_, values)) = facts.target.keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key)) {
        return Some(many(values));
    }
    if let Some(tag) = key.strip_prefix("aws:principaltag/") {
        return tag_value(&facts.cx.caller.tags, tag);
    }
    if let Some(tag) = key.strip_prefix("aws:resourcetag/") {
        return tag_value(facts.target.tags.as_ref()?, tag);
    }
    if let Some(tag) = key.strip_prefix("aws:requesttag/") {
        return request_tag(facts.request, tag);
    }
    if let Some(global) = key.strip_prefix("aws:") {
        return of_principal(facts, global)
            .or_else(|| of_network(facts, global))
            .or_else(|| of_way(facts, global))
            .or_else(|| of_resource(facts, global))
            .or_else(|| of_session(facts.cx.caller, global, facts.cx.now));
    }
    let session = facts.cx.caller.session.as_ref()?;
    session.keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key)).map(|(_, v)| one(v))
}

fn one(text: &str) -> Values<'_> {
    Values::One(Cow::Borrowed(text))
}

fn owned<'a>(text: impl Into<String>) -> Values<'a> {
    Values::One(Cow::Owned(text.into()))
}

fn many(values: &[String]) -> Values<'_> {
    match values {
        [value] => one(value),
        values => Values::Many(values.iter().map(|v| Cow::Borrowed(v.as_str())).collect()),
    }
}

fn tag_value<'a>(tags: &'a base::tag::Tags, key: &str) -> Option<Values<'a>> {
    tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| one(value))
}

fn of_principal<'a>(facts: &Facts<'a, '_>, key: &str) -> Option<Values<'a>> {
    let caller = facts.cx.caller;
    let has_account = caller.principal.account().is_some();
    Some(match key {
        "principalarn" if has_account => owned(principal_arn(caller)),
        "principalaccount" if has_account => one(caller.account.as_str()),
        "principaltype" => one(principal_type(&caller.principal)),
        "principalisawsservice" => Values::from(matches!(caller.principal, Principal::Service { .. })),
        "principalservicename" => match &caller.principal {
            Principal::Service { name } => one(name),
            _ => return None,
        },
        // One name each: no service here has further ones in its regions.
        "principalservicenameslist" => match &caller.principal {
            Principal::Service { name } => Values::Many(vec![Cow::Borrowed(name.as_str())]),
            _ => return None,
        },
        "principalorgid" => one(&facts.membership?.organization_id),
        "principalorgpaths" => paths(facts.membership?),
        "userid" if has_account => one(&caller.user_id),
        "username" => match &caller.principal {
            Principal::User { .. } => one(crate::access::user_name(caller)),
            _ => return None,
        },
        "calledvia" => via(facts, |via| Some(Values::Many(via.iter().map(|v| Cow::Borrowed(*v)).collect())))?,
        "calledviafirst" => via(facts, |via| via.first().map(|v| one(v)))?,
        "calledvialast" => via(facts, |via| via.last().map(|v| one(v)))?,
        "viaawsservice" => Values::from(!facts.cx.request.via.is_empty()),
        _ => return None,
    })
}

fn via<'a>(
    facts: &Facts<'a, '_>,
    pick: impl Fn(&'a [&'static str]) -> Option<Values<'a>>,
) -> Option<Values<'a>> {
    let via = &facts.cx.request.via;
    if via.is_empty() { None } else { pick(via) }
}

fn of_network<'a>(facts: &Facts<'a, '_>, key: &str) -> Option<Values<'a>> {
    let cx = facts.cx;
    Some(match key {
        "currenttime" => owned(cx.now.iso8601()),
        "epochtime" => Values::from(cx.now.seconds()),
        "requestedregion" => one(cx.region.name()),
        // Neither is known of a call that a service makes.
        "sourceip" if cx.request.via.is_empty() && cx.request.way().is_none() => {
            owned(cx.request.peer.as_ref()?.address.to_canonical().to_string())
        }
        "securetransport" => Values::from(cx.request.peer.as_ref().is_none_or(|peer| peer.tls.is_some())),
        "useragent" => one(&cx.request.user_agent),
        "referer" => one(cx.request.referer.as_ref()?),
        "sourcearn" => one(&cx.request.source.as_ref()?.0),
        "sourceaccount" => one(cx.request.source.as_ref()?.1.as_str()),
        "sourceorgid" => one(&facts.source_membership?.organization_id),
        "sourceorgpaths" => paths(facts.source_membership?),
        _ => return None,
    })
}

/// What is known of a call that came through a VPC endpoint.
fn of_way<'a>(facts: &Facts<'a, '_>, key: &str) -> Option<Values<'a>> {
    let request = facts.cx.request;
    let way = request.way()?;
    Some(match key {
        "sourcevpce" => one(&way.endpoint),
        "sourcevpc" => one(&way.vpc),
        "sourcevpcarn" => {
            let vpc = format!("vpc/{}", way.vpc);
            owned(Arn::new("ec2", way.region.name(), way.account.as_str(), &vpc).to_string())
        }
        "vpcsourceip" => owned(request.peer.as_ref()?.address.to_canonical().to_string()),
        "vpceaccount" => one(way.account.as_str()),
        "vpceorgid" => one(&facts.way_membership?.organization_id),
        "vpceorgpaths" => paths(facts.way_membership?),
        _ => return None,
    })
}

fn paths(membership: &Membership) -> Values<'_> {
    Values::Many(vec![Cow::Borrowed(membership.path.as_str())])
}

fn of_resource<'a>(facts: &Facts<'a, '_>, key: &str) -> Option<Values<'a>> {
    let account = facts.target.account.unwrap_or(facts.cx.account);
    Some(match key {
        "resourceaccount" => owned(account.as_str()),
        "resourceorgid" => one(&facts.resource_membership?.organization_id),
        "resourceorgpaths" => paths(facts.resource_membership?),
        "tagkeys" => Values::Many(tag_keys(facts.request)?),
        _ => return None,
    })
}

fn of_session<'a>(caller: &'a Caller, key: &str, now: Timestamp) -> Option<Values<'a>> {
    let session = caller.session.as_ref()?;
    Some(match key {
        // AWS: present in temporary credentials only, and then always.
        "multifactorauthpresent" => Values::from(session.mfa.is_some()),
        "multifactorauthage" => {
            Values::from(i64::try_from(now.since(session.mfa?).as_secs()).unwrap_or(i64::MAX))
        }
        "tokenissuetime" => owned(session.issued.iso8601()),
        "sourceidentity" => one(session.source_identity.as_deref()?),
        other => {
            let matches =
                |name: &str| name.strip_prefix("aws:").is_some_and(|n| n.eq_ignore_ascii_case(other));
            return session.keys.iter().find(|(name, _)| matches(name)).map(|(_, value)| one(value));
        }
    })
}

/// For a role session the role's own ARN, not the session's.
fn principal_arn(caller: &Caller) -> String {
    match &caller.principal {
        Principal::AssumedRole { role_arn, .. } => role_arn.clone(),
        principal => principal.arn().into_owned(),
    }
}

fn principal_type(principal: &Principal) -> &'static str {
    match principal {
        Principal::Root { .. } => "Account",
        Principal::User { .. } => "User",
        Principal::AssumedRole { .. } => "AssumedRole",
        Principal::FederatedUser { .. } => "FederatedUser",
        Principal::WebIdentity { .. } | Principal::Saml { .. } => "Federated",
        Principal::Service { .. } => "Service",
        Principal::Anonymous => "Anonymous",
    }
}

/// The tags that a request carries, in whichever of AWS's forms: a list of `{Key, Value}` (or `{TagKey, TagValue}`,
/// `{key, value}`) or a map, in a member called `Tags`, `tags`, `TagList`.
fn tags_of(request: &Struct) -> Option<Vec<(&str, &str)>> {
    let tags = ["Tags", "tags", "TagList"].iter().find_map(|name| request.get(name))?;
    match tags {
        Value::Map(pairs) => {
            Some(pairs.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect())
        }
        Value::List(items) => Some(items.iter().filter_map(tag_pair).collect()),
        _ => None,
    }
}

fn tag_pair(item: &Value) -> Option<(&str, &str)> {
    let member = |names: [&str; 3]| names.iter().find_map(|name| item.member(name)).and_then(Value::as_str);
    let key = member(["Key", "TagKey", "key"])?;
    Some((key, member(["Value", "TagValue", "value"]).unwrap_or_default()))
}

fn request_tag<'a>(request: &'a Struct, key: &str) -> Option<Values<'a>> {
    let tags = tags_of(request)?;
    tags.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| one(value))
}

fn tag_keys(request: &Struct) -> Option<Vec<Cow<'_, str>>> {
    if let Some(tags) = tags_of(request) {
        return Some(tags.into_iter().map(|(key, _)| Cow::Borrowed(key)).collect());
    }
    let keys = ["TagKeys", "tagKeys"].iter().find_map(|name| request.get(name))?;
    Some(keys.as_list()?.iter().filter_map(Value::as_str).map(Cow::Borrowed).collect())
}
