//! [`Cx`]: the one context that a handler gets. It reads, writes, asks the time, draws chance and calls other
//! services through it, and through nothing else.

use crate::bus::News;
use crate::cloud::Cloud;
use crate::identity::{Bound, Caller, Names, Proof};
use crate::meter::{Kind, Line};
use crate::seal::Sealer;
use crate::way::Way;
use crate::witness::Trace;
use base::page::Pager;
use base::{AccountId, Arn, Region, Rng, Timestamp};
use http::header::AUTHORIZATION;
use std::net::IpAddr;
use std::sync::Arc;
use store::{StoreError, Tx};
use wire::head::names;
use wire::{Fault, Value};

/// What is known of a request beside its parameters.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: String,
    /// `iam`, the model's id.
    pub service: &'static str,
    pub operation: &'static str,
    /// `None` where the cloud itself calls.
    pub peer: Option<Peer>,
    pub user_agent: String,
    /// The page that led a browser here (`aws:referer`), as it says.
    pub referer: Option<String>,
    /// The chain of requests that this one belongs to (`X-Amzn-Trace-Id`), as it says.
    pub chain: Option<String>,
    /// The name and port by which the caller found the cloud; `None` where the cloud itself calls.
    pub host: Option<String>,
    /// The caller has found it over TLS.
    pub secure: bool,
    /// The service on whose behalf a caller's permissions are used (`aws:CalledVia`), first caller first.
    pub via: Vec<&'static str>,
    /// The resource for whose sake a service calls (`aws:SourceArn`) and whose it is (`aws:SourceAccount`).
    pub source: Option<(String, AccountId)>,
    /// Condition keys that a service gives to the session which it begins.
    pub session_keys: Vec<(&'static str, String)>,
    /// `None` where nothing was signed over the wire.
    pub signed: Option<Signed>,
    /// It came as a form that a browser sent.
    pub form: bool,
    /// Where its handler can tell what somebody wants to know ([`crate::witness`]).
    pub trace: Option<Trace>,
}

/// How a request was signed: what S3's condition keys ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// In the query string rather than in a header.
    pub presigned: bool,
    /// `AWS4-HMAC-SHA256`
    pub algorithm: String,
    /// How long ago, by the machine's clock.
    pub age: std::time::Duration,
    /// `x-amz-content-sha256`, as it was sent.
    pub payload: Option<String>,
}

impl Signed {
    /// What the head says of it; whether it holds is for [`crate::authenticate`].
    pub(crate) fn of(head: &wire::head::Head<'_>, wall_now: Timestamp) -> Option<Signed> {
        let presigned = head.query_value("X-Amz-Signature").is_some();
        let authorization = || head.header(AUTHORIZATION)?.split_once(' ').map(|(algorithm, _)| algorithm);
        let algorithm =
            if presigned { head.query_value("X-Amz-Algorithm") } else { authorization() }?.to_owned();
        let date = if presigned { head.query_value("X-Amz-Date") } else { head.header(names::AMZ_DATE) };
        let age = date.and_then(Timestamp::parse_sigv4).map(|date| wall_now.since(date)).unwrap_or_default();
        let payload = head.header(names::AMZ_CONTENT_SHA256).map(str::to_owned);
        Some(Signed { presigned, algorithm, age, payload })
    }
}

impl Request {
    /// A client has sent it, no service.
    pub fn is_from_outside(&self) -> bool {
        self.peer.is_some() && self.via.is_empty()
    }

    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// What the URLs in an answer begin with, so that this caller can follow them: `http://127.0.0.1:4566`.
    pub fn origin(&self) -> String {
        match &self.host {
            Some(host) => format!("{}://{host}", self.scheme()),
            None => format!("https://{}.amazonaws.com", self.service),
        }
    }

    /// The VPC endpoint that the call came through. What a service calls for its caller has come through none.
    pub fn way(&self) -> Option<&Way> {
        self.peer.as_ref().filter(|_| self.via.is_empty())?.way.as_deref()
    }
}

/// The other end of the connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: IpAddr,
    /// `None` in the clear.
    pub tls: Option<Tls>,
    /// The VPC endpoint that it comes through.
    pub way: Option<Arc<Way>>,
}

/// How a connection is secured, in the words of OpenSSL: `TLSv1.3`, `TLS_AES_128_GCM_SHA256`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tls {
    pub version: &'static str,
    pub cipher: &'static str,
}

impl Peer {
    /// Somebody who comes by no endpoint.
    pub fn at(address: IpAddr, tls: Option<Tls>) -> Peer {
        Peer { address, tls, way: None }
    }

    pub fn is_loopback(&self) -> bool {
        self.address.to_canonical().is_loopback()
    }
}

/// One operation in one transaction. What it does through `tx` happens when the operation succeeds, or not at all;
/// it may run again when it conflicts with another, so nothing else may be changed from within.
#[derive(Debug)]
pub struct Cx<'a> {
    pub tx: &'a mut Tx,
    pub caller: &'a Arc<Caller>,
    /// The account in which the operation acts: the caller's.
    pub account: AccountId,
    pub region: Region,
    /// The cloud's time, read once for the whole request.
    pub now: Timestamp,
    pub request: &'a Request,
    pub(crate) cloud: &'a Arc<Cloud>,
    /// What the audit trail says of the caller.
    pub(crate) audit: &'a [u8],
    /// Resources for the audit record.
    pub(crate) touched: Vec<Arn>,
    /// How the request is counted, where its handler has said so.
    pub(crate) kind: Option<&'static Kind>,
}

/// As whom a service calls another.
#[derive(Clone, Copy, Debug)]
pub enum As {
    /// With the permissions of the caller, marked as coming through this service (`s3.amazonaws.com`).
    CallerVia(&'static str),
    /// With the permissions of the caller, as its own call: of a role that a service works as.
    Caller,
    /// As the service itself, acting in `account`.
    Service { name: &'static str, account: AccountId },
    /// The same, to set tags of its own on a resource of `account`: it needs no policy of that.
    Marking { name: &'static str, account: AccountId },
}

impl<'a> Cx<'a> {
    pub fn rng(&self) -> &Rng {
        self.cloud.rng()
    }

    pub fn pager(&self) -> &Pager {
        self.cloud.pager()
    }

    /// As [`Directory::bind`](crate::identity::Directory::bind).
    ///
    /// # Errors
    /// The store's own.
    pub fn bind(&self, policy: &str) -> Result<Result<Bound, String>, StoreError> {
        self.cloud.directory.bind(self.tx, policy)
    }

    /// As [`Directory::unbind`](crate::identity::Directory::unbind).
    ///
    /// # Errors
    /// The store's own.
    pub fn unbind(&self, policy: &str, names: &Names) -> Result<String, StoreError> {
        self.cloud.directory.unbind(self.tx, policy, names)
    }

    /// As [`Directory::prove`](crate::identity::Directory::prove), for the caller.
    ///
    /// # Errors
    /// The store's own.
    pub fn prove(&mut self, serial: &str, code: &str) -> Result<Proof, StoreError> {
        let cloud = self.cloud;
        cloud.directory.prove(self.tx, cloud.sealer(), self.caller, (serial, code), self.now)
    }

    pub fn sealer(&self) -> &Sealer {
        self.cloud.sealer()
    }

    /// What a service keeps in memory in this cloud: see [`Cloud::memory`].
    pub fn memory<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.cloud.memory()
    }

    pub fn cloud(&self) -> &Arc<Cloud> {
        self.cloud
    }

    /// An ARN of this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> Arn {
        Arn::new(service, self.region.name(), self.account.as_str(), resource)
    }

    /// Names a resource in the audit record of this call.
    pub fn touch(&mut self, arn: Arn) {
        self.touched.push(arn);
    }

    /// Says how this request is counted, where its operation alone does not tell.
    pub fn is_a(&mut self, kind: &'static Kind) {
        self.kind = Some(kind);
    }

    /// Counts usage: of what this transaction changes when it commits, and only then; of what it reads at once.
    pub fn meter(&mut self, line: &Line<'_>, amount: u64) {
        if self.tx.is_read_only() {
            return self.cloud.meter().add(self.now, line, amount);
        }
        self.cloud.meter().add_with(self.tx, self.now, line, amount);
    }

    /// Puts an event on its way; it leaves if and only if the transaction commits.
    pub fn emit(
        &mut self,
        source: &'static str,
        detail_type: &'static str,
        resources: Vec<String>,
        detail: &Value,
    ) {
        let (account, region) = (self.account, self.region.name());
        let news = News { account, region, source, detail_type, resources, detail };
        self.cloud.emit(self.tx, self.now, news);
    }

    /// As [`Cx::call`], as a service of the cloud for the sake of one resource, which the other's policies may ask about.
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub fn call_for(
        &mut self,
        source: &str,
        call: crate::nested::Call<'_>,
        name: &'static str,
        account: AccountId,
    ) -> Result<Value, Fault> {
        crate::nested::nested_for(
            self,
            call,
            As::Service { name, account },
            crate::nested::Beside { source: Some((source.to_owned(), account)), ..Default::default() },
        )
    }

    /// Begins a session of a role, as a service of the cloud that the role trusts. Policies may ask about `keys` for as long
    /// as it lasts.
    ///
    /// # Errors
    /// Those of `sts:AssumeRole`.
    pub fn begin_session(
        &mut self,
        name: &'static str,
        role: &str,
        session: &str,
        keys: Vec<(&'static str, String)>,
    ) -> Result<Value, Fault> {
        let members = [("RoleArn", Value::str(role)), ("RoleSessionName", Value::str(session))];
        let value = Value::Struct(members.into_iter().collect());
        let call = crate::nested::Call { service: "sts", operation: "AssumeRole", value };
        let who = As::Service { name, account: self.account };
        crate::nested::nested_for(self, call, who, crate::nested::Beside { keys, ..Default::default() })
    }

    /// Calls another service's operation, in this same transaction and through the same door as any client:
    /// authorized, reported in the audit trail, and undone with the rest if this operation fails.
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub fn call(&mut self, service: &str, operation: &str, value: Value, who: As) -> Result<Value, Fault> {
        crate::nested::nested(self, crate::nested::Call { service, operation, value }, who)
    }
}
