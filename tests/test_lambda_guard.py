"""What keeps hostile functions in: system calls, memory, files, networks, each other; and that they stand still."""

import io
import socket
import time
import zipfile

from cloudtest import refused
from test_lambda import invoke, make, role, runs_here  # noqa: F401

CALLS = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, *arguments):
    ctypes.set_errno(0)
    done = getattr(libc, name)(*arguments)
    return errno.errorcode[ctypes.get_errno()] if done == -1 else "done"
def opened(family):
    try:
        socket.socket(family, socket.SOCK_RAW if family == socket.AF_PACKET else socket.SOCK_STREAM).close()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
def handler(event, context):
    fork = os.fork()
    if fork == 0:
        os._exit(7)
    _, status = os.waitpid(fork, 0)
    with open("/proc/self/status") as lines:
        filters = [line.split()[1] for line in lines if line.startswith("Seccomp:")]
    return {
        "mount": tried("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "ptrace": tried("ptrace", 0, 0, 0, 0),
        "unshare": tried("unshare", 0x10000000),
        "memfd": tried("memfd_create", b"x", 0),
        "shm": tried("shmget", 0, 4096, 0o1777),
        "keyctl": tried("syscall", event["keyctl"], 0, 0, 0),
        "bpf": tried("syscall", event["bpf"], 0, 0, 0),
        "kexec": tried("syscall", event["kexec"], 0, 0, 0, 0),
        "module": tried("syscall", event["module"], 0, 0, 0),
        "vsock": opened(40),
        "packet": opened(socket.AF_PACKET),
        "unix": opened(socket.AF_UNIX),
        "fork": os.waitstatus_to_exitcode(status),
        "filters": filters,
    }
"""

# All that the kernel tells a process of itself and of others, where that may be read.
LOOKS = """
import os
def said(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""
def handler(event, context):
    files = [os.path.join(at, name) for at, _, names in os.walk("/proc/self") for name in names]
    files += [f"/proc/{name}" for name in os.listdir("/proc")] + ["/proc/1/mountinfo", "/proc/1/environ"]
    links = [os.path.join(at, name) for at, folders, names in os.walk("/proc/self") for name in folders + names]
    links = [os.readlink(link) for link in links if os.path.islink(link) and os.path.lexists(link)]
    endless = ("kmsg", "kcore", "pagemap", "mem", "sysrq-trigger")
    texts = {file: said(file) for file in files if not file.endswith(endless)}
    return {
        "telling": [file for file, text in texts.items() if any(word.encode() in text for word in event)],
        "links": [link for link in links if any(word in link for word in event)],
        "mounts": said("/proc/self/mountinfo").decode(),
        "looked": len(texts),
        "command": said("/proc/self/cmdline").decode(),
    }
"""


def test_nothing_tells_where_the_cloud_keeps_what_is_its_own(account):
    runs = role(account)
    # Until one begins as a copy, too.
    for number in range(30):
        client = make(account, LOOKS, name=f"it{number}", Role=runs)
        error, got, _ = invoke(client, [str(account.cloud.data), "functions/"], name=f"it{number}")
        assert error is None, got
        assert got["looked"] > 50
        assert (got["telling"], got["links"]) == ([], []), got["mounts"]
        # A bind of the machine's own is of what every machine has there.
        bound = [line.split()[3:5] for line in got["mounts"].splitlines() if line.split()[3] != "/"]
        elsewhere = [root for root, at in bound if not at.startswith("/dev/") and not root.startswith("/usr")]
        assert elsewhere == [], got["mounts"]
        if "template.py" in got["command"]:
            return
        time.sleep(0.2)
    raise AssertionError("no function began as a copy")


NUMBERS = {
    "x86_64": {"keyctl": 250, "bpf": 321, "kexec": 246, "module": 175},
    "aarch64": {"keyctl": 219, "bpf": 280, "kexec": 104, "module": 105},
}


def test_calls_that_no_function_needs(account):
    import platform

    client = make(account, CALLS)
    error, got, _ = invoke(client, NUMBERS[platform.machine()])
    assert error is None, got
    assert got.pop("filters") == ["2"]
    assert (got.pop("fork"), got.pop("unix")) == (7, "done")
    assert (got.pop("vsock"), got.pop("packet")) == ("EAFNOSUPPORT", "EAFNOSUPPORT")
    assert got == dict.fromkeys(got, "EPERM")


SCANS = """
import errno, os, socket, urllib.error, urllib.request
def reaches(address, port):
    with socket.socket() as stream:
        stream.settimeout(1)
        try:
            stream.connect((address, port))
            return True
        except OSError:
            return False
def asked(url):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
def handler(event, context):
    if isinstance(event, str):
        return asked(event)
    return [target for target in event if reaches(*target)]
"""


def test_there_is_no_network_but_the_cloud(account):
    client = make(account, SCANS)
    other = socket.create_server(("127.0.0.1", 0))
    targets = [
        ["127.0.0.1", other.getsockname()[1]],
        ["127.0.0.1", 22],
        ["127.0.0.1", 80],
        ["169.254.169.254", 80],
        ["10.0.0.1", 80],
        ["172.17.0.1", 80],
        ["192.168.0.1", 80],
        ["1.1.1.1", 53],
    ]
    error, got, _ = invoke(client, targets)
    assert (error, got) == (None, [])
    other.close()
    # The cloud is at its own port, too; as what comes from there is from nobody on this machine, its own pages are not.
    for port in (4566, account.cloud.port):
        assert invoke(client, f"http://127.0.0.1:{port}/_virga/reset")[1] == 403


THIEF = """
import os, urllib.request
def handler(event, context):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found.append(open(f"/proc/{name}/environ").read())
            except OSError:
                pass
    for folder, _, files in os.walk("/tmp"):
        found.extend(open(os.path.join(folder, file)).read() for file in files)
    return {"seen": "\\n".join(found), "own": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]}
"""


def test_functions_do_not_see_each_other(account):
    secret = (
        "import os\ndef handler(event, context):\n    open('/tmp/x', 'w').write('treasure')\n    return os.getpid()\n"
    )
    victim = make(account, secret, name="victim", Environment={"Variables": {"SECRET": "treasure"}})
    role = victim.get_function(FunctionName="victim")["Configuration"]["Role"]
    assert invoke(victim, name="victim")[0] is None
    thief = make(account, THIEF, name="thief", Role=role)
    error, got, _ = invoke(thief, name="thief")
    assert error is None
    assert got["own"] in got["seen"]
    assert "treasure" not in got["seen"]
    assert "victim" not in got["seen"]


FILLS = """
import os
def handler(event, context):
    with open("/tmp/large", "wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, event << 20)
            return "there"
        except OSError as error:
            return error.errno
"""


def test_its_disk_has_an_end(account):
    client = make(account, FILLS, MemorySize=1024)
    assert invoke(client, 16)[1] == "there"
    assert invoke(client, 513)[1] == 28, "ENOSPC"
    client.update_function_configuration(FunctionName="it", EphemeralStorage={"Size": 600})
    assert invoke(client, 513)[1] == "there"


SHARES = """
import mmap, os, time
def handler(event, context):
    kept = mmap.mmap(-1, event << 20)
    for at in range(0, event << 20, 4096):
        kept[at] = 1
    if os.fork() == 0:
        time.sleep(30)
    time.sleep(20)
    return len(kept)
"""


def test_shared_memory_counts(account):
    client = make(account, SHARES, MemorySize=128, Timeout=60)
    error, got, _ = invoke(client, 300)
    assert error == "Unhandled"
    assert got["errorMessage"].endswith("signal: killed")


def test_an_archive_stays_where_it_is_unpacked(account):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../../escaped.py", "x")
    client = make(account, "def handler(event, context):\n    return 1\n")
    why = "Could not unzip uploaded file. Please check your file, then try to upload again."
    with refused("InvalidParameterValueException", why, 400):
        client.update_function_code(FunctionName="it", ZipFile=out.getvalue())
    with refused("InvalidParameterValueException", why, 400):
        client.publish_layer_version(LayerName="l", Content={"ZipFile": out.getvalue()})


TICKS = """
import threading, time
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    time.sleep(0.1)
    gaps = [later - earlier for earlier, later in zip(ticks, ticks[1:])]
    return max(gaps, default=0)
"""


def test_between_events_all_stands_still(account):
    client = make(account, TICKS)
    assert invoke(client)[0] is None
    time.sleep(3)
    error, gap, log = invoke(client)
    assert error is None
    assert "Init Duration" not in log, "it is the same environment"
    assert gap > 1.5, "its threads did not run meanwhile"
    assert invoke(client)[0] is None
