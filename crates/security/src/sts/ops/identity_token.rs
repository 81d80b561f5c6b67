//! GetWebIdentityToken: the caller's identity as a signed token for services outside.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html>. It is verified
//! outside, so its times are the machine's and not the cloud's, as those of signatures are.
//!
//! Not here: a limit on a token's size (AWS names none), the claims of identity centers and of an instance's network.
//! `source_region` is the region of the one STS that this cloud has.

use super::{Tag, pairs};
use crate::organizations::tree;
use crate::sts::errors::StsError;
use crate::sts::outbound::{Algorithm, OUTBOUND};
use crate::sts::tags::SessionTags;
use auth::policy::Principal;
use base::Timestamp;
use base::tag::Tags;
use kernel::{Cx, Target};
use std::time::Duration;
use store::{Key, StoreError};
use wire::{Fault, Struct, Value};

kernel::ops! {
    pub static OPS:
        GetWebIdentityToken: get_web_identity_token, "sts:GetWebIdentityToken", access;
}

const DEFAULT_SECONDS: i64 = 300;
const NAMESPACE: &str = "https://sts.amazonaws.com/";

/// Claims that say what a session's condition keys say.
const BY_KEY: [(&str, &str); 2] = [
    ("aws:FederatedProvider", "federated_provider"),
    ("lambda:SourceFunctionArn", "lambda_source_function_arn"),
];

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct GetWebIdentityToken {
        pub audience: Vec<String> = "Audience",
        pub duration_seconds: Option<i64> = "DurationSeconds",
        pub algorithm: String = "SigningAlgorithm",
        pub tags: Vec<Tag> = "Tags",
    }

    pub struct GetWebIdentityTokenResult {
        pub token: String = "WebIdentityToken",
        pub expiration: Timestamp = "Expiration",
    }
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_policies.html>
fn access(_: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let list = |name: &str| request.get(name).and_then(Value::as_list).unwrap_or_default();
    let text = |value: &Value, name: &str| Some(value.member(name)?.as_str()?.to_owned());
    let audience = list("Audience").iter().filter_map(|one| one.as_str().map(str::to_owned));
    let seconds = request.get("DurationSeconds").and_then(Value::as_int).unwrap_or(DEFAULT_SECONDS);
    let mut target = Target::any()
        .keys("sts:IdentityTokenAudience", audience.collect())
        .key("sts:DurationSeconds", seconds.to_string())
        .key("sts:SigningAlgorithm", request.str("SigningAlgorithm").unwrap_or_default());
    let tags = list("Tags");
    if tags.is_empty() {
        return Ok(vec![target]);
    }
    let mut names = Vec::with_capacity(tags.len());
    for tag in tags {
        let (Some(key), Some(value)) = (text(tag, "Key"), text(tag, "Value")) else { continue };
        target = target.key(format!("aws:RequestTag/{key}"), value);
        names.push(key);
    }
    let target = target.keys("aws:TagKeys", names);
    Ok(vec![target.clone(), target.doing("sts:TagGetWebIdentityToken")])
}

fn get_web_identity_token(
    cx: &mut Cx<'_>,
    req: GetWebIdentityToken,
) -> Result<GetWebIdentityTokenResult, StsError> {
    let Some(algorithm) = Algorithm::parse(&req.algorithm) else {
        return Err(StsError::ValidationError("SigningAlgorithm must be RS256 or ES384.".into()));
    };
    let issuer = OUTBOUND.get(cx.tx, &Key::account(cx.account))?.filter(|issuer| issuer.enabled);
    let issuer = issuer.ok_or(StsError::OutboundDisabled)?;
    let seconds = req.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    if let Some(session) = &cx.caller.session
        && cx.now.plus(lifetime) > session.expires
    {
        return Err(StsError::SessionDurationEscalation);
    }
    let tags = SessionTags::default().with(pairs(req.tags), Vec::new())?.tags;
    let from = cx.cloud().wall_now().whole_seconds();
    let expiration = from.plus(lifetime);
    let subject = subject(&cx.caller.principal);
    let audience = match req.audience.as_slice() {
        [one] => Value::str(one.as_str()),
        several => Value::List(several.iter().map(|one| Value::str(one.as_str())).collect()),
    };
    let claims = Value::map(vec![
        ("iss", Value::str(issuer.url.as_str())),
        ("aud", audience),
        ("sub", Value::str(subject.as_str())),
        ("iat", Value::Int(from.seconds())),
        ("exp", Value::Int(expiration.seconds())),
        ("jti", Value::str(base::id::uuid(cx.rng()))),
        (NAMESPACE, identity(cx, &subject, &tags)?),
    ]);
    Ok(GetWebIdentityTokenResult { token: issuer.sign(cx.sealer(), algorithm, &claims)?, expiration })
}

/// Of a session, the role.
fn subject(principal: &Principal) -> String {
    match principal {
        Principal::AssumedRole { role_arn, .. } => role_arn.clone(),
        other => other.arn().into_owned(),
    }
}

/// What AWS adds about who it is, in which organization, and by which session. Only what there is.
fn identity(cx: &Cx<'_>, subject: &str, tags: &Tags) -> Result<Value, StoreError> {
    let mut out = vec![
        ("aws_account", Value::str(cx.account.as_str())),
        ("source_region", Value::str(cx.region.name())),
        ("principal_id", Value::str(subject)),
    ];
    if let Some((organization, member)) = tree::home(cx.tx, cx.account)? {
        let path = tree::path(cx.tx, &organization, &member.parent)?.join("/");
        out.push(("ou_path", Value::List(vec![Value::str(format!("{}/{path}/", organization.id))])));
        out.push(("org_id", Value::str(organization.id)));
    }
    for (name, tags) in [("principal_tags", &cx.caller.tags), ("request_tags", tags)] {
        if !tags.is_empty() {
            let pairs = tags.iter().map(|(key, value)| (key.clone(), Value::str(value.as_str())));
            out.push((name, Value::Map(pairs.collect())));
        }
    }
    if let Some(session) = &cx.caller.session {
        out.push(("original_session_exp", Value::str(session.expires.iso8601())));
        out.extend(
            session.source_identity.as_deref().map(|identity| ("source_identity", Value::str(identity))),
        );
        for (key, claim) in BY_KEY {
            let found = session.keys.iter().find(|(name, _)| name == key);
            out.extend(found.map(|(_, value)| (claim, Value::str(value.as_str()))));
        }
    }
    Ok(Value::map(out))
}
