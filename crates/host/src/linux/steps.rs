//! How a program is shut in, as a list of system calls: made once, and gone through either by this process's own child
//! before its program begins, or by a copy of a template ([`super::template`]), which is no program of ours. So there is
//! one description of a sandbox, and both are the same.

use super::frame::Put;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What a system call is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Number(u64),
    /// By address, with a zero at its end.
    Text(CString),
    /// By address, as they are.
    Bytes(Vec<u8>),
    /// A program of the packet filter, by the address of its length and its own.
    Filter(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Call {
        number: libc::c_long,
        words: Vec<Word>,
        /// Whether what fails here ends it.
        needed: bool,
    },
    /// Writes to a file that the kernel has made.
    Write { file: CString, text: Vec<u8> },
}

/// The list while it is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps(pub(super) Vec<Step>);

/// A number as the kernel takes it.
pub(super) fn flags(flags: impl Into<i64>) -> Word {
    Word::Number(flags.into().cast_unsigned())
}

pub(super) fn path(path: &Path) -> io::Result<Word> {
    Ok(Word::Text(CString::new(path.as_os_str().as_bytes())?))
}

fn text(text: &str) -> io::Result<Word> {
    Ok(Word::Text(CString::new(text)?))
}

const NONE: Word = Word::Number(0);
/// Paths are whole.
const HERE: libc::c_int = libc::AT_FDCWD;

impl Steps {
    pub(super) fn call(&mut self, number: libc::c_long, words: Vec<Word>) {
        self.0.push(Step::Call { number, words, needed: true });
    }

    pub(super) fn try_call(&mut self, number: libc::c_long, words: Vec<Word>) {
        self.0.push(Step::Call { number, words, needed: false });
    }

    pub(super) fn write(&mut self, file: &str, text: &str) -> io::Result<()> {
        self.0.push(Step::Write { file: CString::new(file)?, text: text.into() });
        Ok(())
    }

    /// From here on mounts are nobody else's business.
    pub(super) fn private(&mut self) -> io::Result<()> {
        let how = flags(i64::try_from(libc::MS_PRIVATE | libc::MS_REC).map_err(io::Error::other)?);
        self.call(libc::SYS_mount, vec![NONE, text("/")?, NONE, how, NONE]);
        Ok(())
    }

    pub(super) fn mount(
        &mut self,
        kind: &str,
        at: &Path,
        how: libc::c_ulong,
        options: &str,
    ) -> io::Result<()> {
        let words = vec![text(kind)?, path(at)?, text(kind)?, Word::Number(how), text(options)?];
        self.call(libc::SYS_mount, words);
        Ok(())
    }

    pub(super) fn unmount(&mut self, at: &Path, how: libc::c_int) -> io::Result<()> {
        self.call(libc::SYS_umount2, vec![path(at)?, flags(how)]);
        Ok(())
    }

    pub(super) fn remount(&mut self, at: &Path, how: libc::c_ulong) -> io::Result<()> {
        let how = Word::Number(how | libc::MS_REMOUNT | libc::MS_BIND);
        self.call(libc::SYS_mount, vec![NONE, path(at)?, NONE, how, text("")?]);
        Ok(())
    }

    pub(super) fn bind(&mut self, from: &Path, to: &Path, read_only: bool) -> io::Result<()> {
        self.call(libc::SYS_mount, vec![path(from)?, path(to)?, NONE, Word::Number(libc::MS_BIND), NONE]);
        if read_only {
            // What restricts the file system may not be lifted there, so it is said again.
            self.remount(to, libc::MS_RDONLY | restricted(from)?)?;
        }
        Ok(())
    }

    /// The few devices that every program expects, borrowed from the machine underneath: none can be made here.
    pub(super) fn devices(&mut self, dev: &Path) -> io::Result<()> {
        self.mount("tmpfs", dev, libc::MS_NOSUID, "mode=755")?;
        for name in ["null", "zero", "full", "random", "urandom", "tty"] {
            let (from, to) = (Path::new("/dev").join(name), dev.join(name));
            if from.exists() {
                let file = Word::Number(u64::from(libc::S_IFREG | 0o666));
                self.call(libc::SYS_mknodat, vec![flags(HERE), path(&to)?, file, NONE]);
                self.bind(&from, &to, false)?;
            }
        }
        for (name, mode) in [("pts", 0o755), ("shm", 0o1777)] {
            self.call(libc::SYS_mkdirat, vec![flags(HERE), path(&dev.join(name))?, Word::Number(mode)]);
        }
        let terminals = "newinstance,ptmxmode=0666,mode=0620";
        self.mount("devpts", &dev.join("pts"), libc::MS_NOSUID | libc::MS_NOEXEC, terminals)?;
        self.mount("tmpfs", &dev.join("shm"), libc::MS_NOSUID | libc::MS_NODEV, "mode=1777")?;
        for (name, target) in [
            ("ptmx", "pts/ptmx"),
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            self.call(libc::SYS_symlinkat, vec![text(target)?, flags(HERE), path(&dev.join(name))?]);
        }
        Ok(())
    }

    /// Makes a folder the root. The old one ends up above the new one, and goes.
    pub(super) fn pivot(&mut self, root: &Path) -> io::Result<()> {
        self.change_folder(root)?;
        self.call(libc::SYS_pivot_root, vec![text(".")?, text(".")?]);
        self.unmount(Path::new("."), libc::MNT_DETACH)?;
        self.change_folder(Path::new("/"))
    }

    pub(super) fn change_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.call(libc::SYS_chdir, vec![path(folder)?]);
        Ok(())
    }

    /// Sets a limit of the process, for good.
    pub(super) fn limit(&mut self, what: u64, most: u64) {
        let limit = [most.to_ne_bytes(), most.to_ne_bytes()].concat();
        self.call(libc::SYS_prlimit64, vec![NONE, Word::Number(what), Word::Bytes(limit), NONE]);
    }

    /// Goes through all of them, in a process with one thread.
    pub(super) fn take(&self) -> io::Result<()> {
        self.0.iter().try_for_each(Step::take)
    }

    /// Writes them for whoever is no program of ours.
    pub(super) fn put(&self, mut put: Put) -> Put {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        put = put.u32(count(self.0.len()));
        for step in &self.0 {
            match step {
                Step::Call { number, words, needed } => {
                    put = put.u8(1).u64(number.cast_unsigned()).u8(u8::from(*needed)).u32(count(words.len()));
                    for word in words {
                        put = match word {
                            Word::Number(number) => put.u8(0).u64(*number),
                            Word::Text(text) => put.u8(1).bytes(text.as_bytes_with_nul()),
                            Word::Bytes(bytes) => put.u8(1).bytes(bytes),
                            Word::Filter(program) => put.u8(2).bytes(program),
                        };
                    }
                }
                Step::Write { file, text } => put = put.u8(2).bytes(file.as_bytes()).bytes(text),
            }
        }
        put
    }
}

impl Step {
    fn take(&self) -> io::Result<()> {
        match self {
            Step::Write { file, text } => {
                fs::write(Path::new(std::ffi::OsStr::from_bytes(file.as_bytes())), text)
            }
            Step::Call { number, words, needed } => {
                let done = call(*number, words);
                if *needed { done } else { Ok(()) }
            }
        }
    }
}

fn call(number: libc::c_long, words: &[Word]) -> io::Result<()> {
    let address = |bytes: *const u8| bytes as usize as u64;
    let (mut given, mut filter) = ([0_u64; 6], None);
    for (place, word) in given.iter_mut().zip(words) {
        *place = match word {
            Word::Number(number) => *number,
            Word::Text(text) => address(text.as_ptr().cast()),
            Word::Bytes(bytes) => address(bytes.as_ptr()),
            Word::Filter(program) => {
                let len = program.len() / size_of::<libc::sock_filter>();
                let len = libc::c_ushort::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
                let head =
                    filter.insert(libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() });
                address(std::ptr::from_ref(head).cast())
            }
        };
    }
    let [a, b, c, d, e, f] = given;
    // SAFETY: what addresses lead to lives until the call is back, and the kernel only reads it.
    let done = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What restricts the mount that a path is in.
pub(super) fn restricted(path: &Path) -> io::Result<libc::c_ulong> {
    use rustix::fs::StatVfsMountFlags;
    let had = rustix::fs::statvfs(path)?.f_flag;
    let all = [
        (StatVfsMountFlags::NOSUID, libc::MS_NOSUID),
        (StatVfsMountFlags::NODEV, libc::MS_NODEV),
        (StatVfsMountFlags::NOEXEC, libc::MS_NOEXEC),
        (StatVfsMountFlags::NOATIME, libc::MS_NOATIME),
        (StatVfsMountFlags::RELATIME, libc::MS_RELATIME),
    ];
    Ok(all.into_iter().filter(|(flag, _)| had.contains(*flag)).fold(0, |all, (_, flag)| all | flag))
}
