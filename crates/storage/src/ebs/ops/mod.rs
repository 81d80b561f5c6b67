//! Handlers, one file a noun.

pub(crate) mod attachment;
pub(crate) mod attribute;
pub(crate) mod copy;
pub(crate) mod defaults;
pub(crate) mod fast;
pub(crate) mod modify;
pub(crate) mod share;
pub(crate) mod snapshot;
pub(crate) mod snapshots;
pub(crate) mod volume;
pub(crate) mod volumes;

/// One value of a filter.
pub(crate) fn one(text: impl ToString) -> Vec<String> {
    vec![text.to_string()]
}

/// One value of a filter, or none.
pub(crate) fn maybe(text: &Option<String>) -> Vec<String> {
    text.iter().cloned().collect()
}
