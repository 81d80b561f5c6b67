//! Expressions: how they are read, and what they give for a row.

use super::aggregate::{self, Aggregate};
use super::function::{self, Function};
use super::run::NOW;
use super::text::{Read, Text};
use super::value::Val;
use regex_lite::Regex;
use std::cmp::Ordering;

/// A pattern may not nest its parts deeper.
const DEPTH_MAX: u32 = 32;

#[derive(Debug)]
pub(crate) enum Expression {
    Field(String),
    Constant(Val),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare(&'static str, Box<Expression>, Box<Expression>),
    Like(Box<Expression>, Regex),
    In(Box<Expression>, Vec<Expression>),
    Arithmetic(char, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
    /// The time of the event, cut to so many milliseconds.
    Bin(i64),
    /// A time, cut to so many milliseconds.
    Floor(Box<Expression>, i64),
    /// A time, raised to so many milliseconds.
    Ceil(Box<Expression>, i64),
}

const COMPARISONS: [&str; 7] = ["!=", "<=", ">=", "=~", "=", "<", ">"];

impl Expression {
    pub(super) fn read(text: &mut Text<'_>) -> Read<Expression> {
        read_or(text, 0)
    }

    /// Its value, by what a row's fields hold.
    pub(super) fn of(&self, field: &dyn Fn(&str) -> Val) -> Val {
        let truth = |one: &Expression| one.of(field).is_true();
        match self {
            Expression::Field(name) => field(name),
            Expression::Constant(value) => value.clone(),
            Expression::Not(one) => Val::flag(!truth(one)),
            Expression::And(a, b) => Val::flag(truth(a) && truth(b)),
            Expression::Or(a, b) => Val::flag(truth(a) || truth(b)),
            Expression::Compare(sign, a, b) => Val::flag(compare(sign, &a.of(field), &b.of(field))),
            Expression::Like(one, pattern) => {
                Val::flag(one.of(field).shown().is_some_and(|text| pattern.is_match(&text)))
            }
            Expression::In(one, all) => {
                let value = one.of(field);
                Val::flag(all.iter().any(|other| other.of(field).equals(&value)))
            }
            Expression::Arithmetic(sign, a, b) => arithmetic(*sign, &a.of(field), &b.of(field)),
            Expression::Call(function, inputs) => {
                let inputs: Vec<Val> = inputs.iter().map(|input| input.of(field)).collect();
                function.of(&inputs)
            }
            Expression::Floor(time, millis) => stepped(&time.of(field), *millis, 0),
            Expression::Ceil(time, millis) => stepped(&time.of(field), *millis, millis - 1),
            Expression::Bin(millis) => match field("@timestamp").number() {
                Some(time) => Val::Time((time as i64).div_euclid(*millis) * millis),
                None => Val::None,
            },
        }
    }
}

/// The last whole step before a time and some more of it.
fn stepped(time: &Val, step: i64, more: i64) -> Val {
    let steps = time.number().map(|time| (time as i64).saturating_add(more).div_euclid(step));
    steps.and_then(|steps| steps.checked_mul(step)).map_or(Val::None, Val::Time)
}

/// What is not there equals nothing, and is neither less nor more than anything.
fn compare(sign: &str, a: &Val, b: &Val) -> bool {
    if !a.is_there() || !b.is_there() {
        return sign == "!=" && a.is_there() != b.is_there();
    }
    let order = a.order(b);
    match sign {
        "=" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }
}

fn arithmetic(sign: char, a: &Val, b: &Val) -> Val {
    let (Some(a), Some(b)) = (a.number(), b.number()) else { return Val::None };
    let number = match sign {
        '+' => a + b,
        '-' => a - b,
        '*' => a * b,
        '/' => a / b,
        '%' => a % b,
        _ => a.powf(b),
    };
    if number.is_finite() { Val::Number(number) } else { Val::None }
}

fn read_or(text: &mut Text<'_>, depth: u32) -> Read<Expression> {
    if depth > DEPTH_MAX {
        return Err("the expression is nested too deep".to_owned());
    }
    let mut left = read_and(text, depth)?;
    while text.word("or") {
        left = Expression::Or(Box::new(left), Box::new(read_and(text, depth)?));
    }
    Ok(left)
}

fn read_and(text: &mut Text<'_>, depth: u32) -> Read<Expression> {
    let mut left = read_not(text, depth)?;
    while text.word("and") {
        left = Expression::And(Box::new(left), Box::new(read_not(text, depth)?));
    }
    Ok(left)
}

fn read_not(text: &mut Text<'_>, depth: u32) -> Read<Expression> {
    let mut negated = false;
    while text.word("not") {
        negated = !negated;
    }
    let one = read_comparison(text, depth)?;
    Ok(if negated { Expression::Not(Box::new(one)) } else { one })
}

fn pattern(text: &str) -> Read<Regex> {
    Regex::new(text).map_err(|_| format!("the regular expression {text} is not valid"))
}

/// A text that is to be found, or a regular expression.
fn read_pattern(text: &mut Text<'_>) -> Read<Regex> {
    if let Some(regex) = text.regex()? {
        return pattern(&regex);
    }
    match text.quoted()? {
        Some(part) => pattern(&regex_lite::escape(&part)),
        None => text.wrong("a text or a regular expression"),
    }
}

fn read_comparison(text: &mut Text<'_>, depth: u32) -> Read<Expression> {
    let left = read_sum(text, depth)?;
    let negated = text.word("not");
    let found = if text.word("like") {
        Expression::Like(Box::new(left), read_pattern(text)?)
    } else if text.word("in") {
        Expression::In(Box::new(left), read_list(text, depth)?)
    } else if negated {
        return text.wrong("'like' or 'in'");
    } else {
        let Some(sign) = COMPARISONS.into_iter().find(|sign| text.take(sign)) else { return Ok(left) };
        match sign {
            "=~" => Expression::Like(Box::new(left), read_pattern(text)?),
            sign => Expression::Compare(sign, Box::new(left), Box::new(read_sum(text, depth)?)),
        }
    };
    Ok(if negated { Expression::Not(Box::new(found)) } else { found })
}

fn read_list(text: &mut Text<'_>, depth: u32) -> Read<Vec<Expression>> {
    text.want("[")?;
    let mut all = Vec::new();
    while !text.take("]") {
        if !all.is_empty() {
            text.want(",")?;
        }
        all.push(read_sum(text, depth)?);
    }
    Ok(all)
}

fn read_sum(text: &mut Text<'_>, depth: u32) -> Read<Expression> {
    read_chain(text, depth, &['+', '-'], |text, depth| {
        read_chain(text, depth, &['*', '/', '%'], |text, depth| read_chain(text, depth, &['^'], read_one))
    })
}

fn read_chain(
    text: &mut Text<'_>,
    depth: u32,
    signs: &[char],
    part: impl Fn(&mut Text<'_>, u32) -> Read<Expression>,
) -> Read<Expression> {
    let mut left = part(text, depth)?;
    while let Some(sign) = signs.iter().find(|sign| text.take(&sign.to_string())) {
        left = Expression::Arithmetic(*sign, Box::new(left), Box::new(part(text, depth)?));
    }
    Ok(left)
}

fn read_one(text: &mut Text<'_>, depth: u32) -> Read<Expression> {
    if text.take("(") {
        let inner = read_or(text, depth + 1)?;
        text.want(")")?;
        return Ok(inner);
    }
    if text.take("-") {
        let one = read_one(text, depth + 1)?;
        return Ok(Expression::Arithmetic(
            '-',
            Box::new(Expression::Constant(Val::Number(0.0))),
            Box::new(one),
        ));
    }
    if let Some(quoted) = text.quoted()? {
        return Ok(Expression::Constant(Val::Text(quoted)));
    }
    if let Some(number) = text.number() {
        return Ok(Expression::Constant(Val::Number(number)));
    }
    let place = text.place();
    let Some(name) = text.name() else { return text.wrong("an expression") };
    if text.begins("(") && text.aggregates.is_some() && aggregate::is_name(&name) {
        text.back(place);
        let one = Aggregate::read(text)?;
        let all = text.aggregates.get_or_insert_default();
        all.push(one);
        return Ok(Expression::Field(aggregate::field(all.len() - 1)));
    }
    if !text.take("(") {
        return Ok(Expression::Field(name));
    }
    if name.eq_ignore_ascii_case("bin") {
        let millis = read_period(text)?;
        text.want(")")?;
        return Ok(Expression::Bin(millis));
    }
    if name.eq_ignore_ascii_case("datefloor") || name.eq_ignore_ascii_case("dateceil") {
        let time = Box::new(read_or(text, depth + 1)?);
        text.want(",")?;
        let millis = read_period(text)?;
        text.want(")")?;
        let is_floor = name.eq_ignore_ascii_case("datefloor");
        return Ok(if is_floor { Expression::Floor(time, millis) } else { Expression::Ceil(time, millis) });
    }
    let mut inputs = Vec::new();
    while !text.take(")") {
        if !inputs.is_empty() {
            text.want(",")?;
        }
        inputs.push(read_or(text, depth + 1)?);
    }
    if name.eq_ignore_ascii_case("now") && inputs.is_empty() {
        return Ok(Expression::Field(NOW.to_owned()));
    }
    let function = function::named(&name, inputs.len())?;
    Ok(Expression::Call(function, inputs))
}

/// `5m`, in milliseconds.
fn read_period(text: &mut Text<'_>) -> Read<i64> {
    let count = text.number().unwrap_or(1.0);
    let unit = text.name().unwrap_or_default();
    let millis = match unit.as_str() {
        "ms" | "msec" => 1,
        "s" | "sec" => 1_000,
        "m" | "min" => 60_000,
        "h" | "hr" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        _ => return text.wrong("a period such as 5m"),
    };
    let period = count as i64 * millis;
    if period > 0 { Ok(period) } else { text.wrong("a period above zero") }
}
