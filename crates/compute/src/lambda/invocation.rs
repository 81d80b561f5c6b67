//! One invocation: an environment is found or started, the event handed to it, and what became of it told.

use super::billing;
use super::environments::{self, Slot};
use super::errors::{EXIT, LambdaError};
use super::logs;
use super::model::{self, FUNCTIONS, Function, Version};
use super::name::Named;
use super::ops::account::CONCURRENCY;
use super::sandbox::api::{Init, Job, RESPONSE_MAX, Said};
use super::sandbox::output::Line;
use super::sandbox::{self, Environment};
use super::workshop::Workshop;
use bytes::Bytes;
use kernel::Cloud;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use store::{Direction, Key};
use tokio::sync::oneshot;
use wire::{Fault, Value};

/// AWS: how long a runtime may take until it asks for its first event.
const INIT_MAX: Duration = Duration::from_secs(10);
/// Between two looks at what a function occupies.
const LOOK: Duration = Duration::from_millis(250);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) named: Named,
    pub(crate) request_id: String,
    pub(crate) client_context: Option<String>,
    pub(crate) payload: Bytes,
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

/// A function and the version of it that runs.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    pub(crate) function: Function,
    pub(crate) version: Version,
}

impl Runs {
    /// An environment runs this and nothing else.
    fn key(&self) -> String {
        format!("{} {} {}", self.function.id, self.version.number, self.version.revision)
    }
}

/// How an event ended.
enum End {
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
    let draw = u32::try_from(cloud.rng().below(10_000)).unwrap_or(0);
    let version = model::resolve(&from, named, draw)?;
    let home = (named.account, named.region);
    let others = match function.reserved {
        Some(_) => 0,
        None => {
            let all = FUNCTIONS.scan(&from, &Key::regional(home.0, home.1), Direction::Forward);
            let reserved = all.map(|pair| pair.map(|(_, function)| function.reserved.unwrap_or(0)));
            CONCURRENCY.saturating_sub(reserved.sum::<Result<u32, _>>().map_err(LambdaError::from)?)
        }
    };
    let reason = match function.reserved {
        Some(_) => "ReservedFunctionConcurrentInvocationLimitExceeded",
        None => "ConcurrentInvocationLimitExceeded",
    };
    let slot = environments::slot(workshop, &function.id, home, (function.reserved, others));
    Ok((Runs { function, version }, slot.ok_or_else(|| throttled(reason))?))
}

/// Runs a function for an event.
///
/// # Errors
/// `ResourceNotFoundException`, `TooManyRequestsException`, `ServiceException`
pub(crate) async fn run(cloud: &Arc<Cloud>, asked: Asked) -> Result<Outcome, Fault> {
    let workshop = cloud.memory::<Workshop>();
    let (runs, slot) = admit(cloud, &workshop, &asked)?;
    let key = runs.key();
    loop {
        let warm = workshop.environments.take(&key, cloud.clock().now());
        let is_warm = warm.is_some();
        let environment = match warm {
            Some(environment) => environment,
            None => begin(cloud, &workshop, &runs).await?,
        };
        let early = initialized(&environment).await;
        let begun = Instant::now();
        let end = match early {
            Some(end) => end,
            None => hand_over(cloud, &environment, &runs, &asked).await,
        };
        // One that ended while it waited has not seen the event: another takes it.
        if is_warm && matches!(end, End::Exited(_)) && environment.desk.is_untouched() {
            continue;
        }
        let took = begun.elapsed();
        let healthy = matches!(end, End::Said(Said::Response(_) | Said::Error(_) | Said::TooLarge));
        let outcome = finish(cloud, &environment, &runs, &asked, end, took).await;
        if healthy {
            workshop.environments.put(&key, environment);
        } else {
            environment.kill();
        }
        drop(slot);
        return Ok(outcome);
    }
}

async fn begin(cloud: &Arc<Cloud>, workshop: &Arc<Workshop>, runs: &Runs) -> Result<Arc<Environment>, Fault> {
    let ground = workshop.ground().cloned();
    let ground = ground.ok_or_else(|| LambdaError::Service("The cloud is still starting.".into()))?;
    let (cloud, runs) = (Arc::clone(cloud), runs.clone());
    let start = move || sandbox::start(&cloud, &ground, &runs.function, &runs.version);
    let started = tokio::task::spawn_blocking(start).await;
    let started =
        started.map_err(|_| LambdaError::Service("The environment could not be started.".into()))?;
    Ok(Arc::new(started?))
}

/// Waits until a new environment asks for its first event.
async fn initialized(environment: &Environment) -> Option<End> {
    let mut init = environment.desk.init();
    let mut ended = environment.ended.clone();
    if *init.borrow() == Init::Done {
        return None;
    }
    tokio::select! {
        biased;
        state = init.wait_for(|init| *init != Init::Begun) => match state.map(|state| state.clone()) {
            Ok(Init::Failed(why)) => Some(End::Init(why)),
            _ => {
                let mut known = environment.init.lock().unwrap_or_else(PoisonError::into_inner);
                *known = Some(environment.started.elapsed());
                None
            }
        },
        code = ended.wait_for(Option::is_some) => Some(End::Exited(code.ok().and_then(|code| *code).unwrap_or(-1))),
        () = tokio::time::sleep(INIT_MAX) => Some(End::TimedOut(INIT_MAX)),
    }
}

async fn hand_over(cloud: &Arc<Cloud>, environment: &Arc<Environment>, runs: &Runs, asked: &Asked) -> End {
    let limit = Duration::from_secs(runs.version.timeout.into());
    let deadline = cloud.wall_now().plus(limit);
    let (reply, answer) = oneshot::channel();
    let job = Job {
        request_id: asked.request_id.clone(),
        deadline_millis: deadline.micros() / 1000,
        arn: asked.named.qualified_arn(),
        client_context: asked.client_context.clone(),
        payload: asked.payload.clone(),
        reply,
    };
    let mut ended = environment.ended.clone();
    let watch = async {
        let most = u64::from(runs.version.memory) << 20;
        loop {
            tokio::time::sleep(LOOK).await;
            let looked = Arc::clone(environment);
            let occupied = tokio::task::spawn_blocking(move || looked.memory()).await.unwrap_or(0);
            if occupied > most {
                environment.kill();
            }
        }
    };
    let handled = async {
        environment.desk.put(job).await;
        answer.await
    };
    tokio::select! {
        biased;
        Ok(said) = handled => End::Said(said),
        code = ended.wait_for(Option::is_some) => End::Exited(code.ok().and_then(|code| *code).unwrap_or(-1)),
        () = tokio::time::sleep(limit) => {
            environment.kill();
            End::TimedOut(limit)
        }
        () = watch => End::Exited(-1),
    }
}

fn error(kind: &str, message: &str) -> Bytes {
    let members = [("errorType", kind), ("errorMessage", message)];
    let members = members.map(|(name, text)| (name.to_owned(), Value::str(text)));
    wire::json::text(&Value::Map(members.into())).into()
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
    let mut lines =
        vec![(now.minus(took), format!("START RequestId: {id} Version: {}", runs.version.label()))];
    lines.extend(environment.output.take());
    let (payload, failed) = match end {
        End::Said(Said::Response(payload)) => (payload, false),
        End::Said(Said::Error(payload)) | End::Init(payload) => (payload, true),
        End::Said(Said::TooLarge) => {
            let text = format!(
                "Response payload size exceeded maximum allowed payload size ({RESPONSE_MAX} bytes)."
            );
            (error("Function.ResponseSizeTooLarge", &text), true)
        }
        End::Exited(code) => {
            let text = format!("RequestId: {id} Error: {}", exit(code));
            lines.push((now, text.clone()));
            lines.push((now, EXIT.to_owned()));
            (error(EXIT, &text), true)
        }
        End::TimedOut(limit) => {
            let said = format!("Task timed out after {:.2} seconds", limit.as_secs_f64());
            lines.push((now, format!("{} {id} {said}", now.iso8601_millis())));
            (error("Sandbox.Timedout", &format!("RequestId: {id} Error: {said}")), true)
        }
    };
    let report =
        Report { cloud: Arc::clone(cloud), environment: Arc::clone(environment), runs: runs.clone() };
    let (id, began) = (id.clone(), now.minus(took));
    let written = tokio::task::spawn_blocking(move || report.write(lines, &id, (began, now), took));
    let tail = if asked.tail { written.await.ok() } else { None };
    Outcome { payload, failed, version: runs.version.label(), tail }
}

/// What is needed to tell of an invocation.
struct Report {
    cloud: Arc<Cloud>,
    environment: Arc<Environment>,
    runs: Runs,
}

impl Report {
    /// Ends the log of an invocation and keeps it; gives its text. Blocks.
    fn write(
        self,
        mut lines: Vec<Line>,
        id: &str,
        (began, now): (base::Timestamp, base::Timestamp),
        took: Duration,
    ) -> String {
        let millis = took.as_secs_f64() * 1000.0;
        let used = self.environment.memory().div_ceil(1 << 20);
        billing::count(&self.cloud, &self.runs.function, &self.runs.version, millis.ceil() as u64);
        let init = self
            .environment
            .take_init()
            .map(|init| format!("Init Duration: {:.2} ms\t", init.as_secs_f64() * 1000.0));
        lines.push((now, format!("END RequestId: {id}")));
        lines.push((
            now,
            format!(
                "REPORT RequestId: {id}\tDuration: {millis:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {used} MB\t{}",
                millis.ceil(),
                self.runs.version.memory,
                init.unwrap_or_default(),
            ),
        ));
        lines.iter_mut().for_each(|(time, _)| *time = (*time).clamp(began, now));
        let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        logs::write(&self.cloud, &self.environment, &self.runs, lines);
        text
    }
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
