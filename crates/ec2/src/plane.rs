//! The one data plane that networks and machines are made real by. It is started with the first that needs it: who only
//! describes networks runs none.

use host::{Driver, HostError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a data plane is started.
pub type Start = Box<dyn Fn() -> Result<Arc<dyn Driver>, HostError> + Send + Sync>;

/// A data plane that may not run yet.
pub struct DataPlane {
    start: Start,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    driver: Option<Arc<dyn Driver>>,
    /// This machine cannot; said once.
    unable: bool,
}

impl std::fmt::Debug for DataPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataPlane").finish_non_exhaustive()
    }
}

impl DataPlane {
    pub fn new(start: Start) -> DataPlane {
        DataPlane { start, state: Mutex::new(State::default()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The running data plane; started if it is not.
    ///
    /// # Errors
    /// What this machine lacks for one.
    pub fn driver(&self) -> Result<Arc<dyn Driver>, HostError> {
        let mut state = self.state();
        if let Some(driver) = &state.driver {
            return Ok(Arc::clone(driver));
        }
        let driver = (self.start)()?;
        state.driver = Some(Arc::clone(&driver));
        Ok(driver)
    }

    /// The data plane if it runs.
    pub fn running(&self) -> Option<Arc<dyn Driver>> {
        self.state().driver.clone()
    }

    /// Forgets one that has ended: the next that needs it starts another.
    pub fn ended(&self) {
        self.state().driver = None;
    }

    /// Whether it is the first time that this machine turns out to be unable.
    pub fn first_refusal(&self) -> bool {
        !std::mem::replace(&mut self.state().unable, true)
    }
}
