//! AssumeRoleWithSAML, with an identity provider that signs what it says.
//!
//! What is signed here is written in its canonical form from the start; tests/test_saml.py has a signer that knows
//! nothing of ours.

use crate::harness::{Cloud, Reply};
use crate::sts_assume_role::{ONE, TWO, policy, put_role, trust};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const ISSUER: &str = "https://idp.example.com/saml";
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";
const ENDPOINT: &str = "https://signin.aws.amazon.com/saml";

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, length[0], length[1]][..], &content].concat()
}

/// As little of a certificate as says whose key it is. Nobody looks at who signed it.
fn certificate(key: &[u8]) -> Vec<u8> {
    let empty = der(0x30, &[]);
    let validity = der(0x30, &[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"400101000000Z"])]);
    let key = der(0x30, &[&empty, &der(0x03, &[&[0], key])]);
    let version = der(0xa0, &[&[0x02, 0x01, 0x02]]);
    let signed = der(0x30, &[&version, &[0x02, 0x01, 0x01], &empty, &empty, &validity, &empty, &key]);
    der(0x30, &[&signed, &empty, &der(0x03, &[&[0]])])
}

struct Idp {
    pair: KeyPair,
    now: base::Timestamp,
}

/// What an assertion says; the tests spoil one thing at a time.
#[derive(Clone)]
struct Said {
    issuer: &'static str,
    audience: &'static str,
    recipient: &'static str,
    issued: i64,
    until: i64,
    session: i64,
    status: &'static str,
    attributes: Vec<(String, Vec<String>)>,
}

impl Idp {
    fn new(cloud: &Cloud) -> Idp {
        Idp { pair: KeyPair::generate(KeySize::Rsa2048).unwrap(), now: cloud.cloud.wall_now() }
    }

    fn metadata(&self) -> String {
        let certificate = STANDARD.encode(certificate(self.pair.public_key().as_ref()));
        format!(
            r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"
            xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="{ISSUER}"><md:IDPSSODescriptor
            protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo>
            <ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
            </md:KeyDescriptor></md:IDPSSODescriptor></md:EntityDescriptor>{}"#,
            // AWS takes metadata of 1,000 characters and more.
            " ".repeat(1000)
        )
    }

    fn said(&self, role: &str) -> Said {
        let provider = format!("arn:aws:iam::{ONE}:saml-provider/Idp");
        Said {
            issuer: ISSUER,
            audience: "urn:amazon:webservices",
            recipient: ENDPOINT,
            issued: -10,
            until: 300,
            session: 8 * 3600,
            status: "Success",
            attributes: vec![
                (format!("{ATTRIBUTES}Role"), vec![format!("{provider},{role}")]),
                (format!("{ATTRIBUTES}RoleSessionName"), vec!["eva@example.com".into()]),
                ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1".into(), vec!["staff".into(), "member".into()]),
            ],
        }
    }

    fn time(&self, seconds: i64) -> String {
        base::Timestamp::from_seconds(self.now.seconds() + seconds).iso8601()
    }

    fn assertion(&self, said: &Said) -> String {
        let mut attributes = String::new();
        for (name, values) in &said.attributes {
            let value = |text: &String| format!("<s:AttributeValue>{text}</s:AttributeValue>");
            let values: String = values.iter().map(value).collect();
            attributes.push_str(&format!("<s:Attribute Name=\"{name}\">{values}</s:Attribute>"));
        }
        let (from, until, session) = (self.time(said.issued), self.time(said.until), self.time(said.session));
        let Said { issuer, audience, recipient, .. } = said;
        format!(
            "<s:Assertion xmlns:s=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a1\" IssueInstant=\"{from}\" \
             Version=\"2.0\"><s:Issuer>{issuer}</s:Issuer><s:Subject>\
             <s:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">eva</s:NameID>\
             <s:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><s:SubjectConfirmationData \
             NotOnOrAfter=\"{until}\" Recipient=\"{recipient}\"></s:SubjectConfirmationData></s:SubjectConfirmation>\
             </s:Subject><s:Conditions NotBefore=\"{from}\" NotOnOrAfter=\"{until}\"><s:AudienceRestriction>\
             <s:Audience>{audience}</s:Audience></s:AudienceRestriction></s:Conditions>\
             <s:AuthnStatement AuthnInstant=\"{from}\" SessionNotOnOrAfter=\"{session}\"></s:AuthnStatement>\
             <s:AttributeStatement>{attributes}</s:AttributeStatement></s:Assertion>"
        )
    }

    /// The signature of an element in its canonical form.
    fn signature(&self, canonical: &str, id: &str) -> String {
        let hash = STANDARD.encode(digest(&SHA256, canonical.as_bytes()));
        let info = format!(
            "<d:SignedInfo xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"><d:CanonicalizationMethod \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></d:CanonicalizationMethod><d:SignatureMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></d:SignatureMethod><d:Reference \
             URI=\"#{id}\"><d:Transforms><d:Transform \
             Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></d:Transform><d:Transform \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></d:Transform></d:Transforms><d:DigestMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></d:DigestMethod><d:DigestValue>{hash}\
             </d:DigestValue></d:Reference></d:SignedInfo>"
        );
        let mut value = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), info.as_bytes(), &mut value).unwrap();
        format!(
            "<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\">{info}<d:SignatureValue>{}\
             </d:SignatureValue></d:Signature>",
            STANDARD.encode(value)
        )
    }

    fn signed(&self, said: &Said) -> String {
        let assertion = self.assertion(said);
        let signature = self.signature(&assertion, "_a1");
        assertion.replace("</s:Issuer>", &format!("</s:Issuer>{signature}"))
    }

    fn response(&self, said: &Said) -> String {
        wrapped(&self.signed(said), said.status)
    }
}

fn wrapped(assertion: &str, status: &str) -> String {
    format!(
        "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r1\" Version=\"2.0\"><p:Status>\
         <p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{status}\"></p:StatusCode></p:Status>{assertion}\
         </p:Response>"
    )
}

fn assume_with(cloud: &Cloud, role: &str, response: &str, more: Value) -> Reply {
    let mut request = json!({
        "RoleArn": role,
        "PrincipalArn": format!("arn:aws:iam::{}:saml-provider/Idp", &role[13..25]),
        "SAMLAssertion": STANDARD.encode(response),
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    cloud.anonymous().call("sts", "AssumeRoleWithSAML", request)
}

fn assume(cloud: &Cloud, role: &str, response: &str) -> Reply {
    assume_with(cloud, role, response, json!({}))
}

fn provide(cloud: &Cloud, idp: &Idp) -> Value {
    let request = json!({ "Name": "Idp", "SAMLMetadataDocument": idp.metadata() });
    let made = cloud.root(ONE).call("iam", "CreateSAMLProvider", request).ok();
    made["SAMLProviderArn"].clone()
}

fn trusting(condition: &Value) -> String {
    let provider = json!({ "Federated": format!("arn:aws:iam::{ONE}:saml-provider/Idp") });
    trust(&provider, &json!("sts:AssumeRoleWithSAML"), condition)
}

#[test]
fn a_signed_assertion_becomes_a_session() {
    let cloud = Cloud::new();
    let idp = Idp::new(&cloud);
    provide(&cloud, &idp);
    let staff = json!({
        "StringEquals": { "saml:aud": ENDPOINT, "saml:iss": ISSUER, "saml:doc": format!("{ONE}/Idp"), "saml:sub_type": "persistent" },
        "ForAnyValue:StringEquals": { "saml:eduPersonAffiliation": "staff" },
    });
    let lasting = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*",
        "Condition": {"StringEquals": {"saml:sub": "eva"}}}});
    let role = put_role(&cloud, ONE, "web", &trusting(&staff), &lasting.to_string());
    let out = assume(&cloud, &role, &idp.response(&idp.said(&role))).ok();
    let expected = json!({
        "Subject": "eva", "SubjectType": "persistent", "Issuer": ISSUER, "Audience": ENDPOINT,
        // base64(sha1("https://idp.example.com/saml111111111111/Idp"))
        "NameQualifier": "wBM4rSkQTx14E75tQy62vnRd/+4=",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&out[name], value, "{name}");
    }
    let session = cloud.session(&out["Credentials"]);
    let me = session.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], format!("arn:aws:sts::{ONE}:assumed-role/web/eva@example.com"));
    session.call("iam", "CreateUser", json!({ "UserName": "made" })).ok();
    cloud.advance(Duration::from_secs(3601));
    session.call("iam", "ListUsers", json!({})).refused(403, "ExpiredToken");
    // A signature over the whole response serves as well.
    let said = idp.said(&role);
    let plain = wrapped(&idp.assertion(&said), "Success");
    let canonical = plain.clone();
    let whole = plain.replace("<p:Status>", &format!("{}<p:Status>", idp.signature(&canonical, "_r1")));
    assume(&cloud, &role, &whole).ok();
}

#[test]
fn what_is_not_signed_by_the_provider_is_nothing() {
    let cloud = Cloud::new();
    let idp = Idp::new(&cloud);
    provide(&cloud, &idp);
    let role = put_role(&cloud, ONE, "web", &trusting(&json!({})), "");
    let admin = put_role(&cloud, ONE, "admin", &trusting(&json!({})), &policy("Allow", "*"));
    let said = idp.said(&role);
    let good = idp.response(&said);
    assume(&cloud, &role, &good).ok();
    let refuse = |role: &str, response: &str| {
        assume(&cloud, role, response).refused_with(
            400,
            "InvalidIdentityToken",
            "Response signature invalid",
        );
    };
    refuse(&role, &wrapped(&idp.assertion(&said), "Success"));
    refuse(
        &role,
        &Idp { pair: KeyPair::generate(KeySize::Rsa2048).unwrap(), ..Idp::new(&cloud) }.response(&said),
    );
    refuse(&role, &good.replace("eva@example.com", "bob@example.com"));
    refuse(&admin, &good.replace("role/web", "role/admin"));
    refuse(&role, &good.replace("rsa-sha256", "hmac-sha256"));
    refuse(&role, &good.replace("#_a1", "#_r1"));
    // The signed assertion hidden away, another one in its place.
    let signed = idp.signed(&said);
    let forged = idp.assertion(&idp.said(&admin)).replace("_a1", "_a2");
    let signature = idp.signature(&idp.assertion(&said), "_a1");
    let hidden = forged.replace(
        "</s:Issuer>",
        &format!(
            "</s:Issuer>{}",
            signature.replace("</d:Signature>", &format!("<d:Object>{signed}</d:Object></d:Signature>"))
        ),
    );
    refuse(&admin, &wrapped(&hidden, "Success"));
    assume(&cloud, &admin, &wrapped(&format!("{forged}{signed}"), "Success")).refused_with(
        400,
        "InvalidIdentityToken",
        "The SAML response must hold exactly one assertion.",
    );
    // A comment within a text that is signed does not cut it short.
    let renamed = good.replace("eva@example.com", "eva@example<!-- -->.com");
    assert_eq!(
        assume(&cloud, &role, &renamed).ok()["AssumedRoleUser"]["Arn"],
        format!("arn:aws:sts::{ONE}:assumed-role/web/eva@example.com")
    );
}

#[test]
fn refusals() {
    let cloud = Cloud::new();
    let idp = Idp::new(&cloud);
    provide(&cloud, &idp);
    let role = put_role(&cloud, ONE, "web", &trusting(&json!({"StringEquals": {"saml:sub": "eva"}})), "");
    let base = idp.said(&role);
    let token = "InvalidIdentityToken";
    let expired = "ExpiredTokenException";
    for (said, code, words) in [
        (
            Said { issuer: "https://other.example.com", ..base.clone() },
            token,
            "Issuer not present in specified provider",
        ),
        (
            Said { audience: "https://example.com", ..base.clone() },
            token,
            "Response does not contain required audience.",
        ),
        (
            Said { recipient: "https://example.com/saml", ..base.clone() },
            token,
            "The recipient of the SAML assertion is not AWS.",
        ),
        (
            Said { issued: -301, ..base.clone() },
            expired,
            "Token must be redeemed within 5 minutes of issuance",
        ),
        (Said { issued: 60, ..base.clone() }, token, "The SAML assertion is not valid yet."),
        (Said { until: -1, ..base.clone() }, expired, "The SAML assertion has expired."),
        (
            Said { attributes: vec![base.attributes[0].clone()], ..base.clone() },
            token,
            "RoleSessionName is required in AuthnResponse",
        ),
    ] {
        assume(&cloud, &role, &idp.response(&said)).refused_with(400, code, words);
    }
    let denied = Said { status: "Responder", ..base.clone() };
    assume(&cloud, &role, &idp.response(&denied)).refused(403, "IDPRejectedClaim");
    // The provider must say that the role is its user's, and the role must trust it.
    let not_authorized = "Not authorized to perform sts:AssumeRoleWithSAML";
    let other = put_role(&cloud, ONE, "other", &trusting(&json!({})), "");
    assume(&cloud, &other, &idp.response(&base)).refused_with(403, "AccessDenied", not_authorized);
    let strict =
        put_role(&cloud, ONE, "strict", &trusting(&json!({"StringEquals": {"saml:sub": "bob"}})), "");
    assume(&cloud, &strict, &idp.response(&idp.said(&strict))).refused_with(
        403,
        "AccessDenied",
        not_authorized,
    );
    let missing = format!("arn:aws:iam::{ONE}:role/none");
    assume(&cloud, &missing, &idp.response(&idp.said(&missing))).refused_with(
        403,
        "AccessDenied",
        not_authorized,
    );
    let abroad = put_role(&cloud, TWO, "web", &trusting(&json!({})), "");
    assume(&cloud, &abroad, &idp.response(&idp.said(&abroad))).refused_with(
        400,
        token,
        "Specified provider doesn't exist.",
    );
    let longer = json!({ "DurationSeconds": 7200 });
    assume_with(&cloud, &role, &idp.response(&base), longer).refused_with(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
}

#[test]
fn the_provider_gives_tags_an_identity_and_an_end() {
    let cloud = Cloud::new();
    let idp = Idp::new(&cloud);
    provide(&cloud, &idp);
    let federated = json!({ "Federated": format!("arn:aws:iam::{ONE}:saml-provider/Idp") });
    let blue = json!({"StringEquals": {"aws:RequestTag/team": "blue", "sts:SourceIdentity": "eva"}});
    let role = put_role(&cloud, ONE, "all", &trust(&federated, &json!("sts:*"), &blue), "");
    let narrow =
        put_role(&cloud, ONE, "narrow", &trust(&federated, &json!("sts:AssumeRoleWithSAML"), &blue), "");
    let said = |role: &str| {
        let mut said = idp.said(role);
        said.attributes.push((format!("{ATTRIBUTES}PrincipalTag:team"), vec!["blue".into()]));
        said.attributes.push((format!("{ATTRIBUTES}TransitiveTagKeys"), vec!["team".into()]));
        said.attributes.push((format!("{ATTRIBUTES}SourceIdentity"), vec!["eva".into()]));
        said
    };
    let out = assume(&cloud, &role, &idp.response(&said(&role))).ok();
    assert_eq!(out["SourceIdentity"], "eva");
    assume(&cloud, &narrow, &idp.response(&said(&narrow))).refused_with(
        403,
        "AccessDenied",
        "Not authorized to perform sts:TagSession",
    );
    let short = Said { session: 1200, ..said(&role) };
    let out = assume(&cloud, &role, &idp.response(&short)).ok();
    let session = cloud.session(&out["Credentials"]);
    cloud.advance(Duration::from_secs(1190));
    session.call("sts", "GetCallerIdentity", json!({})).ok();
    cloud.advance(Duration::from_secs(20));
    session.call("sts", "GetCallerIdentity", json!({})).refused(403, "ExpiredToken");
}
