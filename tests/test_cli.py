"""Virga's own command line, for people and (with --json) for programs."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from cloudtest import Account, Cloud, allow, binary, refused


def fetch(cloud, path, method="GET", body=None):
    made = urllib.request.Request(cloud.endpoint + path, method=method, data=body)
    with urllib.request.urlopen(made, timeout=10) as answer:
        return answer.status, answer.read()


def test_the_banner_says_where_it_is(own_cloud):
    lines = own_cloud.log.read_text().splitlines()
    assert any("Ready" in line and own_cloud.endpoint in line for line in lines)
    # The line that log watchers of drop-in users wait for.
    assert "Ready." in [line.strip() for line in lines]


def test_health(own_cloud):
    status, body = fetch(own_cloud, "/_virga/health")
    assert status == 200
    assert isinstance(json.loads(body), dict)


def test_sigterm_and_sigint_end_cleanly(tmp_path):
    for number in (signal.SIGTERM, signal.SIGINT):
        cloud = Cloud(tmp_path).start()
        cloud.process.send_signal(number)
        assert cloud.process.wait(timeout=10) == 0
        cloud.endpoint = None


def test_who_ends_it_at_once_is_heard(tmp_path):
    """Before anybody within has begun to listen for the end."""
    for _ in range(12):
        cloud = Cloud(tmp_path).start()
        cloud.process.send_signal(signal.SIGTERM)
        assert cloud.process.wait(timeout=30) == 0
        cloud.endpoint = None


def test_sigterm_while_a_client_is_connected_ends_soon(own_cloud):
    idle = socket.create_connection(("127.0.0.1", own_cloud.port))
    begun = time.monotonic()
    assert own_cloud.stop() == 0
    assert time.monotonic() - begun < 5
    idle.close()


def test_detach_returns_when_calls_are_answered_and_down_ends_it(tmp_path):
    cloud = Cloud(tmp_path)
    done = cloud.run("up", "--detach", "--listen", "127.0.0.1:0")
    assert "Ready" in done.stdout
    try:
        status = cloud.ask("status")
        assert status["running"] is True
        cloud.endpoint = status["endpoint"]
        assert cloud.endpoint in done.stdout
        assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
    finally:
        cloud.run("down")
    stopped = cloud.run("status", "--json", check=False)
    # 3 is what service managers say of what does not run; scripts ask for nothing else.
    assert (stopped.returncode, json.loads(stopped.stdout)) == (3, {"running": False})
    with pytest.raises(OSError):
        fetch(cloud, "/_virga/health")


def test_up_again_does_not_pretend_to_have_changed_what_runs(own_cloud):
    again = own_cloud.run("up", "--detach", "--listen", own_cloud.endpoint.removeprefix("http://"))
    assert "already running" in again.stdout
    assert f"virga env --data {own_cloud.data}" in again.stdout
    others = (["--strict"], ["--seed", "7"], ["--dynamodb-lag", "9"], ["--trust", "x"], ["--listen", "127.0.0.1:1"])
    for other in others:
        done = own_cloud.run("up", "--detach", *other, check=False)
        assert (done.returncode, done.stdout) == (1, ""), other
        assert "virga down" in done.stderr


def test_down_when_nothing_runs_is_not_an_accident(tmp_path):
    cloud = Cloud(tmp_path)
    done = cloud.run("down", check=False)
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr
    assert done.stdout + done.stderr


def test_env_is_what_a_shell_needs(own_cloud):
    exports = own_cloud.run("env").stdout
    done = subprocess.run(
        ["sh", "-c", exports + '\nprintf "%s %s %s" "$AWS_ENDPOINT_URL" "$AWS_ACCESS_KEY_ID" "$AWS_DEFAULT_REGION"'],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout == f"{own_cloud.endpoint} test us-east-1"
    assert own_cloud.ask("env")["AWS_ENDPOINT_URL"] == own_cloud.endpoint


def test_reset_forgets_everything(own_cloud, own_account):
    own_account.user("ann")
    own_cloud.run("reset", "--yes")
    with refused("NoSuchEntity", "The user with name ann cannot be found.", 404):
        own_account.client("iam").get_user(UserName="ann")
    own_account.user("ann")
    assert fetch(own_cloud, "/_virga/reset", "POST", b"")[0] == 200
    own_cloud.restart()
    with refused("NoSuchEntity", "The user with name ann cannot be found.", 404):
        own_account.client("iam").get_user(UserName="ann")


def test_the_same_seed_draws_the_same_chance(tmp_path):
    def drawn(name, seed):
        folder = tmp_path / name
        folder.mkdir()
        cloud = Cloud(folder, "--seed", seed).start()
        try:
            iam = Account(cloud, "123456789012").client("iam")
            user = iam.create_user(UserName="ann")["User"]["UserId"]
            key = iam.create_access_key(UserName="ann")["AccessKey"]
            return user, key["AccessKeyId"], key["SecretAccessKey"]
        finally:
            cloud.kill()

    assert drawn("one", "5") == drawn("two", "5")
    assert drawn("three", "6") != drawn("four", "7")


def test_the_clock_has_a_page_of_its_own(own_cloud):
    def order(body):
        return json.loads(fetch(own_cloud, "/_virga/clock", "POST", json.dumps(body).encode())[1])

    before = own_cloud.ask("clock")
    moved = order({"advance_seconds": 86400})
    assert moved["ahead_seconds"] - before["ahead_seconds"] == 86400
    assert order({"freeze": True})["frozen"] is True
    assert own_cloud.ask("clock")["now"] == own_cloud.ask("clock")["now"]
    assert order({"thaw": True})["frozen"] is False


def test_every_command_speaks_json(tmp_path):
    cloud = Cloud(tmp_path)
    started = json.loads(cloud.run("up", "--detach", "--listen", "127.0.0.1:0", "--json").stdout)
    cloud.endpoint = started["endpoint"]
    try:
        ann = Account(cloud, "123456789012").user("ann", allow("iam:ListUsers"))
        listed = ann.client("iam").list_users()
        with refused("AccessDenied"):
            ann.client("iam").list_roles()
        calls = cloud.ask("status")["calls"]
        # Counters for each operation: what was called, and what was refused.
        assert (calls["iam.ListUsers"]["calls"], calls["iam.ListUsers"]["refused"]) == (1, 0)
        assert (calls["iam.ListRoles"]["calls"], calls["iam.ListRoles"]["refused"]) == (1, 1)
        assert calls["iam.ListUsers"]["mean_micros"] > 0
        request_id = listed["ResponseMetadata"]["RequestId"]
        for arguments in (["doctor"], ["env"], ["clock"], ["az"], ["why", request_id], ["least-privilege", ann.arn]):
            # The doctor's exit code tells what this machine lacks.
            said = cloud.run("--json", *arguments, check=arguments != ["doctor"]).stdout
            assert isinstance(json.loads(said), dict), arguments
        lines = cloud.run("logs", "--json").stdout.splitlines()
        assert [json.loads(line) for line in lines]
        assert isinstance(cloud.ask("clock", "freeze"), dict)
        assert isinstance(cloud.ask("reset", "--yes"), dict)
        assert Account(cloud, "123456789012").client("iam").list_users()["Users"] == []
    finally:
        ended = json.loads(cloud.run("down", "--json").stdout)
    assert isinstance(ended, dict)


def test_doctor_tells_what_it_finds(own_cloud):
    findings = json.loads(own_cloud.run("--json", "doctor", check=False).stdout)["findings"]
    found = {finding["what"]: finding["good"] for finding in findings}
    # Not every user may open /dev/fuse.
    assert found.pop("volumes") == os.access("/dev/fuse", os.R_OK | os.W_OK)
    # Nor does every system give control groups away.
    assert isinstance(found.pop("limits"), bool)
    # And not every machine has QEMU.
    assert isinstance(found.pop("virtual machines"), bool)
    looked_at = ("data folder", "master key", "endpoint", "networks", "logins", "functions")
    assert found == dict.fromkeys(looked_at, True)


def test_why_knows_a_refusal_that_came_before_the_caller_was_known(own_cloud):
    with refused("InvalidClientTokenId") as caught:
        own_cloud.client("iam", "AKIAIOSFODNN7EXAMPLE", "wrong").list_users()
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    told = own_cloud.run("why", request_id).stdout
    for fact in ("iam:ListUsers", "InvalidClientTokenId", "refused before"):
        assert fact in told
    assert own_cloud.ask("why", request_id)["caller"] is None


def test_down_does_not_wait_for_a_parent_to_collect_the_exit_code(own_cloud):
    # `own_cloud.process` is not waited for here, so that the ended process stays as a zombie.
    assert own_cloud.run("down").stdout == "stopped\n"
    assert own_cloud.process.wait(timeout=1) == 0


def test_the_clock_goes_forward_only(own_cloud):
    done = own_cloud.run("clock", "-3d", check=False)
    assert (done.returncode, done.stderr) == (1, "virga: the clock goes forward only; try +45d, freeze or thaw\n")


def test_least_privilege_of_somebody_unseen_is_no_policy(own_cloud):
    done = own_cloud.run("least-privilege", "role/none", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no call by arn:aws:iam::000000000000:role/none that was allowed is on record" in done.stderr


def test_why_names_the_statement_that_denied(own_cloud, own_account):
    ann = own_account.user("ann", {"Sid": "NoUsers", "Effect": "Deny", "Action": "iam:*", "Resource": "*"})
    with refused("AccessDenied") as caught:
        ann.client("iam").list_users()
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    told = own_cloud.run("why", request_id).stdout
    for fact in ("ListUsers", ann.arn, "NoUsers", "inline"):
        assert fact in told
    assert "NoUsers" in json.dumps(own_cloud.ask("why", request_id))


def test_two_clouds_on_one_folder_are_refused(own_cloud):
    second = Cloud(own_cloud.data.parent)
    second.log = own_cloud.data.parent / "second.log"
    with pytest.raises(AssertionError, match="did not become ready"):
        second.start()
    assert str(own_cloud.data) in second.log.read_text()
    assert own_cloud.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_port_that_is_taken_is_named(own_cloud, tmp_path_factory):
    second = Cloud(tmp_path_factory.mktemp("second"))
    second.endpoint = own_cloud.endpoint
    with pytest.raises(AssertionError, match="did not become ready"):
        second.start()
    assert str(own_cloud.port) in second.log.read_text()


def test_listening_to_the_world_needs_to_be_said(tmp_path):
    done = subprocess.run(
        [str(binary()), "up", "--data", str(tmp_path / "data"), "--listen", "0.0.0.0:0"],
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert done.returncode != 0
    assert "0.0.0.0" in done.stdout + done.stderr


def own_address():
    """An address of this machine beyond loopback, if it has one; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_beyond_loopback_only_keys_that_were_given_count(tmp_path):
    address = own_address()
    if address is None or address.startswith("127."):
        pytest.skip("this machine has no address beyond loopback")
    log = tmp_path / "up.log"
    command = [str(binary()), "up", "--data", str(tmp_path / "data"), "--listen", "0.0.0.0:0", "--expose"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 20
        while not (found := re.search(r"Ready.*http://[^:]+:(\d+)", log.read_text())):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.01)
        cloud = Cloud(tmp_path)
        cloud.endpoint = f"http://127.0.0.1:{found[1]}"
        ann = Account(cloud, "123456789012").user("ann", allow("iam:ListUsers"))
        cloud.endpoint = f"http://{address}:{found[1]}"
        assert [user["UserName"] for user in ann.client("iam").list_users()["Users"]] == ["ann"]
        for key in ("test", "123456789012"):
            with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
                cloud.client("sts", key).get_caller_identity()
        for path, method in (("/_virga/health", "GET"), ("/_virga/reset", "POST"), ("/_virga/clock", "POST")):
            with pytest.raises(urllib.error.HTTPError) as caught:
                fetch(cloud, path, method, b"" if method == "POST" else None)
            assert caught.value.code == 403
    finally:
        process.kill()
        process.wait()


def test_half_a_root_key_is_refused(tmp_path):
    command = [str(binary()), "up", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    for given, said in (
        ({"VIRGA_ROOT_ACCESS_KEY_ID": "mine"}, "only one is set"),
        ({"VIRGA_ROOT_SECRET_ACCESS_KEY": "secret"}, "only one is set"),
        ({"VIRGA_ROOT_ACCESS_KEY_ID": "a/b", "VIRGA_ROOT_SECRET_ACCESS_KEY": "secret"}, "is no access key id"),
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, env={**os.environ, **given})
        assert done.returncode == 1
        assert said in done.stderr
        assert "secret" not in done.stderr.lower().replace("secret_access_key", "")


def test_a_mistake_on_the_command_line_is_explained():
    done = subprocess.run([str(binary()), "upp"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2
    assert "up" in done.stderr


def test_acknowledged_is_durable(own_cloud, own_account):
    """Ten times: some writes, kill -9 at once, and each that was acknowledged is there."""
    iam = own_account.client("iam")
    names = []
    for round_number in range(10):
        for n in range(5):
            name = f"user-{round_number}-{n}"
            iam.create_user(UserName=name)
            names.append(name)
        own_cloud.restart(kill=True)
    assert [user["UserName"] for user in iam.list_users()["Users"]] == sorted(names)
