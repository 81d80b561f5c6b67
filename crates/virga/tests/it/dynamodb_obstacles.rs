//! DynamoDB's UpdateTable: what stands in the way of a change, how often changes may be made, and what is told until they
//! are done.

use crate::dynamodb_tables::{ONE, indexed, make, table};
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const IN_USE: &str = "Attempt to change a resource which is still in use: ";
const INVALID: &str = "One or more parameter values were invalid: ";
const DAY: Duration = Duration::from_secs(86_400);

fn change(root: &Caller<'_>, mut request: Value) -> Reply {
    request["TableName"] = json!("music");
    root.call("dynamodb", "UpdateTable", request)
}

fn described(root: &Caller<'_>) -> Value {
    root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok()["Table"].clone()
}

fn in_use(reply: Reply, what: &str) {
    reply.refused_with(400, "ResourceInUseException", &format!("{IN_USE}{what}"));
}

fn units(read: i64) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": 5})
}

fn stream(on: bool) -> Value {
    match on {
        true => json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}}),
        false => json!({"StreamSpecification": {"StreamEnabled": false}}),
    }
}

fn create(name: &str) -> Value {
    json!({
        "AttributeDefinitions": [{"AttributeName": "g", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": {
            "IndexName": name, "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}],
    })
}

fn delete(name: &str) -> Value {
    json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]})
}

fn limit_index(name: &str) -> Value {
    json!({"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": name, "OnDemandThroughput": {"MaxReadRequestUnits": 9}}}]})
}

fn limits() -> Value {
    json!({"OnDemandThroughput": {"MaxReadRequestUnits": 9}})
}

fn provisioned() -> Value {
    json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(5)})
}

#[test]
fn protection_that_was_switched_stays_for_fifteen_seconds() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let protect = |on: bool| change(&root, json!({"DeletionProtectionEnabled": on}));
    // What is as it is asked to be is no switch.
    protect(false).ok();
    protect(true).ok();
    let told = "Deletion protection setting for table music modified within the previous 15000 milliseconds. Please try again after 2026-01-15T12:00:15Z";
    for again in [false, true] {
        protect(again).refused_with(400, "ThrottlingException", told);
    }
    assert_eq!(described(&root)["DeletionProtectionEnabled"], true);
    cloud.advance(Duration::from_secs(15));
    protect(true).ok();
    protect(false).ok();
    root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).ok();
}

#[test]
fn a_class_is_told_once_it_is_there_and_changes_twice_in_a_month() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let class = |class: &str| change(&root, json!({"TableClass": class}));
    let (standard, rare) = ("STANDARD", "STANDARD_INFREQUENT_ACCESS");
    let spent = "Subscriber limit exceeded: Updates to TableClass are limited to 2 times in 30 day(s).";
    // What is there already costs nothing.
    class(standard).ok();
    let told = class(rare).ok()["TableDescription"].clone();
    assert_eq!((&told["TableStatus"], told.get("TableClassSummary")), (&json!("UPDATING"), None));
    let going = format!("Table: music TableClassUpdateInProgress: {rare}");
    for again in [rare, standard] {
        in_use(
            class(again),
            &format!("Can't update table class when a table class update is in progress. {going}"),
        );
    }
    in_use(
        change(&root, stream(true)),
        &format!("Can't change stream status when a table class update is in progress. {going}"),
    );
    in_use(
        change(&root, limits()),
        &format!(
            "OnDemandThroughput cannot be updated while TableClass update is in progress. TableClassUpdateInProgress: {rare}"
        ),
    );
    in_use(
        change(&root, create("fresh")),
        &format!("Can't create or delete an index when a table class update is in progress. {going}"),
    );
    let gone = root.call("dynamodb", "DeleteTable", json!({"TableName": "music"}));
    in_use(gone, "Table: music is in the process of being updated.");
    change(&root, json!({"DeletionProtectionEnabled": false})).ok();
    change(&root, json!({"WarmThroughput": {"ReadUnitsPerSecond": 13_000}})).ok();
    cloud.reconcile();
    let summary = described(&root)["TableClassSummary"].clone();
    assert_eq!(summary, json!({"TableClass": rare, "LastUpdateDateTime": summary["LastUpdateDateTime"]}));
    cloud.advance(DAY);
    let told = class(standard).ok()["TableDescription"].clone();
    assert_eq!(told["TableClassSummary"], summary);
    cloud.reconcile();
    assert_eq!(described(&root)["TableClassSummary"]["TableClass"], standard);
    for refused in [rare, standard] {
        class(refused).refused_with(400, "LimitExceededException", spent);
    }
    cloud.advance(29 * DAY);
    class(rare).ok();
}

#[test]
fn a_key_changes_four_times_in_a_day_without_waiting() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let seal = |on: bool| {
        let reply = change(&root, json!({"SSESpecification": {"Enabled": on}}));
        cloud.reconcile();
        reply
    };
    for _ in 0..2 {
        seal(true).ok();
        seal(false).ok();
        cloud.advance(Duration::from_secs(60));
    }
    // What changes nothing is told first, what is wrong with the key last.
    let by_default = format!("{INVALID}Table is already encrypted by default");
    seal(false).refused_with(400, "ValidationException", &by_default);
    let missing = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "alias/none"});
    let told = "Subscriber limit exceeded: Encryption mode changes are limited in the 24h window ending at 2026-01-16T12:00:00Z. After the first 4 change, each subsequent change in the same window can be performed at most once every 21600 seconds. Number of updates today: 4. Last change at 2026-01-15T12:01:00Z. Next changes can be made at 2026-01-15T18:01:00Z.";
    change(&root, json!({"SSESpecification": missing})).refused_with(400, "LimitExceededException", told);
    cloud.advance(Duration::from_secs(6 * 3_600 - 60));
    seal(true).ok();
    let message = seal(false).refused(400, "LimitExceededException");
    assert!(message.contains("Number of updates today: 5."), "{message}");
    cloud.advance(DAY);
    seal(false).ok();
    seal(true).ok();
}

#[test]
fn a_stream_that_comes_or_goes_is_in_the_way() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, indexed("music", false));
    for (on, way) in [(true, "ENABLE"), (false, "DISABLE")] {
        let told = change(&root, stream(on)).ok()["TableDescription"].clone();
        let label = told["LatestStreamLabel"].as_str().unwrap().to_owned();
        let going = format!("Table: music Stream: {label} Operation: {way}");
        let updated = format!("when stream status is being updated. {going}");
        for (request, what) in [
            (stream(true), format!("A stream status change is currently in progress. {going}")),
            (
                json!({"TableClass": "STANDARD_INFREQUENT_ACCESS"}),
                format!("Can't update table class {updated}"),
            ),
            (
                limits(),
                "OnDemandThroughput cannot be updated while stream status update is in progress".into(),
            ),
            (provisioned(), format!("Can't change table IOPS {updated}")),
            (delete("by-g"), format!("Can't create or delete an index {updated}")),
        ] {
            in_use(change(&root, request), &what);
        }
        let gone = root.call("dynamodb", "DeleteTable", json!({"TableName": "music"}));
        in_use(gone, "Cannot delete table while stream is being enabled/disabled.");
        // What is as it is asked to be, and what goes on beside the table, is in nobody's way.
        change(&root, json!({"BillingMode": "PAY_PER_REQUEST"})).ok();
        let told = change(&root, json!({"SSESpecification": {"Enabled": on}})).ok();
        assert_eq!(told["TableDescription"]["TableStatus"], "ACTIVE");
        assert_eq!(described(&root)["TableStatus"], "UPDATING");
        in_use(
            change(&root, json!({"SSESpecification": {"Enabled": !on}})),
            "Server-Side Encryption is still being updated",
        );
        cloud.reconcile();
        assert_eq!(described(&root)["TableStatus"], "ACTIVE");
    }
}

#[test]
fn a_switch_of_the_billing_mode_is_in_the_way() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    change(&root, provisioned()).ok();
    let busy = "Can't enable or disable stream while table IOPS are being updated. Table: music";
    in_use(change(&root, stream(true)), busy);
    in_use(
        change(&root, limits()),
        "OnDemandThroughput cannot be updated while BillingMode update is in progress",
    );
    cloud.reconcile();
    // Neither way counts as an increase or a decrease.
    let switched = described(&root)["ProvisionedThroughput"].clone();
    assert_eq!(
        switched,
        json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 5, "NumberOfDecreasesToday": 0})
    );
    change(&root, json!({"BillingMode": "PAY_PER_REQUEST"})).ok();
    change(&root, limits()).refused_with(
        400,
        "ValidationException",
        &format!(
            "{INVALID}MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
        ),
    );
    cloud.reconcile();
    assert_eq!(described(&root)["ProvisionedThroughput"]["NumberOfDecreasesToday"], 0);
}

#[test]
fn an_index_is_allocated_and_filled() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, indexed("music", false));
    let one =
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
    let online = |reply: Reply| reply.refused_with(400, "LimitExceededException", one);
    let state = |table: &Value| {
        let index = &table["GlobalSecondaryIndexes"][1];
        (table["TableStatus"].clone(), index["IndexStatus"].clone(), index.get("Backfilling").cloned())
    };
    let told = change(&root, create("fresh")).ok()["TableDescription"].clone();
    assert_eq!(state(&told), (json!("UPDATING"), json!("CREATING"), Some(json!(false))));
    assert_eq!(told["GlobalSecondaryIndexes"][0].get("Backfilling"), None);
    let named = "Table: music Index: fresh";
    in_use(
        change(&root, delete("fresh")),
        &format!(
            "Index creation is in resource allocation phase. Retry deletion during backfilling phase or when the index is active. {named}"
        ),
    );
    in_use(
        change(&root, limit_index("fresh")),
        &format!("Index is being created but is not backfilling yet. {named}"),
    );
    in_use(
        change(&root, limits()),
        "OnDemandThroughput cannot be updated while index creation is in progress for indexes: [fresh]",
    );
    in_use(
        change(&root, provisioned()),
        "Can't change table IOPS when an index is being created. Table: music Indexes: [fresh]",
    );
    in_use(
        change(&root, stream(true)),
        "Can't change stream status when an index is being created. Table: music Indexes: [fresh]",
    );
    online(change(&root, create("other")));
    online(change(&root, delete("by-g")));
    change(&root, limit_index("by-g")).ok();
    let insights = json!({"TableName": "music", "IndexName": "fresh", "ContributorInsightsAction": "ENABLE"});
    root.call("dynamodb", "UpdateContributorInsights", insights).refused_with(
        400,
        "ValidationException",
        "Table or Index is not in a valid state to update Key Access Insights: IndexStatus must be ACTIVE to enable ContributorInsights.",
    );
    cloud.reconcile();
    // The table is free again; the index is being filled.
    assert_eq!(state(&described(&root)), (json!("ACTIVE"), json!("CREATING"), Some(json!(true))));
    online(change(&root, create("other")));
    change(&root, limits()).ok();
    let gone = root.call("dynamodb", "DeleteTable", json!({"TableName": "music"}));
    in_use(gone, "Cannot delete table while indexes are being created, updated, or deleted.");
    cloud.reconcile();
    assert_eq!(state(&described(&root)), (json!("ACTIVE"), json!("ACTIVE"), None));
    // One that goes.
    change(&root, delete("fresh")).ok();
    in_use(change(&root, delete("fresh")), &format!("Index is being deleted. {named}"));
    in_use(change(&root, create("fresh")), &format!("Index is being deleted. {named}"));
    in_use(
        change(&root, limits()),
        "OnDemandThroughput cannot be updated while index deletion is in progress for indexes: [fresh]",
    );
    online(change(&root, create("other")));
    change(&root, json!({"BillingMode": "PAY_PER_REQUEST"})).ok();
    change(&root, limit_index("by-g")).ok();
    cloud.reconcile();
    // One that goes before it is filled.
    change(&root, create("fresh")).ok();
    cloud.reconcile();
    let told = change(&root, delete("fresh")).ok()["TableDescription"].clone();
    assert_eq!(state(&told), (json!("UPDATING"), json!("DELETING"), None));
    cloud.reconcile();
    assert_eq!(described(&root)["GlobalSecondaryIndexes"].as_array().unwrap().len(), 1);
}

#[test]
fn throughput_that_says_nothing_fails_alone() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    for (hollow, beside) in [
        (json!({"WarmThroughput": {}}), json!({"DeletionProtectionEnabled": false})),
        (json!({"OnDemandThroughput": {}}), json!({"BillingMode": "PAY_PER_REQUEST"})),
    ] {
        change(&root, hollow.clone()).refused_with(
            400,
            "ResourceNotFoundException",
            "Requested resource not found: Table: music not found",
        );
        make(&cloud, &root, table("music", false));
        change(&root, hollow.clone()).refused_with(500, "InternalFailure", "");
        let mut both = hollow;
        both.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        change(&root, both).ok();
        root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).ok();
        cloud.reconcile();
    }
}

#[test]
fn more_than_a_table_may_have_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let limited = |reply: Reply, what: &str| reply.refused_with(400, "LimitExceededException", what);
    let most = |whose: &str, what: &str| {
        format!(
            "The requested ReadCapacityUnits{whose}, 40001, is above the per {what} maximum for the account in us-east-1. Per {what} maximum: 40000. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
        )
    };
    let mut request = indexed("music", false);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = units(40_001);
    request["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = units(5);
    limited(root.call("dynamodb", "CreateTable", request.clone()), &most("", "table"));
    request["ProvisionedThroughput"] = units(5);
    request["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = units(40_001);
    limited(root.call("dynamodb", "CreateTable", request), &most(" for index by-g", "index"));
    make(&cloud, &root, indexed("music", false));
    let index = |more: Value| {
        let mut update = json!({"IndexName": "by-g"});
        update.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"GlobalSecondaryIndexUpdates": [{"Update": update}]})
    };
    let beyond = "exceeds TableMaxReadCapacityUnits of the account in region us-east-1";
    for (limit, of_table, of_index) in [
        (
            json!({"OnDemandThroughput": {"MaxReadRequestUnits": 40_001}}),
            "MaxReadRequestUnits for OnDemandThroughput for table",
            "MaxReadRequestUnits for OnDemandThroughput for index : by-g",
        ),
        (
            json!({"WarmThroughput": {"ReadUnitsPerSecond": 40_001}}),
            "ReadUnitsPerSecond for WarmThroughput for table",
            "ReadUnitsPerSecond for WarmThroughput for index by-g",
        ),
    ] {
        let text = |of: &str| format!("Subscriber limit exceeded: Requested {of} {beyond}");
        limited(change(&root, limit.clone()), &text(of_table));
        limited(change(&root, index(limit)), &text(of_index));
    }
}
