//! In a machine: a program for each connection to a port, which is its standard input and output.

use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{Ipv6Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// `virga host listen PORT PROGRAM [ARGUMENT ...]`
pub(super) const WORD: &str = "listen";
/// Connections at a time; further ones are closed at once.
const MAX: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);

/// Never ends but by an error.
pub(super) fn run(mut args: impl Iterator<Item = OsString>) -> io::Result<()> {
    let port = args.next().and_then(|port| port.to_str()?.parse().ok()).ok_or(Errno::INVAL)?;
    let program = args.next().ok_or(Errno::INVAL)?;
    let args: Vec<OsString> = args.collect();
    let listener =
        TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).or_else(|_| TcpListener::bind(("0.0.0.0", port)))?;
    let open = Arc::new(());
    loop {
        if let Err(why) = serve(&listener, &open, &program, &args) {
            // One connection that has failed, or a shortage that may pass, is no reason to end.
            eprintln!("virga: port {port}: {why}");
            std::thread::sleep(PAUSE);
        }
    }
}

fn serve(listener: &TcpListener, open: &Arc<()>, program: &OsStr, args: &[OsString]) -> io::Result<()> {
    let (stream, _) = listener.accept()?;
    if Arc::strong_count(open) > MAX {
        return Ok(());
    }
    let (input, output): (OwnedFd, OwnedFd) = (stream.try_clone()?.into(), stream.into());
    let mut child =
        Command::new(program).args(args).stdin(Stdio::from(input)).stdout(Stdio::from(output)).spawn()?;
    let held = Arc::clone(open);
    std::thread::spawn(move || {
        let _ = child.wait();
        drop(held);
    });
    Ok(())
}
