//! Function URLs: functions that answer HTTP under host names of their own.
//!
//! `<id>.lambda-url.<region>.localhost` leads to this machine; the names of `on.aws` are understood, too, for whoever
//! sends them here, and so is a path for programs whose machine knows no names below `localhost` ([`host`]). Whoever comes needs `lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`, by a signature where the
//! URL asks for one, else as anybody; the function is given the payload format 2.0, and may answer as a stream.
//!
//! Not here: headers of X-Ray, renaming the headers that AWS keeps for itself.

mod answer;
mod cors;
mod event;
pub(crate) mod host;

use super::access;
use super::errors::{BROKEN, DENIED, TOO_LARGE, is_throttled, is_unsigned};
use super::invocation::{self, Asked, Begun, Heard, Outcome};
use super::metering;
use super::model::{URLS_BY_ID, Url};
use answer::Head;
use bytes::{Bytes, BytesMut};
use event::Visit;
use host::Found;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use kernel::body::Cut;
use kernel::flow::Flow;
use kernel::site::{Site, host_of};
use kernel::visit::{Purpose, Visitor};
use kernel::{Body, Cloud, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Key;
use tokio::sync::mpsc;
use wire::{Fault, Value};

const PURPOSE: Purpose = Purpose { service: "lambda", operation: "InvokeFunctionUrl" };
/// AWS: the quotas of the developer guide.
const REQUEST_MAX: usize = 6_291_456;
/// However steadily a body comes.
const BODY_TIMEOUT: Duration = Duration::from_secs(300);
/// Of the head of a stream.
const PRELUDE_MAX: usize = 1 << 20;
/// The type of a stream that begins with status, headers and cookies.
const WITH_HEAD: &str = "application/vnd.awslambda.http-integration-response";
const FORBIDDEN: &str = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

/// All function URLs.
#[derive(Debug)]
pub struct Urls;

impl Site for Urls {
    fn name(&self) -> &'static str {
        "function urls"
    }

    fn claims(&self, parts: &Parts) -> bool {
        host::find(host_of(parts), parts.uri.path()).is_some()
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        incoming: Incoming,
        peer: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            let found = host::find(host_of(parts), parts.uri.path());
            let Some((found, url)) = found.and_then(|found| find(cloud, &found).map(|url| (found, url)))
            else {
                return forbidden(None);
            };
            let begun = Instant::now();
            let headers = url.cors.as_ref().map(|cors| cors::headers(cors, parts)).unwrap_or_default();
            let mut reply = match &url.cors {
                Some(_) if cors::is_preflight(parts) => {
                    Reply { status: 200, headers: Default::default(), content: Bytes::new().into() }
                }
                _ => serve(cloud, (&url, found.path), parts, incoming, peer).await,
            };
            metering::answered(cloud, &url.named(), reply.status, begun.elapsed());
            for (name, value) in headers.iter() {
                reply.headers.insert(name, value.clone());
            }
            if found.by_path {
                // In a browser it would stand where the cloud itself answers.
                put(&mut reply, "content-security-policy", "sandbox allow-scripts allow-forms");
            }
            reply
        })
    }
}

/// The URL that was asked for, where the cloud has it.
fn find(cloud: &Cloud, found: &Found<'_>) -> Option<Url> {
    let url = URLS_BY_ID.get(&cloud.store().snapshot(), &Key::global().str(found.id)).ok().flatten();
    url.filter(|url| url.region == found.region)
}

fn put(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers.insert(HeaderName::from_static(name), value);
    }
}

fn json(status: u16, members: Vec<(&str, Value)>) -> Reply {
    let text = wire::json::text(&Value::map(members));
    let mut reply = Reply { status, headers: Default::default(), content: Bytes::from(text).into() };
    reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn told(status: u16, id: &str, kind: &str, message: &str) -> Reply {
    let mut reply = json(status, vec![("message", Value::str(message))]);
    put(&mut reply, "x-amzn-errortype", kind);
    put(&mut reply, "x-amzn-requestid", id);
    reply
}

fn forbidden(id: Option<&str>) -> Reply {
    let mut reply = json(403, vec![("Message", Value::str(FORBIDDEN))]);
    put(&mut reply, "x-amzn-errortype", DENIED);
    if let Some(id) = id {
        put(&mut reply, "x-amzn-requestid", id);
    }
    reply
}

/// What a function does wrong is not told to strangers.
fn broken() -> Reply {
    let text = Bytes::from_static(b"Internal Server Error");
    let mut reply = Reply { status: 502, headers: Default::default(), content: text.into() };
    reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    put(&mut reply, "x-amzn-errortype", BROKEN);
    reply
}

async fn collected(incoming: Incoming) -> Result<Bytes, Fault> {
    let mut body = Body::of(incoming, None);
    let whole = tokio::time::timeout(BODY_TIMEOUT, body.whole(REQUEST_MAX)).await;
    whole.unwrap_or_else(|_| Err(Cut::TooSlow.fault(REQUEST_MAX)))
}

fn visitor(
    cloud: &Arc<Cloud>,
    url: &Url,
    parts: &Parts,
    body: &Bytes,
    peer: &Peer,
) -> Result<Visitor, Box<Reply>> {
    if url.is_open {
        return Ok(cloud.stranger(parts, peer.clone(), PURPOSE));
    }
    cloud.visitor(parts, body, peer, PURPOSE).map_err(|(id, fault)| {
        Box::new(match is_unsigned(&fault) {
            true => forbidden(Some(&id)),
            false => told(fault.status, &id, &fault.code, &fault.message),
        })
    })
}

async fn serve(
    cloud: &Arc<Cloud>,
    (url, path): (&Url, &str),
    parts: &Parts,
    incoming: Incoming,
    peer: Peer,
) -> Reply {
    let body = match collected(incoming).await {
        Ok(body) => body,
        Err(fault) => return told(fault.status, &base::id::uuid(cloud.rng()), &fault.code, &fault.message),
    };
    let visitor = match visitor(cloud, url, parts, &body, &peer) {
        Ok(visitor) => visitor,
        Err(refusal) => return *refusal,
    };
    if cloud.admit(&visitor, url.region, |cx| access::visit(cx, url)).await.is_err() {
        return forbidden(Some(visitor.id()));
    }
    let visit = Visit {
        url,
        path,
        host: host_of(parts),
        peer,
        id: visitor.id(),
        now: cloud.clock().now(),
        caller: (!url.is_open).then(|| &**visitor.caller()),
        organization: visitor.organization(cloud),
    };
    let payload = Bytes::from(event::write(parts, &body, &visit));
    if payload.len() > REQUEST_MAX {
        let message =
            format!("Request must be smaller than {REQUEST_MAX} bytes for the InvokeFunction operation");
        return told(413, visitor.id(), TOO_LARGE, &message);
    }
    let asked = Asked {
        named: url.named(),
        request_id: visitor.id().to_owned(),
        client_context: None,
        payload,
        chain: parts.headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok()).map(str::to_owned),
        tail: false,
    };
    let mut reply = if url.streams { streamed(cloud, asked).await } else { buffered(cloud, asked).await };
    put(&mut reply, "x-amzn-requestid", visitor.id());
    reply
}

/// Why a function could not be run.
fn refusal(fault: &Fault) -> Reply {
    if !is_throttled(fault) {
        return broken();
    }
    let reason = fault.members.iter().find(|(name, _)| *name == "Reason").map(|(_, value)| value.clone());
    let mut reply = json(
        429,
        vec![
            ("Reason", reason.unwrap_or(Value::Null)),
            ("Type", Value::str("User")),
            ("message", Value::str(&fault.message)),
        ],
    );
    put(&mut reply, "x-amzn-errortype", &fault.code);
    reply
}

async fn buffered(cloud: &Arc<Cloud>, asked: Asked) -> Reply {
    match invocation::run(cloud, asked).await {
        Ok(Outcome { failed: true, .. }) => broken(),
        Ok(outcome) => match answer::whole(&outcome.payload) {
            Some((head, body)) => Reply { status: head.status, headers: head.headers, content: body.into() },
            None => broken(),
        },
        Err(fault) => refusal(&fault),
    }
}

async fn streamed(cloud: &Arc<Cloud>, asked: Asked) -> Reply {
    match invocation::stream(cloud, asked).await {
        Ok(Begun::Whole(Outcome { failed: true, .. })) => broken(),
        // A function that does not stream is passed on as it is.
        Ok(Begun::Whole(outcome)) => {
            let Head { status, headers } = Head::plain("application/json");
            Reply { status, headers, content: outcome.payload.into() }
        }
        Ok(Begun::Streaming { head, mut pieces, outcome }) => {
            let kind = head.content_type.as_deref().unwrap_or("application/octet-stream");
            let begun = match kind {
                WITH_HEAD => with_head(&mut pieces).await,
                kind => Some((Head::plain(kind), Bytes::new())),
            };
            let Some((Head { status, headers }, first)) = begun else { return broken() };
            let (source, flow) = Flow::new();
            tokio::spawn(async move {
                if !first.is_empty() {
                    let _ = source.send(Ok(first)).await;
                }
                while let Some(heard) = pieces.recv().await {
                    if let Heard::Bytes(bytes) = heard {
                        let _ = source.send(Ok(bytes)).await;
                    }
                }
                // The status is out: what is wrong now can only be seen by an end that is none.
                if !matches!(outcome.await, Ok(Ok(Outcome { failed: false, .. }))) {
                    let _ = source.send(Err(Cut::Broken)).await;
                }
            });
            Reply { status, headers, content: flow.content() }
        }
        Err(fault) => refusal(&fault),
    }
}

/// Reads the head of a stream that begins with one, and what has come of its body.
async fn with_head(pieces: &mut mpsc::Receiver<Heard>) -> Option<(Head, Bytes)> {
    let mut come = BytesMut::new();
    while come.len() <= PRELUDE_MAX {
        if let Heard::Bytes(bytes) = pieces.recv().await? {
            come.extend_from_slice(&bytes);
        }
        if let Some((head, end)) = answer::prelude(&come) {
            let said = wire::json::read(std::str::from_utf8(head).ok()?)?;
            let head = Head::read(&said, "application/octet-stream")?;
            return Some((head, come.freeze().split_off(end)));
        }
    }
    None
}
