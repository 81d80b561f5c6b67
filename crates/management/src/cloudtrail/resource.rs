//! The resources of an event, as a lookup by type or name finds them.
//!
//! They are read off the ARNs that the call was authorized for or touched. AWS has its own rules for each service;
//! here IAM's users, groups, roles and instance profiles go by their names, and everything else by its ARN.

use base::Arn;
use kernel::audit::Entry;
use std::collections::BTreeSet;

/// Service and resource prefix of an ARN, and the type that CloudTrail and CloudFormation know it by.
const TYPES: &[(&str, &str, &str)] = &[
    ("iam", "group", "AWS::IAM::Group"),
    ("iam", "instance-profile", "AWS::IAM::InstanceProfile"),
    ("iam", "mfa", "AWS::IAM::VirtualMFADevice"),
    ("iam", "oidc-provider", "AWS::IAM::OIDCProvider"),
    ("iam", "policy", "AWS::IAM::Policy"),
    ("iam", "role", "AWS::IAM::Role"),
    ("iam", "saml-provider", "AWS::IAM::SAMLProvider"),
    ("iam", "server-certificate", "AWS::IAM::ServerCertificate"),
    ("iam", "user", "AWS::IAM::User"),
    ("kms", "alias", "AWS::KMS::Alias"),
    ("kms", "key", "AWS::KMS::Key"),
    ("organizations", "account", "AWS::Organizations::Account"),
    ("organizations", "organization", "AWS::Organizations::Organization"),
    ("organizations", "ou", "AWS::Organizations::OrganizationalUnit"),
    ("organizations", "policy", "AWS::Organizations::Policy"),
    ("sts", "assumed-role", "AWS::STS::AssumedRole"),
    ("sts", "federated-user", "AWS::STS::FederatedUser"),
];

/// IAM's types that go by name.
const NAMED: &[&str] = &["group", "instance-profile", "role", "user"];

/// One resource of an event.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Referenced {
    pub(super) kind: Option<&'static str>,
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) account: String,
}

/// Every resource of the event, once.
pub(super) fn of(entry: &Entry) -> Vec<Referenced> {
    let decided = entry.decisions.iter().map(|decision| &decision.resource);
    let found: BTreeSet<_> = entry.resources.iter().chain(decided).filter_map(|arn| read(arn)).collect();
    found.into_iter().collect()
}

fn read(text: &str) -> Option<Referenced> {
    let arn = Arn::parse(text)?;
    let (kind, rest) = arn.resource.split_once(['/', ':']).unwrap_or((&arn.resource, ""));
    // `user/` or `user/*` is what a listing is authorized for, and no resource.
    if rest.is_empty() || rest.contains('*') {
        return None;
    }
    let known = TYPES.iter().find(|(service, prefix, _)| *service == arn.service && *prefix == kind);
    let by_name = arn.service == "iam" && NAMED.contains(&kind);
    let name = if by_name { rest.rsplit('/').next().unwrap_or(rest) } else { text };
    Some(Referenced {
        kind: known.map(|(_, _, kind)| *kind),
        name: name.to_owned(),
        arn: text.to_owned(),
        account: arn.account.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn types_and_names() {
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:user/team/eva", Some((Some("AWS::IAM::User"), "eva"))),
            (
                "arn:aws:iam::aws:policy/ReadOnlyAccess",
                Some((Some("AWS::IAM::Policy"), "arn:aws:iam::aws:policy/ReadOnlyAccess")),
            ),
            ("arn:aws:kms:us-east-1:1:key/k", Some((Some("AWS::KMS::Key"), "arn:aws:kms:us-east-1:1:key/k"))),
            ("arn:aws:sqs:us-east-1:1:q/x", Some((None, "arn:aws:sqs:us-east-1:1:q/x"))),
            ("arn:aws:iam::123456789012:user/", None),
            ("arn:aws:iam::123456789012:role/*", None),
            ("*", None),
        ] {
            let read = read(arn);
            let found = read.as_ref().map(|found| (found.kind, found.name.as_str()));
            assert_eq!(found, expected, "{arn}");
        }
    }
}
