//! Requests for temporary delegation: a product provider creates them, those whom they concern look at them.
//!
//! What is done about them is in `ops::delegation_answer`.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateDelegationRequest.html>. The link to a page of AWS's
//! console is not answered: this cloud has no such page. Words of refusals are ours where AWS documents none.

use crate::iam::access::delegation as access;
use crate::iam::attached::last_part;
use crate::iam::delegation::template::{self, Parameter, Unfit};
use crate::iam::delegation::{cover, summary};
use crate::iam::model::{
    DelegationRequest, DelegationState, OWNED_REQUESTS, PROVIDERS, TEMPLATES, TemplateParameter, WORKFLOWS,
    workflow_key,
};
use crate::iam::{IamError, page::Paging};
use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cx;
use store::Key;

kernel::ops! {
    pub static OPS:
    CreateDelegationRequest: create, "iam:CreateDelegationRequest", access::created;
    GetDelegationRequest: get, "iam:GetDelegationRequest", access::found;
    ListDelegationRequests: list, "iam:ListDelegationRequests", access::listed;
    GetHumanReadableSummary: summarize, "iam:GetHumanReadableSummary", access::summarized;
}

const LOCALE_DEFAULT: &str = "en_US";

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Create {
        pub owner_account: Option<String> = "OwnerAccountId",
        pub description: String = "Description",
        pub permissions: Permissions = "Permissions",
        pub message: Option<String> = "RequestMessage",
        pub workflow_id: String = "RequestorWorkflowId",
        pub redirect_url: Option<String> = "RedirectUrl",
        pub channel: String = "NotificationChannel",
        pub session_seconds: u32 = "SessionDuration",
        pub only_send_by_owner: Option<bool> = "OnlySendByOwner",
    }

    #[derive(Clone, Debug)]
    pub struct Permissions {
        pub template_arn: Option<String> = "PolicyTemplateArn",
        pub parameters: Vec<GivenParameter> = "Parameters",
    }

    #[derive(Clone, Debug)]
    pub struct GivenParameter {
        pub name: Option<String> = "Name",
        pub values: Vec<String> = "Values",
        pub kind: Option<String> = "Type",
    }

    #[derive(Clone, Debug)]
    pub struct Created { pub id: String = "DelegationRequestId" }

    #[derive(Clone, Debug)]
    pub struct Get {
        pub id: String = "DelegationRequestId",
        pub permission_check: Option<bool> = "DelegationPermissionCheck",
    }

    #[derive(Clone, Debug)]
    pub struct Got {
        pub request: Shown = "DelegationRequest",
        pub check_status: Option<String> = "PermissionCheckStatus",
        pub check_result: Option<String> = "PermissionCheckResult",
    }

    #[derive(Clone, Debug)]
    pub struct Shown {
        pub id: String = "DelegationRequestId",
        pub owner_account: Option<String> = "OwnerAccountId",
        pub description: String = "Description",
        pub message: Option<String> = "RequestMessage",
        pub permissions: Permissions = "Permissions",
        pub policy: String = "PermissionPolicy",
        pub boundaries: Vec<String> = "RolePermissionRestrictionArns",
        pub owner_id: Option<String> = "OwnerId",
        pub approver_id: Option<String> = "ApproverId",
        pub state: String = "State",
        pub expires: Timestamp = "ExpirationTime",
        pub requestor: String = "RequestorId",
        pub requestor_name: String = "RequestorName",
        pub created: Timestamp = "CreateDate",
        pub session_seconds: u32 = "SessionDuration",
        pub redirect_url: Option<String> = "RedirectUrl",
        pub notes: Option<String> = "Notes",
        pub rejection_reason: Option<String> = "RejectionReason",
        pub only_send_by_owner: bool = "OnlySendByOwner",
        pub updated: Timestamp = "UpdatedTime",
    }

    #[derive(Clone, Debug)]
    pub struct List {
        pub owner_id: Option<String> = "OwnerId",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Page {
        pub requests: Vec<Shown> = "DelegationRequests",
        pub marker: Option<String> = "Marker",
        pub is_truncated: bool = "isTruncated",
    }

    #[derive(Clone, Debug)]
    pub struct Summarize {
        pub arn: String = "EntityArn",
        pub locale: Option<String> = "Locale",
    }

    #[derive(Clone, Debug)]
    pub struct Summary {
        pub content: Option<String> = "SummaryContent",
        pub locale: String = "Locale",
        pub state: String = "SummaryState",
    }
}

fn invalid<T>(what: impl Into<String>) -> Result<T, IamError> {
    Err(IamError::InvalidInput(what.into()))
}

/// A request that concerns the caller's account.
///
/// # Errors
/// `NoSuchEntity`.
pub(super) fn find(cx: &Cx<'_>, id: &str) -> Result<DelegationRequest, IamError> {
    let found = DelegationRequest::load(cx.tx, id)?.filter(|request| request.concerns(cx.account));
    found.ok_or_else(|| {
        IamError::NoSuchEntity(format!("The delegation request with id {id} cannot be found."))
    })
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, IamError> {
    let Some(provider) = PROVIDERS.get(cx.tx, &Key::account(cx.account))? else {
        let what = format!("Account {} is not registered as a product provider.", cx.account);
        return Err(IamError::AccessDenied(what));
    };
    must_be_own_topic(cx.account, &req.channel)?;
    let Some(arn) = req.permissions.template_arn else {
        return invalid("Permissions must name a PolicyTemplateArn.");
    };
    let template = TEMPLATES.get(cx.tx, &Key::global().str(&arn))?;
    let Some(template) = template.filter(|template| template.provider == cx.account) else {
        return invalid(format!("The policy template {arn} is not registered for account {}.", cx.account));
    };
    let parameters = parameters(req.permissions.parameters)?;
    let policy = render(&template.document, &parameters)?;
    let workflow = workflow_key(cx.account, &req.workflow_id);
    if WORKFLOWS.contains(cx.tx, &workflow)? {
        let what = format!("A delegation request with the workflow id {} already exists.", req.workflow_id);
        return Err(IamError::EntityAlreadyExists(what));
    }
    let mut request = DelegationRequest {
        id: base::id::uuid(cx.rng()),
        requestor: cx.account,
        requestor_name: provider.name,
        workflow_id: req.workflow_id,
        channel: req.channel,
        owner_account: req.owner_account.as_deref().and_then(AccountId::parse),
        description: req.description,
        message: req.message,
        template_arn: arn,
        parameters,
        boundaries: template::boundaries(&policy),
        policy,
        created: cx.now,
        session_seconds: req.session_seconds,
        redirect_url: req.redirect_url,
        only_send_by_owner: req.only_send_by_owner == Some(true),
        ..DelegationRequest::default()
    };
    request.enter(DelegationState::Unassigned, cx.now);
    request.save(cx.tx, None);
    Ok(Created { id: request.id })
}

/// AWS: the topic must be the provider's own.
fn must_be_own_topic(account: AccountId, channel: &str) -> Result<(), IamError> {
    let arn = Arn::parse(channel).filter(|arn| arn.service == "sns" && Region::parse(&arn.region).is_some());
    match arn {
        None => invalid(format!("NotificationChannel {channel} is not the ARN of an SNS topic.")),
        Some(arn) if arn.account != account.as_str() => {
            invalid(format!("NotificationChannel {channel} is not a topic of account {account}."))
        }
        Some(_) => Ok(()),
    }
}

fn parameters(given: Vec<GivenParameter>) -> Result<Vec<TemplateParameter>, IamError> {
    let checked = given.into_iter().map(|one| match (one.name, one.kind.as_deref()) {
        (Some(name), Some(kind)) => {
            Ok(TemplateParameter { name, values: one.values, is_list: kind == "stringList" })
        }
        _ => invalid("Each parameter must have a Name and a Type."),
    });
    checked.collect()
}

fn render(document: &str, parameters: &[TemplateParameter]) -> Result<String, IamError> {
    let given: Vec<_> = parameters
        .iter()
        .map(|one| Parameter { name: &one.name, values: &one.values, is_list: one.is_list })
        .collect();
    template::render(document, &given).map_err(|Unfit(what)| IamError::InvalidInput(what))
}

fn shown(request: DelegationRequest, now: Timestamp) -> Shown {
    let parameters = request.parameters.into_iter().map(|one| GivenParameter {
        name: Some(one.name),
        values: one.values,
        kind: Some(if one.is_list { "stringList" } else { "string" }.to_owned()),
    });
    let permissions =
        Permissions { template_arn: Some(request.template_arn), parameters: parameters.collect() };
    let state = if request.expires <= now { DelegationState::Expired } else { request.state };
    Shown {
        id: request.id,
        owner_account: request.owner_account.map(|account| account.to_string()),
        description: request.description,
        message: request.message,
        permissions,
        policy: request.policy,
        boundaries: request.boundaries,
        owner_id: request.owner_id,
        approver_id: request.approver_id,
        state: state.name().to_owned(),
        expires: request.expires,
        requestor: request.requestor.to_string(),
        requestor_name: request.requestor_name,
        created: request.created,
        session_seconds: request.session_seconds,
        redirect_url: request.redirect_url,
        notes: request.notes,
        rejection_reason: request.rejection_reason,
        only_send_by_owner: request.only_send_by_owner,
        updated: request.updated,
    }
}

fn get(cx: &mut Cx<'_>, req: Get) -> Result<Got, IamError> {
    let request = find(cx, &req.id)?;
    let result = match req.permission_check {
        Some(true) => Some(cover::estimate(cx, &request.policy)?.to_owned()),
        _ => None,
    };
    let check_status = result.as_ref().map(|_| "COMPLETE".to_owned());
    Ok(Got { request: shown(request, cx.now), check_status, check_result: result })
}

/// Of the account's requests those that somebody owns.
fn list(cx: &mut Cx<'_>, req: List) -> Result<Page, IamError> {
    let owner = req.owner_id.as_deref();
    let paging = Paging::of(cx, &[owner.unwrap_or_default()], req.marker.as_deref(), req.max_items)?;
    let is_wanted =
        |owned: &crate::iam::model::OwnedRequest| owner.is_none_or(|owner| owned.owner_id == owner);
    let page = paging.table(cx, &OWNED_REQUESTS, |owned| &owned.id, is_wanted)?;
    let (owned, is_truncated, marker) = page.parts();
    let mut requests = Vec::with_capacity(owned.len());
    for owned in owned {
        requests.push(shown(find(cx, &owned.id)?, cx.now));
    }
    Ok(Page { requests, marker, is_truncated })
}

fn summarize(cx: &mut Cx<'_>, req: Summarize) -> Result<Summary, IamError> {
    let id = last_part(&req.arn);
    if DelegationRequest::arn(cx.account, id) != req.arn {
        return invalid(format!("{} is not the ARN of a delegation request of this account.", req.arn));
    }
    let request = find(cx, id)?;
    let locale = req.locale.unwrap_or_else(|| LOCALE_DEFAULT.to_owned());
    let (content, state) = match summary::speaks(&locale) {
        true => (Some(summary::write(&request)), "AVAILABLE"),
        false => (None, "NOT_SUPPORTED"),
    };
    Ok(Summary { content, locale, state: state.to_owned() })
}
