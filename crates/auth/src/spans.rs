//! A JSON reader that remembers where each value stood, for findings that point into a policy's text.
//!
//! Strict JSON (RFC 8259) with two additions to a plain reader: byte spans on every value and member name, and duplicate
//! member names kept, because both are something to report. Nesting and size have limits.
//! Evaluation reads policies elsewhere; this tree is for showing people their text.

/// Deepest nesting that is read; a policy needs five.
pub const DEPTH_MAX: usize = 32;
/// Longest text that is read, in bytes; the largest quota of any policy is a fraction of it.
pub const TEXT_MAX: usize = 256 * 1024;

/// A value and the bytes that it stands in.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What was read.
    pub value: Json,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as written.
    Number(String),
    /// A string, its escapes resolved.
    String(String),
    /// A list.
    Array(Vec<Node>),
    /// Members in the order of the text, repeated names included.
    Object(Vec<Member>),
}

/// One member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The name, its escapes resolved.
    pub name: String,
    /// First byte of the name's opening quote.
    pub start: usize,
    /// One past its closing quote.
    pub end: usize,
    /// The value.
    pub value: Node,
}

/// The byte at which a text stops being JSON (or exceeds a limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Offset in bytes.
    pub at: usize,
}

/// Reads a whole text.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    if text.len() > TEXT_MAX {
        return Err(SyntaxError { at: TEXT_MAX });
    }
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let node = reader.value(0)?;
    reader.space();
    if reader.at == text.len() { Ok(node) } else { Err(reader.error()) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self) -> SyntaxError {
        SyntaxError { at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), SyntaxError> {
        if !self.text[self.at..].starts_with(token) {
            return Err(self.error());
        }
        self.at += token.len();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') if depth < DEPTH_MAX => self.object(depth)?,
            Some(b'[') if depth < DEPTH_MAX => self.array(depth)?,
            Some(b'"') => Json::String(self.string()?),
            Some(b't') => self.expect("true").map(|()| Json::Bool(true))?,
            Some(b'f') => self.expect("false").map(|()| Json::Bool(false))?,
            Some(b'n') => self.expect("null").map(|()| Json::Null)?,
            Some(b'-' | b'0'..=b'9') => Json::Number(self.number()?),
            _ => return Err(self.error()),
        };
        Ok(Node { value, start, end: self.at })
    }

    fn object(&mut self, depth: usize) -> Result<Json, SyntaxError> {
        let mut members = Vec::new();
        self.expect("{")?;
        self.space();
        while self.peek() != Some(b'}') {
            if !members.is_empty() {
                self.expect(",")?;
                self.space();
            }
            let start = self.at;
            let name = self.string()?;
            let end = self.at;
            self.space();
            self.expect(":")?;
            self.space();
            members.push(Member { name, start, end, value: self.value(depth + 1)? });
            self.space();
        }
        self.at += 1;
        Ok(Json::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Json, SyntaxError> {
        let mut items = Vec::new();
        self.expect("[")?;
        self.space();
        while self.peek() != Some(b']') {
            if !items.is_empty() {
                self.expect(",")?;
                self.space();
            }
            items.push(self.value(depth + 1)?);
            self.space();
        }
        self.at += 1;
        Ok(Json::Array(items))
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.expect("\"")?;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .ok_or(SyntaxError { at: self.text.len() })?;
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.error()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.at += 2;
        let plain = match self.text.as_bytes().get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(SyntaxError { at: start }),
        };
        Ok(plain)
    }

    /// `\uXXXX`, or two of them for a character outside the basic plane; a lone surrogate is refused.
    fn unicode(&mut self, start: usize) -> Result<char, SyntaxError> {
        let first = self.hex(start)?;
        let code = if (0xd800..0xdc00).contains(&first) {
            self.expect("\\u").map_err(|_| SyntaxError { at: start })?;
            let second = self.hex(start)?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(SyntaxError { at: start });
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or(SyntaxError { at: start })
    }

    fn hex(&mut self, start: usize) -> Result<u32, SyntaxError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).ok_or(SyntaxError { at: start })?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits()?;
        if leading_zero && whole > 1 {
            return Err(SyntaxError { at: start });
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text[start..self.at].to_owned())
    }

    fn digits(&mut self) -> Result<usize, SyntaxError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error()) } else { Ok(self.at - start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_enclose_values_and_names() {
        let text = "{ \"a\": [1, \"b\\n\"] }";
        let node = parse(text).unwrap();
        let Json::Object(members) = &node.value else { panic!("not an object") };
        assert_eq!(&text[members[0].start..members[0].end], "\"a\"");
        let Json::Array(items) = &members[0].value.value else { panic!("not an array") };
        assert_eq!(&text[items[0].start..items[0].end], "1");
        assert_eq!(&text[items[1].start..items[1].end], "\"b\\n\"");
        assert_eq!(items[1].value, Json::String("b\n".to_owned()));
    }

    #[test]
    fn broken_texts_name_the_byte() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("{\"a\"}", 4),
            ("{\"a\":1,}", 7),
            ("[1 2]", 3),
            ("[1] x", 4),
            ("\"a", 2),
            ("\"\u{1}\"", 1),
            ("01", 0),
            ("-", 1),
            ("1.", 2),
            ("\"\\x\"", 1),
            ("\"\\ud800\"", 1),
            ("nul", 0),
        ] {
            assert_eq!(parse(text), Err(SyntaxError { at }), "{text:?}");
        }
    }

    #[test]
    fn nesting_and_size_are_limited() {
        assert!(parse(&("[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX))).is_ok());
        let deep = "[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1);
        assert_eq!(parse(&deep), Err(SyntaxError { at: DEPTH_MAX }));
        assert_eq!(parse(&" ".repeat(TEXT_MAX + 1)), Err(SyntaxError { at: TEXT_MAX }));
    }

    #[test]
    fn escapes_of_two_halves_are_one_character() {
        assert_eq!(parse("\"\\ud83d\\ude00\"").unwrap().value, Json::String("\u{1f600}".to_owned()));
    }
}
