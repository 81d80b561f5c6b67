//! What IAM has beside users, groups, roles and managed policies: inline policies, identity providers, certificates and the
//! roles of services. Certificates themselves are not seen, as AWS's schema has it.

use super::iam::document;
use super::machine::put;
use super::{Look, PLAIN, Seen, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::iam::{IAM, member};
use crate::cloudformation::kinds::on::{On, map};
use wire::Value;

pub(in crate::cloudformation::kinds) static OF_GROUP: Look = Look {
    sees: &["GroupName", "PolicyDocument", "PolicyName"],
    whole: &["PolicyDocument"],
    read: |on| inline(on, "Group"),
    identifiers: &["PolicyName", "GroupName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static OF_ROLE: Look = Look {
    sees: &["PolicyDocument", "PolicyName", "RoleName"],
    whole: &["PolicyDocument"],
    read: |on| inline(on, "Role"),
    identifiers: &["PolicyName", "RoleName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static OF_USER: Look = Look {
    sees: &["PolicyDocument", "PolicyName", "UserName"],
    whole: &["PolicyDocument"],
    read: |on| inline(on, "User"),
    identifiers: &["PolicyName", "UserName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static OIDC: Look = Look {
    sees: &["ClientIdList", "Tags", "ThumbprintList", "Url"],
    read: |on| {
        let asked = map([("OpenIDConnectProviderArn", on.physical())]);
        let told = on.ask(IAM, "GetOpenIDConnectProvider", asked)?;
        let mut all = OIDC.rows(on, &told, &[("ClientIdList", "ClientIDList")]);
        // The service tells it without its scheme.
        let url = own(&told, "Url");
        let bare =
            |wanted: &Value| wanted.as_str().is_some_and(|own| own.strip_prefix("https://") == url.as_str());
        put(&mut all, "Url", on.as_written("Url", bare, url.clone()));
        Ok(Seen::of(all, vec![("Arn", on.physical())]))
    },
    identifiers: &["Arn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static SAML: Look = Look {
    sees: &["Name", "SamlMetadataDocument", "Tags"],
    read: |on| {
        let told = on.ask(IAM, "GetSAMLProvider", map([("SAMLProviderArn", on.physical())]))?;
        let mut all = SAML.rows(on, &told, &[("SamlMetadataDocument", "SAMLMetadataDocument")]);
        put(&mut all, "Name", Value::str(on.physical.rsplit('/').next().unwrap_or_default()));
        Ok(Seen::of(all, vec![("Arn", on.physical())]))
    },
    identifiers: &["Arn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static CERTIFICATE: Look = Look {
    sees: &["Path", "ServerCertificateName", "Tags"],
    read: |on| {
        let asked = map([("ServerCertificateName", on.physical())]);
        let told = own(&on.ask(IAM, "GetServerCertificate", asked)?, "ServerCertificate");
        let about = own(&told, "ServerCertificateMetadata");
        let mut all = CERTIFICATE.rows(on, &about, &[]);
        put(&mut all, "Tags", on.tags_as_written(&own(&told, "Tags")));
        Ok(Seen::of(all, vec![("Arn", own(&about, "Arn"))]))
    },
    identifiers: &["ServerCertificateName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static OF_SERVICE: Look = Look {
    sees: &["Description"],
    read: |on| {
        let told = own(&on.ask(IAM, "GetRole", map([("RoleName", on.physical())]))?, "Role");
        Ok(Seen::of(OF_SERVICE.rows(on, &told, &[]), vec![("RoleName", on.physical())]))
    },
    identifiers: &["RoleName"],
    ..PLAIN
};

/// Whose it is, is not seen: nobody gives it away by a template.
pub(in crate::cloudformation::kinds) static MFA: Look = Look {
    sees: &["Path", "Tags", "VirtualMfaDeviceName"],
    read: |on| {
        let tagged = on.ask(IAM, "ListMFADeviceTags", map([("SerialNumber", on.physical())]))?;
        // `arn:aws:iam::account:mfa/path/name`
        let rest = on.physical.split_once(":mfa").map_or("", |(_, rest)| rest);
        let (path, name) = rest.rsplit_once('/').unwrap_or(("", rest));
        let all = vec![
            ("Path".to_owned(), Value::Str(format!("{path}/"))),
            ("Tags".to_owned(), on.tags_as_written(&own(&tagged, "Tags"))),
            ("VirtualMfaDeviceName".to_owned(), Value::str(name)),
        ];
        Ok(Seen::of(all, vec![("SerialNumber", on.physical())]))
    },
    identifiers: &["SerialNumber"],
    ..PLAIN
};

fn inline(on: &mut On<'_, '_>, noun: &str) -> Done<Seen> {
    let of = [member(noun), "PolicyName"].map(|name| (name, Value::Str(on.identity(name))));
    let told = on.ask(IAM, &format!("Get{noun}Policy"), map(of.clone()))?;
    let mut all = vec![("PolicyDocument".to_owned(), document(&own(&told, "PolicyDocument")))];
    all.extend(of.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(Seen::of(all, Vec::new()))
}
