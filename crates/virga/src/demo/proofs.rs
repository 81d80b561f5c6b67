//! The shop's promises, each tried: the way in works, and what must be refused is refused, with its reason.

use super::aws::{self, Caller, Reply};
use super::stack::{ACCOUNT, Shop};
use super::xml;
use crate::cli::exec::gather;
use crate::client;
use crate::gateway::tunnel::{PATH, PROTOCOL};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Somebody who has nothing to do with the shop.
const STRANGER: &str = "111122223333";
/// A host on the cloud's internet: of TEST-NET-1.
const OUTSIDE: &str = "192.0.2.80";
/// How long a machine's first program, or a function's first call, may take.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);
const IAM_VERSION: &str = "2010-05-08";
const STS_VERSION: &str = "2011-06-15";

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
type Tried = Result<(String, Option<(String, String)>), String>;

type Trial<'s> = fn(&Trials<'s>) -> Tried;

/// Tries everything, and tells of each as it is done.
pub(crate) fn prove<'s>(endpoint: &'s str, shop: &'s Shop, tell: &dyn Fn(&Proof)) -> Vec<Proof> {
    let trials = Trials { endpoint, root: Caller::root(endpoint, ACCOUNT), shop };
    let tries: [(&'static str, Trial<'s>); 9] = [
        ("the site is served", Trials::site),
        ("the API answers in the first zone", |shop| shop.api("WebOne")),
        ("the API answers in the second zone", |shop| shop.api("WebTwo")),
        ("an upload is noted by the function", Trials::upload),
        ("no way to the data but through the app", Trials::data_from_outside),
        ("no way out of the private subnet without NAT", Trials::way_out),
        ("no role does more than its policy says", Trials::overreach),
        ("no upload without encryption", Trials::unencrypted),
        ("no read from another account", Trials::stranger),
    ];
    let proofs = tries.into_iter().map(|(name, one)| {
        let (good, detail, reason) = match one(&trials) {
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

/// The shop, and who tries.
struct Trials<'s> {
    endpoint: &'s str,
    root: Caller<'s>,
    shop: &'s Shop,
}

/// Until it works, or for too long.
fn patiently<T>(mut work: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let began = Instant::now();
    loop {
        match work() {
            Err(why) if began.elapsed() > PATIENCE => return Err(why),
            Err(_) => std::thread::sleep(LOOK),
            done => return done,
        }
    }
}

impl Trials<'_> {
    fn authority(&self) -> &str {
        self.endpoint.strip_prefix("http://").unwrap_or(self.endpoint)
    }

    fn site(&self) -> Tried {
        let host = self.shop.site_host(self.authority());
        let reply = aws::exchange(self.authority(), &format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"), b"")?;
        match reply.status {
            200 if reply.body.contains("<h1>") => Ok((format!("http://{host}/"), None)),
            status => Err(format!("http://{host}/ answered {status}")),
        }
    }

    /// Through gateway, route, ACLs and groups, to the public address of a web machine.
    fn api(&self, web: &str) -> Tried {
        let path = format!("{PATH}?instance={}&port=80&way=internet", self.shop.output(web));
        let body = patiently(|| {
            let mut stream = client::upgrade(self.endpoint, &path, PROTOCOL)?;
            let say = |e: std::io::Error| e.to_string();
            stream.get_mut().write_all(b"GET / HTTP/1.0\r\n\r\n").map_err(say)?;
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).map_err(say)?;
            let reply = aws::read(&reply).ok_or("the API does not answer HTTP yet")?;
            if reply.status == 200 {
                Ok(reply.body)
            } else {
                Err(format!("the API answers {}", reply.status))
            }
        })?;
        let said: Value = serde_json::from_str(&body).map_err(|e| format!("{body}: {e}"))?;
        let (zone, stock) = (&said["zone"], &said["stock"]);
        Ok((format!("web -> app in {} -> data: {stock}", zone.as_str().unwrap_or("?")), None))
    }

    fn inbox(&self, key: &str) -> String {
        format!("/{}/{key}", self.shop.output("InboxBucket"))
    }

    fn upload(&self) -> Tried {
        let began = Instant::now();
        let headers = [("x-amz-server-side-encryption", "aws:kms")];
        self.root.s3("PUT", &self.inbox("order-1.txt"), &headers, b"two umbrellas")?.good("PutObject")?;
        let body = json!({
            "TableName": self.shop.output("UploadsTable"),
            "Key": { "key": { "S": "order-1.txt" } },
            "ConsistentRead": true,
        });
        let size = patiently(|| {
            let found = self.root.json("dynamodb", "DynamoDB_20120810.GetItem", &body)?.good("GetItem")?;
            let found: Value = serde_json::from_str(&found).map_err(|e| e.to_string())?;
            let size = found["Item"]["size"]["N"].as_str().map(str::to_owned);
            size.ok_or_else(|| "the function has not noted it".to_owned())
        })?;
        let took = began.elapsed().as_millis();
        Ok((format!("{size} bytes in S3 -> function -> table and queue, in {took} ms"), None))
    }

    /// A connection from within a machine that must not come about.
    fn no_connection(&self, from: &str, to: &str, port: u16) -> Tried {
        let script = format!("import socket; socket.create_connection(('{to}', {port}), 1)");
        let command = ["/usr/bin/python3", "-c", &script].map(str::to_owned);
        let instance = self.shop.output(from);
        let (code, said) = gather(self.endpoint, instance, &command)?;
        if code == 0 {
            return Err(format!("{instance} did connect to {to}:{port}"));
        }
        let order = json!({ "from": instance, "to": to, "port": port, "protocol": "tcp" });
        let told = client::call(self.endpoint, "POST", "/_virga/path", &order.to_string())?;
        let stopped =
            told["forward"].as_array().into_iter().flatten().find(|step| !step["stopped"].is_null());
        let why = stopped.and_then(|step| step["text"].as_str()).ok_or("the model says that it works")?;
        let last = said.trim().rsplit('\n').next().unwrap_or_default().to_owned();
        let ask = format!("virga why --from {instance} --to {to} --port {port}");
        Ok((format!("{from} to {to}:{port}: {last}"), Some((why.to_owned(), ask))))
    }

    fn data_from_outside(&self) -> Tried {
        self.no_connection("WebOne", self.shop.output("DataAddress"), 5432)
    }

    fn way_out(&self) -> Tried {
        self.no_connection("Data", OUTSIDE, 443)
    }

    /// A call that must be denied, and which layer did.
    fn denied(&self, what: &str, reply: &Reply) -> Tried {
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

    fn overreach(&self) -> Tried {
        let clerk = self.shop.output("Clerk");
        let made = [("Action", "CreateAccessKey"), ("UserName", clerk)];
        let made = self.root.query("iam", IAM_VERSION, &made)?.good("CreateAccessKey")?;
        let text = |xml: &str, name: &str| xml::text(xml, name).map(xml::plain).unwrap_or_default();
        let key = text(&made, "AccessKeyId");
        let caller =
            Caller { access_key: key.clone(), secret: text(&made, "SecretAccessKey"), ..self.root.clone() };
        let assume = [
            ("Action", "AssumeRole"),
            ("RoleArn", self.shop.output("LookUpRole")),
            ("RoleSessionName", "demo"),
        ];
        let tried = caller.query("sts", STS_VERSION, &assume)?.good("AssumeRole").and_then(|session| {
            let role = Caller {
                access_key: text(&session, "AccessKeyId"),
                secret: text(&session, "SecretAccessKey"),
                token: Some(text(&session, "SessionToken")),
                ..caller
            };
            let table = json!({ "TableName": self.shop.output("UploadsTable") });
            role.json("dynamodb", "DynamoDB_20120810.Scan", &table)?.good("Scan, which the role may")?;
            self.denied("DeleteTable", &role.json("dynamodb", "DynamoDB_20120810.DeleteTable", &table)?)
        });
        // The key was for this only.
        let gone = [("Action", "DeleteAccessKey"), ("UserName", clerk), ("AccessKeyId", &key)];
        self.root.query("iam", IAM_VERSION, &gone)?.good("DeleteAccessKey")?;
        tried
    }

    fn unencrypted(&self) -> Tried {
        let reply = self.root.s3("PUT", &self.inbox("plain.txt"), &[], b"in the clear")?;
        self.denied("PutObject without encryption, by root itself", &reply)
    }

    fn stranger(&self) -> Tried {
        let stranger = Caller::root(self.endpoint, STRANGER);
        let reply = stranger.s3("GET", &self.inbox("order-1.txt"), &[], b"")?;
        self.denied("GetObject by another account's root", &reply)
    }
}

impl Shop {
    /// By which name the site is found at this address.
    pub(crate) fn site_host(&self, authority: &str) -> String {
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        format!("{}.s3-website.{}.localhost:{port}", self.output("SiteBucket"), aws::REGION)
    }
}
