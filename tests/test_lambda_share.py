"""Functions are held to their memory, and to processors by their memory, where this machine gives control groups."""

import time

import pytest
from test_lambda import doctor, invoke, make, runs_here  # noqa: F401

# What of a processor it got while it span for two seconds.
SPINS = """
import os, time
def handler(event, context):
    began, before = time.monotonic(), sum(os.times()[:2])
    while time.monotonic() < began + 2:
        pass
    return (sum(os.times()[:2]) - before) / (time.monotonic() - began)
"""

# Children that have more together than any of them may alone.
HOARDS = """
import os, time
def handler(event, context):
    for _ in range(event["children"]):
        if os.fork() == 0:
            kept = bytearray(event["mib"] << 20)
            time.sleep(5)
            os._exit(0)
    codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(event["children"])]
    return codes
"""


FILLS = """
def handler(event, context):
    with open("/tmp/big", "wb") as file:
        for _ in range(100):
            file.write(bytes(4 << 20))
"""


@pytest.fixture(scope="module", autouse=True)
def limits(cloud):
    found = doctor(cloud)
    if not found["limits"]["good"]:
        assert "no control groups" in found["functions"]["detail"]
        pytest.skip(found["limits"]["detail"])
    assert "held to their memory, and to processors" in found["functions"]["detail"]


def test_processors_follow_the_memory(account):
    client = make(account, SPINS, MemorySize=128, Timeout=10)
    error, got, _ = invoke(client)
    assert (error, got < 0.2) == (None, True), got
    client.update_function_configuration(FunctionName="it", MemorySize=885)
    error, got, _ = invoke(client)
    assert error is None
    assert 0.2 < got < 0.7, "half a processor, where there is one"


def test_a_beginning_has_all_of_a_processor(account):
    busy = "import time\nbegan = time.process_time()\nwhile time.process_time() < began + 0.5: pass\n"
    client = make(account, busy + "def handler(event, context): return 1\n", MemorySize=128)
    began = time.monotonic()
    assert invoke(client)[:2] == (None, 1)
    assert time.monotonic() - began < 4, "at its share half a second's work takes seven"


def test_events_of_small_functions_are_not_slowed(account):
    client = make(account, "def handler(event, context): return 1\n", MemorySize=128)
    invoke(client)
    took = []
    for _ in range(40):
        began = time.monotonic()
        assert invoke(client)[:2] == (None, 1)
        took.append(time.monotonic() - began)
        time.sleep(0.05)
    assert sorted(took)[20] < 0.05, sorted(took)


def test_memory_is_limited_for_all_its_processes_together(account):
    client = make(account, HOARDS, MemorySize=128, Timeout=20, EphemeralStorage={"Size": 512})
    error, got, _ = invoke(client, {"children": 8, "mib": 200})
    assert error == "Unhandled" or -9 in got, got
    assert invoke(client, {"children": 0, "mib": 0})[:2] == (None, [])


def test_what_is_in_tmp_is_not_taken_from_the_memory(account):
    client = make(account, FILLS, MemorySize=128, Timeout=20)
    assert invoke(client)[:2] == (None, None)
