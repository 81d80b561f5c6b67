//! What exports and imports do once they are accepted.

mod export;
mod faults;
mod files;
mod import;

pub use export::Export;
pub use import::Import;
