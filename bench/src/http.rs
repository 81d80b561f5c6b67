//! As much HTTP/1.1 as a client needs that knows its servers: where an answer ends, and whether it is a success.

/// An answer in a buffer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body_start: usize,
    /// Length of head and body together.
    pub(crate) length: usize,
    /// The server will close the connection.
    pub(crate) closes: bool,
}

pub(crate) enum Parsed {
    Whole(Answer),
    /// More must be read.
    Partly,
    Broken,
}

/// Looks for a whole answer at the start of the buffer.
pub(crate) fn parse(buffer: &[u8]) -> Parsed {
    let Some(body_start) = find(buffer, b"\r\n\r\n").map(|at| at + 4) else { return Parsed::Partly };
    let Ok(head) = std::str::from_utf8(&buffer[..body_start]) else { return Parsed::Broken };
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let Some(status) = first.split(' ').nth(1).and_then(|status| status.parse().ok()) else {
        return Parsed::Broken;
    };
    let mut length = 0;
    let mut closes = first.starts_with("HTTP/1.0");
    let mut chunked = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let Ok(announced) = value.parse::<usize>() else { return Parsed::Broken };
            length = announced;
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        }
    }
    let length = if chunked {
        match find(&buffer[body_start..], b"0\r\n\r\n") {
            Some(end) => body_start + end + 5,
            None => return Parsed::Partly,
        }
    } else {
        body_start + length
    };
    if buffer.len() < length {
        return Parsed::Partly;
    }
    Parsed::Whole(Answer { status, body_start, length, closes })
}

pub(crate) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Answer> {
        match parse(text.as_bytes()) {
            Parsed::Whole(answer) => Some(answer),
            _ => None,
        }
    }

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = |status, body_start, length, closes| Some(Answer { status, body_start, length, closes });
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(whole(text), answer(200, 38, 40, false));
        assert_eq!(whole(&text[..39]), None);
        let text = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(whole(text), answer(403, text.len(), text.len(), true));
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert_eq!(whole(text), answer(200, 47, text.len(), false));
        assert_eq!(whole(&text[..text.len() - 1]), None);
        assert!(matches!(parse(b"HTTP/1.1 ok\r\n\r\n"), Parsed::Broken));
    }
}
