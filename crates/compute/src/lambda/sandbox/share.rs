//! What an environment may take of this machine: by its memory, as AWS gives it.
//!
//! It is told once when the sandbox is made, and once when it has begun: a beginning has all processors, as it is short and
//! somebody waits for it. No event pays for a limit.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>

use crate::lambda::model::Version;
use host::{Driver, HostError, Share};

/// So much memory, in MB, comes with one processor.
const WHOLE_PROCESSOR: u64 = 1769;

/// What a version has, once it has begun. What it keeps in its `/tmp` is memory here, and must not be taken from its own:
/// that is watched beside this.
pub(super) fn of(version: &Version) -> Share {
    let millicpus = u64::from(version.memory) * 1_000 / WHOLE_PROCESSOR;
    Share {
        millicpus: u32::try_from(millicpus).unwrap_or(u32::MAX),
        memory_bytes: (u64::from(version.memory) + u64::from(version.storage)) << 20,
    }
    .at_most(host::whole())
}

/// What it has until then.
pub(super) fn beginning(share: Share) -> Share {
    Share { millicpus: host::whole().millicpus, ..share }
}

/// Holds a sandbox to a share, where this machine has control groups (`virga doctor` tells where it has none).
pub(super) fn hold(driver: &dyn Driver, machine: &str, share: Share) -> Result<(), HostError> {
    match driver.limit(machine, share) {
        Err(HostError::Unable(_)) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_follow_the_memory() {
        let here = host::whole();
        let of = |memory, storage| of(&Version { memory, storage, ..Version::default() });
        assert_eq!(of(128, 512), Share { millicpus: 72, memory_bytes: 640 << 20 });
        assert_eq!(of(885, 512).millicpus, 500);
        assert_eq!(of(1769, 512).millicpus, 1_000);
        assert_eq!(of(10_240, 10_240).millicpus, here.millicpus.min(5_788));
        let begins = beginning(of(128, 512));
        assert_eq!((begins.millicpus, begins.memory_bytes), (here.millicpus, 640 << 20));
    }
}
