//! Which resources a target comes to: by filters over what EC2 tells of them, and by its selection mode. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/fis/latest/userguide/targets.html>

use super::Filter;
use wire::Value;

/// How many of those that fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    All,
    Count(usize),
    Percent(usize),
}

impl Mode {
    /// `ALL`, `COUNT(3)`, `PERCENT(25)`
    pub(crate) fn read(text: &str) -> Option<Mode> {
        if text == "ALL" {
            return Some(Mode::All);
        }
        let (name, rest) = text.split_once('(')?;
        let number: usize = rest.strip_suffix(')')?.parse().ok()?;
        match name {
            "COUNT" if number > 0 => Some(Mode::Count(number)),
            "PERCENT" if (1..=100).contains(&number) => Some(Mode::Percent(number)),
            _ => None,
        }
    }

    /// Of so many. A part of the last one is none, but for the only one.
    pub(crate) fn of(self, count: usize) -> usize {
        match self {
            Mode::All => count,
            Mode::Count(number) => number.min(count),
            Mode::Percent(number) => (count * number / 100).max(1).min(count),
        }
    }
}

/// Whether what is told of a resource has one of the values at each path (`Placement.AvailabilityZone`).
pub(crate) fn passes(told: &Value, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| {
        let mut found = Vec::new();
        at(told, &filter.path, &mut found);
        found.iter().any(|value| filter.values.contains(value))
    })
}

/// The texts at a path; below a list those of all its items.
fn at(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(items) = value.as_list() {
        items.iter().for_each(|item| at(item, path, found));
        return;
    }
    if path.is_empty() {
        found.extend(match value {
            Value::Str(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        });
        return;
    }
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    if let Some(inner) = value.member(name) {
        at(inner, rest, found);
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Mode, passes};
    use wire::Value;

    #[test]
    fn modes_are_read_and_counted() {
        for (text, of_ten, of_one) in
            [("ALL", 10, 1), ("COUNT(3)", 3, 1), ("PERCENT(25)", 2, 1), ("PERCENT(100)", 10, 1)]
        {
            let mode = Mode::read(text).unwrap();
            assert_eq!((mode.of(10), mode.of(1), mode.of(0)), (of_ten, of_one, 0), "{text}");
        }
        for wrong in ["", "all", "COUNT(0)", "COUNT", "COUNT(x)", "PERCENT(0)", "PERCENT(101)", "SOME(1)"] {
            assert_eq!(Mode::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn filters_look_into_what_is_told() {
        let structure =
            |name: &'static str, value: Value| Value::Struct([(name, value)].into_iter().collect());
        let groups = Value::List(vec![
            structure("GroupId", Value::str("sg-1")),
            structure("GroupId", Value::str("sg-2")),
        ]);
        let told = Value::Struct(
            [("State", structure("Name", Value::str("running"))), ("SecurityGroups", groups)]
                .into_iter()
                .collect(),
        );
        let filter =
            |path: &str, value: &str| Filter { path: path.into(), values: vec!["x".into(), value.into()] };
        assert!(passes(&told, &[]));
        assert!(passes(&told, &[filter("State.Name", "running"), filter("SecurityGroups.GroupId", "sg-2")]));
        assert!(!passes(&told, &[filter("State.Name", "stopped")]));
        assert!(!passes(&told, &[filter("Placement.AvailabilityZone", "us-east-1a")]));
    }
}
