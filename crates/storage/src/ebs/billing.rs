//! What disks are paid for: what volumes have, counted by the second, and what snapshots keep, looked at by the hour.
//!
//! AWS: <https://aws.amazon.com/ebs/pricing/>
//!
//! Not here: that a volume is paid for a minute at least, the lower prices of an io2 volume's further operations, and requests to
//! the direct APIs.

use super::blocks;
use super::fast::RESTORES;
use super::model::{ERROR, SNAPSHOTS, Snapshot, VOLUMES, Volume};
use blob::ContentId;
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::register;
use kernel::Cloud;
use kernel::meter::{Gauge, Kind, Line, each};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Key, StoreError};

const fn months(usage_type: &'static str, unit: &'static str, micros: u64) -> Kind {
    Kind::months("AmazonEC2", usage_type, unit).at(micros, 1)
}

/// What a volume of a type costs.
struct OfType {
    name: &'static str,
    operation: &'static str,
    gigabytes: Kind,
    /// Operations a second, beyond those that come with it.
    iops: Option<(Kind, i64)>,
}

/// Of gp3: 125 MiB a second come with it.
const THROUGHPUT_FREE: i64 = 125;
/// Counted in MiB a second.
static THROUGHPUT: Kind = Kind {
    per: 1_024 * Kind::months("", "", "").per,
    ..months("EBS:VolumeP-Throughput.gp3", "GiBps-mo", 40_960_000)
};

static TYPES: [OfType; 7] = [
    OfType {
        name: "gp3",
        operation: "CreateVolume-Gp3",
        gigabytes: months("EBS:VolumeUsage.gp3", "GB-Mo", 80_000),
        iops: Some((months("EBS:VolumeP-IOPS.gp3", "IOPS-Mo", 5_000), 3_000)),
    },
    OfType {
        name: "gp2",
        operation: "CreateVolume-Gp2",
        gigabytes: months("EBS:VolumeUsage.gp2", "GB-Mo", 100_000),
        iops: None,
    },
    OfType {
        name: "io1",
        operation: "CreateVolume-P-IOPS",
        gigabytes: months("EBS:VolumeUsage.piops", "GB-Mo", 125_000),
        iops: Some((months("EBS:VolumeP-IOPS.piops", "IOPS-Mo", 65_000), 0)),
    },
    OfType {
        name: "io2",
        operation: "CreateVolume-io2",
        gigabytes: months("EBS:VolumeUsage.io2", "GB-Mo", 125_000),
        iops: Some((months("EBS:VolumeP-IOPS.io2", "IOPS-Mo", 65_000), 0)),
    },
    OfType {
        name: "st1",
        operation: "CreateVolume-st1",
        gigabytes: months("EBS:VolumeUsage.st1", "GB-Mo", 45_000),
        iops: None,
    },
    OfType {
        name: "sc1",
        operation: "CreateVolume-sc1",
        gigabytes: months("EBS:VolumeUsage.sc1", "GB-Mo", 15_000),
        iops: None,
    },
    OfType {
        name: "standard",
        operation: "CreateVolume",
        gigabytes: months("EBS:VolumeUsage", "GB-Mo", 50_000),
        iops: None,
    },
];

/// Counted in blocks.
static SNAPSHOTS_KEPT: Kind = Kind {
    per: blocks::BLOCKS_PER_GIB * Kind::months("", "", "").per,
    ..months("EBS:SnapshotUsage", "GB-Mo", 50_000)
};
/// For each snapshot and zone.
static FAST_RESTORES: Kind = Kind::hours("AmazonEC2", "EBS:FastSnapshotRestore", "DSU-Hrs").at(750_000, 1);

/// What a volume is counted as.
fn amounts(volume: &Volume) -> Vec<(&'static Kind, &'static str, u64)> {
    let Some(of) = TYPES.iter().find(|of| of.name == volume.kind) else { return Vec::new() };
    let beyond =
        |amount: Option<i64>, free: i64| u64::try_from(amount.unwrap_or(0).saturating_sub(free)).unwrap_or(0);
    let mut amounts = vec![(&of.gigabytes, of.operation, beyond(Some(volume.size), 0))];
    amounts.extend(of.iops.as_ref().map(|(kind, free)| (kind, of.operation, beyond(volume.iops, *free))));
    if volume.kind == "gp3" {
        amounts.push((&THROUGHPUT, of.operation, beyond(volume.throughput, THROUGHPUT_FREE)));
    }
    amounts
}

/// What volumes have.
#[derive(Debug)]
pub struct Volumes;

impl Gauge for Volumes {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![VOLUMES.stored_key(&Key::empty())]
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        each(cloud, &VOLUMES, |(account, region), volume| {
            if volume.state != ERROR {
                let resource = register::arn(account, region, VOLUME.noun, &volume.id);
                for (kind, operation, amount) in amounts(&volume) {
                    tell(&Line { account, region, kind, operation, resource: &resource }, amount);
                }
            }
            Ok(())
        })
    }
}

/// What snapshots keep, and those that are restored fast.
#[derive(Debug)]
pub struct Snapshots;

/// The blocks that a snapshot keeps and those before it do not: its own, and what is left of such as are gone.
fn kept(cloud: &Cloud, snapshot: &Snapshot, of_others: &BTreeSet<u64>) -> Result<u64, StoreError> {
    let from = cloud.store().snapshot();
    let (mut number, mut kept) = (snapshot.map, 0);
    loop {
        let own = blocks::own(&from, number)?;
        kept += own.values().filter(|block| block.content != ContentId::default()).count() as u64;
        number = blocks::map(&from, number)?.below;
        if number == 0 || of_others.contains(&number) {
            return Ok(kept);
        }
    }
}

impl Gauge for Snapshots {
    fn name(&self) -> &'static str {
        "snapshots"
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        let mut all = Vec::new();
        each(cloud, &SNAPSHOTS, |home, snapshot| {
            all.push((home, snapshot));
            Ok(())
        })?;
        let maps: BTreeSet<u64> = all.iter().map(|(_, snapshot)| snapshot.map).collect();
        for ((account, region), snapshot) in all {
            // AWS: a copy of the same account that has no bytes of its own costs nothing.
            if snapshot.state == ERROR || snapshot.copied.as_ref().is_some_and(|copied| copied.shares) {
                continue;
            }
            let resource = register::arn(account, region, SNAPSHOT.noun, &snapshot.id);
            let (kind, operation) = (&SNAPSHOTS_KEPT, "CreateSnapshot");
            let kept = kept(cloud, &snapshot, &maps).map_err(|error| error.to_string())?;
            tell(&Line { account, region, kind, operation, resource: &resource }, kept);
        }
        each(cloud, &RESTORES, |(account, region), restore| {
            if restore.is_on() {
                let resource = register::arn(account, region, SNAPSHOT.noun, &restore.snapshot);
                let (kind, operation) = (&FAST_RESTORES, "FastSnapshotRestore");
                tell(&Line { account, region, kind, operation, resource: &resource }, 1);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Volume, amounts};

    fn of(kind: &str, size: i64, iops: Option<i64>, throughput: Option<i64>) -> Vec<(&'static str, u64)> {
        let volume = Volume { kind: kind.to_owned(), size, iops, throughput, ..Volume::default() };
        let told = amounts(&volume).into_iter().map(|(kind, _, amount)| (kind.usage_type, amount));
        told.filter(|(_, amount)| *amount > 0).collect()
    }

    #[test]
    fn what_comes_with_a_volume_is_not_paid_again() {
        assert_eq!(of("gp3", 20, Some(3_000), Some(125)), [("EBS:VolumeUsage.gp3", 20)]);
        assert_eq!(
            of("gp3", 20, Some(4_000), Some(200)),
            [
                ("EBS:VolumeUsage.gp3", 20),
                ("EBS:VolumeP-IOPS.gp3", 1_000),
                ("EBS:VolumeP-Throughput.gp3", 75)
            ]
        );
        assert_eq!(of("gp2", 1_000, Some(3_000), None), [("EBS:VolumeUsage.gp2", 1_000)]);
        assert_eq!(
            of("io1", 10, Some(500), None),
            [("EBS:VolumeUsage.piops", 10), ("EBS:VolumeP-IOPS.piops", 500)]
        );
        for kind in ["io2", "st1", "sc1", "standard"] {
            assert_eq!(of(kind, 125, None, None).len(), 1, "{kind}");
        }
    }
}
