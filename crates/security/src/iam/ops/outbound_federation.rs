//! Outbound identity federation: whether an account's principals may have web identity tokens, and by which issuer.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html>. The issuer's
//! address stays when the feature is switched off and on again, as tokens that are out name it.

use crate::iam::IamError;
use crate::sts::outbound::{OUTBOUND, Outbound, PUBLISHED};
use kernel::access::any;
use kernel::{Cx, Empty, Nothing};
use store::Key;

kernel::ops! {
    pub static OPS:
    EnableOutboundWebIdentityFederation: enable, "iam:EnableOutboundWebIdentityFederation", any;
    DisableOutboundWebIdentityFederation: disable, "iam:DisableOutboundWebIdentityFederation", any;
    GetOutboundWebIdentityFederationInfo: get, "iam:GetOutboundWebIdentityFederationInfo", any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Enabled { pub issuer: String = "IssuerIdentifier" }

    #[derive(Clone, Debug)]
    pub struct Info {
        pub issuer: String = "IssuerIdentifier",
        pub enabled: bool = "JwtVendingEnabled",
    }
}

/// # Errors
/// `FeatureDisabled`.
fn enabled(cx: &Cx<'_>) -> Result<Outbound, IamError> {
    let found = OUTBOUND.get(cx.tx, &Key::account(cx.account))?;
    found.filter(|issuer| issuer.enabled).ok_or(IamError::OutboundDisabled)
}

fn enable(cx: &mut Cx<'_>, _: Nothing) -> Result<Enabled, IamError> {
    let key = Key::account(cx.account);
    let issuer = match OUTBOUND.get(cx.tx, &key)? {
        Some(issuer) if issuer.enabled => return Err(IamError::OutboundEnabled),
        Some(issuer) => Outbound { enabled: true, ..issuer },
        None => {
            let made = Outbound::make(cx.request, cx.sealer(), cx.rng());
            let (issuer, published) = made.map_err(|_| IamError::Unreadable)?;
            PUBLISHED.put(cx.tx, &Key::global().str(&issuer.id), &published);
            issuer
        }
    };
    OUTBOUND.put(cx.tx, &key, &issuer);
    Ok(Enabled { issuer: issuer.url })
}

fn disable(cx: &mut Cx<'_>, _: Nothing) -> Result<Empty, IamError> {
    let issuer = Outbound { enabled: false, ..enabled(cx)? };
    OUTBOUND.put(cx.tx, &Key::account(cx.account), &issuer);
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, _: Nothing) -> Result<Info, IamError> {
    let issuer = enabled(cx)?;
    Ok(Info { issuer: issuer.url, enabled: issuer.enabled })
}
