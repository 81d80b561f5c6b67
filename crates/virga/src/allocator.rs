//! How memory is had: jemalloc, with as few arenas as make no difference, which gives back what it does not need.
//!
//! Threads that sort and merge allocate beside those that answer, and what they leave are fragments. By the C library's
//! allocator the process kept more than half of the most that it had ever had.

use std::ptr::null_mut;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Read by jemalloc at the first allocation: pages that nobody uses are the system's after half a second.
// SAFETY: jemalloc declares this symbol as a pointer to a string that ends with a zero, and only reads it.
#[unsafe(export_name = "_rjem_malloc_conf")]
static OPTIONS: &[u8; 46] = b"narenas:2,dirty_decay_ms:500,muzzy_decay_ms:0\0";

/// Gives back at once what nobody uses: jemalloc looks at the time only when something is asked of it, which is never
/// where nothing happens.
pub(crate) fn give_back() {
    // 4096 stands for all arenas (MALLCTL_ARENAS_ALL).
    // SAFETY: the name ends with a zero, and this control neither reads nor writes anything of ours.
    unsafe {
        tikv_jemalloc_sys::mallctl(c"arena.4096.purge".as_ptr(), null_mut(), null_mut(), null_mut(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::give_back;

    /// What the process has of its own, in kilobytes.
    fn own() -> u64 {
        let all = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = all.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn what_was_freed_is_the_systems_again() {
        let rows: Vec<Vec<u8>> = (0..64_000).map(|n| vec![(n % 250) as u8 + 1; 1000]).collect();
        assert_eq!(rows.len(), 64_000);
        let with = own();
        drop(rows);
        give_back();
        let without = own();
        assert!(without + 48_000 < with, "{with} KiB, then {without} KiB");
    }
}
