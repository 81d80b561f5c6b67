//! OpenID Connect providers.
//!
//! The issuer is not contacted when a provider is made: a cloud without the internet must be able to trust one, and
//! so a provider that is made without thumbprints has none, where AWS looks one up.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>

use crate::iam::model::{OIDC_PROVIDERS, OidcProvider, provider_key};
use crate::iam::page::Paging;
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access::provider as access, quota};
use base::Timestamp;
use kernel::{Cx, Empty, Nothing};
use store::{Direction, Key};

kernel::ops! {
    pub static OPS:
    CreateOpenIDConnectProvider: create, "iam:CreateOpenIDConnectProvider", access::new_oidc;
    GetOpenIDConnectProvider: get, "iam:GetOpenIDConnectProvider", access::oidc;
    DeleteOpenIDConnectProvider: delete, "iam:DeleteOpenIDConnectProvider", access::oidc;
    ListOpenIDConnectProviders: list, "iam:ListOpenIDConnectProviders", kernel::access::any;
    AddClientIDToOpenIDConnectProvider: add_client, "iam:AddClientIDToOpenIDConnectProvider", access::oidc;
    RemoveClientIDFromOpenIDConnectProvider:
        remove_client, "iam:RemoveClientIDFromOpenIDConnectProvider", access::oidc;
    UpdateOpenIDConnectProviderThumbprint:
        update_thumbprints, "iam:UpdateOpenIDConnectProviderThumbprint", access::oidc;
    TagOpenIDConnectProvider: tag, "iam:TagOpenIDConnectProvider", access::oidc;
    UntagOpenIDConnectProvider: untag, "iam:UntagOpenIDConnectProvider", access::oidc;
    ListOpenIDConnectProviderTags: list_tags, "iam:ListOpenIDConnectProviderTags", access::oidc;
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const PROVIDERS_MAX: usize = 100;
const CLIENTS_MAX: usize = 100;
const THUMBPRINTS_MAX: usize = 5;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateProvider {
        pub url: String = "Url",
        pub client_ids: Vec<String> = "ClientIDList",
        pub thumbprints: Vec<String> = "ThumbprintList",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct Created {
        pub arn: String = "OpenIDConnectProviderArn",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct ByArn { pub arn: String = "OpenIDConnectProviderArn" }

    #[derive(Clone, Debug)]
    pub struct ProviderShown {
        pub url: String = "Url",
        pub client_ids: Vec<String> = "ClientIDList",
        pub thumbprints: Vec<String> = "ThumbprintList",
        pub create_date: Timestamp = "CreateDate",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct ListProviders { pub providers: Vec<Listed> = "OpenIDConnectProviderList" }

    #[derive(Clone, Debug)]
    pub struct Listed { pub arn: String = "Arn" }

    #[derive(Clone, Debug)]
    pub struct Client {
        pub arn: String = "OpenIDConnectProviderArn",
        pub client_id: String = "ClientID",
    }

    #[derive(Clone, Debug)]
    pub struct Thumbprints {
        pub arn: String = "OpenIDConnectProviderArn",
        pub thumbprints: Vec<String> = "ThumbprintList",
    }

    #[derive(Clone, Debug)]
    pub struct TagProvider {
        pub arn: String = "OpenIDConnectProviderArn",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagProvider {
        pub arn: String = "OpenIDConnectProviderArn",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub struct ListTags {
        pub arn: String = "OpenIDConnectProviderArn",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }
}

/// The issuer without its scheme. Of a URL only host and path are allowed; on this machine, from which alone Virga
/// fetches keys, also a port, since nobody but root can listen on the default one.
fn issuer(url: &str) -> Result<&str, IamError> {
    let bad = || IamError::ValidationError("Invalid Open ID Connect Provider URL".into());
    let rest = url.strip_prefix("https://").ok_or_else(bad)?;
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host @ ("localhost" | "127.0.0.1"), port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let good_host = !host.is_empty()
        && !host.starts_with(['.', '-'])
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let good_path =
        rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'<' | b'>' | b'*'));
    if good_host && good_path { Ok(rest) } else { Err(bad()) }
}

fn check_thumbprints(thumbprints: &[String]) -> Result<(), IamError> {
    if thumbprints.len() > THUMBPRINTS_MAX {
        return Err(IamError::InvalidInput("Thumbprint list must contain fewer than 5 entries.".into()));
    }
    if thumbprints.iter().any(|print| !print.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(IamError::InvalidInput("Invalid thumbprint: it must be 40 hexadecimal digits.".into()));
    }
    Ok(())
}

fn name_in<'a>(cx: &Cx<'_>, arn: &'a str) -> Result<&'a str, IamError> {
    let prefix = format!("arn:aws:iam::{}:oidc-provider/", cx.account);
    arn.strip_prefix(&prefix)
        .ok_or_else(|| IamError::InvalidInput(format!("Invalid OpenIDConnect provider ARN: {arn}")))
}

fn find(cx: &Cx<'_>, arn: &str) -> Result<OidcProvider, IamError> {
    let found = OIDC_PROVIDERS.get(cx.tx, &provider_key(cx.account, name_in(cx, arn)?))?;
    found.ok_or_else(|| IamError::NoSuchEntity(format!("OpenIDConnect Provider not found for arn {arn}")))
}

fn save(cx: &mut Cx<'_>, provider: &OidcProvider) {
    let key = provider_key(cx.account, &provider.url);
    OIDC_PROVIDERS.put(cx.tx, &key, provider);
}

fn create(cx: &mut Cx<'_>, req: CreateProvider) -> Result<Created, IamError> {
    let url = issuer(&req.url)?;
    check_thumbprints(&req.thumbprints)?;
    if req.client_ids.len() > CLIENTS_MAX {
        return Err(quota("ClientIdsPerOpenIdConnectProvider", CLIENTS_MAX));
    }
    let tags = tags::checked(req.tags)?;
    if OIDC_PROVIDERS.contains(cx.tx, &provider_key(cx.account, url))? {
        return Err(IamError::EntityAlreadyExists(format!("Provider with url {} already exists.", req.url)));
    }
    if !cx.has_room(&OIDC_PROVIDERS, &Key::account(cx.account), PROVIDERS_MAX)? {
        return Err(quota("OpenIdConnectProvidersPerAccount", PROVIDERS_MAX));
    }
    let provider = OidcProvider {
        url: url.to_owned(),
        client_ids: req.client_ids,
        thumbprints: req.thumbprints,
        created: cx.now.whole_seconds(),
        tags,
    };
    save(cx, &provider);
    Ok(Created { arn: provider.arn(cx.account), tags: tags::shown(&provider.tags) })
}

fn get(cx: &mut Cx<'_>, req: ByArn) -> Result<ProviderShown, IamError> {
    let provider = find(cx, &req.arn)?;
    Ok(ProviderShown {
        url: provider.url,
        client_ids: provider.client_ids,
        thumbprints: provider.thumbprints,
        create_date: provider.created,
        tags: tags::shown(&provider.tags),
    })
}

/// AWS: deleting a provider that does not exist is no error.
fn delete(cx: &mut Cx<'_>, req: ByArn) -> Result<Empty, IamError> {
    let key = provider_key(cx.account, name_in(cx, &req.arn)?);
    OIDC_PROVIDERS.delete(cx.tx, &key);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, _: Nothing) -> Result<ListProviders, IamError> {
    let mut providers = Vec::new();
    for pair in OIDC_PROVIDERS.scan(cx.tx, &Key::account(cx.account), Direction::Forward) {
        providers.push(Listed { arn: pair?.1.arn(cx.account) });
    }
    Ok(ListProviders { providers })
}

/// AWS: adding a client that is there already is no error; nor is removing one that is not.
fn add_client(cx: &mut Cx<'_>, req: Client) -> Result<Empty, IamError> {
    let mut provider = find(cx, &req.arn)?;
    if provider.client_ids.contains(&req.client_id) {
        return Ok(Empty);
    }
    if provider.client_ids.len() >= CLIENTS_MAX {
        return Err(quota("ClientIdsPerOpenIdConnectProvider", CLIENTS_MAX));
    }
    provider.client_ids.push(req.client_id);
    save(cx, &provider);
    Ok(Empty)
}

fn remove_client(cx: &mut Cx<'_>, req: Client) -> Result<Empty, IamError> {
    let mut provider = find(cx, &req.arn)?;
    provider.client_ids.retain(|id| *id != req.client_id);
    save(cx, &provider);
    Ok(Empty)
}

fn update_thumbprints(cx: &mut Cx<'_>, req: Thumbprints) -> Result<Empty, IamError> {
    let mut provider = find(cx, &req.arn)?;
    check_thumbprints(&req.thumbprints)?;
    provider.thumbprints = req.thumbprints;
    save(cx, &provider);
    Ok(Empty)
}

fn tag(cx: &mut Cx<'_>, req: TagProvider) -> Result<Empty, IamError> {
    let mut provider = find(cx, &req.arn)?;
    tags::add(&mut provider.tags, req.tags, "TagsPerOpenIdConnectProvider")?;
    save(cx, &provider);
    Ok(Empty)
}

fn untag(cx: &mut Cx<'_>, req: UntagProvider) -> Result<Empty, IamError> {
    let mut provider = find(cx, &req.arn)?;
    tags::remove(&mut provider.tags, &req.tag_keys);
    save(cx, &provider);
    Ok(Empty)
}

fn list_tags(cx: &mut Cx<'_>, req: ListTags) -> Result<TagPage, IamError> {
    let provider = find(cx, &req.arn)?;
    let paging = Paging::of(cx, &[&req.arn], req.marker.as_deref(), req.max_items)?;
    Ok(paging.slice(cx, tags::list(&provider.tags), |tag| tag.key.clone()).into())
}

#[cfg(test)]
mod tests {
    use super::issuer;

    #[test]
    fn issuers() {
        for (url, expected) in [
            ("https://server.example.org", "server.example.org"),
            ("https://localhost:8443/realm", "localhost:8443/realm"),
            (
                "https://oidc.eks.eu-central-1.amazonaws.com/id/0123",
                "oidc.eks.eu-central-1.amazonaws.com/id/0123",
            ),
        ] {
            assert_eq!(issuer(url), Ok(expected));
        }
        for url in [
            "http://server.example.org",
            "server.example.org",
            "https://",
            "https:///path",
            "https://server.example.org:8443",
            "https://user@server.example.org",
            "https://server.example.org?x=1",
            "https://server.example.org/#x",
            "https://server.example.org/a b",
        ] {
            let fault = wire::Fault::from(issuer(url).unwrap_err());
            assert_eq!(
                (fault.code.as_str(), fault.message.as_str()),
                ("ValidationError", "Invalid Open ID Connect Provider URL"),
                "{url}"
            );
        }
    }
}
