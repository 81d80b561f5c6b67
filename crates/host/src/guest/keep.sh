# The first process of a virtual machine, once its files are its own: runs its init, and switches off at its end.
here=/run/virga
b=$here/busybox
. $here/setup
$b hostname "$name"
"$@" &
init=$!
# Who asks the machine to end asks its init.
trap 'kill -TERM $init 2>/dev/null' TERM INT
# Its ways to the machine underneath, by name: the kernel only numbers them.
port() {
    for found in /sys/class/virtio-ports/*; do
        [ "$($b cat "$found/name")" != "virga.$1" ] || echo "/dev/${found##*/}"
    done
}
# Runs one command after another as it is told, in words of a shell, by a line of its own. What the command says goes out
# between two marks, as what it leaves behind may say more.
serve() {
    exec 3<>"$(port "run.$1")" 4>"$(port "out.$1")" 5>"$(port "err.$1")"
    while read -r mark line; do
        $b mkfifo "$here/out.$1" "$here/err.$1"
        $b cat "$here/out.$1" >&4 &
        out=$!
        $b cat "$here/err.$1" >&5 &
        err=$!
        exec 6>"$here/out.$1" 7>"$here/err.$1"
        printf %s "$mark" >&6
        printf %s "$mark" >&7
        eval "$b setsid $b env -i $(printf %b "$line") </dev/null >&6 2>&7 3>&- 4>&- 5>&- 6>&- 7>&- &"
        command=$!
        echo $command > "$here/command.$1"
        wait $command
        code=$?
        printf %s "$mark" >&6
        printf %s "$mark" >&7
        echo $code >&3
        # All of it has come.
        read -r mark
        kill $out $err
        exec 6>&- 7>&-
        $b rm "$here/out.$1" "$here/err.$1" "$here/command.$1"
    done <&3
}
# Disks are known by the names that they were asked for, and systems know those by a second one. The serial number tells.
links() {
    for found in /sys/class/nvme/nvme*; do
        [ -e "$found/serial" ] && read -r name < "$found/serial"
        node=${found##*/}n1
        [ "$name" != root ] && [ -b "/dev/$node" ] || continue
        case $name in
        sd*) twin=xvd${name#sd} ;;
        xvd*) twin=sd${name#xvd} ;;
        *) twin=$name ;;
        esac
        for link in "$name" "$twin"; do
            [ -e "/dev/$link" ] || $b ln -sf "$node" "/dev/$link"
        done
    done
    for link in /dev/sd* /dev/xvd*; do
        [ -e "$link" ] || $b rm -f "$link"
    done
}
# An interface that has come, known by its MAC address: the kernel finds it in its own time, and numbers it as it likes.
ip() {
    $b ip "$@"
}
card() {
    tries=0
    while [ $tries -lt 100 ]; do
        for found in /sys/class/net/*; do
            [ "$($b cat "$found/address")" = "$2" ] || continue
            [ "${found##*/}" = "$1" ] || ip link set dev "${found##*/}" name "$1" || continue
            ip addr flush dev "$1"
            return
        done
        $b sleep 0.1
        tries=$((tries + 1))
    done
}
links
for number in 0 1 2 3; do
    serve $number &
done
while read -r order number; do
    case $order in
    end) kill -TERM 1 ;;
    disk)
        # The kernel finds it in its own time.
        tries=0
        while [ ! -e "/dev/$number" ] && [ $tries -lt 100 ]; do
            $b sleep 0.1
            tries=$((tries + 1))
            links
        done
        ;;
    disks) links ;;
    card) eval "$number" ;;
    kill) kill -KILL "-$($b cat "$here/command.$number")" ;;
    esac
done < "$(port orders)" &
while $b kill -0 $init 2>/dev/null; do
    wait $init
done
kill -KILL -1
$b sync
$b poweroff -f
