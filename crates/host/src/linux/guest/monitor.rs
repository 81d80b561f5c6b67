//! How the keeper speaks with QEMU (QMP): lines of JSON, of which few words matter.

use super::disks::held;
use crate::guest::{json, served};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The line to QEMU, and the disks that it has or is given.
#[derive(Debug)]
pub(super) struct Monitor {
    line: UnixStream,
    disks: Mutex<BTreeMap<String, PathBuf>>,
    orders: Arc<Mutex<UnixStream>>,
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
        (Some("DEVICE_DELETED"), _, Some(disk)) => Said::Deleted(disk),
        (None, Some(id), _) if line.contains("\"error\": ") => Said::Refused(id),
        (None, Some(id), _) => id.strip_prefix("close ").map_or(Said::Else, Said::Closed),
        _ => Said::Else,
    }
}

impl Monitor {
    /// Begins to listen to QEMU.
    pub(super) fn start(line: UnixStream, orders: Arc<Mutex<UnixStream>>) -> io::Result<Arc<Monitor>> {
        let monitor = Arc::new(Monitor { line, disks: Mutex::default(), orders });
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
                // Asked again it refuses while the guest has not answered: that is no news.
                Said::Refused(id) if !id.starts_with("pull ") => eprintln!("virga: {line}"),
                _ => {}
            }
        }
    }

    /// Tells the guest.
    fn tell(&self, order: &str) {
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

    /// Presses the switch: a guest that boots by itself ends by itself.
    pub(super) fn switch_off(&self) -> io::Result<()> {
        self.say(&command("system_powerdown", &[], "switch"))
    }

    /// Asks the guest to let go of a disk.
    pub(super) fn unplug(&self, disk: &str) -> io::Result<()> {
        self.say(&command("device_del", &[("id", json(disk))], &format!("pull {disk}")))
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
