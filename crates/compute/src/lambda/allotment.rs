//! How many environments of one version are to be ready, and how far that has come. Pure: what an environment is does not
//! matter here.

use super::invocation::Runs;
use base::Timestamp;
use std::sync::Arc;

/// Environments of one version that begin at once.
const AT_ONCE: u32 = 4;

/// Why there are not as many as were asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// When it is tried anew, if that has a prospect.
    pub(crate) again: Option<Timestamp>,
}

/// What is asked of an environment.
pub(crate) trait Kept {
    /// Whether it can still take an event.
    fn is_usable(&self, now: Timestamp) -> bool;
    /// Whether it can for so long that no other has to begin in its place.
    fn stays(&self, now: Timestamp) -> bool;
}

#[derive(Debug)]
pub(crate) struct Allotment<E> {
    /// The provision that it is for.
    provision: String,
    pub(crate) runs: Runs,
    share: u32,
    /// Without anything to do: the last used at the end.
    idle: Vec<Arc<E>>,
    at_work: u32,
    starting: u32,
    /// Whether there once were as many as were asked for.
    was_ready: bool,
    failure: Option<Failure>,
}

/// How far it has come.
#[derive(Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) is_ready: bool,
    /// How many there are.
    pub(crate) held: u32,
    pub(crate) failure: Option<String>,
}

impl<E: Kept> Allotment<E> {
    pub(crate) fn new(runs: Runs) -> Allotment<E> {
        Allotment {
            provision: String::new(),
            runs,
            share: 0,
            idle: Vec::new(),
            at_work: 0,
            starting: 0,
            was_ready: false,
            failure: None,
        }
    }

    /// Tells how many there are to be, and takes out what is too much, or of no use any more.
    pub(crate) fn set(&mut self, provision: &str, share: u32, now: Timestamp) -> Vec<Arc<E>> {
        if self.provision != provision || self.share != share {
            provision.clone_into(&mut self.provision);
            self.share = share;
            self.failure = None;
            self.was_ready = false;
        }
        let mut gone: Vec<_> = self.idle.extract_if(.., |one| !one.is_usable(now)).collect();
        gone.extend(self.surplus(now));
        self.settle();
        gone
    }

    fn held(&self) -> u32 {
        self.at_work + u32::try_from(self.idle.len()).unwrap_or(u32::MAX)
    }

    fn settle(&mut self) {
        self.was_ready |= self.held() >= self.share;
    }

    /// What is idle and too much: first those that would not stay.
    fn surplus(&mut self, now: Timestamp) -> Vec<Arc<E>> {
        let mut gone = Vec::new();
        while self.held() > self.share && !self.idle.is_empty() {
            let old = self.idle.iter().position(|one| !one.stays(now)).unwrap_or(0);
            gone.push(self.idle.remove(old));
        }
        gone
    }

    /// Whether nothing is left of it.
    pub(crate) fn is_over(&self) -> bool {
        self.share == 0 && self.held() == 0 && self.starting == 0
    }

    pub(crate) fn lacks(&self, now: Timestamp) -> bool {
        let waits = self.failure.as_ref().is_some_and(|failure| failure.again.is_none_or(|at| at > now));
        let staying = self.idle.iter().filter(|one| one.stays(now)).count();
        let there = self.at_work + self.starting + u32::try_from(staying).unwrap_or(u32::MAX);
        !waits && there < self.share
    }

    /// A place for one that begins.
    pub(crate) fn start(&mut self, now: Timestamp) -> bool {
        let starts = self.starting < AT_ONCE && self.lacks(now);
        self.starting += u32::from(starts);
        starts
    }

    /// One has begun, or could not. Gives back what is too much.
    pub(crate) fn started(&mut self, made: Option<Result<Arc<E>, Failure>>, now: Timestamp) -> Vec<Arc<E>> {
        self.starting = self.starting.saturating_sub(1);
        match made {
            Some(Ok(one)) => {
                self.failure = None;
                self.idle.push(one);
            }
            Some(Err(failure)) => self.failure = Some(failure),
            None => {}
        }
        let gone = self.surplus(now);
        self.settle();
        gone
    }

    /// One for an event, and those that turned out to be of no use.
    pub(crate) fn take(&mut self, now: Timestamp) -> (Option<Arc<E>>, Vec<Arc<E>>) {
        let mut gone = Vec::new();
        while let Some(one) = self.idle.pop() {
            if one.is_usable(now) {
                self.at_work += 1;
                return (Some(one), gone);
            }
            gone.push(one);
        }
        (None, gone)
    }

    /// An event is done with; gives back what nobody needs any more.
    pub(crate) fn put(&mut self, one: Option<Arc<E>>, now: Timestamp) -> Vec<Arc<E>> {
        self.at_work = self.at_work.saturating_sub(1);
        self.idle.extend(one);
        self.surplus(now)
    }

    pub(crate) fn drain(&mut self, which: impl Fn(&E) -> bool) -> Vec<Arc<E>> {
        self.idle.extract_if(.., |one| which(one)).collect()
    }

    /// How many are at work, of how many.
    pub(crate) fn used(&self) -> (u32, u32) {
        (self.at_work, self.share)
    }

    /// As whoever asked for so many of that provision sees it.
    pub(crate) fn standing(&self, provision: &str, share: u32) -> Standing {
        if self.provision != provision || self.share != share {
            return Standing { is_ready: false, held: self.held().min(share), failure: None };
        }
        let failure = self.failure.as_ref().map(|failure| failure.reason.clone());
        Standing { is_ready: self.was_ready && failure.is_none(), held: self.held().min(share), failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Until when it can be used.
    struct Until(i64);

    impl Kept for Until {
        fn is_usable(&self, now: Timestamp) -> bool {
            now.seconds() < self.0
        }

        fn stays(&self, now: Timestamp) -> bool {
            now.seconds() + 10 < self.0
        }
    }

    fn new() -> Allotment<Until> {
        let (function, version) = Default::default();
        Allotment::new(Runs { function, version })
    }

    fn filled(all: &mut Allotment<Until>, now: Timestamp, until: i64) -> usize {
        let mut count = 0;
        while all.start(now) {
            assert!(all.started(Some(Ok(Arc::new(Until(until)))), now).is_empty());
            count += 1;
        }
        count
    }

    #[test]
    fn as_many_as_were_asked_for() {
        let now = Timestamp::from_seconds(100);
        let mut all = new();
        all.set("a", 6, now);
        let of = |all: &Allotment<Until>| all.standing("a", 6);
        assert_eq!((0..9).filter(|_| all.start(now)).count(), AT_ONCE as usize, "so many at once");
        (0..AT_ONCE).for_each(|_| drop(all.started(Some(Ok(Arc::new(Until(1_000)))), now)));
        assert_eq!(of(&all), Standing { is_ready: false, held: 4, failure: None });
        assert_eq!(filled(&mut all, now, 1_000), 2);
        assert_eq!(of(&all), Standing { is_ready: true, held: 6, failure: None });
        let (one, _) = all.take(now);
        assert_eq!((one.is_some(), all.used()), (true, (1, 6)));
        // One that is lost is replaced; what is asked for stays ready meanwhile.
        all.put(None, now);
        assert_eq!(of(&all), Standing { is_ready: true, held: 5, failure: None });
        assert_eq!(filled(&mut all, now, 1_000), 1);
        assert_eq!(all.set("b", 2, now).len(), 4, "the others are too much");
        assert!(!of(&all).is_ready && all.standing("b", 2).is_ready);
        assert!(all.set("", 0, now).len() == 2 && all.is_over());
    }

    #[test]
    fn what_works_while_it_is_taken_away() {
        let now = Timestamp::from_seconds(100);
        let mut all = new();
        all.set("a", 1, now);
        filled(&mut all, now, 1_000);
        let (one, _) = all.take(now);
        assert!(all.set("", 0, now).is_empty() && !all.is_over());
        assert_eq!(all.put(one, now).len(), 1);
        assert!(all.is_over());
    }

    #[test]
    fn failures_wait() {
        let now = Timestamp::from_seconds(100);
        let mut all = new();
        all.set("a", 1, now);
        let fail = |all: &mut Allotment<Until>, again| {
            assert!(all.start(now));
            all.started(Some(Err(Failure { reason: "why".into(), again })), now);
        };
        fail(&mut all, None);
        assert_eq!(all.standing("a", 1).failure.as_deref(), Some("why"));
        assert!(!all.start(now), "it would fail again");
        all.set("b", 1, now);
        fail(&mut all, Some(now.plus(Duration::from_secs(5))));
        assert!(!all.start(now) && all.lacks(now.plus(Duration::from_secs(5))));
    }

    #[test]
    fn who_will_end_has_a_follower_first() {
        let now = Timestamp::from_seconds(100);
        let mut all = new();
        all.set("a", 1, now);
        filled(&mut all, now, 120);
        assert!(!all.lacks(now));
        let later = Timestamp::from_seconds(111);
        assert!(all.set("a", 1, later).is_empty() && all.start(later));
        let gone = all.started(Some(Ok(Arc::new(Until(1_000)))), later);
        assert_eq!((gone.len(), gone[0].0), (1, 120));
        let (one, _) = all.take(later);
        assert_eq!(one.map(|one| one.0), Some(1_000));
    }
}
