"""An HTTPS server of a test's own, for `localhost`, with an authority of its own."""

import datetime
import http.server
import ssl
import threading
import time
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Call:
    at: float
    method: str
    path: str
    headers: dict
    body: str


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
    """Keeps what it was told; `answer` gives the status for the number of a call, 200 where there is none."""

    def __init__(self, folder, answer=None):
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
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                seen.append(Call(time.monotonic(), self.command, self.path, dict(self.headers), body))
                self.send_response(answer(len(seen)) if answer else 200)
                self.end_headers()

            do_PUT = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"https://localhost:{self.server.server_port}"

    def wait(self, count):
        """The last call, once there are so many."""
        deadline = time.monotonic() + 30
        while len(self.seen) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.seen) == count
        return self.seen[-1]

    def close(self):
        self.server.shutdown()
