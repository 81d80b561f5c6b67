//! What a store does on a full disk: it says so, loses nothing, and goes on when there is room again.
//!
//! The test starts itself again in a mount namespace of its own with a small disk in memory. Where the system does
//! not allow that, it says so and does nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use store::{CommitError, OpenError, Options, Store};

const DIR: &str = "VIRGA_STORE_FULL_DIR";

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn key(n: u32) -> Vec<u8> {
    [b"k".as_slice(), &n.to_be_bytes()].concat()
}

fn value(n: u32) -> Vec<u8> {
    n.to_be_bytes().repeat(4096)
}

fn put(store: &Store, n: u32) -> Result<(), CommitError> {
    let mut tx = store.begin();
    tx.put(key(n), value(n));
    tx.commit().wait().map(|_| ())
}

/// Every acknowledged row, and nothing of those that were refused.
fn verify(store: &Store, acked: &[u32], refused: &[u32]) {
    for n in acked {
        assert_eq!(store.read(&key(*n)).unwrap().as_deref(), Some(&value(*n)[..]), "row {n} is lost");
    }
    for n in refused {
        assert_eq!(store.read(&key(*n)).unwrap(), None, "row {n} was refused, and is there");
    }
}

/// A file that takes what room there is, up to `most` bytes.
fn filler(dir: &Path, most: usize) -> PathBuf {
    let path = dir.join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    let mut written = 0;
    while written < most && file.write_all(&[1; 4096]).is_ok() {
        written += 4096;
    }
    path
}

/// What was answered so far.
#[derive(Default)]
struct Answers {
    next: u32,
    acked: Vec<u32>,
    refused: Vec<u32>,
}

impl Answers {
    /// Puts one more row; whether it was acknowledged.
    fn put(&mut self, store: &Store) -> bool {
        self.next += 1;
        match put(store, self.next) {
            Ok(()) => self.acked.push(self.next),
            Err(CommitError::Full) => self.refused.push(self.next),
            Err(error) => panic!("row {}: {error:?}", self.next),
        }
        self.acked.last() == Some(&self.next)
    }
}

/// Fills the disk, finds it full, makes room, goes on; three times over, then opens it anew.
fn fill_and_go_on(dir: &Path, reserve_bytes: u64) {
    let options = Options { write_buffer_bytes: 1 << 20, reserve_bytes, ..Options::default() };
    let data = dir.join("data");
    let store = Store::open(&data, &options).unwrap();
    let mut answers = Answers::default();
    for round in 1..=3 {
        let filler = filler(dir, 12 << 20);
        let limit = answers.next + 10_000;
        while answers.put(&store) {
            assert!(answers.next < limit, "round {round}: the disk is never full");
        }
        verify(&store, &answers.acked, &answers.refused);
        std::fs::remove_file(&filler).unwrap();
        // A merge in the background may hold the room for its new tables until it ends.
        let since = Instant::now();
        while !answers.put(&store) {
            assert!(since.elapsed() < Duration::from_secs(10), "round {round}: there is room again");
            std::thread::sleep(Duration::from_millis(20));
        }
        verify(&store, &answers.acked, &answers.refused);
        say(&format!("reserve {reserve_bytes}, round {round}: {} rows", answers.acked.len()));
    }
    drop(store);
    let store = Store::open(&data, &options).unwrap();
    verify(&store, &answers.acked, &answers.refused);
}

/// Opening on a disk without any room.
fn open_without_room(dir: &Path) {
    let filler = filler(dir, usize::MAX);
    let data = dir.join("data");
    assert_eq!(Store::open(&data, &Options::default()).unwrap_err(), OpenError::Full { dir: data.clone() });
    std::fs::remove_file(&filler).unwrap();
    let store = Store::open(&data, &Options::default()).unwrap();
    put(&store, 1).unwrap();
    verify(&store, &[1], &[]);
}

/// Runs within the small disk; a test that does nothing when it is run as one.
#[test]
fn small_disk_process() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = PathBuf::from(dir);
    for (name, reserve) in [("reserve", 6 << 20), ("torn", 0)] {
        let dir = dir.join(name);
        std::fs::create_dir(&dir).unwrap();
        fill_and_go_on(&dir, reserve);
        std::fs::remove_dir_all(&dir).unwrap();
    }
    let dir = dir.join("open");
    std::fs::create_dir(&dir).unwrap();
    open_without_room(&dir);
}

#[test]
fn a_full_disk_is_said_and_survived() {
    let dir = std::env::temp_dir().join(format!("virga-full-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let script = r#"mount -t tmpfs -o size=48m tmpfs "$1" || exit 99; exec "$2" small_disk_process --exact --nocapture"#;
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(&dir)
        .arg(std::env::current_exe().unwrap())
        .env(DIR, &dir)
        .output();
    let _ = std::fs::remove_dir(&dir);
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("1 passed"), "{text}");
            say(&text);
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.code() == Some(99) || text.starts_with("unshare:") {
                return say(&format!("skipped: a disk in memory of one's own is not allowed here: {text}"));
            }
            panic!("{text}{}", String::from_utf8_lossy(&output.stdout));
        }
        Err(error) => say(&format!("skipped: no unshare(1): {error}")),
    }
}
