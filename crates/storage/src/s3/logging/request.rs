//! The lines of one request: one for itself, one for the source of a copy, one for each object of a deletion of many.

use super::line::Line;
use super::operation;
use crate::s3::canonical;
use crate::s3::watched::{About, Watched, WatchedBucket};
use auth::policy::Principal;
use base::AccountId;
use kernel::witness::{Seen, Thing};
use std::borrow::Cow;

/// What was deleted by one request for many, each.
const BATCH_DELETE: &str = "BATCH.DELETE.OBJECT";

/// A line, and the bucket whose log it belongs to.
pub type Belongs = (std::sync::Arc<WatchedBucket>, String);

/// What is told of a request to the buckets whose logs are kept.
pub fn lines(watched: &Watched, about: &About<'_>, seen: &Seen) -> Vec<Belongs> {
    let mut out = Vec::new();
    if let Some(bucket) = watched.of(&about.bucket).filter(|bucket| bucket.logging.is_some()) {
        let owner = canonical::id(bucket.owner);
        let told = Told::of(about, seen);
        let line = told.line(&owner, bucket);
        out.push((bucket.clone(), line.text()));
        if seen.facts.operation == Some("DeleteObjects") {
            let each = seen.facts.things.iter().map(|thing| (bucket.clone(), deleted(&line, thing)));
            out.extend(each);
        }
    }
    if let (Some(source), Some(name)) = (&about.source, seen.facts.operation.and_then(operation::of_source))
        && let Some(bucket) = watched.of(&source.0).filter(|bucket| bucket.logging.is_some())
    {
        let owner = canonical::id(bucket.owner);
        let told = Told::of(about, seen);
        let line = Line {
            operation: name,
            key: Some(&source.1),
            uri: None,
            sent: None,
            version: source.2.as_deref(),
            ..told.line(&owner, bucket)
        };
        out.push((bucket.clone(), line.text()));
    }
    out
}

fn deleted(of: &Line<'_>, thing: &Thing) -> String {
    let refused = thing.refused.as_ref();
    Line {
        operation: BATCH_DELETE,
        key: Some(&thing.name),
        uri: None,
        status: refused.map_or(204, |(status, _)| *status),
        error: refused.map(|(_, code)| code.as_str()),
        sent: None,
        size: thing.size,
        version: thing.version.as_deref(),
        ..of.clone()
    }
    .text()
}

/// What must be made before a line can borrow it.
struct Told<'a> {
    about: &'a About<'a>,
    seen: &'a Seen,
    address: String,
    operation: String,
    uri: String,
    version: Option<String>,
}

impl<'a> Told<'a> {
    fn of(about: &'a About<'a>, seen: &'a Seen) -> Told<'a> {
        let (parts, facts) = (&seen.parts, &seen.facts);
        let operation = match about.website {
            true => format!("WEBSITE.{}.OBJECT", parts.method),
            false => operation::name(facts.operation, parts.method.as_str(), about.key.is_some()),
        };
        let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Told {
            about,
            seen,
            address: seen.peer.address.to_canonical().to_string(),
            operation,
            uri: format!("{} {target} {:?}", parts.method, parts.version),
            version: queried(parts.uri.query(), "versionId"),
        }
    }

    fn line<'l>(&'l self, owner: &'l str, bucket: &'l WatchedBucket) -> Line<'l> {
        let Told { about, seen, .. } = *self;
        let facts = &seen.facts;
        let form = facts.operation.is_none() && seen.parts.method == http::Method::POST;
        let key =
            about.key.as_deref().or_else(|| facts.things.first().filter(|_| form).map(|t| t.name.as_str()));
        let refused = seen.status >= 400;
        let error = facts.error.as_deref().or_else(|| seen.answered("x-amz-error-code"));
        let (signature, authentication) = signed(seen);
        Line {
            owner,
            bucket: &bucket.name,
            time: seen.began,
            address: &self.address,
            requester: requester(seen),
            request_id: id(seen),
            operation: &self.operation,
            key,
            uri: Some(&self.uri),
            status: seen.status,
            error: error.filter(|_| refused),
            sent: Some(seen.sent),
            size: if refused { None } else { size(seen, key.is_some()) },
            total: Some(seen.total),
            turned: Some(seen.turned),
            referer: seen.asked("referer"),
            user_agent: seen.asked("user-agent"),
            version: self.version.as_deref(),
            host_id: seen.answered("x-amz-id-2"),
            signature,
            cipher: seen.peer.tls.map(|tls| tls.cipher),
            authentication,
            host: seen.asked("host"),
            tls: seen.peer.tls.map(|tls| tls.version),
            by_acl: by_acl(seen, bucket.owner),
        }
    }
}

fn id(seen: &Seen) -> &str {
    match seen.facts.id.as_str() {
        "" => seen.answered("x-amz-request-id").unwrap_or_default(),
        id => id,
    }
}

fn queried(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).and_then(|(_, value)| wire::head::percent_decoded(value))
}

/// The account's canonical id for its root, the ARN of whoever else there is; nobody of those who did not sign.
fn requester(seen: &Seen) -> Option<Cow<'_, str>> {
    let caller = seen.facts.caller.as_ref()?;
    match &caller.principal {
        Principal::Anonymous => None,
        Principal::Root { account } => Some(Cow::Owned(canonical::id(*account))),
        _ => Some(caller.arn()),
    }
}

/// The version of the signature, and where it stood.
fn signed(seen: &Seen) -> (Option<&'static str>, Option<&'static str>) {
    if let Some(header) = seen.asked("authorization") {
        let version = if header.starts_with("AWS4") { "SigV4" } else { "SigV2" };
        return (Some(version), Some("AuthHeader"));
    }
    let query = seen.parts.uri.query().unwrap_or_default();
    if query.contains("X-Amz-Signature=") {
        (Some("SigV4"), Some("QueryString"))
    } else if query.contains("Signature=") {
        (Some("SigV2"), Some("QueryString"))
    } else {
        (None, None)
    }
}

/// The size of the object that the request was about: what its handler says, what the answer's headers say, what came.
fn size(seen: &Seen, of_object: bool) -> Option<u64> {
    if let [thing] = seen.facts.things.as_slice()
        && thing.size.is_some()
    {
        return thing.size;
    }
    let number = |name: &str| seen.answered(name)?.rsplit('/').next()?.parse().ok();
    match seen.facts.operation {
        Some("GetObject" | "HeadObject") => number("content-range").or_else(|| number("content-length")),
        Some("PutObject" | "UploadPart") => Some(payload(seen)),
        None if of_object && seen.parts.method == http::Method::GET => Some(seen.sent),
        _ => None,
    }
}

/// The bytes of the request's payload, without the framing of chunks.
fn payload(seen: &Seen) -> u64 {
    let framed = seen.asked("x-amz-decoded-content-length").and_then(|text| text.parse().ok());
    framed.unwrap_or(seen.received)
}

/// Nothing but an ACL has let the caller in, for one thing at least. The bucket's owner needs none for what is his.
fn by_acl(seen: &Seen, owner: AccountId) -> bool {
    if seen.facts.caller.as_ref().and_then(|caller| caller.principal.account()) == Some(owner) {
        return false;
    }
    seen.facts.decisions.iter().any(|decided| {
        let granted = |reason: &String| reason.starts_with("grant acl:");
        decided.allowed && !decided.reasons.is_empty() && decided.reasons.iter().all(granted)
    })
}
