//! How Virga and its host process talk: frames over a Unix socket, file descriptors beside them.
//!
//! A request is `length:u32 id:u32 order:u8 body`; an answer is `length:u32 id:u32 errno:u32 body`. What the child says
//! unasked has the id 0. Numbers are little-endian; texts and lists have their length before them.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Larger ones are a mistake.
const FRAME_MAX: usize = 64 << 20;
const DESCRIPTORS_MAX: usize = 8;

/// What the parent orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    NewSpace = 1,
    DropSpace = 2,
    Netlink = 3,
    Socket = 4,
    Spawn = 5,
    Signal = 6,
    Boot = 7,
    Guest = 8,
    Confine = 20,
    Memory = 21,
    Freeze = 22,
    Usage = 23,
    Plug = 30,
    Unplug = 31,
    Cards = 32,
}

impl Order {
    pub(super) fn from_byte(byte: u8) -> Option<Order> {
        use Order::{
            Boot, Cards, Confine, DropSpace, Freeze, Guest, Memory, Netlink, NewSpace, Plug, Signal, Socket,
            Spawn, Unplug, Usage,
        };
        let all = [
            NewSpace, DropSpace, Netlink, Socket, Spawn, Signal, Boot, Guest, Confine, Memory, Freeze, Usage,
            Plug, Unplug, Cards,
        ];
        all.into_iter().find(|order| *order as u8 == byte)
    }
}

/// Writes a body.
#[derive(Debug, Default)]
pub(super) struct Put(pub(super) Vec<u8>);

impl Put {
    pub(super) fn u8(mut self, n: u8) -> Put {
        self.0.push(n);
        self
    }

    pub(super) fn u32(mut self, n: u32) -> Put {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    pub(super) fn u64(mut self, n: u64) -> Put {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Put {
        self = self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn address(self, address: SocketAddr) -> Put {
        self.bytes(address.ip().to_string().as_bytes()).u32(u32::from(address.port()))
    }
}

/// Reads a body.
#[derive(Debug)]
pub(super) struct Take<'a>(pub(super) &'a [u8]);

impl<'a> Take<'a> {
    fn split(&mut self, n: usize) -> io::Result<&'a [u8]> {
        if n > self.0.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> io::Result<u8> {
        Ok(self.split(1)?[0])
    }

    pub(super) fn u64(&mut self) -> io::Result<u64> {
        let bytes = self.split(8)?.try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn u32(&mut self) -> io::Result<u32> {
        let bytes = self.split(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(super) fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let length = self.u32()? as usize;
        self.split(length)
    }

    pub(super) fn text(&mut self) -> io::Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    pub(super) fn address(&mut self) -> io::Result<SocketAddr> {
        let ip: IpAddr = self.text()?.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(SocketAddr::new(ip, u16::try_from(self.u32()?).unwrap_or(0)))
    }
}

/// Sends a frame: `id`, then `word` (an order's byte or an errno), then the body.
pub(super) fn send(
    socket: impl AsFd,
    id: u32,
    word: u32,
    body: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let length = u32::try_from(body.len() + 8).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut bytes = Vec::with_capacity(body.len() + 12);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&id.to_le_bytes());
    bytes.extend_from_slice(&word.to_le_bytes());
    bytes.extend_from_slice(body);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let mut sent = 0;
    while sent < bytes.len() {
        match sendmsg(&socket, &[IoSlice::new(&bytes[sent..])], &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(n) => {
                sent += n;
                // They go with the first bytes, once.
                ancillary.clear();
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(())
}

/// A frame that has come.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) id: u32,
    pub(super) word: u32,
    pub(super) body: Vec<u8>,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// Waits for a frame; none at the end.
pub(super) fn receive(socket: impl AsFd) -> io::Result<Option<Frame>> {
    let mut descriptors = Vec::new();
    let mut head = [0; 12];
    if !fill(&socket, &mut head, &mut descriptors)? {
        return Ok(None);
    }
    let word = |n: usize| u32::from_le_bytes([head[n], head[n + 1], head[n + 2], head[n + 3]]);
    let length = word(0) as usize;
    if !(8..=FRAME_MAX).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length - 8];
    if !body.is_empty() && !fill(&socket, &mut body, &mut descriptors)? {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(Frame { id: word(4), word: word(8), body, descriptors }))
}

/// Fills the buffer; false when the other side is gone before the first byte.
fn fill(socket: impl AsFd, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<bool> {
    let mut got = 0;
    while got < buffer.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        match recvmsg(&socket, &mut [IoSliceMut::new(&mut buffer[got..])], &mut ancillary, flags) {
            Ok(message) if message.bytes == 0 && got == 0 => return Ok(false),
            Ok(message) if message.bytes == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(message) => got += message.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(why) => return Err(why.into()),
        }
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn frames_carry_bodies_and_descriptors() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut far, near) = UnixStream::pair().unwrap();
        let body = Put::default().u8(7).u32(9).bytes(b"text").address("[::1]:53".parse().unwrap()).0;
        send(&a, 3, Order::Spawn as u32, &body, &[near.as_fd()]).unwrap();
        std::mem::drop(near);
        let frame = receive(&b).unwrap().unwrap();
        assert_eq!((frame.id, frame.word, frame.descriptors.len()), (3, 5, 1));
        let mut take = Take(&frame.body);
        assert_eq!((take.u8().unwrap(), take.u32().unwrap(), take.text().unwrap()), (7, 9, "text"));
        assert_eq!(take.address().unwrap(), "[::1]:53".parse().unwrap());
        assert!(take.u8().is_err());
        let mut passed = UnixStream::from(frame.descriptors.into_iter().next().unwrap());
        passed.write_all(b"x").unwrap();
        far.read_exact(&mut [0]).unwrap();
        std::mem::drop(a);
        assert!(receive(&b).unwrap().is_none());
    }

    #[test]
    fn a_broken_frame_is_an_error() {
        let (mut a, b) = UnixStream::pair().unwrap();
        a.write_all(&[255; 12]).unwrap();
        assert!(receive(&b).is_err());
        let (mut a, b) = UnixStream::pair().unwrap();
        a.write_all(&[20, 0, 0, 0, 1, 0]).unwrap();
        std::mem::drop(a);
        assert!(receive(&b).is_err());
    }
}
