//! What CloudWatch is told of NAT gateways by the minute, in its namespace `AWS/NATGateway`: what the rules of their networks have
//! counted.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html>
//!
//! Not here: what nothing counts (connections that are open, established or idle, ports that ran out, drops, peaks).

use super::billing;
use super::model::{NATS, Nat, NatState};
use base::{AccountId, Region, Timestamp};
use ec2::plane::DataPlane;
use host::Count;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use kernel::vitals::{Metric, Place, Source, Vitals};
use net::program::NatCounters;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Direction, Key};

const SOURCE: Source = Source { service: "ec2.amazonaws.com", namespace: "AWS/NATGateway" };
const MINUTE: i64 = 60;

/// What a gateway's counters stood at.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    sent: Count,
    answers: Count,
    connections: Count,
}

/// Reads the counters.
#[derive(Debug)]
pub struct Meters {
    plane: Arc<DataPlane>,
    /// By gateway: when they were last read, and what they stood at.
    last: Mutex<BTreeMap<String, (Timestamp, Read)>>,
}

fn minute(at: Timestamp) -> i64 {
    at.seconds().div_euclid(MINUTE)
}

/// What came since. A gateway that was made anew counts anew.
fn since(now: Count, before: Count) -> Count {
    let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
    Count { packets: more(now.packets, before.packets), bytes: more(now.bytes, before.bytes) }
}

fn read(counts: &BTreeMap<String, Count>, gateway: &str) -> Read {
    let names = NatCounters::of(gateway);
    let of = |name: &str| counts.get(name).copied().unwrap_or_default();
    Read { sent: of(&names.sent), answers: of(&names.answers), connections: of(&names.connections) }
}

/// What a minute of it is told as. What came in went out: only its addresses became others.
fn samples(now: Read, before: Read) -> [(Metric, f64); 9] {
    let (sent, answers) = (since(now.sent, before.sent), since(now.answers, before.answers));
    let bytes = |name, count: Count| (Metric { name, unit: "Bytes" }, count.bytes as f64);
    let packets = |name, count: Count| (Metric::count(name), count.packets as f64);
    [
        bytes("BytesInFromSource", sent),
        bytes("BytesOutToDestination", sent),
        bytes("BytesInFromDestination", answers),
        bytes("BytesOutToSource", answers),
        packets("PacketsInFromSource", sent),
        packets("PacketsOutToDestination", sent),
        packets("PacketsInFromDestination", answers),
        packets("PacketsOutToSource", answers),
        packets("ConnectionAttemptCount", since(now.connections, before.connections)),
    ]
}

impl Meters {
    pub fn new(plane: Arc<DataPlane>) -> Meters {
        Meters { plane, last: Mutex::default() }
    }

    /// Tells what a gateway has done since it was last read, if a minute is over.
    fn tell(&self, cloud: &Cloud, home: (AccountId, Region), nat: &Nat, now: Timestamp, read: Read) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, before)) = last.insert(nat.id.clone(), (now, read)) else { return };
        if minute(now) == minute(at) {
            last.insert(nat.id.clone(), (at, before));
            return;
        }
        let place = Place { source: SOURCE, home, dimensions: vec![("NatGatewayId", nat.id.clone())] };
        let began = Timestamp::from_seconds(minute(at) * MINUTE);
        cloud.memory::<Vitals>().note(place, began, &samples(read, before));
        let through = since(read.sent, before.sent).bytes + since(read.answers, before.answers).bytes;
        billing::through_nat(cloud, home, &nat.id, now, through);
    }
}

impl Reconciler for Meters {
    fn name(&self) -> &'static str {
        "gateway meters"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![NATS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let Some(driver) = self.plane.running() else { return Ok(None) };
        let mut counts: BTreeMap<String, BTreeMap<String, Count>> = BTreeMap::new();
        let mut there = Vec::new();
        for pair in NATS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, nat) = pair.map_err(|error| error.to_string())?;
            let Some(home) = key.reader().regional().filter(|_| nat.state == NatState::Available) else {
                continue;
            };
            // What is not made yet has counted nothing.
            let of_vpc = counts
                .entry(nat.vpc.clone())
                .or_insert_with(|| driver.counters(&nat.vpc).unwrap_or_default());
            self.tell(cloud, home, &nat, now, read(of_vpc, &nat.id));
            there.push(nat.id);
        }
        self.last.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| there.contains(id));
        Ok((!there.is_empty()).then(|| Timestamp::from_seconds((minute(now) + 1) * MINUTE)))
    }
}
