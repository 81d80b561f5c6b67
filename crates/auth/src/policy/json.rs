//! Reading JSON text into a tree that remembers where each value stands.
//!
//! A library's tree forgets positions and lets the last of two equal keys win. AWS refuses a document with equal
//! keys, and `SimulateCustomPolicy` reports the line and column of the statements that matched, so the policy
//! language reads its own JSON. Numbers keep their spelling. There is no writer here.

/// How deeply values may nest. A policy needs six levels; the rest is for attackers.
const DEPTH_MAX: u32 = 16;

/// The longest document that is read, in bytes. AWS's largest policy quota (a KMS key policy's 32 KiB) is far below;
/// each caller enforces its own.
pub(super) const TEXT_MAX: usize = 1 << 20;

/// A place in the text, in bytes from its beginning: `start` is the first byte, `end` is one past the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it was spelled.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; no two keys are equal.
    Object(Vec<(String, Node)>),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Node {
    pub(super) json: Json,
    pub(super) span: Span,
}

/// Reads one JSON value that fills the text but for white space. `None` for anything else: broken syntax, equal
/// keys in an object, too deep, too long.
pub(super) fn read(text: &str) -> Option<Node> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Option<Node> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_space();
        let start = self.at;
        let json = match self.peek()? {
            b'{' => self.object(depth)?,
            b'[' => self.list(depth)?,
            b'"' => Json::Text(self.string()?),
            b't' => self.word("true", Json::Bool(true))?,
            b'f' => self.word("false", Json::Bool(false))?,
            b'n' => self.word("null", Json::Null)?,
            _ => self.number()?,
        };
        Some(Node { json, span: Span { start, end: self.at } })
    }

    fn word(&mut self, word: &str, json: Json) -> Option<Json> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            json
        })
    }

    fn object(&mut self, depth: u32) -> Option<Json> {
        self.take(b'{')?;
        let mut members: Vec<(String, Node)> = Vec::new();
        // Sets of keys are found equal through a set: a hostile object of 50,000 keys must not cost their square.
        let mut seen = std::collections::HashSet::new();
        self.skip_space();
        if self.take(b'}').is_some() {
            return Some(Json::Object(members));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            if !seen.insert(key.clone()) {
                return None;
            }
            self.skip_space();
            self.take(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.skip_space();
            if self.take(b'}').is_some() {
                return Some(Json::Object(members));
            }
            self.take(b',')?;
        }
    }

    fn list(&mut self, depth: u32) -> Option<Json> {
        self.take(b'[')?;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']').is_some() {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']').is_some() {
                return Some(Json::List(items));
            }
            self.take(b',')?;
        }
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.at;
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Json::Number(self.text.get(start..self.at)?.to_owned()))
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut out = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|b| b != b'"' && b != b'\\' && b >= 0x20) {
                self.at += 1;
            }
            out.push_str(self.text.get(start..self.at)?);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(out);
                }
                b'\\' => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return None,
        })
    }

    fn unicode(&mut self) -> Option<char> {
        let high = self.hex4()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        self.take(b'\\')?;
        self.take(b'u')?;
        let low = self.hex4()?;
        if !(0xdc00..0xe000).contains(&low) {
            return None;
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, read};

    #[test]
    fn positions_are_those_of_the_values() {
        let text = r#" {"a": [1.50, "x"]} "#;
        let node = read(text).unwrap();
        assert_eq!(&text[node.span.start..node.span.end], r#"{"a": [1.50, "x"]}"#);
        let Json::Object(members) = node.json else { panic!("an object") };
        let Json::List(items) = &members[0].1.json else { panic!("a list") };
        assert_eq!(items[0].json, Json::Number("1.50".into()));
        assert_eq!(&text[items[1].span.start..items[1].span.end], r#""x""#);
    }

    #[test]
    fn escapes() {
        assert_eq!(read(r#""\u00e9\ud83d\ude00\n\/""#).unwrap().json, Json::Text("é😀\n/".into()));
    }

    #[test]
    fn what_is_not_json_is_none() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        let cases = [
            "",
            "{",
            "{]",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\":1,\"a\":2}",
            "01",
            "1.",
            "-",
            "tru",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"a\nb\"",
            "{} {}",
            "{'a':1}",
            "nul",
            "1e",
            deep.as_str(),
        ];
        for bad in cases {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
