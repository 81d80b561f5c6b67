//! Listings: pages over keys in order, with keys that share what stands before a delimiter rolled up into one entry.
//!
//! Keys come from an ordered source. Behind a rolled-up prefix the source is opened anew, so a page costs as many
//! steps as it has entries, however many keys there are.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::fmt::Write as _;

/// The most entries of one page.
pub const PAGE_MAX: usize = 1000;
/// Room that a page begins with.
const PAGE_USUAL: usize = 128;

/// What is listed.
#[derive(Clone, Copy, Default, Debug)]
pub struct Query<'a> {
    pub prefix: &'a str,
    /// Not empty.
    pub delimiter: Option<&'a str>,
    /// Entries up to this one have been listed.
    pub after: Option<&'a str>,
    /// A key in `after` stands for the prefix that it is rolled up under, as markers do (and `start-after` does not).
    pub whole_prefix: bool,
    pub max: usize,
}

/// One entry of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry<T> {
    Item(String, T),
    /// Keys that begin so, its end being the delimiter.
    Prefix(String),
}

impl<T> Entry<T> {
    pub fn name(&self) -> &str {
        match self {
            Entry::Item(key, _) => key,
            Entry::Prefix(prefix) => prefix,
        }
    }
}

/// A page of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    pub entries: Vec<Entry<T>>,
    /// There are entries behind it.
    pub truncated: bool,
}

impl<'a> Query<'a> {
    /// The prefix under which a key is rolled up.
    fn rolled<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let rest = key.strip_prefix(self.prefix)?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(&key[..self.prefix.len() + end])
    }

    /// Where the source is first opened: keys are wanted from here on.
    pub fn start(&self) -> Vec<u8> {
        let Some(after) = self.after.filter(|after| !after.is_empty()) else {
            return self.prefix.as_bytes().to_vec();
        };
        let start = match self.rolled(after) {
            // A whole prefix has been listed.
            Some(rolled) if rolled == after || self.whole_prefix => behind_prefix(rolled),
            _ => behind_key(after),
        };
        start.max(self.prefix.as_bytes().to_vec())
    }

    /// Collects one page. `open` yields keys (several times the same, where a key has several versions) in order,
    /// from the given bytes on; `first` is what it is opened with instead at the beginning.
    ///
    /// # Errors
    /// The source's own.
    pub fn page<T, E, I>(&self, first: I, open: impl FnMut(&[u8]) -> I) -> Result<Page<T>, E>
    where
        I: Iterator<Item = Result<(String, T), E>>,
    {
        let mut entries = Vec::with_capacity(self.max.min(PAGE_USUAL));
        let truncated = self.each(first, open, |entry| entries.push(entry))?;
        Ok(Page { entries, truncated })
    }

    /// Visits the entries of one page, and says whether more follow. The source is as for [`Query::page`].
    ///
    /// # Errors
    /// The source's own.
    pub fn each<T, E, I>(
        &self,
        first: I,
        mut open: impl FnMut(&[u8]) -> I,
        mut visit: impl FnMut(Entry<T>),
    ) -> Result<bool, E>
    where
        I: Iterator<Item = Result<(String, T), E>>,
    {
        if self.max == 0 {
            return Ok(false);
        }
        let (mut source, mut count) = (first, 0);
        while let Some(next) = source.next() {
            let (key, item) = next?;
            if !key.starts_with(self.prefix) {
                break;
            }
            if count == self.max {
                return Ok(true);
            }
            count += 1;
            match self.rolled(&key) {
                None => visit(Entry::Item(key, item)),
                Some(rolled) => {
                    source = open(&behind_prefix(rolled));
                    visit(Entry::Prefix(rolled.to_owned()));
                }
            }
        }
        Ok(false)
    }
}

/// The first bytes behind everything that begins with `prefix`. The last byte of UTF-8 is never the highest one.
fn behind_prefix(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = last.saturating_add(1);
    }
    bytes
}

/// The first bytes behind `key`.
pub fn behind_key(key: &str) -> Vec<u8> {
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// A name for `encoding-type=url`, and a key in events: encoded as in a form, where a space is a plus.
pub fn form_encoded(text: impl Into<String>) -> String {
    let encoded = url_encoded(text);
    if encoded.contains('%') { encoded.replace("%20", "+") } else { encoded }
}

/// A key as a part of an address. Most need nothing done.
pub fn url_encoded(text: impl Into<String>) -> String {
    let text = text.into();
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*' | b'/');
    if text.bytes().all(is_plain) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    type Keys = BTreeSet<Vec<u8>>;

    fn keys(list: &[&str]) -> Keys {
        list.iter().map(|key| key.as_bytes().to_vec()).collect()
    }

    fn page(all: &Keys, query: Query<'_>, steps: &Cell<usize>) -> Page<()> {
        let open = |start: &[u8]| {
            let range = all.range(start.to_vec()..);
            range.map(|key| {
                steps.set(steps.get() + 1);
                Ok::<_, Infallible>((String::from_utf8(key.clone()).unwrap(), ()))
            })
        };
        query.page(open(&query.start()), open).unwrap()
    }

    fn names(all: &Keys, query: Query<'_>) -> (Vec<String>, bool) {
        let page = page(all, query, &Cell::new(0));
        (page.entries.iter().map(|e| e.name().to_owned()).collect(), page.truncated)
    }

    #[test]
    fn rolled_up_by_the_delimiter() {
        let all = keys(&["a", "b/1", "b/2", "c/x/1", "c/y", "d"]);
        let all_of = |prefix, delimiter, after, max| {
            names(&all, Query { prefix, delimiter, after, max, whole_prefix: false })
        };
        let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(all_of("", Some("/"), None, 10), (strings(&["a", "b/", "c/", "d"]), false));
        assert_eq!(all_of("", Some("/"), None, 2), (strings(&["a", "b/"]), true));
        assert_eq!(all_of("", Some("/"), Some("b/"), 2), (strings(&["c/", "d"]), false));
        assert_eq!(all_of("", Some("/"), Some("b/1"), 1), (strings(&["b/"]), true));
        let marked = Query { delimiter: Some("/"), after: Some("b/1"), max: 1, ..Query::default() };
        assert_eq!(names(&all, Query { whole_prefix: true, ..marked }), (strings(&["c/"]), true));
        assert_eq!(all_of("c/", Some("/"), None, 10), (strings(&["c/x/", "c/y"]), false));
        assert_eq!(all_of("c/", None, Some("a"), 1), (strings(&["c/x/1"]), true));
        assert_eq!(all_of("", None, None, 0), (strings(&[]), false));
        assert_eq!(all_of("zz", None, None, 10), (strings(&[]), false));
    }

    #[test]
    fn a_page_costs_what_it_holds() {
        let many: Vec<String> = (0..10_000).map(|n| format!("{}/{n}", n / 1000)).collect();
        let all: Keys = many.iter().map(|key| key.as_bytes().to_vec()).collect();
        let steps = Cell::new(0);
        let found = page(&all, Query { delimiter: Some("/"), max: 1000, ..Query::default() }, &steps);
        assert_eq!(found.entries.len(), 10);
        assert!(steps.get() <= 11, "{}", steps.get());
    }

    #[test]
    fn names_on_the_wire() {
        assert_eq!(url_encoded("a b+c/ü(1)_-.*"), "a%20b%2Bc/%C3%BC%281%29_-.*");
        assert_eq!(form_encoded("a b+c%20"), "a+b%2Bc%2520");
    }

    proptest! {
        /// Page by page gives what one page gives, and that is what rolling up every key gives.
        #[test]
        fn pages_are_the_whole(
            list in prop::collection::btree_set("[ab/\u{0}é]{1,5}", 0..40),
            prefix in "[ab/]{0,2}",
            delimiter in prop::option::of("[/bé]{1,2}"),
            max in 1_usize..5,
        ) {
            let all: Keys = list.iter().map(|key| key.as_bytes().to_vec()).collect();
            let whole = Query { prefix: &prefix, delimiter: delimiter.as_deref(), max: 1000, ..Query::default() };
            let mut expected: Vec<String> = Vec::new();
            for key in list.iter().filter(|key| key.starts_with(&prefix)) {
                let name = whole.rolled(key).unwrap_or(key);
                if expected.last().map(String::as_str) != Some(name) {
                    expected.push(name.to_owned());
                }
            }
            prop_assert_eq!(names(&all, whole).0, expected.clone());
            let (mut after, mut found): (Option<String>, Vec<String>) = (None, Vec::new());
            loop {
                let (some, more) = names(&all, Query { after: after.as_deref(), max, ..whole });
                found.extend(some);
                if !more { break; }
                after = found.last().cloned();
            }
            prop_assert_eq!(found, expected);
        }
    }
}
