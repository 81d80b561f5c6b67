//! The YAML of `#cloud-config`, as a tree. Pure.
//!
//! Aliases are refused, so that no short text stands for a long one.

use super::of_base64;
use saphyr_parser::{Event, Parser, ScalarStyle};

const DEPTH_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Nothing,
    /// As it is written: whether it is a number is for who asks.
    Text(String),
    /// `!!binary`
    Bytes(Vec<u8>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        if let Node::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn is_true(&self) -> bool {
        self.text().is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on"))
    }

    /// A list; what is none is one of a single item.
    pub(super) fn items(self) -> Vec<Node> {
        match self {
            Node::List(items) => items,
            Node::Nothing => Vec::new(),
            one => vec![one],
        }
    }

    pub(super) fn map(self) -> Vec<(String, Node)> {
        if let Node::Map(entries) = self { entries } else { Vec::new() }
    }
}

/// What is open while the text is read.
enum Open {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Vec<(String, Node)>, Option<String>),
}

/// # Errors
/// A sentence with the line.
pub(super) fn read(text: &str) -> Result<Node, String> {
    let (mut open, mut root): (Vec<Open>, Option<Node>) = (Vec::new(), None);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| format!("it is no YAML (line {})", e.marker().line()))?;
        let line = span.start.line();
        let strange = || format!("its YAML is not understood (line {line})");
        let awaits_key = matches!(open.last(), Some(Open::Map(_, None)));
        let done = match event {
            Event::Alias(_) => return Err(format!("YAML aliases are not understood (line {line})")),
            Event::Scalar(text, ..) if awaits_key => {
                if let Some(Open::Map(_, key)) = open.last_mut() {
                    *key = Some(text.into_owned());
                }
                continue;
            }
            Event::Scalar(text, style, _, tag) => {
                let is_binary =
                    tag.as_deref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "binary");
                let plain = style == ScalarStyle::Plain;
                match text.as_ref() {
                    packed if is_binary => Node::Bytes(of_base64(packed.as_bytes()).ok_or_else(strange)?),
                    "" | "~" | "null" if plain => Node::Nothing,
                    text => Node::Text(text.to_owned()),
                }
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if awaits_key || open.len() >= DEPTH_MAX => {
                return Err(strange());
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => return Err(strange()),
            },
            Event::DocumentStart(_) if root.is_some() => return Err(strange()),
            _ => continue,
        };
        match open.last_mut() {
            None => root = Some(done),
            Some(Open::List(items)) => items.push(done),
            Some(Open::Map(entries, key)) => {
                let key = key.take().unwrap_or_default();
                entries.retain(|(known, _)| *known != key);
                entries.push((key, done));
            }
        }
    }
    Ok(root.unwrap_or(Node::Nothing))
}
