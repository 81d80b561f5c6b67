//! OpenID Connect and SAML providers.

use crate::harness::Cloud;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

#[test]
fn an_openid_connect_provider() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = "https://token.actions.githubusercontent.com";
    let arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    let create = |more: Value| {
        let mut request = json!({"Url": url, "ClientIDList": ["sts.amazonaws.com"]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("iam", "CreateOpenIDConnectProvider", request)
    };
    create(json!({"Url": "http://x.example"})).refused_with(
        400,
        "ValidationError",
        "Invalid Open ID Connect Provider URL",
    );
    let print = "a".repeat(40);
    create(json!({"ThumbprintList": vec![print.clone(); 6]})).refused_with(
        400,
        "InvalidInput",
        "Thumbprint list must contain fewer than 5 entries.",
    );
    create(json!({"ClientIDList": (0..101).map(|i| i.to_string()).collect::<Vec<_>>()})).refused_with(
        409,
        "LimitExceeded",
        "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
    );
    let made = create(json!({"Tags": [{"Key": "a", "Value": "b"}]})).ok();
    assert_eq!(made["OpenIDConnectProviderArn"], json!(arn));
    create(json!({})).refused_with(
        409,
        "EntityAlreadyExists",
        "Provider with url https://token.actions.githubusercontent.com already exists.",
    );
    let of = json!({"OpenIDConnectProviderArn": arn});
    let with = |more: Value| {
        let mut request = of.clone();
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    root.call("iam", "AddClientIDToOpenIDConnectProvider", with(json!({"ClientID": "other"}))).ok();
    root.call("iam", "AddClientIDToOpenIDConnectProvider", with(json!({"ClientID": "other"}))).ok();
    root.call(
        "iam",
        "RemoveClientIDFromOpenIDConnectProvider",
        with(json!({"ClientID": "sts.amazonaws.com"})),
    )
    .ok();
    root.call("iam", "UpdateOpenIDConnectProviderThumbprint", with(json!({"ThumbprintList": [print]}))).ok();
    root.call("iam", "TagOpenIDConnectProvider", with(json!({"Tags": [{"Key": "c", "Value": "d"}]}))).ok();
    root.call("iam", "UntagOpenIDConnectProvider", with(json!({"TagKeys": ["a"]}))).ok();
    let shown = root.call("iam", "GetOpenIDConnectProvider", of.clone()).ok();
    assert_eq!(shown["Url"], json!("token.actions.githubusercontent.com"));
    assert_eq!(shown["ClientIDList"], json!(["other"]));
    assert_eq!(shown["ThumbprintList"], json!([print]));
    assert_eq!(shown["Tags"], json!([{"Key": "c", "Value": "d"}]));
    let tags = root.call("iam", "ListOpenIDConnectProviderTags", of.clone()).ok();
    assert_eq!(tags["Tags"], json!([{"Key": "c", "Value": "d"}]));
    let list = root.call("iam", "ListOpenIDConnectProviders", json!({})).ok();
    assert_eq!(list["OpenIDConnectProviderList"], json!([{"Arn": arn}]));
    for _ in 0..2 {
        root.call("iam", "DeleteOpenIDConnectProvider", of.clone()).ok();
    }
    root.call("iam", "GetOpenIDConnectProvider", of).refused_with(
        404,
        "NoSuchEntity",
        &format!("OpenIDConnect Provider not found for arn {arn}"),
    );
}

pub(crate) fn metadata(id: &str, until: &str) -> String {
    // The model wants a thousand characters.
    let filler = "x".repeat(1000);
    format!(
        r#"<?xml version="1.0"?><!-- {filler} --><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{id}" {until}>
        <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
        <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>MAMCAQU=</X509Certificate></X509Data></KeyInfo>
        </KeyDescriptor></IDPSSODescriptor></EntityDescriptor>"#
    )
}

#[test]
fn a_saml_provider() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = "arn:aws:iam::123456789012:saml-provider/corp";
    let create = |document: &str| {
        root.call("iam", "CreateSAMLProvider", json!({"Name": "corp", "SAMLMetadataDocument": document}))
    };
    create(&"<a/>".repeat(300)).refused_with(400, "InvalidInput", "Could not parse metadata");
    let first = metadata("https://idp.example", r#"validUntil="2030-01-01T00:00:00Z""#);
    assert_eq!(create(&first).ok()["SAMLProviderArn"], json!(arn));
    create(&first).refused_with(409, "EntityAlreadyExists", "Provider with name corp already exists.");
    let of = json!({"SAMLProviderArn": arn});
    let shown = root.call("iam", "GetSAMLProvider", of.clone()).ok();
    assert_eq!(shown["SAMLMetadataDocument"], json!(first));
    assert_eq!(shown["ValidUntil"], json!("2030-01-01T00:00:00Z"));
    let encrypted = json!({"SAMLProviderArn": arn, "AssertionEncryptionMode": "Required"});
    root.call("iam", "UpdateSAMLProvider", encrypted).refused(400, "InvalidInput");
    let second = metadata("https://idp.example/2", "");
    let update = json!({"SAMLProviderArn": arn, "SAMLMetadataDocument": second});
    root.call("iam", "UpdateSAMLProvider", update).ok();
    let shown = root.call("iam", "GetSAMLProvider", of.clone()).ok();
    assert!(shown["ValidUntil"].as_str().unwrap().starts_with("2125-"), "{shown}");
    root.call(
        "iam",
        "TagSAMLProvider",
        json!({"SAMLProviderArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
    )
    .ok();
    let tags = root.call("iam", "ListSAMLProviderTags", of.clone()).ok();
    assert_eq!(tags["Tags"], json!([{"Key": "a", "Value": "b"}]));
    root.call("iam", "UntagSAMLProvider", json!({"SAMLProviderArn": arn, "TagKeys": ["a"]})).ok();
    let list = root.call("iam", "ListSAMLProviders", json!({})).ok();
    assert_eq!(list["SAMLProviderList"][0]["Arn"], json!(arn));
    // Tags decide.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:DeleteSAMLProvider","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/a":"b"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    eva.call("iam", "DeleteSAMLProvider", of.clone()).refused(403, "AccessDenied");
    root.call(
        "iam",
        "TagSAMLProvider",
        json!({"SAMLProviderArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
    )
    .ok();
    eva.call("iam", "DeleteSAMLProvider", of.clone()).ok();
    root.call("iam", "GetSAMLProvider", of).refused_with(
        404,
        "NoSuchEntity",
        &format!("Manifest not found for arn {arn}"),
    );
}
