//! How QEMU and the server of a guest's files are started.

use super::{Card, mac};
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

/// Blocks of translated code are kept up to so many mebibytes: a server's programs are small.
const TRANSLATED_MIB: u32 = 64;
/// A guest has places for as many disks as AWS lets be attached.
pub(crate) const DISKS: usize = 27;
/// Where the hardware leaves slots free.
const FIRST_SLOT: usize = 0x18;

/// A guest, as its keeper starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hardware {
    /// The machine's id.
    pub(crate) id: String,
    pub(crate) product: String,
    pub(crate) root: Root,
    /// With the processor's help.
    pub(crate) kvm: bool,
    pub(crate) cpus: u32,
    pub(crate) memory_mib: u64,
    /// In order.
    pub(crate) cards: Vec<Card>,
    /// Places for further interfaces, beside that of the first, which stays.
    pub(crate) sockets: u32,
}

impl Hardware {
    /// The places of interfaces that come and go: they lie behind those of disks.
    pub(crate) fn card_ports(&self) -> impl Iterator<Item = usize> + use<> {
        let sockets = usize::try_from(self.sockets).unwrap_or(0);
        DISKS + 1..=DISKS + sockets.max(self.cards.len().saturating_sub(1))
    }
}

/// What a guest boots from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// Files that a server gives it, under a kernel of ours, with its first ones in an archive.
    Files { server: PathBuf, files: PathBuf, kernel: PathBuf, archive: PathBuf },
    /// A disk, and what is on it.
    Disk(PathBuf),
}

/// The descriptors by which QEMU speaks with its keeper.
#[derive(Debug)]
pub(crate) struct Ends {
    /// Where there is a server of its files.
    pub(crate) files: Option<RawFd>,
    pub(crate) console: RawFd,
    pub(crate) orders: RawFd,
    pub(crate) monitor: RawFd,
    /// Of each program that can be run at a time: where it is told, its output and its errors.
    pub(crate) runs: Vec<[RawFd; 3]>,
    /// As many as there are interfaces.
    pub(crate) cards: Vec<RawFd>,
}

/// QEMU's arguments.
pub(crate) fn arguments(hardware: &Hardware, ends: &Ends) -> Vec<OsString> {
    let Hardware { kvm, cpus, memory_mib, .. } = hardware;
    let mut out: Vec<OsString> = Vec::new();
    let mut say = |words: &[&str]| out.extend(words.iter().map(OsString::from));
    // What it needs is open when it starts: it may start no program, and raise itself to nothing.
    say(&["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]);
    say(&["-no-user-config", "-nodefaults", "-display", "none"]);
    say(&["-machine", "q35,hpet=off,vmport=off,smbus=off,sata=off,usb=off,memory-backend=memory"]);
    if *kvm {
        say(&["-accel", "kvm", "-cpu", "host"]);
    } else {
        say(&["-accel", &format!("tcg,thread=multi,tb-size={TRANSLATED_MIB}"), "-cpu", "max"]);
    }
    say(&["-smp", &cpus.to_string(), "-m", &format!("{memory_mib}M")]);
    // Shared with the server of its files.
    say(&["-object", &format!("memory-backend-memfd,id=memory,size={memory_mib}M,share=on")]);
    say(&["-smbios", &identity(hardware)]);
    say(&["-chardev", &stream("console", ends.console), "-serial", "chardev:console"]);
    say(&["-chardev", &stream("orders", ends.orders), "-device", "virtio-serial-pci"]);
    say(&["-device", "virtserialport,chardev=orders,name=virga.orders"]);
    for (number, ends) in ends.runs.iter().enumerate() {
        for (name, end) in ["run", "out", "err"].iter().zip(ends) {
            say(&["-chardev", &stream(&format!("{name}{number}"), *end)]);
            say(&["-device", &format!("virtserialport,chardev={name}{number},name=virga.{name}.{number}")]);
        }
    }
    say(&["-chardev", &stream("monitor", ends.monitor), "-mon", "chardev=monitor,mode=control"]);
    for words in ports(1..=DISKS).chain(ports(hardware.card_ports())) {
        say(&["-device", &words]);
    }
    let places = std::iter::once(None).chain(hardware.card_ports().map(Some));
    for ((card, end), place) in hardware.cards.iter().zip(&ends.cards).zip(places) {
        let (address, number) = (mac(card.mac), place.unwrap_or(0));
        let place = place.map(|port| format!(",id={},bus=port{port}", card_name(port))).unwrap_or_default();
        say(&["-netdev", &format!("socket,id=net{number},fd={end}")]);
        say(&["-device", &format!("virtio-net-pci,netdev=net{number},mac={address},romfile={place}")]);
    }
    out.extend(root(hardware, ends.files));
    out
}

fn stream(name: &str, end: RawFd) -> String {
    format!("socket,id={name},fd={end}")
}

/// Who its firmware says that it is: an instance of EC2, as programs that ask find out.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html>
fn identity(hardware: &Hardware) -> String {
    let digits = hardware.id.chars().filter(char::is_ascii_hexdigit).chain(std::iter::repeat_n('0', 32));
    let all: Vec<char> = "ec2".chars().chain(digits).take(32).collect();
    let part = |from: usize, to: usize| all[from..to].iter().collect::<String>();
    let uuid = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
    // A comma would end it.
    let product = hardware.product.replace(',', "");
    format!("type=1,manufacturer=Amazon EC2,product={product},serial={uuid},uuid={uuid}")
}

/// What it boots from. As in AWS the first NVMe controller is the root's, also where that has no disk: so the others have
/// the numbers that they have there.
fn root(hardware: &Hardware, files: Option<RawFd>) -> Vec<OsString> {
    let mut out: Vec<OsString> = Vec::new();
    match (&hardware.root, files) {
        (Root::Files { kernel, archive, .. }, files) => {
            let plain = "console=ttyS0 quiet panic=10 reboot=t random.trust_cpu=on net.ifnames=0";
            // Translated code leaks nothing by speculation, and has no clock that could be measured by another.
            let more = if hardware.kvm { "" } else { " mitigations=off tsc=reliable no_timer_check" };
            out.extend(["-append".into(), format!("{plain}{more}").into()]);
            out.extend(["-kernel".into(), kernel.clone().into(), "-initrd".into(), archive.clone().into()]);
            if let Some(end) = files {
                out.extend(["-chardev".into(), stream("files", end).into()]);
                let device = "vhost-user-fs-pci,chardev=files,tag=root,queue-size=1024";
                out.extend(["-device".into(), device.into()]);
            }
            out.extend(["-device", "nvme,serial=root"].map(OsString::from));
        }
        (Root::Disk(path), _) => {
            let disk =
                format!("{{\"driver\": \"raw\", \"node-name\": \"root\", \"file\": {}}}", served(path));
            out.extend(["-blockdev".into(), disk.into()]);
            out.extend(["-device", "nvme,serial=root,drive=root,bootindex=0"].map(OsString::from));
        }
    }
    out
}

/// A disk that is served as a file, which nobody else has open.
pub(crate) fn served(path: &Path) -> String {
    let name = json(&path.to_string_lossy());
    format!("{{\"driver\": \"file\", \"locking\": \"off\", \"filename\": {name}}}")
}

/// A word of JSON's.
pub(crate) fn json(word: &str) -> String {
    let mut out = String::from('"');
    for c in word.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Places for what comes and goes, eight to a slot.
fn ports(numbers: impl Iterator<Item = usize>) -> impl Iterator<Item = String> {
    numbers.map(|number| {
        let (slot, function) = (FIRST_SLOT + (number - 1) / 8, (number - 1) % 8);
        let place = format!("bus=pcie.0,addr={slot:#x}.{function},multifunction=on");
        format!("pcie-root-port,id=port{number},chassis={number},{place}")
    })
}

/// By which name QEMU knows the interface at a port.
pub(crate) fn card_name(port: usize) -> String {
    format!("card{port}")
}

/// Those of the server of its files; it listens already.
pub(crate) fn files_arguments(root: &Path, listener: RawFd) -> Vec<OsString> {
    // Nobody else changes the files while the guest runs, so it may remember them; and it makes no devices.
    let mut options = OsString::from("sandbox=chroot,cache=always,xattr,modcaps=-mknod,source=");
    options.push(root);
    vec![format!("--fd={listener}").into(), "-o".into(), options]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardware(kvm: bool) -> Hardware {
        let card = |device: u8| Card {
            device: device.into(),
            mac: [2, 0, 0, 0, 0, 10 + device],
            addresses: Vec::new(),
            gateways: Vec::new(),
        };
        Hardware {
            id: "i-0123456789abcdef0".into(),
            product: "t3.micro".into(),
            root: Root::Files {
                server: "/usr/libexec/virtiofsd".into(),
                files: "/disk/root".into(),
                kernel: "/boot/vmlinuz".into(),
                archive: "/disk/archive".into(),
            },
            kvm,
            cpus: 2,
            memory_mib: 1024,
            cards: vec![card(0), card(1)],
            sockets: 2,
        }
    }

    fn line_of(hardware: &Hardware, files: Option<RawFd>) -> String {
        let ends =
            Ends { files, console: 4, orders: 5, monitor: 11, runs: vec![[8, 9, 10]], cards: vec![6, 7] };
        let words = arguments(hardware, &ends);
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    fn line(kvm: bool) -> String {
        line_of(&hardware(kvm), Some(3))
    }

    #[test]
    fn a_disk_boots_by_itself() {
        let root = Root::Disk("/disk/disks/\"root\"".into());
        let line = line_of(&Hardware { root, ..hardware(false) }, None);
        let file = r#"{"driver": "file", "locking": "off", "filename": "/disk/disks/\"root\""}"#;
        let disk = format!(r#"{{"driver": "raw", "node-name": "root", "file": {file}}}"#);
        assert!(line.contains(&disk), "{line}");
        assert!(line.contains("-device nvme,serial=root,drive=root,bootindex=0"));
        assert!(!line.contains("-kernel") && !line.contains("vhost-user"));
        assert!(!line.contains("port30"));
        let uuid = "ec201234-5678-9abc-def0-000000000000";
        assert!(
            line.contains(&format!("manufacturer=Amazon EC2,product=t3.micro,serial={uuid},uuid={uuid}"))
        );
    }

    #[test]
    fn a_guest_has_what_its_record_says() {
        let line = line(false);
        for part in [
            "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-smp 2 -m 1024M -object memory-backend-memfd,id=memory,size=1024M,share=on",
            "-chardev socket,id=files,fd=3 -device vhost-user-fs-pci,chardev=files,tag=root",
            "-netdev socket,id=net0,fd=6 -device virtio-net-pci,netdev=net0,mac=02:00:00:00:00:0a,romfile=",
            "-netdev socket,id=net28,fd=7 -device virtio-net-pci,netdev=net28,mac=02:00:00:00:00:0b,romfile=,id=card28,bus=port28",
            "-device pcie-root-port,id=port29,chassis=29,bus=pcie.0,addr=0x1b.4,multifunction=on",
            "-device pcie-root-port,id=port27,chassis=27,bus=pcie.0,addr=0x1b.2,multifunction=on",
            "-chardev socket,id=monitor,fd=11 -mon chardev=monitor,mode=control",
            "-chardev socket,id=err0,fd=10 -device virtserialport,chardev=err0,name=virga.err.0",
            "-accel tcg,thread=multi,tb-size=64 -cpu max",
            "-kernel /boot/vmlinuz -initrd /disk/archive",
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }

    #[test]
    fn with_the_processors_help_it_is_this_processor() {
        let line = line(true);
        assert!(line.contains("-accel kvm -cpu host"));
        // The guest's kernel guards it against itself.
        assert!(!line.contains("mitigations=off") && !line.contains("tcg"));
    }

    #[test]
    fn its_files_are_its_own_alone() {
        let words = files_arguments(Path::new("/disk/root"), 3);
        assert_eq!(words[0], "--fd=3");
        assert_eq!(words[2], "sandbox=chroot,cache=always,xattr,modcaps=-mknod,source=/disk/root");
    }
}
