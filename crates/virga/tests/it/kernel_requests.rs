//! The journey of a request: conflicts, panics, members that nothing acts on, regions.

use crate::fixture::{all, cloud, parts, wire};
use crate::harness::{Cloud, START};
use base::Clock;
use serde_json::{Value, json};
use store::Store;

const ACCOUNT: &str = "123456789012";

#[test]
fn of_two_who_race_for_a_name_one_wins() {
    let cloud = Cloud::new();
    for round in 0..25 {
        let name = format!("user{round}");
        let race = |_: u32| {
            let reply = cloud.root(ACCOUNT).call("iam", "CreateUser", json!({ "UserName": name }));
            (reply.status, reply.error().0)
        };
        let mut outcomes: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..4).map(|n| scope.spawn(move || race(n))).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        outcomes.sort();
        let lost = || (409, "EntityAlreadyExists".to_owned());
        assert_eq!(outcomes, [(200, String::new()), lost(), lost(), lost()]);
    }
    let users = cloud.root(ACCOUNT).call("iam", "ListUsers", json!({})).ok();
    assert_eq!(users["Users"].as_array().map(Vec::len), Some(25));
}

#[test]
fn a_crowd_at_one_record_all_get_through() {
    const CROWD: i64 = 100;
    let cloud = cloud(parts());
    let put = json!({ "Name": "counter", "Value": "v", "Overwrite": true });
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let one = || cloud.root(ACCOUNT).call("ssm", "PutParameter", put.clone()).status;
        let all: Vec<_> = (0..CROWD).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let counter = cloud.root(ACCOUNT).call("ssm", "GetParameter", json!({ "Name": "counter" })).ok();
    assert_eq!(counter["Parameter"]["Version"], CROWD, "none was lost");
}

#[test]
fn a_handler_that_panics_is_an_answer_and_changes_nothing() {
    let cloud = cloud(parts());
    let root = cloud.root(ACCOUNT);
    let message = root
        .call("ssm", "PutParameter", json!({ "Name": "a", "Value": "panics" }))
        .refused(500, "InternalFailure");
    assert_eq!(
        message,
        "The request processing has failed because of an unknown error, exception or failure."
    );
    assert_eq!(all(&cloud.cloud), Vec::<String>::new());
    root.call("ssm", "PutParameter", json!({ "Name": "a", "Value": "v" })).ok();
}

#[test]
fn a_refusal_after_writing_leaves_nothing() {
    let cloud = cloud(parts());
    let root = cloud.root(ACCOUNT);
    let put = json!({ "Name": "a", "Value": "refused" });
    root.call("ssm", "PutParameter", put).refused_with(
        400,
        "UnsupportedParameterType",
        "After it was written.",
    );
    assert_eq!(all(&cloud.cloud), Vec::<String>::new());
}

fn put_with(cloud: &Cloud, more: &Value) -> crate::harness::Reply {
    let mut put = json!({ "Name": "a", "Value": "v", "Overwrite": true });
    put.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    cloud.root(ACCOUNT).call("ssm", "PutParameter", put)
}

/// Members that the model has and the handler does not, and members that the model does not have.
fn beyond() -> [(Value, &'static str); 5] {
    [
        (json!({ "Tier": "Advanced" }), "Tier"),
        (json!({ "Colour": "red" }), "Colour"),
        (json!({ "Colour": 1, "Tier": "Standard", "DataType": "text" }), "Colour, Tier, DataType"),
        (json!({ "Größe": 1 }), "Gr??e"),
        (json!({ "a\r\nb": 1 }), "a??b"),
    ]
}

#[test]
fn what_nothing_acts_on_is_reported() {
    let cloud = wire(Store::memory(), Clock::frozen(START), false, parts());
    assert_eq!(put_with(&cloud, &json!({})).headers.get("x-virga-ignored"), None);
    for (more, names) in beyond() {
        let reply = put_with(&cloud, &more);
        assert_eq!(reply.status, 200, "{more}");
        let header = reply.headers.get("x-virga-ignored").map(|v| v.to_str().unwrap().to_owned());
        let sorted = |names: &str| {
            let mut names: Vec<_> = names.split(", ").map(str::to_owned).collect();
            names.sort();
            names
        };
        assert_eq!(header.map(|h| sorted(&h)), Some(sorted(names)), "{more}");
    }
}

#[test]
fn what_nothing_acts_on_is_refused_where_that_is_asked_for() {
    let cloud = cloud(parts());
    for (more, _) in beyond() {
        let message = put_with(&cloud, &more).refused(501, "NotImplemented");
        assert!(message.starts_with("PutParameter does not act on "), "{message}");
    }
    assert_eq!(all(&cloud.cloud), Vec::<String>::new());
    put_with(&cloud, &json!({})).ok();
}

#[test]
fn long_lists_of_ignored_members_are_cut() {
    let cloud = wire(Store::memory(), Clock::frozen(START), false, parts());
    let many: Value = (0..60).map(|n| (format!("{n}{}", "x".repeat(60)), json!(1))).collect();
    let reply = put_with(&cloud, &many);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["x-virga-ignored"].len(), 1024);
}

#[test]
fn regions_that_do_not_exist_hold_nothing() {
    let cloud = cloud(parts());
    for name in ["mars-north-1", "us-east-99", "aws-global", "US-EAST-1"] {
        let there = cloud.root(ACCOUNT).in_region(name);
        let put = json!({ "Name": "a", "Value": "v" });
        let words = format!("{name} is not a region of this cloud.");
        there.call("ssm", "PutParameter", put).refused_with(400, "InvalidRegion", &words);
    }
    assert_eq!(all(&cloud.cloud), Vec::<String>::new());
    cloud
        .root(ACCOUNT)
        .in_region("eu-central-1")
        .call("ssm", "PutParameter", json!({ "Name": "a", "Value": "v" }))
        .ok();
}
