"""An ordinary user's cloud: its networks and machines are in a user namespace, and nothing of the host's changes."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from cloudtest import Cloud, binary

IMAGE = "ami-0a1f5c0de0b1a0001"
VIRTUAL = "ami-0a1f5c0de0b1a0002"
WAIT = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture
def user():
    """The number of somebody who is nobody here, another for each worker and run."""
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user: all of them show what this one does")
    return 61_000 + os.getpid() % 4_000


@pytest.fixture
def cloud(user):
    """That user's cloud, in a folder that is theirs; the program is one that they may read."""
    folder = Path(tempfile.mkdtemp(prefix="virga-rootless-"))
    program = folder / "virga"
    shutil.copy(binary(), program)
    program.chmod(0o755)
    # As an ordinary user's own `make` would have put the kernel for virtual machines there.
    kernel = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "virga/guest"
    if kernel.exists():
        shutil.copytree(kernel, folder / ".cache/virga/guest", symlinks=True)
    for place, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            os.chown(Path(place) / name, user, user, follow_symlinks=False)
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    cloud = Cloud(folder, program=program, user=user, environment=environment).start()
    findings = {finding["what"]: finding for finding in json.loads(told(cloud))["findings"]}
    if not findings["networks"]["good"]:
        cloud.kill()
        shutil.rmtree(folder)
        pytest.skip(findings["networks"]["detail"])
    yield cloud
    cloud.kill()
    gone(user)
    shutil.rmtree(folder)


def told(cloud):
    return cloud.run("doctor", "--json", check=False).stdout


def processes(user):
    """The user's, by their names."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if lines["Uid"].split() == [str(user)] * 4 and not lines["State"].strip().startswith("Z"):
            found.append(lines["Name"].strip())
    return found


def gone(user):
    """What ran for the user's cloud ends with it."""
    deadline = time.monotonic() + 20
    while processes(user):
        assert time.monotonic() < deadline, processes(user)
        time.sleep(0.1)


def outside():
    """What the host itself has: links, named network namespaces, mounts, packet filters where they can be listed."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout
    nft = shutil.which("nft")
    rules = subprocess.run([nft, "list", "ruleset"], capture_output=True, text=True).stdout if nft else None
    namespaces = sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []
    return {
        "links": sorted(line.split(":")[1].strip() for line in links.splitlines()),
        "rules": rules,
        "namespaces": namespaces,
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if "virga-rootless" in line],
    }


def test_the_shop_holds_for_an_ordinary_user(cloud, user):
    before = outside()
    status = Path(f"/proc/{cloud.process.pid}/status").read_text()
    assert f"Uid:\t{user}\t{user}\t{user}\t{user}\n" in status
    assert "CapEff:\t0000000000000000\n" in status
    shop = json.loads(cloud.run("demo", "--json", check=False).stdout)
    assert [proof for proof in shop["proofs"] if not proof["good"]] == []
    assert shop["proofs"]
    # Its machines run, and nothing of them is seen from outside but processes of the user's.
    ec2 = cloud.client("ec2")
    groups = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])["Reservations"]
    instances = [one["InstanceId"] for group in groups for one in group["Instances"]]
    assert len(instances) == 5
    assert outside() == before
    for instance in instances:
        assert cloud.run("exec", instance, "--", "id", "-u").stdout == "0\n"
    assert cloud.run("demo", "--down").stdout == "the shop is gone\n"
    assert cloud.stop() == 0
    gone(user)
    assert outside() == before


def test_a_machine_of_an_ordinary_user_survives_kill_9(cloud, user):
    ec2 = cloud.client("ec2")
    script = "#!/bin/sh\necho written by root inside > /var/note\nchown 1:1 /var/note || echo no other user\n"
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, UserData=script)
    instance = made["Instances"][0]["InstanceId"]
    address = made["Instances"][0]["PrivateIpAddress"]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)

    def read():
        deadline = time.monotonic() + 60
        while True:
            done = cloud.run("exec", instance, "--", "cat", "/var/note", check=False)
            if done.returncode == 0:
                return done.stdout
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.2)

    assert read() == "written by root inside\n"
    cloud.restart()
    assert read() == "written by root inside\n"
    addresses = cloud.run("exec", instance, "--", "ip", "-4", "-o", "address").stdout
    assert f" {address}/" in addresses
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)


def test_what_an_ordinary_user_lacks_is_told(cloud):
    findings = {finding["what"]: finding for finding in json.loads(told(cloud))["findings"]}
    ec2 = cloud.client("ec2")
    ec2.create_key_pair(KeyName="mine", KeyType="ed25519")
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="mine")
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    said = ec2.get_console_output(InstanceId=instance)["Output"]
    # Somebody without a range of user ids of their own cannot have others log in, and holds nobody to limits.
    assert not findings["logins"]["good"]
    assert "install uidmap, and give yourself a range in /etc/subuid and /etc/subgid" in findings["logins"]["detail"]
    assert "nobody can log in by SSH: virga doctor says why" in said
    assert not findings["limits"]["good"]
    assert f"not held to what t3.micro has: {findings['limits']['detail'].split(': ', 1)[1]}" in said


def test_a_virtual_machine_of_an_ordinary_user_has_a_kernel_of_its_own(cloud, user):
    findings = {finding["what"]: finding for finding in json.loads(told(cloud))["findings"]}
    if not findings["virtual machines"]["good"] and "TCG" not in findings["virtual machines"]["detail"]:
        pytest.skip(findings["virtual machines"]["detail"])
    ec2 = cloud.client("ec2")
    script = "#!/bin/sh\necho the script ran on $(uname -r)\n"
    made = ec2.run_instances(ImageId=VIRTUAL, InstanceType="t3.micro", MinCount=1, MaxCount=1, UserData=script)
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    deadline = time.monotonic() + 240
    while "the script ran on " not in ec2.get_console_output(InstanceId=instance).get("Output", ""):
        assert time.monotonic() < deadline, ec2.get_console_output(InstanceId=instance)
        time.sleep(0.5)
    kernel = cloud.run("exec", instance, "--", "uname", "-r").stdout.strip()
    assert kernel != os.uname().release
    assert f"the script ran on {kernel}" in ec2.get_console_output(InstanceId=instance)["Output"]
    assert [name for name in processes(user) if name.startswith("qemu")]
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert not [name for name in processes(user) if name.startswith("qemu")]
