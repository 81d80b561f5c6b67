//! `virga demo`: the reference application of `examples/shop`, made by its template, shown to work, and shown to refuse
//! what it must refuse.
//!
//! It is a client like any other: signed requests to the endpoint, and `virga`'s own pages for what a developer does
//! beside AWS (running a program in a machine, asking for the reason).

mod aws;
mod proofs;
mod stack;
mod xml;

pub(crate) use proofs::{Proof, prove};
pub(crate) use stack::{ACCOUNT, Shop, deploy, tear_down};
