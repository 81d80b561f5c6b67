//! Legacy parameters in AWS's words.

use super::*;
use crate::dynamodb::expression::Update;
use crate::dynamodb::item::Item;
use crate::dynamodb::value::AttributeValue;
use wire::{Struct, Value};

fn union(kind: &'static str, value: Value) -> Value {
    let mut union = Struct::new();
    union.push(kind, value);
    Value::Struct(union)
}

fn n(number: &str) -> Value {
    union("N", Value::str(number))
}

fn entry(members: Vec<(&'static str, Value)>) -> Option<Value> {
    Some(Value::Map(vec![("a".to_owned(), Value::Struct(members.into_iter().collect()))]))
}

fn comparison(operator: &str, values: Vec<Value>) -> Option<Value> {
    entry(vec![("ComparisonOperator", Value::str(operator)), ("AttributeValueList", Value::List(values))])
}

#[test]
fn expectations_that_are_refused() {
    let (value, list) = (("Value", n("1")), ("AttributeValueList", Value::List(vec![n("1")])));
    let operator = |name: &str| ("ComparisonOperator", Value::str(name));
    for (members, message) in [
        (vec![], "Value must be provided when Exists is null for Attribute: a"),
        (vec![("Exists", Value::Bool(true))], "Value must be provided when Exists is true for Attribute: a"),
        (
            vec![("Exists", Value::Bool(false)), value.clone()],
            "Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            vec![list.clone()],
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        (
            vec![list.clone(), value.clone()],
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            vec![("Exists", Value::Bool(true)), operator("EQ"), list],
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            vec![operator("LT")],
            "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
        ),
        (
            vec![operator("NULL"), value.clone()],
            "Invalid number of argument(s) for the NULL ComparisonOperator",
        ),
        (
            vec![operator("BETWEEN"), value],
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
    ] {
        let error = expected(entry(members), None).unwrap_err();
        assert_eq!(error.message(), format!("One or more parameter values were invalid: {message}"));
    }
}

#[test]
fn filters_that_are_refused() {
    let texts = |text: &str| union("S", Value::str(text));
    let set = || union("SS", Value::List(vec![Value::str("a")]));
    let invalid = "One or more parameter values were invalid: ";
    for (operator, values, message) in [
        ("EQ", vec![], format!("{invalid}Invalid number of argument(s) for the EQ ComparisonOperator")),
        ("IN", vec![], format!("{invalid}Invalid number of argument(s) for the IN ComparisonOperator")),
        ("IN", vec![n("1"), texts("a")], format!("{invalid}AttributeValues inside AttributeValueList must be of same type")),
        ("LT", vec![set()], format!("{invalid}ComparisonOperator LT is not valid for SS AttributeValue type")),
        ("BEGINS_WITH", vec![n("1")], format!("{invalid}ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type")),
        (
            "BETWEEN",
            vec![n("2"), n("1")],
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound".into(),
        ),
    ] {
        assert_eq!(filter(comparison(operator, values), None).unwrap_err().message(), message);
    }
    let one = filter(comparison("NULL", vec![]), Some("OR")).unwrap_err();
    assert_eq!(
        one.message(),
        "ConditionalOperator can only be used when Filter or Expected has two or more elements"
    );
    let none = filter(None, Some("OR")).unwrap_err();
    assert_eq!(none.message(), "ConditionalOperator cannot be used without Filter or Expected");
}

#[test]
fn filters_hold_or_not() {
    let item =
        Item::from_pairs(vec![("a".into(), AttributeValue::s("hello")), ("c".into(), AttributeValue::n(1))]);
    let text = |text: &str| vec![union("S", Value::str(text))];
    for (operator, values, with, without) in [
        ("EQ", text("hello"), true, false),
        ("NE", text("hello"), false, true),
        ("NE", vec![n("1")], true, true),
        ("GT", text("abc"), true, false),
        ("CONTAINS", text("ell"), true, false),
        ("NOT_CONTAINS", text("ell"), false, false),
        ("NOT_CONTAINS", vec![n("1")], true, false),
        ("BEGINS_WITH", text("he"), true, false),
        ("IN", text("hello"), true, false),
        ("NULL", vec![], false, true),
        ("NOT_NULL", vec![], true, false),
    ] {
        let condition = filter(comparison(operator, values), None).unwrap().unwrap();
        assert_eq!(
            (condition.matches(&item), condition.matches(&Item::new())),
            (with, without),
            "{operator}"
        );
    }
}

#[test]
fn updates() {
    let update = |action: Option<&str>, value: Option<Value>| {
        let members = action.map(|action| ("Action", Value::str(action))).into_iter();
        attribute_updates(entry(members.chain(value.map(|value| ("Value", value))).collect()).unwrap())
    };
    let list = || union("L", Value::List(vec![n("3")]));
    for (action, value, message) in [
        (None, None, "Only DELETE action is allowed when no attribute value is specified"),
        (Some("DELETE"), Some(n("1")), "DELETE action with value is not supported for the type N"),
        (Some("ADD"), Some(union("S", Value::str("a"))), "ADD action is not supported for the type S"),
    ] {
        let error = update(action, value).unwrap_err();
        assert_eq!(error.message(), format!("One or more parameter values were invalid: {message}"));
    }
    let item = Item::from_pairs(vec![("a".into(), AttributeValue::n(5))]);
    let after = |update: Update| update.apply(Some(&item), &Item::new()).unwrap().item.get("a").cloned();
    assert_eq!(after(update(None, Some(n("1"))).unwrap()), Some(AttributeValue::n(1)));
    assert_eq!(after(update(Some("ADD"), Some(n("1"))).unwrap()), Some(AttributeValue::n(6)));
    assert_eq!(after(update(Some("DELETE"), None).unwrap()), None);
    let appended = update(Some("ADD"), Some(list())).unwrap().apply(None, &Item::new()).unwrap();
    assert_eq!(appended.item.get("a"), Some(&AttributeValue::L(vec![AttributeValue::n(3)])));
    let mismatch = update(Some("ADD"), Some(list())).unwrap().apply(Some(&item), &Item::new()).unwrap_err();
    assert_eq!(mismatch.message(), "Type mismatch for attribute to update");
}

#[test]
fn keys() {
    let test = |operator, values| key_conditions(comparison(operator, values).unwrap(), false);
    let a = ("a", crate::dynamodb::value::Type::N);
    let error = test("NE", vec![n("1")]).unwrap().resolve(a, None).unwrap_err();
    assert_eq!(error.message(), "Attempted conditional constraint is not an indexable operation");
    let error = test("NE", vec![n("1")]).unwrap().resolve(("b", a.1), None).unwrap_err();
    assert_eq!(error.message(), "Query condition missed key schema element: b");
    let error = key_conditions(Value::Map(vec![]), true).unwrap_err();
    assert_eq!(error.message(), "Conditions can be of length 1 or 2 only");
    let resolved = test("EQ", vec![n("1")]).unwrap().resolve(a, None);
    assert_eq!(resolved, Ok((AttributeValue::n(1), None)));
}

#[test]
fn the_rest() {
    let error = attributes_to_get(["a", "b", "a"]).unwrap_err();
    assert_eq!(
        error.message(),
        "One or more parameter values were invalid: Duplicate value in attribute name: a"
    );
    assert_eq!(
        check_not_mixed(&["AttributeUpdates", "Expected"], &["UpdateExpression"]).unwrap_err().message(),
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates, Expected} Expression parameters: {UpdateExpression}"
    );
    assert_eq!(check_not_mixed(&[], &["UpdateExpression"]), Ok(()));
}
