//! Requests across origins: the answers to browsers that ask first (`OPTIONS`), and the headers on what others get.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>

use super::{empty, find, head, refusal, set};
use crate::s3::configs::CORS;
use crate::s3::cors::{Crossing, Headers, METHODS, is_header};
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::form::{self, Forms};
use http::request::Parts;
use kernel::site::{Site, host_of};
use kernel::{Cloud, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use wire::route::Step;
use wire::route::host::read;

/// Preflights to buckets, and every request to S3 that names its origin.
#[derive(Debug)]
pub struct Cors;

fn text<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    parts.headers.get(name)?.to_str().ok()
}

/// The bucket that a preflight is about, which carries no signature that would name a service.
fn asked_bucket(parts: &Parts) -> Option<&str> {
    let name = read(host_of(parts));
    if name.endpoint_prefix.is_some_and(|prefix| prefix != "s3") || name.website {
        return None;
    }
    let first = parts.uri.path().split('/').find(|segment| !segment.is_empty());
    name.bucket.or(first)
}

/// Whether a preflight is about an object: what stands behind the bucket, be that in the host or in the path.
fn asks_for_object(parts: &Parts) -> bool {
    let path = parts.uri.path().trim_matches('/');
    if read(host_of(parts)).bucket.is_some() { !path.is_empty() } else { path.contains('/') }
}

/// The bucket of a request to the API, or of a form.
fn called_bucket(parts: &Parts) -> Option<String> {
    if Forms.claims(parts) {
        return form::bucket(parts).map(|(bucket, _)| bucket);
    }
    let head = head(parts);
    let Ok(Step::Ready(route)) = wire::route::route_head(&head) else { return None };
    let bucket = route.labels.iter().find(|(name, _)| *name == "Bucket").map(|(_, bucket)| *bucket)?;
    (route.service.id == "s3").then(|| wire::head::percent_decoded(bucket)).flatten()
}

impl Site for Cors {
    fn name(&self) -> &'static str {
        "s3 cross-origin requests"
    }

    fn claims(&self, parts: &Parts) -> bool {
        if parts.method == http::Method::OPTIONS {
            return asked_bucket(parts).is_some();
        }
        parts.headers.contains_key(http::header::ORIGIN) && called_bucket(parts).is_some()
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        incoming: Incoming,
        peer: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            if parts.method == http::Method::OPTIONS {
                return preflight(cloud, parts).unwrap_or_else(|error| refusal(cloud, error));
            }
            let mut reply = match Forms.claims(parts) {
                true => Forms.answer(cloud, parts, incoming, peer).await,
                false => cloud.serve_api(parts, incoming, peer).await,
            };
            if let Some(headers) = crossed(cloud, parts) {
                headers.iter().for_each(|(name, value)| set(&mut reply, name, value));
            }
            reply
        })
    }
}

fn preflight(cloud: &Cloud, parts: &Parts) -> Result<Reply, S3Error> {
    let bad = |message: &str| S3Error::from(Refusal::BadRequest(message.to_owned()));
    let origin = text(parts, "origin")
        .ok_or_else(|| bad("Insufficient information. Origin request header needed."))?;
    let asked = text(parts, "access-control-request-method");
    let kind = if asks_for_object(parts) { "OBJECT" } else { "BUCKET" };
    let refused = |denial: Denial, kind: &str| {
        // AWS: who does not say what is to be asked is told of the question itself.
        S3Error::from(denial).with("Method", asked.unwrap_or("OPTIONS")).with("ResourceType", kind)
    };
    let bucket = find(cloud, asked_bucket(parts).unwrap_or_default())?;
    let bucket = bucket.ok_or_else(|| refused(Denial::CorsNowhere, "BUCKET"))?;
    let no_method = |method: &str| bad(&format!("Invalid Access-Control-Request-Method: {method}"));
    if let Some(method) = asked.filter(|method| !METHODS.contains(method)) {
        return Err(no_method(method));
    }
    let names = text(parts, "access-control-request-headers");
    if let Some(name) = names.unwrap_or_default().split(',').find(|name| !is_header(name.trim())) {
        let words = format!("Access-Control-Request-Headers \"{name}\" contains invalid character.");
        return Err(bad(&words));
    }
    let rules = CORS.get(&cloud.store().snapshot(), &bucket.scope)?;
    let rules = rules.ok_or_else(|| refused(Denial::CorsOff, "BUCKET"))?;
    let method = asked.ok_or_else(|| no_method("null"))?;
    let crossing = Crossing { origin, method, headers: names };
    let headers = rules.answer(&crossing).ok_or_else(|| refused(Denial::CorsForbidden, kind))?;
    let mut reply = empty(200);
    headers.iter().for_each(|(name, value)| set(&mut reply, name, value));
    Ok(reply)
}

/// The headers for an answer to another origin; none where no rule lets it have them.
fn crossed(cloud: &Cloud, parts: &Parts) -> Option<Headers> {
    let bucket = find(cloud, &called_bucket(parts)?).ok()??;
    let rules = CORS.get(&cloud.store().snapshot(), &bucket.scope).ok()??;
    rules.answer(&Crossing {
        origin: text(parts, "origin")?,
        // AWS: recorded answers go by what a preflight would say, be it no preflight.
        method: text(parts, "access-control-request-method").unwrap_or(parts.method.as_str()),
        headers: text(parts, "access-control-request-headers"),
    })
}
