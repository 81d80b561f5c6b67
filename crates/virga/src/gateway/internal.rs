//! The cloud's own pages: `/_virga/*` for its command line and `/_localstack/*` for tools that expect LocalStack.
//!
//! They carry no AWS signature, so they answer only to loopback, only under a loopback name (a page on the web cannot
//! rebind its name to here) and never to a request that a browser made for another site.

use super::{Answered, Gateway, az, exec, mailbox, mfa, partner, path, response, spot, usage};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, header};
use kernel::{Body, Incoming};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const BODY_BYTES_MAX: usize = 64 << 10;

pub(super) fn is_internal(path: &str) -> bool {
    path.starts_with("/_virga/") || path.starts_with("/_localstack/")
}

/// A refusal of one of these pages: status and sentence.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) u16, pub(super) String);

pub(super) async fn answer(
    gateway: &Gateway,
    parts: &Parts,
    incoming: Incoming,
    peer: SocketAddr,
) -> Response<Answered> {
    let outcome = match guard(parts, peer) {
        Err(refusal) => Err(refusal),
        Ok(()) => match Body::of(incoming, None).whole(BODY_BYTES_MAX).await {
            Err(fault) => Err(Refusal(fault.status, fault.message)),
            Ok(bytes) if parts.method == Method::POST && parts.uri.path() == "/_virga/exec" => {
                match exec::run(&gateway.cloud, &bytes).await {
                    Ok(streamed) => return streamed,
                    Err(refusal) => Err(refusal),
                }
            }
            Ok(_) if mailbox::wants_page(parts) => match mailbox::page(&gateway.cloud).await {
                Ok(shown) => return shown,
                Err(refusal) => Err(refusal),
            },
            Ok(bytes) => page(gateway, parts, &bytes).await,
        },
    };
    outcome.map_or_else(refused, |value| said(200, &value))
}

fn said(status: u16, value: &Value) -> Response<Answered> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response(status, headers, bytes::Bytes::from(value.to_string()).into())
}

pub(super) fn refused(Refusal(status, message): Refusal) -> Response<Answered> {
    said(status, &json!({ "message": message }))
}

/// Whether somebody may see these pages at all.
pub(super) fn guard(parts: &Parts, peer: SocketAddr) -> Result<(), Refusal> {
    let refuse = |why: &str| Err(Refusal(403, why.to_owned()));
    if !peer.ip().to_canonical().is_loopback() {
        return refuse("this page answers to loopback only");
    }
    let host = parts.headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    if !is_loopback_name(host) {
        return refuse("this page answers only under a loopback name");
    }
    if parts.headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return refuse("this page does not answer to other sites");
    }
    if parts.method != Method::GET && parts.headers.contains_key(header::ORIGIN) {
        return refuse("this page does not answer to other sites");
    }
    Ok(())
}

pub(crate) fn is_loopback_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name.ends_with(".localhost")
        || name == "localhost.localstack.cloud"
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn page(gateway: &Gateway, parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let cloud = &gateway.cloud;
    match (parts.method.as_str(), parts.uri.path()) {
        ("GET", "/_virga/health") => Ok(health(gateway)),
        ("GET" | "HEAD", "/_localstack/health") => Ok(localstack_health(gateway)),
        ("GET", "/_localstack/info") => {
            Ok(json!({ "version": env!("CARGO_PKG_VERSION"), "edition": "virga" }))
        }
        ("GET", "/_virga/status") => Ok(status(gateway)),
        ("POST", "/_virga/reset" | "/_localstack/state/reset") => {
            cloud.reset().await.map_err(|e| Refusal(500, e.to_string()))?;
            Ok(json!({ "reset": true }))
        }
        ("GET", "/_virga/authority") => {
            let file = gateway.authority.certificate().map_err(|why| Refusal(500, why))?;
            Ok(json!({ "file": file }))
        }
        ("GET", "/_virga/clock") => Ok(clock(gateway)),
        ("POST", "/_virga/clock") => move_clock(gateway, body).await,
        ("GET", "/_virga/usage") => usage::answer(gateway, parts.uri.query().unwrap_or_default()).await,
        ("GET", "/_virga/az") => az::list(gateway),
        ("POST", "/_virga/az") => az::order(gateway, body).await,
        ("GET", "/_virga/spot") => spot::list(gateway),
        ("POST", "/_virga/spot") => spot::order(gateway, body).await,
        ("GET", "/_virga/partner") => {
            let cloud = Arc::clone(cloud);
            aside(move || partner::list(&cloud)).await
        }
        ("POST", "/_virga/partner") => {
            let (cloud, order) = (Arc::clone(cloud), body.to_vec());
            aside(move || Ok::<_, String>(partner::order(&cloud, &order))).await?
        }
        ("GET", "/_virga/mfa") => {
            let cloud = Arc::clone(cloud);
            aside(move || mfa::list(&cloud)).await
        }
        ("POST", "/_virga/mfa") => {
            let (cloud, order) = (Arc::clone(cloud), body.to_vec());
            aside(move || Ok::<_, String>(mfa::order(&cloud, &order))).await?
        }
        ("GET", path) if path.starts_with("/_virga/why/") => {
            let id = path["/_virga/why/".len()..].to_owned();
            let (cloud, asked) = (Arc::clone(cloud), id.clone());
            let found = aside(move || cloud.why(&asked)).await?;
            found.ok_or_else(|| Refusal(404, format!("no call with the request id {id} is on record")))
        }
        ("GET", mailbox::PATH) => mailbox::list(cloud).await,
        ("POST", mailbox::PATH) => mailbox::reply(cloud, body).await,
        ("GET", path) if path.starts_with("/_virga/console/") => {
            let instance = path["/_virga/console/".len()..].to_owned();
            let from = parts.uri.query().and_then(|query| query.strip_prefix("from=")).unwrap_or_default();
            console(cloud, &instance, from.parse().unwrap_or_default())
        }
        ("POST", "/_virga/path") => path::tell(cloud, body).await,
        ("POST", "/_virga/least-privilege") => least_privilege(gateway, body).await,
        (method, path) => Err(Refusal(404, format!("there is no page {method} {path}"))),
    }
}

/// What a machine has said from a place on, and the place to go on from.
fn console(cloud: &kernel::Cloud, instance: &str, from: u64) -> Result<Value, Refusal> {
    let none = || Refusal(404, format!("{instance} has never run here"));
    if !ec2::kind::INSTANCE.fits(instance) {
        return Err(Refusal(400, format!("{instance:?} is not the id of an instance (i-…)")));
    }
    let said = cloud.memory::<compute::ec2::machinery::Machinery>().console_from(instance, from);
    let (said, end) = said.ok_or_else(none)?;
    Ok(json!({ "output": String::from_utf8_lossy(&said), "end": end }))
}

fn services(gateway: &Gateway, word: &str) -> Value {
    gateway
        .cloud
        .services()
        .map(|s| (s.id.to_owned(), Value::from(word)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn health(gateway: &Gateway) -> Value {
    json!({
        "status": "running",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoint": gateway.endpoint,
        "services": services(gateway, "running"),
    })
}

fn localstack_health(gateway: &Gateway) -> Value {
    json!({ "services": services(gateway, "running"), "edition": "virga", "version": env!("CARGO_PKG_VERSION") })
}

fn status(gateway: &Gateway) -> Value {
    let mut value = health(gateway);
    value["running"] = true.into();
    value["pid"] = std::process::id().into();
    value["clock"] = clock(gateway);
    value["calls"] = gateway.cloud.metrics().snapshot();
    value
}

fn clock(gateway: &Gateway) -> Value {
    let clock = gateway.cloud.clock();
    json!({
        "now": clock.now().iso8601(),
        "frozen": clock.is_frozen(),
        "ahead_seconds": clock.offset_micros() / 1_000_000,
    })
}

/// `{"advance_seconds": 3888000}`, `{"freeze": true}`, `{"thaw": true}`; several at once apply in this order.
async fn move_clock(gateway: &Gateway, body: &[u8]) -> Result<Value, Refusal> {
    let bad = |why: &str| Refusal(400, why.to_owned());
    let order: Value = serde_json::from_slice(body).map_err(|_| bad("the body must be a JSON object"))?;
    let order = order.as_object().ok_or_else(|| bad("the body must be a JSON object"))?;
    let mut change = kernel::ClockChange::default();
    for (name, value) in order {
        match (name.as_str(), value) {
            ("advance_seconds", value) => {
                let seconds = value.as_f64().filter(|s| (0.0..=kernel::CLOCK_STEP_SECONDS_MAX).contains(s));
                change.advance =
                    Duration::from_secs_f64(seconds.ok_or_else(|| {
                        bad("advance_seconds must be between 0 and 3155760000 (a century)")
                    })?);
            }
            ("freeze", Value::Bool(freeze)) => change.freeze = *freeze,
            ("thaw", Value::Bool(thaw)) => change.thaw = *thaw,
            (other, _) => return Err(bad(&format!("{other:?} is not an order that the clock takes"))),
        }
    }
    gateway.cloud.change_clock(change).await.map_err(|e| match e {
        store::CommitError::Refused(why) => bad(why),
        error => Refusal(500, error.to_string()),
    })?;
    Ok(clock(gateway))
}

/// `{"principal": "arn:..."}`: the least policy for what this principal was seen to do.
async fn least_privilege(gateway: &Gateway, body: &[u8]) -> Result<Value, Refusal> {
    let order: Value = serde_json::from_slice(body).unwrap_or_default();
    let principal = order.get("principal").and_then(Value::as_str);
    let principal =
        principal.ok_or_else(|| Refusal(400, "the body must name a principal by its ARN".into()))?;
    let (cloud, principal) = (Arc::clone(&gateway.cloud), principal.to_owned());
    aside(move || cloud.least_privilege(&principal)).await
}

/// Runs what reads the whole trail where no request waits for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Refusal> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.map_err(|e| e.to_string()).and_then(|done| done).map_err(|e| Refusal(500, e))
}

#[cfg(test)]
mod tests {
    use super::is_loopback_name;

    #[test]
    fn only_loopback_names() {
        for good in [
            "localhost:4566",
            "127.0.0.1:4566",
            "[::1]:4566",
            "x.localhost",
            "localhost.localstack.cloud:4566",
        ] {
            assert!(is_loopback_name(good), "{good}");
        }
        for bad in ["", "example.com", "localhost.example.com:4566", "10.0.0.1", "notlocalhost"] {
            assert!(!is_loopback_name(bad), "{bad}");
        }
    }
}
