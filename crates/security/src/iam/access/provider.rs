//! What the operations on identity providers touch.

use super::tagged;
use crate::iam::model::{self, OIDC_PROVIDERS, SAML_PROVIDERS, provider_key};
use base::tag::Tags;
use base::{AccountId, Arn};
use kernel::{Cx, access::Target};
use store::{StoreError, Tx};
use wire::{Fault, Struct};

/// Reads the tags of what an account has under a name.
type TagsOf = fn(&Tx, AccountId, &str) -> Result<Option<Tags>, StoreError>;

/// # Errors
/// When the store cannot be read; so all of them.
pub fn oidc(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    of_arn(cx, request, "OpenIDConnectProviderArn", "oidc-provider/", |tx, account, name| {
        Ok(OIDC_PROVIDERS.get(tx, &provider_key(account, name))?.map(|provider| provider.tags))
    })
}

pub fn saml(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    of_arn(cx, request, "SAMLProviderArn", "saml-provider/", |tx, account, name| {
        Ok(SAML_PROVIDERS.get(tx, &provider_key(account, name))?.map(|provider| provider.tags))
    })
}

fn of_arn(
    cx: &Cx<'_>,
    request: &Struct,
    member: &str,
    kind: &str,
    tags: TagsOf,
) -> Result<Vec<Target>, Fault> {
    let arn = request.str(member).unwrap_or_default();
    // What is no ARN is for the handler to refuse.
    let Some(parsed) = Arn::parse(arn) else { return Ok(vec![Target::any()]) };
    let target = Target::on(arn);
    let owner = AccountId::parse(&parsed.account).unwrap_or(cx.account);
    if owner != cx.account {
        return Ok(vec![target.owned_by(owner)]);
    }
    let name = parsed.resource.strip_prefix(kind).unwrap_or_default();
    let found = tags(cx.tx, owner, name).map_err(kernel::Failure::from)?;
    Ok(vec![tagged(target, found.as_ref())])
}

pub fn new_oidc(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let url = request.str("Url").unwrap_or_default();
    let issuer = url.strip_prefix("https://").unwrap_or(url);
    Ok(vec![Target::on(model::arn(cx.account, "oidc-provider/", "", issuer))])
}

pub fn new_saml(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![Target::on(model::arn(
        cx.account,
        "saml-provider/",
        "",
        request.str("Name").unwrap_or_default(),
    ))])
}
