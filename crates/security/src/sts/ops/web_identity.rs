//! AssumeRoleWithWebIdentity. Not signed: the token is the proof.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>. The token comes from
//! outside, so its times are held against the machine's clock, as signatures are, and not against the cloud's.

use super::assume_role::{AssumedRoleUser, duration};
use super::{Credentials, Issued, lifetime};
use crate::iam::model::{OIDC_PROVIDERS, provider_key};
use crate::sts::errors::StsError;
use crate::sts::issuer;
use crate::sts::jwt::{Claims, Unverified};
use crate::sts::outbound;
use crate::sts::policies::{PolicyDescriptor, SessionPolicies};
use crate::sts::role::{self, Asked};
use crate::sts::tags::SessionTags;
use crate::sts::token::{Holder, Token};
use auth::policy::Principal;
use base::AccountId;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

kernel::ops! {
    pub static OPS:
        AssumeRoleWithWebIdentity: assume, "sts:AssumeRoleWithWebIdentity", access;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Assume {
        pub role_arn: String = "RoleArn",
        pub role_session_name: String = "RoleSessionName",
        pub web_identity_token: String = "WebIdentityToken",
        pub provider_id: Option<String> = "ProviderId",
        pub policy_arns: Vec<PolicyDescriptor> = "PolicyArns",
        pub policy: Option<String> = "Policy",
        pub duration_seconds: Option<i64> = "DurationSeconds",
        pub token_bytes_min: Option<i64> = "MinimumSessionTokenSize",
    }

    pub struct Assumed {
        pub credentials: Credentials = "Credentials",
        pub token_utilization: i64 = "SessionTokenUtilization",
        pub token_size: i64 = "SessionTokenSize",
        pub subject: String = "SubjectFromWebIdentityToken",
        pub assumed_role_user: AssumedRoleUser = "AssumedRoleUser",
        pub packed_policy_size: Option<i64> = "PackedPolicySize",
        pub provider: String = "Provider",
        pub audience: String = "Audience",
        pub source_identity: Option<String> = "SourceIdentity",
    }
}

/// A token that has been believed, and the provider that vouches for it.
struct Bearer {
    provider_arn: String,
    /// The issuer without its scheme, the prefix of its condition keys.
    url: String,
    claims: Claims,
}

fn asked(cx: &Cx<'_>, arn: &str) -> Result<Asked, StsError> {
    role::find(cx.tx, arn)?.ok_or_else(|| StsError::ValidationError("Request ARN is invalid".into()))
}

/// The providers whose OAuth 2.0 access tokens AWS takes, by `ProviderId`.
const OAUTH_PROVIDERS: [&str; 2] = ["www.amazon.com", "graph.facebook.com"];

/// An access token says nothing by itself: its provider must be asked, and both are on an internet that is not reached
/// from here. AWS documents the code for a provider that cannot be reached; the words for another provider are ours.
fn must_be_id_token(provider_id: Option<&str>) -> Result<(), StsError> {
    let Some(id) = provider_id else { return Ok(()) };
    if !OAUTH_PROVIDERS.contains(&id) {
        let what =
            "ProviderId must be www.amazon.com or graph.facebook.com; OpenID Connect tokens take none.";
        return Err(StsError::ValidationError(what.into()));
    }
    let what = format!(
        "The identity provider {id} that was asked to verify the identity token could not be reached."
    );
    Err(StsError::IdpCommunication(what))
}

/// Verifies the token against the provider in the role's account.
fn bearer(cx: &mut Cx<'_>, account: AccountId, token: &str) -> Result<Bearer, StsError> {
    let token = Unverified::read(token)?;
    let issuer = &token.claims.issuer;
    let url = issuer
        .strip_prefix("https://")
        .or_else(|| issuer.strip_prefix("http://"))
        .unwrap_or(issuer)
        .to_owned();
    // AWS: its own tokens are for services outside.
    if outbound::id_in(&url).is_some() {
        let what = "Tokens of GetWebIdentityToken cannot be used with AssumeRoleWithWebIdentity.";
        return Err(StsError::InvalidIdentityToken(what.into()));
    }
    let provider = OIDC_PROVIDERS.get(cx.tx, &provider_key(account, &url))?;
    let Some(provider) = provider else {
        let what = format!("No OpenIDConnect provider found in your account for {issuer}");
        return Err(StsError::InvalidIdentityToken(what));
    };
    let now = cx.cloud().wall_now();
    let keys = issuer::keys(cx.tx, &url, token.key_id.as_deref(), now)?;
    let claims = token.verify(&keys)?;
    claims.check_time(now)?;
    claims.check_size()?;
    let known = |audience: &str| provider.client_ids.iter().any(|id| id == audience);
    let audience = match &claims.authorized_party {
        Some(party) => known(party),
        None => claims.audiences.iter().any(|audience| known(audience)),
    };
    if !audience {
        return Err(StsError::InvalidIdentityToken("Incorrect token audience".into()));
    }
    Ok(Bearer { provider_arn: provider.arn(account), url, claims: claims.clone() })
}

impl Bearer {
    /// The condition keys that a provider's token gives, also for the whole session.
    fn keys(&self) -> Vec<(String, Vec<String>)> {
        let (url, claims) = (&self.url, &self.claims);
        let mut keys = vec![
            (format!("{url}:sub"), vec![claims.subject.clone()]),
            ("aws:FederatedProvider".to_owned(), vec![self.provider_arn.clone()]),
        ];
        match &claims.authorized_party {
            Some(party) => {
                keys.push((format!("{url}:aud"), vec![party.clone()]));
                keys.push((format!("{url}:oaud"), claims.audiences.clone()));
            }
            None => keys.push((format!("{url}:aud"), claims.audiences.clone())),
        }
        if !claims.methods.is_empty() {
            keys.push((format!("{url}:amr"), claims.methods.clone()));
        }
        keys
    }
}

fn access(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let asked = asked(cx, request.str("RoleArn").unwrap_or_default())?;
    must_be_id_token(request.str("ProviderId"))?;
    let bearer = bearer(cx, asked.account, request.str("WebIdentityToken").unwrap_or_default())?;
    let principal = Principal::WebIdentity { provider: bearer.provider_arn.clone() };
    let mut target = asked.target()?.borne_by(principal);
    target.keys.extend(bearer.keys());
    if let Some(name) = request.str("RoleSessionName") {
        target = target.key("sts:RoleSessionName", name);
    }
    let claims = &bearer.claims;
    for (key, value) in &claims.tags {
        target = target.key(format!("aws:RequestTag/{key}"), value);
    }
    if !claims.tags.is_empty() {
        target = target.keys("aws:TagKeys", claims.tags.keys().cloned().collect());
        target = target.keys("sts:TransitiveTagKeys", claims.transitive.clone());
    }
    if let Some(identity) = &claims.source_identity {
        target = target.key("sts:SourceIdentity", identity);
    }
    let mut targets = vec![target.clone()];
    if !claims.tags.is_empty() {
        targets.push(target.clone().doing("sts:TagSession"));
    }
    if claims.source_identity.is_some() {
        targets.push(target.doing("sts:SetSourceIdentity"));
    }
    Ok(targets)
}

fn assume(cx: &mut Cx<'_>, req: Assume) -> Result<Assumed, StsError> {
    let asked = asked(cx, &req.role_arn)?;
    let bearer = bearer(cx, asked.account, &req.web_identity_token)?;
    let Some(role) = asked.role else { return Err(StsError::Unreadable) };
    let seconds = duration(&role, req.duration_seconds, false)?;
    let policies = SessionPolicies::checked(req.policy, req.policy_arns)?;
    let claims = bearer.claims.clone();
    let tags =
        SessionTags::default().with(claims.tags.clone().into_iter().collect(), claims.transitive.clone())?;
    let packed_policy_size = policies.packed_percent(&tags.tags)?;
    let (issued, expires) = lifetime(cx, seconds);
    let holder = Holder::Role((role.name.clone(), role.id.clone()));
    // Of a key with several values, a session keeps the first.
    let keys = bearer.keys().into_iter().filter_map(|(key, values)| Some((key, values.into_iter().next()?)));
    let token = Token {
        name: req.role_session_name,
        source_identity: claims.source_identity.clone(),
        tags: tags.tags,
        transitive: tags.transitive,
        policy: policies.inline,
        policy_arns: policies.arns,
        keys: keys.collect(),
        ..Token::new(cx.rng(), asked.account, holder, issued, expires)
    };
    let given = Issued::of(cx, &token, req.token_bytes_min);
    Ok(Assumed {
        credentials: given.credentials,
        token_utilization: given.utilization,
        token_size: given.size,
        assumed_role_user: AssumedRoleUser::of(&role, &token),
        packed_policy_size,
        audience: claims.audience().to_owned(),
        subject: claims.subject,
        provider: claims.issuer,
        source_identity: claims.source_identity,
    })
}
