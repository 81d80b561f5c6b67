//! One invocation: an environment is found or started, the event handed to it, and what became of it told.

use super::beginning::{self, Kind};
use super::environments::{self, Limits, Slot};
use super::errors::{EXIT, LambdaError, is_of_function, is_recursive, is_throttled};
use super::hot;
use super::image;
use super::lineage::{Chain, RUNS_MAX};
use super::metering;
use super::model::{self, FUNCTIONS, Function, Version};
use super::name::Named;
use super::ops::account::CONCURRENCY;
use super::platform::{self, Status};
use super::provision;
use super::report::{self, Report, Told};
use super::sandbox::Environment;
use super::sandbox::api::{Job, Piece, RESPONSE_MAX, Said, Streams};
use super::sandbox::end::Reason;
use super::workshop::Workshop;
use bytes::{Bytes, BytesMut};
use kernel::Cloud;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Direction, Key};
use tokio::sync::{mpsc, oneshot};
use wire::{Fault, Value};

/// AWS: how long a runtime may take until it asks for its first event.
const INIT_MAX: Duration = Duration::from_secs(10);
/// AWS: the quotas of the developer guide: of a response that is streamed.
const STREAM_MAX: usize = 200 << 20;
/// Between two looks at what a function occupies.
const LOOK: Duration = Duration::from_millis(250);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) named: Named,
    pub(crate) request_id: String,
    pub(crate) client_context: Option<String>,
    pub(crate) payload: Bytes,
    /// The chain of requests that it belongs to.
    pub(crate) chain: Option<String>,
    /// Whether the end of the log is wanted.
    pub(crate) tail: bool,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) payload: Bytes,
    pub(crate) failed: bool,
    pub(crate) version: String,
    pub(crate) tail: Option<String>,
}

/// What is heard of a response while it is said.
#[derive(Debug)]
pub(crate) enum Heard {
    Head(Head),
    Bytes(Bytes),
}

/// A response begins.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) content_type: Option<String>,
    /// Of the function, that says it.
    pub(crate) version: String,
}

/// A response that may be said piece by piece.
#[derive(Debug)]
pub(crate) enum Begun {
    Whole(Outcome),
    Streaming {
        head: Head,
        pieces: mpsc::Receiver<Heard>,
        /// What became of it, once no more pieces come.
        outcome: oneshot::Receiver<Result<Outcome, Fault>>,
    },
}

/// A function and the version of it that runs.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    pub(crate) function: Function,
    pub(crate) version: Version,
}

impl Runs {
    /// An environment runs this and nothing else.
    pub(crate) fn key(&self) -> String {
        let image = self.version.image.as_ref().map_or("", |image| &image.digest);
        format!("{} {} {} {image}", self.function.id, self.version.number, self.version.revision)
    }
}

/// What is said where an extension has ended.
const CRASH: &str = "Extension.Crash";

/// How an event ended.
pub(crate) enum End {
    Said(Said),
    Init(Bytes),
    Exited(i32),
    TimedOut(Duration),
}

fn throttled(reason: &str) -> Fault {
    Fault::from(LambdaError::Throttled).with("Reason", Value::str(reason))
}

/// Finds what is to run, and whether it may now.
fn admit(cloud: &Arc<Cloud>, workshop: &Arc<Workshop>, asked: &Asked) -> Result<(Runs, Slot), Fault> {
    let from = cloud.store().snapshot();
    let named = &asked.named;
    let function = model::function(&from, named)?;
    if !function.loops && Chain::read(asked.chain.as_deref()).runs(&function.arn()) >= RUNS_MAX {
        return Err(LambdaError::Recursive.into());
    }
    let draw = u32::try_from(cloud.rng().below(10_000)).unwrap_or(0);
    let mut version = image::running(&from, model::resolve(&from, named, draw)?)?;
    hot::refresh(workshop, &function, &mut version);
    let home = (named.account, named.region);
    // AWS: what is provisioned is taken from what is reserved, else from what the account's functions share.
    let (own, provisioned) = provision::totals(&from, home, &function.name)?;
    let limits = match function.reserved {
        Some(reserved) => Limits::Reserved(reserved.saturating_sub(own)),
        None => {
            let all = FUNCTIONS.scan(&from, &Key::regional(home.0, home.1), Direction::Forward);
            let reserved = all.map(|pair| pair.map(|(_, function)| function.reserved.unwrap_or(0)));
            let reserved = reserved.sum::<Result<u32, _>>().map_err(LambdaError::from)?;
            Limits::Shared(CONCURRENCY.saturating_sub(reserved.saturating_add(provisioned)))
        }
    };
    let reason = match function.reserved {
        Some(_) => "ReservedFunctionConcurrentInvocationLimitExceeded",
        None => "ConcurrentInvocationLimitExceeded",
    };
    let runs = Runs { function, version };
    let slot = environments::slot(workshop, &runs, limits, cloud.clock().now());
    Ok((runs, slot.ok_or_else(|| throttled(reason))?))
}

/// Runs a function for an event.
///
/// # Errors
/// `ResourceNotFoundException`, `TooManyRequestsException`, `ServiceException`
pub(crate) async fn run(cloud: &Arc<Cloud>, asked: Asked) -> Result<Outcome, Fault> {
    run_to(cloud, asked, None).await
}

/// As [`run`], for a caller that takes the response while it is said. The function goes on where the caller does not.
///
/// # Errors
/// Those of [`run`].
pub(crate) async fn stream(cloud: &Arc<Cloud>, asked: Asked) -> Result<Begun, Fault> {
    let (out, mut pieces) = mpsc::channel(1);
    let (tell, mut outcome) = oneshot::channel();
    let cloud = Arc::clone(cloud);
    tokio::spawn(async move {
        let _ = tell.send(run_to(&cloud, asked, Some(out)).await);
    });
    tokio::select! {
        biased;
        Some(Heard::Head(head)) = pieces.recv() => Ok(Begun::Streaming { head, pieces, outcome }),
        done = &mut outcome => match done {
            Ok(done) => done.map(Begun::Whole),
            Err(_) => Err(LambdaError::Service("The function could not be run.".into()).into()),
        },
    }
}

async fn run_to(
    cloud: &Arc<Cloud>,
    asked: Asked,
    out: Option<mpsc::Sender<Heard>>,
) -> Result<Outcome, Fault> {
    let workshop = cloud.memory::<Workshop>();
    loop {
        let (runs, mut slot) = admit(cloud, &workshop, &asked).inspect_err(|fault| {
            if is_throttled(fault) {
                metering::throttled(cloud, &asked.named);
            } else if is_recursive(fault) {
                metering::dropped(cloud, &asked.named);
            }
        })?;
        let warm =
            slot.environment().or_else(|| workshop.environments.take(&runs.key(), cloud.clock().now()));
        let is_warm = warm.is_some();
        let environment = match warm {
            Some(environment) => beginning::woken(environment).await,
            None => match beginning::begin(cloud, &workshop, &runs, Kind::OnDemand).await {
                Err(fault) if is_of_function(&fault) => {
                    let of = (&asked.named, runs.version.label());
                    metering::ran(cloud, (of.0, &of.1), Duration::ZERO, true, &slot);
                    return Ok(not_begun(cloud, &runs, &asked, &fault).await);
                }
                begun => begun?,
            },
        };
        let early = beginning::initialized(&environment, INIT_MAX, cloud.clock().now()).await;
        let begun = Instant::now();
        let end = match early {
            Some(end) => end,
            None => hand_over(cloud, &environment, &runs, &asked, out.as_ref()).await,
        };
        // One that ended while it waited has not seen the event: another takes it.
        if is_warm && matches!(end, End::Exited(_)) && environment.desk.is_untouched() {
            environment.fail(Reason::Failure);
            continue;
        }
        let took = match end {
            // AWS: what ran out of its time took all of it, and no more.
            End::TimedOut(limit) if environment.has_begun() => limit,
            _ => begun.elapsed(),
        };
        let healthy = matches!(end, End::Said(_));
        let why = if matches!(end, End::TimedOut(_)) { Reason::Timeout } else { Reason::Failure };
        let outcome = finish(cloud, &environment, &runs, &asked, end, took).await;
        metering::ran(cloud, (&asked.named, &outcome.version), took, outcome.failed, &slot);
        if !healthy {
            environment.fail(why);
            slot.lose(cloud);
        } else if environment.desk.extensions.is_empty() {
            environment.rest();
            slot.rest(environment, cloud);
        } else {
            let left = Duration::from_secs(runs.version.timeout.into()).saturating_sub(took);
            tokio::spawn(settle(Arc::clone(cloud), slot, environment, left));
        }
        return Ok(outcome);
    }
}

/// The answer where the function's own program cannot be started.
async fn not_begun(cloud: &Arc<Cloud>, runs: &Runs, asked: &Asked, fault: &Fault) -> Outcome {
    let (id, why) = (asked.request_id.clone(), fault.clone());
    let payload = error(&why.code, &format!("RequestId: {id} Error: {}", why.message));
    let (cloud, of) = (Arc::clone(cloud), runs.clone());
    let written = tokio::task::spawn_blocking(move || report::not_begun(&cloud, &of, &id, &why));
    let tail = if asked.tail { written.await.ok() } else { None };
    Outcome { payload, failed: true, version: runs.version.label(), tail }
}

/// Waits until the extensions have done with an event, too.
async fn settle(cloud: Arc<Cloud>, slot: Slot, environment: Arc<Environment>, left: Duration) {
    let settled = tokio::time::timeout(left, environment.desk.settled()).await.is_ok();
    if settled && !environment.desk.is_spoiled() {
        environment.rest();
        slot.rest(environment, &cloud);
    } else {
        environment.fail(if settled { Reason::Failure } else { Reason::Timeout });
        slot.lose(&cloud);
    }
}

/// Takes a response that is said piece by piece: to whoever listens, else as a whole.
async fn gather(mut streams: Streams, version: String, out: Option<&mpsc::Sender<Heard>>) -> Said {
    let limit = if out.is_some() { STREAM_MAX } else { RESPONSE_MAX };
    let (mut whole, mut length) = (BytesMut::new(), 0);
    if let Some(out) = out {
        let _ = out.send(Heard::Head(Head { content_type: streams.content_type.take(), version })).await;
    }
    loop {
        match streams.pieces.recv().await {
            Some(Piece::Bytes(bytes)) => {
                length += bytes.len();
                match out {
                    _ if length > limit => return Said::TooLarge(limit),
                    // Who has gone away keeps no function from its end.
                    Some(out) => drop(out.send(Heard::Bytes(bytes)).await),
                    None => whole.extend_from_slice(&bytes),
                }
            }
            Some(Piece::End) => return Said::Response(whole.freeze()),
            Some(Piece::Failed(problem)) => return Said::Error(problem),
            None => return Said::Error(error("Runtime.TruncatedResponse", "The response was cut off.")),
        }
    }
}

async fn hand_over(
    cloud: &Arc<Cloud>,
    environment: &Arc<Environment>,
    runs: &Runs,
    asked: &Asked,
    out: Option<&mpsc::Sender<Heard>>,
) -> End {
    let limit = Duration::from_secs(runs.version.timeout.into());
    let deadline = cloud.wall_now().plus(limit);
    let (reply, answer) = oneshot::channel();
    let job = Job {
        request_id: asked.request_id.clone(),
        deadline_millis: deadline.micros() / 1000,
        arn: asked.named.qualified_arn(),
        trace: Chain::read(asked.chain.as_deref()).with(
            &runs.function.arn(),
            &asked.request_id,
            cloud.clock().now(),
        ),
        client_context: asked.client_context.clone(),
        payload: asked.payload.clone(),
        reply,
    };
    let said = platform::start(&asked.request_id, &runs.version.label());
    environment.desk.telemetry.platform(cloud.clock().now(), &said);
    let mut ended = environment.ended.clone();
    let watch = async {
        let most = u64::from(runs.version.memory) << 20;
        loop {
            tokio::time::sleep(LOOK).await;
            let looked = Arc::clone(environment);
            let occupied = tokio::task::spawn_blocking(move || looked.memory()).await.unwrap_or(0);
            if occupied > most {
                environment.fail(Reason::Failure);
            }
        }
    };
    let handled = async {
        environment.desk.put(job).await;
        match answer.await {
            Ok(Said::Streams(streams)) => Ok(gather(streams, runs.version.label(), out).await),
            said => said,
        }
    };
    tokio::select! {
        biased;
        Ok(said) = handled => End::Said(said),
        code = ended.wait_for(Option::is_some) => End::Exited(code.ok().and_then(|code| *code).unwrap_or(-1)),
        () = tokio::time::sleep(limit) => {
            environment.fail(Reason::Timeout);
            End::TimedOut(limit)
        }
        () = watch => End::Exited(-1),
    }
}

/// The type that an error of a runtime tells.
fn kind_of(payload: &[u8]) -> Option<String> {
    let told = wire::json::read(std::str::from_utf8(payload).ok()?)?;
    told.entry("errorType").and_then(Value::as_str).map(str::to_owned)
}

/// As the line of a beginning that failed has it.
fn failed_as(kind: Option<&str>) -> String {
    format!("Status: error\tError Type: {}", kind.unwrap_or("Runtime.Unknown"))
}

fn error(kind: &str, message: &str) -> Bytes {
    let members = [("errorType", kind), ("errorMessage", message)];
    wire::json::text(&Value::map(members.map(|(name, text)| (name, Value::str(text))))).into()
}

/// What a process's end is called.
fn exit(code: i32) -> String {
    match code {
        0 => "Runtime exited without providing a reason".to_owned(),
        137 => "Runtime exited with error: signal: killed".to_owned(),
        code => format!("Runtime exited with error: exit status {code}"),
    }
}

/// The answer to the caller, and the log.
async fn finish(
    cloud: &Arc<Cloud>,
    environment: &Arc<Environment>,
    runs: &Runs,
    asked: &Asked,
    end: End,
    took: Duration,
) -> Outcome {
    let id = &asked.request_id;
    let now = cloud.clock().now();
    let (lines, crashed) = environment.said();
    let mut problem = Vec::new();
    let init = match &end {
        _ if environment.has_begun() => None,
        End::TimedOut(_) => Some("Status: timeout".to_owned()),
        End::Init(payload) => Some(failed_as(kind_of(payload).as_deref())),
        _ if crashed.is_some() => Some(failed_as(Some(CRASH))),
        _ => Some(failed_as(Some(EXIT))),
    };
    let status = match &end {
        End::Said(Said::Response(_) | Said::Streams(_)) => Status::Success,
        End::Said(_) | End::Init(_) => Status::Error,
        End::Exited(_) => Status::Failure,
        End::TimedOut(_) => Status::Timeout,
    };
    let (payload, failed) = match end {
        End::Said(Said::Response(payload)) => (payload, false),
        End::Said(Said::Error(payload)) | End::Init(payload) => (payload, true),
        End::Said(Said::TooLarge(limit)) => {
            let text =
                format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
            (error("Function.ResponseSizeTooLarge", &text), true)
        }
        // They were gathered.
        End::Said(Said::Streams(_)) => (Bytes::new(), false),
        End::Exited(code) => {
            let (kind, why) = match crashed {
                Some(code) => (CRASH, format!("exit status {code}")),
                None => (EXIT, exit(code)),
            };
            let text = format!("RequestId: {id} Error: {why}");
            problem.extend([text.clone(), kind.to_owned()]);
            (error(kind, &text), true)
        }
        End::TimedOut(limit) => {
            let said = format!("Task timed out after {:.2} seconds", limit.as_secs_f64());
            problem.push(format!("{} {id} {said}", now.iso8601_millis()));
            (error("Sandbox.Timedout", &format!("RequestId: {id} Error: {said}")), true)
        }
    };
    let report =
        Report { cloud: Arc::clone(cloud), environment: Arc::clone(environment), runs: runs.clone() };
    let (id, began, told) = (id.clone(), now.minus(took), Told { lines, problem, status, init });
    let written = tokio::task::spawn_blocking(move || report.write(told, &id, (began, now), took));
    let tail = if asked.tail { written.await.ok() } else { None };
    Outcome { payload, failed, version: runs.version.label(), tail }
}

#[cfg(test)]
mod tests {
    use super::{error, exit};

    #[test]
    fn ends_have_aws_words() {
        assert_eq!(exit(1), "Runtime exited with error: exit status 1");
        assert_eq!(exit(137), "Runtime exited with error: signal: killed");
        assert_eq!(error("A", "b\"c"), r#"{"errorType":"A","errorMessage":"b\"c"}"#);
    }
}
