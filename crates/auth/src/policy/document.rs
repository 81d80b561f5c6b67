//! A policy as it is kept for evaluation: parsed once, matched many times.
//!
//! Texts become patterns when the document is read, and statements are indexed by the actions that they name, so
//! that the cost of a request hardly depends on statements about other actions. What AWS refuses to store is refused
//! in [`super::reader`]; quotas on a document's length are the caller's.

use super::arn::ArnPattern;
use super::condition::Condition;
use super::context::Context;
use super::glob::wild_match;
use super::index::Index;
use super::malformed::MalformedPolicy;
use super::principal::{Naming, Principal, Principals};
use super::reader;
use super::request::Asked;

/// The elements of a policy, in the order in which AWS shows them.
pub const POLICY_ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];

/// Those of a statement.
pub const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// What a document is attached to, which decides the elements that it may have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PolicyKind {
    /// A managed policy of a user, group or role.
    Identity,
    /// An identity policy that is a part of its user, group or role: it may be of the older version, and is where it
    /// names none. AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
    Inline,
    /// A permissions boundary: an identity policy in another place.
    Boundary,
    /// A policy passed when a session is made: an identity policy in another place.
    Session,
    /// The policy of a resource, by the prefix of the service that keeps it (`s3`, `kms`, `sqs`...).
    Resource(&'static str),
    /// The trust policy of a role.
    Trust,
    /// A service control policy.
    Scp,
    /// A resource control policy.
    Rcp,
}

impl PolicyKind {
    /// Whether statements name principals.
    pub fn has_principals(self) -> bool {
        matches!(self, PolicyKind::Resource(_) | PolicyKind::Trust | PolicyKind::Rcp)
    }
}

/// The version of the policy language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Version {
    /// The default where a document names none: no policy variables.
    V2008,
    V2012,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    Allow,
    Deny,
}

/// A place in a document's text, both counted from one, as `SimulateCustomPolicy` counts: just after the character.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// A policy document, ready for evaluation.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    pub(super) kind: PolicyKind,
    pub(super) version: Version,
    pub(super) id: Option<String>,
    pub(super) statements: Vec<Statement>,
    pub(super) index: Index,
}

/// One statement of a policy.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    /// Its `Sid`, when it has one that is not empty.
    pub sid: Option<String>,
    /// Its place in the document, from zero.
    pub index: usize,
    pub effect: Effect,
    /// After its opening brace.
    pub start: Position,
    /// After its closing brace.
    pub end: Position,
    pub(super) principals: Option<Principals>,
    pub(super) actions: Actions,
    pub(super) resources: Resources,
    pub(super) conditions: Box<[Condition]>,
}

/// Actions in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Actions {
    These(Box<[ActionPattern]>),
    AllBut(Box<[ActionPattern]>),
}

/// Names of actions are compared without regard to case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ActionPattern {
    Any,
    Exact(Box<str>),
    /// `s3:get*`
    Prefix(Box<str>),
    Wild(Box<str>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Resources {
    /// The element is absent: the statement is about the resource that its policy belongs to.
    Own,
    These(Box<[ArnPattern]>),
    AllBut(Box<[ArnPattern]>),
}

impl ActionPattern {
    pub(super) fn read(text: &str) -> ActionPattern {
        let text = text.to_ascii_lowercase();
        if !text.is_empty() && text.bytes().all(|b| b == b'*') || text == "*:*" {
            return ActionPattern::Any;
        }
        match text.find(['*', '?']) {
            None => ActionPattern::Exact(text.into()),
            Some(at) if at + 1 == text.len() && text.ends_with('*') => {
                ActionPattern::Prefix(text[..at].into())
            }
            Some(_) => ActionPattern::Wild(text.into()),
        }
    }

    pub(super) fn matches(&self, action: &str) -> bool {
        match self {
            ActionPattern::Any => true,
            ActionPattern::Exact(own) => **own == *action,
            ActionPattern::Prefix(head) => action.starts_with(&**head),
            ActionPattern::Wild(pattern) => wild_match(pattern, action),
        }
    }
}

impl Actions {
    fn cover(&self, action: &str) -> bool {
        match self {
            Actions::These(list) => list.iter().any(|own| own.matches(action)),
            Actions::AllBut(list) => !list.iter().any(|own| own.matches(action)),
        }
    }
}

impl Resources {
    fn cover(&self, asked: &Asked<'_>) -> bool {
        let context: &Context<'_> = asked.request.context;
        match self {
            Resources::Own => true,
            Resources::These(list) => list.iter().any(|own| own.matches(&asked.resource, context)),
            Resources::AllBut(list) => {
                !list.iter().any(|own| own.matches(&asked.resource, context) || own.is_unresolved(context))
            }
        }
    }
}

impl Statement {
    /// How the statement applies to a request: [`Naming::No`] when it does not. Statements without principals apply
    /// to whomever they are attached to.
    pub(super) fn applies(&self, asked: &Asked<'_>) -> Naming {
        if !self.actions.cover(&asked.action) {
            return Naming::No;
        }
        let naming = self.naming(asked.request.principal, asked.request.canonical_id);
        if naming == Naming::No || !self.resources.cover(asked) {
            return Naming::No;
        }
        if self.conditions.iter().all(|condition| condition.holds(asked.request.context)) {
            naming
        } else {
            Naming::No
        }
    }

    fn naming(&self, principal: &Principal, canonical: Option<&str>) -> Naming {
        match &self.principals {
            None => Naming::Direct,
            Some(principals) => principals.names(principal, canonical, self.effect == Effect::Deny),
        }
    }

    /// The condition keys that it reads, in the spelling of the policy, with repetitions.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let resources: &[ArnPattern] = match &self.resources {
            Resources::Own => &[],
            Resources::These(list) | Resources::AllBut(list) => list,
        };
        let from_resources = resources.iter().flat_map(ArnPattern::variables);
        self.conditions.iter().flat_map(Condition::keys).chain(from_resources)
    }
}

impl Policy {
    /// Reads a document as the service that keeps it would: `Err` carries that service's code and message.
    ///
    /// AWS: the code is IAM's `MalformedPolicyDocument` for everything that IAM keeps, `MalformedPolicy` for S3,
    /// `MalformedPolicyDocumentException` for KMS and Organizations.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Policy, MalformedPolicy> {
        reader::read(text, kind)
    }

    /// Reads a document that is stored already, or that AWS wrote: without the checks that its service makes before
    /// it stores one, so that what was once accepted stays readable. Types, elements and operators must still be
    /// right.
    pub fn load(text: &str, kind: PolicyKind) -> Result<Policy, MalformedPolicy> {
        reader::load(text, kind)
    }

    /// The statements of several policies of one kind as one, where a service keeps more than one for a resource:
    /// each allows, and each denies, by itself. `None` without any.
    pub fn joined(policies: Vec<Policy>) -> Option<Policy> {
        let mut policies = policies.into_iter();
        let mut all = policies.next()?;
        all.statements.extend(policies.flat_map(|policy| policy.statements));
        all.index = Index::of(&all.statements);
        Some(all)
    }

    /// Whether every resource that it names is the one called `name` in this service, or lies within it: what S3 asks of a
    /// bucket's policy.
    pub fn stays_within(&self, service: &str, name: &str) -> bool {
        self.statements.iter().all(|statement| match &statement.resources {
            Resources::Own => false,
            Resources::These(list) | Resources::AllBut(list) => {
                list.iter().all(|pattern| pattern.is_within(service, name))
            }
        })
    }

    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The condition keys that the document reads, in its spelling and order, each once: the answer of
    /// `GetContextKeysForCustomPolicy`.
    pub fn context_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for key in self.statements.iter().flat_map(Statement::keys) {
            if !keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                keys.push(key);
            }
        }
        keys
    }

    /// Whether a statement allows the action, in any case, on some resource under some condition. What other
    /// statements deny is not looked at.
    pub fn allows_somewhere(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let mut candidates = self.candidates(&action);
        candidates.any(|statement| statement.effect == Effect::Allow && statement.actions.cover(&action))
    }

    /// Whether a statement denies the action, in any case, on every resource and under every condition.
    pub fn denies_outright(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let mut candidates = self.candidates(&action);
        candidates.any(|statement| {
            let everywhere = match &statement.resources {
                Resources::These(list) => list.contains(&ArnPattern::Any),
                Resources::Own | Resources::AllBut(_) => false,
            };
            let outright = everywhere && statement.conditions.is_empty();
            outright && statement.effect == Effect::Deny && statement.actions.cover(&action)
        })
    }

    /// The statements that may apply to an action (in lower case), in the order of the document.
    pub(super) fn candidates(&self, action: &str) -> impl Iterator<Item = &Statement> {
        self.index.candidates(action).filter_map(|at| self.statements.get(at))
    }
}
