//! Machines: system containers whose image is made of this machine's own programs.

use crate::lab::{Lab, SHORT};
use crate::processes::{gone_within, is_running, runs_within, spawn};
use host::seal::Key;
use host::{Boot, Driver, HostError, Place, Process, image};
use net::sample;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Ends when told to, and takes its time for nothing else.
const INIT: &str = "trap 'exit 3' TERM; echo up; while :; do sleep 600 & wait $!; done";

/// What machines write on: made before they are there, so that it is taken away after them.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("virga-machines-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let removed = image::remove(&self.0);
        if !std::thread::panicking() {
            removed.unwrap();
        }
    }
}

/// Boots `db` and waits for its first word.
pub(crate) fn boot(lab: &Lab, base: &Path) -> Box<dyn Process> {
    boot_with(lab, base, None, None)
}

/// With so much room for what it writes, and sealed under a key.
pub(crate) fn boot_with(lab: &Lab, base: &Path, room: Option<u64>, key: Option<Key>) -> Box<dyn Process> {
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
        room,
        key,
        pace: None,
        guest: None,
    };
    let init = lab.plane.boot("db", machine).unwrap_or_else(|why| panic!("{why}"));
    let mut word = [0; 3];
    console.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"up\n");
    // It goes on to speak to nobody.
    std::mem::forget(console);
    init
}

/// What a command in `db` prints.
pub(crate) fn run(lab: &Lab, script: &str) -> (i32, String) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let process = lab.plane.spawn("db", spawn("/bin/sh", &["-c", script], Some(writer.into()))).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    (process.wait().unwrap(), text)
}

/// Also where Virga runs as root, and root of a machine is the host's: what is read-only for it stays so.
#[test]
fn root_of_a_machine_is_root_of_nothing_else() {
    let base = Folder::new("powers");
    let lab = Lab::new(sample::two_tier());
    let _init = boot(&lab, &base);
    // Where it may mount at all, the files underneath are not its own.
    let tries = [
        "mount -o remount,rw,bind /usr; echo x > /usr/virga-x",
        "unshare -Urm sh -c 'mount -o remount,rw,bind /usr; echo x > /usr/virga-x'",
        "unshare -Urm sh -c 'mount --bind /usr /home && cd /home && mount -o remount,rw,bind . ; echo x > virga-x'",
        "umount /proc/sys; echo 5 > /proc/sys/kernel/printk_ratelimit_burst",
        "unshare -Urmpf sh -c 'mount -t proc proc /proc; umount /proc/sys; echo 5 > /proc/sys/kernel/printk_ratelimit_burst'",
        "echo h > /proc/sysrq-trigger",
        "mknod /dev/mem2 c 1 1 && head -c 1 /dev/mem2",
    ];
    for script in tries {
        let (code, said) = run(&lab, &format!("({script}) 2>&1"));
        assert_ne!(code, 0, "{script}: {said}");
    }
    assert!(!Path::new("/usr/virga-x").exists());
    // What a server's root needs it has.
    let kept =
        "cd /root && touch f && chown 1:1 f && ip link show lo && echo 1 > /proc/sys/net/ipv4/ip_forward";
    let (code, said) = run(&lab, &format!("({kept}) 2>&1"));
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_machine_has_a_root_a_name_and_processes_of_its_own() {
    let base = Folder::new("own");
    let lab = Lab::new(sample::two_tier());
    let init = boot(&lab, &base);
    assert_eq!(run(&lab, "cat /proc/sys/kernel/hostname").1, "ip-10-0-2-10\n");
    assert_eq!(run(&lab, "id -u").1, "0\n");
    assert!(run(&lab, "tr '\\0' ' ' < /proc/1/cmdline").1.starts_with("/bin/sh -c trap"));
    assert!(run(&lab, "cat /proc/net/fib_trie").1.contains("10.0.2.10"));
    // Its own root, and nothing of the one underneath but programs, which it cannot change.
    assert_eq!(
        run(&lab, "ls /").1,
        "bin\ndev\netc\nhome\nlib\nlib64\nmedia\nmnt\nopt\nproc\nroot\nrun\nsbin\nsrv\nsys\ntmp\nusr\nvar\n"
    );
    assert_ne!(run(&lab, "echo x > /usr/x").0, 0);
    assert_eq!(run(&lab, "echo kept > /var/file && echo x > /dev/null && ls /home").1, "");
    let machine = Boot { init: vec!["/bin/true".into()], ..Boot::default() };
    assert!(matches!(lab.plane.boot("db", machine), Err(HostError::Refused { .. })));
    // What listens in it is reached like any machine.
    lab.serve_machine("db", 5432);
    lab.works("web", "10.0.2.10", 5432);
    // Off, and on again: what it wrote is there.
    init.signal(15).unwrap();
    assert_eq!(init.wait().unwrap(), 3);
    let init = boot(&lab, &base);
    assert_eq!(run(&lab, "cat /var/file").1, "kept\n");
    // What is for booted machines only runs in one that is, and nowhere else.
    let only = |machine: &str| {
        lab.plane.spawn(machine, host::Spawn { booted: true, ..spawn("/bin/true", &[], None) })
    };
    assert_eq!(only("db").unwrap().wait().unwrap(), 0);
    init.signal(9).unwrap();
    assert_eq!(init.wait().unwrap(), 128 + 9);
    for machine in ["db", "web"] {
        let refused = only(machine).unwrap_err();
        assert!(refused.to_string().contains("No route to host"), "{refused}");
    }
}

#[test]
fn a_machine_that_is_removed_takes_its_processes_along() {
    let base = Folder::new("gone");
    let lab = Lab::new(sample::two_tier());
    let init = boot(&lab, &base);
    let mark = |n: u8| format!("60{n}.{}", std::process::id());
    assert_eq!(run(&lab, &format!("sleep {} > /dev/null 2>&1 &", mark(1))).0, 0);
    let elsewhere = format!("sleep {} & exit 0", mark(2));
    lab.plane.spawn("web", spawn("sh", &["-c", &elsewhere], None)).unwrap().wait().unwrap();
    // A shell may end before its child has become what it is to be.
    assert!(runs_within(&mark(1), Duration::from_secs(5)) && runs_within(&mark(2), Duration::from_secs(5)));
    lab.plane.remove_machine("db").unwrap();
    assert!(gone_within(&mark(1), Duration::from_secs(5)));
    assert_eq!(init.wait().unwrap(), 128 + 9);
    // Of one that was never booted, too.
    assert!(is_running(&mark(2)));
    lab.plane.remove_machine("web").unwrap();
    assert!(gone_within(&mark(2), Duration::from_secs(5)));
    assert!(
        lab.plane
            .connect(&Place::Internet(sample::ip("192.0.2.9")), "203.0.113.10:80".parse().unwrap(), SHORT)
            .is_err()
    );
}
