//! Text messages: settings, who wants none, and the sandbox.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const EVA: &str = "+4915112345678";

fn letters(cloud: &Cloud) -> Vec<integration::sns::model::Letter> {
    integration::sns::mailbox::letters(&cloud.cloud).unwrap()
}

fn publish(root: &Caller<'_>, more: Value) -> Reply {
    let mut asked = more;
    asked["PhoneNumber"] = json!(EVA);
    asked["Message"] = json!("hello");
    root.call("sns", "Publish", asked)
}

#[test]
fn settings_are_on_every_message_unless_it_says_otherwise() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let set = |attributes: Value| root.call("sns", "SetSMSAttributes", json!({ "attributes": attributes }));
    publish(&root, json!({})).ok();
    cloud.advance(Duration::from_secs(1));
    set(json!({ "DefaultSenderID": "Virga", "DefaultSMSType": "Transactional" })).ok();
    publish(&root, json!({})).ok();
    cloud.advance(Duration::from_secs(1));
    let own = json!({ "AWS.SNS.SMS.SenderID": { "DataType": "String", "StringValue": "Eva" } });
    publish(&root, json!({ "MessageAttributes": own })).ok();
    let got: Vec<_> =
        letters(&cloud).into_iter().map(|letter| (letter.sender, letter.kind.unwrap())).collect();
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        (None, "Promotional".to_owned()),
        (some("Virga"), "Transactional".to_owned()),
        (some("Eva"), "Transactional".to_owned()),
    ];
    assert_eq!(got, expected);
    let get = |names: Value| root.call("sns", "GetSMSAttributes", json!({ "attributes": names })).ok();
    let one = json!([{ "key": "DefaultSMSType", "value": "Transactional" }]);
    assert_eq!(get(json!(["DefaultSMSType"]))["attributes"], one);
    assert_eq!(get(json!([]))["attributes"].as_array().unwrap().len(), 2);
    let invalid = |attributes: Value, words: &str| {
        set(attributes).refused_with(400, "InvalidParameter", &format!("Invalid parameter: {words}"));
    };
    invalid(json!({ "Colour": "red" }), "Colour is not a valid attribute");
    invalid(json!({ "DefaultSMSType": "Loud" }), "DefaultSMSType is invalid");
    invalid(json!({ "DefaultSenderID": "123" }), "DefaultSenderID is invalid");
    set(json!({ "MonthlySpendLimit": "1" })).refused(501, "NotImplemented");
    let empty =
        ["DefaultSMSType", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate", "MonthlySpendLimit"];
    set(empty.iter().map(|name| (*name, "")).collect()).ok();
    let left = json!([{ "key": "DefaultSenderID", "value": "Virga" }]);
    assert_eq!(get(json!([]))["attributes"], left);
}

#[test]
fn who_replies_stop_gets_nothing_until_opted_in_again() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let is_out = || {
        let asked = json!({ "phoneNumber": EVA });
        root.call("sns", "CheckIfPhoneNumberIsOptedOut", asked).ok()["isOptedOut"].clone()
    };
    publish(&root, json!({})).ok();
    let reply = |words: &str| integration::sns::text::reply(&cloud.cloud, EVA, words).unwrap();
    assert_eq!((reply("thanks"), is_out()), (0, json!("false")));
    assert_eq!((reply(" stop "), is_out()), (1, json!("true")));
    let listed = root.call("sns", "ListPhoneNumbersOptedOut", json!({})).ok();
    assert_eq!(listed["phoneNumbers"], json!([EVA]));
    // Only whoever has written is told.
    let there = cloud.root("210987654321").call("sns", "ListPhoneNumbersOptedOut", json!({})).ok();
    assert_eq!(there.get("phoneNumbers").and_then(Value::as_array).map_or(0, Vec::len), 0);
    publish(&root, json!({})).ok();
    assert_eq!(letters(&cloud).len(), 1);
    root.call("sns", "OptInPhoneNumber", json!({ "phoneNumber": EVA })).ok();
    publish(&root, json!({})).ok();
    assert_eq!((letters(&cloud).len(), is_out()), (2, json!("false")));
    let words = "Invalid parameter: PhoneNumber Reason: input incorrectly formatted";
    for operation in ["OptInPhoneNumber", "CheckIfPhoneNumberIsOptedOut"] {
        let asked = json!({ "phoneNumber": "not a number" });
        root.call("sns", operation, asked).refused_with(400, "InvalidParameter", words);
    }
}

#[test]
fn numbers_of_the_sandbox_are_verified_by_what_comes_in() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let call = |operation: &str, more: Value| {
        let mut asked = more;
        asked["PhoneNumber"] = json!(EVA);
        root.call("sns", operation, asked)
    };
    let status = root.call("sns", "GetSMSSandboxAccountStatus", json!({})).ok();
    assert_eq!(status["IsInSandbox"], "false");
    let verify = |password: &str| call("VerifySMSSandboxPhoneNumber", json!({ "OneTimePassword": password }));
    let none = "The phone number is not in the SMS sandbox.";
    verify("12345").refused_with(404, "ResourceNotFound", none);
    call("CreateSMSSandboxPhoneNumber", json!({})).ok();
    let state = || {
        let listed = root.call("sns", "ListSMSSandboxPhoneNumbers", json!({ "MaxResults": 5 })).ok();
        listed["PhoneNumbers"][0]["Status"].clone()
    };
    assert_eq!(state(), "Pending");
    let body = letters(&cloud)[0].body.clone();
    let password: String = body.chars().filter(char::is_ascii_digit).collect();
    let wrong = if password == "000000" { "000001" } else { "000000" };
    verify(wrong).refused(400, "VerificationException");
    verify(&password).ok();
    assert_eq!(state(), "Verified");
    call("CreateSMSSandboxPhoneNumber", json!({})).refused(400, "UserError");
    call("DeleteSMSSandboxPhoneNumber", json!({})).refused(400, "UserError");
    cloud.advance(Duration::from_secs(86_400));
    call("DeleteSMSSandboxPhoneNumber", json!({})).ok();
    call("DeleteSMSSandboxPhoneNumber", json!({})).refused_with(404, "ResourceNotFound", none);
    integration::sns::text::reply(&cloud.cloud, EVA, "STOP").unwrap();
    call("CreateSMSSandboxPhoneNumber", json!({})).refused(400, "OptedOut");
}
