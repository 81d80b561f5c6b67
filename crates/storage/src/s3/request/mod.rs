//! What requests about objects say, read and checked: attributes, conditions, ranges, sources of copies.

pub(crate) mod attributes;
pub(crate) mod conditions;
pub(crate) mod door;
pub(crate) mod range;
pub(crate) mod source;
