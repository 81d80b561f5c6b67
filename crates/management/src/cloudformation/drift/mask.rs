//! What is not shown of the properties of a resource: the places where they differ from how they are shown elsewhere.

use super::Difference;
use crate::cloudformation::template::get;
use wire::Value;

const MASKED: &str = "****";

/// The places that are not shown, by the members on the way. A list that hides something is not shown at all.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Mask(Vec<Vec<String>>);

impl Mask {
    /// `clear`: as it is; `shown`: as it is shown.
    pub(crate) fn of(clear: &Value, shown: &Value) -> Mask {
        let mut places = Vec::new();
        collect(clear, shown, &mut Vec::new(), &mut places);
        Mask(places)
    }

    /// Nothing is shown.
    pub(crate) fn all() -> Mask {
        Mask(vec![Vec::new()])
    }

    pub(crate) fn hide(&self, value: &mut Value) {
        self.0.iter().for_each(|place| hide(value, place));
    }

    pub(crate) fn hide_differences(&self, all: &mut [Difference]) {
        let within = |path: &str, other: &str| path == other || path.starts_with(&format!("{other}/"));
        for place in &self.0 {
            let pointer: String = place.iter().map(|name| format!("/{name}")).collect();
            for difference in all.iter_mut() {
                if within(&difference.path, &pointer) || within(&pointer, &difference.path) {
                    for value in [&mut difference.expected, &mut difference.actual] {
                        if value != "null" {
                            MASKED.clone_into(value);
                        }
                    }
                }
            }
        }
    }
}

fn collect(clear: &Value, shown: &Value, way: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    match (clear, shown) {
        (Value::Map(entries), Value::Map(_)) => {
            for (name, value) in entries {
                way.push(name.clone());
                match get(shown, name) {
                    Some(other) => collect(value, other, way, places),
                    None => places.push(way.clone()),
                }
                way.pop();
            }
        }
        (one, other) if one == other => {}
        _ => places.push(way.clone()),
    }
}

fn hide(value: &mut Value, place: &[String]) {
    let Some((first, rest)) = place.split_first() else {
        *value = Value::str(MASKED);
        return;
    };
    if let Value::Map(entries) = value {
        entries.iter_mut().filter(|(name, _)| name == first).for_each(|(_, value)| hide(value, rest));
    }
}

#[cfg(test)]
mod tests {
    use super::{Difference, Mask};
    use wire::json::{read, text};

    #[test]
    fn what_is_not_echoed_is_not_shown() {
        let clear = read(r#"{"A":{"b":"hush","c":1},"L":[{"p":"hush"}],"D":2}"#).unwrap();
        let shown = read(r#"{"A":{"b":"****","c":1},"L":[{"p":"****"}],"D":2}"#).unwrap();
        let mask = Mask::of(&clear, &shown);
        let mut actual = read(r#"{"A":{"b":"other","c":3},"L":[{"p":"hush"},{"p":"x"}],"D":4}"#).unwrap();
        mask.hide(&mut actual);
        assert_eq!(text(&actual), r#"{"A":{"b":"****","c":3},"L":"****","D":4}"#);
        let difference = |path: &str| Difference {
            path: path.into(),
            expected: "hush".into(),
            actual: "null".into(),
            kind: "REMOVE".into(),
        };
        let mut all = ["/A/b", "/A", "/L/1/p", "/A/c"].map(difference);
        mask.hide_differences(&mut all);
        assert_eq!(
            all.map(|d| format!("{} {}", d.expected, d.actual)),
            ["**** null", "**** null", "**** null", "hush null"]
        );
    }
}
