//! The shop's promises, each tried: the way in works, and what must be refused is refused, with its reason.

use super::site_host;
use crate::apps::{self, Caller, Deployed, OUTSIDE, Proof, Site, Trial, Tried, exchange, members, patiently};
use serde_json::{Value, json};
use std::time::Instant;

/// Somebody who has nothing to do with the shop.
const STRANGER: &str = "111122223333";

/// Tries everything, and tells of each as it is done.
pub(crate) fn prove<'s>(endpoint: &'s str, shop: &'s Deployed, tell: &dyn Fn(&Proof)) -> Vec<Proof> {
    let trials = Trials { site: Site::new(endpoint), shop };
    let tries: [Trial<Trials<'s>>; 9] = [
        ("the site is served", Trials::page),
        ("the API answers in the first zone", |shop| shop.api(0)),
        ("the API answers in the second zone", |shop| shop.api(1)),
        ("an upload is noted by the function", Trials::upload),
        ("no way to the data but through the app", Trials::data_from_outside),
        ("no way out of the private subnet without NAT", Trials::way_out),
        ("no role does more than its policy says", Trials::overreach),
        ("no upload without encryption", Trials::unencrypted),
        ("no read from another account", Trials::stranger),
    ];
    apps::prove(&trials, &tries, tell)
}

/// The shop, and where it is tried.
struct Trials<'s> {
    site: Site<'s>,
    shop: &'s Deployed,
}

impl Trials<'_> {
    fn page(&self) -> Tried {
        let authority = self.site.authority();
        let host = site_host(self.shop, authority);
        let reply = exchange(authority, &format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"), b"")?;
        match reply.status {
            200 if reply.body.contains("<h1>") => Ok((format!("http://{host}/"), None)),
            status => Err(format!("http://{host}/ answered {status}")),
        }
    }

    /// The machine of the web tier's group in its first or second zone.
    fn web(&self, zone: usize) -> Result<String, String> {
        let all = members(&self.site.root, self.shop.output("WebGroup"))?;
        let mut zones: Vec<&str> = all.iter().map(|one| one.zone.as_str()).collect();
        zones.dedup();
        let zone = zones.get(zone).ok_or_else(|| format!("the group serves in {zones:?} only"))?;
        let web = all.iter().find(|one| one.zone == **zone).ok_or("the group has no machine")?;
        Ok(web.id.clone())
    }

    fn api(&self, zone: usize) -> Tried {
        let body = patiently(|| self.site.page(&self.web(zone)?, 80))?;
        let said: Value = serde_json::from_str(&body).map_err(|e| format!("{body}: {e}"))?;
        let (zone, stock) = (&said["zone"], &said["stock"]);
        Ok((format!("web -> app in {} -> data: {stock}", zone.as_str().unwrap_or("?")), None))
    }

    fn inbox(&self, key: &str) -> String {
        format!("/{}/{key}", self.shop.output("InboxBucket"))
    }

    fn upload(&self) -> Tried {
        let began = Instant::now();
        let root = &self.site.root;
        let headers = [("x-amz-server-side-encryption", "aws:kms")];
        root.s3("PUT", &self.inbox("order-1.txt"), &headers, b"two umbrellas")?.good("PutObject")?;
        let body = json!({
            "TableName": self.shop.output("UploadsTable"),
            "Key": { "key": { "S": "order-1.txt" } },
            "ConsistentRead": true,
        });
        let size = patiently(|| {
            let found = root.json("dynamodb", "DynamoDB_20120810.GetItem", &body)?.good("GetItem")?;
            let found: Value = serde_json::from_str(&found).map_err(|e| e.to_string())?;
            let size = found["Item"]["size"]["N"].as_str().map(str::to_owned);
            size.ok_or_else(|| "the function has not noted it".to_owned())
        })?;
        let took = began.elapsed().as_millis();
        Ok((format!("{size} bytes in S3 -> function -> table and queue, in {took} ms"), None))
    }

    /// A connection from within a machine that must not come about.
    fn no_connection(&self, what: &str, from: &str, to: &str, port: u16) -> Tried {
        let (connected, said) = self.site.connection(from, to, port)?;
        if connected {
            return Err(format!("{from} did connect to {to}:{port}"));
        }
        Ok((format!("{what} to {to}:{port}: {said}"), Some(self.site.obstacle(from, to, port)?)))
    }

    fn data_from_outside(&self) -> Tried {
        self.no_connection("web", &self.web(0)?, self.shop.output("DataAddress"), 5432)
    }

    fn way_out(&self) -> Tried {
        self.no_connection("data", self.shop.output("Data"), OUTSIDE, 443)
    }

    fn overreach(&self) -> Tried {
        self.site.in_role(self.shop.output("Clerk"), self.shop.output("LookUpRole"), |role| {
            let table = json!({ "TableName": self.shop.output("UploadsTable") });
            role.json("dynamodb", "DynamoDB_20120810.Scan", &table)?.good("Scan, which the role may")?;
            let reply = role.json("dynamodb", "DynamoDB_20120810.DeleteTable", &table)?;
            self.site.denied("DeleteTable", &reply)
        })
    }

    fn unencrypted(&self) -> Tried {
        let reply = self.site.root.s3("PUT", &self.inbox("plain.txt"), &[], b"in the clear")?;
        self.site.denied("PutObject without encryption, by root itself", &reply)
    }

    fn stranger(&self) -> Tried {
        let stranger = Caller::root(self.site.endpoint, STRANGER);
        let reply = stranger.s3("GET", &self.inbox("order-1.txt"), &[], b"")?;
        self.site.denied("GetObject by another account's root", &reply)
    }
}
