//! `Action` and `NotAction`: do the actions exist, and is each needed.

use super::{At, COMPARED_MAX, FindingType, Report, Statement};
use crate::actions;

/// Names of operations that people take for actions, with the action that the operation is authorized by.
/// From "Required permissions for Amazon S3 API operations".
const OPERATIONS: [(&str, &str); 8] = [
    ("s3:ListBuckets", "s3:ListAllMyBuckets"),
    ("s3:ListObjects", "s3:ListBucket"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:HeadObject", "s3:GetObject"),
    ("s3:CopyObject", "s3:PutObject"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
    ("s3:ListMultipartUploads", "s3:ListBucketMultipartUploads"),
];

pub(super) fn check(report: &mut Report<'_>, statement: &Statement<'_>) {
    for name in ["Action", "NotAction"] {
        let Some(at) = statement.at.member(name) else { continue };
        if at.is_empty_list() {
            let details =
                "This statement includes no actions and does not affect the policy. Specify actions.";
            report.add(FindingType::Suggestion, "EMPTY_ARRAY_ACTION", details, &[&at]);
        }
        let list = report.strings(&at);
        for (at, action) in &list {
            exists(report, at, action);
        }
        redundant(report, &list[..list.len().min(COMPARED_MAX)]);
    }
}

fn exists(report: &mut Report<'_>, at: &At<'_>, action: &str) {
    if action == "*" || action.contains("${") || report.is_full() {
        return;
    }
    let Some((prefix, name)) = action.split_once(':') else {
        return report.error("INVALID_ACTION", format!("The action {action} does not exist."), at);
    };
    if prefix.contains(['*', '?']) {
        if prefix != "*" || name != "*" {
            let details = "Avoid using wildcards (*, ?) in the service name because it might grant unintended access to \
                           other AWS services with similar names.";
            report.add(FindingType::Suggestion, "WILDCARD_IN_SERVICE_NAME", details, &[at]);
        }
        return;
    }
    let Some(service) = actions::service(prefix) else {
        let mut details = format!("The service {action} specified in the action does not exist.");
        if let Some(near) = actions::services().map(actions::Service::prefix).find(|p| is_near(p, prefix)) {
            details.push_str(&format!(" Did you mean {near}?"));
        }
        return report.error("INVALID_SERVICE_IN_ACTION", details, at);
    };
    if service.actions().any(|known| actions::matches(name, known.name())) {
        return;
    }
    let mut details = format!("The action {action} does not exist.");
    if let Some((operation, meant)) = OPERATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(action))
    {
        let operation = operation.split_once(':').map_or(*operation, |(_, name)| name);
        details.push_str(&format!(
            " Did you mean {meant}? The API called {operation} authorizes against the IAM action {meant}."
        ));
    } else if let Some(near) = service.actions().find(|known| is_near(known.name(), name)) {
        details.push_str(&format!(" Did you mean {}?", near.full_name()));
    }
    report.error("INVALID_ACTION", details, at);
}

/// Actions that another one of the same list already says.
fn redundant(report: &mut Report<'_>, list: &[(At<'_>, &str)]) {
    let covered = |index: usize| {
        let action = list[index].1;
        list.iter().enumerate().any(|(other, (_, pattern))| {
            let same = pattern.eq_ignore_ascii_case(action);
            other != index && if same { other < index } else { actions::matches(pattern, action) }
        })
    };
    let extra: Vec<&(At<'_>, &str)> = (0..list.len()).filter(|i| covered(*i)).map(|i| &list[i]).collect();
    let Some((_, example)) = extra.first() else { return };
    let details = format!(
        "The {} action(s) are redundant because they provide similar permissions. Update the policy to remove the \
         redundant action such as: {example}.",
        extra.len()
    );
    let places: Vec<&At<'_>> = extra.iter().map(|(at, _)| at).collect();
    report.add(FindingType::Suggestion, "REDUNDANT_ACTION", details, &places);
}

/// Whether the names differ, but by no more than one letter put in, left out, changed or swapped with its neighbour.
fn is_near(known: &str, written: &str) -> bool {
    let (a, b) = (known.to_ascii_lowercase(), written.to_ascii_lowercase());
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a == b || a.len().abs_diff(b.len()) > 1 || a.len() < 3 {
        return false;
    }
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[head..], &b[head..]);
    match a.len().cmp(&b.len()) {
        std::cmp::Ordering::Less => a == &b[1..],
        std::cmp::Ordering::Greater => &a[1..] == b,
        std::cmp::Ordering::Equal => {
            let swapped = a.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..];
            swapped || a[1..] == b[1..]
        }
    }
}
