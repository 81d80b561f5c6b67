//! Stack sets: one template, a stack of it in each of several accounts and regions.
//!
//! CloudFormation assumes the set's administration role, by that the execution role of each account, and makes, changes
//! and ends the stacks there by its own public operations. One operation at a time works on a set; how far it goes at
//! once, and when it gives up, [`pace`] decides.
//!
//! With service-managed permissions the roles are the service's own, and accounts are those of an [`organization`]'s units.
//!
//! Not here: account gates, managed execution, stacks that are imported.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html>

pub(crate) mod drift;
pub(crate) mod model;
pub(crate) mod organization;
pub(crate) mod pace;
