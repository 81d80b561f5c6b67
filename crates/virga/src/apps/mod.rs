//! Applications that the program brings along as templates (the shop of `virga demo`, the labs of `virga lab`): how they
//! are made and taken away, and how what they promise is tried.
//!
//! It is a client like any other: signed requests to the endpoint, and `virga`'s own pages for what a developer does
//! beside AWS (running a program in a machine, asking for the reason).

mod aws;
mod group;
mod image;
mod stack;
mod trial;
pub(crate) mod xml;

pub(crate) use aws::{Caller, REGION, Reply, exchange};
pub(crate) use group::{Member, members, settled};
pub(crate) use image::{Source, import};
pub(crate) use stack::{Deployed, Progress, Stack};
pub(crate) use trial::{OUTSIDE, PATIENCE, Proof, Site, Trial, Tried, patiently, prove};

/// The account of `test`/`test`.
pub(crate) const ACCOUNT: &str = "000000000000";
