//! The command line: one file for each command. Every command takes `--json` where it prints anything.

mod az;
mod clock;
mod console;
mod demo;
mod doctor;
mod down;
mod env;
pub(crate) mod exec;
mod forward;
mod image;
mod lab;
mod least_privilege;
mod logs;
mod mailbox;
mod mfa;
mod partner;
mod reset;
mod spot;
mod ssh;
mod status;
mod table;
mod trials;
pub(crate) mod up;
mod usage;
mod why;

use crate::config::Place;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// An AWS-compatible cloud on your own machine, in which every building block is real.
#[derive(Parser, Debug)]
#[command(name = "virga", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Where the cloud keeps everything [default: $VIRGA_DATA, else $XDG_DATA_HOME/virga, else ~/.local/share/virga]
    #[arg(long, global = true, value_name = "DIR", env = "VIRGA_DATA")]
    data: Option<PathBuf>,

    /// Print one JSON document instead of text for people
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Start the cloud
    Up(up::Options),
    /// Stop the running cloud
    Down,
    /// Say what runs, where, and what it has done
    Status,
    /// Say what this machine lacks and what that switches off
    Doctor,
    /// Print the exports that point a shell's AWS tools here
    Env(env::Options),
    /// Deploy the reference application and show that it holds what it promises
    Demo(demo::Options),
    /// List the labs, start one, have it graded by real packets and calls, or end it
    Lab(lab::Options),
    /// Run a command in an instance, as its root; the exit code is the command's
    Exec(exec::Options),
    /// Log in to an instance with a key pair's private key
    Ssh(ssh::Options),
    /// Lead ports of this machine to an instance's
    Forward(forward::Options),
    /// Make an image of one that was made elsewhere
    Image(image::Options),
    /// Print what an instance has said on its console
    Console(console::Options),
    /// Delete everything in the cloud
    Reset(reset::Options),
    /// Print the cloud's log
    Logs(logs::Options),
    /// Print what SNS would have sent as e-mails, text messages and to mobile devices, or reply to a text message
    Mailbox(mailbox::Options),
    /// List the MFA devices of root users, give one to a root, or take it back
    Mfa(mfa::Options),
    /// List the product providers that may ask for temporary delegation, register one, or what it asks for
    Partner(partner::Options),
    /// Tell which layer and statement decided a call, or which rules decide about a packet
    Why(why::Options),
    /// List the availability zones that have failed, fail one, or restore it
    Az(az::Options),
    /// List the running Spot Instances, or interrupt one with two minutes' notice
    Spot(spot::Options),
    /// Read, advance, freeze or thaw the cloud's clock
    Clock(clock::Options),
    /// Tell what has been used, in the words of AWS's bills
    Usage(usage::Options),
    /// Write the least policy that allows what a role or user was seen to do
    LeastPrivilege(least_privilege::Options),
}

/// Where the command acts and how it prints.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) place: Place,
    pub(crate) json: bool,
}

/// What a command returns: its exit code, or one line that says what went wrong.
pub(crate) type Outcome = Result<ExitCode, String>;

pub(crate) fn run(args: Args) -> Outcome {
    let cx = Context { place: Place::find(args.data)?, json: args.json };
    match args.command {
        Command::Up(options) => up::run(&cx, &options),
        Command::Down => down::run(&cx),
        Command::Status => status::run(&cx),
        Command::Doctor => doctor::run(&cx),
        Command::Env(options) => env::run(&cx, &options),
        Command::Demo(options) => demo::run(&cx, &options),
        Command::Lab(options) => lab::run(&cx, &options),
        Command::Exec(options) => exec::run(&cx, &options),
        Command::Ssh(options) => ssh::run(&cx, &options),
        Command::Forward(options) => forward::run(&cx, &options),
        Command::Image(options) => image::run(&cx, &options),
        Command::Console(options) => console::run(&cx, &options),
        Command::Reset(options) => reset::run(&cx, &options),
        Command::Logs(options) => logs::run(&cx, &options),
        Command::Mailbox(options) => mailbox::run(&cx, &options),
        Command::Mfa(options) => mfa::run(&cx, &options),
        Command::Partner(options) => partner::run(&cx, &options),
        Command::Why(options) => why::run(&cx, &options),
        Command::Az(options) => az::run(&cx, &options),
        Command::Spot(options) => spot::run(&cx, &options),
        Command::Clock(options) => clock::run(&cx, &options),
        Command::Usage(options) => usage::run(&cx, &options),
        Command::LeastPrivilege(options) => least_privilege::run(&cx, &options),
    }
}

/// Prints one line to standard output; a reader that has gone away ends the command, not with a panic.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}
