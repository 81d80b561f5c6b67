//! A process that is killed at any point loses nothing that it had acknowledged, and leaves nothing half done.
//!
//! The test starts itself again as a writer, kills it with SIGKILL after a random time, opens the folder and compares
//! *every* row with what must be there. What a writer's rows are follows from its last number alone, so a lost row,
//! a torn transaction, a row that came back and a row with other bytes are all found.
//!
//! `VIRGA_STORE_SOAK_SECONDS=600` makes it a soak: longer rounds, more rows, until the time is over.

use base::Rng;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use store::{CommitError, Direction, KeyRange, OpenError, Options, Read, Snapshot, Store, Tx};

const DIR: &str = "VIRGA_STORE_CRASH_DIR";
const PLAN: &str = "VIRGA_STORE_CRASH_PLAN";
const SOAK: &str = "VIRGA_STORE_SOAK_SECONDS";

/// Rows per transaction.
const PARTS: u8 = 3;

#[derive(Clone, Copy, Debug)]
struct Plan {
    writers: u8,
    /// A transaction deletes the rows of the one that many before it.
    keep: u64,
    buffer: u64,
}

impl Plan {
    fn text(self) -> String {
        format!("{} {} {}", self.writers, self.keep, self.buffer)
    }

    fn parse(text: &str) -> Plan {
        let mut numbers = text.split(' ').map(|n| n.parse::<u64>().unwrap());
        let mut next = || numbers.next().unwrap();
        Plan { writers: next() as u8, keep: next(), buffer: next() }
    }

    fn options(self) -> Options {
        Options { write_buffer_bytes: self.buffer, reserve_bytes: 0, ..Options::default() }
    }
}

fn row_key(writer: u8, n: u64, part: u8) -> Vec<u8> {
    let mut key = vec![b'r', writer];
    // Scattered, so that tables overlap and merge: the low bits come first.
    key.extend(n.reverse_bits().to_be_bytes());
    key.push(part);
    key
}

fn row_value(writer: u8, n: u64, part: u8) -> Vec<u8> {
    let rng = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (u64::from(writer) << 8) ^ u64::from(part);
    let len = 8 + (rng >> 55) as usize;
    rng.to_be_bytes().into_iter().cycle().take(len).collect()
}

fn last_key(writer: u8) -> Vec<u8> {
    vec![b'l', writer]
}

fn number(value: Option<store::Slice>) -> u64 {
    value.map_or(0, |v| u64::from_be_bytes(v[..].try_into().unwrap()))
}

/// The next transaction of a writer; its number.
fn step(tx: &mut Tx, writer: u8, keep: u64) -> u64 {
    let n = number(tx.get(&last_key(writer)).unwrap()) + 1;
    tx.put(last_key(writer), n.to_be_bytes().to_vec());
    for part in 0..PARTS {
        assert_eq!(tx.get(&row_key(writer, n, part)).unwrap(), None, "a row of the future");
        tx.put(row_key(writer, n, part), row_value(writer, n, part));
        if n > keep {
            assert!(tx.get(&row_key(writer, n - keep, part)).unwrap().is_some(), "a row is gone");
            tx.delete(row_key(writer, n - keep, part));
        }
    }
    if n.is_multiple_of(16) {
        let total = number(tx.get(b"total").unwrap());
        tx.put("total", (total + 1).to_be_bytes().to_vec());
    }
    n
}

/// The process that is killed; a test that does nothing when it is run as one.
#[test]
fn writer_process() {
    let (Some(dir), Some(plan)) = (std::env::var_os(DIR), std::env::var_os(PLAN)) else { return };
    let plan = Plan::parse(plan.to_str().unwrap());
    let store = Store::open(Path::new(&dir), &plan.options()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..plan.writers {
            let store = &store;
            scope.spawn(move || {
                let mut before = 0;
                loop {
                    let n: Result<u64, CommitError> = store.run(|tx| Ok(step(tx, writer, plan.keep)));
                    let n = n.unwrap();
                    assert!(before == 0 || n == before + 1, "writer {writer} went from {before} to {n}");
                    before = n;
                    let mut out = std::io::stdout().lock();
                    let _ = writeln!(out, "ack {writer} {n}").and_then(|()| out.flush());
                }
            });
        }
    });
}

fn spawn(dir: &Path, plan: Plan) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["writer_process", "--exact", "--nocapture"])
        .env(DIR, dir)
        .env(PLAN, plan.text())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// When a writer is killed.
#[derive(Clone, Copy)]
enum Kill {
    /// So long after it was started: most likely while it opens the folder.
    AfterStart(Duration),
    /// So long after its first acknowledgement.
    AfterAck(Duration),
}

/// A writer that has not acknowledged anything by then is killed all the same.
const SLOWEST_START: Duration = Duration::from_secs(20);

/// Runs a writer and kills it; keeps the highest acknowledged number of each of its threads.
fn kill_round(dir: &Path, plan: Plan, kill: Kill, acked: &mut [u64]) {
    let mut child = spawn(dir, plan);
    let out = BufReader::new(child.stdout.take().unwrap());
    let (first, first_ack) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in out.lines() {
            lines.push(line.unwrap());
            if lines.last().is_some_and(|line| line.starts_with("ack ")) {
                let _ = first.send(());
            }
        }
        lines
    });
    std::thread::sleep(match kill {
        Kill::AfterStart(time) => time,
        Kill::AfterAck(time) => first_ack.recv_timeout(SLOWEST_START).map_or(Duration::ZERO, |()| time),
    });
    if let Some(status) = child.try_wait().unwrap() {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
        panic!("the writer ended by itself with {status}: {text}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for line in reader.join().unwrap() {
        let mut words = line.split(' ');
        if words.next() == Some("ack") {
            let mut next = || words.next().and_then(|w| w.parse::<u64>().ok());
            if let (Some(writer), Some(n)) = (next(), next()) {
                acked[writer as usize] = acked[writer as usize].max(n);
            }
        }
    }
}

/// Compares everything that is stored with what must be there; how many rows that was.
fn verify(dir: &Path, plan: Plan, acked: &[u64]) -> usize {
    let store = Store::open(dir, &plan.options()).unwrap();
    let snapshot = store.snapshot();
    let (mut rows, mut sixteens) = (0, 0);
    for writer in 0..plan.writers {
        let last = number(snapshot.get(&last_key(writer)).unwrap());
        let acked = acked[writer as usize];
        assert!(last >= acked, "writer {writer}: {acked} was acknowledged, the last one there is {last}");
        sixteens += last / 16;
        let expected = last.min(plan.keep) as usize * usize::from(PARTS);
        let found = verify_rows(&snapshot, writer, last, plan.keep);
        assert_eq!(found, expected, "writer {writer} at {last}: rows by scan");
        rows += expected;
    }
    assert_eq!(number(snapshot.get(b"total").unwrap()), sixteens, "the shared counter");
    rows
}

/// Looks up each row that must be there by key, and counts the rows that a scan finds.
fn verify_rows(snapshot: &Snapshot, writer: u8, last: u64, keep: u64) -> usize {
    for n in last.saturating_sub(keep) + 1..=last {
        for part in 0..PARTS {
            let value = snapshot.get(&row_key(writer, n, part)).unwrap();
            assert_eq!(
                value.as_deref(),
                Some(&row_value(writer, n, part)[..]),
                "writer {writer} at {last}: row {n}/{part}"
            );
        }
    }
    let mut found = 0;
    for pair in snapshot.scan(KeyRange::prefix(&[b'r', writer]), Direction::Forward) {
        pair.unwrap();
        found += 1;
    }
    found
}

struct Folder(PathBuf);

impl Folder {
    fn numbered(n: u32) -> Folder {
        Folder(std::env::temp_dir().join(format!("virga-crash-{}-{n}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a failed check looked at is kept.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// How a run is divided into folders and rounds.
struct Campaign {
    rounds_per_folder: u32,
    longest: Duration,
    keep: u64,
    buffers: [u64; 3],
}

fn campaign(campaign: &Campaign, mut go_on: impl FnMut(u32) -> bool) -> (u32, u64, usize) {
    let rng = Rng::seeded(77);
    let (mut round, mut commits, mut rows) = (0, 0, 0);
    for folder_number in 0.. {
        if !go_on(round) {
            break;
        }
        let folder = Folder::numbered(folder_number);
        let buffer = campaign.buffers[rng.below(3) as usize];
        let plan = Plan { writers: 1 + rng.below(16) as u8, keep: campaign.keep, buffer };
        let mut acked = vec![0; usize::from(plan.writers)];
        for _ in 0..campaign.rounds_per_folder {
            if !go_on(round) {
                break;
            }
            let kill = match rng.below(4) {
                0 => Kill::AfterStart(Duration::from_micros(rng.below(15_000))),
                _ => Kill::AfterAck(Duration::from_micros(rng.below(campaign.longest.as_micros() as u64))),
            };
            kill_round(&folder.0, plan, kill, &mut acked);
            rows += verify(&folder.0, plan, &acked);
            round += 1;
        }
        commits += acked.iter().sum::<u64>();
    }
    (round, commits, rows)
}

#[test]
fn a_folder_that_another_process_has_open_is_refused() {
    let folder = Folder::numbered(u32::MAX);
    let plan = Plan { writers: 1, keep: 10, buffer: 1 << 20 };
    let mut child = spawn(&folder.0, plan);
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(out.any(|line| line.unwrap().starts_with("ack ")), "it is open");
    let refused = Store::open(&folder.0, &plan.options()).unwrap_err();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(refused, OpenError::Locked { dir: folder.0.clone() });
    Store::open(&folder.0, &plan.options()).unwrap();
}

#[test]
fn killed_at_any_point_nothing_acknowledged_is_lost() {
    let report = |(rounds, commits, rows): (u32, u64, usize)| {
        let text = format!("{rounds} kills, {commits} acknowledged commits, {rows} rows compared\n");
        let _ = std::io::stdout().write_all(text.as_bytes());
        commits
    };
    if let Some(seconds) = std::env::var_os(SOAK) {
        let end = Instant::now() + Duration::from_secs(seconds.to_str().unwrap().parse().unwrap());
        let soak = Campaign {
            rounds_per_folder: 40,
            longest: Duration::from_secs(6),
            keep: 8_000,
            buffers: [1 << 20, 4 << 20, 16 << 20],
        };
        report(campaign(&soak, |_| Instant::now() < end));
        return;
    }
    let quick = Campaign {
        rounds_per_folder: 40,
        longest: Duration::from_millis(60),
        keep: 200,
        buffers: [64 << 10, 256 << 10, 16 << 20],
    };
    // Some twenty seconds on an idle machine.
    let commits = report(campaign(&quick, |round| round < 200));
    assert!(commits > 200, "the writers wrote next to nothing: {commits} commits");
}
