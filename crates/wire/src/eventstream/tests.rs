use super::{DecodeError, Decoder, Header, HeaderValue, MAX_PAYLOAD, Message, TooLarge, crc32, encode};
use base::{Rng, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

fn header(name: &str, value: HeaderValue) -> Header {
    Header { name: name.into(), value }
}

fn string(name: &str, value: &str) -> Header {
    header(name, HeaderValue::String(value.into()))
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    encode(message, &mut out).unwrap();
    out
}

fn decode(bytes: &[u8]) -> Result<Option<Message>, DecodeError> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    decoder.next_message()
}

fn every_type() -> Message {
    Message {
        headers: vec![
            header("yes", HeaderValue::Bool(true)),
            header("no", HeaderValue::Bool(false)),
            header("byte", HeaderValue::Byte(-2)),
            header("short", HeaderValue::Int16(-300)),
            header("int", HeaderValue::Int32(70_000)),
            header("long", HeaderValue::Int64(-5_000_000_000)),
            header("bytes", HeaderValue::Bytes(Bytes::from_static(&[0, 255]))),
            string("text", "grün"),
            header("time", HeaderValue::Timestamp(Timestamp::from_micros(1_422_172_800_123_000))),
            header("uuid", HeaderValue::Uuid(*b"0123456789abcdef")),
        ],
        payload: Bytes::from_static(b"payload"),
    }
}

/// The bytes that clients' own tests hold a decoder against.
#[test]
fn known_bytes() {
    let message = Message {
        headers: vec![
            string(":message-type", "event"),
            string(":event-type", "TypeA"),
            string(":content-type", "application/octet-stream"),
        ],
        payload: Bytes::from_static(b"somebytes"),
    };
    let expected = "AAAAbAAAAFPLgkVrDTptZXNzYWdlLXR5cGUHAAVldmVudAs6ZXZlbnQtdHlwZQcABVR5cGVBDTpjb250ZW50LXR5cGUH\
                    ABhhcHBsaWNhdGlvbi9vY3RldC1zdHJlYW1zb21lYnl0ZXMesj2H";
    assert_eq!(STANDARD.encode(encoded(&message)), expected);
    assert_eq!(encoded(&Message::default()), [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255]);
}

#[test]
fn every_type_comes_back_in_any_pieces() {
    let bytes = [encoded(&every_type()), encoded(&Message::default())].concat();
    for size in [1, 3, 16, bytes.len()] {
        let mut decoder = Decoder::new();
        let mut messages = Vec::new();
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            while let Some(message) = decoder.next_message().unwrap() {
                messages.push(message);
            }
        }
        assert_eq!(messages, [every_type(), Message::default()]);
        assert!(decoder.is_empty());
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    let bytes = encoded(&every_type());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        let expected = if at < 12 { DecodeError::PreludeChecksum } else { DecodeError::MessageChecksum };
        assert_eq!(decode(&changed), Err(expected), "byte {at}");
    }
    assert_eq!(decode(&bytes[..bytes.len() - 1]), Ok(None));
}

/// A message whose checksums are right around `headers`.
fn with_headers(headers: &[u8]) -> Vec<u8> {
    prelude(16 + headers.len() as u32, headers.len() as u32, headers)
}

fn prelude(total: u32, headers: u32, content: &[u8]) -> Vec<u8> {
    let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    out.extend(crc32(0, &out).to_be_bytes());
    out.extend_from_slice(content);
    out.extend(crc32(0, &out).to_be_bytes());
    out
}

#[test]
fn nonsense_is_refused() {
    let cases: [(Vec<u8>, DecodeError); 10] = [
        (prelude(15, 0, b""), DecodeError::Length),
        (prelude(0, 0, b""), DecodeError::Length),
        (prelude(16, 1, b""), DecodeError::Length),
        (prelude(u32::MAX, u32::MAX, b""), DecodeError::Length),
        (prelude(16 + MAX_PAYLOAD as u32 + 1, 0, b""), DecodeError::Length),
        (with_headers(&[0, 7, 0, 0]), DecodeError::Header),
        (with_headers(&[1, b'a', 10]), DecodeError::Header),
        (with_headers(&[1, b'a', 7, 0, 9, b'x']), DecodeError::Header),
        (with_headers(&[1, 0xFF, 0]), DecodeError::Header),
        (with_headers(&[5, b'a']), DecodeError::Header),
    ];
    for (n, (bytes, expected)) in cases.into_iter().enumerate() {
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        assert_eq!(decoder.next_message(), Err(expected), "case {n}");
        decoder.push(&encoded(&Message::default()));
        assert_eq!(decoder.next_message(), Err(expected), "case {n}: a broken stream stays broken");
    }
}

#[test]
fn what_is_too_large_is_not_written() {
    let long_name = "n".repeat(256);
    let long_value = "v".repeat(65_536);
    let cases = [
        Message { headers: vec![string("", "x")], ..Message::default() },
        Message { headers: vec![string(&long_name, "x")], ..Message::default() },
        Message { headers: vec![string("a", &long_value)], ..Message::default() },
        Message {
            headers: vec![string("a", &long_value[1..]), string("b", &long_value[1..])],
            ..Message::default()
        },
        Message { headers: Vec::new(), payload: vec![0; MAX_PAYLOAD + 1].into() },
    ];
    for message in cases {
        let mut out = vec![1, 2];
        assert_eq!(encode(&message, &mut out), Err(TooLarge));
        assert_eq!(out, [1, 2]);
    }
}

/// Headers of chance under right checksums: never a panic, and what is read is written back the same.
#[test]
fn any_headers() {
    let rng = Rng::seeded(20);
    let mut read = 0;
    for _ in 0..20_000 {
        let mut headers = vec![0; rng.below(24) as usize];
        rng.fill(&mut headers);
        // Small lengths and known types, or nearly every header would be refused at its first byte.
        headers.iter_mut().step_by(2).for_each(|b| *b %= 11);
        match decode(&with_headers(&headers)) {
            Ok(message) => {
                let message = message.unwrap();
                assert_eq!(encoded(&message), with_headers(&headers));
                read += 1;
            }
            Err(error) => assert_eq!(error, DecodeError::Header),
        }
    }
    assert!(read > 500, "only {read} were well-formed");
}
