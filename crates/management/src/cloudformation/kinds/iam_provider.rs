//! Identity providers, server certificates and the roles of services.

use super::iam::{IAM, tagger};
use super::on::{KEYS, On, map, text_at};
use super::{BASE, Done, Kind, Made, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::IAM::OIDCProvider",
        changes: &["ClientIdList", "Tags", "ThumbprintList"],
        fixed: &["Url"],
        attributes: &["Arn"],
        create: |on| {
            let input = map([
                ("Url", on.prop("Url")),
                ("ClientIDList", on.prop("ClientIdList")),
                ("ThumbprintList", on.prop("ThumbprintList")),
                ("Tags", on.tags(KEYS)),
            ]);
            by_arn(on, "CreateOpenIDConnectProvider", input, "OpenIDConnectProviderArn")
        },
        update: update_oidc,
        delete: |on| on.end(IAM, "DeleteOpenIDConnectProvider", map([(OIDC, on.physical())])),
        look: Some(&look::iam_beside::OIDC),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::SAMLProvider",
        changes: &["SamlMetadataDocument", "Tags"],
        fixed: &["Name"],
        attributes: &["Arn"],
        named: Some("Name"),
        create: |on| {
            let input = map([
                ("Name", Value::Str(on.name("Name", 128))),
                ("SAMLMetadataDocument", on.prop("SamlMetadataDocument")),
                ("Tags", on.tags(KEYS)),
            ]);
            by_arn(on, "CreateSAMLProvider", input, "SAMLProviderArn")
        },
        update: |on| {
            if on.changed("SamlMetadataDocument") {
                let document = on.prop("SamlMetadataDocument");
                let input = map([(SAML, on.physical()), ("SAMLMetadataDocument", document)]);
                on.call(IAM, "UpdateSAMLProvider", input)?;
            }
            on.retag(&tagger("TagSAMLProvider", "UntagSAMLProvider", SAML), on.physical())?;
            Ok(on.same())
        },
        delete: |on| on.end(IAM, "DeleteSAMLProvider", map([(SAML, on.physical())])),
        look: Some(&look::iam_beside::SAML),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::ServerCertificate",
        changes: &["Path", "Tags"],
        fixed: &["CertificateBody", "CertificateChain", "PrivateKey", "ServerCertificateName"],
        attributes: &["Arn"],
        named: Some(CERTIFICATE),
        create: upload,
        update: |on| {
            if on.changed("Path") {
                let path = Value::Str(on.text("Path").unwrap_or_else(|| "/".into()));
                on.call(
                    IAM,
                    "UpdateServerCertificate",
                    map([(CERTIFICATE, on.physical()), ("NewPath", path)]),
                )?;
            }
            let own = tagger("TagServerCertificate", "UntagServerCertificate", CERTIFICATE);
            on.retag(&own, on.physical())?;
            Ok(on.same())
        },
        delete: |on| on.end(IAM, "DeleteServerCertificate", map([(CERTIFICATE, on.physical())])),
        // Its path is part of its ARN.
        ready: |on| {
            let seen = on.call(IAM, "GetServerCertificate", map([(CERTIFICATE, on.physical())]))?;
            let arn = text_at(&seen, "ServerCertificate.ServerCertificateMetadata.Arn");
            Ok(Some(vec![("Arn", Value::Str(arn))]))
        },
        look: Some(&look::iam_beside::CERTIFICATE),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::ServiceLinkedRole",
        changes: &["Description"],
        fixed: &["AWSServiceName", "CustomSuffix"],
        attributes: &["RoleName"],
        create: |on| {
            let own = ["AWSServiceName", "CustomSuffix", "Description"].map(|name| (name, on.prop(name)));
            let name = text_at(&on.call(IAM, "CreateServiceLinkedRole", map(own))?, "Role.RoleName");
            Ok(on.made(name.clone(), vec![("RoleName", Value::Str(name))]))
        },
        update: |on| {
            let text = Value::Str(on.text("Description").unwrap_or_default());
            on.call(IAM, "UpdateRole", map([("RoleName", on.physical()), ("Description", text)]))?;
            Ok(on.same())
        },
        delete: |on| on.end(IAM, "DeleteServiceLinkedRole", map([("RoleName", on.physical())])),
        look: Some(&look::iam_beside::OF_SERVICE),
        ..BASE
    },
];

const OIDC: &str = "OpenIDConnectProviderArn";
const SAML: &str = "SAMLProviderArn";
const CERTIFICATE: &str = "ServerCertificateName";

fn by_arn(on: &mut On<'_, '_>, operation: &str, input: Value, member: &str) -> Done<Made> {
    let arn = text_at(&on.call(IAM, operation, input)?, member);
    Ok(on.made(arn.clone(), vec![("Arn", Value::Str(arn))]))
}

fn update_oidc(on: &mut On<'_, '_>) -> Done<Made> {
    let (wanted, was) = on.lists("ClientIdList");
    let of = |id: &str| map([(OIDC, on.physical()), ("ClientID", Value::str(id))]);
    let (added, dropped): (Vec<Value>, Vec<Value>) = (
        wanted.iter().filter(|id| !was.contains(id)).map(|id| of(id)).collect(),
        was.iter().filter(|id| !wanted.contains(id)).map(|id| of(id)).collect(),
    );
    for input in added {
        on.call(IAM, "AddClientIDToOpenIDConnectProvider", input)?;
    }
    for input in dropped {
        on.end(IAM, "RemoveClientIDFromOpenIDConnectProvider", input)?;
    }
    if on.changed("ThumbprintList") {
        let (prints, _) = on.lists("ThumbprintList");
        let prints = Value::List(prints.into_iter().map(Value::Str).collect());
        let input = map([(OIDC, on.physical()), ("ThumbprintList", prints)]);
        on.call(IAM, "UpdateOpenIDConnectProviderThumbprint", input)?;
    }
    on.retag(&tagger("TagOpenIDConnectProvider", "UntagOpenIDConnectProvider", OIDC), on.physical())?;
    Ok(on.same())
}

fn upload(on: &mut On<'_, '_>) -> Done<Made> {
    let name = on.name(CERTIFICATE, 128);
    let input = map([
        (CERTIFICATE, Value::str(&name)),
        ("Path", on.prop("Path")),
        ("CertificateBody", on.prop("CertificateBody")),
        ("CertificateChain", on.prop("CertificateChain")),
        ("PrivateKey", on.prop("PrivateKey")),
        ("Tags", on.tags(KEYS)),
    ]);
    on.call(IAM, "UploadServerCertificate", input)?;
    Ok(on.made(name, Vec::new()))
}
