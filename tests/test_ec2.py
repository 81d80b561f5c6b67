"""Instances with a real client: boto3 and its waiters, from a key pair to the end."""

import http.client
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from cloudtest import allow, binary, refused

WAIT = {"Delay": 1, "MaxAttempts": 60}
IMAGE = "ami-0a1f5c0de0b1a0001"


@pytest.fixture
def ec2(account):
    return account.client("ec2")


def says(ec2, instance, what, times=1):
    """Waits until the machine's console has said something so often."""
    for _ in range(100):
        said = ec2.get_console_output(InstanceId=instance).get("Output", "")
        if said.count(what) == times:
            return
        time.sleep(0.1)
    raise AssertionError(said)


def test_an_instance_boots_runs_its_script_and_goes(machines, ec2):
    ec2.create_key_pair(KeyName="mine", KeyType="ed25519")
    made = ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        KeyName="mine",
        UserData="#!/bin/sh\necho the script ran\n",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}],
    )
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    says(ec2, instance, "the script ran")
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.start_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert not ec2.describe_network_interfaces()["NetworkInterfaces"]


def test_who_may_launch(account, ec2):
    user = account.user("starter", allow(["ec2:StartInstances"])).client("ec2")
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    with refused("UnauthorizedOperation"):
        user.run_instances(**launch)
    with refused("InvalidInstanceID.NotFound"):
        ec2.stop_instances(InstanceIds=["i-00000000000000000"])


def test_a_machine_gets_no_more_memory_than_its_type_has(machines, cloud, ec2):
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    held = next(finding for finding in findings if finding["what"] == "limits")
    launch = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1}
    small = ec2.run_instances(InstanceType="t3.nano", **launch)["Instances"][0]["InstanceId"]
    large = ec2.run_instances(InstanceType="m5.4xlarge", **launch)["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[small, large], WaiterConfig=WAIT)
    # More than 512 MiB at once.
    hog = ["dd", "if=/dev/zero", "of=/dev/null", "bs=800M", "count=1"]
    killed = cloud.run("exec", small, "--", *hog, check=False).returncode != 0
    assert killed == held["good"]
    if not held["good"]:
        says(ec2, small, f"not held to what t3.nano has: {held['detail'].split(': ', 1)[1]}")
        return
    assert cloud.run("exec", large, "--", *hog, check=False).returncode == 0
    cpus = os.cpu_count()
    says(ec2, large, f"m5.4xlarge has 16 vCPUs, this machine {cpus}: it gets those", times=int(cpus < 16))
    ec2.terminate_instances(InstanceIds=[small, large])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[small, large], WaiterConfig=WAIT)


# One connection: its bytes a second, once what may come at once after a rest has come.
RECEIVE = """
import socket, time
listener = socket.create_server(("", 5201))
print("listens", flush=True)
connection, began, got = listener.accept()[0], time.monotonic(), 0
while time.monotonic() < began + 3:
    read = len(connection.recv(1 << 20))
    got += read if time.monotonic() > began + 1 else 0
print(got // 2)
"""
SEND = """
import socket, sys
out = socket.create_connection((sys.argv[1], 5201))
try:
    while True:
        out.sendall(bytes(1 << 20))
except OSError:
    pass
"""


def carried(cloud, sender, receiver, address):
    """Bits a second from one machine to another."""
    inside = [binary(), "--data", str(cloud.data), "exec", receiver, "--", "python3", "-c", RECEIVE]
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "listens\n"
        cloud.run("exec", sender, "--", "python3", "-c", SEND, address)
        return int(process.stdout.readline()) * 8


def test_a_machine_is_as_fast_on_the_network_as_its_type(machines, cloud, ec2):
    launch = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1}
    kinds = ["t2.nano", "t2.micro", "m5.large"]
    slow, fast, large = (ec2.run_instances(InstanceType=kind, **launch)["Instances"][0] for kind in kinds)
    ids = [instance["InstanceId"] for instance in (slow, fast, large)]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=ids, WaiterConfig=WAIT)
    types = ec2.describe_instance_types(InstanceTypes=["t2.nano"])["InstanceTypes"]
    [card] = types[0]["NetworkInfo"]["NetworkCards"]
    assert (card["BaselineBandwidthInGbps"], card["PeakBandwidthInGbps"]) == (0.032, 0.512)

    def between(sender, receiver):
        return carried(cloud, sender["InstanceId"], receiver["InstanceId"], receiver["PrivateIpAddress"])

    sends, receives, more = between(slow, large), between(large, slow), between(fast, large)
    for speed, most in [(sends, 512e6), (receives, 512e6), (more, 1024e6)]:
        assert most / 3 < speed < most * 1.15, (sends, receives, more)
    assert more > sends * 1.3
    ec2.terminate_instances(InstanceIds=ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=WAIT)


def nothing_left(pid):
    """No control group of a cloud that was killed: its host process takes them away."""
    groups = []
    for _ in range(100):
        groups = [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if f"/virga-{pid}-" in folder]
        if not groups:
            return
        time.sleep(0.1)
    raise AssertionError(groups)


def test_a_machine_comes_back_after_kill_9(machines, own_cloud):
    """The cloud dies at once, machines and all; started again, the machine boots again under its address."""
    ec2 = own_cloud.client("ec2")
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance = made["Instances"][0]["InstanceId"]
    address = made["Instances"][0]["PrivateIpAddress"]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    says(ec2, instance, " is up")
    pid = own_cloud.process.pid
    own_cloud.kill()
    nothing_left(pid)
    own_cloud.start()
    ec2 = own_cloud.client("ec2")
    says(ec2, instance, " is up", times=2)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"
    assert found["PrivateIpAddress"] == address
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)


def reachable(cloud, instance, key, *options, tries=40):
    """The result of the first login that works; a machine is `running` a moment before its SSH server listens."""
    for _ in range(tries):
        done = cloud.run("ssh", instance, "-i", str(key), *options, "--", "id -un; cat /etc/hostname", check=False)
        if done.returncode == 0:
            return done
        time.sleep(0.25)
    raise AssertionError(done.stderr)


def test_a_login_needs_the_key_and_the_groups_leave(logins, cloud, ec2, tmp_path):
    keys = {}
    for kind in ("ed25519", "rsa"):
        material = ec2.create_key_pair(KeyName=kind, KeyType=kind)["KeyMaterial"]
        keys[kind] = tmp_path / f"{kind}.pem"
        keys[kind].write_text(material)
        keys[kind].chmod(0o600)
    group = ec2.create_security_group(GroupName="ssh", Description="ssh")["GroupId"]
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": [group]}
    made = {kind: ec2.run_instances(KeyName=kind, **launch)["Instances"][0] for kind in keys}
    instances = {kind: one["InstanceId"] for kind, one in made.items()}
    ec2.get_waiter("instance_running").wait(InstanceIds=list(instances.values()), WaiterConfig=WAIT)
    # The group lets nobody in; within the machine no network is asked.
    closed = cloud.run("ssh", instances["ed25519"], "-i", str(keys["ed25519"]), "--", "true", check=False)
    assert closed.returncode == 255
    assert f"virga why --from 192.0.2.1 --to {instances['ed25519']} --port 22" in closed.stderr
    inside = reachable(cloud, instances["ed25519"], keys["ed25519"], "--inside")
    assert inside.stdout.splitlines()[1] == made["ed25519"]["PrivateDnsName"].split(".")[0]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="192.0.2.1/32")
    for kind, instance in instances.items():
        reachable(cloud, instance, keys[kind])
    # Another pair's key opens nothing, and the exit code is the command's.
    wrong = cloud.run("ssh", instances["rsa"], "-i", str(keys["ed25519"]), "--", "true", check=False)
    assert wrong.returncode == 255
    assert "Permission denied (publickey)" in wrong.stderr
    coded = cloud.run("ssh", instances["rsa"], "-i", str(keys["rsa"]), "--", "exit 7", check=False)
    assert coded.returncode == 7
    assert "SSH HOST KEY FINGERPRINTS" in cloud.run("console", instances["rsa"]).stdout
    ec2.terminate_instances(InstanceIds=list(instances.values()))
    ec2.get_waiter("instance_terminated").wait(InstanceIds=list(instances.values()), WaiterConfig=WAIT)


PAGE = """#!/bin/sh
mkdir /srv/page && cd /srv/page && echo 'hello from the machine' > index.html
exec python3 -m http.server 80
"""


def test_a_port_is_led_to_a_machine(machines, cloud, ec2):
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    instance = ec2.run_instances(
        ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, SecurityGroupIds=[group], UserData=PAGE
    )["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    command = [binary(), "--data", str(cloud.data), "forward", instance, "0:80", "--inside"]
    forward = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        here = forward.stdout.readline().split()[0]
        for _ in range(100):
            try:
                page = urllib.request.urlopen(f"http://{here}/", timeout=5).read()
                break
            except (urllib.error.URLError, ConnectionError, http.client.HTTPException):
                time.sleep(0.1)
        assert page == b"hello from the machine\n"
    finally:
        forward.kill()
        forward.wait()
    refused_port = cloud.run("forward", instance, "--stdio", "81", "--inside", check=False)
    assert refused_port.returncode != 0
    assert "no answer" in refused_port.stderr
    missing = cloud.run("forward", "i-00000000000000000", "--stdio", "81", check=False)
    assert "there is no instance i-00000000000000000" in missing.stderr
    # The page is for programs that upgrade only.
    with socket.create_connection(("127.0.0.1", cloud.port)) as plain:
        plain.sendall(b"POST /_virga/tunnel?instance=i-1&port=1&way=inside HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b" 400 " in plain.recv(100)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)


# What an application in a machine does: a token, with it the role's credentials; and how far the token could travel.
ASKS = """#!/usr/bin/python3
import json, socket, urllib.request
BASE = "http://169.254.169.254/latest/"
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
def ask(path, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(BASE + path, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=5).read().decode()
token = ask("api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
hops = []
wire.settimeout(1)
while not hops:
    packet = wire.recv(2048)
    if socket.inet_ntoa(packet[12:16]) == "169.254.169.254" and b"HTTP/1.1 200" in packet:
        hops.append(packet[8])
role = ask("meta-data/iam/security-credentials/", X_aws_ec2_metadata_token=token)
found = json.loads(ask("meta-data/iam/security-credentials/" + role, X_aws_ec2_metadata_token=token))
print("GIVEN " + json.dumps({"hops": hops, "role": role, **found}) + " END", flush=True)
"""


def test_a_machine_acts_as_the_role_of_its_profile(machines, account, ec2):
    iam = account.client("iam")
    account.role("app", {"Service": "ec2.amazonaws.com"}, allow("ec2:DescribeVpcs"))
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    made = ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Name": "app"},
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
        UserData=ASKS,
    )["Instances"][0]
    assert made["IamInstanceProfile"]["Arn"].endswith(":instance-profile/app")
    assert made["MetadataOptions"]["HttpTokens"] == "required"
    instance = made["InstanceId"]
    says(ec2, instance, " END")
    said = ec2.get_console_output(InstanceId=instance)["Output"]
    given = json.loads(said.split("GIVEN ")[1].split(" END")[0])
    assert given["hops"] == [3]
    arn = f"arn:aws:sts::{account.account}:assumed-role/app/{instance}"
    role = account.with_credentials({**given, "SessionToken": given["Token"]}, arn)
    assert role.client("sts").get_caller_identity()["Arn"] == arn
    assert role.client("ec2").describe_vpcs()["Vpcs"]
    with refused("UnauthorizedOperation"):
        role.client("ec2").describe_subnets()
    association = ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [instance]}]
    )["IamInstanceProfileAssociations"][0]
    ec2.disassociate_iam_instance_profile(AssociationId=association["AssociationId"])
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert "IamInstanceProfile" not in found
    assert found["MetadataOptions"]["HttpEndpoint"] == "disabled"
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)


def launched(ec2, **more):
    """A machine that runs."""
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, **more)
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    return instance


def test_exec_runs_a_command_in_a_machine(machines, cloud, ec2):
    name = f"near-{os.urandom(4).hex()}"
    ec2.create_placement_group(GroupName=name, Strategy="partition", PartitionCount=2)
    instance = launched(ec2, Placement={"GroupName": name, "PartitionNumber": 2})

    def run(*command):
        done = cloud.run("exec", instance, "--", *command, check=False)
        return done.returncode, done.stdout, done.stderr

    assert run("sh", "-c", "echo out; echo err >&2; exit 7") == (7, "out\n", "err\n")
    assert run("sh", "-c", "echo $$ > /var/pid; id -u; pwd; echo $HOME")[:2] == (0, "0\n/\n/root\n")
    assert run("no-such-program") == (127, "", "no-such-program is not there\n")
    assert run("/etc/passwd") == (126, "", "/etc/passwd cannot be run\n")
    assert run("sh", "-c", "kill -9 $$")[0] == 137
    # More than all that lies between the two can hold, and all of it before the end.
    code, out, _ = run("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert (code, len(out), out[-4:]) == (0, 3000005, "end\n")
    # What is left behind does not hold the command.
    began = time.monotonic()
    assert run("sh", "-c", "sleep 30 & echo done")[:2] == (0, "done\n")
    assert time.monotonic() - began < 10
    # The machine's own files, address and metadata, and none of this machine's.
    assert run("cat", "/etc/hostname")[1].startswith("ip-172-31-")
    metadata = "http://169.254.169.254/latest/meta-data/"
    assert run("curl", "-s", metadata + "instance-id")[1] == instance
    assert run("curl", "-s", metadata + "placement/group-name")[1] == name
    assert run("curl", "-s", metadata + "placement/partition-number")[1] == "2"
    name = run("cat", "/etc/hostname")[1].strip() + ".ec2.internal"
    assert run("getent", "hosts", name)[1].split()[1] == name
    assert run("test", "-e", str(cloud.data))[0] == 1
    told = cloud.ask("exec", instance, "--", "echo", "hello")
    assert told == {"exit_code": 0, "stdout": "hello\n", "stderr": ""}

    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    code, out, err = run("true")
    assert (code, out) == (1, "")
    assert f"{instance} is stopped: nothing can be run in it" in err
    ec2.terminate_instances(InstanceIds=[instance])


def test_exec_ends_with_whoever_asked(machines, cloud, ec2):
    instance = launched(ec2)
    command = [str(binary()), "--data", str(cloud.data), "exec", instance, "--", "sleep", "987.5"]
    waiting = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    sleeps = ("exec", instance, "--", "sh", "-c", "grep -lz 987[.]5 /proc/[0-9]*/cmdline | wc -l")

    def running():
        # The shell's own line holds the pattern, not the number.
        return cloud.run(*sleeps).stdout.strip() != "0"

    def until(wanted):
        for _ in range(100):
            if running() is wanted:
                return
            time.sleep(0.1)
        raise AssertionError(wanted)

    until(True)
    waiting.kill()
    waiting.wait()
    until(False)
    ec2.terminate_instances(InstanceIds=[instance])


def test_exec_names_what_is_wrong(cloud):
    for instance, why in [
        ("i-00000000000000000", "there is no instance i-00000000000000000"),
        ("web", '"web" is not the id of an instance (i-…)'),
    ]:
        done = cloud.run("exec", instance, "--", "true", check=False)
        assert done.returncode == 1
        assert why in done.stderr
    assert cloud.run("exec", "i-00000000000000000", check=False).returncode == 2


def test_why_tells_a_packets_way_with_live_counters(machines, cloud, ec2):
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    client = launched(ec2)
    server = launched(ec2, SecurityGroupIds=[group])
    found = ec2.describe_instances(InstanceIds=[server])["Reservations"][0]["Instances"][0]
    address = found["PrivateIpAddress"]
    way = ("why", "--from", client, "--to", server, "--port", "8080")
    stopped = cloud.run(*way, check=False)
    told = stopped.stdout
    assert stopped.returncode == 1
    assert "STOP eni-" in told
    assert "no ingress rule of its groups allows" in told
    assert told.endswith("it does not work\n")
    # What the model says is what packets meet, and they are counted where it says.
    get = ("exec", client, "--", "curl", "-s", "-m", "2", f"http://{address}:8080/etc/hostname")
    assert cloud.run(*get, check=False).returncode == 28
    stop = next(step for step in cloud.ask(*way, check=False)["forward"] if step["stopped"])
    assert stop["stopped"] == "SG_HAS_NO_RULES"
    assert stop["counter"]["packets"] > 0

    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=8080, ToPort=8080, CidrIp="0.0.0.0/0"
    )
    serve = "cd / && python3 -m http.server 8080 > /dev/null 2>&1 & sleep 1"
    cloud.run("exec", server, "--", "sh", "-c", serve)
    for _ in range(50):
        done = cloud.run(*get, check=False)
        if done.returncode == 0:
            break
        time.sleep(0.1)
    assert done.stdout == f"ip-{address.replace('.', '-')}\n"
    told = cloud.ask(*way)
    assert told["works"]
    assert told["back"]
    allowed = next(step for step in told["forward"] if "ingress rule sgr-" in (step["decided"] or ""))
    assert allowed["counter"]["packets"] >= 1
    assert cloud.run(*way).stdout.endswith("it works\n")
    echo = cloud.run("--json", "why", "--from", client, "--to", server, "--protocol", "icmp", check=False)
    assert (echo.returncode, json.loads(echo.stdout)["works"]) == (1, False)
    assert cloud.ask("why", "--from", client, "--to", "169.254.169.254", "--port", "80")["works"] is True
    ec2.terminate_instances(InstanceIds=[client, server])


def test_a_machine_of_ipv6_alone(machines, cloud, ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], Ipv6CidrBlock=block, Ipv6Native=True)["Subnet"]
    assert subnet["Ipv6Native"]
    assert "CidrBlock" not in subnet
    options = {"HttpProtocolIpv6": "enabled", "HttpTokens": "required"}
    instance = launched(ec2, SubnetId=subnet["SubnetId"], MetadataOptions=options)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert "PrivateIpAddress" not in found
    assert found["PrivateDnsName"] == f"{instance}.ec2.internal"
    script = (
        "cd /; m='http://[fd00:ec2::254]/latest'; "
        't=$(curl -sg -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $m/api/token); '
        'curl -sg -H "X-aws-ec2-metadata-token: $t" $m/meta-data/ipv6; '
        "echo; getent hosts $(hostname).ec2.internal"
    )
    told, name = cloud.run("exec", instance, "--", "sh", "-c", script).stdout.splitlines()
    assert told == found["Ipv6Address"]
    assert name.split() == [found["Ipv6Address"], f"{instance}.ec2.internal"]
    with refused("InvalidParameterValue"):
        ec2.modify_private_dns_name_options(InstanceId=instance, PrivateDnsHostnameType="ip-name")
    ec2.modify_private_dns_name_options(InstanceId=instance, EnableResourceNameDnsAAAARecord=False)
    gone = cloud.run("exec", instance, "--", "getent", "hosts", f"{instance}.ec2.internal", check=False)
    assert gone.returncode == 2
    ec2.terminate_instances(InstanceIds=[instance])


def test_a_stopped_machine_answers_nobody(machines, cloud, ec2):
    client, server = launched(ec2), launched(ec2)
    found = ec2.describe_instances(InstanceIds=[server])["Reservations"][0]["Instances"][0]
    [table] = ec2.describe_route_tables(Filters=[{"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    own = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "198.51.100.0/24"}
    ec2.create_route(**own, InstanceId=server)

    def route():
        [table] = ec2.describe_route_tables(RouteTableIds=[own["RouteTableId"]])["RouteTables"]
        [found] = [one for one in table["Routes"] if one.get("DestinationCidrBlock") == own["DestinationCidrBlock"]]
        return found["State"]

    def asks(expected):
        """Nobody listens at that port: who is there says so, and who is not says nothing."""
        get = ("exec", client, "--", "curl", "-s", "-m", "1", f"http://{found['PrivateIpAddress']}:9/")
        for _ in range(60):
            code = cloud.run(*get, check=False).returncode
            if code == expected:
                return
            time.sleep(0.1)
        pytest.fail(f"curl says {code}, not {expected}")

    way = ("why", "--from", client, "--to", server, "--port", "9")
    refuses, is_silent = 7, 28
    asks(refuses)
    assert cloud.ask(*way)["works"] is True
    assert route() == "active"
    ec2.stop_instances(InstanceIds=[server])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[server], WaiterConfig=WAIT)
    asks(is_silent)
    told = cloud.ask(*way, check=False)
    assert told["works"] is False
    assert [step["stopped"] for step in told["forward"] if step["stopped"]] == ["BAD_STATE_ATTACHMENT"]
    assert route() == "blackhole"
    # It is attached all the same.
    [interface] = found["NetworkInterfaces"]
    [shown] = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert (shown["Status"], shown["Attachment"]["InstanceId"]) == ("in-use", server)
    ec2.start_instances(InstanceIds=[server])
    ec2.get_waiter("instance_running").wait(InstanceIds=[server], WaiterConfig=WAIT)
    asks(refuses)
    assert route() == "active"
    ec2.terminate_instances(InstanceIds=[client, server])


def test_why_names_what_is_wrong(cloud):
    for arguments, why in [
        (("--from", "i-00000000000000000", "--to", "192.0.2.1", "--port", "1"), "there is no instance i-0"),
        (("--from", "web", "--to", "192.0.2.1", "--port", "1"), '"web" is no instance'),
        (("--from", "web", "--to", "192.0.2.1"), "a port from 1 to 65535 is needed"),
        (("--from", "a", "--to", "b", "--protocol", "icmp", "--port", "1"), "icmp has no ports"),
    ]:
        done = cloud.run("why", *arguments, check=False)
        assert done.returncode == 1
        assert why in done.stderr
    for arguments in [(), ("--from", "web"), ("request", "--from", "a", "--to", "b")]:
        assert cloud.run("why", *arguments, check=False).returncode == 2


def test_a_launch_template_launches(machines, ec2):
    made = ec2.create_launch_template(
        LaunchTemplateName="web",
        LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.micro", "UserData": "IyEvYmluL3NoCmVjaG8gb25lCg=="},
    )["LaunchTemplate"]
    template = made["LaunchTemplateId"]
    ec2.create_launch_template_version(
        LaunchTemplateId=template,
        SourceVersion="1",
        LaunchTemplateData={"UserData": "IyEvYmluL3NoCmVjaG8gdHdvCg=="},
    )
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(
        LaunchTemplateId=template, PaginationConfig={"PageSize": 1}
    )
    assert [version["VersionNumber"] for page in pages for version in page["LaunchTemplateVersions"]] == [2, 1]
    by = {"LaunchTemplateId": template, "Version": "$Latest"}
    launched = ec2.run_instances(LaunchTemplate=by, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    says(ec2, launched, "two")
    data = ec2.get_launch_template_data(InstanceId=launched)["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == (IMAGE, "t3.micro")
    ec2.terminate_instances(InstanceIds=[launched])
    ec2.delete_launch_template(LaunchTemplateId=template)
    with refused("InvalidLaunchTemplateId.NotFound"):
        ec2.run_instances(LaunchTemplate=by, MinCount=1, MaxCount=1)


def test_a_zone_fails_and_comes_back(machines, own_cloud):
    """Its machines and their links really go, also over a kill -9; restored, they boot again under their addresses."""
    ec2 = own_cloud.client("ec2")

    def start(zone):
        launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        made = ec2.run_instances(Placement={"AvailabilityZone": zone}, **launch)["Instances"][0]
        ec2.get_waiter("instance_status_ok").wait(InstanceIds=[made["InstanceId"]], WaiterConfig=WAIT)
        return made["InstanceId"], made["PrivateIpAddress"]

    def reaches():
        get = ("curl", "-s", "-m", "1", f"http://{address}:8080/etc/hostname")
        return own_cloud.run("exec", far, "--", *get, check=False).returncode == 0

    def until(what):
        for _ in range(100):
            if what():
                return
            time.sleep(0.1)
        raise AssertionError(what)

    def state(instance):
        asked = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"][0]
        return asked["InstanceState"]["Name"], asked["SystemStatus"]["Status"]

    near, address = start("us-east-1a")
    far, _ = start("us-east-1b")
    serve = "cd / && python3 -m http.server 8080 > /dev/null 2>&1 &"
    own_cloud.run("exec", near, "--", "sh", "-c", serve)
    until(reaches)

    assert own_cloud.ask("az") == {"failed": []}
    assert own_cloud.ask("az", "fail", "us-east-1a")["failed"][0]["zone"] == "us-east-1a"
    until(lambda: own_cloud.run("exec", near, "--", "true", check=False).returncode == 1)
    assert not reaches()
    assert state(near) == ("running", "impaired")
    assert state(far) == ("running", "ok")
    with refused("InsufficientInstanceCapacity"):
        start("us-east-1a")
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    until(lambda: own_cloud.run("exec", far, "--", "true", check=False).returncode == 0)
    assert own_cloud.run("exec", near, "--", "true", check=False).returncode == 1
    assert own_cloud.run("az").stdout.startswith("us-east-1a  failed since ")

    assert own_cloud.run("az", "restore", "us-east-1a").stdout == "every zone is available\n"
    until(lambda: own_cloud.run("exec", near, "--", "true", check=False).returncode == 0)
    assert state(near) == ("running", "ok")
    own_cloud.run("exec", near, "--", "sh", "-c", serve)
    until(reaches)
    ec2.terminate_instances(InstanceIds=[near, far])


def test_zones_are_ordered_by_name(own_cloud):
    done = own_cloud.run("az", "fail", "us-east-1z", check=False)
    assert done.returncode == 1
    assert 'there is no availability zone "us-east-1z"' in done.stderr
    assert own_cloud.run("az", "break", "us-east-1a", check=False).returncode == 2
