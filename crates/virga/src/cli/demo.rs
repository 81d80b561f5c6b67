//! `virga demo`: deploys the reference application with a view of its progress, and shows what it promises.

use super::table::{bold, green, layout, yellow};
use super::{Context, Outcome};
use crate::demo::{self, Proof, Shop};
use clap::Args;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Take the shop away again, without a trace
    #[arg(long)]
    down: bool,
}

/// One line that is written over on a terminal; elsewhere nothing, as nobody watches.
fn progress(verb: &'static str) -> impl Fn(usize, usize, &[String]) {
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

fn clear_line() {
    if std::io::stderr().is_terminal() {
        eprint!("\r{:100}\r", "");
    }
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let endpoint = cx.place.must_run()?.endpoint;
    let began = Instant::now();
    if options.down {
        let gone = demo::tear_down(&endpoint, &progress("deleted"));
        clear_line();
        let gone = gone?;
        if cx.json {
            super::print(&json!({ "deleted": gone }).to_string());
        } else {
            super::print(if gone { "the shop is gone" } else { "there is no shop" });
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !std::path::Path::new("/usr/bin/python3").exists() {
        return Err("the shop's machines run Python programs of this machine: install python3".into());
    }
    let shop = demo::deploy(&endpoint, &progress("created"));
    clear_line();
    let shop = shop?;
    if !cx.json {
        let made: usize = shop.resources.values().sum();
        super::print(&format!(
            "{} in {:.1} s",
            bold(&format!("{made} resources")),
            began.elapsed().as_secs_f64()
        ));
    }
    let proofs = demo::prove(&endpoint, &shop, &|proof| {
        if !cx.json {
            show(proof);
        }
    });
    let good = proofs.iter().all(|proof| proof.good);
    let seconds = began.elapsed().as_secs_f64();
    if cx.json {
        super::print(&document(&shop, &proofs, seconds).to_string());
    } else {
        report(&endpoint, &shop, seconds);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(proof: &Proof) {
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

fn document(shop: &Shop, proofs: &[Proof], seconds: f64) -> Value {
    let proofs: Vec<Value> = proofs
        .iter()
        .map(|proof| {
            json!({
                "name": proof.name, "good": proof.good, "detail": proof.detail, "why": proof.why, "ask": proof.ask,
            })
        })
        .collect();
    json!({ "seconds": seconds, "resources": shop.resources, "outputs": shop.outputs, "proofs": proofs })
}

/// What the account of the shop has used by now, which is what a bill would be made of.
fn bill(endpoint: &str) {
    match super::usage::lines(endpoint, demo::ACCOUNT) {
        Ok(lines) => {
            super::print("");
            lines.iter().for_each(|line| super::print(line));
            super::print("");
        }
        Err(why) => super::print(&format!("{}  {why}", yellow("no usage"))),
    }
}

fn report(endpoint: &str, shop: &Shop, seconds: f64) {
    let authority = endpoint.strip_prefix("http://").unwrap_or(endpoint);
    let rows: Vec<Vec<String>> =
        shop.resources.iter().map(|(kind, count)| vec![kind.clone(), count.to_string()]).collect();
    super::print("");
    super::print(layout(&["RESOURCE", "COUNT"], &rows).trim_end());
    super::print("");
    let web = shop.output("WebOne");
    for (what, how) in [
        ("the site", format!("http://{}/", shop.site_host(authority))),
        ("the API", format!("virga forward {web} 8080:80, then http://127.0.0.1:8080/")),
        ("a machine", format!("virga exec {web} -- ip address")),
        ("the usage", "virga usage --by resource".to_owned()),
        ("the end", "virga demo --down".to_owned()),
    ] {
        super::print(&format!("{}  {how}", bold(&format!("{what:9}"))));
    }
    bill(endpoint);
    super::print(&format!("from nothing to served and verified in {seconds:.1} s"));
}
