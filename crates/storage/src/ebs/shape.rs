//! Types of volumes and what each may be: sizes, operations and throughput.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html> and `CreateVolume`.

use super::model::Shape;
use ec2::{Ec2Error, Plain};
use host::pace::{Burst, Limit, Rate};

/// A type's limits; a range that is empty means that it cannot be chosen.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    sizes: (i64, i64),
    iops: Option<(i64, i64)>,
    /// Operations a GiB.
    ratio: i64,
    throughput: Option<(i64, i64)>,
}

const fn kind(
    name: &'static str,
    sizes: (i64, i64),
    iops: Option<(i64, i64)>,
    ratio: i64,
    throughput: Option<(i64, i64)>,
) -> Kind {
    Kind { name, sizes, iops, ratio, throughput }
}

const KINDS: &[Kind] = &[
    kind("standard", (1, 1024), None, 0, None),
    kind("io1", (4, 16_384), Some((100, 64_000)), 50, None),
    kind("io2", (4, 65_536), Some((100, 256_000)), 1000, None),
    kind("gp2", (1, 16_384), None, 0, None),
    kind("sc1", (125, 16_384), None, 0, None),
    kind("st1", (125, 16_384), None, 0, None),
    kind("gp3", (1, 65_536), Some((100, 80_000)), 500, Some((125, 2000))),
];

/// What gp3 gives whatever its size; who asks for less gets it all the same.
const GP3_BASE: i64 = 3000;

/// What a request says of a new or changed volume.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    pub kind: Option<&'a str>,
    pub size: i64,
    pub iops: Option<i64>,
    pub throughput: Option<i64>,
}

fn wrong(what: String) -> Ec2Error {
    Plain::InvalidParameterValue(what).into()
}

fn size(kind: &Kind, size: i64) -> Result<(), Ec2Error> {
    let (min, max) = kind.sizes;
    let name = kind.name;
    if size < min {
        return Err(wrong(format!(
            "The volume size is invalid for {name} volumes: {size} GiB. {name} volumes must be at least {min} GiB in size. Please specify a volume size above the minimum limit."
        )));
    }
    if size > max {
        return Err(wrong(format!(
            "Volume of {size}GiB is too large for volume type {name}; maximum is {max}GiB"
        )));
    }
    Ok(())
}

fn iops(kind: &Kind, wanted: &Wanted<'_>) -> Result<Option<i64>, Ec2Error> {
    let Some((min, max)) = kind.iops else {
        if wanted.iops.is_some() {
            let what = format!("The parameter iops is not supported for {} volumes.", kind.name);
            return Err(Plain::InvalidParameterCombination(what).into());
        }
        // What gp2 gives: three a GiB.
        return Ok((kind.name == "gp2").then(|| (wanted.size * 3).clamp(100, 16_000)));
    };
    // Whoever must say it has said it.
    let Some(asked) = wanted.iops else { return Ok(Some(GP3_BASE)) };
    if asked < min {
        return Err(wrong(format!("Volume iops of {asked} is too low; minimum is {min}.")));
    }
    if asked > max {
        return Err(wrong(format!("Volume iops of {asked} is too high; maximum is {max}.")));
    }
    let is_base = kind.name == "gp3" && asked == GP3_BASE;
    if !is_base && asked > wanted.size * kind.ratio {
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let ratio = asked as f64 / wanted.size as f64;
        let max = kind.ratio;
        return Err(wrong(format!("Iops to volume size ratio of {ratio:.6} is too high; maximum is {max}")));
    }
    Ok(Some(if kind.name == "gp3" { asked.max(GP3_BASE) } else { asked }))
}

fn throughput(kind: &Kind, wanted: &Wanted<'_>, iops: Option<i64>) -> Result<Option<i64>, Ec2Error> {
    let Some((min, max)) = kind.throughput else {
        if wanted.throughput.is_some() {
            let what = format!("The throughput parameter is not supported for {} volumes.", kind.name);
            return Err(Plain::InvalidParameterCombination(what).into());
        }
        return Ok(None);
    };
    let asked = wanted.throughput.unwrap_or(min).max(min);
    if asked > max {
        return Err(wrong(format!("Volume throughput of {asked} is too high; maximum is {max}.")));
    }
    let iops = iops.unwrap_or(GP3_BASE);
    if asked * 4 > iops {
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let ratio = asked as f64 / iops as f64;
        return Err(wrong(format!(
            "Throughput (MiBps) to iops ratio of {ratio:.6} is too high; maximum is 0.250000 MiBps per iops"
        )));
    }
    Ok(Some(asked))
}

/// What a volume becomes.
///
/// # Errors
/// `UnknownVolumeType`, `InvalidParameterValue`, `InvalidParameterCombination`.
pub(super) fn of(wanted: &Wanted<'_>) -> Result<Shape, Ec2Error> {
    let name = wanted.kind.unwrap_or("gp2");
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let kind = kind.ok_or_else(|| {
        Ec2Error::from(Plain::UnknownVolumeType(format!(
            "Unsupported volume type '{name}' for volume creation."
        )))
    })?;
    let numbers = [("size", Some(wanted.size)), ("iops", wanted.iops), ("throughput", wanted.throughput)];
    for (name, number) in numbers {
        if let Some(number) = number.filter(|number| *number < 0) {
            return Err(Ec2Error::value(number, name, "Value must be a positive integer."));
        }
    }
    // AWS looks for it before the size.
    if wanted.iops.is_none() && kind.iops.is_some() && kind.name != "gp3" {
        let what = format!("The parameter iops must be specified for {name} volumes.");
        return Err(Plain::InvalidParameterCombination(what).into());
    }
    size(kind, wanted.size)?;
    let iops = iops(kind, wanted)?;
    let throughput = throughput(kind, wanted, iops)?;
    Ok(Shape { kind: name.to_owned(), size: wanted.size, iops, throughput })
}

/// Operations and bytes a second that a volume gives; those that depend on credits give what they do at their best.
///
/// AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html>
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn limits(shape: &Shape) -> (f64, f64) {
    const MIB: f64 = 1_048_576.0;
    let size = shape.size as f64;
    let (iops, mib) = match shape.kind.as_str() {
        "gp3" => (GP3_BASE as f64, shape.throughput.unwrap_or(125) as f64),
        // Volumes below 1 TiB burst to 3,000 operations; below 170 GiB to 128 MiB a second.
        "gp2" => (3000.0, if shape.size < 170 { 128.0 } else { 250.0 }),
        "io1" => (100.0, 1000.0),
        "io2" => (100.0, 4000.0),
        "st1" => (500.0, (size * 250.0 / 1024.0).min(500.0)),
        "sc1" => (250.0, (size * 80.0 / 1024.0).min(250.0)),
        _ => (200.0, 90.0),
    };
    let own = shape.iops.unwrap_or(0) as f64;
    let iops = if shape.kind == "gp2" { own.max(iops) } else { shape.iops.map_or(iops, |_| own) };
    (iops, mib * MIB)
}

/// How fast a volume of a type is. What a type that bursts saves up it saves of operations (gp2) or of bytes; none where a
/// volume is so large that its baseline is as much.
///
/// AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html> and `hdd-vols.html`.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn rate(shape: &Shape) -> Rate {
    const GP2_SAVED: f64 = 5_400_000.0;
    const TIB: f64 = 1_099_511_627_776.0;
    const MIB: f64 = 1_048_576.0;
    let (operations, bytes) = limits(shape);
    let tebibytes = shape.size as f64 / 1024.0;
    let of_disk =
        |mib: f64| Burst { saved_max: tebibytes * TIB, each_second: (tebibytes * mib).min(500.0) * MIB };
    let (of_operations, of_bytes) = match shape.kind.as_str() {
        "gp2" => {
            let each_second = shape.iops.unwrap_or(100) as f64;
            (Some(Burst { saved_max: GP2_SAVED, each_second }), None)
        }
        "st1" => (None, Some(of_disk(40.0))),
        "sc1" => (None, Some(of_disk(12.0))),
        _ => (None, None),
    };
    let limit =
        |most: f64, burst: Option<Burst>| Limit { most, burst: burst.filter(|b| b.each_second < most) };
    Rate { operations: limit(operations, of_operations), bytes: limit(bytes, of_bytes) }
}

/// The most bytes that are one operation of a volume; one of more is several.
///
/// AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-io-characteristics.html>
pub(super) fn unit(kind: &str) -> u64 {
    if matches!(kind, "st1" | "sc1") { 1 << 20 } else { 256 << 10 }
}

#[cfg(test)]
mod tests {
    use super::{Shape, Wanted, of, rate};

    #[test]
    fn each_type_has_its_limits() {
        let try_it = |kind, size, iops, throughput| of(&Wanted { kind: Some(kind), size, iops, throughput });
        let good = [
            ("gp2", 1, None, None, Some(100), None),
            ("gp2", 16_384, None, None, Some(16_000), None),
            ("gp3", 1, None, None, Some(3000), Some(125)),
            ("gp3", 1, Some(3000), Some(750), Some(3000), Some(750)),
            ("gp3", 1, Some(500), Some(124), Some(3000), Some(125)),
            ("gp3", 1, None, Some(0), Some(3000), Some(125)),
            ("gp3", 160, Some(80_000), Some(2000), Some(80_000), Some(2000)),
            ("io1", 4, Some(200), None, Some(200), None),
            ("io2", 256, Some(256_000), None, Some(256_000), None),
            ("st1", 125, None, None, None, None),
            ("standard", 1024, None, None, None, None),
        ];
        for (kind, size, iops, throughput, gets, flows) in good {
            let made = try_it(kind, size, iops, throughput).unwrap();
            assert_eq!((made.iops, made.throughput), (gets, flows), "{kind} {size}");
        }
        let shape = |kind: &str, size, iops| Shape { kind: kind.into(), size, iops, throughput: None };
        let tebibyte = f64::from(1 << 20) * f64::from(1 << 20);
        for (shape, saved) in [
            (shape("gp2", 100, Some(300)), Some((5_400_000.0, 300.0))),
            (shape("gp2", 1000, Some(3000)), None),
            (shape("st1", 1024, None), Some((tebibyte, 40.0 * 1_048_576.0))),
            (shape("st1", 16_384, None), None),
            (shape("sc1", 2048, None), Some((2.0 * tebibyte, 24.0 * 1_048_576.0))),
            (shape("gp3", 100, Some(3000)), None),
        ] {
            let rate = rate(&shape);
            let burst = rate.operations.burst.or(rate.bytes.burst);
            assert_eq!(burst.map(|burst| (burst.saved_max, burst.each_second)), saved, "{shape:?}");
            assert_eq!(rate.bytes.burst.is_some(), saved.is_some() && shape.kind != "gp2");
        }
        let bad = [
            ("gp9", 1, None, None, "Unsupported volume type 'gp9' for volume creation."),
            (
                "st1",
                1,
                None,
                None,
                "The volume size is invalid for st1 volumes: 1 GiB. st1 volumes must be at least 125 GiB in size. Please specify a volume size above the minimum limit.",
            ),
            (
                "gp2",
                16_385,
                None,
                None,
                "Volume of 16385GiB is too large for volume type gp2; maximum is 16384GiB",
            ),
            (
                "gp3",
                -1,
                None,
                None,
                "Value (-1) for parameter size is invalid. Value must be a positive integer.",
            ),
            (
                "gp3",
                1,
                Some(-1),
                None,
                "Value (-1) for parameter iops is invalid. Value must be a positive integer.",
            ),
            (
                "gp3",
                1,
                None,
                Some(-1),
                "Value (-1) for parameter throughput is invalid. Value must be a positive integer.",
            ),
            ("io1", 1, None, None, "The parameter iops must be specified for io1 volumes."),
            (
                "io2",
                1,
                Some(256_001),
                None,
                "The volume size is invalid for io2 volumes: 1 GiB. io2 volumes must be at least 4 GiB in size. Please specify a volume size above the minimum limit.",
            ),
            ("gp3", 1, Some(80_001), None, "Volume iops of 80001 is too high; maximum is 80000."),
            (
                "gp3",
                1,
                Some(501),
                None,
                "Iops to volume size ratio of 501.000000 is too high; maximum is 500",
            ),
            (
                "gp3",
                1,
                Some(2999),
                None,
                "Iops to volume size ratio of 2999.000000 is too high; maximum is 500",
            ),
            ("gp3", 1, None, Some(2001), "Volume throughput of 2001 is too high; maximum is 2000."),
            ("gp2", 10, Some(100), None, "The parameter iops is not supported for gp2 volumes."),
            ("io1", 10, None, None, "The parameter iops must be specified for io1 volumes."),
            ("gp3", 10, Some(99), None, "Volume iops of 99 is too low; minimum is 100."),
            ("io1", 4, Some(201), None, "Iops to volume size ratio of 50.250000 is too high; maximum is 50"),
            (
                "gp3",
                20,
                Some(15_000),
                None,
                "Iops to volume size ratio of 750.000000 is too high; maximum is 500",
            ),
            ("gp2", 10, None, Some(125), "The throughput parameter is not supported for gp2 volumes."),
            (
                "gp3",
                10,
                None,
                Some(1000),
                "Throughput (MiBps) to iops ratio of 0.333333 is too high; maximum is 0.250000 MiBps per iops",
            ),
        ];
        for (kind, size, iops, throughput, message) in bad {
            assert_eq!(try_it(kind, size, iops, throughput).unwrap_err().message(), message);
        }
    }
}
