//! The first process of a machine that is a virtual one: it starts the server of its files and QEMU, carries frames and
//! words between them and the namespace, and ends when QEMU does.
//!
//! It is this program again, in the machine's own namespaces. It is told what to do at its standard input, where later it
//! hears that the machine is to end; what the guest says goes to its standard output, as a container's console does.

use super::super::frame::{self, Frame, Order, Take};
use super::super::powers;
use super::cards::{Cards, News};
use super::disks::ROOT;
use super::kept::{Kept, read_cards};
use super::monitor::Monitor;
use super::{relay, runs};
use crate::guest::{Ends, Root, arguments, files_arguments};
use rustix::io::{FdFlags, fcntl_setfd};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// By which name the server of the files is found: in this network namespace, where nobody else is.
const FILES: &[u8] = b"virga-files";
/// How long QEMU has to end after the server of the files.
const GRACE: Duration = Duration::from_secs(2);

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
    let Kept { qemu, hardware } = Kept::read(&mut Take(&frame.body))?;
    let files = match &hardware.root {
        Root::Files { server, files, .. } => Some(serve_files(server, files)?),
        Root::Disk(_) => None,
    };
    let by_itself = files.is_none();
    let early = if by_itself { wait_for_root(&told)? } else { Vec::new() };
    let (console, said) = UnixStream::pair()?;
    let (orders, ordered) = UnixStream::pair()?;
    let orders = Arc::new(Mutex::new(orders));
    let places = if by_itself { Vec::new() } else { runs::start(&orders)? };
    let (monitor, watched) = UnixStream::pair()?;
    let wired = hardware.cards.iter().map(relay::start).collect::<io::Result<Vec<_>>>()?;
    let (cards, relays): (Vec<OwnedFd>, Vec<_>) = wired.into_iter().unzip();
    // Nothing that QEMU runs has any power beyond what its user has.
    powers::shed_all()?;
    let mut given: Vec<&OwnedFd> = places.as_flattened().iter().chain(&cards).collect();
    let own: [OwnedFd; 3] = [said.into(), ordered.into(), watched.into()];
    given.extend(own.iter().chain(files.as_ref()));
    for descriptor in given {
        fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    let ends = Ends {
        files: files.as_ref().map(AsRawFd::as_raw_fd),
        console: own[0].as_raw_fd(),
        orders: own[1].as_raw_fd(),
        monitor: own[2].as_raw_fd(),
        runs: places.iter().map(|place| place.each_ref().map(AsRawFd::as_raw_fd)).collect(),
        cards: cards.iter().map(AsRawFd::as_raw_fd).collect(),
    };
    let mut command = Command::new(&qemu);
    command.args(arguments(&hardware, &ends)).stdin(Stdio::null()).stdout(Stdio::null());
    let mut qemu = command.spawn()?;
    // Their other ends notice when QEMU ends.
    drop((places, cards, own, files));
    let (news, heard) = mpsc::channel();
    let monitor = Monitor::start(monitor, Arc::clone(&orders), news.clone())?;
    let kept = Cards::new(Arc::clone(&monitor), &hardware, relays);
    thread::Builder::new().name("cards".into()).spawn(move || kept.keep(&heard))?;
    thread::Builder::new().name("console".into()).spawn(move || copy_console(console))?;
    let obeys = Obeys { orders, monitor, news, by_itself };
    thread::Builder::new().name("orders".into()).spawn(move || {
        early.iter().for_each(|frame| obeys.hear(frame));
        obeys.obey(&told);
    })?;
    let status = qemu.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255))
}

/// Waits for the disk that the guest boots from; what else it was told meanwhile.
fn wait_for_root(told: &OwnedFd) -> io::Result<Vec<Frame>> {
    let mut early = Vec::new();
    loop {
        let frame = frame::receive(told)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let order = u8::try_from(frame.word).ok().and_then(Order::from_byte);
        match order {
            // It is not there yet, so that nothing in it has to be asked.
            Some(Order::Signal) => std::process::exit(0),
            Some(Order::Plug) if Take(&frame.body).text()? == ROOT => return Ok(early),
            _ => early.push(frame),
        }
    }
}

/// Starts the server of the guest's files; QEMU's end of the line to it.
fn serve_files(server: &Path, files: &Path) -> io::Result<OwnedFd> {
    let address = SocketAddr::from_abstract_name(FILES)?;
    let listener = UnixListener::bind_addr(&address)?;
    let channel = UnixStream::connect_addr(&address)?;
    fcntl_setfd(&listener, FdFlags::empty())?;
    let mut command = Command::new(server);
    command.args(files_arguments(files, listener.as_raw_fd())).stdin(Stdio::null()).stdout(Stdio::null());
    let mut server = command.spawn()?;
    thread::Builder::new().name("files".into()).spawn(move || {
        let _ = server.wait();
        // It ends when QEMU has ended, and then this process does. A guest without its files is no machine.
        thread::sleep(GRACE);
        std::process::exit(1);
    })?;
    Ok(channel.into())
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
struct Obeys {
    orders: Arc<Mutex<UnixStream>>,
    monitor: Arc<Monitor>,
    news: mpsc::Sender<News>,
    /// Nobody of ours hears orders in it.
    by_itself: bool,
}

impl Obeys {
    fn obey(&self, told: &OwnedFd) {
        while let Ok(Some(frame)) = frame::receive(told) {
            self.hear(&frame);
        }
    }

    fn hear(&self, frame: &Frame) {
        if let Err(why) = self.one(frame) {
            eprintln!("virga: {why}");
        }
    }

    fn one(&self, frame: &Frame) -> io::Result<()> {
        let mut take = Take(&frame.body);
        match u8::try_from(frame.word).ok().and_then(Order::from_byte) {
            Some(Order::Signal) if self.by_itself => self.monitor.switch_off(),
            Some(Order::Signal) => {
                let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
                orders.write_all(b"end\n")
            }
            Some(Order::Plug) => {
                let (disk, path) = (take.text()?, take.text()?.into());
                self.monitor.plug(disk, path, take.text()?)
            }
            Some(Order::Unplug) => self.monitor.unplug(take.text()?),
            Some(Order::Cards) => {
                let wanted = News::Wanted(read_cards(&mut take)?);
                self.news.send(wanted).map_err(|_| io::ErrorKind::BrokenPipe.into())
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}
