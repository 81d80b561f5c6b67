//! What runs in a machine is measured by what the kernel tells of its processes: that needs no privileges.

use super::residents::inside;
use std::fs::{self, File};
use std::io;

/// What the processes in a network namespace occupy, in bytes.
pub(super) fn memory(namespace: &File) -> io::Result<u64> {
    let mut all = 0;
    for pid in inside(namespace)? {
        // Who has ended meanwhile has nothing.
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // What is shared with files is the machine's anyway.
        all += own_memory(&text);
    }
    Ok(all)
}

/// What a process has for itself or shares with its like, of its `status`, in bytes.
fn own_memory(status: &str) -> u64 {
    let kib = |line: &str| line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
    let own = |line: &&str| line.starts_with("RssAnon:") || line.starts_with("RssShmem:");
    status.lines().filter(own).filter_map(kib).sum::<u64>() << 10
}

/// Ticks that processors have worked for a network namespace, and what its links have brought and taken: bytes and
/// packets in, bytes and packets out.
pub(super) fn usage(namespace: &File) -> io::Result<[u64; 5]> {
    let all = inside(namespace)?;
    let ticks = |pid| own_ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default());
    // All in it see the same links.
    let links = all.first().map(|pid| fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default());
    let [bytes_in, packets_in, bytes_out, packets_out] = traffic(&links.unwrap_or_default());
    Ok([all.into_iter().map(ticks).sum(), bytes_in, packets_in, bytes_out, packets_out])
}

/// Of a process's `stat`: its own and its ended children's, for itself and in the kernel.
fn own_ticks(stat: &str) -> u64 {
    // Its name may hold anything, also what looks like an end.
    let Some((_, rest)) = stat.rsplit_once(')') else { return 0 };
    rest.split_whitespace().skip(11).take(4).filter_map(|word| word.parse::<u64>().ok()).sum()
}

/// Of `net/dev`, without the loopback.
fn traffic(links: &str) -> [u64; 4] {
    let mut sum = [0; 4];
    for line in links.lines() {
        let Some((name, counts)) = line.split_once(':') else { continue };
        if name.trim() == "lo" {
            continue;
        }
        let counts: Vec<u64> = counts.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        for (sum, at) in sum.iter_mut().zip([0, 1, 8, 9]) {
            *sum += counts.get(at).copied().unwrap_or(0);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_process() {
        let status =
            "Name:\tx\nVmRSS:\t  100 kB\nRssAnon:\t      12 kB\nRssFile:\t 80 kB\nRssShmem:\t   3 kB\n";
        assert_eq!(own_memory(status), 15 << 10);
        assert_eq!(own_memory(""), 0);
    }

    #[test]
    fn processor_time_of_a_process() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 3 4 20 100 20 0 1 0";
        assert_eq!(own_ticks(stat), 127);
        assert_eq!(own_ticks(""), 0);
    }

    #[test]
    fn traffic_of_links() {
        let links = "Inter-|   Receive  |  Transmit\n face |bytes packets errs\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n\
                     eth0: 100 2 0 0 0 0 0 0 300 4 0 0 0 0 0 0\n  eth1:1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n";
        assert_eq!(traffic(links), [101, 3, 301, 5]);
        assert_eq!(traffic(""), [0; 4]);
    }
}
