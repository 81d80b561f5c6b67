//! What CloudWatch is told of volumes by the minute while machines have them, in its namespace `AWS/EBS`: what was read and
//! written, how long that took, how long there was nothing to do, and whether all of it stands still.
//!
//! It is what the disk itself has answered: programs of a machine that find something in its memory ask for nothing.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/using_cloudwatch_ebs.html>
//!
//! Not here: what nothing counts (`VolumeThroughputPercentage`, the checks of limits that were exceeded), and all metrics of
//! volumes that are files while they are attached, which are read and written past this process.

use super::model::{VOLUMES, Volume};
use super::plug::Plugged;
use base::{AccountId, Region, Timestamp};
use ec2::disk::DISK_ATTACHMENTS;
use ec2::register;
use host::disk::{Done, Switch, Way};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use kernel::vitals::{Metric, Place, Source, Vitals};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Direction, Key};

const SOURCE: Source = Source { service: "ec2.amazonaws.com", namespace: "AWS/EBS" };
const MINUTE: i64 = 60;
/// Between two looks while a disk may be plugged in, and else.
const LOOK_OFTEN: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_secs(60);

/// Reads what disks count.
#[derive(Debug, Default)]
pub struct Meters {
    /// By volume.
    last: Mutex<BTreeMap<String, Read>>,
    /// One may be plugged in without any record of it changing.
    expects: AtomicBool,
}

/// What a disk had done when it was looked at.
#[derive(Debug)]
struct Read {
    at: Timestamp,
    switch: Arc<Switch>,
    done: Done,
}

fn minute(at: Timestamp) -> i64 {
    at.seconds().div_euclid(MINUTE)
}

fn since(now: Way, before: Way) -> Way {
    Way {
        operations: now.operations - before.operations,
        bytes: now.bytes - before.bytes,
        units: now.units - before.units,
        time: now.time.saturating_sub(before.time),
    }
}

/// What a minute of a volume is told as.
#[allow(clippy::cast_precision_loss, reason = "what a disk does in a minute")]
fn samples(volume: &Volume, now: &Done, before: &Done, burst: Option<f64>) -> Vec<(Metric, f64)> {
    let (read, written) = (since(now.read, before.read), since(now.written, before.written));
    let of = |name, unit| Metric { name, unit };
    let latency = |way: Way| way.time.as_secs_f64() * 1_000.0 / way.operations.max(1) as f64;
    let idle = Duration::from_secs(60).saturating_sub(now.busy.saturating_sub(before.busy));
    // How many waited on the average is how long all of them did, of a minute.
    let queue = (read.time + written.time).as_secs_f64() / 60.0;
    // Something waits, and nothing was done.
    let stalled = now.waits && read.operations + written.operations == 0;
    let mut samples = vec![
        (of("VolumeReadBytes", "Bytes"), read.bytes as f64),
        (of("VolumeWriteBytes", "Bytes"), written.bytes as f64),
        (Metric::count("VolumeReadOps"), read.operations as f64),
        (Metric::count("VolumeWriteOps"), written.operations as f64),
        (of("VolumeTotalReadTime", "Seconds"), read.time.as_secs_f64()),
        (of("VolumeTotalWriteTime", "Seconds"), written.time.as_secs_f64()),
        (of("VolumeIdleTime", "Seconds"), idle.as_secs_f64()),
        (Metric::count("VolumeQueueLength"), queue),
        (of("VolumeAvgReadLatency", "Milliseconds"), latency(read)),
        (of("VolumeAvgWriteLatency", "Milliseconds"), latency(written)),
        (of("VolumeStalledIOCheck", "None"), f64::from(u8::from(stalled))),
    ];
    samples.extend(burst.map(|burst| (of("BurstBalance", "Percent"), burst)));
    if matches!(volume.kind.as_str(), "io1" | "io2") {
        samples.push((Metric::count("VolumeConsumedReadWriteOps"), (read.units + written.units) as f64));
    }
    samples
}

impl Meters {
    /// Tells what a volume has done since it was last looked at, if a minute is over.
    fn tell(&self, cloud: &Cloud, home: (AccountId, Region), volume: &Volume, switch: Arc<Switch>) {
        let now = cloud.clock().now();
        let done = switch.done();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was plugged in anew counts anew.
        let known = last.get(&volume.id).filter(|read| Arc::ptr_eq(&read.switch, &switch));
        let Some(before) = known else {
            last.insert(volume.id.clone(), Read { at: now, switch, done: Done::default() });
            return;
        };
        if minute(now) == minute(before.at) {
            return;
        }
        let place = Place { source: SOURCE, home, dimensions: vec![("VolumeId", volume.id.clone())] };
        let began = Timestamp::from_seconds(minute(before.at) * MINUTE);
        let burst = cloud.memory::<Plugged>().burst_balance(&volume.id);
        cloud.memory::<Vitals>().note(place, began, &samples(volume, &done, &before.done, burst));
        last.insert(volume.id.clone(), Read { at: now, switch, done });
    }
}

impl Reconciler for Meters {
    fn name(&self) -> &'static str {
        "volume meters"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DISK_ATTACHMENTS.stored_key(&Key::empty())]
    }

    fn nap(&self) -> Duration {
        if self.expects.load(Ordering::Relaxed) { LOOK_OFTEN } else { LOOK }
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let plugged = cloud.memory::<Plugged>();
        let (mut there, mut expects) = (Vec::new(), false);
        for pair in DISK_ATTACHMENTS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (at, attachment) = pair.map_err(|error| error.to_string())?;
            let Some(home) = at.reader().regional() else { continue };
            let Some(switch) = plugged.switch(&attachment.volume) else {
                expects |= !attachment.files;
                continue;
            };
            let key = register::key(home.0, home.1, &attachment.volume);
            let volume = VOLUMES.get(&snapshot, &key).map_err(|error| error.to_string())?;
            if let Some(volume) = volume {
                self.tell(cloud, home, &volume, switch);
                there.push(volume.id);
            }
        }
        self.expects.store(expects, Ordering::Relaxed);
        self.last.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| there.contains(id));
        let next = Timestamp::from_seconds((minute(cloud.clock().now()) + 1) * MINUTE);
        Ok((!there.is_empty()).then_some(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[(Metric, f64)], name: &str) -> Option<f64> {
        samples.iter().find(|(metric, _)| metric.name == name).map(|(_, value)| *value)
    }

    #[test]
    fn a_minute_is_what_came_since_the_last() {
        let second = Duration::from_secs(1);
        let way = |times: u32| Way {
            operations: 4 * u64::from(times),
            bytes: 4_000 * u64::from(times),
            units: 5 * u64::from(times),
            time: second * times,
        };
        let done = |times| Done { read: way(times), written: way(1), busy: second * times, waits: false };
        let volume = Volume { kind: "io2".into(), ..Volume::default() };
        let told = samples(&volume, &done(3), &done(1), None);
        for (name, value) in [
            ("VolumeReadBytes", 8_000.0),
            ("VolumeReadOps", 8.0),
            ("VolumeWriteOps", 0.0),
            ("VolumeTotalReadTime", 2.0),
            ("VolumeAvgReadLatency", 250.0),
            ("VolumeAvgWriteLatency", 0.0),
            ("VolumeIdleTime", 58.0),
            ("VolumeQueueLength", 2.0 / 60.0),
            ("VolumeConsumedReadWriteOps", 10.0),
            ("VolumeStalledIOCheck", 0.0),
        ] {
            assert_eq!(of(&told, name), Some(value), "{name}");
        }
        let waits = Done { waits: true, ..done(3) };
        let gp3 = samples(&Volume { kind: "gp3".into(), ..volume }, &waits, &done(3), Some(42.0));
        assert_eq!(of(&gp3, "VolumeStalledIOCheck"), Some(1.0));
        assert_eq!(of(&gp3, "VolumeConsumedReadWriteOps"), None);
        assert_eq!((of(&gp3, "BurstBalance"), of(&told, "BurstBalance")), (Some(42.0), None));
        // What is slow, but goes on, stands not still.
        let slow = samples(&Volume::default(), &waits, &done(1), None);
        assert_eq!(of(&slow, "VolumeStalledIOCheck"), Some(0.0));
    }
}
