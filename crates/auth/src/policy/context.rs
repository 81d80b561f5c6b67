//! The request context: what is known about a request under the names of condition keys.
//!
//! Every value is text, as it is in a policy: numbers in decimal, times in ISO 8601 or epoch seconds, Booleans as
//! `true` and `false`, binary values in base64. Names are compared without regard to case.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// The values of one key: a single-valued key has one, a multi-valued key any number, even none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Values<'a> {
    One(Cow<'a, str>),
    Many(Vec<Cow<'a, str>>),
}

impl<'a> Values<'a> {
    pub fn as_slice(&self) -> &[Cow<'a, str>] {
        match self {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        }
    }
}

impl<'a> From<&'a str> for Values<'a> {
    fn from(value: &'a str) -> Self {
        Values::One(Cow::Borrowed(value))
    }
}

impl From<String> for Values<'_> {
    fn from(value: String) -> Self {
        Values::One(Cow::Owned(value))
    }
}

impl From<bool> for Values<'_> {
    fn from(value: bool) -> Self {
        Values::One(Cow::Borrowed(if value { "true" } else { "false" }))
    }
}

impl From<i64> for Values<'_> {
    fn from(value: i64) -> Self {
        Values::One(Cow::Owned(value.to_string()))
    }
}

impl<'a> From<Vec<&'a str>> for Values<'a> {
    fn from(values: Vec<&'a str>) -> Self {
        Values::Many(values.into_iter().map(Cow::Borrowed).collect())
    }
}

impl From<Vec<String>> for Values<'_> {
    fn from(values: Vec<String>) -> Self {
        Values::Many(values.into_iter().map(Cow::Owned).collect())
    }
}

/// Answers keys that are dear to compute, only when a policy asks for them. It is given the key as the policy spells
/// it (compare without regard to case) and may be asked for one key several times.
pub type Lazy<'a> = &'a dyn Fn(&str) -> Option<Values<'static>>;

/// The keys of one request. Adding a key that is already there replaces its values.
#[derive(Clone, Default)]
pub struct Context<'a> {
    entries: Vec<(Cow<'a, str>, Values<'a>)>,
    lazy: Option<Lazy<'a>>,
}

impl<'a> Context<'a> {
    pub fn new() -> Context<'a> {
        Context::default()
    }

    pub fn with_capacity(keys: usize) -> Context<'a> {
        Context { entries: Vec::with_capacity(keys), lazy: None }
    }

    /// Sets one key.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, values: impl Into<Values<'a>>) {
        let key = key.into();
        match self.entries.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(&key)) {
            Some((_, old)) => *old = values.into(),
            None => self.entries.push((key, values.into())),
        }
    }

    /// [`Context::set`], for building in one expression.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'a, str>>, values: impl Into<Values<'a>>) -> Context<'a> {
        self.set(key, values);
        self
    }

    /// Asked for each key that was not set.
    pub fn set_lazy(&mut self, lazy: Lazy<'a>) {
        self.lazy = Some(lazy);
    }

    /// The values of a key, in whatever case it is spelled. `None`: the request has no such key.
    pub fn get(&self, key: &str) -> Option<Found<'_, 'a>> {
        match self.entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) {
            Some((_, values)) => Some(Found::Kept(values)),
            None => self.lazy.and_then(|lazy| lazy(key)).map(Found::Made),
        }
    }

    /// The keys that were set, in the order in which they were.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.as_ref())
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(key, values)| (key, values.as_slice()))).finish()
    }
}

/// Values that the context holds, or that were computed for the asker.
#[derive(Debug)]
pub enum Found<'c, 'a> {
    Kept(&'c Values<'a>),
    Made(Values<'static>),
}

impl<'a> Deref for Found<'_, 'a> {
    type Target = Values<'a>;

    fn deref(&self) -> &Values<'a> {
        match self {
            Found::Kept(values) => values,
            Found::Made(values) => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Context, Values};

    #[test]
    fn keys_have_no_case_and_the_last_value_wins() {
        let context = Context::new().with("aws:UserName", "a").with("AWS:username", "b");
        assert_eq!(*context.get("aws:USERNAME").unwrap(), Values::from("b"));
        assert_eq!(context.keys().collect::<Vec<_>>(), ["aws:UserName"]);
        assert!(context.get("aws:userid").is_none());
    }

    #[test]
    fn lazy_keys_are_computed_only_when_asked_for() {
        let asked = std::cell::Cell::new(0);
        let lazy = |key: &str| {
            asked.set(asked.get() + 1);
            key.eq_ignore_ascii_case("aws:x").then(|| Values::from("y"))
        };
        let mut context = Context::new().with("aws:a", "b");
        context.set_lazy(&lazy);
        assert_eq!(*context.get("aws:a").unwrap(), Values::from("b"));
        assert_eq!(asked.get(), 0);
        assert_eq!(*context.get("AWS:X").unwrap(), Values::from("y"));
        assert!(context.get("aws:z").is_none());
        assert_eq!(asked.get(), 2);
    }
}
