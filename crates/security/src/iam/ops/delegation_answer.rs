//! What a customer does about a delegation request: takes it up, hands it on to an administrator, approves or rejects it, and
//! releases the token by which its provider gets credentials.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html>. AWS does not document
//! how a request that is in another state is refused; here it is `InvalidInput`.

use super::delegation_request::find;
use crate::iam::IamError;
use crate::iam::access::delegation as access;
use crate::iam::delegation::notice::{self, Exchange};
use crate::iam::model::{DelegationRequest, DelegationState};
use crate::sts::trade_in::{self, TradeIn};
use auth::policy::Principal;
use kernel::{Cx, Empty};
use std::sync::Arc;
use std::time::Duration;

kernel::ops! {
    pub static OPS:
    AssociateDelegationRequest: associate, "iam:AssociateDelegationRequest", access::found;
    UpdateDelegationRequest: update, "iam:UpdateDelegationRequest", access::owned;
    AcceptDelegationRequest: accept, "iam:AcceptDelegationRequest", access::approved;
    RejectDelegationRequest: reject, "iam:RejectDelegationRequest", access::owned;
    SendDelegationToken: send, "iam:SendDelegationToken", access::owned;
}

/// AWS: root can approve four hours at most.
const ROOT_SECONDS_MAX: u32 = 4 * 3600;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct ById { pub id: String = "DelegationRequestId" }

    #[derive(Clone, Debug)]
    pub struct Noted {
        pub id: String = "DelegationRequestId",
        pub notes: Option<String> = "Notes",
    }
}

/// The request, if what is asked leads on from where it stands.
fn on_its_way(
    cx: &Cx<'_>,
    id: &str,
    next: DelegationState,
    what: &str,
) -> Result<DelegationRequest, IamError> {
    let request = find(cx, id)?;
    let state = request.state_at(cx.now);
    if state.leads_to(next) {
        return Ok(request);
    }
    Err(IamError::InvalidInput(format!(
        "The delegation request {id} is in the state {} and cannot be {what}.",
        state.name()
    )))
}

/// Brings it into a state, and tells its provider unless it was there before.
fn enter(cx: &mut Cx<'_>, request: &mut DelegationRequest, state: DelegationState) {
    let (before, was) = (request.expires, request.state);
    request.enter(state, cx.now);
    request.save(cx.tx, Some(before));
    if was != state {
        let cloud = Arc::clone(cx.cloud());
        notice::state(&cloud, cx.tx, request);
    }
}

fn associate(cx: &mut Cx<'_>, req: ById) -> Result<Empty, IamError> {
    let mut request = on_its_way(cx, &req.id, DelegationState::Assigned, "associated")?;
    request.owner_account = Some(cx.account);
    request.owner_id = Some(cx.caller.arn().into_owned());
    enter(cx, &mut request, DelegationState::Assigned);
    Ok(Empty)
}

fn update(cx: &mut Cx<'_>, req: Noted) -> Result<Empty, IamError> {
    let mut request = on_its_way(cx, &req.id, DelegationState::PendingApproval, "updated")?;
    request.notes = req.notes.or(request.notes);
    enter(cx, &mut request, DelegationState::PendingApproval);
    Ok(Empty)
}

fn accept(cx: &mut Cx<'_>, req: ById) -> Result<Empty, IamError> {
    let mut request = on_its_way(cx, &req.id, DelegationState::Accepted, "accepted")?;
    let is_root = matches!(cx.caller.principal, Principal::Root { .. });
    if is_root && request.session_seconds > ROOT_SECONDS_MAX {
        let what = "The root user cannot approve delegation requests with a duration of more than 4 hours.";
        return Err(IamError::AccessDenied(what.into()));
    }
    let Some(approver) = trade_in::approver(cx.sealer(), cx.caller) else {
        let what = "Sessions with a session policy cannot approve delegation requests.";
        return Err(IamError::AccessDenied(what.into()));
    };
    request.approver = Some(approver);
    request.approver_id = Some(cx.caller.arn().into_owned());
    enter(cx, &mut request, DelegationState::Accepted);
    Ok(Empty)
}

fn reject(cx: &mut Cx<'_>, req: Noted) -> Result<Empty, IamError> {
    let mut request = on_its_way(cx, &req.id, DelegationState::Rejected, "rejected")?;
    request.rejection_reason = req.notes;
    enter(cx, &mut request, DelegationState::Rejected);
    Ok(Empty)
}

/// The time of the access begins now, whenever the provider comes for it.
fn send(cx: &mut Cx<'_>, req: ById) -> Result<Empty, IamError> {
    let mut request = on_its_way(cx, &req.id, DelegationState::Finalized, "finalized")?;
    if request.only_send_by_owner && request.owner_id.as_deref() != Some(&*cx.caller.arn()) {
        let what = "Only the owner of this delegation request can send its token.";
        return Err(IamError::AccessDenied(what.into()));
    }
    enter(cx, &mut request, DelegationState::Finalized);
    let expires = cx.now.whole_seconds().plus(Duration::from_secs(request.session_seconds.into()));
    let trade_in = TradeIn { request: request.id.clone(), provider: request.requestor, expires };
    let token = trade_in.seal(cx.sealer(), cx.rng());
    let cloud = Arc::clone(cx.cloud());
    notice::exchange(&cloud, cx.tx, &request, Exchange { token: &token, expires });
    Ok(Empty)
}
