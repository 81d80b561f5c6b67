//! The two documents that an issuer of outbound identity federation publishes (OpenID Connect Discovery 1.0, RFC 7517):
//! `/.well-known/openid-configuration` and `/.well-known/jwks.json`, under a host name of each account's own.

use super::outbound::{PUBLISHED, Published, id_in};
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use kernel::site::{Site, host_of};
use kernel::{Cloud, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use store::{Key, StoreError};
use wire::Value;

/// All issuers.
#[derive(Debug)]
pub struct Issuers;

impl Site for Issuers {
    fn name(&self) -> &'static str {
        "identity issuers"
    }

    fn claims(&self, parts: &Parts) -> bool {
        id_in(host_of(parts)).is_some()
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        _: Incoming,
        _: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            let found = if parts.method == "GET" { document(cloud, parts) } else { Ok(None) };
            let (status, text) = match found {
                Ok(Some(text)) => (200, text),
                Ok(None) => (404, String::new()),
                Err(error) => {
                    let _logged = kernel::Failure::from(error);
                    (500, String::new())
                }
            };
            let mut reply = Reply { status, headers: Default::default(), content: Bytes::from(text).into() };
            reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            reply
        })
    }
}

fn configuration(issuer: Published) -> String {
    let texts = |list: &[&str]| Value::List(list.iter().map(|one| Value::str(*one)).collect());
    wire::json::text(&Value::map(vec![
        ("jwks_uri", Value::str(format!("{}/.well-known/jwks.json", issuer.url))),
        ("issuer", Value::str(issuer.url)),
        ("response_types_supported", texts(&["id_token"])),
        ("subject_types_supported", texts(&["public"])),
        ("id_token_signing_alg_values_supported", texts(&["ES384", "RS256"])),
        (
            "claims_supported",
            texts(&["iss", "aud", "sub", "iat", "exp", "jti", "https://sts.amazonaws.com/"]),
        ),
    ]))
}

fn document(cloud: &Cloud, parts: &Parts) -> Result<Option<String>, StoreError> {
    let Some(id) = id_in(host_of(parts)) else { return Ok(None) };
    let found = PUBLISHED.get(&cloud.store().snapshot(), &Key::global().str(id))?;
    Ok(found.and_then(|issuer| match parts.uri.path() {
        "/.well-known/jwks.json" => Some(issuer.jwks),
        "/.well-known/openid-configuration" => Some(configuration(issuer)),
        _ => None,
    }))
}
