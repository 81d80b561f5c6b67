//! The place where functions are run: what the handlers may ask about it.

use super::environments::Environments;
use super::image::pins::Pins;
use super::runtimes::{self, Runtime};
use ec2::plane::DataPlane;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;

/// Where the runtime's interface is.
pub(crate) const API_PORT: u16 = 9001;
/// Where the cloud is found from inside, whatever its own port.
pub(crate) const CLOUD_PORT: u16 = 4566;
/// Where those look who take every address of AWS's for one by HTTPS: CloudFormation's providers do, as AWS's own module does.
const HTTPS_PORT: u16 = 443;

type Enter = Box<dyn Fn(TcpStream) + Send + Sync>;

/// The way from a sandbox to the cloud: takes connections that were made to the sandbox's own ports for it.
#[derive(Default)]
pub struct Door(OnceLock<(u16, Enter)>);

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// Opens it, once: the cloud's own port, and who takes connections.
    pub fn open(&self, port: u16, enter: Enter) {
        let _ = self.0.set((port, enter));
    }

    /// The ports of a sandbox that lead to the cloud. Its own is one of them: links that it gave outside, as queues' are,
    /// are followed inside.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let known = [CLOUD_PORT, HTTPS_PORT];
        let own =
            self.0.get().map(|(port, _)| *port).filter(|port| *port != API_PORT && !known.contains(port));
        known.into_iter().chain(own).collect()
    }

    pub(crate) fn enter(&self, stream: TcpStream) {
        if let Some((_, enter)) = self.0.get() {
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

#[cfg(test)]
mod tests {
    use super::Door;

    #[test]
    fn ports_that_lead_to_the_cloud() {
        for (own, all) in [(4566, &[4566, 443][..]), (4600, &[4566, 443, 4600]), (9001, &[4566, 443])] {
            let door = Door::default();
            assert_eq!(door.ports(), [4566, 443], "it is closed");
            door.open(own, Box::new(drop));
            assert_eq!(door.ports(), all);
        }
    }
}
