"""Every reply that `wire` writes, read by AWS's own client.

`cargo run -p wire --example dump_replies` prints one reply for each operation, error and event stream of every
embedded model, in each protocol that the service speaks: with every member set, with everything empty, and with
nothing set. botocore's parsers must read from it exactly the value that was written.
"""

import base64
import datetime
import json
import pathlib
import subprocess

import botocore.eventstream
import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.parsers
import pytest
from botocore.awsrequest import HeadersDict

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = [line.split()[0] for line in (ROOT / "models" / "services.txt").read_text().splitlines()]
PARSERS = {
    "Query": "query",
    "Ec2Query": "ec2",
    "Json10": "json",
    "Json11": "json",
    "RestJson": "rest-json",
    "RestXml": "rest-xml",
    "RpcV2Cbor": "smithy-rpc-v2-cbor",
}
XML = ("Query", "Ec2Query", "RestXml")
# Two members of the same name on the wire, of which a service only ever sends one.
UNREADABLE = {("s3", "GetBucketNotification")}
TEXT = "a <\"b\"> & 'c' \\ \u00e9\U0001f600"
REQUEST_ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="session")
def replies():
    command = ["cargo", "run", "--quiet", "-p", "wire", "--example", "dump_replies"]
    dump = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    by_service = {}
    for line in dump.decode().splitlines():
        reply = json.loads(line)
        by_service.setdefault(reply["service"], []).append(reply)
    return by_service


def model(service, protocol):
    """botocore's model, with our own patches where they add the query protocol to a JSON service."""
    data = botocore.loaders.Loader(include_default_extras=False).load_service_model(service, "service-2")
    patches = ROOT / "models" / "patches" / f"{service}.json"
    if protocol == "Query" and data["metadata"]["protocol"] != "query" and patches.exists():
        data = json.loads(json.dumps(data))
        for patch in json.loads(patches.read_text()):
            *parents, last = patch["path"].strip("/").split("/")
            place = data
            for name in parents:
                place = place.setdefault(name, {})
            place[last] = patch["value"]
    if protocol == "Query":
        for name, operation in data["operations"].items():
            if "output" in operation:
                operation["output"].setdefault("resultWrapper", f"{name}Result")
    return botocore.model.ServiceModel(data, service)


class Raw:
    """The raw stream that botocore reads events from."""

    def __init__(self, body):
        self.body = body

    def stream(self):
        yield self.body


def read(parsed):
    """What the client has read, in the dump's terms."""
    if isinstance(parsed, dict):
        return {k: read(v) for k, v in parsed.items()}
    if isinstance(parsed, list):
        return [read(v) for v in parsed]
    if isinstance(parsed, bytes):
        return {"$blob": base64.b64encode(parsed).decode()}
    if isinstance(parsed, datetime.datetime):
        return {"$time": round(parsed.timestamp() * 1_000) * 1_000}
    return parsed


def pruned(value):
    """Without empty members: XML has no way to write an empty flattened list."""
    if isinstance(value, dict):
        members = {k: pruned(v) for k, v in value.items()}
        return {k: v for k, v in members.items() if v not in ({}, [])}
    if isinstance(value, list):
        return [pruned(v) for v in value]
    return value


def as_client(reply, shape):
    """The value that was written, with what the client's parser adds or converts by itself."""
    expected = dict(reply["expected"])
    payload = shape and shape.serialization.get("payload")
    for name, member in shape.members.items() if shape else ():
        if name == payload and name != reply["stream"]:
            text = member.type_name in ("blob", "string")
            expected.setdefault(name, "" if text else {})
            if "$blob" in expected[name]:  # a stream is handed on as it is only outside the parser
                expected[name] = base64.b64decode(expected[name]["$blob"]).decode()
        if member.serialization.get("location") == "statusCode":
            expected.setdefault(name, reply["status"])
        if member.serialization.get("name") == "Content-Type" and "content-type" in reply["headers"]:
            expected.setdefault(name, reply["headers"]["content-type"])
        if name in expected and botocore.parsers.is_json_value_header(member):
            expected[name] = json.loads(expected[name])
    return expected


def parse(reply, shape):
    body = base64.b64decode(reply["body"])
    response = {
        "status_code": reply["status"],
        "headers": HeadersDict(reply["headers"]),
        "body": Raw(body) if reply.get("stream") else body,
        "context": {"operation_name": reply["name"]},
    }
    return botocore.parsers.create_parser(PARSERS[reply["protocol"]]).parse(response, shape)


def differences(reply, expected, parsed):
    if reply["protocol"] in XML:
        expected, parsed = pruned(expected), pruned(parsed)
    names = sorted(n for n in {*expected, *parsed} if expected.get(n) != parsed.get(n))
    return [f"{n}: wrote {expected.get(n)!r:.300}, read {parsed.get(n)!r:.300}" for n in names]


def check_reply(reply, service_model):
    shape = service_model.operation_model(reply["name"]).output_shape
    parsed = parse(reply, shape)
    metadata = parsed.pop("ResponseMetadata")
    expected = as_client(reply, shape)
    if reply["stream"]:
        events = [read(e) for e in parsed.pop(reply["stream"])]
        if events != reply["events"]:
            return [f"events: wrote {reply['events']}, read {events}"]
        for code, frame in reply["exceptions"].items():
            stream = shape.members[reply["stream"]]
            parser = botocore.parsers.create_parser(PARSERS[reply["protocol"]])._event_stream_parser
            events = botocore.eventstream.EventStream(Raw(base64.b64decode(frame)), stream, parser, "Op")
            with pytest.raises(botocore.exceptions.EventStreamError) as raised:
                list(events)
            error = raised.value.response["Error"]
            if (error["Code"], error["Message"]) != (code, TEXT):
                return [f"exception {code}: read {error}"]
    if shape is None:
        parsed = {}
    problems = differences(reply, expected, read(parsed))
    # botocore looks at the headers itself where it parses no body, and for S3.
    headers = metadata["HTTPHeaders"]
    ids = [metadata.get("RequestId"), headers.get("x-amz-request-id"), headers.get("x-amzn-requestid")]
    if REQUEST_ID not in ids:
        problems.append(f"request id {metadata}")
    return problems


# The query protocol of SQS has sentences of its own, whatever the handler says.
OWN_MESSAGES = {("sqs", "Query", "QueueDoesNotExist"): "The specified queue does not exist for this wsdl version."}


def check_fault(reply, service_model):
    parsed = parse(reply, None)
    error = parsed["Error"]
    codes = (error["Code"], error.get("QueryErrorCode"))
    shape = next(filter(None, map(service_model.shape_for_error_code, codes)), None)
    if shape is None:
        return [f"no shape for the code {error['Code']!r}"]
    problems = []
    moved = reply["protocol"] in ("Json10", "Json11", "RpcV2Cbor") and "x-amzn-query-error" in reply["headers"]
    by_name = reply["protocol"] not in XML and not moved
    code = reply["name"] if by_name else reply["code"]
    own = OWN_MESSAGES.get((reply["service"], reply["protocol"], reply["name"]))
    if (error["Code"], error["Message"]) != (code, own or reply["message"]):
        problems.append(f"error {error}")
    if shape.name == reply["name"]:
        members = parse(reply, shape)
        read_members = {k: v for k, v in read(members).items() if k in shape.members and k.lower() != "message"}
        problems += differences(reply, reply["expected"], read_members)
    return problems


@pytest.mark.parametrize("service", SERVICES)
def test_the_client_reads_what_was_written(service, replies):
    problems, models = [], {}
    assert service in replies
    for reply in replies[service]:
        if (service, reply["name"]) in UNREADABLE:
            continue
        protocol = reply["protocol"]
        if protocol not in models:
            models[protocol] = model(service, protocol)
        check = check_reply if reply["kind"] == "reply" else check_fault
        try:
            found = check(reply, models[protocol])
        except Exception as error:  # the client could not even read it
            found = [f"{type(error).__name__}: {error}"]
        problems += [f"{protocol} {reply['kind']} {reply['name']}: {p}" for p in found]
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems[:20])
