//! Everything that has a say in a decision, side by side.

use super::document::Policy;
use super::principal::{Named, Naming, Principal};

/// Where a policy comes from, for explanations.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PolicySource {
    /// The ARN of a managed policy, or the name of an inline one; a resource's ARN for its own policy.
    pub id: String,
    /// The ARN of the user, group, role, resource, account or organizational unit that it is attached to.
    pub attached_to: String,
    pub form: PolicyForm,
}

/// How a policy is kept: `SourcePolicyType` in a simulation's answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PolicyForm {
    Managed,
    Inline,
    Resource,
    /// Given with a request: a session policy, or the input of a simulation.
    Input,
}

/// A policy and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    pub source: &'a PolicySource,
    pub policy: &'a Policy,
}

/// The control policies of one level of the organization: the root, an organizational unit, the account.
#[derive(Clone, Copy, Debug)]
pub struct Level<'a> {
    /// `r-abcd`, `ou-abcd-12345678` or the account.
    pub target: &'a str,
    pub policies: &'a [Attached<'a>],
}

/// What an organization permits at most.
#[derive(Clone, Copy, Debug, Default)]
pub enum Ceiling<'a> {
    /// No organization, or policies of this type are not enabled in it, or the account is the management account,
    /// to which they do not apply.
    #[default]
    None,
    /// From the root down to the account: each level must allow.
    Levels(&'a [Level<'a>]),
}

/// What the resource's own policy is worth.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ResourceMode {
    /// The service has no resource policies: only the account itself gets in.
    #[default]
    None,
    /// Either the identity's or the resource's policy suffices within the account (S3 buckets, queues, topics).
    Optional,
    /// The resource's policy must allow, or name the account and so leave it to identity policies (KMS keys, role
    /// trust).
    Required,
}

/// A permission that the caller found outside of policies (a KMS grant): it counts as the resource's allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The grant's id, for explanations.
    pub id: String,
    /// The ARN of the principal that it was given to.
    pub grantee: String,
}

impl Grant {
    /// How the grant names the principal, by the rules of a resource policy's `Principal`.
    pub(super) fn names(&self, principal: &Principal) -> Naming {
        match Named::aws(&self.grantee)
            .or_else(|| self.grantee.contains('.').then(|| Named::Service(self.grantee.as_str().into())))
        {
            Some(named) => named.names(principal, None),
            None => Naming::No,
        }
    }
}

/// All that applies to one request. An empty default denies everybody but the account's root user.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'a> {
    /// Of the user and its groups, or of the role, or of the user behind a federated session.
    pub identity: &'a [Attached<'a>],
    /// Of the user or role.
    pub boundary: Option<Attached<'a>>,
    /// What was passed when the session was made; `None` when nothing was. Several policies count as one.
    pub session: Option<&'a [Attached<'a>]>,
    /// Service control policies over the principal's account.
    pub scp: Ceiling<'a>,
    /// Resource control policies over the resource's account.
    pub rcp: Ceiling<'a>,
    /// Of the VPC endpoint that the request came through.
    pub endpoint: Option<Attached<'a>>,
    /// The resource's own policy; a role's trust policy.
    pub resource: Option<Attached<'a>>,
    pub mode: ResourceMode,
    pub grant: Option<&'a Grant>,
}
