"""Functions in a VPC: packets decide what they reach."""

from cloudtest import SIGNED
from test_ec2 import IMAGE, WAIT
from test_inside import network
from test_lambda import eventually, invoke, make, role, runs_here, runtime  # noqa: F401

ACCESS = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
# Says who answers at an address, or who the function is to the cloud under AWS's own name for it.
ASKS = (
    SIGNED
    + """
import os, socket
def handler(event, context):
    if "file" in event:
        return {"heard": open(event["file"]).read()}
    try:
        if "port" in event:
            with socket.create_connection((event["host"], event["port"]), 2) as there:
                return {"heard": there.recv(100).decode()}
        names = {"AccessKeyId": "ACCESS_KEY_ID", "SecretAccessKey": "SECRET_ACCESS_KEY", "Token": "SESSION_TOKEN"}
        keys = {name: os.environ["AWS_" + variable] for name, variable in names.items()}
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        request = signed("https://sts.us-east-1.amazonaws.com/", "sts", keys, body)
        return {"heard": urllib.request.urlopen(request, timeout=3).read().decode()}
    except OSError as error:
        return {"failed": type(error).__name__, "why": str(error)}
"""
)
# Tells everybody where they come from.
TELLS = """#!/usr/bin/python3
import socket
with socket.create_server(("", 5432)) as server:
    while True:
        there, address = server.accept()
        there.sendall(address[0].encode())
        there.close()
"""


def reached(client, name, **event):
    failed, answer, log = invoke(client, event, name=name)
    assert not failed, log
    return answer


def test_a_function_reaches_what_its_security_group_may(own_account):
    account = own_account
    ec2 = account.client("ec2")
    subnets, _ = network(ec2)
    vpc = ec2.describe_subnets(SubnetIds=[subnets["private"]])["Subnets"][0]["VpcId"]

    def group(name):
        return ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]

    functions, database = group("functions"), group("database")
    made = ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnets["isolated"],
        SecurityGroupIds=[database],
        UserData=TELLS,
    )["Instances"][0]
    ec2.get_waiter("instance_running").wait(InstanceIds=[made["InstanceId"]], WaiterConfig=WAIT)
    runs = role(account)
    account.client("iam").attach_role_policy(RoleName="runs", PolicyArn=ACCESS)
    for name in ("private", "isolated"):
        place = {"SubnetIds": [subnets[name]], "SecurityGroupIds": [functions]}
        client = make(account, ASKS, name=name, Role=runs, VpcConfig=place)
    address = made["PrivateIpAddress"]
    assert reached(client, "private", host=address, port=5432)["failed"] == "TimeoutError"
    pair = {"UserIdGroupPairs": [{"GroupId": functions}], "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
    ec2.authorize_security_group_ingress(GroupId=database, IpPermissions=[pair])
    own = ec2.describe_network_interfaces(Filters=[{"Name": "interface-type", "Values": ["lambda"]}])
    own = {interface["SubnetId"]: interface["PrivateIpAddress"] for interface in own["NetworkInterfaces"]}
    for name in ("private", "isolated"):
        heard = {"heard": own[subnets[name]]}
        eventually(lambda name=name, heard=heard: reached(client, name, host=address, port=5432) == heard)
    # The cloud is where its subnet's routes lead to, and nowhere else.
    assert ":assumed-role/runs/private" in reached(client, "private")["heard"]
    assert reached(client, "isolated")["failed"] == "URLError"
    mounts = reached(client, "private", file="/proc/self/mountinfo")["heard"]
    assert ("/etc/resolv.conf" in mounts, str(account.cloud.data) in mounts) == (True, False), mounts
    # Over the end of Virga, too.
    own_account.cloud.kill()
    own_account.cloud.start()
    client = account.client("lambda")
    # The interface may be there a moment before the resolver is.
    eventually(lambda: ":assumed-role/runs/private" in reached(client, "private").get("heard", ""))
    again = ec2.describe_network_interfaces(Filters=[{"Name": "interface-type", "Values": ["lambda"]}])
    assert own == {one["SubnetId"]: one["PrivateIpAddress"] for one in again["NetworkInterfaces"]}
