//! CloudTrail's handlers, one file for each family.

pub(super) mod lookup;
