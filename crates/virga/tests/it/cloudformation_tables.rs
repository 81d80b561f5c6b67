//! Tables: whose contributors are looked at, and their indexes'; limits of indexes; members that are not known.

use crate::cloudformation_drift::{detect, drifts};
use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, create, created, events, output, physical, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

/// A table and one of its indexes, with what each says of its contributors, and what else the stack is to make.
fn template(table: &str, index: &str, more: &str) -> String {
    format!(
        "
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{ AttributeName: k, AttributeType: S }}, {{ AttributeName: g, AttributeType: S }}]
      KeySchema: [{{ AttributeName: k, KeyType: HASH }}]
      GlobalSecondaryIndexes: [{{ IndexName: one, KeySchema: [{{ AttributeName: g, KeyType: HASH }}], Projection: {{ ProjectionType: ALL }} {index} }}]
      {table}
{more}
"
    )
}

fn without_indexes(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("GlobalSecondaryIndexes")).collect();
    lines.join("\n")
}

fn of_table(how: &str) -> String {
    format!("ContributorInsightsSpecification: {{ {how} }}")
}

fn of_index(how: &str) -> String {
    format!(", {}", of_table(how))
}

/// Status, mode and number of rules.
fn shown(caller: &Caller<'_>, table: &str, index: Option<&str>) -> (Value, Value, usize) {
    let mut asked = json!({ "TableName": table });
    if let Some(index) = index {
        asked["IndexName"] = json!(index);
    }
    let told = caller.call("dynamodb", "DescribeContributorInsights", asked).ok();
    let rules = told["ContributorInsightsRuleList"].as_array().map_or(0, Vec::len);
    (told["ContributorInsightsStatus"].clone(), told["ContributorInsightsMode"].clone(), rules)
}

const OFF: (Value, Value, usize) = (Value::Null, Value::Null, 0);

/// Both as one says them; `OFF` stands for what is disabled.
fn both(caller: &Caller<'_>, table: &str) -> [(Value, Value, usize); 2] {
    [None, Some("one")].map(|index| match shown(caller, table, index) {
        (status, _, 0) if status == "DISABLED" => OFF,
        other => other,
    })
}

fn on(mode: &str, rules: usize) -> (Value, Value, usize) {
    (json!("ENABLED"), json!(mode), rules)
}

#[test]
fn a_table_and_its_index_tell_of_their_contributors() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let both_keys = "ACCESSED_AND_THROTTLED_KEYS";
    let yes = "Enabled: true";
    created(&cloud, &root, "s", &template(&of_table(yes), "", ""));
    let table = physical(&root, "s", "Table");
    assert_eq!(both(&root, &table), [on(both_keys, 2), OFF]);
    // Other keys, and the index too.
    let throttled = "Enabled: true, Mode: THROTTLED_KEYS";
    update(&cloud, &root, "s", &template(&of_table(throttled), &of_index("Enabled: 'true'"), ""));
    assert_eq!(both(&root, &table), [on("THROTTLED_KEYS", 1), on(both_keys, 2)]);
    assert_eq!(physical(&root, "s", "Table"), table);
    // Off by a word, and by none.
    update(&cloud, &root, "s", &template(&of_table("Enabled: false"), "", ""));
    assert_eq!(both(&root, &table), [OFF, OFF]);
    update(&cloud, &root, "s", &template("", &of_index(throttled), ""));
    assert_eq!(both(&root, &table), [OFF, on("THROTTLED_KEYS", 1)]);
    // An index that comes later brings its own.
    update(&cloud, &root, "s", &without_indexes(&template("", "", "")));
    let named = |text: String| text.replace("IndexName: one", "IndexName: two");
    update(&cloud, &root, "s", &named(template("", &of_index(yes), "")));
    assert_eq!(shown(&root, &table, Some("two")), on(both_keys, 2));
    delete(&cloud, &root, "s");
}

#[test]
fn an_update_that_fails_leaves_contributors_as_they_were() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let throttled = "Enabled: true, Mode: THROTTLED_KEYS";
    created(&cloud, &root, "s", &template(&of_table(throttled), "", ""));
    let table = physical(&root, "s", "Table");
    let bad = "  Q: { Type: 'AWS::SQS::Queue', DependsOn: Table, Properties: { DelaySeconds: 9999 } }";
    let worse = template("", &of_index("Enabled: true"), bad);
    root.call("cloudformation", "UpdateStack", json!({ "StackName": "s", "TemplateBody": worse })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(both(&root, &table), [on("THROTTLED_KEYS", 1), OFF]);
}

/// Why the table was not made.
fn refused(cloud: &Cloud, caller: &Caller<'_>, stack: &str, how: &str) -> String {
    failed(cloud, caller, stack, &of_table(how))
}

fn failed(cloud: &Cloud, caller: &Caller<'_>, stack: &str, property: &str) -> String {
    create(caller, stack, &template(property, "", ""), json!({}));
    assert_eq!(settle(cloud, caller, stack), "ROLLBACK_COMPLETE", "{:#?}", events(caller, stack));
    let told = events(caller, stack);
    told.into_iter().find(|event| event.starts_with("Table CREATE_FAILED")).unwrap()
}

#[test]
fn contributors_are_looked_at_by_who_may_and_as_it_is_documented() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["cloudformation:*","dynamodb:*"],"Resource":"*"},
        {"Effect":"Deny","Action":"dynamodb:UpdateContributorInsights","Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    let told = refused(&cloud, &eva, "denied", "Enabled: true");
    assert!(told.contains("not authorized to perform: dynamodb:UpdateContributorInsights"), "{told}");
    assert!(told.ends_with("HandlerErrorCode: AccessDenied)"), "{told}");
    let told = refused(&cloud, &root, "silent", "Mode: THROTTLED_KEYS");
    assert!(told.contains("required key [Enabled] not found"), "{told}");
    let told = refused(&cloud, &root, "strange", "Enabled: true, Moods: all");
    assert!(told.contains("extraneous key [Moods] is not permitted"), "{told}");
    let told = refused(&cloud, &root, "mode", "Enabled: true, Mode: ALL");
    assert!(told.contains("contributorInsightsMode"), "{told}");
    assert_eq!(root.call("dynamodb", "ListTables", json!({})).ok()["TableNames"], json!([]));
}

#[test]
fn the_limits_of_an_index_change_with_the_template() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let limits = |most: u32| {
        format!(", OnDemandThroughput: {{ MaxReadRequestUnits: {most}, MaxWriteRequestUnits: 7 }}")
    };
    created(&cloud, &root, "s", &template("", &limits(5), ""));
    let table = physical(&root, "s", "Table");
    let shown = || {
        let told = root.call("dynamodb", "DescribeTable", json!({ "TableName": table })).ok();
        told["Table"]["GlobalSecondaryIndexes"][0]["OnDemandThroughput"].clone()
    };
    assert_eq!(shown(), json!({ "MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 7 }));
    update(&cloud, &root, "s", &template("", &limits(9), ""));
    assert_eq!(shown(), json!({ "MaxReadRequestUnits": 9, "MaxWriteRequestUnits": 7 }));
    assert_eq!(physical(&root, "s", "Table"), table);
}

#[test]
fn limits_that_a_template_no_longer_has_are_none() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let limits = |how: &str| format!("OnDemandThroughput: {{ {how} }}");
    let of_both = limits("MaxReadRequestUnits: 5, MaxWriteRequestUnits: 7");
    created(&cloud, &root, "s", &template(&of_both, &format!(", {of_both}"), ""));
    let table = physical(&root, "s", "Table");
    let shown = || {
        let told =
            root.call("dynamodb", "DescribeTable", json!({ "TableName": table })).ok()["Table"].clone();
        (told["OnDemandThroughput"].clone(), told["GlobalSecondaryIndexes"][0]["OnDemandThroughput"].clone())
    };
    let both = json!({ "MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 7 });
    assert_eq!(shown(), (both.clone(), both));
    let of_one = limits("MaxReadRequestUnits: 5");
    update(&cloud, &root, "s", &template(&of_one, &format!(", {of_one}"), ""));
    let one = json!({ "MaxReadRequestUnits": 5 });
    assert_eq!(shown(), (one.clone(), one));
    update(&cloud, &root, "s", &template("", "", ""));
    assert_eq!(shown(), (Value::Null, Value::Null));
    // A failure brings them back.
    update(&cloud, &root, "s", &template(&of_one, "", ""));
    let bad = "  Q: { Type: 'AWS::SQS::Queue', DependsOn: Table, Properties: { DelaySeconds: 9999 } }";
    let worse = json!({ "StackName": "s", "TemplateBody": template("", "", bad) });
    root.call("cloudformation", "UpdateStack", worse).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(shown().0["MaxReadRequestUnits"], 5);
    // Where units are provisioned there is nothing to limit, and what is not known is not passed over.
    let units = "ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 }";
    let provisioned = template(units, &format!(", {units}"), "").replace("PAY_PER_REQUEST", "PROVISIONED");
    update(&cloud, &root, "s", &provisioned);
    assert_eq!(shown(), (Value::Null, Value::Null));
    update(&cloud, &root, "s", &template("", "", ""));
    let strange = template("", ", OnDemandThroughput: { MaxMoods: 1 }", "");
    let told = not_updated(&cloud, &root, &strange);
    assert!(told.contains("extraneous key [MaxMoods] is not permitted"), "{told}");
}

/// Why the table was not changed.
#[test]
fn what_changes_one_at_a_time_may_change_in_one_update() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = template("StreamSpecification: { StreamViewType: KEYS_ONLY }", "", "");
    created(&cloud, &root, "s", &first);
    let name = physical(&root, "s", "Table");
    let all = "StreamSpecification: { StreamViewType: NEW_IMAGE }
      SSESpecification: { SSEEnabled: true }
      DeletionProtectionEnabled: true
      TableClass: STANDARD_INFREQUENT_ACCESS
      ProvisionedThroughput: { ReadCapacityUnits: 3, WriteCapacityUnits: '4' }";
    let units = ", ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 6 }";
    let second = template(all, units, "").replace("PAY_PER_REQUEST", "PROVISIONED");
    let told = || {
        let table = root.call("dynamodb", "DescribeTable", json!({"TableName": name})).ok()["Table"].take();
        json!([
            table["StreamSpecification"]["StreamViewType"],
            table["SSEDescription"]["Status"],
            table["DeletionProtectionEnabled"],
            table["TableClassSummary"]["TableClass"],
            table["ProvisionedThroughput"]["WriteCapacityUnits"],
            table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["WriteCapacityUnits"],
        ])
    };
    let before = told();
    update(&cloud, &root, "s", &second);
    assert_eq!(told(), json!(["NEW_IMAGE", "ENABLED", true, "STANDARD_INFREQUENT_ACCESS", 4, 6]));
    // And back, from wherever an update fails.
    let worse =
        second.replace("WriteCapacityUnits: 6", "WriteCapacityUnits: 7").replace("NEW_IMAGE", "NEW_NOTHING");
    not_updated(&cloud, &root, &worse);
    assert_eq!(told(), json!(["NEW_IMAGE", "ENABLED", true, "STANDARD_INFREQUENT_ACCESS", 4, 6]));
    update(&cloud, &root, "s", &first);
    assert_eq!(
        (told()[0].clone(), told()[2].clone(), told()[5].clone()),
        (before[0].clone(), before[2].clone(), json!(0))
    );
}

fn not_updated(cloud: &Cloud, caller: &Caller<'_>, template: &str) -> String {
    let input = json!({ "StackName": "s", "TemplateBody": template });
    caller.call("cloudformation", "UpdateStack", input).ok();
    assert_eq!(settle(cloud, caller, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(caller, "s"));
    let told = events(caller, "s");
    told.into_iter().rev().find(|event| event.starts_with("Table UPDATE_FAILED")).unwrap()
}

#[test]
fn an_index_that_stays_keeps_its_keys_and_one_comes_or_goes_at_a_time() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = template("", "", "");
    created(&cloud, &root, "s", &first);
    let table = physical(&root, "s", "Table");
    let shown = || {
        let told =
            root.call("dynamodb", "DescribeTable", json!({ "TableName": table })).ok()["Table"].clone();
        let index = &told["GlobalSecondaryIndexes"][0];
        (index["IndexName"].clone(), index["KeySchema"].clone(), index["Projection"].clone())
    };
    let before = shown();
    let words = "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights Specification. You can create a new GSI with a different name.";
    for changed in [
        first.replace("ProjectionType: ALL", "ProjectionType: KEYS_ONLY"),
        first.replace("KeySchema: [{ AttributeName: g,", "KeySchema: [{ AttributeName: k,"),
    ] {
        let told = not_updated(&cloud, &root, &changed);
        assert!(told.ends_with(words), "{told}");
        assert_eq!(shown(), before);
    }
    let told = not_updated(&cloud, &root, &first.replace("IndexName: one", "IndexName: two"));
    let words = "Cannot perform more than one GSI creation or deletion in a single update";
    assert!(told.ends_with(words), "{told}");
    assert_eq!(shown(), before);
}

#[test]
fn members_that_are_not_known_fail_the_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stream = "StreamSpecification: { StreamViewType: KEYS_ONLY, ResourcePolicy: { PolicyDocument: {} } }";
    for (stack, property, stranger) in [
        ("stream", stream, "ResourcePolicy"),
        ("sse", "SSESpecification: { SSEEnabled: true, Moods: all }", "Moods"),
        ("pitr", "PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, Days: 3 }", "Days"),
        ("ttl", "TimeToLiveSpecification: { Enabled: true, AttributeName: t, After: 3 }", "After"),
        ("policy", "ResourcePolicy: { PolicyDocument: {}, Confirm: true }", "Confirm"),
    ] {
        let told = failed(&cloud, &root, stack, property);
        let known = format!("Encountered unsupported property {stranger}");
        let unknown = format!("extraneous key [{stranger}] is not permitted");
        assert!(told.contains(&known) || told.contains(&unknown), "{told}");
    }
    assert_eq!(root.call("dynamodb", "ListTables", json!({})).ok()["TableNames"], json!([]));
    // What is there stays as it was.
    created(&cloud, &root, "s", &template("", "", ""));
    root.call(
        "cloudformation",
        "UpdateStack",
        json!({ "StackName": "s", "TemplateBody": template(stream, "", "") }),
    )
    .ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    let table = json!({ "TableName": physical(&root, "s", "Table") });
    assert!(root.call("dynamodb", "DescribeTable", table).ok()["Table"]["LatestStreamArn"].is_null());
}

fn global(more: &str, replica: &str, region: &str) -> String {
    format!(
        "
Resources:
  Key: {{ Type: 'AWS::KMS::Key' }}
  Table:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      AttributeDefinitions: [{{ AttributeName: k, AttributeType: S }}, {{ AttributeName: g, AttributeType: S }}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{{ AttributeName: k, KeyType: HASH }}]
      GlobalSecondaryIndexes: [{{ IndexName: one, KeySchema: [{{ AttributeName: g, KeyType: HASH }}], Projection: {{ ProjectionType: ALL }} }}]
      SSESpecification: {{ SSEEnabled: true, SSEType: KMS }}
      StreamSpecification: {{ StreamViewType: NEW_AND_OLD_IMAGES }}
      {more}
      Replicas:
        - Region: {region}
          SSESpecification: {{ KMSMasterKeyId: !GetAtt Key.Arn }}
          TableClass: STANDARD
          {replica}
Outputs:
  Arn: {{ Value: !GetAtt Table.Arn }}
  Stream: {{ Value: !GetAtt Table.StreamArn }}
"
    )
}

#[test]
fn a_global_table_of_one_region() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let region = "!Ref 'AWS::Region'";
    let first = global("", "Tags: [{ Key: a, Value: b }]", region);
    let stack = created(&cloud, &root, "s", &first);
    let table = physical(&root, "s", "Table");
    let arn = format!("arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}");
    assert_eq!(output(&stack, "Arn"), arn);
    assert!(output(&stack, "Stream").starts_with(&format!("{arn}/stream/")));
    let shown =
        || root.call("dynamodb", "DescribeTable", json!({ "TableName": table })).ok()["Table"].clone();
    let key = physical(&root, "s", "Key");
    assert!(shown()["SSEDescription"]["KMSMasterKeyArn"].as_str().unwrap().ends_with(&key));
    let tags = root.call("dynamodb", "ListTagsOfResource", json!({ "ResourceArn": arn })).ok();
    assert_eq!(tags["Tags"], json!([{ "Key": "a", "Value": "b" }]));

    let settings = "WriteOnDemandThroughputSettings: { MaxWriteRequestUnits: 7 }";
    let replica = "DeletionProtectionEnabled: true\n          ReadOnDemandThroughputSettings: { MaxReadRequestUnits: 5 }";
    let rare = global(settings, replica, region).replace("STANDARD", "STANDARD_INFREQUENT_ACCESS");
    update(&cloud, &root, "s", &rare);
    assert_eq!(shown()["TableClassSummary"]["TableClass"], "STANDARD_INFREQUENT_ACCESS");
    assert_eq!(shown()["OnDemandThroughput"], json!({ "MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 7 }));
    assert_eq!(shown()["DeletionProtectionEnabled"], true);

    // What is not built changes nothing.
    for (template, why) in [
        (global("", "", "eu-west-1"), "Replicas of a global table must have one in the region of its stack."),
        (
            first.replace("PAY_PER_REQUEST", "PROVISIONED"),
            "Global tables with provisioned throughput are not built.",
        ),
        (
            global("", "KinesisStreamSpecification: { StreamArn: a }", region),
            "Encountered unsupported property KinesisStreamSpecification",
        ),
    ] {
        let told = not_updated(&cloud, &root, &template);
        assert!(told.ends_with(why), "{told}");
    }
    assert_eq!(physical(&root, "s", "Table"), table);
    update(&cloud, &root, "s", &first);
    assert_eq!(shown()["DeletionProtectionEnabled"], false);
    delete(&cloud, &root, "s");
    root.call("dynamodb", "DescribeTable", json!({ "TableName": table }))
        .refused(400, "ResourceNotFoundException");
}

fn spread(replicas: &str) -> String {
    format!(
        "
Resources:
  Table:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: spread
      AttributeDefinitions: [{{ AttributeName: k, AttributeType: S }}]
      KeySchema: [{{ AttributeName: k, KeyType: HASH }}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {{ StreamViewType: NEW_AND_OLD_IMAGES }}
      Replicas: [{{ Region: us-east-1 }}, {replicas}]
"
    )
}

#[test]
fn a_global_table_of_several_regions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let west = "{ Region: eu-west-1, Tags: [{ Key: a, Value: b }], PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } }";
    created(&cloud, &root, "s", &spread(west));
    let table = json!({ "TableName": "spread" });
    let in_region = |region: &str| root.in_region(region);
    let told = root.call("dynamodb", "DescribeTable", table.clone()).ok();
    assert_eq!(
        (&told["Table"]["Replicas"][0]["RegionName"], &told["Table"]["Replicas"][0]["ReplicaStatus"]),
        (&json!("eu-west-1"), &json!("ACTIVE"))
    );
    let tags = |region: &str| {
        let arn = format!("arn:aws:dynamodb:{region}:{ACCOUNT}:table/spread");
        in_region(region).call("dynamodb", "ListTagsOfResource", json!({ "ResourceArn": arn })).ok()["Tags"]
            .clone()
    };
    assert_eq!(tags("eu-west-1"), json!([{ "Key": "a", "Value": "b" }]));
    let backups = in_region("eu-west-1").call("dynamodb", "DescribeContinuousBackups", table.clone()).ok();
    let recovery = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    assert_eq!(recovery["PointInTimeRecoveryStatus"], "ENABLED");
    let drift = detect(&cloud, &root, json!({ "StackName": "s" }));
    assert_eq!(drift["StackDriftStatus"], "IN_SYNC", "{:#?}", drifts(&root, "s"));
    // One changes, one comes; then the first goes.
    let both = "{ Region: eu-west-1, Tags: [{ Key: a, Value: c }], DeletionProtectionEnabled: true }, { Region: us-west-2 }";
    update(&cloud, &root, "s", &spread(both));
    assert_eq!(tags("eu-west-1"), json!([{ "Key": "a", "Value": "c" }]));
    let replica = in_region("eu-west-1").call("dynamodb", "DescribeTable", table.clone()).ok();
    assert_eq!(replica["Table"]["DeletionProtectionEnabled"], true);
    in_region("us-west-2").call("dynamodb", "DescribeTable", table.clone()).ok();
    update(&cloud, &root, "s", &spread(&both.replace("true }", "false }")));
    update(&cloud, &root, "s", &spread("{ Region: us-west-2 }"));
    in_region("eu-west-1")
        .call("dynamodb", "DescribeTable", table.clone())
        .refused(400, "ResourceNotFoundException");
    delete(&cloud, &root, "s");
    for region in ["us-east-1", "us-west-2"] {
        in_region(region)
            .call("dynamodb", "DescribeTable", table.clone())
            .refused(400, "ResourceNotFoundException");
    }
    // What is not handled of a replica there, and one that lacks its own.
    for (stack, replicas, words) in [
        (
            "class",
            "{ Region: us-west-2, TableClass: STANDARD }",
            "Encountered unsupported property TableClass",
        ),
        ("nowhere", "{ Region: us-moon-1 }", "us-moon-1"),
    ] {
        create(&root, stack, &spread(replicas).replace("spread", stack), json!({}));
        assert_eq!(settle(&cloud, &root, stack), "ROLLBACK_COMPLETE", "{:#?}", events(&root, stack));
        let told = format!("{:?}", events(&root, stack));
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_replica_names_the_indexes_of_its_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let region = "!Ref 'AWS::Region'";
    let named =
        |name: &str| global("", &format!("GlobalSecondaryIndexes: [{{ IndexName: {name} }}]"), region);
    created(&cloud, &root, "s", &named("one"));
    create(&root, "t", &named("two"), json!({}));
    assert_eq!(settle(&cloud, &root, "t"), "ROLLBACK_COMPLETE");
    let told = events(&root, "t").join("\n");
    assert!(told.contains("The table does not have the specified index: two"), "{told}");
    let more = named("one").replace(
        "{ IndexName: one }]\n",
        "{ IndexName: one, ReadOnDemandThroughputSettings: { MaxReadRequestUnits: 5 } }]\n",
    );
    create(&root, "u", &more, json!({}));
    assert_eq!(settle(&cloud, &root, "u"), "ROLLBACK_COMPLETE");
    let told = events(&root, "u").join("\n");
    assert!(told.contains("ReadOnDemandThroughputSettings"), "{told}");
}
