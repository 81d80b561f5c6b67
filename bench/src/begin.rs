//! How functions begin: what a cold start takes, from the request to the answer, and how soon one runs for an object that was
//! put.
//!
//! Each cold start is of a function that was changed, so that no environment of it is there. What this machine lacks (Node,
//! a compiler for a static program) is left out.

use crate::{
    client::Client,
    load,
    process::Server,
    scenario::{ACCOUNT, python},
    sign::Signer,
};
use base::Clock;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    fmt::Display,
    io::{Cursor, Write},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use zip::{ZipWriter, write::SimpleFileOptions};

const ROUNDS: u32 = 15;
const PYTHON: &str = "def handler(event, context):\n    return event\n";
const NODE: &str = "export const handler = async (event) => event;\n";
/// Its runtime is the program itself.
const RUST: &str = include_str!("../functions/echo.rs");
const TOLD: &str = "import time\ndef handler(event, context):\n    for record in event['Records']:\n        print('told', record['s3']['object']['key'], time.time_ns() // 1000)\n";
/// Lets it say so.
const LOGS: &str = "Action=AttachRolePolicy&Version=2010-05-08&RoleName=runs&PolicyArn=\
    arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fservice-role%2FAWSLambdaBasicExecutionRole";
const LOG_SECONDS_MAX: u64 = 20;
/// Between two objects: each is told of by itself.
const APART: Duration = Duration::from_millis(50);

/// Medians.
pub(crate) struct Begun {
    pub(crate) starts: Vec<(&'static str, Duration)>,
    /// From the moment before an object is put to the first line of a warm function.
    pub(crate) told: Duration,
}

fn text(why: impl Display) -> String {
    why.to_string()
}

/// An archive of one file that may be run, as an API takes it.
fn zipped(name: &str, bytes: &[u8]) -> Result<String, String> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    out.start_file(name, SimpleFileOptions::default().unix_permissions(0o755)).map_err(text)?;
    out.write_all(bytes).map_err(text)?;
    Ok(STANDARD.encode(out.finish().map_err(text)?.into_inner()))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// What is asked of functions.
struct Functions<'s>(Client<'s>);

impl Functions<'_> {
    fn make(&self, name: &str, runtime: &str, handler: &str, zip: &str) -> Result<(), String> {
        let made = json!({
            "FunctionName": name, "Runtime": runtime, "Handler": handler, "Timeout": 30,
            "Role": format!("arn:aws:iam::{ACCOUNT}:role/runs"), "Code": { "ZipFile": zip },
        });
        self.0.rest("lambda", ("POST", "/2015-03-31/functions"), &made).map(drop)
    }

    fn invoke(&self, name: &str) -> Result<Duration, String> {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let begun = Instant::now();
        let answer = self.0.rest("lambda", ("POST", &path), &json!({ "n": 1 }))?;
        let took = begun.elapsed();
        let is_event = answer.replace(' ', "") == r#"{"n":1}"#;
        if is_event { Ok(took) } else { Err(format!("{name} answers {answer}")) }
    }

    /// The median of cold starts.
    fn cold(&self, name: &str) -> Result<Duration, String> {
        // The first one unpacks the code, too.
        self.invoke(name)?;
        let path = format!("/2015-03-31/functions/{name}/configuration");
        let mut times = Vec::new();
        for round in 0..ROUNDS {
            self.0.rest("lambda", ("PUT", &path), &json!({ "Description": round.to_string() }))?;
            times.push(self.invoke(name)?);
        }
        Ok(median(times))
    }

    /// The median from a put object to a function that runs for it.
    fn told(&self) -> Result<Duration, String> {
        self.0.form("iam", LOGS)?;
        self.make("told", &python(), "app.handler", &zipped("app.py", TOLD.as_bytes())?)?;
        let permission = json!({
            "StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com",
        });
        self.0.rest("lambda", ("POST", "/2015-03-31/functions/told/policy"), &permission)?;
        self.0.ask("s3", ("PUT", "/bench-told"), "application/xml", "")?;
        let notes = format!(
            "<NotificationConfiguration><CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:us-east-1:{ACCOUNT}:\
             function:told</CloudFunction><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>\
             </NotificationConfiguration>"
        );
        self.0.ask("s3", ("PUT", "/bench-told?notification="), "application/xml", &notes)?;
        let mut puts = Vec::new();
        for round in 0..ROUNDS + 2 {
            puts.push(Clock::system().now().micros());
            self.0.ask("s3", ("PUT", &format!("/bench-told/{round}")), "text/plain", "x")?;
            // The first begins with a start of its own.
            std::thread::sleep(if round == 0 { Duration::from_secs(1) } else { APART });
        }
        let begun = Instant::now();
        loop {
            let times = self.times(&puts)?;
            if times.len() == puts.len() {
                return Ok(median(times.into_iter().skip(2).collect()));
            }
            if begun.elapsed() > Duration::from_secs(LOG_SECONDS_MAX) {
                return Err(format!("{} of {} objects were told of", times.len(), puts.len()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How long it took until each object was told of, by their order, of those that were.
    fn times(&self, puts: &[i64]) -> Result<Vec<Duration>, String> {
        let signer = Signer::new(ACCOUNT, "any", "logs");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "Logs_20140328.FilterLogEvents"),
        ];
        let asked = json!({ "logGroupName": "/aws/lambda/told", "filterPattern": "told" }).to_string();
        let request = signer.post(&self.0.host, &headers, &asked);
        // There is no group before there is a line.
        let Ok(answer) = load::one(self.0.server.address, &request) else { return Ok(Vec::new()) };
        let answer: Value = serde_json::from_str(&answer).map_err(text)?;
        let mut found = vec![None; puts.len()];
        for event in answer["events"].as_array().into_iter().flatten() {
            let words: Vec<&str> = event["message"].as_str().unwrap_or_default().split_whitespace().collect();
            let ["told", key, at] = words[..] else { continue };
            let (Ok(key), Ok(at)) = (key.parse::<usize>(), at.parse::<i64>()) else { continue };
            if let (Some(found), Some(put)) = (found.get_mut(key), puts.get(key)) {
                *found = u64::try_from(at - put).ok().map(Duration::from_micros);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

/// The runtime of this machine's Node.
fn node() -> Option<String> {
    let told = Command::new("node").arg("--version").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    Some(format!("nodejs{}.x", told.trim().strip_prefix('v')?.split('.').next()?))
}

/// A program that needs nothing of the machine that it runs on.
fn compiled(folder: &Path) -> Result<Vec<u8>, String> {
    std::fs::create_dir_all(folder).map_err(text)?;
    let (source, program) = (folder.join("echo.rs"), folder.join("echo"));
    std::fs::write(&source, RUST).map_err(text)?;
    let mut command = Command::new("rustc");
    command.args(["--edition=2024", "-O", "-Cstrip=symbols", "-Ctarget-feature=+crt-static", "-o"]);
    let made = command.arg(&program).arg(&source).output().map_err(text)?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned());
    }
    std::fs::read(&program).map_err(text)
}

/// Measures how functions begin. The role `runs` is the preparation's.
pub(crate) fn begin(server: &Server, folder: &Path) -> Result<Begun, String> {
    let client = Functions(Client::of(server));
    let mut starts = Vec::new();
    client.make("cold-python", &python(), "app.handler", &zipped("app.py", PYTHON.as_bytes())?)?;
    starts.push(("Python", client.cold("cold-python")?));
    match node() {
        Some(runtime) => {
            client.make("cold-node", &runtime, "index.handler", &zipped("index.mjs", NODE.as_bytes())?)?;
            starts.push(("Node", client.cold("cold-node")?));
        }
        None => println!("  no Node here"),
    }
    match compiled(folder) {
        Ok(program) => {
            client.make("cold-rust", "provided.al2023", "none", &zipped("bootstrap", &program)?)?;
            starts.push(("a static Rust program", client.cold("cold-rust")?));
        }
        Err(why) => println!("  no static Rust program: {why}"),
    }
    let begun = Begun { starts, told: client.told()? };
    for (name, took) in &begun.starts {
        println!("  cold start of {name}: {took:.1?}");
    }
    println!("  from an object that is put to a function that runs: {:.1?}", begun.told);
    Ok(begun)
}
