//! The models' patterns, compiled at first use and kept.
//!
//! They are written for Java. What the engine does not know in them (categories of Unicode) is widened: exact for
//! ASCII, permissive beyond it. Nor does it know look-around: those patterns that built operations have are put another
//! way; one that still does not compile lets everything pass.

use regex_lite::Regex;
use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

/// Longer texts are not matched: the engine takes tens of nanoseconds for each byte.
const MATCHED_BYTES_MAX: usize = 64 << 10;

enum Matcher {
    /// One class of characters, repeated: most patterns are that, and a table is far faster than the engine.
    Class {
        ascii: [bool; 128],
        one: Regex,
        min: usize,
        max: usize,
    },
    Whole(Regex),
    /// Not understood.
    Anything,
}

/// By the pattern's address: patterns live in the embedded models.
type Cache = RwLock<HashMap<usize, &'static Matcher>>;

fn compiled(pattern: &'static str) -> &'static Matcher {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    let key = pattern.as_ptr() as usize;
    let known = cache.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
    known.unwrap_or_else(|| {
        let mut cache = cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.entry(key).or_insert_with(|| Box::leak(Box::new(compile(pattern))))
    })
}

/// Whether `text` satisfies the pattern of a model.
pub(super) fn matches(pattern: &'static str, text: &str) -> bool {
    if text.len() > MATCHED_BYTES_MAX {
        return true;
    }
    match compiled(pattern) {
        Matcher::Anything => true,
        Matcher::Whole(regex) => regex.is_match(text),
        Matcher::Class { ascii, one, min, max } => {
            let fits = |c: char| match ascii.get(c as usize) {
                Some(known) => *known,
                None => one.is_match(c.encode_utf8(&mut [0; 4])),
            };
            let mut count = 0;
            text.chars().all(|c| {
                count += 1;
                fits(c)
            }) && (*min..=*max).contains(&count)
        }
    }
}

/// The pattern is one that can be checked.
pub fn is_understood(pattern: &'static str) -> bool {
    !matches!(compiled(pattern), Matcher::Anything)
}

fn compile(pattern: &str) -> Matcher {
    let translated = translate(pattern);
    let bare = translated.strip_prefix('^').unwrap_or(&translated);
    let bare = bare.strip_suffix('$').unwrap_or(bare);
    if let Some(class) = class(bare) {
        return class;
    }
    // AWS matches the whole text; a pattern with only one anchor shows that its author meant a part of it.
    let starts = translated.starts_with('^');
    let ends = translated.ends_with('$') && !translated.ends_with("\\$");
    let source = if starts == ends { format!(r"\A(?:{translated})\z") } else { translated };
    Regex::new(&source).map_or(Matcher::Anything, Matcher::Whole)
}

/// Recognizes `[...]`, `[...]+`, `[...]*` and `[...]{m,n}`.
fn class(pattern: &str) -> Option<Matcher> {
    let mut escaped = false;
    let inner = pattern.strip_prefix('[')?;
    let end = inner.char_indices().position(|(at, c)| {
        let closes = c == ']' && !escaped && at > 0;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    let end = inner.char_indices().nth(end)?.0;
    if inner[..end].contains('[') || inner[..end].contains("&&") {
        return None;
    }
    let (class, times) = pattern.split_at(end + 2);
    let (min, max) = match times {
        "" => (1, 1),
        "+" => (1, usize::MAX),
        "*" => (0, usize::MAX),
        _ => {
            let range = times.strip_prefix('{')?.strip_suffix('}')?;
            match range.split_once(',') {
                None => (range.parse().ok()?, range.parse().ok()?),
                Some((min, "")) => (min.parse().ok()?, usize::MAX),
                Some((min, max)) => (min.parse().ok()?, max.parse().ok()?),
            }
        }
    };
    let one = Regex::new(&format!(r"\A{class}\z")).ok()?;
    let ascii = std::array::from_fn(|n| one.is_match((n as u8 as char).encode_utf8(&mut [0; 4])));
    Some(Matcher::Class { ascii, one, min, max })
}

/// Java's spellings that the engine does not know. Categories are exact for ASCII and take all beyond it.
const TRANSLATIONS: [(&str, &str); 32] = [
    // A range over surrogate pairs: all characters beyond the first plane.
    (r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}"),
    (r"\ud800\udc00-\udbff\udfff", r"\x{10000}-\x{10FFFF}"),
    (r"\u10000-\u10FFFF", r"\x{10000}-\x{10FFFF}"),
    (r"\x{D800}\x{DC00}-\x{DBFF}\x{DFFF}", r"\x{10000}-\x{10FFFF}"),
    // A hyphen behind a category is itself, not a range.
    (r"\w-_", r"\w\-_"),
    (r"\w-\/", r"\w\-\/"),
    (r"\p{Z}-_", r"\p{Z}\-_"),
    // Not blank.
    (r"(?!\s*$).+", r".*\S.*"),
    // No two hyphens in a row (how long it may be, the model says beside the pattern).
    (r"([a-z0-9]|-(?!-)){1,61}[a-z0-9]", r"(-?[a-z0-9])+"),
    // Not only digits.
    (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", r"[0-9]*[a-zA-Z\-_][a-zA-Z0-9\-_]*"),
    (r"(?!^\d+$)^[0-9a-zA-Z-_]+$", r"[0-9]*[a-zA-Z\-_][a-zA-Z0-9\-_]*"),
    (r"(?!\d+$)[0-9a-zA-Z-_]+", r"[0-9]*[a-zA-Z\-_][a-zA-Z0-9\-_]*"),
    // Not with a full stop at the end.
    (r"[0-9A-Za-z\.\-_]*(?<!\.)", r"([0-9A-Za-z.\-_]*[0-9A-Za-z\-_])?"),
    // Not with `aws.` at the beginning.
    (r"(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|", r"([/.\-_A-Zb-z0-9]|a([^w]|$|w([^s]|$|s([^.]|$)))).*|"),
    (r"\p{L}", r"a-zA-Z\x{AA}-\x{10FFFF}"),
    (r"\p{Lu}", r"A-Z\x{C0}-\x{10FFFF}"),
    (r"\p{Ll}", r"a-z\x{AA}-\x{10FFFF}"),
    (r"\p{LD}", r"a-zA-Z0-9\x{AA}-\x{10FFFF}"),
    (r"\p{M}", r"\x{300}-\x{10FFFF}"),
    (r"\p{N}", r"0-9\x{B2}-\x{10FFFF}"),
    (r"\p{Z}", r" \x{A0}-\x{10FFFF}"),
    (r"\p{Zs}", r" \x{A0}-\x{10FFFF}"),
    (r"\p{S}", r"$+<=>^`|~\x{A2}-\x{10FFFF}"),
    (r"\p{P}", r##"!-#%-*,-/:;?@\[-\]_{}\x{A1}-\x{10FFFF}"##),
    (r"\p{Punct}", r"!-/:-@\[-`{-~"),
    (r"\p{Print}", r" -~"),
    (r"\p{Graph}", r"!-~"),
    (r"\p{ASCII}", r"\x00-\x7F"),
    (r"\p{Alnum}", r"a-zA-Z0-9"),
    (r"\p{Alpha}", r"a-zA-Z"),
    (r"\p{Digit}", r"0-9"),
    (r"\p{Upper}", r"A-Z"),
];

fn translate(pattern: &str) -> String {
    let mut out = pattern.to_owned();
    for (java, ours) in TRANSLATIONS {
        while let Some(at) = out.find(java) {
            // Only single categories need brackets outside of a class.
            let outside = ours.contains('-') && java.starts_with(r"\p{") && depth(&out[..at]) == 0;
            let text = if outside { format!("[{ours}]") } else { ours.to_owned() };
            out.replace_range(at..at + java.len(), &text);
        }
    }
    out
}

/// Open brackets before the end of `text`.
fn depth(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}
