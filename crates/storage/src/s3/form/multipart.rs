//! `multipart/form-data`, read as it comes: the fields before the file, then the file's bytes.
//!
//! RFC 7578 over RFC 2046. The file is the part called `file`; what follows it is not looked at.

use bytes::{Bytes, BytesMut};

/// AWS: everything before the file, in bytes.
pub(crate) const FIELDS_BYTES_MAX: usize = 20_480;

/// The `boundary` of a `Content-Type`.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// A parameter of a header, with or without quotes.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start().trim_start_matches(';').trim_start();
        let (key, value) = rest.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 1..])),
            // Browsers do not escape backslashes, which stand in the paths of some systems.
            '\\' if text[at + 1..].starts_with('"') => out.extend(chars.next().map(|(_, c)| c)),
            c => out.push(c),
        }
    }
    None
}

/// A field before the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What a form says before its file begins.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Front {
    pub(crate) fields: Vec<Field>,
    /// The file's name without its folders; none where the part has no such parameter.
    pub(crate) file_name: Option<String>,
    pub(crate) file_type: Option<String>,
}

/// Why a form cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Malformed {
    Form,
    FieldsTooLarge,
    NoFile,
}

/// Reads a form piece by piece.
#[derive(Debug)]
pub(crate) struct Reader {
    /// `\r\n--boundary`
    delimiter: Vec<u8>,
    buffer: BytesMut,
    /// Bytes before the file that have been taken out of the buffer.
    seen: usize,
    front: Front,
    started: bool,
}

impl Reader {
    pub(crate) fn new(boundary: &str) -> Reader {
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        // The first delimiter has no line before it; this one is as good.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Reader { delimiter, buffer, seen: 0, front: Front::default(), started: false }
    }

    /// Takes more of the form; gives its front once the file begins.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Option<Front>, Malformed> {
        self.buffer.extend_from_slice(piece);
        loop {
            if !self.started {
                let Some(at) = find(&self.buffer, &self.delimiter) else { return self.wait() };
                self.skip(at + self.delimiter.len());
                self.started = true;
            }
            // Behind a delimiter: the end, or a part's headers.
            if self.buffer.len() < 2 {
                return self.wait();
            }
            if self.buffer.starts_with(b"--") {
                return Err(Malformed::NoFile);
            }
            let Some(line) = find(&self.buffer, b"\r\n") else { return self.wait() };
            let Some(end) = find(&self.buffer[line..], b"\r\n\r\n") else { return self.wait() };
            let headers = String::from_utf8_lossy(&self.buffer[line + 2..line + end.max(2)]).into_owned();
            let part = part(&headers).ok_or(Malformed::Form)?;
            let body = line + end + 4;
            if part.name == "file" {
                self.skip(body);
                self.front.file_name = part.file_name;
                self.front.file_type = part.content_type;
                if self.seen > FIELDS_BYTES_MAX {
                    return Err(Malformed::FieldsTooLarge);
                }
                return Ok(Some(std::mem::take(&mut self.front)));
            }
            let Some(len) = find(&self.buffer[body - 2..], &self.delimiter) else { return self.wait() };
            // The field may be empty: then its delimiter shares the line break of the headers.
            let value = &self.buffer[body..(body - 2 + len).max(body)];
            let value = String::from_utf8(value.to_vec()).map_err(|_| Malformed::Form)?;
            self.front.fields.push(Field { name: part.name, value });
            self.skip(body - 2 + len + self.delimiter.len());
        }
    }

    fn skip(&mut self, len: usize) {
        self.seen += len;
        let _ = self.buffer.split_to(len);
    }

    fn wait(&self) -> Result<Option<Front>, Malformed> {
        let too_large = self.seen + self.buffer.len() > FIELDS_BYTES_MAX + self.delimiter.len();
        if too_large { Err(Malformed::FieldsTooLarge) } else { Ok(None) }
    }

    /// How many bytes of the form came before the file.
    pub(crate) fn before_file(&self) -> u64 {
        // Without the two that were put before the first delimiter.
        self.seen as u64 - 2
    }

    /// The rest: what has come of the file, to be looked through by [`File`].
    pub(crate) fn file(self) -> File {
        File { delimiter: self.delimiter, held: self.buffer, done: false }
    }
}

struct Part {
    name: String,
    file_name: Option<String>,
    content_type: Option<String>,
}

fn part(headers: &str) -> Option<Part> {
    let header = |name: &str| {
        headers.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    let (kind, parameters) = disposition.split_once(';')?;
    let is_form = kind.trim().eq_ignore_ascii_case("form-data");
    let file_name = parameter(parameters, "filename");
    let base = |name: String| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    Some(Part {
        name: parameter(parameters, "name").filter(|_| is_form)?,
        file_name: file_name.map(base),
        content_type: header("content-type"),
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The file of a form: its bytes up to the next delimiter.
#[derive(Debug)]
pub(crate) struct File {
    delimiter: Vec<u8>,
    /// What may be the beginning of a delimiter.
    held: BytesMut,
    done: bool,
}

impl File {
    /// Takes more of the form and gives what is certainly the file's. Empty also where nothing is certain yet.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Bytes {
        if self.done {
            return Bytes::new();
        }
        self.held.extend_from_slice(piece);
        // Delimiters are rare: look for their first byte only.
        let mut from = 0;
        while let Some(at) = self.held[from..].iter().position(|byte| *byte == b'\r').map(|at| at + from) {
            let rest = &self.held[at..];
            if rest.starts_with(&self.delimiter) {
                self.done = true;
                return self.held.split_to(at).freeze();
            }
            if self.delimiter.starts_with(rest) {
                return self.held.split_to(at).freeze();
            }
            from = at + 1;
        }
        self.held.split().freeze()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Reader, boundary};

    const FORM: &str = "--xx\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${filename}\r\n--xx\r\n\
        Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--xx\r\nContent-Disposition: form-data; \
        name=\"file\"; filename=\"C:\\dir\\f.txt\"\r\nContent-Type: text/plain\r\n\r\nline\r\n--x\r\nend\r\n--xx\r\n\
        Content-Disposition: form-data; name=\"submit\"\r\n\r\nGo\r\n--xx--\r\n";

    /// Fields, the name of the file, its bytes, and whether the body ended.
    type Seen = (Vec<(String, String)>, Option<String>, Vec<u8>, bool);

    fn read(step: usize) -> Seen {
        let mut reader = Reader::new("xx");
        let mut pieces = FORM.as_bytes().chunks(step);
        let front = loop {
            if let Some(front) = reader.push(pieces.next().unwrap()).unwrap() {
                break front;
            }
        };
        let mut file = reader.file();
        let mut bytes = file.push(b"").to_vec();
        for piece in pieces {
            bytes.extend_from_slice(&file.push(piece));
        }
        let fields = front.fields.into_iter().map(|field| (field.name, field.value)).collect();
        (fields, front.file_name, bytes, file.is_done())
    }

    #[test]
    fn a_form_may_come_in_any_pieces() {
        let fields =
            vec![("key".to_owned(), "a/${filename}".to_owned()), ("empty".to_owned(), String::new())];
        for step in [1, 2, 3, 7, 50, 1000] {
            let expected = (fields.clone(), Some("f.txt".to_owned()), b"line\r\n--x\r\nend".to_vec(), true);
            assert_eq!(read(step), expected, "{step}");
        }
    }

    #[test]
    fn what_is_no_form() {
        let said = |text: &str| Reader::new("xx").push(text.as_bytes()).unwrap_err();
        assert_eq!(said("--xx--\r\n"), Malformed::NoFile);
        assert_eq!(said("--xx\r\nContent-Type: a/b\r\n\r\nx\r\n--xx--"), Malformed::Form);
        assert_eq!(said(&"x".repeat(30_000)), Malformed::FieldsTooLarge);
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("Multipart/Form-Data; charset=x; boundary=\"a b;c\"").as_deref(), Some("a b;c"));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("text/plain; boundary=x"), None);
    }
}
