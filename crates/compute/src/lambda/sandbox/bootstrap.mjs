// Runs a function's handler for the events that the Runtime API hands out.

import { existsSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { format, types } from "node:util";

const API = "/2018-06-01/runtime";
const env = process.env;
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "undefined";
// Whether an error that nobody caught is ending this process.
let isEnding = false;
// What follows once there is nothing left to wait for.
let whenIdle;
process.on("beforeExit", () => {
  const follow = whenIdle;
  whenIdle = undefined;
  follow?.();
});

function ask(method, what, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const options = { host, port, agent, method, path: API + what, headers: { ...headers, ...length } };
    const request = http.request(options, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const isJson = env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const least = isJson ? Math.max(0, LEVELS.indexOf(env.AWS_LAMBDA_LOG_LEVEL ?? "TRACE")) : 0;

// What the runtime's own errors are called begins so.
const OWN = "Runtime.";

// As a line in JSON tells of an error.
function failure(error) {
  const isOwn = typeof error.name === "string" && error.name.startsWith(OWN);
  const errorType = isOwn ? error.name.slice(OWN.length) : (error.constructor?.name ?? "UnknownError");
  return { errorType, errorMessage: error.message, stackTrace: (error.stack ?? "").split("\n"), ...error };
}

// A line in JSON: one thing is told as it is, several as text; an error among these tells what it is.
function record(level, words) {
  const time = new Date().toISOString();
  const line = { timestamp: time, level, requestId: requestId === "undefined" ? undefined : requestId };
  const error = words.length > 1 && words.find((word) => word instanceof Error);
  const replaced = (_, value) => (value instanceof Error ? failure(value) : typeof value === "bigint" ? `${value}` : value);
  const whole = { ...line, message: words.length === 1 ? words[0] : format(...words), ...(error && failure(error)) };
  try {
    return JSON.stringify(whole, replaced);
  } catch {
    return JSON.stringify({ ...line, message: format(...words) });
  }
}

const NAMES = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", fatal: "FATAL", debug: "DEBUG", trace: "TRACE" };
for (const [name, level] of Object.entries(NAMES)) {
  console[name] = (...words) => {
    if (LEVELS.indexOf(level) < least) return;
    const text = isJson ? record(level, words) : undefined;
    const plain = () => `${new Date().toISOString()}\t${requestId}\t${level}\t${format(...words).replaceAll("\n", "\r")}`;
    process.stdout.write(`${text ?? plain()}\n`);
  };
}

// What is wrong with an error that cannot be read.
const UNREAD =
  "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack";

function isError(value) {
  const isText = (part) => typeof value?.[part] === "string" && value[part] !== "";
  return types.isNativeError(value) || ["name", "message", "stack"].every(isText);
}

// As whoever invokes is told.
function described(error) {
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
    return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
  } catch {
    return { errorType: "handled", errorMessage: UNREAD };
  }
}

// As the log is told: with all that the error holds.
function whole(error) {
  const replaced = (_, value) => {
    if (!(value instanceof Error)) return value;
    const { name, message, code, stack } = value;
    return { errorType: name, errorMessage: message, code, ...value, stack: (stack ?? "").split("\n") };
  };
  try {
    return JSON.stringify(error, replaced);
  } catch {
    return JSON.stringify(described(error));
  }
}

function report(label, thrown) {
  const error = thrown instanceof Error ? thrown : new Error(thrown);
  if (isJson) console.error(error);
  else console.error(label, `\t${whole(error)}`);
}

async function fail(what, error, label = "Invoke Error") {
  const problem = described(error);
  report(label, error);
  await ask("POST", what, JSON.stringify(problem), {
    "Content-Type": "application/json",
    "Lambda-Runtime-Function-Error-Type": problem.errorType,
  });
}

// Its name is no part of what the log is told that it holds.
function named(name, message) {
  return Object.defineProperty(new Error(message), "name", { value: name });
}

async function load(handler) {
  const folder = path.dirname(handler);
  const [stem, ...members] = path.basename(handler).split(".");
  if (members.length === 0) throw named("Runtime.MalformedHandlerName", "Bad handler");
  const base = path.resolve(env.LAMBDA_TASK_ROOT, folder, stem);
  const file = ["", ".js", ".mjs", ".cjs"].map((end) => base + end).find((file) => existsSync(file));
  if (file === undefined) {
    throw named("Runtime.ImportModuleError", `Error: Cannot find module '${stem}'`);
  }
  let loaded;
  try {
    loaded = await import(pathToFileURL(file));
  } catch (error) {
    if (error instanceof SyntaxError) throw named("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw named("Runtime.ImportModuleError", `Error: ${error.message}`);
    }
    throw error;
  }
  const within = (from) => members.reduce((found, member) => found?.[member], from);
  const found = within(loaded) ?? within(loaded.default);
  if (found === undefined) throw named("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  if (typeof found !== "function") throw named("Runtime.HandlerNotFound", `${handler} is not a function`);
  if (found.length > 2 && !found[STREAMING] && !hasCallbacks) throw named("Runtime.CallbackHandlerDeprecated", NO_CALLBACKS);
  return found;
}

function contextOf(headers, done) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const given = headers["lambda-runtime-client-context"];
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    clientContext: given ? JSON.parse(given) : undefined,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? "handled", undefined),
    done,
  };
}

const REJECTION = "Runtime.UnhandledPromiseRejection";
// From this version on handlers have no callback.
const WITHOUT_CALLBACKS = 24;
const NO_CALLBACKS =
  "AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
  "You need to modify this function to use a supported handler signature to use Node.js 24 or later.";
const NEVER_SETTLED =
  "The Lambda runtime client detected an unexpected Node.js exit code. " +
  "This is most commonly caused by a Promise that was never settled.";
const hasCallbacks = Number(process.versions.node.split(".")[0]) < WITHOUT_CALLBACKS;

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");

globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[STREAMING] = "response";
    return handler;
  },
  HttpResponseStream: {
    from(stream, head) {
      stream.setContentType("application/vnd.awslambda.http-integration-response");
      stream.write(JSON.stringify(head));
      stream.write(new Uint8Array(8));
      return stream;
    },
  },
};

// What a handler writes its response to: a request that begins with the first bytes.
class ResponseStream extends Writable {
  constructor(what) {
    super();
    this.what = what;
    this.type = "application/octet-stream";
    this.answered = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.answered.catch(() => {});
  }

  setContentType(type) {
    this.type = type;
  }

  begin() {
    if (this.request) return;
    const headers = {
      "Content-Type": this.type,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    };
    const options = { host, port, agent, method: "POST", path: API + this.what, headers };
    this.request = http.request(options, (answer) => {
      answer.resume();
      answer.on("end", this.resolve);
    });
    this.request.on("error", this.reject);
  }

  _write(bytes, encoding, done) {
    this.begin();
    this.request.write(bytes, encoding, done);
  }

  _final(done) {
    this.begin();
    this.request.end(done);
  }

  async fail(error) {
    const problem = described(error);
    report("Invoke Error", error);
    this.request.addTrailers({
      "Lambda-Runtime-Function-Error-Type": problem.errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(problem)).toString("base64"),
    });
    this.request.end();
    await this.answered;
  }
}

async function stream(handler, event, headers) {
  const response = new ResponseStream(`/invocation/${requestId}/response`);
  const finished = new Promise((resolve, reject) => response.on("finish", resolve).on("error", reject));
  try {
    await handler(event, response, contextOf(headers, () => {}));
    await finished;
    await response.answered;
  } catch (error) {
    if (!response.request) throw error;
    await response.fail(error);
  }
}

// What a handler gives: by a promise or by a callback, whose result waits until there is nothing left to wait for; and
// nothing, if it never says.
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const say = (error, result) => (error === null || error === undefined ? resolve(result) : reject(error));
    const context = contextOf(headers, say);
    const callback = (error, result) => {
      const isLater = (error === null || error === undefined) && context.callbackWaitsForEmptyEventLoop;
      whenIdle = isLater ? () => say(null, result) : undefined;
      if (!isLater) say(error, result);
    };
    const isAsync = types.isAsyncFunction(handler) || !hasCallbacks;
    whenIdle = () => (isAsync ? reject(named("Runtime.NodeJsExit", NEVER_SETTLED)) : resolve(null));
    const answer = hasCallbacks ? handler(event, context, callback) : handler(event, context);
    if (typeof answer?.then === "function") answer.then(resolve, reject);
    else if (!hasCallbacks) resolve(answer);
  });
}

function stringified(result) {
  try {
    return JSON.stringify(result === undefined ? null : result);
  } catch {
    const text = "Unable to stringify response body";
    throw hasCallbacks ? new Error(text) : named("Runtime.JSONStringifyError", text);
  }
}

async function end(error, code, label) {
  isEnding = true;
  const at = requestId === "undefined" ? "/init/error" : `/invocation/${requestId}/error`;
  await fail(at, error, label);
  process.exit(code);
}

process.on("uncaughtException", (error) => end(error, 129, "Uncaught Exception"));
process.on("unhandledRejection", (reason, promise) => {
  const error = Object.assign(named(REJECTION, String(reason)), { reason, promise });
  end(error, 128, "Unhandled Promise Rejection");
});

let handler;
try {
  handler = await load(env._HANDLER);
} catch (error) {
  await fail("/init/error", error, "Uncaught Exception");
  process.exit(1);
}
for (;;) {
  // What is over asks for nothing more.
  await new Promise((resolve) => setImmediate(() => isEnding || resolve()));
  whenIdle = undefined;
  const { headers, body } = await ask("GET", "/invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  try {
    if (handler[STREAMING]) {
      await stream(handler, JSON.parse(body.toString()), headers);
      continue;
    }
    const result = await run(handler, JSON.parse(body.toString()), headers);
    const text = stringified(result);
    await ask("POST", `/invocation/${requestId}/response`, text, { "Content-Type": "application/json" });
  } catch (error) {
    await fail(`/invocation/${requestId}/error`, error ?? "handled");
  }
}
