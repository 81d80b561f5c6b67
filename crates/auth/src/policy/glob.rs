//! Text patterns: `*` is any run of characters, `?` is any one, and `${...}` is a policy variable.
//!
//! Matching never looks back further than the last `*`, so its cost is bounded by the product of the two lengths,
//! whatever the pattern; common patterns are recognized when they are read and cost one comparison. A variable's
//! value is compared literally: wildcards in it are ordinary characters. Splitting ARNs is [`super::arn`]'s.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::context::Context;
use std::borrow::Cow;

/// A pattern as it is kept in a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Glob {
    /// `*`
    Any,
    /// No wildcard.
    Exact(Box<str>),
    /// One `*`, at the end.
    Prefix(Box<str>),
    /// Any other mix of text, `*` and `?`.
    Wild(Box<str>),
    /// With variables or escaped wildcards.
    Parts(Box<[Part]>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Text(Box<str>),
    One,
    Run,
    Variable { key: Box<str>, default: Option<Box<str>> },
}

/// Which characters of a pattern are special.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// `${...}` is a variable; language version 2012-10-17.
    pub(super) variables: bool,
}

impl Glob {
    pub(super) fn read(text: &str, syntax: Syntax) -> Glob {
        if syntax.variables && text.contains("${") {
            let parts = read_parts(text, syntax);
            if parts.iter().any(|part| matches!(part, Part::Variable { .. })) || needs_parts(&parts) {
                return Glob::Parts(parts.into());
            }
            let plain: String = parts.iter().map(plain_text).collect();
            return Glob::plain(&plain, syntax);
        }
        Glob::plain(text, syntax)
    }

    fn plain(text: &str, syntax: Syntax) -> Glob {
        if !syntax.wildcards || !text.contains(['*', '?']) {
            return Glob::Exact(text.into());
        }
        if text.bytes().all(|b| b == b'*') {
            return Glob::Any;
        }
        match text.strip_suffix('*') {
            Some(head) if !head.contains(['*', '?']) => Glob::Prefix(head.into()),
            _ => Glob::Wild(text.into()),
        }
    }

    /// A variable without a value matches nothing; see [`Glob::is_unresolved`].
    pub(super) fn matches(&self, text: &str, context: &Context<'_>) -> bool {
        match self {
            Glob::Any => true,
            Glob::Exact(own) => **own == *text,
            Glob::Prefix(head) => text.starts_with(&**head),
            Glob::Wild(pattern) => wild_match(pattern, text),
            Glob::Parts(parts) => resolve(parts, context).is_some_and(|atoms| atoms_match(&atoms, text)),
        }
    }

    /// Matches text that is split at colons, part by part: the pattern's own parts are those of its text once its
    /// variables have their values, so that a variable may stand for several. Missing parts match anything.
    pub(super) fn matches_split(&self, text: &[&str], context: &Context<'_>) -> bool {
        let Glob::Parts(parts) = self else { return false };
        let Some(atoms) = resolve(parts, context) else { return false };
        let mut own = atoms.splitn(text.len(), |atom| *atom == Atom::Letter(':'));
        let given = text.iter().all(|part| own.next().is_none_or(|own| atoms_match(own, part)));
        given && atoms.contains(&Atom::Letter(':'))
    }

    /// As [`Glob::matches`], for patterns without wildcards, by equality that ignores case.
    pub(super) fn equals_ignoring_case(&self, text: &str, context: &Context<'_>) -> bool {
        match self {
            Glob::Exact(own) => equal_ignoring_case(own, text),
            Glob::Parts(parts) => resolve(parts, context).is_some_and(|atoms| {
                let own: String = atoms.iter().map(|atom| atom.letter()).collect();
                equal_ignoring_case(&own, text)
            }),
            Glob::Any | Glob::Prefix(_) | Glob::Wild(_) => false,
        }
    }

    /// Whether a variable has no value in this request. AWS takes the statement for invalid then, so a negation must
    /// not be satisfied by the mismatch.
    pub(super) fn is_unresolved(&self, context: &Context<'_>) -> bool {
        match self {
            Glob::Parts(parts) => parts.iter().any(|part| match part {
                Part::Variable { key, default } => default.is_none() && single(context, key).is_none(),
                _ => false,
            }),
            _ => false,
        }
    }

    /// The text of a pattern without variables and escapes.
    pub(super) fn source(&self) -> Option<String> {
        match self {
            Glob::Any => Some("*".to_owned()),
            Glob::Exact(text) | Glob::Wild(text) => Some(text.to_string()),
            Glob::Prefix(head) => Some(format!("{head}*")),
            Glob::Parts(_) => None,
        }
    }

    /// The text of a pattern, with a `*` in the place of each variable.
    pub(super) fn widest(&self) -> String {
        let Glob::Parts(parts) = self else { return self.source().unwrap_or_default() };
        let text = |part: &Part| match part {
            Part::Text(text) => text.to_string(),
            Part::One => "?".to_owned(),
            Part::Run | Part::Variable { .. } => "*".to_owned(),
        };
        parts.iter().map(text).collect()
    }

    /// The keys that its variables name.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let parts: &[Part] = match self {
            Glob::Parts(parts) => parts,
            _ => &[],
        };
        parts.iter().filter_map(|part| match part {
            Part::Variable { key, .. } => Some(&**key),
            _ => None,
        })
    }

    /// Whether it holds a wildcard or a variable: it may match more than one text.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Glob::Exact(_) => false,
            Glob::Any | Glob::Prefix(_) | Glob::Wild(_) => true,
            Glob::Parts(parts) => parts.iter().any(|part| !matches!(part, Part::Text(_))),
        }
    }
}

/// Escaped wildcards among live ones cannot be told apart in plain text.
fn needs_parts(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains(['*', '?'])))
}

fn plain_text(part: &Part) -> &str {
    match part {
        Part::Text(text) => text,
        Part::One => "?",
        Part::Run => "*",
        Part::Variable { .. } => "",
    }
}

fn read_parts(text: &str, syntax: Syntax) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some((variable, after)) = read_variable(rest) {
            match variable {
                Part::Text(escaped) => literal.push_str(&escaped),
                part => {
                    flush(&mut literal, &mut parts);
                    parts.push(part);
                }
            }
            rest = after;
            continue;
        }
        match letter {
            '*' | '?' if syntax.wildcards => {
                flush(&mut literal, &mut parts);
                parts.push(if letter == '*' { Part::Run } else { Part::One });
            }
            _ => literal.push(letter),
        }
        rest = &rest[letter.len_utf8()..];
    }
    flush(&mut literal, &mut parts);
    parts
}

fn flush(literal: &mut String, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Text(std::mem::take(literal).into()));
    }
}

/// A `${...}` at the beginning of the text, and what follows it. `${*}`, `${?}` and `${$}` stand for the character;
/// `${key, 'default'}` gives a value for requests without the key. What is no variable is `None`: ordinary text.
fn read_variable(text: &str) -> Option<(Part, &str)> {
    let inside = text.strip_prefix("${")?;
    let (body, after) = match inside.split_once('}')? {
        // A default may hold braces: it ends with its quotation mark.
        (head, _) if head.contains('\'') => {
            let open = inside.find('\'')?;
            let close = open + 1 + inside.get(open + 1..)?.find('\'')?;
            let tail = inside.get(close + 1..)?;
            let after = tail.trim_start_matches(' ').strip_prefix('}')?;
            (inside.get(..=close)?, after)
        }
        whole => whole,
    };
    if let "*" | "?" | "$" = body {
        return Some((Part::Text(body.into()), after));
    }
    let (key, default) = match body.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().strip_prefix('\'')?.strip_suffix('\'')?.into())),
        None => (body, None),
    };
    let key = key.trim();
    (!key.is_empty() && !key.contains('\'')).then(|| (Part::Variable { key: key.into(), default }, after))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Atom {
    Letter(char),
    One,
    Run,
}

impl Atom {
    fn letter(self) -> char {
        match self {
            Atom::Letter(letter) => letter,
            Atom::One => '?',
            Atom::Run => '*',
        }
    }
}

/// The pattern with its variables' values in place. `None`: a variable has no value, or several.
fn resolve(parts: &[Part], context: &Context<'_>) -> Option<Vec<Atom>> {
    let mut atoms = Vec::with_capacity(64);
    for part in parts {
        match part {
            Part::Text(text) => atoms.extend(text.chars().map(Atom::Letter)),
            Part::One => atoms.push(Atom::One),
            Part::Run => atoms.push(Atom::Run),
            Part::Variable { key, default } => {
                let value = single(context, key).or(default.as_deref().map(Cow::Borrowed))?;
                atoms.extend(value.chars().map(Atom::Letter));
            }
        }
    }
    Some(atoms)
}

/// The value of a key that has exactly one.
fn single<'c>(context: &'c Context<'_>, key: &str) -> Option<Cow<'c, str>> {
    match context.get(key)? {
        super::context::Found::Kept(values) => match values.as_slice() {
            [one] => Some(Cow::Borrowed(one.as_ref())),
            _ => None,
        },
        super::context::Found::Made(values) => match values.as_slice() {
            [one] => Some(Cow::Owned(one.to_string())),
            _ => None,
        },
    }
}

/// Greedy matching that returns to the last `*` only.
fn atoms_match(pattern: &[Atom], text: &str) -> bool {
    let (mut at, mut rest) = (0, text.chars());
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        match pattern.get(at) {
            Some(Atom::Run) => {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            Some(atom) => {
                let mut ahead = rest.clone();
                let fits = match (atom, ahead.next()) {
                    (Atom::Letter(own), Some(letter)) => *own == letter,
                    (_, letter) => letter.is_some(),
                };
                if fits && !rest.as_str().is_empty() {
                    rest = ahead;
                    at += 1;
                    continue;
                }
            }
            None if rest.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after_run, from)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        at = *after_run;
        rest = from.clone();
    }
}

/// [`atoms_match`] over plain text, byte by byte where it can be.
pub(super) fn wild_match(pattern: &str, text: &str) -> bool {
    let (p, t) = (pattern.as_bytes(), text.as_bytes());
    let (mut pi, mut ti) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match p.get(pi) {
            Some(b'*') => {
                pi += 1;
                if pi == p.len() {
                    return true;
                }
                retry = Some((pi, ti));
                continue;
            }
            Some(b'?') if ti < t.len() => {
                pi += 1;
                ti += letter_len(t[ti]);
                continue;
            }
            Some(own) if t.get(ti) == Some(own) => {
                pi += 1;
                ti += 1;
                continue;
            }
            None if ti == t.len() => return true,
            _ => {}
        }
        let Some((after_run, from)) = &mut retry else { return false };
        match t.get(*from) {
            Some(&lead) => *from += letter_len(lead),
            None => return false,
        }
        (pi, ti) = (*after_run, *from);
    }
}

/// Bytes of the UTF-8 character that begins with `lead`.
fn letter_len(lead: u8) -> usize {
    match lead {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

pub(super) fn equal_ignoring_case(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::{Context, Glob, Syntax, wild_match};

    #[test]
    fn wildcards() {
        let cases = [
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("??", "é", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("*ab", "aab", true),
            ("a?c*e", "abcde", true),
            ("*?*?*", "a", false),
            ("*?*?*", "ab", true),
            ("a*b*c", "a-c-b", false),
            ("", "", true),
            ("", "a", false),
            ("*é?", "xéé1", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(wild_match(pattern, text), expected, "{pattern} {text}");
            // Through the slow path too: an unused escape at the end forces parts.
            let glob =
                Glob::read(&format!("{pattern}${{$}}${{*}}"), Syntax { wildcards: true, variables: true });
            let found = glob.matches(&format!("{text}$*"), &Context::new());
            assert_eq!(found, expected, "{pattern} {text} by parts");
        }
    }

    #[test]
    fn many_stars_are_not_exponential() {
        let pattern = "*a".repeat(2_000) + "b";
        let text = "a".repeat(4_000);
        assert!(!wild_match(&pattern, &text));
    }

    #[test]
    fn variables() {
        let syntax = Syntax { wildcards: true, variables: true };
        let context = Context::new()
            .with("aws:username", "bob")
            .with("aws:PrincipalTag/t", "a*")
            .with("aws:many", vec!["a", "b"]);
        let cases = [
            ("home/${aws:username}/*", "home/bob/x", true),
            ("home/${AWS:UserName}/*", "home/eve/x", false),
            ("${aws:PrincipalTag/t}", "a*", true),
            ("${aws:PrincipalTag/t}", "ab", false),
            ("${aws:absent}", "", false),
            ("${aws:many}", "a", false),
            ("${aws:absent, 'x y'}-*", "x y-1", true),
            ("${aws:absent,''}z", "z", true),
            ("${aws:absent, 'a}b'}", "a}b", true),
            ("a${*}b", "a*b", true),
            ("a${*}b", "axb", false),
            ("a${?}${$}*", "a?$x", true),
            ("${open", "${open", true),
            ("${}", "${}", true),
            ("$x*", "$xy", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Glob::read(pattern, syntax).matches(text, &context), expected, "{pattern} {text}");
        }
        for (pattern, expected) in [
            ("${aws:absent}", true),
            ("${aws:many}", true),
            ("${aws:absent, 'x'}", false),
            ("${aws:username}", false),
        ] {
            assert_eq!(Glob::read(pattern, syntax).is_unresolved(&context), expected, "{pattern}");
        }
        let old = Syntax { wildcards: true, variables: false };
        assert!(!Glob::read("${aws:username}", old).matches("bob", &context));
        assert!(Glob::read("${aws:username}", old).matches("${aws:username}", &context));
    }
}
