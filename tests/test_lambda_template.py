"""Functions that begin as copies of an interpreter that has begun: quickly, and shut in as all others."""

import statistics
import time

import pytest
from test_lambda import invoke, make, runs_here  # noqa: F401

# What the kernel says of a process, and of what it stands in.
TELLS = """
import os, sys, resource
def lines(file, *names):
    with open(file) as text:
        return [line for line in text.read().splitlines() if line.startswith(names)]
def handler(event, context):
    names = ("Uid", "Gid", "Groups", "NSpid", "Cap", "NoNewPrivs", "Seccomp", "SigIgn", "SigBlk")
    status = lines("/proc/self/status", *names)
    # The bounding set of a copy is that of whoever began it; nothing can come of it.
    return {
        "status": [line for line in status if not line.startswith("CapBnd")],
        "maps": [lines("/proc/self/uid_map", ""), lines("/proc/self/gid_map", "")],
        "mounts": sorted(line.split()[4] + " " + line.split()[5] for line in lines("/proc/self/mountinfo", "")),
        "limits": lines("/proc/self/limits", ""),
        "open": sorted(os.listdir("/proc/self/fd"))[:3],
        "path": sys.path, "argv": sys.argv, "cwd": os.getcwd(), "root": sorted(os.listdir("/")),
        "env": sorted(os.environ), "shown": sorted(
            pair.split("=")[0] for pair in open("/proc/self/environ").read().split("\\0") if pair),
        "out": [sys.stdout.encoding, sys.stdout.line_buffering], "host": os.uname().nodename,
        "command": open("/proc/self/cmdline").read().split("\\0"),
    }
"""


def is_copy(told):
    return any(word.endswith("template.py") for word in told["command"])


def begun(account, name, role, **more):
    client = make(account, TELLS, name=name, Role=role, **more)
    error, told, _ = invoke(client, name=name)
    assert error is None, told
    return told


@pytest.fixture
def role(account):
    return make(account, TELLS, name="first").get_function(FunctionName="first")["Configuration"]["Role"]


def copied(account, role):
    """The first one may be there before the interpreter is."""
    for number in range(30):
        told = begun(account, f"copy{number}", role)
        if is_copy(told):
            return told
        time.sleep(0.2)
    raise AssertionError("no function began as a copy")


def test_a_copy_is_shut_in_as_a_program_is(account, role):
    copy = copied(account, role)
    # What the interpreter looks for when it starts cannot be told to a copy.
    program = begun(account, "program", role, Environment={"Variables": {"PYTHONUTF8": "1"}})
    assert not is_copy(program)
    for told in (copy, program):
        told.pop("command")
        # What the interpreter has put there itself, and what comes with each event.
        own = ("PYTHONUTF8", "LC_CTYPE", "_X_AMZN_TRACE_ID")
        for names in ("env", "shown"):
            told[names] = [name for name in told[names] if name not in own]
        assert told["env"] == told["shown"]
    assert copy == program


def test_nothing_of_a_function_is_in_the_next(account, role):
    looks = """
import os, re
def handler(event, context):
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in place.split("-"))
            if "r" in rights and "[v" not in line:
                memory.seek(begin)
                try:
                    found += memory.read(end - begin).count(event["a"].encode() + event["b"].encode())
                except OSError:
                    pass
    return [found, open("/proc/self/cmdline").read()]
"""
    copied(account, role)
    secret = {"Variables": {"OWN": "quite-a-secret-0815"}}
    for name in ("victim1", "victim2"):
        begun(account, name, role, Environment=secret)
    client = make(account, looks, name="thief", Role=role)
    error, (found, command), _ = invoke(client, {"a": "quite-a-", "b": "secret-0815"}, name="thief")
    assert error is None
    assert "template.py" in command
    assert found <= 1, "but for what it has just put together itself"


def test_a_copy_costs_little(account, role):
    """Beside a program of its own, in the same minute."""

    def took(name, **more):
        client = make(account, TELLS, name=name, Role=role, **more)
        _, _, log = invoke(client, name=name)
        return float(log.split("Init Duration: ")[1].split(" ")[0])

    copied(account, role)
    copies = statistics.median(took(f"c{number}") for number in range(5))
    slow = {"Environment": {"Variables": {"PYTHONUTF8": "1"}}}
    programs = statistics.median(took(f"p{number}", **slow) for number in range(5))
    print(f"copies {copies} ms, programs {programs} ms")
    assert copies < programs, (copies, programs)


def test_names_come_by_chance_in_each(account, role):
    copied(account, role)
    source = "import random, tempfile\ndef handler(event, context):\n    return [random.random(), tempfile.mktemp()]\n"
    drawn = []
    for number in range(3):
        client = make(account, source, name=f"r{number}", Role=role)
        drawn.append(tuple(invoke(client, name=f"r{number}")[1]))
    assert len({number for number, _ in drawn}) == 3
    assert len({name for _, name in drawn}) == 3
