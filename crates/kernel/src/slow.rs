//! Work that takes a processor for long, from within a handler.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work`, which may take seconds (making an RSA key), without holding up the other requests of this thread.
/// Outside a runtime with several threads it is simply run.
pub fn slow<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::slow;
    use tokio::runtime::Builder;

    #[test]
    fn it_runs_wherever_it_is_called() {
        assert_eq!(slow(|| 1), 1);
        assert_eq!(Builder::new_current_thread().build().unwrap().block_on(async { slow(|| 2) }), 2);
        let many = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        assert_eq!(many.block_on(async { slow(|| 3) }), 3);
        assert_eq!(many.block_on(many.spawn(async { slow(|| 4) })).unwrap(), 4);
    }
}
