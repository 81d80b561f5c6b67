//! Frames as a wire has them, of what the kernel hands over.
//!
//! Between its own interfaces the kernel passes on what no wire could carry: packets whose sum is still to be made, and
//! many packets as one. It says so in a header before the frame (`struct virtio_net_hdr`), and here is done what a network
//! card would do.

/// The length of that header.
pub(crate) const HEADER: usize = 10;
const ETHERNET: usize = 14;
const NEEDS_SUM: u8 = 1;
const TCP_V4: u8 = 1;
const TCP_V6: u8 = 4;
const UDP: u8 = 5;
/// The bit beside the kind which says that ECN is in use.
const ECN: u8 = 0x80;
const FIN_PUSH: u8 = 0x09;
const CONGESTION_REDUCED: u8 = 0x80;

/// Gives out the frames that a message of header and frame stands for. What is not understood is dropped, as noise is.
pub(crate) fn complete(message: &mut [u8], mut out: impl FnMut(&[u8])) {
    let Some((header, frame)) = message.split_at_mut_checked(HEADER) else { return };
    let word = |at: usize| usize::from(u16::from_ne_bytes([header[at], header[at + 1]]));
    let (flags, kind) = (header[0], header[1] & !ECN);
    let (size, start, offset) = (word(4), word(6), word(8));
    if kind != 0 {
        let _ = segments(frame, kind, size, start, &mut out);
        return;
    }
    if flags & NEEDS_SUM != 0 {
        // The sum of what stands before the payload (addresses, length) is in its place already.
        let Some(part) = frame.get(start..) else { return };
        let sum = folded(sum(part));
        let Some(place) = frame.get_mut(start + offset..start + offset + 2) else { return };
        place.copy_from_slice(&sum.to_be_bytes());
    }
    out(frame);
}

/// Many packets in one: each gets the headers, and its part.
fn segments(frame: &[u8], kind: u8, size: usize, start: usize, out: &mut impl FnMut(&[u8])) -> Option<()> {
    let headers = match kind {
        TCP_V4 | TCP_V6 => start + usize::from(frame.get(start + 12)? >> 4) * 4,
        UDP => start + 8,
        _ => return None,
    };
    let (head, payload) = frame.split_at_checked(headers)?;
    if size == 0 || start < ETHERNET + 20 {
        return None;
    }
    let count = payload.len().div_ceil(size);
    for (number, part) in payload.chunks(size).enumerate() {
        let mut one = [head, part].concat();
        let is_v4 = one[ETHERNET] >> 4 == 4;
        let length = u16::try_from(one.len() - ETHERNET).ok()?;
        let after = u16::try_from(one.len() - start).ok()?;
        if is_v4 {
            put(&mut one, ETHERNET + 2, length);
            let id = word(&one, ETHERNET + 4)?.wrapping_add(u16::try_from(number).ok()?);
            put(&mut one, ETHERNET + 4, id);
            put(&mut one, ETHERNET + 10, 0);
            let sum = folded(sum(&one[ETHERNET..start]));
            put(&mut one, ETHERNET + 10, sum);
        } else {
            put(&mut one, ETHERNET + 4, length.checked_sub(40)?);
        }
        let (protocol, place) = if kind == UDP {
            put(&mut one, start + 4, after);
            (17, start + 6)
        } else {
            let moved = u32::try_from(number * size).ok()?;
            let sequence = u32::from(word(&one, start + 4)?) << 16 | u32::from(word(&one, start + 6)?);
            one[start + 4..start + 8].copy_from_slice(&sequence.wrapping_add(moved).to_be_bytes());
            if number + 1 < count {
                one[start + 13] &= !FIN_PUSH;
            }
            if number > 0 {
                one[start + 13] &= !CONGESTION_REDUCED;
            }
            (6, start + 16)
        };
        put(&mut one, place, 0);
        let addresses = if is_v4 { ETHERNET + 12..ETHERNET + 20 } else { ETHERNET + 8..ETHERNET + 40 };
        let before = sum(&one[addresses]) + protocol + u32::from(after);
        let whole = match folded(before + sum(&one[start..])) {
            // For UDP zero means that there is none.
            0 if kind == UDP => u16::MAX,
            sum => sum,
        };
        put(&mut one, place, whole);
        out(&one);
    }
    Some(())
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn put(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}

/// The words of some bytes together; a frame has too few for an overflow.
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2);
    words.map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))).sum()
}

/// The sum of a header, as it stands in it.
pub(super) fn header_sum(header: &[u8]) -> u16 {
    folded(sum(header))
}

/// The internet's sum, as it stands in a header.
fn folded(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 packet of TCP or UDP, without sums but for the one before the payload, behind a header.
    fn message(kind: u8, size: u16, payload: &[u8]) -> Vec<u8> {
        let is_tcp = kind != UDP;
        let l4 = if is_tcp { 20 } else { 8 };
        let mut frame = vec![0; ETHERNET + 20 + l4];
        frame[12..14].copy_from_slice(&[8, 0]);
        let ip = &mut frame[ETHERNET..];
        ip[0] = 0x45;
        put(ip, 2, u16::try_from(20 + l4 + payload.len()).unwrap());
        put(ip, 4, 7);
        ip[8] = 64;
        ip[9] = if is_tcp { 6 } else { 17 };
        ip[12..20].copy_from_slice(&[10, 0, 1, 10, 10, 0, 1, 11]);
        let start = ETHERNET + 20;
        if is_tcp {
            frame[start + 4..start + 8].copy_from_slice(&u32::MAX.to_be_bytes());
            frame[start + 12] = 5 << 4;
            frame[start + 13] = 0x10 | FIN_PUSH | CONGESTION_REDUCED;
        } else {
            put(&mut frame, start + 4, u16::try_from(8 + payload.len()).unwrap());
        }
        frame.extend_from_slice(payload);
        let place = if is_tcp { 16 } else { 6 };
        let before = sum(&frame[ETHERNET + 12..start]) + u32::from(frame[ETHERNET + 9]);
        let before = before + u32::try_from(frame.len() - start).unwrap();
        put(&mut frame, start + place, !folded(before));
        let mut header = vec![NEEDS_SUM, kind, 0, 0];
        for word in [size, u16::try_from(start).unwrap(), u16::try_from(place).unwrap()] {
            header.extend_from_slice(&word.to_ne_bytes());
        }
        [header, frame].concat()
    }

    fn completed(mut message: Vec<u8>) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        complete(&mut message, |frame| out.push(frame.to_vec()));
        out
    }

    /// A packet whose sums are right sums up to nothing.
    fn is_right(frame: &[u8]) -> bool {
        let start = ETHERNET + 20;
        let before = sum(&frame[ETHERNET + 12..start]) + u32::from(frame[ETHERNET + 9]);
        let before = before + u32::try_from(frame.len() - start).unwrap();
        folded(before + sum(&frame[start..])) == 0
    }

    #[test]
    fn a_sum_is_made() {
        for payload in [&b"even"[..], b"odd"] {
            let mut plain = message(TCP_V4, 0, payload);
            plain[1] = 0;
            let frames = completed(plain);
            assert_eq!(frames.len(), 1);
            assert!(is_right(&frames[0]));
        }
    }

    #[test]
    fn many_packets_in_one_are_each_their_own() {
        let payload: Vec<u8> = (0..=250).collect();
        let frames = completed(message(TCP_V4, 100, &payload));
        assert_eq!(frames.iter().map(|frame| frame.len() - 54).collect::<Vec<_>>(), [100, 100, 51]);
        let start = ETHERNET + 20;
        for (frame, (id, sequence, flags)) in frames.iter().zip([
            (7, u32::MAX, 0x10 | CONGESTION_REDUCED),
            (8, 99, 0x10),
            (9, 199, 0x10 | FIN_PUSH),
        ]) {
            assert!(is_right(frame));
            assert_eq!(folded(sum(&frame[ETHERNET..start])), 0);
            assert_eq!(word(frame, ETHERNET + 2).map(usize::from), Some(frame.len() - ETHERNET));
            assert_eq!(word(frame, ETHERNET + 4), Some(id));
            assert_eq!(frame[start + 4..start + 8], sequence.to_be_bytes());
            assert_eq!(frame[start + 13], flags);
        }
        let parts: Vec<u8> = frames.iter().flat_map(|frame| frame[54..].to_vec()).collect();
        assert_eq!(parts, payload);
        let frames = completed(message(UDP, 100, &payload));
        assert_eq!(frames.len(), 3);
        assert!(frames.iter().all(|frame| is_right(frame)));
        assert_eq!(word(&frames[2], start + 4), Some(59));
    }

    #[test]
    fn noise_is_dropped() {
        assert!(completed(vec![0; 5]).is_empty());
        assert!(completed(message(3, 100, b"what nobody sends")).is_empty());
        assert!(completed(message(TCP_V4, 0, b"no size")).is_empty());
        let mut far = message(TCP_V4, 0, b"");
        far[1] = 0;
        far[6..8].copy_from_slice(&u16::MAX.to_ne_bytes());
        assert!(completed(far).is_empty());
        let mut header = vec![NEEDS_SUM, TCP_V4, 0, 0, 1, 0, 14, 0, 16, 0];
        header.extend([0; 14]);
        assert!(completed(header).is_empty());
    }
}
