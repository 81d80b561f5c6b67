//! The encoded message that EC2 puts into its refusals, and what `sts:DecodeAuthorizationMessage` makes of it.
//!
//! Sealed, because the details of a decision are for those who may decode them, not for who was refused.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>. Not here: the
//! statements that denied; `virga why` has them.

use crate::access::Target;
use crate::audit::Decided;
use crate::cx::Cx;
use crate::explain;
use crate::seal::Sealer;
use serde_json::{Value, json};

const PURPOSE: &str = "kernel/authorization-message";

pub(crate) fn encode(cx: &Cx<'_>, action: &str, target: &Target, decided: Option<&Decided>) -> String {
    let items = |values: Vec<Value>| json!({ "items": values });
    let own = target.keys.iter().map(|(key, values)| (key.clone(), values.clone()));
    let tags = target
        .tags
        .iter()
        .flatten()
        .map(|(key, value)| (format!("aws:ResourceTag/{key}"), vec![value.clone()]));
    let condition = |(key, values): (String, Vec<String>)| {
        let values = values.into_iter().map(|value| json!({ "value": value })).collect();
        json!({ "key": key, "values": items(values) })
    };
    let message = json!({
        "allowed": false,
        "explicitDeny": decided.is_some_and(|decided| decided.cause.starts_with(explain::EXPLICIT_DENY)),
        "matchedStatements": items(Vec::new()),
        "failures": items(Vec::new()),
        "context": {
            "principal": { "id": cx.caller.user_id, "arn": cx.caller.arn() },
            "action": action,
            "resource": target.arn,
            "conditions": items(own.chain(tags).map(condition).collect()),
        },
    });
    cx.sealer().seal_compact(cx.rng(), PURPOSE, message.to_string().as_bytes())
}

/// The message, as JSON; `None` unless this cloud encoded it.
pub fn decode(sealer: &Sealer, encoded: &str) -> Option<String> {
    let text = sealer.open_compact(PURPOSE, encoded).ok()?;
    String::from_utf8(text.to_vec()).ok()
}
