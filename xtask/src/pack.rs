//! Pieces that the packed files have in common: a string table, a table of lists, little-endian output.
//!
//! Both number their entries in first-seen order after a sorted insert, so the same input gives the same bytes.

use std::collections::BTreeMap;

/// Strings by number. Numbers are two bytes wide in the files, so there are at most 65,536 of them.
#[derive(Default)]
pub(crate) struct Strings<'a> {
    numbers: BTreeMap<&'a str, u16>,
}

impl<'a> Strings<'a> {
    /// Numbers `all` in byte order.
    pub(crate) fn new(all: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut numbers: BTreeMap<&'a str, u16> = all.into_iter().map(|s| (s, 0)).collect();
        for (index, number) in numbers.values_mut().enumerate() {
            *number = u16::try_from(index).map_err(|_| "more than 65,536 different strings".to_owned())?;
        }
        Ok(Self { numbers })
    }

    /// The number of a string that was given to `new`.
    pub(crate) fn number(&self, string: &str) -> Result<u16, String> {
        self.numbers.get(string).copied().ok_or_else(|| format!("string {string:?} was not collected"))
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Writes `len() + 1` offsets of four bytes and then the bytes of the strings themselves.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let mut offset = 0_usize;
        for string in self.numbers.keys() {
            put_u32(out, offset)?;
            offset += string.len();
        }
        put_u32(out, offset)?;
        for string in self.numbers.keys() {
            out.extend_from_slice(string.as_bytes());
        }
        Ok(())
    }

    /// Length of all strings together, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.numbers.keys().map(|s| s.len()).sum()
    }
}

/// Lists of string numbers; equal lists are kept once.
#[derive(Default)]
pub(crate) struct Lists {
    numbers: BTreeMap<Vec<u16>, u16>,
    order: Vec<Vec<u16>>,
}

impl Lists {
    pub(crate) fn number(&mut self, list: Vec<u16>) -> Result<u16, String> {
        if let Some(number) = self.numbers.get(&list) {
            return Ok(*number);
        }
        let number =
            u16::try_from(self.order.len()).map_err(|_| "more than 65,536 different lists".to_owned())?;
        self.order.push(list.clone());
        self.numbers.insert(list, number);
        Ok(number)
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn items(&self) -> usize {
        self.order.iter().map(Vec::len).sum()
    }

    /// Writes `len() + 1` starts of four bytes and then the items of two bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let mut start = 0_usize;
        for list in &self.order {
            put_u32(out, start)?;
            start += list.len();
        }
        put_u32(out, start)?;
        for item in self.order.iter().flatten() {
            put_u16(out, *item);
        }
        Ok(())
    }
}

pub(crate) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u32(out: &mut Vec<u8>, value: usize) -> Result<(), String> {
    let value = u32::try_from(value).map_err(|_| "the file would be larger than 4 GiB".to_owned())?;
    out.extend_from_slice(&value.to_le_bytes());
    Ok(())
}

/// The value after the flag `name`.
pub(crate) fn option<'a>(arguments: &'a [String], name: &str) -> Result<&'a str, String> {
    let at = arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    at.map(String::as_str).ok_or_else(|| format!("expected {name} FILE"))
}

/// `models/` at the root of the workspace, whatever folder the tool was started in.
pub(crate) fn models_folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}
