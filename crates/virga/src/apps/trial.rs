//! What an application promises, tried: by packets from within its machines and from outside, and by signed calls.

use super::aws::{self, Caller, Reply};
use super::{ACCOUNT, xml};
use crate::cli::exec::gather;
use crate::client;
use crate::gateway::tunnel::{PATH, PROTOCOL};
use serde_json::{Value, json};
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A host on the cloud's internet: of TEST-NET-1.
pub(crate) const OUTSIDE: &str = "192.0.2.80";
/// How long a machine's first program, or a function's first call, may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

/// One promise.
#[derive(Debug)]
pub(crate) struct Proof {
    /// What was tried.
    pub(crate) name: &'static str,
    /// Whether it came out as it must.
    pub(crate) good: bool,
    /// What happened.
    pub(crate) detail: String,
    /// Of a refusal, what decided.
    pub(crate) why: Option<String>,
    /// How the reason is asked for again.
    pub(crate) ask: Option<String>,
}

/// What a try comes to: what happened, and of a refusal the reason and how to ask for it.
pub(crate) type Tried = Result<(String, Option<(String, String)>), String>;

/// What is tried, and how.
pub(crate) type Trial<T> = (&'static str, fn(&T) -> Tried);

/// Tries everything, and tells of each as it is done.
pub(crate) fn prove<T>(on: &T, tries: &[Trial<T>], tell: &dyn Fn(&Proof)) -> Vec<Proof> {
    let proofs = tries.iter().map(|(name, one)| {
        let (good, detail, reason) = match one(on) {
            Ok((detail, reason)) => (true, detail, reason),
            Err(detail) => (false, detail, None),
        };
        let (why, ask) = reason.unzip();
        let proof = Proof { name, good, detail, why, ask };
        tell(&proof);
        proof
    });
    proofs.collect()
}

/// Until it works, or for too long.
pub(crate) fn patiently<T>(mut work: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let began = Instant::now();
    loop {
        match work() {
            Err(why) if began.elapsed() > PATIENCE => return Err(why),
            Err(_) => std::thread::sleep(LOOK),
            done => return done,
        }
    }
}

/// The cloud that an application is tried in.
#[derive(Debug)]
pub(crate) struct Site<'e> {
    pub(crate) endpoint: &'e str,
    pub(crate) root: Caller<'e>,
}

impl<'e> Site<'e> {
    pub(crate) fn new(endpoint: &'e str) -> Site<'e> {
        Site { endpoint, root: Caller::root(endpoint, ACCOUNT) }
    }

    /// Where the endpoint is: `127.0.0.1:4566`.
    pub(crate) fn authority(&self) -> &'e str {
        self.endpoint.strip_prefix("http://").unwrap_or(self.endpoint)
    }

    /// A connection to a machine from the internet: through gateway, route, ACLs and groups, to its public address.
    pub(crate) fn reach(&self, instance: &str, port: u16) -> Result<BufReader<TcpStream>, String> {
        client::upgrade(
            self.endpoint,
            &format!("{PATH}?instance={instance}&port={port}&way=internet"),
            PROTOCOL,
        )
    }

    /// The body of a page on a machine, asked for from the internet.
    pub(crate) fn page(&self, instance: &str, port: u16) -> Result<String, String> {
        let mut stream = self.reach(instance, port)?;
        let say = |e: std::io::Error| e.to_string();
        stream.get_mut().set_read_timeout(Some(PATIENCE)).map_err(say)?;
        stream.get_mut().write_all(b"GET / HTTP/1.0\r\n\r\n").map_err(say)?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).map_err(say)?;
        let reply = aws::read(&reply).ok_or("the machine does not answer HTTP yet")?;
        match reply.status {
            200 => Ok(reply.body),
            status => Err(format!("the machine answers {status}")),
        }
    }

    /// A connection from within a machine: whether it came about, and what the program said last.
    pub(crate) fn connection(&self, instance: &str, to: &str, port: u16) -> Result<(bool, String), String> {
        let script = format!("import socket; socket.create_connection(('{to}', {port}), 1)");
        let command = ["/usr/bin/python3", "-c", &script].map(str::to_owned);
        let (code, said) = gather(self.endpoint, instance, &command)?;
        Ok((code == 0, said.trim().rsplit('\n').next().unwrap_or_default().to_owned()))
    }

    /// What the model says stops a packet from a machine to an address, and how to ask for it.
    pub(crate) fn obstacle(&self, from: &str, to: &str, port: u16) -> Result<(String, String), String> {
        let order = json!({ "from": from, "to": to, "port": port, "protocol": "tcp" });
        let told = client::call(self.endpoint, "POST", "/_virga/path", &order.to_string())?;
        let mut steps = told["forward"].as_array().into_iter().flatten();
        let stopped = steps.find(|step| !step["stopped"].is_null());
        let why = stopped.and_then(|step| step["text"].as_str()).ok_or("the model says that it works")?;
        Ok((why.to_owned(), format!("virga why --from {from} --to {to} --port {port}")))
    }

    /// A call that must be denied, and which layer did.
    pub(crate) fn denied(&self, what: &str, reply: &Reply) -> Tried {
        if !reply.code().starts_with("AccessDenied") {
            return Err(format!("{what} answered {} {}", reply.status, reply.code()));
        }
        let ask = format!("virga why {}", reply.request_id);
        let told = client::call(self.endpoint, "GET", &format!("/_virga/why/{}", reply.request_id), "")?;
        let denied = told["decisions"].as_array().into_iter().flatten().find(|one| one["allowed"] == false);
        let cause = denied.and_then(|one| one["cause"].as_str()).ok_or("no decision is on record")?;
        let reasons = denied.and_then(|one| one["reasons"].as_array()).into_iter().flatten();
        let reason = reasons.filter_map(Value::as_str).find(|reason| reason.contains("Deny"));
        let why = reason.map_or_else(|| cause.to_owned(), |reason| format!("{cause}; {reason}"));
        Ok((format!("{what}: {}", reply.code()), Some((why, ask))))
    }

    /// Does something in a role that a user assumes by a key that is there for this only.
    pub(crate) fn in_role(&self, user: &str, role: &str, work: impl FnOnce(&Caller<'e>) -> Tried) -> Tried {
        let made = self.root.call("iam", "CreateAccessKey", &[("UserName", user)])?;
        let text = |xml: &str, name: &str| xml::text(xml, name).map(xml::plain).unwrap_or_default();
        let key = text(&made, "AccessKeyId");
        let caller =
            Caller { access_key: key.clone(), secret: text(&made, "SecretAccessKey"), ..self.root.clone() };
        let assume = [("RoleArn", role), ("RoleSessionName", "virga")];
        let assumed = caller.call("sts", "AssumeRole", &assume);
        let tried = assumed.and_then(|session| {
            let role = Caller {
                access_key: text(&session, "AccessKeyId"),
                secret: text(&session, "SecretAccessKey"),
                token: Some(text(&session, "SessionToken")),
                ..caller
            };
            work(&role)
        });
        self.root.call("iam", "DeleteAccessKey", &[("UserName", user), ("AccessKeyId", &key)])?;
        tried
    }
}
