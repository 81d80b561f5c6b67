"""A disk that boots by itself: SYSLINUX, Debian's kernel and a BusyBox that does what cloud-init does."""

import gzip
import os
import pathlib
import shutil
import subprocess

TOOLS = ("mformat", "mcopy", "syslinux")
MIB = 1 << 20
SIZE_MIB = 66
MODULES = ("virtio_pci", "virtio_net", "button", "evdev")

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /var/log /var/run
for module in /modules/*; do insmod "$module"; done
echo "this is $(cat /sys/class/dmi/id/sys_vendor) $(cat /sys/class/dmi/id/product_name)"
# What it keeps stands behind its file system.
boots=$(dd if=/dev/nvme0n1 bs=1M skip=65 count=1 2>/dev/null | tr -d '\0')
boots=$((boots + 1))
printf %s $boots | dd of=/dev/nvme0n1 bs=1M seek=65 conv=notrunc 2>/dev/null
sync
ip link set eth0 up
udhcpc -i eth0 -n -q -t 20 -s /leased
mkdir /www
base=http://169.254.169.254
# The version that cloud-init asks for.
echo "boot $boots of $(wget -q -O - $base/2009-04-04/meta-data/instance-id)" > /www/index.html
wget -q -O /user-data $base/latest/user-data && sh /user-data
acpid -c /acpi
httpd -p 80 -h /www
echo "the disk is up, boot $boots"
while :; do sleep 3600; done
"""

LEASED = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
ip route add default via "$router" dev "$interface"
ip link set "$interface" mtu "$mtu"
echo "nameserver $dns" > /resolv.conf
"""

OFF = """#!/bin/sh
echo 'the switch was pressed' > /dev/console
sync
poweroff -f
"""


def missing(guest):
    """What is not here that a disk is made with."""
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    return ", ".join(absent) or (None if (guest / "boot").is_dir() else str(guest))


def needs(module):
    """The modules that a module says it needs."""
    found = module.read_bytes().partition(b"\0depends=")[2].partition(b"\0")[0].decode()
    return [name for name in found.split(",") if name]


def closure(folder):
    """The files of the modules, in the order in which they are loaded. What is not there is a part of the kernel."""
    files = {path.stem.replace("-", "_"): path for path in folder.rglob("*.ko")}
    out = []

    def add(name):
        path = files.get(name.replace("-", "_"))
        if path and path not in out:
            for other in needs(path):
                add(other)
            out.append(path)

    for name in MODULES:
        add(name)
    return out


def archive(entries):
    """A cpio archive of (name, mode, contents)."""
    out = bytearray()
    for number, (name, mode, contents) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(contents), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + contents
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def make(guest, disk):
    """Makes the disk, of what `scripts/deps.sh machines` has unpacked."""
    kernel = max((guest / "boot").glob("vmlinuz-*"))
    modules = guest / "lib/modules" / kernel.name.removeprefix("vmlinuz-")
    folders = ("bin", "dev", "proc", "sys", "modules", "etc", "acpi", "acpi/PWRF")
    entries = [(name, 0o40755, b"") for name in folders]
    entries += [(f"modules/{at:02}.ko", 0o100644, path.read_bytes()) for at, path in enumerate(closure(modules))]
    entries += [
        ("bin/busybox", 0o100755, (guest / "bin/busybox").read_bytes()),
        ("init", 0o100755, INIT.encode()),
        ("leased", 0o100755, LEASED.encode()),
        ("acpi/PWRF/00000080", 0o100755, OFF.encode()),
    ]
    folder = pathlib.Path(disk).parent
    (folder / "initrd").write_bytes(gzip.compress(archive(entries), 1))
    (folder / "syslinux.cfg").write_text(
        "default linux\nprompt 0\nlabel linux\nkernel vmlinuz\n"
        "append initrd=initrd console=ttyS0 quiet panic=10 reboot=t random.trust_cpu=on net.ifnames=0 tsc=reliable\n"
    )
    with open(disk, "wb") as file:
        file.truncate(SIZE_MIB * MIB)

    def run(*command):
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})

    run("mformat", "-i", str(disk), "-F", "-T", str(64 * MIB // 512), "-h", "255", "-s", "63", "::")
    run("mcopy", "-i", str(disk), str(kernel), "::vmlinuz")
    run("mcopy", "-i", str(disk), str(folder / "initrd"), str(folder / "syslinux.cfg"), "::")
    run("syslinux", "--install", str(disk))
