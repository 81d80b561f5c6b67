//! `Principal` and `NotPrincipal`: where they may stand, and whom they name.

use super::{At, Effect, FindingType, PolicyType, Report, Statement};
use crate::spans::Json;

const KEYS: [&str; 4] = ["AWS", "CanonicalUser", "Federated", "Service"];
/// Condition keys that tie a service principal to a source.
const SOURCES: [&str; 4] = ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];
const GITHUB: &str = "token.actions.githubusercontent.com";

pub(super) fn check(report: &mut Report<'_>, statement: &Statement<'_>) {
    let (one, other) = (statement.at.member("Principal"), statement.at.member("NotPrincipal"));
    match report.kind {
        PolicyType::Identity => {
            for (at, name) in [(&one, "Principal"), (&other, "NotPrincipal")] {
                let Some(at) = at else { continue };
                let details = format!(
                    "The policy type IDENTITY_POLICY does not support the {name} element. Remove the {name} element."
                );
                report.error("UNSUPPORTED_PRINCIPAL", details, at);
            }
        }
        PolicyType::ServiceControl => {
            if let Some(at) = one.or(other) {
                let details = "SCPs do not support specifying principals. Remove the Principal or NotPrincipal element.";
                report.error("SCP_SYNTAX_ERROR_PRINCIPAL", details, &at);
            }
        }
        PolicyType::ResourceControl => {
            let is_everyone =
                one.as_ref().is_some_and(|at| matches!(&at.node.value, Json::String(s) if s == "*"));
            if !is_everyone || other.is_some() {
                let details = "The Principal element contents are not valid. RCPs only support specifying all principals \
                               (\"*\") in the Principal element. The NotPrincipal element is not supported for RCPs.";
                report.error(
                    "RCP_SYNTAX_ERROR_PRINCIPAL",
                    details,
                    &other.or(one).unwrap_or(statement.at.clone()),
                );
            }
        }
        PolicyType::Resource => of_resource(report, statement, one.as_ref(), other.as_ref()),
    }
}

fn of_resource(
    report: &mut Report<'_>,
    statement: &Statement<'_>,
    one: Option<&At<'_>>,
    other: Option<&At<'_>>,
) {
    if one.is_none() && other.is_none() {
        report.error("MISSING_PRINCIPAL", "Add a Principal element to the policy statement.", &statement.at);
    }
    if let Some(at) = other {
        if statement.is_trust {
            let details = "Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead.";
            report.error("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", details, at);
        } else if statement.effect == Some(Effect::Allow) {
            let details = "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead.";
            report.add(FindingType::SecurityWarning, "ALLOW_WITH_NOT_PRINCIPAL", details, &[at]);
        }
    }
    for at in one.into_iter().chain(other) {
        element(report, statement, at);
    }
}

fn element(report: &mut Report<'_>, statement: &Statement<'_>, at: &At<'_>) {
    match &at.node.value {
        Json::String(text) if text == "*" => {}
        Json::Object(members) if members.is_empty() => {
            let details =
                "This statement includes no principals and does not affect the policy. Specify principals.";
            report.add(FindingType::Suggestion, "EMPTY_OBJECT_PRINCIPAL", details, &[at]);
        }
        Json::Object(members) => {
            for member in members {
                let name = member.name.as_str();
                if !KEYS.contains(&name) {
                    let details = format!("The principal key {name} is not valid.");
                    report.add_key(FindingType::Error, "INVALID_PRINCIPAL_KEY", details, at, member);
                    continue;
                }
                values(report, statement, name, &at.child(member));
            }
        }
        _ => {
            let details = "The Principal element contents are not valid. Specify a key-value pair in the Principal element.";
            report.error("INVALID_PRINCIPAL_FORMAT", details, at);
        }
    }
}

fn values(report: &mut Report<'_>, statement: &Statement<'_>, name: &str, at: &At<'_>) {
    if at.is_empty_list() {
        let details =
            "This statement includes no principals and does not affect the policy. Specify principals.";
        report.add(FindingType::Suggestion, "EMPTY_ARRAY_PRINCIPAL", details, &[at]);
    }
    let list = report.strings(at);
    for (at, text) in &list {
        let wild = text.contains(['*', '?']);
        if wild && !(name == "AWS" && *text == "*") {
            let details = format!(
                "Wildcards (*, ?) are not supported with the principal key {name}. Replace the wildcard with a valid \
                 principal value."
            );
            report.error("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", details, at);
        } else if name == "Service" && !is_service(text) {
            let details = "The service principal does not match the expected format. Use the format \
                           service-name.amazonaws.com.";
            report.error("INVALID_SERVICE_PRINCIPAL_FORMAT", details, at);
        }
        reference(report, name, at, text);
    }
    match name {
        "Federated" if statement.is_trust => federated(report, statement, &list),
        "Federated" => {
            let details = "The policy type does not support a federated identity provider in the principal element. Use a \
                           supported principal.";
            report.error("FEDERATED_PRINCIPAL_NOT_SUPPORTED", details, at);
        }
        "Service"
            if !statement.is_trust
                && statement.effect == Some(Effect::Allow)
                && !has_key(statement, |key| SOURCES.contains(&key)) =>
        {
            let details = "Granting access to a service principal without specifying a source is overly permissive. Use \
                               aws:SourceArn, aws:SourceAccount, aws:SourceOrgID, or aws:SourceOrgPaths condition key to \
                               grant fine-grained access.";
            report.add(FindingType::SecurityWarning, "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", details, &[at]);
        }
        _ => {}
    }
}

/// A unique id in the place of an ARN.
fn reference(report: &mut Report<'_>, name: &str, at: &At<'_>, text: &str) {
    let is_id = text.len() >= 16 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if name != "AWS" || !is_id {
        return;
    }
    if text.starts_with("AROA") {
        let details = format!(
            "The Principal element includes the IAM role ID {text}. We recommend that you use a role ARN instead."
        );
        report.add(FindingType::Warning, "INVALID_ROLE_REFERENCE", details, &[at]);
    } else if text.starts_with("AIDA") {
        let details = format!(
            "The Principal element includes the IAM user ID {text}. We recommend that you use a user ARN instead."
        );
        report.add(FindingType::Warning, "INVALID_USER_REFERENCE", details, &[at]);
    }
}

/// Federated principals of a trust policy, with the action that each kind of provider takes.
fn federated(report: &mut Report<'_>, statement: &Statement<'_>, list: &[(At<'_>, &str)]) {
    for (at, text) in list {
        let is_provider = text.starts_with("arn:")
            && (text.contains(":saml-provider/") || text.contains(":oidc-provider/"));
        let is_domain = text.contains('.')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'/'));
        if !is_provider && !is_domain {
            let details = "The principal value specifies a federated principal that does not match the expected format. \
                           Update the federated principal to a domain name or a SAML metadata ARN.";
            report.error("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", details, at);
        }
    }
    mismatched(report, statement, list);
    if statement.effect != Some(Effect::Allow) {
        return;
    }
    for (at, text) in list.iter().filter(|(_, text)| !text.contains(":saml-provider/")) {
        let host = text.rsplit_once("oidc-provider/").map_or(*text, |(_, host)| host).to_ascii_lowercase();
        if host == GITHUB {
            if !has_key(statement, |key| key == "token.actions.githubusercontent.com:sub") {
                let details = "Granting a federated GitHub principal permissions without a condition key can allow more \
                               sources to assume the role than you intended. Add the \
                               token.actions.githubusercontent.com:sub condition key and specify the branch and repository \
                               name in the value.";
                report.add(FindingType::SecurityWarning, "MISSING_GITHUB_REPO_CONDITION_KEY", details, &[at]);
            }
        } else if !has_key(statement, |key| key.starts_with(&host)) {
            let details = "Using an Open ID Connect principal without a condition can be overly permissive. Add condition \
                           keys with a prefix that matches your federated OIDC principals to ensure that only the intended \
                           identity provider assumes the role.";
            report.add(
                FindingType::SecurityWarning,
                "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
                details,
                &[at],
            );
        }
    }
}

fn mismatched(report: &mut Report<'_>, statement: &Statement<'_>, list: &[(At<'_>, &str)]) {
    let Some(action) = statement.at.member("Action") else { return };
    let items = if action.items().is_empty() { vec![action] } else { action.items() };
    for item in items {
        let Json::String(name) = &item.node.value else { continue };
        let wrong: Vec<&(At<'_>, &str)> = list
            .iter()
            .filter(|(_, principal)| {
                let is_saml = principal.contains(":saml-provider/");
                match name.to_ascii_lowercase().as_str() {
                    "sts:assumerole" => true,
                    "sts:assumerolewithsaml" => !is_saml,
                    "sts:assumerolewithwebidentity" => is_saml,
                    _ => false,
                }
            })
            .collect();
        if wrong.is_empty() {
            continue;
        }
        let names: Vec<&str> = wrong.iter().map(|(_, name)| *name).collect();
        let details = format!(
            "The {name} action is invalid with the following principal(s): {}. Use a SAML provider principal with the \
             sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. \
             Ensure the provider is Federated if you use either of the two options.",
            names.join(", ")
        );
        let places: Vec<&At<'_>> = std::iter::once(&item).chain(wrong.iter().map(|(at, _)| at)).collect();
        report.add(FindingType::Error, "MISMATCHED_ACTION_FOR_PRINCIPAL", details, &places);
    }
}

/// Whether the statement's conditions use a key (in lower case) that `test` accepts.
pub(super) fn has_key(statement: &Statement<'_>, test: impl Fn(&str) -> bool) -> bool {
    let Some(condition) = statement.at.member("Condition") else { return false };
    condition
        .members()
        .iter()
        .flat_map(|operator| condition.child(operator).members())
        .any(|key| test(&key.name.to_ascii_lowercase()))
}

/// `ec2.amazonaws.com`, or the form of another partition.
fn is_service(text: &str) -> bool {
    let name = text.strip_suffix(".amazonaws.com").or(text.strip_suffix(".amazonaws.com.cn"));
    let other = text.strip_suffix(".aws.internal").or(text.strip_suffix(".aws.com"));
    name.or(other).is_some_and(|n| {
        !n.is_empty()
            && n.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_'))
    })
}
