//! The dispatcher on its own: stories, and random ones against a slow model.

use super::{Arrival, Asked, Counts, Dispatcher, Lease, Seq, Stale, Taken};
use base::Timestamp;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000 + seconds)
}

struct Desk {
    dispatcher: Dispatcher,
    nonce: u64,
}

impl Desk {
    fn new(fifo: bool) -> Desk {
        Desk { dispatcher: Dispatcher::new(fifo, at(0)), nonce: 0 }
    }

    fn send(&mut self, group: &str, now: i64, delay: i64) -> Seq {
        let group = (!group.is_empty()).then(|| Arc::from(group));
        let seq = self.dispatcher.reserve(group.as_ref(), at(now));
        self.arrive(seq, group, now, delay);
        seq
    }

    fn arrive(&mut self, seq: Seq, group: Option<Arc<str>>, now: i64, delay: i64) {
        let arrival = Arrival { seq, sent: at(now), visible_at: at(now + delay), group, lease: None };
        self.dispatcher.arrive(&arrival, at(now));
    }

    fn take(&mut self, max: usize, now: i64, visibility: u64) -> Taken {
        self.take_of(max, now, visibility, None)
    }

    fn take_of(&mut self, max: usize, now: i64, visibility: u64, receives_max: Option<u32>) -> Taken {
        let visibility = Duration::from_secs(visibility);
        let asked = Asked { max, now: at(now), visibility, receives_max, in_flight_max: 1000 };
        let nonce = &mut self.nonce;
        self.dispatcher.take(&asked, || {
            *nonce += 1;
            *nonce
        })
    }

    fn seqs(&mut self, max: usize, now: i64) -> Vec<Seq> {
        self.take(max, now, 30).given.iter().map(|(seq, _)| *seq).collect()
    }

    fn counts(&mut self, now: i64) -> (usize, usize, usize) {
        let Counts { visible, in_flight, delayed } = self.dispatcher.counts(at(now));
        (visible, in_flight, delayed)
    }
}

#[test]
fn a_message_comes_back_when_its_time_is_over() {
    let mut desk = Desk::new(false);
    let (a, b) = (desk.send("", 0, 0), desk.send("", 0, 0));
    assert_eq!(desk.seqs(1, 0), [a]);
    assert_eq!(desk.counts(0), (1, 1, 0));
    assert_eq!(desk.seqs(10, 1), [b]);
    assert!(desk.seqs(10, 29).is_empty());
    let again = desk.take(10, 30, 30).given;
    assert_eq!((again[0].0, again[0].1.count, again[0].1.first), (a, 2, at(0)));
    desk.dispatcher.remove(a);
    assert_eq!(desk.counts(31), (1, 0, 0));
}

#[test]
fn a_delay_is_kept() {
    let mut desk = Desk::new(false);
    let late = desk.send("", 0, 10);
    let soon = desk.send("", 1, 0);
    assert_eq!(desk.counts(1), (1, 0, 1));
    assert_eq!(desk.dispatcher.next_due(), Some(at(10)));
    assert_eq!(desk.seqs(10, 5), [soon]);
    assert_eq!(desk.seqs(10, 10), [late]);
}

#[test]
fn handles_hold_as_long_as_their_receive() {
    let mut desk = Desk::new(false);
    let seq = desk.send("", 0, 0);
    let (_, first) = desk.take(1, 0, 10).given[0];
    assert_eq!(desk.dispatcher.held(seq, first.nonce, at(9)), Ok(first));
    assert_eq!(desk.dispatcher.held(seq, first.nonce, at(10)), Err(Stale::Expired(first)));
    let (_, second) = desk.take(1, 10, 10).given[0];
    assert_eq!(desk.dispatcher.held(seq, first.nonce, at(11)), Err(Stale::Superseded));
    desk.dispatcher.hold(seq, second.nonce, at(100), at(11));
    assert!(desk.seqs(1, 99).is_empty());
    desk.dispatcher.hold(seq, second.nonce, at(99), at(99));
    assert_eq!(desk.seqs(1, 99), [seq]);
    desk.dispatcher.remove(seq);
    assert_eq!(desk.dispatcher.held(seq, second.nonce, at(99)), Err(Stale::Gone));
}

#[test]
fn a_receive_that_was_not_written_did_not_happen() {
    let mut desk = Desk::new(false);
    let seq = desk.send("", 0, 0);
    let (_, lease) = desk.take(1, 0, 10).given[0];
    desk.dispatcher.give_back(seq, &lease, at(1));
    assert_eq!(desk.counts(1), (1, 0, 0));
    assert_eq!(desk.take(1, 1, 10).given[0].1.count, 1);
}

#[test]
fn groups_of_a_fifo_queue_are_closed_while_one_of_theirs_is_out() {
    let mut desk = Desk::new(true);
    let a: Vec<Seq> = (0..3).map(|_| desk.send("a", 0, 0)).collect();
    let b = desk.send("b", 0, 0);
    // As many of one group as there are, then of the next.
    assert_eq!(desk.seqs(2, 0), [a[0], a[1]]);
    assert_eq!(desk.seqs(10, 1), [b]);
    assert!(desk.seqs(10, 2).is_empty());
    desk.dispatcher.remove(a[0]);
    assert!(desk.seqs(10, 2).is_empty(), "the second is still out");
    desk.dispatcher.remove(a[1]);
    assert_eq!(desk.seqs(10, 3), [a[2]]);
}

#[test]
fn what_comes_back_to_a_group_stands_at_its_head() {
    let mut desk = Desk::new(true);
    let all: Vec<Seq> = (0..3).map(|_| desk.send("a", 0, 0)).collect();
    assert_eq!(desk.seqs(1, 0), all[..1]);
    assert_eq!(desk.seqs(10, 30), all);
}

#[test]
fn nothing_overtakes_what_is_on_its_way_to_the_disk() {
    let mut desk = Desk::new(true);
    let group: Arc<str> = Arc::from("a");
    let first = desk.dispatcher.reserve(Some(&group), at(0));
    let second = desk.send("a", 0, 0);
    assert!(desk.seqs(10, 0).is_empty());
    desk.arrive(first, Some(group.clone()), 0, 0);
    assert_eq!(desk.seqs(10, 0), [first, second]);
    let lost = desk.dispatcher.reserve(Some(&group), at(1));
    let third = desk.send("a", 1, 0);
    [first, second].into_iter().for_each(|seq| desk.dispatcher.remove(seq));
    assert!(desk.seqs(10, 1).is_empty());
    desk.dispatcher.abandon(lost);
    assert_eq!(desk.seqs(10, 1), [third]);
}

#[test]
fn dead_letters_are_set_aside() {
    let mut desk = Desk::new(false);
    let seq = desk.send("", 0, 0);
    for round in 0..2 {
        assert_eq!(desk.take_of(1, round * 10, 10, Some(2)).given.len(), 1);
    }
    let taken = desk.take_of(1, 20, 10, Some(2));
    assert_eq!((taken.given.len(), taken.dead[0].0, taken.dead[0].1.count), (0, seq, 2));
    // Had it not been written, it would be dead the next time, too.
    desk.dispatcher.hold(seq, taken.dead[0].1.nonce, at(20), at(20));
    assert_eq!(desk.take_of(1, 21, 10, Some(2)).dead.len(), 1);
}

#[test]
fn too_many_in_flight() {
    let mut desk = Desk::new(false);
    for _ in 0..3 {
        desk.send("", 0, 0);
    }
    let asked = Asked {
        max: 10,
        now: at(0),
        visibility: Duration::from_secs(9),
        receives_max: None,
        in_flight_max: 2,
    };
    let first = desk.dispatcher.take(&asked, || 1);
    assert_eq!((first.given.len(), first.over_limit), (2, false));
    assert!(desk.dispatcher.take(&asked, || 1).over_limit);
}

#[test]
fn a_noisy_tenant_stands_behind_the_quiet_ones() {
    let mut desk = Desk::new(false);
    for _ in 0..100 {
        desk.send("noisy", 0, 0);
    }
    let quiet = desk.send("quiet", 1, 0);
    let plain = desk.send("", 2, 0);
    // The oldest first, until thirty of one tenant are in flight.
    assert!(!desk.seqs(30, 3).contains(&quiet));
    assert_eq!(desk.seqs(2, 3), [quiet, plain]);
    // Nobody else is there: it gets what is left.
    assert_eq!(desk.seqs(10, 3).len(), 10);
}

#[test]
fn what_is_too_old_goes() {
    let mut desk = Desk::new(true);
    let old = desk.send("a", 0, 0);
    let young = desk.send("a", 50, 0);
    desk.seqs(1, 50);
    assert_eq!(desk.dispatcher.oldest(), Some(at(0)));
    assert_eq!(desk.dispatcher.expire(at(49)), [old]);
    assert_eq!(desk.seqs(10, 50), [young]);
}

#[test]
fn places_grow_across_restarts() {
    let mut desk = Desk::new(false);
    let seq = desk.send("", 0, 0);
    let mut next = Dispatcher::new(false, at(1));
    let lease = Lease { nonce: 7, count: 3, first: at(0), received: at(0), until: at(9) };
    let arrival = Arrival { seq, sent: at(0), visible_at: at(0), group: None, lease: Some(lease) };
    next.arrive(&arrival, at(1));
    assert!(next.reserve(None, at(1)) > seq);
    assert_eq!(next.held(seq, 7, at(1)), Ok(lease), "a receive goes on where it was");
}

#[derive(Clone, Debug)]
enum Act {
    Send(u8, i64),
    Take(usize, u64),
    Remove(usize),
    Release(usize),
    Wait(i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..3u8, prop_oneof![Just(0), 1..5i64]).prop_map(|(group, delay)| Act::Send(group, delay)),
        (1..4usize, 1..6u64).prop_map(|(max, visibility)| Act::Take(max, visibility)),
        any::<usize>().prop_map(Act::Remove),
        any::<usize>().prop_map(Act::Release),
        (0..4i64).prop_map(Act::Wait),
    ]
}

proptest! {
    /// Whatever happens: a group's messages come in order while nothing of it is out, nothing is given twice at a
    /// time, and the counts add up.
    #[test]
    fn order_within_groups(acts in proptest::collection::vec(act(), 1..120)) {
        let mut desk = Desk::new(true);
        let mut now = 0;
        let mut groups: HashMap<u8, BTreeMap<Seq, ()>> = HashMap::new();
        let mut out: BTreeMap<Seq, (u8, Lease)> = BTreeMap::new();
        for act in acts {
            out.retain(|_, (_, lease)| lease.until > at(now));
            match act {
                Act::Send(group, delay) => {
                    let seq = desk.send(&group.to_string(), now, delay);
                    groups.entry(group).or_default().insert(seq, ());
                }
                Act::Take(max, visibility) => {
                    let taken = desk.take(max, now, visibility).given;
                    prop_assert!(taken.len() <= max);
                    let mut seen: HashMap<u8, Vec<Seq>> = HashMap::new();
                    for (seq, lease) in taken {
                        let group = *groups.iter().find(|(_, g)| g.contains_key(&seq)).unwrap().0;
                        prop_assert!(!out.contains_key(&seq));
                        prop_assert!(
                            !out.values().any(|(g, _)| *g == group) || seen.contains_key(&group),
                            "the group was closed"
                        );
                        seen.entry(group).or_default().push(seq);
                        out.insert(seq, (group, lease));
                    }
                    for (group, seqs) in seen {
                        let head: Vec<Seq> = groups[&group].keys().take(seqs.len()).copied().collect();
                        prop_assert!(seqs == head, "{seqs:?} are not the first of {head:?}");
                    }
                }
                Act::Remove(n) if !out.is_empty() => {
                    let seq = *out.keys().nth(n % out.len()).unwrap();
                    let (group, _) = out.remove(&seq).unwrap();
                    groups.get_mut(&group).unwrap().remove(&seq);
                    desk.dispatcher.remove(seq);
                }
                Act::Release(n) if !out.is_empty() => {
                    let seq = *out.keys().nth(n % out.len()).unwrap();
                    let (_, lease) = out.remove(&seq).unwrap();
                    desk.dispatcher.hold(seq, lease.nonce, at(now), at(now));
                }
                Act::Wait(seconds) => now += seconds,
                Act::Remove(_) | Act::Release(_) => {}
            }
            out.retain(|_, (_, lease)| lease.until > at(now));
            let (visible, in_flight, delayed) = desk.counts(now);
            let all: usize = groups.values().map(BTreeMap::len).sum();
            prop_assert!(visible + in_flight + delayed == all);
            prop_assert!(in_flight == out.len());
        }
    }
}
