//! The policy language, rule by rule, and against a second implementation.
//!
//! Each table row is named after the documented rule that it shows.

mod conditions;
mod differential;
mod elements;
mod hostile;
mod layers;
mod malformed;
mod naive;
mod principals;
mod public;
mod simulation;
mod trust;
mod world;
