//! AssumeRole.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use super::{Credentials, Issued, Tag, lifetime, pairs};
use crate::iam::model::Role;
use crate::sts::errors::StsError;
use crate::sts::policies::{PolicyDescriptor, SessionPolicies};
use crate::sts::role::{self, Asked};
use crate::sts::tags::SessionTags;
use crate::sts::token::{Holder, Token};
use auth::policy::Principal;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    pub static OPS:
        AssumeRole: assume_role, "sts:AssumeRole", access;
}

const DEFAULT_SECONDS: i64 = 3600;
/// AWS limits sessions that are asked for with temporary credentials of any kind to an hour.
const CHAINED_SECONDS_MAX: i64 = 3600;
/// The one provider of trusted contexts.
const IDENTITY_CENTER: &str = "arn:aws:iam::aws:contextProvider/IdentityCenter";

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct AssumeRole {
        pub role_arn: String = "RoleArn",
        pub role_session_name: String = "RoleSessionName",
        pub policy_arns: Vec<PolicyDescriptor> = "PolicyArns",
        pub policy: Option<String> = "Policy",
        pub duration_seconds: Option<i64> = "DurationSeconds",
        pub tags: Vec<Tag> = "Tags",
        pub transitive_tag_keys: Vec<String> = "TransitiveTagKeys",
        pub external_id: Option<String> = "ExternalId",
        pub source_identity: Option<String> = "SourceIdentity",
        pub token_bytes_min: Option<i64> = "MinimumSessionTokenSize",
        pub contexts: Vec<ProvidedContext> = "ProvidedContexts",
        /// Both are acted on where access is decided: trust policies ask for MFA.
        pub serial_number: Option<String> = "SerialNumber",
        pub token_code: Option<String> = "TokenCode",
    }

    /// What an identity provider says of the person for whom a session is, signed.
    #[derive(Clone, Debug)]
    pub struct ProvidedContext {
        pub provider: Option<String> = "ProviderArn",
        pub assertion: Option<String> = "ContextAssertion",
    }

    pub struct AssumeRoleResult {
        pub credentials: Credentials = "Credentials",
        pub token_utilization: i64 = "SessionTokenUtilization",
        pub token_size: i64 = "SessionTokenSize",
        pub assumed_role_user: AssumedRoleUser = "AssumedRoleUser",
        pub packed_policy_size: Option<i64> = "PackedPolicySize",
        pub source_identity: Option<String> = "SourceIdentity",
    }

    pub struct AssumedRoleUser {
        pub assumed_role_id: String = "AssumedRoleId",
        pub arn: String = "Arn",
    }
}

/// The role, for each of up to four actions: becoming it, tagging the session, naming who is behind it, adding contexts.
fn access(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    if let Principal::Root { .. } = cx.caller.principal {
        return Err(StsError::AccessDenied("Roles may not be assumed by root accounts.".into()).into());
    }
    let asked = asked(cx, request.str("RoleArn").unwrap_or_default())?;
    let mut target = keys(request, asked.target()?);
    if super::mfa(cx, request.str("SerialNumber"), request.str("TokenCode"))?.is_some() {
        target = target.key("aws:MultiFactorAuthPresent", "true").key("aws:MultiFactorAuthAge", "0");
    }
    let session = cx.caller.session.as_ref();
    let mut targets = vec![target.clone()];
    let has_tags = request.get("Tags").and_then(Value::as_list).is_some_and(|tags| !tags.is_empty());
    if has_tags || session.is_some_and(|session| !session.transitive_tags.is_empty()) {
        targets.push(target.clone().doing("sts:TagSession"));
    }
    let inherited = session.and_then(|session| session.source_identity.as_deref());
    if let Some(identity) = request.str("SourceIdentity").or(inherited) {
        targets.push(target.clone().key("sts:SourceIdentity", identity).doing("sts:SetSourceIdentity"));
    }
    let contexts = request.get("ProvidedContexts").and_then(Value::as_list).unwrap_or_default();
    if !contexts.is_empty() {
        let providers = contexts.iter().filter_map(|context| context.member("ProviderArn")?.as_str());
        let providers = providers.map(str::to_owned).collect();
        targets.push(target.keys("sts:RequestContextProviders", providers).doing("sts:SetContext"));
    }
    Ok(targets)
}

fn asked(cx: &Cx<'_>, arn: &str) -> Result<Asked, StsError> {
    role::find(cx.tx, arn)?.ok_or_else(|| StsError::ValidationError(format!("{arn} is invalid")))
}

/// STS's own condition keys.
///
/// AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html>
fn keys(request: &Struct, target: Target) -> Target {
    let texts = [
        ("sts:RoleSessionName", "RoleSessionName"),
        ("sts:ExternalId", "ExternalId"),
        ("sts:SourceIdentity", "SourceIdentity"),
    ];
    let mut target = texts.into_iter().fold(target, |target, (key, member)| match request.str(member) {
        Some(text) => target.key(key, text),
        None => target,
    });
    if let Some(seconds) = request.get("DurationSeconds").and_then(Value::as_int) {
        target = target.key("sts:DurationSeconds", seconds.to_string());
    }
    if let Some(keys) = request.get("TransitiveTagKeys").and_then(Value::as_list) {
        let keys = keys.iter().filter_map(Value::as_str).map(str::to_owned);
        target = target.keys("sts:TransitiveTagKeys", keys.collect());
    }
    target
}

fn assume_role(cx: &mut Cx<'_>, req: AssumeRole) -> Result<AssumeRoleResult, StsError> {
    let asked = asked(cx, &req.role_arn)?;
    let Some(role) = asked.role else { return Err(StsError::Unreadable) };
    believe(&req.contexts)?;
    let seconds = duration(&role, req.duration_seconds, cx.caller.session.is_some())?;
    let policies = SessionPolicies::checked(req.policy, req.policy_arns)?;
    let inherited = match &cx.caller.session {
        Some(session) => SessionTags::inherited(&cx.caller.tags, &session.transitive_tags),
        None => SessionTags::default(),
    };
    let tags = inherited.with(pairs(req.tags), req.transitive_tag_keys)?;
    let packed_policy_size = policies.packed_percent(&tags.tags)?;
    let source_identity = source_identity(cx, req.source_identity)?;
    let (issued, expires) = lifetime(cx, seconds);
    let holder = Holder::Role((role.name.clone(), role.id.clone()));
    // No MFA: AWS leaves it out of what AssumeRole gives, whoever asked.
    let token = Token {
        name: req.role_session_name,
        source_identity: source_identity.clone(),
        tags: tags.tags,
        transitive: tags.transitive,
        policy: policies.inline,
        policy_arns: policies.arns,
        keys: cx.request.session_keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        ..Token::new(cx.rng(), asked.account, holder, issued, expires)
    };
    let given = Issued::of(cx, &token, req.token_bytes_min);
    Ok(AssumeRoleResult {
        credentials: given.credentials,
        token_utilization: given.utilization,
        token_size: given.size,
        assumed_role_user: AssumedRoleUser::of(&role, &token),
        packed_policy_size,
        source_identity,
    })
}

impl AssumedRoleUser {
    pub(crate) fn of(role: &Role, token: &Token) -> AssumedRoleUser {
        AssumedRoleUser {
            assumed_role_id: format!("{}:{}", role.id, token.name),
            arn: format!("arn:aws:sts::{}:assumed-role/{}/{}", token.account, role.name, token.name),
        }
    }
}

/// Whether there is a provider who may have signed these contexts. This cloud has no IAM Identity Center, so nothing that a
/// context asserts was ever signed by it. AWS does not document its words for that; these are ours.
fn believe(contexts: &[ProvidedContext]) -> Result<(), StsError> {
    let Some(context) = contexts.first() else { return Ok(()) };
    let what = match context.provider.as_deref() {
        Some(IDENTITY_CENTER) => {
            "The context assertion is invalid: no IAM Identity Center of this cloud has issued it.".to_owned()
        }
        Some(other) => format!("{other} is not a supported context provider."),
        None => "A provided context must name its provider.".to_owned(),
    };
    Err(StsError::ValidationError(what))
}

/// How long the session lasts, in seconds.
pub(crate) fn duration(role: &Role, asked: Option<i64>, chained: bool) -> Result<i64, StsError> {
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    let what = if chained && seconds > CHAINED_SECONDS_MAX {
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    } else if seconds > i64::from(role.session_seconds_max) {
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    } else {
        return Ok(seconds);
    };
    Err(StsError::ValidationError(what.into()))
}

/// Once set, the identity stays for all sessions of a chain.
fn source_identity(cx: &Cx<'_>, asked: Option<String>) -> Result<Option<String>, StsError> {
    let inherited = cx.caller.session.as_ref().and_then(|session| session.source_identity.clone());
    match (inherited, asked) {
        (Some(inherited), Some(asked)) if inherited != asked => Err(StsError::AccessDenied(format!(
            "The source identity of this session is {inherited} and cannot be changed to {asked}."
        ))),
        (inherited, asked) => Ok(inherited.or(asked)),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;
    use crate::iam::model::Role;
    use crate::sts::errors::StsError;

    #[test]
    fn durations() {
        let role = Role { session_seconds_max: 7200, ..Role::default() };
        let max = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        let hour = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        for (asked, chained, expected) in [
            (None, false, Ok(3600)),
            (Some(7200), false, Ok(7200)),
            (Some(7201), false, Err(max)),
            (Some(3600), true, Ok(3600)),
            (Some(3601), true, Err(hour)),
        ] {
            let expected = expected.map_err(|what| StsError::ValidationError(what.into()));
            assert_eq!(duration(&role, asked, chained), expected, "{asked:?} {chained}");
        }
    }
}
