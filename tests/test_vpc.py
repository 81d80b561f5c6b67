"""VPC with real clients: boto3 and its waiters, the AWS CLI, and the calls in which Terraform builds and reads back."""

import pytest
from cloudtest import allow, refused

WAIT = {"Delay": 1, "MaxAttempts": 30}


@pytest.fixture
def ec2(account):
    return account.client("ec2")


def tag(noun, name):
    return [{"ResourceType": noun, "Tags": [{"Key": "Name", "Value": name}]}]


def named(name, *values):
    return [{"Name": name, "Values": list(values)}]


class Network:
    """Two tiers in two zones, as Terraform's provider makes them: each thing is made, waited for and read back."""

    def __init__(self, ec2):
        self.ec2 = ec2
        self.vpc = self.make_vpc()
        self.gateway = self.make_gateway()
        self.public = self.make_subnet("10.0.0.0/24", "us-east-1a", public=True)
        self.private = self.make_subnet("10.0.10.0/24", "us-east-1b", public=False)
        self.public_table = self.make_table("public", self.public, {"GatewayId": self.gateway})
        self.allocation = ec2.allocate_address(Domain="vpc", TagSpecifications=tag("elastic-ip", "nat"))["AllocationId"]
        assert ec2.describe_addresses_attribute(AllocationIds=[self.allocation], Attribute="domain-name")["Addresses"]
        self.nat = self.make_nat()
        self.private_table = self.make_table("private", self.private, {"NatGatewayId": self.nat})
        self.web = self.make_group("web")

    def make_vpc(self):
        made = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tag("vpc", "main"))["Vpc"]
        vpc = made["VpcId"]
        self.ec2.get_waiter("vpc_available").wait(VpcIds=[vpc], WaiterConfig=WAIT)
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        expected = {
            "enableDnsHostnames": True,
            "enableDnsSupport": True,
            "enableNetworkAddressUsageMetrics": False,
        }
        for attribute, value in expected.items():
            read = self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)
            assert read[attribute[0].upper() + attribute[1:]] == {"Value": value}
        in_vpc = named("vpc-id", vpc)
        acls = self.ec2.describe_network_acls(Filters=in_vpc + named("default", "true"))["NetworkAcls"]
        tables = self.ec2.describe_route_tables(Filters=in_vpc + named("association.main", "true"))["RouteTables"]
        groups = self.ec2.describe_security_groups(Filters=in_vpc + named("group-name", "default"))["SecurityGroups"]
        assert (len(acls), len(tables), len(groups)) == (1, 1, 1)
        return vpc

    def make_gateway(self):
        made = self.ec2.create_internet_gateway(TagSpecifications=tag("internet-gateway", "main"))
        gateway = made["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.ec2.get_waiter("internet_gateway_exists").wait(InternetGatewayIds=[gateway], WaiterConfig=WAIT)
        read = self.ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]
        assert read["Attachments"] == [{"State": "available", "VpcId": self.vpc}]
        return gateway

    def make_subnet(self, cidr, zone, public):
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]
        subnet = made["SubnetId"]
        self.ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet], WaiterConfig=WAIT)
        if public:
            self.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        read = self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
        assert (read["MapPublicIpOnLaunch"], read["AvailableIpAddressCount"]) == (public, 251)
        return subnet

    def make_table(self, name, subnet, target):
        made = self.ec2.create_route_table(VpcId=self.vpc, TagSpecifications=tag("route-table", name))["RouteTable"]
        table = made["RouteTableId"]
        assert self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)["Return"]
        association = self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
        read = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
        assert [a["RouteTableAssociationId"] for a in read["Associations"]] == [association]
        assert [r["State"] for r in read["Routes"]] == ["active", "active"]
        return table, association

    def make_nat(self):
        made = self.ec2.create_nat_gateway(SubnetId=self.public, AllocationId=self.allocation)["NatGateway"]
        nat = made["NatGatewayId"]
        assert made["State"] == "pending"
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig=WAIT)
        read = self.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["NatGatewayAddresses"][0]
        address = self.ec2.describe_addresses(AllocationIds=[self.allocation])["Addresses"][0]
        assert (read["PublicIp"], read["AssociationId"]) == (address["PublicIp"], address["AssociationId"])
        return nat

    def make_group(self, name):
        made = self.ec2.create_security_group(VpcId=self.vpc, GroupName=name, Description="web servers")
        group = made["GroupId"]
        self.ec2.get_waiter("security_group_exists").wait(GroupIds=[group], WaiterConfig=WAIT)
        # The provider begins with a group that lets nothing out.
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
        self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[everything])
        https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        rules = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])["SecurityGroupRules"]
        found = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rules[0]["SecurityGroupRuleId"]])
        # Rules without tags are made without a word of them.
        assert found["SecurityGroupRules"] == [rule | {"Tags": []} for rule in rules]
        return group

    def destroy(self):
        """In the order of dependencies; the wrong order is refused on the way."""
        ec2 = self.ec2
        with refused("DependencyViolation"):
            ec2.delete_vpc(VpcId=self.vpc)
        ec2.delete_security_group(GroupId=self.web)
        for table, association in (self.private_table, self.public_table):
            with refused("DependencyViolation"):
                ec2.delete_route_table(RouteTableId=table)
            ec2.disassociate_route_table(AssociationId=association)
            ec2.delete_route_table(RouteTableId=table)
        with refused("DependencyViolation", f"The subnet '{self.public}' has dependencies and cannot be deleted."):
            ec2.delete_subnet(SubnetId=self.public)
        with refused("DependencyViolation"):
            ec2.detach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        ec2.delete_nat_gateway(NatGatewayId=self.nat)
        ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[self.nat], WaiterConfig=WAIT)
        ec2.release_address(AllocationId=self.allocation)
        for subnet in (self.public, self.private):
            ec2.delete_subnet(SubnetId=subnet)
        ec2.detach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        ec2.delete_internet_gateway(InternetGatewayId=self.gateway)
        ec2.delete_vpc(VpcId=self.vpc)
        with refused("InvalidVpcID.NotFound", f"The vpc ID '{self.vpc}' does not exist", 400):
            ec2.describe_vpcs(VpcIds=[self.vpc])


def test_two_tiers_are_built_read_back_and_taken_down(ec2):
    network = Network(ec2)
    found = ec2.describe_tags(Filters=named("key", "Name") + named("value", "main"))["Tags"]
    assert sorted(t["ResourceType"] for t in found) == ["internet-gateway", "vpc"]
    network.destroy()
    assert ec2.describe_tags()["Tags"] == []


def test_everything_survives_the_process(own_account):
    ec2 = own_account.client("ec2")
    network = Network(ec2)
    eni = ec2.create_network_interface(SubnetId=network.private, Groups=[network.web])["NetworkInterface"]
    own_account.cloud.restart()
    read = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni["NetworkInterfaceId"]])["NetworkInterfaces"][0]
    assert (read["PrivateIpAddress"], read["MacAddress"]) == (eni["PrivateIpAddress"], eni["MacAddress"])
    again = ec2.create_network_interface(SubnetId=network.private)["NetworkInterface"]
    assert again["PrivateIpAddress"] != eni["PrivateIpAddress"]
    for interface in (eni, again):
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    network.destroy()


def test_the_default_vpc_is_there(ec2):
    vpc = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"][0]
    assert vpc["CidrBlock"] == "172.31.0.0/16"
    pages = ec2.get_paginator("describe_subnets").paginate(
        Filters=named("vpc-id", vpc["VpcId"]), PaginationConfig={"PageSize": 5}
    )
    zones = [subnet["AvailabilityZone"] for page in pages for subnet in page["Subnets"]]
    known = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    assert sorted(zones) == sorted(known)


def test_a_dry_run_makes_nothing(account, ec2):
    with refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    eva = account.user("eva", allow("ec2:DescribeVpcs")).client("ec2")
    with refused("UnauthorizedOperation", status=403):
        eva.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    assert len(eva.describe_vpcs()["Vpcs"]) == 1


def test_peering_across_accounts(account, other_account):
    one, two = account.client("ec2"), other_account.client("ec2")
    own = one.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    peer = two.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    made = one.create_vpc_peering_connection(VpcId=own, PeerVpcId=peer, PeerOwnerId=other_account.account)
    pcx = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    two.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[pcx], WaiterConfig=WAIT)
    accepted = two.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)["VpcPeeringConnection"]
    assert accepted["Status"] == {"Code": "active", "Message": "Active"}
    one.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    two.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[pcx], WaiterConfig=WAIT)
    one.delete_vpc(VpcId=own)
    two.delete_vpc(VpcId=peer)


def test_gateway_and_interface_endpoints(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    table = ec2.describe_route_tables(Filters=named("vpc-id", vpc))["RouteTables"][0]["RouteTableId"]
    service = "com.amazonaws.us-east-1.s3"
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, RouteTableIds=[table])["VpcEndpoint"]
    prefix_list = ec2.describe_prefix_lists(Filters=named("prefix-list-name", service))["PrefixLists"][0]
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert [r["GatewayId"] for r in routes if r.get("DestinationPrefixListId") == prefix_list["PrefixListId"]] == [
        made["VpcEndpointId"]
    ]
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["Unsuccessful"] == []
    ec2.delete_vpc(VpcId=vpc)


def test_the_command_line(account):
    vpc = account.aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16")["Vpc"]["VpcId"]
    account.aws("ec2", "wait", "vpc-available", "--vpc-ids", vpc)
    subnet = account.aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.1.0/24")["Subnet"]["SubnetId"]
    group = account.aws("ec2", "create-security-group", "--group-name", "web", "--description", "web", "--vpc-id", vpc)[
        "GroupId"
    ]
    made = account.aws(
        *("ec2", "authorize-security-group-ingress", "--group-id", group),
        *("--protocol", "tcp", "--port", "22", "--cidr", "10.0.0.0/8"),
    )
    assert made["SecurityGroupRules"][0]["CidrIpv4"] == "10.0.0.0/8"
    account.aws("ec2", "create-tags", "--resources", vpc, subnet, "--tags", "Key=team,Value=blue")
    found = account.aws("ec2", "describe-subnets", "--filters", "Name=tag:team,Values=bl*")["Subnets"]
    assert [s["SubnetId"] for s in found] == [subnet]
    done = account.aws("ec2", "delete-vpc", "--vpc-id", vpc, check=False)
    message = f"The vpc '{vpc}' has dependencies and cannot be deleted."
    assert f"An error occurred (DependencyViolation) when calling the DeleteVpc operation: {message}" in done.stderr
    account.aws("ec2", "delete-security-group", "--group-id", group)
    account.aws("ec2", "delete-subnet", "--subnet-id", subnet)
    account.aws("ec2", "delete-vpc", "--vpc-id", vpc)
