//! Virtual machines: the same interfaces and files as containers, under a kernel of their own. Left out, visibly, where
//! this machine lacks what they are made of.

use crate::disks::Memory;
use crate::lab::{Lab, SHORT};
use crate::machines::{Folder, run};
use crate::processes::spawn;
use host::disk::{Switch, serve};
use host::{Boot, Driver, Guest, HostError, Place, Process, Share, image};
use net::sample;
use net::topology::{Address, Attachment};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Serves on a port of the database's, and takes its time for nothing else.
const INIT: &str = "trap 'exit 3' TERM; echo up; while :; do sleep 600 & wait $!; done";

fn share() -> Share {
    Share { millicpus: 1_000, memory_bytes: 512 << 20 }
}

/// Boots `db` and waits for its first word.
fn boot(lab: &Lab, base: &Path) -> Box<dyn Process> {
    let image = base.join("image");
    std::fs::create_dir_all(&image).unwrap();
    let (mut console, writer) = std::io::pipe().unwrap();
    let machine = Boot {
        binds: image::of_this_machine(&image).unwrap(),
        layers: vec![image],
        disk: base.join("disk"),
        hostname: "ip-10-0-2-10".into(),
        init: ["/bin/sh", "-c", INIT].map(Into::into).to_vec(),
        env: vec![("PATH".into(), "/usr/sbin:/usr/bin".into())],
        console: Some(writer.into()),
        room: None,
        key: None,
        pace: None,
        guest: Some(Guest { share: share(), product: "t3.nano".into(), interfaces: 2, root: None }),
    };
    let keeper = lab.plane.boot("db", machine).unwrap_or_else(|why| panic!("{why}"));
    let mut said = String::new();
    while !said.contains("up\n") {
        let mut byte = [0];
        console.read_exact(&mut byte).unwrap_or_else(|why| panic!("{why} after {said}"));
        said.push(byte[0].into());
    }
    std::mem::forget(console);
    keeper
}

fn can_run() -> bool {
    let missing = host::missing_for_guests();
    if let Some(missing) = &missing {
        eprintln!("left out: {missing}");
    }
    missing.is_none()
}

/// How long a machine's program takes to listen, at most, where an emulated guest shares its processors with builds.
#[track_caller]
fn soon(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Goes on where somebody has given up before it answered.
const SERVER: &str = "
import socket, hashlib
listener = socket.create_server(('', 5432))
while True:
    stream, peer = listener.accept()
    try:
        stream.sendall(peer[0].encode())
        stream.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    stream.close()
";

#[test]
fn rules_decide_about_a_guests_packets() {
    if !can_run() {
        return;
    }
    let base = Folder::new("guest-packets");
    let lab = Lab::new(sample::two_tier());
    let keeper = boot(&lab, &base);
    let (code, kernel) = run(&lab, "uname -r");
    assert_eq!(code, 0);
    assert_ne!(kernel.trim().as_bytes(), rustix::system::uname().release().to_bytes());
    for port in [5432, 5433] {
        let server = SERVER.replace("5432", &port.to_string());
        let script = format!("setsid python3 -c \"{server}\" </dev/null >/dev/null 2>&1 &");
        assert_eq!(run(&lab, &script).0, 0);
    }
    soon(|| lab.seen_as("web", "10.0.2.10", 5432, true) == Some([10, 0, 1, 10].into()));
    // It listens there as well, and the group does not let it.
    lab.blocked("web", "10.0.2.10", 5433);
    keeper.signal(15).unwrap();
    assert_eq!(keeper.wait().unwrap(), 0);
    // Its namespace does not answer in its stead, not even that nobody listens.
    let web = Place::Machine("web".into());
    let after = lab.plane.connect(&web, "10.0.2.10:5432".parse().unwrap(), SHORT).unwrap_err();
    assert!(after.to_string().contains("timed out"), "{after}");
}

const BULK: &str = "
import socket, hashlib, sys, os
data = os.urandom(1 << 20) * 8
listener = socket.create_server(('', 5432))
stream, peer = listener.accept()
got = b''
while len(got) < len(data):
    got += stream.recv(1 << 16)
stream.sendall(hashlib.sha256(got).digest() + data + hashlib.sha256(data).digest())
stream.close()
";

/// What the kernel passes on as one packet is many for a guest, with sums that are right.
#[test]
fn bytes_come_as_they_went() {
    if !can_run() {
        return;
    }
    let base = Folder::new("guest-bytes");
    let lab = Lab::new(sample::two_tier());
    let _keeper = boot(&lab, &base);
    let script = format!("setsid python3 -c \"{BULK}\" </dev/null >/dev/null 2>&1 &");
    assert_eq!(run(&lab, &script).0, 0);
    let client = "
import socket, hashlib, os, time
for attempt in range(100):
    try:
        stream = socket.create_connection(('10.0.2.10', 5432), timeout=20)
        break
    except OSError:
        time.sleep(.1)
data = os.urandom(1 << 20) * 8
stream.sendall(data)
got = b''
while part := stream.recv(1 << 16):
    got += part
assert got[:32] == hashlib.sha256(data).digest(), 'towards the guest'
assert hashlib.sha256(got[32:-32]).digest() == got[-32:], 'from the guest'
print(len(got))
";
    let begun = Instant::now();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let process = lab.plane.spawn("web", spawn("python3", &["-c", client], Some(writer.into()))).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!((process.wait().unwrap(), text.trim()), (0, "8388672"));
    eprintln!("8 MiB each way in {:?}", begun.elapsed());
}

#[test]
fn programs_run_in_a_guest() {
    if !can_run() {
        return;
    }
    let base = Folder::new("guest-programs");
    let lab = Lab::new(sample::two_tier());
    let keeper = boot(&lab, &base);
    let script = "printf '%s|' \"$GREETING it's\n$(hostname)\" 'a\\nb' '100%'; echo aside >&2; exit 7";
    assert_eq!(run(&lab, script), (7, "hello it's\nip-10-0-2-10|a\\nb|100%|".into()));
    let (code, long) = run(&lab, "seq 200000");
    assert_eq!((code, long.lines().count(), long.lines().last()), (0, 200_000, Some("200000")));
    // What is left behind holds nobody, and is not heard in the next.
    let begun = Instant::now();
    assert_eq!(run(&lab, "(while sleep .1; do echo noise; done) & echo left").1, "left\n");
    assert!(begun.elapsed() < Duration::from_secs(10));
    for _ in 0..6 {
        assert_eq!(run(&lab, "echo alone"), (0, "alone\n".into()));
    }
    // Several at a time, and more than there are places.
    let all: Vec<String> = std::thread::scope(|scope| {
        let one = |n: u32| {
            let lab = &lab;
            scope.spawn(move || run(lab, &format!("sleep .3; echo {n}")).1)
        };
        (0..6).map(one).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(all, (0..6).map(|n| format!("{n}\n")).collect::<Vec<_>>());
    // Whoever stands for a program takes it along.
    let process = lab.plane.spawn("db", spawn("sleep", &["4711"], None)).unwrap();
    soon(|| run(&lab, "grep -lz 4711 /proc/[0-9]*/cmdline").1.lines().count() > 1);
    process.signal(9).unwrap();
    assert_eq!(process.wait().unwrap(), 128 + 9);
    soon(|| run(&lab, "cat /proc/[0-9]*/comm | grep -c '^sleep$'").1.trim().parse::<u32>().unwrap_or(9) <= 2);
    assert_eq!(run(&lab, "no-such-program").0, 127);
    // The files are here: what is written there is at once on this machine's disk.
    assert_eq!(run(&lab, "echo kept > /srv/kept && ln -s kept /srv/link && chmod 640 /srv/kept").0, 0);
    assert_eq!(std::fs::read_to_string(base.join("disk/upper/srv/kept")).unwrap(), "kept\n");
    assert_ne!(run(&lab, "echo x > /usr/virga-x").0, 0);
    assert!(!Path::new("/usr/virga-x").exists());
    keeper.signal(15).unwrap();
    assert_eq!(keeper.wait().unwrap(), 0);
    assert_eq!(run_refused(&lab), io::ErrorKind::HostUnreachable);
}

/// To a guest a disk is a block device, and file systems can be on it.
#[test]
fn a_guest_has_disks_with_file_systems() {
    if !can_run() {
        return;
    }
    let base = Folder::new("guest-disks");
    let lab = Lab::new(sample::two_tier());
    if lab.plane.disks().is_err() {
        return;
    }
    let _keeper = boot(&lab, &base);
    let does = |script: &str| {
        let (code, said) = run(&lab, script);
        assert_eq!(code, 0, "{script}: {said}");
        said
    };
    let channel = lab.plane.plug("db", "/dev/sdf").unwrap().unwrap();
    let disk = Arc::new(Mutex::new(Memory { bytes: vec![0; 16 << 20], flushed: Vec::new() }));
    let same = Arc::clone(&disk);
    let server = std::thread::spawn(move || serve(&channel, &same, &Switch::default()));
    soon(|| run(&lab, "test -b /dev/sdf -a -b /dev/xvdf").0 == 0);
    assert_eq!(does("readlink /dev/sdf; cat /sys/block/nvme1n1/size"), "nvme1n1\n32768\n");
    does("mkfs.ext4 -q /dev/sdf && mount /dev/sdf /mnt && echo kept > /mnt/file && umount /mnt");
    let on_disk = disk.lock().unwrap().flushed.windows(5).any(|part| part == b"kept\n");
    assert!(on_disk, "what was unmounted is safe");
    assert!(lab.plane.plug("db", "/dev/sdf").is_err(), "the name is taken");
    let pulled = || match lab.plane.unplug("db", "/dev/sdf", false) {
        Ok(()) => true,
        Err(HostError::Refused { why, .. }) if why.kind() == io::ErrorKind::ResourceBusy => false,
        Err(why) => panic!("{why}"),
    };
    soon(pulled);
    server.join().unwrap().unwrap();
    soon(|| run(&lab, "test -e /dev/sdf -o -e /dev/xvdf -o -e /dev/nvme1n1").0 == 1);
    // It is the same disk when it comes again.
    let channel = lab.plane.plug("db", "/dev/xvdg").unwrap().unwrap();
    let same = Arc::clone(&disk);
    let server = std::thread::spawn(move || serve(&channel, &same, &Switch::default()));
    soon(|| run(&lab, "test -b /dev/sdg").0 == 0);
    assert_eq!(does("mount /dev/xvdg /mnt && cat /mnt/file"), "kept\n");
    // By force it goes whatever the guest says.
    lab.plane.unplug("db", "/dev/xvdg", true).unwrap();
    drop(lab);
    server.join().unwrap().unwrap();
}

/// Which interfaces a guest has is what its rules know, also while it runs.
#[test]
fn interfaces_come_and_go_while_a_guest_runs() {
    if !can_run() {
        return;
    }
    let base = Folder::new("guest-cards");
    let mut lab = Lab::new(sample::two_tier());
    let _keeper = boot(&lab, &base);
    let server = format!("setsid python3 -c \"{SERVER}\" </dev/null >/dev/null 2>&1 &");
    assert_eq!(run(&lab, &server).0, 0);
    let apart = |lab: &mut Lab, host: u8| {
        let address = format!("10.0.2.{host}");
        sample::interface(lab.vpc(), "more", "subnet-private", &address, None, &["sg-db"]);
        let card = lab.vpc().interfaces.get_mut("eni-more").unwrap();
        card.attachment = Some(Attachment { machine: "db".into(), device: 1 });
        card.mac[5] = host;
        lab.apply();
        address
    };
    for host in [20, 21] {
        let address = apart(&mut lab, host);
        soon(|| run(&lab, "ip -4 -o addr show dev eth1").1.contains(&format!("{address}/24")));
        soon(|| lab.seen_as("web", &address, 5432, true) == Some([10, 0, 1, 10].into()));
        // The group of the further one decides as well, and the first one is as it was.
        lab.blocked("app", &address, 5432);
        lab.works("web", "10.0.2.10", 5432);
        lab.vpc().interfaces.remove("eni-more");
        lab.apply();
        lab.blocked("web", &address, 5432);
        lab.works("web", "10.0.2.10", 5432);
        soon(|| run(&lab, "test -e /sys/class/net/eth1").0 == 1);
    }
    // Further addresses come to one that is there.
    let address = apart(&mut lab, 22);
    let more = Address { private: [10, 0, 2, 23].into(), public: None };
    lab.vpc().interfaces.get_mut("eni-more").unwrap().addresses.push(more);
    lab.apply();
    soon(|| lab.seen_as("web", "10.0.2.23", 5432, true) == Some([10, 0, 1, 10].into()));
    lab.works("web", &address, 5432);
}

fn run_refused(lab: &Lab) -> io::ErrorKind {
    let command = host::Spawn { booted: true, ..spawn("/bin/true", &[], None) };
    match lab.plane.spawn("db", command) {
        Err(HostError::Refused { why, .. }) => why.kind(),
        other => panic!("{other:?}"),
    }
}
