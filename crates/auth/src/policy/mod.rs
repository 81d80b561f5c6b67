//! The IAM policy language: reading documents, evaluating requests, explaining decisions.
//!
//! Pure: no I/O, no clock, no configuration. [`Policy::parse`] reads a document once, refusing what AWS refuses, in
//! AWS's words; [`evaluate`] decides a [`Request`] against the [`Layers`] that apply to it and tells why.
//! Fetching policies, building the context, quotas on sizes, and checking that what a policy names exists are the
//! callers' work.
//!
//! Start reading at [`evaluate()`]; the rules of conditions are in `condition`, those of principals in `principal`.

mod arn;
mod bucket;
mod condition;
mod context;
mod decision;
mod document;
mod evaluate;
mod explain;
mod fault;
mod glob;
mod global_keys;
mod iam_checks;
mod index;
mod json;
mod layers;
mod malformed;
mod principal;
mod public;
mod reader;
mod request;
mod rewrite;
mod scalar;

pub use context::{Context, Found, Lazy, Values};
pub use decision::{Cause, Decision, Finding, Layer, Reason};
pub use document::{
    Effect, POLICY_ELEMENTS, Policy, PolicyKind, Position, STATEMENT_ELEMENTS, Statement, Version,
};
pub use evaluate::evaluate;
pub use explain::{Matched, Outcome, Simulation, simulate};
pub use layers::{Attached, Ceiling, Grant, Layers, Level, PolicyForm, PolicySource, ResourceMode};
pub use malformed::MalformedPolicy;
pub use principal::{FederatingUser, Principal};
pub use request::Request;
pub use rewrite::rewrite_principals;
