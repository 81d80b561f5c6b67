//! ACLs in the headers of a request: a canned one in `x-amz-acl`, or grants in `x-amz-grant-*`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html>

use super::{GRANTS_MAX, canned, group};
use crate::s3::canonical;
use crate::s3::errors::{Denial, S3Error, argument};
use crate::s3::model::acl::{Grant, Grantee, Permission};
use base::AccountId;

/// What a request's headers say about the ACL, as the model's members have it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Stated<'a> {
    pub canned: Option<&'a str>,
    pub full_control: Option<&'a str>,
    pub read: Option<&'a str>,
    pub read_acp: Option<&'a str>,
    pub write: Option<&'a str>,
    pub write_acp: Option<&'a str>,
}

impl Stated<'_> {
    fn grants(&self) -> [(&'static str, Option<&str>, Permission); 5] {
        [
            ("x-amz-grant-read", self.read, Permission::Read),
            ("x-amz-grant-write", self.write, Permission::Write),
            ("x-amz-grant-read-acp", self.read_acp, Permission::ReadAcp),
            ("x-amz-grant-write-acp", self.write_acp, Permission::WriteAcp),
            ("x-amz-grant-full-control", self.full_control, Permission::FullControl),
        ]
    }

    /// Whether there are headers with grants.
    pub fn has_grants(&self) -> bool {
        self.grants().iter().any(|(_, header, _)| header.is_some())
    }

    /// Whether the request says nothing about the ACL.
    pub fn is_silent(&self) -> bool {
        self.canned.is_none() && !self.has_grants()
    }

    /// The list that the headers state; `None` where they are silent.
    ///
    /// # Errors
    /// `InvalidRequest` where there are a canned ACL and grants; `InvalidArgument` for what cannot be read.
    pub fn list(&self, owner: AccountId, bucket_owner: AccountId) -> Result<Option<Vec<Grant>>, S3Error> {
        if self.canned.is_some() && self.has_grants() {
            return Err(Denial::AclTwice.into());
        }
        if let Some(name) = self.canned {
            let list = canned::grants(name, owner, bucket_owner);
            return list.map(Some).ok_or_else(|| argument("", "x-amz-acl", name));
        }
        if !self.has_grants() {
            return Ok(None);
        }
        let mut list = Vec::new();
        for (name, header, permission) in self.grants() {
            for grantee in header.map(|header| grantees(name, header)).transpose()?.unwrap_or_default() {
                list.push(Grant { grantee, permission });
            }
        }
        if list.len() > GRANTS_MAX {
            return Err(Denial::AclMalformed.into());
        }
        Ok(Some(list))
    }
}

/// `id="...", uri="..."`: grantees, separated by commas, with or without quotes.
fn grantees(name: &str, header: &str) -> Result<Vec<Grantee>, S3Error> {
    let parts = header.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| grantee(name, part)).collect()
}

fn grantee(name: &str, part: &str) -> Result<Grantee, S3Error> {
    let malformed = || argument("Argument format not recognized", name, part);
    let (kind, value) = part.split_once('=').ok_or_else(malformed)?;
    let value = value.trim().trim_matches('"');
    match kind.trim().to_ascii_lowercase().as_str() {
        "id" => canonical_user(value, "id"),
        "uri" => group(value).ok_or_else(|| argument("Invalid group uri", "uri", value)),
        "emailaddress" => Err(Denial::EmailGrantees.into()),
        _ => Err(malformed()),
    }
}

/// `name`: what the id is called where it stands, in a header or in a document.
pub(crate) fn canonical_user(id: &str, name: &str) -> Result<Grantee, S3Error> {
    let known = canonical::account(id).map(Grantee::Account);
    // What AWS calls the group of log delivery may be named by its id too.
    let known = known.or_else(|| (id == canonical::LOG_DELIVERY).then_some(Grantee::LogDelivery));
    known.ok_or_else(|| argument("Invalid id", name, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Fault;

    fn refused(stated: Stated<'_>) -> (String, String) {
        let fault = Fault::from(stated.list(AccountId::DEFAULT, AccountId::DEFAULT).unwrap_err());
        (fault.code, fault.message)
    }

    #[test]
    fn grants_are_read() {
        let id = canonical::id(AccountId::DEFAULT);
        let header = format!("id=\"{id}\", uri=\"{}\"", super::super::ALL_USERS);
        let stated = Stated { read: Some(&header), ..Stated::default() };
        let list = stated.list(AccountId::DEFAULT, AccountId::DEFAULT).unwrap().unwrap();
        assert_eq!(
            list.iter().map(|g| g.grantee).collect::<Vec<_>>(),
            [Grantee::Account(AccountId::DEFAULT), Grantee::AllUsers]
        );
        assert_eq!(Stated::default().list(AccountId::DEFAULT, AccountId::DEFAULT).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let both = Stated { canned: Some("private"), read: Some("id=1"), ..Stated::default() };
        assert_eq!(refused(both).0, "InvalidRequest");
        let read = |header| refused(Stated { read: Some(header), ..Stated::default() });
        assert_eq!(read("id=1"), ("InvalidArgument".into(), "Invalid id".into()));
        assert_eq!(read("uri=\"http://x\""), ("InvalidArgument".into(), "Invalid group uri".into()));
        assert_eq!(read("anna").1, "Argument format not recognized");
        assert_eq!(read("emailAddress=a@b.c").0, "MethodNotAllowed");
    }
}
