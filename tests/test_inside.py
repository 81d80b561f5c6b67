"""From inside a VPC the cloud has AWS's names: programs that know nothing of Virga reach it over TLS, by the ways that
their subnet has."""

import json
import time

import boto3
import pytest
from botocore.config import Config
from cloudtest import REGION, SIGNED, allow, deny, policy, refused
from test_ec2 import IMAGE, WAIT

# What an unmodified program does: credentials from metadata, names from the resolver, certificates from the image.
CALL = (
    SIGNED
    + """
import json, sys, urllib.error
META = "http://169.254.169.254/latest/"
def ask(request):
    return urllib.request.urlopen(request, timeout=5).read().decode()
def meta(path, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(urllib.request.Request(META + path, method=method, headers=headers))
token = meta("api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
role = meta("meta-data/iam/security-credentials/", X_aws_ec2_metadata_token=token)
keys = json.loads(meta("meta-data/iam/security-credentials/" + role, X_aws_ec2_metadata_token=token))
def call(service, body, *more):
    host = f"{service}.us-east-1.amazonaws.com"
    try:
        return ask(signed(f"https://{host}/", service, keys, body, *more))
    except urllib.error.HTTPError as error:
        return error.read().decode()
"""
)
IDENTITY = CALL + 'print(call("sts", b"Action=GetCallerIdentity&Version=2011-06-15"))'
TABLES = (
    CALL
    + """
for operation, body in (("ListTables", b"{}"), ("DeleteTable", b'{"TableName":"orders"}')):
    print(call("dynamodb", body, "application/x-amz-json-1.0", "DynamoDB_20120810." + operation))
"""
)
NAME = "import socket; print(socket.gethostbyname('sts.us-east-1.amazonaws.com'))"
CONNECT = "import socket; socket.create_connection(('sts.us-east-1.amazonaws.com', 443), 2)"


def network(ec2):
    """A VPC with a public subnet, one that goes out by NAT, and one that does not go out."""
    vpc = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)

    def subnet(number, **route):
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.30.{number}.0/24", AvailabilityZone="us-east-1a")
        made = made["Subnet"]["SubnetId"]
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=made)
        if route:
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **route)
        return made

    public = subnet(0, GatewayId=gateway)
    ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
    address = ec2.allocate_address(Domain="vpc")
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address["AllocationId"])["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig=WAIT)
    return {"public": public, "private": subnet(1, NatGatewayId=nat), "isolated": subnet(2)}, address["PublicIp"]


@pytest.fixture
def inside(machines, own_cloud, own_account):
    """The output and exit code of a Python program in a machine of each subnet, and the NAT gateway's address."""
    own_account.role("app", {"Service": "ec2.amazonaws.com"}, allow("dynamodb:ListTables"))
    iam, ec2 = own_account.client("iam"), own_account.client("ec2")
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    subnets, address = network(ec2)
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    profile = {"Name": "app"}
    made = {
        name: ec2.run_instances(SubnetId=subnet, IamInstanceProfile=profile, **launch)["Instances"][0]["InstanceId"]
        for name, subnet in subnets.items()
    }
    ec2.get_waiter("instance_running").wait(InstanceIds=list(made.values()), WaiterConfig=WAIT)

    def run(where, program):
        done = own_cloud.run("exec", "--json", made[where], "--", "/usr/bin/python3", "-c", program, check=False)
        return json.loads(done.stdout)

    return run, address, own_account


def test_machines_reach_the_cloud_by_the_ways_that_they_have(inside):
    run, nat_address, account = inside
    account.client("dynamodb").create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )
    for where in ("public", "private"):
        said = run(where, IDENTITY)
        assert ":assumed-role/app/i-" in said["stdout"], said
        tables, refused = run(where, TABLES)["stdout"].splitlines()
        assert json.loads(tables) == {"TableNames": ["orders"]}
        assert "AccessDeniedException" in refused
    # What goes by NAT comes from the gateway's address, and the trail says so.
    trail = account.client("cloudtrail")
    for _ in range(50):
        events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "DeleteTable"}])
        sources = {json.loads(event["CloudTrailEvent"])["sourceIPAddress"] for event in events["Events"]}
        if nat_address in sources:
            break
        time.sleep(0.2)
    assert nat_address in sources
    assert len(sources) == 2
    # Without a way out there is a name and no connection.
    assert run("isolated", NAME)["stdout"] == "203.0.113.1\n"
    assert run("isolated", CONNECT)["exit_code"] != 0


def test_nobody_is_root_from_inside_and_strangers_names_have_no_certificate(inside):
    run, _, _ = inside
    keys = "keys.update(AccessKeyId='test', SecretAccessKey='test', Token='')\n"
    body = 'print(call("sts", b"Action=GetCallerIdentity&Version=2011-06-15"))'
    assert "InvalidClientTokenId" in run("public", CALL + keys.replace(", Token=''", "") + body)["stdout"]
    stranger = (
        "import socket, ssl\n"
        "raw = socket.create_connection(('203.0.113.1', 443), 5)\n"
        "ssl.create_default_context().wrap_socket(raw, server_hostname='example.com')"
    )
    assert "SSL" in run("public", stranger)["stderr"]
    # Its own pages are for the developer only.
    page = (
        "import urllib.request as u\n"
        "u.urlopen(u.Request('http://203.0.113.1/_virga/status', headers={'Host': 'localhost'}))"
    )
    assert "403" in run("public", page)["stderr"]


def isolated(ec2):
    """A VPC with one subnet that nothing leads out of; its subnet, table and a group for doors."""
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.1.0/24", AvailabilityZone="us-east-1a")
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="door", Description="a door")["GroupId"]
    return vpc, subnet["Subnet"]["SubnetId"], tables[0]["RouteTableId"], group


@pytest.fixture
def alone(machines, own_cloud, own_account):
    """What a Python program in a machine of such a VPC does, and the VPC."""
    own_account.role("app", {"Service": "ec2.amazonaws.com"}, allow("sqs:*"))
    iam, ec2 = own_account.client("iam"), own_account.client("ec2")
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    place = isolated(ec2)
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    made = ec2.run_instances(SubnetId=place[1], IamInstanceProfile={"Name": "app"}, **launch)
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)

    def run(program):
        done = own_cloud.run("exec", "--json", instance, "--", "/usr/bin/python3", "-c", program, check=False)
        return json.loads(done.stdout)

    def until(program, what):
        """The data plane follows the records at once, and yet a moment later."""
        for _ in range(40):
            said = run(program)
            if what(said):
                return said
            time.sleep(0.25)
        raise AssertionError(said)

    return until, place, own_account, made["Instances"][0]["PrivateIpAddress"]


def test_a_gateway_endpoint_is_the_one_way_to_s3(alone):
    until, (vpc, _, table, _), account, _ = alone
    ec2, s3 = account.client("ec2"), account.client("s3")
    for bucket in ("inside", "secret"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a", Body=b"hello")
    eva = account.user("eva", allow("s3:*"))
    # Whoever has an address that eva signed needs no keys.
    signer = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url="https://s3.us-east-1.amazonaws.com",
        aws_access_key_id=eva.key,
        aws_secret_access_key=eva.secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )

    def program(operation, bucket):
        url = signer.generate_presigned_url(operation, {"Bucket": bucket, "Key": "a"})
        method, data = ("PUT", b"new") if operation == "put_object" else ("GET", None)
        return (
            "import urllib.error, urllib.request as u\n"
            f"request = u.Request({url!r}, {data!r}, method={method!r})\n"
            "try: print(u.urlopen(request, timeout=2).read().decode())\n"
            "except urllib.error.HTTPError as error: print(error.code, error.read().decode())\n"
            "except OSError as error: print('no way', error)\n"
        )

    def said(*what):
        return lambda done: all(part in done["stdout"] for part in what)

    until(program("get_object", "inside"), said("no way"))
    rules = policy(
        {**allow(["s3:GetObject", "s3:PutObject"]), "Principal": "*"},
        {**deny("s3:*", "arn:aws:s3:::secret/*"), "Principal": "*"},
    )
    service = "com.amazonaws.us-east-1.s3"
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, RouteTableIds=[table], PolicyDocument=rules)
    endpoint = made["VpcEndpoint"]["VpcEndpointId"]
    until(program("get_object", "inside"), lambda done: done["stdout"] == "hello\n")
    until(program("put_object", "inside"), lambda done: done["stdout"] == "\n")
    assert s3.get_object(Bucket="inside", Key="a")["Body"].read() == b"new"
    until(program("get_object", "secret"), said("403", "AccessDenied", "explicit deny in a VPC endpoint policy"))
    # It leads to S3, by whichever name that is asked, and nowhere else.
    other = (
        "import urllib.error, urllib.request as u\n"
        "request = u.Request('http://198.51.100.1/', b'Action=GetCallerIdentity&Version=2011-06-15',\n"
        "                    {'Host': 'sts.us-east-1.amazonaws.com'})\n"
        "try: u.urlopen(request, timeout=5)\n"
        "except urllib.error.HTTPError as error: print(error.code, error.read().decode())\n"
    )
    until(other, said("421", f"{endpoint} leads to s3"))
    until(CONNECT, lambda done: done["exit_code"] != 0)
    # A bucket can be for those alone who come this way.
    condition = {"StringNotEquals": {"aws:SourceVpce": endpoint}}
    only = {**deny("s3:GetObject", "arn:aws:s3:::inside/*", Condition=condition), "Principal": "*"}
    s3.put_bucket_policy(Bucket="inside", Policy=policy(only))
    until(program("get_object", "inside"), lambda done: done["stdout"] == "new\n")
    with refused("AccessDenied", status=403):
        eva.client("s3").get_object(Bucket="inside", Key="a")
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
    until(program("get_object", "inside"), said("no way"))


def test_an_interface_endpoint_takes_over_its_services_name(alone):
    until, (vpc, subnet, _, group), account, own = alone
    ec2, trail = account.client("ec2"), account.client("cloudtrail")
    account.client("sqs").create_queue(QueueName="jobs")
    call = 'print(call("sqs", b"{}", "application/x-amz-json-1.0", "AmazonSQS.ListQueues"))'
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sqs",
        SubnetIds=[subnet],
        SecurityGroupIds=[group],
        PolicyDocument=policy({**allow("sqs:ListQueues"), "Principal": "*"}),
    )["VpcEndpoint"]
    endpoint = made["VpcEndpointId"]
    interface = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])
    address = interface["NetworkInterfaces"][0]["PrivateIpAddress"]
    names = [entry["DnsName"] for entry in made["DnsEntries"]]
    assert names[2:] == ["sqs.us-east-1.amazonaws.com"]
    for name in names:
        asked = f"import socket; print(socket.gethostbyname({name!r}))"
        until(asked, lambda done: done["stdout"] == f"{address}\n")
    # Its group lets nobody in yet.
    until(CALL + call, lambda done: "timed out" in done["stderr"])
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="10.40.0.0/16"
    )
    until(CALL + call, lambda done: "/jobs" in done["stdout"])
    by_own_name = CALL.replace('f"https://{host}/"', f'"https://{names[1]}/"') + call
    until(by_own_name, lambda done: "/jobs" in done["stdout"])
    made = call.replace("ListQueues", "CreateQueue").replace("{}", '{\\"QueueName\\":\\"more\\"}')
    until(CALL + made, lambda done: "no VPC endpoint policy allows the sqs:CreateQueue action" in done["stdout"])
    # The trail tells by which endpoint, and from which address in the VPC.
    told = set()
    for _ in range(50):
        events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListQueues"}])
        records = [json.loads(event["CloudTrailEvent"]) for event in events["Events"]]
        told = {(record.get("vpcEndpointId"), record["sourceIPAddress"]) for record in records}
        if told:
            break
        time.sleep(0.2)
    assert told == {(endpoint, own)}
    # Without private DNS the name is the internet's, where nothing leads.
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PrivateDnsEnabled=False)
    asked = "import socket; print(socket.gethostbyname('sqs.us-east-1.amazonaws.com'))"
    until(asked, lambda done: done["stdout"] == "203.0.113.1\n")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    until(by_own_name, lambda done: done["exit_code"] != 0)


def test_an_interface_endpoint_of_s3_has_names_for_buckets(alone):
    until, (vpc, subnet, _, group), account, _ = alone
    ec2, s3 = account.client("ec2"), account.client("s3")
    for bucket in ("inside", "secret"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a", Body=b"hello")
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="10.40.0.0/16"
    )
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.s3",
        SubnetIds=[subnet],
        SecurityGroupIds=[group],
        PolicyDocument=policy({**allow("s3:GetObject", "arn:aws:s3:::inside/*"), "Principal": "*"}),
    )["VpcEndpoint"]
    assert not made["PrivateDnsEnabled"]
    names = [entry["DnsName"].removeprefix("*.") for entry in made["DnsEntries"]]
    eva = account.user("eva", allow("s3:*"))

    def program(name, style, bucket="inside"):
        signer = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=f"https://bucket.{name}",
            aws_access_key_id=eva.key,
            aws_secret_access_key=eva.secret,
            config=Config(signature_version="s3v4", s3={"addressing_style": style}),
        )
        url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})
        return (
            "import urllib.error, urllib.request as u\n"
            f"try: print(u.urlopen({url!r}, timeout=2).read().decode())\n"
            "except urllib.error.HTTPError as error: print(error.code, error.read().decode())\n"
            "except OSError as error: print('no way', error)\n"
        )

    for name in names:
        for style in ("path", "virtual"):
            until(program(name, style), lambda done: done["stdout"] == "hello\n")
    until(program(names[0], "path", "secret"), lambda done: "no VPC endpoint policy allows" in done["stdout"])
    # The service's own name is the internet's, where nothing leads.
    asked = "import socket; print(socket.gethostbyname('s3.us-east-1.amazonaws.com'))"
    until(asked, lambda done: done["stdout"] == "198.51.100.1\n")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    until(program(names[0], "path"), lambda done: "no way" in done["stdout"])
