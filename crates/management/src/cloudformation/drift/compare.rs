//! What is wanted held against what is there: pure.
//!
//! Lists have no order: an item is where something like it is. Items that are named (`Key`, `Id`, ..) are compared with
//! their namesakes, others are there or are not. An empty list or map is as none. What nobody has written in a map is
//! passed over, but for [`Rules::whole`] places (documents, maps of one's own keys), where everything counts.

use crate::cloudformation::template::{get, text};
use wire::Value;

/// What items of lists are known by.
const NAMES: &[&str] = &["Key", "Id", "Sid", "PolicyName", "IndexName", "AttributeName", "Name", "Region"];
const NOTHING: &str = "null";

/// One place where what is there is not what is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    /// `/RedrivePolicy/maxReceiveCount`
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
    /// `ADD`, `REMOVE` or `NOT_EQUAL`.
    pub(crate) kind: String,
}

impl Difference {
    pub(super) fn of(value: &Value) -> Difference {
        let own = |name: &str| get(value, name).and_then(text).unwrap_or_default();
        Difference { path: own("Path"), expected: own("Expected"), actual: own("Actual"), kind: own("Kind") }
    }

    pub(super) fn value(&self) -> Value {
        Value::map([
            ("Path", Value::str(&self.path)),
            ("Expected", Value::str(&self.expected)),
            ("Actual", Value::str(&self.actual)),
            ("Kind", Value::str(&self.kind)),
        ])
    }
}

/// How a kind's properties are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Places (`Policies.PolicyDocument`, the items of lists not counted) where what nobody has written counts, too.
    pub(crate) whole: &'static [&'static str],
}

/// Where a comparison stands: the pointer that is shown, and the names on the way.
#[derive(Clone)]
struct Place {
    path: String,
    names: String,
    whole: bool,
}

impl Place {
    fn member(&self, name: &str, rules: &Rules) -> Place {
        let names = if self.names.is_empty() { name.to_owned() } else { format!("{}.{name}", self.names) };
        let whole = self.whole || rules.whole.contains(&names.as_str());
        Place { path: format!("{}/{}", self.path, pointer(name)), names, whole }
    }

    fn item(&self, at: usize) -> Place {
        Place { path: format!("{}/{at}", self.path), ..self.clone() }
    }

    fn differs(&self, kind: &str, expected: Option<&Value>, actual: Option<&Value>) -> Difference {
        let shown = |value: Option<&Value>| value.map_or_else(|| NOTHING.to_owned(), shown);
        Difference {
            path: self.path.clone(),
            expected: shown(expected),
            actual: shown(actual),
            kind: kind.to_owned(),
        }
    }
}

/// A name as part of a JSON pointer.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn shown(value: &Value) -> String {
    text(value).unwrap_or_else(|| wire::json::text(value))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Every difference, in the order of what is wanted.
pub(crate) fn compare(expected: &Value, actual: &Value, rules: &Rules) -> Vec<Difference> {
    let mut out = Vec::new();
    let root = Place { path: String::new(), names: String::new(), whole: false };
    walk(&root, expected, actual, rules, &mut out);
    out
}

fn walk(place: &Place, expected: &Value, actual: &Value, rules: &Rules, out: &mut Vec<Difference>) {
    let (read, told) = match place.whole {
        // A document may be written as text.
        true => (document(expected), document(actual)),
        false => (None, None),
    };
    let (expected, actual) = (read.as_ref().unwrap_or(expected), told.as_ref().unwrap_or(actual));
    match (expected, actual) {
        (Value::Map(wanted), Value::Map(there)) => {
            for (name, value) in wanted {
                let place = place.member(name, rules);
                match get(actual, name) {
                    Some(other) => walk(&place, value, other, rules, out),
                    None if is_nothing(value) => {}
                    None => out.push(place.differs("REMOVE", Some(value), None)),
                }
            }
            let own =
                there.iter().filter(|(name, value)| get(expected, name).is_none() && !is_nothing(value));
            if place.whole {
                out.extend(
                    own.map(|(name, value)| place.member(name, rules).differs("ADD", None, Some(value))),
                );
            }
        }
        (Value::List(wanted), Value::List(there)) => items(place, wanted, there, rules, out),
        // In a document, one thing is as good as a list of one.
        (Value::List(wanted), one) if place.whole && wanted.len() == 1 => {
            walk(place, &wanted[0], one, rules, out);
        }
        (one, Value::List(there)) if place.whole && there.len() == 1 => {
            walk(place, one, &there[0], rules, out);
        }
        (one, other) if is_equal(one, other) || is_nothing(one) && is_nothing(other) => {}
        (one, other) if place.whole && (is_account(one, other) || is_account(other, one)) => {}
        (one, other) => out.push(place.differs("NOT_EQUAL", Some(one), Some(other))),
    }
}

/// `5` is `5.0`, and `"20"` is `20`.
fn is_equal(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| text(value).and_then(|text| text.parse::<f64>().ok());
    let measures = matches!(one, Value::Float(_)) || matches!(other, Value::Float(_));
    shown(one) == shown(other) || measures && number(one).is_some_and(|own| Some(own) == number(other))
}

/// In a policy an account is written by its number, too.
fn is_account(number: &Value, arn: &Value) -> bool {
    let number = number.as_str().filter(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()));
    number.is_some_and(|id| arn.as_str().is_some_and(|arn| arn == format!("arn:aws:iam::{id}:root")))
}

fn document(value: &Value) -> Option<Value> {
    let text = value.as_str().filter(|text| text.trim_start().starts_with(['{', '[']))?;
    wire::json::read(text)
}

fn items(place: &Place, wanted: &[Value], there: &[Value], rules: &Rules, out: &mut Vec<Difference>) {
    let differences = |at: usize, one: &Value, other: &Value| {
        let mut found = Vec::new();
        walk(&place.item(at), one, other, rules, &mut found);
        found
    };
    let mut free: Vec<usize> = (0..there.len()).collect();
    let mut left: Vec<usize> = Vec::new();
    for (at, item) in wanted.iter().enumerate() {
        match free.iter().position(|other| differences(at, item, &there[*other]).is_empty()) {
            Some(found) => drop(free.remove(found)),
            None => left.push(at),
        }
    }
    // Statements that have no name are compared in their order.
    let in_order = place.whole && left.len() == free.len();
    for at in left {
        let item = &wanted[at];
        let namesake = free.iter().position(|other| is_same(item, &there[*other]));
        let pair = namesake.or((in_order && matches!(item, Value::Map(_)) && !free.is_empty()).then_some(0));
        match pair.map(|found| free.remove(found)) {
            Some(other) => out.extend(differences(at, item, &there[other])),
            None => out.push(place.item(at).differs("REMOVE", Some(item), None)),
        }
    }
    out.extend(free.into_iter().map(|at| place.item(at).differs("ADD", None, Some(&there[at]))));
}

/// Two items that go by the same name.
fn is_same(one: &Value, other: &Value) -> bool {
    let name = NAMES.iter().find(|name| get(one, name).is_some());
    name.is_some_and(|name| match (get(one, name).and_then(text), get(other, name).and_then(text)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    })
}

/// Takes a place (`A.B`, the items of lists not counted) out of a value.
pub(crate) fn prune(value: &mut Value, place: &str) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| prune(item, place)),
        Value::Map(entries) => match place.split_once('.') {
            None => entries.retain(|(name, _)| name != place),
            Some((first, rest)) => {
                entries
                    .iter_mut()
                    .filter(|(name, _)| name == first)
                    .for_each(|(_, value)| prune(value, rest));
            }
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Rules, compare, prune};
    use wire::json::{read, text};

    fn found(expected: &str, actual: &str) -> Vec<String> {
        let rules = Rules { whole: &["Policy", "Policies.PolicyDocument", "Variables"] };
        let all = compare(&read(expected).unwrap(), &read(actual).unwrap(), &rules);
        all.iter().map(|d| format!("{} {} {} {}", d.kind, d.path, d.expected, d.actual)).collect()
    }

    #[test]
    fn what_is_set_is_compared_and_nothing_else() {
        let rows: &[(&str, &str, &[&str])] = &[
            (r#"{"A":"20","B":true}"#, r#"{"A":20,"B":"true","C":1}"#, &[]),
            (r#"{"DelaySeconds":20}"#, r#"{"DelaySeconds":120}"#, &["NOT_EQUAL /DelaySeconds 20 120"]),
            (r#"{"A":{"b":10,"c":1}}"#, r#"{"A":{"b":12,"c":1,"d":2}}"#, &["NOT_EQUAL /A/b 10 12"]),
            (r#"{"A":5,"B":"05"}"#, r#"{"A":5.0,"B":"5"}"#, &["NOT_EQUAL /B 05 5"]),
            (r#"{"A":{"b":1}}"#, "{}", &[r#"REMOVE /A {"b":1} null"#]),
            (r#"{"A":[],"B":{}}"#, "{}", &[]),
            (r#"{"A":"x"}"#, r#"{"A":["x"]}"#, &[r#"NOT_EQUAL /A x ["x"]"#]),
        ];
        for (expected, actual, differences) in rows {
            assert_eq!(found(expected, actual), *differences, "{expected} {actual}");
        }
    }

    #[test]
    fn lists_have_no_order_and_names_pair_their_items() {
        let tags = r#"{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}"#;
        let rows: &[(&str, &[&str])] = &[
            (r#"{"Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}"#, &[]),
            (
                r#"{"Tags":[{"Key":"b","Value":"3"},{"Key":"a","Value":"1"}]}"#,
                &["NOT_EQUAL /Tags/1/Value 2 3"],
            ),
            (r#"{"Tags":[{"Key":"a","Value":"1"}]}"#, &[r#"REMOVE /Tags/1 {"Key":"b","Value":"2"} null"#]),
            (
                r#"{"Tags":[{"Key":"c","Value":"3"},{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}"#,
                &[r#"ADD /Tags/0 null {"Key":"c","Value":"3"}"#],
            ),
        ];
        for (actual, differences) in rows {
            assert_eq!(found(tags, actual), *differences, "{actual}");
        }
        let gone = found(r#"{"Arns":["a","b"]}"#, r#"{"Arns":["c","a"]}"#);
        assert_eq!(gone, ["REMOVE /Arns/1 b null", "ADD /Arns/0 null c"]);
        let rules = found(r#"{"In":[{"Port":80}]}"#, r#"{"In":[{"Port":80,"Cidr":"x"},{"Port":22}]}"#);
        assert_eq!(rules, [r#"ADD /In/1 null {"Port":22}"#]);
    }

    #[test]
    fn a_document_counts_whole() {
        let rows: &[(&str, &str, &[&str])] = &[
            (
                r#"{"Policy":{"Statement":{"Action":"a"}}}"#,
                r#"{"Policy":"{\"Statement\":[{\"Action\":[\"a\"]}]}"}"#,
                &[],
            ),
            (
                r#"{"Policy":{"Statement":[{"Action":"a"}]}}"#,
                r#"{"Policy":{"Statement":[{"Action":"b","Condition":{"x":1}}]}}"#,
                &[
                    "NOT_EQUAL /Policy/Statement/0/Action a b",
                    r#"ADD /Policy/Statement/0/Condition null {"x":1}"#,
                ],
            ),
            (
                r#"{"Policy":{"AWS":["123456789012","*"]}}"#,
                r#"{"Policy":{"AWS":["*","arn:aws:iam::123456789012:root"]}}"#,
                &[],
            ),
            (
                r#"{"Policy":{"AWS":"123456789012"}}"#,
                r#"{"Policy":{"AWS":"arn:aws:iam::210987654321:root"}}"#,
                &["NOT_EQUAL /Policy/AWS 123456789012 arn:aws:iam::210987654321:root"],
            ),
            (
                r#"{"Variables":{"A":"1"}}"#,
                r#"{"Variables":{"A":"1","b/c":"2"}}"#,
                &["ADD /Variables/b~1c null 2"],
            ),
            (
                r#"{"Policies":[{"PolicyName":"p","PolicyDocument":{"a":1}}]}"#,
                r#"{"Policies":[{"PolicyName":"p","PolicyDocument":{"a":1,"b":2}}]}"#,
                &["ADD /Policies/0/PolicyDocument/b null 2"],
            ),
        ];
        for (expected, actual, differences) in rows {
            assert_eq!(found(expected, actual), *differences, "{expected} {actual}");
        }
    }

    #[test]
    fn a_place_that_cannot_be_seen_is_taken_out() {
        let mut value = read(r#"{"A":[{"B":1,"C":2},{"B":3}],"D":4}"#).unwrap();
        prune(&mut value, "A.B");
        prune(&mut value, "D");
        assert_eq!(text(&value), r#"{"A":[{"C":2},{}]}"#);
    }
}
