//! Text into tokens. Whatever the grammar doesn't know is a token of one character, for the parser to refuse.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// `abc`, a keyword too.
    Name,
    /// `#abc`
    NameRef,
    /// `:abc`
    ValueRef,
    /// `123`
    Digits,
    /// `(`, `)`, `[`, `]`, `,`, `.`, `+`, `-`
    Sign(u8),
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// A character that no expression has.
    Strange,
    End,
}

/// A token and where it is in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The tokens of `text`, the last of them [`Token::End`].
pub(super) fn tokenize(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() / 3 + 2);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            at += 1;
            continue;
        }
        let (token, end) = next(text, at, byte);
        out.push(Span { token, start: at, end });
        at = end;
    }
    out.push(Span { token: Token::End, start: bytes.len(), end: bytes.len() });
    out
}

fn next(text: &str, at: usize, byte: u8) -> (Token, usize) {
    let bytes = text.as_bytes();
    let second = bytes.get(at + 1).copied();
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => (Token::Name, word_end(bytes, at + 1)),
        b'#' | b':' => match word_end(bytes, at + 1) {
            end if end == at + 1 => (Token::Strange, end),
            end => (if byte == b'#' { Token::NameRef } else { Token::ValueRef }, end),
        },
        b'0'..=b'9' => {
            let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            (Token::Digits, at + digits)
        }
        b'(' | b')' | b'[' | b']' | b',' | b'.' | b'+' | b'-' => (Token::Sign(byte), at + 1),
        b'=' => (Token::Equal, at + 1),
        b'<' if second == Some(b'>') => (Token::NotEqual, at + 2),
        b'<' if second == Some(b'=') => (Token::LessEqual, at + 2),
        b'<' => (Token::Less, at + 1),
        b'>' if second == Some(b'=') => (Token::GreaterEqual, at + 2),
        b'>' => (Token::Greater, at + 1),
        _ => (Token::Strange, at + text[at..].chars().next().map_or(1, char::len_utf8)),
    }
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let length =
        bytes[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    from + length
}
