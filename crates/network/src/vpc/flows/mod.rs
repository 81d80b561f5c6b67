//! Flow logs: what the data plane counts at the interfaces that they cover becomes records.
//!
//! [`Counted`] is in memory what has been counted in the window that is open; [`RecordFlows`] closes windows by the cloud's
//! clock and keeps their records ([`format`]), and [`deliver`] brings them to where they go. What was being counted when
//! the cloud is killed is lost, and its machines are too; the next window says so (`SKIPDATA`). Who is stopped closes its
//! windows first.
//!
//! Windows begin with full minutes, those of 600 seconds with full tens of them. An interface of an instance has windows
//! of a minute, as AWS has them for every instance of today. A clock that is moved makes no windows in between.
//!
//! Where the data plane is not real there are no packets: every record says `NODATA`.

pub mod deliver;
mod errors;
pub(crate) mod format;
mod path;

use self::format::{Format, Place, Sum, Tuple, What};
use self::path::Ways;
use super::model::{FLOW_LOGS, FlowLog, INTERFACES, Line, RECORDS, Records, records_key};
use super::topology;
use base::{AccountId, Region, Timestamp};
use ec2::attachment::ATTACHMENTS;
use ec2::plane::DataPlane;
use host::{Driver, HostError};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use net::program::flows::{FLOWS_MAX, link};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CommitError, Direction, Key, Read, StoreError, Tx};

/// In seconds.
pub(crate) const INTERVALS: [u32; 2] = [600, 60];
/// Records to a bucket are gathered for so many seconds.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html>
const GATHERED: i64 = 300;
const FILED_AFTER: Duration = Duration::from_secs(360);
/// What is delivered in one call.
const LINES_MAX: usize = 2000;

/// An interface, and how many seconds its windows have.
type Slot = (String, u32);

/// A window that is open.
#[derive(Debug)]
struct Window {
    place: Place,
    logs: BTreeMap<String, FlowLog>,
    since: Timestamp,
    flows: BTreeMap<Tuple, Sum>,
    skipped: bool,
}

/// A window that is closed.
#[derive(Debug)]
struct Closed {
    window: Window,
    until: Timestamp,
}

/// What is counted, in memory.
#[derive(Debug, Default)]
pub struct Counted(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Something was covered or looked for before, in this process.
    running: bool,
    windows: BTreeMap<Slot, Window>,
    closed: Vec<Closed>,
    /// Interfaces by the name of their link; also of those that are gone, until their VPC's are read.
    links: BTreeMap<String, String>,
}

/// The interfaces of a VPC that flow logs cover.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn watched(from: &dyn Read, place: topology::Place<'_>) -> Result<BTreeSet<String>, StoreError> {
    let logs = place.all(from, &FLOW_LOGS)?;
    if logs.is_empty() {
        return Ok(BTreeSet::new());
    }
    let interfaces = place.all(from, &INTERFACES)?.into_iter().filter(|i| i.vpc == place.vpc);
    let is_covered = |i: &super::model::Interface| logs.iter().any(|log| covers(log, i));
    Ok(interfaces.filter(is_covered).map(|i| i.id).collect())
}

fn covers(log: &FlowLog, interface: &super::model::Interface) -> bool {
    [&interface.id, &interface.subnet, &interface.vpc].contains(&&log.resource)
}

/// All that is to be counted.
fn wanted(from: &dyn Read, now: Timestamp) -> Result<BTreeMap<Slot, Window>, StoreError> {
    let mut by_home: BTreeMap<(AccountId, &'static str), Vec<FlowLog>> = BTreeMap::new();
    for pair in FLOW_LOGS.scan(from, &Key::empty(), Direction::Forward) {
        let (key, log) = pair?;
        let Some((account, region)) = key.reader().regional() else { continue };
        by_home.entry((account, region.name())).or_default().push(log);
    }
    let mut out = BTreeMap::new();
    for ((account, region), logs) in by_home {
        let Some(region) = Region::parse(region) else { continue };
        let all = topology::Place { account, region, vpc: "" }.all(from, &INTERFACES)?;
        for interface in all {
            let covering: Vec<&FlowLog> = logs.iter().filter(|log| covers(log, &interface)).collect();
            let key = ec2::register::key(account, region, &interface.id);
            let Some(attachment) = ATTACHMENTS.get(from, &key)?.filter(|_| !covering.is_empty()) else {
                continue;
            };
            let of_instance = attachment.instance.is_some();
            let place = Place {
                account,
                region,
                vpc: interface.vpc.clone(),
                subnet: interface.subnet.clone(),
                zone: interface.zone.clone(),
                interface: interface.id.clone(),
                instance: attachment.instance,
                is_nitro: attachment.nitro,
                primary: [
                    interface.primary().parse().ok(),
                    interface.ipv6.first().and_then(|a| a.parse().ok()),
                ],
            };
            for log in covering {
                let every = if of_instance { INTERVALS[1] } else { log.interval };
                let window = out.entry((interface.id.clone(), every)).or_insert_with(|| Window {
                    place: place.clone(),
                    logs: BTreeMap::new(),
                    since: now,
                    flows: BTreeMap::new(),
                    skipped: false,
                });
                window.logs.insert(log.id.clone(), log.clone());
            }
        }
    }
    Ok(out)
}

/// The end of the window that this time is in.
fn boundary(time: Timestamp, every: u32) -> Timestamp {
    let every = i64::from(every);
    Timestamp::from_seconds((time.seconds().div_euclid(every) + 1) * every)
}

impl Counted {
    /// Counts for those flow logs that there are now. What was counted for others, or for no more, is closed.
    pub(crate) fn cover(&self, cloud: &Cloud, driver: Option<&Arc<dyn Driver>>) {
        // Where the store cannot be read [`RecordFlows`] says so.
        let _ = self.with(|state| state.cover(cloud, driver));
    }

    /// Reads what the data plane has counted in a VPC that is about to go.
    pub(crate) fn read(&self, driver: &Arc<dyn Driver>, vpc: &str, now: Timestamp) {
        self.with(|state| state.read(Some(driver), vpc, now));
    }

    /// The data plane has lost what it had counted.
    pub(crate) fn lost(&self) {
        self.with(|state| state.windows.values_mut().for_each(|window| window.skipped = true));
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn cover(&mut self, cloud: &Cloud, driver: Option<&Arc<dyn Driver>>) -> Result<(), StoreError> {
        let now = cloud.clock().now();
        let wanted = wanted(&cloud.store().snapshot(), now)?;
        let was_running = std::mem::replace(&mut self.running, true);
        let is_other = |slot: &Slot, window: &Window| {
            let ids = |window: &Window| window.logs.keys().cloned().collect::<Vec<String>>();
            wanted.get(slot).is_none_or(|now| ids(now) != ids(window))
        };
        let ending: Vec<Slot> =
            self.windows.iter().filter(|(s, w)| is_other(s, w)).map(|(s, _)| s.clone()).collect();
        let vpcs: BTreeSet<String> = ending.iter().map(|slot| self.windows[slot].place.vpc.clone()).collect();
        for vpc in vpcs {
            self.read(driver, &vpc, now);
        }
        for slot in ending {
            if let Some(window) = self.windows.remove(&slot) {
                self.closed.push(Closed { window, until: now });
            }
        }
        for (slot, window) in wanted {
            self.links.insert(link(&slot.0), slot.0.clone());
            match self.windows.get_mut(&slot) {
                Some(open) => (open.place, open.logs) = (window.place, window.logs),
                None => {
                    // Another process was counting for it, and nobody knows what.
                    let skipped = !was_running && window.logs.values().any(|log| log.begun);
                    self.windows.insert(slot, Window { skipped, ..window });
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, driver: Option<&Arc<dyn Driver>>, vpc: &str, now: Timestamp) {
        let Some(driver) = driver else { return };
        let counted = match driver.flows(vpc) {
            Ok(counted) => counted,
            Err(HostError::NotThere(_)) => return,
            Err(_) => {
                self.skip(vpc);
                return;
            }
        };
        if counted.overflown {
            self.skip(vpc);
        }
        for flow in counted.flows {
            let Some(interface) = self.links.get(&flow.key.link) else { continue };
            for every in INTERVALS {
                if let Some(window) = self.windows.get_mut(&(interface.clone(), every)) {
                    window.add(&flow, now);
                }
            }
        }
    }

    fn skip(&mut self, vpc: &str) {
        for window in self.windows.values_mut().filter(|window| window.place.vpc == vpc) {
            window.skipped = true;
        }
    }

    /// Closes what has come to its end; when the next does.
    fn close(&mut self, driver: Option<&Arc<dyn Driver>>, now: Timestamp) -> Option<Timestamp> {
        let ends = |(slot, window): (&Slot, &Window)| boundary(window.since, slot.1) <= now;
        let due: Vec<Slot> =
            self.windows.iter().filter(|pair| ends(*pair)).map(|(slot, _)| slot.clone()).collect();
        let vpcs: BTreeSet<String> = due.iter().map(|slot| self.windows[slot].place.vpc.clone()).collect();
        for vpc in vpcs {
            self.read(driver, &vpc, now);
        }
        for slot in due {
            let Some(open) = self.windows.get_mut(&slot) else { continue };
            let until = boundary(open.since, slot.1);
            let next = Window {
                place: open.place.clone(),
                logs: open.logs.clone(),
                since: boundary(now, slot.1).minus(Duration::from_secs(slot.1.into())),
                flows: BTreeMap::new(),
                skipped: false,
            };
            let window = std::mem::replace(open, next);
            self.closed.push(Closed { window, until });
        }
        if self.windows.is_empty() {
            self.links.clear();
        }
        self.windows.iter().map(|(slot, window)| boundary(window.since, slot.1)).min()
    }
}

impl State {
    /// Closes all windows, wherever they are.
    fn end(&mut self, driver: Option<&Arc<dyn Driver>>, now: Timestamp) {
        let vpcs: BTreeSet<String> = self.windows.values().map(|window| window.place.vpc.clone()).collect();
        vpcs.iter().for_each(|vpc| self.read(driver, vpc, now));
        let windows = std::mem::take(&mut self.windows).into_values();
        self.closed.extend(windows.map(|window| Closed { window, until: now }));
    }

    /// Puts the records of closed windows on their way.
    fn keep(&mut self, cloud: &Cloud, goes_on: bool) -> Result<(), String> {
        while let Some(closed) = self.closed.last() {
            let mut tx = cloud.store().begin();
            closed.keep(cloud, &mut tx, goes_on).map_err(|error| error.to_string())?;
            match tx.commit().wait() {
                Ok(_) => drop(self.closed.pop()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

impl Window {
    fn add(&mut self, flow: &host::Flow, now: Timestamp) {
        let key = &flow.key;
        let tuple = Tuple {
            source: key.source,
            destination: key.destination,
            source_port: key.source_port,
            destination_port: key.destination_port,
            protocol: key.protocol,
            egress: key.egress,
            accepted: key.accepted,
        };
        if self.flows.len() >= FLOWS_MAX as usize && !self.flows.contains_key(&tuple) {
            self.skipped = true;
            return;
        }
        let last = now.minus(flow.ago).max(self.since);
        let new = Sum { packets: 0, bytes: 0, tcp_flags: 0, path: None, first: last, last };
        let sum = self.flows.entry(tuple).or_insert(new);
        sum.packets += flow.count.packets;
        sum.bytes += flow.count.bytes;
        sum.tcp_flags |= format::flags(key.tcp_flags);
        (sum.first, sum.last) = (sum.first.min(last), sum.last.max(last));
    }

    /// Its records in the words of a flow log.
    fn lines(&self, log: &FlowLog, until: Timestamp, ways: Option<&Ways>) -> Vec<Line> {
        let Ok(format) = Format::parse(&log.format) else { return Vec::new() };
        let (place, window) = (&self.place, (self.since, until));
        let line = |what: What<'_>, start: Timestamp| Line {
            start: start.seconds(),
            text: format.line(place, what, window),
        };
        let flows = self.flows.iter().filter(|(tuple, _)| log.traffic.has(tuple.accepted));
        let mut lines: Vec<Line> = flows
            .map(|(tuple, sum)| {
                let (first, last) = (sum.first.min(until), sum.last.min(until));
                let path = ways.and_then(|ways| ways.number(place, tuple));
                line(What::Flow(tuple, &Sum { path, first, last, ..sum.clone() }), first)
            })
            .collect();
        lines.sort_by_key(|line| line.start);
        if self.skipped {
            lines.insert(0, line(What::SkipData, self.since));
        } else if lines.is_empty() {
            lines.push(line(What::NoData, self.since));
        }
        lines
    }
}

impl Closed {
    /// Puts its records on their way. Where nothing more is counted, nothing is lost.
    fn keep(&self, cloud: &Cloud, tx: &mut Tx, goes_on: bool) -> Result<(), StoreError> {
        let Place { account, region, interface, .. } = &self.window.place;
        let now = cloud.clock().now();
        let tells_ways = self.window.logs.values().any(|log| log.format.contains(path::FIELD));
        let ways = if tells_ways { Some(Ways::of(tx, &self.window.place)?) } else { None };
        for log in self.window.logs.values() {
            let key = ec2::register::key(*account, *region, &log.id);
            let Some(mut log) = FLOW_LOGS.get(tx, &key)? else { continue };
            // To a bucket in a file for each five minutes, once all of their windows are closed; to a group at once.
            let last = self.until.seconds() - 1;
            let slot = Timestamp::from_seconds(last.div_euclid(GATHERED) * GATHERED);
            let due = if log.is_to_bucket() { slot.plus(FILED_AFTER) } else { now };
            for lines in self.window.lines(&log, self.until, ways.as_ref()).chunks(LINES_MAX) {
                let records = Records {
                    account: *account,
                    region: *region,
                    log: log.id.clone(),
                    interface: interface.clone(),
                    lines: lines.to_vec(),
                    since: now,
                    attempts: 0,
                    slot,
                };
                let key = records_key(due, *account, *region, &log.id).u64(cloud.rng().u64());
                RECORDS.put(tx, &key, &records);
            }
            if log.begun != goes_on {
                log.begun = goes_on;
                FLOW_LOGS.put(tx, &key, &log);
            }
        }
        Ok(())
    }
}

/// Closes windows and keeps their records.
#[derive(Debug)]
pub struct RecordFlows(pub Arc<DataPlane>);

impl Reconciler for RecordFlows {
    fn name(&self) -> &'static str {
        "flow logs"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![FLOW_LOGS.stored_key(&all), INTERFACES.stored_key(&all), ATTACHMENTS.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let driver = self.0.running();
        let counted = cloud.memory::<Counted>();
        counted.with(|state| {
            state.cover(cloud, driver.as_ref()).map_err(|error| error.to_string())?;
            let next = state.close(driver.as_ref(), cloud.clock().now());
            state.keep(cloud, true).map(|()| next)
        })
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        let driver = self.0.running();
        cloud.memory::<Counted>().with(|state| {
            state.end(driver.as_ref(), cloud.clock().now());
            state.keep(cloud, false)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpc::model::Traffic;
    use host::{Count, Flow};
    use net::program::flows::FlowKey;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn open(since: i64) -> Window {
        let place = Place {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::US_EAST_1,
            vpc: "vpc-1".into(),
            subnet: "subnet-1".into(),
            zone: "us-east-1a".into(),
            interface: "eni-1".into(),
            instance: None,
            is_nitro: false,
            primary: ["10.0.0.9".parse().ok(), None],
        };
        Window { place, logs: BTreeMap::new(), since: at(since), flows: BTreeMap::new(), skipped: false }
    }

    fn flow(port: u16, tcp_flags: u8, ago: u64) -> Flow {
        let key = FlowKey {
            link: link("eni-1"),
            source: "10.0.0.9".parse().unwrap(),
            destination: "10.0.0.10".parse().unwrap(),
            egress: true,
            accepted: port != 22,
            protocol: 6,
            source_port: 5000,
            destination_port: port,
            tcp_flags,
        };
        Flow { key, count: Count { packets: 2, bytes: 100 }, ago: Duration::from_secs(ago) }
    }

    #[test]
    fn windows_end_with_full_minutes_and_full_tens_of_them() {
        for (time, every, end) in [(0, 60, 60), (59, 60, 60), (60, 60, 120), (61, 600, 600), (600, 600, 1200)]
        {
            assert_eq!(boundary(at(time), every), at(end), "{time} {every}");
        }
    }

    #[test]
    fn packets_of_a_flow_are_one_record_with_its_times_and_flags() {
        let mut window = open(0);
        // A SYN, what follows, and what came before the window's beginning by the clock.
        for (flow, now) in [(flow(80, 2, 10), 30), (flow(80, 16, 0), 30), (flow(80, 17, 90), 50)] {
            window.add(&flow, at(now));
        }
        window.add(&flow(22, 2, 5), at(50));
        let log = |traffic| FlowLog {
            traffic,
            format: "${dstport} ${packets} ${bytes} ${tcp-flags} ${action} ${start} ${end} ${log-status}"
                .into(),
            ..FlowLog::default()
        };
        let lines = |window: &Window, traffic| {
            window
                .lines(&log(traffic), at(60), None)
                .into_iter()
                .map(|line| line.text)
                .collect::<Vec<String>>()
        };
        let passed = "80 6 300 3 ACCEPT 1800000000 1800000030 OK";
        let refused = "22 2 100 2 REJECT 1800000045 1800000045 OK";
        assert_eq!(lines(&window, Traffic::All), [passed, refused]);
        assert_eq!(lines(&window, Traffic::Accept), [passed]);
        assert_eq!(lines(&window, Traffic::Reject), [refused]);
        let empty = "- - - - - 1800000000 1800000060";
        assert_eq!(lines(&open(0), Traffic::All), [format!("{empty} NODATA")]);
        window.skipped = true;
        assert_eq!(lines(&window, Traffic::Reject), [format!("{empty} SKIPDATA"), refused.into()]);
    }

    #[test]
    fn a_window_holds_so_many_flows_and_says_that_there_were_more() {
        let mut window = open(0);
        let most = u16::try_from(FLOWS_MAX).unwrap();
        for port in 0..most {
            window.add(&flow(port, 2, 0), at(1));
        }
        window.add(&flow(0, 16, 0), at(1));
        assert!(!window.skipped);
        window.add(&flow(most, 2, 0), at(1));
        assert!(window.skipped && window.flows.len() == usize::from(most));
    }
}
