//! TLS certificates for load balancers, kept in IAM.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html>

use crate::iam::model::{self, SERVER_CERTIFICATES, ServerCertificate};
use crate::iam::page::Paging;
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access::credential as access, pem, quota, x509};
use base::{AccountId, Timestamp};
use kernel::{Cx, Empty};
use store::Key;

const CERTIFICATES_MAX: usize = 20;
/// The purpose under which private keys are sealed.
const KEY_PURPOSE: &str = "iam/server-certificate";

kernel::ops! {
    pub static OPS:
    UploadServerCertificate: upload, "iam:UploadServerCertificate", access::new_certificate;
    GetServerCertificate: get, "iam:GetServerCertificate", access::certificate;
    ListServerCertificates: list, "iam:ListServerCertificates", access::all_certificates;
    UpdateServerCertificate: update, "iam:UpdateServerCertificate", access::update_certificate;
    DeleteServerCertificate: delete, "iam:DeleteServerCertificate", access::certificate;
    TagServerCertificate: tag, "iam:TagServerCertificate", access::certificate;
    UntagServerCertificate: untag, "iam:UntagServerCertificate", access::certificate;
    ListServerCertificateTags: list_tags, "iam:ListServerCertificateTags", access::certificate;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Upload {
        pub path: Option<String> = "Path",
        pub name: String = "ServerCertificateName",
        pub body: String = "CertificateBody",
        pub private_key: String = "PrivateKey",
        pub chain: Option<String> = "CertificateChain",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct Metadata {
        pub path: String = "Path",
        pub name: String = "ServerCertificateName",
        pub id: String = "ServerCertificateId",
        pub arn: String = "Arn",
        pub uploaded: Timestamp = "UploadDate",
        pub expires: Timestamp = "Expiration",
    }

    #[derive(Clone, Debug)]
    pub struct Uploaded {
        pub metadata: Metadata = "ServerCertificateMetadata",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct Whole {
        pub metadata: Metadata = "ServerCertificateMetadata",
        pub body: String = "CertificateBody",
        pub chain: Option<String> = "CertificateChain",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct Got {
        pub certificate: Whole = "ServerCertificate",
    }

    #[derive(Clone, Debug)]
    pub struct Named {
        pub name: String = "ServerCertificateName",
    }

    #[derive(Clone, Debug)]
    pub struct List {
        pub path_prefix: Option<String> = "PathPrefix",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Listed {
        pub list: Vec<Metadata> = "ServerCertificateMetadataList",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct Update {
        pub name: String = "ServerCertificateName",
        pub new_path: Option<String> = "NewPath",
        pub new_name: Option<String> = "NewServerCertificateName",
    }

    #[derive(Clone, Debug)]
    pub struct TagIt {
        pub name: String = "ServerCertificateName",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagIt {
        pub name: String = "ServerCertificateName",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub struct ListTags {
        pub name: String = "ServerCertificateName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }
}

fn metadata(account: AccountId, of: &ServerCertificate) -> Metadata {
    Metadata {
        path: of.path.clone(),
        name: of.name.clone(),
        id: of.id.clone(),
        arn: of.arn(account),
        uploaded: of.uploaded,
        expires: of.expires,
    }
}

fn find(cx: &Cx<'_>, name: &str) -> Result<ServerCertificate, IamError> {
    let found = SERVER_CERTIFICATES.get(cx.tx, &model::named(cx.account, name))?;
    found.ok_or_else(|| {
        IamError::NoSuchEntity(format!("The Server Certificate with name {name} cannot be found."))
    })
}

fn save(cx: &mut Cx<'_>, certificate: &ServerCertificate) {
    SERVER_CERTIFICATES.put(cx.tx, &model::named(cx.account, &certificate.name), certificate);
}

fn must_be_new(cx: &Cx<'_>, name: &str) -> Result<(), IamError> {
    if SERVER_CERTIFICATES.contains(cx.tx, &model::named(cx.account, name))? {
        let words = format!("The Server Certificate with name {name} already exists.");
        return Err(IamError::EntityAlreadyExists(words));
    }
    Ok(())
}

fn upload(cx: &mut Cx<'_>, req: Upload) -> Result<Uploaded, IamError> {
    must_be_new(cx, &req.name)?;
    let read = checked(&req, cx.now)?;
    if SERVER_CERTIFICATES.count(cx.tx, &Key::account(cx.account))? >= CERTIFICATES_MAX {
        return Err(quota("ServerCertificatesPerAccount", CERTIFICATES_MAX));
    }
    let certificate = ServerCertificate {
        name: req.name,
        path: req.path.unwrap_or_else(|| "/".into()),
        id: base::id::iam_unique_id(cx.rng(), "ASCA"),
        body: req.body.trim().to_owned(),
        chain: req.chain.map(|chain| chain.trim().to_owned()),
        sealed_key: cx.sealer().seal(cx.rng(), KEY_PURPOSE, req.private_key.as_bytes()),
        uploaded: cx.now.whole_seconds(),
        expires: read.not_after,
        tags: tags::checked(req.tags)?,
    };
    save(cx, &certificate);
    Ok(Uploaded { metadata: metadata(cx.account, &certificate), tags: tags::shown(&certificate.tags) })
}

/// The certificate is valid now, the key is its own, and each certificate of the chain has the name of the signer of
/// the one before.
fn checked(req: &Upload, now: Timestamp) -> Result<x509::Certificate, IamError> {
    let malformed = |words: &str| IamError::MalformedCertificate(words.into());
    let read = pem::one(&req.body, "CERTIFICATE").and_then(|der| x509::certificate(&der));
    let read = read.ok_or_else(|| {
        malformed("Unable to parse certificate. Please ensure the certificate is in PEM format.")
    })?;
    if now < read.not_before || now > read.not_after {
        return Err(malformed("The certificate is not valid at this time."));
    }
    let public = match pem::blocks(&req.private_key).as_deref() {
        // OpenSSL writes a curve's parameters before its key.
        Some([key] | [_, key]) => x509::public_of(&key.label, &key.der),
        _ => None,
    };
    let public = public.ok_or_else(|| malformed("Invalid Private Key."))?;
    if public != read.public_key {
        return Err(IamError::KeyPairMismatch("The private key is not that of the certificate.".into()));
    }
    if let Some(chain) = &req.chain {
        check_chain(&read, chain)?;
    }
    Ok(read)
}

fn check_chain(first: &x509::Certificate, chain: &str) -> Result<(), IamError> {
    let broken = |at: usize| {
        IamError::MalformedCertificate(format!(
            "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
             certificate, followed by any intermediaries in order. The index within the chain of the invalid \
             certificate is: {at}"
        ))
    };
    let mut issuer = first.issuer.clone();
    for (at, block) in pem::blocks(chain).ok_or_else(|| broken(0))?.iter().enumerate() {
        let signer = x509::certificate(&block.der).filter(|_| block.label == "CERTIFICATE");
        let signer = signer.filter(|signer| signer.subject == issuer).ok_or_else(|| broken(at))?;
        issuer = signer.issuer;
    }
    Ok(())
}

fn get(cx: &mut Cx<'_>, req: Named) -> Result<Got, IamError> {
    let found = find(cx, &req.name)?;
    Ok(Got {
        certificate: Whole {
            metadata: metadata(cx.account, &found),
            body: found.body,
            chain: found.chain,
            tags: tags::shown(&found.tags),
        },
    })
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, IamError> {
    let prefix = req.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::of(cx, &[prefix], req.marker.as_deref(), req.max_items)?;
    let page = paging.table(cx, &SERVER_CERTIFICATES, |of| &of.name, |of| of.path.starts_with(prefix))?;
    let (list, is_truncated, marker) = page.map(|of| metadata(cx.account, &of)).parts();
    Ok(Listed { list, is_truncated, marker })
}

fn update(cx: &mut Cx<'_>, req: Update) -> Result<Empty, IamError> {
    let mut found = find(cx, &req.name)?;
    if let Some(path) = req.new_path {
        found.path = path;
    }
    if let Some(name) = req.new_name {
        if !name.eq_ignore_ascii_case(&found.name) {
            must_be_new(cx, &name)?;
        }
        SERVER_CERTIFICATES.delete(cx.tx, &model::named(cx.account, &found.name));
        found.name = name;
    }
    save(cx, &found);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: Named) -> Result<Empty, IamError> {
    let found = find(cx, &req.name)?;
    SERVER_CERTIFICATES.delete(cx.tx, &model::named(cx.account, &found.name));
    Ok(Empty)
}

fn tag(cx: &mut Cx<'_>, req: TagIt) -> Result<Empty, IamError> {
    let mut found = find(cx, &req.name)?;
    tags::add(&mut found.tags, req.tags, "TagsPerServerCertificate")?;
    save(cx, &found);
    Ok(Empty)
}

fn untag(cx: &mut Cx<'_>, req: UntagIt) -> Result<Empty, IamError> {
    let mut found = find(cx, &req.name)?;
    tags::remove(&mut found.tags, &req.tag_keys);
    save(cx, &found);
    Ok(Empty)
}

fn list_tags(cx: &mut Cx<'_>, req: ListTags) -> Result<TagPage, IamError> {
    let found = find(cx, &req.name)?;
    let paging = Paging::of(cx, &[&found.id], req.marker.as_deref(), req.max_items)?;
    Ok(paging.slice(cx, tags::list(&found.tags), |tag| tag.key.clone()).into())
}
