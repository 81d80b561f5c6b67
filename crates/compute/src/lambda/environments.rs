//! The environments that are warm or provisioned, and how many functions run.

use super::allotment::{Allotment, Failure, Kept, Standing};
use super::invocation::Runs;
use super::provision;
use super::sandbox::Environment;
use super::workshop::Workshop;
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an environment waits for the next event before it goes, by the cloud's clock.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(crate) struct Environments(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By the version that they run, with when they were last used: the last used at the end.
    idle: HashMap<String, Vec<(Arc<Environment>, Timestamp)>>,
    /// Those that are kept ready, by the version that they run.
    provisioned: HashMap<String, Allotment<Environment>>,
    /// How many run, by the function's id.
    running: HashMap<String, Running>,
    /// How many send by an interface of a VPC.
    tethered: HashMap<String, usize>,
    /// How many run of those that have nothing reserved, and are not provisioned.
    unreserved: HashMap<(AccountId, Region), u32>,
    /// How many run of all.
    all: HashMap<(AccountId, Region), u32>,
}

/// How many of a function run.
#[derive(Clone, Copy, Debug, Default)]
struct Running {
    all: u32,
    provisioned: u32,
}

/// How many of a function may run beside those that are provisioned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limits {
    /// Of this function.
    Reserved(u32),
    /// Of all that have nothing reserved.
    Shared(u32),
}

/// A place among those that may run; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    workshop: Arc<Workshop>,
    function: String,
    home: (AccountId, Region),
    /// Of the version.
    key: String,
    unreserved: Option<(AccountId, Region)>,
    environment: Option<Arc<Environment>>,
    /// How many of the function run, this one included.
    pub(crate) at_once: u32,
    /// Of all functions of the account there.
    pub(crate) at_once_of_all: u32,
    /// Of those that have nothing reserved, if it is one of them.
    pub(crate) at_once_of_shared: Option<u32>,
    pub(crate) provisioned: Provisioned,
}

/// Whether an event is for an environment that was provisioned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Provisioned {
    /// The version has none.
    No,
    /// Not for one of those that it has.
    Spilled,
    /// So many are at work, of so many.
    Yes(u32, u32),
}

impl Slot {
    fn is_provisioned(&self) -> bool {
        matches!(self.provisioned, Provisioned::Yes(..))
    }

    /// The provisioned environment that comes with the place.
    pub(crate) fn environment(&mut self) -> Option<Arc<Environment>> {
        self.environment.take()
    }

    /// The environment is there for the next event.
    pub(crate) fn rest(mut self, environment: Arc<Environment>, cloud: &Cloud) {
        let gone = self.end(Some(environment), cloud.clock().now());
        drop(self);
        drop(gone);
    }

    /// The environment is gone.
    pub(crate) fn lose(self, cloud: &Arc<Cloud>) {
        let key = self.is_provisioned().then(|| self.key.clone());
        drop(self);
        if let Some(key) = key {
            // Where no runtime runs any more, no other is needed.
            let _ = provision::tend(cloud, &key);
        }
    }

    /// Gives an environment to those that wait, if nobody has said before what became of it.
    fn end(&mut self, environment: Option<Arc<Environment>>, now: Timestamp) -> Vec<Arc<Environment>> {
        let key = std::mem::take(&mut self.key);
        let mut state = self.workshop.environments.state();
        match (self.is_provisioned(), environment) {
            _ if key.is_empty() => Vec::new(),
            (true, environment) => {
                let Some(allotment) = state.provisioned.get_mut(&key) else {
                    return environment.into_iter().collect();
                };
                let gone = allotment.put(environment, now);
                if allotment.is_over() {
                    state.provisioned.remove(&key);
                }
                gone
            }
            (false, Some(environment)) => {
                state.idle.entry(key).or_default().push((environment, now));
                Vec::new()
            }
            (false, None) => Vec::new(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What is too much has been taken away before: a lost one makes nothing too much.
        let gone = self.end(None, Timestamp::default());
        let mut state = self.workshop.environments.state();
        let is_provisioned = self.is_provisioned();
        if let Some(count) = state.running.get_mut(&self.function) {
            count.all -= 1;
            count.provisioned -= u32::from(is_provisioned);
            if count.all == 0 {
                state.running.remove(&self.function);
            }
        }
        if let Some(count) = state.all.get_mut(&self.home) {
            *count -= 1;
        }
        if let Some(count) = self.unreserved.and_then(|home| state.unreserved.get_mut(&home)) {
            *count -= 1;
        }
        drop(state);
        drop(gone);
    }
}

/// The place of a provisioned environment that begins; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    workshop: Arc<Workshop>,
    key: String,
    pub(crate) runs: Runs,
    is_settled: bool,
}

/// A place for an environment that is provisioned and is not there; `None` where there are enough.
pub(crate) fn place(workshop: &Arc<Workshop>, key: &str, now: Timestamp) -> Option<Place> {
    let mut state = workshop.environments.state();
    let allotment = state.provisioned.get_mut(key)?;
    let runs = allotment.start(now).then(|| allotment.runs.clone())?;
    Some(Place { workshop: Arc::clone(workshop), key: key.to_owned(), runs, is_settled: false })
}

impl Place {
    /// Tells what became of it; gives the next place where one is to be filled.
    pub(crate) fn fill(mut self, made: Result<Arc<Environment>, Failure>, now: Timestamp) -> Option<Place> {
        self.settle(Some(made), now);
        place(&self.workshop, &self.key, now)
    }

    fn settle(&mut self, made: Option<Result<Arc<Environment>, Failure>>, now: Timestamp) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let mut state = self.workshop.environments.state();
        let Some(allotment) = state.provisioned.get_mut(&self.key) else { return };
        let gone = allotment.started(made, now);
        if allotment.is_over() {
            state.provisioned.remove(&self.key);
        }
        drop(state);
        drop(gone);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.settle(None, Timestamp::default());
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
            if environment.is_usable(now) {
                found = Some(environment);
                break;
            }
            gone.push(environment);
        }
        drop(state);
        drop(gone);
        found
    }

    /// Tells what is to be provisioned, all of it, by provision; gives the versions that lack some.
    pub(crate) fn allot(&self, all: Vec<(String, Runs, u32)>, now: Timestamp) -> Vec<String> {
        let mut gone = Vec::new();
        let mut wanted = HashSet::new();
        let mut state = self.state();
        for (provision, runs, share) in all {
            let key = runs.key();
            wanted.insert(key.clone());
            let allotment = state.provisioned.entry(key).or_insert_with(|| Allotment::new(runs));
            gone.extend(allotment.set(&provision, share, now));
        }
        state.provisioned.retain(|key, allotment| {
            if !wanted.contains(key) {
                gone.extend(allotment.set("", 0, now));
            }
            !allotment.is_over()
        });
        let lacking = state.provisioned.iter().filter(|(_, allotment)| allotment.lacks(now));
        let lacking = lacking.map(|(key, _)| key.clone()).collect();
        drop(state);
        drop(gone);
        lacking
    }

    /// How far a provision has come with a version of which there are to be so many.
    pub(crate) fn standing(&self, provision: &str, version: &str, share: u32) -> Standing {
        match self.state().provisioned.get(version) {
            Some(allotment) => allotment.standing(provision, share),
            None => Standing { is_ready: false, held: 0, failure: None },
        }
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

    /// Takes away what ran a function before: what is called so, and not by this key.
    pub(crate) fn outdate(&self, prefix: &str, key: &str) {
        let mut state = self.state();
        let is_old = |name: &String| name.starts_with(prefix) && name != key;
        let gone: Vec<_> = state.idle.extract_if(|name, _| is_old(name)).collect();
        drop(state);
        drop(gone);
    }

    /// Takes away those without anything to do that are of this kind.
    fn clear(&self, which: impl Fn(&Environment) -> bool) {
        let mut gone = Vec::new();
        let mut state = self.state();
        for all in state.idle.values_mut() {
            let left = all.extract_if(.., |(environment, _)| which(environment));
            gone.extend(left.map(|(environment, _)| environment));
        }
        for allotment in state.provisioned.values_mut() {
            gone.extend(allotment.drain(&which));
        }
        drop(state);
        drop(gone);
    }

    /// An interface is to go: takes away what is idle and sends by it; whether some is at work, or still on its way out.
    pub(crate) fn leave(&self, interface: &str) -> bool {
        self.clear(|environment| environment.sends_by(interface));
        self.state().tethered.contains_key(interface)
    }

    /// A root is to go: takes away what is idle and stands on it.
    pub(crate) fn vacate(&self, root: &Path) {
        self.clear(|environment| environment.stands_on(root));
    }

    /// Takes away what has been idle for long.
    pub(crate) fn trim(&self, now: Timestamp) {
        let mut gone = Vec::new();
        let mut state = self.state();
        for all in state.idle.values_mut() {
            let keep = |(environment, since): &(Arc<Environment>, Timestamp)| {
                now.since(*since) < IDLE_MAX && environment.lasts(now)
            };
            gone.extend(all.extract_if(.., |one| !keep(one)));
        }
        state.idle.retain(|_, all| !all.is_empty());
        drop(state);
        drop(gone);
    }
}

/// Takes a place: with a provisioned environment, if there is one, else if not as many run as may.
pub(crate) fn slot(workshop: &Arc<Workshop>, runs: &Runs, limits: Limits, now: Timestamp) -> Option<Slot> {
    let (function, key) = (runs.function.id.clone(), runs.key());
    let home = (runs.function.account, runs.function.region);
    let mut state = workshop.environments.state();
    let (environment, gone, (at_work, share)) = match state.provisioned.get_mut(&key) {
        Some(allotment) => {
            let (environment, gone) = allotment.take(now);
            (environment, gone, allotment.used())
        }
        None => (None, Vec::new(), (0, 0)),
    };
    let provisioned = match environment {
        Some(_) => Provisioned::Yes(at_work, share),
        None if share > 0 => Provisioned::Spilled,
        None => Provisioned::No,
    };
    let running = state.running.get(&function).copied().unwrap_or_default();
    let shared = state.unreserved.get(&home).copied().unwrap_or(0);
    let (may, unreserved) = match limits {
        _ if environment.is_some() => (true, None),
        Limits::Reserved(limit) => (running.all - running.provisioned < limit, None),
        Limits::Shared(limit) => (shared < limit, Some(home)),
    };
    if !may {
        drop(state);
        drop(gone);
        return None;
    }
    let one_more = |counts: &mut HashMap<(AccountId, Region), u32>, home| {
        let count = counts.entry(home).or_default();
        *count += 1;
        *count
    };
    let at_once_of_shared = unreserved.map(|home| one_more(&mut state.unreserved, home));
    let at_once_of_all = one_more(&mut state.all, home);
    let count = state.running.entry(function.clone()).or_default();
    count.all += 1;
    count.provisioned += u32::from(environment.is_some());
    let at_once = count.all;
    drop(state);
    drop(gone);
    let workshop = Arc::clone(workshop);
    Some(Slot {
        workshop,
        function,
        home,
        key,
        unreserved,
        environment,
        at_once,
        at_once_of_all,
        at_once_of_shared,
        provisioned,
    })
}
