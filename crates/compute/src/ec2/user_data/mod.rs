//! What a machine does with its user data: shell scripts, `#cloud-config`, several of both as MIME parts, compressed or
//! not. Pure: it becomes scripts and files, which the machine's first process runs in the order of cloud-init's stages.
//!
//! What is not understood is named on the console, and the rest is done; cloud-init does so, too.
//! cloud-init: <https://cloudinit.readthedocs.io/en/latest/explanation/format.html>
//!
//! Not here: includes by URL, part handlers, boothooks, templates, archives; of `#cloud-config` what [`config`] does not
//! name.

mod config;
mod mime;
mod yaml;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::Config;
pub(crate) use config::FILES;
use std::io::Read;

/// Of all that is compressed in one machine's data, so that a few bytes cannot become all of the memory.
const UNPACKED_BYTES_MAX: u64 = 4 << 20;
/// Of messages within messages, so that a few bytes cannot become all of the stack.
const DEPTH_MAX: usize = 4;
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What it is called, where it is not called by its address.
    pub(crate) name: Option<String>,
    /// A script for each boot.
    pub(crate) every: String,
    /// A script for the first boot, before anybody can log in.
    pub(crate) first: String,
    /// Programs for the first boot, one after another, while others go on.
    pub(crate) late: Vec<Vec<u8>>,
    /// What `first` writes, by number.
    pub(crate) files: Vec<Vec<u8>>,
}

/// What the parts of user data have in common.
#[derive(Debug)]
struct Reader {
    scripts: Vec<Vec<u8>>,
    config: Config,
    /// Sentences for the console.
    told: Vec<String>,
    /// Messages that are open.
    depth: usize,
    /// Bytes that may still be unpacked.
    left: u64,
}

/// The plan of some user data.
pub(crate) fn plan(data: &[u8]) -> Plan {
    let mut reader = Reader {
        scripts: Vec::new(),
        config: Config::default(),
        told: Vec::new(),
        depth: 0,
        left: UNPACKED_BYTES_MAX,
    };
    if !data.is_empty() {
        reader.part(data, None);
    }
    let Reader { scripts, config, mut told, mut left, .. } = reader;
    let mut plan = Plan { late: scripts, ..Plan::default() };
    config.into_plan(&mut plan, &mut told, &mut left);
    let said: Vec<String> = told.iter().map(|text| format!("echo {}\n", quoted(text))).collect();
    plan.first.insert_str(0, &said.concat());
    plan
}

/// What is compressed, while it is no more than what is left; what could not be used counts as well.
fn unpacked(data: &[u8], left: &mut u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(data).take(*left + 1).read_to_end(&mut out);
    let fits = out.len() as u64 <= *left;
    *left = left.saturating_sub(out.len() as u64);
    read.ok().filter(|_| fits).map(|_| out)
}

/// What is in base64, with white space anywhere.
fn of_base64(text: &[u8]) -> Option<Vec<u8>> {
    let packed: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).ok()
}

impl Reader {
    fn tell(&mut self, what: impl std::fmt::Display) {
        self.told.push(format!("user data: {what}"));
    }

    /// One part, of the type that its head names; by how it begins where it names none.
    fn part(&mut self, data: &[u8], kind: Option<&str>) {
        if data.starts_with(GZIP) {
            match unpacked(data, &mut self.left) {
                Some(inner) if !inner.starts_with(GZIP) => self.part(&inner, kind),
                _ => self.tell("what is compressed cannot be unpacked"),
            }
            return;
        }
        match kind {
            Some(
                "text/x-shellscript" | "text/x-shellscript-per-instance" | "text/x-shellscript-per-once",
            ) => {
                self.scripts.push(data.to_vec());
            }
            Some("text/cloud-config") => self.config(data),
            Some("text/plain") | None => self.by_beginning(data),
            Some(other) => self.tell(format_args!("parts of the type {other} are not understood")),
        }
    }

    fn by_beginning(&mut self, data: &[u8]) {
        let text = String::from_utf8_lossy(data);
        let first = text.lines().next().unwrap_or_default().trim_end();
        let mime = ["content-type:", "mime-version:"];
        if first.starts_with("#!") {
            self.scripts.push(data.to_vec());
        } else if first == "#cloud-config" {
            self.config(data);
        } else if mime.iter().any(|start| first.to_ascii_lowercase().starts_with(start)) {
            self.message(data);
        } else if first.starts_with('#') {
            self.tell(format_args!("{first} is not understood"));
        } else {
            self.tell("it is no script (#!), no #cloud-config and no MIME message, so nothing of it is run");
        }
    }

    fn message(&mut self, data: &[u8]) {
        if self.depth == DEPTH_MAX {
            return self.tell(format_args!("a MIME message within {DEPTH_MAX} others is not read"));
        }
        self.depth += 1;
        match mime::parts(data) {
            Ok(parts) => parts.iter().for_each(|part| self.part(&part.data, Some(&part.kind))),
            Err(why) => self.tell(why),
        }
        self.depth -= 1;
    }

    fn config(&mut self, data: &[u8]) {
        match std::str::from_utf8(data).map_err(|_| "it is no text".to_owned()).and_then(yaml::read) {
            Ok(tree) => self.config.add(tree, &mut self.told),
            Err(why) => self.told.push(format!("cloud-config: {why}")),
        }
    }
}

/// A word of a shell's.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{UNPACKED_BYTES_MAX, plan};
    use std::io::Write;

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(data).unwrap();
        packed.finish().unwrap()
    }

    fn said(data: &[u8]) -> Vec<String> {
        let told = plan(data).first;
        told.lines().filter_map(|line| line.strip_prefix("echo ")).map(str::to_owned).collect()
    }

    #[test]
    fn scripts_and_what_is_none() {
        assert_eq!(plan(b"").late.len(), 0);
        assert!(said(b"").is_empty());
        let script = b"#!/bin/sh\necho hi\n";
        assert_eq!(plan(script).late, [script.to_vec()]);
        assert!(said(script).is_empty());
        let packed = packed(script);
        assert_eq!(plan(&packed).late, [script.to_vec()]);
        assert_eq!(said(&packed[..12]), ["'user data: what is compressed cannot be unpacked'"]);
        assert_eq!(said(b"#include\nhttp://a"), ["'user data: #include is not understood'"]);
        assert!(said(b"it's")[0].starts_with("'user data: it is no script (#!), "));
    }

    #[test]
    fn several_parts() {
        let message = concat!(
            "Content-Type: multipart/mixed; boundary=\"==x==\"\r\nMIME-Version: 1.0\r\n\r\n",
            "--==x==\r\nContent-Type: text/cloud-config; charset=\"us-ascii\"\r\n\r\n#cloud-config\r\nruncmd:\r\n - echo a\r\n\r\n",
            "--==x==\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\nIyEvYmluL3NoCmVj\naG8gYgo=\n",
            "--==x==\nContent-Type: text/jinja2\n\n## template: jinja\n--==x==--\n",
        );
        let plan = plan(message.as_bytes());
        assert_eq!(plan.late[0], b"#!/bin/sh\necho b\n");
        assert_eq!(String::from_utf8_lossy(&plan.late[1]), "#!/bin/sh\necho a\n");
        assert_eq!(plan.first, "echo 'user data: parts of the type text/jinja2 are not understood'\n");
        assert_eq!(
            said(b"MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--a\n"),
            ["'user data: a MIME message without a boundary'"]
        );
    }

    #[test]
    fn messages_within_messages_come_to_an_end() {
        let deep = packed("MIME-Version:\n\n".repeat(270_000).as_bytes());
        assert!(deep.len() < 16 << 10, "{}", deep.len());
        assert_eq!(said(&deep), ["'user data: a MIME message within 4 others is not read'"]);
        let fourth = format!("{}#!/bin/sh\n", "MIME-Version:\n\n".repeat(4));
        let plan = plan(fourth.as_bytes());
        assert_eq!((plan.late, plan.first), (vec![b"#!/bin/sh\n".to_vec()], String::new()));
    }

    #[test]
    fn what_is_compressed_has_one_measure_for_all() {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;

        let size = usize::try_from(UNPACKED_BYTES_MAX).unwrap() / 4 + 1;
        let script = [&b"#!/bin/sh\n"[..], &vec![b'#'; size]].concat();
        let script = STANDARD.encode(packed(&script));
        let (mut message, mut files) =
            (String::from("Content-Type: multipart/mixed; boundary=b\n\n"), String::new());
        for _ in 0..5 {
            let head = "Content-Type: text/x-shellscript\nContent-Transfer-Encoding: base64";
            message.push_str(&format!("--b\n{head}\n\n{script}\n"));
            files.push_str(&format!("- {{path: /a, encoding: gz+b64, content: {script}}}\n"));
        }
        assert!(message.len().max(files.len()) < 32 << 10);
        let made = plan(message.as_bytes());
        assert_eq!(made.late.len(), 3);
        assert_eq!(said(message.as_bytes()), ["'user data: what is compressed cannot be unpacked'"; 2]);
        let config = format!("#cloud-config\nwrite_files:\n{files}");
        assert_eq!(plan(config.as_bytes()).files.len(), 3);
        let refused = "'cloud-config: write_files: the encoding gz+b64 of /a is not understood'";
        assert_eq!(said(config.as_bytes()), [refused; 2]);
    }
}
