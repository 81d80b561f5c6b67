//! Archives that Linux unpacks as its first files: `cpio`, in the form that is called `newc`.
//!
//! Written only, by name and in order: folders before what is in them.

/// An archive that is being written.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    count: u32,
}

const FOLDER: u32 = 0o40_755;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o20_600;
/// Who the last entry says it is.
const END: &str = "TRAILER!!!";

impl Archive {
    pub(super) fn folder(&mut self, name: &str) {
        self.entry(name, FOLDER, [0, 0], &[]);
    }

    pub(super) fn file(&mut self, name: &str, mode: u32, contents: &[u8]) {
        self.entry(name, FILE | mode, [0, 0], contents);
    }

    /// A character device, by its numbers.
    pub(super) fn device(&mut self, name: &str, numbers: [u32; 2]) {
        self.entry(name, CHARACTER_DEVICE, numbers, &[]);
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.entry(END, 0, [0, 0], &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, [major, minor]: [u32; 2], contents: &[u8]) {
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.count += 1;
        let fields = [
            self.count,
            mode,
            0, // who owns it: root
            0,
            1, // links
            0, // when it was changed: never
            length(contents.len()),
            0, // which device it is on
            0,
            major,
            minor,
            length(name.len() + 1),
            0, // no sum
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(contents);
        self.align();
    }

    /// Names and contents begin at multiples of four.
    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, mode and contents of each entry, as the kernel reads them.
    fn read(mut bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(&bytes[..6], b"070701");
            let field = |n: usize| {
                let text = std::str::from_utf8(&bytes[6 + n * 8..14 + n * 8]).unwrap();
                u32::from_str_radix(text, 16).unwrap() as usize
            };
            let (mode, size, name) = (field(1), field(6), field(11));
            let start = (110 + name).next_multiple_of(4);
            let text = String::from_utf8(bytes[110..110 + name - 1].to_vec()).unwrap();
            out.push((text, u32::try_from(mode).unwrap(), bytes[start..start + size].to_vec()));
            bytes = &bytes[(start + size).next_multiple_of(4)..];
        }
        out
    }

    #[test]
    fn an_archive_is_read_as_it_was_written() {
        let mut archive = Archive::default();
        archive.folder("dev");
        archive.device("dev/console", [5, 1]);
        archive.file("init", 0o755, b"#!/bin/sh\n");
        archive.file("empty", 0o644, b"");
        let bytes = archive.end();
        let entry = |name: &str, mode, contents: &[u8]| (name.to_owned(), mode, contents.to_vec());
        assert_eq!(
            read(&bytes),
            [
                entry("dev", 0o40_755, b""),
                entry("dev/console", 0o20_600, b""),
                entry("init", 0o100_755, b"#!/bin/sh\n"),
                entry("empty", 0o100_644, b""),
                entry(END, 0, b""),
            ]
        );
    }
}
