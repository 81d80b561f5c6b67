#!/bin/busybox sh
# The first program of a virtual machine: makes its devices and its network ready, and hands it over to its own files.
for name in mount insmod ip cat cp mkdir poweroff switch_root; do
    alias "$name=/bin/busybox $name"
done
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
case $(cat /proc/cmdline) in
*virga.probe*) poweroff -f ;;
esac
for module in /modules/*; do
    insmod "$module"
done
# Interfaces are known by their MAC addresses; the kernel numbers them as it finds them.
card() {
    for found in /sys/class/net/*; do
        [ "$(cat "$found/address")" = "$2" ] || continue
        [ "${found##*/}" = "$1" ] || ip link set dev "${found##*/}" name "$1"
    done
}
ip link set dev lo up
. /network
root=/root
mount -t virtiofs root $root || poweroff -f
mount -t proc -o nosuid,nodev,noexec proc $root/proc
mount -t sysfs -o nosuid,nodev,noexec sys $root/sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup $root/sys/fs/cgroup
mount -t tmpfs -o nosuid,nodev,mode=755 run $root/run
mkdir /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,ptmxmode=0666,mode=0620 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm
mount --move /dev $root/dev
mkdir $root/run/virga
cp /bin/busybox /keep /setup $root/run/virga
exec /bin/busybox switch_root -c /dev/console $root /run/virga/busybox sh /run/virga/keep
