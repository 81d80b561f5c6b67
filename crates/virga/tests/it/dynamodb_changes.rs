//! DynamoDB's UpdateTable: what one request may change at once, what is no change, and which refusal comes first.

use crate::dynamodb_tables::{ONE, indexed, make, table};
use crate::harness::{Cloud, Reply};
use serde_json::{Value, json};

const INVALID: &str = "One or more parameter values were invalid: ";

fn units(read: i64, write: i64) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

/// A cloud with the table `music` and its index `by-g`, on demand or with five units each.
fn cloud(provisioned: bool) -> Cloud {
    let cloud = Cloud::new();
    let mut request = indexed("music", false);
    if provisioned {
        request["BillingMode"] = json!("PROVISIONED");
        request["ProvisionedThroughput"] = units(5, 5);
        request["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = units(5, 5);
    }
    make(&cloud, &cloud.root(ONE), request);
    cloud
}

fn update(cloud: &Cloud, mut request: Value) -> Reply {
    if request.get("TableName").is_none() {
        request["TableName"] = json!("music");
    }
    let reply = cloud.root(ONE).call("dynamodb", "UpdateTable", request);
    cloud.reconcile();
    reply
}

fn all(parts: &[(&str, &Value)]) -> Value {
    Value::Object(parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect())
}

#[test]
fn changes_that_do_not_go_together() {
    let cloud = cloud(false);
    let stream = &("StreamSpecification", &json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}));
    let sse = &("SSESpecification", &json!({"Enabled": true}));
    let class = &("TableClass", &json!("STANDARD_INFREQUENT_ACCESS"));
    let protected = &("DeletionProtectionEnabled", &json!(true));
    let warm = &("WarmThroughput", &json!({"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 5_000}));
    let limits = &("OnDemandThroughput", &json!({"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 10}));
    let (five, mode) = (&units(5, 5), &json!("PROVISIONED"));
    let (throughput, provisioned) = (&("ProvisionedThroughput", five), &("BillingMode", mode));
    let gone = &("GlobalSecondaryIndexUpdates", &json!([{"Delete": {"IndexName": "by-g"}}]));
    let fresh = &(
        "GlobalSecondaryIndexUpdates",
        &json!([{"Create": {
            "IndexName": "fresh", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}]),
    );
    let warmless =
        &("GlobalSecondaryIndexUpdates", &json!([{"Update": {"IndexName": "by-g", "WarmThroughput": {}}}]));
    let alone = |what: &str| format!("{what} must be the only operation in the request");
    let limited = "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request";
    let streaming = "You cannot modify stream status while updating table IOPS";
    let indexing = "You cannot create or delete index while updating table IOPS";
    for (parts, message) in [
        (vec![class, warmless], "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: by-g".into()),
        (vec![sse, class], alone("Server-Side Encryption modification")),
        (vec![sse, protected, stream], alone("Server-Side Encryption modification")),
        (vec![class, protected], alone("TableClass modification")),
        (vec![protected, gone], alone("DeletionProtection modification")),
        (vec![protected, stream], alone("DeletionProtection modification")),
        (vec![warm, stream], alone("WarmThroughput modification").replace(" modification", "")),
        (
            vec![warm, fresh],
            "Create global secondary index cannot be specified when updating WarmThroughput".into(),
        ),
        (vec![limits, stream], limited.into()),
        (vec![limits, gone], limited.into()),
        (vec![throughput, provisioned, gone], indexing.into()),
        (vec![throughput, fresh], indexing.into()),
        (vec![throughput, stream], streaming.into()),
        (vec![provisioned, stream], streaming.into()),
        (vec![stream, gone], "You cannot create or delete index while changing stream status".into()),
    ] {
        let parts: Vec<_> = parts.into_iter().copied().collect();
        update(&cloud, all(&parts)).refused_with(400, "ValidationException", &format!("{INVALID}{message}"));
    }
    // These do.
    update(&cloud, all(&[("WarmThroughput", &json!({})), *class])).ok();
    update(&cloud, all(&[("BillingMode", &json!("PAY_PER_REQUEST")), *stream])).ok();
    update(&cloud, all(&[("BillingMode", &json!("PAY_PER_REQUEST")), *limits])).ok();
    let described = cloud.root(ONE).call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
    let table = &described["Table"];
    assert_eq!(
        (&table["StreamSpecification"]["StreamEnabled"], &table["OnDemandThroughput"]["MaxReadRequestUnits"]),
        (&json!(true), &json!(10))
    );
}

#[test]
fn units_are_looked_at_before_the_table_is() {
    let cloud = Cloud::new();
    let index = |units: Value| json!({"TableName": "none", "GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "by-g", "ProvisionedThroughput": units}}]});
    let most = "Given value 1000000000001 for ReadCapacityUnits is out of bounds";
    let table = json!({"TableName": "none", "ProvisionedThroughput": units(1_000_000_000_001, 1)});
    for (request, message) in
        [(table, most.to_owned()), (index(units(1_000_000_000_001, 1)), format!("{most} for index by-g"))]
    {
        update(&cloud, request).refused_with(400, "ValidationException", &message);
    }
    update(&cloud, index(units(1, 1))).refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found: Table: none not found",
    );
}

#[test]
fn units_of_tables_and_indexes_are_given_where_they_belong() {
    let index = |more: Value| {
        let mut change = json!({"IndexName": "by-g"});
        change.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"GlobalSecondaryIndexUpdates": [{"Update": change}]})
    };
    let refused = |cloud: &Cloud, request: Value, message: &str| {
        update(cloud, request).refused_with(400, "ValidationException", &format!("{INVALID}{message}"));
    };
    let on_demand = cloud(false);
    refused(
        &on_demand,
        json!({"ProvisionedThroughput": units(5, 5)}),
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    );
    refused(
        &on_demand,
        json!({"BillingMode": "PROVISIONED"}),
        "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
    );
    refused(
        &on_demand,
        index(json!({"ProvisionedThroughput": units(5, 5)})),
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: by-g when BillingMode is PAY_PER_REQUEST",
    );
    refused(
        &on_demand,
        index(json!({})),
        "The only Updates for index: by-g when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput",
    );
    refused(
        &on_demand,
        index(json!({"WarmThroughput": {}})),
        "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: by-g",
    );
    let provisioned = cloud(true);
    refused(
        &provisioned,
        index(json!({})),
        "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: by-g",
    );
    refused(
        &provisioned,
        json!({"OnDemandThroughput": {"MaxReadRequestUnits": 10}}),
        "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED",
    );
    let message = update(&provisioned, index(json!({"ProvisionedThroughput": units(5, 5)})))
        .refused(400, "ValidationException");
    let start = "The provisioned throughput for the index by-g will not change. The requested value equals the current value.";
    assert!(message.starts_with(start), "{message}");
    update(&provisioned, json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "none"}}]}))
        .refused_with(
            400,
            "ResourceNotFoundException",
            "Requested resource not found: Index none for table music",
        );
    update(&provisioned, index(json!({"ProvisionedThroughput": units(6, 5)}))).ok();
}

#[test]
fn keys_of_tables_are_said_in_full() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let with = |specification: Value| {
        let mut request = table("vault", false);
        request["SSESpecification"] = specification;
        root.call("dynamodb", "CreateTable", request)
    };
    let key = "11111111-2222-3333-4444-555555555555";
    for (specification, message) in [
        (
            json!({"Enabled": true, "KMSMasterKeyId": key}),
            "SSEType KMS is required if KMSMasterKeyId is specified",
        ),
        (json!({"Enabled": false, "SSEType": "KMS"}), "SSEType can not be specified if Enabled is false"),
        (
            json!({"Enabled": false, "KMSMasterKeyId": key}),
            "KMSMasterKeyId can not be specified if Enabled is false",
        ),
        (json!({"Enabled": true, "SSEType": "AES256"}), "SSEType AES256 is not supported"),
    ] {
        with(specification).refused_with(400, "ValidationException", &format!("{INVALID}{message}"));
    }
    with(json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": ""})).refused_with(
        400,
        "ValidationException",
        "1 validation error detected: Value '' at 'sSESpecification.kMSMasterKeyId' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
    let made = with(json!({"SSEType": "KMS"})).ok();
    assert_eq!(made["TableDescription"]["SSEDescription"]["SSEType"], "KMS");
    cloud.reconcile();
    update(&cloud, json!({"TableName": "vault", "SSESpecification": {"Enabled": false}})).ok();
    update(&cloud, json!({"TableName": "vault", "SSESpecification": {"Enabled": false}})).refused_with(
        400,
        "ValidationException",
        &format!("{INVALID}Table is already encrypted by default"),
    );
}

#[test]
fn what_is_not_yet_there_is_neither_lifted_nor_lowered() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let refused = |more: Value, message: &str| {
        let mut request = indexed("music", false);
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("dynamodb", "CreateTable", request).refused_with(
            400,
            "ValidationException",
            &format!("{INVALID}{message}"),
        );
    };
    refused(
        json!({"OnDemandThroughput": {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": -1}}),
        "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range",
    );
    refused(
        json!({"WarmThroughput": {"ReadUnitsPerSecond": 11_999, "WriteUnitsPerSecond": 4_000}}),
        "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial",
    );
    let mut provisioned = json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(5, 5)});
    provisioned["GlobalSecondaryIndexes"] = indexed("music", false)["GlobalSecondaryIndexes"].clone();
    provisioned["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = units(5, 5);
    provisioned["GlobalSecondaryIndexes"][0]["WarmThroughput"] =
        json!({"ReadUnitsPerSecond": 5, "WriteUnitsPerSecond": 4});
    refused(
        provisioned,
        "Requested WriteUnitsPerSecond for WarmThroughput for index by-g is lower than WriteCapacityUnits of ProvisionedThroughput",
    );
}

#[test]
fn a_table_does_not_go_while_an_index_changes() {
    let cloud = cloud(false);
    let root = cloud.root(ONE);
    let gone =
        json!({"TableName": "music", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-g"}}]});
    root.call("dynamodb", "UpdateTable", gone).ok();
    root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).refused_with(
        400,
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, updated, or deleted.",
    );
    cloud.reconcile();
    root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})).ok();
}

#[test]
fn what_goes_on_beside_a_table_leaves_it_active() {
    const IN_USE: &str = "Attempt to change a resource which is still in use: ";
    let cloud = cloud(false);
    let root = cloud.root(ONE);
    let change = |more: Value| {
        let mut request = json!({"TableName": "music"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("dynamodb", "UpdateTable", request)
    };
    let told = |more: Value| change(more).ok()["TableDescription"].clone();
    let described =
        || root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok()["Table"].clone();
    let gone = || root.call("dynamodb", "DeleteTable", json!({"TableName": "music"}));
    let in_use = |reply: Reply, what: &str| {
        reply.refused_with(400, "ResourceInUseException", &format!("{IN_USE}{what}"));
    };
    let being_updated = "Table: music is in the process of being updated.";
    change(json!({"DeletionProtectionEnabled": false, "GlobalSecondaryIndexUpdates": []})).refused_with(
        400,
        "ValidationException",
        &format!("{INVALID}List of GlobalSecondaryIndexUpdates is empty"),
    );
    // Limits are there at once.
    let limited = told(json!({"OnDemandThroughput": {"MaxReadRequestUnits": 5}}));
    assert_eq!(
        (&limited["TableStatus"], &limited["OnDemandThroughput"]),
        (&json!("ACTIVE"), &json!({"MaxReadRequestUnits": 5}))
    );
    // Warm throughput is as it was until it is there; the last to ask for more gets it.
    let old = json!({"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "UPDATING"});
    for read in [12_500, 13_000] {
        let warm = told(json!({"WarmThroughput": {"ReadUnitsPerSecond": read}}));
        assert_eq!((&warm["TableStatus"], &warm["WarmThroughput"]), (&json!("ACTIVE"), &old));
    }
    in_use(gone(), being_updated);
    cloud.reconcile();
    let warm = json!({"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"});
    assert_eq!(described()["WarmThroughput"], warm);
    // An index has a state of its own.
    let index = |limit: i64| json!({"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "by-g", "OnDemandThroughput": {"MaxReadRequestUnits": limit}}}]});
    let limited = told(index(5));
    assert_eq!(
        (&limited["TableStatus"], &limited["GlobalSecondaryIndexes"][0]["IndexStatus"]),
        (&json!("ACTIVE"), &json!("UPDATING"))
    );
    in_use(change(index(6)), "Index is being updated. Table: music Index: by-g");
    in_use(gone(), "Cannot delete table while indexes are being created, updated, or deleted.");
    cloud.reconcile();
    assert_eq!(described()["GlobalSecondaryIndexes"][0]["IndexStatus"], "ACTIVE");
    // So has encryption; other changes may be made meanwhile.
    let sealed = told(json!({"SSESpecification": {"Enabled": true}}));
    assert_eq!(
        (&sealed["TableStatus"], &sealed["SSEDescription"]["Status"]),
        (&json!("ACTIVE"), &json!("UPDATING"))
    );
    in_use(
        change(json!({"SSESpecification": {"Enabled": false}})),
        "Server-Side Encryption is still being updated",
    );
    in_use(gone(), being_updated);
    // What is said of attributes is looked at for a new index alone.
    let redefined = json!([{"AttributeName": "pk", "AttributeType": "N"}, {"AttributeName": "unknown", "AttributeType": "S"}]);
    let same = told(json!({"DeletionProtectionEnabled": false, "AttributeDefinitions": redefined}));
    assert_eq!(same["AttributeDefinitions"], described()["AttributeDefinitions"]);
    assert_eq!(same["AttributeDefinitions"][0]["AttributeType"], "S");
    let stream = told(json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}}));
    assert_eq!(stream["TableStatus"], "UPDATING");
    in_use(gone(), "Cannot delete table while stream is being enabled/disabled.");
    cloud.reconcile();
    let done = described();
    assert_eq!(
        (&done["TableStatus"], &done["SSEDescription"]["Status"]),
        (&json!("ACTIVE"), &json!("ENABLED"))
    );
    assert_eq!(done["StreamSpecification"]["StreamEnabled"], true);
}

#[test]
fn units_that_are_being_changed_stand_in_the_way() {
    let cloud = cloud(true);
    let root = cloud.root(ONE);
    let change = |mut more: Value| {
        more["TableName"] = json!("music");
        root.call("dynamodb", "UpdateTable", more)
    };
    let in_use = |reply: Reply, what: &str| {
        let message = format!("Attempt to change a resource which is still in use: {what}");
        reply.refused_with(400, "ResourceInUseException", &message);
    };
    let warm = || {
        let table = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
        table["Table"]["WarmThroughput"].clone()
    };
    change(json!({"ProvisionedThroughput": units(9, 9)})).ok();
    for again in [json!({"ProvisionedThroughput": units(10, 10)}), json!({"BillingMode": "PAY_PER_REQUEST"})]
    {
        in_use(change(again), "Table IOPS are currently being updated. Table: music");
    }
    in_use(
        change(json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-g"}}]})),
        "Can't create or delete indexes while table IOPS are being updated. Table: music",
    );
    in_use(
        root.call("dynamodb", "DeleteTable", json!({"TableName": "music"})),
        "Table: music is in the process of being updated.",
    );
    let protected = change(json!({"DeletionProtectionEnabled": false})).ok()["TableDescription"].clone();
    assert_eq!(
        (&protected["TableStatus"], &protected["DeletionProtectionEnabled"]),
        (&json!("UPDATING"), &json!(false))
    );
    cloud.reconcile();
    // What was provisioned once stays warm.
    change(json!({"ProvisionedThroughput": units(2, 3)})).ok();
    cloud.reconcile();
    assert_eq!(warm(), json!({"ReadUnitsPerSecond": 9, "WriteUnitsPerSecond": 9, "Status": "ACTIVE"}));
    change(json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-g"}}]})).ok();
    in_use(
        change(json!({"ProvisionedThroughput": units(4, 4)})),
        "Can't change table IOPS when an index is being deleted. Table: music Indexes: [by-g]",
    );
    cloud.reconcile();
    // What is as it is asked to be is answered as if it were on its way.
    change(json!({"BillingMode": "PAY_PER_REQUEST"})).ok();
    cloud.reconcile();
    let status = |more: Value| {
        let told = change(more).ok()["TableDescription"]["TableStatus"].clone();
        let table = root.call("dynamodb", "DescribeTable", json!({"TableName": "music"})).ok();
        (told, table["Table"]["TableStatus"].clone(), table["Table"].get("TableClassSummary").cloned())
    };
    let as_it_is = (json!("UPDATING"), json!("ACTIVE"), None);
    assert_eq!(status(json!({"BillingMode": "PAY_PER_REQUEST"})), as_it_is);
    assert_eq!(status(json!({"TableClass": "STANDARD"})), as_it_is);
    change(json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1, 1)})).ok();
    cloud.reconcile();
    assert_eq!(
        warm(),
        json!({"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"})
    );
}
