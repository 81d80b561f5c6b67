//! Whether a caller has what a delegation request asks for: an estimate, as AWS says of its own.
//!
//! Each action of each statement that allows something is tried on each of its resources as it is written, wildcards and all.
//! Where a policy of the caller, or the request, has conditions or exceptions, nobody can tell beforehand.

use super::template::listed;
use kernel::{Cx, Failure, Target, access};
use wire::{Struct, Value};

/// Beyond this many questions the answer is that it cannot be told.
const QUESTIONS_MAX: usize = 3000;

/// `ALLOWED`, `DENIED` or `UNSURE`.
///
/// # Errors
/// When the store cannot be read.
pub fn estimate(cx: &Cx<'_>, policy: &str) -> Result<&'static str, Failure> {
    let document = wire::json::read(policy).unwrap_or(Value::Null);
    let Some(questions) = questions(&document) else { return Ok("UNSURE") };
    if depends(cx) {
        return Ok("UNSURE");
    }
    for (action, resource) in questions {
        if !access::allowed(cx, &action, &Target::on(resource), &Struct::new())? {
            return Ok("DENIED");
        }
    }
    Ok("ALLOWED")
}

/// Whether any policy of the caller asks about the circumstances of a call.
fn depends(cx: &Cx<'_>) -> bool {
    let held = &cx.caller.policies;
    let levels = held.service_control.iter().flat_map(|level| &level.policies);
    let own = held.identity.iter().chain(&held.boundary).chain(held.session.iter().flatten());
    own.chain(levels).any(|(_, policy)| !policy.context_keys().is_empty())
}

/// Each action with each resource; `None` where a list of them does not say what is asked for.
fn questions(document: &Value) -> Option<Vec<(String, String)>> {
    let statements = document.entry("Statement")?;
    let mut out = Vec::new();
    for statement in listed(statements) {
        if statement.entry("Effect")?.as_str()? == "Deny" {
            continue;
        }
        if statement.entry("Condition").is_some() {
            return None;
        }
        let (actions, resources) = (statement.entry("Action")?, statement.entry("Resource")?);
        for action in listed(actions) {
            for action in concrete(action.as_str()?) {
                for resource in listed(resources) {
                    out.push((action.clone(), resource.as_str()?.to_owned()));
                }
                if out.len() > QUESTIONS_MAX {
                    return None;
                }
            }
        }
    }
    Some(out)
}

/// The actions that a pattern stands for; what no reference knows stands for itself.
fn concrete(pattern: &str) -> Vec<String> {
    let known = auth::actions::expand(pattern).map(auth::actions::Action::full_name);
    let mut known: Vec<String> = known.take(QUESTIONS_MAX + 1).collect();
    if known.is_empty() {
        known.push(pattern.to_owned());
    }
    known
}

#[cfg(test)]
mod tests {
    use super::questions;

    fn asked(policy: &str) -> Option<Vec<(String, String)>> {
        questions(&wire::json::read(policy).unwrap())
    }

    #[test]
    fn what_is_asked() {
        let pair = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
        assert_eq!(
            asked(
                r#"{"Statement":[{"Effect":"Allow","Action":["sts:GetCallerIdent*","own:Action"],"Resource":["a","b"]},
                {"Effect":"Deny","Action":"*","Resource":"*"}]}"#
            ),
            Some(vec![
                pair("sts:GetCallerIdentity", "a"),
                pair("sts:GetCallerIdentity", "b"),
                pair("own:Action", "a"),
                pair("own:Action", "b"),
            ])
        );
        for policy in [
            r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}"#,
            r#"{"Statement":{"Effect":"Allow","NotAction":"s3:GetObject","Resource":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        ] {
            assert_eq!(asked(policy), None, "{policy}");
        }
    }
}
