//! Words of RFC 2047: how S3 writes metadata that no header can carry as it is, and takes it.
//!
//! AWS: recorded answers. What is mostly ASCII is written in `Q`, the rest in `B`; a word of more than 75 characters is
//! two, a blank between them.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use std::borrow::Cow;

/// The bits of a last digit that no byte needs may be anything.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);
/// What is left of the 75 characters of a word beside its frame.
const ROOM: usize = 63;
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether a header can carry it, as S3 sees it.
fn is_plain(c: char) -> bool {
    matches!(c, '\t' | ' '..='~')
}

/// Text as a header carries it.
pub fn encode(text: &str) -> Cow<'_, str> {
    let plain = text.chars().filter(|c| is_plain(*c)).count();
    let others = text.chars().count() - plain;
    if others == 0 {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 3);
    split(text, plain > others, &mut out);
    Cow::Owned(out)
}

/// One word, or the words of both halves.
fn split(text: &str, quoting: bool, out: &mut String) {
    let word = if quoting { quoted(text) } else { STANDARD.encode(text) };
    // As the words are counted that S3 makes: in units of UTF-16.
    let units = text.encode_utf16().count();
    if word.len() > ROOM && units > 1 {
        let (mut at, mut seen) = (0, 0);
        for c in text.chars() {
            if seen + c.len_utf16() > units / 2 {
                break;
            }
            seen += c.len_utf16();
            at += c.len_utf8();
        }
        if at > 0 {
            split(&text[..at], quoting, out);
            return split(&text[at..], quoting, out);
        }
    }
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(if quoting { "=?UTF-8?Q?" } else { "=?UTF-8?B?" });
    out.push_str(&word);
    out.push_str("?=");
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('_'),
            b'=' | b'_' | b'?' | ..=0x1F | 0x7F.. => {
                let digits = [byte >> 4, byte & 15].map(|digit| b"0123456789ABCDEF"[usize::from(digit)]);
                out.push('=');
                out.extend(digits.map(char::from));
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// Text as a header carried it, its words read. What cannot be read stays as it is.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches(BLANKS).len();
        let (gap, next) = rest.split_at(blanks);
        let (token, next) = next.split_at(next.find(BLANKS).unwrap_or(next.len()));
        let word = read(token);
        // Blanks between two words only part them.
        if !(after_word && word.is_some()) {
            out.push_str(gap);
        }
        after_word = word.is_some();
        out.push_str(word.as_deref().unwrap_or(token));
        rest = next;
    }
    Cow::Owned(out)
}

/// One word: its charset, perhaps with a language, `Q` or `B`, and its text. What follows it without a blank stays behind it.
fn read(token: &str) -> Option<String> {
    let mut parts = token.strip_prefix("=?")?.splitn(3, '?');
    let (charset, coding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (text, rest) = rest.split_once("?=")?;
    let bytes = match coding {
        "B" | "b" => unsixtyfoured(text)?,
        "Q" | "q" => unquoted(text)?,
        _ => return None,
    };
    let charset = charset.split('*').next().unwrap_or_default();
    let mut word = match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8_lossy(&bytes).into_owned(),
        "us-ascii" => bytes.iter().map(|b| if b.is_ascii() { char::from(*b) } else { '\u{FFFD}' }).collect(),
        "iso-8859-1" => bytes.into_iter().map(char::from).collect(),
        _ => return None,
    };
    word.push_str(rest);
    Some(word)
}

/// Base64 in which only padding ends anything: what is no digit of it is passed over.
fn unsixtyfoured(text: &str) -> Option<Vec<u8>> {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let said: Vec<u8> = text.bytes().filter(|byte| is_digit(byte) || *byte == b'=').collect();
    let end = said.iter().position(|byte| *byte == b'=').unwrap_or(said.len());
    // Padding ends four of which two at least are digits, and is whole.
    if end < said.len() && end % 4 < 2 {
        return None;
    }
    FORGIVING.decode(said.get(..end.next_multiple_of(4))?).ok()
}

fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'_' => b' ',
            b'=' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                (high << 4 | low) as u8
            }
            byte => byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn what_a_header_cannot_carry_goes_as_words() {
        for (text, word) in [
            ("plain =? text\t%", "plain =? text\t%"),
            ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            ("ÄÖa", "=?UTF-8?B?w4TDlmE=?="),
            ("\0\u{1}\u{2}\u{3}\u{4}", "=?UTF-8?B?AAECAwQ=?="),
            ("non-ascii-%E2%80%94_—_é_", "=?UTF-8?Q?non-ascii-%E2%80%94=5F=E2=80=94=5F=C3=A9=5F?="),
        ] {
            assert_eq!(encode(text), word);
            assert_eq!(decode(word), text);
        }
    }

    #[test]
    fn long_text_goes_as_several_words() {
        let text = "é".repeat(40);
        let words = encode(&text);
        assert_eq!(words.split(' ').count(), 2);
        assert!(words.split(' ').all(|word| word.len() <= 75));
        assert_eq!(decode(&words), text);
    }

    #[test]
    fn words_are_read() {
        for (words, text) in [
            ("=?UTF-8?Q?actually-ascii?=", "actually-ascii"),
            ("=?utf-8?b?YWJj?=", "abc"),
            ("a =?UTF-8?Q?b?= =?UTF-8?Q?_c?=  d", "a b c  d"),
            ("=?ISO-8859-1?Q?=E9?=", "é"),
            ("=?UTF-8?B?=GGG?=", "=?UTF-8?B?=GGG?="),
            ("=?UTF-8?B?YWJj=?=", "=?UTF-8?B?YWJj=?="),
            ("=?UTF-8?B?YQ=?=", "=?UTF-8?B?YQ=?="),
            ("=?UTF-8?B?G=GG?=", "=?UTF-8?B?G=GG?="),
            ("=?UTF-8?B?YW.Jj?=", "abc"),
            ("=?UTF-8?B?YWJ?=", "=?UTF-8?B?YWJ?="),
            ("=?UTF-8?B?YWI=YWJj?=", "ab"),
            ("=?UTF-8?B?/w==?=", "\u{FFFD}"),
            ("=?UTF-8?Q?a=FFb=GG?=", "=?UTF-8?Q?a=FFb=GG?="),
            ("=?UTF-8?Q?a=FFb?=", "a\u{FFFD}b"),
            ("=?UTF-8?Q?a=?=", "=?UTF-8?Q?a=?="),
            ("=?UTF-8*en?Q?a?=b c", "ab c"),
            ("=?UTF-8?Q??=", ""),
            ("=?UTF-8?Q?a", "=?UTF-8?Q?a"),
            ("=?KOI8-R?B?YWJj?=", "=?KOI8-R?B?YWJj?="),
            ("a  b", "a  b"),
        ] {
            assert_eq!(decode(words), text);
        }
    }
}
