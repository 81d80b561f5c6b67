//! Patterns of JSON: conditions on what stands at a path of the message.

use super::condition::{Comparison, Tree};
use super::reader::Reader;
use super::{Extracted, invalid};
use serde_json::Value;

/// `{ $.a.b = "x" && $.list[0] > 3 }`
#[derive(Debug)]
pub(crate) struct Json(Tree<Leaf>);

#[derive(Debug)]
struct Leaf {
    path: Path,
    asked: Asked,
}

#[derive(Debug)]
enum Asked {
    Compares(Comparison),
    IsNull,
    Is(bool),
    NotExists,
}

/// `$.a[0].*`
#[derive(Debug)]
struct Path {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Name(String),
    At(usize),
    /// Any member of an object.
    AnyName,
    /// Any element of an array.
    AnyAt,
}

impl Json {
    /// # Errors
    /// For what is no such condition.
    pub(super) fn parse(text: &str) -> Result<Json, String> {
        let mut reader = Reader::new(text);
        if !reader.take("{") {
            return Err(invalid());
        }
        let tree = Tree::parse(&mut reader, &mut leaf, 0)?;
        reader.skip_spaces();
        if !reader.take("}") {
            return Err(invalid());
        }
        reader.skip_spaces();
        if reader.is_at_end() { Ok(Json(tree)) } else { Err(invalid()) }
    }

    /// The values at the pattern's paths, where the message is a JSON object and matches.
    pub(super) fn extract(&self, message: &str) -> Option<Extracted> {
        let value: Value = serde_json::from_str(message).ok()?;
        if !value.is_object() || !self.0.holds(&|leaf| leaf.holds(&value)) {
            return None;
        }
        let mut leaves = Vec::new();
        self.0.leaves(&mut leaves);
        let mut out: Extracted = Vec::new();
        for leaf in leaves {
            if let Some(found) = leaf.path.find(&value).first()
                && !out.iter().any(|(name, _)| *name == leaf.path.text)
            {
                out.push((leaf.path.text.clone(), shown(found)));
            }
        }
        Some(out)
    }
}

/// A value as text: of a string, what it holds.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Leaf {
    /// One of the values at the path is enough; a comparison needs one that is there.
    fn holds(&self, value: &Value) -> bool {
        let found = self.path.find(value);
        match &self.asked {
            Asked::NotExists => found.is_empty(),
            Asked::IsNull => found.iter().any(|v| v.is_null()),
            Asked::Is(wanted) => found.iter().any(|v| v.as_bool() == Some(*wanted)),
            Asked::Compares(comparison) => found.iter().any(|v| match v {
                Value::String(text) => comparison.of_text(text),
                Value::Number(number) => number.as_f64().is_some_and(|n| comparison.of_number(n)),
                Value::Bool(truth) => comparison.of_text(&truth.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            }),
        }
    }
}

impl Path {
    fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for step in &self.steps {
            found = found.into_iter().flat_map(|value| step.of(value)).collect();
        }
        found
    }
}

impl Step {
    fn of<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Step::Name(name), Value::Object(members)) => members.get(name).into_iter().collect(),
            (Step::At(at), Value::Array(items)) => items.get(*at).into_iter().collect(),
            (Step::AnyName, Value::Object(members)) => members.values().collect(),
            (Step::AnyAt, Value::Array(items)) => items.iter().collect(),
            _ => Vec::new(),
        }
    }
}

fn leaf(reader: &mut Reader<'_>) -> Result<Leaf, String> {
    let path = path(reader)?;
    reader.skip_spaces();
    if reader.take_word("NOT") {
        reader.skip_spaces();
        return if reader.take_word("EXISTS") {
            Ok(Leaf { path, asked: Asked::NotExists })
        } else {
            Err(invalid())
        };
    }
    if reader.take_word("IS") {
        reader.skip_spaces();
        let words = [("NULL", Asked::IsNull), ("TRUE", Asked::Is(true)), ("FALSE", Asked::Is(false))];
        let asked = words.into_iter().find(|(word, _)| reader.take_word(word)).ok_or_else(invalid)?.1;
        return Ok(Leaf { path, asked });
    }
    let comparison = Comparison::parse(reader, |c| matches!(c, '&' | '|' | '(' | ')' | '}'))?;
    Ok(Leaf { path, asked: Asked::Compares(comparison.ok_or_else(invalid)?) })
}

fn path(reader: &mut Reader<'_>) -> Result<Path, String> {
    if !reader.take("$") {
        return Err(invalid());
    }
    let mut path = Path { text: "$".to_owned(), steps: Vec::new() };
    loop {
        let (step, text) = if reader.take(".") {
            if reader.take("*") {
                (Step::AnyName, ".*".to_owned())
            } else if reader.peek() == Some('[') {
                continue;
            } else {
                let name =
                    reader.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '$' | ':'));
                if name.is_empty() {
                    return Err(invalid());
                }
                (Step::Name(name.to_owned()), format!(".{name}"))
            }
        } else if reader.take("[") {
            bracket(reader)?
        } else {
            return if path.steps.is_empty() { Err(invalid()) } else { Ok(path) };
        };
        path.steps.push(step);
        path.text += &text;
    }
}

fn bracket(reader: &mut Reader<'_>) -> Result<(Step, String), String> {
    let found = match reader.peek() {
        Some('"') => {
            let name = reader.quoted()?;
            (Step::Name(name.clone()), format!("[\"{name}\"]"))
        }
        Some('\'') => {
            reader.take("'");
            let name = reader.take_while(|c| c != '\'').to_owned();
            if !reader.take("'") {
                return Err(invalid());
            }
            (Step::Name(name.clone()), format!("['{name}']"))
        }
        Some('*') => {
            reader.take("*");
            (Step::AnyAt, "[*]".to_owned())
        }
        _ => {
            let digits = reader.take_while(|c| c.is_ascii_digit());
            let at = digits.parse().map_err(|_| invalid())?;
            (Step::At(at), format!("[{digits}]"))
        }
    };
    if reader.take("]") { Ok(found) } else { Err(invalid()) }
}
