//! [`Cloud`]: everything that the rooms share, wired once at start.

use crate::audit::{self, Recorder, Trail};
use crate::bus::{Delivery, Subscriber};
use crate::callers::Callers;
use crate::gate::Gate;
use crate::identity::Directory;
use crate::memory::Memory;
use crate::meter::{self, Gauge, Meter, Tariff};
use crate::metrics::Metrics;
use crate::op::{Op, Service};
use crate::quota::Quotas;
use crate::reconcile::{Background, Reconciler};
use crate::saga::Saga;
use crate::seal::Sealer;
use crate::site::Site;
use crate::turned_away::TurnedAway;
use crate::witness::Witness;
use auth::actions::AccessLevel;
use auth::sigv4::{KeyCache, Secret};
use base::{Clock, Rng, Timestamp};
use base::{Map, page::Pager};
use blob::{Blobs, Contents};
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, KeyRange, Read, Store, StoreError, Table};
use tokio::sync::{Mutex, watch};

/// How the cloud was asked to run.
#[derive(Clone, Default, Debug)]
pub struct Settings {
    /// Refuse members that an operation does not act on, instead of reporting them.
    pub strict: bool,
    /// Where chance began, if it was told.
    pub seed: Option<u64>,
    /// How old a state may be that is shown to readers who ask for no more; zero where all see the latest.
    pub lag: Duration,
    /// The key that whoever started the cloud chose for root.
    pub root_key: Option<RootKey>,
}

/// A key of an account's root. Unlike the shared ones its signatures are verified, and they are taken from everywhere.
#[derive(Clone, Debug)]
pub struct RootKey {
    pub access_key: String,
    pub secret: Secret,
}

/// What the services bring along.
#[derive(Debug)]
pub struct Parts {
    pub services: Vec<&'static Service>,
    pub directory: Arc<dyn Directory>,
    pub reconcilers: Vec<Arc<dyn Reconciler>>,
    pub subscribers: Vec<Arc<dyn Subscriber>>,
    /// Who words API calls for them.
    pub recorder: Option<&'static dyn Recorder>,
    pub sagas: Vec<&'static Saga>,
    pub sites: Vec<Arc<dyn Site>>,
    pub witnesses: Vec<Arc<dyn Witness>>,
    /// How services count what they are asked for, and what they have standing.
    pub tariffs: Vec<&'static dyn Tariff>,
    pub gauges: Vec<Arc<dyn Gauge>>,
    pub gates: Vec<&'static dyn Gate>,
    /// Where contents lie that are too large for the store.
    pub blobs: Arc<dyn Blobs>,
}

/// An operation and what the dispatcher asks about it on every call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Built {
    pub(crate) op: &'static Op,
    pub(crate) global: bool,
    /// It only lists or reads, so its answer is no part of its audit record.
    pub(crate) reads: bool,
    pub(crate) tariff: Option<&'static dyn Tariff>,
    pub(crate) gate: Option<&'static dyn Gate>,
}

/// The running cloud. Shared by every request and reconciler.
pub struct Cloud {
    store: Store,
    contents: Contents,
    clock: Clock,
    /// The machine's own time, by which clients sign.
    wall: Clock,
    rng: Rng,
    pager: Pager,
    sealer: Sealer,
    settings: Settings,
    services: Vec<&'static Service>,
    /// By service and operation.
    built: Map<(&'static str, &'static str), Built>,
    pub(crate) directory: Arc<dyn Directory>,
    reconcilers: Vec<Arc<dyn Reconciler>>,
    subscribers: Vec<Arc<dyn Subscriber>>,
    pub(crate) recorder: Option<&'static dyn Recorder>,
    pub(crate) sagas: Vec<&'static Saga>,
    pub(crate) sites: Vec<Arc<dyn Site>>,
    pub(crate) witnesses: Vec<Arc<dyn Witness>>,
    pub(crate) callers: Callers,
    pub(crate) signing_keys: KeyCache,
    pub(crate) quotas: Quotas,
    trail: Trail,
    meter: Arc<Meter>,
    gauges: Vec<Arc<dyn Gauge>>,
    metrics: Metrics,
    memory: Memory,
    pub(crate) turned_away: TurnedAway,
    clock_moved: watch::Sender<u64>,
    /// One change of the clock at a time: what is saved last must be what holds.
    clock_orders: Mutex<()>,
    /// Held by a transaction that has lost to others several times.
    pub(crate) turn: Mutex<()>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud").field("services", &self.services).finish_non_exhaustive()
    }
}

store::record! {
    /// The moved clock, so that a restart keeps it.
    #[derive(Clone, PartialEq, Debug)]
    struct SavedClock {
        1 => pub offset_micros: i64,
        2 => pub frozen_at: Option<Timestamp>,
    }
}

const CLOCK: Table<SavedClock> = Table::new(0x0003, "kernel/clock");

/// A century: further than any lease, and short of what a timestamp holds.
pub const CLOCK_STEP_SECONDS_MAX: f64 = 3_155_760_000.0;

/// 9999-12-31T00:00:00Z: no format that AWS writes has room for a later year.
const CLOCK_END: Timestamp = Timestamp::from_seconds(253_402_214_400);

/// How many keys one round of a reset deletes, so that a transaction stays small.
const RESET_BATCH: usize = 10_000;

/// What to do to the clock; several apply in the order advance, freeze, thaw.
#[derive(Clone, Copy, Default, Debug)]
pub struct ClockChange {
    pub advance: Duration,
    pub freeze: bool,
    pub thaw: bool,
}

impl Cloud {
    /// Wires a cloud over an open store. Everything secret is sealed under `master`.
    ///
    /// # Errors
    /// When the saved clock cannot be read.
    pub fn new(
        store: Store,
        clock: Clock,
        rng: Rng,
        master: &[u8; 32],
        settings: Settings,
        parts: Parts,
    ) -> Result<Arc<Cloud>, StoreError> {
        if let Some(saved) = CLOCK.get(&store.begin(), &Key::global())? {
            clock.restore(saved.offset_micros, saved.frozen_at);
        }
        let sealer = Sealer::new(master);
        let page_key = sealer.key_for("page tokens");
        let mut reconcilers = parts.reconcilers;
        let own: [Arc<dyn Reconciler>; 10] = [
            Arc::new(audit::Flush),
            Arc::new(audit::Trim),
            Arc::new(meter::Sample),
            Arc::new(meter::Changes::of(&parts.gauges)),
            Arc::new(meter::Trim),
            Arc::new(crate::vitals::Publish),
            Arc::new(crate::contributors::Write),
            Arc::new(crate::contents::Sweep::default()),
            Arc::new(Delivery),
            Arc::new(crate::saga::Resume),
        ];
        reconcilers.extend(own);
        let callers =
            Callers::new(parts.directory.watched().iter().map(|prefix| store.watch(prefix)).collect());
        let wall = Clock::system();
        let trail = Trail::new(wall.now());
        Ok(Arc::new(Cloud {
            store,
            contents: Contents::new(parts.blobs),
            clock,
            wall,
            rng,
            pager: Pager::new(&page_key),
            sealer,
            settings,
            built: built(&parts.services, &parts.tariffs, &parts.gates),
            services: parts.services,
            directory: parts.directory,
            reconcilers,
            subscribers: parts.subscribers,
            recorder: parts.recorder,
            sagas: parts.sagas,
            sites: parts.sites,
            witnesses: parts.witnesses,
            callers,
            signing_keys: KeyCache::default(),
            quotas: Quotas::default(),
            trail,
            meter: Arc::default(),
            gauges: parts.gauges,
            metrics: Metrics::default(),
            memory: Memory::default(),
            turned_away: TurnedAway::default(),
            clock_moved: watch::Sender::new(0),
            clock_orders: Mutex::new(()),
            turn: Mutex::new(()),
        }))
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The bytes of objects, images, volumes: what is written once and never changed.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The machine's own time, by which clients sign and issuers outside of the cloud date their tokens.
    pub fn wall_now(&self) -> Timestamp {
        self.wall.now()
    }

    pub fn rng(&self) -> &Rng {
        &self.rng
    }

    pub fn pager(&self) -> &Pager {
        &self.pager
    }

    /// Seals what is secret, at rest and in tokens.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Where usage is counted.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    pub(crate) fn gauges(&self) -> &[Arc<dyn Gauge>] {
        &self.gauges
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What a service keeps in memory in this cloud, made on first use: caches, notes to be written later.
    pub fn memory<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.memory.of()
    }

    pub fn services(&self) -> impl Iterator<Item = &'static Service> {
        self.services.iter().copied()
    }

    pub(crate) fn service(&self, id: &str) -> Option<&'static Service> {
        self.services().find(|s| s.id == id)
    }

    pub(crate) fn built(&self, service: &str, operation: &str) -> Option<Built> {
        self.built.get(&(service, operation)).copied()
    }

    pub fn reconcilers(&self) -> &[Arc<dyn Reconciler>] {
        &self.reconcilers
    }

    pub(crate) fn subscribers(&self) -> &[Arc<dyn Subscriber>] {
        &self.subscribers
    }

    /// Starts the reconcilers on the current tokio runtime.
    pub fn start_background(self: &Arc<Self>) -> Background {
        Background::start(self)
    }

    /// Moves whenever the clock is moved, stopped or started.
    pub fn clock_moves(&self) -> watch::Receiver<u64> {
        self.clock_moved.subscribe()
    }

    /// Moves, stops or starts the clock, durably, and wakes whoever waits for a time. What could not be saved is not
    /// done.
    ///
    /// # Errors
    /// The store's; `Refused` where the clock would go beyond the year 9999.
    pub async fn change_clock(self: &Arc<Self>, change: ClockChange) -> Result<(), CommitError> {
        let _alone = self.clock_orders.lock().await;
        if change.advance > Duration::ZERO {
            self.look_before_it_moves().await;
        }
        if self.clock.now().plus(change.advance) > CLOCK_END {
            return Err(CommitError::Refused("the clock ends with the year 9999"));
        }
        let was_frozen = self.clock.is_frozen();
        // Before it is saved: a clock that ran on meanwhile would have to go back.
        if change.freeze {
            self.clock.freeze();
        }
        let saved = self.changed_clock(change);
        let mut tx = self.store.begin();
        CLOCK.put(&mut tx, &Key::global(), &saved);
        if let Err(error) = tx.commit().await {
            if !was_frozen {
                self.clock.thaw();
            }
            return Err(error);
        }
        self.clock.restore(saved.offset_micros, saved.frozen_at);
        self.clock_moved.send_modify(|moves| *moves += 1);
        Ok(())
    }

    /// What stands now has stood for as long as the clock is moved by.
    async fn look_before_it_moves(self: &Arc<Self>) {
        let cloud = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || meter::sample(&cloud)).await;
        if let Err(problem) = looked.map_err(|e| e.to_string()).and_then(|looked| looked) {
            crate::log::warn("usage could not be looked at", &[("problem", &problem)]);
        }
    }

    /// How the clock will stand.
    fn changed_clock(&self, change: ClockChange) -> SavedClock {
        let advance = i64::try_from(change.advance.as_micros()).unwrap_or(i64::MAX);
        let stands = self.clock.is_frozen() && !change.thaw;
        SavedClock {
            offset_micros: self.clock.offset_micros().saturating_add(advance),
            frozen_at: stands.then(|| self.clock.now().plus(change.advance)),
        }
    }

    /// Empties the cloud: as if its folder were new. The clock goes back to the machine's.
    ///
    /// # Errors
    /// The store's.
    pub async fn reset(&self) -> Result<(), CommitError> {
        let _alone = self.clock_orders.lock().await;
        self.trail.clear();
        self.meter.clear();
        while self.delete_some().await? {}
        // Their rows are gone; what cannot be removed now is found when the cloud starts next.
        if let Err(problem) = self.contents.clear() {
            crate::log::warn("contents could not be removed", &[("problem", &problem.to_string())]);
        }
        self.trail.clear();
        self.meter.clear();
        self.callers.clear();
        self.memory.clear();
        self.turned_away.clear();
        self.clock.restore(0, None);
        self.clock_moved.send_modify(|moves| *moves += 1);
        Ok(())
    }

    /// Deletes a part of everything; false once there is nothing left.
    async fn delete_some(&self) -> Result<bool, CommitError> {
        // Read outside of the transaction: deleting needs no agreement, and would else lose to every other commit.
        let snapshot = self.store.snapshot();
        let all = snapshot.scan(KeyRange::all(), Direction::Forward).take(RESET_BATCH);
        let keys: Result<Vec<_>, _> = all.map(|pair| pair.map(|(key, _)| key)).collect();
        let keys = keys.map_err(|e| CommitError::Unknown(e.to_string()))?;
        if keys.is_empty() {
            return Ok(false);
        }
        let mut tx = self.store.begin();
        keys.into_iter().for_each(|key| tx.delete(key));
        tx.commit().await.map(|_| true)
    }

    /// Writes what waits in memory and closes the store.
    ///
    /// # Errors
    /// A sentence that says what was not written.
    pub async fn close(self: &Arc<Self>) -> Result<(), String> {
        let cloud = Arc::clone(self);
        let closing = tokio::task::spawn_blocking(move || {
            let last = cloud.reconcilers.iter().try_for_each(|reconciler| reconciler.last(&cloud));
            audit::flush(&cloud)?;
            cloud.store.close();
            last?;
            Ok(())
        });
        closing.await.map_err(|e| e.to_string())?
    }
}

fn built(
    services: &[&'static Service],
    tariffs: &[&'static dyn Tariff],
    gates: &[&'static dyn Gate],
) -> Map<(&'static str, &'static str), Built> {
    let ops = services.iter().flat_map(|service| service.ops().map(move |op| (service, op)));
    let entry = |(service, op): (&&'static Service, &'static Op)| {
        let level = auth::actions::access_level(op.action);
        let reads = matches!(level, Some(AccessLevel::List | AccessLevel::Read));
        let tariff = tariffs.iter().copied().find(|tariff| tariff.service() == service.id);
        let gate = gates.iter().copied().find(|gate| gate.service() == service.id);
        ((service.id, op.name), Built { op, global: service.global, reads, tariff, gate })
    };
    ops.map(entry).collect()
}
