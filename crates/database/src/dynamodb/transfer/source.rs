//! [`Source`]: the items of one object that is imported.

use super::csv::Csv;
use crate::dynamodb::item::Item;
use crate::dynamodb::model::table::TableRecord;
use crate::dynamodb::model::transfer::ImportRecord;
use crate::dynamodb::number::Number;
use crate::dynamodb::value::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::read::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};
use wire::{Struct, Value};

/// No item of 400 KB is longer, however it is written.
const DOCUMENT_MAX: usize = 16 << 20;

pub(super) enum Source<'a> {
    Json(Box<dyn BufRead + 'a>),
    Csv(Csv<Box<dyn BufRead + 'a>>, Vec<String>),
}

/// What comes next of an object.
pub(super) enum Next {
    Item(Item),
    /// It makes no item.
    Refused,
    /// From here on nothing can be read.
    Torn,
    End,
}

impl<'a> Source<'a> {
    /// `None` where the object has no header that could be read.
    pub(super) fn open(import: &ImportRecord, object: impl Read + 'a) -> Option<Source<'a>> {
        let lines: Box<dyn BufRead + 'a> = match import.compression.as_str() {
            "GZIP" => Box::new(BufReader::new(MultiGzDecoder::new(object))),
            _ => Box::new(BufReader::new(object)),
        };
        if import.format != "CSV" {
            return Some(Source::Json(lines));
        }
        let delimiter = import.delimiter.as_ref().and_then(|text| text.bytes().next()).unwrap_or(b',');
        let mut csv = Csv::new(lines, delimiter);
        let headers = match &import.headers[..] {
            [] => csv.next().ok()?.unwrap_or_default(),
            headers => headers.to_vec(),
        };
        Some(Source::Csv(csv, headers))
    }

    pub(super) fn next(&mut self, table: &TableRecord) -> Next {
        match self {
            Source::Json(lines) => next_document(lines),
            Source::Csv(csv, headers) => match csv.next() {
                Ok(None) => Next::End,
                Ok(Some(fields)) => match of_fields(table, headers, fields) {
                    Some(item) => Next::Item(item),
                    None => Next::Refused,
                },
                Err(_) => Next::Torn,
            },
        }
    }
}

/// Where one item ends and the next may begin. AWS: with its line, or with its last brace where another follows at once.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Scan {
    fn ends_with(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' => {
                *self = Scan::default();
                return true;
            }
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

fn next_document(from: &mut dyn BufRead) -> Next {
    let (mut document, mut scan) = (Vec::new(), Scan::default());
    loop {
        let Ok(there) = from.fill_buf() else { return Next::Torn };
        let is_end = there.is_empty();
        let end = there.iter().position(|byte| scan.ends_with(*byte)).map(|at| at + 1);
        let taken = end.unwrap_or(there.len());
        document.extend_from_slice(&there[..taken]);
        from.consume(taken);
        if document.len() > DOCUMENT_MAX {
            return Next::Torn;
        }
        if end.is_none() && !is_end {
            continue;
        }
        if !document.trim_ascii().is_empty() {
            let read = std::str::from_utf8(&document).ok().and_then(wire::json::read).and_then(of_json);
            return read.map_or(Next::Refused, Next::Item);
        }
        if is_end {
            return Next::End;
        }
        document.clear();
    }
}

/// `{"Item": {"pk": {"S": "a"}}}`
fn of_json(value: Value) -> Option<Item> {
    let Value::Map(members) = value else { return None };
    let (_, item) = members.into_iter().find(|(name, _)| name == "Item")?;
    Item::from_wire(attributes(item)?).ok()
}

/// What stands in a document, as the protocol has it.
fn attributes(value: Value) -> Option<Value> {
    let Value::Map(members) = value else { return None };
    let members = members.into_iter().map(|(name, value)| Some((name, attribute(value)?)));
    members.collect::<Option<_>>().map(Value::Map)
}

fn attribute(value: Value) -> Option<Value> {
    let Value::Map(members) = value else { return None };
    let mut union = Struct::new();
    for (kind, value) in members {
        let (name, value) = match (kind.as_str(), value) {
            ("S", value @ Value::Str(_)) => ("S", value),
            ("N", value @ Value::Str(_)) => ("N", value),
            ("BOOL", value @ Value::Bool(_)) => ("BOOL", value),
            ("NULL", value @ Value::Bool(_)) => ("NULL", value),
            ("SS", value @ Value::List(_)) => ("SS", value),
            ("NS", value @ Value::List(_)) => ("NS", value),
            ("B", value) => ("B", binary(&value)?),
            ("BS", Value::List(values)) => {
                ("BS", Value::List(values.iter().map(binary).collect::<Option<_>>()?))
            }
            ("L", Value::List(values)) => {
                ("L", Value::List(values.into_iter().map(attribute).collect::<Option<_>>()?))
            }
            ("M", value) => ("M", attributes(value)?),
            _ => return None,
        };
        union.push(name, value);
    }
    Some(Value::Struct(union))
}

fn binary(value: &Value) -> Option<Value> {
    BASE64_STANDARD.decode(value.as_str()?).ok().map(|bytes| Value::Blob(bytes.into()))
}

/// AWS: the guide on formats: what is a key of the table or an index has its type, everything else is a string.
fn of_fields(table: &TableRecord, headers: &[String], fields: Vec<String>) -> Option<Item> {
    if fields.len() != headers.len() {
        return None;
    }
    let kind = |name: &str| table.attributes.iter().find(|a| a.name == name).map(|a| a.kind.as_str());
    let typed = |(name, text): (&String, String)| {
        let value = match kind(name) {
            Some("N") => AttributeValue::N(Number::parse(&text).ok()?),
            Some("B") => AttributeValue::B(BASE64_STANDARD.decode(&text).ok()?),
            _ => AttributeValue::S(text),
        };
        Some((name.clone(), value))
    };
    headers.iter().zip(fields).map(typed).collect::<Option<Vec<_>>>().map(Item::from_pairs)
}

#[cfg(test)]
mod tests {
    use super::of_json;

    fn read(text: &str) -> Option<usize> {
        of_json(wire::json::read(text)?).map(|item| item.len())
    }

    #[test]
    fn lines_are_items_in_the_form_of_the_protocol() {
        let all = r#"{"Item":{"s":{"S":"x"},"n":{"N":"1"},"b":{"B":"AQI="},"t":{"BOOL":false},"z":{"NULL":true},
            "ss":{"SS":["a"]},"ns":{"NS":["1"]},"bs":{"BS":["AQ=="]},"l":{"L":[{"S":"a"}]},"m":{"M":{"k":{"N":"2"}}}}}"#;
        assert_eq!(read(all), Some(10));
        for bad in [
            "[]",
            "{}",
            r#"{"Item":[]}"#,
            r#"{"Item":{"a":"b"}}"#,
            r#"{"Item":{"a":{"X":"b"}}}"#,
            r#"{"Item":{"a":{"N":"b"}}}"#,
            r#"{"Item":{"a":{"B":"?"}}}"#,
            r#"{"Item":{"a":{"S":"b","N":"1"}}}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
