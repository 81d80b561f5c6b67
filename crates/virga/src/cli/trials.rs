//! How a deployment's progress and what was tried of it are shown: for `virga demo` and `virga lab`.

use super::table::{bold, green, yellow};
use crate::apps::Proof;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// One line that is written over on a terminal; elsewhere nothing, as nobody watches.
pub(super) fn progress(verb: &'static str) -> impl Fn(usize, usize, &[String]) {
    let width = Cell::new(0);
    move |done, all, under_way| {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let line = format!("{verb} {done} of {all}  {}", under_way.join(" "));
        let line: String = line.chars().take(100).collect();
        let last = width.replace(line.chars().count());
        eprint!("\r{line:last$}");
        let _ = std::io::stderr().flush();
    }
}

pub(super) fn clear_line() {
    if std::io::stderr().is_terminal() {
        eprint!("\r{:100}\r", "");
    }
}

pub(super) fn show(proof: &Proof) {
    let mark = if proof.good { green("ok") } else { yellow("NOT SO") };
    super::print(&format!("{mark}  {}", bold(proof.name)));
    super::print(&format!("    {}", proof.detail));
    if let Some(why) = &proof.why {
        super::print(&format!("    because {why}"));
    }
    if let Some(ask) = &proof.ask {
        super::print(&format!("    ask     {ask}"));
    }
}

/// The same for programs.
pub(super) fn documents(proofs: &[Proof]) -> Vec<Value> {
    let one = |proof: &Proof| {
        json!({
            "name": proof.name, "good": proof.good, "detail": proof.detail, "why": proof.why, "ask": proof.ask,
        })
    };
    proofs.iter().map(one).collect()
}
