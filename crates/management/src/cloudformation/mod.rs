//! CloudFormation: stacks of resources that are made, changed and ended by their services' public operations.
//!
//! Promises: every call is made with the rights of the caller (or of the role that was passed) and is authorized and
//! audited as such; each step is one transaction with the record of it, so that a crash neither doubles nor forgets a
//! resource; a failure turns the stack back; a kind or a property that is not known fails, in AWS's words.
//!
//! Not here: serverless APIs, dynamic references to secrets or to what the stack itself makes (and outputs of stacks that it
//! names so), hooks, a registry of kinds; imports of nested stacks. The tags `aws:cloudformation:*` do not come to nested stacks.
//!
//! - [`template`]: the language, pure.
//! - [`kinds`]: what each kind of resource does by which operations.
//! - [`work`]: the reconciler.
//! - [`sets`]: one template in many accounts and regions.
//! - [`news`]: what the event bus is told.
//! - [`drift`]: what is there held against what should be.
//! - [`asked`] and [`site`]: what providers of custom resources are asked and who signals what, by addresses of the cloud.

mod access;
mod asked;
mod change_set;
mod difference;
mod drift;
pub mod errors;
mod kinds;
mod macros;
mod model;
mod news;
mod operation;
mod ops;
mod sets;
pub mod site;
mod stack_policy;
mod template;
mod trigger;
pub mod work;

/// The service.
pub static CLOUDFORMATION: kernel::Service = kernel::Service {
    id: "cloudformation",
    global: false,
    ops: &[
        ops::stack::OPS,
        ops::limit::OPS,
        ops::hold::OPS,
        ops::describe::OPS,
        ops::event::OPS,
        ops::resource::OPS,
        ops::template::OPS,
        ops::export::OPS,
        ops::change_set::OPS,
        ops::signal::OPS,
        ops::policy::OPS,
        ops::drift::OPS,
        ops::organizations_access::OPS,
        ops::stack_set::OPS,
        ops::stack_set_drift::OPS,
        ops::stack_instance::OPS,
        ops::stack_set_operation::OPS,
    ],
};
