//! Statements, and AWS's words for those that it refuses.

use super::keys::{Access, access, single_item};
use super::*;
use crate::dynamodb::expression::KeyTest;

fn parse(text: &str) -> Statement {
    Statement::parse(text, Vec::new()).unwrap()
}

fn error(text: &str) -> String {
    Statement::parse(text, Vec::new()).unwrap_err().message().to_owned()
}

fn item(text: &str) -> Item {
    match parse(&format!("INSERT INTO t VALUE {text}")) {
        Statement::Insert(insert) => insert.item,
        other => panic!("{other:?}"),
    }
}

fn condition(text: &str) -> Condition {
    match parse(&format!("SELECT * FROM t WHERE {text}")) {
        Statement::Select(select) => select.condition.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn statements_that_are_not_well_formed() {
    for (text, detail) in [
        ("SELECT * FROM \"t\" WHERE pk = 1 foo", "Unexpected token after expression"),
        ("SELECT * FROM \"t\" WHERE pk = 1 e5", "Unexpected token after expression"),
        ("INSERT INTO \"t\" VALUE {'pk': 970001} foo", "Unexpected token after expression"),
        ("UPDATE \"t\" SET a = 9 WHERE pk = 970002 foo", "Unexpected token after expression"),
        ("DELETE FROM \"t\" WHERE pk = 970003 foo", "Unexpected token after expression"),
        ("SELECT * FROM \"t\" WHERE pk = 1)", "Unexpected token after expression"),
        ("DELETE FROM \"t\" WHERE pk = 970004 ORDER BY pk", "Unexpected token after expression"),
        ("SELECT * FROM \"t\" ORDER BY pk WHERE pk = 1", "Unexpected token after expression"),
        ("INSERT INTO \"t\" x VALUE {'pk': 'x'}", "Unexpected token after expression"),
        ("FROM \"t\" SET c = 1 WHERE pk = 'x'", "Unexpected token after expression"),
        ("SELECT * FROM \"t\" WHERE pk = 1e2147483648", ""),
        ("SELECT * FROM \"t\" WHERE pk = 1e99999999999", ""),
        ("SELECT * FROM \"t\" WHERE pk = 1.5e-2147483647", ""),
        ("SELECT * FROM \"t\" WHERE pk = 1 # note", ""),
        ("SELECT * FROM \"t\" WHERE pk = 1 /* note", ""),
        ("SELECT * FROM \"t", ""),
        ("SELECT * FROM \"t\" WHERE", "Unexpected term"),
        ("SELECT * FROM \"t\" WHERE;", "Unexpected term"),
        ("UPDATE \"t\" SET a = 1 WHERE", "Unexpected term"),
        ("DELETE FROM \"t\" WHERE", "Unexpected term"),
        ("SELECT * FROM \"t\" WHERE NOT", "Unexpected term"),
        ("SELECT * FROM \"t\" WHERE (", "Unexpected term"),
        ("SELECT * FROM", "Unexpected term"),
        ("SELECT * FROM \"t\" WHERE pk = 'p' AND", "Missing right-hand side expression of infix operator"),
        ("SELECT * FROM \"t\" WHERE pk = 'p' OR", "Missing right-hand side expression of infix operator"),
        ("SELECT * FROM \"t\" WHERE ORDER BY pk", "Unexpected keyword"),
        ("SELECT * FROM \"t\" WHERE IS NULL", "Unexpected operator"),
        ("SELECT * FROM \"t\" WHERE pk = LIKE", "Unexpected operator"),
        ("SELECT * FROM \"t\" WHERE x IS FOO", "Expected type name"),
        ("DELETE FROM", "Expected identifier for simple path"),
        ("DELETE FROM;", "Expected identifier for simple path"),
        ("DELETE FROM WHERE pk = 'a'", "Expected identifier for simple path"),
        ("SELECT * FROM \"t\" WHERE attribute_exists(m.inner)", "Invalid path dot component"),
    ] {
        assert_eq!(
            error(text),
            format!("Statement wasn't well formed, can't be processed: {detail}"),
            "{text}"
        );
    }
    let deep = format!("SELECT * FROM t WHERE {}", "(".repeat(1000));
    assert!(error(&deep).ends_with("The statement is nested too deeply"));
    let deep = format!("INSERT INTO t VALUE {{'a': {}", "[".repeat(1000));
    assert_eq!(
        error(&deep),
        format!("Nesting Levels have exceeded supported limits under root{}", "[0]".repeat(32))
    );
}

#[test]
fn statements_that_are_refused() {
    let overflow = "Number overflow. Attempting to store a number with magnitude larger than supported range";
    for (text, message) in [
        ("SELECT * FROM \"t\" x WHERE pk = 'x'", "Aliasing is not supported"),
        ("SELECT * FROM \"t\" AS x WHERE pk = 'x'", "Aliasing is not supported"),
        ("UPDATE \"t\" x SET a = 3 WHERE pk = 'x'", "Aliasing is not supported"),
        ("DELETE FROM \"t\" x WHERE pk = 'x'", "Aliasing is not supported"),
        ("SELECT * FROM \"t\".\"i\".\"extra\"", "A path may contain at most 2 components in the FROM clause"),
        ("SELECT * FROM \"t\".\"\"", "Path component cannot be an empty string"),
        ("SELECT * FROM \"\" WHERE pk = 'p'", "Path component cannot be an empty string"),
        ("UPDATE \"t\".\"i\" SET a = 1", "This operation is not supported on an index"),
        ("SELECT * FROM \"t\" WHERE pk = 1e126", &format!("{overflow} under root")),
        ("INSERT INTO \"t\" VALUE {'pk': 1, 'm': {'x': 1e126}}", &format!("{overflow} under root.x")),
        ("INSERT INTO \"t\" VALUE {'pk': 1, 'l': [1, 1e126]}", &format!("{overflow} under root[1]")),
        (
            "DELETE FROM t WHERE pk = 'x' RETURNING MODIFIED OLD *",
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
        (
            "SELECT * FROM t WHERE attribute_exists('ss')",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "SELECT * FROM t WHERE attribute_exists()",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 0",
        ),
        ("SELECT attribute_exists(ss) FROM t", "Unexpected path component at 1:8:16"),
        ("SELECT * FROM t WHERE EXISTS(ss)", "Unrecognized function: exists at 1:23:6"),
        (
            "SELECT * FROM t WHERE a = 1 AND\n b < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "UPDATE t SET t = set_add(ss, <<'x'>>)",
            "The first argument to SET_ADD must equal the assignment value at 1:18:7",
        ),
        (
            "UPDATE t SET ss = set_add(ss, 'x')",
            "The second argument to SET_ADD must be a value with type SET at 1:27:2",
        ),
        ("UPDATE t SET ss = set_delete(ss)", "SET_DELETE must have exactly two arguments at 1:19:10"),
        (
            "UPDATE t SET ss = set_add(ss, <<'x', 'x'>>)",
            "One or more parameter values were invalid: Input collection [x, x] contains duplicates.",
        ),
        ("UPDATE t SET ss = set_add(ss, <<>>)", "Empty bags are not supported"),
        ("SELECT * FROM t WHERE set_add(ss, <<'x'>>) = ss", "Unrecognized function: set_add at 1:23:7"),
        (
            "INSERT INTO t VALUE {'pk': 'x', 'ss': set_add(<<'a'>>, <<'b'>>)}",
            "Unsupported data type: set_add under key root at 1:39:7",
        ),
        ("INSERT INTO t VALUE {'a': 1, 'a': 2}", "Duplicate keys in tuple. Key: a under root"),
        ("SELECT a, a FROM t", "Duplicate identifiers in select clause: a"),
        ("SELECT *, a FROM t", "Other attributes should not be present in the projection when '*' is used."),
        ("SELECT * FROM t ORDER BY a", "Must have WHERE clause in the statement when using ORDER BY clause."),
        ("SELECT * FROM t WHERE a = ?", "Number of parameters in request and statement don't match."),
        (
            "UPDATE t SET a = 1 SET a.b = 2",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
        ),
    ] {
        assert_eq!(error(text), message, "{text}");
    }
    let left = Statement::parse("SELECT * FROM t", vec![AttributeValue::n(1)]).unwrap_err();
    assert_eq!(left.message(), "Number of parameters in request and statement don't match.");
}

#[test]
fn selects() {
    let text = "SELECT pk, m.\"x y\", l[0] FROM \"my-table\".\"by-date\" -- note\nWHERE pk = 'it''s' /* more */ ORDER BY sk DESC;";
    let Statement::Select(select) = parse(text) else { panic!("{text}") };
    assert_eq!(select.source, Source { table: "my-table".into(), index: Some("by-date".into()) });
    let names: Vec<String> = select.columns.clone().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["pk", "x y", "l[0]"]);
    assert_eq!(select.order, [Order { attribute: "sk".into(), descending: true }]);
    let stored = item("{'pk': 1, 'm': {'x y': true}, 'l': ['a'], 'other': null}");
    assert_eq!(select.row(&stored), item("{'pk': 1, 'x y': true, 'l[0]': 'a'}"));
}

#[test]
fn conditions() {
    let stored =
        item("{'pk': 7.31e6, 's': 'str', 'ss': <<'a', 'b'>>, 'm': {'sub': -.5}, 'nul': null, 'flag': true}");
    for (text, expected) in [
        ("pk = 73100000e-1", true),
        ("m.sub = -0.5 AND \"s\" <> 'x'", true),
        ("s BETWEEN 'a' AND 'z' AND NOT (pk IN [1, 2])", true),
        ("s NOT IN ('str')", false),
        ("attribute_exists(nope) OR ATTRIBUTE_EXISTS(ss)", true),
        ("attribute_exists(ss) = true", true),
        ("attribute_exists(ss) = false", false),
        ("size(s) = 3 and attribute_type(ss, 'SS') and begins_with(s, 'st')", true),
        ("contains(ss, 'a')", true),
        ("nul IS NULL AND s IS NOT NULL AND flag IS BOOL AND s IS STRING", true),
        ("nope IS MISSING AND s IS NOT MISSING", true),
        ("s IS BOOL", false),
    ] {
        assert_eq!(condition(text).matches(&stored), expected, "{text}");
    }
}

#[test]
fn updates() {
    let stored = item("{'pk': 'k', 'n': 1, 'l': [1], 'ss': <<'a', 'b'>>, 'gone': 1}");
    for (text, changed) in [
        (
            "SET n = n + 1 SET x = ?",
            "{'pk': 'k', 'n': 2, 'l': [1], 'ss': <<'a', 'b'>>, 'gone': 1, 'x': 'param'}",
        ),
        (
            "SET l = list_append(l, [2]), x = ? REMOVE gone",
            "{'pk': 'k', 'n': 1, 'l': [1, 2], 'ss': <<'a', 'b'>>, 'x': 'param'}",
        ),
        (
            "SET ss = set_add(ss, <<'c'>>) SET n = if_not_exists(n, ?)",
            "{'pk': 'k', 'n': 1, 'l': [1], 'ss': <<'a', 'b', 'c'>>, 'gone': 1}",
        ),
        (
            "SET ss = SET_DELETE(ss, <<'a'>>) SET l[3] = ?",
            "{'pk': 'k', 'n': 1, 'l': [1, 'param'], 'ss': <<'b'>>, 'gone': 1}",
        ),
    ] {
        for text in [
            format!("UPDATE t {text} WHERE pk = 'k' RETURNING ALL NEW *"),
            format!("FROM t WHERE pk = 'k' {text} RETURNING ALL NEW *"),
        ] {
            let statement = Statement::parse(&text, vec![AttributeValue::s("param")]).unwrap();
            let Statement::Update(update) = statement else { panic!("{text}") };
            assert_eq!(
                update.update.apply(Some(&stored), &Item::new()).unwrap().item,
                item(changed),
                "{text}"
            );
            assert_eq!(update.returning, Some(Returning::AllNew));
        }
    }
}

#[test]
fn keys_are_found_in_conditions() {
    let query = |text: &str| access(Some(&condition(text)), "pk", Some("sk"));
    let partitions = |values: &[i64]| values.iter().map(|value| AttributeValue::n(*value)).collect();
    for (text, expected) in [
        ("a = 1", Access::Scan),
        ("pk > 1", Access::Scan),
        ("pk = 1 OR pk = 2", Access::Scan),
        ("pk = 1", Access::Query { partitions: partitions(&[1]), range: None }),
        ("pk IN [3, 1, 3] AND a = 1", Access::Query { partitions: partitions(&[3, 1]), range: None }),
        (
            "2 < sk AND (pk = 1 AND a = 2)",
            Access::Query {
                partitions: partitions(&[1]),
                range: Some(KeyTest::Greater(AttributeValue::n(2))),
            },
        ),
    ] {
        assert_eq!(query(text), expected, "{text}");
    }
    let single = |text: &str| single_item(Some(&condition(text)), "pk", Some("sk"));
    let (key, rest) = single("pk = 1 AND a > 5 AND sk = 2").unwrap();
    assert_eq!((key, rest), (item("{'pk': 1, 'sk': 2}"), Some(condition("a > 5"))));
    for text in ["pk = 1", "pk = 1 AND sk > 2", "pk = 1 OR sk = 2"] {
        assert_eq!(
            single(text).unwrap_err().message(),
            "Where clause does not contain a mandatory equality on all key attributes"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(SELECT \\*|FROM|t|\"t\"|WHERE|SET|UPDATE|a|=|,|'x'|1|\\(|\\)|\\[|\\]|<<|>>|\\{|:|\\}|AND|NOT|IS|\\.|\\?| |é|INSERT INTO t VALUE){0,30}") {
        let _ = Statement::parse(&text, vec![AttributeValue::Null]);
    }
}
