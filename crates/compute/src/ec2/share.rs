//! What a machine may take of the one that Virga runs on: what its type has, and no more than there is.

use super::model::Instance;
use super::{cpus, kinds};
use ec2::disk::ROOT;
use host::pace::Common;
use host::{Driver, Guest, HostError, Share};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What a machine has by its type and its options; while its credits are spent, a T type's baseline of processors. `None` for
/// a type that is unknown.
pub(super) fn of(instance: &Instance, at_baseline: bool) -> Option<Share> {
    let kind = kinds::find(&instance.kind)?;
    let whole = cpus::count(instance, kind) * 1_000;
    let millicpus = if at_baseline { kind.baseline().unwrap_or(whole).min(whole) } else { whole };
    Some(Share {
        millicpus: u32::try_from(millicpus).unwrap_or(u32::MAX),
        memory_bytes: u64::try_from(kind.memory_mib).unwrap_or(0) << 20,
    })
}

/// What QEMU and the server of a guest's files have beside the guest's own memory.
const BESIDE_GUEST: u64 = 384 << 20;

/// What a virtual machine is built with: its type's figures, whatever it may take of them.
pub(super) fn of_guest(instance: &Instance) -> Option<Guest> {
    let share = of(instance, false).filter(|_| instance.virtual_machine)?.at_most(host::whole());
    let root = instance.disk.then(|| ROOT.to_owned());
    let interfaces =
        kinds::find(&instance.kind).and_then(|kind| u32::try_from(kind.interfaces).ok()).unwrap_or(1);
    Some(Guest { share, product: instance.kind.clone(), interfaces, root })
}

/// What a machine may take, all together.
pub(super) fn held(instance: &Instance, at_baseline: bool) -> Option<Share> {
    let mut share = of(instance, at_baseline)?.at_most(host::whole());
    if instance.virtual_machine {
        share.memory_bytes = share.memory_bytes.saturating_add(BESIDE_GUEST);
    }
    Some(share)
}

/// Holds a machine to its share; lines for its console about what it does not get, or is not held to.
pub(super) fn hold(driver: &dyn Driver, instance: &Instance, at_baseline: bool) -> Result<String, HostError> {
    let Some(wanted) = of(instance, at_baseline) else { return Ok(String::new()) };
    let here = host::whole();
    let held = held(instance, at_baseline).unwrap_or(here);
    match driver.limit(&instance.id, held) {
        Ok(()) => Ok(capped(&instance.kind, wanted, here)),
        Err(HostError::Unable(what)) => Ok(format!("not held to what {} has: {what}\n", instance.kind)),
        Err(why) => Err(why),
    }
}

/// In a machine's folder: how fast all its volumes may be together.
const PACE: &str = "pace";

/// Says how fast a machine's volumes may be together, where its type says it: where it stands, and it.
pub(super) fn pace(folder: &Path, instance: &Instance) -> io::Result<(Option<PathBuf>, Option<Common>)> {
    let path = folder.join(PACE);
    let Some(rate) = kinds::find(&instance.kind).and_then(kinds::InstanceType::ebs) else {
        return match fs::remove_file(path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
            _ => Ok((None, None)),
        };
    };
    let common = Common::open(&path)?;
    common.set(rate.rate(), host::pace::now())?;
    Ok((Some(path), Some(common)))
}

/// How many bytes the files of a machine may take whose root is so many GiB; a line for its console where nothing holds it
/// to that.
pub(super) fn room(driver: &dyn Driver, size: i64) -> Result<(Option<u64>, String), HostError> {
    match driver.disks() {
        Ok(()) => Ok((Some(size.unsigned_abs() << 30), String::new())),
        Err(HostError::Unable(what)) => {
            Ok((None, format!("its root is not held to its {size} GiB: {what}\n")))
        }
        Err(why) => Err(why),
    }
}

fn capped(kind: &str, wanted: Share, here: Share) -> String {
    let mut lines = String::new();
    for (wanted, here, what) in [
        (u64::from(wanted.millicpus) / 1_000, u64::from(here.millicpus) / 1_000, "vCPUs"),
        (wanted.memory_bytes >> 20, here.memory_bytes >> 20, "MiB of memory"),
    ] {
        if wanted > here {
            lines += &format!("{kind} has {wanted} {what}, this machine {here}: it gets those\n");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ec2::model::Cpus;

    #[test]
    fn a_type_is_its_figures() {
        let figures = |instance: &Instance, at_baseline| {
            of(instance, at_baseline).map(|s| (s.millicpus, s.memory_bytes >> 20))
        };
        let instance = |kind: &str| Instance { kind: kind.into(), ..Instance::default() };
        let of = |kind: &str, at_baseline| figures(&instance(kind), at_baseline);
        assert_eq!(of("m5.2xlarge", false), Some((8_000, 32_768)));
        assert_eq!(of("m5.2xlarge", true), Some((8_000, 32_768)));
        assert_eq!(of("t3.nano", false), Some((2_000, 512)));
        assert_eq!(of("t3.nano", true), Some((100, 512)));
        assert_eq!(of("m1.small", false), None);
        // Fewer, where it was launched with fewer.
        let cpus = Cpus { cores: 1, threads: 1 };
        let few = |kind: &str| Instance { cpus, ..instance(kind) };
        assert_eq!(figures(&few("t3.micro"), false), Some((1_000, 1024)));
        assert_eq!(figures(&few("t3.large"), true), Some((600, 8192)));
    }

    #[test]
    fn what_a_machine_does_not_get_is_said() {
        let here = Share { millicpus: 2_000, memory_bytes: 4 << 30 };
        let wanted = Share { millicpus: 8_000, memory_bytes: 8 << 30 };
        assert_eq!(
            capped("x", wanted, here),
            "x has 8 vCPUs, this machine 2: it gets those\nx has 8192 MiB of memory, this machine 4096: it gets those\n"
        );
        assert_eq!(capped("x", here, here), "");
    }
}
