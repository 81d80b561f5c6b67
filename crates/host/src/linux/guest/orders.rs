//! What the host process does for virtual machines.

use super::super::boot::Machine;
use super::super::child::{Child, again};
use super::super::disk;
use super::super::frame::{Order, Put, Take, send};
use super::disks::Disks;
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// The argument of a machine's keeper.
pub(in super::super) const GUEST: &str = "guest";

/// A virtual machine, whose keeper hears of what is to be done.
pub(in super::super) struct Guest {
    keeper: UnixStream,
    disks: Disks,
}

impl Child {
    /// Whether what an order is about is a virtual machine.
    pub(in super::super) fn is_guest(&self, take: &Take<'_>) -> io::Result<bool> {
        let key = Take(take.0).u32()?;
        Ok(self.spaces.get(&key).ok_or(Errno::NODEV)?.guest.is_some())
    }

    /// What is ordered for a machine's disks.
    pub(in super::super) fn obey_of_guest(
        &mut self,
        order: Order,
        take: &mut Take<'_>,
    ) -> io::Result<(Put, Option<OwnedFd>)> {
        let key = take.u32()?;
        let device = take.text()?;
        if order == Order::Plug {
            return Ok((Put::default(), Some(self.plug_guest(key, device)?)));
        }
        self.unplug_guest(key, device, take.u8()? != 0)?;
        Ok((Put::default(), None))
    }

    /// A new disk of a virtual machine: its channel.
    fn plug_guest(&mut self, key: u32, device: &str) -> io::Result<OwnedFd> {
        let channel = disk::channel()?;
        let (name, path) = self.guest_of(key)?.disks.next(device)?;
        self.in_machine(key, || disk::serve_at(&channel, &path))?;
        let guest = self.guest_of(key)?;
        guest.disks.plug(&guest.keeper, name, device)?;
        Ok(channel)
    }

    fn unplug_guest(&mut self, key: u32, device: &str, force: bool) -> io::Result<()> {
        let guest = self.spaces.get_mut(&key).and_then(|space| space.guest.take()).ok_or(Errno::NODEV)?;
        let Guest { keeper, mut disks } = guest;
        let done = disks.unplug(&keeper, device, force, |work| self.in_machine(key, work));
        if let Some(space) = self.spaces.get_mut(&key) {
            space.guest = Some(Guest { keeper, disks });
        }
        done
    }

    fn guest_of(&mut self, key: u32) -> io::Result<&mut Guest> {
        let space = self.spaces.get_mut(&key).ok_or(Errno::NODEV)?;
        if space.running_init().is_none() {
            return Err(Errno::HOSTUNREACH.into());
        }
        Ok(space.guest.as_mut().ok_or(Errno::NODEV)?)
    }

    /// Which interfaces it has from now on, in the words for its keeper.
    pub(in super::super) fn cards(&mut self, take: &mut Take<'_>) -> io::Result<()> {
        let guest = self.guest_of(take.u32()?)?;
        send(&guest.keeper, 0, Order::Cards as u32, take.0, &[])
    }

    /// Starts the keeper of a virtual machine, which is this program.
    pub(in super::super) fn guest(
        &mut self,
        take: &mut Take<'_>,
        mut descriptors: Vec<OwnedFd>,
    ) -> io::Result<u32> {
        let key = take.u32()?;
        let (mut machine, guarded) = (Machine::read(take)?, self.guarded);
        self.is_off(key)?;
        machine.serve(&descriptors)?;
        let (near, far) = UnixStream::pair()?;
        *descriptors.first_mut().ok_or(Errno::INVAL)? = far.into();
        let root = Some(take.text()?.to_owned()).filter(|name| !name.is_empty());
        let disks = Disks::new(&machine.disk, root)?;
        let keeper = again(GUEST);
        let told = take.0.to_vec();
        let pid = self.first_process(key, descriptors, |network, ends| {
            machine.boot_guest(&keeper, network, ends, guarded)
        })?;
        send(&near, 0, 0, &told, &[])?;
        if let Some(space) = self.spaces.get_mut(&key) {
            space.guest = Some(Guest { keeper: near.try_clone()?, disks });
        }
        self.keepers.insert(pid.cast_signed(), near);
        Ok(pid)
    }
}
