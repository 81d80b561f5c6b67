"""Waits until a function is to begin, and begins it in a copy of itself, so that no function waits for an interpreter.

What a function is comes by a line that only the copy reads: nothing of it is ever in the memory from which the next one is
copied. A copy is the first process of namespaces of its own, and is shut in by a list of system calls that the cloud has made
for it, before anything of the function is looked at.
"""

import ctypes
import errno
import gc
import importlib
import os
import select
import socket
import struct
import sys
import time

import bootstrap

ORDER_MAX = 128 << 10
DESCRIPTORS_MAX = 8
MOUNTS, NAMES, MESSAGES, PROCESSES, NETWORK = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


class Order:
    """What a copy is to do, as it comes by the line."""

    def __init__(self, message):
        self.message, self.at = message, 0

    def number(self, form):
        (number,) = struct.unpack_from("<" + form, self.message, self.at)
        self.at += struct.calcsize("<" + form)
        return number

    def text(self):
        length = self.number("I")
        self.at += length
        return self.message[self.at - length : self.at]

    def times(self):
        return range(self.number("I"))

    def word(self):
        """What a system call is given, and what must live until it is back."""
        kind = self.number("B")
        if kind == 0:
            return ctypes.c_ulong(self.number("Q")), None
        kept = ctypes.create_string_buffer(self.text())
        if kind == 2:
            head = ctypes.create_string_buffer(struct.pack("@HP", (len(kept) - 1) // 8, ctypes.addressof(kept)))
            return ctypes.c_void_p(ctypes.addressof(head)), (kept, head)
        return ctypes.c_void_p(ctypes.addressof(kept)), kept


def done(code, needed=True):
    if code == -1 and needed:
        raise OSError(ctypes.get_errno(), "refused")


def shut_in(order):
    for _ in order.times():
        if order.number("B") == 2:
            file, text = order.text(), order.text()
            opened = os.open(file, os.O_WRONLY)
            os.write(opened, text)
            os.close(opened)
            continue
        number, needed = order.number("q"), order.number("B")
        words = [order.word() for _ in order.times()]
        done(libc.syscall(ctypes.c_long(number), *(word for word, _ in words)), needed)


def become(order):
    """Takes a function's environment, also where the kernel shows it."""
    env = [(order.text(), order.text()) for _ in order.times()]
    # The interpreter's own, where the machine has no such language.
    kept = {name: value for name, value in os.environb.items() if name == b"LC_CTYPE"}
    os.environb.clear()
    os.environb.update(kept)
    for name, value in env:
        os.environb[name] = value
    time.tzset()
    with open("/proc/self/stat", "rb") as stat:
        fields = stat.read().rpartition(b")")[2].split()
    begin, end = int(fields[47]), int(fields[48])
    shown = b"".join(name + b"=" + value + b"\0" for name, value in env)
    if 0 < begin < end and len(shown) <= end - begin:
        ctypes.memset(begin, 0, end - begin)
        ctypes.memmove(begin, shown, len(shown))
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    sys.argv = [bootstrap.__file__]


def copy(line):
    """In a child of the template: makes the copy, tells of it, and ends. Comes back in the copy."""
    message, descriptors, _, _ = socket.recv_fds(line, ORDER_MAX, DESCRIPTORS_MAX)
    if not message:
        os._exit(1)
    streams, (network, home), doors = descriptors[:3], descriptors[3:5], descriptors[5:]
    known, tell = os.pipe()
    order = Order(message)
    try:
        # Where the cloud's own files are.
        done(libc.setns(home, MOUNTS))
        for door in doors:
            os.write(door, b"0")
        done(libc.setns(network, NETWORK))
        done(libc.unshare(PROCESSES))
        child = os.fork()
    except OSError as error:
        line.send(struct.pack("<II", 0, error.errno))
        os._exit(0)
    if child:
        os.close(tell)
        problem = os.read(known, 4)
        line.send(struct.pack("<II", child, int.from_bytes(problem, "little")))
        os._exit(0)
    try:
        done(libc.unshare(MOUNTS | NAMES | MESSAGES))
        shut_in(order)
        become(order)
    except BaseException as error:
        os.write(tell, struct.pack("<I", getattr(error, "errno", None) or errno.EINVAL))
        os._exit(1)
    line.detach()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    # Also the one that tells, at whose end the copy is known to be shut in.
    os.closerange(3, max(descriptors + [known, tell]) + 1)


def wait():
    line = socket.socket(fileno=os.dup(0))
    # Nobody's garbage is looked for in what all copies share.
    gc.freeze()
    line.send(b"ready")
    while True:
        select.select([line], [], [])
        child = os.fork()
        if child == 0:
            return copy(line)
        _, status = os.waitpid(child, 0)
        if status:
            os._exit(0)


if __name__ == "__main__":
    wait()
    bootstrap.main()
