//! From a signed request to a caller: finds the signature, whose key it is, and whether it holds.

use crate::audit;
use crate::body::{Claim, Incoming, fault};
use crate::callers::Remembered;
use crate::cloud::{Cloud, RootKey};
use crate::cx::Peer;
use crate::identity::{Caller, Known, Unknown};
use auth::sigv4::{
    self, Algorithm, BodyHash, Cause, Dialect, Expect, Payload, Presented, PresignedV2, RequestHead,
};
use base::{AccountId, Timestamp};
use std::sync::Arc;
use wire::Fault;
use wire::head::names;
use wire::model::{Operation, Protocol, Service};

/// How the service of a request words its authentication errors.
pub(crate) fn dialect(service: &Service, protocol: Protocol) -> Dialect {
    match (service.id, protocol) {
        ("s3" | "s3control", _) => Dialect::S3,
        (_, Protocol::Ec2Query) => Dialect::Ec2,
        (_, Protocol::Query | Protocol::RestXml) => Dialect::Query,
        (_, Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor) => Dialect::Json,
        (_, Protocol::RestJson) => Dialect::RestJson,
    }
}

/// Who sent a request, and what it says about its body.
pub(crate) struct Authenticated {
    pub(crate) who: Arc<Remembered>,
    pub(crate) claim: Claim,
}

/// What a request is for.
pub(crate) struct Asked<'a> {
    pub(crate) service: &'static Service,
    pub(crate) protocol: Protocol,
    pub(crate) operation: Option<&'a Operation>,
    /// Where it will act; `None` where that is nowhere in particular.
    pub(crate) region: Option<&'a str>,
}

/// Finds who sent the request, or refuses it. A body that has been read is held against its hash; of one that is
/// still to come, the claim tells what to hold it against.
///
/// # Errors
/// The fault that the service's dialect has for the cause.
pub(crate) fn caller(
    cloud: &Arc<Cloud>,
    head: &RequestHead<'_>,
    incoming: &Incoming,
    asked: &Asked<'_>,
    peer: &Peer,
) -> Result<Authenticated, Fault> {
    let Asked { service, protocol, operation, region } = *asked;
    let dialect = dialect(service, protocol);
    let unverified = |who, payload: Option<Payload>| {
        let payload = payload.unwrap_or(Payload::Unsigned);
        // What can be verified without a secret. Elsewhere than in S3 the body is part of the signature.
        if let (BodyHash::Of(computed), Dialect::S3) = (hash(incoming, payload), dialect) {
            payload.check(computed).map_err(|cause| fault(cause.tell(dialect)))?;
        }
        Ok(Authenticated { who, claim: Claim { payload, verified: None, dialect } })
    };
    let tell = |cause: Cause| fault(cause.tell(dialect));
    if dialect == Dialect::S3
        && let Some(url) = PresignedV2::read(head).map_err(fault)?
    {
        return unverified(by_old_url(cloud, head, &url, peer)?, None);
    }
    let Some(presented) = sigv4::read(head).map_err(tell)? else {
        // S3 lets anybody ask; its policies decide. Elsewhere only what the model marks may come unsigned.
        let open = operation.is_some_and(|op| op.unsigned) || dialect == Dialect::S3;
        let payload = head.headers.get(names::AMZ_CONTENT_SHA256).and_then(|value| value.to_str().ok());
        return if open {
            unverified(anonymous(), payload.and_then(Payload::parse))
        } else {
            Err(tell(Cause::Anonymous))
        };
    };
    if let Some(account) = shared_root(cloud, presented.access_key()) {
        let who = shared(&presented, head, account, peer, cloud, service, dialect)?;
        return unverified(who, presented.payload());
    }
    // A signature's own region is where it acts; one for a set of regions must have that among them.
    let region = region.filter(|_| presented.algorithm() == Algorithm::Ecdsa);
    let expect = Expect { dialect, service: service.signing_name, region };
    let now = cloud.wall_now();
    presented.check(head, now, &expect).map_err(tell)?;
    let remembered = by_key(cloud, presented.access_key(), presented.session_token(), dialect)?;
    let Some(secret) = &remembered.secret else {
        return Err(tell(Cause::UnknownKey { access_key: presented.access_key().to_owned() }));
    };
    let body = match incoming {
        Incoming::Whole(bytes) => BodyHash::of(bytes),
        Incoming::Stream(_) => BodyHash::Unread,
    };
    let held =
        presented.verify_checked(head, body, secret, &expect, Some(&cloud.signing_keys)).map_err(tell)?;
    let reaches = remembered.caller.session.as_ref().and_then(|session| session.reaches);
    match (reaches, operation) {
        (Some(reaches), Some(operation)) if !reaches(service.id, operation.name) => {
            let token = presented.session_token().unwrap_or_default().to_owned();
            Err(tell(Cause::InvalidToken { token }))
        }
        _ => {
            let payload = held.payload;
            let verified = payload.is_chunked().then(|| presented.verified(held));
            let claim = Claim { payload, verified, dialect };
            Ok(Authenticated { who: remembered, claim })
        }
    }
}

/// The signer of a URL of Signature Version 2.
fn by_old_url(
    cloud: &Arc<Cloud>,
    head: &RequestHead<'_>,
    url: &PresignedV2,
    peer: &Peer,
) -> Result<Arc<Remembered>, Fault> {
    let dialect = Dialect::S3;
    let tell = |cause: Cause| fault(cause.tell(dialect));
    let unknown = || tell(Cause::UnknownKey { access_key: url.access_key.clone() });
    url.check(cloud.wall_now()).map_err(fault)?;
    // As with any signature of root's shared keys, there is no secret to verify it with.
    if let Some(root) = shared_by_key(cloud, &url.access_key, peer)? {
        return Ok(root);
    }
    let remembered = by_key(cloud, &url.access_key, url.token.as_deref(), dialect)?;
    let secret = remembered.secret.as_ref().ok_or_else(unknown)?;
    let host = head.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    let bucket = host.and_then(|host| wire::route::host::read(host).bucket);
    url.verify(head, bucket, secret).map_err(fault)?;
    Ok(remembered)
}

/// The hash of a body that is there, where one is claimed.
fn hash(incoming: &Incoming, payload: Payload) -> BodyHash {
    match (incoming, payload) {
        (Incoming::Whole(bytes), Payload::Hash(_)) => BodyHash::of(bytes),
        _ => BodyHash::Unread,
    }
}

/// A service that acts in an account in its own name.
pub(crate) fn service(name: &str, account: AccountId) -> Arc<Remembered> {
    remember(Known { caller: Caller::service(name, account), secret: None })
}

/// `test` and every twelve-digit key stand for the root of an account, but where one is the very key that was chosen
/// for root: what is signed by that is verified.
fn shared_root(cloud: &Cloud, access_key: &str) -> Option<AccountId> {
    if chosen_root(cloud, access_key).is_some() { None } else { root_by_name(access_key) }
}

fn root_by_name(access_key: &str) -> Option<AccountId> {
    if access_key == "test" { Some(AccountId::DEFAULT) } else { AccountId::parse(access_key) }
}

fn chosen_root<'a>(cloud: &'a Cloud, access_key: &str) -> Option<&'a RootKey> {
    cloud.settings().root_key.as_ref().filter(|root| root.access_key == access_key)
}

/// Root's shared key. Its secret is whatever the user typed, so nothing can be verified but the form; that is why it
/// is taken from loopback only.
fn shared(
    presented: &Presented<'_>,
    head: &RequestHead<'_>,
    account: AccountId,
    peer: &Peer,
    cloud: &Arc<Cloud>,
    service: &'static Service,
    dialect: Dialect,
) -> Result<Arc<Remembered>, Fault> {
    let tell = |cause: Cause| fault(cause.tell(dialect));
    if !peer.is_loopback() {
        return Err(tell(Cause::UnknownKey { access_key: presented.access_key().to_owned() }));
    }
    let expect = Expect { dialect, service: service.signing_name, region: None };
    presented.check(head, cloud.wall_now(), &expect).map_err(tell)?;
    root_of(cloud, account, presented.access_key())
}

fn root_of(cloud: &Arc<Cloud>, account: AccountId, access_key: &str) -> Result<Arc<Remembered>, Fault> {
    if let Some(remembered) = cloud.callers.get(access_key, None) {
        return Ok(remembered);
    }
    let generation = cloud.callers.generation();
    let caller = cloud.directory.root(account, access_key).map_err(crate::failure::Failure::from)?;
    let remembered = remember(Known { caller, secret: None });
    cloud.callers.put(access_key, None, generation, &remembered);
    Ok(remembered)
}

pub(crate) fn anonymous() -> Arc<Remembered> {
    remember(Known { caller: Caller::anonymous(), secret: None })
}

/// The root whose shared key this is; `None` for every other key.
///
/// # Errors
/// S3's, for those who are not on this machine.
pub(crate) fn shared_by_key(
    cloud: &Arc<Cloud>,
    access_key: &str,
    peer: &Peer,
) -> Result<Option<Arc<Remembered>>, Fault> {
    let Some(account) = shared_root(cloud, access_key) else { return Ok(None) };
    if !peer.is_loopback() {
        let cause = Cause::UnknownKey { access_key: access_key.to_owned() };
        return Err(fault(cause.tell(Dialect::S3)));
    }
    root_of(cloud, account, access_key).map(Some)
}

/// The holder of a key, before anything is verified.
///
/// # Errors
/// In the words of `dialect`.
pub(crate) fn by_key(
    cloud: &Arc<Cloud>,
    access_key: &str,
    token: Option<&str>,
    dialect: Dialect,
) -> Result<Arc<Remembered>, Fault> {
    look_up(cloud, access_key, token).map_err(|unknown| unknown_fault(unknown, access_key, token, dialect))
}

/// The holder of a key whom a service found to be there earlier, as `tx` knows them.
///
/// # Errors
/// In the query protocol's words: who reads them reads them in a record.
pub(crate) fn holder(
    cloud: &Arc<Cloud>,
    tx: &store::Tx,
    access_key: &str,
    token: Option<&str>,
) -> Result<Arc<Caller>, Fault> {
    if let (Some(account), None) = (shared_root(cloud, access_key), token) {
        return Ok(Arc::clone(&root_of(cloud, account, access_key)?.caller));
    }
    let known = known(cloud, tx, access_key, token, cloud.clock().now());
    let known = known.map_err(|unknown| unknown_fault(unknown, access_key, token, Dialect::Query))?;
    Ok(Arc::new(known.caller))
}

/// Somebody who was found by other means than a signature.
pub(crate) fn unsigned(caller: Arc<Caller>) -> Arc<Remembered> {
    let audit = audit::caller_fields(&caller);
    Arc::new(Remembered { secret: None, caller, audit })
}

pub(crate) fn remember(known: Known) -> Arc<Remembered> {
    let caller = Arc::new(known.caller);
    let audit = audit::caller_fields(&caller);
    Arc::new(Remembered { secret: known.secret, caller, audit })
}

/// The holder of the key, from memory or from the directory.
fn look_up(cloud: &Arc<Cloud>, access_key: &str, token: Option<&str>) -> Result<Arc<Remembered>, Unknown> {
    let now = cloud.clock().now();
    if let Some(remembered) = cloud.callers.get(access_key, token) {
        // Remembered or not, a session ends.
        let ended = remembered.caller.session.as_ref().is_some_and(|session| session.expires <= now);
        return if ended { Err(Unknown::ExpiredToken) } else { Ok(remembered) };
    }
    let generation = cloud.callers.generation();
    let known = known(cloud, &cloud.store().begin(), access_key, token, now)?;
    let remembered = remember(known);
    cloud.callers.put(access_key, token, generation, &remembered);
    Ok(remembered)
}

/// The holder of the chosen root key, or of one that the directory has.
fn known(
    cloud: &Cloud,
    tx: &store::Tx,
    access_key: &str,
    token: Option<&str>,
    now: Timestamp,
) -> Result<Known, Unknown> {
    match (chosen_root(cloud, access_key), token) {
        (Some(root), None) => {
            let account = root_by_name(access_key).unwrap_or(AccountId::DEFAULT);
            let caller = cloud.directory.root(account, access_key);
            let caller = caller.map_err(|e| Unknown::Unreadable(e.to_string()))?;
            Ok(Known { caller, secret: Some(root.secret.clone()) })
        }
        _ => cloud.directory.look_up(tx, access_key, token, now),
    }
}

fn unknown_fault(unknown: Unknown, access_key: &str, token: Option<&str>, dialect: Dialect) -> Fault {
    let token = || token.unwrap_or_default().to_owned();
    let cause = match unknown {
        Unknown::NoSuchKey | Unknown::InactiveKey => Cause::UnknownKey { access_key: access_key.to_owned() },
        Unknown::BadToken => Cause::InvalidToken { token: token() },
        Unknown::ExpiredToken => Cause::ExpiredToken { token: token() },
        Unknown::Unreadable(what) => {
            crate::log::error("the caller could not be looked up", &[("problem", &what)]);
            return crate::failure::internal_failure();
        }
    };
    fault(cause.tell(dialect))
}
