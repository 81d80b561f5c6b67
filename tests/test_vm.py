"""Virtual machines: instances with a kernel of their own, by the same calls, images, keys and networks."""

import http.client
import json
import os
import pathlib
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import bootable
import pytest
from cloudtest import Cloud, binary, refused

WAIT = {"Delay": 1, "MaxAttempts": 120}
IMAGE = "ami-0a1f5c0de0b1a0001"
VIRTUAL = "ami-0a1f5c0de0b1a0002"


def finding(cloud, what):
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    return next(finding for finding in findings if finding["what"] == what)


@pytest.fixture
def guests(cloud):
    """For tests that boot virtual machines: left out, visibly, where `virga doctor` says that there can be none."""
    for what in ("networks", "virtual machines", "logins"):
        found = finding(cloud, what)
        if not found["good"]:
            pytest.skip(found["detail"])
    if not shutil.which("ssh"):
        pytest.skip("openssh-client is not installed")


def said(ec2, instance):
    return ec2.get_console_output(InstanceId=instance).get("Output", "")


def until(what, seconds=60):
    """Waits until a question is answered with something."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return answer


def processes(data):
    """Those that hold a machine of a cloud, by their command lines."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{data}/machines/" in line:
            found.append(line)
    return found


class Guest:
    """A virtual machine that one logs in to."""

    def __init__(self, cloud, ec2, folder, **launch):
        self.cloud, self.ec2 = cloud, ec2
        self.key = folder / "key.pem"
        self.key.write_text(ec2.create_key_pair(KeyName="mine", KeyType="ed25519")["KeyMaterial"])
        self.key.chmod(0o600)
        self.group = ec2.create_security_group(GroupName="guest", Description="guest")["GroupId"]
        launch = {"InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "KeyName": "mine", **launch}
        self.made = ec2.run_instances(SecurityGroupIds=[self.group], **launch)["Instances"][0]
        self.id = self.made["InstanceId"]

    def open(self):
        self.ec2.authorize_security_group_ingress(
            GroupId=self.group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="192.0.2.1/32"
        )

    def ssh(self, command):
        return self.cloud.run("ssh", self.id, "-i", str(self.key), "--", command, check=False)

    def says(self, command):
        """What a command prints, at the first login that works."""
        return until(lambda: (done := self.ssh(command)).returncode == 0 and done.stdout.strip())

    def end(self):
        self.ec2.terminate_instances(InstanceIds=[self.id])
        self.ec2.get_waiter("instance_terminated").wait(InstanceIds=[self.id], WaiterConfig=WAIT)


SCRIPT = """#!/bin/sh
echo the script ran on $(uname -r)
mkdir -p /srv/page
echo made by user data > /srv/page/index.html
"""


def test_a_virtual_machine_lives_as_a_container_does(guests, own_cloud, tmp_path):
    ec2 = own_cloud.client("ec2")
    begun = time.monotonic()
    guest = Guest(own_cloud, ec2, tmp_path, ImageId=VIRTUAL, UserData=SCRIPT)
    ec2.get_waiter("instance_running").wait(InstanceIds=[guest.id], WaiterConfig=WAIT)
    until(lambda: "END SSH HOST KEY" in said(ec2, guest.id))
    print(f"at its logins after {time.monotonic() - begun:.1f} s")
    # It is up, and its group lets nobody in.
    closed = guest.ssh("true")
    assert closed.returncode == 255
    assert f"virga why --from 192.0.2.1 --to {guest.id} --port 22" in closed.stderr
    guest.open()
    kernel = guest.says("uname -r")
    assert kernel != os.uname().release
    assert f"the script ran on {kernel}" in said(ec2, guest.id)
    assert guest.says("cat /srv/page/index.html") == "made by user data"
    # Its place in the network is the interface's, and the metadata service knows it by that.
    interface = guest.made["NetworkInterfaces"][0]
    assert guest.says("cat /sys/class/net/eth0/address") == interface["MacAddress"]
    ask = "curl -sf -H 'X-aws-ec2-metadata-token: '$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
    ask += "http://169.254.169.254/latest/api/token) http://169.254.169.254/latest/meta-data/"
    assert guest.says(f"{ask}instance-id") == guest.id
    assert guest.says(f"{ask}local-ipv4") == guest.made["PrivateIpAddress"]
    assert guest.says("getent hosts sts.us-east-1.amazonaws.com")
    # What it keeps outlives a boot of its own, one that is asked for, and the end of the cloud.
    guest.says("echo kept > /var/kept && cat /var/kept")
    first = guest.says("cat /proc/sys/kernel/random/boot_id")
    ec2.reboot_instances(InstanceIds=[guest.id])
    second = until(lambda: (new := guest.says("cat /proc/sys/kernel/random/boot_id")) != first and new)
    assert guest.says("cat /var/kept") == "kept"
    own_cloud.restart()
    guest.ec2 = ec2 = own_cloud.client("ec2")
    assert until(lambda: guest.says("cat /proc/sys/kernel/random/boot_id") != second)
    assert guest.says("cat /var/kept") == "kept"
    assert said(ec2, guest.id).count("the script ran") == 1
    found = ec2.describe_instances(InstanceIds=[guest.id])["Reservations"][0]["Instances"][0]
    assert (found["State"]["Name"], found["PrivateIpAddress"]) == ("running", guest.made["PrivateIpAddress"])
    # Switched off from within it is stopped, and starts again.
    guest.ssh("kill -TERM 1")
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[guest.id], WaiterConfig=WAIT)
    assert processes(own_cloud.data) == []
    ec2.start_instances(InstanceIds=[guest.id])
    assert guest.says("cat /var/kept") == "kept"
    assert processes(own_cloud.data)
    guest.end()
    assert processes(own_cloud.data) == []
    until(lambda: not (own_cloud.data / "machines" / guest.id).exists())


def test_all_are_virtual_and_have_disks(guests, tmp_path):
    cloud = Cloud(tmp_path, "--vm").start()
    try:
        ec2 = cloud.client("ec2")
        disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": True}}
        guest = Guest(cloud, ec2, tmp_path, ImageId=IMAGE, BlockDeviceMappings=[disk])
        ec2.get_waiter("instance_running").wait(InstanceIds=[guest.id], WaiterConfig=WAIT)

        def run(command, check=True):
            return cloud.run("exec", guest.id, "--", "sh", "-c", command, check=check)

        until(lambda: run("true", check=False).returncode == 0)
        assert run("uname -r").stdout.strip() != os.uname().release
        coded = run("echo out; echo aside >&2; exit 7", check=False)
        assert (coded.returncode, coded.stdout, coded.stderr) == (7, "out\n", "aside\n")
        # A volume is a disk: a file system on it is mounted, and is there when it comes back.
        until(lambda: run("test -b /dev/sdf", check=False).returncode == 0)
        run("mkfs.ext4 -q /dev/sdf && mount /dev/sdf /mnt && echo kept > /mnt/file && umount /mnt")
        mapped = ec2.describe_instances(InstanceIds=[guest.id])["Reservations"][0]["Instances"][0]
        volume = mapped["BlockDeviceMappings"][1]["Ebs"]["VolumeId"]
        ec2.detach_volume(VolumeId=volume)
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
        assert run("test -e /dev/sdf", check=False).returncode == 1
        ec2.attach_volume(VolumeId=volume, InstanceId=guest.id, Device="/dev/sdg")
        until(lambda: run("test -b /dev/sdg", check=False).returncode == 0)
        assert run("mount /dev/sdg /mnt && cat /mnt/file").stdout == "kept\n"
        # What a virtual machine cannot do is said.
        inside = cloud.run("ssh", guest.id, "-i", str(guest.key), "--inside", "--", "true", check=False)
        assert inside.returncode == 255
        assert "no way leads into it but its network" in inside.stderr
        with refused("Unsupported") as grown:
            ec2.modify_volume(VolumeId=volume, Size=2)
        assert f"Stop '{guest.id}', or detach '{volume}' from it, before it is made larger." in str(grown.value)
        assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"] == 1
        # Interfaces come and go while it runs.
        interface = ec2.create_network_interface(SubnetId=guest.made["SubnetId"])["NetworkInterface"]
        attachment = ec2.attach_network_interface(
            NetworkInterfaceId=interface["NetworkInterfaceId"], InstanceId=guest.id, DeviceIndex=1
        )["AttachmentId"]
        until(lambda: f"{interface['PrivateIpAddress']}/" in run("ip addr show dev eth1", check=False).stdout)
        assert run("cat /sys/class/net/eth1/address").stdout.strip() == interface["MacAddress"]
        ec2.detach_network_interface(AttachmentId=attachment)
        until(lambda: run("test -e /sys/class/net/eth1", check=False).returncode == 1)
        # An image of it makes virtual machines that have what it has written.
        run("umount /mnt; echo of the image > /srv/made")
        ec2.detach_volume(VolumeId=volume)
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
        image = ec2.create_image(InstanceId=guest.id, Name="mine")["ImageId"]
        ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
        launch = {"InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
        other = ec2.run_instances(ImageId=image, **launch)["Instances"][0]["InstanceId"]
        look = ["exec", other, "--", "cat", "/srv/made"]
        until(lambda: cloud.run(*look, check=False).stdout == "of the image\n")
        ec2.terminate_instances(InstanceIds=[guest.id, other])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[guest.id, other], WaiterConfig=WAIT)
        assert processes(cloud.data) == []
    finally:
        cloud.kill()
    until(lambda: not processes(cloud.data))


GUEST = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "virga/guest"


def page(cloud, instance):
    """What the instance says on its port 80, by its public address."""
    command = [binary(), "--data", str(cloud.data), "forward", instance, "0:80"]
    forward = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        here = forward.stdout.readline().split()[0]

        def ask():
            try:
                return urllib.request.urlopen(f"http://{here}/", timeout=5).read().decode().strip()
            except (urllib.error.URLError, ConnectionError, http.client.HTTPException, TimeoutError):
                return None

        return until(ask)
    finally:
        forward.kill()
        forward.wait()


def launched(cloud, ec2, image, group, **more):
    made = ec2.run_instances(
        ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SecurityGroupIds=[group], **more
    )
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    [root] = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
    return instance, root


def disks_are_volumes(cloud, ec2, instance, group):
    """What a machine boots from is a volume: imaged, encrypted, read by the block, detached and attached."""
    image = ec2.create_image(InstanceId=instance, Name="again")["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "DeleteOnTermination": False}}
    second, root = launched(cloud, ec2, image, group, BlockDeviceMappings=[mapping])
    assert root["Encrypted"]
    assert root["KmsKeyId"]
    assert page(cloud, second) == f"boot 3 of {second}"
    cloud.restart(kill=True)
    ec2 = cloud.client("ec2")
    assert page(cloud, second) == f"boot 4 of {second}"
    ec2.stop_instances(InstanceIds=[second])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[second], WaiterConfig=WAIT)
    # A snapshot of it is one of its blocks: what it has written, and the mark of a disk.
    snapshot = ec2.create_snapshot(VolumeId=root["VolumeId"])["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    ebs = cloud.client("ebs")
    blocks = {one["BlockIndex"]: one for one in ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]}
    first, counted = (
        ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=at, BlockToken=blocks[at]["BlockToken"])
        for at in (0, 65 * 2)
    )
    assert first["BlockData"].read()[510:512] == b"\x55\xaa"
    assert counted["BlockData"].read()[:2] == b"4\0"
    # Away from its machine, and to one that had another root.
    ec2.detach_volume(VolumeId=root["VolumeId"])
    ec2.get_waiter("volume_available").wait(VolumeIds=[root["VolumeId"]], WaiterConfig=WAIT)
    with refused("InvalidParameterValue"):
        ec2.start_instances(InstanceIds=[second])
    ec2.attach_volume(VolumeId=root["VolumeId"], InstanceId=second, Device="/dev/xvda")
    ec2.start_instances(InstanceIds=[second])
    assert page(cloud, second) == f"boot 5 of {second}"
    # An image of an encrypted root is encrypted, and so are the roots of its machines.
    sealed = ec2.create_image(InstanceId=second, Name="sealed", NoReboot=True)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[sealed], WaiterConfig=WAIT)
    [mapped] = ec2.describe_images(ImageIds=[sealed])["Images"][0]["BlockDeviceMappings"]
    assert mapped["Ebs"]["Encrypted"]
    ec2.terminate_instances(InstanceIds=[second])
    third, own = launched(cloud, ec2, sealed, group)
    assert own["Encrypted"]
    assert page(cloud, third) == f"boot 6 of {third}"
    ec2.terminate_instances(InstanceIds=[third])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[second, third], WaiterConfig=WAIT)
    ec2.get_waiter("volume_available").wait(VolumeIds=[root["VolumeId"]], WaiterConfig=WAIT)


@pytest.mark.parametrize("kind", ["raw", "qcow2"])
def test_a_disk_boots_by_its_own_loader(guests, own_cloud, tmp_path, kind):
    if missing := bootable.missing(GUEST):
        pytest.skip(f"there is no {missing}")
    disk = tmp_path / "disk.raw"
    bootable.make(GUEST, disk)
    if kind == "qcow2":
        if not shutil.which("qemu-img"):
            pytest.skip("qemu-utils is not installed")
        disk = tmp_path / "disk.qcow2"
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(tmp_path / "disk.raw"), str(disk)], check=True)
    ec2 = own_cloud.client("ec2")
    image = own_cloud.ask("image", "import", "disk", str(disk))["ImageId"]
    assert not list(own_cloud.data.glob("import-*"))
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="192.0.2.1/32")
    instance = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SecurityGroupIds=[group],
        UserData="#!/bin/sh\necho the script ran\n",
    )["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert page(own_cloud, instance) == f"boot 1 of {instance}"
    console = said(ec2, instance)
    assert "this is Amazon EC2 t3.micro" in console
    assert "the script ran" in console
    # It is switched off as by a button, and keeps what it has written, also where the cloud dies.
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert "the switch was pressed" in said(ec2, instance)
    ec2.start_instances(InstanceIds=[instance])
    assert page(own_cloud, instance) == f"boot 2 of {instance}"
    if kind == "raw":
        own_cloud.restart()
        ec2 = own_cloud.client("ec2")
        assert page(own_cloud, instance) == f"boot 3 of {instance}"
        # What it is not for is said.
        asked = own_cloud.run("exec", instance, "--", "true", check=False)
        assert "boots from a disk of its own" in asked.stderr
    [root] = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
    assert (root["Attachments"][0]["Device"], root["State"], root["Encrypted"]) == ("/dev/xvda", "in-use", False)
    if kind == "qcow2":
        disks_are_volumes(own_cloud, ec2, instance, group)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert processes(own_cloud.data) == []
    until(lambda: not (own_cloud.data / "machines" / instance).exists())
