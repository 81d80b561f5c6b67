//! KMS's records: one file for each noun, and the states that a key can be in.

mod alias;
mod grant;
mod key;
mod material;
mod state;
mod usage;

pub use alias::{ALIASES, ALIASES_PER_KEY_MAX, Alias, RESERVED, alias_arn, alias_key};
pub use grant::{Child, GRANTS, GRANTS_PER_KEY_MAX, KeyGrant, Wanted, names_of};
pub use key::{DUE, Due, KEYS, KmsKey, MultiRegion, days, key_arn};
pub use material::{Material, Rotation, Stage};
pub use state::{KeyState, Needs};
pub use usage::{TRACKING, Tracking, USAGES, Usage, usage_key};
