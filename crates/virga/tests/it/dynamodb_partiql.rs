//! DynamoDB's PartiQL: statements, pages, batches, transactions, and who may.

use crate::dynamodb_tables::{ONE, make, table};
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

fn s(text: &str) -> Value {
    json!({ "S": text })
}

fn n(number: i64) -> Value {
    json!({ "N": number.to_string() })
}

/// The table `music` (keys `pk`, `sk`) with a global index `by-g` that holds keys only and a local one, `by-l`, too.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("music", true);
    let define = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    request["AttributeDefinitions"].as_array_mut().unwrap().extend([define("l"), define("g")]);
    let keys_only = json!({"ProjectionType": "KEYS_ONLY"});
    request["LocalSecondaryIndexes"] = json!([{"IndexName": "by-l", "Projection": keys_only,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "l", "KeyType": "RANGE"}]}]);
    request["GlobalSecondaryIndexes"] = json!([{"IndexName": "by-g", "Projection": keys_only,
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}]}]);
    make(&cloud, &root, request);
    cloud
}

fn execute(caller: &Caller<'_>, statement: &str, parameters: Value) -> Reply {
    let mut request = json!({ "Statement": statement });
    if parameters != json!([]) {
        request["Parameters"] = parameters;
    }
    caller.call("dynamodb", "ExecuteStatement", request)
}

fn items(caller: &Caller<'_>, statement: &str) -> Value {
    execute(caller, statement, json!([])).ok()["Items"].clone()
}

/// The sort keys that a statement selects, in order.
fn sorts(caller: &Caller<'_>, statement: &str) -> String {
    let found = items(caller, statement);
    let one =
        |item: &Value| format!("{}{}", item["pk"]["S"].as_str().unwrap(), item["sk"]["N"].as_str().unwrap());
    found.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(" ")
}

fn fill(caller: &Caller<'_>) {
    for pk in ["a", "b"] {
        for sk in 1..=3 {
            let values = json!([s(pk), n(sk), s(&format!("g{sk}")), s(&format!("l{}", 9 - sk)), n(sk * 10)]);
            let statement = "INSERT INTO \"music\" VALUE {'pk': ?, 'sk': ?, 'g': ?, 'l': ?, 'v': ?}";
            assert_eq!(execute(caller, statement, values).ok(), json!({"Items": []}));
        }
    }
}

#[test]
fn one_item_at_a_time() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    let insert = "INSERT INTO music VALUE {'pk': 'a', 'sk': 1, 'tags': <<'x'>>, 'm': {'l': [1, 2]}}";
    execute(&root, insert, json!([])).ok();
    execute(&root, insert, json!([])).refused_with(
        400,
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    );
    execute(&root, &format!("{insert} ON CONFLICT DO NOTHING"), json!([])).ok();
    let read = "SELECT m.l[1], tags FROM music WHERE pk = 'a' AND sk = 1";
    assert_eq!(items(&root, read), json!([{"l[1]": n(2), "tags": {"SS": ["x"]}}]));
    let update = "UPDATE music SET v = 1 SET m.l[0] = 5 REMOVE tags WHERE pk = 'a' AND sk = 1";
    assert_eq!(execute(&root, update, json!([])).ok(), json!({"Items": []}));
    let counted = "UPDATE music SET v = v + ? WHERE pk = 'a' AND sk = 1 AND v < 5 RETURNING MODIFIED NEW *";
    assert_eq!(execute(&root, counted, json!([n(9)])).ok()["Items"], json!([{"v": n(10)}]));
    execute(&root, counted, json!([n(9)])).refused_with(
        400,
        "ConditionalCheckFailedException",
        "The conditional request failed",
    );
    let shown =
        json!({"Statement": counted, "Parameters": [n(9)], "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
    assert_eq!(root.call("dynamodb", "ExecuteStatement", shown).value["Item"]["v"], n(10));
    let missing = "UPDATE music SET v = 1 WHERE pk = 'none' AND sk = 1";
    execute(&root, missing, json!([])).refused(400, "ConditionalCheckFailedException");
    for returning in ["ALL OLD", "ALL NEW", "MODIFIED OLD"] {
        let update = format!("UPDATE music SET w = 2 WHERE pk = 'a' AND sk = 1 RETURNING {returning} *");
        assert_eq!(items(&root, &update).as_array().unwrap().len(), 1, "{returning}");
    }
    let delete = "DELETE FROM music WHERE pk = 'a' AND sk = 1 AND v = 11 RETURNING ALL OLD *";
    execute(&root, delete, json!([])).refused(400, "ConditionalCheckFailedException");
    let delete = delete.replace("11", "10");
    assert_eq!(items(&root, &delete)[0]["v"], n(10));
    assert_eq!(items(&root, &delete), json!([]), "nothing is deleted, which is no error");
    assert_eq!(items(&root, read), json!([]));
}

#[test]
fn what_is_wrong_is_said() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let cases = [
        (
            "UPDATE music SET v = 1 WHERE pk = 'a'",
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
        (
            "DELETE FROM music WHERE pk = 'a' AND sk > 1",
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
        ("DELETE FROM music WHERE pk = 1 AND sk = 1", "The provided key element does not match the schema"),
        (
            "SELECT * FROM music WHERE pk = 1",
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        (
            "INSERT INTO music VALUE {'pk': 'a'}",
            "One or more parameter values were invalid: Missing the key sk in the item",
        ),
        (
            "UPDATE music SET pk = 'b' WHERE pk = 'a' AND sk = 1",
            "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key",
        ),
        ("SELECT * FROM music.\"none\"", "The table does not have the specified index"),
        (
            "SELECT v FROM music.\"by-g\" WHERE g = 'g1'",
            "One or more parameter values were invalid: Global secondary index by-g does not project [v]",
        ),
        (
            "SELECT pk FROM music.\"by-l\" WHERE pk = 'a' AND v = 1",
            "One or more parameter values were invalid: Secondary index by-l does not project one or more filter attributes: [v]",
        ),
        (
            "EXISTS(SELECT * FROM music WHERE pk = 'a' AND sk = 1 AND v = 1)",
            "EXISTS can only be used in ExecuteTransaction write requests.",
        ),
        (
            "SELECT * FROM music WHERE v = 1 ORDER BY sk",
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ),
        (
            "SELECT * FROM music WHERE pk = 'a' ORDER BY v",
            "Attribute v in ORDER BY clause must be part of the primary key",
        ),
        (
            "SELECT * FROM music WHERE pk IN ['a', 'b'] ORDER BY sk",
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
        ),
        ("SELECT * FROM music WHERE pk = ?", "Number of parameters in request and statement don't match."),
    ];
    for (statement, message) in cases {
        execute(&root, statement, json!([])).refused_with(400, "ValidationException", message);
    }
    let consistent = json!({"Statement": "SELECT * FROM music.\"by-g\"", "ConsistentRead": true});
    root.call("dynamodb", "ExecuteStatement", consistent).refused_with(
        400,
        "ValidationException",
        "Strongly consistent read is not supported on Global Secondary Indexes",
    );
    execute(&root, "SELECT * FROM nothere", json!([])).refused_with(
        400,
        "ResourceNotFoundException",
        "Requested resource not found",
    );
}

#[test]
fn selections() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let cases = [
        ("SELECT * FROM music WHERE pk = 'a'", "a1 a2 a3"),
        ("SELECT * FROM music WHERE pk = 'a' AND sk BETWEEN 2 AND 3", "a2 a3"),
        ("SELECT * FROM music WHERE pk = 'a' AND v >= 20", "a2 a3"),
        ("SELECT * FROM music WHERE pk = 'a' AND (sk = 1 OR sk = 3)", "a1 a3"),
        ("SELECT * FROM music WHERE pk IN ['b', 'a'] AND sk <= 2", "b1 b2 a1 a2"),
        ("SELECT * FROM music WHERE pk = 'a' ORDER BY sk DESC", "a3 a2 a1"),
        ("SELECT * FROM music WHERE pk IN ['a', 'b'] ORDER BY pk DESC, sk ASC", "b1 b2 b3 a1 a2 a3"),
        ("SELECT * FROM music.\"by-l\" WHERE pk = 'a'", "a3 a2 a1"),
        ("SELECT pk, sk, v FROM music.\"by-l\" WHERE pk = 'a' AND l > 'l6'", "a2 a1"),
        ("SELECT * FROM music WHERE pk = 'none'", ""),
    ];
    for (statement, expected) in cases {
        assert_eq!(sorts(&root, statement), expected, "{statement}");
    }
    assert_eq!(sorts(&root, "SELECT * FROM music WHERE v = 20").len(), "a2 b2".len());
    assert_eq!(
        items(&root, "SELECT * FROM music.\"by-g\" WHERE g = 'g1' AND sk = 1").as_array().unwrap().len(),
        2
    );
    let cost = |statement: &str| {
        let request = json!({"Statement": statement, "ReturnConsumedCapacity": "TOTAL"});
        root.call("dynamodb", "ExecuteStatement", request).ok()["ConsumedCapacity"].clone()
    };
    assert_eq!(
        cost("SELECT * FROM music WHERE pk = 'a' AND sk = 1"),
        json!({"TableName": "music", "CapacityUnits": 0.5})
    );
    // The item, its entry in the local index, and no change of the global one.
    assert_eq!(
        cost("UPDATE music SET l = 'x' WHERE pk = 'a' AND sk = 1"),
        json!({"TableName": "music", "CapacityUnits": 3.0})
    );
}

#[test]
fn pages_follow_each_other() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let statement = "SELECT sk FROM music WHERE pk IN ['a', 'b'] AND v <> 20";
    let mut request = json!({"Statement": statement, "Limit": 2});
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    let first = root.call("dynamodb", "ExecuteStatement", request.clone()).ok();
    assert_eq!(first["LastEvaluatedKey"], json!({"pk": s("a"), "sk": n(2)}));
    loop {
        let page = root.call("dynamodb", "ExecuteStatement", request.clone()).ok();
        sizes.push(page["Items"].as_array().unwrap().len());
        seen.extend(
            page["Items"].as_array().unwrap().iter().map(|i| i["sk"]["N"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page.get("NextToken") else { break };
        request["NextToken"] = next.clone();
    }
    assert_eq!(seen, ["1", "3", "1", "3"]);
    assert!(sizes.iter().all(|size| *size <= 2), "{sizes:?}");
    for (statement, token) in [("SELECT * FROM music", &first["NextToken"]), (statement, &json!("nonsense"))]
    {
        let other = json!({"Statement": statement, "NextToken": token});
        root.call("dynamodb", "ExecuteStatement", other).refused_with(
            400,
            "ValidationException",
            "NextToken does not match request",
        );
    }
}

#[test]
fn batches_answer_statement_by_statement() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let batch =
        |statements: Value| root.call("dynamodb", "BatchExecuteStatement", json!({"Statements": statements}));
    let reads = batch(json!([
        {"Statement": "SELECT v FROM music WHERE pk = 'a' AND sk = 1"},
        {"Statement": "SELECT v FROM music WHERE pk = ? AND sk = 9", "Parameters": [s("a")]},
        {"Statement": "SELECT v FROM music WHERE pk = 'a'"},
        {"Statement": "SELECT v FROM"},
        {"Statement": "SELECT v FROM nothere WHERE pk = 'a'"},
        {"Statement": "SELECT v FROM music WHERE pk = 'a' AND sk = 1 AND attribute_exists(v)"},
    ]))
    .ok();
    assert_eq!(reads["Responses"][5]["Error"], reads["Responses"][2]["Error"]);
    let error = |code: &str, message: &str| json!({"Code": code, "Message": message});
    assert_eq!(reads["Responses"][0], json!({"TableName": "music", "Item": {"v": n(10)}}));
    assert_eq!(reads["Responses"][1], json!({"TableName": "music"}));
    let must =
        "Select statements within BatchExecuteStatement must specify the primary key in the where clause.";
    assert_eq!(reads["Responses"][2], json!({"TableName": "music", "Error": error("ValidationError", must)}));
    assert_eq!(reads["Responses"][3]["Error"]["Code"], "ValidationError");
    assert_eq!(
        reads["Responses"][4],
        json!({"TableName": "nothere", "Error": error("ResourceNotFound", "Requested resource not found")})
    );
    let writes = batch(json!([
        {"Statement": "INSERT INTO music VALUE {'pk': 'a', 'sk': 1}"},
        {"Statement": "INSERT INTO music VALUE {'pk': 'a', 'sk': 4}"},
        {"Statement": "UPDATE music SET v = 1 WHERE pk = 'a' AND sk = 2 AND v = 0", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
        {"Statement": "DELETE FROM music WHERE pk = 'a' AND sk = 3 RETURNING ALL OLD *"},
    ]))
    .ok();
    assert_eq!(
        writes["Responses"][0]["Error"],
        error("DuplicateItem", "Duplicate primary key exists in table")
    );
    assert_eq!(writes["Responses"][1], json!({"TableName": "music"}));
    assert_eq!(writes["Responses"][2]["Error"]["Code"], "ConditionalCheckFailed");
    assert_eq!(writes["Responses"][2]["Error"]["Item"]["v"], n(20));
    assert_eq!(writes["Responses"][3]["Item"]["v"], n(30));
    assert_eq!(sorts(&root, "SELECT * FROM music WHERE pk = 'a'"), "a1 a2 a4");
    batch(json!([{"Statement": "SELECT * FROM music WHERE pk = 'a' AND sk = 1"}, {"Statement": "DELETE FROM music WHERE pk = 'a' AND sk = 1"}]))
        .refused_with(400, "ValidationException", "Read and write requests together in the same batch is not supported.");
}

#[test]
fn numbers_of_parameters_are_read_as_java_reads_them() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let refusal = |text: &str| format!("The parameter cannot be converted to a numeric value: {text}");
    let underflow =
        "Number underflow. Attempting to store a number with magnitude smaller than supported range";
    let numbers = [
        ("1e99999999999", refusal("1e99999999999")),
        ("1e-2147483648", refusal("1e-2147483648")),
        ("1e2147483648", refusal("1e2147483648")),
        ("1e2147483647", underflow.to_owned()),
        ("", "The parameter cannot be converted to a numeric value".to_owned()),
    ];
    let update = "UPDATE music SET v = ? WHERE pk = 'a' AND sk = 1";
    for (number, message) in numbers {
        let parameters = json!([{"L": [{"N": number}]}]);
        for statement in ["SELECT * FROM music WHERE pk = 'a' AND v = ?", update] {
            execute(&root, statement, parameters.clone()).refused_with(400, "ValidationException", &message);
        }
        // A transaction does not say in which of its statements.
        let one = json!({"TransactStatements": [{"Statement": update, "Parameters": parameters}]});
        root.call("dynamodb", "ExecuteTransaction", one).refused_with(400, "ValidationException", &message);
    }
}

#[test]
fn transactions_are_whole() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let run = |statements: &[&str], token: Option<&str>| {
        let list: Vec<Value> = statements.iter().map(|text| json!({ "Statement": text })).collect();
        let mut request = json!({ "TransactStatements": list });
        if let Some(token) = token {
            request["ClientRequestToken"] = json!(token);
        }
        root.call("dynamodb", "ExecuteTransaction", request)
    };
    let read = run(
        &["SELECT v FROM music WHERE pk = 'a' AND sk = 1", "SELECT * FROM music WHERE pk = 'x' AND sk = 1"],
        None,
    )
    .ok();
    assert_eq!(read["Responses"], json!([{"Item": {"v": n(10)}}, {}]));
    let cancelled = run(
        &[
            "UPDATE music SET v = 99 WHERE pk = 'a' AND sk = 1",
            "INSERT INTO music VALUE {'pk': 'a', 'sk': 2}",
            "EXISTS(SELECT * FROM music WHERE pk = 'a' AND sk = 3 AND v = 0)",
        ],
        None,
    );
    let reasons: Vec<&str> = cancelled.value["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["Code"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["None", "DuplicateItem", "ConditionalCheckFailed"]);
    cancelled.refused_with(
        400,
        "TransactionCanceledException",
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, DuplicateItem, ConditionalCheckFailed]",
    );
    assert_eq!(items(&root, "SELECT v FROM music WHERE pk = 'a' AND sk = 1"), json!([{"v": n(10)}]));
    let once = [
        "UPDATE music SET v = v + 1 WHERE pk = 'a' AND sk = 1",
        "EXISTS(SELECT * FROM music WHERE pk = 'a' AND sk = 3 AND v = 30)",
    ];
    for _ in 0..2 {
        assert_eq!(run(&once, Some("token")).ok()["Responses"], json!([]), "writes have no answers");
    }
    assert_eq!(items(&root, "SELECT v FROM music WHERE pk = 'a' AND sk = 1"), json!([{"v": n(11)}]));
    run(&["DELETE FROM music WHERE pk = 'a' AND sk = 1"], Some("token"))
        .refused(400, "IdempotentParameterMismatchException");
    let invalid = "ValidationException";
    run(&["SELECT * FROM music WHERE pk = 'a' AND sk = 1", once[0]], None).refused_with(
        400,
        invalid,
        "ExecuteTransaction API does not support both read and write operations in the same request.",
    );
    run(&["EXISTS(SELECT * FROM music WHERE pk = 'a' AND sk = 1)", once[0]], None).refused_with(
        400, invalid, "Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition",
    );
    run(&["SELECT * FROM music.\"by-g\" WHERE g = 'a'"], None).refused_with(
        400,
        invalid,
        "Validation failed in TransactStatements[0]: Reads on indices are not supported within transactions.",
    );
    // Reads are gets: they name an item, and ask nothing else of it.
    for others in ["", " AND sk = 1 AND attribute_exists(v)"] {
        run(&[&format!("SELECT * FROM music WHERE pk = 'a'{others}")], None).refused_with(
            400, invalid, "Validation failed in TransactStatements[0]: Select statements within ExecuteTransaction must specify the primary key in the where clause.",
        );
    }
    run(&[once[0], once[0]], None).refused_with(
        400,
        invalid,
        "Transaction request cannot include multiple operations on one item",
    );
}

#[test]
fn who_may() {
    let cloud = cloud();
    let root = cloud.root(ONE);
    fill(&root);
    let arn = format!("arn:aws:dynamodb:us-east-1:{ONE}:table/music");
    let policy = |actions: Value, condition: Value| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": [arn, format!("{arn}/index/*")], "Condition": condition}}).to_string()
    };
    let keyed = json!({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}, "Null": {"dynamodb:LeadingKeys": "false"}});
    let leading = cloud.user(&root, "leading", &policy(json!("dynamodb:PartiQL*"), keyed));
    execute(&leading, "SELECT * FROM music WHERE pk = 'a'", json!([])).ok();
    execute(&leading, "UPDATE music SET v = 1 WHERE pk = 'a' AND sk = 1", json!([])).ok();
    for denied in [
        "SELECT * FROM music WHERE pk = 'b'",
        "SELECT * FROM music WHERE pk IN ['a', 'b']",
        "SELECT * FROM music",
        "SELECT * FROM music WHERE pk = 'a' OR pk = 'b'",
        "DELETE FROM music WHERE pk = 'b' AND sk = 1",
        "INSERT INTO music VALUE {'pk': 'b', 'sk': 7}",
    ] {
        execute(&leading, denied, json!([])).refused(400, "AccessDeniedException");
    }
    let no_scan = cloud.user(
        &root,
        "no-scan",
        &policy(json!("dynamodb:PartiQLSelect"), json!({"Bool": {"dynamodb:FullTableScan": "false"}})),
    );
    execute(&no_scan, "SELECT * FROM music WHERE pk = 'a'", json!([])).ok();
    execute(&no_scan, "SELECT * FROM music.\"by-g\" WHERE g = 'g1'", json!([])).ok();
    execute(&no_scan, "SELECT * FROM music WHERE v = 1", json!([])).refused_with(
        400,
        "AccessDeniedException",
        &format!("User: arn:aws:iam::{ONE}:user/no-scan is not authorized to perform: dynamodb:PartiQLSelect on resource: {arn} because no identity-based policy allows the dynamodb:PartiQLSelect action"),
    );
    execute(&no_scan, "DELETE FROM music WHERE pk = 'a' AND sk = 1", json!([]))
        .refused(400, "AccessDeniedException");
    let narrow = json!({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "v"]}, "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}});
    let narrow = cloud.user(&root, "narrow", &policy(json!("dynamodb:PartiQL*"), narrow));
    execute(&narrow, "SELECT v FROM music WHERE pk = 'a'", json!([])).ok();
    execute(&narrow, "SELECT * FROM music WHERE pk = 'a'", json!([])).refused(400, "AccessDeniedException");
    execute(&narrow, "SELECT l FROM music WHERE pk = 'a'", json!([])).refused(400, "AccessDeniedException");
    execute(&narrow, "UPDATE music SET g = 'x' WHERE pk = 'a' AND sk = 1", json!([]))
        .refused(400, "AccessDeniedException");
    let enclosed = json!({"StringEquals": {"dynamodb:EnclosingOperation": "ExecuteTransaction"}});
    let enclosed = cloud.user(
        &root,
        "enclosed",
        &policy(json!(["dynamodb:PartiQLUpdate", "dynamodb:ConditionCheckItem"]), enclosed),
    );
    let update = "UPDATE music SET v = 1 WHERE pk = 'a' AND sk = 1";
    execute(&enclosed, update, json!([])).refused(400, "AccessDeniedException");
    let check = "EXISTS(SELECT * FROM music WHERE pk = 'a' AND sk = 2 AND v = 20)";
    let both = json!({"TransactStatements": [{"Statement": update}, {"Statement": check}]});
    enclosed.call("dynamodb", "ExecuteTransaction", both.clone()).ok();
    leading.call("dynamodb", "ExecuteTransaction", both).refused(400, "AccessDeniedException");
    let old = cloud.user(
        &root,
        "old",
        &policy(
            json!("dynamodb:PartiQLDelete"),
            json!({"StringNotEqualsIfExists": {"dynamodb:ReturnValues": "ALL_OLD"}}),
        ),
    );
    execute(&old, "DELETE FROM music WHERE pk = 'b' AND sk = 1 RETURNING ALL OLD *", json!([]))
        .refused(400, "AccessDeniedException");
    execute(&old, "DELETE FROM music WHERE pk = 'b' AND sk = 1", json!([])).ok();
    let batch = json!({"Statements": [{"Statement": "SELECT v FROM music WHERE pk = 'a' AND sk = 1"}, {"Statement": "SELECT v FROM music WHERE pk = 'b' AND sk = 2"}]});
    leading.call("dynamodb", "BatchExecuteStatement", batch).refused(400, "AccessDeniedException");
}
