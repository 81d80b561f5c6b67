// Runs a function's handler for the events that the Runtime API hands out.

import { existsSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const API = "/2018-06-01/runtime";
const env = process.env;
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "undefined";

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

function failure(error) {
  return { errorType: error.name, errorMessage: error.message, stackTrace: (error.stack ?? "").split("\n") };
}

// A line in JSON: one thing is told as it is, several as text; an error tells what it is.
function record(level, words) {
  const time = new Date().toISOString();
  const line = { timestamp: time, level, requestId: requestId === "undefined" ? undefined : requestId };
  const error = words.find((word) => word instanceof Error);
  const replaced = (_, value) => (value instanceof Error ? failure(value) : typeof value === "bigint" ? `${value}` : value);
  const whole = { ...line, message: words.length === 1 ? words[0] : format(...words), ...(error && failure(error)) };
  try {
    return JSON.stringify(whole, replaced);
  } catch {
    return JSON.stringify({ ...line, message: format(...words) });
  }
}

const NAMES = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", trace: "TRACE" };
for (const [name, level] of Object.entries(NAMES)) {
  console[name] = (...words) => {
    if (LEVELS.indexOf(level) < least) return;
    const text = isJson ? record(level, words) : undefined;
    const plain = () => `${new Date().toISOString()}\t${requestId}\t${level}\t${format(...words).replaceAll("\n", "\r")}`;
    process.stdout.write(`${text ?? plain()}\n`);
  };
}

function described(error) {
  if (error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

async function fail(what, error) {
  const problem = described(error);
  console.error(what === "/init/error" ? "Uncaught Exception" : "Invoke Error", JSON.stringify(problem));
  await ask("POST", what, JSON.stringify(problem), {
    "Content-Type": "application/json",
    "Lambda-Runtime-Function-Error-Type": problem.errorType,
  });
}

function named(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
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
    fail: (error) => done(error ?? new Error("handled"), undefined),
    done,
  };
}

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
    console.error("Invoke Error", JSON.stringify(problem));
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

function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => (error === null || error === undefined ? resolve(result) : reject(error));
    const answer = handler(event, contextOf(headers, done), done);
    if (typeof answer?.then === "function") answer.then(resolve, reject);
    else if (handler.length < 3 && answer !== undefined) resolve(answer);
  });
}

process.on("uncaughtException", async (error) => {
  const at = requestId === "undefined" ? "/init/error" : `/invocation/${requestId}/error`;
  await fail(at, error);
  process.exit(129);
});

let handler;
try {
  handler = await load(env._HANDLER);
} catch (error) {
  await fail("/init/error", error);
  process.exit(1);
}
for (;;) {
  const { headers, body } = await ask("GET", "/invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  try {
    if (handler[STREAMING]) {
      await stream(handler, JSON.parse(body.toString()), headers);
      continue;
    }
    const result = await run(handler, JSON.parse(body.toString()), headers);
    const text = JSON.stringify(result === undefined ? null : result);
    await ask("POST", `/invocation/${requestId}/response`, text, { "Content-Type": "application/json" });
  } catch (error) {
    await fail(`/invocation/${requestId}/error`, error);
  }
}
