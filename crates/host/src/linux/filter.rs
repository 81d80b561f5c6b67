//! Which system calls a sandbox's program may not make: a small program of the kernel's packet filter, put together by
//! hand.
//!
//! What is refused has no place in a function, and is where kernels break: mounts, namespaces, modules, other processes'
//! memory, keyrings, programs for the kernel, memory that no limit knows, kinds of sockets other than those of
//! networks. Nearly all of it asks for rights that the program does not have anyway; this stands before the code that
//! would check them.
//!
//! Not here: what calls are given by address, which a filter cannot see.

/// `seccomp_data`: the number of the call, the architecture, the first argument (its lower half).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST: u32 = 16;

/// Loads a word, compares it, answers: of the classic packet filter.
const LOAD: u16 = 0x20;
const IS: u16 = 0x15;
const IS_AT_LEAST: u16 = 0x35;
const HAS: u16 = 0x45;
const ANSWER: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const REFUSE: u32 = 0x0005_0000;

#[cfg(target_arch = "x86_64")]
const OWN: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OWN: u32 = 0xc000_00b7;
/// The calls of x32, which have numbers of their own.
#[cfg(target_arch = "x86_64")]
const FOREIGN: Option<u32> = Some(0x4000_0000);
#[cfg(target_arch = "aarch64")]
const FOREIGN: Option<u32> = None;

/// All that are refused with "not permitted".
const REFUSED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_shmget,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
];

/// The flags with which `clone` makes namespaces.
const NAMESPACES: libc::c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// Local sockets, those of networks, and the kernel's answers to who asks for names of links and addresses.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

fn step(code: u16, k: u32, then: u8, or: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt: then, jf: or, k }
}

fn number(call: libc::c_long) -> u32 {
    // No call has a number that is larger.
    u32::try_from(call).unwrap_or(u32::MAX)
}

/// The filter. Jumps count the steps that are left out.
fn program() -> Vec<libc::sock_filter> {
    let answer = |what| step(ANSWER, what, 0, 0);
    let refuse = |errno: libc::c_int| answer(REFUSE | errno.unsigned_abs());
    let mut all =
        vec![step(LOAD, ARCHITECTURE, 0, 0), step(IS, OWN, 1, 0), answer(KILL), step(LOAD, NUMBER, 0, 0)];
    if let Some(foreign) = FOREIGN {
        all.extend([step(IS_AT_LEAST, foreign, 0, 1), refuse(libc::ENOSYS)]);
    }
    for call in REFUSED {
        all.extend([step(IS, number(*call), 0, 1), refuse(libc::EPERM)]);
    }
    // Its flags lie in memory; a C library that is told that there is no such call makes the older one.
    all.extend([step(IS, number(libc::SYS_clone3), 0, 1), refuse(libc::ENOSYS)]);
    let flags = NAMESPACES.unsigned_abs();
    all.extend([step(IS, number(libc::SYS_clone), 0, 4), step(LOAD, FIRST, 0, 0), step(HAS, flags, 0, 1)]);
    all.extend([refuse(libc::EPERM), answer(ALLOW)]);
    let (mut sockets, mut length) = (vec![step(LOAD, FIRST, 0, 0)], 2_u8);
    for family in FAMILIES {
        sockets.extend([step(IS, family.unsigned_abs(), 0, 1), answer(ALLOW)]);
        length += 2;
    }
    sockets.push(refuse(libc::EAFNOSUPPORT));
    all.push(step(IS, number(libc::SYS_socket), 0, length));
    all.extend(sockets);
    all.push(answer(ALLOW));
    all
}

/// The filter as the kernel reads it. It stands before a process and all that come of it, once that has given up new
/// privileges.
pub(super) fn bytes() -> Vec<u8> {
    let halves = |step: &libc::sock_filter| {
        [&step.code.to_ne_bytes()[..], &[step.jt, step.jf], &step.k.to_ne_bytes()].concat()
    };
    program().iter().flat_map(halves).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would answer.
    fn run(architecture: u32, call: u32, first: u32) -> u32 {
        let (program, mut at, mut word) = (program(), 0, 0);
        loop {
            let libc::sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            let holds = match code {
                LOAD => {
                    word = [(NUMBER, call), (ARCHITECTURE, architecture), (FIRST, first)]
                        .into_iter()
                        .find(|(place, _)| *place == k)
                        .unwrap()
                        .1;
                    continue;
                }
                ANSWER => return k,
                IS => word == k,
                IS_AT_LEAST => word >= k,
                HAS => word & k != 0,
                other => panic!("{other}"),
            };
            at += usize::from(if holds { jt } else { jf });
        }
    }

    #[test]
    fn what_is_allowed_and_what_is_not() {
        let call = |call, first: libc::c_int| run(OWN, number(call), first.unsigned_abs());
        let errno = |errno: libc::c_int| REFUSE | errno.unsigned_abs();
        for fine in [libc::SYS_read, libc::SYS_execve, libc::SYS_mmap, libc::SYS_exit_group] {
            assert_eq!(call(fine, 0), ALLOW, "{fine}");
        }
        for refused in REFUSED {
            assert_eq!(call(*refused, 0), errno(libc::EPERM), "{refused}");
        }
        assert_eq!(call(libc::SYS_clone3, 0), errno(libc::ENOSYS));
        assert_eq!(call(libc::SYS_clone, libc::CLONE_VM | libc::CLONE_THREAD | libc::SIGCHLD), ALLOW);
        assert_eq!(call(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD), errno(libc::EPERM));
        for family in FAMILIES {
            assert_eq!(call(libc::SYS_socket, family), ALLOW, "{family}");
        }
        for family in [libc::AF_VSOCK, libc::AF_PACKET, libc::AF_ALG] {
            assert_eq!(call(libc::SYS_socket, family), errno(libc::EAFNOSUPPORT), "{family}");
        }
        assert_eq!(run(OWN ^ 1, number(libc::SYS_read), 0), KILL);
        if let Some(foreign) = FOREIGN {
            assert_eq!(run(OWN, foreign, 0), errno(libc::ENOSYS));
        }
    }
}
