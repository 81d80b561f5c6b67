//! The first process of a machine that is a virtual one: it starts the server of its files and QEMU, carries frames and
//! words between them and the namespace, and ends when QEMU does.
//!
//! It is this program again, in the machine's own namespaces. It is told what to do at its standard input, where later it
//! hears that the machine is to end; what the guest says goes to its standard output, as a container's console does.

use super::super::frame::{self, Frame, Order, Take};
use super::monitor::Monitor;
use super::{Kept, relay, runs};
use crate::guest::{Ends, arguments, files_arguments};
use rustix::io::{FdFlags, fcntl_setfd};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// By which name the server of the files is found: in this network namespace, where nobody else is.
const FILES: &[u8] = b"virga-files";

/// The keeper's `main`.
pub(in super::super) fn run() -> ExitCode {
    match keep() {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("virga: this machine does not run: {why}");
            ExitCode::FAILURE
        }
    }
}

fn keep() -> io::Result<u8> {
    let told = io::stdin().as_fd().try_clone_to_owned()?;
    let frame = frame::receive(&told)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let kept = Kept::read(&mut Take(&frame.body))?;
    let (mut files, channel) = serve_files(&kept)?;
    let (console, said) = UnixStream::pair()?;
    let (orders, ordered) = UnixStream::pair()?;
    let orders = Arc::new(Mutex::new(orders));
    let places = runs::start(&orders)?;
    let (monitor, watched) = UnixStream::pair()?;
    let names = kept.links.iter().map(|link| link.to_string_lossy());
    let cards = names.map(|link| relay::start(&link)).collect::<io::Result<Vec<OwnedFd>>>()?;
    let mut qemu = start_qemu(
        &kept,
        [&channel.into(), &said.into(), &ordered.into(), &watched.into()],
        &places,
        &cards,
    )?;
    // Their other ends notice when QEMU ends.
    drop((places, cards));
    let monitor = Monitor::start(monitor, Arc::clone(&orders))?;
    thread::Builder::new().name("console".into()).spawn(move || copy_console(console))?;
    thread::Builder::new().name("orders".into()).spawn(move || obey(&told, &orders, &monitor))?;
    // It ends after QEMU, when nobody speaks with it any more. Before that the guest would have lost its files.
    thread::Builder::new().name("files".into()).spawn(move || {
        let _ = files.wait();
    })?;
    let status = qemu.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255))
}

/// Starts the server of the guest's files; it, and QEMU's end of the line to it.
fn serve_files(kept: &Kept) -> io::Result<(Child, UnixStream)> {
    let address = SocketAddr::from_abstract_name(FILES)?;
    let listener = UnixListener::bind_addr(&address)?;
    let channel = UnixStream::connect_addr(&address)?;
    fcntl_setfd(&listener, FdFlags::empty())?;
    let mut command = Command::new(&kept.files);
    command
        .args(files_arguments(&kept.root, listener.as_raw_fd()))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Ok((command.spawn()?, channel))
}

fn start_qemu(
    kept: &Kept,
    [files, console, orders, monitor]: [&OwnedFd; 4],
    places: &[[OwnedFd; 3]],
    cards: &[OwnedFd],
) -> io::Result<Child> {
    for descriptor in [files, console, orders, monitor].into_iter().chain(places.as_flattened()).chain(cards)
    {
        fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    let ends = Ends {
        files: files.as_raw_fd(),
        console: console.as_raw_fd(),
        orders: orders.as_raw_fd(),
        monitor: monitor.as_raw_fd(),
        runs: places.iter().map(|place| place.each_ref().map(AsRawFd::as_raw_fd)).collect(),
        cards: cards.iter().map(AsRawFd::as_raw_fd).collect(),
    };
    let mut command = Command::new(&kept.qemu);
    command.args(arguments(&kept.hardware, &ends)).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn()
}

/// What the guest says, without what a terminal needs at the end of a line.
fn copy_console(mut console: UnixStream) {
    let mut buffer = [0; 4096];
    let mut out = io::stdout();
    while let Ok(length @ 1..) = console.read(&mut buffer) {
        let plain: Vec<u8> = buffer[..length].iter().copied().filter(|byte| *byte != b'\r').collect();
        let _ = out.write_all(&plain).and_then(|()| out.flush());
    }
}

/// Does what the host process says.
fn obey(told: &OwnedFd, orders: &Mutex<UnixStream>, monitor: &Monitor) {
    while let Ok(Some(frame)) = frame::receive(told) {
        if let Err(why) = obey_one(&frame, orders, monitor) {
            eprintln!("virga: {why}");
        }
    }
}

fn obey_one(frame: &Frame, orders: &Mutex<UnixStream>, monitor: &Monitor) -> io::Result<()> {
    let mut take = Take(&frame.body);
    match u8::try_from(frame.word).ok().and_then(Order::from_byte) {
        Some(Order::Signal) => {
            let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
            orders.write_all(b"end\n")
        }
        Some(Order::Plug) => {
            let (disk, path) = (take.text()?, take.text()?.into());
            monitor.plug(disk, path, take.text()?)
        }
        Some(Order::Unplug) => monitor.unplug(take.text()?),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}
