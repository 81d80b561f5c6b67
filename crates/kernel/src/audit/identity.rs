//! CloudTrail's `userIdentity` element of a caller.
//!
//! AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use crate::identity::{Caller, Session};
use auth::policy::Principal;
use serde_json::{Map, Value, json};

/// The element as JSON text. It is the same for all calls of a session, so it is made once.
pub(super) fn json(caller: &Caller) -> String {
    Value::Object(element(caller)).to_string()
}

fn element(caller: &Caller) -> Map<String, Value> {
    let mut out = Map::new();
    let mut set = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    let kind = kind(&caller.principal);
    set("type", kind.into());
    match &caller.principal {
        Principal::Service { name } => set("invokedBy", name.as_str().into()),
        Principal::Anonymous => {
            set("principalId", "".into());
            set("accountId", "anonymous".into());
        }
        _ => {
            set("principalId", caller.user_id.as_str().into());
            set("arn", caller.arn().into());
            set("accountId", caller.account.as_str().into());
            set("accessKeyId", caller.access_key.as_str().into());
        }
    }
    if let Principal::User { arn, .. } = &caller.principal {
        set("userName", last_part(arn).into());
    }
    if let Some(session) = &caller.session {
        set("sessionContext", session_context(caller, session));
    }
    out
}

fn kind(principal: &Principal) -> &'static str {
    match principal {
        Principal::Root { .. } => "Root",
        Principal::User { .. } => "IAMUser",
        Principal::AssumedRole { .. } => "AssumedRole",
        Principal::FederatedUser { .. } => "FederatedUser",
        Principal::WebIdentity { .. } => "WebIdentityUser",
        Principal::Saml { .. } => "SAMLUser",
        Principal::Service { .. } => "AWSService",
        Principal::Anonymous => "Unknown",
    }
}

fn session_context(caller: &Caller, session: &Session) -> Value {
    let mut context = json!({
        "attributes": {
            "creationDate": session.issued.iso8601(),
            "mfaAuthenticated": session.mfa.is_some().to_string(),
        },
    });
    if let Principal::AssumedRole { role_arn, role_id, account, .. } = &caller.principal {
        context["sessionIssuer"] = json!({
            "type": "Role",
            "principalId": role_id,
            "arn": role_arn,
            "accountId": account.as_str(),
            "userName": last_part(role_arn),
        });
    }
    if let Some(source) = &session.source_identity {
        context["sourceIdentity"] = source.as_str().into();
    }
    context
}

/// The name at the end of a path or an ARN: `arn:aws:iam::1:user/a/b` gives `b`.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::json;
    use crate::identity::Caller;
    use base::AccountId;

    #[test]
    fn root_and_nobody() {
        let account = AccountId::parse("123456789012").unwrap();
        assert_eq!(
            json(&Caller::root(account, "AKID")),
            r#"{"accessKeyId":"AKID","accountId":"123456789012","arn":"arn:aws:iam::123456789012:root","principalId":"123456789012","type":"Root"}"#
        );
        assert_eq!(
            json(&Caller::anonymous()),
            r#"{"accountId":"anonymous","principalId":"","type":"Unknown"}"#
        );
    }
}
