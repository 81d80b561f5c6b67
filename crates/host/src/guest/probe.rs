//! Whether virtual machines can run here, and how fast: tried, not believed.

use super::{Ground, Told};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const KVM: &str = "/dev/kvm";
/// A kernel that runs natively is at its first program long before. Where it is not, it never will be: there are
/// machines whose `/dev/kvm` opens, and whose guests hang.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(20);

/// What this machine lacks for virtual machines, in a sentence.
pub fn missing() -> Option<String> {
    Ground::find().err()
}

/// By what virtual machines run here, in words.
///
/// # Errors
/// What is missing for them.
pub fn speed() -> Result<String, String> {
    let ground = Ground::find()?;
    Ok(match kvm(&ground) {
        Ok(()) => "at the speed of the processor (KVM)".into(),
        Err(why) => format!("by translation (TCG), which is slow: {why}"),
    })
}

/// Whether the processor helps; tried once.
pub(crate) fn has_kvm(ground: &Ground) -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| kvm(ground).is_ok())
}

fn kvm(ground: &Ground) -> Result<(), String> {
    let opened = File::options().read(true).write(true).open(KVM);
    opened.map_err(|why| format!("{KVM} cannot be opened ({why})"))?;
    let done = try_guest(ground).map_err(|why| format!("a trial could not be made ({why})"))?;
    match done {
        Some(Ended { code: Some(0), .. }) => Ok(()),
        Some(Ended { said, .. }) => Err(format!("QEMU cannot use {KVM} ({said})")),
        None => {
            Err(format!("{KVM} is there, but a guest did not come up by it within {} s", PATIENCE.as_secs()))
        }
    }
}

/// How a trial ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    code: Option<i32>,
    /// The first line of its errors.
    said: String,
}

/// Runs a guest that switches off at once: how QEMU ended, unless it takes too long.
fn try_guest(ground: &Ground) -> io::Result<Option<Ended>> {
    let told = Told { name: OsStr::new("probe"), init: &[], env: &[], cards: &[] };
    let mut archive = File::from(rustix::fs::memfd_create("archive", rustix::fs::MemfdFlags::CLOEXEC)?);
    archive.write_all(&ground.archive(&told)?)?;
    // It is ours, and QEMU opens it by our name for it.
    let path = format!("/proc/{}/fd/{}", std::process::id(), archive.as_raw_fd());
    let mut command = Command::new(&ground.qemu);
    command
        .args(["-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"])
        .args(["-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "128M"])
        .args(["-append", "quiet panic=-1 reboot=t virga.probe"])
        .arg("-kernel")
        .arg(&ground.kernel)
        .args(["-initrd", &path])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    within(command.spawn()?, PATIENCE)
}

/// How a process ends that does so in time; else it is killed.
fn within(mut child: Child, patience: Duration) -> io::Result<Option<Ended>> {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            let mut said = String::new();
            if let Some(errors) = &mut child.stderr {
                errors.read_to_string(&mut said)?;
            }
            let said = said.lines().next().unwrap_or("it says nothing").to_owned();
            return Ok(Some(Ended { code: status.code(), said }));
        }
        std::thread::sleep(STEP);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_too_long_is_ended() {
        let run = |script: &str, patience| {
            let mut command = Command::new("/bin/sh");
            within(command.args(["-c", script]).stderr(Stdio::piped()).spawn().unwrap(), patience).unwrap()
        };
        let ended = run("echo no >&2; echo really >&2; exit 3", Duration::from_secs(20)).unwrap();
        assert_eq!(ended, Ended { code: Some(3), said: "no".into() });
        assert_eq!(run("kill -9 $$", Duration::from_secs(20)).unwrap().code, None);
        assert_eq!(run("exec sleep 60", Duration::from_millis(50)), None);
    }
}
