#!/bin/sh
# The first process of a machine: does what its user data says, and waits for the end.
trap 'exit 0' TERM INT
# Its volumes are plugged in as soon as it is there.
while read -r device || [ -n "$device" ]; do
    tries=0
    while [ ! -e "$device" ] && [ $tries -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
done < /var/lib/virga/devices
echo "$(cat /etc/hostname) is up"
sh /var/lib/virga/every
key=/etc/dropbear/dropbear_ed25519_host_key
own=$(cat /var/lib/virga/instance)
booted=$(cat /var/lib/virga/booted 2>/dev/null)
if [ "$booted" != "$own" ]; then
    # A root that was another machine's: this is a new one.
    [ -z "$booted" ] || rm -f $key
    sh /var/lib/virga/first
    # Settings may be made again, programs run once: an end before this loses none of them.
    echo "$own" > /var/lib/virga/booted
    for program in /var/lib/virga/late/*; do
        [ ! -e "$program" ] || "$program"
    done &
fi
# What lets people in is in /usr, or where an image that brings its own programs has it.
usr=/usr
tool() { "$@"; }
[ ! -e /var/lib/virga/tools ] || . /var/lib/virga/tools
# Logins by key. The host key is made at the first boot, and its fingerprint told, as cloud-init does.
if [ ! -x $usr/sbin/dropbear ] || [ "$(cat /proc/self/setgroups)" = deny ]; then
    echo 'nobody can log in by SSH: virga doctor says why'
else
    mkdir -p /etc/dropbear
    [ -e $key ] || tool $usr/bin/dropbearkey -t ed25519 -f $key >/dev/null 2>&1
    echo '-----BEGIN SSH HOST KEY FINGERPRINTS-----'
    tool $usr/bin/dropbearkey -y -f $key | sed -n 's/^Fingerprint: //p'
    echo '-----END SSH HOST KEY FINGERPRINTS-----'
    if [ $usr = /usr ]; then
        dropbear -F -E -e -s -R -r $key &
    else
        listen 22 $usr/sbin/dropbear -i -e -s -r $key &
    fi
fi
while :; do
    sleep 3600 &
    wait $!
done
