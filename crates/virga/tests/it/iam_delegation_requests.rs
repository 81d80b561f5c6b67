//! Requests for temporary delegation: who may create, see and list them, and what is said of them.

use crate::harness::{Caller, Cloud};
use crate::iam_delegation::{BOUNDARY, CUSTOMER, PROVIDER, STRANGER, TEMPLATE, TOPIC, policy, shop, state};
use base::AccountId;
use security::iam::delegation::partner::{self, Kind};
use serde_json::{Value, json};

#[test]
fn what_cannot_be_asked_for() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let refused = |more: Value, code: &str, status: u16, words: &str| {
        shop.provider
            .call("iam", "CreateDelegationRequest", shop.request("flow-2", more))
            .refused_with(status, code, words);
    };
    shop.customer.call("iam", "CreateDelegationRequest", shop.request("flow-1", json!({}))).refused_with(
        403,
        "AccessDenied",
        "Account 123456789012 is not registered as a product provider.",
    );
    let foreign = "arn:aws:sns:eu-west-1:210987654321:requests";
    let words = format!("NotificationChannel {foreign} is not a topic of account {PROVIDER}.");
    refused(json!({"NotificationChannel": foreign}), "InvalidInput", 400, &words);
    let words = "NotificationChannel arn:aws:sqs:eu-west-1:444455556666:q is not the ARN of an SNS topic.";
    refused(
        json!({"NotificationChannel": "arn:aws:sqs:eu-west-1:444455556666:q"}),
        "InvalidInput",
        400,
        words,
    );
    let value = json!([{"Name": "prefix", "Values": ["x"], "Type": "string"}]);
    refused(
        json!({"Permissions": {"Parameters": value}}),
        "InvalidInput",
        400,
        "Permissions must name a PolicyTemplateArn.",
    );
    let other = json!({"Permissions": {"PolicyTemplateArn": "arn:aws:iam:::delegation-template/other"}});
    let words = format!(
        "The policy template arn:aws:iam:::delegation-template/other is not registered for account {PROVIDER}."
    );
    refused(other, "InvalidInput", 400, &words);
    let bare = json!({"Permissions": {"PolicyTemplateArn": shop.template}});
    refused(bare, "InvalidInput", 400, "The policy template needs the parameter accountId.");
    shop.provider
        .call("iam", "CreateDelegationRequest", shop.request("flow-2", json!({"SessionDuration": 299})))
        .refused(400, "ValidationError");
    shop.provider
        .call("iam", "CreateDelegationRequest", shop.request("flow-2", json!({"SessionDuration": 43201})))
        .refused(400, "ValidationError");
    shop.ask("flow-2", json!({}));
    let words = "A delegation request with the workflow id flow-2 already exists.";
    refused(json!({}), "EntityAlreadyExists", 409, words);
    // Another provider has templates and workflows of its own.
    let account = AccountId::parse(STRANGER).unwrap();
    partner::register(&cloud.cloud, account, "Other", "example.org").unwrap();
    let mut asked = shop.request("flow-2", json!({"NotificationChannel": foreign}));
    cloud.root(STRANGER).call("iam", "CreateDelegationRequest", asked.clone()).refused(400, "InvalidInput");
    asked["Permissions"]["PolicyTemplateArn"] =
        json!(partner::add(&cloud.cloud, account, Kind::Template, "own", TEMPLATE).unwrap());
    cloud.root(STRANGER).call("iam", "CreateDelegationRequest", asked).ok();
}

#[test]
fn a_request_is_its_customers_and_nobody_elses() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let stranger = cloud.root(STRANGER);
    let none = |caller: &Caller<'_>, operation: &str, id: &Value| {
        let words = format!(
            "The delegation request with id {} cannot be found.",
            id["DelegationRequestId"].as_str().unwrap()
        );
        caller.call("iam", operation, id.clone()).refused_with(404, "NoSuchEntity", &words);
    };
    // For one customer from the beginning.
    let named = shop.ask("flow-1", json!({"OwnerAccountId": CUSTOMER}));
    none(&stranger, "GetDelegationRequest", &named);
    none(&stranger, "AssociateDelegationRequest", &named);
    none(&shop.provider, "GetDelegationRequest", &named);
    assert_eq!(state(&shop.customer, &named), "UNASSIGNED");
    // For whoever takes it up.
    let open = shop.ask("flow-2", json!({}));
    assert_eq!(state(&stranger, &open), "UNASSIGNED");
    let eva = cloud.user(&shop.customer, "eva", "");
    let adam = cloud.user(&shop.customer, "adam", "");
    eva.call("iam", "AssociateDelegationRequest", open.clone()).ok();
    for operation in [
        "GetDelegationRequest",
        "AssociateDelegationRequest",
        "UpdateDelegationRequest",
        "AcceptDelegationRequest",
        "RejectDelegationRequest",
        "SendDelegationToken",
    ] {
        none(&stranger, operation, &open);
        none(&shop.provider, operation, &open);
        // Another user of the customer needs a permission.
        adam.call("iam", operation, open.clone()).refused(403, "AccessDenied");
    }
    // Which a policy may give for what is somebody's.
    let of_eva = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:RejectDelegationRequest",
        "Resource": format!("arn:aws:iam::{CUSTOMER}:delegation-request/*"),
        "Condition": {"ArnEquals": {"iam:DelegationRequestOwner": format!("arn:aws:iam::{CUSTOMER}:user/eva")}}}});
    let put = json!({"UserName": "adam", "PolicyName": "p", "PolicyDocument": of_eva.to_string()});
    shop.customer.call("iam", "PutUserPolicy", put).ok();
    let why = json!({"DelegationRequestId": open["DelegationRequestId"], "Notes": "too much"});
    adam.call("iam", "RejectDelegationRequest", why).ok();
    let shown = eva.call("iam", "GetDelegationRequest", open.clone()).ok()["DelegationRequest"].clone();
    assert_eq!((&shown["State"], &shown["RejectionReason"]), (&json!("REJECTED"), &json!("too much")));
    // What a policy denies is denied to the owner as well.
    let deny = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:GetDelegationRequest", "Resource": "*"}});
    let put = json!({"UserName": "eva", "PolicyName": "p", "PolicyDocument": deny.to_string()});
    shop.customer.call("iam", "PutUserPolicy", put).ok();
    eva.call("iam", "GetDelegationRequest", open).refused(403, "AccessDenied");
}

#[test]
fn lists_have_what_somebody_owns() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let eva = cloud.user(&shop.customer, "eva", "");
    shop.ask("unowned", json!({"OwnerAccountId": CUSTOMER}));
    for at in 0..3 {
        let id = shop.ask(&format!("eva-{at}"), json!({}));
        eva.call("iam", "AssociateDelegationRequest", id).ok();
    }
    let id = shop.ask("other", json!({}));
    shop.customer.call("iam", "AssociateDelegationRequest", id).ok();
    let list = |caller: &Caller<'_>, asked: Value| caller.call("iam", "ListDelegationRequests", asked);
    let count = |page: &Value| page["DelegationRequests"].as_array().map_or(0, Vec::len);
    assert_eq!(count(&list(&shop.customer, json!({})).ok()), 4);
    let hers = json!({"OwnerId": format!("arn:aws:iam::{CUSTOMER}:user/eva")});
    assert_eq!(count(&list(&shop.customer, hers.clone()).ok()), 3);
    // Her own she may list without a permission, and no others.
    assert_eq!(count(&list(&eva, hers.clone()).ok()), 3);
    list(&eva, json!({})).refused(403, "AccessDenied");
    list(&eva, json!({"OwnerId": format!("arn:aws:iam::{CUSTOMER}:root")})).refused(403, "AccessDenied");
    let mut paged = hers;
    paged["MaxItems"] = json!(2);
    let first = list(&eva, paged.clone()).ok();
    assert_eq!((count(&first), &first["isTruncated"]), (2, &json!("true")));
    paged["Marker"] = first["Marker"].clone();
    let second = list(&eva, paged.clone()).ok();
    assert_eq!((count(&second), &second["isTruncated"]), (1, &json!("false")));
    paged["Marker"] = json!("nonsense");
    list(&eva, paged).refused(400, "ValidationError");
    assert_eq!(count(&list(&shop.provider, json!({})).ok()), 0);
    assert_eq!(count(&list(&cloud.root(STRANGER), json!({})).ok()), 0);
}

#[test]
fn summaries_and_estimates() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let id = shop.ask("flow-1", json!({}));
    let arn =
        format!("arn:aws:iam::{CUSTOMER}:delegation-request/{}", id["DelegationRequestId"].as_str().unwrap());
    let eva = cloud.user(&shop.customer, "eva", "");
    let summary = |locale: &str| {
        eva.call("iam", "GetHumanReadableSummary", json!({"EntityArn": arn, "Locale": locale})).ok()
    };
    let english = summary("en_US");
    assert_eq!((&english["SummaryState"], &english["Locale"]), (&json!("AVAILABLE"), &json!("en_US")));
    let words = english["SummaryContent"].as_str().unwrap();
    let line =
        format!("It may do sqs:CreateQueue, sqs:GetQueueAttributes on arn:aws:sqs:*:{CUSTOMER}:shop-*.");
    assert!(words.starts_with("Example (account 444455556666) asks") && words.contains(&line), "{words}");
    let german = summary("de_DE");
    assert_eq!((&german["SummaryState"], german.get("SummaryContent")), (&json!("NOT_SUPPORTED"), None));
    let user = json!({"EntityArn": format!("arn:aws:iam::{CUSTOMER}:user/eva")});
    shop.customer.call("iam", "GetHumanReadableSummary", user).refused(400, "InvalidInput");
    eva.call("iam", "AssociateDelegationRequest", id.clone()).ok();
    let theirs = arn.replace(CUSTOMER, STRANGER);
    cloud
        .root(STRANGER)
        .call("iam", "GetHumanReadableSummary", json!({"EntityArn": theirs}))
        .refused(404, "NoSuchEntity");

    // Whether somebody has what is asked for: not with conditions, which this request has.
    let check = |caller: &Caller<'_>, id: &Value| {
        let asked =
            json!({"DelegationRequestId": id["DelegationRequestId"], "DelegationPermissionCheck": true});
        let got = caller.call("iam", "GetDelegationRequest", asked).ok();
        assert_eq!(got["PermissionCheckStatus"], "COMPLETE");
        got["PermissionCheckResult"].as_str().unwrap().to_owned()
    };
    assert_eq!(check(&eva, &id), "UNSURE");
    let mut plain = shop.request("flow-2", json!({}));
    plain["Permissions"]["Parameters"][2]["Values"] = json!(["False"]);
    let made = shop.provider.call("iam", "CreateDelegationRequest", plain).ok();
    let plain = json!({"DelegationRequestId": made["DelegationRequestId"]});
    let admin = cloud.user(&shop.customer, "admin", &policy(&json!("*")));
    let half = cloud.user(&shop.customer, "half", &policy(&json!("sqs:CreateQueue")));
    for (caller, result) in
        [(&eva, "DENIED"), (&half, "DENIED"), (&admin, "ALLOWED"), (&shop.customer, "ALLOWED")]
    {
        assert_eq!(check(caller, &plain), result);
    }
    let got = eva.call("iam", "GetDelegationRequest", plain).ok();
    assert_eq!((got.get("PermissionCheckStatus"), got.get("PermissionCheckResult")), (None, None));
}

#[test]
fn who_may_create_and_with_what() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let statement = json!({"Effect": "Allow", "Action": "iam:CreateDelegationRequest",
        "Resource": format!("arn:aws:iam::{PROVIDER}:delegation-request/*"),
        "Condition": {"StringEquals": {"iam:TemplateArn": shop.template, "iam:NotificationChannel": TOPIC},
            "NumericLessThanEquals": {"iam:DelegationDuration": "3600"}}});
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let dev = cloud.user(&shop.provider, "dev", &policy);
    dev.call("iam", "CreateDelegationRequest", shop.request("flow-1", json!({}))).ok();
    dev.call("iam", "CreateDelegationRequest", shop.request("flow-2", json!({"SessionDuration": 3601})))
        .refused(403, "AccessDenied");
    let nobody = cloud.user(&shop.provider, "nobody", "");
    nobody
        .call("iam", "CreateDelegationRequest", shop.request("flow-3", json!({})))
        .refused(403, "AccessDenied");
}

#[test]
fn what_providers_can_register() {
    let cloud = Cloud::new();
    let account = AccountId::parse(PROVIDER).unwrap();
    let add = |kind, name: &str, document: &str| partner::add(&cloud.cloud, account, kind, name, document);
    assert_eq!(
        add(Kind::Template, "deploy", TEMPLATE),
        Err(format!("account {PROVIDER} is not a product provider"))
    );
    partner::register(&cloud.cloud, account, "Example", "example.com").unwrap();
    assert_eq!(
        add(Kind::Template, "deploy", TEMPLATE).as_deref(),
        Ok("arn:aws:iam:::delegation-template/deploy")
    );
    assert!(add(Kind::Template, "deploy", TEMPLATE).unwrap_err().contains("is registered already"));
    assert_eq!(add(Kind::Template, "none", "{}"), Err("The policy template has no Statement.".into()));
    assert!(add(Kind::Boundary, "Limit", BOUNDARY).unwrap_err().contains("must end with a date"));
    assert!(add(Kind::Boundary, "Limit_2026_01_15", "{}").is_err());
    assert_eq!(
        add(Kind::Boundary, "Limit_2026_01_15", BOUNDARY).as_deref(),
        Ok("arn:aws:iam::partner:policy/permissions-boundary/example.com/Limit_2026_01_15")
    );
    let all = partner::all(&cloud.cloud).unwrap();
    assert_eq!((all.len(), all[0].templates.len(), all[0].boundaries.len()), (1, 1, 1));
    assert!(partner::register(&cloud.cloud, account, &"x".repeat(31), "example.com").is_err());
    assert!(partner::register(&cloud.cloud, account, "Example", "a b").is_err());
}
