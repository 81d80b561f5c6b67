//! Gives back the pages of the program that nobody needs while nothing happens.
//!
//! The start of a cloud runs through most of the program: every service is wired, every table of operations read. Its
//! pages stay in the process afterwards, by far the largest part of what it holds, though they are the file's and can be
//! had again from there at the price of a fault. So a cloud that idles lets go of them; what is still used comes back.

use crate::allocator;
use std::time::Duration;

/// How long nothing may have happened.
const IDLE: Duration = Duration::from_secs(1);
/// How long the store is left to what it has begun.
const STEP: Duration = Duration::from_millis(200);

/// Lets go of the pages whenever nothing was asked of the cloud for a while, and of what the store and the contents keep in
/// memory to be faster.
pub(crate) async fn keep_small(cloud: std::sync::Arc<kernel::Cloud>) {
    let (mut seen, mut given, mut nap) = (cloud.metrics().calls(), false, IDLE);
    loop {
        tokio::time::sleep(nap).await;
        nap = IDLE;
        let calls = cloud.metrics().calls();
        if calls != seen {
            (seen, given) = (calls, false);
        } else if !given {
            given = !cloud.store().settle().await;
            if !given {
                nap = STEP;
                continue;
            }
            cloud.contents().cool();
            give_back();
            allocator::give_back();
        }
    }
}

/// Takes the read-only pages of the program out of this process.
fn give_back() {
    unsafe extern "C" fn of_object(
        info: *mut libc::dl_phdr_info,
        _: libc::size_t,
        _: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the loader hands over a valid description for the time of this call, with as many headers as it says.
        let (base, headers) = unsafe {
            let info = &*info;
            (info.dlpi_addr, std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)))
        };
        // What may be written is not the file's any more once it was: relocations are.
        let is_files =
            |header: &&libc::Elf64_Phdr| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0;
        // SAFETY: asks a number.
        let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(1 << 16);
        for header in headers.iter().filter(is_files) {
            let start = (base + header.p_vaddr) & !(page - 1);
            let length = base + header.p_vaddr + header.p_memsz - start;
            // SAFETY: these are private mappings of a file that were never written, so each page is read from the file
            // again, with what it holds now, when it is next touched.
            unsafe { libc::madvise(start as *mut libc::c_void, length as usize, libc::MADV_DONTNEED) };
        }
        // The program is the first object; the libraries behind it are small, and shared with everybody.
        1
    }
    // SAFETY: the function is of the type that is asked for, and keeps nothing of what it is handed.
    unsafe { libc::dl_iterate_phdr(Some(of_object), std::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::give_back;

    /// The pages that this process holds, in kilobytes.
    fn held() -> u64 {
        let all = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let line = all.lines().find(|line| line.starts_with("Rss:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn what_was_given_back_is_there_again_when_it_is_needed() {
        // Other tests need theirs meanwhile.
        let smaller = (0..50).any(|_| {
            let before = held();
            give_back();
            held() < before
        });
        assert!(smaller, "nothing was given back");
    }
}
