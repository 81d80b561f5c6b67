//! What the store costs on this disk. `cargo bench -p store`; prints a table.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use base::Rng;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{CommitError, Direction, KeyRange, Options, Read, Store};

const RECORDS: u64 = 100_000;
const SPAN: Duration = Duration::from_secs(4);

struct Folder(PathBuf);

impl Folder {
    fn fresh(name: &str) -> Folder {
        Folder(std::env::temp_dir().join(format!("virga-bench-{}-{name}", std::process::id())))
    }

    fn open(&self) -> Store {
        Store::open(&self.0, &Options::default()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn row(what: &str, value: &str) {
    println!("{what:<58} {value:>34}");
}

/// Twenty-four bytes, in random order.
fn key(n: u64) -> Vec<u8> {
    let mut key = b"k1234567".to_vec();
    key.extend(n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    key.extend(n.to_be_bytes());
    key
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// What this thread has spent on a processor: what an operation costs, also on a busy machine.
fn own_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// CPU seconds of the process so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

fn percentile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    times.get(((times.len() as f64 - 1.0) * part) as usize).copied().unwrap_or_default()
}

fn put(store: &Store, n: u64) -> store::Commit {
    let mut tx = store.begin();
    tx.put(key(n), vec![7; 200]);
    tx.commit()
}

fn one_writer(store: &Store) {
    let mut times = Vec::new();
    let end = Instant::now() + SPAN / 2;
    while Instant::now() < end {
        let start = Instant::now();
        put(store, times.len() as u64).wait().unwrap();
        times.push(start.elapsed());
    }
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    row("1 durable put, p50 / p99", &format!("{p50:.0?} / {p99:.0?}"));
}

fn many_tasks(store: &Store, tasks: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (start, cpu_before, before) = (Instant::now(), cpu(), store.stats());
    let mut times = runtime.block_on(async {
        let handles: Vec<_> = (0..tasks)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    while start.elapsed() < SPAN {
                        let begun = Instant::now();
                        put(&store, task << 40 | times.len() as u64).await.unwrap();
                        times.push(begun.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut all = Vec::new();
        for handle in handles {
            all.extend(handle.await.unwrap());
        }
        all
    });
    rate(
        &format!("{tasks} tasks, durable puts"),
        start,
        cpu_before,
        times.len(),
        percentile(&mut times, 0.99),
    );
    let after = store.stats();
    let group = (after.commits - before.commits) as f64 / (after.groups - before.groups) as f64;
    row("  commits per flush", &format!("{group:.1}"));
}

fn rate(what: &str, start: Instant, cpu_before: f64, count: usize, p99: Duration) {
    let per_second = count as f64 / start.elapsed().as_secs_f64();
    let micros = (cpu() - cpu_before) * 1e6 / count as f64;
    row(what, &format!("{per_second:.0}/s, p99 {p99:.1?}, {micros:.1} us CPU"));
}

fn many_threads(store: &Store, threads: u64) {
    let (start, cpu_before) = (Instant::now(), cpu());
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut times = Vec::new();
                    while start.elapsed() < SPAN {
                        let begun = Instant::now();
                        put(store, 1 << 60 | thread << 40 | times.len() as u64).wait().unwrap();
                        times.push(begun.elapsed());
                    }
                    times
                })
            })
            .collect();
        handles.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    rate(
        &format!("{threads} threads, durable puts"),
        start,
        cpu_before,
        times.len(),
        percentile(&mut times, 0.99),
    );
}

fn contended(store: &Store, keys: u64) {
    let done = Arc::new(AtomicU64::new(0));
    let (start, before) = (Instant::now(), store.stats());
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let done = done.clone();
            scope.spawn(move || {
                let rng = Rng::seeded(thread);
                while start.elapsed() < SPAN / 2 {
                    let key = [b"c".as_slice(), &rng.below(keys).to_be_bytes()].concat();
                    let counted: Result<(), CommitError> = store.run(|tx| {
                        let n = tx
                            .get(&key)
                            .unwrap()
                            .map_or(0, |v| u64::from_be_bytes(v[..].try_into().unwrap()));
                        tx.put(key.clone(), (n + 1).to_be_bytes().to_vec());
                        Ok(())
                    });
                    counted.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let after = store.stats();
    let (done, conflicts) = (done.load(Ordering::Relaxed), after.conflicts - before.conflicts);
    let per_second = done as f64 / start.elapsed().as_secs_f64();
    let text = format!("{per_second:.0}/s, {:.1} conflicts each", conflicts as f64 / done as f64);
    row(&format!("32 threads increment one of {keys} counters"), &text);
}

fn load(store: &Store) {
    for chunk in 0..RECORDS / 1000 {
        let mut tx = store.begin();
        for n in chunk * 1000..(chunk + 1) * 1000 {
            tx.put(key(n), vec![n as u8; 200]);
        }
        tx.commit().wait().unwrap();
    }
}

fn three_gets(store: &Store, keys: &[Vec<u8>]) {
    for three in keys.chunks_exact(3) {
        let tx = store.begin();
        for key in three {
            assert!(tx.get(key).unwrap().is_some());
        }
        tx.commit().wait().unwrap();
    }
}

/// Wall clock and own CPU of one of `count` operations.
fn each(count: usize, body: impl FnOnce()) -> String {
    let (start, before) = (Instant::now(), own_cpu());
    body();
    let (wall, cpu) = (start.elapsed() / count as u32, (own_cpu() - before) / count as u32);
    format!("{wall:.2?}, CPU {cpu:.2?}")
}

fn reads(store: &Store, place: &str) {
    let rng = Rng::seeded(1);
    let keys: Vec<Vec<u8>> = (0..150_000).map(|_| key(rng.below(RECORDS))).collect();
    three_gets(store, &keys);
    let cost = each(keys.len() / 3, || three_gets(store, &keys));
    row(&format!("read-only transaction, 3 random gets ({place})"), &cost);
    let cost = each(30_000, || (0..300).for_each(|_| three_gets(store, &keys[..300])));
    row(&format!("the same over 300 hot keys ({place})"), &cost);
    let snapshot = store.snapshot();
    let cost = each(keys.len(), || keys.iter().for_each(|key| assert!(snapshot.get(key).unwrap().is_some())));
    row(&format!("random get on a snapshot ({place})"), &cost);
    let cost = each(5 * RECORDS as usize, || {
        let scan = || snapshot.scan(KeyRange::prefix(b"k"), Direction::Forward).count();
        assert_eq!((0..5).map(|_| scan()).sum::<usize>() as u64, 5 * RECORDS);
    });
    row(&format!("a row of a scan ({place})"), &cost);
}

/// The median of five opens, and what one cost.
fn median_open(folder: impl Fn(usize) -> PathBuf) -> String {
    let (mut times, mut cpus) = (Vec::new(), Vec::new());
    for n in 0..5 {
        let folder = folder(n);
        let (start, before) = (Instant::now(), own_cpu());
        let store = Store::open(&folder, &Options::default()).unwrap();
        times.push(start.elapsed());
        cpus.push(own_cpu() - before);
        drop(store);
    }
    format!("{:.1?}, CPU {:.1?}", percentile(&mut times, 0.5), percentile(&mut cpus, 0.5))
}

fn opening() {
    let folders: Vec<_> = (0..5).map(|n| Folder::fresh(&format!("empty{n}"))).collect();
    row("open an empty folder", &median_open(|n| folders[n].0.clone()));
    let folder = Folder::fresh("empty");
    let bare = rss_kib();
    let store = folder.open();
    put(&store, 1).wait().unwrap();
    row("RSS before / with an empty store", &format!("{bare} / {} KiB", rss_kib()));
}

fn main() {
    opening();
    let folder = Folder::fresh("records");
    let store = folder.open();
    let start = Instant::now();
    load(&store);
    row("load 100,000 records of 224 bytes", &format!("{:.0?}", start.elapsed()));
    reads(&store, "write buffer");
    drop(store);
    row("open 100,000 records", &median_open(|_| folder.0.clone()));
    let store = folder.open();
    reads(&store, "as opened");
    let start = Instant::now();
    let copy = Folder::fresh("copy");
    store.fork(&copy.0).unwrap();
    row("fork 100,000 records", &format!("{:.1?}", start.elapsed()));
    drop(store);
    let folder = Folder::fresh("writes");
    let store = folder.open();
    one_writer(&store);
    for tasks in [32, 128] {
        many_tasks(&store, tasks);
    }
    for threads in [32, 128] {
        many_threads(&store, threads);
    }
    contended(&store, 1);
    contended(&store, 100);
    row("RSS after all that", &format!("{} KiB", rss_kib()));
    let size = store.stats().size;
    row(
        "disk / write buffer / cache",
        &format!("{} / {} / {} MiB", size.disk >> 20, size.write_buffer >> 20, size.cache >> 20),
    );
}
