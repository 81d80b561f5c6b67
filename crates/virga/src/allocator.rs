//! How memory is had: jemalloc, with as few arenas as make no difference, which gives back what it does not need.
//!
//! Threads that sort and merge allocate beside those that answer, and what they leave are fragments. By the C library's
//! allocator the process kept more than half of the most that it had ever had.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Read by jemalloc at the first allocation: pages that nobody uses are the system's after half a second.
// SAFETY: jemalloc declares this symbol as a pointer to a string that ends with a zero, and only reads it.
#[unsafe(export_name = "_rjem_malloc_conf")]
static OPTIONS: &[u8; 46] = b"narenas:2,dirty_decay_ms:500,muzzy_decay_ms:0\0";
