//! From the head of a request to service, protocol and operation. The models' tables decide.
//!
//! What names the service, in this order: `X-Amz-Target`, the path of rpc-v2-cbor, the credential scope (header or
//! presigned query), the host name, and for unsigned query requests their `Version`. Query protocols name the
//! operation in the body, so a route through them is [`Step::Body`] until the body is there.
//!
//! Not here: browser uploads (`POST` of a form to a bucket) and CORS preflights, which no model lists; the front
//! door answers them.

pub mod host;
mod reject;
pub(crate) mod rest;

#[cfg(test)]
mod tests;

pub use reject::{Reason, Rejection};
pub use rest::Labels;

use crate::catalog::{self, Entry, Model};
use crate::fault::Fault;
use crate::head::{Head, names, pairs};
use crate::input::percent;
use crate::model::{Kind, Operation, Protocol, Service};
use http::header::{AUTHORIZATION, HOST};
use rest::{Match, Miss};

/// Longest action name, query key or scope that is looked at.
pub const NAME_BYTES_MAX: usize = 256;

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Route<'a> {
    pub service: &'static Service,
    pub protocol: Protocol,
    pub operation: &'static Operation,
    /// The path's labels by their names in the template, with undecoded values; an S3 bucket from the host name is among them.
    pub labels: Labels<'a>,
    /// From the credential scope, else the host name.
    pub region: Option<&'a str>,
    /// The request went to an S3 website's host name.
    pub website: bool,
}

/// What the head alone tells.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    Ready(Route<'a>),
    /// A query protocol: [`Pending::with_body`] finds the operation.
    Body(Pending<'a>),
}

impl<'a> Step<'a> {
    /// Routes to the end.
    ///
    /// # Errors
    /// [`Rejection`] when the request leads to no operation.
    pub fn with_body(self, body: &[u8]) -> Result<Route<'a>, Rejection> {
        match self {
            Step::Ready(route) => Ok(route),
            Step::Body(pending) => pending.with_body(body),
        }
    }
}

/// A route that lacks only its operation.
#[derive(Clone, Debug)]
pub struct Pending<'a> {
    /// `None`: only the body's `Version` can tell.
    service: Option<&'static Service>,
    region: Option<&'a str>,
    head: Head<'a>,
}

/// Routes a whole request.
///
/// # Errors
/// [`Rejection`] when the request leads to no operation.
pub fn route<'a>(head: &Head<'a>, body: &[u8]) -> Result<Route<'a>, Rejection> {
    route_head(head)?.with_body(body)
}

/// Routes as far as the head goes: to the end for all but the query protocols.
///
/// # Errors
/// [`Rejection`] when the request leads to no operation.
pub fn route_head<'a>(head: &Head<'a>) -> Result<Step<'a>, Rejection> {
    let scope = Scope::of(head);
    if let Some(target) = head.header(names::AMZ_TARGET) {
        return by_target(head, target, scope).map(Step::Ready);
    }
    if head.header(names::SMITHY_PROTOCOL) == Some("rpc-v2-cbor") {
        return by_rpc_path(head, scope).map(Step::Ready);
    }
    let form = head.media_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let action = form && head.method == "POST" || head.query_value("Action").is_some();
    match scope {
        Some(scope) => by_signing_name(head, scope, action),
        None => by_host(head, action),
    }
}

/// The request's payload is a stream of bytes or events: the body is not collected, and `parse` gets an empty one.
pub fn streams_request(service: &Service, operation: &Operation) -> bool {
    let Some(input) = operation.input.and_then(|id| service.structure(id)) else { return false };
    let Some(payload) = input.payload.map(|at| &input.members[at]) else { return false };
    match &service.shape(payload.target.shape).kind {
        Kind::Blob { streaming, .. } => *streaming,
        Kind::Structure(s) => s.event_stream,
        _ => false,
    }
}

/// What a credential ends with, and how many parts it has: the key's id, the day, region, service and this.
const TERMINATOR: &str = "aws4_request";
const PARTS: usize = 5;

/// `eva/20260101/eu-west-1/iam/aws4_request`: what a signature says it is for.
#[derive(Clone, Copy, Debug)]
struct Scope<'a> {
    region: Option<&'a str>,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn of(head: &Head<'a>) -> Option<Scope<'a>> {
        if let Some(authorization) = head.header(AUTHORIZATION) {
            if let Some(rest) = credential(authorization) {
                let end = rest.find([',', ' ']).unwrap_or(rest.len());
                let mut parts = Vec::with_capacity(2 * PARTS);
                parts.extend(rest[..end].split('/'));
                return Scope::read(&parts);
            }
            // Signature version 2, which only S3 still knows.
            return authorization.starts_with("AWS ").then_some(Scope { region: None, service: "s3" });
        }
        let credential = head.query_value("X-Amz-Credential")?;
        let parted_by = |slash| credential.split(slash).collect::<Vec<_>>();
        Scope::read(&parted_by("%2F")).or_else(|| Scope::read(&parted_by("/")))
    }

    /// From the right, since an access key id could hold anything. SigV4A's scope has no region.
    fn read(parts: &[&'a str]) -> Option<Scope<'a>> {
        if parts.len() > PARTS && parts.last() != Some(&TERMINATOR) {
            // It has too many parts, which the service that it means will say.
            let (region, service) = (parts[2], parts[3]);
            return (!service.is_empty()).then_some(Scope { region: Some(region), service });
        }
        let mut parts = parts.iter().rev().skip(1).copied();
        let service = parts.next().filter(|s| !s.is_empty() && s.len() <= NAME_BYTES_MAX)?;
        let region = parts.next()?;
        let is_date = region.len() == 8 && region.bytes().all(|b| b.is_ascii_digit());
        Some(Scope { region: (!is_date).then_some(region), service })
    }
}

/// What follows `Credential=`, which is nearly always at the first `=`.
fn credential(authorization: &str) -> Option<&str> {
    const NAME: &str = "Credential";
    match authorization.split_once('=') {
        Some((before, rest)) if before.ends_with(NAME) => Some(rest),
        Some((_, rest)) => rest.split_once("Credential=").map(|(_, rest)| rest),
        None => None,
    }
}

fn position(test: impl Fn(&Entry) -> bool) -> Option<(usize, &'static Entry)> {
    catalog::services().iter().enumerate().find(|(_, e)| test(e))
}

fn model(at: usize) -> Result<&'static Model, Rejection> {
    catalog::model(at).ok_or_else(|| reject::unknown_service(Protocol::Json11, ""))
}

fn by_target<'a>(head: &Head<'a>, target: &str, scope: Option<Scope<'a>>) -> Result<Route<'a>, Rejection> {
    let spoken = match head.media_type() {
        "application/x-amz-json-1.0" => Some(Protocol::Json10),
        "application/x-amz-json-1.1" => Some(Protocol::Json11),
        _ => None,
    };
    let protocol = spoken.unwrap_or(Protocol::Json11);
    let (prefix, name) = target.rsplit_once('.').unwrap_or(("", target));
    let found = position(|e| e.target_prefix == prefix && !prefix.is_empty());
    let Some((at, _)) = found else {
        return Err(match scope.and_then(|s| catalog::signing_as(s.service).first()) {
            Some((_, at)) => reject::unknown_operation(&model(*at)?.service, protocol, name),
            None => reject::unknown_service(protocol, scope.map_or("", |s| s.service)),
        });
    };
    let model = model(at)?;
    if spoken.is_none() {
        return Err(reject::content_type(&model.service, protocol));
    }
    if head.method != "POST" {
        return Err(reject::unknown_operation(&model.service, protocol, name));
    }
    let operation =
        model.operation(name).ok_or_else(|| reject::unknown_operation(&model.service, protocol, name))?;
    Ok(plain(model, protocol, operation, head, scope))
}

/// `/service/<target prefix>/operation/<name>`, after any prefix.
// AWS: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html#requests
fn by_rpc_path<'a>(head: &Head<'a>, scope: Option<Scope<'a>>) -> Result<Route<'a>, Rejection> {
    let protocol = Protocol::RpcV2Cbor;
    let mut parts = head.path.rsplit('/');
    let (name, operation, service, keyword) = (parts.next(), parts.next(), parts.next(), parts.next());
    let found = match (operation, service, keyword) {
        (Some("operation"), Some(prefix), Some("service")) => {
            position(|e| e.target_prefix == prefix && e.protocols.contains(&protocol))
        }
        _ => None,
    };
    let Some((at, _)) = found else {
        return Err(reject::unknown_service(protocol, scope.map_or("", |s| s.service)));
    };
    let model = model(at)?;
    let name = name.unwrap_or("");
    let operation = model.operation(name).filter(|_| head.method == "POST");
    let operation = operation.ok_or_else(|| reject::unknown_operation(&model.service, protocol, name))?;
    Ok(plain(model, protocol, operation, head, scope))
}

/// A route without labels.
fn plain<'a>(
    model: &'static Model,
    protocol: Protocol,
    operation: &'static Operation,
    head: &Head<'a>,
    scope: Option<Scope<'a>>,
) -> Route<'a> {
    let region = region(head, scope);
    Route { service: &model.service, protocol, operation, labels: Labels::new(), region, website: false }
}

/// The region that a request is for: its signature's, else its host's. A signature for a set of regions names one only
/// when there is no other in the set.
fn region<'a>(head: &Head<'a>, scope: Option<Scope<'a>>) -> Option<&'a str> {
    let of_host = || head.header(HOST).and_then(|host| host::read(host).region);
    match scope {
        None => of_host(),
        Some(scope) => scope.region.or_else(of_host).or_else(|| {
            let set = head.header("x-amz-region-set").or_else(|| head.query_value("X-Amz-Region-Set"))?;
            (!set.is_empty() && !set.contains(['*', '?', ',', '%'])).then_some(set)
        }),
    }
}

fn by_signing_name<'a>(head: &Head<'a>, scope: Scope<'a>, action: bool) -> Result<Step<'a>, Rejection> {
    let candidates = catalog::signing_as(scope.service);
    // The host decides between services that share a signing name, and carries S3's bucket.
    let name = match (candidates, head.header(HOST)) {
        ([], _) => return Err(reject::unknown_service(guessed_protocol(action), scope.service)),
        ([_, _, ..], Some(host)) => host::read(host),
        _ => host::HostName::default(),
    };
    by_candidates(head, name, Some(scope), action, candidates)
}

fn by_host<'a>(head: &Head<'a>, action: bool) -> Result<Step<'a>, Rejection> {
    let name = head.header(HOST).map(host::read).unwrap_or_default();
    if let Some(prefix) = name.endpoint_prefix {
        return by_candidates(head, name, None, action, catalog::hosted_as(prefix));
    }
    if action {
        return Ok(Step::Body(Pending { service: None, region: None, head: *head }));
    }
    by_candidates(head, name, None, action, catalog::open_to_all())
}

fn guessed_protocol(action: bool) -> Protocol {
    if action { Protocol::Query } else { Protocol::RestJson }
}

fn is_query(p: &Protocol) -> bool {
    matches!(p, Protocol::Query | Protocol::Ec2Query)
}

fn is_rest(p: &Protocol) -> bool {
    matches!(p, Protocol::RestJson | Protocol::RestXml)
}

fn by_candidates<'a>(
    head: &Head<'a>,
    name: host::HostName<'a>,
    scope: Option<Scope<'a>>,
    action: bool,
    candidates: &[(&str, usize)],
) -> Result<Step<'a>, Rejection> {
    let region = region(head, scope);
    let all = || candidates.iter().map(|(_, at)| (*at, &catalog::services()[*at]));
    let mut queries = all().filter(|(_, e)| e.protocols.iter().any(is_query));
    let query = (queries.next(), queries.next());
    let has_rest = all().any(|(_, e)| e.protocols.iter().any(is_rest));
    if let ((Some((at, _)), rival), true) = (query, action || !has_rest) {
        // Two services of one name (`elasticloadbalancing`) differ in their versions.
        let service = if rival.is_none() { Some(&model(at)?.service) } else { None };
        return Ok(Step::Body(Pending { service, region, head: *head }));
    }
    let mut best: Option<(&'static Model, Match<'a>)> = None;
    let mut miss = None;
    for (at, entry) in all().filter(|(_, e)| e.protocols.iter().any(is_rest)) {
        let model = model(at)?;
        let named = name.endpoint_prefix == Some(entry.endpoint_prefix);
        let bucket = name.bucket.filter(|_| entry.id == "s3");
        match model.rest.find(head, bucket).and_then(|found| is_meant(model, found)) {
            Ok(found) if named => {
                best = Some((model, found));
                break;
            }
            // Without its host name, an operation beside S3's own has to be wholly there.
            Ok(found) if found.complete || entry.id == "s3" || scope.is_some() && !shares_s3(entry) => {
                if best.as_ref().is_none_or(|(_, b)| found.literals > b.literals) {
                    best = Some((model, found));
                }
            }
            Ok(_) => {}
            Err(why) => {
                let better = why == Miss::Method && !matches!(miss, Some((_, Miss::Method)));
                miss = if better || miss.is_none() { Some((model, why)) } else { miss };
            }
        }
    }
    if let Some((model, found)) = best {
        let operation = &model.service.operations[found.operation as usize];
        if let Some(rejection) = reject::unclear(&model.service, operation, head) {
            return Err(rejection);
        }
        return Ok(Step::Ready(finish(model, found, region, name.website)));
    }
    Err(no_match(miss, all().next().map(|(at, _)| at), action, head)?)
}

/// What is posted to a key without saying of which upload is no completion: S3 takes it for no operation at all.
fn is_meant<'a>(model: &Model, found: Match<'a>) -> Result<Match<'a>, Miss> {
    let operation = model.service.operations[found.operation as usize].name;
    if operation == "CompleteMultipartUpload" && !found.complete { Err(Miss::Method) } else { Ok(found) }
}

fn shares_s3(entry: &Entry) -> bool {
    entry.signing_name == "s3"
}

fn finish<'a>(model: &'static Model, found: Match<'a>, region: Option<&'a str>, website: bool) -> Route<'a> {
    let protocol = rest_protocol(&model.service);
    let operation = &model.service.operations[found.operation as usize];
    Route { service: &model.service, protocol, operation, labels: found.labels, region, website }
}

fn rest_protocol(service: &Service) -> Protocol {
    if service.protocols.contains(&Protocol::RestXml) { Protocol::RestXml } else { Protocol::RestJson }
}

fn no_match(
    miss: Option<(&'static Model, Miss)>,
    first: Option<usize>,
    action: bool,
    head: &Head,
) -> Result<Rejection, Rejection> {
    Ok(match (miss, first) {
        (Some((model, Miss::Method)), _) => {
            reject::method(&model.service, rest_protocol(&model.service), head)
        }
        (Some((model, Miss::Path)), _) => {
            reject::unknown_operation(&model.service, rest_protocol(&model.service), "")
        }
        // A JSON service that was called without its X-Amz-Target.
        (None, Some(at)) => {
            let service = &model(at)?.service;
            let json = |p: &&Protocol| matches!(p, Protocol::Json10 | Protocol::Json11);
            let protocol = service.protocols.iter().find(json).copied().unwrap_or(Protocol::Json11);
            reject::unknown_operation(service, protocol, "")
        }
        (None, None) => reject::unknown_service(guessed_protocol(action), ""),
    })
}

impl<'a> Pending<'a> {
    /// Finds the operation in the query string or the form.
    ///
    /// # Errors
    /// [`Rejection`] when there is no such operation in that version of the service.
    pub fn with_body(self, body: &[u8]) -> Result<Route<'a>, Rejection> {
        let Pending { service, region, head } = self;
        let spoken = service.map_or(Protocol::Query, query_protocol);
        let text = std::str::from_utf8(body).map_err(|_| {
            let fault = Fault::new(400, "MalformedQueryString", "The query string contains a syntax error");
            reject::malformed(service, spoken, fault)
        })?;
        let find = |key: &str| {
            let in_head = head.query_pairs().find(|(n, _)| *n == key);
            in_head
                .or_else(|| pairs(text).find(|(n, _)| *n == key))
                .map(|(_, v)| percent::form(v).unwrap_or(std::borrow::Cow::Borrowed(v)))
        };
        let version = find("Version").unwrap_or_default();
        let action = find("Action").filter(|a| a.len() <= NAME_BYTES_MAX);
        let service = match service {
            Some(service) => service,
            None => by_version(&head, &version)?,
        };
        let protocol = query_protocol(service);
        let Some(action) = action else { return Err(reject::missing_action(service, protocol)) };
        // A version is checked where it is given. AWS: some services serve several; only the newest is here, so
        // another one's operations are looked for in it.
        let operation = catalog::operation(service, &action);
        let Some(operation) = operation else {
            let known = version.is_empty() || version == service.api_version;
            return Err(if known {
                reject::unknown_operation(service, protocol, &action)
            } else {
                reject::version(service, protocol, &action, &version)
            });
        };
        Ok(Route { service, protocol, operation, labels: Labels::new(), region, website: false })
    }
}

fn query_protocol(service: &Service) -> Protocol {
    if service.protocols.contains(&Protocol::Ec2Query) { Protocol::Ec2Query } else { Protocol::Query }
}

/// Query services have versions of their own; where a signing name is shared, the version tells which is meant.
fn by_version(head: &Head, version: &str) -> Result<&'static Service, Rejection> {
    let scope = Scope::of(head);
    let found = position(|e| {
        e.protocols.iter().any(is_query)
            && e.api_version == version
            && scope.is_none_or(|s| s.service == e.signing_name)
    });
    match found {
        Some((at, _)) => Ok(&model(at)?.service),
        None => Err(reject::unknown_service(Protocol::Query, scope.map_or("", |s| s.service))),
    }
}
