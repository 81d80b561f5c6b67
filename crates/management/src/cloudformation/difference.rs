//! Where two values differ, place by place.

use super::template::{alike, text};
use wire::Value;

/// One place.
#[derive(PartialEq, Debug)]
pub(crate) struct Place<'v> {
    /// `/Properties/Environment/Variables/STAGE`
    pub(crate) path: String,
    pub(crate) before: Option<&'v Value>,
    pub(crate) after: Option<&'v Value>,
    /// `Add`, `Remove` or `Modify`.
    pub(crate) change: &'static str,
}

/// The places that differ: what is a map before and after is looked into.
pub(crate) fn places<'v>(path: &str, before: Option<&'v Value>, after: Option<&'v Value>) -> Vec<Place<'v>> {
    if alike(before, after) {
        return Vec::new();
    }
    if let (Some(Value::Map(these)), Some(Value::Map(those))) = (before, after) {
        let value = |entries: &'v [(String, Value)], name: &str| {
            entries.iter().find(|(own, _)| own == name).map(|(_, value)| value)
        };
        let fresh = those.iter().filter(|(name, _)| value(these, name).is_none());
        let names = these.iter().chain(fresh).map(|(name, _)| name);
        let within =
            |name: &String| places(&format!("{path}/{name}"), value(these, name), value(those, name));
        return names.flat_map(within).collect();
    }
    let change = match (before, after) {
        (None, _) => "Add",
        (_, None) => "Remove",
        _ => "Modify",
    };
    vec![Place { path: path.to_owned(), before, after, change }]
}

/// A value as it is shown: what is no scalar as JSON.
pub(crate) fn shown(value: &Value) -> String {
    text(value).unwrap_or_else(|| wire::json::text(value))
}

#[cfg(test)]
mod tests {
    use super::{places, shown};

    #[test]
    fn maps_are_looked_into_and_lists_are_not() {
        let read = |text| wire::json::read(text).unwrap();
        let before = read(r#"{"A":{"B":1,"C":"x","D":[1]},"E":true}"#);
        let after = read(r#"{"A":{"B":"1","C":"y","D":[1,2],"F":{}}}"#);
        let all = places("/P", Some(&before), Some(&after));
        let told: Vec<String> = all
            .iter()
            .map(|place| {
                let value = |value: Option<&wire::Value>| value.map(shown).unwrap_or_default();
                format!("{} {} {} > {}", place.change, place.path, value(place.before), value(place.after))
            })
            .collect();
        let expected =
            ["Modify /P/A/C x > y", "Modify /P/A/D [1] > [1,2]", "Add /P/A/F  > {}", "Remove /P/E true > "];
        assert_eq!(told, expected);
    }
}
