//! How DynamoDB tells of violations, where its ways are not those of its model: the order of members and of enums,
//! the tables that must be named, and the operations that already speak in the generic words of AWS's newer validation.
//!
//! AWS: recorded answers of the service; public suites that were verified against it hold them.

use super::{Constraint, Violation};

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
];

fn rank(violation: &Violation) -> usize {
    let order = ORDER.iter().find(|(input, _)| *input == violation.input).map(|(_, order)| *order);
    order.and_then(|order| order.iter().position(|member| *member == violation.member)).unwrap_or(usize::MAX)
}

fn named(constraint: &Constraint) -> String {
    let Constraint::Enum(allowed) = constraint else { return constraint.to_string() };
    let same =
        |known: &&&[&str]| known.len() == allowed.len() && known.iter().all(|one| allowed.contains(one));
    Constraint::Enum(ENUMS.iter().find(same).copied().unwrap_or(allowed)).to_string()
}

/// `Value 'x' at 'y' failed to satisfy constraint: ...`
fn sentence(violation: &Violation) -> String {
    let Violation { path, value, constraint, .. } = violation;
    let generic = |path: &str, constraint: &str| {
        format!("Value at '{path}' failed to satisfy constraint: {constraint}")
    };
    match (violation.input, violation.member, constraint) {
        // Query and the batches have moved to the generic words for these.
        ("QueryInput", "Limit", _) => return generic("Limit", &constraint.to_string()),
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

/// The message for `violations`, of which there is at least one.
pub(super) fn message(violations: &[Violation]) -> String {
    let no_table = |v: &&Violation| {
        ABOUT_TABLES.contains(&v.input) && v.path == "tableName" && v.constraint == Constraint::Required
    };
    if violations.iter().any(|v| no_table(&v)) {
        return "The parameter 'TableName' is required but was not present in the request".to_owned();
    }
    let mut sorted: Vec<&Violation> = violations.iter().collect();
    sorted.sort_by_key(|violation| rank(violation));
    // UpdateItem stops at the first, unless its key is missing.
    let whole = sorted.iter().any(|v| v.constraint == Constraint::Required);
    if sorted.first().is_some_and(|first| first.input == "UpdateItemInput") && !whole {
        sorted.sort_by_key(|v| v.member != "TableName");
        sorted.truncate(1);
    }
    let count = sorted.len();
    let sentences: Vec<String> = sorted.into_iter().map(sentence).collect();
    let s = if count == 1 { "" } else { "s" };
    format!("{count} validation error{s} detected: {}", sentences.join("; "))
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
        message(&check(service, operation.input.unwrap(), &value))
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
        let key = || Value::Map(Vec::new());
        let first = of("UpdateItem", vec![("TableName", name()), ("Key", key()), ("ReturnValues", bad())]);
        assert!(
            first.starts_with("1 validation error detected: Value 'INVALID' at 'returnValues'"),
            "{first}"
        );
    }

    #[test]
    fn sentences_of_its_own() {
        let required = "The parameter 'TableName' is required but was not present in the request";
        assert_eq!(of("DescribeTable", vec![]), required);
        assert_eq!(
            of("Query", vec![("TableName", Value::str("abc")), ("Limit", Value::Int(0))]),
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
        assert_eq!(
            of("BatchGetItem", vec![("RequestItems", Value::Map(Vec::new()))]),
            "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length greater than or equal to 1"
        );
        let write = || Value::Struct(Struct::new());
        let writes = |count| vec![("RequestItems", Value::Map(vec![("keys".into(), Value::List(count))]))];
        for (writes, path, rule) in [
            (vec![("RequestItems", Value::Map(Vec::new()))], "RequestItems", "greater than or equal to 1"),
            (writes(Vec::new()), "RequestItems.keys.member", "greater than or equal to 1"),
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
