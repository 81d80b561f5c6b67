//! What the cloud does with a request: asks its sites, routes, authenticates, and lets the [journey](crate::journey)
//! run.

use crate::authenticate::{self, Asked, Authenticated};
use crate::body::{Body, Cut, Incoming};
use crate::cloud::{Built, Cloud};
use crate::coding;
use crate::cx::{Peer, Request};
use crate::data::Answer;
use crate::journey::Journey;
use crate::op::Run;
use crate::reply::Reply;
use crate::site::host_of;
use crate::witness::{Facts, Trace};
use auth::sigv4::RequestHead;
use base::Region;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{REFERER, USER_AGENT};
use http::request::Parts;
use http_body::Body as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::head::{Head, names};
use wire::model::Operation;
use wire::output::success_head;
use wire::route::{Rejection, Route, Step};
use wire::{Fault, Value, output};

/// No control plane takes more; services with larger bodies are listed in [`body_bytes_max`].
const BODY_BYTES_MAX: usize = 2 << 20;
/// The members that an operation does not act on are named in this header of its answer.
const IGNORED_HEADER: &str = "x-virga-ignored";
const IGNORED_HEADER_BYTES_MAX: usize = 1024;
/// However steadily it comes: a byte now and then must not hold a connection for ever.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(300);

/// What an operation answers, and the members of its request that nothing acted on.
pub(crate) type Outcome = Result<(Answer<Value>, Vec<String>), Fault>;

impl Cloud {
    /// Answers one request: of a site, or of an API.
    pub async fn serve(self: &Arc<Cloud>, parts: &Parts, incoming: impl Into<Incoming>, peer: Peer) -> Reply {
        let incoming = incoming.into();
        if self.is_wanted(parts) {
            return self.witnessed(parts, incoming, peer).await;
        }
        self.answer(parts, incoming, peer).await
    }

    pub(crate) async fn answer(self: &Arc<Cloud>, parts: &Parts, incoming: Incoming, peer: Peer) -> Reply {
        // What sites answer has no route: through an endpoint it must have the name of its service.
        let named = match peer.way.as_ref().map_or(Ok(true), |way| way.leads(parts)) {
            Ok(named) => named,
            Err(fault) => return self.refuse(parts, &fault),
        };
        match self.sites.iter().find(|site| named && site.claims(parts)) {
            Some(site) => site.answer(self, parts, incoming, peer).await,
            None => self.serve_api(parts, incoming, peer).await,
        }
    }

    /// Answers one request to an AWS interface.
    pub async fn serve_api(self: &Arc<Cloud>, parts: &Parts, incoming: Incoming, peer: Peer) -> Reply {
        let (reply, service) = self.call_of(parts, incoming, peer).await;
        if service.is_some_and(coding::applies) { coding::finished(reply, &parts.headers) } else { reply }
    }

    /// The answer, and the service that was called.
    async fn call_of(
        self: &Arc<Cloud>,
        parts: &Parts,
        incoming: Incoming,
        peer: Peer,
    ) -> (Reply, Option<&'static str>) {
        let started = Instant::now();
        let head = head(parts);
        let trace = Trace::of(parts);
        let note = |write: &dyn Fn(&mut Facts)| trace.iter().for_each(|trace| trace.note(write));
        let refused = |fault: &Fault| note(&|facts| facts.error = Some(fault.code.to_string()));
        let (route, incoming) = match wire::route::route_head(&head) {
            Ok(Step::Ready(route)) if self.streams(&route) => (Ok(route), incoming),
            step => match collected(incoming, body_limit(&step)).await {
                Ok(bytes) => {
                    let beginning = coding::beginning(head.headers, &bytes);
                    let route = step.and_then(|step| step.with_body(beginning.as_deref().unwrap_or(&bytes)));
                    (route, Incoming::Whole(bytes))
                }
                Err(fault) => {
                    refused(&fault);
                    return (self.refuse(parts, &fault), None);
                }
            },
        };
        let route = match route {
            Ok(route) => route,
            Err(rejection) => {
                let service = rejection.service.map(|service| service.id);
                let id = base::id::request(self.rng(), service);
                note(&|facts| (facts.id, facts.service) = (id.clone(), service));
                refused(&rejection.fault);
                return (self.rejected(&rejection, &rejection.fault, &id), service);
            }
        };
        let (service, operation, protocol) = (route.service, route.operation, route.protocol);
        let id = base::id::request(self.rng(), Some(service.id));
        note(&|facts| {
            facts.id.clone_from(&id);
            (facts.service, facts.operation) = (Some(service.id), Some(operation.name));
        });
        let outcome: Outcome = match self.journey(parts, head, route, incoming, peer, id.clone()).await {
            Ok((journey, body)) => journey.run(body).await,
            Err(fault) => {
                self.turn_away(&id, Some((service.id, operation.name)), &fault);
                Err(fault)
            }
        };
        let reply = match outcome {
            Ok((answer, ignored)) => {
                let mut reply = success(service, operation, protocol, answer, &id);
                report_ignored(&mut reply, service.id, operation.name, &ignored);
                reply
            }
            Err(fault) => {
                refused(&fault);
                output::fault(Some(service), Some(operation), protocol, &fault, &id).into()
            }
        };
        self.metrics().count(service.id, operation.name, reply.status, started.elapsed());
        (reply, Some(service.id))
    }

    /// Answers a request whose body could not be read.
    pub fn refuse(&self, parts: &Parts, fault: &Fault) -> Reply {
        let id = |service| base::id::request(self.rng(), service);
        match wire::route::route(&head(parts), &[]) {
            Ok(route) => {
                let id = id(Some(route.service.id));
                self.turn_away(&id, Some((route.service.id, route.operation.name)), fault);
                output::fault(Some(route.service), Some(route.operation), route.protocol, fault, &id).into()
            }
            Err(rejection) => {
                let id = id(rejection.service.map(|service| service.id));
                self.rejected(&rejection, fault, &id)
            }
        }
    }

    /// Answers a request that leads to no operation.
    fn rejected(&self, rejection: &Rejection, fault: &Fault, id: &str) -> Reply {
        self.turn_away(id, None, fault);
        output::fault(rejection.service, None, rejection.protocol, fault, id).into()
    }

    pub(crate) fn turn_away(&self, id: &str, operation: Option<(&str, &str)>, fault: &Fault) {
        let operation = operation.map(|(service, operation)| format!("{service}:{operation}"));
        self.turned_away.keep(id, self.clock().now(), operation, fault);
    }

    /// The operation reads its payload itself.
    fn streams(&self, route: &Route<'_>) -> bool {
        let built = self.built(route.service.id, route.operation.name);
        built.is_some_and(|built| matches!(built.op.run, Run::Data(_)))
            && wire::route::streams_request(route.service, route.operation)
    }

    async fn journey<'a>(
        self: &'a Arc<Cloud>,
        parts: &'a Parts,
        head: Head<'a>,
        route: Route<'a>,
        incoming: Incoming,
        peer: Peer,
        id: String,
    ) -> Result<(Journey<'a>, Body), Fault> {
        let began = Instant::now();
        peer.way.as_ref().map_or(Ok(()), |way| way.leads_to(&route))?;
        let signed =
            RequestHead { method: head.method, path: head.path, query: head.query, headers: head.headers };
        let global = self.service(route.service.id).is_some_and(|s| s.global);
        let asked = Asked {
            service: route.service,
            protocol: route.protocol,
            operation: Some(route.operation),
            region: (!global).then(|| route.region.unwrap_or(Region::US_EAST_1.name())),
        };
        let Authenticated { who, claim } = authenticate::caller(self, &signed, &incoming, &asked, &peer)?;
        let built = self.built(route.service.id, route.operation.name);
        let (body, bytes) = match (built, incoming) {
            // Its hash has been compared already.
            (Some(Built { op, .. }), Incoming::Whole(bytes)) if !claim.payload.is_chunked() => match op.run {
                Run::Data(_) => (Body::checked(bytes.clone(), &head), bytes),
                Run::Control(_) => (Body::empty(), bytes),
            },
            // Whether it is still to come, or is there with its chunks and their signatures.
            (_, incoming) if matches!(incoming, Incoming::Stream(_)) || self.streams(&route) => {
                (Body::claimed(incoming, &head, &claim)?, Bytes::new())
            }
            (_, incoming) => {
                let mut body = Body::claimed(incoming, &head, &claim)?;
                (Body::empty(), body.whole(body_bytes_max(route.service.id)).await?)
            }
        };
        let bytes = match coding::unpacks(route.service.id) {
            true => coding::unpacked(head.headers, bytes)?,
            false => bytes,
        };
        // Whoever streams its payload holds it against them itself.
        if route.service.signing_name == "s3" && !bytes.is_empty() && !self.streams(&route) {
            crate::digests::check(&head, route.operation, &bytes)?;
        }
        let request = Request {
            id,
            service: route.service.id,
            operation: route.operation.name,
            secure: peer.tls.is_some(),
            peer: Some(peer),
            user_agent: head.header(USER_AGENT).unwrap_or_default().to_owned(),
            referer: head.header(REFERER).map(str::to_owned),
            chain: head.header(names::AMZN_TRACE_ID).map(str::to_owned),
            host: host(parts),
            via: Vec::new(),
            source: None,
            session_keys: Vec::new(),
            signed: crate::cx::Signed::of(&head, self.wall_now()),
            form: false,
            trace: Trace::of(parts),
        };
        if let Some(trace) = &request.trace {
            trace.note(|facts| facts.caller = Some(Arc::clone(&who.caller)));
        }
        let region = if global { Region::US_EAST_1 } else { region(&route)? };
        let (now, request) = (self.clock().now(), Arc::new(request));
        Ok((
            Journey { cloud: self, built, head, route, bytes, caller: who, region, now, began, request },
            body,
        ))
    }
}

/// Reads a body whole, within a size and a time.
async fn collected(incoming: Incoming, limit: usize) -> Result<Bytes, Fault> {
    match incoming {
        Incoming::Whole(bytes) if bytes.len() > limit => Err(Cut::TooLarge.fault(limit)),
        Incoming::Whole(bytes) => Ok(bytes),
        Incoming::Stream(stream) if stream.size_hint().lower() > limit as u64 => {
            Err(Cut::TooLarge.fault(limit))
        }
        incoming @ Incoming::Stream(_) => {
            let mut body = Body::of(incoming, None);
            tokio::time::timeout(WHOLE_TIMEOUT, body.whole(limit))
                .await
                .unwrap_or_else(|_| Err(Cut::TooSlow.fault(limit)))
        }
    }
}

fn success(
    service: &wire::model::Service,
    operation: &Operation,
    protocol: wire::model::Protocol,
    answer: Answer<Value>,
    id: &str,
) -> Reply {
    let mut reply = match answer.content {
        None => Reply::from(output::success(service, operation, protocol, &answer.value, id)),
        Some(content) => {
            let head = success_head(service, operation, protocol, &answer.value, id);
            Reply { status: head.status, headers: head.headers, content }
        }
    };
    if let Some(status) = answer.status {
        reply.status = status;
    }
    reply
}

/// Where the request was sent.
pub(crate) fn host(parts: &Parts) -> Option<String> {
    Some(host_of(parts)).filter(|host| !host.is_empty()).map(str::to_owned)
}

/// The largest body that is collected for a request, in bytes.
fn body_limit(step: &Result<Step<'_>, Rejection>) -> usize {
    match step {
        Ok(Step::Ready(route)) => body_bytes_max(route.service.id),
        _ => BODY_BYTES_MAX,
    }
}

/// The largest bodies that services document, and some room for their envelopes.
fn body_bytes_max(service: &str) -> usize {
    match service {
        // A zip of 50 MB, in base64.
        "lambda" => 100 << 20,
        // A part of a layer, of 20 MiB, in base64.
        "ecr" => 32 << 20,
        "dynamodb" => 20 << 20,
        // A megabyte of messages, each of their characters escaped.
        "sqs" | "sns" | "events" | "logs" => 8 << 20,
        // A list of ten thousand parts, each with its checksum.
        "s3" => 8 << 20,
        _ => BODY_BYTES_MAX,
    }
}

pub(crate) fn head(parts: &Parts) -> Head<'_> {
    Head {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
    }
}

/// The region that the request names; the first one where it names none.
fn region(route: &Route<'_>) -> Result<Region, Fault> {
    match route.region {
        None => Ok(Region::US_EAST_1),
        Some(name) => Region::parse(name).ok_or_else(|| match route.service.signing_name {
            // AWS: a recorded answer, of S3 as it tells every wrong region.
            "s3" => {
                let (words, here) =
                    ("The authorization header is malformed; the region", Region::US_EAST_1.name());
                let message = format!("{words} '{name}' is wrong; expecting '{here}'");
                Fault::new(400, "AuthorizationHeaderMalformed", message).with("Region", Value::str(here))
            }
            _ => Fault::new(400, "InvalidRegion", format!("{name} is not a region of this cloud.")),
        }),
    }
}

fn report_ignored(reply: &mut Reply, service: &str, operation: &str, ignored: &[String]) {
    if ignored.is_empty() {
        return;
    }
    let mut list = ignored.join(", ");
    crate::log::warn(
        "a request carried more than its operation acts on",
        &[("service", service), ("operation", operation), ("members", &list)],
    );
    // Names come from the caller; what a header cannot carry must not keep the rest from being told.
    list = list.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    list.truncate(IGNORED_HEADER_BYTES_MAX);
    if let Ok(value) = HeaderValue::from_str(&list) {
        reply.headers.insert(IGNORED_HEADER, value);
    }
}
