//! DynamoDB's tables: their rules, their states, their indexes, tags, policies and time to live.

use crate::harness::{Caller, Cloud, START};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const ONE: &str = "111111111111";
const TWO: &str = "222222222222";
const INVALID: &str = "One or more parameter values were invalid: ";

/// A request for a table with the string key `pk` and, where asked for, the number sort key `sk`.
pub(crate) fn table(name: &str, sorted: bool) -> Value {
    let mut request = json!({
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    if sorted {
        let more = |list: &mut Value, item: Value| list.as_array_mut().unwrap().push(item);
        more(&mut request["AttributeDefinitions"], json!({"AttributeName": "sk", "AttributeType": "N"}));
        more(&mut request["KeySchema"], json!({"AttributeName": "sk", "KeyType": "RANGE"}));
    }
    request
}

/// The same with a global index of all that has a `g`.
pub(crate) fn indexed(name: &str, sorted: bool) -> Value {
    let mut request = table(name, sorted);
    request["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"AttributeName": "g", "AttributeType": "S"}));
    request["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }]);
    request
}

/// Makes the table and waits for it.
pub(crate) fn make(cloud: &Cloud, caller: &Caller<'_>, request: Value) {
    caller.call("dynamodb", "CreateTable", request).ok();
    cloud.reconcile();
}

fn index(name: &str, hash: &str, projection: Value) -> Value {
    json!({"IndexName": name, "KeySchema": [{"AttributeName": hash, "KeyType": "HASH"}], "Projection": projection})
}

fn status(caller: &Caller<'_>, name: &str) -> String {
    let out = caller.call("dynamodb", "DescribeTable", json!({"TableName": name})).ok();
    out["Table"]["TableStatus"].as_str().unwrap().to_owned()
}

#[test]
fn a_table_lives_and_dies() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let made = root.call("dynamodb", "CreateTable", table("music", true)).ok();
    let made = &made["TableDescription"];
    assert_eq!(made["TableStatus"], "CREATING");
    assert_eq!(made["TableArn"], format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music"));
    assert_eq!(made["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!((&made["ItemCount"], &made["TableSizeBytes"]), (&json!(0), &json!(0)));
    let key = json!({"pk": {"S": "a"}, "sk": {"N": "1"}});
    let get = json!({"TableName": "music", "Key": key});
    root.call("dynamodb", "GetItem", get.clone()).refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found",
    );
    root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).refused_with(
        400,
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being created: music",
    );
    root.call("dynamodb", "CreateTable", table("music", true)).refused_with(
        400,
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being created: music",
    );
    cloud.reconcile();
    assert_eq!(status(&root, "music"), "ACTIVE");
    root.call("dynamodb", "CreateTable", table("music", true)).refused_with(
        400,
        "ResourceInUseException",
        "Table already exists: music",
    );
    root.call("dynamodb", "PutItem", json!({"TableName": "music", "Item": key})).ok();
    let protect = json!({"TableName": "music", "DeletionProtectionEnabled": true});
    root.call("dynamodb", "UpdateTable", protect).ok();
    root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).refused_with(
        400,
        "ValidationException",
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
    );
    let free = json!({"TableName": "music", "DeletionProtectionEnabled": false});
    cloud.advance(Duration::from_secs(15));
    root.call("dynamodb", "UpdateTable", free).ok();
    let gone = root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).ok();
    let gone = &gone["TableDescription"];
    assert_eq!(gone["TableStatus"], "DELETING");
    for no_longer_told in ["AttributeDefinitions", "CreationDateTime", "KeySchema", "WarmThroughput"] {
        assert!(gone.get(no_longer_told).is_none(), "{no_longer_told}");
    }
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
    assert_eq!(described["Table"], *gone);
    cloud.reconcile();
    root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found: Table: music not found",
    );
    // A new table of the same name is empty.
    make(&cloud, &root, table("music", true));
    assert!(root.call("dynamodb", "GetItem", get).ok().get("Item").is_none());
}

#[test]
fn definitions_are_checked() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let change = |path: &str, value: Value| {
        let mut request = table("music", true);
        request[path] = value;
        request
    };
    let defined = |names: &[&str]| -> Value {
        names.iter().map(|n| json!({"AttributeName": n, "AttributeType": "S"})).collect()
    };
    let keys = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    let all = json!({"ProjectionType": "ALL"});
    let local = |name: &str, hash: &str, projection: Value| json!({"IndexName": name, "KeySchema": keys(hash, "sk"), "Projection": projection});
    let units = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let cases: Vec<(Value, String)> = vec![
        (
            change("BillingMode", json!("PROVISIONED")),
            format!("{INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
        ),
        (
            change("ProvisionedThroughput", units),
            format!("{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
        ),
        (
            change("AttributeDefinitions", defined(&["pk"])),
            "Invalid KeySchema: Some index key attribute have no definition".into(),
        ),
        (
            change("AttributeDefinitions", defined(&["pk", "other"])),
            format!("{INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [pk, sk], AttributeDefinitions: [pk, other]"),
        ),
        (
            change("AttributeDefinitions", defined(&["pk", "sk", "other"])),
            format!("{INVALID}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"),
        ),
        (
            change("KeySchema", keys("pk", "pk")),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name".into(),
        ),
        (
            change("KeySchema", json!([{"AttributeName": "pk", "KeyType": "RANGE"}, {"AttributeName": "sk", "KeyType": "HASH"}])),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".into(),
        ),
        (
            change("KeySchema", json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "HASH"}])),
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type".into(),
        ),
        (change("LocalSecondaryIndexes", json!([])), format!("{INVALID}List of LocalSecondaryIndexes is empty")),
        (
            change("LocalSecondaryIndexes", json!([local("byx", "sk", all.clone())])),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name".into(),
        ),
        (
            change("LocalSecondaryIndexes", json!([local("byx", "pk", json!({}))])),
            format!("{INVALID}Unknown ProjectionType: null"),
        ),
        (
            change("LocalSecondaryIndexes", json!([local("byx", "pk", all.clone()), local("byx", "pk", all.clone())])),
            format!("{INVALID}Duplicate index name: byx"),
        ),
        (
            change("LocalSecondaryIndexes", (0..6).map(|n| local(&format!("by{n}"), "pk", all.clone())).collect()),
            format!("{INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of 5"),
        ),
        (change("GlobalSecondaryIndexes", json!([])), format!("{INVALID}List of GlobalSecondaryIndexes is empty")),
        (
            change("GlobalSecondaryIndexes", json!([index("bys", "sk", json!({"ProjectionType": "ALL", "NonKeyAttributes": ["x"]}))])),
            format!("{INVALID}ProjectionType is ALL, but NonKeyAttributes is specified"),
        ),
        (
            change("GlobalSecondaryIndexes", json!([index("bys", "sk", json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "y", "x"]}))])),
            format!("{INVALID}Duplicate element in NonKeyAttributes: x"),
        ),
        (
            change("GlobalSecondaryIndexes", (0..21).map(|n| index(&format!("by{n}"), "sk", all.clone())).collect()),
            format!("{INVALID}GlobalSecondaryIndex count exceeds the per-table limit of 20"),
        ),
        (
            change("TableName", json!("a;b")),
            "1 validation error detected: Value 'a;b' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+".into(),
        ),
    ];
    for (request, message) in cases {
        root.call("dynamodb", "CreateTable", request).refused_with(400, "ValidationException", &message);
    }
    let three = json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}, {"AttributeName": "z", "KeyType": "RANGE"}]);
    let message =
        root.call("dynamodb", "CreateTable", change("KeySchema", three)).refused(400, "ValidationException");
    assert!(
        message.ends_with(
            "at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2"
        ),
        "{message}"
    );
    assert_eq!(root.call("dynamodb", "ListTables", json!({})).ok()["TableNames"], json!([]));
}

#[test]
fn lists_go_page_by_page() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    for name in ["aaa", "bbb", "ccc"] {
        make(&cloud, &root, table(name, false));
    }
    make(&cloud, &cloud.root(TWO), table("other", false));
    let page = |request: Value| root.call("dynamodb", "ListTables", request).ok();
    assert_eq!(page(json!({})), json!({"TableNames": ["aaa", "bbb", "ccc"]}));
    assert_eq!(
        page(json!({"Limit": 2})),
        json!({"TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"})
    );
    assert_eq!(page(json!({"ExclusiveStartTableName": "bbb"})), json!({"TableNames": ["ccc"]}));
    let west = root.in_region("us-west-2");
    assert_eq!(west.call("dynamodb", "ListTables", json!({})).ok()["TableNames"], json!([]));
}

#[test]
fn throughput_changes_and_is_described() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("music", false);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 5});
    make(&cloud, &root, request);
    let update = |request: Value| {
        let reply = root.call("dynamodb", "UpdateTable", request);
        cloud.reconcile();
        reply
    };
    let units = |read: u32| json!({"TableName": "music", "ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": 5}});
    assert_eq!(update(units(6)).ok()["TableDescription"]["TableStatus"], "UPDATING");
    let message = update(units(6)).refused(400, "ValidationException");
    assert!(message.starts_with("The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: 6."), "{message}");
    update(units(3)).ok();
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
    let throughput = &described["Table"]["ProvisionedThroughput"];
    assert_eq!(
        (&throughput["ReadCapacityUnits"], &throughput["NumberOfDecreasesToday"]),
        (&json!(3), &json!(1))
    );
    update(json!({"TableName": "music", "BillingMode": "PAY_PER_REQUEST"})).ok();
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
    assert_eq!(described["Table"]["ProvisionedThroughput"]["ReadCapacityUnits"], 0);
    update(json!({"TableName": "music"})).refused(400, "ValidationException");
}

/// As recorded of AWS.
#[test]
fn until_a_change_is_done_the_units_that_were_there_are_told() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let one = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let mut request = indexed("music", false);
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = one.clone();
    request["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = one;
    make(&cloud, &root, request);
    let update = |change: Value| {
        let mut request = json!({"TableName": "music"});
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let told = root.call("dynamodb", "UpdateTable", request).ok()["TableDescription"].clone();
        assert_eq!(told, root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok()["Table"]);
        cloud.reconcile();
        (told, root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok()["Table"].clone())
    };
    let more = json!({"ReadCapacityUnits": 2, "WriteCapacityUnits": 1});
    let now = json!(START.seconds());
    let units = |at: &Value| {
        let units = &at["ProvisionedThroughput"];
        let warm = &at["WarmThroughput"];
        [
            &units["ReadCapacityUnits"],
            &warm["ReadUnitsPerSecond"],
            &warm["Status"],
            &units["LastIncreaseDateTime"],
        ]
        .map(Clone::clone)
    };

    let (during, after) = update(json!({"ProvisionedThroughput": more}));
    assert_eq!(during["TableStatus"], "UPDATING");
    assert_eq!(units(&during), [json!(1), json!(1), json!("ACTIVE"), now.clone()]);
    assert_eq!(units(&after), [json!(2), json!(2), json!("ACTIVE"), now.clone()]);

    let index = json!([{"Update": {"IndexName": "by-g", "ProvisionedThroughput": more}}]);
    let (during, after) = update(json!({"GlobalSecondaryIndexUpdates": index}));
    let index = |table: &Value| table["GlobalSecondaryIndexes"][0].clone();
    assert_eq!(index(&during)["IndexStatus"], "UPDATING");
    assert_eq!(units(&index(&during)), [json!(1), json!(1), json!("ACTIVE"), json!(null)]);
    assert_eq!(units(&index(&after)), [json!(2), json!(2), json!("ACTIVE"), now.clone()]);

    // The mode goes at once, and since when it is so is told once it is.
    let (during, after) = update(json!({"BillingMode": "PAY_PER_REQUEST"}));
    assert_eq!(during["BillingModeSummary"], json!({"BillingMode": "PAY_PER_REQUEST"}));
    assert_eq!(units(&during), [json!(0), json!(2), json!("ACTIVE"), now.clone()]);
    let told = &during["ProvisionedThroughput"];
    assert_eq!((&told["LastDecreaseDateTime"], &told["NumberOfDecreasesToday"]), (&now, &json!(0)));
    assert_eq!(after["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"], now);
    assert_eq!(units(&after)[..3], [json!(0), json!(12_000), json!("ACTIVE")]);
    assert_eq!(after["ProvisionedThroughput"].get("LastDecreaseDateTime"), None);
    let gone = root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).ok();
    assert_eq!(gone["TableDescription"]["StreamSpecification"]["StreamEnabled"], true);
}

#[test]
fn an_index_is_made_on_a_table_with_items() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let put = |pk: String, artist: Value| {
        let item = json!({"pk": {"S": pk}, "artist": artist, "x": {"S": "long"}});
        root.call("dynamodb", "PutItem", json!({"TableName": "music", "Item": item})).ok();
    };
    (0..1200).for_each(|n| put(format!("{n:04}"), json!({"S": if n % 2 == 0 { "a" } else { "b" }})));
    put("number".into(), json!({"N": "1"}));
    put("empty".into(), json!({"S": ""}));
    put("long".into(), json!({"S": "b".repeat(2049)}));
    let create = json!({
        "TableName": "music",
        "AttributeDefinitions": [{"AttributeName": "artist", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": index("by-artist", "artist", json!({"ProjectionType": "KEYS_ONLY"}))}],
    });
    let out = root.call("dynamodb", "UpdateTable", create).ok();
    assert_eq!(out["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");
    let query = json!({
        "TableName": "music", "IndexName": "by-artist", "KeyConditionExpression": "artist = :a",
        "ExpressionAttributeValues": {":a": {"S": "b"}},
    });
    root.call("dynamodb", "Query", query.clone()).refused_with(
        400,
        "ValidationException",
        "Cannot read from backfilling global secondary index: by-artist",
    );
    (0..2).for_each(|_| cloud.reconcile());
    let found = root.call("dynamodb", "Query", query.clone()).ok();
    assert_eq!(
        (&found["Count"], &found["Items"][0]),
        (&json!(600), &json!({"pk": {"S": "0001"}, "artist": {"S": "b"}}))
    );
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
    assert_eq!(
        (&described["Table"]["ItemCount"], &described["Table"]["GlobalSecondaryIndexes"][0]["ItemCount"]),
        (&json!(1203), &json!(1200))
    );
    let delete = json!({"TableName": "music", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-artist"}}]});
    root.call("dynamodb", "UpdateTable", delete).ok();
    cloud.reconcile();
    root.call("dynamodb", "Query", query).refused_with(
        400,
        "ValidationException",
        "The table does not have the specified index: by-artist",
    );
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
    assert_eq!(described["Table"]["AttributeDefinitions"].as_array().unwrap().len(), 1);
}

/// AWS: the page of DescribeTable has these figures brought up to date about every six hours.
#[test]
fn a_large_table_is_counted_every_six_hours() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let write = |batch: usize| {
        let put = |n: usize| json!({"PutRequest": {"Item": {"pk": {"S": format!("{n:06}")}}}});
        let puts: Vec<Value> = (batch * 25..(batch + 1) * 25).map(put).collect();
        root.call("dynamodb", "BatchWriteItem", json!({"RequestItems": {"music": puts}})).ok();
    };
    let counted = || {
        cloud.reconcile();
        let told = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
        [&told["Table"]["ItemCount"], &told["Table"]["TableSizeBytes"]].map(|number| number.as_u64().unwrap())
    };
    (0..201).for_each(write);
    assert_eq!(counted(), [5025, 5025 * 8]);
    write(201);
    cloud.advance(Duration::from_secs(6 * 3_600 - 1));
    assert_eq!(counted(), [5025, 5025 * 8], "reading all of it is felt");
    cloud.advance(Duration::from_secs(1));
    assert_eq!(counted(), [5050, 5050 * 8]);
}

#[test]
fn changes_of_indexes_are_refused_in_dynamodbs_words() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = indexed("music", true);
    let more = json!({"AttributeName": "l", "AttributeType": "S"});
    request["AttributeDefinitions"].as_array_mut().unwrap().push(more);
    request["LocalSecondaryIndexes"] = json!([{
        "IndexName": "by-l", "Projection": {"ProjectionType": "ALL"},
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "l", "KeyType": "RANGE"}],
    }]);
    make(&cloud, &root, request);
    let (known, local) = ("g", "by-l");
    let update = |changes: Value, more: Value| {
        let mut request = json!({"TableName": "music", "GlobalSecondaryIndexUpdates": changes});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("dynamodb", "UpdateTable", request)
    };
    let create = || index("fresh", known, json!({"ProjectionType": "ALL"}));
    let define = |name: &str, kind: &str| json!({"AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind}]});
    let none = json!({});
    let invalid = "One or more parameter values were invalid: ";
    for (changes, more, message) in [
        (json!([{"Create": create()}]), &none, format!("{invalid}AttributeDefinitions is not specified for index: fresh")),
        (
            json!([{"Create": create()}]),
            &define("other", "S"),
            format!("{invalid}Some index key attributes are not defined in AttributeDefinitions. Keys: [{known}], AttributeDefinitions: [other]"),
        ),
        (
            json!([{"Create": create()}]),
            &define(known, "N"),
            format!(
                "{invalid}Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: Schema:[SchemaElement: key{{g:S:HASH}}] New schema: Schema:[SchemaElement: key{{g:N:HASH}}]"
            ),
        ),
        (
            json!([{"Create": create(), "Delete": {"IndexName": "old"}}]),
            &define(known, "S"),
            format!("{invalid}Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"),
        ),
        (
            json!([{}]),
            &none,
            format!("{invalid}One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null"),
        ),
        (
            json!([{"Delete": {"IndexName": local}}]),
            &none,
            format!("Cannot delete an index that is not a GlobalSecondaryIndex: {local}"),
        ),
        (
            json!([]),
            &none,
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required".into(),
        ),
    ] {
        update(changes, more.clone()).refused_with(400, "ValidationException", &message);
    }
    update(json!([{"Delete": {"IndexName": "none"}}]), none).refused(400, "ResourceNotFoundException");
}

#[test]
fn the_class_of_a_table_is_changed_alone() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let update = |more: Value| {
        let mut request = json!({"TableName": "music", "TableClass": "STANDARD_INFREQUENT_ACCESS"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("dynamodb", "UpdateTable", request)
    };
    for more in [
        json!({"DeletionProtectionEnabled": true}),
        json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}),
        json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}}),
    ] {
        update(more).refused_with(
            400,
            "ValidationException",
            "One or more parameter values were invalid: TableClass modification must be the only operation in the request",
        );
    }
    update(json!({"ReplicaUpdates": [{"Create": {"RegionName": "us-west-2"}}]})).refused_with(
        400,
        "ValidationException",
        "One or more parameter values were invalid: Replica modification must be the only operation in the request",
    );
    update(json!({})).ok();
    cloud.reconcile();
    let described = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
    assert_eq!(described["Table"]["TableClassSummary"]["TableClass"], "STANDARD_INFREQUENT_ACCESS");
}

#[test]
fn a_table_that_is_being_made_has_no_time_to_live_yet() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    root.call("dynamodb", "CreateTable", table("music", false)).ok();
    root.call("dynamodb", "DescribeTimeToLive", json!({"TableName": "music"})).refused_with(
        400,
        "ValidationException",
        "Cannot describe time to live while table is in CREATING state: Current table state is CREATING",
    );
    let on =
        json!({"TableName": "music", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "at"}});
    root.call("dynamodb", "UpdateTimeToLive", on).refused_with(
        400,
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table music is being created",
    );
    let insights = json!({"TableName": "music", "ContributorInsightsAction": "ENABLE"});
    root.call("dynamodb", "UpdateContributorInsights", insights).refused_with(
        400,
        "ValidationException",
        "Table or Index is not in a valid state to update Key Access Insights: TableStatus must be ACTIVE to enable ContributorInsights.",
    );
}

#[test]
fn a_new_table_tells_what_it_was_asked_for_with() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = indexed("music", false);
    request["WarmThroughput"] = json!({"ReadUnitsPerSecond": 12_001});
    request["GlobalSecondaryIndexes"][0]["Projection"] =
        json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["z", "a", "m"]});
    let made = root.call("dynamodb", "CreateTable", request).ok()["TableDescription"].clone();
    assert_eq!(
        made["WarmThroughput"],
        json!({"ReadUnitsPerSecond": 12_001, "WriteUnitsPerSecond": 4_000, "Status": "UPDATING"})
    );
    let index = &made["GlobalSecondaryIndexes"][0];
    assert_eq!((index.get("WarmThroughput"), index.get("Backfilling")), (None, None));
    assert_eq!(index["Projection"]["NonKeyAttributes"], json!(["a", "m", "z"]));
}

#[test]
fn the_policy_of_a_table_that_goes_stays() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music");
    let policy = |action: &str| {
        let statement =
            json!({"Effect": "Allow", "Principal": {"AWS": ONE}, "Action": action, "Resource": arn});
        let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        json!({"ResourceArn": arn, "Policy": text})
    };
    let put = root.call("dynamodb", "PutResourcePolicy", policy("dynamodb:GetItem")).ok();
    root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).ok();
    let get = || root.call("dynamodb", "GetResourcePolicy", json!({"ResourceArn": arn}));
    assert_eq!(get().ok()["RevisionId"], put["RevisionId"]);
    // The same again is no change.
    root.call("dynamodb", "PutResourcePolicy", policy("dynamodb:GetItem")).ok();
    let going = "Attempt to change a resource which is still in use: Table is being deleted: music";
    for (operation, request) in [
        ("PutResourcePolicy", policy("dynamodb:PutItem")),
        ("DeleteResourcePolicy", json!({"ResourceArn": arn})),
    ] {
        root.call("dynamodb", operation, request).refused_with(400, "ResourceInUseException", going);
    }
    cloud.reconcile();
    get().refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found: Table: music not found",
    );
}

#[test]
fn of_what_another_account_has_not_nothing_is_said() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let arn = "arn:aws:dynamodb:us-east-1:222222222222:table/music";
    let backup = format!("{arn}/backup/01489602797149-73d8d5bc");
    for (operation, member, given) in [
        ("DescribeTable", "TableName", arn),
        ("Scan", "TableName", arn),
        ("ListTagsOfResource", "ResourceArn", arn),
        ("DescribeBackup", "BackupArn", &backup),
        ("DeleteBackup", "BackupArn", &backup),
    ] {
        let mut request = json!({});
        request[member] = json!(given);
        root.call("dynamodb", operation, request).refused_with(
            400,
            "AccessDeniedException",
            "Access is denied",
        );
    }
}

#[test]
fn tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music");
    let many: Vec<Value> = (0..12).map(|n| json!({"Key": format!("k{n:02}"), "Value": "v"})).collect();
    root.call("dynamodb", "TagResource", json!({"ResourceArn": arn, "Tags": many})).ok();
    root.call("dynamodb", "UntagResource", json!({"ResourceArn": arn, "TagKeys": ["k00"]})).ok();
    let first = root.call("dynamodb", "ListTagsOfResource", json!({"ResourceArn": arn})).ok();
    assert_eq!((first["Tags"].as_array().unwrap().len(), &first["Tags"][0]["Key"]), (10, &json!("k01")));
    let rest = json!({"ResourceArn": arn, "NextToken": first["NextToken"]});
    assert_eq!(
        root.call("dynamodb", "ListTagsOfResource", rest).ok(),
        json!({"Tags": [{"Key": "k11", "Value": "v"}]})
    );
    let missing = format!("{arn}x");
    root.call("dynamodb", "ListTagsOfResource", json!({"ResourceArn": missing}))
        .refused(400, "ResourceNotFoundException");
    root.call("dynamodb", "UntagResource", json!({"ResourceArn": missing, "TagKeys": ["k01"]})).refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found",
    );
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    for (tags, message) in [
        (json!([]), "Atleast one Tag needs to be provided as Input."),
        (
            json!([tag("a", "1"), tag("a", "2")]),
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found a",
        ),
        (json!([tag("a!", "1")]), "The Tag Key provided is invalid, Key: a!"),
        (json!([tag("a", "1!")]), "The Tag Value provided is invalid, Value: 1!"),
        (json!([tag("aws:a", "1")]), "Tag Key cannot be prefixed with aws:, Key: aws:a"),
        (
            (0..51).map(|n| tag(&n.to_string(), "v")).collect(),
            "Number of Tags exceed the current limit for the provided ResourceArn",
        ),
    ] {
        let request = json!({"ResourceArn": arn, "Tags": tags});
        root.call("dynamodb", "TagResource", request).refused_with(400, "ValidationException", message);
    }
    let too_many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    for (keys, message) in [
        (json!([]), "Atleast one Tag Key needs to be provided as Input."),
        (json!(["AWS:a"]), "Tag Key cannot be prefixed with aws:, Key: AWS:a"),
        (json!(too_many), "Number of Tags exceed the current limit for the provided ResourceArn"),
    ] {
        let request = json!({"ResourceArn": arn, "TagKeys": keys});
        root.call("dynamodb", "UntagResource", request).refused_with(400, "ValidationException", message);
    }
    // A token that is none is as good as none.
    let again = json!({"ResourceArn": arn, "NextToken": "x"});
    assert_eq!(root.call("dynamodb", "ListTagsOfResource", again).ok(), first);
}

#[test]
fn items_expire_by_the_clouds_clock() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let start = crate::harness::START.seconds();
    let put = |pk: &str, at: i64| {
        let item = json!({"pk": {"S": pk}, "until": {"N": at.to_string()}});
        root.call("dynamodb", "PutItem", json!({"TableName": "music", "Item": item})).ok();
    };
    put("before", start + 60);
    let ttl = |enabled: bool| json!({"TableName": "music", "TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": "until"}});
    root.call("dynamodb", "UpdateTimeToLive", ttl(true)).ok();
    let describe = || {
        root.call("dynamodb", "DescribeTimeToLive", json!({"TableName": "music"})).ok()["TimeToLiveDescription"]["TimeToLiveStatus"].clone()
    };
    assert_eq!(describe(), "ENABLING");
    cloud.reconcile();
    assert_eq!(describe(), "ENABLED");
    root.call("dynamodb", "UpdateTimeToLive", ttl(true)).refused_with(
        400,
        "ValidationException",
        "TimeToLive is already enabled",
    );
    put("after", start + 60);
    put("moved", start + 60);
    put("moved", start + 9_000);
    cloud.advance(Duration::from_secs(61));
    cloud.reconcile();
    let left = root.call("dynamodb", "Scan", json!({"TableName": "music"})).ok();
    assert_eq!((&left["Count"], &left["Items"][0]["pk"]), (&json!(1), &json!({"S": "moved"})));
}

/// As recorded of AWS: there is nothing to enter.
#[test]
fn an_empty_table_has_its_time_to_live_at_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let until = json!({"Enabled": true, "AttributeName": "until"});
    root.call(
        "dynamodb",
        "UpdateTimeToLive",
        json!({"TableName": "music", "TimeToLiveSpecification": until}),
    )
    .ok();
    let described = root.call("dynamodb", "DescribeTimeToLive", json!({"TableName": "music"})).ok();
    assert_eq!(
        described["TimeToLiveDescription"],
        json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "until"})
    );
    let item = json!({"pk": {"S": "a"}, "until": {"N": START.seconds().to_string()}});
    root.call("dynamodb", "PutItem", json!({"TableName": "music", "Item": item})).ok();
    cloud.advance(Duration::from_secs(1));
    cloud.reconcile();
    assert_eq!(root.call("dynamodb", "Scan", json!({"TableName": "music"})).ok()["Count"], 0);
}

/// As recorded of AWS, of a table that has no destination; that no table gets one is Virga's own word.
#[test]
fn no_kinesis_data_stream_is_a_destination() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, table("music", false));
    let stream = "arn:aws:kinesis:us-east-1:111111111111:stream/changes";
    let ask = |operation: &str, table: &str| {
        let mut request = json!({"TableName": table});
        if operation != "Describe" {
            request["StreamArn"] = json!(stream);
        }
        root.call("dynamodb", &format!("{operation}KinesisStreamingDestination"), request)
    };
    assert_eq!(
        ask("Describe", "music").ok(),
        json!({"TableName": "music", "KinesisDataStreamDestinations": []})
    );
    for operation in ["Describe", "Enable", "Disable", "Update"] {
        ask(operation, "nothere").refused_with(
            400,
            "ResourceNotFoundException",
            "Requested resource not found: Table: nothere not found",
        );
    }
    let prefix = "Table is not in a valid state to enable Kinesis Streaming Destination";
    ask("Disable", "music").refused_with(
        400,
        "ValidationException",
        &format!("{prefix}: KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."),
    );
    ask("Update", "music").refused_with(
        400,
        "ValidationException",
        &format!(
            "{prefix}: No streaming destination with streamArn: {stream} found for table with tableName: music"
        ),
    );
    ask("Enable", "music").refused(501, "NotImplemented");
    let short = json!({"TableName": "music", "StreamArn": "not-an-arn"});
    root.call("dynamodb", "EnableKinesisStreamingDestination", short).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: Value 'not-an-arn' at 'streamArn' failed to satisfy constraint: Member must have length greater than or equal to 37",
    );
}

#[test]
fn another_account_gets_in_by_the_tables_policy() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ONE), cloud.root(TWO));
    make(&cloud, &root, table("music", false));
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music");
    let put = json!({"TableName": arn, "Item": {"pk": {"S": "a"}}});
    other.call("dynamodb", "PutItem", put.clone()).refused(400, "AccessDeniedException");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": TWO}, "Action": "dynamodb:PutItem", "Resource": arn}]});
    let given = root
        .call("dynamodb", "PutResourcePolicy", json!({"ResourceArn": arn, "Policy": policy.to_string()}))
        .ok();
    other.call("dynamodb", "PutItem", put.clone()).ok();
    other
        .call("dynamodb", "GetItem", json!({"TableName": arn, "Key": {"pk": {"S": "a"}}}))
        .refused(400, "AccessDeniedException");
    let got = root.call("dynamodb", "GetResourcePolicy", json!({"ResourceArn": arn})).ok();
    assert_eq!((&got["RevisionId"], &got["Policy"]), (&given["RevisionId"], &json!(policy.to_string())));
    let revision = given["RevisionId"].as_str().unwrap();
    let not_found = "Resource-based policy not found for the provided ResourceArn: ";
    let stale = format!(
        "{not_found}Requested update for policy with revision id 1, but the policy associated to target table music has revision id {revision}."
    );
    let wrong = json!({"ResourceArn": arn, "ExpectedRevisionId": "1"});
    root.call("dynamodb", "DeleteResourcePolicy", wrong).refused_with(400, "PolicyNotFoundException", &stale);
    let first = json!({"ResourceArn": arn, "Policy": policy.to_string(), "ExpectedRevisionId": "NO_POLICY"});
    let there = format!(
        "{not_found}Requested policy update expecting none to be present for table music, but a policy exists with revision id {revision}."
    );
    root.call("dynamodb", "PutResourcePolicy", first).refused_with(400, "PolicyNotFoundException", &there);
    // The same again is nothing new; another one is a later one.
    let put_policy = |policy: &Value| {
        let input = json!({"ResourceArn": arn, "Policy": policy.to_string(), "ExpectedRevisionId": revision});
        root.call("dynamodb", "PutResourcePolicy", input).ok()["RevisionId"].as_str().unwrap().to_owned()
    };
    assert_eq!(put_policy(&policy), revision);
    let mut wider = policy.clone();
    wider["Statement"][0]["Action"] = json!("dynamodb:*");
    assert!(put_policy(&wider).parse::<u64>().unwrap() > revision.parse().unwrap());
    let missing = json!({"ResourceArn": format!("{arn}_")});
    for operation in ["GetResourcePolicy", "DeleteResourcePolicy"] {
        root.call("dynamodb", operation, missing.clone()).refused_with(
            400,
            "ResourceNotFoundException",
            "Requested resource not found: Table: music_ not found",
        );
    }
    root.call("dynamodb", "DeleteResourcePolicy", json!({"ResourceArn": arn})).ok();
    other.call("dynamodb", "PutItem", put).refused(400, "AccessDeniedException");
    root.call("dynamodb", "GetResourcePolicy", json!({"ResourceArn": arn}))
        .refused(400, "PolicyNotFoundException");
    let bad = format!("{INVALID}Invalid policy document: ");
    let whole = |statement: Value| json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    for (policy, message) in [
        ("{}".to_owned(), format!("{bad}Syntax error at position (1,3)")),
        ("[]".to_owned(), format!("{bad}This policy contains invalid Json")),
        ("null".to_owned(), format!("{bad}This text appears not to be a policy")),
        (whole(json!([])), format!("{bad}Could not parse the policy: Statement is empty!")),
        (whole(json!([{}])), format!("{bad}Missing required field Effect")),
        (
            whole(json!([{"Effect": "Allow", "Principal": {"AWS": TWO}, "Action": "dynamodb:PutItem"}])),
            format!("{bad}Missing required field Resource"),
        ),
        (
            whole(json!([{"Effect": "Allow", "Principal": {"AWS": "nobody"}, "Action": "dynamodb:PutItem", "Resource": arn}])),
            "Invalid principal in policy document.".to_owned(),
        ),
        (
            whole(json!([{"Effect": "Allow", "Principal": "*", "Action": "dynamodb:PutItem", "Resource": arn}])),
            "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure least-privilege form of access".to_owned(),
        ),
        (" ".repeat(20_481), format!("{INVALID}Maximum policy size of 20480 bytes exceeded")),
    ] {
        root.call("dynamodb", "PutResourcePolicy", json!({"ResourceArn": arn, "Policy": policy}))
            .refused_with(400, "ValidationException", &message);
    }
}

#[test]
fn arns_are_held_against_what_they_are_for() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music");
    let (west, other) = (arn.replace("us-east-1", "us-west-2"), arn.replace(":aws:", ":other:"));
    let index = format!("{arn}/index/by-g");
    let thing = arn.replace("table/", "thing/");
    let backup = format!("{arn}/backup/01489602797149-73d8d5bc");
    let theirs = arn.replace(ONE, "222222222222");
    let invalid = |what: &str| format!("1 validation error detected: Invalid {what} in ");
    for (operation, member, given, message) in [
        (
            "ListTagsOfResource",
            "ResourceArn",
            "music",
            format!("{INVALID}ARNs must start with 'arn:': music"),
        ),
        (
            "GetResourcePolicy",
            "ResourceArn",
            "arn:aws:s3:::music",
            format!("{INVALID}Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::music"),
        ),
        (
            "GetResourcePolicy",
            "ResourceArn",
            &index,
            format!(
                "{INVALID}Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {index}"
            ),
        ),
        (
            "TagResource",
            "ResourceArn",
            &backup,
            format!("{INVALID}Provided Arn is not a DynamoDB resource arn: {backup}"),
        ),
        (
            "PutResourcePolicy",
            "ResourceArn",
            &theirs,
            "This action is only supported by accounts that match the resource owner’s account.".into(),
        ),
        (
            "DescribeBackup",
            "BackupArn",
            &backup.replace("us-east-1", "xx-fake-1"),
            "Invalid Request: BackupArn is not valid".into(),
        ),
        ("DescribeBackup", "BackupArn", &arn, "Invalid Backup ARN".into()),
        ("GetResourcePolicy", "ResourceArn", &west, format!("{INVALID}Invalid resource Arn: {west}")),
        (
            "ListTagsOfResource",
            "ResourceArn",
            &west,
            format!("Invalid TableArn: Invalid ResourceArn provided as input {west}"),
        ),
        ("DescribeTable", "TableName", &west, format!("{}'{west}'", invalid("AWS region"))),
        ("DescribeTable", "TableName", &other, format!("{}'{other}'", invalid("AWS partition"))),
        ("DescribeTable", "TableName", &thing, format!("{}'{thing}'", invalid("resource type"))),
    ] {
        let mut request = json!({});
        request[member] = json!(given);
        match operation {
            "TagResource" => request["Tags"] = json!([{"Key": "a", "Value": "b"}]),
            "PutResourcePolicy" => request["Policy"] = json!("{}"),
            _ => {}
        }
        root.call("dynamodb", operation, request).refused_with(400, "ValidationException", &message);
    }
}
