//! What the accounts of an organization may use by its service control policies, and what they did use.
//!
//! A report is made from the accounts' audit trails with the request that asks for it, as those about users and roles are.
//! A service is in it if an SCP at every level allows one of its actions and none denies that outright; a denial under a
//! condition leaves it in. With a policy's id the one policy decides.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html>

use super::service_access::{Job, clear, report};
use crate::iam::IamError;
use crate::iam::attached::Compiled;
use crate::iam::model::{ACCESS_REPORTS, AccessReport, EntityUse, ServiceAccess, job_key};
use crate::iam::page::Paging;
use crate::organizations::control;
use crate::organizations::model::{Kind, Member, Organization};
use crate::organizations::tree::{self, Node};
use auth::actions::{self, Service};
use auth::policy::Policy;
use base::{Region, Timestamp};
use kernel::Cx;
use kernel::access::any;
use kernel::audit::{self, Entry, Query};
use std::collections::BTreeMap;
use std::sync::Arc;

kernel::ops! {
    pub static OPS:
    GenerateOrganizationsAccessReport: generate, "iam:GenerateOrganizationsAccessReport", any;
    GetOrganizationsAccessReport: get, "iam:GetOrganizationsAccessReport", any;
}

/// At most this many calls of each account and region are looked at, the latest first.
const CALLS_MAX: usize = 200_000;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Generate {
        pub path: String = "EntityPath",
        pub policy: Option<String> = "OrganizationsPolicyId",
    }

    #[derive(Clone, Debug)]
    pub struct Get {
        pub id: String = "JobId",
        pub max_items: Option<i32> = "MaxItems",
        pub marker: Option<String> = "Marker",
        pub sort: Option<String> = "SortKey",
    }

    #[derive(Clone, Debug)]
    pub struct Details {
        pub status: String = "JobStatus",
        pub created: Timestamp = "JobCreationDate",
        pub completed: Timestamp = "JobCompletionDate",
        pub accessible: i32 = "NumberOfServicesAccessible",
        pub not_accessed: i32 = "NumberOfServicesNotAccessed",
        pub services: Vec<Detail> = "AccessDetails",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct Detail {
        pub name: String = "ServiceName",
        pub namespace: String = "ServiceNamespace",
        pub region: Option<String> = "Region",
        pub path: Option<String> = "EntityPath",
        pub at: Option<Timestamp> = "LastAuthenticatedTime",
        pub accounts: i32 = "TotalAuthenticatedEntities",
    }
}

/// The organization that the caller's account manages, and whose root has SCPs.
fn managed(cx: &Cx<'_>) -> Result<Organization, IamError> {
    let home = tree::home(cx.tx, cx.account)?;
    let managed = home.map(|(organization, _)| organization).filter(|of| of.management == cx.account);
    let organization = managed.ok_or_else(|| {
        let words = "Only the management account of an organization may have reports about it.";
        IamError::AccessDenied(words.into())
    })?;
    if !organization.enabled(Kind::Scp) {
        let words = "Service control policies are not enabled for the root of the organization.";
        return Err(IamError::InvalidInput(words.into()));
    }
    Ok(organization)
}

/// The ids from the root to the entity, and what it is.
fn entity(cx: &Cx<'_>, organization: &Organization, path: &str) -> Result<(Vec<String>, Node), IamError> {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let wrong = || IamError::InvalidInput(format!("The entity path {path} is not one of your organization."));
    let node = tree::node(cx.tx, organization, last)?.ok_or_else(wrong)?;
    let ids = ids(cx, organization, &node, last)?;
    let full = format!("{}/{}", organization.id, ids.join("/"));
    if full == path.trim_end_matches('/') { Ok((ids, node)) } else { Err(wrong()) }
}

fn ids(
    cx: &Cx<'_>,
    organization: &Organization,
    node: &Node,
    id: &str,
) -> Result<Vec<String>, store::StoreError> {
    match node {
        Node::Account(member) => {
            let mut ids = tree::path(cx.tx, organization, &member.parent)?;
            ids.push(member.account.to_string());
            Ok(ids)
        }
        Node::Root | Node::Unit(_) => tree::path(cx.tx, organization, id),
    }
}

/// The accounts of an entity, those of the units below it included.
fn accounts(cx: &Cx<'_>, organization: &Organization, node: &Node) -> Result<Vec<Member>, IamError> {
    let mut open = match node {
        Node::Account(member) => return Ok(vec![member.clone()]),
        Node::Root => vec![organization.root.clone()],
        Node::Unit(unit) => vec![unit.id.clone()],
    };
    let mut out = Vec::new();
    while let Some(parent) = open.pop() {
        out.extend(tree::accounts(cx.tx, &organization.id, &parent)?);
        open.extend(tree::units(cx.tx, &organization.id, &parent)?.into_iter().map(|unit| unit.id));
    }
    Ok(out)
}

/// The policies of each level, of which one must allow.
type Levels = Vec<Vec<Arc<Policy>>>;

fn levels(
    cx: &Cx<'_>,
    organization: &Organization,
    path: &[String],
    node: &Node,
    policy: Option<&str>,
) -> Result<Levels, IamError> {
    let compiled = Compiled::default();
    if let Some(id) = policy {
        let found = tree::control(cx.tx, &organization.id, id)?.filter(|found| found.kind == Kind::Scp);
        let found = found.and_then(|found| compiled.policy(&found.content, Kind::Scp.language()));
        let missing = || IamError::NoSuchEntity(format!("Policy {id} not found in your organization."));
        return Ok(vec![vec![found.ok_or_else(missing)?]]);
    }
    // Control policies do not touch the management account.
    if matches!(node, Node::Account(member) if member.account == organization.management) {
        return Ok(Vec::new());
    }
    let levels = control::levels(cx.tx, organization, path, Kind::Scp, &compiled)?;
    Ok(levels.into_iter().map(|level| level.policies.into_iter().map(|of| of.1).collect()).collect())
}

fn is_allowed(levels: &Levels, service: Service) -> bool {
    service.actions().any(|action| {
        let name = action.full_name();
        let denied = levels.iter().flatten().any(|policy| policy.denies_outright(&name));
        !denied && levels.iter().all(|level| level.iter().any(|policy| policy.allows_somewhere(&name)))
    })
}

/// By service: the latest use in each account.
type Uses = BTreeMap<String, BTreeMap<String, EntityUse>>;

/// Notes what the principals of an account have asked for. `path` is the account's.
fn note(entry: &Entry, member: &Member, path: &str, uses: &mut Uses) {
    let account = member.account;
    let own =
        ["iam", "sts"].iter().any(|of| entry.principal.starts_with(&format!("arn:aws:{of}::{account}:")));
    if !own {
        return;
    }
    // Operations that everybody may use are decided about by no policy.
    let asked = entry.decisions.iter().filter_map(|decided| decided.action.split(':').next());
    let prefixes = if entry.decisions.is_empty() { vec![entry.service.as_str()] } else { asked.collect() };
    for prefix in prefixes {
        let latest = uses.entry(prefix.to_owned()).or_default().entry(path.to_owned()).or_default();
        if latest.arn.is_empty() || latest.at < entry.time {
            *latest = EntityUse { arn: path.to_owned(), at: entry.time, region: entry.region.clone() };
        }
    }
}

fn generate(cx: &mut Cx<'_>, req: Generate) -> Result<Job, IamError> {
    clear(cx)?;
    let organization = managed(cx)?;
    let (path, node) = entity(cx, &organization, &req.path)?;
    let levels = levels(cx, &organization, &path, &node, req.policy.as_deref())?;
    let mut uses = Uses::new();
    for member in accounts(cx, &organization, &node)? {
        let ids = ids(cx, &organization, &Node::Account(member.clone()), "")?;
        let path = format!("{}/{}", organization.id, ids.join("/"));
        for region in Region::all() {
            let mut left = CALLS_MAX;
            let mut visit = |entry: Entry| {
                note(&entry, &member, &path, &mut uses);
                left -= 1;
                left > 0
            };
            audit::walk(cx.cloud(), &Query::all(member.account, region), &mut visit)?;
        }
    }
    let services = actions::services().filter(|service| is_allowed(&levels, *service)).map(|service| {
        let mut uses: Vec<EntityUse> =
            uses.remove(service.prefix()).unwrap_or_default().into_values().collect();
        uses.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.arn.cmp(&b.arn)));
        ServiceAccess { namespace: service.prefix().to_owned(), uses, actions: Vec::new() }
    });
    let id = base::id::uuid(cx.rng());
    let report = AccessReport {
        id: id.clone(),
        arn: req.path,
        by_action: false,
        created: cx.now,
        services: services.collect(),
        asked_by: cx.account.to_string(),
        entities: Vec::new(),
    };
    ACCESS_REPORTS.put(cx.tx, &job_key(cx.account, &id), &report);
    Ok(Job { id })
}

fn get(cx: &mut Cx<'_>, req: Get) -> Result<Details, IamError> {
    managed(cx)?;
    let AccessReport { created, mut services, .. } = report(cx, &req.id, cx.account.as_str(), false)?;
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let accessible = count(services.len());
    let not_accessed = count(services.iter().filter(|service| service.uses.is_empty()).count());
    let at = |service: &ServiceAccess| service.uses.first().map(|used| used.at);
    match req.sort.as_deref() {
        Some("SERVICE_NAMESPACE_DESCENDING") => services.reverse(),
        Some("LAST_AUTHENTICATED_TIME_ASCENDING") => services.sort_by_key(at),
        Some("LAST_AUTHENTICATED_TIME_DESCENDING") => services.sort_by_key(|of| std::cmp::Reverse(at(of))),
        _ => {}
    }
    let filters = [req.id.as_str(), req.sort.as_deref().unwrap_or_default()];
    let paging = Paging::of(cx, &filters, req.marker.as_deref(), req.max_items)?;
    let page = paging.slice(cx, services, |service: &ServiceAccess| service.namespace.clone());
    let (services, is_truncated, marker) = page.map(shown).parts();
    let status = "COMPLETED".to_owned();
    Ok(Details {
        status,
        created,
        completed: created,
        accessible,
        not_accessed,
        services,
        is_truncated,
        marker,
    })
}

fn shown(service: ServiceAccess) -> Detail {
    let latest = service.uses.first();
    Detail {
        name: actions::service(&service.namespace).map_or("", Service::name).to_owned(),
        region: latest.map(|used| used.region.clone()),
        path: latest.map(|used| used.arn.clone()),
        at: latest.map(|used| used.at),
        accounts: i32::try_from(service.uses.len()).unwrap_or(i32::MAX),
        namespace: service.namespace,
    }
}
