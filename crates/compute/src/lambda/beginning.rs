//! How environments begin: they are started, or woken, and wait for an event.

use super::errors::LambdaError;
use super::invocation::{End, Runs};
use super::platform;
use super::sandbox::api::Init;
use super::sandbox::{self, Environment};
use super::workshop::Workshop;
use base::Timestamp;
use kernel::Cloud;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use wire::Fault;

/// Why an environment begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// There is an event.
    OnDemand,
    /// So that there is one when there is an event.
    Provisioned,
}

impl Kind {
    /// What functions find in their environment.
    pub(crate) fn initialization(self) -> &'static str {
        match self {
            Kind::OnDemand => "on-demand",
            Kind::Provisioned => "provisioned-concurrency",
        }
    }
}

/// An environment that was at rest.
pub(crate) async fn woken(environment: Arc<Environment>) -> Arc<Environment> {
    if !environment.claim() {
        return environment;
    }
    let woken = Arc::clone(&environment);
    let _ = tokio::task::spawn_blocking(move || woken.wake()).await;
    environment
}

/// Starts an environment, which then begins.
///
/// # Errors
/// `ServiceException`
pub(crate) async fn begin(
    cloud: &Arc<Cloud>,
    workshop: &Arc<Workshop>,
    runs: &Runs,
    kind: Kind,
) -> Result<Arc<Environment>, Fault> {
    let ground = workshop.ground().cloned();
    let ground = ground.ok_or_else(|| LambdaError::Service("The cloud is still starting.".into()))?;
    let (cloud, runs) = (Arc::clone(cloud), runs.clone());
    let start = move || sandbox::start(&cloud, &ground, &runs, kind);
    let started = tokio::task::spawn_blocking(start).await;
    let started =
        started.map_err(|_| LambdaError::Service("The environment could not be started.".into()))?;
    Ok(Arc::new(started?))
}

/// Waits until a new environment asks for its first event.
pub(crate) async fn initialized(
    environment: &Arc<Environment>,
    limit: Duration,
    now: Timestamp,
) -> Option<End> {
    let mut init = environment.desk.init();
    let mut ended = environment.ended.clone();
    let desk = &environment.desk;
    let is_begun = environment.has_begun();
    if is_begun && *init.borrow() == Init::Done && desk.extensions.all_wait() {
        return None;
    }
    let begun = async {
        let state = init.wait_for(|init| *init != Init::Begun).await.map(|state| state.clone());
        if matches!(state, Ok(Init::Done)) {
            desk.settled().await;
        }
        state.map(|_| desk.init().borrow().clone())
    };
    let early = tokio::select! {
        biased;
        state = begun => match state {
            Ok(Init::Failed(why)) => Some(End::Init(why)),
            _ => {
                if !environment.begun.swap(true, Ordering::SeqCst) {
                    let took = environment.started.elapsed();
                    for said in platform::init_done(environment.kind, took) {
                        desk.telemetry.platform(now, &said);
                    }
                    desk.telemetry.begun();
                    *environment.init.lock().unwrap_or_else(PoisonError::into_inner) = Some(took);
                }
                None
            }
        },
        code = ended.wait_for(Option::is_some) => Some(End::Exited(code.ok().and_then(|code| *code).unwrap_or(-1))),
        () = tokio::time::sleep(limit) => Some(End::TimedOut(limit)),
    };
    if early.is_none() {
        let begun = Arc::clone(environment);
        let _ = tokio::task::spawn_blocking(move || begun.settle_down()).await;
    }
    early
}
