"""Functions in Java: this machine's own, by AWS's runtime interface client, which runs unmodified."""

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from cloudtest import Account, Cloud
from test_lambda import doctor, invoke, role, runs_here  # noqa: F401

POM = Path(__file__).resolve().parent / "java" / "pom.xml"
FETCH_SECONDS_MAX = 600
APP = """
package shop;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;
public class App implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    static int count = 0;
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        if (event.containsKey("fail")) throw new IllegalStateException("told to");
        context.getLogger().log("seen " + event);
        return Map.of("event", event, "count", ++count, "name", context.getFunctionName(),
            "memory", context.getMemoryLimitInMB(), "path", System.getenv("AWS_EXECUTION_ENV"));
    }
}
"""


@pytest.fixture(scope="module")
def client():
    """The folder of the client's archives."""
    if not shutil.which("mvn") or not shutil.which("javac"):
        pytest.skip("Maven or a compiler for Java is not installed")
    folder = POM.parent.parent.parent / "target" / "java-client"
    if not any(folder.glob("aws-lambda-java-runtime-interface-client*.jar")):
        command = ["mvn", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        got = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX)
        assert got.returncode == 0, got.stdout + got.stderr
    return folder


@pytest.fixture
def java(client, tmp_path, monkeypatch):
    """An account of a cloud that has been given the client, and the name of its Java."""
    monkeypatch.setenv("VIRGA_JAVA_CLIENT", str(client))
    cloud = Cloud(tmp_path).start()
    detail = doctor(cloud)["functions"]["detail"]
    names = [name for name in detail.removeprefix("runtimes: ").split(";")[0].split(", ") if name.startswith("java")]
    if not names:
        cloud.kill()
        pytest.skip(f"this machine's Java is none that functions may have: {detail}")
    yield Account(cloud, "123456789012"), names[0]
    cloud.kill()


def packed(client, folder):
    source = folder / "src" / "shop" / "App.java"
    source.parent.mkdir(parents=True)
    source.write_text(APP)
    command = ["javac", "-cp", f"{client}/*", "-d", str(folder / "classes"), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.write(folder / "classes" / "shop" / "App.class", "shop/App.class")
    return out.getvalue()


def test_the_official_runtime_client(java, client, tmp_path):
    account, runtime = java
    functions = account.client("lambda")
    functions.create_function(
        FunctionName="it",
        Runtime=runtime,
        Role=role(account),
        Handler="shop.App",
        Timeout=30,
        MemorySize=512,
        Code={"ZipFile": packed(client, tmp_path)},
    )
    error, got, log = invoke(functions, {"a": [1, "ü"]})
    assert error is None, log
    assert got == {
        "event": {"a": [1, "ü"]},
        "count": 1,
        "name": "it",
        "memory": 512,
        "path": f"AWS_Lambda_{runtime}",
    }
    assert "seen {a=[1, ü]}" in log
    error, got, _ = invoke(functions, {"fail": True})
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "java.lang.IllegalStateException", "told to")
    assert invoke(functions, {})[1]["count"] == 2, "the environment is used again"


def test_without_the_client_there_is_no_java(cloud, account):
    detail = doctor(cloud)["functions"]["detail"]
    if "java" in detail.split(";")[0]:
        pytest.skip("this machine has been given the client")
    client = account.client("lambda")
    why = "The runtime parameter of java17 is not supported: this machine has no such runtime."
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=why):
        client.create_function(
            FunctionName="it", Runtime="java17", Role=role(account), Handler="a.B", Code={"ZipFile": b"x"}
        )
    if shutil.which("java"):
        assert "needs AWS's runtime interface client" in detail
