//! `virga demo`: deploys the reference application with a view of its progress, and shows what it promises.

use super::table::{bold, layout, yellow};
use super::trials::{clear_line, documents, progress, show};
use super::{Context, Outcome};
use crate::apps::{ACCOUNT, Caller, Deployed, Proof, members};
use crate::demo::{self, SHOP};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Instant;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Take the shop away again, without a trace
    #[arg(long)]
    down: bool,
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let endpoint = cx.place.must_run()?.endpoint;
    let began = Instant::now();
    if options.down {
        let gone = SHOP.tear_down(&endpoint, &progress("deleted"));
        clear_line();
        let gone = gone?;
        if cx.json {
            super::print(&json!({ "deleted": gone }).to_string());
        } else {
            super::print(if gone { "the shop is gone" } else { "there is no shop" });
        }
        return Ok(ExitCode::SUCCESS);
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
        let usage = super::usage::of_account(&endpoint, ACCOUNT)?;
        super::print(&document(&shop, &proofs, seconds, &usage).to_string());
    } else {
        report(&endpoint, &shop, seconds);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn document(shop: &Deployed, proofs: &[Proof], seconds: f64, usage: &Value) -> Value {
    json!({
        "seconds": seconds,
        "resources": shop.resources,
        "outputs": shop.outputs,
        "proofs": documents(proofs),
        "usage": usage,
    })
}

/// What would be charged: for what the account of the shop has used by now, and for each hour that it stands.
fn bill(endpoint: &str) {
    match super::usage::of_account(endpoint, ACCOUNT) {
        Ok(usage) => {
            super::print("");
            super::usage::account_lines(&usage).iter().for_each(|line| super::print(line));
            super::print("");
        }
        Err(why) => super::print(&format!("{}  {why}", yellow("no usage"))),
    }
}

fn report(endpoint: &str, shop: &Deployed, seconds: f64) {
    let authority = endpoint.strip_prefix("http://").unwrap_or(endpoint);
    let rows: Vec<Vec<String>> =
        shop.resources.iter().map(|(kind, count)| vec![kind.clone(), count.to_string()]).collect();
    super::print("");
    super::print(layout(&["RESOURCE", "COUNT"], &rows).trim_end());
    super::print("");
    let root = Caller::root(endpoint, ACCOUNT);
    let web = members(&root, shop.output("WebGroup")).unwrap_or_default();
    let web = web.first().map_or("i-...", |one| one.id.as_str());
    for (what, how) in [
        ("the site", format!("http://{}/", demo::site_host(shop, authority))),
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
