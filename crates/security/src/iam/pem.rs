//! PEM (RFC 7468): base 64 between two lines that name what it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One block: `CERTIFICATE` and its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Vec<u8>,
}

/// The blocks of a text that holds nothing else; none where it is no such text.
pub(crate) fn blocks(text: &str) -> Option<Vec<Block>> {
    let mut out = Vec::new();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    while let Some(line) = lines.next() {
        let label = line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?.to_owned();
        let end = format!("-----END {label}-----");
        let mut body = String::new();
        loop {
            let line = lines.next()?;
            if line == end {
                break;
            }
            body.push_str(line);
        }
        out.push(Block { label, der: STANDARD.decode(body).ok()? });
    }
    (!out.is_empty()).then_some(out)
}

/// The one block of a text, where it has this label.
pub(crate) fn one(text: &str, label: &str) -> Option<Vec<u8>> {
    match blocks(text)?.as_mut_slice() {
        [block] if block.label == label => Some(std::mem::take(&mut block.der)),
        _ => None,
    }
}

pub(crate) fn write(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default());
    let lines: Vec<&str> = lines.collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{blocks, one, write};

    #[test]
    fn what_is_written_reads_back() {
        let text = write("THING", &[7; 100]);
        assert_eq!(one(&text, "THING"), Some(vec![7; 100]));
        assert_eq!(one(&text, "OTHER"), None);
        assert_eq!(blocks(&format!("{text}\r\n{text}")).map(|b| b.len()), Some(2));
    }

    #[test]
    fn nonsense_is_none() {
        let cut = "-----BEGIN A-----\nAAAA\n";
        let wrong = "-----BEGIN A-----\nAAAA\n-----END B-----";
        let spoilt = "-----BEGIN A-----\n!!!!\n-----END A-----";
        for bad in ["", "AAAA", cut, wrong, spoilt] {
            assert_eq!(blocks(bad), None, "{bad}");
        }
    }
}
