//! Event streams: what is decoded is encoded to the same bytes.

use wire::eventstream::{Decoder, encode};

pub(crate) fn run(data: &[u8]) {
    let mut decoder = Decoder::new();
    let mut again = Vec::new();
    for piece in data.chunks(7) {
        decoder.push(piece);
        while let Ok(Some(message)) = decoder.next_message() {
            encode(&message, &mut again).unwrap();
        }
    }
    assert!(data.starts_with(&again));
}
