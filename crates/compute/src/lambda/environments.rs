//! The environments that are warm, and how many functions run.

use super::sandbox::Environment;
use base::{AccountId, Region, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an environment waits for the next event before it goes.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(300);
/// Credentials must last longer than any event may take.
const CREDENTIALS_LEFT: Duration = Duration::from_secs(900 + 60);

#[derive(Debug, Default)]
pub(crate) struct Environments(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By the version that they run: the last used at the end.
    idle: HashMap<String, Vec<(Arc<Environment>, Instant)>>,
    /// How many run, by the function's id.
    running: HashMap<String, u32>,
    /// How many send by an interface of a VPC.
    tethered: HashMap<String, usize>,
    /// How many run of those that have nothing reserved.
    unreserved: HashMap<(AccountId, Region), u32>,
}

/// A place among those that may run; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    workshop: Arc<super::workshop::Workshop>,
    function: String,
    unreserved: Option<(AccountId, Region)>,
    /// How many of the function run, this one included.
    pub(crate) at_once: u32,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.workshop.environments.state();
        if let Some(count) = state.running.get_mut(&self.function) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(&self.function);
            }
        }
        if let Some(count) = self.unreserved.and_then(|home| state.unreserved.get_mut(&home)) {
            *count -= 1;
        }
    }
}

impl Environments {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A warm environment of that version, if there is one whose credentials last.
    pub(crate) fn take(&self, version: &str, now: Timestamp) -> Option<Arc<Environment>> {
        let mut gone = Vec::new();
        let mut state = self.state();
        let all = state.idle.get_mut(version)?;
        let mut found = None;
        while let Some((environment, _)) = all.pop() {
            let lasts = environment.expires > now.plus(CREDENTIALS_LEFT);
            if environment.is_running() && lasts && environment.is_linked() {
                found = Some(environment);
                break;
            }
            gone.push(environment);
        }
        drop(state);
        drop(gone);
        found
    }

    /// Gives one back.
    pub(crate) fn put(&self, version: &str, environment: Arc<Environment>) {
        self.state().idle.entry(version.to_owned()).or_default().push((environment, Instant::now()));
    }

    /// One more sends by an interface.
    pub(crate) fn enter(&self, interface: &str) {
        *self.state().tethered.entry(interface.to_owned()).or_default() += 1;
    }

    /// One less does.
    pub(crate) fn left(&self, interface: &str) {
        let mut state = self.state();
        if let Some(count) = state.tethered.get_mut(interface) {
            *count -= 1;
            if *count == 0 {
                state.tethered.remove(interface);
            }
        }
    }

    /// An interface is to go: takes away what is idle and sends by it; whether some is at work, or still on its way out.
    pub(crate) fn leave(&self, interface: &str) -> bool {
        let mut gone = Vec::new();
        let mut state = self.state();
        for all in state.idle.values_mut() {
            gone.extend(all.extract_if(.., |(environment, _)| environment.sends_by(interface)));
        }
        drop(state);
        drop(gone);
        self.state().tethered.contains_key(interface)
    }

    /// Takes away what has been idle for long; whether there is something left.
    pub(crate) fn trim(&self, now: Timestamp) -> bool {
        let mut gone = Vec::new();
        let mut state = self.state();
        for all in state.idle.values_mut() {
            let keep = |(environment, since): &(Arc<Environment>, Instant)| {
                since.elapsed() < IDLE_MAX
                    && environment.is_running()
                    && environment.expires > now.plus(CREDENTIALS_LEFT)
            };
            gone.extend(all.extract_if(.., |one| !keep(one)));
        }
        state.idle.retain(|_, all| !all.is_empty());
        let left = !state.idle.is_empty();
        drop(state);
        drop(gone);
        left
    }
}

/// Takes a place; `None` where as many run as may. `limit`: of this function, where it has reserved some, else of all
/// that have not.
pub(crate) fn slot(
    workshop: &Arc<super::workshop::Workshop>,
    function: &str,
    home: (AccountId, Region),
    (reserved, others): (Option<u32>, u32),
) -> Option<Slot> {
    let mut state = workshop.environments.state();
    let running = state.running.get(function).copied().unwrap_or(0);
    let unreserved = match reserved {
        Some(limit) if running >= limit => return None,
        Some(_) => None,
        None if state.unreserved.get(&home).copied().unwrap_or(0) >= others => return None,
        None => {
            *state.unreserved.entry(home).or_default() += 1;
            Some(home)
        }
    };
    *state.running.entry(function.to_owned()).or_default() += 1;
    let (workshop, function) = (Arc::clone(workshop), function.to_owned());
    Some(Slot { workshop, function, unreserved, at_once: running + 1 })
}
