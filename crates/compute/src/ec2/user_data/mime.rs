//! MIME messages of several parts (RFC 2046), as far as user data has them. Pure.

use super::of_base64;

/// A message that nests others says nothing that user data needs.
const PARTS_MAX: usize = 256;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// In lower case, without parameters.
    pub(super) kind: String,
    pub(super) data: Vec<u8>,
}

/// A header's value and the parameters after it.
struct Header<'a> {
    kind: String,
    rest: &'a str,
}

impl Header<'_> {
    fn parameter(&self, name: &str) -> Option<String> {
        self.rest.split(';').find_map(|parameter| {
            let (known, value) = parameter.trim().split_once('=')?;
            let value = value.trim().trim_matches('"');
            known.trim().eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// The head of a message or part, and its body.
fn split(text: &str) -> (Vec<(String, String)>, &str) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        let line = line.trim_end_matches('\r');
        rest = after;
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    (headers, rest)
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn content_type(headers: &[(String, String)]) -> Header<'_> {
    let value = find(headers, "content-type").unwrap_or("text/plain");
    let (kind, rest) = value.split_once(';').unwrap_or((value, ""));
    Header { kind: kind.trim().to_ascii_lowercase(), rest }
}

fn decoded(body: &str, encoding: Option<&str>) -> Result<Vec<u8>, String> {
    match encoding.unwrap_or("7bit").to_ascii_lowercase().as_str() {
        "7bit" | "8bit" | "binary" => Ok(body.replace("\r\n", "\n").into_bytes()),
        "base64" => of_base64(body.as_bytes()).ok_or_else(|| "a MIME part is not in base64".to_owned()),
        other => Err(format!("MIME parts in the encoding {other} are not understood")),
    }
}

/// The parts of a message; itself where it has none.
///
/// # Errors
/// A sentence.
pub(super) fn parts(data: &[u8]) -> Result<Vec<Part>, String> {
    let text = std::str::from_utf8(data).map_err(|_| "a MIME message that is no text".to_owned())?;
    let (headers, body) = split(text);
    let kind = content_type(&headers);
    if !kind.kind.starts_with("multipart/") {
        let data = decoded(body, find(&headers, "content-transfer-encoding"))?;
        // Its head is read; what is left is told by its type, or by how it begins.
        return Ok(vec![Part { kind: kind.kind, data }]);
    }
    let boundary = kind.parameter("boundary").filter(|boundary| !boundary.is_empty());
    let boundary = format!("--{}", boundary.ok_or("a MIME message without a boundary")?);
    let mut parts = Vec::new();
    let mut part: Option<String> = None;
    for line in body.split_inclusive('\n') {
        let plain = line.trim_end();
        let Some(after) = plain.strip_prefix(boundary.as_str()).filter(|after| matches!(*after, "" | "--"))
        else {
            if let Some(part) = &mut part {
                part.push_str(line);
            }
            continue;
        };
        parts.extend(part.take());
        if after == "--" || parts.len() >= PARTS_MAX {
            break;
        }
        part = Some(String::new());
    }
    parts.extend(part);
    parts.iter().map(|part| one(part)).collect()
}

fn one(part: &str) -> Result<Part, String> {
    let (headers, body) = split(part);
    // The end of the line before a boundary belongs to it.
    let body = body.strip_suffix("\r\n").filter(|body| body.ends_with('\n')).unwrap_or(body);
    let data = decoded(body, find(&headers, "content-transfer-encoding"))?;
    Ok(Part { kind: content_type(&headers).kind, data })
}
