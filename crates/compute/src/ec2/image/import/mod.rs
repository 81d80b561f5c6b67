//! Container images that come from elsewhere: what a machine can boot from is one archive of a whole root.
//!
//! ```text
//! a file or a folder ──[`Bundle`]──▶ layers, the lowest first ──[`squash`]──▶ an archive that hides the cloud's own image
//! ```

mod bundle;
mod squash;

pub use bundle::Bundle;
use std::io::{self, Write};

impl Bundle {
    /// Writes the root that the layers make out.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for what is no root of a machine; what the disk says, or who takes the archive.
    pub fn squash(&self, out: &mut dyn Write) -> io::Result<()> {
        let layers = self.layers();
        squash::squash(layers, &mut |at| self.open(at), out)
    }
}
