//! A contestant's process: started, watched through /proc, ended with all that it started.

use crate::contestants::{Contestant, nginx_files};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const END_SECONDS_MAX: u64 = 5;
/// The kernel's accounting unit; 100 per second on every Linux that matters here.
const TICK: Duration = Duration::from_millis(10);

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) started: Instant,
    pub(crate) folder: PathBuf,
}

impl Server {
    /// Starts the program in the folder on a port that was free a moment ago.
    pub(crate) fn start(contestant: &Contestant, program: &Path, folder: &Path) -> Result<Server, String> {
        let fail = |why: std::io::Error| format!("{}: {why}", contestant.name);
        fs::create_dir_all(folder).map_err(fail)?;
        let port = free_port().map_err(fail)?;
        if !contestant.cloud {
            nginx_files(folder, port).map_err(fail)?;
        }
        let folder_text = folder.to_string_lossy();
        let fill = |text: &str| text.replace("{port}", &port.to_string()).replace("{folder}", &folder_text);
        let log = File::create(folder.join("log")).map_err(fail)?;
        let errors = log.try_clone().map_err(fail)?;
        let mut command = Command::new(program);
        command.args(contestant.arguments.iter().map(|text| fill(text)));
        command.envs(contestant.environment.iter().map(|(name, text)| (name, fill(text))));
        command.current_dir(folder).stdin(Stdio::null()).stdout(log).stderr(errors);
        let started = Instant::now();
        let child = command.spawn().map_err(fail)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Server { child, address, started, folder: folder.to_owned() })
    }

    /// Whether the process has ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines that the server wrote, to explain why it did not answer.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// CPU time of the process and its descendants so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stats = self.family().into_iter().filter_map(stat);
        let ticks: u64 = stats.map(|stat| stat.user_ticks + stat.system_ticks).sum();
        TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// Resident memory of the process and its descendants, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.family().into_iter().filter_map(resident).sum()
    }

    /// Resident memory of those of them that run this program: not of what it runs for its users.
    pub(crate) fn own_memory(&self, program: &Path) -> u64 {
        let own = |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
        self.family().into_iter().filter(own).filter_map(resident).sum()
    }

    fn family(&self) -> Vec<u32> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = stat(pid) {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = family.get(next) {
            let of_this = children.remove(pid).unwrap_or_default();
            family.extend(of_this);
            next += 1;
        }
        family
    }

    /// SIGTERM to the process, SIGKILL to what is left of its family after a few seconds.
    pub(crate) fn end(mut self) {
        let family = self.family();
        signal(&family[..1], rustix::process::Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(END_SECONDS_MAX);
        while !self.ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !self.ended() {
            signal(&family, rustix::process::Signal::KILL);
        }
        // Nothing is left to report: the measurement is over.
        let _ = self.child.wait();
    }
}

fn signal(pids: &[u32], signal: rustix::process::Signal) {
    for pid in pids {
        let pid = i32::try_from(*pid).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended a moment ago, which is what we want.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

struct Stat {
    parent: u32,
    user_ticks: u64,
    system_ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// proc(5): the fields after the command, which stands in parentheses and may hold anything: state, parent, ...,
/// utime is the 12th of them and stime the 13th.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(") ")?;
    let field = |index: usize| fields.split(' ').nth(index);
    Some(Stat {
        parent: field(1)?.parse().ok()?,
        user_ticks: field(11)?.parse().ok()?,
        system_ticks: field(12)?.parse().ok()?,
    })
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok().map(|kib: u64| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounting_line_is_read_past_a_hostile_name() {
        let line = "7 (a ) b) S 3 7 7 0 -1 4194560 1 0 0 0 250 17 0 0 20 0 1 0 1 2 3";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.parent, stat.user_ticks, stat.system_ticks), (3, 250, 17));
    }
}
