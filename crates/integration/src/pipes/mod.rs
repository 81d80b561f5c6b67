//! EventBridge Pipes: from a queue or a table's stream, by way of filters and perhaps a function or an API destination that
//! enriches, to one target.
//!
//! Promises: what is read is deleted, or passed by, only once the target has it ([`feed`]); so a crash repeats and loses
//! nothing. All that a pipe does it does as the role that it was given and with no other rights: the reading, the enriching,
//! the sending, the telling of what was given up.
//!
//! Not here: sources other than queues and DynamoDB's streams; targets other than functions, queues, topics, buses, log
//! groups and API destinations; logs of pipes, keys of one's own, wildcards in paths.

mod access;
mod consumer;
mod enrichment;
mod errors;
mod metering;
mod model;
mod ops;
mod settings;
mod target;
mod template;
pub mod work;

pub use errors::PipesError;

pub static PIPES: kernel::Service = kernel::Service {
    id: "pipes",
    global: false,
    ops: &[ops::pipe::OPS, ops::list::OPS, ops::state::OPS, ops::tag::OPS],
};
