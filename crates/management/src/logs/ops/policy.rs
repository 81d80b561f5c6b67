//! Resource policies of the account: which services and accounts may write into its groups.
//!
//! They are asked at every call about a group or a stream ([`crate::logs::access`]). Policies of one resource
//! (`resourceArn`) are not built: the member is reported as not acted on.

use super::position;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::millis;
use auth::policy::{Policy, PolicyKind};
use base::Timestamp;
use kernel::{Cx, Empty};
use store::{Direction, Key, Table};

kernel::ops! { pub(crate) static OPS:
    PutResourcePolicy: put, "logs:PutResourcePolicy", kernel::access::any;
    DeleteResourcePolicy: delete, "logs:DeleteResourcePolicy", kernel::access::any;
    DescribeResourcePolicies: describe, "logs:DescribeResourcePolicies", kernel::access::any;
}

/// By account, region, name.
pub(crate) const POLICIES: Table<ResourcePolicy> = Table::new(0x1505, "logs/resource-policies");
/// AWS: the service's quotas.
const POLICIES_MAX: usize = 10;
const DOCUMENT_BYTES_MAX: usize = 5_120;
const PAGE_MAX: i64 = 50;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct ResourcePolicy {
        1 => pub(crate) name: String,
        2 => pub(crate) document: String,
        3 => pub(crate) updated: Timestamp,
    }
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutResourcePolicy {
        name: Option<String> = "policyName",
        document: Option<String> = "policyDocument",
    }

    #[derive(Debug)]
    pub(crate) struct OnePolicy { policy: Shown = "resourcePolicy" }

    #[derive(Debug)]
    pub(crate) struct Shown {
        name: String = "policyName",
        document: String = "policyDocument",
        updated: i64 = "lastUpdatedTime",
        scope: String = "policyScope",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteResourcePolicy { name: Option<String> = "policyName" }

    #[derive(Debug)]
    pub(crate) struct DescribeResourcePolicies {
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct Policies {
        policies: Vec<Shown> = "resourcePolicies",
        token: Option<String> = "nextToken",
    }
}

fn shown(policy: ResourcePolicy) -> Shown {
    Shown {
        name: policy.name,
        document: kernel::told::policy(&policy.document),
        updated: millis(policy.updated),
        scope: "ACCOUNT".to_owned(),
    }
}

fn put(cx: &mut Cx<'_>, req: PutResourcePolicy) -> Result<OnePolicy, LogsError> {
    let name = req.name.ok_or_else(|| invalid("policyName must be specified."))?;
    let document = req.document.ok_or_else(|| invalid("policyDocument must be specified."))?;
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(LogsError::Limit("Resource limit exceeded.".into()));
    }
    Policy::parse(&document, PolicyKind::Resource("logs")).map_err(|malformed| invalid(malformed.message))?;
    let place = Key::regional(cx.account, cx.region).str(&name);
    let is_new = !POLICIES.contains(cx.tx, &place)?;
    if is_new && POLICIES.count(cx.tx, &Key::regional(cx.account, cx.region))? >= POLICIES_MAX {
        return Err(LogsError::Limit("Resource limit exceeded.".into()));
    }
    let policy = ResourcePolicy { name, document, updated: cx.now };
    POLICIES.put(cx.tx, &place, &policy);
    Ok(OnePolicy { policy: shown(policy) })
}

fn delete(cx: &mut Cx<'_>, req: DeleteResourcePolicy) -> Result<Empty, LogsError> {
    let name = req.name.ok_or_else(|| invalid("policyName must be specified."))?;
    let place = Key::regional(cx.account, cx.region).str(&name);
    if !POLICIES.contains(cx.tx, &place)? {
        return Err(LogsError::NoPolicy(name));
    }
    POLICIES.delete(cx.tx, &place);
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: DescribeResourcePolicies) -> Result<Policies, LogsError> {
    let list = format!("logs:DescribeResourcePolicies {} {}", cx.account, cx.region.name());
    let after = position(cx, &list, req.token.as_deref())?;
    let all = POLICIES.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let all = all.map(|pair| pair.map(|(_, policy)| policy)).collect::<Result<Vec<_>, _>>()?;
    let mut rest = all.into_iter().filter(|p| after.as_ref().is_none_or(|after| p.name > *after));
    let page: Vec<_> = rest.by_ref().take(req.limit.unwrap_or(PAGE_MAX) as usize).collect();
    let more = rest.next().is_some();
    let token = page.last().filter(|_| more).map(|p| cx.pager().token(&list, p.name.as_bytes()));
    Ok(Policies { policies: page.into_iter().map(shown).collect(), token })
}
