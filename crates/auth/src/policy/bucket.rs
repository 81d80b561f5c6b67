//! Whether a bucket's policy can mean anything: S3 refuses statements that never apply.
//!
//! Which action goes with which resource and condition key is what the service authorization reference says. A pattern of
//! actions is good when one of those that it stands for is; each action that is written out has to be. Global condition keys
//! are not looked at; only a key without a prefix is none.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html>. The words are those that
//! S3 answers with.

use super::arn::ArnPattern;
use super::document::{ActionPattern, Actions, Policy, Resources, Statement};
use super::principal::{Named, Principals};
use crate::actions::{self, Action};

const SERVICE: &str = "s3";

/// The kinds of resources that a statement names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kinds {
    bucket: bool,
    object: bool,
}

impl Policy {
    /// What S3 says of the first statement that it would not keep in a bucket's policy.
    pub fn unfit_for_bucket(&self) -> Option<&'static str> {
        self.statements.iter().find_map(unfit)
    }

    /// The canonical user ids that it names.
    pub fn canonical_users(&self) -> impl Iterator<Item = &str> {
        let principals = self.statements.iter().filter_map(|statement| statement.principals.as_ref());
        let all = principals.flat_map(|(Principals::These(list) | Principals::AllBut(list))| list);
        all.filter_map(|named| match named {
            Named::CanonicalUser(id) => Some(id.as_ref()),
            _ => None,
        })
    }
}

fn unfit(statement: &Statement) -> Option<&'static str> {
    let (Actions::These(patterns) | Actions::AllBut(patterns)) = &statement.actions;
    if patterns.iter().any(|pattern| *pattern != ActionPattern::Any && all(pattern).next().is_none()) {
        return Some("Policy has invalid action");
    }
    let all_keys = || statement.conditions.iter().map(|condition| &*condition.key);
    let keys = || all_keys().filter(|key| is_own(key));
    if all_keys().any(|key| !key.contains(':')) || keys().any(|key| actions::condition_key(key).is_none()) {
        return Some("Policy has an invalid condition key");
    }
    let Actions::These(patterns) = &statement.actions else { return None };
    let kinds = kinds(&statement.resources);
    if patterns.iter().any(|pattern| !all(pattern).any(|action| kinds.suit(action))) {
        return Some("Action does not apply to any resource(s) in statement");
    }
    let goes = |pattern: &ActionPattern, key: &str| {
        all(pattern).any(|action| kinds.suit(action) && takes(action, key))
    };
    let fits = keys().all(|key| patterns.iter().all(|pattern| goes(pattern, key)));
    (!fits).then_some("Conditions do not apply to combination of actions and resources in statement")
}

/// The actions of S3 that a pattern stands for.
fn all(pattern: &ActionPattern) -> impl Iterator<Item = Action> {
    let service = actions::service(SERVICE).into_iter();
    service.flat_map(actions::Service::actions).filter(move |action| {
        matches!(pattern, ActionPattern::Any) || pattern.matches(&action.full_name().to_ascii_lowercase())
    })
}

fn is_own(key: &str) -> bool {
    key.split_once(':').is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(SERVICE))
}

fn takes(action: Action, key: &str) -> bool {
    action.all_condition_keys().any(|known| actions::template_matches(known, key))
}

fn kinds(resources: &Resources) -> Kinds {
    let both = Kinds { bucket: true, object: true };
    let Resources::These(patterns) = resources else { return both };
    patterns.iter().fold(Kinds { bucket: false, object: false }, |kinds, pattern| {
        let more = match pattern {
            ArnPattern::Parts(globs) => of_name(&globs[5].widest()),
            ArnPattern::Any | ArnPattern::Whole(_) | ArnPattern::Nothing => both,
        };
        Kinds { bucket: kinds.bucket || more.bucket, object: kinds.object || more.object }
    })
}

/// `bucket`, `bucket/key`; a pattern without a slash may be either.
fn of_name(name: &str) -> Kinds {
    let object = name.contains('/');
    Kinds { bucket: !object, object: object || name.contains(['*', '?']) }
}

impl Kinds {
    fn suit(self, action: Action) -> bool {
        action.resources().any(|line| match line.kind() {
            "bucket" => self.bucket,
            "object" => self.object,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;
    use crate::policy::PolicyKind;

    const ACTION: Option<&str> = Some("Policy has invalid action");
    const KEY: Option<&str> = Some("Policy has an invalid condition key");
    const RESOURCE: Option<&str> = Some("Action does not apply to any resource(s) in statement");
    const CONDITION: Option<&str> =
        Some("Conditions do not apply to combination of actions and resources in statement");

    fn said(action: &str, resource: &str, key: &str) -> Option<&'static str> {
        let condition = if key.is_empty() {
            String::new()
        } else {
            format!(r#","Condition":{{"StringEquals":{{"{key}":"x"}}}}"#)
        };
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":{action},"Resource":{resource}{condition}}}]}}"#
        );
        Policy::parse(&text, PolicyKind::Resource("s3")).unwrap().unfit_for_bucket()
    }

    #[test]
    fn statements_that_never_apply() {
        let (bucket, object) = (r#""arn:aws:s3:::b""#, r#""arn:aws:s3:::b/*""#);
        let both = r#"["arn:aws:s3:::b","arn:aws:s3:::b/*"]"#;
        for (action, resource, key, expected) in [
            (r#""s3:GetObject""#, object, "", None),
            (r#""S3:getobject""#, object, "", None),
            (r#""s3:GetObject""#, bucket, "", RESOURCE),
            (r#""s3:GetObject""#, r#""arn:aws:s3:::b*""#, "", None),
            (r#""s3:ListBucket""#, object, "", RESOURCE),
            (r#"["s3:ListBucket","s3:GetObject"]"#, object, "", RESOURCE),
            (r#"["s3:ListBucket","s3:GetObject"]"#, both, "", None),
            (r#""s3:*""#, object, "", None),
            (r#""*""#, object, "", None),
            (r#""s3:Get*""#, bucket, "", None),
            (r#""s3:ListAllMyBuckets""#, both, "", RESOURCE),
            (r#""s3:Fly""#, object, "", ACTION),
            (r#""s3:Fly*""#, object, "", ACTION),
            (r#""ec2:RunInstances""#, object, "", ACTION),
            (r#""s3:GetObject""#, object, "s3:fly", KEY),
            (r#""s3:GetObject""#, object, "aws:SourceIp", None),
            (r#""s3:GetObject""#, object, "SourceIp", KEY),
            (r#""s3:GetObject""#, object, "s3:prefix", CONDITION),
            (r#""s3:ListBucket""#, bucket, "s3:prefix", None),
            (r#"["s3:ListBucket","s3:GetBucketAcl"]"#, bucket, "s3:prefix", CONDITION),
            (r#""s3:*""#, both, "s3:prefix", None),
            (r#""s3:GetObject""#, object, "s3:ExistingObjectTag/team", None),
            (r#""s3:PutObject""#, object, "s3:x-amz-acl", None),
            (r#""s3:PutObject""#, object, "s3:RequestObjectTag/team", None),
            (r#""s3:PutObject""#, object, "s3:x-amz-server-side-encryption", None),
            (r#""s3:DeleteObject""#, object, "s3:x-amz-acl", CONDITION),
        ] {
            assert_eq!(said(action, resource, key), expected, "{action} {resource} {key}");
        }
    }
}
