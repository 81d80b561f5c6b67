//! Outbound identity federation: the issuer of an account, what it publishes, and the tokens that it signs.

use crate::harness::{Caller, Cloud, Reply};
use crate::iam_credentials::counted;
use crate::sts_assume_role::{ONE, TWO, put_role, trust};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use bytes::Bytes;
use http::Request;
use security::sts::jwt::{Keys, Unverified};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;

const AUDIENCE: &str = "https://api.example.com";
const DISABLED: &str = "The outbound web identity federation feature is not enabled for this account.";

fn enable(root: &Caller<'_>) -> String {
    let made = root.call("iam", "EnableOutboundWebIdentityFederation", json!({})).ok();
    made["IssuerIdentifier"].as_str().unwrap().to_owned()
}

fn get(cloud: &Cloud, url: &str) -> Reply {
    let (_, rest) = url.split_once("://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let request = Request::builder().uri(format!("/{path}")).header("host", host).body(Bytes::new()).unwrap();
    cloud.send(request, Ipv4Addr::LOCALHOST.into())
}

/// The keys that the issuer's discovery document leads to.
fn keys(cloud: &Cloud, issuer: &str) -> Keys {
    let found = get(cloud, &format!("{issuer}/.well-known/openid-configuration"));
    assert_eq!((found.status, &found.value["issuer"]), (200, &json!(issuer)));
    let jwks = get(cloud, found.value["jwks_uri"].as_str().unwrap());
    assert_eq!((jwks.status, jwks.headers["content-type"].to_str().unwrap()), (200, "application/json"));
    Keys::read(std::str::from_utf8(&jwks.body).unwrap()).unwrap()
}

fn asked(algorithm: &str, more: Value) -> Value {
    let mut all = json!({ "Audience": [AUDIENCE], "SigningAlgorithm": algorithm });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn token(caller: &Caller<'_>, algorithm: &str, more: Value) -> String {
    let given = caller.call("sts", "GetWebIdentityToken", asked(algorithm, more)).ok();
    given["WebIdentityToken"].as_str().unwrap().to_owned()
}

fn part(token: &str, number: usize) -> Value {
    serde_json::from_slice(&B64.decode(token.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

#[test]
fn the_feature_is_switched_and_keeps_its_issuer() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let off = "Outbound web identity federation is disabled for this account.";
    for operation in ["GetOutboundWebIdentityFederationInfo", "DisableOutboundWebIdentityFederation"] {
        root.call("iam", operation, json!({})).refused_with(404, "FeatureDisabled", off);
    }
    root.call("sts", "GetWebIdentityToken", asked("ES384", json!({}))).refused_with(
        403,
        "OutboundWebIdentityFederationDisabledException",
        DISABLED,
    );
    let issuer = enable(&root);
    root.call("iam", "EnableOutboundWebIdentityFederation", json!({})).refused_with(
        409,
        "FeatureEnabled",
        "Outbound web identity federation is already enabled for this account.",
    );
    let info = root.call("iam", "GetOutboundWebIdentityFederationInfo", json!({})).ok();
    assert_eq!((&info["IssuerIdentifier"], &info["JwtVendingEnabled"]), (&json!(issuer), &json!("true")));
    let early = token(&root, "ES384", json!({}));
    // Tokens that are out stay good, others are not given, and the address comes back.
    root.call("iam", "DisableOutboundWebIdentityFederation", json!({})).ok();
    root.call("iam", "GetOutboundWebIdentityFederationInfo", json!({})).refused_with(
        404,
        "FeatureDisabled",
        off,
    );
    root.call("sts", "GetWebIdentityToken", asked("ES384", json!({})))
        .refused(403, "OutboundWebIdentityFederationDisabledException");
    Unverified::read(&early).unwrap().verify(&keys(&cloud, &issuer)).unwrap();
    assert_eq!(enable(&root), issuer);
    let other = enable(&cloud.root(TWO));
    assert_ne!(other, issuer);
    let stranger = keys(&cloud, &other);
    assert!(Unverified::read(&early).unwrap().verify(&stranger).is_err(), "each account has keys of its own");
}

#[test]
fn only_the_two_documents_are_there() {
    let cloud = Cloud::new();
    let issuer = enable(&cloud.root(ONE));
    assert_eq!(get(&cloud, &format!("{issuer}/")).status, 404);
    assert_eq!(get(&cloud, &format!("{issuer}/.well-known/other")).status, 404);
    let nobody = "http://00000000-0000-4000-8000-000000000000.tokens.sts.global.localhost";
    assert_eq!(get(&cloud, &format!("{nobody}/.well-known/jwks.json")).status, 404);
}

#[test]
fn tokens_are_signed_and_say_who_it_is() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let issuer = enable(&root);
    let keys = keys(&cloud, &issuer);
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", everything);
    root.call("iam", "TagUser", json!({ "UserName": "eva", "Tags": [{"Key": "team", "Value": "blue"}] }))
        .ok();
    for algorithm in ["ES384", "RS256"] {
        let tags = json!({ "Tags": [{"Key": "job", "Value": "7"}], "DurationSeconds": 60 });
        let token = token(&eva, algorithm, tags);
        assert_eq!(part(&token, 0)["alg"], algorithm);
        Unverified::read(&token).unwrap().verify(&keys).unwrap();
        let arn = format!("arn:aws:iam::{ONE}:user/eva");
        let claims = part(&token, 1);
        assert_eq!(
            (&claims["iss"], &claims["aud"], &claims["sub"]),
            (&json!(issuer), &json!(AUDIENCE), &json!(arn))
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
        assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
        let own = json!({
            "aws_account": ONE, "source_region": "us-east-1", "principal_id": arn,
            "principal_tags": {"team": "blue"}, "request_tags": {"job": "7"},
        });
        assert_eq!(claims["https://sts.amazonaws.com/"], own);
        // A byte that was touched.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = B64.decode(signature).unwrap();
        bytes[40] ^= 1;
        let touched = format!("{signed}.{}", B64.encode(bytes));
        assert!(Unverified::read(&touched).unwrap().verify(&keys).is_err());
    }
    let several = json!({ "Audience": ["a", "b"], "SigningAlgorithm": "ES384" });
    let given = root.call("sts", "GetWebIdentityToken", several).ok();
    let claims = part(given["WebIdentityToken"].as_str().unwrap(), 1);
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (&json!(["a", "b"]), &json!(format!("arn:aws:iam::{ONE}:root")))
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
}

#[test]
fn a_session_speaks_for_its_role_and_not_beyond_its_end() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let root_arn = json!({ "AWS": format!("arn:aws:iam::{ONE}:root") });
    let trusts = trust(&root_arn, &json!(["sts:AssumeRole", "sts:SetSourceIdentity"]), &json!({}));
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}"#;
    let arn = put_role(&cloud, ONE, "worker", &trusts, all);
    let eva = cloud.user(&root, "eva", all);
    enable(&root);
    let ask =
        json!({ "RoleArn": arn, "RoleSessionName": "work", "DurationSeconds": 900, "SourceIdentity": "eva" });
    let made = eva.call("sts", "AssumeRole", ask).ok();
    let worker = cloud.session(&made["Credentials"]);
    let claims = part(&token(&worker, "ES384", json!({ "DurationSeconds": 900 })), 1);
    assert_eq!(claims["sub"], arn);
    let own = &claims["https://sts.amazonaws.com/"];
    assert_eq!((&own["principal_id"], &own["source_identity"]), (&json!(arn), &json!("eva")));
    assert_eq!(own["original_session_exp"], made["Credentials"]["Expiration"]);
    worker
        .call("sts", "GetWebIdentityToken", asked("ES384", json!({ "DurationSeconds": 901 })))
        .refused_with(
            403,
            "SessionDurationEscalationException",
            "The requested token duration would extend the session beyond its original expiration time.",
        );
    cloud.advance(Duration::from_secs(601));
    worker
        .call("sts", "GetWebIdentityToken", asked("ES384", json!({})))
        .refused(403, "SessionDurationEscalationException");
}

#[test]
fn members_of_an_organization_say_where_they_are() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let made = root.call("organizations", "CreateOrganization", json!({})).ok();
    let id = made["Organization"]["Id"].as_str().unwrap();
    let roots = root.call("organizations", "ListRoots", json!({})).ok();
    let top = roots["Roots"][0]["Id"].as_str().unwrap();
    enable(&root);
    let claims = part(&token(&root, "ES384", json!({})), 1);
    let own = &claims["https://sts.amazonaws.com/"];
    assert_eq!((&own["org_id"], &own["ou_path"]), (&json!(id), &json!([format!("{id}/{top}/")])));
}

#[test]
fn policies_decide_about_audience_algorithm_duration_and_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    enable(&root);
    let narrow = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*", "Condition": {
            "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": AUDIENCE},
            "StringEquals": {"sts:SigningAlgorithm": "ES384"},
            "NumericLessThanEquals": {"sts:DurationSeconds": 300},
        },
    }});
    let eva = cloud.user(&root, "eva", &narrow.to_string());
    token(&eva, "ES384", json!({}));
    for refused in [
        asked("RS256", json!({})),
        asked("ES384", json!({ "DurationSeconds": 301 })),
        asked("ES384", json!({ "Audience": ["https://other.example.com"] })),
        asked("ES384", json!({ "Audience": [AUDIENCE, "https://other.example.com"] })),
    ] {
        eva.call("sts", "GetWebIdentityToken", refused).refused(403, "AccessDenied");
    }
    let tagged = asked("ES384", json!({ "Tags": [{"Key": "job", "Value": "7"}] }));
    let message = eva.call("sts", "GetWebIdentityToken", tagged).refused(403, "AccessDenied");
    assert!(message.contains("sts:TagGetWebIdentityToken"), "{message}");
    cloud
        .anonymous()
        .call("sts", "GetWebIdentityToken", asked("ES384", json!({})))
        .refused(403, "MissingAuthenticationToken");
    root.call("sts", "GetWebIdentityToken", asked("HS256", json!({}))).refused_with(
        400,
        "ValidationError",
        "SigningAlgorithm must be RS256 or ES384.",
    );
}

/// AWS: they are for services outside.
#[test]
fn the_clouds_own_tokens_assume_no_role_here() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    enable(&root);
    let arn = put_role(&cloud, ONE, "ci", &trust(&json!("*"), &json!("sts:*"), &json!({})), "");
    let ask = json!({ "RoleArn": arn, "RoleSessionName": "it", "WebIdentityToken": token(&root, "ES384", json!({})) });
    cloud.anonymous().call("sts", "AssumeRoleWithWebIdentity", ask).refused_with(
        400,
        "InvalidIdentityToken",
        "Tokens of GetWebIdentityToken cannot be used with AssumeRoleWithWebIdentity.",
    );
}

#[test]
fn the_version_of_global_tokens_is_kept() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let version = || {
        let summary = root.call("iam", "GetAccountSummary", json!({})).ok();
        counted(&summary["SummaryMap"], "GlobalEndpointTokenVersion")
    };
    let first = version();
    let set = |version: &str| json!({ "GlobalEndpointTokenVersion": version });
    root.call("iam", "SetSecurityTokenServicePreferences", set("v2Token")).ok();
    let second = version();
    root.call("iam", "SetSecurityTokenServicePreferences", set("v1Token")).ok();
    assert_eq!((first, second, version()), ("1".to_owned(), "2".to_owned(), "1".to_owned()));
    root.call("iam", "SetSecurityTokenServicePreferences", set("v3Token")).refused(400, "ValidationError");
}
