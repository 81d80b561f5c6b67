//! Time grows no faster than the text, or the item: eight times as much takes about eight times as long.

use super::{Condition, KeyCondition, Kind, Placeholders, Projection, Update};
use crate::dynamodb::item::Item;
use crate::dynamodb::partiql::Statement;
use crate::dynamodb::value::AttributeValue;
use std::time::{Duration, Instant};

const TIMES: u32 = 8;
/// A quadratic one would be 8 times as slow as it may be; this is how much noise is allowed.
const NOISE: u32 = 4;
/// Noise only adds: the fastest of many rounds counts.
const ROUNDS: u32 = 40;

/// Runs `work` on inputs of both sizes until their best times are as far apart as is allowed.
fn check(name: &str, size: usize, work: impl Fn(usize)) {
    let time = |size: usize| {
        let began = Instant::now();
        work(size);
        began.elapsed()
    };
    let (mut small, mut large) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        (small, large) = (small.min(time(size)), large.min(time(size * TIMES as usize)));
        if large < small * TIMES * NOISE {
            return;
        }
    }
    panic!("{name}: {small:?} became {large:?}");
}

fn placeholders() -> Placeholders {
    let value = AttributeValue::n(1).into_wire();
    Placeholders::new(None, Some(wire::Value::Map(vec![(":v".to_owned(), value)]))).unwrap()
}

fn item() -> Item {
    Item::from_pairs(vec![("a".into(), AttributeValue::n(1)), ("b".into(), AttributeValue::s("x"))])
}

#[test]
fn texts() {
    let filter = |text: String| {
        if let Ok(condition) = Condition::compile(Kind::Filter, &text, &mut placeholders()) {
            condition.matches(&item());
        }
    };
    let repeated = |part: &str, between: &str, n: usize| vec![part; n].join(between);
    check("AND", 12, |n| filter(repeated("a<>b", " AND ", n)));
    check("OR", 12, |n| filter(repeated("a=b", " OR ", n)));
    check("AND within OR", 6, |n| filter(repeated("a=b AND b=a", " OR ", n)));
    // Deep enough that both sizes are read on stacks of their own.
    check("NOT", 16, |n| filter(format!("{}a=b", "NOT ".repeat(n))));
    check("parentheses", 16, |n| filter(format!("{}a=b{}", "(".repeat(n), ")".repeat(n))));
    check("unclosed", 500, |n| filter("(".repeat(n)));
    check("IN", 12, |n| filter(format!("a IN ({})", repeated("b", ", ", n))));
    check("functions", 20, |n| filter(repeated("contains(b,a)", " OR ", n.min(150))));
    check("indexes", 60, |n| filter(format!("a{} = :v", "[9]".repeat(n))));
    check("paths", 30, |n| filter(format!("{} = :v", repeated("a", ".", n))));
    check("one word", 500, |n| filter("a".repeat(n)));
    check("no words", 500, |n| filter("é".repeat(n / 2)));
    check("projection", 50, |n| {
        let names: Vec<String> = (0..n).map(|n| format!("a{n}")).collect();
        if let Ok(projection) = Projection::compile(&names.join(","), &mut placeholders()) {
            projection.apply(&item());
        }
    });
    check("update", 25, |n| {
        let sets: Vec<String> = (0..n).map(|n| format!("c{n}=:v")).collect();
        if let Ok(update) = Update::compile(&format!("SET {}", sets.join(",")), &mut placeholders()) {
            let _ = update.apply(Some(&item()), &Item::new());
        }
    });
    check("key condition", 60, |n| {
        let _ = KeyCondition::compile(&repeated("a=:v", " AND ", n), &mut placeholders());
    });
    for (name, piece) in [
        ("lists", "["),
        ("parts of a list", "1,"),
        ("maps", "{'a':"),
        ("a string", "x"),
        ("quotes", "''"),
        ("spaces", " "),
    ] {
        check(name, 300, |n| {
            let text = format!("INSERT INTO \"t\" VALUE {{'a': [{}]}}", piece.repeat(n));
            let _ = Statement::parse(&text, Vec::new());
        });
    }
    check("terms of a statement", 60, |n| {
        let text = format!("SELECT * FROM \"t\" WHERE {}", repeated("a=1", " OR ", n));
        let _ = Statement::parse(&text, Vec::new());
    });
}

#[test]
fn items() {
    let strings = |n: usize| (0..n).map(|n| format!("{n:06}")).collect::<Vec<_>>();
    let with = |value: AttributeValue| Item::from_pairs(vec![("a".into(), value)]);
    let compile = |text: &str, value: AttributeValue| {
        let values = wire::Value::Map(vec![(":v".to_owned(), value.into_wire())]);
        let mut placeholders = Placeholders::new(None, Some(values)).unwrap();
        Update::compile(text, &mut placeholders).unwrap()
    };
    check("a set is added to a set", 500, |n| {
        let update = compile("ADD a :v", AttributeValue::SS(strings(2 * n).split_off(n)));
        update.apply(Some(&with(AttributeValue::SS(strings(n)))), &Item::new()).unwrap();
    });
    check("a set is taken from a set", 500, |n| {
        let update = compile("DELETE a :v", AttributeValue::SS(strings(n)));
        update.apply(Some(&with(AttributeValue::SS(strings(n)))), &Item::new()).unwrap();
    });
    let list = |n: usize| AttributeValue::L(strings(n).into_iter().map(AttributeValue::S).collect());
    check("a list is appended to a list", 500, |n| {
        let update = compile("SET a = list_append(a, :v)", list(n));
        update.apply(Some(&with(list(n))), &Item::new()).unwrap();
    });
    check("contains", 1_000, |n| {
        let value = wire::Value::Map(vec![(":v".to_owned(), AttributeValue::s("none").into_wire())]);
        let mut placeholders = Placeholders::new(None, Some(value)).unwrap();
        let condition = Condition::compile(Kind::Filter, "contains(a, :v)", &mut placeholders).unwrap();
        assert!(!condition.matches(&with(list(n))));
    });
    check("a part of a string", 2_000, |n| {
        let needle = format!("{}b", "a".repeat(n / 2));
        let value = wire::Value::Map(vec![(":v".to_owned(), AttributeValue::s(needle).into_wire())]);
        let mut placeholders = Placeholders::new(None, Some(value)).unwrap();
        let condition = Condition::compile(Kind::Filter, "contains(a, :v)", &mut placeholders).unwrap();
        assert!(!condition.matches(&with(AttributeValue::s("a".repeat(n)))));
    });
    check("attributes come in disorder", 500, |n| {
        let pair = |at: usize| (format!("{:06}", at * 7_919 % n), AttributeValue::n(1).into_wire());
        Item::from_wire(wire::Value::Map((0..n).map(pair).collect())).unwrap();
    });
    check("a set comes in disorder", 500, |n| {
        let text = |at: usize| wire::Value::Str(format!("{:06}", at * 7_919 % n));
        let mut union = wire::Struct::new();
        union.push("SS", wire::Value::List((0..n).map(text).collect()));
        AttributeValue::from_wire(wire::Value::Struct(union)).unwrap();
    });
}
