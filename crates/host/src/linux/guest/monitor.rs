//! How the keeper speaks with QEMU (QMP): lines of JSON, of which few words matter.

use super::cards::News;
use super::disks::held;
use crate::guest::{Card, card_name, json, mac, served};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The line to QEMU, and the disks that it has or is given.
#[derive(Debug)]
pub(super) struct Monitor {
    line: UnixStream,
    disks: Mutex<BTreeMap<String, PathBuf>>,
    orders: Arc<Mutex<UnixStream>>,
    /// Who keeps its interfaces hears what has become of them.
    news: Sender<News>,
}

fn command(name: &str, arguments: &[(&str, String)], id: &str) -> String {
    let all: Vec<String> = arguments.iter().map(|(name, value)| format!("{}: {value}", json(name))).collect();
    let arguments = all.join(", ");
    format!("{{\"execute\": {}, \"arguments\": {{{arguments}}}, \"id\": {}}}\n", json(name), json(id))
}

/// What QEMU said that matters: about which disk.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    /// The guest has let go of it.
    Deleted(&'a str),
    /// And of an interface, by its port.
    Unwired(usize),
    /// QEMU has closed its file.
    Closed(&'a str),
    Refused(&'a str),
    Else,
}

/// The text after a name in a line of QEMU's.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("\"{name}\": \""))?;
    rest.split('"').next()
}

fn read(line: &str) -> Said<'_> {
    match (value(line, "event"), value(line, "id"), value(line, "device")) {
        (Some("DEVICE_DELETED"), _, Some(device)) => match device.strip_prefix("card").map(str::parse) {
            Some(Ok(port)) => Said::Unwired(port),
            _ => Said::Deleted(device),
        },
        (None, Some(id), _) if line.contains("\"error\": ") => Said::Refused(id),
        (None, Some(id), _) => id.strip_prefix("close ").map_or(Said::Else, Said::Closed),
        _ => Said::Else,
    }
}

impl Monitor {
    /// Begins to listen to QEMU.
    pub(super) fn start(
        line: UnixStream,
        orders: Arc<Mutex<UnixStream>>,
        news: Sender<News>,
    ) -> io::Result<Arc<Monitor>> {
        let monitor = Arc::new(Monitor { line, disks: Mutex::default(), orders, news });
        monitor.say(&command("qmp_capabilities", &[], "begin"))?;
        let listens = Arc::clone(&monitor);
        thread::Builder::new().name("monitor".into()).spawn(move || listens.listen())?;
        Ok(monitor)
    }

    fn say(&self, words: &str) -> io::Result<()> {
        (&self.line).write_all(words.as_bytes())
    }

    fn listen(&self) {
        for line in BufReader::new(&self.line).lines().map_while(Result::ok) {
            match read(&line) {
                Said::Deleted(disk) => {
                    let closes =
                        command("blockdev-del", &[("node-name", json(disk))], &format!("close {disk}"));
                    let _ = self.say(&closes);
                }
                Said::Closed(disk) => {
                    let mut disks = self.disks.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(path) = disks.remove(disk) {
                        let _ = fs::remove_file(held(&path));
                    }
                    self.tell("disks");
                }
                Said::Unwired(port) => {
                    let gone = [("id", json(&format!("net{port}")))];
                    let _ = self.say(&command("netdev_del", &gone, &format!("unwire {port}")));
                    let _ = self.news.send(News::Gone(port));
                }
                // Asked again it refuses while the guest has not answered: that is no news.
                Said::Refused(id) if !id.starts_with("pull ") => eprintln!("virga: {line}"),
                _ => {}
            }
        }
    }

    /// Tells the guest.
    pub(super) fn tell(&self, order: &str) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(orders, "{order}");
    }

    /// Plugs a disk in, known as a device.
    pub(super) fn plug(&self, disk: &str, path: PathBuf, device: &str) -> io::Result<()> {
        let number = disk.trim_start_matches("disk");
        let name = device.trim_start_matches("/dev/");
        let opened = [("driver", json("raw")), ("node-name", json(disk)), ("file", served(&path))];
        let plugged = [
            ("driver", json("nvme")),
            ("id", json(disk)),
            ("drive", json(disk)),
            ("bus", json(&format!("port{number}"))),
            ("serial", json(name)),
        ];
        self.disks.lock().unwrap_or_else(PoisonError::into_inner).insert(disk.to_owned(), path);
        self.say(&command("blockdev-add", &opened, &format!("open {disk}")))?;
        self.say(&command("device_add", &plugged, &format!("plug {disk}")))?;
        self.tell(&format!("disk {name}"));
        Ok(())
    }

    /// Plugs an interface in at a port; what the wire is to it goes along.
    pub(super) fn wire(&self, port: usize, card: &Card, wire: &OwnedFd) -> io::Result<()> {
        let (name, net) = (card_name(port), format!("net{port}"));
        let given = command("getfd", &[("fdname", json(&name))], &format!("hand {name}"));
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let wire = [wire.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&wire));
        let sent =
            sendmsg(&self.line, &[IoSlice::new(given.as_bytes())], &mut ancillary, SendFlags::NOSIGNAL)?;
        self.say(&given[sent..])?;
        let wired = [("type", json("socket")), ("id", json(&net)), ("fd", json(&name))];
        self.say(&command("netdev_add", &wired, &format!("wire {name}")))?;
        let plugged = [
            ("driver", json("virtio-net-pci")),
            ("id", json(&name)),
            ("netdev", json(&net)),
            ("bus", json(&format!("port{port}"))),
            ("mac", json(&mac(card.mac))),
            ("romfile", json("")),
        ];
        self.say(&command("device_add", &plugged, &format!("plug {name}")))
    }

    /// Presses the switch: a guest that boots by itself ends by itself.
    pub(super) fn switch_off(&self) -> io::Result<()> {
        self.say(&command("system_powerdown", &[], "switch"))
    }

    /// Asks the guest to let go of a disk or an interface.
    pub(super) fn unplug(&self, device: &str) -> io::Result<()> {
        self.say(&command("device_del", &[("id", json(device))], &format!("pull {device}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_heard() {
        for (line, expected) in [
            (
                r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "DEVICE_DELETED", "data": {"device": "disk1", "path": "/machine/peripheral/disk1"}}"#,
                Said::Deleted("disk1"),
            ),
            (
                r#"{"timestamp": {}, "event": "DEVICE_DELETED", "data": {"device": "card28", "path": "/machine/peripheral/card28"}}"#,
                Said::Unwired(28),
            ),
            (
                r#"{"timestamp": {}, "event": "DEVICE_DELETED", "data": {"path": "/machine/peripheral/card28/virtio-backend"}}"#,
                Said::Else,
            ),
            (r#"{"return": {}, "id": "close disk1"}"#, Said::Closed("disk1")),
            (r#"{"return": {}, "id": "plug disk1"}"#, Said::Else),
            (
                r#"{"id": "plug disk1", "error": {"class": "GenericError", "desc": "no"}}"#,
                Said::Refused("plug disk1"),
            ),
            (r#"{"QMP": {"version": {}}}"#, Said::Else),
            (r#"{"timestamp": {}, "event": "RESET", "data": {"guest": true}}"#, Said::Else),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn a_command_is_a_line_of_json() {
        let said = command("device_del", &[("id", json("a\"b\\\n"))], "pull disk1");
        let expected = "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"a\\\"b\\\\\\u000a\"}, \"id\": \"pull disk1\"}\n";
        assert_eq!(said, expected);
    }
}
