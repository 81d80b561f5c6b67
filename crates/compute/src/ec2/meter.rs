//! What CloudWatch is told of instances, in its namespace `AWS/EC2`: each minute whether they are well, and every five what
//! they have done; of those that are monitored in detail by the minute, and together with others of their image and type. The credits of T types, and those of networks, are reckoned on the way, and who has spent them is held to its baseline.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html>
//!
//! Of Nitro types with volumes it tells what all of these have read and written together, but for roots that are files.
//!
//! Not here: `EBSIOBalance%` and `EBSByteBalance%`, as nothing limits what all volumes of an instance do together, and metrics
//! of instance stores, which no type here has.

use super::bandwidth;
use super::billing;
use super::credits::{CREDIT, CREDITS, Credits, is_unlimited};
use super::kinds::{self, InstanceType};
use super::model::{INSTANCES, Instance, state};
use super::{ops, share};
use crate::autoscaling::model::GROUPS;
use base::{AccountId, Region, Timestamp};
use ec2::disk::{Served, Tally};
use ec2::plane::DataPlane;
use ec2::zone::{self, Zone};
use host::{Driver, HostError, Usage};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use kernel::vitals::{Metric, Place, Source, Vitals};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use store::{CommitError, Direction, Key, Read, StoreError, Tx};

const SOURCE: Source = Source { service: ops::SELF, namespace: "AWS/EC2" };
const MINUTE: i64 = 60;
const WINDOW: i64 = 300;

/// Reads the meters.
#[derive(Debug)]
pub struct Meters {
    plane: Arc<DataPlane>,
    /// By instance, those that run.
    meters: Mutex<BTreeMap<String, Meter>>,
}

/// What was read last.
#[derive(Debug)]
struct Meter {
    at: Timestamp,
    read: Usage,
    /// When what is to be told began; of credits, which are told every five minutes in any case.
    since: Timestamp,
    sum: Usage,
    /// What its volumes had counted when that began.
    disks: Option<Tally>,
    reckoned_since: Timestamp,
    used: i64,
    charged: i64,
    /// Whether it was last held to its baseline of processors.
    at_baseline: Option<bool>,
}

fn count(name: &'static str) -> Metric {
    Metric { name, unit: "Count" }
}

fn minute(at: Timestamp) -> i64 {
    at.seconds().div_euclid(MINUTE)
}

/// What was used since it was read last. A machine that has booted again has begun anew.
fn since(now: Usage, before: Usage) -> Usage {
    let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
    let both = |now: host::Count, before: host::Count| host::Count {
        packets: more(now.packets, before.packets),
        bytes: more(now.bytes, before.bytes),
    };
    Usage {
        processor: now.processor.checked_sub(before.processor).unwrap_or(now.processor),
        received: both(now.received, before.received),
        sent: both(now.sent, before.sent),
    }
}

impl Meters {
    pub fn new(plane: Arc<DataPlane>) -> Meters {
        Meters { plane, meters: Mutex::new(BTreeMap::new()) }
    }

    /// A machine that runs: reads its meter if a minute is over.
    fn read(&self, looked: &mut Look<'_>, key: &Key, instance: &Instance) -> Result<(), String> {
        let Some(kind) = kinds::find(&instance.kind) else { return Ok(()) };
        let mut credits = looked.credits(key, instance, kind)?;
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        let meter = meters.entry(instance.id.clone()).or_insert_with(|| Meter {
            at: looked.now,
            read: Usage::default(),
            since: looked.now,
            sum: Usage::default(),
            disks: None,
            reckoned_since: looked.now,
            used: 0,
            charged: 0,
            at_baseline: None,
        });
        let mut passed = None;
        if minute(looked.now) > minute(meter.at) {
            // Where its zone has failed there is nothing to read.
            let usage = looked.driver.usage(&instance.id).unwrap_or(meter.read);
            let time = looked.now.since(meter.at);
            let fresh = since(usage, meter.read);
            meter.sum.processor += fresh.processor;
            meter.sum.received += fresh.received;
            meter.sum.sent += fresh.sent;
            (meter.at, meter.read) = (looked.now, usage);
            passed = Some((time, fresh));
            if let Some(credits) = &mut credits {
                let reckoned = credits.pass(kind, is_unlimited(instance), time, fresh.processor);
                meter.used += reckoned.used;
                meter.charged += reckoned.charged;
                billing::overspent(looked.cloud, looked.tx, key, instance, looked.now, reckoned.charged);
                CREDITS.put(looked.tx, key, credits);
            }
            looked.tell(key, instance, meter, credits.as_ref());
        }
        let passed = passed.as_ref().map(|(time, fresh)| (*time, fresh));
        bandwidth::keep(looked.tx, key, instance, passed).map_err(|error| error.to_string())?;
        let at_baseline = credits.is_some_and(|credits| credits.spent) && !is_unlimited(instance);
        if meter.at_baseline != Some(at_baseline)
            && let Some(share) = share::held(instance, at_baseline)
        {
            match looked.driver.limit(&instance.id, share) {
                // What this machine cannot do was said when the other was booted.
                Ok(()) | Err(HostError::Unable(_)) => meter.at_baseline = Some(at_baseline),
                Err(why) => return Err(format!("the processors of {}: {why}", instance.id)),
            }
        }
        Ok(())
    }
}

/// One look at all meters.
struct Look<'a> {
    cloud: &'a Arc<Cloud>,
    driver: &'a dyn Driver,
    tx: &'a mut Tx,
    now: Timestamp,
    zones: BTreeMap<String, Zone>,
    /// Of which Auto Scaling group an instance is.
    groups: &'a BTreeMap<String, String>,
}

impl Look<'_> {
    /// What a T machine has: what it had when it was stopped, or a beginning.
    fn credits(
        &mut self,
        key: &Key,
        instance: &Instance,
        kind: &InstanceType,
    ) -> Result<Option<Credits>, String> {
        if !kind.is_burstable() {
            return Ok(None);
        }
        let found = CREDITS.get(self.tx, key).map_err(|error| error.to_string())?;
        let found = match found.filter(|credits| !credits.is_lost(self.now)) {
            Some(credits) if credits.stopped.is_none() => return Ok(Some(credits)),
            Some(credits) => Credits { stopped: None, ..credits },
            None => Credits::new(kind, is_unlimited(instance)),
        };
        CREDITS.put(self.tx, key, &found);
        Ok(Some(found))
    }

    /// Tells how it is, and what it has done if it is time for that.
    fn tell(&self, key: &Key, instance: &Instance, meter: &mut Meter, credits: Option<&Credits>) {
        let Some(home) = key.reader().regional() else { return };
        let own = || vec![("InstanceId", instance.id.clone())];
        let failed = f64::from(u8::from(self.zones.get(&instance.zone).is_some_and(|zone| zone.down)));
        let checks = ["StatusCheckFailed", "StatusCheckFailed_Instance", "StatusCheckFailed_System"];
        note(self.cloud, home, own(), self.now, &checks.map(|name| (count(name), failed)));
        let period = if instance.monitored { MINUTE } else { WINDOW };
        if let Some(began) = over(meter.since, self.now, period) {
            let mut samples = work(instance, meter, self.now).to_vec();
            let disks = self.cloud.memory::<Served>().of(&instance.id).filter(|_| is_nitro(instance));
            samples.extend(disks.iter().flat_map(|now| of_disks(*now, meter.disks.unwrap_or_default())));
            meter.disks = disks;
            let mut places = vec![own()];
            let group = self.groups.get(&instance.id);
            places.extend(group.map(|group| vec![("AutoScalingGroupName", group.clone())]));
            if instance.monitored {
                places.push(vec![("ImageId", instance.image.clone())]);
                places.push(vec![("InstanceType", instance.kind.clone())]);
                places.push(Vec::new());
            }
            places.into_iter().for_each(|of| note(self.cloud, home, of, began, &samples));
            (meter.since, meter.sum) = (self.now, Usage::default());
        }
        if let Some(began) = over(meter.reckoned_since, self.now, WINDOW) {
            let of = |millionths: i64| millionths as f64 / CREDIT as f64;
            if let Some(credits) = credits {
                let samples = [
                    (count("CPUCreditUsage"), of(meter.used)),
                    (count("CPUCreditBalance"), of(credits.all())),
                    (count("CPUSurplusCreditBalance"), of(credits.surplus)),
                    (count("CPUSurplusCreditsCharged"), of(meter.charged)),
                ];
                note(self.cloud, home, own(), began, &samples);
            }
            (meter.reckoned_since, meter.used, meter.charged) = (self.now, 0, 0);
        }
    }
}

fn is_nitro(instance: &Instance) -> bool {
    kinds::find(&instance.kind).is_some_and(InstanceType::is_nitro)
}

/// What was read from volumes and written to them. A count that is smaller than before has begun anew.
fn of_disks(now: Tally, before: Tally) -> [(Metric, f64); 4] {
    let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now) as f64;
    let bytes = |name| Metric { name, unit: "Bytes" };
    [
        (count("EBSReadOps"), more(now.read_operations, before.read_operations)),
        (count("EBSWriteOps"), more(now.write_operations, before.write_operations)),
        (bytes("EBSReadBytes"), more(now.read_bytes, before.read_bytes)),
        (bytes("EBSWriteBytes"), more(now.write_bytes, before.write_bytes)),
    ]
}

/// The beginning of the period in which something began, once that is over.
fn over(since: Timestamp, now: Timestamp, period: i64) -> Option<Timestamp> {
    let of = |at: Timestamp| at.seconds().div_euclid(period);
    (of(now) > of(since)).then(|| Timestamp::from_seconds(of(since) * period))
}

/// What was worked, of what there was, and sent.
fn work(instance: &Instance, meter: &Meter, now: Timestamp) -> [(Metric, f64); 5] {
    let cpus = share::of(instance, false).map_or(1_000, |share| share.at_most(host::whole()).millicpus);
    let there = now.since(meter.since).as_secs_f64() * f64::from(cpus) / 1_000.0;
    let percent = if there > 0.0 { 100.0 * meter.sum.processor.as_secs_f64() / there } else { 0.0 };
    let bytes = |name, count: host::Count| (Metric { name, unit: "Bytes" }, count.bytes as f64);
    let packets = |name, of: host::Count| (count(name), of.packets as f64);
    [
        (Metric { name: "CPUUtilization", unit: "Percent" }, percent.min(100.0)),
        bytes("NetworkIn", meter.sum.received),
        bytes("NetworkOut", meter.sum.sent),
        packets("NetworkPacketsIn", meter.sum.received),
        packets("NetworkPacketsOut", meter.sum.sent),
    ]
}

fn note(
    cloud: &Cloud,
    home: (AccountId, Region),
    dimensions: Vec<(&'static str, String)>,
    at: Timestamp,
    samples: &[(Metric, f64)],
) {
    cloud.memory::<Vitals>().note(Place { source: SOURCE, home, dimensions }, at, samples);
}

/// The instances of Auto Scaling groups, each with its group's name.
fn grouped(from: &dyn Read) -> Result<BTreeMap<String, String>, StoreError> {
    let mut out = BTreeMap::new();
    for pair in GROUPS.scan(from, &Key::empty(), Direction::Forward) {
        let (_, group) = pair?;
        out.extend(group.members.into_iter().map(|member| (member.id, group.name.clone())));
    }
    Ok(out)
}

/// Credits of machines that are off are kept for a while; of those that are gone, not.
fn rest(tx: &mut Tx, key: &Key, instance: &Instance, now: Timestamp) -> Result<(), String> {
    bandwidth::keep(tx, key, instance, None).map_err(|error| error.to_string())?;
    let Some(mut credits) = CREDITS.get(tx, key).map_err(|error| error.to_string())? else { return Ok(()) };
    match instance.state {
        state::TERMINATED => CREDITS.delete(tx, key),
        state::STOPPED if credits.stopped.is_some() => {}
        state::STOPPED if credits.rest(&instance.kind, now) => CREDITS.put(tx, key, &credits),
        state::STOPPED => CREDITS.delete(tx, key),
        _ => {}
    }
    Ok(())
}

impl Reconciler for Meters {
    fn name(&self) -> &'static str {
        "instance meters"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![INSTANCES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let mut tx = cloud.store().begin();
        let all: Vec<(Key, Instance)> = INSTANCES
            .scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward)
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let zones = zone::all(&cloud.store().snapshot()).map_err(|error| error.to_string())?;
        let groups = grouped(&cloud.store().snapshot()).map_err(|error| error.to_string())?;
        let driver = self.plane.running();
        let mut running = BTreeSet::new();
        for (key, instance) in &all {
            match &driver {
                Some(driver) if instance.state == state::RUNNING => {
                    running.insert(instance.id.clone());
                    let zones = zones.clone();
                    let mut look =
                        Look { cloud, driver: &**driver, tx: &mut tx, now, zones, groups: &groups };
                    self.read(&mut look, key, instance)?;
                }
                _ => rest(&mut tx, key, instance, now)?,
            }
        }
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        meters.retain(|id, _| running.contains(id));
        // One that boots just now has its disks already.
        let off = |instance: &Instance| matches!(instance.state, state::STOPPED | state::TERMINATED);
        let up: BTreeSet<&str> =
            all.iter().filter(|(_, one)| !off(one)).map(|(_, one)| one.id.as_str()).collect();
        cloud.memory::<Served>().retain(|id| up.contains(id));
        drop(meters);
        let next = Timestamp::from_seconds((minute(now) + 1) * MINUTE);
        let next = (!running.is_empty()).then_some(next);
        if tx.is_read_only() {
            return Ok(next);
        }
        match tx.commit().wait() {
            Ok(_) => Ok(next),
            Err(CommitError::Conflict) => Ok(Some(now)),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_told_by_what_came_since() {
        let tally = |n: u64| Tally {
            read_operations: n,
            write_operations: 2 * n,
            read_bytes: 512 * n,
            write_bytes: 4096 * n,
        };
        let told =
            |now, before| of_disks(tally(now), tally(before)).map(|(metric, value)| (metric.name, value));
        let expected = [3.0, 6.0, 1536.0, 12_288.0];
        let names = ["EBSReadOps", "EBSWriteOps", "EBSReadBytes", "EBSWriteBytes"];
        assert_eq!(told(5, 2).to_vec(), names.into_iter().zip(expected).collect::<Vec<_>>());
        // Its machine has booted again.
        assert_eq!(told(3, 100)[0].1, 3.0);
    }
}
