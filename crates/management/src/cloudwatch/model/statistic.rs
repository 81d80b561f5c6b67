//! Statistics: from sums to one number.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>

use super::metric::Sums;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// `p99.9`
    Percentile(f64),
    /// `tm99`: the mean of the lowest 99 %; `tm(10%:90%)` of what lies between.
    TrimmedMean(f64, f64),
    /// `ts`, `tc`: sum and number of the same.
    TrimmedSum(f64, f64),
    TrimmedCount(f64, f64),
    /// `wm`: the mean with what lies outside moved to the bounds.
    WinsorizedMean(f64, f64),
    /// `IQM`: `tm(25%:75%)`
    InterquartileMean,
    /// `TM(150:1000)` and the like: of values above the first bound, up to the second.
    Within(Part, f64, f64),
}

/// What is told of values between two others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Mean,
    Sum,
    Count,
    /// With what lies outside moved to the bounds.
    Winsorized,
    /// `PR(:300)`: how many of a hundred they are.
    Rank,
}

impl Statistic {
    /// Any statistic by its name.
    pub(crate) fn parse(text: &str) -> Option<Statistic> {
        Some(match text {
            "SampleCount" => Statistic::SampleCount,
            "Average" => Statistic::Average,
            "Sum" => Statistic::Sum,
            "Minimum" => Statistic::Minimum,
            "Maximum" => Statistic::Maximum,
            extended => return Statistic::extended(extended),
        })
    }

    /// `p90`, `tm(5%:95%)`, `IQM`, ...
    pub(crate) fn extended(text: &str) -> Option<Statistic> {
        let lower = text.to_ascii_lowercase();
        if lower == "iqm" {
            return Some(Statistic::InterquartileMean);
        }
        if let Some(rest) = lower.strip_prefix('p').filter(|rest| !rest.starts_with('r')) {
            return percent(rest).map(Statistic::Percentile);
        }
        let (kind, rest) = lower.split_at_checked(2)?;
        let range = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        if let Some(range) = range.filter(|range| !range.contains('%')) {
            return within(kind, range);
        }
        let (from, to) = match range {
            Some(range) => {
                let (from, to) = range.split_once(':')?;
                let bound = |text: &str, open: f64| match text.strip_suffix('%') {
                    Some(number) => percent(number),
                    None => text.is_empty().then_some(open),
                };
                (bound(from, 0.0)?, bound(to, 100.0)?)
            }
            None => (0.0, percent(rest)?),
        };
        if from >= to {
            return None;
        }
        Some(match kind {
            "tm" => Statistic::TrimmedMean(from, to),
            "ts" => Statistic::TrimmedSum(from, to),
            "tc" => Statistic::TrimmedCount(from, to),
            "wm" => Statistic::WinsorizedMean(from, to),
            _ => return None,
        })
    }

    /// `None` where the data does not tell: of sums there are no percentiles.
    pub(crate) fn of(self, sums: &Sums) -> Option<f64> {
        let trimmed = |from, to| parts(sums, from, to);
        match self {
            Statistic::SampleCount => Some(sums.count.0),
            Statistic::Average => Some(sums.sum.0 / sums.count.0),
            Statistic::Sum => Some(sums.sum.0),
            Statistic::Minimum => Some(sums.min.0),
            Statistic::Maximum => Some(sums.max.0),
            Statistic::Percentile(percent) => percentile(sums, percent),
            Statistic::TrimmedMean(from, to) => trimmed(from, to).map(|(count, sum)| sum / count),
            Statistic::TrimmedSum(from, to) => trimmed(from, to).map(|(_, sum)| sum),
            Statistic::TrimmedCount(from, to) => trimmed(from, to).map(|(count, _)| count),
            Statistic::InterquartileMean => trimmed(25.0, 75.0).map(|(count, sum)| sum / count),
            Statistic::WinsorizedMean(from, to) => winsorized(sums, from, to),
            Statistic::Within(part, from, to) => of_values(sums, part, from, to),
        }
    }
}

/// The bounds of values; one of them may be open.
fn within(kind: &str, range: &str) -> Option<Statistic> {
    let part = match kind {
        "tm" => Part::Mean,
        "ts" => Part::Sum,
        "tc" => Part::Count,
        "wm" => Part::Winsorized,
        "pr" => Part::Rank,
        _ => return None,
    };
    let (from, to) = range.split_once(':')?;
    let bound = |text: &str, open: f64| if text.is_empty() { Some(open) } else { text.parse::<f64>().ok() };
    let (low, high) = (bound(from, f64::NEG_INFINITY)?, bound(to, f64::INFINITY)?);
    let is_bounded = low.is_finite() || high.is_finite();
    (is_bounded && low < high).then_some(Statistic::Within(part, low, high))
}

/// AWS: the lower bound is no part of the range, and the upper one is.
fn of_values(sums: &Sums, part: Part, from: f64, to: f64) -> Option<f64> {
    if !has_values(sums) {
        return None;
    }
    let inside = sums.values.iter().filter(|own| own.value.0 > from && own.value.0 <= to);
    let (count, sum) =
        inside.fold((0.0, 0.0), |(count, sum), own| (count + own.weight.0, sum + own.value.0 * own.weight.0));
    match part {
        Part::Mean => (count > 0.0).then(|| sum / count),
        Part::Sum => Some(sum),
        Part::Count => Some(count),
        Part::Rank => Some(100.0 * count / sums.count.0),
        Part::Winsorized => {
            let moved = sums.values.iter().map(|own| own.value.0.clamp(from, to) * own.weight.0);
            Some(moved.sum::<f64>() / sums.count.0)
        }
    }
}

fn percent(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

fn has_values(sums: &Sums) -> bool {
    !sums.summed && !sums.values.is_empty()
}

fn percentile(sums: &Sums, percent: f64) -> Option<f64> {
    if !has_values(sums) {
        // One value, or many that are all the same, need no others.
        return (sums.min == sums.max && sums.count.0 > 0.0).then_some(sums.min.0);
    }
    let rank = percent / 100.0 * sums.count.0;
    let mut seen = 0.0;
    for own in &sums.values {
        seen += own.weight.0;
        if seen >= rank {
            return Some(own.value.0);
        }
    }
    Some(sums.max.0)
}

/// Number and sum of the data between two percentiles.
fn parts(sums: &Sums, from: f64, to: f64) -> Option<(f64, f64)> {
    if !has_values(sums) {
        return None;
    }
    let (low, high) = (from / 100.0 * sums.count.0, to / 100.0 * sums.count.0);
    let (mut seen, mut count, mut sum) = (0.0_f64, 0.0, 0.0);
    for own in &sums.values {
        let weight = own.weight.0;
        let inside = (seen + weight).min(high) - seen.max(low);
        if inside > 0.0 {
            count += inside;
            sum += inside * own.value.0;
        }
        seen += weight;
    }
    (count > 0.0).then_some((count, sum))
}

fn winsorized(sums: &Sums, from: f64, to: f64) -> Option<f64> {
    let (low, high) = (percentile(sums, from)?, percentile(sums, to)?);
    if !has_values(sums) {
        return None;
    }
    let sum: f64 = sums.values.iter().map(|own| own.value.0.clamp(low, high) * own.weight.0).sum();
    Some(sum / sums.count.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hundred() -> Sums {
        let mut sums = Sums::default();
        (1..=100).for_each(|n| sums.add(&Sums::of(f64::from(n), 1.0)));
        sums
    }

    #[test]
    fn each_statistic() {
        for (name, expected) in [
            ("SampleCount", 100.0),
            ("Average", 50.5),
            ("Sum", 5050.0),
            ("Minimum", 1.0),
            ("Maximum", 100.0),
            ("p50", 50.0),
            ("p99", 99.0),
            ("p100", 100.0),
            ("tm90", 45.5),
            ("tc(10%:90%)", 80.0),
            ("ts(:10%)", 55.0),
            ("IQM", 50.5),
            ("wm(2%:98%)", 50.5),
            ("TM(50:)", 75.5),
            ("TC(10:20)", 10.0),
            ("TS(:3)", 6.0),
            ("PR(:30)", 30.0),
            ("PR(98:200)", 2.0),
            ("WM(:50)", 37.75),
        ] {
            let statistic = Statistic::parse(name).unwrap_or_else(|| panic!("{name}"));
            let value = statistic.of(&hundred()).unwrap();
            assert!((value - expected).abs() < 0.51, "{name}: {value}");
        }
        for name in
            ["average", "p101", "p", "tm(90%:10%)", "x50", "tmx", "PR(:)", "PR(3:2)", "PR90", "TM(1:2"]
        {
            assert_eq!(Statistic::parse(name), None, "{name}");
        }
    }

    #[test]
    fn of_sums_there_are_no_percentiles() {
        let mut sums = hundred();
        sums.summed = true;
        assert_eq!(Statistic::Percentile(50.0).of(&sums), None);
        assert_eq!(Statistic::Average.of(&sums), Some(50.5));
    }
}
