"""Raw HTTP for the tests that no well-behaved client can make."""

import json
import socket
from contextlib import suppress
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECONDS_MAX = 15


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def xml_error(self):
        """(code, message) of an XML error, whatever its envelope."""
        found = {element.tag.rsplit("}", 1)[-1]: element.text for element in ElementTree.fromstring(self.body).iter()}
        return found.get("Code"), found.get("Message")

    @property
    def json_error(self):
        """(code, message) of a JSON error; the code without its namespace."""
        body = json.loads(self.body)
        code = body.get("__type") or self.headers.get("x-amzn-errortype", "")
        return code.rsplit("#", 1)[-1].split(":")[0], body.get("message", body.get("Message"))


def connect(cloud):
    stream = socket.create_connection(("127.0.0.1", cloud.port), timeout=SECONDS_MAX)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def answer(stream):
    """Reads one response. None when the peer closes without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = stream.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            assert not data, f"closed within the head: {data!r}"
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) if ": " in line else (line.lower(), "") for line in lines[1:])
    length = int(headers.get("content-length", 0))
    assert "transfer-encoding" not in headers, "errors have a length"
    while len(body) < length:
        more = stream.recv(65536)
        assert more, "closed within the body"
        body += more
    return Answer(int(lines[0].split()[1]), headers, body)


def send(cloud, data):
    """One connection: writes the bytes, reads one answer."""
    with connect(cloud) as stream:
        # Refused before all was read, the answer is there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            stream.sendall(data)
        return answer(stream)


def request(method="POST", path="/", headers=None, body=b""):
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def signed(
    cloud,
    service,
    method="POST",
    path="/",
    headers=None,
    body=b"",
    key="123456789012",
    secret="any",
    region="us-east-1",
):
    """The bytes of a request that botocore signed, whatever is in it."""
    made = AWSRequest(method=method, url=f"{cloud.endpoint}{path}", headers=headers or {}, data=body)
    SigV4Auth(Credentials(key, secret), service, region).add_auth(made)
    lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{cloud.port}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in made.headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def json_headers(target, version="1.1"):
    return {"content-type": f"application/x-amz-json-{version}", "x-amz-target": target}
