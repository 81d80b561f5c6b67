"""What becomes of a function that nobody calls: after a while nothing of it runs, and then it runs again."""

from pathlib import Path

from test_lambda import eventually, invoke, make, runs_here  # noqa: F401

# It leaves a process behind, which this machine knows by its words.
LEAVES = """
import subprocess, sys, uuid
own = str(uuid.uuid4())
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100000)", own])
def handler(event, context):
    return own
"""


def processes(words):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_five_minutes_after_its_last_event_it_is_gone(own_cloud, own_account):
    client = make(own_account, LEAVES)
    own = invoke(client)[1]
    assert processes(own)
    for _ in range(2):
        own_cloud.run("clock", "+280s")
        error, got, log = invoke(client)
        assert (error, got, "Init Duration" in log) == (None, own, False), "each event begins its time anew"
    own_cloud.run("clock", "+300s")
    assert eventually(lambda: not processes(own))
    error, other, log = invoke(client)
    assert error is None
    assert other != own
    assert "Init Duration" in log
    assert processes(other)
