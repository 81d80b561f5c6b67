"""Two hundred rounds of making and removing, with kills between them: what is left on the machine is nothing."""

import os
import random
import time
from pathlib import Path

from botocore.exceptions import ClientError
from cloudtest import eventually
from test_ec2 import IMAGE, WAIT, nothing_left

ROUNDS = 200
KILLS = 8
ZONE = "us-east-1a"
# What may be asked at a wrong moment, or of what has gone meanwhile, is refused, and that is all right.
UNTIMELY = {
    "DependencyViolation",
    "IncorrectInstanceState",
    "IncorrectState",
    "InvalidParameterValue",
    "InvalidStateTransition",
    "InvalidSubnet.Conflict",
    "NatGatewayLimitExceeded",
    "VolumeInUse",
    "VpcPeeringConnectionAlreadyExists",
}


def family(pid):
    """The processes that a process has started, and those that they have."""
    parents = {}
    for each in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(each))
    found, rest = [], [pid]
    while rest:
        children = parents.get(rest.pop(), [])
        found += children
        rest += children
    return found


def held(cloud):
    """What the processes of the data plane have: descriptors, and links in their own network."""
    found = []
    for pid in sorted(family(cloud.process.pid)):
        try:
            links = len(Path(f"/proc/{pid}/net/dev").read_text().splitlines())
            found.append((len(os.listdir(f"/proc/{pid}/fd")), links))
        except OSError:
            continue
    return found


def on_the_host(data):
    """What the machine that all runs on has of a cloud, but for its files: mounts, loop devices, processes."""
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(data) in line]
    loops = [path for path in Path("/sys/block").glob("loop*/loop/backing_file") if str(data) in path.read_text()]
    processes = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data) in line:
            processes.append(line)
    return mounts, loops, processes


def may_be(refusal):
    code = refusal.response["Error"]["Code"]
    return code in UNTIMELY or "NotFound" in code


class Rounds:
    """Things that come and go, by chance that is the same in each run."""

    def __init__(self, cloud):
        self.cloud, self.dice = cloud, random.Random(11)
        self.ec2 = cloud.client("ec2")
        self.vpcs, self.subnets, self.instances, self.volumes, self.gateways, self.peerings = [], [], [], [], [], []
        self.done, self.untimely = 0, 0

    def one_of(self, things):
        return self.dice.choice(things) if things else None

    def vpc(self):
        if len(self.vpcs) < 3:
            self.vpcs.append(self.ec2.create_vpc(CidrBlock=f"10.{self.dice.randrange(8)}.0.0/16")["Vpc"])

    def subnet(self):
        if vpc := self.one_of(self.vpcs):
            block = vpc["CidrBlock"].replace("0.0/16", f"{self.dice.randrange(250)}.0/24")
            made = self.ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=block, AvailabilityZone=ZONE)
            self.subnets.append(made["Subnet"]["SubnetId"])

    def instance(self):
        subnet = self.one_of(self.subnets)
        where = {"SubnetId": subnet} if subnet else {"Placement": {"AvailabilityZone": ZONE}}
        if len(self.instances) < 6:
            made = self.ec2.run_instances(ImageId=IMAGE, InstanceType="t3.nano", MinCount=1, MaxCount=1, **where)
            self.instances.append(made["Instances"][0]["InstanceId"])

    def end_instance(self):
        if instance := self.one_of(self.instances):
            self.ec2.terminate_instances(InstanceIds=[instance])
            self.instances.remove(instance)

    def stop_or_start(self):
        if instance := self.one_of(self.instances):
            ask = self.dice.choice([self.ec2.stop_instances, self.ec2.start_instances, self.ec2.reboot_instances])
            ask(InstanceIds=[instance])

    def volume(self):
        made = self.ec2.create_volume(AvailabilityZone=ZONE, Size=1)
        self.volumes.append(made["VolumeId"])

    def attach(self):
        volume, instance = self.one_of(self.volumes), self.one_of(self.instances)
        if volume and instance:
            device = f"/dev/sd{self.dice.choice('fghijk')}"
            self.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)

    def detach(self):
        if volume := self.one_of(self.volumes):
            self.ec2.detach_volume(VolumeId=volume)

    def nat(self):
        if subnet := self.one_of(self.subnets):
            made = self.ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
            self.gateways.append(made["NatGateway"]["NatGatewayId"])

    def end_nat(self):
        if gateway := self.one_of(self.gateways):
            self.ec2.delete_nat_gateway(NatGatewayId=gateway)

    def peer(self):
        if len(self.vpcs) > 1:
            one, other = self.dice.sample(self.vpcs, 2)
            made = self.ec2.create_vpc_peering_connection(VpcId=one["VpcId"], PeerVpcId=other["VpcId"])
            peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
            self.peerings.append(peering)
            self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)

    def end_peering(self):
        if peering := self.one_of(self.peerings):
            self.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)

    def end_subnet(self):
        if subnet := self.one_of(self.subnets):
            self.ec2.delete_subnet(SubnetId=subnet)
            self.subnets.remove(subnet)

    def end_vpc(self):
        if vpc := self.one_of(self.vpcs):
            self.ec2.delete_vpc(VpcId=vpc["VpcId"])
            self.vpcs.remove(vpc)

    def round(self):
        kinds = [
            self.vpc,
            self.subnet,
            self.instance,
            self.instance,
            self.end_instance,
            self.stop_or_start,
            self.volume,
        ]
        kinds += [self.attach, self.detach, self.nat, self.end_nat, self.peer, self.end_peering, self.end_subnet]
        try:
            self.dice.choice([*kinds, self.end_vpc])()
            self.done += 1
        except ClientError as refusal:
            if not may_be(refusal):
                raise
            self.untimely += 1

    def restart(self):
        self.cloud.restart(kill=True)
        self.ec2 = self.cloud.client("ec2")

    def clear(self):
        """Removes all that there is, as soon as it can be removed; whether nothing is left."""
        left = False

        def gone(ask, **what):
            nonlocal left
            left = True
            try:
                ask(**what)
            except ClientError as refusal:
                if not may_be(refusal):
                    raise

        alive = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
        for reservation in self.ec2.describe_instances(Filters=alive)["Reservations"]:
            for instance in reservation["Instances"]:
                gone(self.ec2.terminate_instances, InstanceIds=[instance["InstanceId"]])
        for gateway in self.ec2.describe_nat_gateways()["NatGateways"]:
            if gateway["State"] not in ("deleted", "failed"):
                gone(self.ec2.delete_nat_gateway, NatGatewayId=gateway["NatGatewayId"])
        for peering in self.ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]:
            if peering["Status"]["Code"] == "active":
                gone(
                    self.ec2.delete_vpc_peering_connection,
                    VpcPeeringConnectionId=peering["VpcPeeringConnectionId"],
                )
        for volume in self.ec2.describe_volumes()["Volumes"]:
            gone(self.ec2.delete_volume, VolumeId=volume["VolumeId"])
        own = [vpc["VpcId"] for vpc in self.ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
        for subnet in self.ec2.describe_subnets()["Subnets"]:
            if subnet["VpcId"] in own:
                gone(self.ec2.delete_subnet, SubnetId=subnet["SubnetId"])
        for vpc in own:
            gone(self.ec2.delete_vpc, VpcId=vpc)
        time.sleep(0.2)
        return not left


def test_nothing_leaks(machines, own_cloud):
    links = sorted(os.listdir("/sys/class/net"))
    rounds = Rounds(own_cloud)
    # What is there once machines have been: the host process, and the default VPC.
    rounds.instance()
    rounds.ec2.get_waiter("instance_running").wait(InstanceIds=rounds.instances, WaiterConfig=WAIT)
    eventually(rounds.clear)
    time.sleep(1.5)
    before = held(own_cloud)
    kills = set(rounds.dice.sample(range(10, ROUNDS), KILLS))
    for number in range(ROUNDS):
        rounds.round()
        # Some of it comes to be before the next, and some does not.
        time.sleep(rounds.dice.random() / 10)
        if number in kills:
            rounds.restart()
    # Most of what was asked was done.
    assert rounds.done > ROUNDS * 2 // 3, (rounds.done, rounds.untimely)
    eventually(rounds.clear, 120)
    assert rounds.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    eventually(lambda: held(own_cloud) == before, 30)
    folders = {path.name for path in (own_cloud.data / "machines").iterdir()}
    assert folders <= {"image", "layers", "places"}
    assert not list((own_cloud.data / "machines").glob("layers/*"))
    pid = own_cloud.process.pid
    assert own_cloud.stop() == 0
    nothing_left(pid)
    eventually(lambda: on_the_host(own_cloud.data) == ([], [], []), 10)
    assert sorted(os.listdir("/sys/class/net")) == links
