//! How QEMU and the server of a guest's files are started.

use super::mac;
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
    pub(crate) kernel: PathBuf,
    pub(crate) archive: PathBuf,
    /// With the processor's help.
    pub(crate) kvm: bool,
    pub(crate) cpus: u32,
    pub(crate) memory_mib: u64,
    /// The MAC address of each interface, in order.
    pub(crate) cards: Vec<[u8; 6]>,
}

/// The descriptors by which QEMU speaks with its keeper.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) files: RawFd,
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
    let kernel = "console=ttyS0 quiet panic=10 reboot=t random.trust_cpu=on net.ifnames=0";
    if *kvm {
        say(&["-accel", "kvm", "-cpu", "host", "-append", kernel]);
    } else {
        let accel = format!("tcg,thread=multi,tb-size={TRANSLATED_MIB}");
        // Translated code leaks nothing by speculation, and has no clock that could be measured by another.
        let append = format!("{kernel} mitigations=off tsc=reliable no_timer_check");
        say(&["-accel", &accel, "-cpu", "max", "-append", &append]);
    }
    say(&["-smp", &cpus.to_string(), "-m", &format!("{memory_mib}M")]);
    // Shared with the server of its files.
    say(&["-object", &format!("memory-backend-memfd,id=memory,size={memory_mib}M,share=on")]);
    let stream = |name: &str, end: RawFd| format!("socket,id={name},fd={end}");
    say(&["-chardev", &stream("console", ends.console), "-serial", "chardev:console"]);
    say(&["-chardev", &stream("files", ends.files)]);
    say(&["-device", "vhost-user-fs-pci,chardev=files,tag=root,queue-size=1024"]);
    say(&["-chardev", &stream("orders", ends.orders), "-device", "virtio-serial-pci"]);
    say(&["-device", "virtserialport,chardev=orders,name=virga.orders"]);
    for (number, ends) in ends.runs.iter().enumerate() {
        for (name, end) in ["run", "out", "err"].iter().zip(ends) {
            say(&["-chardev", &stream(&format!("{name}{number}"), *end)]);
            say(&["-device", &format!("virtserialport,chardev={name}{number},name=virga.{name}.{number}")]);
        }
    }
    say(&["-chardev", &stream("monitor", ends.monitor), "-mon", "chardev=monitor,mode=control"]);
    ports(&mut say);
    for (number, (address, end)) in hardware.cards.iter().zip(&ends.cards).enumerate() {
        let address = mac(*address);
        say(&["-netdev", &format!("socket,id=net{number},fd={end}")]);
        say(&["-device", &format!("virtio-net-pci,netdev=net{number},mac={address},romfile=")]);
    }
    out.extend(["-kernel".into(), hardware.kernel.clone().into()]);
    out.extend(["-initrd".into(), hardware.archive.clone().into()]);
    out
}

/// Places for disks, eight to a slot. The first controller is the one that a root would have, so that the disks have the
/// numbers that they have in AWS.
fn ports(say: &mut impl FnMut(&[&str])) {
    say(&["-device", "nvme,serial=root"]);
    for number in 1..=DISKS {
        let (slot, function) = (FIRST_SLOT + (number - 1) / 8, (number - 1) % 8);
        let place = format!("bus=pcie.0,addr={slot:#x}.{function},multifunction=on");
        say(&["-device", &format!("pcie-root-port,id=port{number},chassis={number},{place}")]);
    }
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
        Hardware {
            kernel: "/boot/vmlinuz".into(),
            archive: "/disk/archive".into(),
            kvm,
            cpus: 2,
            memory_mib: 1024,
            cards: vec![[2, 0, 0, 0, 0, 10], [2, 0, 0, 0, 0, 11]],
        }
    }

    fn line(kvm: bool) -> String {
        let ends =
            Ends { files: 3, console: 4, orders: 5, monitor: 11, runs: vec![[8, 9, 10]], cards: vec![6, 7] };
        let words = arguments(&hardware(kvm), &ends);
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_guest_has_what_its_record_says() {
        let line = line(false);
        for part in [
            "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-smp 2 -m 1024M -object memory-backend-memfd,id=memory,size=1024M,share=on",
            "-chardev socket,id=files,fd=3 -device vhost-user-fs-pci,chardev=files,tag=root",
            "-netdev socket,id=net0,fd=6 -device virtio-net-pci,netdev=net0,mac=02:00:00:00:00:0a,romfile=",
            "-netdev socket,id=net1,fd=7 -device virtio-net-pci,netdev=net1,mac=02:00:00:00:00:0b,romfile=",
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
