//! `virga image import NAME FILE`: machines of images that were made elsewhere.

use super::trials::{clear_line, progress};
use super::{Context, Outcome};
use crate::apps::{ACCOUNT, Caller, REGION, import};
use clap::{Args, Subcommand};
use compute::ec2::image::import::Bundle;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand, Debug)]
enum Order {
    /// Make an image (an AMI) of a container image: of what docker save or podman save writes, or of an OCI layout, in a
    /// file or a folder. Its machines boot from all of it, with Virga's own first process; its command is not run
    Import {
        /// What it is to be called
        name: String,
        /// image.tar, or a folder
        source: PathBuf,
        /// Whose it is to be
        #[arg(long, default_value = ACCOUNT)]
        account: String,
        #[arg(long, default_value = REGION)]
        region: String,
    },
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let Order::Import { name, source, account, region } = &options.order;
    let say = |why: std::io::Error| format!("{}: {why}", source.display());
    let bundle = Bundle::find(source).map_err(say)?;
    let caller = Caller { region, ..Caller::root(&running.endpoint, account) };
    let made = import(&caller, name, &|out| bundle.squash(out), &progress("written"));
    clear_line();
    let made = made.map_err(|why| format!("{}: {why}", source.display()))?;
    match cx.json {
        true => super::print(&json!({ "ImageId": made.image, "SnapshotId": made.snapshot }).to_string()),
        false => super::print(&format!("{}  {name}", made.image)),
    }
    Ok(ExitCode::SUCCESS)
}
