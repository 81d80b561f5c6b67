//! What handlers may ask about machines.

use ec2::Plain;
use ec2::plane::DataPlane;
use host::{Driver, HostError};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Of a console's end, as AWS keeps it.
const CONSOLE_BYTES: u64 = 64 << 10;

/// The machines' data plane and where their files are, once there are any.
#[derive(Debug, Default)]
pub struct Machinery {
    found: OnceLock<(Arc<DataPlane>, Option<PathBuf>)>,
    all_virtual: AtomicBool,
}

impl Machinery {
    pub(super) fn set(&self, plane: &Arc<DataPlane>, folder: Option<&PathBuf>) {
        self.found.get_or_init(|| (Arc::clone(plane), folder.cloned()));
    }

    /// Refuses what needs a machine where there can be none, so that it is not accepted only to be undone later.
    ///
    /// # Errors
    /// `Unsupported`, with what this machine lacks.
    pub fn possible(&self) -> Result<(), Plain> {
        self.possible_as(false)
    }

    /// The same of one that may need a kernel of its own.
    ///
    /// # Errors
    /// Those of [`Machinery::possible`].
    pub(super) fn possible_as(&self, virtual_machine: bool) -> Result<(), Plain> {
        let Some((plane, _)) = self.found.get() else { return Ok(()) };
        let (what, lacks) = match plane.driver() {
            Err(HostError::Unable(lacks)) => ("instances", lacks),
            Ok(driver) if virtual_machine => match driver.guests() {
                Err(HostError::Unable(lacks)) => ("virtual machines", lacks),
                _ => return Ok(()),
            },
            // Whatever else is wrong may be better at the next try, which is the reconciler's.
            _ => return Ok(()),
        };
        let help = "`virga doctor` says more";
        Err(Plain::Unsupported(format!("This machine cannot run {what}: {lacks} ({help})")))
    }

    /// Whether a machine can be there that has an address of IPv6 alone. One that boots from a disk asks for its address, and
    /// is answered by IPv4 only.
    ///
    /// # Errors
    /// `UnsupportedOperation`-like, with what is missing.
    pub(super) fn possible_by_ipv6(&self, boots_by_itself: bool) -> Result<(), Plain> {
        if boots_by_itself {
            let what = "A machine that boots from a disk of its own gets no address of IPv6 in this version of Virga.";
            return Err(Plain::Unsupported(what.into()));
        }
        match self.driver() {
            Some(driver) if !driver.has_ipv6() => {
                let what =
                    "This machine cannot run instances with addresses of IPv6 alone: its kernel has no IPv6";
                Err(Plain::Unsupported(what.into()))
            }
            _ => Ok(()),
        }
    }

    /// Every machine that is launched from now on has a kernel of its own.
    pub fn make_all_virtual(&self) {
        self.all_virtual.store(true, Ordering::Relaxed);
    }

    pub(super) fn all_virtual(&self) -> bool {
        self.all_virtual.load(Ordering::Relaxed)
    }

    /// The data plane that machines run on, if it does.
    pub(super) fn driver(&self) -> Option<Arc<dyn Driver>> {
        self.found.get().and_then(|(plane, _)| plane.running())
    }

    /// The end of what a machine has said; `None` where it has never run.
    pub fn console(&self, instance: &str) -> Option<Vec<u8>> {
        self.console_from(instance, 0).map(|(said, _)| said)
    }

    /// What it has said from a place on, or the end of that; and the place to go on from.
    pub fn console_from(&self, instance: &str, from: u64) -> Option<(Vec<u8>, u64)> {
        let (_, folder) = self.found.get()?;
        let mut file = fs::File::open(folder.as_ref()?.join(instance).join("console")).ok()?;
        let length = file.metadata().ok()?.len();
        let from = from.max(length.saturating_sub(CONSOLE_BYTES));
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut said = Vec::new();
        let read = file.take(CONSOLE_BYTES).read_to_end(&mut said).ok()?;
        Some((said, from + read as u64))
    }
}
