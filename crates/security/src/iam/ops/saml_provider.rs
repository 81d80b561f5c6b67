//! SAML identity providers.
//!
//! GAP: encrypted assertions are not decrypted, so requests that set an encryption mode or bring a private key are
//! refused. AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html>

use crate::iam::model::{SAML_PROVIDERS, SamlProvider, provider_key};
use crate::iam::page::Paging;
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access::provider as access, quota, saml};
use base::Timestamp;
use kernel::{Cx, Empty, Nothing};
use std::time::Duration;
use store::{Direction, Key};

kernel::ops! {
    pub static OPS:
    CreateSAMLProvider: create, "iam:CreateSAMLProvider", access::new_saml;
    GetSAMLProvider: get, "iam:GetSAMLProvider", access::saml;
    UpdateSAMLProvider: update, "iam:UpdateSAMLProvider", access::saml;
    DeleteSAMLProvider: delete, "iam:DeleteSAMLProvider", access::saml;
    ListSAMLProviders: list, "iam:ListSAMLProviders", kernel::access::any;
    TagSAMLProvider: tag, "iam:TagSAMLProvider", access::saml;
    UntagSAMLProvider: untag, "iam:UntagSAMLProvider", access::saml;
    ListSAMLProviderTags: list_tags, "iam:ListSAMLProviderTags", access::saml;
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const PROVIDERS_MAX: usize = 100;
/// How long metadata holds that names no end: a hundred years.
const VALID_DEFAULT: Duration = Duration::from_secs(100 * 365 * 86_400);

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateProvider {
        pub metadata: String = "SAMLMetadataDocument",
        pub name: String = "Name",
        pub tags: Vec<Tag> = "Tags",
        pub encryption: Option<String> = "AssertionEncryptionMode",
        pub private_key: Option<String> = "AddPrivateKey",
    }

    #[derive(Clone, Debug)]
    pub struct Created {
        pub arn: String = "SAMLProviderArn",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct ByArn { pub arn: String = "SAMLProviderArn" }

    #[derive(Clone, Debug)]
    pub struct ProviderShown {
        pub uuid: String = "SAMLProviderUUID",
        pub metadata: String = "SAMLMetadataDocument",
        pub create_date: Timestamp = "CreateDate",
        pub valid_until: Timestamp = "ValidUntil",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateProvider {
        pub arn: String = "SAMLProviderArn",
        pub metadata: Option<String> = "SAMLMetadataDocument",
        pub encryption: Option<String> = "AssertionEncryptionMode",
        pub private_key: Option<String> = "AddPrivateKey",
        pub removed_key: Option<String> = "RemovePrivateKey",
    }

    #[derive(Clone, Debug)]
    pub struct ListProviders { pub providers: Vec<Listed> = "SAMLProviderList" }

    #[derive(Clone, Debug)]
    pub struct Listed {
        pub arn: String = "Arn",
        pub valid_until: Timestamp = "ValidUntil",
        pub create_date: Timestamp = "CreateDate",
    }

    #[derive(Clone, Debug)]
    pub struct TagProvider {
        pub arn: String = "SAMLProviderArn",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagProvider {
        pub arn: String = "SAMLProviderArn",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub struct ListTags {
        pub arn: String = "SAMLProviderArn",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }
}

fn find(cx: &Cx<'_>, arn: &str) -> Result<SamlProvider, IamError> {
    let prefix = format!("arn:aws:iam::{}:saml-provider/", cx.account);
    let Some(name) = arn.strip_prefix(&prefix) else {
        return Err(IamError::InvalidInput(format!("Invalid SAML provider ARN: {arn}")));
    };
    let found = SAML_PROVIDERS.get(cx.tx, &provider_key(cx.account, name))?;
    found.ok_or_else(|| IamError::NoSuchEntity(format!("Manifest not found for arn {arn}")))
}

fn save(cx: &mut Cx<'_>, provider: &SamlProvider) {
    let key = provider_key(cx.account, &provider.name);
    SAML_PROVIDERS.put(cx.tx, &key, provider);
}

fn must_not_encrypt(wanted: bool) -> Result<(), IamError> {
    if wanted {
        return Err(IamError::InvalidInput(
            "Encrypted SAML assertions are not built in this cloud: leave out AssertionEncryptionMode and private keys."
                .into(),
        ));
    }
    Ok(())
}

fn set_metadata(provider: &mut SamlProvider, text: String, now: Timestamp) -> Result<(), IamError> {
    let metadata = saml::read(&text)?;
    provider.metadata = text;
    provider.entity_id = metadata.entity_id;
    provider.certificates = metadata.certificates;
    provider.valid_until = metadata.valid_until.unwrap_or_else(|| now.plus(VALID_DEFAULT));
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: CreateProvider) -> Result<Created, IamError> {
    must_not_encrypt(req.encryption.is_some() || req.private_key.is_some())?;
    let now = cx.now.whole_seconds();
    let mut provider = SamlProvider {
        name: req.name,
        uuid: base::id::iam_unique_id(cx.rng(), "ASPRA"),
        created: now,
        tags: tags::checked(req.tags)?,
        ..SamlProvider::default()
    };
    set_metadata(&mut provider, req.metadata, now)?;
    if SAML_PROVIDERS.contains(cx.tx, &provider_key(cx.account, &provider.name))? {
        let name = &provider.name;
        return Err(IamError::EntityAlreadyExists(format!("Provider with name {name} already exists.")));
    }
    if !cx.has_room(&SAML_PROVIDERS, &Key::account(cx.account), PROVIDERS_MAX)? {
        return Err(quota("SAMLProvidersPerAccount", PROVIDERS_MAX));
    }
    save(cx, &provider);
    Ok(Created { arn: provider.arn(cx.account), tags: tags::shown(&provider.tags) })
}

fn get(cx: &mut Cx<'_>, req: ByArn) -> Result<ProviderShown, IamError> {
    let provider = find(cx, &req.arn)?;
    Ok(ProviderShown {
        uuid: provider.uuid,
        metadata: provider.metadata,
        create_date: provider.created,
        valid_until: provider.valid_until,
        tags: tags::shown(&provider.tags),
    })
}

fn update(cx: &mut Cx<'_>, req: UpdateProvider) -> Result<ByArn, IamError> {
    must_not_encrypt(req.encryption.is_some() || req.private_key.is_some() || req.removed_key.is_some())?;
    let mut provider = find(cx, &req.arn)?;
    if let Some(text) = req.metadata {
        set_metadata(&mut provider, text, cx.now.whole_seconds())?;
        save(cx, &provider);
    }
    Ok(ByArn { arn: req.arn })
}

fn delete(cx: &mut Cx<'_>, req: ByArn) -> Result<Empty, IamError> {
    let provider = find(cx, &req.arn)?;
    SAML_PROVIDERS.delete(cx.tx, &provider_key(cx.account, &provider.name));
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, _: Nothing) -> Result<ListProviders, IamError> {
    let mut providers = Vec::new();
    for pair in SAML_PROVIDERS.scan(cx.tx, &Key::account(cx.account), Direction::Forward) {
        let (_, provider) = pair?;
        let arn = provider.arn(cx.account);
        providers.push(Listed { arn, valid_until: provider.valid_until, create_date: provider.created });
    }
    Ok(ListProviders { providers })
}

fn tag(cx: &mut Cx<'_>, req: TagProvider) -> Result<Empty, IamError> {
    let mut provider = find(cx, &req.arn)?;
    tags::add(&mut provider.tags, req.tags, "TagsPerSAMLProvider")?;
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
