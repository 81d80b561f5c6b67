//! Events: on their way if and only if their transaction committed, delivered at least once.

use crate::fixture::{self, cloud, parts};
use crate::harness::Cloud;
use kernel::bus::{Event, News, Subscriber};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
struct Ear {
    name: &'static str,
    heard: Mutex<Vec<String>>,
    deaf: AtomicBool,
    /// Answers each event of a parameter with another event.
    echoes: bool,
}

impl Ear {
    fn new(name: &'static str) -> Arc<Ear> {
        Arc::new(Ear { name, ..Ear::default() })
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Subscriber for Ear {
    fn name(&self) -> &'static str {
        self.name
    }

    fn take(&self, cloud: &Arc<kernel::Cloud>, event: &Event) -> Result<(), String> {
        if self.deaf.load(Ordering::Relaxed) {
            return Err("cannot hear".into());
        }
        let resource = event.resources.join(",");
        if self.echoes && resource != "echo" {
            let mut tx = cloud.store().begin();
            let news = News {
                account: event.account,
                region: &event.region,
                source: "aws.it",
                detail_type: "Echo",
                resources: vec!["echo".into()],
                detail: &wire::Value::Null,
            };
            cloud.emit(&mut tx, event.time, news);
            tx.commit().wait().map_err(|e| e.to_string())?;
        }
        self.heard.lock().unwrap().push(resource);
        Ok(())
    }
}

fn with(ears: &[&Arc<Ear>]) -> Cloud {
    let mut parts = parts();
    parts.subscribers = ears.iter().map(|ear| Arc::clone(ear) as Arc<dyn Subscriber>).collect();
    cloud(parts)
}

fn put(cloud: &Cloud, name: &str, value: &str) -> crate::harness::Reply {
    cloud.root("123456789012").call("ssm", "PutParameter", json!({ "Name": name, "Value": value }))
}

/// One run of the delivery: its outcome.
fn deliver(cloud: &Cloud) -> Result<(), String> {
    let delivery = cloud.cloud.reconcilers().iter().find(|r| r.name() == "event delivery").unwrap();
    delivery.run(&cloud.cloud).map(|_| ())
}

#[test]
fn an_event_leaves_with_its_transaction_or_not_at_all() {
    let ear = Ear::new("ear");
    let cloud = with(&[&ear]);
    put(&cloud, "one", "v").ok();
    put(&cloud, "two", "refused").refused(400, "UnsupportedParameterType");
    put(&cloud, "one", "v").refused(400, "ParameterAlreadyExists");
    assert_eq!(deliver(&cloud), Ok(()));
    assert_eq!(ear.heard(), ["one"]);
    assert_eq!(deliver(&cloud), Ok(()));
    assert_eq!(ear.heard(), ["one"], "what was delivered does not come again");
    assert_eq!(fixture::all(&cloud.cloud), ["v"]);
}

#[test]
fn a_subscriber_that_fails_gets_it_later_and_holds_up_nobody() {
    let (first, second) = (Ear::new("first"), Ear::new("second"));
    let cloud = with(&[&first, &second]);
    first.deaf.store(true, Ordering::Relaxed);
    put(&cloud, "one", "v").ok();
    put(&cloud, "two", "v").ok();
    assert_eq!(deliver(&cloud), Err("first: cannot hear".into()));
    let mut heard = second.heard();
    heard.sort();
    assert_eq!(heard, ["one", "two"]);
    assert_eq!(deliver(&cloud), Err("first: cannot hear".into()));
    first.deaf.store(false, Ordering::Relaxed);
    assert_eq!(deliver(&cloud), Ok(()));
    for ear in [&first, &second] {
        let mut heard = ear.heard();
        heard.sort();
        assert_eq!(heard, ["one", "two"], "{}", ear.name);
    }
}

#[test]
fn events_that_come_during_a_delivery_do_not_stop_it() {
    let ear = Arc::new(Ear { name: "ear", echoes: true, ..Ear::default() });
    let cloud = with(&[&ear]);
    for n in 0..300 {
        put(&cloud, &format!("p{n}"), "v").ok();
    }
    assert_eq!(deliver(&cloud), Ok(()));
    assert_eq!(deliver(&cloud), Ok(()));
    let heard = ear.heard();
    let echoes = heard.iter().filter(|r| *r == "echo").count();
    assert_eq!((heard.len(), echoes), (600, 300), "each once");
}
