//! AWS's evaluation logic.
//!
//! 1. A Deny in any layer that applies is final.
//! 2. Resource and service control policies must allow, on every level; so must a VPC endpoint's policy.
//! 3. Within an account a resource's policy that names the user or the session itself is enough, whatever boundaries
//!    and session policies are silent about. One that names the role is enough without an identity policy, but not
//!    without boundary and session policy. One that names the account leaves the matter to the account's policies.
//! 4. Otherwise identity policies must allow, and then boundary and session policies.
//! 5. Across accounts both sides must allow.
//!
//! Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>

use super::decision::{Cause, Decision, Finding, Layer, Reason};
use super::document::Effect;
use super::layers::{Attached, Ceiling, Layers, Level, ResourceMode};
use super::principal::{Naming, Principal};
use super::request::{Asked, Request};

/// Decides one request. Looks at every layer, so that the reasons are complete.
pub fn evaluate<'a>(request: &Request<'_>, layers: &Layers<'a>) -> Decision<'a> {
    let asked = Asked::new(request);
    let mut scan = Scan { asked: &asked, denied: None, reasons: Vec::with_capacity(4) };
    let views = scan.layers(layers);
    let cause = match scan.denied {
        Some(layer) => Cause::ExplicitDeny(layer),
        None => decide(request, layers, &views),
    };
    if let Cause::ImplicitDeny(layer) = cause {
        let level = match layer {
            Layer::Rcp => views.rcp,
            Layer::Scp => views.scp,
            // It is named by its endpoint.
            Layer::Endpoint => layers.endpoint.map(|policy| policy.source.id.as_str()),
            _ => None,
        };
        scan.reasons.push(Reason { layer, finding: Finding::Silence { level } });
    }
    Decision { allowed: matches!(cause, Cause::Allowed(_) | Cause::Root), cause, reasons: scan.reasons }
}

/// What each layer has to say, short of denying.
struct Views<'a> {
    /// The first level that does not allow.
    rcp: Option<&'a str>,
    scp: Option<&'a str>,
    endpoint: bool,
    /// How the resource's policy, or the grant, allows.
    resource: Naming,
    /// Which of the two it is.
    resource_layer: Layer,
    identity: bool,
    boundary: bool,
    session: bool,
}

struct Scan<'s, 'a> {
    asked: &'s Asked<'s>,
    /// The first layer with a Deny.
    denied: Option<Layer>,
    reasons: Vec<Reason<'a>>,
}

impl<'a> Scan<'_, 'a> {
    fn layers(&mut self, layers: &Layers<'a>) -> Views<'a> {
        let principal = self.asked.request.principal;
        let rcp = if principal.is_service_linked() { None } else { self.ceiling(Layer::Rcp, layers.rcp) };
        let governed = principal.account().is_some() && !principal.is_service_linked();
        let scp = if governed { self.ceiling(Layer::Scp, layers.scp) } else { None };
        let endpoint =
            layers.endpoint.is_none_or(|policy| self.policy(Layer::Endpoint, policy) != Naming::No);
        let (resource, resource_layer) = self.resource(layers);
        let has_identity = principal.account().is_some();
        let (mut identity, mut boundary, mut session) = (false, true, true);
        if has_identity {
            identity = self.policies(Layer::Identity, layers.identity) || acts_as_root(principal);
            boundary =
                layers.boundary.is_none_or(|policy| self.policy(Layer::Boundary, policy) != Naming::No);
            session = match layers.session {
                Some(policies) => self.policies(Layer::Session, policies),
                // A federated user has what its session policies leave: without any, nothing.
                None => !matches!(principal, Principal::FederatedUser { .. }),
            };
        }
        Views { rcp, scp, endpoint, resource, resource_layer, identity, boundary, session }
    }

    /// The first level that does not allow.
    fn ceiling(&mut self, layer: Layer, ceiling: Ceiling<'a>) -> Option<&'a str> {
        let Ceiling::Levels(levels) = ceiling else { return None };
        let mut silent = None;
        for Level { target, policies } in levels {
            let allows = self.policies(layer, policies);
            if !allows && silent.is_none() {
                silent = Some(*target);
            }
        }
        silent
    }

    fn resource(&mut self, layers: &Layers<'a>) -> (Naming, Layer) {
        let mut best = (Naming::No, Layer::Resource);
        if layers.mode == ResourceMode::None {
            return best;
        }
        if let Some(policy) = layers.resource {
            let layer = Layer::of_resource(policy.policy.kind());
            best = (self.policy(layer, policy), layer);
        }
        if let Some(grant) = layers.grant {
            let naming = grant.names(self.asked.request.principal);
            if naming != Naming::No {
                self.reasons.push(Reason { layer: Layer::Grant, finding: Finding::Grant { id: &grant.id } });
            }
            if naming > best.0 {
                best = (naming, Layer::Grant);
            }
        }
        best
    }

    fn policies(&mut self, layer: Layer, policies: &[Attached<'a>]) -> bool {
        let mut allows = false;
        for policy in policies {
            allows |= self.policy(layer, *policy) != Naming::No;
        }
        allows
    }

    /// The strongest allow of a policy.
    fn policy(&mut self, layer: Layer, attached: Attached<'a>) -> Naming {
        let mut best = Naming::No;
        for statement in attached.policy.candidates(&self.asked.action) {
            let naming = statement.applies(self.asked);
            if naming == Naming::No {
                continue;
            }
            match statement.effect {
                Effect::Allow => best = best.max(naming),
                Effect::Deny if self.denied.is_none() => self.denied = Some(layer),
                Effect::Deny => {}
            }
            let finding = Finding::Statement { source: attached.source, statement };
            self.reasons.push(Reason { layer, finding });
        }
        best
    }
}

/// The root user, and a session that it made for a federated user, have no identity policies and need none.
fn acts_as_root(principal: &Principal) -> bool {
    matches!(principal, Principal::Root { .. } | Principal::FederatedUser { user: None, .. })
}

/// Nothing denies: does everything that must allow do so?
fn decide(request: &Request<'_>, layers: &Layers<'_>, views: &Views<'_>) -> Cause {
    if views.rcp.is_some() {
        return Cause::ImplicitDeny(Layer::Rcp);
    }
    if views.scp.is_some() {
        return Cause::ImplicitDeny(Layer::Scp);
    }
    if !views.endpoint {
        return Cause::ImplicitDeny(Layer::Endpoint);
    }
    let by_resource = Cause::Allowed(views.resource_layer);
    let silent_resource = match layers.resource {
        Some(policy) => Cause::ImplicitDeny(Layer::of_resource(policy.policy.kind())),
        None => Cause::ImplicitDeny(Layer::Resource),
    };
    if request.principal.account().is_none() {
        return if views.resource == Naming::No { silent_resource } else { by_resource };
    }
    if !request.is_same_account() {
        if views.resource == Naming::No {
            return silent_resource;
        }
        return own_account(views, true).unwrap_or(by_resource);
    }
    match views.resource {
        Naming::Direct => return by_resource,
        Naming::Role => return own_account(views, false).unwrap_or(by_resource),
        Naming::Account => {}
        Naming::No if layers.mode == ResourceMode::Required => return silent_resource,
        Naming::No => {}
    }
    let by_identity = if request.principal.is_root() { Cause::Root } else { Cause::Allowed(Layer::Identity) };
    own_account(views, true).unwrap_or(by_identity)
}

/// What of the principal's own account stands in the way.
fn own_account(views: &Views<'_>, needs_identity: bool) -> Option<Cause> {
    if needs_identity && !views.identity {
        return Some(Cause::ImplicitDeny(Layer::Identity));
    }
    if !views.boundary {
        return Some(Cause::ImplicitDeny(Layer::Boundary));
    }
    (!views.session).then_some(Cause::ImplicitDeny(Layer::Session))
}
