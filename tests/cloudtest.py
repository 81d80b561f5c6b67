"""What a test holds in its hands: a cloud (a process of the binary under test) and callers in it.

Nothing here helps the clients along: they sign, validate, and parse as they do against AWS. Retries are off, so that
an error which would go away by itself is seen.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
# Starting is milliseconds; the limit is for a machine that is busy with something else.
START_SECONDS_MAX = 20
_session = boto3.session.Session()


def binary():
    """The binary under test: VIRGA_BIN, else the newest that cargo built."""
    named = os.environ.get("VIRGA_BIN")
    if named:
        return Path(named).resolve()
    built = [ROOT / "target" / profile / "virga" for profile in ("debug", "release")]
    built = [path for path in built if path.exists()]
    if not built:
        pytest.exit("no binary: run `cargo build -p virga`, or set VIRGA_BIN", returncode=4)
    return max(built, key=lambda path: path.stat().st_mtime)


# For programs that have nothing but Python: keys are those of the credentials that metadata gives.
SIGNED = """
import datetime, hashlib, hmac, urllib.request
def signed(url, service, keys, body, kind="application/x-www-form-urlencoded", target=None):
    host = url.split("/")[2]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": kind, "host": host, "x-amz-date": now, "x-amz-security-token": keys["Token"]}
    if target:
        headers["x-amz-target"] = target
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\\n" for name in sorted(headers))
    request = f"POST\\n/\\n\\n{lines}\\n{names}\\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/us-east-1/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\\n{now}\\n{scope}\\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = ("AWS4" + keys["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    credential = f"AWS4-HMAC-SHA256 Credential={keys['AccessKeyId']}/{scope}"
    headers["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return urllib.request.Request(url, body, headers)
"""


class Cloud:
    """One running cloud with a data folder of its own."""

    def __init__(self, folder, *options, program=None, user=None, environment=None):
        self.data = folder / "data"
        self.log = folder / "up.log"
        self.options = options
        self.program = str(program or binary())
        # A number: who runs it, where that is not who runs the tests; and what is in that user's environment.
        self.who = {} if user is None else {"user": user, "group": user, "extra_groups": [], "env": environment}
        self.process = None
        self.endpoint = None

    def start(self):
        """Returns when the binary says that calls are answered. A second start uses the first one's port."""
        listen = self.endpoint.removeprefix("http://") if self.endpoint else "127.0.0.1:0"
        command = [self.program, "up", "--data", str(self.data), "--listen", listen, *self.options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.who)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            for line in self.log.read_text(errors="replace").splitlines():
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
                if "Ready" in line and found:
                    self.endpoint = found.group()
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        self.kill()
        raise AssertionError(f"{' '.join(command)} did not become ready:\n{self.log.read_text(errors='replace')}")

    @property
    def port(self):
        return int(self.endpoint.rsplit(":", 1)[1])

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_SECONDS_MAX)

    def kill(self):
        """SIGKILL: what was acknowledged must survive it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self, kill=True):
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()

    def run(self, *arguments, check=True):
        """Virga's own command line on this cloud's data folder; returns the completed process."""
        done = subprocess.run(
            [self.program, "--data", str(self.data), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            **self.who,
        )
        if check:
            assert done.returncode == 0, f"virga {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def ask(self, *arguments, check=True):
        """The same with --json, parsed."""
        return json.loads(self.run("--json", *arguments, check=check).stdout)

    def client(self, service, key="test", secret="test", token=None, region=REGION, **config):
        config.setdefault("retries", {"total_max_attempts": 1})
        return _session.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(**config),
        )

    def anonymous(self, service):
        return self.client(service, signature_version=UNSIGNED)


class Caller:
    """Somebody with credentials: root of an account, a user, or a role's session."""

    def __init__(self, cloud, account, arn, key, secret, token=None):
        self.cloud, self.account, self.arn = cloud, account, arn
        self.key, self.secret, self.token = key, secret, token

    def client(self, service, **options):
        return self.cloud.client(service, self.key, self.secret, self.token, **options)

    def aws(self, *arguments, check=True):
        """The AWS CLI as this caller. Returns its JSON (None when it prints nothing), or the process if not `check`."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.cloud.data.parent),
            "AWS_ENDPOINT_URL": self.cloud.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
        }
        if self.token:
            environment["AWS_SESSION_TOKEN"] = self.token
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
        )
        if not check:
            return done
        assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def assume(self, role_arn, session="session", **options):
        """A session of the role, as a caller."""
        given = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session, **options)
        return self.with_credentials(given["Credentials"], given["AssumedRoleUser"]["Arn"])

    def with_credentials(self, credentials, arn):
        account = arn.split(":")[4]
        parts = (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken"))
        return Caller(self.cloud, account, arn, *parts)


class Account(Caller):
    """The root of one account, which makes others."""

    def __init__(self, cloud, number):
        super().__init__(cloud, number, f"arn:aws:iam::{number}:root", number, "any secret")

    def user(self, name, *statements):
        """A user with an access key, and an inline policy of the statements when there are any."""
        iam = self.client("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Caller(self.cloud, self.account, arn, made["AccessKeyId"], made["SecretAccessKey"])

    def role(self, name, trusted, *statements, **options):
        """A role that `trusted` (a principal's ARN or a Principal element) may assume; returns its ARN."""
        iam = self.client("iam")
        principal = trusted if isinstance(trusted, dict) else {"AWS": trusted}
        trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **options)["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        return arn


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resources="*", **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions, resources="*", **more):
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **more}


def eventually(what, seconds=60):
    """Asks until there is something to answer, and gives that."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


@contextmanager
def refused(code, message=None, status=None):
    """The call inside must be refused with exactly this code, message and HTTP status (those that are given)."""
    with pytest.raises(ClientError) as caught:
        yield caught
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    if message is not None:
        assert error.get("Message", "") == message
    if status is not None:
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def not_authorized(caller_arn, action, resource, because):
    return f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource} {because}"


def no_identity_policy(action):
    return f"because no identity-based policy allows the {action} action"


EXPLICIT_DENY = "with an explicit deny in an identity-based policy"
