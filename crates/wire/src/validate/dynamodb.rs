//! How DynamoDB tells of violations, where its ways are not those of its model: the order of members and of enums,
//! the tables that must be named, and the operations that already speak in the generic words of AWS's newer validation.
//!
//! Requests about one item are read by two layers. The newer one has words of its own and stops early; a request
//! without a member that it must have, or one that is nested too deep for it, is told of by the older one.
//!
//! AWS: recorded answers of the service; public suites that were verified against it hold them.

use super::{Constraint, Violation, show};
use crate::model::{Kind, Service};
use crate::value::Value;

/// The order in which an operation's members are checked, by its input's name; others follow in the model's order.
const ORDER: &[(&str, &[&str])] = &[
    ("BatchGetItemInput", &["RequestItems", "ReturnConsumedCapacity"]),
    ("BatchWriteItemInput", &["ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "RequestItems"]),
    (
        "CreateTableInput",
        &[
            "AttributeDefinitions",
            "TableName",
            "BillingMode",
            "ProvisionedThroughput",
            "KeySchema",
            "GlobalSecondaryIndexes",
            "LocalSecondaryIndexes",
        ],
    ),
    (
        "DeleteItemInput",
        &["ReturnConsumedCapacity", "TableName", "ReturnValues", "ReturnItemCollectionMetrics", "Key"],
    ),
    ("GetItemInput", &["ReturnConsumedCapacity", "AttributesToGet", "TableName", "Key"]),
    ("ListTablesInput", &["Limit", "ExclusiveStartTableName"]),
    (
        "PutItemInput",
        &[
            "ReturnConsumedCapacity",
            "TableName",
            "Item",
            "ConditionalOperator",
            "Expected",
            "ReturnValues",
            "ReturnItemCollectionMetrics",
        ],
    ),
    (
        "QueryInput",
        &["Select", "IndexName", "ReturnConsumedCapacity", "QueryFilter", "TableName", "ConditionalOperator"],
    ),
    (
        "ScanInput",
        &[
            "Select",
            "IndexName",
            "TotalSegments",
            "ReturnConsumedCapacity",
            "TableName",
            "ConditionalOperator",
            "ScanFilter",
            "Segment",
            "Limit",
        ],
    ),
    (
        "TransactWriteItemsInput",
        &["ClientRequestToken", "TransactItems", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"],
    ),
    (
        "UpdateItemInput",
        &[
            "ReturnConsumedCapacity",
            "TableName",
            "ConditionalOperator",
            "ReturnItemCollectionMetrics",
            "ReturnValues",
            "Key",
        ],
    ),
];

/// Enums as DynamoDB lists them.
const ENUMS: &[&[&str]] = &[
    &["INDEXES", "TOTAL", "NONE"],
    &["SIZE", "NONE"],
    &["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"],
    &["OR", "AND"],
    &["B", "N", "S"],
    &["PROVISIONED", "PAY_PER_REQUEST"],
    &["ALL", "INCLUDE", "KEYS_ONLY"],
    &["OLD_IMAGE", "KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE"],
    &["THROTTLED_KEYS", "ACCESSED_AND_THROTTLED_KEYS"],
    &["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"],
    &[
        "IN",
        "NULL",
        "BETWEEN",
        "LT",
        "NOT_CONTAINS",
        "EQ",
        "GT",
        "NOT_NULL",
        "NE",
        "LE",
        "BEGINS_WITH",
        "GE",
        "CONTAINS",
    ],
];

/// Operations about tables, which say in words of their own that none is named.
const ABOUT_TABLES: &[&str] = &[
    "CreateTableInput",
    "DeleteTableInput",
    "DescribeTableInput",
    "DescribeTimeToLiveInput",
    "UpdateTableInput",
    "UpdateTimeToLiveInput",
];

/// Operations about tags, which do likewise.
const ABOUT_TAGS: &[&str] = &["ListTagsOfResourceInput", "TagResourceInput", "UntagResourceInput"];

/// Inputs that the newer layer reads.
const NEWER: &[&str] = &["PutItemInput", "UpdateItemInput", "DeleteItemInput", "QueryInput"];

/// Levels of JSON, the request's own among them, that the newer layer reads.
const NEWER_DEPTH_MAX: usize = 128;

/// Whether a request with these members is nested too deep for the newer layer.
pub fn is_too_deep_for_newer<'v>(mut members: impl Iterator<Item = &'v Value>) -> bool {
    members.any(|member| is_deeper(member, NEWER_DEPTH_MAX - 1))
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let inner = |value| is_deeper(value, levels - 1);
    match value {
        Value::List(_) | Value::Map(_) | Value::Struct(_) if levels == 0 => true,
        Value::List(items) => items.iter().any(inner),
        Value::Map(pairs) => pairs.iter().any(|(_, value)| inner(value)),
        Value::Struct(members) => members.iter().any(|(_, value)| inner(value)),
        _ => false,
    }
}

/// What the newer layer says of a violation; `None` where it says what the older one says.
///
/// AWS: recorded, misnamed values of the enums among them.
fn newer(violation: &Violation) -> Option<String> {
    let is_enum = matches!(violation.constraint, Constraint::Enum(_));
    let one_of =
        |all: &str| format!("Failed to satisfy constraint: Member must satisfy enum value set: [{all}]");
    Some(match violation.member {
        "TableName" if matches!(violation.constraint, Constraint::LengthMin(_)) => {
            format!("Value at 'TableName' failed to satisfy constraint: {}", violation.constraint)
        }
        "ReturnValues" if is_enum => one_of("ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE"),
        "ConditionalOperator" if is_enum => one_of("ALL, OR"),
        "ReturnItemCollectionMetrics" if is_enum => {
            "ReturnItemCollectionMetrics can only be SIZE or NONE".to_owned()
        }
        _ => return None,
    })
}

/// Where the newer layer stops, and no other violation is told of.
fn is_last(violation: &Violation) -> bool {
    let by_itself = match violation.input {
        "UpdateItemInput" => &["TableName", "ReturnValues", "ConditionalOperator"][..],
        "QueryInput" => &["ConditionalOperator"],
        _ => &["TableName"],
    };
    by_itself.contains(&violation.member) && newer(violation).is_some()
}

fn rank(violation: &Violation) -> usize {
    let order = ORDER.iter().find(|(input, _)| *input == violation.input).map(|(_, order)| *order);
    order.and_then(|order| order.iter().position(|member| *member == violation.member)).unwrap_or(usize::MAX)
}

/// Members that AWS checks after the ones that the model has after them.
const AFTER: &[(&str, &str)] = &[
    ("attributeName", "attributeType"),
    ("enabled", "attributeName"),
    ("readCapacityUnits", "writeCapacityUnits"),
];

/// Whether AWS tells of `first` after `second`, which the model has next to it. Names of indexes are measured before
/// their characters are looked at.
fn is_after(first: &Violation, second: &Violation) -> bool {
    let parts = |violation: &Violation| {
        violation.path.rsplit_once('.').map(|(of, own)| (of.to_owned(), own.to_owned()))
    };
    let (Some((of, one)), Some((also_of, other))) = (parts(first), parts(second)) else { return false };
    let is_measured = matches!(second.constraint, Constraint::LengthMin(_));
    let is_looked_at = matches!(first.constraint, Constraint::Pattern(_));
    of == also_of
        && (AFTER.contains(&(&*one, &*other))
            || (one == "indexName" && other == one && is_looked_at && is_measured))
}

/// AWS: violations that one answer tells of.
const TOLD_MAX: usize = 10;

/// AWS: what the model bounds the names of attributes by, which has a sentence of its own.
const NAME_BYTES_MAX: u64 = 65_535;

fn is_long_name(violation: &Violation) -> bool {
    let is_bound = |constraint: &Constraint| *constraint == Constraint::LengthMax(NAME_BYTES_MAX);
    match &violation.constraint {
        Constraint::Items(all) | Constraint::Keys(all) | Constraint::Values(all) => all.iter().any(is_bound),
        constraint => is_bound(constraint),
    }
}

/// AWS: writes of one batch, in the model the bounds of the map's values.
const WRITES_MAX: u64 = 25;

fn named(constraint: &Constraint) -> String {
    let Constraint::Enum(allowed) = constraint else { return constraint.to_string() };
    let same =
        |known: &&&[&str]| known.len() == allowed.len() && known.iter().all(|one| allowed.contains(one));
    Constraint::Enum(ENUMS.iter().find(same).copied().unwrap_or(allowed)).to_string()
}

/// `Value 'x' at 'y' failed to satisfy constraint: ...`; `whole` is the member that it is in, shown.
fn sentence(violation: &Violation, whole: Option<&str>) -> String {
    let Violation { path, value, constraint, .. } = violation;
    let generic = |path: &str, constraint: &str| {
        format!("Value at '{path}' failed to satisfy constraint: {constraint}")
    };
    match (violation.input, violation.member, constraint) {
        // Query and the batches have moved to the generic words for these.
        ("QueryInput", "Limit", _) => return generic("Limit", &constraint.to_string()),
        // Where a table's own list is empty, the batch of writes still shows the whole map.
        ("BatchWriteItemInput", "RequestItems", Constraint::LengthMin(min)) if path != "requestItems" => {
            let rules = [Constraint::LengthMax(WRITES_MAX), Constraint::LengthMin(*min)];
            let shown = whole.unwrap_or_default();
            let rule = Constraint::Values(rules.to_vec());
            return format!("Value '{shown}' at 'requestItems' failed to satisfy constraint: {rule}");
        }
        (
            "BatchGetItemInput" | "BatchWriteItemInput",
            "RequestItems",
            Constraint::LengthMin(_) | Constraint::LengthMax(_),
        ) => {
            let path = path.strip_prefix("requestItems").unwrap_or(path);
            let path = path.strip_suffix("keys").map_or(path.to_owned(), |table| format!("{table}Keys"));
            return generic(&format!("RequestItems{path}"), &constraint.to_string());
        }
        ("TransactWriteItemsInput" | "TransactGetItemsInput", "TransactItems", Constraint::LengthMax(_)) => {
            return generic("TransactItems", &constraint.to_string());
        }
        _ => {}
    }
    let value = match value {
        Some(_) if *constraint == Constraint::Required => " null".to_owned(),
        Some(value) => format!(" '{value}'"),
        None => String::new(),
    };
    format!("Value{value} at '{path}' failed to satisfy constraint: {}", named(constraint))
}

/// A top-level member of the request as AWS prints it.
fn shown(service: &Service, violation: &Violation, request: &Value) -> Option<String> {
    let input = service.shapes.iter().find(|shape| shape.name == violation.input)?;
    let Kind::Structure(structure) = &input.kind else { return None };
    show(service, structure.member(violation.member)?.target.shape, request.member(violation.member)?)
}

/// The message for `violations` of `request`, of which there is at least one.
pub(super) fn message(service: &Service, violations: &[Violation], request: &Value) -> String {
    let no_table = |v: &&Violation| {
        ABOUT_TABLES.contains(&v.input) && v.path == "tableName" && v.constraint == Constraint::Required
    };
    if violations.iter().any(|v| no_table(&v)) {
        return "The parameter 'TableName' is required but was not present in the request".to_owned();
    }
    let no_arn = |v: &Violation| v.path == "resourceArn" && v.constraint == Constraint::Required;
    if violations.iter().any(|v| ABOUT_TAGS.contains(&v.input) && no_arn(v)) {
        return "Invalid TableArn".to_owned();
    }
    if let Some(sentence) = violations.first().and_then(|first| by_itself(first, violations)) {
        return sentence;
    }
    if let [Violation { path, constraint: Constraint::Enum(all), .. }] = violations
        && path == "tableClass"
    {
        let all = all.join(", ");
        return format!(
            "Invalid table-class parameter provided. Please try again with a valid table-class value: [{all}]."
        );
    }
    let named = violations.first().and_then(|first| misnamed_table(first, request)).unwrap_or_default();
    let is_of_name = |v: &Violation| v.path == "tableName" && !named.is_empty();
    let mut sorted: Vec<&Violation> = violations.iter().filter(|v| !is_of_name(v)).chain(&named).collect();
    sorted.sort_by_key(|violation| rank(violation));
    for at in 1..sorted.len() {
        if is_after(sorted[at - 1], sorted[at]) {
            sorted.swap(at - 1, at);
        }
    }
    let whole = sorted.iter().any(|v| v.constraint == Constraint::Required);
    let input = sorted.first().map_or("", |first| first.input);
    let deep = match request {
        Value::Struct(members) => is_too_deep_for_newer(members.iter().map(|(_, value)| value)),
        _ => false,
    };
    let is_newer = NEWER.contains(&input) && !whole && !deep;
    if let Some(last) = sorted.iter().find(|violation| is_newer && is_last(violation)) {
        let sentence = newer(last).unwrap_or_default();
        let is_counted = input != "QueryInput";
        return if is_counted { format!("1 validation error detected: {sentence}") } else { sentence };
    }
    if sorted.iter().all(|violation| is_long_name(violation)) {
        return "Attribute name is too large, must be less than 65536 bytes".to_owned();
    }
    // AWS: BatchGetItem tells of its tables' names with the rest, BatchWriteItem when nothing else is wrong.
    let tables = request.member("RequestItems").filter(|_| input == "BatchGetItemInput");
    let names = tables.and_then(|tables| misnamed_tables(tables, crate::json::text));
    let sentences = sorted.into_iter().map(|violation| match newer(violation) {
        Some(sentence) if is_newer => sentence,
        _ => sentence(violation, shown(service, violation, request).as_deref()),
    });
    let sentences: Vec<String> = names.into_iter().chain(sentences).take(TOLD_MAX).collect();
    let (count, s) = (sentences.len(), if sentences.len() == 1 { "" } else { "s" });
    format!("{count} validation error{s} detected: {}", sentences.join("; "))
}

/// What the request is told of its `first` violation, where that is in no list.
fn by_itself(first: &Violation, all: &[Violation]) -> Option<String> {
    let is_short = |constraint: &Constraint| matches!(constraint, Constraint::LengthMin(_));
    match (&*first.path, first.member) {
        ("backupArn", _) if is_short(&first.constraint) => Some("Invalid Backup ARN".to_owned()),
        ("indexName", _) if first.input.ends_with("ContributorInsightsInput") => {
            let bounds =
                |v: &Violation| is_short(&v.constraint) || matches!(v.constraint, Constraint::LengthMax(_));
            let rule = "IndexName must be at least 3 characters long and at most 255 characters long";
            all.iter().any(bounds).then(|| rule.to_owned())
        }
        ("tagKeys", _) => match &first.constraint {
            Constraint::Items(rules)
                if rules.iter().any(is_short) && first.value.as_deref() == Some("[]") =>
            {
                Some("The Tag Key provided is invalid, Key: ".to_owned())
            }
            _ => None,
        },
        (path, "Tags") if all.iter().all(|v| v.member == "Tags") => {
            let null = if first.constraint == Constraint::Required { "null" } else { "" };
            let said = first.constraint == Constraint::Required || is_short(&first.constraint);
            match path.rsplit('.').next() {
                Some("key") if said => Some(format!("The Tag Key provided is invalid, Key: {null}")),
                Some("value") if said => Some(format!("The Tag Value provided is invalid, Value: {null}")),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Operations about one table whose name is held against its rules with all else. Where items are read and written it
/// is looked at later.
fn is_about_table(input: &str) -> bool {
    ABOUT_TABLES.contains(&input)
        || ["ContinuousBackupsInput", "ContributorInsightsInput", "CreateBackupInput"]
            .iter()
            .any(|end| input.ends_with(end))
}

/// The name of the request's table broken down by its rules, which the model does not have.
fn misnamed_table(first: &Violation, request: &Value) -> Option<Vec<Violation>> {
    let name = request.member("TableName")?.as_str()?;
    if !is_about_table(first.input) || name.starts_with("arn:") {
        return None;
    }
    let of = |constraint| Violation {
        member: "TableName",
        path: "tableName".to_owned(),
        value: Some(name.to_owned()),
        constraint,
        ..first.clone()
    };
    Some(table_name_rules(name).into_iter().map(of).collect())
}

/// The rules that the name of a table breaks.
pub fn table_name_rules(name: &str) -> Vec<Constraint> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let rules = [
        (name.len() < TABLE_NAME_MIN, Constraint::LengthMin(TABLE_NAME_MIN as u64)),
        (name.len() > TABLE_NAME_MAX, Constraint::LengthMax(TABLE_NAME_MAX as u64)),
        (name.is_empty() || !name.bytes().all(good), Constraint::Pattern(TABLE_NAME_PATTERN)),
    ];
    rules.into_iter().filter_map(|(breaks, rule)| breaks.then_some(rule)).collect()
}

/// AWS: the service's quotas; tables may be named by their ARNs too, so the model does not have them.
pub const TABLE_NAME_MIN: usize = 3;
pub const TABLE_NAME_MAX: usize = 255;
pub const TABLE_NAME_PATTERN: &str = "[a-zA-Z0-9_.-]+";

/// What is said of a batch with a table whose name is none; `show` prints its map.
pub fn misnamed_tables(tables: &Value, show: impl FnOnce(&Value) -> String) -> Option<String> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let length = TABLE_NAME_MIN..=TABLE_NAME_MAX;
    let is_name = |name: &str| length.contains(&name.len()) && name.bytes().all(good);
    let Value::Map(pairs) = tables else { return None };
    if pairs.iter().all(|(name, _)| name.starts_with("arn:") || is_name(name)) {
        return None;
    }
    let rule = Constraint::Keys(vec![
        Constraint::LengthMax(TABLE_NAME_MAX as u64),
        Constraint::LengthMin(TABLE_NAME_MIN as u64),
        Constraint::Pattern(TABLE_NAME_PATTERN),
    ]);
    Some(format!("Value '{}' at 'requestItems' failed to satisfy constraint: {rule}", show(tables)))
}

#[cfg(test)]
mod tests {
    use super::message;
    use crate::validate::check;
    use crate::value::{Struct, Value};

    fn of(input: &str, members: Vec<(&'static str, Value)>) -> String {
        let service = crate::catalog::service("dynamodb").unwrap();
        let operation = service.operation(input).unwrap();
        let value = Value::Struct(members.into_iter().collect::<Struct>());
        message(service, &check(service, operation.input.unwrap(), &value), &value)
    }

    #[test]
    fn members_and_enums_stand_in_dynamodbs_order() {
        let bad = || Value::str("INVALID");
        let name = || Value::str("abc");
        let joined = of(
            "UpdateItem",
            vec![("TableName", name()), ("ReturnValues", bad()), ("ReturnConsumedCapacity", bad())],
        );
        assert_eq!(
            joined,
            "3 validation errors detected: Value 'INVALID' at 'returnConsumedCapacity' failed to satisfy constraint: \
             Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; Value 'INVALID' at 'returnValues' failed to \
             satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, \
             UPDATED_NEW]; Value null at 'key' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn ten_violations_are_told_of_and_long_names_by_themselves() {
        let indexes = Value::List((0..9).map(|_| Value::Struct(Struct::new())).collect());
        let said =
            of("CreateTable", vec![("TableName", Value::str("abc")), ("LocalSecondaryIndexes", indexes)]);
        assert!(said.starts_with("10 validation errors detected: "), "{said}");
        assert!(said.ends_with("at 'localSecondaryIndexes.4.member.indexName' failed to satisfy constraint: Member must not be null"));
        assert_eq!(said.matches("; ").count(), 9);

        let name = |bytes: usize| "n".repeat(bytes);
        let too_long = "Attribute name is too large, must be less than 65536 bytes";
        let one = |name: String| Value::Map(vec![(name, Value::Struct(Struct::new()))]);
        let table = || ("TableName", Value::str("abc"));
        assert_eq!(of("PutItem", vec![table(), ("Item", one(name(65_536)))]), too_long);
        let names = Value::Map(vec![("#n".into(), Value::str(name(65_536)))]);
        assert_eq!(of("Scan", vec![table(), ("ExpressionAttributeNames", names)]), too_long);
        assert_eq!(
            of(
                "GetItem",
                vec![
                    table(),
                    ("Key", one("k".into())),
                    ("AttributesToGet", Value::List(vec![Value::str(name(65_536))]))
                ]
            ),
            too_long
        );
    }

    #[test]
    fn tables_and_their_time_to_live_have_sentences_of_their_own() {
        assert_eq!(
            of("ListTables", vec![("ExclusiveStartTableName", Value::str("a;")), ("Limit", Value::Int(500))]),
            "3 validation errors detected: Value '500' at 'limit' failed to satisfy constraint: Member must have value \
             less than or equal to 100; Value 'a;' at 'exclusiveStartTableName' failed to satisfy constraint: Member \
             must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value 'a;' at 'exclusiveStartTableName' failed \
             to satisfy constraint: Member must have length greater than or equal to 3"
        );
        assert_eq!(
            of("UpdateTable", vec![("TableName", Value::str("abc")), ("TableClass", Value::str("standard"))]),
            "Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, \
             STANDARD_INFREQUENT_ACCESS]."
        );
        let unnamed = vec![("AttributeName", Value::str("")), ("Enabled", Value::Bool(true))];
        let unnamed = Value::Struct(unnamed.into_iter().collect::<Struct>());
        assert_eq!(
            of(
                "UpdateTimeToLive",
                vec![("TableName", Value::str("abc")), ("TimeToLiveSpecification", unnamed)]
            ),
            "1 validation error detected: Value '' at 'timeToLiveSpecification.attributeName' failed to satisfy \
             constraint: Member must have length greater than or equal to 1"
        );
    }

    #[test]
    fn neighbours_stand_in_dynamodbs_order() {
        let none = || Value::Struct(Struct::new());
        let null = |path: &str| {
            format!("Value null at '{path}' failed to satisfy constraint: Member must not be null")
        };
        let two =
            |one: &str, other: &str| format!("2 validation errors detected: {}; {}", null(one), null(other));
        let table = || ("TableName", Value::str("abc"));
        assert_eq!(
            of("UpdateTable", vec![table(), ("ProvisionedThroughput", none())]),
            two("provisionedThroughput.writeCapacityUnits", "provisionedThroughput.readCapacityUnits")
        );
        assert_eq!(
            of("UpdateTable", vec![table(), ("AttributeDefinitions", Value::List(vec![none()]))]),
            two("attributeDefinitions.1.member.attributeType", "attributeDefinitions.1.member.attributeName")
        );
        assert_eq!(
            of("UpdateTimeToLive", vec![table(), ("TimeToLiveSpecification", none())]),
            two("timeToLiveSpecification.attributeName", "timeToLiveSpecification.enabled")
        );
        let gone: Struct = vec![("IndexName", Value::str(""))].into_iter().collect();
        let update: Struct = vec![("Delete", Value::Struct(gone))].into_iter().collect();
        let updates = Value::List(vec![Value::Struct(update)]);
        let told = of("UpdateTable", vec![table(), ("GlobalSecondaryIndexUpdates", updates)]);
        assert!(told.ends_with("Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"), "{told}");
    }

    #[test]
    fn names_of_tables_are_told_of_with_the_rest_and_tags_by_themselves() {
        let of_name = |name: &str, rule: &str| {
            format!("Value '{name}' at 'tableName' failed to satisfy constraint: Member must {rule}")
        };
        let (short, pattern) =
            ("have length greater than or equal to 3", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
        let two = |name| format!("{}; {}", of_name(name, short), of_name(name, pattern));
        for operation in
            ["DescribeTable", "DeleteTable", "DescribeContinuousBackups", "DescribeContributorInsights"]
        {
            let told = of(operation, vec![("TableName", Value::str(""))]);
            assert_eq!(told, format!("2 validation errors detected: {}", two("")));
        }
        assert_eq!(
            of("UpdateTable", vec![("TableName", Value::str("a;")), ("BillingMode", Value::str("x"))]),
            format!(
                "3 validation errors detected: Value 'x' at 'billingMode' failed to satisfy constraint: Member must \
                 satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]; {}",
                two("a;")
            )
        );
        let tag = |members: Vec<(&'static str, Value)>| {
            let tags = Value::List(vec![Value::Struct(members.into_iter().collect::<Struct>())]);
            of("TagResource", vec![("ResourceArn", Value::str("arn:aws:x")), ("Tags", tags)])
        };
        let (none, no_value) =
            ("The Tag Key provided is invalid, Key: null", "The Tag Value provided is invalid, Value: null");
        assert_eq!(tag(vec![]), none);
        assert_eq!(tag(vec![("Value", Value::str("v"))]), none);
        assert_eq!(tag(vec![("Key", Value::str("k"))]), no_value);
        let keys = Value::List(vec![Value::str("")]);
        assert_eq!(
            of("UntagResource", vec![("ResourceArn", Value::str("arn:aws:x")), ("TagKeys", keys)]),
            "The Tag Key provided is invalid, Key: "
        );
        let index = vec![("TableName", Value::str("abc")), ("IndexName", Value::str(""))];
        assert_eq!(
            of("DescribeContributorInsights", index),
            "IndexName must be at least 3 characters long and at most 255 characters long"
        );
        assert_eq!(of("DescribeBackup", vec![("BackupArn", Value::str(""))]), "Invalid Backup ARN");
    }

    /// A map of one name, nested so that the request with it has `levels` levels.
    fn nested(levels: usize) -> Value {
        (2..levels).fold(Value::Map(Vec::new()), |inner, _| Value::Map(vec![("n".into(), inner)]))
    }

    #[test]
    fn the_newer_layer_has_words_of_its_own_and_stops_early() {
        let bad = || Value::str("INVALID");
        let with = |more: Vec<(&'static str, Value)>| {
            let mut all = vec![("Key", nested(3)), ("Item", nested(3))];
            all.extend(more);
            if !all.iter().any(|(name, _)| *name == "TableName") {
                all.push(("TableName", Value::str("abc")));
            }
            all
        };
        let enums = || {
            with(vec![
                ("ReturnValues", bad()),
                ("ReturnConsumedCapacity", bad()),
                ("ReturnItemCollectionMetrics", bad()),
            ])
        };
        let old = "Value 'INVALID' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum \
                   value set: [INDEXES, TOTAL, NONE]";
        let values = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]";
        let metrics = "ReturnItemCollectionMetrics can only be SIZE or NONE";
        let operator = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL, OR]";
        let table = "Value at 'TableName' failed to satisfy constraint: Member must have length greater than or equal to 1";
        let one = |sentence: &str| format!("1 validation error detected: {sentence}");
        for (operation, given, want) in [
            ("PutItem", enums(), format!("3 validation errors detected: {old}; {values}; {metrics}")),
            ("DeleteItem", enums(), format!("3 validation errors detected: {old}; {values}; {metrics}")),
            ("UpdateItem", enums(), one(values)),
            ("UpdateItem", with(vec![("ReturnConsumedCapacity", bad())]), one(old)),
            ("PutItem", with(vec![("TableName", Value::str("")), ("ReturnValues", bad())]), one(table)),
            ("DeleteItem", with(vec![("ConditionalOperator", bad())]), one(operator)),
            ("Query", with(vec![("ConditionalOperator", bad()), ("Select", bad())]), operator.to_owned()),
        ] {
            assert_eq!(of(operation, given), want);
        }
        // Beyond its levels the older layer speaks.
        for (levels, want) in [(128, values), (129, "Value 'INVALID' at 'returnValues' failed to satisfy")] {
            let said = of(
                "DeleteItem",
                vec![("TableName", Value::str("abc")), ("Key", nested(levels)), ("ReturnValues", bad())],
            );
            assert!(said.starts_with(&one(want)), "{levels}: {said}");
        }
    }

    #[test]
    fn sentences_of_its_own() {
        let required = "The parameter 'TableName' is required but was not present in the request";
        assert_eq!(of("DescribeTable", vec![]), required);
        assert_eq!(of("UpdateTimeToLive", vec![]), required);
        assert_eq!(of("TagResource", vec![]), "Invalid TableArn");
        assert_eq!(
            of("Query", vec![("TableName", Value::str("abc")), ("Limit", Value::Int(0))]),
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
        assert_eq!(
            of("BatchGetItem", vec![("RequestItems", Value::Map(Vec::new()))]),
            "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length greater than or equal to 1"
        );
        let two = vec![
            ("RequestItems", Value::Map(vec![("a!".into(), Value::Struct(Struct::new()))])),
            ("ReturnConsumedCapacity", Value::str("B")),
        ];
        assert_eq!(
            of("BatchGetItem", two),
            "3 validation errors detected: Value '{\"a!\":{}}' at 'requestItems' failed to satisfy constraint: Map keys \
             must satisfy constraint: [Member must have length less than or equal to 255, Member must have length \
             greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]; Value null \
             at 'requestItems.a!.member.keys' failed to satisfy constraint: Member must not be null; Value 'B' at \
             'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, \
             TOTAL, NONE]"
        );
        let write = || Value::Struct(Struct::new());
        let writes = |count| vec![("RequestItems", Value::Map(vec![("keys".into(), Value::List(count))]))];
        assert_eq!(
            of("BatchWriteItem", writes(Vec::new())),
            "1 validation error detected: Value '{keys=[]}' at 'requestItems' failed to satisfy constraint: Map value \
             must satisfy constraint: [Member must have length less than or equal to 25, Member must have length \
             greater than or equal to 1]"
        );
        for (writes, path, rule) in [
            (vec![("RequestItems", Value::Map(Vec::new()))], "RequestItems", "greater than or equal to 1"),
            (
                writes((0..26).map(|_| write()).collect()),
                "RequestItems.keys.member",
                "less than or equal to 25",
            ),
        ] {
            let want = format!(
                "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must have length {rule}"
            );
            assert_eq!(of("BatchWriteItem", writes), want);
        }
    }
}
