//! AssumeRoleWithWebIdentity, with an issuer of its own on loopback.

use crate::harness::{Cloud, Reply};
use crate::sts_assume_role::{ONE, TWO, policy, put_role, trust, with};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Far enough in the future for the machine's clock, by which tokens from outside are judged.
const LATER: i64 = 32_503_680_000;

struct Issuer {
    key: EcdsaKeyPair,
    /// `localhost:port`
    host: String,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    fn start() -> Issuer {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (B64.encode(x), B64.encode(y));
        let jwk =
            json!({"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": x, "y": y});
        let keys = json!({"keys": [jwk]}).to_string();
        let discovery = json!({"jwks_uri": format!("http://{host}/keys")}).to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                let mut request = [0; 1024];
                let n = stream.read(&mut request).unwrap_or(0);
                let is_keys = request[..n].starts_with(b"GET /keys ");
                // What the cloud asks for its users is known as that where it comes back to the cloud.
                let said = String::from_utf8_lossy(&request[..n]).into_owned();
                let mut agents = said.lines().filter_map(|line| line.strip_prefix("User-Agent: "));
                assert!(agents.any(kernel::outbound::is_own_call), "{said}");
                count.fetch_add(usize::from(is_keys), Ordering::SeqCst);
                let body = if is_keys { &keys } else { &discovery };
                let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        Issuer { key, host, asked }
    }

    fn claims(&self) -> Value {
        json!({"iss": format!("https://{}", self.host), "sub": "repo:a/b", "aud": "sts.amazonaws.com", "exp": LATER})
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": "k1"}).to_string();
        let signed = format!("{}.{}", B64.encode(header), B64.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", B64.encode(signature.as_ref()))
    }

    fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", self.host)
    }

    fn condition(&self, key: &str, value: &str) -> Value {
        let key = format!("{}:{key}", self.host);
        json!({"StringEquals": {key: value}})
    }
}

fn provide(cloud: &Cloud, issuer: &Issuer) {
    let provider = json!({"Url": format!("https://{}", issuer.host), "ClientIDList": ["sts.amazonaws.com"]});
    let made = cloud.root(ONE).call("iam", "CreateOpenIDConnectProvider", provider).ok();
    assert_eq!(made["OpenIDConnectProviderArn"], issuer.arn(ONE).as_str());
}

fn assume(cloud: &Cloud, arn: &str, token: &str) -> Reply {
    let request = json!({"RoleArn": arn, "RoleSessionName": "it", "WebIdentityToken": token});
    cloud.anonymous().call("sts", "AssumeRoleWithWebIdentity", request)
}

#[test]
fn a_token_of_a_trusted_issuer_becomes_a_session() {
    let (cloud, issuer) = (Cloud::new(), Issuer::start());
    provide(&cloud, &issuer);
    let action = json!("sts:AssumeRoleWithWebIdentity");
    let trusts = trust(&json!({"Federated": issuer.arn(ONE)}), &action, &issuer.condition("sub", "repo:a/b"));
    let mut here = issuer.condition("aud", "sts.amazonaws.com");
    here["StringEquals"]["aws:FederatedProvider"] = json!(issuer.arn(ONE));
    let only_here = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*",
        "Condition": here}});
    let arn = put_role(&cloud, ONE, "ci", &trusts, &only_here.to_string());
    let out = assume(&cloud, &arn, &issuer.token(&issuer.claims())).ok();
    assert_eq!(out["SubjectFromWebIdentityToken"], "repo:a/b");
    assert_eq!(out["Audience"], "sts.amazonaws.com");
    assert_eq!(out["Provider"], format!("https://{}", issuer.host));
    let session = cloud.session(&out["Credentials"]);
    let me = session.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], format!("arn:aws:sts::{ONE}:assumed-role/ci/it"));
    // The token's claims go on as condition keys of the session.
    session.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    assume(&cloud, &arn, &issuer.token(&issuer.claims())).ok();
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1, "keys are kept");
}

#[test]
fn refusals() {
    let (cloud, issuer) = (Cloud::new(), Issuer::start());
    provide(&cloud, &issuer);
    let action = json!("sts:AssumeRoleWithWebIdentity");
    let trusts = trust(&json!({"Federated": issuer.arn(ONE)}), &action, &issuer.condition("sub", "repo:a/b"));
    let arn = put_role(&cloud, ONE, "ci", &trusts, &policy("Allow", "*"));
    let claims = |more: Value| issuer.token(&with(issuer.claims(), more));
    let denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    assume(&cloud, &arn, &claims(json!({"sub": "repo:x/y"}))).refused_with(403, "AccessDenied", denied);
    let missing = format!("arn:aws:iam::{ONE}:role/none");
    assume(&cloud, &missing, &claims(json!({}))).refused_with(403, "AccessDenied", denied);
    assume(&cloud, &arn, &claims(json!({"aud": "other"}))).refused_with(
        400,
        "InvalidIdentityToken",
        "Incorrect token audience",
    );
    assume(&cloud, &arn, &claims(json!({"exp": 1}))).refused(400, "ExpiredTokenException");
    let stranger = claims(json!({"iss": "https://token.actions.githubusercontent.com"}));
    assume(&cloud, &arn, &stranger).refused_with(
        400,
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com",
    );
    // The provider must be one of the role's account.
    let other = put_role(&cloud, TWO, "ci", &trusts, "");
    assume(&cloud, &other, &claims(json!({}))).refused(400, "InvalidIdentityToken");
    let forged = Issuer { host: issuer.host.clone(), ..Issuer::start() };
    assume(&cloud, &arn, &forged.token(&issuer.claims())).refused_with(
        400,
        "InvalidIdentityToken",
        "The signature of the token is not valid.",
    );
    assume(&cloud, &arn, "no.token.here").refused(400, "InvalidIdentityToken");
}

#[test]
fn keys_of_issuers_elsewhere_cannot_be_had() {
    let (cloud, issuer) = (Cloud::new(), Issuer::start());
    let provider = json!({"Url": "https://issuer.example.com", "ClientIDList": ["sts.amazonaws.com"]});
    cloud.root(ONE).call("iam", "CreateOpenIDConnectProvider", provider).ok();
    let arn = format!("arn:aws:iam::{ONE}:role/ci");
    let token = issuer.token(&with(issuer.claims(), json!({"iss": "https://issuer.example.com"})));
    assume(&cloud, &arn, &token).refused_with(
        400,
        "IDPCommunicationError",
        "Couldn't retrieve verification key from your identity provider: issuer.example.com is not on this machine, \
         and Virga reaches no other",
    );
}

/// Access tokens of OAuth 2.0 say nothing by themselves, and who gave them is not reached from here.
#[test]
fn access_tokens_are_refused_by_the_name_of_their_provider() {
    let (cloud, issuer) = (Cloud::new(), Issuer::start());
    provide(&cloud, &issuer);
    let action = json!("sts:AssumeRoleWithWebIdentity");
    let trusts = trust(&json!({"Federated": issuer.arn(ONE)}), &action, &issuer.condition("sub", "repo:a/b"));
    let arn = put_role(&cloud, ONE, "ci", &trusts, "");
    let asked = |provider: &str| {
        let token = issuer.token(&issuer.claims());
        let request = json!({"RoleArn": arn, "RoleSessionName": "it", "WebIdentityToken": token, "ProviderId": provider});
        cloud.anonymous().call("sts", "AssumeRoleWithWebIdentity", request)
    };
    for provider in ["www.amazon.com", "graph.facebook.com"] {
        let words = format!(
            "The identity provider {provider} that was asked to verify the identity token could not be reached."
        );
        asked(provider).refused_with(400, "IDPCommunicationError", &words);
    }
    asked(&issuer.host).refused_with(
        400,
        "ValidationError",
        "ProviderId must be www.amazon.com or graph.facebook.com; OpenID Connect tokens take none.",
    );
}

/// Each character in turn is another one, or missing; and the token ends anywhere.
#[test]
fn a_token_that_was_touched_is_never_believed() {
    let (cloud, issuer) = (Cloud::new(), Issuer::start());
    provide(&cloud, &issuer);
    let action = json!("sts:AssumeRoleWithWebIdentity");
    let trusts = trust(&json!({"Federated": issuer.arn(ONE)}), &action, &issuer.condition("sub", "repo:a/b"));
    let arn = put_role(&cloud, ONE, "ci", &trusts, "");
    let token = issuer.token(&issuer.claims());
    assume(&cloud, &arn, &token).ok();
    for at in 0..token.len() {
        let (before, after) = (&token[..at], &token[at + 1..]);
        let other = if &token[at..=at] == "A" { "Z" } else { "A" };
        for touched in [format!("{before}{other}{after}"), format!("{before}{after}"), before.to_owned()] {
            let reply = assume(&cloud, &arn, &touched);
            assert!((400..500).contains(&reply.status), "{at}: {} {touched}", reply.status);
        }
    }
}

#[test]
fn a_token_may_bring_tags_and_a_source_identity() {
    let (cloud, issuer) = (Cloud::new(), Issuer::start());
    provide(&cloud, &issuer);
    let blue = json!({"StringEquals": {"aws:RequestTag/team": "blue", "sts:SourceIdentity": "eva"}});
    let federated = json!({"Federated": issuer.arn(ONE)});
    let arn = put_role(&cloud, ONE, "all", &trust(&federated, &json!("sts:*"), &blue), "");
    let narrow = put_role(
        &cloud,
        ONE,
        "narrow",
        &trust(&federated, &json!("sts:AssumeRoleWithWebIdentity"), &blue),
        "",
    );
    let claims = with(
        issuer.claims(),
        json!({
            "https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]},
            "https://aws.amazon.com/source_identity": "eva",
        }),
    );
    assert_eq!(assume(&cloud, &arn, &issuer.token(&claims)).ok()["SourceIdentity"], "eva");
    assume(&cloud, &narrow, &issuer.token(&claims)).refused_with(
        403,
        "AccessDenied",
        "Not authorized to perform sts:TagSession",
    );
}
