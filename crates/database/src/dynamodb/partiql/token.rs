//! A statement's text into tokens.

use crate::dynamodb::invalid::Invalid;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    /// A bare word: a keyword or a name, as its place says.
    Word,
    /// `"name"`, with its quotes undone.
    Quoted(String),
    /// `'text'`, with its quotes undone.
    Text(String),
    /// Digits, point and exponent, without a sign.
    Number,
    /// One of `( ) [ ] { } , . : ; + - * = < > ?` or of `<= >= <> != << >>`.
    Sign(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Longest first, so that `<=` isn't read as `<`.
const SIGNS: [&str; 22] = [
    "<=", ">=", "<>", "!=", "<<", ">>", "(", ")", "[", "]", "{", "}", ",", ".", ":", ";", "+", "-", "*", "=",
    "<", ">",
];

/// With nothing behind the colon: AWS's answer to what it can't even tokenize.
pub(super) fn not_well_formed(detail: &str) -> Invalid {
    Invalid::new(format!("Statement wasn't well formed, can't be processed: {detail}"))
}

pub(super) fn tokenize(text: &str) -> Result<Vec<Span>, Invalid> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() / 4 + 2);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &text[at..];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            at += comment.find("*/").ok_or_else(|| not_well_formed(""))? + 4;
            continue;
        }
        let (token, length) = next(rest, byte)?;
        out.push(Span { token, start: at, end: at + length });
        at += length;
    }
    out.push(Span { token: Token::End, start: at, end: at });
    Ok(out)
}

fn next(rest: &str, byte: u8) -> Result<(Token, usize), Invalid> {
    let second_is_digit = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    match byte {
        b'\'' => quoted(rest, '\'').map(|(text, length)| (Token::Text(text), length)),
        b'"' => quoted(rest, '"').map(|(text, length)| (Token::Quoted(text), length)),
        b'?' => Ok((Token::Sign("?"), 1)),
        b'0'..=b'9' => number(rest),
        b'.' if second_is_digit => number(rest),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => {
            let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
            Ok((Token::Word, rest.bytes().take_while(word).count()))
        }
        _ => {
            let sign =
                SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or_else(|| not_well_formed(""))?;
            Ok((Token::Sign(sign), sign.len()))
        }
    }
}

/// A doubled quote stands for one.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), Invalid> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Ok((out, at + 1));
        }
        out.push(char);
    }
    Err(not_well_formed(""))
}

fn number(rest: &str) -> Result<(Token, usize), Invalid> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let count = digits(end + 1 + sign);
        if count > 0 {
            let power = &rest[end + 1..end + 1 + sign + count];
            // AWS reads literals into a decimal whose scale has 32 bits.
            let power = power.parse::<i64>().ok().filter(|power| i32::try_from(*power).is_ok());
            let scale = power.map(|power| fraction as i64 - power);
            scale.and_then(|scale| i32::try_from(scale).ok()).ok_or_else(|| not_well_formed(""))?;
            end += 1 + sign + count;
        }
    }
    Ok((Token::Number, end))
}
