//! What this disk needs to keep a record: bytes written into a file that has room for them already, and their flush.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const FLUSHES: usize = 300;
const RECORD: usize = 1024;

/// The median of a few hundred.
pub(crate) fn flush(folder: &Path) -> Result<Duration, String> {
    let path = folder.join("flushes");
    let fail = |why: std::io::Error| format!("{}: {why}", path.display());
    let file = OpenOptions::new().create_new(true).write(true).open(&path).map_err(fail)?;
    file.write_all_at(&[0; FLUSHES * RECORD], 0).and_then(|()| file.sync_all()).map_err(fail)?;
    let mut taken = Vec::with_capacity(FLUSHES);
    for at in (0..).step_by(RECORD).take(FLUSHES) {
        let begun = Instant::now();
        file.write_all_at(&[7; RECORD], at).and_then(|()| file.sync_data()).map_err(fail)?;
        taken.push(begun.elapsed());
    }
    std::fs::remove_file(&path).map_err(fail)?;
    taken.sort_unstable();
    Ok(taken[FLUSHES / 2])
}
