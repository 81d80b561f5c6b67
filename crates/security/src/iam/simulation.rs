//! The policy simulator without its requests: which actions on which resources some policies would allow to whom.
//!
//! Nothing is known of a simulated call but what is given: a condition key without an entry is missing, and reported
//! so. AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html>

use auth::actions;
use auth::policy::{
    Attached as View, Ceiling, Context, Layers, Level, Matched, Outcome, Principal, Request, ResourceMode,
    Simulation, Values, simulate,
};
use base::{AccountId, Arn};
use kernel::identity::{Attached, ControlLevel};
use std::borrow::Cow;

/// What is simulated, whatever the action and the resource.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) caller: Principal,
    pub(crate) identity: Vec<Attached>,
    pub(crate) boundary: Option<Attached>,
    /// From the organization's root down; empty outside an organization.
    pub(crate) control: Vec<ControlLevel>,
    /// Hangs on every resource.
    pub(crate) resource: Option<Attached>,
    /// Of resources whose ARN names no account.
    pub(crate) owner: AccountId,
    /// Condition keys and whether each is a list.
    pub(crate) entries: Vec<(String, Vec<String>, bool)>,
}

/// One action on the resources of one type.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Evaluated {
    pub(crate) action: String,
    /// The type's ARN template, or `*`.
    pub(crate) template: String,
    /// The most restrictive of the resources' outcomes.
    pub(crate) outcome: Outcome,
    pub(crate) matched: Vec<Statement>,
    pub(crate) missing: Vec<String>,
    pub(crate) by_organization: Option<bool>,
    pub(crate) by_boundary: Option<bool>,
    /// Of each side the most restrictive outcome.
    pub(crate) sides: Option<Sides>,
    /// Empty where no resource was named.
    pub(crate) resources: Vec<OnResource>,
}

/// One action on one resource.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct OnResource {
    pub(crate) arn: String,
    pub(crate) outcome: Outcome,
    pub(crate) matched: Vec<Statement>,
    pub(crate) missing: Vec<String>,
    pub(crate) by_organization: Option<bool>,
    pub(crate) by_boundary: Option<bool>,
    /// Where the resource is another account's, and the organization has not ended it before.
    pub(crate) sides: Option<Sides>,
}

/// What the caller's policies and the resource's came to.
pub(crate) type Sides = (Outcome, Option<Outcome>);

/// A statement that determined an outcome.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Statement {
    pub(crate) source: auth::policy::PolicySource,
    /// Line and column of beginning and end.
    pub(crate) start: (u32, u32),
    pub(crate) end: (u32, u32),
}

impl Scene {
    /// Every action with every resource, resources of one type together. No resources: any.
    pub(crate) fn run(&self, actions: &[String], resources: &[String]) -> Vec<Evaluated> {
        actions.iter().flat_map(|action| self.action(action, resources)).collect()
    }

    fn action(&self, action: &str, resources: &[String]) -> Vec<Evaluated> {
        if resources.iter().all(|arn| arn == "*") {
            let any = self.one(action, "*");
            return vec![Evaluated { resources: Vec::new(), ..summed(action, "*", vec![any]) }];
        }
        let mut groups: Vec<(String, Vec<OnResource>)> = Vec::new();
        for arn in resources {
            let template = template(action, arn).unwrap_or("*");
            let result = self.one(action, arn);
            match groups.iter_mut().find(|(known, _)| known == template) {
                Some((_, group)) => group.push(result),
                None => groups.push((template.to_owned(), vec![result])),
            }
        }
        groups.into_iter().map(|(template, group)| summed(action, &template, group)).collect()
    }

    fn one(&self, action: &str, arn: &str) -> OnResource {
        let mut context = Context::with_capacity(self.entries.len());
        for (key, values, is_list) in &self.entries {
            let values = match (values.as_slice(), is_list) {
                ([value], false) => Values::One(Cow::Borrowed(value)),
                (values, _) => Values::Many(values.iter().map(|v| Cow::Borrowed(v.as_str())).collect()),
            };
            context.set(key.as_str(), values);
        }
        let owner = Arn::parse(arn).and_then(|arn| AccountId::parse(&arn.account)).unwrap_or(self.owner);
        let request = Request {
            principal: &self.caller,
            action,
            resource: arn,
            resource_account: owner.as_str(),
            canonical_id: None,
            context: &context,
        };
        let identity: Vec<View<'_>> = self.identity.iter().map(view).collect();
        let held: Vec<(&str, Vec<View<'_>>)> = self
            .control
            .iter()
            .map(|level| (level.target.as_str(), level.policies.iter().map(view).collect()))
            .collect();
        let levels: Vec<Level<'_>> =
            held.iter().map(|(target, policies)| Level { target, policies }).collect();
        let layers = Layers {
            identity: &identity,
            boundary: self.boundary.as_ref().map(view),
            scp: if levels.is_empty() { Ceiling::None } else { Ceiling::Levels(&levels) },
            resource: self.resource.as_ref().map(view),
            mode: self.mode(action),
            ..Layers::default()
        };
        let crossing = !request.is_same_account();
        reported(arn, &simulate(&request, &layers), crossing)
    }

    /// Keys of KMS are guarded by their own policies alone; elsewhere either side suffices within an account.
    fn mode(&self, action: &str) -> ResourceMode {
        match self.resource {
            None => ResourceMode::None,
            Some(_) if action.get(..4).is_some_and(|vendor| vendor.eq_ignore_ascii_case("kms:")) => {
                ResourceMode::Required
            }
            Some(_) => ResourceMode::Optional,
        }
    }
}

fn view(attached: &Attached) -> View<'_> {
    View { source: &attached.0, policy: &attached.1 }
}

fn reported(arn: &str, simulation: &Simulation<'_>, crossing: bool) -> OnResource {
    OnResource {
        arn: arn.to_owned(),
        outcome: simulation.outcome,
        matched: simulation.matched.iter().map(statement).collect(),
        missing: simulation.missing.iter().map(|key| (*key).to_owned()).collect(),
        by_organization: simulation.allowed_by_organizations,
        by_boundary: simulation.allowed_by_boundary,
        sides: (crossing && simulation.allowed_by_organizations != Some(false))
            .then_some((simulation.by_identity, simulation.by_resource)),
    }
}

fn statement(matched: &Matched<'_>) -> Statement {
    let Matched { source, statement, .. } = matched;
    Statement {
        source: (*source).clone(),
        start: (statement.start.line, statement.start.column),
        end: (statement.end.line, statement.end.column),
    }
}

/// The outcome that forbids most.
fn worst(outcomes: impl Iterator<Item = Outcome>) -> Option<Outcome> {
    outcomes.max_by_key(|outcome| match outcome {
        Outcome::Allowed => 0,
        Outcome::ImplicitDeny => 1,
        Outcome::ExplicitDeny => 2,
    })
}

/// `Some(false)` where one of them forbids.
fn all(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    verdicts.flatten().reduce(|a, b| a && b)
}

fn summed(action: &str, template: &str, resources: Vec<OnResource>) -> Evaluated {
    let outcome = worst(resources.iter().map(|r| r.outcome)).unwrap_or(Outcome::ImplicitDeny);
    let sides = || resources.iter().filter_map(|r| r.sides);
    let by_identity = worst(sides().map(|(identity, _)| identity));
    let by_resource = worst(sides().filter_map(|(_, resource)| resource));
    let (mut matched, mut missing) = (Vec::new(), Vec::new());
    for resource in &resources {
        for statement in resource.matched.iter().filter(|_| resource.outcome == outcome) {
            if !matched.contains(statement) {
                matched.push(statement.clone());
            }
        }
        for key in &resource.missing {
            if !missing.contains(key) {
                missing.push(key.clone());
            }
        }
    }
    Evaluated {
        action: action.to_owned(),
        template: template.to_owned(),
        outcome,
        matched,
        missing,
        by_organization: all(resources.iter().map(|r| r.by_organization)),
        by_boundary: all(resources.iter().map(|r| r.by_boundary)),
        sides: by_identity.map(|identity| (identity, by_resource)),
        resources,
    }
}

/// The ARN template of the action's resource type that an ARN belongs to; of several, the one that says most.
fn template(action: &str, arn: &str) -> Option<&'static str> {
    let types = actions::action(action)?.resources().filter_map(|resource| resource.resource_type());
    types
        .map(|kind| kind.arn())
        .filter(|template| actions::matches(&pattern(template), arn))
        .max_by_key(|template| pattern(template).len())
}

/// `arn:*:s3:::*` of `arn:${Partition}:s3:::${BucketName}`.
fn pattern(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((head, tail)) = rest.split_once("${") {
        out.push_str(head);
        out.push('*');
        rest = tail.split_once('}').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{pattern, template};

    #[test]
    fn resources_have_types() {
        let cases = [
            (
                "s3:GetObject",
                "arn:aws:s3:::bucket/key",
                Some("arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
            ),
            ("s3:ListBucket", "arn:aws:s3:::bucket", Some("arn:${Partition}:s3:::${BucketName}")),
            (
                "iam:GetUser",
                "arn:aws:iam::123456789012:user/a/b",
                Some("arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"),
            ),
            ("iam:GetUser", "arn:aws:iam::123456789012:role/a", None),
            ("none:Such", "arn:aws:s3:::bucket", None),
        ];
        for (action, arn, expected) in cases {
            assert_eq!(template(action, arn), expected, "{action} {arn}");
        }
        assert_eq!(pattern("arn:${Partition}:s3:::${BucketName}"), "arn:*:s3:::*");
    }
}
