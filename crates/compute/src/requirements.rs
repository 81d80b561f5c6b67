//! Instance types by their attributes: which of them fit, what each counts, and which are too dear beside the others. Pure.
//!
//! What the table of types does not tell (bandwidths to volumes, kinds of local storage, performance factors) is not declared here, so
//! who asks for it is told that nothing acts on it.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-attribute-based-instance-type-selection.html>

use crate::ec2::kinds::{InstanceType, TYPES};
use crate::pools::UNIT;
use ec2::filter::matches;
use wire::{FromValue, ToValue, Value};

/// AWS's defaults, in hundredths: of what on-demand machines may cost beyond the least, and spot machines of that.
const ON_DEMAND_OVER: i64 = 20;
const SPOT_OF: i64 = 100;
/// AWS: types that are allowed or excluded.
const NAMES_MAX: usize = 400;

wire::shape! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Requirements {
        cpus: Option<Range> = "VCpuCount",
        memory: Option<Range> = "MemoryMiB",
        makers: Vec<String> = "CpuManufacturers",
        per_cpu: Option<Measure> = "MemoryGiBPerVCpu",
        excluded: Vec<String> = "ExcludedInstanceTypes",
        allowed: Vec<String> = "AllowedInstanceTypes",
        generations: Vec<String> = "InstanceGenerations",
        spot_over: Option<i64> = "SpotMaxPricePercentageOverLowestPrice",
        spot_of: Option<i64> = "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice",
        on_demand_over: Option<i64> = "OnDemandMaxPricePercentageOverLowestPrice",
        bare: Option<String> = "BareMetal",
        burstable: Option<String> = "BurstablePerformance",
        hibernates: Option<bool> = "RequireHibernateSupport",
        interfaces: Option<Range> = "NetworkInterfaceCount",
        gigabits: Option<Measure> = "NetworkBandwidthGbps",
        ebs: Option<Range> = "BaselineEbsBandwidthMbps",
        storage: Option<String> = "LocalStorage",
        storage_size: Option<Measure> = "TotalLocalStorageGB",
        accelerators: Option<Range> = "AcceleratorCount",
        accelerator_types: Vec<String> = "AcceleratorTypes",
        accelerator_makers: Vec<String> = "AcceleratorManufacturers",
        accelerator_names: Vec<String> = "AcceleratorNames",
        accelerator_memory: Option<Range> = "AcceleratorTotalMemoryMiB",
    }

    #[derive(Clone, Copy, Debug, Default)]
    struct Range {
        min: Option<i64> = "Min",
        max: Option<i64> = "Max",
    }

    #[derive(Clone, Copy, Debug, Default)]
    struct Measure {
        min: Option<f64> = "Min",
        max: Option<f64> = "Max",
    }
}

/// In what capacity is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    Machines,
    Cpus,
    MemoryMib,
}

/// What an hour of a unit may cost, in millionths of a dollar; none: nothing fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ceiling {
    pub(crate) on_demand: i64,
    pub(crate) spot: i64,
}

impl Unit {
    /// By AWS's name, `memory-mib`.
    pub(crate) fn named(name: &str) -> Option<Unit> {
        Some(match name {
            "units" => Unit::Machines,
            "vcpu" => Unit::Cpus,
            "memory-mib" => Unit::MemoryMib,
            _ => return None,
        })
    }

    /// The units of a machine.
    pub(crate) fn of(self, kind: &InstanceType) -> i64 {
        match self {
            Unit::Machines => 1,
            Unit::Cpus => kind.cpus,
            Unit::MemoryMib => kind.memory_mib,
        }
    }
}

impl Range {
    fn has(range: Option<Range>, number: i64) -> bool {
        let Range { min, max } = range.unwrap_or_default();
        min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max)
    }

    fn is_empty(self) -> bool {
        matches!(self, Range { min: Some(min), max: Some(max) } if min > max)
    }
}

impl Measure {
    fn has(range: Option<Measure>, number: f64) -> bool {
        let Measure { min, max } = range.unwrap_or_default();
        min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max)
    }

    fn is_empty(self) -> bool {
        matches!(self, Measure { min: Some(min), max: Some(max) } if min > max)
    }
}

/// Whether something that is there, or is not, is asked for: `included`, `required`, `excluded`.
fn admits(asked: Option<&str>, default: &str, is_there: bool) -> bool {
    match asked.unwrap_or(default) {
        "required" => is_there,
        "excluded" => !is_there,
        _ => true,
    }
}

/// AWS: the families by which prices are judged.
fn is_common(kind: &InstanceType) -> bool {
    kind.current && kind.name.starts_with(['c', 'm', 'r'])
}

impl Requirements {
    /// As a record keeps it.
    pub(crate) fn text(&self) -> String {
        wire::json::text(&self.clone().to_value().unwrap_or(Value::Null))
    }

    /// What a record keeps, or a template tells.
    pub(crate) fn read(text: &str) -> Option<Requirements> {
        crate::ec2::template::kept(text)
    }

    /// Of another service's answer.
    pub(crate) fn told(value: &Value) -> Option<Requirements> {
        Requirements::from_value(value.clone()).ok()
    }

    /// What is wrong with them.
    pub(crate) fn flaw(&self) -> Option<String> {
        let min = |range: Option<Range>| range.and_then(|range| range.min);
        if min(self.cpus).is_none() || min(self.memory).is_none() {
            return Some(
                "InstanceRequirements must contain VCpuCount and MemoryMiB, each with its Min.".into(),
            );
        }
        if !self.allowed.is_empty() && !self.excluded.is_empty() {
            return Some(
                "AllowedInstanceTypes and ExcludedInstanceTypes may not be specified together.".into(),
            );
        }
        if self.allowed.len().max(self.excluded.len()) > NAMES_MAX {
            return Some(format!("At most {NAMES_MAX} instance types may be allowed or excluded."));
        }
        if self.spot_over.is_some() && self.spot_of.is_some() {
            return Some("SpotMaxPricePercentageOverLowestPrice and MaxSpotPriceAsPercentageOfOptimalOnDemandPrice may not be specified together.".into());
        }
        let shares = [self.spot_over, self.spot_of, self.on_demand_over];
        if shares.into_iter().flatten().any(|share| !(0..=i64::from(i32::MAX)).contains(&share)) {
            return Some("Percentages of prices may not be negative.".into());
        }
        let ranges =
            [self.cpus, self.memory, self.interfaces, self.ebs, self.accelerators, self.accelerator_memory];
        let is_empty = ranges.into_iter().flatten().any(Range::is_empty)
            || [self.per_cpu, self.storage_size, self.gigabits].into_iter().flatten().any(Measure::is_empty);
        is_empty.then(|| "A Min of InstanceRequirements may not be more than its Max.".into())
    }

    /// Whether a type has all of the attributes. No type here has local storage or accelerators, is bare metal or
    /// hibernates.
    fn fits(&self, kind: &InstanceType) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "gibibytes of one machine")]
        let per_cpu = kind.memory_mib as f64 / 1024.0 / kind.cpus as f64;
        let is_named = |names: &[String]| names.iter().any(|pattern| matches(pattern, kind.name));
        let generation = if kind.current { "current" } else { "previous" };
        let any = |wanted: &[String], own: &str| wanted.is_empty() || wanted.iter().any(|one| one == own);
        Range::has(self.cpus, kind.cpus)
            && Range::has(self.memory, kind.memory_mib)
            && Measure::has(self.per_cpu, per_cpu)
            && any(&self.makers, "intel")
            && any(&self.generations, generation)
            && (self.allowed.is_empty() || is_named(&self.allowed))
            && !is_named(&self.excluded)
            && admits(self.bare.as_deref(), "excluded", false)
            && admits(self.burstable.as_deref(), "excluded", kind.is_burstable())
            && self.hibernates != Some(true)
            && Range::has(self.interfaces, kind.interfaces)
            // AWS: of the baseline.
            && Measure::has(self.gigabits, kind.megabits as f64 / 1_000.0)
            && (self.ebs.is_none() || kind.ebs().is_some_and(|ebs| Range::has(self.ebs, ebs.megabits)))
            && admits(self.storage.as_deref(), "included", false)
            && Measure::has(self.storage_size, 0.0)
            && Range::has(self.accelerators, 0)
            && Range::has(self.accelerator_memory, 0)
            && self.accelerator_types.is_empty()
            && self.accelerator_makers.is_empty()
            && self.accelerator_names.is_empty()
    }

    /// The types that fit, whatever they cost.
    pub(crate) fn matching(&self) -> Vec<&'static InstanceType> {
        TYPES.iter().filter(|kind| self.fits(kind)).collect()
    }

    /// What a unit of those that fit may cost; `spot` is what an hour of a type costs where it is cheapest.
    ///
    /// AWS: judged by the cheapest type of the current families C, M and R that fits, where there is one; else by the
    /// cheapest current one, else by the cheapest.
    pub(crate) fn ceiling(&self, unit: Unit, spot: impl Fn(&InstanceType) -> i64) -> Option<Ceiling> {
        let fitting = self.matching();
        let common: Vec<_> = fitting.iter().copied().filter(|kind| is_common(kind)).collect();
        let current: Vec<_> = fitting.iter().copied().filter(|kind| kind.current).collect();
        let judged = [common, current, fitting].into_iter().find(|some| !some.is_empty())?;
        let least = |price: &dyn Fn(&InstanceType) -> i64| {
            judged.iter().map(|kind| by_unit(price(kind), unit.of(kind))).min().unwrap_or_default()
        };
        let (on_demand, cheapest) = (least(&|kind| kind.price), least(&spot));
        let share = |price: i64, hundredths: i64| price.saturating_mul(hundredths) / 100;
        let spot = match (self.spot_over, self.spot_of) {
            (Some(over), _) => share(cheapest, 100 + over),
            (None, of) => share(on_demand, of.unwrap_or(SPOT_OF)),
        };
        let over = self.on_demand_over.unwrap_or(ON_DEMAND_OVER);
        Some(Ceiling { on_demand: share(on_demand, 100 + over), spot })
    }
}

/// The price of a thousand units of a machine that has so many: small units must not be rounded away.
pub(crate) fn by_unit(price: i64, units: i64) -> i64 {
    price.saturating_mul(UNIT) / units.max(1)
}

#[cfg(test)]
mod tests {
    use super::{Ceiling, Requirements, Unit};
    use wire::{FromValue, Struct, Value};

    fn structure(members: &[(&'static str, Value)]) -> Value {
        Value::Struct(members.iter().cloned().collect::<Struct>())
    }

    fn between(min: i64, max: i64) -> Value {
        structure(&[("Min", Value::Int(min)), ("Max", Value::Int(max))])
    }

    fn texts(all: &[&str]) -> Value {
        Value::List(all.iter().map(|one| Value::str(*one)).collect())
    }

    fn asked(more: &[(&'static str, Value)]) -> Requirements {
        let mut members: Struct =
            [("VCpuCount", between(2, 4)), ("MemoryMiB", between(4096, 16384))].into_iter().collect();
        more.iter().for_each(|(name, value)| members.set(name, value.clone()));
        Requirements::from_value(Value::Struct(members)).unwrap()
    }

    fn names(asked: &Requirements) -> Vec<&'static str> {
        asked.matching().iter().map(|kind| kind.name).collect()
    }

    #[test]
    fn types_are_found_by_what_they_have() {
        let both = ("BurstablePerformance", Value::str("included"));
        for (more, expected) in [
            (vec![], vec!["m5.large", "m5.xlarge"]),
            (
                vec![both.clone()],
                vec!["m5.large", "m5.xlarge", "t2.medium", "t2.large", "t3.medium", "t3.large", "t3.xlarge"],
            ),
            (
                vec![
                    ("BurstablePerformance", Value::str("required")),
                    ("AllowedInstanceTypes", texts(&["t3.*"])),
                ],
                vec!["t3.medium", "t3.large", "t3.xlarge"],
            ),
            (vec![both.clone(), ("ExcludedInstanceTypes", texts(&["t*", "m5.x*"]))], vec!["m5.large"]),
            (
                vec![both, ("MemoryGiBPerVCpu", structure(&[("Max", Value::Float(2.0))]))],
                vec!["t2.medium", "t3.medium"],
            ),
            (vec![("NetworkInterfaceCount", between(4, 8))], vec!["m5.xlarge"]),
            (vec![("CpuManufacturers", texts(&["amd"]))], vec![]),
            (vec![("CpuManufacturers", texts(&["amd", "intel"]))], vec!["m5.large", "m5.xlarge"]),
            (vec![("InstanceGenerations", texts(&["previous"]))], vec![]),
            (vec![("BareMetal", Value::str("required"))], vec![]),
            (vec![("LocalStorage", Value::str("required"))], vec![]),
            (vec![("RequireHibernateSupport", Value::Bool(true))], vec![]),
            (vec![("AcceleratorCount", between(0, 0))], vec!["m5.large", "m5.xlarge"]),
            (vec![("AcceleratorCount", between(1, 1))], vec![]),
            (vec![("AcceleratorTypes", texts(&["gpu"]))], vec![]),
        ] {
            assert_eq!(names(&asked(&more)), expected, "{more:?}");
        }
    }

    #[test]
    fn what_is_much_dearer_than_the_cheapest_is_too_dear() {
        let half = |kind: &crate::ec2::kinds::InstanceType| kind.price / 2;
        let ceiling = |more: &[(&'static str, Value)], unit| asked(more).ceiling(unit, half);
        // By m5.large, at 96,000; for a thousand units.
        let thousands =
            |on_demand: i64, spot: i64| Some(Ceiling { on_demand: on_demand * 1000, spot: spot * 1000 });
        assert_eq!(ceiling(&[], Unit::Machines), thousands(115_200, 96_000));
        assert_eq!(ceiling(&[], Unit::Cpus), thousands(57_600, 48_000));
        let over = ("SpotMaxPricePercentageOverLowestPrice", Value::Int(50));
        assert_eq!(ceiling(&[over], Unit::Machines), thousands(115_200, 72_000));
        let of = ("MaxSpotPriceAsPercentageOfOptimalOnDemandPrice", Value::Int(60));
        let on_demand = ("OnDemandMaxPricePercentageOverLowestPrice", Value::Int(0));
        assert_eq!(ceiling(&[of, on_demand], Unit::Machines), thousands(96_000, 57_600));
        // T types are cheaper, but no measure where there are others.
        let both = ("BurstablePerformance", Value::str("included"));
        assert_eq!(ceiling(std::slice::from_ref(&both), Unit::Machines), thousands(115_200, 96_000));
        let alone = ("AllowedInstanceTypes", texts(&["t3.medium"]));
        assert_eq!(ceiling(&[both, alone], Unit::Machines), thousands(49_920, 41_600));
        assert_eq!(ceiling(&[("CpuManufacturers", texts(&["amd"]))], Unit::Machines), None);
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        assert_eq!(asked(&[]).flaw(), None);
        let both = [("AllowedInstanceTypes", texts(&["a"])), ("ExcludedInstanceTypes", texts(&["b"]))];
        assert!(asked(&both).flaw().unwrap().contains("may not be specified together"));
        assert!(
            asked(&[("VCpuCount", between(4, 2))]).flaw().unwrap().contains("may not be more than its Max")
        );
        assert!(Requirements::default().flaw().unwrap().contains("VCpuCount and MemoryMiB"));
        let kept = asked(&[("MemoryGiBPerVCpu", structure(&[("Min", Value::Float(4.0))]))]);
        let again = Requirements::read(&kept.text()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{kept:?}"));
    }
}
