//! Browser uploads: who signed the policy of a form, and `PutObject` on his behalf.
//!
//! Not here: the form and its policy, which are S3's to read. A signature of version 2 over a policy is taken, as S3 does;
//! over a request it is not.

use crate::authenticate;
use crate::body::{Body, fault};
use crate::callers::Remembered;
use crate::cloud::Cloud;
use crate::cx::{Peer, Request};
use crate::data::{self, Answer};
use crate::dispatch;
use crate::nested::Call;
use crate::witness::Trace;
use auth::sigv4::post::{PostFields, verify_old_policy, verify_post_policy};
use auth::sigv4::{Cause, Dialect, Expect};
use base::Region;
use http::request::Parts;
use std::sync::Arc;
use wire::{Fault, Value};

/// The fields of a form that tell who signed it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form<'a> {
    pub v4: PostFields<'a>,
    /// `AWSAccessKeyId` and `signature`, of version 2.
    pub old_key: Option<&'a str>,
    pub old_signature: Option<&'a str>,
    /// `x-amz-security-token`
    pub token: Option<&'a str>,
}

/// Who uploads.
#[derive(Clone, Debug)]
pub struct Uploader {
    who: Arc<Remembered>,
    request: Request,
    signed: bool,
}

impl Uploader {
    /// Whether somebody signed the form; the policy of another says nothing.
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// Lets the upload's handler write on the trace of the form's request.
    #[must_use]
    pub fn traced(mut self, trace: Option<Trace>) -> Uploader {
        if let Some(trace) = &trace {
            trace.note(|facts| facts.caller = Some(Arc::clone(&self.who.caller)));
        }
        self.request.trace = trace;
        self
    }
}

fn tell(cause: &Cause) -> Fault {
    fault(cause.tell(Dialect::S3))
}

impl Cloud {
    /// Finds out who signed a form.
    ///
    /// # Errors
    /// S3's, for missing fields, unknown keys and signatures that do not hold.
    pub fn uploader(
        self: &Arc<Cloud>,
        form: &Form<'_>,
        peer: Peer,
        id: &str,
        parts: &Parts,
    ) -> Result<Uploader, Fault> {
        let (who, head) = (signer(self, form, &peer)?, dispatch::head(parts));
        let request = Request {
            id: id.to_owned(),
            service: "s3",
            operation: "PutObject",
            secure: peer.tls.is_some(),
            peer: Some(peer),
            user_agent: head.header("user-agent").unwrap_or_default().to_owned(),
            referer: head.header("referer").map(str::to_owned),
            chain: head.header("x-amzn-trace-id").map(str::to_owned),
            // An upload answers with no URL of this cloud.
            host: None,
            via: Vec::new(),
            source: None,
            session_keys: Vec::new(),
            signed: None,
            form: true,
            trace: None,
        };
        let signed = who.is_some();
        Ok(Uploader { who: who.unwrap_or_else(authenticate::anonymous), request, signed })
    }

    /// `PutObject` for an uploader: authorized and recorded like any call.
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub async fn upload(
        self: &Arc<Cloud>,
        uploader: &Uploader,
        region: Region,
        value: Value,
        body: Body,
    ) -> Result<Answer<Value>, Fault> {
        let call = Call { service: "s3", operation: "PutObject", value };
        let account = uploader.who.caller.account;
        data::run(self, &uploader.who, account, region, uploader.request.clone(), call, body).await
    }
}

/// The holder of the key that signed; `None` where nobody did.
fn signer(cloud: &Arc<Cloud>, form: &Form<'_>, peer: &Peer) -> Result<Option<Arc<Remembered>>, Fault> {
    let old = form.old_key.is_some() || form.old_signature.is_some();
    let new = [form.v4.algorithm, form.v4.credential, form.v4.date, form.v4.signature];
    if !old && new.iter().all(Option::is_none) {
        return Ok(None);
    }
    let lacks = |field| tell(&Cause::FormLacks { field });
    let access_key = if old {
        form.old_signature.ok_or_else(|| lacks("Signature"))?;
        form.old_key.ok_or_else(|| lacks("AWSAccessKeyId"))?
    } else {
        form.v4.signature.ok_or_else(|| lacks("X-Amz-Signature"))?;
        form.v4.access_key().map_err(|cause| tell(&cause))?
    };
    let policy = form.v4.policy.ok_or_else(|| lacks("policy"))?;
    if let Some(who) = authenticate::shared_by_key(cloud, access_key, peer)? {
        return Ok(Some(who));
    }
    let who = authenticate::by_key(cloud, access_key, form.token, Dialect::S3)?;
    let unknown = || tell(&Cause::UnknownKey { access_key: access_key.to_owned() });
    let Some(secret) = &who.secret else { return Err(unknown()) };
    if old {
        verify_old_policy(policy, form.old_signature.unwrap_or_default(), access_key, secret)
            .map_err(fault)?;
    } else {
        let expect = Expect { dialect: Dialect::S3, service: "s3", region: None };
        verify_post_policy(&form.v4, secret, &expect, Some(&cloud.signing_keys)).map_err(fault)?;
    }
    Ok(Some(who))
}
