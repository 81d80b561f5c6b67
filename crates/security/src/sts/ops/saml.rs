//! AssumeRoleWithSAML. Not signed: the provider's response is the proof.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>. The response comes from
//! outside, so its times are held against the machine's clock, as those of web identity tokens are.

use super::assume_role::{AssumedRoleUser, duration};
use super::{Credentials, Issued, lifetime};
use crate::iam::model::{SAML_PROVIDERS, provider_key};
use crate::sts::errors::StsError;
use crate::sts::policies::{PolicyDescriptor, SessionPolicies};
use crate::sts::role::{self, Asked};
use crate::sts::saml::{self, Assertion};
use crate::sts::tags::SessionTags;
use crate::sts::token::{Holder, Token};
use auth::policy::Principal;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

kernel::ops! {
    pub static OPS:
        AssumeRoleWithSAML: assume, "sts:AssumeRoleWithSAML", access;
}

/// AWS: sessions of roles last for at least fifteen minutes.
const SECONDS_MIN: i64 = 900;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Assume {
        pub role_arn: String = "RoleArn",
        pub principal_arn: String = "PrincipalArn",
        pub assertion: String = "SAMLAssertion",
        pub policy_arns: Vec<PolicyDescriptor> = "PolicyArns",
        pub policy: Option<String> = "Policy",
        pub duration_seconds: Option<i64> = "DurationSeconds",
        pub token_bytes_min: Option<i64> = "MinimumSessionTokenSize",
    }

    pub struct Assumed {
        pub credentials: Credentials = "Credentials",
        pub token_utilization: i64 = "SessionTokenUtilization",
        pub token_size: i64 = "SessionTokenSize",
        pub assumed_role_user: AssumedRoleUser = "AssumedRoleUser",
        pub packed_policy_size: Option<i64> = "PackedPolicySize",
        pub subject: String = "Subject",
        pub subject_type: String = "SubjectType",
        pub issuer: String = "Issuer",
        pub audience: String = "Audience",
        pub name_qualifier: String = "NameQualifier",
        pub source_identity: Option<String> = "SourceIdentity",
    }
}

/// An assertion that has been believed, and the provider that vouches for it.
struct Bearer {
    provider_arn: String,
    /// `123456789012/MySAMLIdP`
    provider: String,
    name_qualifier: String,
    assertion: Assertion,
}

fn asked(cx: &Cx<'_>, arn: &str) -> Result<Asked, StsError> {
    role::find(cx.tx, arn)?.ok_or_else(|| StsError::ValidationError("Request ARN is invalid".into()))
}

/// Verifies the response against the provider, which must be one of the role's account.
fn bearer(cx: &Cx<'_>, asked: &Asked, provider_arn: &str, assertion: &str) -> Result<Bearer, StsError> {
    let response = saml::document(assertion)?;
    let account = asked.account;
    let name = provider_arn.strip_prefix(&format!("arn:aws:iam::{account}:saml-provider/"));
    let provider = match name {
        Some(name) => SAML_PROVIDERS.get(cx.tx, &provider_key(account, name))?,
        None => None,
    };
    let now = cx.cloud().wall_now();
    let provider = provider.filter(|provider| now < provider.valid_until);
    let missing = || StsError::InvalidIdentityToken("Specified provider doesn't exist.".into());
    let provider = provider.ok_or_else(missing)?;
    let assertion = response.verify(&provider.entity_id, &provider.certificates, now)?;
    if !assertion.attributes.offers(&asked.arn, provider_arn) {
        return Err(StsError::AccessDenied("Not authorized to perform sts:AssumeRoleWithSAML".into()));
    }
    let hashed = format!("{}{account}/{}", assertion.issuer, provider.name);
    Ok(Bearer {
        provider_arn: provider_arn.to_owned(),
        provider: format!("{account}/{}", provider.name),
        name_qualifier: STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, hashed.as_bytes())),
        assertion,
    })
}

impl Bearer {
    /// AWS: the keys that a session keeps.
    fn lasting(&self) -> Vec<(String, String)> {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            text("saml:namequalifier", &self.name_qualifier),
            text("saml:sub", &self.assertion.subject),
            text("saml:sub_type", &self.assertion.subject_type),
            text("aws:FederatedProvider", &self.provider_arn),
        ]
    }

    /// The keys that a trust policy may ask for.
    fn tell(&self, mut target: Target) -> Target {
        for (key, value) in self.lasting() {
            target = target.key(key, value);
        }
        let assertion = &self.assertion;
        target = target.key("saml:aud", &assertion.recipient).key("saml:iss", &assertion.issuer);
        target = target.key("saml:doc", &self.provider);
        target.keys.extend(assertion.attributes.keys.iter().cloned());
        for (key, value) in &assertion.attributes.tags {
            target = target.key(format!("aws:RequestTag/{key}"), value);
        }
        if !assertion.attributes.tags.is_empty() {
            let keys = assertion.attributes.tags.iter().map(|(key, _)| key.clone());
            target = target.keys("aws:TagKeys", keys.collect());
            target = target.keys("sts:TransitiveTagKeys", assertion.attributes.transitive.clone());
        }
        match &assertion.attributes.source_identity {
            Some(identity) => target.key("sts:SourceIdentity", identity),
            None => target,
        }
    }
}

fn access(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let text = |name: &str| request.str(name).unwrap_or_default();
    let asked = asked(cx, text("RoleArn"))?;
    let bearer = bearer(cx, &asked, text("PrincipalArn"), text("SAMLAssertion"))?;
    let attributes = &bearer.assertion.attributes;
    let principal = Principal::Saml { provider_arn: bearer.provider_arn.clone() };
    let target = bearer.tell(asked.target()?.borne_by(principal));
    let target = target.key("sts:RoleSessionName", &attributes.session_name);
    let mut targets = vec![target.clone()];
    if !attributes.tags.is_empty() {
        targets.push(target.clone().doing("sts:TagSession"));
    }
    if attributes.source_identity.is_some() {
        targets.push(target.doing("sts:SetSourceIdentity"));
    }
    Ok(targets)
}

/// As long as was asked for, and no longer than the provider lets its user's session last.
fn seconds(asked: i64, ends: Option<Timestamp>, now: Timestamp) -> Result<i64, StsError> {
    let left = ends.map_or(asked, |at| at.seconds() - now.seconds());
    if left < SECONDS_MIN {
        let what = "The SessionNotOnOrAfter of the SAML assertion is less than 15 minutes away.";
        return Err(StsError::ExpiredToken(what.into()));
    }
    Ok(asked.min(left))
}

fn assume(cx: &mut Cx<'_>, req: Assume) -> Result<Assumed, StsError> {
    let asked = asked(cx, &req.role_arn)?;
    let bearer = bearer(cx, &asked, &req.principal_arn, &req.assertion)?;
    let Some(role) = asked.role else { return Err(StsError::Unreadable) };
    let wanted = duration(&role, req.duration_seconds, false)?;
    let lasts = seconds(wanted, bearer.assertion.session_ends, cx.cloud().wall_now())?;
    let policies = SessionPolicies::checked(req.policy, req.policy_arns)?;
    let attributes = bearer.assertion.attributes.clone();
    let tags = SessionTags::default().with(attributes.tags, attributes.transitive)?;
    let packed_policy_size = policies.packed_percent(&tags.tags)?;
    let (issued, expires) = lifetime(cx, lasts);
    let holder = Holder::Role((role.name.clone(), role.id.clone()));
    let token = Token {
        name: attributes.session_name,
        source_identity: attributes.source_identity.clone(),
        tags: tags.tags,
        transitive: tags.transitive,
        policy: policies.inline,
        policy_arns: policies.arns,
        keys: bearer.lasting(),
        ..Token::new(cx.rng(), asked.account, holder, issued, expires)
    };
    let Bearer { name_qualifier, assertion, .. } = bearer;
    let given = Issued::of(cx, &token, req.token_bytes_min);
    Ok(Assumed {
        credentials: given.credentials,
        token_utilization: given.utilization,
        token_size: given.size,
        assumed_role_user: AssumedRoleUser::of(&role, &token),
        packed_policy_size,
        subject: assertion.subject,
        subject_type: assertion.subject_type,
        issuer: assertion.issuer,
        audience: assertion.recipient,
        name_qualifier,
        source_identity: attributes.source_identity,
    })
}

#[cfg(test)]
mod tests {
    use super::seconds;
    use base::Timestamp;

    #[test]
    fn the_provider_may_shorten_a_session() {
        let now = Timestamp::from_seconds(1000);
        let at = |ends: i64| seconds(3600, Some(Timestamp::from_seconds(ends)), now).ok();
        assert_eq!(seconds(3600, None, now).ok(), Some(3600));
        assert_eq!((at(10_000), at(1900), at(1899)), (Some(3600), Some(900), None));
    }
}
