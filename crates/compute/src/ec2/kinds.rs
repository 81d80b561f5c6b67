//! Instance types: AWS's figures for those that people use.
//!
//! AWS: <https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html>, and <https://aws.amazon.com/ec2/pricing/on-demand/>
//! for what an hour of Linux costs in us-east-1, which is the price in every region here.

use host::pace::{Burst, Limit, Rate};
use kernel::meter::Kind;

/// A type.
#[derive(Debug)]
pub(crate) struct InstanceType {
    pub(crate) name: &'static str,
    pub(crate) cpus: i64,
    pub(crate) memory_mib: i64,
    pub(crate) interfaces: i64,
    pub(crate) addresses: i64,
    pub(crate) network: &'static str,
    /// What its network carries for ever, and for a while, each way: millions of bits a second.
    pub(crate) megabits: i64,
    pub(crate) megabits_peak: i64,
    pub(crate) current: bool,
    /// An hour on demand, in millionths of a dollar.
    pub(crate) price: i64,
    /// An hour of one: on demand, as a spot machine, and on hardware of one's own.
    pub(crate) used: Kind,
    pub(crate) spot: Kind,
    pub(crate) dedicated: Kind,
    /// An hour of reserved room for one that is not used.
    pub(crate) unused: Kind,
}

impl InstanceType {
    /// T types earn credits: so many thousandths an hour.
    /// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html>
    pub(crate) fn credits(&self) -> Option<i64> {
        let (family, size) = self.name.split_once('.')?;
        let [t2, t3] = match size {
            "nano" => [3_000, 6_000],
            "micro" => [6_000, 12_000],
            "small" => [12_000, 24_000],
            "medium" => [24_000, 24_000],
            "large" => [36_000, 36_000],
            "xlarge" => [54_000, 96_000],
            "2xlarge" => [81_600, 192_000],
            _ => return None,
        };
        match family {
            "t2" => Some(t2),
            "t3" => Some(t3),
            _ => None,
        }
    }

    /// What that lets it do for ever, in thousandths of a processor: a credit is a minute of one.
    pub(crate) fn baseline(&self) -> Option<i64> {
        self.credits().map(|credits| credits / 60)
    }

    /// What it has for its volumes together; nothing where that is not set apart from its network.
    pub(crate) fn ebs(&self) -> Option<Ebs> {
        let (family, size) = self.name.split_once('.')?;
        let (megabits, iops) = match (family, size) {
            ("m5", "large") => ((650, 4_750), (3_600, 18_750)),
            ("m5", "xlarge") => ((1_150, 4_750), (6_000, 18_750)),
            ("m5", "2xlarge") => ((2_300, 4_750), (12_000, 18_750)),
            ("m5", "4xlarge") => ((4_750, 4_750), (18_750, 18_750)),
            ("t3", "nano") => ((43, 2_085), (250, 11_800)),
            ("t3", "micro") => ((87, 2_085), (500, 11_800)),
            ("t3", "small") => ((174, 2_085), (1_000, 11_800)),
            ("t3", "medium") => ((347, 2_085), (2_000, 11_800)),
            ("t3", "large" | "xlarge" | "2xlarge") => ((695, 2_780), (4_000, 15_700)),
            _ => return None,
        };
        Some(Ebs { megabits: megabits.0, megabits_max: megabits.1, iops: iops.0, iops_max: iops.1 })
    }

    /// Of the newer hypervisor, as all are but the older families.
    pub(crate) fn is_nitro(&self) -> bool {
        !self.name.starts_with("t2.")
    }

    pub(crate) fn is_burstable(&self) -> bool {
        self.credits().is_some()
    }
}

/// What a type carries to its volumes and from them, for ever and at best: millions of bits, and operations, a second.
/// AWS: <https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html>, "EBS specifications".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ebs {
    pub(crate) megabits: i64,
    pub(crate) megabits_max: i64,
    pub(crate) iops: i64,
    pub(crate) iops_max: i64,
}

impl Ebs {
    /// The best is for half an hour, once a day: what a machine did not use is saved up until it is worth that.
    /// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ebs-optimized.html>
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn rate(&self) -> Rate {
        const SECONDS: f64 = 1_800.0;
        let limit = |each_second: f64, most: f64| Limit {
            most,
            burst: (each_second < most)
                .then_some(Burst { each_second, saved_max: (most - each_second) * SECONDS }),
        };
        let bytes = |megabits: i64| (megabits * 1_000_000 / 8) as f64;
        Rate {
            operations: limit(self.iops as f64, self.iops_max as f64),
            bytes: limit(bytes(self.megabits), bytes(self.megabits_max)),
        }
    }
}

const fn hours(usage_type: &'static str) -> Kind {
    Kind::hours("AmazonEC2", usage_type, "Hrs")
}

macro_rules! types {
    ($( $name:literal $cpus:literal $memory:literal $interfaces:literal $addresses:literal $network:literal $megabits:literal $peak:literal $current:literal $price:literal; )+) => {
        pub(crate) static TYPES: &[InstanceType] = &[ $( InstanceType {
            name: $name, cpus: $cpus, memory_mib: $memory, interfaces: $interfaces, addresses: $addresses,
            network: $network, megabits: $megabits, megabits_peak: $peak, current: $current, price: $price,
            used: hours(concat!("BoxUsage:", $name)).at($price, 1),
            spot: hours(concat!("SpotUsage:", $name)),
            dedicated: hours(concat!("DedicatedUsage:", $name)),
            unused: hours(concat!("UnusedBox:", $name)).at($price, 1),
        } ),+ ];
    };
}

types! {
    "m5.large" 2 8192 3 10 "Up to 10 Gigabit" 750 10_000 true 96_000;
    "m5.xlarge" 4 16384 4 15 "Up to 10 Gigabit" 1_250 10_000 true 192_000;
    "m5.2xlarge" 8 32768 4 15 "Up to 10 Gigabit" 2_500 10_000 true 384_000;
    "m5.4xlarge" 16 65536 8 30 "Up to 10 Gigabit" 5_000 10_000 true 768_000;
    "t2.nano" 1 512 2 2 "Low to Moderate" 32 512 true 5_800;
    "t2.micro" 1 1024 2 2 "Low to Moderate" 64 1_024 true 11_600;
    "t2.small" 1 2048 3 4 "Low to Moderate" 128 1_024 true 23_000;
    "t2.medium" 2 4096 3 6 "Low to Moderate" 256 1_024 true 46_400;
    "t2.large" 2 8192 3 12 "Low to Moderate" 512 1_024 true 92_800;
    "t3.nano" 2 512 2 2 "Up to 5 Gigabit" 32 5_000 true 5_200;
    "t3.micro" 2 1024 2 2 "Up to 5 Gigabit" 64 5_000 true 10_400;
    "t3.small" 2 2048 3 4 "Up to 5 Gigabit" 128 5_000 true 20_800;
    "t3.medium" 2 4096 3 6 "Up to 5 Gigabit" 256 5_000 true 41_600;
    "t3.large" 2 8192 3 12 "Up to 5 Gigabit" 512 5_000 true 83_200;
    "t3.xlarge" 4 16384 4 15 "Up to 5 Gigabit" 1_024 5_000 true 166_400;
    "t3.2xlarge" 8 32768 4 15 "Up to 5 Gigabit" 2_048 5_000 true 332_800;
}

pub(crate) fn find(name: &str) -> Option<&'static InstanceType> {
    TYPES.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::pace::Pace;
    use std::time::Duration;

    /// How many seconds of a number it works at full speed, where it is asked for more.
    #[test]
    fn all_volumes_are_fast_for_half_an_hour_and_as_fast_as_ever_then() {
        let kind = find("t3.micro").unwrap().ebs().unwrap();
        let (mut pace, second) = (Pace::new(kind.rate(), Duration::ZERO), Duration::from_secs(1));
        let (most, base) = (2_085_000_000 / 8, 87_000_000 / 8);
        let mut now = Duration::ZERO;
        for at in 0..1_700 {
            now = second * at;
            assert!(pace.due(1.0, most, now, now) <= second, "{at}");
        }
        // As much as is left of the half hour, and the baseline then: a second of the best takes many.
        let mut waits = Duration::ZERO;
        for at in 1_700..1_900 {
            now = second * at;
            waits = pace.due(1.0, most, now, now);
        }
        assert!(waits > second * 1_500, "{waits:?}");
        // Who rests a day has all of it again.
        let day = now + Duration::from_secs(86_400);
        assert_eq!(pace.balance(day), Some(100.0));
        assert_eq!(pace.due(1.0, base, day, day), Duration::ZERO);
        // Operations have their own.
        let mut many = Pace::new(kind.rate(), Duration::ZERO);
        assert!(many.due(11_800.0 * 2.0, 1, Duration::ZERO, Duration::ZERO).is_zero());
        assert_eq!(many.due(0.0, 0, Duration::ZERO, Duration::ZERO), Duration::from_millis(1_900));
        // Those that are as fast as they can for ever, and those that share it with their network.
        assert_eq!(find("m5.4xlarge").unwrap().ebs().unwrap().rate().bytes.burst, None);
        assert!(find("t2.micro").unwrap().ebs().is_none());
    }
}
