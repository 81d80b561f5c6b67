//! `virga forward i-… 8080:80`: leads ports of this machine to an instance's, while it runs.

use super::{Context, Outcome};
use crate::client;
use crate::gateway::tunnel::{PATH, PROTOCOL};
use clap::Args;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The instance's id
    instance: String,

    /// A port here and one of the instance: `8080:80`, or one number for both
    #[arg(required_unless_present = "stdio", value_name = "PORTS", value_parser = ports)]
    ports: Vec<(u16, u16)>,

    /// Go by no network, as Session Manager does: also to instances that nothing outside can reach
    #[arg(long)]
    inside: bool,

    /// Connect standard input and output to this port, for programs that bring their own protocol
    #[arg(long, value_name = "PORT", conflicts_with = "ports")]
    stdio: Option<u16>,
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let (here, there) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no port"));
    match (number(here)?, number(there)?) {
        (_, 0) => Err("an instance has no port 0".into()),
        pair => Ok(pair),
    }
}

fn path(instance: &str, port: u16, inside: bool) -> Result<String, String> {
    if !instance.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(format!("{instance:?} is not the id of an instance (i-…)"));
    }
    let way = if inside { "inside" } else { "internet" };
    Ok(format!("{PATH}?instance={instance}&port={port}&way={way}"))
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let endpoint = cx.place.must_run()?.endpoint;
    if let Some(port) = options.stdio {
        let path = path(&options.instance, port, options.inside)?;
        let machine = client::upgrade(&endpoint, &path, PROTOCOL)?;
        let out = machine.get_ref().try_clone().map_err(|e| e.to_string())?;
        std::thread::spawn(move || {
            copy(&mut std::io::stdin().lock(), &mut &out);
            let _ = out.shutdown(Shutdown::Write);
        });
        copy(&mut { machine }, &mut std::io::stdout().lock());
        return Ok(ExitCode::SUCCESS);
    }
    let (ended, ends) = mpsc::channel();
    for (here, there) in &options.ports {
        let path = path(&options.instance, *there, options.inside)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *here)).map_err(|e| format!("{here}: {e}"))?;
        let here = listener.local_addr().map_err(|e| e.to_string())?;
        super::print(&format!("{here} leads to port {there} of {}", options.instance));
        let (endpoint, ended) = (endpoint.clone(), ended.clone());
        std::thread::spawn(move || {
            for accepted in listener.incoming() {
                let Ok(client) = accepted else { break };
                let (endpoint, path) = (endpoint.clone(), path.clone());
                std::thread::spawn(move || {
                    if let Err(why) = lead(&endpoint, &path, &client) {
                        eprintln!("virga: {why}");
                        let _ = client.shutdown(Shutdown::Both);
                    }
                });
            }
            let _ = ended.send(());
        });
    }
    drop(ended);
    let _ = ends.recv();
    Err("no connection can be accepted any more".into())
}

/// Leads one connection to the machine, until both directions have ended.
fn lead(endpoint: &str, path: &str, client: &TcpStream) -> Result<(), String> {
    let mut machine = client::upgrade(endpoint, path, PROTOCOL)?;
    let say = |e: std::io::Error| e.to_string();
    let (to_machine, from_client) =
        (machine.get_ref().try_clone().map_err(say)?, client.try_clone().map_err(say)?);
    let up = std::thread::spawn(move || {
        copy(&mut &from_client, &mut &to_machine);
        let _ = to_machine.shutdown(Shutdown::Write);
    });
    copy(&mut machine, &mut &*client);
    let _ = client.shutdown(Shutdown::Write);
    let _ = up.join();
    Ok(())
}

/// As it comes, each piece at once: the other end waits for it. Who hangs up ends it.
fn copy(from: &mut dyn Read, to: &mut dyn Write) {
    let mut piece = [0; 16 << 10];
    loop {
        match from.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(length) if to.write_all(&piece[..length]).and_then(|()| to.flush()).is_err() => break,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{path, ports};

    #[test]
    fn ports_and_paths() {
        assert_eq!(ports("8080:80"), Ok((8080, 80)));
        assert_eq!(ports("80"), Ok((80, 80)));
        assert_eq!(ports("0:80"), Ok((0, 80)));
        assert!(ports("80:0").is_err() && ports("x").is_err() && ports("1:2:3").is_err());
        assert_eq!(path("i-1", 80, true).unwrap(), "/_virga/tunnel?instance=i-1&port=80&way=inside");
        assert!(path("i-1 HTTP/1.1\r\n", 80, true).is_err());
    }
}
