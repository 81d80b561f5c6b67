//! Processes in machines' networks, and the end of everything.

use crate::lab::{SHORT, start};
use host::{Driver, HostError, Place, Spawn};
use net::sample;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

pub(crate) fn spawn(program: &str, args: &[&str], stdout: Option<OwnedFd>) -> Spawn {
    Spawn {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        env: vec![
            ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()),
            ("GREETING".into(), "hello".into()),
        ],
        stdout,
        ..Spawn::default()
    }
}

#[test]
fn a_process_runs_in_its_machines_network_and_tells_how_it_ended() {
    let plane = start();
    plane.apply(&sample::two_tier(), "vpc-1").unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let script = "cat /proc/net/fib_trie; echo $GREETING; exit 7";
    let process = plane.spawn("db", spawn("sh", &["-c", script], Some(writer.into()))).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(process.wait().unwrap(), 7);
    assert!(text.contains("10.0.2.10") && !text.contains("10.0.1.10"), "{text}");
    assert!(text.ends_with("hello\n"), "{text}");
    let process = plane.spawn("db", spawn("sleep", &["600"], None)).unwrap();
    process.signal(15).unwrap();
    assert_eq!(process.wait().unwrap(), 128 + 15);
    process.signal(15).unwrap();
    assert!(matches!(plane.spawn("db", spawn("no-such-program", &[], None)), Err(HostError::Refused { .. })));
    assert!(matches!(plane.spawn("nobody", spawn("true", &[], None)), Err(HostError::NotThere(_))));
}

/// Whether a process whose arguments contain this text is anywhere on the machine.
pub(crate) fn is_running(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).split('\0').any(|arg| arg == text))
}

pub(crate) fn runs_within(text: &str, time: Duration) -> bool {
    becomes(text, true, time)
}

pub(crate) fn gone_within(text: &str, time: Duration) -> bool {
    becomes(text, false, time)
}

fn becomes(text: &str, running: bool, time: Duration) -> bool {
    let began = Instant::now();
    while is_running(text) != running {
        if began.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// What the system says of the process whose arguments contain this text: `S` asleep, `T` stopped.
fn is_in(state: char, text: &str) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
        let told = processes
            .filter(|process| {
                let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).split('\0').any(|arg| arg == text)
            })
            .find_map(|process| std::fs::read_to_string(process.join("stat")).ok());
        if told.is_some_and(|told| told.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(state))) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn all_in_a_machine_stands_still_and_goes_on() {
    let plane = start();
    plane.apply(&sample::two_tier(), "vpc-1").unwrap();
    let mark = |n: u8| format!("61{n}.{}", std::process::id());
    let script = format!("sleep {} & sleep {}", mark(1), mark(2));
    let _web = plane.spawn("web", spawn("sh", &["-c", &script], None)).unwrap();
    let _db = plane.spawn("db", spawn("sleep", &[&mark(3)], None)).unwrap();
    // A shell that is stopped before it has begun them would never begin them.
    assert!(is_in('S', &mark(1)) && is_in('S', &mark(2)));
    for (still, state) in [(true, 'T'), (false, 'S')] {
        assert!(is_in('S', &mark(3)));
        plane.freeze("web", still).unwrap();
        assert!(is_in(state, &mark(1)) && is_in(state, &mark(2)), "{state}");
    }
    assert!(matches!(plane.freeze("nobody", true), Err(HostError::NotThere(_))));
}

#[test]
fn nothing_outlives_the_data_plane() {
    let mark = format!("600.{}", std::process::id());
    let plane = start();
    plane.apply(&sample::two_tier(), "vpc-1").unwrap();
    // A child's child, that nobody waits for.
    let script = format!("sleep {mark} & exit 0");
    plane.spawn("db", spawn("sh", &["-c", &script], None)).unwrap().wait().unwrap();
    let sleeper = plane.spawn("web", spawn("sleep", &[&mark], None)).unwrap();
    assert!(is_running(&mark));
    drop(plane);
    assert!(gone_within(&mark, Duration::from_secs(5)), "a process was left");
    assert!(matches!({ sleeper }.wait(), Err(HostError::Ended)));
}

#[test]
fn sockets_of_a_place_that_is_gone_hear_no_more() {
    let plane = start();
    let topology = sample::two_tier();
    plane.apply(&topology, "vpc-1").unwrap();
    let db = Place::Machine("db".into());
    let listener = plane.listen(&db, "0.0.0.0:5432".parse().unwrap()).unwrap();
    let to = "10.0.2.10:5432".parse().unwrap();
    let web = Place::Machine("web".into());
    assert!(plane.connect(&web, to, SHORT * 10).is_ok());
    // The developer's own network is another one, loopback and all.
    let inside = plane.listen(&db, "127.0.0.77:0".parse().unwrap()).unwrap().local_addr().unwrap();
    assert!(std::net::TcpStream::connect_timeout(&inside, SHORT).is_err());
    plane.remove_machine("db").unwrap();
    assert!(plane.connect(&web, to, SHORT).is_err());
    drop(listener);
    assert!(matches!(plane.listen(&db, "0.0.0.0:5432".parse().unwrap()), Err(HostError::NotThere(_))));
}
