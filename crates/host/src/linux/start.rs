//! Starting the host process, and what it takes on a machine.

use super::child::{ENTERED, MAPPED};
use super::frame;
use crate::HostError;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What this machine lacks for a data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// A sentence: what, and what to do.
    pub what: String,
}

/// Tries to start a host process and to make a network in it; the list is empty when all is there.
pub fn missing(command: Command) -> Vec<Missing> {
    let missing = |why: HostError| Missing { what: why.to_string() };
    let probe = super::Linux::start(command).and_then(|linux| linux.plane().probe());
    probe.err().map(missing).into_iter().collect()
}

/// What it lacks for logins to machines by SSH, in a sentence.
pub fn missing_for_logins() -> Option<String> {
    if !Path::new("/usr/sbin/dropbear").exists() {
        return Some("there is no SSH server: install dropbear-bin (it starts nothing here)".into());
    }
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |helper| std::env::split_paths(&path).any(|folder| folder.join(helper).exists());
    let helped = is_there("newuidmap") && is_there("newgidmap");
    let has_ranges = || range("/etc/subuid", uid).is_some() && range("/etc/subgid", uid).is_some();
    if uid == 0 && gid == 0 || helped && has_ranges() {
        return None;
    }
    Some(
        "a login changes its user, and only one user id is ours: install uidmap, and give yourself a range in \
         /etc/subuid and /etc/subgid"
            .into(),
    )
}

/// A host process that is ready.
pub(super) struct Started {
    /// The outer of its two processes.
    pub(super) child: Child,
    pub(super) socket: UnixStream,
    /// Whether the kernel has it.
    pub(super) ipv6: bool,
    /// The inner one's id, in our namespace.
    pub(super) inside: u32,
}

pub(super) fn start(mut command: Command) -> Result<Started, HostError> {
    let refused = |step: &str| {
        let step = step.to_owned();
        move |why| HostError::Refused { step, why }
    };
    let (mut near, far) = UnixStream::pair().map_err(refused("make a socket pair"))?;
    command.stdin(Stdio::from(OwnedFd::from(far))).stdout(Stdio::null());
    let mut child = command.spawn().map_err(refused("start the host process"))?;
    // The other end must be the child's alone, or its end would not be noticed.
    drop(command);
    let mut word = [0];
    if near.read_exact(&mut word).is_err() || word != [ENTERED] {
        return Err(unable(&mut child));
    }
    if let Err(why) = map_ids(child.id()) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(HostError::refused("map ids into the user namespace", why));
    }
    let hello = near.write_all(&[MAPPED]).and_then(|()| frame::receive(&near));
    match hello {
        Ok(Some(frame)) => {
            let inside = inner(child.id()).unwrap_or(child.id());
            Ok(Started { child, socket: near, ipv6: frame.body.first() == Some(&1), inside })
        }
        _ => Err(unable(&mut child)),
    }
}

/// The only child of a process.
fn inner(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Words what the child's exit code says.
fn unable(child: &mut Child) -> HostError {
    let code = child.wait().ok().and_then(|status| status.code());
    let why = code.filter(|code| *code > 100).map(|code| std::io::Error::from_raw_os_error(code - 100));
    let why = why.map_or_else(|| "it ended early".to_owned(), |why| why.to_string());
    HostError::Unable(format!(
        "this machine does not let Virga make namespaces ({why}): allow unprivileged user namespaces \
         (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, \
         kernel.apparmor_restrict_unprivileged_userns=0; in Docker a seccomp profile that allows unshare), or run as root"
    ))
}

/// Root of the new namespace is who we are. Root itself takes all ids along; others those that `newuidmap` gives them,
/// or none.
fn map_ids(pid: u32) -> std::io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if uid == 0 {
        // Which ids there are to give is what our own namespace has.
        let all = |file: &str| {
            let own = fs::read_to_string(format!("/proc/self/{file}"))?;
            let map: String = own.lines().filter_map(identity).collect();
            fs::write(format!("/proc/{pid}/{file}"), map)
        };
        all("uid_map")?;
        return all("gid_map");
    }
    if delegated(pid, uid, gid) {
        return Ok(());
    }
    fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    fs::write(format!("/proc/{pid}/uid_map"), format!("0 {uid} 1"))?;
    fs::write(format!("/proc/{pid}/gid_map"), format!("0 {gid} 1"))
}

/// A line of an id map, mapped to itself.
fn identity(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let (first, count) = (words.next()?, words.nth(1)?);
    Some(format!("{first} {first} {count}\n"))
}

/// The ids that belong to a user (`/etc/subuid`, `/etc/subgid`): the first, and how many.
fn range(file: &str, uid: u32) -> Option<(u32, u32)> {
    let text = fs::read_to_string(file).ok()?;
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let who = fields.next()?;
        let ours = Some(who) == name.as_deref() || who == uid.to_string();
        let (first, count): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        ours.then_some((first, count))
    })
}

/// Whether the system's helpers have mapped a range of ids that belongs to us.
fn delegated(pid: u32, uid: u32, gid: u32) -> bool {
    let map = |helper: &str, own: u32, (first, count): (u32, u32)| {
        let args = [
            "0".to_owned(),
            own.to_string(),
            "1".to_owned(),
            "1".to_owned(),
            first.to_string(),
            count.to_string(),
        ];
        let mut command = Command::new(helper);
        command
            .arg(pid.to_string())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    match (range("/etc/subuid", uid), range("/etc/subgid", uid)) {
        // The group map first: when it fails, nothing is mapped yet and the plain way is still open.
        (Some(uids), Some(gids)) => map("newgidmap", gid, gids) && map("newuidmap", uid, uids),
        _ => false,
    }
}
