//! `Resource` and `NotResource`: are they ARNs of things that exist.

use super::{
    At, COMPARED_MAX, FindingType, PolicyType, Report, Statement, elements, overlaps, without_variables,
};
use crate::actions;

/// Longest resource that is compared with the services' patterns; an ARN has at most 2,048 characters.
const RESOURCE_MAX: usize = 2048;
const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

pub(super) fn check(report: &mut Report<'_>, statement: &Statement<'_>) {
    let mut present = false;
    for name in ["Resource", "NotResource"] {
        let Some(at) = statement.at.member(name) else { continue };
        present = true;
        if report.resource_type == Some("AWS::IAM::AssumeRolePolicyDocument") {
            let details = "Role trust policies apply to the role that they are attached to. You cannot specify a resource. \
                           Remove the Resource or NotResource element.";
            report.error("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", details, &at);
            continue;
        }
        if at.is_empty_list() {
            let details =
                "This statement includes no resources and does not affect the policy. Specify resources.";
            report.add(FindingType::Suggestion, "EMPTY_ARRAY_RESOURCE", details, &[&at]);
        }
        let list = report.strings(&at);
        for (at, text) in &list {
            elements::variables(report, statement, at, text);
            arn(report, at, text);
        }
        redundant(report, &list[..list.len().min(COMPARED_MAX)]);
    }
    if !present && !statement.is_trust && report.kind != PolicyType::ResourceControl {
        let details = "Add a Resource or NotResource element to the policy statement.";
        report.error("MISSING_RESOURCE", details, &statement.at);
    }
}

fn arn(report: &mut Report<'_>, at: &At<'_>, text: &str) {
    let shape = without_variables(text);
    if shape.starts_with('*') || shape.len() > RESOURCE_MAX || report.is_full() {
        return;
    }
    if !shape.starts_with("arn:") {
        return report.error("INVALID_ARN_PREFIX", "Add the required prefix (arn) to the resource ARN.", at);
    }
    let fields: Vec<&str> = shape.splitn(6, ':').collect();
    let [_, partition, service, region, account, resource] = fields[..] else {
        if fields.last().is_some_and(|last| last.contains('*')) {
            return;
        }
        let details = "Resource ARNs must include at least 6 fields in the following structure: \
                       arn:partition:service:region:account:resource";
        return report.error("MISSING_ARN_FIELD", details, at);
    };
    if !partition.contains(['*', '?']) && !PARTITIONS.contains(&partition) {
        let details = format!(
            "The resource ARN for the service {service} does not support the partition {partition}. Use the supported \
             values: {}",
            PARTITIONS.join(", ")
        );
        report.error("INVALID_PARTITION", details, at);
    }
    if service.contains(['*', '?']) {
        let details = "Avoid using wildcards (*, ?) in the service name because it might grant unintended access to other \
                       AWS services with similar names.";
        return report.add(FindingType::Suggestion, "WILDCARD_IN_SERVICE_NAME", details, &[at]);
    }
    if service.bytes().any(|b| b.is_ascii_uppercase()) {
        let details =
            format!("Update the service name {service} in the resource ARN to use all lowercase letters.");
        return report.error("INVALID_ARN_SERVICE_CASE", details, at);
    }
    let patterns = patterns(service);
    if patterns.is_empty() && actions::service(service).is_none() {
        let details = format!("The service {service} does not exist. Use a valid service name.");
        return report.error("INVALID_SERVICE", details, at);
    }
    if !is_open(account) && !is_account(account) {
        let details =
            format!("The resource ARN account ID {account} is not valid. Provide a 12-digit account ID.");
        return report.error("INVALID_ARN_ACCOUNT", details, at);
    }
    if !is_open(region) && !is_region(region) {
        let details = format!(
            "The Region {region} is not valid for this resource. Update the resource ARN to include a supported Region."
        );
        return report.error("INVALID_ARN_REGION", details, at);
    }
    place(report, at, &patterns, [service, region, account, resource]);
}

/// Compares region and account with the patterns that the resource part fits.
fn place(report: &mut Report<'_>, at: &At<'_>, patterns: &[Pattern], arn: [&str; 4]) {
    let [service, region, account, resource] = arn;
    if patterns.is_empty() {
        return;
    }
    let fitting: Vec<&Pattern> = patterns.iter().filter(|p| overlaps(&p.resource, resource)).collect();
    if fitting.is_empty() {
        let details =
            "Resource ARN does not match the expected ARN format. Update the resource portion of the ARN.";
        return report.error("INVALID_ARN_RESOURCE", details, at);
    }
    if !region.is_empty() && region != "*" && fitting.iter().all(|p| !p.region) {
        let details =
            format!("The service {service} does not support specifying a Region in the resource ARN.");
        report.error("ARN_REGION_NOT_ALLOWED", details, at);
    }
    if !account.is_empty() && account != "*" && fitting.iter().all(|p| !p.account) {
        let details =
            format!("The service {service} does not support specifying an account ID in the resource ARN.");
        report.error("ARN_ACCOUNT_NOT_ALLOWED", details, at);
    }
    if region.is_empty() && fitting.iter().all(|p| p.region) {
        report.error("MISSING_ARN_REGION", format!("Add a Region to the {service} resource ARN."), at);
    }
    // AWS's own documents (`arn:aws:ssm:*::document/AWS-RunShellScript`) have no account, which the reference leaves out.
    if account.is_empty() && service != "ssm" && fitting.iter().all(|p| p.account) {
        let details = format!(
            "The resource {resource} in the arn is missing an account id. Please provide a 12 digit account id."
        );
        report.error("MISSING_ARN_ACCOUNT", details, at);
    }
}

/// The shape of a resource type's ARN.
struct Pattern {
    region: bool,
    account: bool,
    resource: String,
}

/// The patterns of all resource types whose ARNs name this service, whatever their own service's prefix.
fn patterns(service: &str) -> Vec<Pattern> {
    let mut found = Vec::new();
    for kind in actions::services().flat_map(actions::Service::resource_types) {
        // Cheap test first: most of two thousand patterns are of other services.
        let Some(rest) = kind.arn().strip_prefix("arn:${Partition}:").and_then(|r| r.strip_prefix(service))
        else {
            continue;
        };
        let mut fields = rest.splitn(4, ':');
        if let (Some(""), Some(region), Some(account), Some(resource)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        {
            let resource = without_variables(resource);
            found.push(Pattern { region: !region.is_empty(), account: !account.is_empty(), resource });
        }
    }
    found
}

/// Empty, or with a wildcard, so that there is nothing to check.
fn is_open(field: &str) -> bool {
    field.is_empty() || field.contains(['*', '?'])
}

/// Twelve digits, or one of the words that stand for AWS itself.
fn is_account(field: &str) -> bool {
    let digits = field.len() == 12 && field.bytes().all(|b| b.is_ascii_digit());
    digits || matches!(field, "aws" | "aws-managed" | "aws-marketplace" | "cloudfront" | "amazon")
}

/// `eu-central-1`, `us-gov-west-1`, or the word for no region in particular.
fn is_region(field: &str) -> bool {
    let mut parts = field.split('-');
    let words = |p: &str| p.len() >= 2 && p.bytes().all(|b| b.is_ascii_lowercase());
    let number = parts.next_back().is_some_and(|p| p.len() == 1 && p.bytes().all(|b| b.is_ascii_digit()));
    field == "global" || (number && parts.clone().count() >= 2 && parts.all(words))
}

/// Resources that another one of the same list already covers.
fn redundant(report: &mut Report<'_>, list: &[(At<'_>, &str)]) {
    let covered = |index: usize| {
        let text = list[index].1;
        list.iter().enumerate().any(|(other, (_, pattern))| {
            other != index && if *pattern == text { other < index } else { covers(pattern, text) }
        })
    };
    let extra: Vec<&At<'_>> = (0..list.len()).filter(|i| covered(*i)).map(|i| &list[i].0).collect();
    if !extra.is_empty() {
        let details = format!(
            "The {} resource ARN(s) are redundant because they reference the same resource. Review the use of wildcards (*)",
            extra.len()
        );
        report.add(FindingType::Suggestion, "REDUNDANT_RESOURCE", details, &extra);
    }
}

/// Whether everything that `text` stands for also fits `pattern`; the case counts, as it does in ARNs.
fn covers(pattern: &str, text: &str) -> bool {
    pattern.contains('*')
        && !pattern.contains(['?', '$'])
        && actions::matches(pattern, text)
        && pattern.split('*').all(|part| text.contains(part))
}
