//! Decisions in words, for the audit trail and `virga why`. Every request pays for some: what it says mostly is put together
//! without `format!`, which takes five times as long.

use auth::policy::{Cause, Effect, Finding, Reason};

/// How the cause of a decision begins when a statement denies.
pub(crate) const EXPLICIT_DENY: &str = "explicit deny";

/// Why it was decided so: `explicit deny in service control policy`.
pub(crate) fn cause(cause: Cause) -> String {
    match cause {
        Cause::Allowed(layer) => ["allowed by ", layer.phrase()].concat(),
        Cause::Root => "allowed: the root user of the account".to_owned(),
        Cause::ExplicitDeny(layer) => format!("{EXPLICIT_DENY} in {}", layer.phrase()),
        Cause::ImplicitDeny(layer) => format!("no {} allows it", layer.phrase()),
    }
}

/// What one statement, grant or silent level contributed.
pub(crate) fn reason(reason: &Reason<'_>) -> String {
    let layer = reason.layer.phrase();
    match &reason.finding {
        Finding::Statement { source, statement } => {
            let effect = if statement.effect == Effect::Allow { "Allow" } else { "Deny" };
            let (number, line) = ((statement.index + 1).to_string(), statement.start.line.to_string());
            let [before, sid, after] = statement.sid.as_deref().map_or(["", "", ""], |sid| [" (", sid, ")"]);
            let (id, holder) = (&source.id, &source.attached_to);
            let [attached, to] = if id == holder { ["", ""] } else { [", attached to ", holder] };
            let place = [layer, " ", id, attached, to, ": statement ", &number, before, sid, after].concat();
            [&place, ", ", effect, ", line ", &line].concat()
        }
        Finding::Grant { id } => format!("grant {id}"),
        Finding::Silence { level: Some(level) } => format!("nothing at {level} allows it in any {layer}"),
        Finding::Silence { level: None } => format!("no statement of any {layer} allows it"),
    }
}
