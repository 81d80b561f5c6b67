//! The log of an invocation: what was said meanwhile, and the lines around it.

use super::beginning::Kind;
use super::billing;
use super::invocation::Runs;
use super::logs;
use super::model::Image;
use super::platform::{self, Status};
use super::sandbox::output::Line;
use super::sandbox::{self, Environment};
use base::Timestamp;
use kernel::Cloud;
use std::sync::Arc;
use std::time::Duration;
use wire::Fault;

/// What is needed to tell of an invocation.
pub(crate) struct Report {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) runs: Runs,
}

/// What was said meanwhile, and how it ended.
pub(crate) struct Told {
    pub(crate) lines: Vec<Line>,
    /// In words, where it did not end well.
    pub(crate) problem: Vec<String>,
    pub(crate) status: Status,
    /// How its environment's beginning failed, if it did, as its line has it.
    pub(crate) init: Option<String>,
}

/// How an invocation ended that did not end by its runtime's word.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
fn ending(status: Status) -> &'static str {
    match status {
        Status::Success | Status::Error => "",
        Status::Failure => "Status: error\tError Type: Runtime.ExitError\t",
        Status::Timeout => "Status: timeout\t",
    }
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|(_, line)| format!("{line}\n")).collect()
}

/// The lines that end it. `used` is in megabytes.
fn ended(runs: &Runs, id: &str, took: Duration, used: u64, init: &str) -> [String; 2] {
    let millis = took.as_secs_f64() * 1000.0;
    let report = format!(
        "REPORT RequestId: {id}\tDuration: {millis:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {used} MB\t{init}",
        millis.ceil(),
        runs.version.memory,
    );
    [format!("END RequestId: {id}"), report]
}

impl Report {
    /// Ends the log of an invocation and keeps it; gives its text. Blocks.
    pub(crate) fn write(
        self,
        said: Told,
        id: &str,
        (began, now): (Timestamp, Timestamp),
        took: Duration,
    ) -> String {
        let used = self.environment.memory().div_ceil(1 << 20);
        let millis = (took.as_secs_f64() * 1000.0).ceil() as u64;
        billing::count(&self.cloud, &self.runs, self.environment.kind, millis);
        let init = self.environment.take_init();
        let (runs, kind, status) = (&self.runs, self.environment.kind, said.status);
        let told = platform::Told { runs, kind, id, began, ended: now, took, used, init, status };
        told.end().iter().for_each(|said| self.environment.desk.telemetry.platform(now, said));
        let mut lines = match &self.runs.version.json_logs {
            None => {
                let init = init.map(|init| format!("Init Duration: {:.2} ms\t", init.as_secs_f64() * 1000.0));
                let rest = format!("{}{}", init.unwrap_or_default(), ending(said.status));
                let end = ended(&self.runs, id, took, used, &rest);
                let start = format!("START RequestId: {id} Version: {}", self.runs.version.label());
                let init = said.init.map(|how| {
                    let took = self.environment.started.elapsed().as_secs_f64() * 1000.0;
                    (began, format!("INIT_REPORT Init Duration: {took:.2} ms\tPhase: init\t{how}"))
                });
                let all = init
                    .into_iter()
                    .chain([(began, start)])
                    .chain(said.lines)
                    .chain(said.problem.into_iter().map(|line| (now, line)));
                all.chain(end.map(|line| (now, line))).collect::<Vec<Line>>()
            }
            Some(logs) => {
                let [before, after] = told.lines(logs);
                let own = said.lines.into_iter().filter(|(_, line)| platform::is_told(line, logs));
                before.into_iter().chain(own).chain(after).collect()
            }
        };
        lines.iter_mut().for_each(|(time, _)| *time = (*time).clamp(began, now));
        let text = text(&lines);
        logs::write(&self.cloud, &self.environment, &self.runs, lines);
        text
    }
}

/// The log where a function's own program could not be started, in a stream of its own; gives its text. Blocks.
pub(crate) fn not_begun(cloud: &Arc<Cloud>, runs: &Runs, id: &str, why: &Fault) -> String {
    let Runs { version, .. } = runs;
    let image = version.image.as_ref();
    let words = |own: &Option<Vec<String>>, of: fn(&Image) -> &Vec<String>| {
        own.as_ref().or(image.map(of)).map(|words| words.join(", ")).unwrap_or_default()
    };
    let entry = words(&version.started.entry, |image| &image.entry);
    let command = words(&version.started.command, |image| &image.command);
    let folder = version.started.folder.as_ref().or(image.map(|image| &image.folder));
    let folder = folder.map(String::as_str).unwrap_or_default();
    let [end, report] = ended(runs, id, Duration::ZERO, 0, "");
    let launch = format!(
        "IMAGE\tLaunch error: {}\tEntrypoint: [{entry}]\tCmd: [{command}]\tWorkingDir: [{folder}]",
        why.message
    );
    let mut lines = vec![format!("START RequestId: {id} Version: {}", version.label())];
    lines.extend(image.map(|_| launch));
    lines.extend([end, report, format!("RequestId: {id} Error: {}", why.message), why.code.clone()]);
    billing::count(cloud, runs, Kind::OnDemand, 0);
    let now = cloud.clock().now();
    let lines: Vec<Line> = lines.into_iter().map(|line| (now, line)).collect();
    logs::write_alone(cloud, &sandbox::log_stream(cloud, runs), runs, &lines);
    text(&lines)
}
