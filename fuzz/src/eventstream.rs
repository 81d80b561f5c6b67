//! Event streams: what is decoded is encoded to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::eventstream::{Decoder, encode};

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::new();
    let mut again = Vec::new();
    for piece in data.chunks(7) {
        decoder.push(piece);
        while let Ok(Some(message)) = decoder.next_message() {
            encode(&message, &mut again).unwrap();
        }
    }
    assert!(data.starts_with(&again));
});
