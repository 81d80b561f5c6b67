//! AWS Lambda: functions whose real code runs in sandboxes of this machine.
//!
//! The control plane keeps functions, versions, aliases and policies; their code lies among the cloud's contents
//! ([`code`]). An invocation runs in an environment that is started when it is needed, used again while it is warm, and
//! taken away when it is idle ([`sandbox`]): a process in user, process, mount, name and network namespaces of its own,
//! which speaks the Runtime API and sees nothing but its code, the machine's programs and its own `/tmp`, makes no system
//! calls but those that functions need, and stands still between events. Invocations
//! that nobody waits for are rows of the store until they were handled ([`work`]).
//!
//! Versions and aliases may have environments that begin before anybody calls ([`provision`]).
//!
//! A function is of an archive and layers ([`layer`]), or of a container image ([`image`]), and may have a URL ([`url`]), and may say its response piece by piece. One that is in a VPC
//! ([`network`]) sends by an interface there, and reaches what that reaches.
//!
//! For development, code may be a folder of this machine that changes ([`hot`]).
//!
//! Which runtimes there are depends on what this machine has ([`runtimes`]): the others are refused.
//!
//! A function that is a consequence of itself too often is stopped ([`lineage`]).
//!
//! Not here: SnapStart, tumbling windows and other event sources than queues and DynamoDB's streams, X-Ray, code signing.

mod access;
mod allotment;
mod beginning;
pub mod billing;
pub mod code;
mod destination;
mod dotnet;
mod environments;
mod errors;
pub mod hot;
pub mod image;
mod invocation;
mod java;
mod layer;
pub mod libraries;
mod lineage;
pub mod link;
mod logs;
pub mod mapping;
pub mod metering;
pub mod model;
mod name;
pub mod network;
mod ops;
mod package;
mod platform;
mod policy;
pub mod provision;
mod report;
pub mod runtimes;
mod sandbox;
pub mod url;
mod variables;
pub mod work;
pub mod workshop;

pub use errors::LambdaError;

pub static LAMBDA: kernel::Service = kernel::Service {
    id: "lambda",
    global: false,
    ops: &[
        ops::account::OPS,
        ops::alias::OPS,
        ops::code::OPS,
        ops::concurrency::OPS,
        ops::signing::OPS,
        ops::configuration::OPS,
        ops::function::OPS,
        ops::handling::OPS,
        ops::invoke::OPS,
        ops::layer::OPS,
        ops::layer_permission::OPS,
        ops::mapping::OPS,
        ops::permission::OPS,
        ops::provision::OPS,
        ops::recursion::OPS,
        ops::tag::OPS,
        ops::url::OPS,
        ops::version::OPS,
    ],
};
