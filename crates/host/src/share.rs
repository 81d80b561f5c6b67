//! What a machine may take of the one that it runs on.

/// Limits for all that runs in a machine together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Thousandths of a processor.
    pub millicpus: u32,
    pub memory_bytes: u64,
}

/// What this machine has itself: nobody gets more of it.
pub fn whole() -> Share {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Share {
        millicpus: u32::try_from(cpus).unwrap_or(u32::MAX).saturating_mul(1_000),
        memory_bytes: memory_of(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()),
    }
}

/// Of `/proc/meminfo`; where it says nothing, as much as one may ask for.
fn memory_of(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib << 10)
}

impl Share {
    /// No more of anything than another has.
    #[must_use]
    pub fn at_most(self, other: Share) -> Share {
        Share {
            millicpus: self.millicpus.min(other.millicpus),
            memory_bytes: self.memory_bytes.min(other.memory_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_there_is() {
        let one = Share { millicpus: 8_000, memory_bytes: 1 };
        let other = Share { millicpus: 2_000, memory_bytes: 5 };
        assert_eq!(one.at_most(other), Share { millicpus: 2_000, memory_bytes: 1 });
        assert_eq!(memory_of("MemTotal:       2 kB\nMemFree: 1 kB\n"), 2048);
        assert_eq!(memory_of(""), u64::MAX);
        assert!(whole().millicpus >= 1_000);
    }
}
