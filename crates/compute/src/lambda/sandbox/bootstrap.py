"""Runs a function's handler for the events that the Runtime API hands out."""

import http.client
import importlib
import json
import logging
import os
import re
import site
import sys
import time
import traceback

API = "/2018-06-01/runtime"


class Server:
    """The Runtime API, by one connection that lives as long as this process."""

    def __init__(self):
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
        self.connection = http.client.HTTPConnection(host, int(port or 80))

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, API + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer, answer.read()

    def fail(self, path, error):
        body = json.dumps(error, ensure_ascii=False).encode("utf-8", "surrogatepass")
        kind = {"Lambda-Runtime-Function-Error-Type": error.get("errorType", "Unhandled")}
        self.ask("POST", path, body, kind)


class Identity:
    def __init__(self, cognito):
        cognito = cognito or {}
        self.cognito_identity_id = cognito.get("cognitoIdentityId")
        self.cognito_identity_pool_id = cognito.get("cognitoIdentityPoolId")


class Client:
    pass


class ClientContext:
    def __init__(self, given):
        self.custom = given.get("custom")
        self.env = given.get("env")
        self.client = Client()
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"):
            setattr(self.client, name, (given.get("client") or {}).get(name))


class Context:
    """What a handler may ask about the invocation."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = Identity(json.loads(headers.get("Lambda-Runtime-Cognito-Identity") or "null"))
        given = headers.get("Lambda-Runtime-Client-Context")
        self.client_context = ClientContext(json.loads(given)) if given else None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, text):
        sys.stdout.write(str(text))


class Lines(logging.Handler):
    """Log records as Lambda writes them."""

    request_id = ""

    def __init__(self):
        super().__init__()
        self.own = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
        self.is_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
        level = {"TRACE": "NOTSET", "WARN": "WARNING", "FATAL": "CRITICAL"}
        if self.is_json and (least := os.environ.get("AWS_LAMBDA_LOG_LEVEL")):
            logging.root.setLevel(level.get(least, least))

    def written(self, record):
        """A record in JSON, with what the function has added to it."""
        out = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0]:
            kind, error, frames = record.exc_info
            out |= {"stackTrace": traceback.format_list(traceback.extract_tb(frames))}
            out |= {"errorType": kind.__name__, "errorMessage": str(error)}
            out |= {"location": f"{record.pathname}:{record.funcName}:{record.lineno}"}
        if Lines.request_id:
            out["requestId"] = Lines.request_id
        out |= {name: value for name, value in vars(record).items() if name not in self.own}
        return json.dumps(out, default=str, ensure_ascii=False)

    def emit(self, record):
        if self.is_json:
            sys.stdout.write(self.written(record) + "\n")
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = self.format(record)
        sys.stdout.write(f"[{record.levelname}]\t{stamp}.{int(record.msecs):03d}Z\t{Lines.request_id}\t{text}\n")


def described(error):
    frames = traceback.extract_tb(error.__traceback__)
    own = [number for number, frame in enumerate(frames) if "/bootstrap.py" not in frame.filename]
    frames = frames[own[0] :] if own else frames
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": Lines.request_id,
        "stackTrace": traceback.format_list(frames),
    }


def said(error):
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        print(json.dumps({"timestamp": stamp, "level": "ERROR", "log_level": "ERROR", **error}, ensure_ascii=False))
        sys.stdout.flush()
        return
    kind, message = error["errorType"], error["errorMessage"]
    lines = ["[ERROR] " + (f"{kind}: {message}" if message else kind)]
    if error["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines.extend(error["stackTrace"])
    print("\n".join(line.rstrip("\n") for line in lines))
    sys.stdout.flush()


def found(name):
    module, dot, function = name.rpartition(".")
    if not dot:
        problem = {"errorType": "Runtime.MalformedHandlerName"}
        return None, problem | {"errorMessage": f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"}
    if module.split(".")[0] in sys.builtin_module_names:
        text = f"Cannot use built-in module {module} as a handler module"
        return None, {"errorType": "Runtime.BuiltInModuleConflict", "errorMessage": text}
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        text = f"Unable to import module '{module}': {error}"
        return None, {"errorType": "Runtime.ImportModuleError", "errorMessage": text}
    except SyntaxError as error:
        text = f"Syntax error in module '{module}': {error}"
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        return None, {"errorType": "Runtime.UserCodeSyntaxError", "errorMessage": text, "stackTrace": trace}
    except Exception as error:
        return None, described(error)
    if not hasattr(loaded, function):
        text = f"Handler '{function}' missing on module '{module}'"
        return None, {"errorType": "Runtime.HandlerNotFound", "errorMessage": text}
    return getattr(loaded, function), None


def encoded(result):
    """JSON as AWS's runtime has it: decimals are numbers, bytes are text and named tuples are objects."""
    decimal = sys.modules.get("decimal")
    numbers, mark = [], os.urandom(16).hex() if decimal else ""

    def plain(value):
        if value is None or type(value) in (str, int, float, bool):
            return value
        if isinstance(value, bytes):
            return value.decode()
        if hasattr(value, "_asdict") and isinstance(value, tuple):
            value = value._asdict()
        if isinstance(value, dict):
            return {name.decode() if isinstance(name, bytes) else name: plain(inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(inner) for inner in value]
        if decimal and isinstance(value, decimal.Decimal):
            numbers.append("NaN" if value.is_nan() else str(value))
            return f"{mark}{len(numbers) - 1}"
        return value

    try:
        simple = plain(result)
    except RecursionError:
        # What holds itself, which is refused by name.
        simple = result
    text = json.dumps(simple, ensure_ascii=sys.version_info < (3, 12))
    if numbers:
        text = re.sub(f'"{mark}([0-9]+)"', lambda found: numbers[int(found[1])], text)
    return text.encode("utf-8")


def main():
    # What is left out with this machine's own packages.
    site.setquit()
    site.sethelper()
    # What was said before an end that nobody foresaw was said, and in its order.
    sys.stdout.reconfigure(line_buffering=True)
    server = Server()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    # AWS's own library comes last: a function may bring another one.
    sys.path.append("/var/runtime/python")
    logging.root.addHandler(Lines())
    handler, problem = found(os.environ["_HANDLER"])
    if problem:
        problem = {"requestId": "", "stackTrace": []} | problem
        said(problem)
        server.fail("/init/error", problem)
        sys.exit(1)
    # What was said while it began may be long before the first event.
    sys.stdout.flush()
    while True:
        answer, event = server.ask("GET", "/invocation/next")
        context = Context(answer.headers)
        Lines.request_id = context.aws_request_id
        os.environ["_X_AMZN_TRACE_ID"] = answer.headers.get("Lambda-Runtime-Trace-Id") or ""
        path = f"/invocation/{context.aws_request_id}"
        try:
            result = handler(json.loads(event), context)
        except Exception as error:
            problem = described(error)
            said(problem)
            server.fail(path + "/error", problem)
            continue
        try:
            body = encoded(result)
        except Exception as error:
            text = f"Unable to marshal response: {error}"
            problem = {"errorType": "Runtime.MarshalError", "errorMessage": text}
            problem |= {"requestId": context.aws_request_id, "stackTrace": []}
            said(problem)
            server.fail(path + "/error", problem)
            continue
        sys.stdout.flush()
        server.ask("POST", path + "/response", body, {"Content-Type": "application/json"})


if __name__ == "__main__":
    main()
