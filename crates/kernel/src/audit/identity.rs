//! CloudTrail's `userIdentity` element of a caller.
//!
//! AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use crate::identity::{Caller, Session};
use auth::policy::Principal;
use wire::{Struct, Value};

/// The element as JSON text. It is the same for all calls of a session, so it is made once.
pub(super) fn json(caller: &Caller) -> String {
    wire::json::text(&Value::Struct(element(caller)))
}

fn element(caller: &Caller) -> Struct {
    let mut out = Struct::new();
    let mut set = |name: &'static str, value: &str| out.push(name, Value::str(value));
    set("type", kind(&caller.principal));
    match &caller.principal {
        Principal::Service { name } => set("invokedBy", name),
        Principal::Anonymous => {
            set("principalId", "");
            set("accountId", "anonymous");
        }
        _ => {
            set("principalId", &caller.user_id);
            set("arn", &caller.arn());
            set("accountId", caller.account.as_str());
            set("accessKeyId", &caller.access_key);
        }
    }
    if let Principal::User { arn, .. } = &caller.principal {
        set("userName", last_part(arn));
    }
    if let Some(session) = &caller.session {
        out.push("sessionContext", session_context(caller, session));
        if let Some(account) = session.delegate {
            out.push("invokedByDelegate", texts(&[("accountId", account.as_str())]));
        }
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
    let mut context = Struct::new();
    if let Principal::AssumedRole { role_arn, role_id, account, .. } = &caller.principal {
        let issuer = [
            ("type", "Role"),
            ("principalId", role_id),
            ("arn", role_arn),
            ("accountId", account.as_str()),
            ("userName", last_part(role_arn)),
        ];
        context.push("sessionIssuer", texts(&issuer));
    }
    let mfa = if session.mfa.is_some() { "true" } else { "false" };
    let attributes =
        [("creationDate", session.issued.whole_seconds().iso8601()), ("mfaAuthenticated", mfa.into())];
    context.push("attributes", texts(&attributes));
    if let Some(source) = &session.source_identity {
        context.push("sourceIdentity", Value::str(source));
    }
    Value::Struct(context)
}

fn texts(members: &[(&'static str, impl AsRef<str>)]) -> Value {
    Value::Struct(members.iter().map(|(name, text)| (*name, Value::str(text.as_ref()))).collect())
}

/// The name at the end of a path or an ARN: `arn:aws:iam::1:user/a/b` gives `b`.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::json;
    use crate::identity::{Caller, Session};
    use base::AccountId;

    #[test]
    fn a_delegate_is_named() {
        let account = AccountId::parse("123456789012").unwrap();
        let session = Session { delegate: AccountId::parse("444455556666"), ..Session::default() };
        let caller = Caller { session: Some(session), ..Caller::root(account, "AKID") };
        assert!(json(&caller).ends_with(r#""invokedByDelegate":{"accountId":"444455556666"}}"#));
    }

    #[test]
    fn root_and_nobody() {
        let account = AccountId::parse("123456789012").unwrap();
        assert_eq!(
            json(&Caller::root(account, "AKID")),
            r#"{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012","accessKeyId":"AKID"}"#
        );
        assert_eq!(
            json(&Caller::anonymous()),
            r#"{"type":"Unknown","principalId":"","accountId":"anonymous"}"#
        );
    }
}
