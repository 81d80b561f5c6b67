//! The results as a table for a terminal, as Markdown for the README, and as JSON for whoever compares runs.

use crate::measure::{Leg, Numbers, Report};
use serde_json::{Value, json};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// Ours, and what it is compared with: the peers, without the limit (which is no cloud).
pub(crate) const OURS: &str = "virga";
pub(crate) const LIMIT: &str = "nginx";

/// A line of a table: what is measured, and each contestant's value with the text to show.
struct Row {
    title: String,
    cells: Vec<Option<(f64, String)>>,
    better: Better,
}

#[derive(Clone, Copy, PartialEq)]
enum Better {
    More,
    Less,
    /// Not to be compared: the contestants hold different numbers of records.
    Neither,
}

impl Row {
    /// Ours against the best peer: above 1 is better. None when either was not measured.
    fn ratio(&self, results: &[Report]) -> Option<f64> {
        let value = |index: usize| self.cells[index].as_ref().map(|(value, _)| *value);
        let ours = results.iter().position(|result| result.name == OURS).and_then(value)?;
        let peers = results.iter().enumerate().filter(|(_, result)| ![OURS, LIMIT].contains(&result.name));
        let peers = peers.filter_map(|(index, _)| value(index));
        let best = |pick: fn(f64, f64) -> f64| peers.reduce(pick);
        match self.better {
            Better::More => best(f64::max).filter(|best| *best > 0.0).map(|best| ours / best),
            Better::Less => best(f64::min).filter(|_| ours > 0.0).map(|best| best / ours),
            Better::Neither => None,
        }
    }
}

fn rows(results: &[Report]) -> Vec<Row> {
    let mut rows = vec![
        row(results, "first answer after exec", |one| one.first_answer.map(time)),
        row(results, "memory, idle", |one| one.idle_bytes.map(size)),
        row(results, "memory, after the load", |one| one.loaded_bytes.map(size)),
        row(results, "program", |one| one.program_bytes.map(size)),
        row(results, "records kept", |one| {
            one.grown.as_ref().map(|grown| (grown.records as f64, grown.records.to_string()))
        }),
        row(results, "first answer with them", |one| {
            one.grown.as_ref().map(|grown| time(grown.first_answer))
        }),
        row(results, "memory with them, idle", |one| one.grown.as_ref().map(|grown| size(grown.idle_bytes))),
        row(results, "disk with them", |one| one.grown.as_ref().map(|grown| size(grown.disk_bytes))),
        row(results, "objects in a bucket", |one| {
            one.stocked.as_ref().map(|stocked| (stocked.objects as f64, stocked.objects.to_string()))
        }),
        row(results, "memory with these", |one| one.stocked.as_ref().map(|stocked| size(stocked.bytes))),
    ];
    for row in &mut rows[4..] {
        row.better = Better::Neither;
    }
    let mut legs: Vec<(&str, usize)> = Vec::new();
    for leg in results.iter().flat_map(|result| &result.legs) {
        if !legs.contains(&(&leg.scenario, leg.concurrency)) {
            legs.push((&leg.scenario, leg.concurrency));
        }
    }
    for (scenario, concurrency) in legs {
        let title = format!("{scenario} x{concurrency}");
        let of = |pick: fn(&Numbers) -> (f64, String)| {
            move |one: &Report| numbers(one, scenario, concurrency).map(pick)
        };
        let rate = row(
            results,
            &format!("{title}: per second"),
            of(|n| (n.per_second, format!("{:.0}", n.per_second))),
        );
        rows.push(Row { better: Better::More, ..rate });
        let cpu = of(|n| (n.server_cpu_micros, format!("{:.1} us", n.server_cpu_micros)));
        rows.push(row(results, "    server CPU per request", cpu));
        rows.push(row(results, "    p50", of(|n| (f64::from(n.p50_micros), format!("{} us", n.p50_micros)))));
        rows.push(row(results, "    p99", of(|n| (f64::from(n.p99_micros), format!("{} us", n.p99_micros)))));
    }
    rows.retain(|row| row.cells.iter().any(Option::is_some));
    rows
}

fn row(results: &[Report], title: &str, cell: impl Fn(&Report) -> Option<(f64, String)>) -> Row {
    Row { title: title.to_owned(), cells: results.iter().map(cell).collect(), better: Better::Less }
}

fn numbers<'a>(result: &'a Report, scenario: &str, concurrency: usize) -> Option<&'a Numbers> {
    let wanted = |leg: &&Leg| leg.scenario == scenario && leg.concurrency == concurrency;
    result.legs.iter().find(wanted).and_then(|leg| leg.result.as_ref().ok())
}

fn time(time: Duration) -> (f64, String) {
    let millis = time.as_secs_f64() * 1000.0;
    (millis, format!("{millis:.1} ms"))
}

fn size(bytes: u64) -> (f64, String) {
    let mib = bytes as f64 / f64::from(1 << 20);
    (mib, format!("{mib:.1} MiB"))
}

pub(crate) fn terminal(results: &[Report]) -> String {
    let mut text = format!("\n{:<34}", "");
    for result in results {
        text.push_str(&format!("{:>15}", result.name));
    }
    text.push_str("  best peer\n");
    for row in rows(results) {
        let _ = write!(text, "{:<34}", row.title);
        for cell in &row.cells {
            let _ = write!(text, "{:>15}", cell.as_ref().map_or("-", |(_, text)| text));
        }
        let _ = writeln!(text, "{:>11}", ratio_text(row.ratio(results)));
    }
    text
}

/// For the README; latencies are left out there.
pub(crate) fn markdown(results: &[Report]) -> String {
    let mut text = String::from("| |");
    for result in results {
        let _ = write!(text, " {} |", result.name);
    }
    text.push_str(" against the best peer |\n|---|");
    text.push_str(&"---:|".repeat(results.len() + 1));
    text.push('\n');
    for row in rows(results).iter().filter(|row| !row.title.starts_with("    p")) {
        let _ = write!(text, "| {} |", row.title.trim());
        for cell in &row.cells {
            let _ = write!(text, " {} |", cell.as_ref().map_or("-", |(_, text)| text));
        }
        let _ = writeln!(text, " {} |", ratio_text(row.ratio(results)));
    }
    text
}

fn ratio_text(ratio: Option<f64>) -> String {
    ratio.map(|ratio| format!("{ratio:.2}x")).unwrap_or_default()
}

/// Writes `bench/out/results.json` and tells where it is.
pub(crate) fn write_json(results: &[Report], root: &Path) -> Result<PathBuf, String> {
    let path = root.join("bench/out/results.json");
    let text = format!("{:#}\n", Value::Array(results.iter().map(json).collect()));
    let fail = |why: std::io::Error| format!("{}: {why}", path.display());
    std::fs::create_dir_all(root.join("bench/out")).map_err(fail)?;
    std::fs::write(&path, text).map_err(fail)?;
    Ok(path)
}

fn json(result: &Report) -> Value {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let legs = result.legs.iter().map(|leg| match &leg.result {
        Ok(numbers) => json!({
            "scenario": leg.scenario,
            "concurrency": leg.concurrency,
            "per_second": numbers.per_second.round(),
            "p50_us": numbers.p50_micros,
            "p99_us": numbers.p99_micros,
            "server_cpu_us": (numbers.server_cpu_micros * 10.0).round() / 10.0,
        }),
        Err(why) => json!({ "scenario": leg.scenario, "concurrency": leg.concurrency, "problem": why }),
    });
    json!({
        "name": result.name,
        "program_bytes": result.program_bytes,
        "first_answer_us": result.first_answer.map(micros),
        "idle_bytes": result.idle_bytes,
        "loaded_bytes": result.loaded_bytes,
        "grown": result.grown.as_ref().map(|grown| json!({
            "records": grown.records,
            "first_answer_us": micros(grown.first_answer),
            "idle_bytes": grown.idle_bytes,
            "disk_bytes": grown.disk_bytes,
        })),
        "stocked": result.stocked.as_ref().map(|stocked| json!({
            "objects": stocked.objects,
            "bytes": stocked.bytes,
        })),
        "flush_us": result.flush.map(micros),
        "clockwork": result.clockwork.as_ref().map(|clockwork| json!({
            "schedules": clockwork.schedules,
            "cpu_us": micros(clockwork.cpu),
        })),
        "stack": result.deployed.as_ref().map(|deployed| json!({
            "plan_us": micros(deployed.plan),
            "resources_per_second": deployed.per_second().round(),
        })),
        "machines": result.machines.as_ref().map(|machines| json!({
            "logins_us": micros(machines.logins),
            "many_us": micros(machines.many),
            "bytes_each": machines.bytes_each,
        })),
        "legs": legs.collect::<Vec<_>>(),
        "problem": result.problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &'static str, per_second: f64, cpu: f64) -> Report {
        let numbers = Numbers { per_second, p50_micros: 1, p99_micros: 2, server_cpu_micros: cpu };
        let leg = Leg { scenario: "Get".to_owned(), concurrency: 32, result: Ok(numbers) };
        Report { name, program_bytes: Some(1 << 20), legs: vec![leg], ..Report::default() }
    }

    #[test]
    fn ours_is_compared_with_the_best_peer_and_not_with_the_limit() {
        let results = [
            result(OURS, 200.0, 10.0),
            result("a", 100.0, 40.0),
            result("b", 50.0, 20.0),
            result(LIMIT, 9000.0, 1.0),
        ];
        let ratios: Vec<(String, Option<f64>)> =
            rows(&results).iter().map(|row| (row.title.clone(), row.ratio(&results))).collect();
        let of = |title: &str| ratios.iter().find(|(name, _)| name == title).unwrap().1;
        assert_eq!(of("Get x32: per second"), Some(2.0));
        assert_eq!(of("    server CPU per request"), Some(2.0));
        assert_eq!(of("program"), Some(1.0));
        assert_eq!(rows(&results[1..]).iter().find_map(|row| row.ratio(&results[1..])), None);
    }
}
