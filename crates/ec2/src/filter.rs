//! Filters of Describe operations: names with lists of values that may have wildcards. All filters must match, and of
//! a filter's values any.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>

use crate::errors::{Ec2Error, Plain};
use crate::tags::Tag;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Filter {
        pub name: Option<String> = "Name",
        pub values: Vec<String> = "Values",
    }
}

/// Values of all filters of a request together.
pub const VALUES_MAX: usize = 200;

/// The filters that a noun knows: the name, and the values that an item has under it.
pub type Known<V> = [(&'static str, fn(&V) -> Vec<String>)];

/// Checks names and number before anything is read.
///
/// # Errors
/// `InvalidParameterValue`, `FilterLimitExceeded`.
pub fn check<V>(filters: &[Filter], known: &Known<V>) -> Result<(), Ec2Error> {
    for filter in filters {
        let name = filter.name.as_deref().unwrap_or_default();
        let is_tag = name == "tag-key"
            || name == "tag-value"
            || name.strip_prefix("tag:").is_some_and(|key| !key.is_empty());
        if !is_tag && !known.iter().any(|(known, _)| *known == name) {
            return Err(Plain::InvalidParameterValue(format!("The filter '{name}' is invalid")).into());
        }
        if filter.values.is_empty() {
            return Err(Plain::InvalidParameterValue(format!(
                "The filter '{name}' must have at least one value"
            ))
            .into());
        }
    }
    if filters.iter().map(|filter| filter.values.len()).sum::<usize>() > VALUES_MAX {
        return Err(Plain::FilterLimitExceeded(VALUES_MAX).into());
    }
    Ok(())
}

/// Whether an item passes all filters.
pub fn passes<V>(item: &V, tags: &[Tag], filters: &[Filter], known: &Known<V>) -> bool {
    filters.iter().all(|filter| {
        let name = filter.name.as_deref().unwrap_or_default();
        let found = values(item, tags, name, known);
        filter.values.iter().any(|pattern| found.iter().any(|value| matches(pattern, value)))
    })
}

fn values<V>(item: &V, tags: &[Tag], name: &str, known: &Known<V>) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if let Some((_, read)) = known.iter().find(|(known, _)| *known == name) {
        return read(item);
    }
    match name.strip_prefix("tag:") {
        Some(key) => {
            let same = tags.iter().filter(|tag| tag.key.as_deref() == Some(key));
            same.map(|tag| text(&tag.value)).collect()
        }
        None if name == "tag-value" => tags.iter().map(|tag| text(&tag.value)).collect(),
        None => tags.iter().map(|tag| text(&tag.key)).collect(),
    }
}

/// One part of a pattern.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Any,
    One,
    Just(char),
}

/// `*` stands for any text, `?` for one character; a backslash takes that from the next.
pub fn matches(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?', '\\']) {
        return pattern == text;
    }
    let mut parts = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => Part::Just(letters.next().unwrap_or('\\')),
            other => Part::Just(other),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match parts.get(p) {
            Some(Part::Any) => {
                star = Some((p, t));
                p += 1;
            }
            Some(part) if *part == Part::One || *part == Part::Just(text[t]) => (p, t) = (p + 1, t + 1),
            _ => match star {
                // The last star takes one character more.
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    parts[p..].iter().all(|part| *part == Part::Any)
}

#[cfg(test)]
mod tests {
    use super::{Filter, Known, check, matches, passes};
    use crate::tags::Tag;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("vpc-1", "vpc-1", true),
            ("vpc-*", "vpc-1", true),
            ("*-1", "vpc-1", true),
            ("v?c-*", "vpc-1", true),
            ("v?c", "vpc-1", false),
            ("*a*b*", "xaxxbx", true),
            ("*a*b", "xaxxbx", false),
            (r"\*amazon\?\\", r"*amazon?\", true),
            (r"\*", "x", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn all_filters_and_any_value() {
        let known: &Known<&str> = &[("name", |item| vec![(*item).to_owned()])];
        let filter = |name: &str, values: &[&str]| Filter {
            name: Some(name.into()),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let tags = [Tag { key: Some("team".into()), value: Some("blue".into()) }];
        let good =
            [filter("name", &["x", "a*"]), filter("tag:team", &["blue"]), filter("tag-key", &["team"])];
        assert!(passes(&"abc", &tags, &good, known));
        assert!(!passes(&"abc", &tags, &[filter("tag:team", &["red"])], known));
        assert!(!passes(&"abc", &[], &[filter("tag:team", &["*"])], known));
        assert_eq!(
            check(&[filter("colour", &["x"])], known).unwrap_err().message(),
            "The filter 'colour' is invalid"
        );
        assert_eq!(check(&[filter("name", &["x"; 201])], known).unwrap_err().code(), "FilterLimitExceeded");
        assert!(check(&good, known).is_ok());
    }
}
