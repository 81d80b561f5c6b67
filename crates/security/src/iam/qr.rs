//! A QR code as a PNG image: eight-fold pixels, a white margin of four modules, one bit a pixel.
//!
//! The image data is not compressed (stored blocks of deflate): a code has a few kilobytes.

use crc_fast::{CrcAlgorithm, checksum};
use qrcodegen::{QrCode, QrCodeEcc};

const SCALE: usize = 8;
const MARGIN: usize = 4;
/// The longest stored block of deflate.
const BLOCK_MAX: usize = 65_535;

/// The image, or none where the text is longer than a QR code holds (2953 bytes).
pub(crate) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let modules = usize::try_from(code.size()).ok()?;
    let side = (modules + 2 * MARGIN) * SCALE;
    let mut rows = Vec::with_capacity(side * (side / 8 + 1));
    for y in 0..side {
        rows.push(0); // no filter
        for byte in 0..side / 8 {
            // A module is exactly one byte wide; one is white.
            let at = |pixel: usize| i32::try_from(pixel / SCALE).unwrap_or(0) - MARGIN as i32;
            rows.push(if code.get_module(at(byte * 8), at(y)) { 0x00 } else { 0xff });
        }
    }
    let side = u32::try_from(side).ok()?.to_be_bytes();
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    // One bit a pixel, grey, and the only compression, filter and interlace that fit.
    chunk(&mut out, b"IHDR", &[&side[..], &side[..], &[1, 0, 0, 0, 0]].concat());
    chunk(&mut out, b"IDAT", &zlib(&rows));
    chunk(&mut out, b"IEND", &[]);
    Some(out)
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    let body = [&kind[..], data].concat();
    out.extend(&body);
    let crc = checksum(CrcAlgorithm::Crc32IsoHdlc, &body);
    out.extend(&crc.to_be_bytes()[4..]);
}

/// RFC 1950 around stored blocks of RFC 1951.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(BLOCK_MAX);
    let last = blocks.len().saturating_sub(1);
    for (i, block) in blocks.enumerate() {
        let len = u16::try_from(block.len()).unwrap_or(0);
        out.push(u8::from(i == last));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::{png, zlib};

    #[test]
    fn the_image_has_the_form_of_a_png() {
        let image = png("otpauth://totp/eva@123456789012?secret=AAAA").unwrap();
        assert_eq!(&image[..8], b"\x89PNG\r\n\x1a\n");
        // Version 3 has 29 modules a side.
        let side = u32::from_be_bytes(image[16..20].try_into().unwrap());
        assert_eq!(side, (29 + 8) * 8);
        assert_eq!(&image[image.len() - 12..], b"\0\0\0\0IEND\xae\x42\x60\x82");
        assert_eq!(png(&"x".repeat(3000)), None);
    }

    /// What zlib itself writes at level 0 for this input.
    #[test]
    fn stored_zlib() {
        assert_eq!(zlib(b"abc"), b"\x78\x01\x01\x03\x00\xfc\xffabc\x02\x4d\x01\x27");
    }
}
