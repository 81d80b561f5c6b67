//! Patterns of fields: a line divided by spaces, where brackets and quotes hold together what belongs together.

use super::condition::{Comparison, Tree};
use super::reader::Reader;
use super::{Extracted, invalid};

/// `[ip, user, ..., status = 4*]`
#[derive(Debug)]
pub(crate) struct Fields {
    before: Vec<Field>,
    /// Behind `...`; `None` without it, when the line must have just as many fields.
    after: Option<Vec<Field>>,
}

#[derive(Debug)]
struct Field {
    name: String,
    condition: Option<Tree<Comparison>>,
}

impl Fields {
    /// # Errors
    /// For what is no such list.
    pub(super) fn parse(text: &str) -> Result<Fields, String> {
        let mut reader = Reader::new(text);
        if !reader.take("[") {
            return Err(invalid());
        }
        let mut fields = Fields { before: Vec::new(), after: None };
        loop {
            reader.skip_spaces();
            if reader.take("...") {
                if fields.after.replace(Vec::new()).is_some() {
                    return Err(invalid());
                }
            } else {
                let field = field(&mut reader)?;
                fields.after.as_mut().unwrap_or(&mut fields.before).push(field);
            }
            reader.skip_spaces();
            if reader.take("]") {
                break;
            }
            if !reader.take(",") {
                return Err(invalid());
            }
        }
        reader.skip_spaces();
        if reader.is_at_end() { Ok(fields) } else { Err(invalid()) }
    }

    /// Named fields as `$name`; those that only `...` stands for by their place, as AWS numbers them (`$3`).
    pub(super) fn extract(&self, line: &str) -> Option<Extracted> {
        let texts = split(line);
        let after = self.after.as_deref().unwrap_or_default();
        let named = self.before.len() + after.len();
        let fits = if self.after.is_some() { texts.len() >= named } else { texts.len() == named };
        if !fits {
            return None;
        }
        let tail = texts.len() - after.len();
        let mut out = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            let field = if at < self.before.len() {
                self.before.get(at)
            } else {
                at.checked_sub(tail).and_then(|at| after.get(at))
            };
            if let Some(condition) = field.and_then(|field| field.condition.as_ref())
                && !condition.holds(&|comparison| comparison.of_text(text))
            {
                return None;
            }
            let name = match field.map(|field| field.name.as_str()) {
                Some(name) if !name.is_empty() => format!("${name}"),
                _ => format!("${}", at + 1),
            };
            out.push((name, (*text).to_owned()));
        }
        Some(out)
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn field(reader: &mut Reader<'_>) -> Result<Field, String> {
    let name = reader.take_while(is_name).to_owned();
    let first = Comparison::parse(reader, ends)?;
    let Some(first) = first else { return Ok(Field { name, condition: None }) };
    let mut pending = Some(first);
    let own = name.clone();
    let mut leaf = |reader: &mut Reader<'_>| match pending.take() {
        Some(first) => Ok(first),
        // `status = 404 || status = 410`: the name stands before each comparison.
        None => {
            reader.skip_spaces();
            let again = reader.take_while(is_name);
            if again != own {
                return Err(invalid());
            }
            Comparison::parse(reader, ends)?.ok_or_else(invalid)
        }
    };
    let condition = Tree::parse(reader, &mut leaf, 0)?;
    Ok(Field { name, condition: Some(condition) })
}

fn ends(c: char) -> bool {
    matches!(c, ',' | ']' | '&' | '|' | '(' | ')')
}

/// The fields of a line: `127.0.0.1 [10/Oct/2000] "GET / HTTP" 200` has four.
fn split(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '[' => rest.find(']').map(|at| (1, at)),
            '"' => rest[1..].find('"').map(|at| (1, at + 1)),
            _ => None,
        };
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (start, end, skip) = close.map_or((0, end, end), |(start, end)| (start, end, end + 1));
        out.push(&rest[start..end]);
        rest = rest[skip..].trim_start();
    }
    out
}
