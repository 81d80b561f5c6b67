//! A sandbox: one program that is not trusted, with little to see and limits on what it takes.

use crate::image::Bind;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// A program to be run in a sandbox.
///
/// It sees a root file system that cannot be changed, a `/tmp` of its own, no other process and no network but its
/// loopback; it is nobody, in a user namespace of its own in which it cannot become anybody, nor make another.
#[derive(Debug, Default)]
pub struct Sandbox {
    /// The folder that its root is; what is bound there must be in it.
    pub root: PathBuf,
    pub binds: Vec<Bind>,
    /// A folder among them that changes while it is seen.
    pub live: Option<PathBuf>,
    /// Where it begins.
    pub folder: PathBuf,
    pub hostname: OsString,
    pub program: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    /// Where what it says goes.
    pub output: Option<OwnedFd>,
    pub limits: Limits,
    /// What it may begin as a copy of, in the place of its program.
    pub template: Option<Template>,
}

/// A program that has begun and waits, to be copied: it is trusted, and knows how copies are ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pub program: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    pub root: PathBuf,
    pub binds: Vec<Bind>,
    /// Empty folders that its loader must find, each alone in the folder above it.
    pub folders: Vec<PathBuf>,
}

/// What it may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of its `/tmp`, in MiB.
    pub scratch: u32,
    /// Of the memory that one of its processes may write to, in MiB.
    pub data: u32,
    pub processes: u32,
    pub descriptors: u32,
}
