//! A decision as the policy simulator reports it: `SimulateCustomPolicy` and `SimulatePrincipalPolicy`.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>. Splitting by resource and
//! choosing the default context is the caller's.

use super::decision::{Cause, Finding, Layer, Reason};
use super::document::{Effect, Policy, Statement};
use super::evaluate::evaluate;
use super::layers::{Attached, Ceiling, Layers, PolicySource};
use super::request::Request;

/// `EvalDecision`, by AWS's spelling.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    Allowed,
    ExplicitDeny,
    ImplicitDeny,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::ExplicitDeny => "explicitDeny",
            Outcome::ImplicitDeny => "implicitDeny",
        }
    }
}

impl From<Cause> for Outcome {
    fn from(cause: Cause) -> Outcome {
        match cause {
            Cause::Allowed(_) | Cause::Root => Outcome::Allowed,
            Cause::ExplicitDeny(_) => Outcome::ExplicitDeny,
            Cause::ImplicitDeny(_) => Outcome::ImplicitDeny,
        }
    }
}

/// A statement that determined the result; its positions are in [`Statement`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Matched<'a> {
    pub layer: Layer,
    pub source: &'a PolicySource,
    pub statement: &'a Statement,
}

/// One simulated call on one resource.
#[derive(Clone, PartialEq, Debug)]
pub struct Simulation<'a> {
    pub outcome: Outcome,
    pub cause: Cause,
    /// The denying statements when there are any, else the allowing ones of an allowed call. Statements of control
    /// policies are left out, as AWS leaves them out.
    pub matched: Vec<Matched<'a>>,
    /// Condition keys that the policies read and the context lacks, each once.
    pub missing: Vec<&'a str>,
    /// `OrganizationsDecisionDetail`: present when service control policies apply.
    pub allowed_by_organizations: Option<bool>,
    /// `PermissionsBoundaryDecisionDetail`: present when there is a boundary.
    pub allowed_by_boundary: Option<bool>,
    /// `EvalDecisionDetails`: what identity policies and the resource's policy each came to.
    pub by_identity: Outcome,
    pub by_resource: Option<Outcome>,
}

/// Evaluates a request and reports it in the simulator's terms.
pub fn simulate<'a>(request: &Request<'_>, layers: &Layers<'a>) -> Simulation<'a> {
    let decision = evaluate(request, layers);
    let outcome = Outcome::from(decision.cause);
    let wanted = match outcome {
        Outcome::Allowed => Some(Effect::Allow),
        Outcome::ExplicitDeny => Some(Effect::Deny),
        Outcome::ImplicitDeny => None,
    };
    let matched = decision.reasons.iter().filter_map(|reason| contribution(reason, wanted)).collect();
    Simulation {
        outcome,
        cause: decision.cause,
        matched,
        missing: missing(request, layers),
        allowed_by_organizations: allowed_by_organizations(request, layers.scp),
        allowed_by_boundary: layers.boundary.map(|boundary| allows_alone(request, boundary)),
        by_identity: outcome_of(&decision.reasons, |layer| layer == Layer::Identity),
        by_resource: layers.resource.map(|_| {
            outcome_of(&decision.reasons, |l| matches!(l, Layer::Resource | Layer::Trust | Layer::Grant))
        }),
    }
}

fn contribution<'a>(reason: &Reason<'a>, wanted: Option<Effect>) -> Option<Matched<'a>> {
    match reason.finding {
        Finding::Statement { source, statement }
            if Some(statement.effect) == wanted && !matches!(reason.layer, Layer::Scp | Layer::Rcp) =>
        {
            Some(Matched { layer: reason.layer, source, statement })
        }
        _ => None,
    }
}

fn outcome_of(reasons: &[Reason<'_>], of: impl Fn(Layer) -> bool) -> Outcome {
    let effects = || {
        reasons.iter().filter(|reason| of(reason.layer)).filter_map(|reason| match reason.finding {
            Finding::Statement { statement, .. } => Some(statement.effect),
            Finding::Grant { .. } => Some(Effect::Allow),
            Finding::Silence { .. } => None,
        })
    };
    if effects().any(|effect| effect == Effect::Deny) {
        Outcome::ExplicitDeny
    } else if effects().next().is_some() {
        Outcome::Allowed
    } else {
        Outcome::ImplicitDeny
    }
}

fn missing<'a>(request: &Request<'_>, layers: &Layers<'a>) -> Vec<&'a str> {
    let single = [layers.boundary, layers.resource];
    let many = layers.identity.iter().chain(layers.session.unwrap_or_default());
    let policies = many.copied().chain(single.into_iter().flatten()).map(|attached| attached.policy);
    let mut missing: Vec<&str> = Vec::new();
    for key in policies.flat_map(Policy::context_keys) {
        let known = missing.iter().any(|seen| seen.eq_ignore_ascii_case(key));
        if !known && request.context.get(key).is_none() {
            missing.push(key);
        }
    }
    missing
}

fn allowed_by_organizations(request: &Request<'_>, scp: Ceiling<'_>) -> Option<bool> {
    let Ceiling::Levels(_) = scp else { return None };
    let alone = Layers { scp, ..Layers::default() };
    let cause = evaluate(request, &alone).cause;
    Some(!matches!(cause, Cause::ExplicitDeny(Layer::Scp) | Cause::ImplicitDeny(Layer::Scp)))
}

/// Whether one identity policy by itself allows the request, wherever the resource is.
fn allows_alone(request: &Request<'_>, policy: Attached<'_>) -> bool {
    let account = request.principal.account();
    let resource_account = account.as_ref().map_or(request.resource_account, |account| account.as_str());
    let at_home = Request { resource_account, ..*request };
    evaluate(&at_home, &Layers { identity: &[policy], ..Layers::default() }).allowed
}
