//! Invoke: now, later, or not at all.

use crate::lambda::access;
use crate::lambda::errors::LambdaError;
use crate::lambda::invocation::{self, Asked};
use crate::lambda::model::{self, EVENTS, Event};
use crate::lambda::name::Named;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kernel::{Answer, Body, Cx, Dx};
use store::Key;
use wire::Fault;

kernel::ops! { pub(crate) static OPS:
    Invoke: [data] invoke => invoke_within, "lambda:InvokeFunction", access::qualified;
}

/// AWS: the quotas of the developer guide.
const SYNC_MAX: usize = 6_291_456;
const ASYNC_MAX: usize = 1_048_576;
/// How much of the log an answer shows.
const TAIL: usize = 4096;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Invoke {
        name: String = "FunctionName",
        kind: Option<String> = "InvocationType",
        log: Option<String> = "LogType",
        context: Option<String> = "ClientContext",
        payload: Option<Bytes> = "Payload",
        qualifier: Option<String> = "Qualifier",
    }

    #[derive(Debug)]
    pub(crate) struct Invoked {
        status: i32 = "StatusCode",
        error: Option<String> = "FunctionError",
        log: Option<String> = "LogResult",
        payload: Option<Bytes> = "Payload",
        version: Option<String> = "ExecutedVersion",
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Now,
    Later,
    DryRun,
}

/// A request that was checked, against what there is.
fn checked(cx: &Cx<'_>, req: Invoke) -> Result<(Kind, Asked), LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    model::function(cx.tx, &named)?;
    model::resolve(cx.tx, &named, 0)?;
    let (kind, word, limit) = match req.kind.as_deref() {
        Some("Event") => (Kind::Later, "Event", ASYNC_MAX),
        Some("DryRun") => (Kind::DryRun, "DryRun", SYNC_MAX),
        _ => (Kind::Now, "RequestResponse", SYNC_MAX),
    };
    let payload =
        req.payload.filter(|payload| !payload.is_empty()).unwrap_or_else(|| Bytes::from_static(b"{}"));
    if payload.len() > limit {
        return Err(LambdaError::PayloadTooLarge(payload.len(), word, limit));
    }
    let text = std::str::from_utf8(&payload).map_err(|why| LambdaError::Content(why.to_string()))?;
    if wire::json::read(text).is_none() {
        return Err(LambdaError::Content("it is no JSON".into()));
    }
    let client_context = match req.context {
        Some(context) => {
            let bytes = STANDARD.decode(&context).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(bytes.ok_or_else(|| {
                LambdaError::Content("Client context must be a valid Base64-encoded JSON object.".into())
            })?)
        }
        None => None,
    };
    let tail = req.log.as_deref() == Some("Tail");
    Ok((kind, Asked { named, request_id: cx.request.id.clone(), client_context, payload, tail }))
}

/// Notes an event down; it is handled when that is on the disk.
fn enqueue(cx: &mut Cx<'_>, asked: &Asked) {
    let event = Event {
        account: asked.named.account,
        region: asked.named.region,
        name: asked.named.name.clone(),
        qualifier: asked.named.qualifier.clone(),
        payload: asked.payload.to_vec(),
        request_id: asked.request_id.clone(),
        accepted: cx.now,
        attempts: 0,
        not_before: cx.now,
        client_context: asked.client_context.clone(),
        throttled: 0,
    };
    EVENTS.put(cx.tx, &Key::global().time(cx.now).str(&event.request_id), &event);
}

fn without_answer(status: i32) -> Invoked {
    Invoked { status, error: None, log: None, payload: None, version: None }
}

async fn invoke(dx: Dx, req: Invoke, _: Body) -> Result<Answer<Invoked>, Fault> {
    let (kind, asked) = dx.read(|cx| checked(cx, req))?;
    match kind {
        Kind::DryRun => Ok(Answer::from(without_answer(204)).status(204)),
        Kind::Later => {
            dx.transact(|cx| {
                enqueue(cx, &asked);
                Ok::<_, Fault>(())
            })
            .await?;
            Ok(Answer::from(without_answer(202)).status(202))
        }
        Kind::Now => {
            let outcome = invocation::run(dx.cloud(), asked).await?;
            let log = outcome.tail.map(|text| {
                let mut at = text.len().saturating_sub(TAIL);
                while !text.is_char_boundary(at) {
                    at += 1;
                }
                STANDARD.encode(&text[at..])
            });
            Ok(Answer::from(Invoked {
                status: 200,
                error: outcome.failed.then(|| "Unhandled".to_owned()),
                log,
                payload: Some(outcome.payload),
                version: Some(outcome.version),
            }))
        }
    }
}

/// For services that call within a transaction: an event is noted down with the rest. Nobody can wait there.
fn invoke_within(cx: &mut Cx<'_>, req: Invoke) -> Result<Invoked, LambdaError> {
    let (kind, mut asked) = checked(cx, req)?;
    match kind {
        Kind::Now => Err(LambdaError::NotBuilt("Waiting for a function within another operation".into())),
        Kind::DryRun => Ok(without_answer(204)),
        Kind::Later => {
            // One operation may send several.
            asked.request_id = base::id::uuid(cx.rng());
            enqueue(cx, &asked);
            Ok(without_answer(202))
        }
    }
}
