"""SNS to HTTPS endpoints: whom the cloud trusts, and what it tells them at the end; across kill -9."""

import datetime
import http.server
import json
import ssl
import threading
import time

from cloudtest import Account, Cloud
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, signing_key, extension):
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(extension, critical=False)
        .sign(signing_key, hashes.SHA256())
    )


class Hooks:
    """An HTTPS server for `localhost`, with an authority of its own; what it was told."""

    def __init__(self, folder):
        authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        is_authority = x509.BasicConstraints(ca=True, path_length=0)
        authority = certificate("authority", authority_key, "authority", authority_key, is_authority)
        for_name = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        own = certificate("localhost", key, "authority", authority_key, for_name)
        pem = serialization.Encoding.PEM
        self.authority, chain = folder / "authority.pem", folder / "own.pem"
        self.authority.write_bytes(authority.public_bytes(pem))
        own_key = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        chain.write_bytes(own.public_bytes(pem) + own_key)
        self.seen = seen = []

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"https://localhost:{self.server.server_port}/hook"

    def wait(self, count):
        deadline = time.monotonic() + 30
        while len(self.seen) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.seen) == count
        return self.seen[-1]


def test_a_trusted_endpoint_is_told_all_and_its_end_even_after_kill_9(tmp_path):
    hooks = Hooks(tmp_path)
    cloud = Cloud(tmp_path, "--trust", str(hooks.authority)).start()
    try:
        sns = Account(cloud, "111111111111").client("sns")
        topic = sns.create_topic(Name="news")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=hooks.url)
        token = hooks.wait(1)["Token"]
        arn = sns.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"]
        sns.publish(TopicArn=topic, Message="hello")
        assert hooks.wait(2)["Message"] == "hello"
        sns.unsubscribe(SubscriptionArn=arn)
        cloud.kill()
        cloud.start()
        deadline = time.monotonic() + 30
        while len(hooks.seen) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        # Once, or twice if it was killed between the call and the note about it.
        assert [message["Type"] for message in hooks.seen[2:]] in (
            ["UnsubscribeConfirmation"],
            ["UnsubscribeConfirmation"] * 2,
        )
        sns = Account(cloud, "111111111111").client("sns")
        assert sns.list_subscriptions()["Subscriptions"] == []
        assert sns.confirm_subscription(TopicArn=topic, Token=hooks.seen[2]["Token"])["SubscriptionArn"] == arn
    finally:
        cloud.kill()
        hooks.server.shutdown()


def test_without_trust_nothing_is_told(account, tmp_path):
    hooks = Hooks(tmp_path)
    sns = account.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=hooks.url)
    time.sleep(1)
    assert hooks.seen == []
    hooks.server.shutdown()


def test_the_clouds_own_authority_is_trusted(own_cloud, own_account):
    """The cloud calls itself, and refuses what it is told: but it was told."""
    sns = own_account.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"https://localhost:{own_cloud.port}/")
    deadline = time.monotonic() + 20
    while "the endpoint answered 4" not in own_cloud.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "the endpoint answered 4" in own_cloud.log.read_text()


def test_what_cannot_be_trusted_is_said_at_once(tmp_path):
    cloud = Cloud(tmp_path)
    missing = cloud.run("up", "--trust", str(tmp_path / "none.pem"), check=False)
    assert missing.returncode == 1
    assert "none.pem" in missing.stderr
    (tmp_path / "text.pem").write_text("no certificate")
    text = cloud.run("up", "--trust", str(tmp_path / "text.pem"), check=False)
    assert text.returncode == 1
    assert "there is no certificate in it" in text.stderr
