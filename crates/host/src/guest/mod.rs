//! Virtual machines: what a machine takes that has a kernel of its own.
//!
//! QEMU is its hardware, by the processor's help (KVM) where that works and else by translation (TCG). Its files are the
//! same layers that a container has: they are laid together here, and the guest has them by virtiofs, so that what it
//! writes is at once on this machine's disk. Its first programs (`first.sh`, `keep.sh`) come in an archive beside the
//! kernel, and are a BusyBox's.
//!
//! Or it boots from a disk, by what that has, and asks for its address as any computer does ([`dhcp`]).
//!
//! All of it is what Debian has: `scripts/deps.sh machines` gets it. The kernel is not installed, only unpacked.

mod cpio;
pub(crate) mod dhcp;
pub(crate) mod frames;
mod modules;
mod probe;
mod qemu;

pub(crate) use probe::has_kvm;
pub use probe::{missing as missing_for_guests, speed as speed_of_guests};
pub(crate) use qemu::{DISKS, Ends, Hardware, Root, arguments, card_name, files_arguments, json, served};

use cpio::Archive;
use dhcp::Lease;
use modules::Modules;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const FIRST: &str = include_str!("first.sh");
const KEEP: &str = include_str!("keep.sh");
/// What a guest's kernel must have for its devices, as a part or as a module.
const MODULES: [&str; 4] = ["virtio_pci", "virtiofs", "virtio_net", "virtio_console"];
/// Where things are that are not in the `PATH`.
const FILE_SERVERS: [&str; 2] = ["/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd"];
/// Of an interface, as of a container's.
const MTU: u16 = 9001;

/// What virtual machines are made of, where it is here.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) qemu: PathBuf,
    pub(crate) files: PathBuf,
    pub(crate) kernel: PathBuf,
    modules: PathBuf,
    busybox: PathBuf,
}

/// An interface of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) device: u32,
    pub(crate) mac: [u8; 6],
    pub(crate) addresses: Vec<(IpAddr, u8)>,
    /// Where everything else is, by either protocol.
    pub(crate) gateways: Vec<IpAddr>,
}

impl Card {
    /// What its guest gets who asks for an address.
    pub(crate) fn lease(&self) -> Option<Lease> {
        let v4 = |address: &IpAddr| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        };
        let (address, prefix) = self.addresses.iter().find_map(|(a, length)| Some((v4(a)?, *length)))?;
        let gateway = self.gateways.iter().find_map(v4)?;
        Some(Lease { mac: self.mac, address, prefix, gateway, mtu: MTU })
    }
}

/// What a guest is told before its first program.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) name: &'a OsStr,
    pub(crate) init: &'a [OsString],
    pub(crate) env: &'a [(OsString, OsString)],
    pub(crate) cards: &'a [Card],
}

impl Ground {
    /// # Errors
    /// A sentence: what is missing, and how to get it.
    pub(crate) fn find() -> Result<Ground, String> {
        if !cfg!(target_arch = "x86_64") {
            return Err("virtual machines are made for x86_64 only".into());
        }
        let get = "`scripts/deps.sh machines` gets it";
        let qemu =
            in_path("qemu-system-x86_64").ok_or_else(|| format!("there is no qemu-system-x86_64: {get}"))?;
        let files = FILE_SERVERS.map(PathBuf::from).into_iter().find(|path| path.exists());
        let files = files.ok_or_else(|| format!("there is no virtiofsd: {get}"))?;
        let roots = roots();
        let kernels = roots.iter().find_map(|root| kernel(root));
        let (kernel, modules) = kernels.ok_or_else(|| format!("there is no kernel for them: {get}"))?;
        let places =
            roots.iter().flat_map(|root| ["bin/busybox", "usr/bin/busybox"].map(|path| root.join(path)));
        let busybox = places.into_iter().find(|path| stands_alone(path));
        let busybox = busybox.ok_or_else(|| format!("there is no BusyBox that needs no library: {get}"))?;
        Ok(Ground { qemu, files, kernel, modules, busybox })
    }

    /// The first files of a guest.
    ///
    /// # Errors
    /// When a module or the BusyBox cannot be read.
    pub(crate) fn archive(&self, told: &Told<'_>) -> io::Result<Vec<u8>> {
        let mut archive = Archive::default();
        for folder in ["bin", "dev", "modules", "proc", "root", "sys"] {
            archive.folder(folder);
        }
        // Before the first program nobody has made it.
        archive.device("dev/console", [5, 1]);
        archive.file("bin/busybox", 0o755, &fs::read(&self.busybox)?);
        archive.file("init", 0o755, FIRST.as_bytes());
        archive.file("keep", 0o644, KEEP.as_bytes());
        archive.file("setup", 0o600, &setup(told));
        archive.file("network", 0o644, network(told.cards).as_bytes());
        for (number, (name, bytes)) in Modules::find(&self.modules)?.closure(&MODULES)?.iter().enumerate() {
            archive.file(&format!("modules/{number:02}-{name}.ko"), 0o644, bytes);
        }
        Ok(archive.end())
    }
}

/// Where a kernel and a BusyBox may be: unpacked for us, or this machine's own.
fn roots() -> Vec<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let own = cache.or_else(home).map(|cache| cache.join("virga/guest"));
    own.into_iter().chain([PathBuf::from("/")]).collect()
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.exists())
}

/// The newest kernel below a root that can be read and whose modules are there.
fn kernel(root: &Path) -> Option<(PathBuf, PathBuf)> {
    let entries = fs::read_dir(root.join("boot")).ok()?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut versions: Vec<String> =
        names.filter_map(|name| name.strip_prefix("vmlinuz-").map(str::to_owned)).collect();
    versions.sort_by_key(|version| numbers(version));
    versions.into_iter().rev().find_map(|version| {
        let kernel = root.join("boot").join(format!("vmlinuz-{version}"));
        let modules = root.join("lib/modules").join(&version).join("kernel");
        (fs::File::open(&kernel).is_ok() && modules.is_dir()).then_some((kernel, modules))
    })
}

/// The numbers in a version.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// Whether a program needs no other file to run.
fn stands_alone(program: &Path) -> bool {
    const LOADER: &[u8] = b"/ld-linux";
    fs::read(program).is_ok_and(|bytes| !bytes.windows(LOADER.len()).any(|part| part == LOADER))
}

/// A command as a line for [`KEEP`]: what it finds around it, the program and its arguments.
pub(crate) fn line(env: &[(OsString, OsString)], command: &[OsString]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in env {
        out.extend_from_slice(&[name.as_bytes(), b"=", &quoted(value), b" "].concat());
    }
    let words: Vec<Vec<u8>> = command.iter().map(|word| quoted(word)).collect();
    out.extend_from_slice(&words.join(&b' '));
    let mut escaped = Vec::new();
    for byte in out {
        match byte {
            b'\\' => escaped.extend_from_slice(br"\\"),
            b'\n' => escaped.extend_from_slice(br"\n"),
            _ => escaped.push(byte),
        }
    }
    escaped
}

/// As a word of a shell.
fn quoted(word: &OsStr) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in word.as_bytes() {
        match byte {
            b'\'' => out.extend_from_slice(br"'\''"),
            _ => out.push(*byte),
        }
    }
    out.push(b'\'');
    out
}

/// Who it is, what its programs find and what its init is, in the words of a shell.
fn setup(told: &Told<'_>) -> Vec<u8> {
    let mut out = [b"name=", &quoted(told.name)[..], b"\n"].concat();
    for (name, value) in told.env {
        out.extend_from_slice(&[b"export ", name.as_bytes(), b"=", &quoted(value), b"\n"].concat());
    }
    out.extend_from_slice(b"set --");
    for word in told.init {
        out.push(b' ');
        out.extend_from_slice(&quoted(word));
    }
    out.push(b'\n');
    out
}

/// Its interfaces, as [`first.sh`](FIRST) makes them; the last first, so that each finds its name free.
fn network(cards: &[Card]) -> String {
    let mut out = String::new();
    for card in cards.iter().rev() {
        let (name, mac) = (format!("eth{}", card.device), mac(card.mac));
        let _ = writeln!(out, "card {name} {mac}\nip link set dev {name} mtu {MTU} up");
        for (address, length) in &card.addresses {
            let _ = writeln!(out, "ip addr add {address}/{length} dev {name}");
        }
        let table = if card.device == 0 { String::new() } else { format!(" table {}", 1000 + card.device) };
        for gateway in &card.gateways {
            let family = if gateway.is_ipv4() { "-4" } else { "-6" };
            let _ = writeln!(out, "ip {family} route add default via {gateway} dev {name}{table}");
        }
        // All but the first answer by where they were asked.
        for (address, _) in card.addresses.iter().filter(|_| card.device > 0) {
            let family = if address.is_ipv4() { "-4" } else { "-6" };
            let _ = writeln!(out, "ip {family} rule add from {address}{table}");
        }
    }
    out
}

/// What the first process of a guest is told of a further interface, on a line ([`KEEP`]).
pub(crate) fn further(card: &Card) -> String {
    network(std::slice::from_ref(card)).trim_end().replace('\n', "; ")
}

/// And what it is told of one that is gone.
pub(crate) fn no_longer(card: &Card) -> String {
    let rule = |(address, _): &(IpAddr, u8)| {
        let family = if address.is_ipv4() { "-4" } else { "-6" };
        format!("ip {family} rule del from {address} table {}", 1000 + card.device)
    };
    card.addresses.iter().map(rule).collect::<Vec<_>>().join("; ")
}

pub(crate) fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_told_in_words_of_a_shell() {
        let env = [("PATH".into(), "/bin".into()), ("SAYS".into(), "it's $HOME".into())];
        let init = ["/bin/sh".into(), "/etc/virga-init".into()];
        let told = Told { name: OsStr::new("ip-10-0-1-10"), init: &init, env: &env, cards: &[] };
        let expected = "name='ip-10-0-1-10'\nexport PATH='/bin'\nexport SAYS='it'\\''s $HOME'\n\
                        set -- '/bin/sh' '/etc/virga-init'\n";
        assert_eq!(String::from_utf8(setup(&told)).unwrap(), expected);
    }

    #[test]
    fn a_command_is_a_line() {
        let env = [("PATH".into(), "/bin".into())];
        let command = ["printf".into(), "a\\n\nb".into(), "it's".into()];
        let said = String::from_utf8(line(&env, &command)).unwrap();
        assert_eq!(said, r"PATH='/bin' 'printf' 'a\\n\nb' 'it'\\''s'");
    }

    #[test]
    fn interfaces_are_made_from_the_last_on() {
        let card = |device, last| Card {
            device,
            mac: [2, 0, 0, 0, 0, last],
            addresses: vec![(IpAddr::from([10, 0, 1, last]), 24)],
            gateways: vec![IpAddr::from([10, 0, 1, 1])],
        };
        let expected = "card eth2 02:00:00:00:00:0b\nip link set dev eth2 mtu 9001 up\n\
                        ip addr add 10.0.1.11/24 dev eth2\nip -4 route add default via 10.0.1.1 dev eth2 table 1002\n\
                        ip -4 rule add from 10.0.1.11 table 1002\n\
                        card eth0 02:00:00:00:00:0a\nip link set dev eth0 mtu 9001 up\n\
                        ip addr add 10.0.1.10/24 dev eth0\nip -4 route add default via 10.0.1.1 dev eth0\n";
        assert_eq!(network(&[card(0, 10), card(2, 11)]), expected);
        let line = "card eth2 02:00:00:00:00:0b; ip link set dev eth2 mtu 9001 up; ip addr add 10.0.1.11/24 dev eth2; \
                    ip -4 route add default via 10.0.1.1 dev eth2 table 1002; ip -4 rule add from 10.0.1.11 table 1002";
        assert_eq!(further(&card(2, 11)), line);
        assert_eq!(no_longer(&card(2, 11)), "ip -4 rule del from 10.0.1.11 table 1002");
    }

    #[test]
    fn the_newest_kernel_with_modules_is_taken() {
        let root = std::env::temp_dir().join(format!("virga-kernels-{}", std::process::id()));
        fs::create_dir_all(root.join("boot")).unwrap();
        for version in ["6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64", "6.12.0-1-amd64"] {
            fs::write(root.join(format!("boot/vmlinuz-{version}")), "").unwrap();
        }
        assert!(kernel(&root).is_none());
        for version in ["6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64"] {
            fs::create_dir_all(root.join(format!("lib/modules/{version}/kernel"))).unwrap();
        }
        let (kernel, _) = kernel(&root).unwrap();
        assert_eq!(kernel, root.join("boot/vmlinuz-6.1.0-56-cloud-amd64"));
        fs::write(root.join("alone"), "ELF").unwrap();
        fs::write(root.join("not"), "ELF\0/lib64/ld-linux-x86-64.so.2\0").unwrap();
        assert!(stands_alone(&root.join("alone")) && !stands_alone(&root.join("not")));
        assert!(!stands_alone(&root.join("absent")));
        fs::remove_dir_all(&root).unwrap();
    }
}
