"""Functions in Ruby: this machine's own where it is one of Lambda's, and the runtime's own program under any."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from test_lambda import doctor, invoke, role, runs_here  # noqa: F401

ROOM = Path(__file__).resolve().parent.parent / "crates" / "compute" / "src" / "lambda" / "sandbox"
APP = """
require "logger"
require "stringio"
LOG = Logger.new($stdout)
$count = 0

class Refused < StandardError; end

def handler(event:, context:)
  case event["do"]
  when "fail" then raise Refused, "told to"
  when "break" then nothing_of_this_name
  when "stream" then return StringIO.new("as it is")
  when "odd" then raise Refused, "\\xff"
  end
  LOG.info("seen #{event["text"]}")
  left = context.get_remaining_time_in_millis
  { event:, count: $count += 1, name: context.function_name, memory: context.memory_limit_in_mb, left: }
end

module Shop
  class Desk
    def self.serve(event:, context:) = context.aws_request_id
  end
end
"""
# Any Ruby under Lambda's own program for it, where this machine's is none of Lambda's versions.
ANY = "#!/bin/sh\nexec ruby /var/task/runtime.rb\n"


@pytest.fixture(scope="module", params=["of Lambda", "any"])
def runtime(request, cloud):
    detail = doctor(cloud)["functions"]["detail"]
    names = detail.removeprefix("runtimes: ").split(";")[0].split(", ")
    found = [name for name in names if name.startswith("ruby")]
    if request.param == "any":
        if not shutil.which("ruby"):
            pytest.skip("this machine has no Ruby")
        return "provided.al2023"
    if not found:
        pytest.skip(f"this machine has no Ruby of Lambda's versions: {detail}")
    return found[0]


def packed(runtime, app=APP):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.rb", app)
        if runtime.startswith("provided"):
            archive.write(ROOM / "bootstrap.rb", "runtime.rb")
            info = zipfile.ZipInfo("bootstrap")
            info.external_attr = 0o755 << 16
            archive.writestr(info, ANY)
    return out.getvalue()


@pytest.fixture
def functions(account, runtime):
    """A client, and how a function is made."""
    client = account.client("lambda")
    arn = role(account)

    def make(handler="app.handler", app=APP, **more):
        code = {"ZipFile": packed(runtime, app)}
        client.create_function(
            FunctionName="it", Runtime=runtime, Role=arn, Handler=handler, Timeout=10, MemorySize=256, Code=code, **more
        )
        return client

    return make


def test_events_and_answers(functions):
    client = functions()
    error, got, log = invoke(client, {"text": "ü"})
    assert error is None, log
    assert got["event"] == {"text": "ü"}
    assert (got["count"], got["name"], got["memory"]) == (1, "it", "256")
    assert 0 < got["left"] <= 10_000
    assert ("INFO" in log, "seen ü" in log) == (True, True)
    assert invoke(client, {})[1]["count"] == 2, "the environment is used again"
    answer = client.invoke(FunctionName="it", Payload=json.dumps({"do": "stream"}))
    assert answer["Payload"].read() == b"as it is"


def test_errors_of_a_function_are_told(functions):
    client = functions()
    invoke(client, {})
    error, got, log = invoke(client, {"do": "fail"})
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "Function<Refused>", "told to")
    assert got["stackTrace"][0].startswith("/var/task/app.rb:"), got
    assert len(got["stackTrace"]) == 1, "the runtime's own frames are left out"
    assert "Error raised from handler method" in log
    assert invoke(client, {"do": "odd"})[1]["errorType"] == "Function<Refused>"
    assert invoke(client, {})[1]["count"] == 2, "an ordinary error leaves the environment"
    error, got, _ = invoke(client, {"do": "break"})
    assert (error, got["errorType"]) == ("Unhandled", "Function<NameError>")
    assert invoke(client, {})[1]["count"] == 1, "a critical error ends the environment"


def test_a_method_of_a_class(functions):
    client = functions("app.Shop::Desk.serve")
    error, got, _ = invoke(client, {})
    assert (error, len(got)) == (None, 36)


@pytest.mark.parametrize(("handler", "kind"), [("app", "Init<ArgumentError>"), ("nothing.handler", "Init<LoadError>")])
def test_what_cannot_begin(functions, handler, kind):
    error, got, _ = invoke(functions(handler), {})
    assert (error, got["errorType"]) == ("Unhandled", kind)


def test_logs_in_json(functions):
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    app = APP + 'def logs(event:, context:) = (LOG.info("not told"); LOG.warn("told"))\n'
    _, _, log = invoke(functions("app.logs", app, LoggingConfig=logging), {})
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    told = [line for line in lines if line.get("level") == "WARN"]
    assert [line["message"] for line in told] == ["told"]
    assert told[0]["requestId"]
    assert "not told" not in log
