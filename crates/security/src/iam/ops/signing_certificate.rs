//! X.509 certificates with which users sign requests to AWS's oldest interfaces.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html>
//!
//! Not here: any service that takes such signatures.

use super::{active, status};
use crate::iam::model::{SIGNING_CERTIFICATES, SigningCertificate, User, of_user};
use crate::iam::page::Paging;
use crate::iam::subject::{self, Subject};
use crate::iam::{IamError, pem, quota, x509};
use base::Timestamp;
use kernel::{Cx, Empty};
use store::{Direction, Key};

const PER_USER_MAX: usize = 2;

kernel::ops! {
    pub static OPS:
    UploadSigningCertificate: upload, "iam:UploadSigningCertificate", subject::access;
    ListSigningCertificates: list, "iam:ListSigningCertificates", subject::access;
    UpdateSigningCertificate: update, "iam:UpdateSigningCertificate", subject::access;
    DeleteSigningCertificate: delete, "iam:DeleteSigningCertificate", subject::access;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Upload {
        pub user_name: Option<String> = "UserName",
        pub body: String = "CertificateBody",
    }

    #[derive(Clone, Debug)]
    pub struct Shown {
        pub user_name: String = "UserName",
        pub id: String = "CertificateId",
        pub body: String = "CertificateBody",
        pub status: String = "Status",
        pub uploaded: Timestamp = "UploadDate",
    }

    #[derive(Clone, Debug)]
    pub struct Uploaded {
        pub certificate: Shown = "Certificate",
    }

    #[derive(Clone, Debug)]
    pub struct List {
        pub user_name: Option<String> = "UserName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct Listed {
        pub certificates: Vec<Shown> = "Certificates",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct Update {
        pub user_name: Option<String> = "UserName",
        pub id: String = "CertificateId",
        pub status: String = "Status",
    }

    #[derive(Clone, Debug)]
    pub struct Delete {
        pub user_name: Option<String> = "UserName",
        pub id: String = "CertificateId",
    }
}

fn shown(user: &User, of: SigningCertificate) -> Shown {
    Shown {
        user_name: user.name.clone(),
        id: of.id,
        body: of.body,
        status: status(of.active),
        uploaded: of.uploaded,
    }
}

fn all(cx: &Cx<'_>, user: &User) -> Result<Vec<SigningCertificate>, IamError> {
    let own = of_user(cx.account, &user.id);
    let list: Result<Vec<_>, _> = SIGNING_CERTIFICATES.scan(cx.tx, &own, Direction::Forward).collect();
    Ok(list?.into_iter().map(|(_, of)| of).collect())
}

fn find(cx: &Cx<'_>, user: &User, id: &str) -> Result<(Key, SigningCertificate), IamError> {
    let key = of_user(cx.account, &user.id).str(id);
    match SIGNING_CERTIFICATES.get(cx.tx, &key)? {
        Some(found) => Ok((key, found)),
        None => Err(IamError::NoSuchEntity(format!("The Certificate with id {id} cannot be found."))),
    }
}

fn upload(cx: &mut Cx<'_>, req: Upload) -> Result<Uploaded, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let der = pem::one(&req.body, "CERTIFICATE");
    let read = der.as_deref().and_then(x509::certificate);
    let (Some(der), Some(read)) = (der, read) else {
        let words = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
        return Err(IamError::MalformedCertificate(words.into()));
    };
    if cx.now > read.not_after {
        return Err(IamError::InvalidCertificate("The certificate has expired.".into()));
    }
    let held = all(cx, &user)?;
    if held.iter().any(|of| pem::one(&of.body, "CERTIFICATE").as_ref() == Some(&der)) {
        let words = "The certificate is associated with this user already.";
        return Err(IamError::DuplicateCertificate(words.into()));
    }
    if held.len() >= PER_USER_MAX {
        return Err(quota("CertificatesPerUser", PER_USER_MAX));
    }
    let certificate = SigningCertificate {
        id: cx.rng().text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32),
        body: req.body,
        active: true,
        uploaded: cx.now.whole_seconds(),
    };
    let key = of_user(cx.account, &user.id).str(&certificate.id);
    SIGNING_CERTIFICATES.put(cx.tx, &key, &certificate);
    Ok(Uploaded { certificate: shown(&user, certificate) })
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let paging = Paging::of(cx, &[&user.id], req.marker.as_deref(), req.max_items)?;
    let page = paging.slice(cx, all(cx, &user)?, |of| of.id.clone());
    let (certificates, is_truncated, marker) = page.map(|of| shown(&user, of)).parts();
    Ok(Listed { certificates, is_truncated, marker })
}

fn update(cx: &mut Cx<'_>, req: Update) -> Result<Empty, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let (key, mut found) = find(cx, &user, &req.id)?;
    found.active = active(&req.status)?;
    SIGNING_CERTIFICATES.put(cx.tx, &key, &found);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let (key, _) = find(cx, &user, &req.id)?;
    SIGNING_CERTIFICATES.delete(cx.tx, &key);
    Ok(Empty)
}
