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
while :; do
    sleep 3600 &
    wait $!
done
