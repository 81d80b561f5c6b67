//! Messages as AWS words and ranks them, and what expressions do to items.

use super::*;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::value::{AttributeValue, Type};
use wire::{Struct, Value};

/// `{S:a}`-like values by a short name, so that a table of cases fits its lines.
fn value(kind: &'static str) -> Value {
    let text = |text: &str| Value::str(text);
    let member = match kind {
        "S" => text("a"),
        "N" => text("1"),
        "B" => Value::Blob("a".into()),
        "SS" => Value::List(vec![text("a")]),
        "NS" => Value::List(vec![text("1")]),
        "BS" => Value::List(vec![Value::Blob("a".into())]),
        "L" => Value::List(vec![]),
        "M" => Value::Map(vec![]),
        _ => Value::Bool(true),
    };
    let mut union = Struct::new();
    union.push(kind, member);
    Value::Struct(union)
}

fn n(number: &str) -> Value {
    let mut union = Struct::new();
    union.push("N", Value::str(number));
    Value::Struct(union)
}

fn s(text: &str) -> Value {
    let mut union = Struct::new();
    union.push("S", Value::str(text));
    Value::Struct(union)
}

fn placeholders(names: &[(&str, &str)], values: &[(&str, Value)]) -> Placeholders {
    let names = names.iter().map(|(key, name)| ((*key).to_owned(), Value::str(*name))).collect::<Vec<_>>();
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Vec<_>>();
    let map = |pairs: Vec<_>| (!pairs.is_empty()).then_some(Value::Map(pairs));
    Placeholders::new(map(names), map(values)).unwrap()
}

fn filter_error(text: &str, names: &[(&str, &str)], values: &[(&str, Value)]) -> String {
    let error = Condition::compile(Kind::Filter, text, &mut placeholders(names, values)).unwrap_err();
    error.message().strip_prefix("Invalid FilterExpression: ").unwrap().to_owned()
}

fn update_error(text: &str, names: &[(&str, &str)], values: &[(&str, Value)]) -> String {
    let error = Update::compile(text, &mut placeholders(names, values)).unwrap_err();
    error.message().strip_prefix("Invalid UpdateExpression: ").unwrap().to_owned()
}

#[test]
fn syntax_errors_name_the_token_and_its_neighbours() {
    for (text, token, near) in [
        ("a", "<EOF>", "a"),
        ("a > 4", "4", "> 4"),
        ("a = ", "<EOF>", "="),
        ("!!! a", "!", "!!"),
        ("attribute_exists(Pictures-RearView)", "-", "Pictures-RearView"),
        ("attribute_exists(Pictures..RearView)", ".", "..RearView"),
        ("a.:a < b.:b", ":a", ".:a <"),
        ("a in b, c", "b", "in b,"),
        ("a in (b,c,)", ")", ",)"),
        ("a > between", "between", "> between"),
        ("(a)between(b.(c.d))and(c)", "(", ".(c"),
        ("(a)between(b.c.d)and((c)", "<EOF>", ")"),
        ("#$.b > a", "#", "#$"),
        ("b[:a] > a", ":a", "[:a]"),
        ("ü > a", "ü", "ü >"),
        ("size(a).b > a", ".", ").b"),
        ("(size(a))[0] > a", "[", ")[0"),
        ("a = b = c", "=", "b = c"),
        ("(a = b) = c", "=", ") = c"),
        ("a AND b = c", "AND", "a AND b"),
        ("_hidden = a", "_", "_hidden"),
        ("a == b", "=", "== b"),
        (":v", "<EOF>", ":v"),
        ("((((((", "<EOF>", "("),
    ] {
        let expected = format!("Syntax error; token: \"{token}\", near: \"{near}\"");
        assert_eq!(filter_error(text, &[], &[(":v", value("S"))]), expected, "{text}");
    }
    for (text, token, near) in [
        ("INVALID SYNTAX HERE", "INVALID", "INVALID SYNTAX"),
        ("set a", "<EOF>", "a"),
        ("set a = b,", "<EOF>", ","),
        ("SET _123 = :v", "_", "SET _123"),
        ("SET a = if_not_exists(a, 0)", "0", ", 0)"),
        ("set a = b + c + d", "+", "c + d"),
        ("set a = b / c", "/", "b / c"),
        ("remove a b", "b", "a b"),
        ("add a b", "b", "a b"),
        ("remove :v", ":v", "remove :v"),
        ("set a=set", "set", "=set"),
        ("set a = (b.c).d + e", ".", ").d"),
    ] {
        let expected = format!("Syntax error; token: \"{token}\", near: \"{near}\"");
        assert_eq!(update_error(text, &[], &[(":v", value("S"))]), expected, "{text}");
    }
}

#[test]
fn redundant_parentheses() {
    for text in [
        "a=a and a > ((views))",
        "(a)between(((b.c)).d)and(c)",
        "a > whatever((:things), ((a)))",
        "a=a AND ((a=a AND a=a)) AND a=a",
        "a=a OR ((a=a OR (a=a OR a=a)))",
        "((a = b))",
    ] {
        assert_eq!(filter_error(text, &[], &[]), "The expression has redundant parentheses;", "{text}");
    }
    for text in
        ["(a = b AND (c = d))", "((a = b) OR (c = d))", "(a) = (b)", "NOT (NOT (a = b))", "(a.b).c[1] = d"]
    {
        Condition::compile(Kind::Filter, text, &mut placeholders(&[], &[])).unwrap();
    }
}

#[test]
fn findings_of_conditions_are_ranked() {
    let unknown = "Invalid function name; function: ";
    let misused = "The function is not allowed to be used this way in an expression; function: ";
    let reserved = "Attribute name is a reserved keyword; reserved keyword: ";
    let name = "An expression attribute name used in the document path is not defined; attribute name: ";
    let undefined = "An expression attribute value used in expression is not defined; attribute value: ";
    for (text, message) in [
        ("a=a and whatever((:things)) > a", format!("{unknown}whatever")),
        ("attRIbute_exIsts((views), #a)", format!("{unknown}attRIbute_exIsts")),
        ("a=a and attribute_exists((views), (#a)) > b", format!("{misused}attribute_exists")),
        ("contains(:things, c) > b", format!("{misused}contains")),
        ("size(contains(a, b)) > a", format!("{misused}contains")),
        ("size(things)", format!("{misused}size")),
        ("a between b and attribute_exists(things)", format!("{misused}attribute_exists")),
        ("a in (b, attribute_exists(things))", format!("{misused}attribute_exists")),
        ("attribute_exists(views, #a)", format!("{reserved}views")),
        (":a < abOrT", format!("{reserved}abOrT")),
        ("attribute_exists(#Pictures.RearView, :a) and a=a", format!("{name}#Pictures")),
        ("begins_with(Pictures.#RearView)", format!("{name}#RearView")),
        ("(#P between :lo and :hi) and (#PC in (:cat1, :cat2))", format!("{name}#P")),
        ("(a)between(b.c[45].#d)and(:a)", format!("{name}#d")),
        ("begins_with(:hello, #a, #b)", format!("{undefined}:hello")),
        (":a < :b", format!("{undefined}:a")),
        (
            "a = if_not_exists(a, b)",
            "The function is not allowed in a condition expression; function: if_not_exists".into(),
        ),
        ("a[2147483648] = b", "List index is not within the allowable range; index: [2147483648]".into()),
    ] {
        assert_eq!(filter_error(text, &[], &[]), message, "{text}");
    }
    let count = |name: &str, count| {
        format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
        )
    };
    for (text, message) in [
        ("attribute_exists(things, a) and a=a", count("attribute_exists", 2)),
        ("attribute_type(things)", count("attribute_type", 1)),
        ("begins_with(things, size(a), b)", count("begins_with", 3)),
        ("size(things, a) > b", count("size", 2)),
    ] {
        assert_eq!(filter_error(text, &[], &[]), message, "{text}");
    }
}

#[test]
fn operands_of_the_wrong_type() {
    for (text, function, kind) in [
        ("attribute_type(a, size(a)) and a=a and a=:a", "attribute_type", "N"),
        ("attribute_type(a, :a)", "attribute_type", "BOOL"),
        ("begins_with(a, size(a)) and a=:a", "begins_with", "N"),
        ("begins_with(a, :a)", "begins_with", "NULL"),
        ("begins_with(:a, a)", "begins_with", "SS"),
        ("size(size(a)) > :a", "size", "N"),
        ("attribute_not_exists(size(:a))", "size", "N"),
        ("size(:a) > a", "size", "BOOL"),
        ("a < :a", "<", "BOOL"),
        ("a >= :a", ">=", "L"),
        ("a between :a and b", "BETWEEN", "M"),
    ] {
        let expected = format!(
            "Incorrect operand type for operator or function; operator or function: {function}, operand type: {kind}"
        );
        assert_eq!(filter_error(text, &[], &[(":a", value(kind))]), expected, "{text}");
    }
    let values = [(":s", s("1")), (":one", n("1")), (":two", n("2"))];
    for (text, message) in [
        (
            "attribute_exists(:s) and a=a",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "attribute_not_exists(size(:s))",
            "Operator or function requires a document path; operator or function: attribute_not_exists",
        ),
        (
            "attribute_type(a, :s)",
            "Invalid attribute type name found; type: 1, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "a between :s and :one",
            "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {S:1}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "a between :two and :one",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
        ),
    ] {
        assert_eq!(filter_error(text, &[], &values), message, "{text}");
    }
}

#[test]
fn operands_that_are_not_distinct() {
    for (text, operator, operand) in [
        ("a = a AND #a = b AND :views > a", "=", "[a]"),
        ("#a <> a", "<>", "[a]"),
        ("((a=a) OR (a=a))", "=", "[a]"),
        ("contains(ab.bc[1].a, ab.bc[1].#a)", "contains", "[ab, bc, [1], a]"),
        ("attribute_type(ab.bc[1].#a, ab.bc[1].a)", "attribute_type", "[ab, bc, [1], a]"),
    ] {
        let expected = format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {operand}"
        );
        assert_eq!(filter_error(text, &[("#a", "a")], &[]), expected, "{text}");
    }
}

#[test]
fn limits() {
    assert_eq!(filter_error("", &[], &[]), "The expression can not be empty;");
    let long = format!("{} = :v", "a".repeat(4096));
    assert_eq!(
        filter_error(&long, &[], &[]),
        "Expression size has exceeded the maximum allowed size; expression size: 4101"
    );
    let long = format!("set {} = :v", "a".repeat(4096));
    assert_eq!(update_error(&long, &[], &[]), "Expression size has exceeded the maximum allowed size;");
    let many = vec!["a<b"; 151].join(" or ");
    assert_eq!(
        filter_error(&many, &[], &[]),
        "The expression contains too many operators; operator count: 301"
    );
    let operands = vec!["b"; 101].join(",");
    assert_eq!(
        filter_error(&format!("a IN ({operands})"), &[], &[]),
        "The IN operator is provided with too many operands; number of operands: 101"
    );
    let deep = vec!["a"; 33].join(".");
    assert_eq!(
        filter_error(&format!("{deep} = b"), &[], &[]),
        "The document path has too many nesting levels; nesting levels: 33"
    );
    let open = "(".repeat(4000);
    assert_eq!(filter_error(&open, &[], &[]), "The expression is nested too deeply");
}

/// AWS has no bound of its own for depth.
#[test]
fn what_is_nested_deeply_is_read() {
    let nested = |left: &str, middle: &str, right: &str, depth: usize| {
        left.repeat(depth) + middle + &right.repeat(depth)
    };
    let item = Item::from_wire(Value::Map(vec![("a".into(), n("1")), ("b".into(), n("2"))])).unwrap();
    // 299 operators.
    for text in [nested("a<b or (", "a<b", ")", 149), nested("NOT ", "a>b", "", 299)] {
        let mut none = placeholders(&[], &[]);
        let condition = Condition::compile(Kind::Filter, &text, &mut none).unwrap();
        assert!(condition.matches(&item), "{text}");
    }
    let operators = "The expression contains too many operators; operator count: 301";
    for (text, message) in [
        (nested("a<b or (", "a<b", ")", 150), operators),
        (nested("NOT ", "a<b", "", 1_000), operators),
        (nested("(", "a<b", ")", 2_046), "The expression has redundant parentheses;"),
        (nested("f(", "b", ")", 1_355), "Invalid function name; function: f"),
    ] {
        let text = if text.starts_with("f(") { format!("a < {text}") } else { text };
        assert_eq!(filter_error(&text, &[], &[]), message);
    }
    let update = format!("SET a = {}", nested("if_not_exists(c, ", "b", ")", 200));
    Update::compile(&update, &mut placeholders(&[], &[])).unwrap();
}

#[test]
fn findings_of_updates_are_ranked() {
    let section =
        |name: &str| format!("The \"{name}\" section can only be used once in an update expression;");
    let name = "An expression attribute name used in the document path is not defined; attribute name: ";
    let undefined = "An expression attribute value used in expression is not defined; attribute value: ";
    let values = [(":a", value("S")), (":b", value("S"))];
    let names = [("#a", "a"), ("#b", "b")];
    for (text, message) in [
        (" set #c = :c set abOrt = true ", "Attribute name is a reserved keyword; reserved keyword: abOrt".into()),
        ("set #c = if_not_exist(:c) set c = d", "Invalid function name; function: if_not_exist".into()),
        ("set a = list_append(list_append(b, c), d)", "The function is not allowed to be used this way in an expression; function: list_append".into()),
        ("set a = size(b)", "The function is not allowed in an update expression; function: size".into()),
        ("set a = #c set c = :d", section("SET")),
        ("remove #d set a = b remove e", section("REMOVE")),
        ("add #d :e set a = b add e :f", section("ADD")),
        ("delete #d :e set a = b delete #e :f", section("DELETE")),
        ("SET #c = if_not_exists(:c)", format!("{name}#c")),
        ("SET #a = if_not_exists(:c)", format!("{undefined}:c")),
        ("set a = if_not_exists(:a, c)", "Operator or function requires a document path; operator or function: if_not_exists".into()),
        ("set a = list_append(c)", "Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1".into()),
    ] {
        assert_eq!(update_error(text, &names, &values), message, "{text}");
    }
    for (text, kind, operator, printed) in [
        ("set b = list_append(:a, a), c = if_not_exists(a) add a.b :a", "S", "ADD", "STRING"),
        ("add a.b :a", "BOOL", "ADD", "BOOLEAN"),
        ("delete a.b :a", "N", "DELETE", "NUMBER"),
        ("add a.b :a", "L", "ADD", "LIST"),
    ] {
        let expected = format!(
            "Incorrect operand type for operator or function; operator: {operator}, operand type: {printed}"
        );
        assert_eq!(update_error(text, &[], &[(":a", value(kind))]), expected, "{text}");
    }
    for (text, kind, function) in [
        ("set a = list_append(a, :a)", "SS", "list_append"),
        ("set a = :a + b", "B", "+"),
        ("set a = b - :a", "L", "-"),
    ] {
        let expected = format!(
            "Incorrect operand type for operator or function; operator or function: {function}, operand type: {kind}"
        );
        assert_eq!(update_error(text, &[], &[(":a", value(kind))]), expected, "{text}");
    }
}

#[test]
fn paths_that_overlap_or_conflict() {
    let names = [("#c", "c"), ("#d", "[3]")];
    for (text, relation, one, two) in [
        ("set d[1] = a, d.b = a, c[1].a = a, #c = if_not_exists(a)", "overlap", "[c, [1], a]", "[c]"),
        ("set a = b remove a, #c, #d", "overlap", "[a]", "[a]"),
        ("set #c[3].#d = a, #c[3] = a", "overlap", "[c, [3], [3]]", "[c, [3]]"),
        ("remove c, #c.a, #d", "overlap", "[c]", "[c, a]"),
        ("set #c[3].#d = a, #c.#d[3] = if_not_exists(a)", "conflict", "[c, [3], [3]]", "[c, [3], [3]]"),
        ("remove a.#c set a[1] = #d", "conflict", "[a, c]", "[a, [1]]"),
    ] {
        let expected = format!(
            "Two document paths {relation} with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        );
        assert_eq!(update_error(text, &names, &[]), expected, "{text}");
    }
    let many: Vec<String> = (0..100).map(|at| format!("a{at}")).collect();
    let text = format!("{}, a50.b", many.join(","));
    let error = Projection::compile(&text, &mut placeholders(&[], &[])).unwrap_err();
    assert_eq!(
        error.message(),
        "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a50], path two: [a50, b]"
    );
}

#[test]
fn placeholders_are_checked() {
    let map = |key: &str, value: Value| Some(Value::Map(vec![(key.to_owned(), value)]));
    for (names, values, message) in [
        (Some(Value::Map(vec![])), None, "ExpressionAttributeNames must not be empty"),
        (
            map("a", Value::str("a")),
            None,
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\"",
        ),
        (None, Some(Value::Map(vec![])), "ExpressionAttributeValues must not be empty"),
        (None, map("b", s("a")), "ExpressionAttributeValues contains invalid key: Syntax error; key: \"b\""),
        (
            None,
            map(":b", Value::Struct(Struct::new())),
            "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes for key :b",
        ),
        (
            None,
            map(":b", n("b")),
            "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: b for key :b",
        ),
    ] {
        assert_eq!(Placeholders::new(names, values).unwrap_err().older().message(), message);
    }
    let mut both = placeholders(&[("#a", "a"), ("#b", "b")], &[(":a", s("a")), (":b", s("b"))]);
    Condition::compile(Kind::Filter, "#a = :b", &mut both).unwrap();
    let unused = "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}";
    assert_eq!(both.check_used().unwrap_err().message(), unused);
    Condition::compile(Kind::Filter, "#b = :b", &mut both).unwrap();
    let unused = "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a}";
    assert_eq!(both.check_used().unwrap_err().message(), unused);
}

#[test]
fn placeholders_need_an_expression() {
    let (condition, key, filter) =
        (("ConditionExpression", false), ("KeyConditionExpression", false), ("FilterExpression", false));
    let projection = ("ProjectionExpression", true);
    const NAMES: &str = "ExpressionAttributeNames can only be specified when using expressions";
    const VALUES: &str = "ExpressionAttributeValues can only be specified when using expressions";
    for (names, values, expressions, message, older) in [
        (true, true, &[condition][..], NAMES, NAMES.to_owned()),
        (false, true, &[condition], VALUES, format!("{VALUES}: ConditionExpression is null")),
        (
            true,
            true,
            &[filter, key, projection],
            VALUES,
            format!("{VALUES}: FilterExpression and KeyConditionExpression are null"),
        ),
    ] {
        let refused = check_placeholders_allowed(names, values, expressions).unwrap_err();
        assert_eq!((refused.message(), refused.clone().older().message()), (message, older.as_str()));
    }
    assert_eq!(check_placeholders_allowed(true, true, &[("ConditionExpression", true)]), Ok(()));
    assert_eq!(check_placeholders_allowed(true, true, &[projection]), Ok(()));
}

fn key(text: &str) -> Result<KeyCondition, Invalid> {
    KeyCondition::compile(text, &mut placeholders(&[], &[(":a", n("1")), (":b", n("2"))]))
}

#[test]
fn key_conditions() {
    for (text, message) in [
        ("a = :a OR b = :b", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT a = :a", "Invalid operator used in KeyConditionExpression: NOT"),
        ("a <> :a", "Invalid operator used in KeyConditionExpression: <>"),
        ("a IN (:a)", "Invalid operator used in KeyConditionExpression: IN"),
        ("attribute_exists(a)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("contains(a, :a)", "Invalid operator used in KeyConditionExpression: contains"),
        ("size(a) = :a", "KeyConditionExpressions cannot contain nested operations"),
        ("a.b = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (":a = :b", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        (
            "a = b",
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
        (
            ":a between :a and :b",
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand",
        ),
        (
            "a = :a AND a > :b",
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        ),
    ] {
        assert_eq!(key(text).unwrap_err().message(), message, "{text}");
    }
    let schema = |text: &str| key(text).unwrap().resolve(("a", Type::N), Some(("b", Type::N)));
    for (text, message) in [
        ("b = :a", "Query condition missed key schema element: a"),
        ("a = :a AND c = :b", "Query condition missed key schema element: b"),
        ("a > :a", "Query key condition not supported"),
    ] {
        assert_eq!(schema(text).unwrap_err().message(), message, "{text}");
    }
    let two = key("b = :a AND c = :b").unwrap().resolve(("a", Type::N), None).unwrap_err();
    assert_eq!(two.message(), "Query key condition not supported");
    let turned = key(":a > a").unwrap().resolve(("a", Type::S), None).unwrap_err();
    assert_eq!(
        turned.message(),
        "One or more parameter values were invalid: Condition parameter type does not match schema type"
    );
    let strings = key("a = :a").unwrap().resolve(("a", Type::S), None).unwrap_err();
    assert_eq!(
        strings.message(),
        "One or more parameter values were invalid: Condition parameter type does not match schema type"
    );
    let (one, two) = (AttributeValue::n(1), AttributeValue::n(2));
    assert_eq!(schema("a = :a"), Ok((one.clone(), None)));
    assert_eq!(
        schema("(a = :a AND (:b <= b))"),
        Ok((one.clone(), Some(KeyTest::GreaterOrEqual(two.clone()))))
    );
    assert_eq!(schema("b BETWEEN :a AND :b AND a = :a"), Ok((one.clone(), Some(KeyTest::Between(one, two)))));
}

/// `{n: 5, s: "hello", l: [1, {x: 2}], m: {k: "v", deep: {er: true}}, ss: {a, b}, null: NULL}`
fn sample() -> Item {
    let map = |pairs: Vec<(&str, AttributeValue)>| {
        AttributeValue::M(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let pairs = vec![
        ("n", AttributeValue::n(5)),
        ("s", AttributeValue::s("hello")),
        ("l", AttributeValue::L(vec![AttributeValue::n(1), map(vec![("x", AttributeValue::n(2))])])),
        (
            "m",
            map(vec![("k", AttributeValue::s("v")), ("deep", map(vec![("er", AttributeValue::Bool(true))]))]),
        ),
        ("ss", AttributeValue::SS(vec!["a".into(), "b".into()])),
        ("nothing", AttributeValue::Null),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn conditions_hold_or_not() {
    let values = [
        (":5", n("5.0")),
        (":6", n("6")),
        (":h", s("hello")),
        (":he", s("he")),
        (":a", s("a")),
        (":x", value("SS")),
        (":S", s("S")),
        (":one", n("1")),
    ];
    for (text, expected) in [
        ("n = :5", true),
        ("n <> :5", false),
        ("n < :6 AND n >= :5", true),
        ("n = :h", false),
        ("n <> :h", true),
        ("n < :h", false),
        ("gone = :5", false),
        ("gone <> :5", true),
        ("gone <> left1", true),
        ("gone = left1", false),
        ("NOT gone = :5", true),
        ("n between :5 and :6", true),
        ("n in (:6, :h, :5)", true),
        ("begins_with(s, :he)", true),
        ("begins_with(n, :he)", false),
        ("contains(s, :he)", true),
        ("contains(ss, :a)", true),
        ("contains(ss, :he)", false),
        ("contains(l, :one)", true),
        ("size(s) = :5", true),
        ("size(l) < :5 and size(m) < :5", true),
        ("size(n) = :5", false),
        ("attribute_exists(m.deep.er)", true),
        ("attribute_exists(l[1].x) and attribute_not_exists(l[2])", true),
        ("attribute_type(s, :S)", true),
        ("attribute_type(n, :S)", false),
        ("n = :6 OR s = :h AND NOT n = :6", true),
        ("(n = :6 OR s = :h) AND n = :6", false),
        ("ss = :x", false),
    ] {
        let condition = Condition::compile(Kind::Filter, text, &mut placeholders(&[], &values)).unwrap();
        assert_eq!(condition.matches(&sample()), expected, "{text}");
    }
}

fn text_of(item: &Item) -> String {
    fn of(value: &AttributeValue) -> String {
        match value {
            AttributeValue::S(text) => text.clone(),
            AttributeValue::N(number) => number.to_string(),
            AttributeValue::B(bytes) => format!("{bytes:?}"),
            AttributeValue::SS(set) => format!("<{}>", set.join(" ")),
            AttributeValue::NS(set) => format!("{set:?}"),
            AttributeValue::BS(set) => format!("{set:?}"),
            AttributeValue::M(map) => text_of(map),
            AttributeValue::L(list) => format!("[{}]", list.iter().map(of).collect::<Vec<_>>().join(" ")),
            AttributeValue::Bool(bool) => bool.to_string(),
            AttributeValue::Null => "null".to_owned(),
        }
    }
    let pairs: Vec<String> = item.iter().map(|(name, value)| format!("{name}:{}", of(value))).collect();
    format!("{{{}}}", pairs.join(" "))
}

#[test]
fn projections_keep_what_they_name() {
    for (text, expected) in [
        ("n, s", "{n:5 s:hello}"),
        ("gone, m.k", "{m:{k:v}}"),
        ("m.deep.er, m.k", "{m:{deep:{er:true} k:v}}"),
        ("l[1]", "{l:[{x:2}]}"),
        ("l[1].x, l[0]", "{l:[1 {x:2}]}"),
        ("n.x, m[0], l[7]", "{}"),
        ("l.y", "{}"),
    ] {
        let projection = Projection::compile(text, &mut placeholders(&[], &[])).unwrap();
        assert_eq!(text_of(&projection.apply(&sample())), expected, "{text}");
    }
}

#[test]
fn updates_change_what_they_name() {
    let mut list = Struct::new();
    list.push("L", Value::List(vec![n("7"), n("8")]));
    let values = [(":1", n("1")), (":s", s("new")), (":l", Value::Struct(list)), (":a", value("SS"))];
    for (text, changed, new) in [
        ("SET n = n + :1", "{n:6}", "{n:6}"),
        ("SET n = :1 - n, x = n", "{n:-4 x:5}", "{n:-4 x:5}"),
        ("SET x = s, s = :s", "{s:new x:hello}", "{s:new x:hello}"),
        ("SET x = if_not_exists(x, :1), n = if_not_exists(n, :1)", "{n:5 x:1}", "{n:5 x:1}"),
        ("SET l = list_append(l, :l)", "{l:[1 {x:2} 7 8]}", "{l:[1 {x:2} 7 8]}"),
        ("SET l = list_append(if_not_exists(x, :l), l)", "{l:[7 8 1 {x:2}]}", "{l:[7 8 1 {x:2}]}"),
        ("SET l[1].x = :s", "{l:[1 {x:new}]}", "{l:[{x:new}]}"),
        ("SET l[9] = :s, l[5] = :1", "{l:[1 {x:2} 1 new]}", "{}"),
        ("SET m.k2 = :1", "{m:{deep:{er:true} k:v k2:1}}", "{m:{k2:1}}"),
        ("REMOVE l[0], l[1]", "{l:[]}", "{}"),
        ("REMOVE l[1].x, l[0], l[7]", "{l:[{}]}", "{l:[{}]}"),
        ("REMOVE l[0] SET l[2] = :s", "{l:[{x:2} new]}", "{l:[{x:2}]}"),
        ("REMOVE m.k, gone, m.none1", "{m:{deep:{er:true}}}", "{}"),
        ("ADD n :1, count1 :1", "{count1:1 n:6}", "{count1:1 n:6}"),
        ("ADD ss :a, tt :a", "{ss:<a b> tt:<a>}", "{ss:<a b> tt:<a>}"),
        ("DELETE ss :a, tt :a", "{ss:<b>}", "{ss:<b>}"),
        ("SET n = (n) + (:1)", "{n:6}", "{n:6}"),
        ("SET n = (n + :1)", "{n:6}", "{n:6}"),
    ] {
        let update = Update::compile(text, &mut placeholders(&[], &values)).unwrap();
        let updated = update.apply(Some(&sample()), &Item::new()).unwrap();
        let names: Vec<&str> = update.targets().map(crate::dynamodb::path::Path::attribute).collect();
        assert_eq!(text_of(&updated.item.only(names)), changed, "{text}");
        assert_eq!(text_of(&updated.new_attributes()), new, "{text}");
    }
    let update = Update::compile("DELETE ss :both", &mut placeholders(&[], &[(":both", both())])).unwrap();
    assert!(!update.apply(Some(&sample()), &Item::new()).unwrap().item.contains("ss"));
}

#[test]
fn updates_of_an_item_that_is_not_there() {
    let key = Item::from_pairs(vec![("pk".into(), AttributeValue::s("k"))]);
    for (text, creates, after) in [
        ("REMOVE x.y, z[0], v", false, "{pk:k}"),
        ("DELETE x :ss", false, "{pk:k}"),
        ("SET x = pk", true, "{pk:k x:k}"),
        ("ADD x :ss REMOVE y", true, "{pk:k x:<a>}"),
    ] {
        let update = Update::compile(text, &mut placeholders(&[], &[(":ss", value("SS"))])).unwrap();
        assert_eq!(update.creates_item(), creates, "{text}");
        assert_eq!(text_of(&update.apply(None, &key).unwrap().item), after, "{text}");
    }
    assert!(Update::default().creates_item());
}

fn both() -> Value {
    let mut union = Struct::new();
    union.push("SS", Value::List(vec![Value::str("b"), Value::str("a")]));
    Value::Struct(union)
}

#[test]
fn updates_that_an_item_refuses() {
    let kind = "An operand in the update expression has an incorrect data type";
    let missing = "The provided expression refers to an attribute that does not exist in the item";
    let path = "The document path provided in the update expression is invalid for update";
    let overflow = "Number overflow. Attempting to store a number with magnitude larger than supported range";
    let values = [(":1", n("1")), (":big", n("9e125")), (":ss", value("SS")), (":l", value("L"))];
    for (text, message) in [
        ("SET x = s + :1", kind),
        ("SET x = list_append(ss, :l)", kind),
        ("ADD s :1", kind),
        ("ADD n :ss", kind),
        ("DELETE n :ss", kind),
        ("SET x = y", missing),
        ("SET x = y + :1", missing),
        ("SET x = list_append(y, z)", missing),
        ("SET y.a = :1", path),
        ("SET y[1] = :1", path),
        ("SET n.a = :1", path),
        ("SET m[1] = :1", path),
        ("SET l.a = :1", path),
        ("REMOVE y.a", path),
        ("DELETE y.a :ss", path),
        ("ADD l.a :1", path),
        ("SET x = :big + :big", overflow),
    ] {
        let update = Update::compile(text, &mut placeholders(&[], &values)).unwrap();
        assert_eq!(update.apply(Some(&sample()), &Item::new()).unwrap_err().message(), message, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_compiler_panic(text in "(SET|REMOVE|ADD|DELETE|AND|OR|NOT|BETWEEN|IN|a|b\\.c|#n|:v|:u|=|<>|<|\\(|\\)|\\[1\\]|,|\\+|-|size\\(|contains\\(|list_append\\(|if_not_exists\\(|9|é|!| ){0,40}") {
        let mut known = placeholders(&[("#n", "name")], &[(":v", n("1"))]);
        let item = sample();
        for kind in [Kind::Condition, Kind::Filter] {
            if let Ok(condition) = Condition::compile(kind, &text, &mut known) {
                condition.matches(&item);
            }
        }
        let _ = KeyCondition::compile(&text, &mut known).map(|key| key.resolve(("a", Type::S), None));
        if let Ok(projection) = Projection::compile(&text, &mut known) {
            projection.apply(&item);
        }
        if let Ok(update) = Update::compile(&text, &mut known) {
            let _ = update.apply(Some(&item), &Item::new());
        }
    }
}
