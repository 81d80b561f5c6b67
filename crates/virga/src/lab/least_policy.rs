//! "Find the least policy": the worker's three calls are allowed, and nothing beside them.

use crate::apps::{self, Caller, Deployed, Proof, Reply, Site, Trial, Tried};
use serde_json::{Value, json};

pub(super) fn check<'s>(endpoint: &'s str, lab: &'s Deployed, tell: &dyn Fn(&Proof)) -> Vec<Proof> {
    let trials = Trials { site: Site::new(endpoint), lab };
    let tries: [Trial<Trials<'s>>; 4] = [
        ("the worker can do its work", Trials::work),
        ("it can do nothing else with the orders", Trials::orders),
        ("it can write reports, and not read or list", Trials::bucket),
        ("it can do nothing elsewhere", Trials::elsewhere),
    ];
    apps::prove(&trials, &tries, tell)
}

struct Trials<'s> {
    site: Site<'s>,
    lab: &'s Deployed,
}

/// A call that a role tries: its name, and what it is answered.
type Call<'c> = (&'static str, &'c dyn Fn(&Caller<'_>) -> Result<Reply, String>);

impl Trials<'_> {
    fn table(&self, name: &str, more: Value) -> Value {
        let mut body = json!({ "TableName": self.lab.output(name) });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        body
    }

    fn message(&self, queue: &str) -> Value {
        json!({ "QueueUrl": self.lab.output(queue), "MessageBody": "an order" })
    }

    fn key(&self, key: &str) -> String {
        format!("/{}/{key}", self.lab.output("Bucket"))
    }

    fn as_worker(&self, work: impl FnOnce(&Caller<'_>) -> Tried) -> Tried {
        self.site.in_role(self.lab.output("Clerk"), self.lab.output("WorkerRole"), |role| work(role))
    }

    /// Each of these must be denied.
    fn all_denied(&self, calls: &[Call<'_>]) -> Tried {
        self.as_worker(|role| {
            let mut last = None;
            for (name, call) in calls {
                let (_, why) = self.site.denied(name, &call(role)?)?;
                last = why;
            }
            let names: Vec<&str> = calls.iter().map(|(name, _)| *name).collect();
            Ok((format!("denied: {}", names.join(", ")), last))
        })
    }

    fn work(&self) -> Tried {
        let item = self.table("Orders", json!({ "Key": { "id": { "S": "1" } } }));
        self.as_worker(|role| {
            role.json("dynamodb", "DynamoDB_20120810.GetItem", &item)?.good("GetItem of the orders")?;
            role.json("sqs", "AmazonSQS.SendMessage", &self.message("Work"))?
                .good("SendMessage to the work")?;
            role.s3("PUT", &self.key("reports/today.txt"), &[], b"one order")?
                .good("PutObject of a report")?;
            Ok(("GetItem, SendMessage and PutObject work".into(), None))
        })
    }

    fn orders(&self) -> Tried {
        let put = self.table("Orders", json!({ "Item": { "id": { "S": "2" } } }));
        let item = self.table("Orders", json!({ "Key": { "id": { "S": "1" } } }));
        let (table, receive) =
            (self.table("Orders", json!({})), json!({ "QueueUrl": self.lab.output("Work") }));
        self.all_denied(&[
            ("PutItem", &|role| role.json("dynamodb", "DynamoDB_20120810.PutItem", &put)),
            ("DeleteItem", &|role| role.json("dynamodb", "DynamoDB_20120810.DeleteItem", &item)),
            ("Scan", &|role| role.json("dynamodb", "DynamoDB_20120810.Scan", &table)),
            ("DescribeTable", &|role| role.json("dynamodb", "DynamoDB_20120810.DescribeTable", &table)),
            ("ReceiveMessage", &|role| role.json("sqs", "AmazonSQS.ReceiveMessage", &receive)),
        ])
    }

    fn bucket(&self) -> Tried {
        self.all_denied(&[
            ("PutObject elsewhere", &|role| role.s3("PUT", &self.key("secrets.txt"), &[], b"mine")),
            ("GetObject", &|role| role.s3("GET", &self.key("reports/today.txt"), &[], b"")),
            ("DeleteObject", &|role| role.s3("DELETE", &self.key("reports/today.txt"), &[], b"")),
            ("ListObjects", &|role| role.s3("GET", &format!("/{}", self.lab.output("Bucket")), &[], b"")),
        ])
    }

    fn elsewhere(&self) -> Tried {
        let item = self.table("Salaries", json!({ "Key": { "id": { "S": "1" } } }));
        self.all_denied(&[
            ("GetItem of another table", &|role| role.json("dynamodb", "DynamoDB_20120810.GetItem", &item)),
            ("SendMessage to another queue", &|role| {
                role.json("sqs", "AmazonSQS.SendMessage", &self.message("Audit"))
            }),
            ("ListBuckets", &|role| role.s3("GET", "/", &[], b"")),
            ("ListUsers", &|role| role.query("iam", "ListUsers", &[])),
        ])
    }
}
