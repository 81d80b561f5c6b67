//! How fast something may be: operations and bytes a second, and for a while more than for ever.
//!
//! Who has used more than its share waits with the next operation. What several processes use together ([`Common`]) stands in a
//! file, which whoever changes it holds for so long: a machine's disks are served by one process, and its root by another.

use rustix::fs::FlockOperation;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// How far use may run ahead of the limits.
pub const AHEAD: Duration = Duration::from_millis(100);

/// So many a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limit {
    /// At best.
    pub most: f64,
    /// For ever, and how much beyond that is saved up at most; absent where the best is for ever.
    pub burst: Option<Burst>,
}

/// What is saved up at the rate at which it may always go on, and spent by all that is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    pub each_second: f64,
    pub saved_max: f64,
}

/// Of operations, and of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    pub operations: Limit,
    pub bytes: Limit,
}

/// What has been saved of a limit.
#[derive(Clone, Copy, Debug, Default)]
struct Saved {
    left: f64,
    at: Duration,
}

impl Saved {
    fn full(limit: &Limit, at: Duration) -> Saved {
        Saved { left: limit.burst.map_or(0.0, |burst| burst.saved_max), at }
    }

    fn earn(&mut self, limit: &Limit, now: Duration) {
        let Some(burst) = limit.burst else { return };
        let earned = burst.each_second * now.saturating_sub(self.at).as_secs_f64();
        (self.left, self.at) = ((self.left + earned).min(burst.saved_max), now);
    }

    /// How long so much takes, in seconds.
    fn spend(&mut self, limit: &Limit, cost: f64, now: Duration) -> f64 {
        self.earn(limit, now);
        let takes = |cost: f64, rate: f64| if rate > 0.0 { cost / rate } else { 0.0 };
        let best = takes(cost, limit.most);
        let Some(burst) = limit.burst else { return best };
        self.left -= cost;
        // What was not saved is earned while it is waited for: once.
        let lacks = (-self.left).clamp(0.0, cost);
        best.max(takes(lacks, burst.each_second))
    }
}

/// Something that is used at a rate. Its times are since whichever moment, but for each kind the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    rate: Rate,
    /// Until when it is used up.
    until: Duration,
    operations: Saved,
    bytes: Saved,
}

impl Pace {
    /// All that can be saved is. `clock` is what it is saved by.
    pub fn new(rate: Rate, clock: Duration) -> Pace {
        let (operations, bytes) = (Saved::full(&rate.operations, clock), Saved::full(&rate.bytes, clock));
        Pace { rate, until: Duration::ZERO, operations, bytes }
    }

    /// It is another from now on; what was saved stays, as far as it may.
    pub fn become_of(&mut self, rate: Rate, clock: Duration) {
        if rate == self.rate {
            return;
        }
        let parts = [
            (&mut self.operations, self.rate.operations, rate.operations),
            (&mut self.bytes, self.rate.bytes, rate.bytes),
        ];
        for (saved, before, after) in parts {
            match (before.burst, after.burst) {
                (Some(_), Some(burst)) => saved.left = saved.left.min(burst.saved_max),
                _ => *saved = Saved::full(&after, clock),
            }
        }
        self.rate = rate;
    }

    /// How long so many operations of so many bytes have to wait.
    pub fn due(&mut self, operations: f64, bytes: u64, now: Duration, clock: Duration) -> Duration {
        let until = self.until.max(now);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let bytes = bytes as f64;
        let takes = self.operations.spend(&self.rate.operations, operations, clock);
        let takes = takes.max(self.bytes.spend(&self.rate.bytes, bytes, clock));
        self.until = until + Duration::from_secs_f64(takes);
        until.saturating_sub(now + AHEAD)
    }

    /// How much is left of what can be saved, of a hundred: of bytes where those are what is saved.
    pub fn balance(&mut self, clock: Duration) -> Option<f64> {
        let parts = [(&mut self.bytes, self.rate.bytes), (&mut self.operations, self.rate.operations)];
        parts.into_iter().find_map(|(saved, limit)| {
            let burst = limit.burst?;
            saved.earn(&limit, clock);
            Some(100.0 * saved.left.max(0.0) / burst.saved_max)
        })
    }

    /// As numbers, in an order that only this knows.
    fn numbers(&self) -> [f64; NUMBERS] {
        let [a, b, c] = of_limit(&self.rate.operations);
        let [d, e, f] = of_limit(&self.rate.bytes);
        let seconds = |time: Duration| time.as_secs_f64();
        let (operations, bytes) = (self.operations, self.bytes);
        [
            a,
            b,
            c,
            d,
            e,
            f,
            seconds(self.until),
            operations.left,
            seconds(operations.at),
            bytes.left,
            seconds(bytes.at),
        ]
    }

    fn of_numbers([a, b, c, d, e, f, until, left, at, bytes_left, bytes_at]: [f64; NUMBERS]) -> Option<Pace> {
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        Some(Pace {
            rate: Rate { operations: to_limit([a, b, c]), bytes: to_limit([d, e, f]) },
            until: time(until)?,
            operations: Saved { left, at: time(at)? },
            bytes: Saved { left: bytes_left, at: time(bytes_at)? },
        })
    }
}

const NUMBERS: usize = 11;

fn of_limit(limit: &Limit) -> [f64; 3] {
    let burst = limit.burst.unwrap_or(Burst { each_second: -1.0, saved_max: 0.0 });
    [limit.most, burst.each_second, burst.saved_max]
}

fn to_limit([most, each_second, saved_max]: [f64; 3]) -> Limit {
    Limit { most, burst: (each_second >= 0.0).then_some(Burst { each_second, saved_max }) }
}

impl Rate {
    fn text(&self) -> String {
        let all = [of_limit(&self.operations), of_limit(&self.bytes)].concat();
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn of_text(text: &str) -> Option<Rate> {
        let all: Vec<f64> = text.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [a, b, c, d, e, f] = all.try_into().ok()?;
        Some(Rate { operations: to_limit([a, b, c]), bytes: to_limit([d, e, f]) })
    }

    /// Says it in a file, for who serves a root: at once, and known again after a restart.
    ///
    /// # Errors
    /// What the file system says.
    pub fn say(&self, path: &Path) -> io::Result<()> {
        let text = self.text();
        if fs::read_to_string(path).is_ok_and(|said| said == text) {
            return Ok(());
        }
        // Nobody reads half of it.
        let next = path.with_extension("next");
        fs::write(&next, text)?;
        fs::rename(next, path)
    }

    /// What was said; nothing where nothing was.
    pub fn said(path: &Path) -> Option<Rate> {
        Rate::of_text(&fs::read_to_string(path).ok()?)
    }
}

/// What several processes use together.
#[derive(Debug)]
pub struct Common(File);

/// Nobody has to wait longer for what others have done: of another start of this machine are times beyond that.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Since this machine was started: the same for all its processes.
pub fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let part = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), part)
}

impl Common {
    /// Opens it, which may be there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(path: &Path) -> io::Result<Common> {
        let mut options = File::options();
        Ok(Common(options.read(true).write(true).create(true).truncate(false).open(path)?))
    }

    fn change<T>(&self, now: Duration, work: impl FnOnce(&mut Pace) -> T) -> io::Result<T> {
        rustix::fs::flock(&self.0, FlockOperation::LockExclusive)?;
        let done = self.change_held(now, work);
        rustix::fs::flock(&self.0, FlockOperation::Unlock)?;
        done
    }

    fn change_held<T>(&self, now: Duration, work: impl FnOnce(&mut Pace) -> T) -> io::Result<T> {
        let mut bytes = [0; NUMBERS * 8];
        let mut pace = match self.0.read_exact_at(&mut bytes, 0) {
            Ok(()) => {
                let (all, _) = bytes.as_chunks::<8>();
                Pace::of_numbers(std::array::from_fn(|at| f64::from_le_bytes(all[at])))
            }
            Err(_) => None,
        }
        .unwrap_or_default();
        if pace.until > now + WAIT_MAX {
            pace.until = now;
        }
        for saved in [&mut pace.operations, &mut pace.bytes] {
            saved.at = saved.at.min(now);
        }
        let done = work(&mut pace);
        let bytes: Vec<u8> = pace.numbers().iter().flat_map(|number| number.to_le_bytes()).collect();
        self.0.write_all_at(&bytes, 0)?;
        Ok(done)
    }

    /// Says how fast it may be.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set(&self, rate: Rate, now: Duration) -> io::Result<()> {
        self.change(now, |pace| pace.become_of(rate, now))
    }

    /// How long so much has to wait. What cannot be read holds nobody up.
    pub fn due(&self, operations: f64, bytes: u64, now: Duration) -> Duration {
        self.change(now, |pace| pace.due(operations, bytes, now, now)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn steady(operations: f64, bytes: f64) -> Rate {
        let limit = |most| Limit { most, burst: None };
        Rate { operations: limit(operations), bytes: limit(bytes) }
    }

    #[test]
    fn use_beyond_the_limits_has_to_wait() {
        let (mut pace, zero) = (Pace::new(steady(100.0, 1e6), Duration::ZERO), Duration::ZERO);
        // A fifth of a second by operations, and a fifth by bytes; a tenth may run ahead.
        (0..20).for_each(|_| {
            pace.due(1.0, 1, zero, zero);
        });
        (0..4).for_each(|_| {
            pace.due(1.0, 50_000, zero, zero);
        });
        assert_eq!(pace.due(1.0, 1, zero, zero), millis(300));
        assert_eq!(pace.due(1.0, 1, millis(305), zero), millis(5));
        assert_eq!(pace.due(0.0, 0, millis(2_000), zero), Duration::ZERO);
    }

    #[test]
    fn who_has_saved_nothing_is_slow() {
        let burst = Some(Burst { saved_max: 100.0, each_second: 50.0 });
        let operations = Limit { most: 1e6, burst };
        let rate = Rate { operations, bytes: Limit { most: 1e9, burst: None } };
        let (mut pace, zero) = (Pace::new(rate, Duration::ZERO), Duration::ZERO);
        (0..100).for_each(|_| assert_eq!(pace.due(1.0, 1, zero, zero), zero));
        assert_eq!(pace.balance(zero), Some(0.0));
        // Nothing is left: a fiftieth of a second each, of which a tenth of a second may run ahead.
        (0..16).for_each(|_| {
            pace.due(1.0, 1, zero, zero);
        });
        assert!(pace.due(1.0, 1, zero, zero) >= millis(219));
        // A second of the clock is worth fifty.
        let second = Duration::from_secs(1);
        pace.due(1.0, 1, second, second);
        // Those that had to wait are paid of it.
        assert_eq!(pace.balance(second), Some(32.0));
        // Another size keeps what fits.
        let smaller = Limit { most: 1e6, burst: Some(Burst { saved_max: 7.0, each_second: 1.0 }) };
        pace.become_of(Rate { operations: smaller, ..rate }, second);
        assert_eq!(pace.balance(second), Some(100.0));
        pace.become_of(steady(1.0, 1.0), second);
        assert_eq!(pace.balance(second), None);
    }

    #[test]
    fn who_always_waits_is_as_fast_as_the_baseline() {
        let bytes = Limit { most: 1e6, burst: Some(Burst { each_second: 1_000.0, saved_max: 0.0 }) };
        let rate = Rate { operations: Limit { most: 1e6, burst: None }, bytes };
        let (mut pace, mut now) = (Pace::new(rate, Duration::ZERO), Duration::ZERO);
        for _ in 0..1_000 {
            now += pace.due(1.0, 100, now, now);
        }
        assert!((99.0..100.1).contains(&now.as_secs_f64()), "{now:?}");
    }

    #[test]
    fn what_several_use_together_is_one() {
        let path = std::env::temp_dir().join(format!("virga-pace-{}", std::process::id()));
        let (one, other) = (Common::open(&path).unwrap(), Common::open(&path).unwrap());
        let burst = Some(Burst { each_second: 100.0, saved_max: 50.0 });
        let bytes = Limit { most: 1_000.0, burst };
        let rate = Rate { operations: Limit { most: 1e9, burst: None }, bytes };
        let at = Duration::from_secs(1_000);
        one.set(rate, at).unwrap();
        // Half a second at the baseline: nobody has so much saved.
        assert_eq!(one.due(1.0, 60, at), Duration::ZERO);
        assert_eq!(other.due(1.0, 40, at), Duration::ZERO);
        assert_eq!(one.due(1.0, 40, at), millis(400));
        // Saying the same again changes nothing.
        other.set(rate, at).unwrap();
        assert_eq!(one.due(1.0, 0, at), millis(800));
        // After a restart of the machine its time is another.
        let later = Duration::from_secs(5);
        assert_eq!(other.due(1.0, 1, later), Duration::ZERO);
        fs::write(&path, "nonsense").unwrap();
        assert_eq!(one.due(1.0, 1, later), Duration::ZERO);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_rate_is_said_and_read() {
        let path = std::env::temp_dir().join(format!("virga-rate-{}", std::process::id()));
        assert_eq!(Rate::said(&path), None);
        let burst = Some(Burst { each_second: 300.0, saved_max: 5_400_000.0 });
        let rate = Rate { operations: Limit { most: 3000.0, burst }, ..steady(0.0, 131_072_000.5) };
        rate.say(&path).unwrap();
        rate.say(&path).unwrap();
        assert_eq!(Rate::said(&path), Some(rate));
        fs::write(&path, "1 2").unwrap();
        assert_eq!(Rate::said(&path), None);
        fs::remove_file(path).unwrap();
    }
}
