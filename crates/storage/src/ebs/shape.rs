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
    kind("gp3", (1, 65_536), Some((3000, 80_000)), 500, Some((125, 2000))),
];

/// gp3's operations that size does not limit.
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
    if size < min {
        return Err(wrong(format!("Volume of {size}GiB is too small; minimum is {min}GiB.")));
    }
    if size > max {
        return Err(wrong(format!("Volume of {size}GiB is too large; maximum is {max}GiB.")));
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
    let Some(asked) = wanted.iops else {
        if kind.name == "gp3" {
            return Ok(Some(GP3_BASE));
        }
        let what = format!("The parameter iops must be specified for {} volumes.", kind.name);
        return Err(Plain::MissingTarget(what).into());
    };
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
    Ok(Some(asked))
}

fn throughput(kind: &Kind, wanted: &Wanted<'_>, iops: Option<i64>) -> Result<Option<i64>, Ec2Error> {
    let Some((min, max)) = kind.throughput else {
        if wanted.throughput.is_some() {
            let what = format!("The parameter throughput is not supported for {} volumes.", kind.name);
            return Err(Plain::InvalidParameterCombination(what).into());
        }
        return Ok(None);
    };
    let asked = wanted.throughput.unwrap_or(min);
    if !(min..=max).contains(&asked) {
        let why = format!("It must be between {min} and {max}.");
        return Err(Ec2Error::value(asked, "throughput", &why));
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
/// `UnknownVolumeType`, `InvalidParameterValue`, `InvalidParameterCombination`, `MissingParameter`.
pub(super) fn of(wanted: &Wanted<'_>) -> Result<Shape, Ec2Error> {
    let name = wanted.kind.unwrap_or("gp2");
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let kind = kind
        .ok_or_else(|| Ec2Error::from(Plain::UnknownVolumeType(format!("Unknown volume type '{name}'"))))?;
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
            ("gp9", 1, None, None, "Unknown volume type 'gp9'"),
            ("st1", 1, None, None, "Volume of 1GiB is too small; minimum is 125GiB."),
            ("gp2", 16_385, None, None, "Volume of 16385GiB is too large; maximum is 16384GiB."),
            ("gp2", 10, Some(100), None, "The parameter iops is not supported for gp2 volumes."),
            ("io1", 10, None, None, "The parameter iops must be specified for io1 volumes."),
            ("gp3", 10, Some(2000), None, "Volume iops of 2000 is too low; minimum is 3000."),
            ("io1", 4, Some(201), None, "Iops to volume size ratio of 50.250000 is too high; maximum is 50"),
            (
                "gp3",
                20,
                Some(15_000),
                None,
                "Iops to volume size ratio of 750.000000 is too high; maximum is 500",
            ),
            ("gp2", 10, None, Some(125), "The parameter throughput is not supported for gp2 volumes."),
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
