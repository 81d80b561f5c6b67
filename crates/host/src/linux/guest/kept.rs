//! What a machine's keeper is told, over the line.

use super::super::boot::text;
use super::super::frame::{Put, Take};
use crate::guest::{Card, Hardware, Root};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) qemu: PathBuf,
    pub(super) hardware: Hardware,
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn card(mut put: Put, card: &Card) -> Put {
    put = put.u32(card.device).bytes(&card.mac).u32(count(card.addresses.len()));
    for (address, length) in &card.addresses {
        put = put.bytes(address.to_string().as_bytes()).u8(*length);
    }
    put = put.u32(count(card.gateways.len()));
    card.gateways.iter().fold(put, |put, gateway| put.bytes(gateway.to_string().as_bytes()))
}

fn read_card(take: &mut Take<'_>) -> io::Result<Card> {
    let broken = |_| io::Error::from(io::ErrorKind::InvalidData);
    let device = take.u32()?;
    let mac = take.bytes()?.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    let (mut addresses, mut gateways) = (Vec::new(), Vec::new());
    for _ in 0..take.u32()? {
        addresses.push((take.text()?.parse().map_err(broken)?, take.u8()?));
    }
    for _ in 0..take.u32()? {
        gateways.push(take.text()?.parse().map_err(broken)?);
    }
    Ok(Card { device, mac, addresses, gateways })
}

/// All interfaces of a guest.
pub(super) fn cards(put: Put, cards: &[Card]) -> Put {
    cards.iter().fold(put.u32(count(cards.len())), card)
}

pub(super) fn read_cards(take: &mut Take<'_>) -> io::Result<Vec<Card>> {
    (0..take.u32()?).map(|_| read_card(take)).collect()
}

impl Kept {
    pub(super) fn write(&self, put: Put) -> Put {
        let hardware = &self.hardware;
        let path = |put: Put, path: &PathBuf| put.bytes(path.as_os_str().as_bytes());
        let put = path(put, &self.qemu).bytes(hardware.id.as_bytes()).bytes(hardware.product.as_bytes());
        let put = match &hardware.root {
            Root::Files { server, files, kernel, archive } => {
                [server, files, kernel, archive].into_iter().fold(put.u8(0), path)
            }
            Root::Disk(disk) => path(put.u8(1), disk),
        };
        let put = put.u8(u8::from(hardware.kvm)).u32(hardware.cpus).u64(hardware.memory_mib);
        cards(put.u32(hardware.sockets), &hardware.cards)
    }

    pub(super) fn read(take: &mut Take<'_>) -> io::Result<Kept> {
        let path = |take: &mut Take<'_>| Ok::<_, io::Error>(PathBuf::from(text(take)?));
        let qemu = path(take)?;
        let (id, product) = (take.text()?.to_owned(), take.text()?.to_owned());
        let root = match take.u8()? {
            0 => Root::Files {
                server: path(take)?,
                files: path(take)?,
                kernel: path(take)?,
                archive: path(take)?,
            },
            _ => Root::Disk(path(take)?),
        };
        let (kvm, cpus, memory_mib) = (take.u8()? != 0, take.u32()?, take.u64()?);
        let (sockets, cards) = (take.u32()?, read_cards(take)?);
        Ok(Kept { qemu, hardware: Hardware { id, product, root, kvm, cpus, memory_mib, cards, sockets } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_told_what_was_written() {
        let card = |device: u8| Card {
            device: device.into(),
            mac: [2, 0, 0, 0, 0, device],
            addresses: vec![([10, 0, 1, device].into(), 24), ("fd00::1".parse().unwrap(), 128)],
            gateways: vec![[10, 0, 1, 1].into()],
        };
        let files = Root::Files {
            server: "/usr/libexec/virtiofsd".into(),
            files: "/disk/root".into(),
            kernel: "/boot/vmlinuz".into(),
            archive: "/disk/archive".into(),
        };
        for root in [files, Root::Disk("/disk/disks/root".into())] {
            let hardware = Hardware {
                id: "i-1".into(),
                product: "t3.micro".into(),
                root,
                kvm: true,
                cpus: 2,
                memory_mib: 512,
                cards: vec![card(0), card(1)],
                sockets: 3,
            };
            let kept = Kept { qemu: "/usr/bin/qemu".into(), hardware };
            let bytes = kept.write(Put::default()).0;
            assert_eq!(Kept::read(&mut Take(&bytes)).unwrap(), kept);
            assert!(Kept::read(&mut Take(&bytes[..bytes.len() - 1])).is_err());
        }
    }
}
