#!/bin/sh
# The first process of a machine: runs the user data's script at the first boot, and waits for the end.
trap 'exit 0' TERM INT
echo "$(cat /etc/hostname) is up"
if [ ! -e /var/lib/virga/booted ]; then
    : > /var/lib/virga/booted
    if [ "$(head -c 2 /var/lib/virga/user-data)" = '#!' ]; then
        /var/lib/virga/user-data &
    fi
fi
# Logins by key. The host key is made at the first boot, and its fingerprint told, as cloud-init does.
if [ ! -x /usr/sbin/dropbear ] || [ "$(cat /proc/self/setgroups)" = deny ]; then
    echo 'nobody can log in by SSH: virga doctor says why'
else
    key=/etc/dropbear/dropbear_ed25519_host_key
    mkdir -p /etc/dropbear
    [ -e $key ] || dropbearkey -t ed25519 -f $key >/dev/null 2>&1
    echo '-----BEGIN SSH HOST KEY FINGERPRINTS-----'
    dropbearkey -y -f $key | sed -n 's/^Fingerprint: //p'
    echo '-----END SSH HOST KEY FINGERPRINTS-----'
    dropbear -F -E -s -R -r $key &
fi
while :; do
    sleep 3600 &
    wait $!
done
