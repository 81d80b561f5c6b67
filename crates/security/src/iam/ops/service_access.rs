//! What an entity may use and what it did use: policies that grant a service, reports of last access.
//!
//! A report is made from the audit trail with the request that asks for it, and so is complete at once. It reaches
//! back as far as the trail does (ninety days, where AWS has four hundred), and has the latest calls, where AWS lacks
//! those of the last hours.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>

use crate::iam::access::source as access;
use crate::iam::attached::last_part;
use crate::iam::granting;
use crate::iam::last_access::{self, Scope};
use crate::iam::model::{ACCESS_REPORTS, AccessReport, ServiceAccess, job_key};
use crate::iam::page::Paging;
use crate::iam::source::{self, Source, of_arn};
use crate::iam::{IamError, ops::policy};
use auth::actions;
use auth::policy::{PolicyForm, PolicySource};
use base::Timestamp;
use kernel::Cx;
use std::time::Duration;
use store::{Direction, Key};

kernel::ops! {
    pub static OPS:
    ListPoliciesGrantingServiceAccess: list_granting, "iam:ListPoliciesGrantingServiceAccess", access::reported;
    GenerateServiceLastAccessedDetails: generate, "iam:GenerateServiceLastAccessedDetails", access::reported;
    GetServiceLastAccessedDetails: get, "iam:GetServiceLastAccessedDetails", kernel::access::any;
    GetServiceLastAccessedDetailsWithEntities:
        get_entities, "iam:GetServiceLastAccessedDetailsWithEntities", kernel::access::any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct ListGranting {
        pub arn: String = "Arn",
        pub namespaces: Vec<String> = "ServiceNamespaces",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct GrantingPage {
        pub entries: Vec<GrantingEntry> = "PoliciesGrantingServiceAccess",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct GrantingEntry {
        pub namespace: String = "ServiceNamespace",
        pub policies: Vec<GrantingPolicy> = "Policies",
    }

    #[derive(Clone, Debug)]
    pub struct GrantingPolicy {
        pub name: String = "PolicyName",
        pub kind: String = "PolicyType",
        pub arn: Option<String> = "PolicyArn",
        pub entity_kind: Option<String> = "EntityType",
        pub entity_name: Option<String> = "EntityName",
    }

    #[derive(Clone, Debug)]
    pub struct Generate {
        pub arn: String = "Arn",
        pub granularity: Option<String> = "Granularity",
    }

    #[derive(Clone, Debug)]
    pub struct Job { pub id: String = "JobId" }

    #[derive(Clone, Debug)]
    pub struct GetDetails {
        pub id: String = "JobId",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Details {
        pub status: String = "JobStatus",
        pub kind: String = "JobType",
        pub created: Timestamp = "JobCreationDate",
        pub completed: Timestamp = "JobCompletionDate",
        pub services: Vec<LastAccessed> = "ServicesLastAccessed",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct LastAccessed {
        pub name: String = "ServiceName",
        pub namespace: String = "ServiceNamespace",
        pub at: Option<Timestamp> = "LastAuthenticated",
        pub entity: Option<String> = "LastAuthenticatedEntity",
        pub region: Option<String> = "LastAuthenticatedRegion",
        pub entities: i32 = "TotalAuthenticatedEntities",
        pub actions: Option<Vec<TrackedAction>> = "TrackedActionsLastAccessed",
    }

    #[derive(Clone, Debug)]
    pub struct TrackedAction {
        pub name: String = "ActionName",
        pub entity: String = "LastAccessedEntity",
        pub at: Timestamp = "LastAccessedTime",
        pub region: String = "LastAccessedRegion",
    }

    #[derive(Clone, Debug)]
    pub struct GetEntities {
        pub id: String = "JobId",
        pub namespace: String = "ServiceNamespace",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Entities {
        pub status: String = "JobStatus",
        pub created: Timestamp = "JobCreationDate",
        pub completed: Timestamp = "JobCompletionDate",
        pub entities: Vec<EntityDetails> = "EntityDetailsList",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct EntityDetails {
        pub info: EntityInfo = "EntityInfo",
        pub at: Option<Timestamp> = "LastAuthenticated",
    }

    #[derive(Clone, Debug)]
    pub struct EntityInfo {
        pub arn: String = "Arn",
        pub name: String = "Name",
        pub kind: String = "Type",
        pub id: String = "Id",
        pub path: String = "Path",
    }
}

const COMPLETED: &str = "COMPLETED";
/// How long a report is kept; older ones go when the next one is made.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

fn list_granting(cx: &mut Cx<'_>, req: ListGranting) -> Result<GrantingPage, IamError> {
    let policies = granting::policies(cx, &source::find(cx, &req.arn)?)?;
    let filters = [req.arn.as_str(), &req.namespaces.join(",")];
    let paging = Paging::of(cx, &filters, req.marker.as_deref(), None)?;
    let page = paging.slice(cx, req.namespaces, String::clone).map(|namespace| {
        let service = actions::service(&namespace);
        let granting = policies
            .iter()
            .filter(|policy| service.is_some_and(|service| granting::grants(&policy.1, service)))
            .map(|policy| granting_policy(&policy.0));
        GrantingEntry { policies: granting.collect(), namespace }
    });
    let (entries, is_truncated, marker) = page.parts();
    Ok(GrantingPage { entries, is_truncated, marker })
}

fn granting_policy(source: &PolicySource) -> GrantingPolicy {
    if source.form == PolicyForm::Managed {
        let name = last_part(&source.id).to_owned();
        let arn = Some(source.id.clone());
        return GrantingPolicy { name, kind: "MANAGED".into(), arn, entity_kind: None, entity_name: None };
    }
    let holder = source.attached_to.splitn(6, ':').nth(5).unwrap_or_default();
    GrantingPolicy {
        name: source.id.clone(),
        kind: "INLINE".into(),
        arn: None,
        entity_kind: holder.split('/').next().map(str::to_uppercase),
        entity_name: Some(last_part(holder).to_owned()),
    }
}

/// Who may read a report: the same user, or sessions of the same role.
fn asker(cx: &Cx<'_>) -> String {
    let id = &cx.caller.user_id;
    id.split(':').next().unwrap_or(id).to_owned()
}

/// The users and roles whose calls count, and the policies that grant.
fn scope(cx: &Cx<'_>, arn: &str) -> Result<Scope, IamError> {
    if arn.contains(":policy/") {
        let policy = policy::find(cx.tx, cx.account, arn)?;
        return last_access::of_policy(cx, &policy.arn(cx.account));
    }
    last_access::of_source(cx, &source::find(cx, arn)?)
}

/// Forgets the account's old reports.
///
/// # Errors
/// The store's own.
pub(super) fn clear(cx: &mut Cx<'_>) -> Result<(), IamError> {
    let limit = cx.now.minus(KEPT);
    let mut old = Vec::new();
    for pair in ACCESS_REPORTS.scan(cx.tx, &Key::account(cx.account), Direction::Forward) {
        let (key, report) = pair?;
        if report.created < limit {
            old.push(key);
        }
    }
    old.iter().for_each(|key| ACCESS_REPORTS.delete(cx.tx, key));
    Ok(())
}

fn generate(cx: &mut Cx<'_>, req: Generate) -> Result<Job, IamError> {
    clear(cx)?;
    let scope = scope(cx, &req.arn)?;
    let by_action = req.granularity.as_deref() == Some("ACTION_LEVEL");
    let granted = granting::services(&scope.policies);
    let services = last_access::used(cx, &scope, &granted, by_action)?;
    let id = base::id::uuid(cx.rng());
    let report = AccessReport {
        id: id.clone(),
        arn: req.arn,
        by_action,
        created: cx.now,
        services,
        asked_by: asker(cx),
        entities: scope.entities,
    };
    ACCESS_REPORTS.put(cx.tx, &job_key(cx.account, &id), &report);
    Ok(Job { id })
}

/// A report of this kind (about an ARN, or about an entity of an organization) that `asker` may read.
///
/// # Errors
/// `NoSuchEntity`.
pub(super) fn report(cx: &Cx<'_>, id: &str, asker: &str, of_arn: bool) -> Result<AccessReport, IamError> {
    let found = ACCESS_REPORTS.get(cx.tx, &job_key(cx.account, id))?;
    let own = found.filter(|report| report.asked_by == asker && report.arn.starts_with("arn:") == of_arn);
    own.ok_or_else(|| IamError::NoSuchEntity(format!("Job with id {id} not found")))
}

fn get(cx: &mut Cx<'_>, req: GetDetails) -> Result<Details, IamError> {
    let AccessReport { by_action, created, services, .. } = report(cx, &req.id, &asker(cx), true)?;
    let paging = Paging::of(cx, &[&req.id], req.marker.as_deref(), req.max_items)?;
    let page = paging.slice(cx, services, |service: &ServiceAccess| service.namespace.clone());
    let (services, is_truncated, marker) = page.map(|service| shown(service, by_action)).parts();
    let kind = if by_action { "ACTION_LEVEL" } else { "SERVICE_LEVEL" };
    let status = COMPLETED.to_owned();
    Ok(Details { status, kind: kind.into(), created, completed: created, services, is_truncated, marker })
}

fn shown(service: ServiceAccess, by_action: bool) -> LastAccessed {
    let tracked = service.actions.into_iter().map(|used| TrackedAction {
        name: used.name,
        entity: used.arn,
        at: used.at,
        region: used.region,
    });
    let latest = service.uses.first();
    LastAccessed {
        name: actions::service(&service.namespace).map_or("", actions::Service::name).to_owned(),
        at: latest.map(|used| used.at),
        entity: latest.map(|used| used.arn.clone()),
        region: latest.map(|used| used.region.clone()),
        entities: i32::try_from(service.uses.len()).unwrap_or(i32::MAX),
        actions: by_action.then(|| tracked.collect()),
        namespace: service.namespace,
    }
}

fn get_entities(cx: &mut Cx<'_>, req: GetEntities) -> Result<Entities, IamError> {
    let report = report(cx, &req.id, &asker(cx), true)?;
    let service = report.services.iter().find(|service| service.namespace == req.namespace);
    let uses = service.map(|service| service.uses.as_slice()).unwrap_or_default();
    // The latest first, then those that never used it.
    let used = uses.iter().map(|used| (used.arn.clone(), Some(used.at)));
    let unused = report.entities.iter().filter(|arn| !uses.iter().any(|used| used.arn == **arn));
    let unused = unused.filter(|_| service.is_some()).map(|arn| (arn.clone(), None));
    let mut all = Vec::new();
    for (arn, at) in used.chain(unused) {
        all.extend(info(cx, arn)?.map(|info| EntityDetails { info, at }));
    }
    let paging = Paging::of(cx, &[&req.id, &req.namespace], req.marker.as_deref(), req.max_items)?;
    let page = paging.slice(cx, all, |entity: &EntityDetails| entity.info.arn.clone());
    let (entities, is_truncated, marker) = page.parts();
    let (created, status) = (report.created, COMPLETED.to_owned());
    Ok(Entities { status, created, completed: created, entities, is_truncated, marker })
}

/// `None` for what is gone by now.
fn info(cx: &Cx<'_>, arn: String) -> Result<Option<EntityInfo>, IamError> {
    Ok(of_arn(cx.tx, cx.account, &arn)?.and_then(|source| match source {
        Source::User(user) => {
            Some(EntityInfo { arn, name: user.name, kind: "USER".into(), id: user.id, path: user.path })
        }
        Source::Role(role) => {
            Some(EntityInfo { arn, name: role.name, kind: "ROLE".into(), id: role.id, path: role.path })
        }
        Source::Group(_) => None,
    }))
}
