//! What this disk needs to keep a record: bytes at the end of a file, and their flush.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const FLUSHES: usize = 300;
const RECORD: [u8; 1024] = [7; 1024];

/// The median of a few hundred.
pub(crate) fn flush(folder: &Path) -> Result<Duration, String> {
    let path = folder.join("flushes");
    let fail = |why: std::io::Error| format!("{}: {why}", path.display());
    let mut file = OpenOptions::new().create_new(true).append(true).open(&path).map_err(fail)?;
    let mut taken = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let begun = Instant::now();
        file.write_all(&RECORD).map_err(fail)?;
        file.sync_data().map_err(fail)?;
        taken.push(begun.elapsed());
    }
    std::fs::remove_file(&path).map_err(fail)?;
    taken.sort_unstable();
    Ok(taken[FLUSHES / 2])
}
