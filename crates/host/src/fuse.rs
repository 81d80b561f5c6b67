//! The words in which the kernel asks about files that are served by a program: FUSE's, 7.31.
//!
//! A request has a head of 40 bytes, an answer one of 16. Numbers are little-endian, as they are on the machines that Virga
//! runs on.

use rustix::io::Errno;

/// The most bytes of one write.
pub(crate) const WRITE_MAX: usize = 512 << 10;
pub(crate) const PAGE: usize = 4096;
pub(crate) const HEAD: usize = 40;

/// One question of the kernel.
pub(crate) struct Request<'a> {
    pub(crate) operation: u32,
    pub(crate) unique: u64,
    /// Which file is meant, by the number that it was given.
    pub(crate) node: u64,
    /// Who asks.
    pub(crate) owner: (u32, u32),
    pub(crate) body: &'a [u8],
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl Request<'_> {
    pub(crate) fn read(bytes: &[u8]) -> Option<Request<'_>> {
        let body = bytes.get(HEAD..)?;
        Some(Request {
            operation: u32_at(bytes, 4),
            unique: u64_at(bytes, 8),
            node: u64_at(bytes, 16),
            owner: (u32_at(bytes, 24), u32_at(bytes, 28)),
            body,
        })
    }
}

/// The operations' numbers.
pub(crate) mod op {
    pub(crate) const LOOKUP: u32 = 1;
    pub(crate) const FORGET: u32 = 2;
    pub(crate) const GETATTR: u32 = 3;
    pub(crate) const SETATTR: u32 = 4;
    pub(crate) const READLINK: u32 = 5;
    pub(crate) const SYMLINK: u32 = 6;
    pub(crate) const MKNOD: u32 = 8;
    pub(crate) const MKDIR: u32 = 9;
    pub(crate) const UNLINK: u32 = 10;
    pub(crate) const RMDIR: u32 = 11;
    pub(crate) const RENAME: u32 = 12;
    pub(crate) const LINK: u32 = 13;
    pub(crate) const OPEN: u32 = 14;
    pub(crate) const READ: u32 = 15;
    pub(crate) const WRITE: u32 = 16;
    pub(crate) const STATFS: u32 = 17;
    pub(crate) const RELEASE: u32 = 18;
    pub(crate) const FSYNC: u32 = 20;
    pub(crate) const SETXATTR: u32 = 21;
    pub(crate) const GETXATTR: u32 = 22;
    pub(crate) const LISTXATTR: u32 = 23;
    pub(crate) const REMOVEXATTR: u32 = 24;
    pub(crate) const FLUSH: u32 = 25;
    pub(crate) const INIT: u32 = 26;
    pub(crate) const OPENDIR: u32 = 27;
    pub(crate) const READDIR: u32 = 28;
    pub(crate) const RELEASEDIR: u32 = 29;
    pub(crate) const FSYNCDIR: u32 = 30;
    pub(crate) const CREATE: u32 = 35;
    pub(crate) const INTERRUPT: u32 = 36;
    pub(crate) const DESTROY: u32 = 38;
    pub(crate) const IOCTL: u32 = 39;
    pub(crate) const BATCH_FORGET: u32 = 42;
    pub(crate) const FALLOCATE: u32 = 43;
    pub(crate) const RENAME2: u32 = 45;
    pub(crate) const LSEEK: u32 = 46;
}

/// A body that grows.
#[derive(Default)]
pub(crate) struct Out(pub(crate) Vec<u8>);

impl Out {
    pub(crate) fn u16(mut self, n: u16) -> Out {
        self.0.extend(n.to_le_bytes());
        self
    }

    pub(crate) fn u32(mut self, n: u32) -> Out {
        self.0.extend(n.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, n: u64) -> Out {
        self.0.extend(n.to_le_bytes());
        self
    }

    pub(crate) fn zeros(mut self, n: usize) -> Out {
        self.0.resize(self.0.len() + n, 0);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Out {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// What is said first: how much may be asked at once.
pub(crate) fn init() -> Out {
    const ASYNC_READ: u32 = 1;
    const BIG_WRITES: u32 = 1 << 5;
    const MAX_PAGES: u32 = 1 << 22;
    let pages = u16::try_from(WRITE_MAX / PAGE).unwrap_or(u16::MAX);
    let head = Out::default().u32(7).u32(31).u32(WRITE_MAX as u32).u32(ASYNC_READ | BIG_WRITES | MAX_PAGES);
    head.u16(16).u16(12).u32(WRITE_MAX as u32).u32(1).u16(pages).u16(0).u32(0).zeros(28)
}

/// The whole answer.
pub(crate) fn whole(unique: u64, said: Result<Out, Errno>) -> Option<Vec<u8>> {
    let (error, body) = match said {
        Ok(body) => (0, body.0),
        Err(why) => (-why.raw_os_error(), Vec::new()),
    };
    let length = u32::try_from(16 + body.len()).ok()?;
    let mut out = Out::default().u32(length).u32(error.cast_unsigned()).u64(unique).0;
    out.extend(body);
    Some(out)
}
