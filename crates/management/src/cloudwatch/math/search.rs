//! `SEARCH('{AWS/EC2,InstanceId} MetricName="CPUUtilization"', 'Average', 300)`: which metrics are meant. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html>
//!
//! Not here: metrics of other accounts, which are refused.

use std::collections::BTreeSet;

/// AWS: characters of a search.
const CHARS_MAX: usize = 1024;
const DEPTH_MAX: u32 = 32;
/// What ends a word.
const SIGNS: &[char] = &['(', ')', '{', '}', '=', '"', ','];

/// A metric, as a search looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// Names and values.
    pub(crate) dimensions: &'a [(&'a str, &'a str)],
}

/// What is searched for.
#[derive(PartialEq, Debug)]
pub(crate) struct Search {
    /// The namespace, and the names of all dimensions.
    pub(crate) schema: Option<(String, BTreeSet<String>)>,
    term: Option<Term>,
}

#[derive(PartialEq, Debug)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    Is { field: Option<String>, text: String, exact: bool },
}

impl Search {
    /// # Errors
    /// A sentence about what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Search, String> {
        if text.chars().count() > CHARS_MAX {
            return Err(format!("a search has at most {CHARS_MAX} characters"));
        }
        let mut reader = Reader { rest: text.trim(), depth: 0 };
        let schema = reader.schema()?;
        let term = if reader.rest.is_empty() { None } else { Some(reader.any(None)?) };
        match (&schema, &term) {
            _ if !reader.rest.is_empty() => Err(format!("unexpected '{}' in the search", reader.rest)),
            (None, None) => Err("a search has a metric schema, a term or both".into()),
            _ => Ok(Search { schema, term }),
        }
    }

    pub(crate) fn finds(&self, seen: Seen<'_>) -> bool {
        let fits = self.schema.as_ref().is_none_or(|(namespace, names)| {
            *namespace == seen.namespace
                && names.len() == seen.dimensions.len()
                && seen.dimensions.iter().all(|(name, _)| names.contains(*name))
        });
        fits && self.term.as_ref().is_none_or(|term| term.holds(seen))
    }
}

impl Term {
    fn holds(&self, seen: Seen<'_>) -> bool {
        match self {
            Term::All(all) => all.iter().all(|term| term.holds(seen)),
            Term::Any(any) => any.iter().any(|term| term.holds(seen)),
            Term::Not(inner) => !inner.holds(seen),
            Term::Is { field, text, exact } => {
                let is = |own: &str| if *exact { own == text } else { holds_words(own, text) };
                match field.as_deref() {
                    Some("MetricName") => is(seen.name),
                    Some("Namespace") => is(seen.namespace),
                    Some(field) => seen.dimensions.iter().any(|(name, value)| *name == field && is(value)),
                    None => {
                        let dimensions = seen.dimensions.iter().any(|(name, value)| is(name) || is(value));
                        is(seen.name) || is(seen.namespace) || dimensions
                    }
                }
            }
        }
    }
}

/// The words of a name: `CPUCreditUsage` has `cpu`, `credit` and `usage`.
fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = vec![String::new()];
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let begins = before.is_some_and(|before| {
            (before.is_lowercase() && c.is_uppercase())
                || (before.is_uppercase() && c.is_uppercase() && after.is_some_and(|c| c.is_lowercase()))
                || before.is_ascii_digit() != c.is_ascii_digit()
        });
        if (begins || !c.is_alphanumeric()) && out.last().is_some_and(|word| !word.is_empty()) {
            out.push(String::new());
        }
        if let Some(word) = out.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    out.retain(|word| !word.is_empty());
    out
}

/// Whether some words of one, one after another, are those of the other, however these are written.
fn holds_words(own: &str, wanted: &str) -> bool {
    let (own, wanted) = (words(own), words(wanted).concat());
    let is_it = |rest: &[String]| (1..=rest.len()).any(|count| rest[..count].concat() == wanted);
    !wanted.is_empty() && (0..own.len()).any(|first| is_it(&own[first..]))
}

struct Reader<'a> {
    rest: &'a str,
    depth: u32,
}

impl Reader<'_> {
    fn take(&mut self, sign: char) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn is_word(&self, word: &str) -> bool {
        self.rest
            .strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| !c.is_whitespace() && c != '('))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.rest = self.rest[word.len()..].trim_start();
        }
        found
    }

    /// A word or a text, and whether it was a text.
    fn text(&mut self) -> Result<(String, bool), String> {
        if let Some(inner) = self.rest.strip_prefix('"') {
            let (text, rest) = inner.split_once('"').ok_or("a text of the search does not end")?;
            self.rest = rest.trim_start();
            return Ok((text.to_owned(), true));
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || SIGNS.contains(&c));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if word.is_empty() {
            return Err(match self.rest.chars().next() {
                Some(c) => format!("unexpected '{c}' in the search"),
                None => "unexpected end of the search".to_owned(),
            });
        }
        self.rest = rest.trim_start();
        Ok((word.to_owned(), false))
    }

    fn schema(&mut self) -> Result<Option<(String, BTreeSet<String>)>, String> {
        if !self.take('{') {
            return Ok(None);
        }
        let namespace = self.text()?.0;
        let mut names = BTreeSet::new();
        while self.take(',') {
            names.insert(self.text()?.0);
        }
        if self.take('}') { Ok(Some((namespace, names))) } else { Err("a metric schema does not end".into()) }
    }

    fn any(&mut self, field: Option<&str>) -> Result<Term, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("the search is nested too deeply".into());
        }
        let mut any = vec![self.all(field)?];
        while self.take_word("OR") {
            any.push(self.all(field)?);
        }
        self.depth -= 1;
        Ok(if any.len() == 1 { any.remove(0) } else { Term::Any(any) })
    }

    /// Terms that stand side by side all hold.
    fn all(&mut self, field: Option<&str>) -> Result<Term, String> {
        let mut all = vec![self.one(field)?];
        while !self.rest.is_empty() && !self.rest.starts_with(')') && !self.is_word("OR") {
            self.take_word("AND");
            all.push(self.one(field)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Term::All(all) })
    }

    fn one(&mut self, field: Option<&str>) -> Result<Term, String> {
        if self.take_word("NOT") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err("the search is nested too deeply".into());
            }
            let inner = self.one(field)?;
            self.depth -= 1;
            return Ok(Term::Not(Box::new(inner)));
        }
        if self.take('(') {
            let inner = self.any(field)?;
            return if self.take(')') {
                Ok(inner)
            } else {
                Err("a parenthesis of the search is open".into())
            };
        }
        let (text, exact) = self.text()?;
        if field.is_none() && self.take('=') {
            if text.starts_with(":aws.") {
                return Err(format!("{text} is not built"));
            }
            return self.one(Some(&text));
        }
        Ok(Term::Is { field: field.map(str::to_owned), text, exact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(search: &str, namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> bool {
        let search = Search::parse(search).unwrap_or_else(|why| panic!("{search}: {why}"));
        search.finds(Seen { namespace, name, dimensions })
    }

    #[test]
    fn names_have_words() {
        for (text, expected) in [
            ("CPUCreditUsage", vec!["cpu", "credit", "usage"]),
            ("AWS/EC2", vec!["aws", "ec", "2"]),
            ("my-queue_1", vec!["my", "queue", "1"]),
            ("HTTPCode_5XX", vec!["http", "code", "5", "xx"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_found() {
        let of = |search: &str| {
            finds(search, "AWS/EC2", "CPUUtilization", &[("InstanceId", "i-0abc"), ("Zone", "a b")])
        };
        for search in [
            "{AWS/EC2,InstanceId,Zone}",
            "{AWS/EC2, Zone, InstanceId} utilization",
            "CPU",
            "cpuutilization",
            "\"CPUUtilization\"",
            "MetricName=\"CPUUtilization\"",
            "MetricName = cpu",
            "MetricName=(\"x\" OR \"CPUUtilization\")",
            "Namespace=\"AWS/EC2\" InstanceId=\"i-0abc\"",
            "ec2 AND NOT Disk",
            "Zone=\"a b\"",
            "(Disk OR CPU) i-0abc",
            "InstanceId",
        ] {
            assert!(of(search), "{search}");
        }
        for search in [
            "{AWS/EC2,InstanceId}",
            "{AWS/EC2}",
            "{AWS/SQS,InstanceId,Zone}",
            "Util",
            "\"cpuutilization\"",
            "NOT CPU",
            "InstanceId=\"i-0ab\"",
            "CPU Disk",
            "MetricName=\"AWS/EC2\"",
        ] {
            assert!(!of(search), "{search}");
        }
        assert!(finds("{\"My Space\"}", "My Space", "m", &[]));
    }

    #[test]
    fn what_is_no_search() {
        let long = "a ".repeat(600);
        let deep = "(".repeat(100);
        let nots = "NOT ".repeat(100);
        for search in ["", "{AWS/EC2", "{}", "(a", "a)", "\"a", "a=", ":aws.AccountId=1", &long, &deep, &nots]
        {
            assert!(Search::parse(search).is_err(), "{search}");
        }
    }
}
