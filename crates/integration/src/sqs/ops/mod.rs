//! SQS's operations, one file for each family.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a handler owns its request, whether or not it takes it apart"
)]

pub(crate) mod attributes;
pub(crate) mod batch;
pub(crate) mod dead_letter;
pub(crate) mod delete;
pub(crate) mod move_task;
pub(crate) mod permission;
pub(crate) mod purge;
pub(crate) mod queue;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod tag;
pub(crate) mod visibility;
