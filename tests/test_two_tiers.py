"""Two tiers, as people build them: a bastion that one logs in to, and machines behind it that nobody else reaches."""

import time

import pytest
from test_ec2 import IMAGE, WAIT

SERVES = """#cloud-config
runcmd:
  - mkdir -p /srv/page
  - echo made by user data > /srv/page/index.html
bootcmd:
  - cd /srv/page 2>/dev/null || mkdir -p /srv/page; cd /srv/page; setsid python3 -m http.server 80 >/dev/null 2>&1 &
"""


class Tiers:
    """A public subnet with a bastion, and a private one with a server, whose groups name each other."""

    def __init__(self, cloud, ec2, folder):
        self.cloud, self.ec2 = cloud, ec2
        self.key = folder / "key.pem"
        self.key.write_text(ec2.create_key_pair(KeyName="mine", KeyType="ed25519")["KeyMaterial"])
        self.key.chmod(0o600)
        vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        public, private = (
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.60.{n}.0/24", AvailabilityZone="us-east-1a")["Subnet"][
                "SubnetId"
            ]
            for n in (1, 2)
        )
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=public)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
        self.acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
        for egress in (False, True):
            self.entry(100, "allow", egress)
        [default] = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [private]}])[
            "NetworkAcls"
        ]
        [held] = [one for one in default["Associations"] if one["SubnetId"] == private]
        ec2.replace_network_acl_association(AssociationId=held["NetworkAclAssociationId"], NetworkAclId=self.acl)
        outside, inside = (
            ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
            for name in ("bastion", "server")
        )
        ec2.authorize_security_group_ingress(
            GroupId=outside, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="192.0.2.1/32"
        )
        for port in (22, 80):
            ec2.authorize_security_group_ingress(
                GroupId=inside,
                IpPermissions=[
                    {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": outside}]}
                ],
            )
        launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "KeyName": "mine"}
        self.bastion = ec2.run_instances(SubnetId=public, SecurityGroupIds=[outside], **launch)["Instances"][0]
        self.server = ec2.run_instances(SubnetId=private, SecurityGroupIds=[inside], UserData=SERVES, **launch)
        self.server = self.server["Instances"][0]
        self.ids = [self.bastion["InstanceId"], self.server["InstanceId"]]
        ec2.get_waiter("instance_status_ok").wait(InstanceIds=self.ids, WaiterConfig=WAIT)

    def entry(self, number, action, egress, **more):
        self.ec2.create_network_acl_entry(
            NetworkAclId=self.acl,
            RuleNumber=number,
            Protocol=more.pop("protocol", "-1"),
            RuleAction=action,
            Egress=egress,
            CidrBlock="0.0.0.0/0",
            **more,
        )

    def on_the_bastion(self, command):
        """What a command says there, at a login through the network."""
        return self.cloud.run("ssh", self.bastion["InstanceId"], "-i", str(self.key), "--", command, check=False)

    def says(self, command, expected):
        for _ in range(60):
            done = self.on_the_bastion(command)
            if done.stdout.strip() == expected:
                return
            time.sleep(0.25)
        pytest.fail(f"{command}: {done.stdout} {done.stderr}")

    def asks_for_the_page(self, seconds=5):
        page = f"u.urlopen('http://{self.server['PrivateIpAddress']}/', timeout={seconds})"
        return f'python3 -c "import urllib.request as u; print({page}.read().decode())"'


def test_a_bastion_is_the_way_in(logins, own_cloud, tmp_path):
    ec2 = own_cloud.client("ec2")
    tiers = Tiers(own_cloud, ec2, tmp_path)
    page = tiers.asks_for_the_page()
    tiers.says(page, "made by user data")
    # With the key one goes on from there, and not without the bastion.
    tiers.cloud.run(
        "exec",
        tiers.bastion["InstanceId"],
        "--",
        "sh",
        "-c",
        f"umask 77; cat > /srv/key <<'E'\n{tiers.key.read_text()}E",
    )
    address = tiers.server["PrivateIpAddress"]
    options = (
        "-i /srv/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    )
    tiers.says(f"ssh {options} root@{address} cat /etc/hostname", tiers.server["PrivateDnsName"].split(".")[0])
    direct = own_cloud.run("ssh", tiers.server["InstanceId"], "-i", str(tiers.key), "--", "true", check=False)
    assert direct.returncode == 255
    # What user data has set up serves again after a boot.
    ec2.reboot_instances(InstanceIds=[tiers.server["InstanceId"]])
    tiers.says(page, "made by user data")
    # Network ACLs know no connections: an answer that may not leave is none.
    tiers.entry(50, "deny", True, protocol="6", PortRange={"From": 1024, "To": 65535})
    short = tiers.asks_for_the_page(1)
    for _ in range(40):
        refused = tiers.on_the_bastion(short)
        if refused.returncode != 0:
            break
        time.sleep(0.25)
    assert "timed out" in refused.stderr
    ec2.delete_network_acl_entry(NetworkAclId=tiers.acl, RuleNumber=50, Egress=True)
    tiers.says(page, "made by user data")
    ec2.terminate_instances(InstanceIds=tiers.ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=tiers.ids, WaiterConfig=WAIT)
