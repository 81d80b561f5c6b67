"""VPC flow logs: two machines talk, and the records say what passed and what was refused, at both ends."""

import json
import threading

from cloudtest import allow, eventually, refused
from test_ec2 import IMAGE, WAIT

FORMAT = (
    "${interface-id} ${flow-direction} ${srcaddr} ${srcport} ${dstaddr} ${dstport} ${protocol} "
    "${packets} ${bytes} ${tcp-flags} ${instance-id} ${action} ${log-status} ${start} ${end}"
)
SERVER = """
import socket
server = socket.create_server(("0.0.0.0", 8080))
print("ready", flush=True)
peer, _ = server.accept()
peer.sendall(peer.recv(100).upper())
peer.close()
"""
CLIENT = """
import socket, sys, time
host = sys.argv[1]
for _ in range(100):
    try:
        peer = socket.create_connection((host, 8080), 5)
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
peer.sendall(b"hello")
print(peer.recv(100).decode())
peer.close()
loose = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
loose.bind(("0.0.0.0", 5000))
for _ in range(3):
    loose.sendto(b"x" * 100, (host, 9000))
"""


def network(ec2):
    """A subnet, and a group that lets in TCP to one port."""
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
    web = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "10.40.0.0/16"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[web])
    return vpc, subnet, group


def records(logs, group, stream):
    try:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    names = [word.strip("${}") for word in FORMAT.split()]
    return [dict(zip(names, event["message"].split(), strict=True)) for event in events]


def test_records_tell_what_passed_and_what_was_refused(machines, own_cloud, own_account):
    ec2, logs = own_account.client("ec2"), own_account.client("logs")
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    role = own_account.role("flows", {"Service": "vpc-flow-logs.amazonaws.com"}, allow(actions))
    vpc, subnet, group = network(ec2)
    made = ec2.create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flows",
        DeliverLogsPermissionArn=role,
        LogFormat=FORMAT,
        MaxAggregationInterval=60,
    )
    assert made["Unsuccessful"] == []
    with refused("FlowLogAlreadyExists"):
        ec2.create_flow_logs(
            ResourceIds=[vpc],
            ResourceType="VPC",
            TrafficType="ALL",
            LogGroupName="flows",
            DeliverLogsPermissionArn=role,
        )
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "SubnetId": subnet, "SecurityGroupIds": [group]}
    both = ec2.run_instances(MinCount=2, MaxCount=2, **launch)["Instances"]
    client, server = (instance["InstanceId"] for instance in both)
    ec2.get_waiter("instance_running").wait(InstanceIds=[client, server], WaiterConfig=WAIT)
    address = {instance["InstanceId"]: instance["PrivateIpAddress"] for instance in both}
    nic = {instance["InstanceId"]: instance["NetworkInterfaces"][0]["NetworkInterfaceId"] for instance in both}

    def python(machine, *program):
        done = own_cloud.run("exec", "--json", machine, "--", "/usr/bin/python3", "-c", *program, check=False)
        return json.loads(done.stdout)

    serving = threading.Thread(target=python, args=(server, SERVER))
    serving.start()
    assert python(client, CLIENT, address[server])["stdout"] == "HELLO\n"
    serving.join()
    own_cloud.run("clock", "+2m")

    def seen(machine):
        found = records(logs, "flows", f"{nic[machine]}-all")
        return [record for record in found if record["log-status"] == "OK"]

    def both_seen():
        return [all(r["dstport"] != "9000" for r in seen(machine)) for machine in (client, server)] == [False, False]

    eventually(both_seen)
    for machine, direction, action in ((client, "egress", "ACCEPT"), (server, "ingress", "REJECT")):
        (loose,) = (record for record in seen(machine) if record["dstport"] == "9000")
        told = {
            "flow-direction": direction,
            "srcaddr": address[client],
            "srcport": "5000",
            "dstaddr": address[server],
            "protocol": "17",
            "packets": "3",
            "bytes": "384",
            "tcp-flags": "0",
            "instance-id": machine,
            "action": action,
        }
        assert {name: loose[name] for name in told} == told
        assert int(loose["start"]) <= int(loose["end"])

    def conversation(machine, ours):
        """What was sent to the server's port or came from it: the same at both ends."""
        found = [r for r in seen(machine) if r["protocol"] == "6" and r[ours] == "8080"]
        assert {record["action"] for record in found} == {"ACCEPT"}
        keys = ("srcaddr", "srcport", "dstaddr", "dstport", "packets", "bytes", "tcp-flags")
        return sorted([record[key] for key in keys] for record in found)

    for ours in ("srcport", "dstport"):
        assert conversation(client, ours) == conversation(server, ours)
    # SYN, and SYN with ACK, of the connection that was taken, and its end.
    assert "3" in {line[6] for line in conversation(client, "dstport")}
    assert "19" in {line[6] for line in conversation(client, "srcport")}
    # Names that they asked for, and what they read of themselves, are not recorded.
    assert {r["dstaddr"] for r in seen(client)} | {r["srcaddr"] for r in seen(client)} == set(address.values())
    # Nothing that was recorded is lost.
    before = seen(server)
    own_cloud.restart(kill=True)
    logs = own_account.client("logs")
    assert seen(server)[: len(before)] == before
    status = own_account.client("ec2").describe_flow_logs()["FlowLogs"][0]
    assert (status["FlowLogStatus"], status["DeliverLogsStatus"]) == ("ACTIVE", "SUCCESS")
