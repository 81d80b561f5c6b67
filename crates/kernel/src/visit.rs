//! Visits: requests to a [site](crate::site) that IAM decides about as it does about API calls, but that are none:
//! those to function URLs.
//!
//! Who visits is found by the signature, as of an API call to the site's service, or is a stranger where the site asks
//! for none. What is decided is recorded, so that `virga why` knows it; a visit is a data event.

use crate::access::{self, Target};
use crate::audit::{Decided, Note};
use crate::authenticate::{self, Asked};
use crate::body::Incoming;
use crate::callers::Remembered;
use crate::cloud::Cloud;
use crate::cx::{Cx, Peer, Request, Signed};
use crate::data::Dx;
use crate::dispatch;
use crate::failure::internal_failure;
use crate::identity::Caller;
use auth::sigv4::RequestHead;
use base::Region;
use bytes::Bytes;
use http::request::Parts;
use std::sync::Arc;
use wire::model::Protocol;
use wire::{Fault, Struct};

/// What a visit is called in records: the service and the name of its event.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    pub service: &'static str,
    pub operation: &'static str,
}

/// Somebody who visits a site.
#[derive(Clone, Debug)]
pub struct Visitor {
    who: Arc<Remembered>,
    request: Arc<Request>,
}

impl Visitor {
    pub fn caller(&self) -> &Arc<Caller> {
        &self.who.caller
    }

    /// The organization that the visitor's account is in.
    pub fn organization(&self, cloud: &Cloud) -> Option<String> {
        let found = cloud.directory.organization(self.who.caller.account).ok()?;
        found.map(|membership| membership.organization_id)
    }

    /// The id of the visit.
    pub fn id(&self) -> &str {
        &self.request.id
    }
}

impl Cloud {
    /// Finds who visits, by the signature.
    ///
    /// # Errors
    /// The id of the visit and the fault that an API call with this signature, or without any, would be answered.
    pub fn visitor(
        self: &Arc<Cloud>,
        parts: &Parts,
        body: &Bytes,
        peer: &Peer,
        purpose: Purpose,
    ) -> Result<Visitor, (String, Fault)> {
        let head = dispatch::head(parts);
        let signed =
            RequestHead { method: head.method, path: head.path, query: head.query, headers: head.headers };
        let mut visitor = self.stranger(parts, peer.clone(), purpose);
        let known =
            wire::catalog::service(purpose.service).ok_or_else(internal_failure).and_then(|service| {
                let incoming = Incoming::Whole(body.clone());
                let protocol = Protocol::RestJson;
                let asked = Asked { service, protocol, operation: None, region: None };
                authenticate::caller(self, &signed, &incoming, &asked, peer)
            });
        match known {
            Ok(authenticated) => {
                visitor.who = authenticated.who;
                Ok(visitor)
            }
            Err(fault) => {
                self.turn_away(visitor.id(), Some((purpose.service, purpose.operation)), &fault);
                Err((visitor.id().to_owned(), fault))
            }
        }
    }

    /// A visitor of whom nobody asks who it is.
    pub fn stranger(self: &Arc<Cloud>, parts: &Parts, peer: Peer, purpose: Purpose) -> Visitor {
        let head = dispatch::head(parts);
        let request = Request {
            id: base::id::uuid(self.rng()),
            service: purpose.service,
            operation: purpose.operation,
            secure: peer.tls.is_some(),
            peer: Some(peer),
            user_agent: head.header("user-agent").unwrap_or_default().to_owned(),
            referer: head.header("referer").map(str::to_owned),
            chain: head.header("x-amzn-trace-id").map(str::to_owned),
            host: dispatch::host(parts),
            via: Vec::new(),
            source: None,
            session_keys: Vec::new(),
            signed: Signed::of(&head, self.wall_now()),
            form: false,
            trace: None,
        };
        Visitor { who: authenticate::anonymous(), request: Arc::new(request) }
    }

    /// Whether a visitor may: all that `targets` names, each with its action.
    ///
    /// # Errors
    /// `AccessDeniedException`, and those of `targets`.
    pub async fn admit(
        self: &Arc<Cloud>,
        visitor: &Visitor,
        region: Region,
        targets: impl FnOnce(&mut Cx<'_>) -> Result<Vec<Target>, Fault>,
    ) -> Result<(), Fault> {
        let (now, account) = (self.clock().now(), visitor.who.caller.account);
        let Request { service, operation, .. } = *visitor.request;
        self.directory.used(&visitor.who.caller, service, operation, region.name(), now);
        let dx = Dx::new(self, &visitor.who, account, region, now, Arc::clone(&visitor.request));
        let mut decisions = Vec::new();
        let outcome = dx.read(|cx| decide(cx, targets, &mut decisions));
        let resources: Vec<String> = decisions.iter().map(|decided| decided.resource.clone()).collect();
        let blocks = self.trail().note(&Note {
            request: dx.request(),
            event_id: &base::id::uuid(self.rng()),
            time: now,
            region: region.name(),
            account,
            caller: &visitor.who.audit,
            parameters: "",
            response: "",
            fault: outcome.as_ref().err(),
            resources: &resources,
            decisions: &decisions,
            nested: false,
        });
        self.write_blocks(blocks).await;
        outcome
    }
}

fn decide(
    cx: &mut Cx<'_>,
    targets: impl FnOnce(&mut Cx<'_>) -> Result<Vec<Target>, Fault>,
    decisions: &mut Vec<Decided>,
) -> Result<(), Fault> {
    for target in targets(cx)? {
        let action = target.action.unwrap_or_default();
        let (decided, message) = access::decide(cx, action, &target, &Struct::new()).map_err(Fault::from)?;
        let allowed = decided.allowed;
        decisions.push(decided);
        if !allowed {
            return Err(Fault::new(403, "AccessDeniedException", message));
        }
    }
    Ok(())
}
