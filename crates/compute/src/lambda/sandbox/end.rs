//! How an environment ends: its runtime first, then its external extensions, which are told why and have a while.
//!
//! Where there are external extensions a shell is the first process. It starts them and the runtime, says which of them has
//! ended, and ends the runtime alone by the signals that it gets.
//!
//! Not here: time for runtimes beside which nothing is registered. What is said while all ends is in no log.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown>

use super::api::Desk;
use super::output::Output;
use host::{Driver, Process};
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Starts the extensions, and beside them the runtime. Lines tell of their ends ([`RUNTIME`], [`EXTENSION`]). Where an extension
/// is the first to end, so does the runtime. The runtime's end may come while a signal is seen to, and is asked for again then.
const BESIDE: &str = r#"ending= runtime= woken=
ends() { ending=1; woken=1; [ -z "$runtime" ] || kill -"$1" "$runtime" 2>/dev/null; }
trap '[ "$ending" ] && woken=1 || ends 9' USR1
trap 'ends 15' TERM
trap 'ends 9' USR2
for each in /opt/extensions/*; do
    [ -f "$each" ] && [ -x "$each" ] && { "$each"; printf '\001extension %s %s\n' "${each##*/}" "$?"; kill -USR1 1; } &
done
"$@" &
runtime=$!
[ -z "$ending" ] || kill -9 "$runtime"
code=127
while woken=; wait "$runtime"; now=$?; [ "$now" = 127 ] || code=$now; [ "$woken" ]; do :; done
ending=1 runtime=
printf '\001runtime %s\n' "$code"
until wait; do :; done
exit "$code""#;
/// What the line begins with that tells of the runtime's end: its exit code follows.
pub(super) const RUNTIME: &str = "\u{1}runtime ";
/// And of an extension's: its name and its exit code.
pub(super) const EXTENSION: &str = "\u{1}extension ";

pub(super) const KILL: i32 = 9;
/// Asks a runtime to end.
const TERM: i32 = 15;
/// Makes a runtime end that stands beside extensions, and nothing else.
const USR2: i32 = 12;

/// How long all may take where external extensions are registered, and where only internal ones are.
const EXTERNAL_MAX: Duration = Duration::from_secs(2);
const INTERNAL_MAX: Duration = Duration::from_millis(500);
/// Which part of that is the runtime's, where no extension is in it.
const RUNTIME_MAX: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(10);

/// Why an environment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nobody has called for a while, or what it runs is of yesterday.
    Spindown,
    Timeout,
    Failure,
}

impl Reason {
    /// As extensions are told.
    pub(super) fn name(self) -> &'static str {
        match self {
            Reason::Spindown => "spindown",
            Reason::Timeout => "timeout",
            Reason::Failure => "failure",
        }
    }
}

/// The program that runs another one beside the external extensions.
pub(super) fn beside(program: Vec<OsString>) -> Vec<OsString> {
    ["/bin/sh", "-c", BESIDE, "sh"].map(OsString::from).into_iter().chain(program).collect()
}

/// The signal that ends a runtime which has failed, before the rest.
pub(super) fn signal(desk: &Desk, why: Reason) -> i32 {
    match why {
        _ if desk.extensions.is_empty() => KILL,
        Reason::Spindown | Reason::Timeout => TERM,
        Reason::Failure if desk.extensions.has_external() => USR2,
        Reason::Failure => KILL,
    }
}

/// What an environment's end needs of it.
pub(super) struct Farewell {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) machine: String,
    pub(super) process: Arc<dyn Process>,
    pub(super) desk: Arc<Desk>,
    pub(super) output: Arc<Output>,
    /// The runtime's exit code, once it has ended.
    pub(super) ended: watch::Receiver<Option<i32>>,
    /// Whether its first process has ended, and all with it.
    pub(super) gone: Arc<AtomicBool>,
    pub(super) why: Reason,
    /// The most that it may occupy, in bytes.
    pub(super) memory: u64,
}

impl Farewell {
    /// Ends what may take its time about it. Blocks. What is left then is killed by whoever removes the sandbox.
    pub(super) fn say(&self) {
        let extensions = &self.desk.extensions;
        let is_over = self.gone.load(Ordering::SeqCst) || extensions.is_empty();
        if is_over || self.driver.freeze(&self.machine, false).is_err() {
            return;
        }
        let external = extensions.has_external();
        let limit = if external { EXTERNAL_MAX } else { INTERNAL_MAX };
        let share = if extensions.has_internal() { INTERNAL_MAX } else { RUNTIME_MAX };
        let (begun, deadline) = (Instant::now(), base::Clock::system().now().plus(limit));
        let ended = || self.ended.borrow().is_some();
        // Where it has failed it knows already.
        if self.why == Reason::Spindown {
            let _ = self.process.signal(TERM);
        }
        self.wait(begun + share, ended);
        if !external {
            return;
        }
        if !ended() {
            let _ = self.process.signal(USR2);
            self.wait(begun + limit, ended);
        }
        let told = extensions.shutdown(self.why, deadline.micros() / 1000);
        self.wait(begun + limit, || self.output.have_ended(&told));
    }

    /// Waits for something, or until this time, or until nothing is left; what takes too much memory is killed.
    fn wait(&self, until: Instant, done: impl Fn() -> bool) {
        loop {
            self.output.look();
            if done() || self.gone.load(Ordering::SeqCst) || Instant::now() >= until {
                return;
            }
            if self.driver.memory(&self.machine).is_ok_and(|occupied| occupied > self.memory) {
                let _ = self.process.signal(KILL);
            }
            std::thread::sleep(LOOK);
        }
    }
}
