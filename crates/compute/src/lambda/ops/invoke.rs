//! Invoke: now, later, or not at all; and InvokeWithResponseStream, whose answer comes as it is said.

use crate::lambda::access;
use crate::lambda::errors::LambdaError;
use crate::lambda::invocation::{self, Asked, Begun, Heard};
use crate::lambda::metering;
use crate::lambda::model::{self, EVENTS, Event};
use crate::lambda::name::Named;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kernel::body::Cut;
use kernel::flow::{Flow, Source};
use kernel::{Answer, Body, Cx, Dx};
use std::sync::Arc;
use store::Key;
use wire::model::Protocol;
use wire::{Fault, ToValue, Value};

kernel::ops! { pub(crate) static OPS:
    Invoke: [data] invoke => invoke_within, "lambda:InvokeFunction", access::qualified;
    InvokeAsync: [data] invoke_async, "lambda:InvokeAsync", access::function;
    InvokeWithResponseStream: [data] stream, "lambda:InvokeFunction", access::qualified;
}

/// AWS: the quotas of the developer guide.
const SYNC_MAX: usize = 6_291_456;
const ASYNC_MAX: usize = 1_048_576;
/// How much of a response an event carries; more would be more than one may.
const CHUNK: usize = 1 << 20;
/// How much of the log an answer shows.
const TAIL: usize = 4096;

/// AWS: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
const CONTEXT_MAX: usize = 3_583;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Invoke {
        name: String = "FunctionName",
        kind: Option<String> = "InvocationType",
        log: Option<String> = "LogType",
        context: Option<String> = "ClientContext",
        payload: Option<Bytes> = "Payload",
        qualifier: Option<String> = "Qualifier",
        tenant: Option<String> = "TenantId",
    }

    #[derive(Debug)]
    pub(crate) struct Streamed {
        status: i32 = "StatusCode",
        version: Option<String> = "ExecutedVersion",
        events: Option<Events> = "EventStream",
    }

    #[derive(Debug)]
    pub(crate) struct Events {
        chunk: Option<Chunk> = "PayloadChunk",
        complete: Option<Complete> = "InvokeComplete",
    }

    #[derive(Debug)]
    pub(crate) struct Chunk { payload: Bytes = "Payload" }

    #[derive(Debug)]
    pub(crate) struct Complete {
        code: Option<String> = "ErrorCode",
        details: Option<String> = "ErrorDetails",
        log: Option<String> = "LogResult",
    }

    #[derive(Debug)]
    pub(crate) struct InvokeAsync { name: String = "FunctionName" }

    #[derive(Debug)]
    pub(crate) struct Noted { status: i32 = "Status" }

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
    if req.tenant.is_some() {
        return Err(LambdaError::NotBuilt("Isolation of tenants (TenantId)".into()));
    }
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
        Some(context) if context.len() > CONTEXT_MAX => {
            return Err(LambdaError::Content(format!(
                "The client context must be at most {CONTEXT_MAX} bytes in Base64."
            )));
        }
        Some(context) => {
            let bytes = STANDARD.decode(&context).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(bytes.ok_or_else(|| {
                LambdaError::Content("Client context must be a valid Base64-encoded JSON object.".into())
            })?)
        }
        None => None,
    };
    let tail = req.log.as_deref() == Some("Tail");
    let (request_id, chain) = (cx.request.id.clone(), cx.request.chain.clone());
    Ok((kind, Asked { named, request_id, client_context, payload, chain, tail }))
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
        chain: asked.chain.clone(),
    };
    EVENTS.put(cx.tx, &Key::global().time(cx.now).str(&event.request_id), &event);
    let (cloud, named) = (Arc::clone(cx.cloud()), asked.named.clone());
    cx.tx.on_end(move |commit| {
        if commit.is_some() {
            metering::received(&cloud, &named);
        }
    });
}

fn without_answer(status: i32) -> Invoked {
    Invoked { status, error: None, log: None, payload: None, version: None }
}

/// The end of a log, as answers show it.
fn tail(text: &str) -> String {
    let mut at = text.len().saturating_sub(TAIL);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    STANDARD.encode(&text[at..])
}

async fn stream(dx: Dx, req: Invoke, _: Body) -> Result<Answer<Streamed>, Fault> {
    let (kind, asked) = dx.read(|cx| checked(cx, req))?;
    let streamed = |status, version| Streamed { status, version, events: None };
    if kind == Kind::DryRun {
        return Ok(Answer::from(streamed(204, None)).status(204));
    }
    let begun = invocation::stream(dx.cloud(), asked).await?;
    let (source, flow) = Flow::new();
    let version = match &begun {
        Begun::Whole(outcome) => outcome.version.clone(),
        Begun::Streaming { head, .. } => head.version.clone(),
    };
    tokio::spawn(tell(begun, source));
    let answer = Answer::from(streamed(200, Some(version)));
    Ok(Answer { content: Some(flow.content()), ..answer })
}

/// Frames a response as events.
async fn tell(begun: Begun, source: Source) {
    let chunk = |payload| (Events { chunk: Some(Chunk { payload }), complete: None }).to_value();
    let (outcome, whole) = match begun {
        Begun::Whole(outcome) => (Ok(outcome), true),
        Begun::Streaming { mut pieces, outcome, .. } => {
            while let Some(heard) = pieces.recv().await {
                let Heard::Bytes(bytes) = heard else { continue };
                for bytes in bytes.chunks(CHUNK).map(|piece| bytes.slice_ref(piece)) {
                    let _ = source.send(framed(chunk(bytes))).await;
                }
            }
            (outcome.await.unwrap_or_else(|_| Err(cut().into())), false)
        }
    };
    let mut complete = Complete { code: None, details: None, log: None };
    match outcome {
        Ok(outcome) => {
            complete.log = outcome.tail.as_deref().map(tail);
            if outcome.failed {
                complete.code = Some("Unhandled".to_owned());
                complete.details = Some(String::from_utf8_lossy(&outcome.payload).into_owned());
            } else if whole {
                for piece in outcome.payload.chunks(CHUNK).map(|piece| outcome.payload.slice_ref(piece)) {
                    let _ = source.send(framed(chunk(piece))).await;
                }
            }
        }
        Err(fault) => (complete.code, complete.details) = (Some(fault.code), Some(fault.message)),
    }
    let _ = source.send(framed((Events { chunk: None, complete: Some(complete) }).to_value())).await;
}

fn cut() -> LambdaError {
    LambdaError::Service("The function could not be run.".into())
}

/// The one event that is set in a value, on its way out.
fn framed(events: Option<Value>) -> Result<Bytes, Cut> {
    let lambda = wire::catalog::service("lambda").ok_or(Cut::Broken)?;
    let operation = lambda.operation("InvokeWithResponseStream").ok_or(Cut::Broken)?;
    let output = operation.output.and_then(|shape| lambda.structure(shape)).ok_or(Cut::Broken)?;
    let stream = wire::output::event_stream(lambda, output).ok_or(Cut::Broken)?.target.shape;
    let Some(Value::Struct(members)) = events else { return Err(Cut::Broken) };
    let (name, event) = members.iter().next().ok_or(Cut::Broken)?;
    wire::output::event(lambda, stream, Protocol::RestJson, name, event).map_err(|_| Cut::TooLarge)
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
            let log = outcome.tail.as_deref().map(tail);
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

/// The older form of an event, whose arguments are the body.
async fn invoke_async(dx: Dx, req: InvokeAsync, mut body: Body) -> Result<Answer<Noted>, Fault> {
    let payload = Some(body.whole(ASYNC_MAX).await?);
    let req = Invoke {
        name: req.name,
        kind: Some("Event".to_owned()),
        log: None,
        context: None,
        payload,
        qualifier: None,
        tenant: None,
    };
    let (_, asked) = dx.read(|cx| checked(cx, req))?;
    dx.transact(|cx| {
        enqueue(cx, &asked);
        Ok::<_, Fault>(())
    })
    .await?;
    Ok(Answer::from(Noted { status: 202 }).status(202))
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
