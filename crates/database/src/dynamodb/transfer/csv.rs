//! [`Csv`]: records of a file whose fields stand between delimiters, and between double quotes where they hold one, a
//! quote (twice) or the end of a line.

use std::io::{BufRead, Error, ErrorKind};

pub(super) struct Csv<R> {
    lines: R,
    delimiter: u8,
}

impl<R: BufRead> Csv<R> {
    pub(super) fn new(lines: R, delimiter: u8) -> Csv<R> {
        Csv { lines, delimiter }
    }

    /// The next record that is not an empty line; the inner error is for one that cannot be read, behind which the file
    /// is not understood.
    ///
    /// # Errors
    /// The reader's; `InvalidData` for quotes that are not closed, or stand within a field, and what is not UTF-8.
    pub(super) fn next(&mut self) -> Result<Option<Vec<String>>, Error> {
        let mut record = Vec::new();
        loop {
            if self.lines.read_until(b'\n', &mut record)? == 0 && record.is_empty() {
                return Ok(None);
            }
            // An odd number of quotes: the field goes on behind the end of the line.
            let open = record.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            if open && record.last() == Some(&b'\n') {
                continue;
            }
            if open {
                return Err(invalid("a quote is not closed"));
            }
            while matches!(record.last(), Some(b'\n' | b'\r')) {
                record.pop();
            }
            if !record.is_empty() {
                return self.fields(&record).map(Some);
            }
        }
    }

    fn fields(&self, record: &[u8]) -> Result<Vec<String>, Error> {
        let (mut fields, mut field, mut at) = (Vec::new(), Vec::new(), 0);
        let (mut quoted, mut closed) = (false, false);
        while let Some(&byte) = record.get(at) {
            at += 1;
            match byte {
                b'"' if quoted && record.get(at) == Some(&b'"') => {
                    field.push(b'"');
                    at += 1;
                }
                b'"' if quoted => (quoted, closed) = (false, true),
                b'"' if field.is_empty() && !closed => quoted = true,
                b'"' => return Err(invalid("a quote stands within a field")),
                byte if byte == self.delimiter && !quoted => {
                    fields.push(text(std::mem::take(&mut field))?);
                    closed = false;
                }
                _ if closed => return Err(invalid("something follows a quoted field")),
                byte => field.push(byte),
            }
        }
        fields.push(text(field)?);
        Ok(fields)
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

fn text(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| invalid("a field is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::Csv;

    fn read(text: &str) -> Vec<Result<Vec<String>, String>> {
        let mut csv = Csv::new(text.as_bytes(), b',');
        let mut out = Vec::new();
        loop {
            match csv.next() {
                Ok(None) => return out,
                Ok(Some(fields)) => out.push(Ok(fields)),
                Err(why) => out.push(Err(why.to_string())),
            }
        }
    }

    #[test]
    fn records_are_read_as_they_are_written() {
        let ok = |fields: &[&str]| Ok(fields.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>());
        assert_eq!(read("a,b\r\n1,\n\n"), [ok(&["a", "b"]), ok(&["1", ""])]);
        assert_eq!(read("id,value \"\"\"123\"\"\""), [Err("a quote stands within a field".to_owned())]);
        assert_eq!(read("\"say \"\"hi\"\", all\",2\n"), [ok(&["say \"hi\", all", "2"])]);
        assert_eq!(read("\"two\nlines\",x"), [ok(&["two\nlines", "x"])]);
        assert_eq!(read("\"a\"b,c"), [Err("something follows a quoted field".to_owned())]);
        assert_eq!(read("a\n\"b"), [ok(&["a"]), Err("a quote is not closed".to_owned())]);
        assert!(read("").is_empty());
    }
}
