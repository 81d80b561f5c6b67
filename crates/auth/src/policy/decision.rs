//! The outcome of an evaluation, with everything that led to it, and AWS's words for it.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use super::document::{Effect, PolicyKind, Statement};
use super::layers::PolicySource;
use super::request::Request;

/// The kinds of policy that have a say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// Resource control policies.
    Rcp,
    /// Service control policies.
    Scp,
    /// The VPC endpoint's policy.
    Endpoint,
    /// The resource's own policy.
    Resource,
    /// A role's trust policy.
    Trust,
    /// A grant, which counts as the resource's policy.
    Grant,
    Identity,
    Boundary,
    Session,
}

/// Why the decision is what it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// The layer whose allow was decisive; the others did not object.
    Allowed(Layer),
    /// The root user may do everything in its account that nothing denies.
    Root,
    /// A statement of this layer denies.
    ExplicitDeny(Layer),
    /// Nothing denies, but this layer had to allow and does not.
    ImplicitDeny(Layer),
}

/// What one statement, or the silence of a layer, contributed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reason<'a> {
    pub layer: Layer,
    pub finding: Finding<'a>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Finding<'a> {
    /// The statement applies to the request; its effect tells what it wants.
    Statement { source: &'a PolicySource, statement: &'a Statement },
    /// The grant of this id allows.
    Grant { id: &'a str },
    /// The layer had to allow, and no statement of it does. For control policies: the level that stays silent.
    Silence { level: Option<&'a str> },
}

/// The outcome of [`super::evaluate`].
#[derive(Clone, PartialEq, Debug)]
pub struct Decision<'a> {
    pub allowed: bool,
    pub cause: Cause,
    /// All statements that apply, layer by layer, whatever came of them; then the silence that was decisive.
    pub reasons: Vec<Reason<'a>>,
}

impl<'a> Decision<'a> {
    /// The reasons that decided: the denying statements, the decisive silence, or the allows.
    pub fn decisive(&self) -> impl Iterator<Item = &Reason<'a>> {
        self.reasons.iter().filter(|reason| match (self.cause, &reason.finding) {
            (Cause::ExplicitDeny(layer), Finding::Statement { statement, .. }) => {
                reason.layer == layer && statement.effect == Effect::Deny
            }
            (Cause::ImplicitDeny(layer), Finding::Silence { .. }) => reason.layer == layer,
            (Cause::Allowed(layer), Finding::Statement { statement, .. }) => {
                reason.layer == layer && statement.effect == Effect::Allow
            }
            (Cause::Allowed(layer), Finding::Grant { .. }) => reason.layer == layer,
            _ => false,
        })
    }

    /// The policy whose statement denies: the first of the deciding layer.
    pub fn denying_policy(&self) -> Option<&'a PolicySource> {
        let Cause::ExplicitDeny(_) = self.cause else { return None };
        self.decisive().find_map(|reason| match reason.finding {
            Finding::Statement { source, .. } => Some(source),
            Finding::Grant { .. } | Finding::Silence { .. } => None,
        })
    }

    /// What AWS says to the one who is denied. Services put it into their own error shapes; those that leave out the
    /// resource build theirs from [`Decision::denial_reason`].
    pub fn denial_message(&self, request: &Request<'_>) -> String {
        let (arn, action, resource) = (request.principal.arn(), request.action, request.resource);
        let why = self.denial_reason(action);
        format!("User: {arn} is not authorized to perform: {action} on resource: {resource}{why}")
    }

    /// The end of the denial message, from the space on: ` because no ...` or ` with an explicit deny ...`. Empty
    /// when nothing is denied.
    pub fn denial_reason(&self, action: &str) -> String {
        match self.cause {
            Cause::ExplicitDeny(layer) => {
                format!(" with an explicit deny in {} {}", layer.article(), layer.phrase())
            }
            // STS does not tell whether the role is there at all.
            Cause::ImplicitDeny(Layer::Trust) => String::new(),
            Cause::ImplicitDeny(layer) => {
                format!(" because no {} allows the {action} action", layer.phrase())
            }
            Cause::Allowed(_) | Cause::Root => String::new(),
        }
    }
}

impl Layer {
    /// The layer of a resource's own policy.
    pub(super) fn of_resource(kind: PolicyKind) -> Layer {
        if kind == PolicyKind::Trust { Layer::Trust } else { Layer::Resource }
    }

    /// AWS's name for the layer.
    pub fn phrase(self) -> &'static str {
        match self {
            Layer::Rcp => "resource control policy",
            Layer::Scp => "service control policy",
            Layer::Endpoint => "VPC endpoint policy",
            Layer::Resource | Layer::Grant => "resource-based policy",
            Layer::Trust => "role trust policy",
            Layer::Identity => "identity-based policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
        }
    }

    fn article(self) -> &'static str {
        match self {
            Layer::Identity => "an",
            Layer::Trust => "the",
            _ => "a",
        }
    }
}
