//! The place where functions are run: what the handlers may ask about it.

use super::environments::Environments;
use super::image::pins::Pins;
use super::runtimes::{self, Runtime};
use ec2::plane::DataPlane;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;

/// The way from a sandbox to the cloud: takes connections that were made to the sandbox's own port for it.
#[derive(Default)]
pub struct Door(OnceLock<Box<dyn Fn(TcpStream) + Send + Sync>>);

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// Opens it, once.
    pub fn open(&self, enter: Box<dyn Fn(TcpStream) + Send + Sync>) {
        let _ = self.0.set(enter);
    }

    pub(crate) fn enter(&self, stream: TcpStream) {
        if let Some(enter) = self.0.get() {
            enter(stream);
        }
    }
}

/// What functions are run with.
#[derive(Clone, Debug)]
pub struct Ground {
    pub plane: Arc<DataPlane>,
    /// Where their code is unpacked; `None` where their sandboxes are simulated.
    pub folder: Option<PathBuf>,
    pub door: Arc<Door>,
    /// Folders below may be code that changes; `None`: none may.
    pub hot: Option<PathBuf>,
    /// Whom functions in customers' networks trust there: the cloud.
    pub authority: Arc<crate::ec2::work::Trust>,
}

/// The ground of one cloud, once it is known, and what runs on it.
#[derive(Debug, Default)]
pub struct Workshop {
    ground: OnceLock<Ground>,
    pub(crate) environments: Environments,
    /// The images that they stand on.
    pub(crate) pins: Arc<Pins>,
}

impl Workshop {
    pub fn set(&self, ground: &Ground) {
        let _ = self.ground.set(ground.clone());
    }

    pub(crate) fn ground(&self) -> Option<&Ground> {
        self.ground.get()
    }

    /// Which runtimes functions may have.
    pub(crate) fn runtimes(&self) -> Vec<Runtime> {
        match self.ground.get() {
            Some(Ground { folder: Some(_), .. }) => runtimes::here().to_vec(),
            _ => runtimes::all(),
        }
    }
}
