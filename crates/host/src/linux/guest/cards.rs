//! The interfaces of a guest that runs: which it has, and how it comes to have others.
//!
//! Whoever keeps the machine says all that there are to be. What is missing is wired and plugged in; what is too much is
//! cut off at once, so that no packet goes by it, and pulled out when the guest lets go of it.

use super::monitor::Monitor;
use super::relay::{self, Relay};
use crate::guest::{Card, Hardware, card_name, further, no_longer};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Between two requests to let go of one: a guest that is still booting hears none.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is heard of a guest's interfaces.
#[derive(Debug)]
pub(super) enum News {
    /// All that there are to be.
    Wanted(Vec<Card>),
    /// The guest has let go of what is at a port.
    Gone(usize),
}

/// An interface at a port.
#[derive(Debug)]
struct Held {
    card: Card,
    relay: Relay,
    goes: bool,
}

#[derive(Debug)]
pub(super) struct Cards {
    monitor: Arc<Monitor>,
    /// The first one, which comes and goes with the machine, is at none.
    free: Vec<usize>,
    held: BTreeMap<usize, Held>,
    wanted: Vec<Card>,
}

/// Whether it is the same piece of hardware, whatever its addresses are.
fn is_same(a: &Card, b: &Card) -> bool {
    (a.device, a.mac) == (b.device, b.mac)
}

/// What is to go, and what is to come, but for the first.
fn changes<'a>(there: impl Iterator<Item = (usize, &'a Card)>, wanted: &[Card]) -> (Vec<usize>, Vec<Card>) {
    let mut missing: Vec<Card> = wanted.iter().filter(|card| card.device > 0).cloned().collect();
    let mut gone = Vec::new();
    for (port, card) in there {
        match missing.iter().position(|other| is_same(other, card)) {
            Some(at) => drop(missing.remove(at)),
            None => gone.push(port),
        }
    }
    (gone, missing)
}

impl Cards {
    /// Those that it was started with.
    pub(super) fn new(monitor: Arc<Monitor>, hardware: &Hardware, relays: Vec<Relay>) -> Cards {
        let mut free: Vec<usize> = hardware.card_ports().collect();
        let mut cards = hardware.cards.iter().cloned().zip(relays);
        // It is never cut.
        drop(cards.next());
        let further: Vec<(Card, Relay)> = cards.collect();
        let taken = free.drain(..further.len()).collect::<Vec<_>>();
        let held = taken.into_iter().zip(further);
        let held = held.map(|(port, (card, relay))| (port, Held { card, relay, goes: false })).collect();
        Cards { monitor, free, held, wanted: hardware.cards.clone() }
    }

    /// Does what is heard, for as long as the guest runs.
    pub(super) fn keep(mut self, heard: &Receiver<News>) {
        loop {
            match heard.recv_timeout(PATIENCE) {
                Ok(News::Wanted(cards)) => self.wanted = cards,
                Ok(News::Gone(port)) => {
                    self.held.remove(&port);
                    self.free.push(port);
                }
                Err(RecvTimeoutError::Timeout) => self.ask_again(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Err(why) = self.settle() {
                eprintln!("virga: an interface cannot be changed: {why}");
            }
        }
    }

    fn ask_again(&self) {
        for (port, _) in self.held.iter().filter(|(_, held)| held.goes) {
            // It is gone when that is heard of, and not before.
            let _ = self.monitor.unplug(&card_name(*port));
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        let there = self.held.iter().filter(|(_, held)| !held.goes).map(|(port, held)| (*port, &held.card));
        let (gone, missing) = changes(there, &self.wanted);
        for port in gone {
            if let Some(held) = self.held.get_mut(&port) {
                held.relay.cut();
                held.goes = true;
                self.monitor.tell(&format!("card {}", no_longer(&held.card)));
                self.monitor.unplug(&card_name(port))?;
            }
        }
        for card in missing {
            // There is a place as soon as what was there is gone.
            let Some(port) = self.free.pop() else { return Ok(()) };
            match self.bring(port, &card) {
                Ok(relay) => {
                    self.held.insert(port, Held { card, relay, goes: false });
                }
                Err(why) => {
                    self.free.push(port);
                    return Err(why);
                }
            }
        }
        self.readdress();
        Ok(())
    }

    fn bring(&self, port: usize, card: &Card) -> io::Result<Relay> {
        let (end, relay) = relay::start(card)?;
        self.monitor.wire(port, card, &end)?;
        self.monitor.tell(&format!("card {}", further(card)));
        Ok(relay)
    }

    /// Tells the guest of addresses that have changed.
    fn readdress(&mut self) {
        for held in self.held.values_mut().filter(|held| !held.goes) {
            let now = self.wanted.iter().find(|card| is_same(card, &held.card));
            if let Some(now) = now.filter(|now| **now != held.card) {
                self.monitor.tell(&format!("card {}", no_longer(&held.card)));
                self.monitor.tell(&format!("card {}", further(now)));
                held.card = now.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_and_what_is_too_much_goes() {
        let card = |device: u32, last: u8| Card {
            device,
            mac: [2, 0, 0, 0, 0, last],
            addresses: vec![([10, 0, 1, last].into(), 24)],
            gateways: Vec::new(),
        };
        let moved = Card { addresses: Vec::new(), ..card(1, 11) };
        let first = card(0, 10);
        for (there, wanted, gone, missing) in [
            (vec![], vec![first.clone()], vec![], vec![]),
            (vec![], vec![first.clone(), card(1, 11)], vec![], vec![card(1, 11)]),
            (vec![(28, card(1, 11))], vec![first.clone(), card(1, 12)], vec![28], vec![card(1, 12)]),
            (vec![(28, card(1, 11))], vec![first.clone(), moved], vec![], vec![]),
            (vec![(28, card(1, 11)), (29, card(2, 12))], vec![first, card(2, 12)], vec![28], vec![]),
        ] {
            let there = there.iter().map(|(port, card)| (*port, card));
            assert_eq!(changes(there, &wanted), (gone, missing));
        }
    }
}
