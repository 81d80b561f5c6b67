//! What the trail can tell: why one call was decided as it was, and what a principal was seen to do.

use crate::audit::{self, Decided, Entry};
use crate::cloud::Cloud;
use auth::least_privilege::{self, Observed, Options};
use base::{AccountId, Arn, Region};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Cloud {
    /// The call with this request id and every decision about it, or the refusal of one whose caller was not known.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn why(&self, request_id: &str) -> Result<Option<Value>, String> {
        if let Some(away) = self.turned_away.find(request_id) {
            return Ok(Some(away));
        }
        let entry = audit::find(self, request_id).map_err(|e| e.to_string())?;
        Ok(entry.map(|entry| told(&entry)))
    }

    /// The least policy that allows what a user or role was seen to do and allowed.
    ///
    /// # Errors
    /// When the principal is none, or the trail cannot be read.
    pub fn least_privilege(&self, principal: &str) -> Result<Value, String> {
        let arn = Arn::parse(principal).ok_or_else(|| format!("{principal:?} is not an ARN"))?;
        let account =
            AccountId::parse(&arn.account).ok_or_else(|| format!("{principal:?} names no account"))?;
        let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut calls = 0u64;
        for region in Region::all() {
            let mut visit = |entry: Entry| {
                if is_by(&entry.principal, &arn) && entry.decisions.iter().all(|d| d.allowed) {
                    calls += 1;
                    for Decided { action, resource, .. } in entry.decisions {
                        *seen.entry((action, resource)).or_default() += 1;
                    }
                }
                true
            };
            audit::walk(self, &audit::Query::all(account, region), &mut visit).map_err(|e| e.to_string())?;
        }
        let observed: Vec<_> = seen
            .iter()
            .map(|((action, resource), count)| Observed { action, resource, count: *count })
            .collect();
        let generated = least_privilege::generate(&observed, Options::default());
        Ok(json!({
            "principal": principal,
            "calls": calls,
            "document": generated.document,
            "unknown_actions": generated.unknown_actions,
            "counts": generated.counts,
        }))
    }
}

fn told(entry: &Entry) -> Value {
    let decision = |d: &Decided| {
        json!({
            "action": d.action, "resource": d.resource, "allowed": d.allowed, "cause": d.cause, "reasons": d.reasons,
        })
    };
    let failed = !entry.error_code.is_empty();
    json!({
        "request_id": entry.request_id,
        "time": entry.time.iso8601(),
        "operation": format!("{}:{}", entry.service, entry.operation),
        "region": entry.region,
        "caller": entry.principal,
        "error": failed.then_some(&entry.error_code),
        "message": failed.then_some(&entry.error_message),
        "decisions": entry.decisions.iter().map(decision).collect::<Vec<_>>(),
    })
}

/// Whether the caller is this user, or a session of this role.
fn is_by(caller: &str, principal: &Arn) -> bool {
    if caller == principal.to_string() {
        return true;
    }
    let (Some(caller), Some(role)) = (Arn::parse(caller), principal.resource.strip_prefix("role/")) else {
        return false;
    };
    // A session's ARN has the role's name without its path.
    let name = role.rsplit('/').next().unwrap_or(role);
    let session_of = caller.resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    caller.account == principal.account && session_of == Some(name)
}

#[cfg(test)]
mod tests {
    use super::is_by;
    use base::Arn;

    #[test]
    fn sessions_count_for_their_role() {
        let role = Arn::parse("arn:aws:iam::123456789012:role/team/builder").unwrap();
        assert!(is_by("arn:aws:sts::123456789012:assumed-role/builder/ci", &role));
        assert!(!is_by("arn:aws:sts::123456789012:assumed-role/build/ci", &role));
        assert!(!is_by("arn:aws:sts::210987654321:assumed-role/builder/ci", &role));
        let user = Arn::parse("arn:aws:iam::123456789012:user/eva").unwrap();
        assert!(is_by("arn:aws:iam::123456789012:user/eva", &user));
    }
}
