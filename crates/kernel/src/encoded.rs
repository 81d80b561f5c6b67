//! The encoded message that EC2 puts into its refusals, and what `sts:DecodeAuthorizationMessage` makes of it.
//!
//! Sealed, because the details of a decision are for those who may decode them, not for who was refused.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>. Not here: the
//! statements that denied; `virga why` has them.

use crate::access::Target;
use crate::audit::Decided;
use crate::cx::Cx;
use crate::explain;
use crate::identity::Caller;
use crate::seal::Sealer;
use serde_json::{Value, json};

const PURPOSE: &str = "kernel/authorization-message";

pub(crate) fn encode(cx: &Cx<'_>, action: &str, target: &Target, decided: Option<&Decided>) -> String {
    let message = message(cx.caller, action, target, decided).to_string();
    cx.sealer().seal_compact(cx.rng(), PURPOSE, message.as_bytes())
}

fn message(caller: &Caller, action: &str, target: &Target, decided: Option<&Decided>) -> Value {
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
    json!({
        "allowed": false,
        "explicitDeny": decided.is_some_and(|decided| decided.cause.starts_with(explain::EXPLICIT_DENY)),
        "matchedStatements": items(Vec::new()),
        "failures": items(Vec::new()),
        "context": {
            "principal": { "id": caller.user_id, "arn": caller.arn() },
            "action": action,
            "resource": target.arn,
            "conditions": items(own.chain(tags).map(condition).collect()),
        },
    })
}

/// The message, as JSON; `None` unless this cloud encoded it.
pub fn decode(sealer: &Sealer, encoded: &str) -> Option<String> {
    let text = sealer.open_compact(PURPOSE, encoded).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::{PURPOSE, decode, message};
    use crate::access::Target;
    use crate::audit::Decided;
    use crate::identity::Caller;
    use crate::seal::Sealer;
    use base::{AccountId, Rng};
    use serde_json::json;

    #[test]
    fn a_message_says_who_what_and_under_which_conditions() {
        let caller = Caller::root(AccountId::parse("123456789012").unwrap(), "AKID");
        let target =
            Target::on("arn:aws:ec2:us-east-1:123456789012:instance/i-1").key("ec2:Tenancy", "default");
        let denied =
            Decided { cause: "explicit deny in service control policy".into(), ..Decided::default() };
        let said = message(&caller, "ec2:StopInstances", &target, Some(&denied));
        let expected = json!({
            "allowed": false,
            "explicitDeny": true,
            "matchedStatements": {"items": []},
            "failures": {"items": []},
            "context": {
                "principal": {"id": "123456789012", "arn": "arn:aws:iam::123456789012:root"},
                "action": "ec2:StopInstances",
                "resource": "arn:aws:ec2:us-east-1:123456789012:instance/i-1",
                "conditions": {"items": [{"key": "ec2:Tenancy", "values": {"items": [{"value": "default"}]}}]},
            },
        });
        assert_eq!(said, expected);
        let (sealer, rng) = (Sealer::new(&[1; 32]), Rng::seeded(1));
        let encoded = sealer.seal_compact(&rng, PURPOSE, said.to_string().as_bytes());
        assert_eq!(decode(&sealer, &encoded), Some(said.to_string()));
        assert_eq!(decode(&Sealer::new(&[2; 32]), &encoded), None);
    }
}
