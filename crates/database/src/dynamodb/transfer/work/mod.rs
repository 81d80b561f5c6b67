//! What exports and imports do once they are accepted.

mod export;
mod files;
mod import;

pub use export::Export;
pub use import::Import;
