//! What a guest is told that asks for its address (DHCP): the interface's own, as AWS does.
//!
//! Specifications: RFC 2131, RFC 2132.

use std::net::Ipv4Addr;

const ETHERNET: usize = 14;
const IP: usize = 20;
const UDP: usize = 8;
/// Where the options begin, after the fixed part and the magic.
const OPTIONS: usize = 240;
const MAGIC: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;
const INFORM: u8 = 8;
/// AWS's, in seconds.
const LEASE: u32 = 3600;
const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);

/// What an interface's guest gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) mac: [u8; 6],
    pub(crate) address: Ipv4Addr,
    pub(crate) prefix: u8,
    pub(crate) gateway: Ipv4Addr,
    pub(crate) mtu: u16,
}

/// The answer to a frame of the guest's, if it is a question of this kind; as if it came from the router.
pub(crate) fn answer(frame: &[u8], lease: &Lease, router: [u8; 6]) -> Option<Vec<u8>> {
    let asked = question(frame)?;
    let kind = *option(asked, 53)?.first()?;
    let wanted = option(asked, 50).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(Ipv4Addr::from);
    let held = Ipv4Addr::from(<[u8; 4]>::try_from(&asked[12..16]).ok()?);
    let wanted = wanted.or(Some(held).filter(|held| !held.is_unspecified()));
    let said = match kind {
        DISCOVER => OFFER,
        REQUEST if wanted.is_none_or(|wanted| wanted == lease.address) => ACK,
        REQUEST => NAK,
        INFORM => ACK,
        _ => return None,
    };
    let mut body = vec![2, 1, 6, 0];
    body.extend_from_slice(&asked[4..8]); // which question it was
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&asked[10..12]);
    body.extend_from_slice(&held.octets());
    let given = if said == NAK || kind == INFORM { Ipv4Addr::UNSPECIFIED } else { lease.address };
    body.extend_from_slice(&given.octets());
    body.extend_from_slice(&lease.gateway.octets());
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&asked[28..44]);
    body.resize(OPTIONS - MAGIC.len(), 0);
    body.extend_from_slice(&MAGIC);
    let mut say = |code: u8, value: &[u8]| {
        body.extend_from_slice(&[code, u8::try_from(value.len()).unwrap_or(0)]);
        body.extend_from_slice(value);
    };
    say(53, &[said]);
    say(54, &lease.gateway.octets());
    if said != NAK {
        if kind != INFORM {
            say(51, &LEASE.to_be_bytes());
        }
        let mask = u32::MAX.checked_shl(32 - u32::from(lease.prefix)).unwrap_or(0);
        say(1, &mask.to_be_bytes());
        say(3, &lease.gateway.octets());
        say(6, &RESOLVER.octets());
        say(26, &lease.mtu.to_be_bytes());
    }
    body.push(255);
    // A guest without an address hears what is for everybody.
    let to = if said == NAK || held.is_unspecified() { Ipv4Addr::BROADCAST } else { held };
    Some(packed(&body, lease, router, to))
}

/// The message in a frame that goes to a server.
fn question(frame: &[u8]) -> Option<&[u8]> {
    let is_v4 = frame.get(12..14)? == [8, 0] && frame.get(ETHERNET)? >> 4 == 4;
    let header = usize::from(frame[ETHERNET] & 15) * 4;
    let udp = frame.get(ETHERNET + header..)?;
    let to_server = frame.get(ETHERNET + 9)? == &17 && udp.get(2..4)? == SERVER.to_be_bytes();
    let asked = udp.get(UDP..)?;
    (is_v4 && to_server && asked.len() > OPTIONS && asked[0] == 1 && asked[236..240] == MAGIC)
        .then_some(asked)
}

/// The value of an option.
fn option(asked: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = &asked[OPTIONS..];
    loop {
        match rest {
            [0, after @ ..] => rest = after,
            [255, ..] | [] | [_] => return None,
            [code, length, after @ ..] => {
                let (value, after) = after.split_at_checked(usize::from(*length))?;
                if *code == wanted {
                    return Some(value);
                }
                rest = after;
            }
        }
    }
}

/// A message as a frame from the router to the guest.
fn packed(body: &[u8], lease: &Lease, router: [u8; 6], to: Ipv4Addr) -> Vec<u8> {
    let length = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
    let mut frame = [&lease.mac[..], &router, &[8, 0, 0x45, 0]].concat();
    frame.extend_from_slice(&length(IP + UDP + body.len()));
    frame.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend_from_slice(&lease.gateway.octets());
    frame.extend_from_slice(&to.octets());
    let sum = super::frames::header_sum(&frame[ETHERNET..]);
    frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&sum.to_be_bytes());
    frame.extend_from_slice(&[SERVER.to_be_bytes(), CLIENT.to_be_bytes()].concat());
    frame.extend_from_slice(&length(UDP + body.len()));
    // By IPv4 the sum of a datagram may be left out.
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(body);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn lease() -> Lease {
        Lease {
            mac: [2, 0, 0, 0, 0, 10],
            address: Ipv4Addr::new(10, 0, 1, 10),
            prefix: 24,
            gateway: Ipv4Addr::new(10, 0, 1, 1),
            mtu: 9001,
        }
    }

    /// A frame as a client sends it.
    fn asks(kind: u8, options: &[u8]) -> Vec<u8> {
        let mut body = vec![0; OPTIONS];
        body[..4].copy_from_slice(&[1, 1, 6, 0]);
        body[4..8].copy_from_slice(&[1, 2, 3, 4]);
        body[28..34].copy_from_slice(&lease().mac);
        body[236..240].copy_from_slice(&MAGIC);
        body.extend_from_slice(&[53, 1, kind]);
        body.extend_from_slice(options);
        body.push(255);
        let mut frame = vec![255; 6];
        frame.extend_from_slice(&lease().mac);
        frame.extend_from_slice(&[
            8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255,
        ]);
        frame.extend_from_slice(&[0, 68, 0, 67, 0, 0, 0, 0]);
        frame.extend_from_slice(&body);
        frame
    }

    #[test]
    fn a_guest_gets_its_interfaces_address() {
        for (kind, options, said) in [
            (DISCOVER, &[][..], OFFER),
            (DISCOVER, &[50, 4, 10, 0, 9, 9], OFFER),
            (REQUEST, &[0, 50, 4, 10, 0, 1, 10], ACK),
            (REQUEST, &[50, 4, 10, 0, 9, 9], NAK),
        ] {
            let frame = answer(&asks(kind, options), &lease(), ROUTER).unwrap();
            assert_eq!(frame[..14], [2, 0, 0, 0, 0, 10, 2, 0, 0, 0, 0, 1, 8, 0]);
            assert_eq!(super::super::frames::header_sum(&frame[ETHERNET..ETHERNET + IP]), 0);
            let body = &frame[ETHERNET + IP + UDP..];
            assert_eq!((body[0], &body[4..8], option(body, 53)), (2, &[1, 2, 3, 4][..], Some(&[said][..])));
            let given: &[u8] = if said == NAK { &[0, 0, 0, 0] } else { &[10, 0, 1, 10] };
            assert_eq!(&body[16..20], given);
            let mask = Some(&[255, 255, 255, 0][..]).filter(|_| said != NAK);
            assert_eq!(option(body, 1), mask);
        }
    }

    #[test]
    fn what_is_no_question_is_left_alone() {
        assert!(answer(&asks(7, &[]), &lease(), ROUTER).is_none(), "a release");
        let whole = asks(DISCOVER, &[]);
        for length in 0..whole.len() - 4 {
            assert!(answer(&whole[..length], &lease(), ROUTER).is_none(), "{length}");
        }
        let mut other = whole;
        other[ETHERNET + IP + 3] = 53;
        assert!(answer(&other, &lease(), ROUTER).is_none());
    }
}
