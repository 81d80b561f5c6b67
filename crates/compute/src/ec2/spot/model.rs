//! Records of spot requests, and the states and codes that AWS documents for them.
//!
//! ```text
//!  open ──────────► active ◄──────► disabled         persistent ones go back to open when their machine is terminated
//!   │  │               │ │             │
//!   │  └► failed       │ └► closed     │             one-time ones whose machine is
//!   └────────────► cancelled ◄─────────┘
//! ```
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html>

use super::terms::Terms;
use base::Timestamp;
use store::Table;

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Request {
        1 => pub(crate) id: String,
        2 => pub(crate) persistent: bool,
        /// An interruption stops the machine, and does not terminate it.
        3 => pub(crate) stops: bool,
        /// In millionths of a dollar; `None` where the price on demand is the highest.
        4 => pub(crate) max: Option<i64>,
        5 => pub(crate) from: Option<Timestamp>,
        6 => pub(crate) until: Option<Timestamp>,
        7 => pub(crate) state: String,
        8 => pub(crate) code: String,
        9 => pub(crate) message: String,
        /// When the status last changed.
        10 => pub(crate) updated: Timestamp,
        11 => pub(crate) created: Timestamp,
        /// The machine, once there was one, and its zone.
        12 => pub(crate) instance: Option<String>,
        13 => pub(crate) zone: Option<String>,
        /// Why it failed: code and message.
        14 => pub(crate) fault: Option<(String, String)>,
        /// Before that there is no capacity: it was taken back.
        15 => pub(crate) not_before: Option<Timestamp>,
        /// What is launched, as RunInstances would be asked for it, in JSON.
        16 => pub(crate) launch: String,
        17 => pub(crate) kind: String,
        /// The first request that was made with it.
        18 => pub(crate) batch: String,
        /// It is a fleet's, which decides when a machine that was stopped is started again.
        19 => pub(crate) of_fleet: bool,
    }
}

pub(crate) const REQUESTS: Table<Request> = Table::new(0x2220, "compute/spot-requests");

pub(crate) const OPEN: &str = "open";
pub(crate) const ACTIVE: &str = "active";
pub(crate) const CLOSED: &str = "closed";
pub(crate) const DISABLED: &str = "disabled";
pub(crate) const CANCELLED: &str = "cancelled";
pub(crate) const FAILED: &str = "failed";

/// What a request is at: the code, and the words that go with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status(pub(crate) &'static str, &'static str);

macro_rules! statuses {
    ($( $name:ident = $code:literal, $words:literal; )+) => {
        $( pub(crate) const $name: Status = Status($code, $words); )+
    };
}

statuses! {
    PENDING = "pending-evaluation", "Your Spot request has been submitted for review, and is pending evaluation.";
    NOT_YET = "not-scheduled-yet", "Your Spot request will not be evaluated before its start date.";
    NO_ZONE = "constraint-not-fulfillable", "Your Spot request cannot be fulfilled because its Availability Zone does not exist.";
    NO_CAPACITY = "capacity-not-available", "There is no Spot capacity available that matches your request.";
    FULFILLED = "fulfilled", "Your Spot request is fulfilled.";
    EXPIRED = "schedule-expired", "Your Spot request has expired.";
    CANCELED = "canceled-before-fulfillment", "Your Spot request is canceled before it was fulfilled.";
    STILL_RUNNING = "request-canceled-and-instance-running", "Your Spot request is canceled, but your instance is still running.";
    MARKED_STOP = "marked-for-stop", "Your Spot Instance is marked for stopping.";
    MARKED_END = "marked-for-termination", "Your Spot Instance is marked for termination.";
    STOPPED_BY_PRICE = "instance-stopped-by-price", "Your Spot Instance was stopped because the Spot price exceeded your maximum price.";
    STOPPED_BY_USER = "instance-stopped-by-user", "Your Spot Instance was stopped by its user.";
    STOPPED_NO_CAPACITY = "instance-stopped-no-capacity", "Your Spot Instance was stopped because its capacity was needed.";
    ENDED_BY_PRICE = "instance-terminated-by-price", "Your Spot Instance was terminated because the Spot price exceeded your maximum price.";
    ENDED_BY_USER = "instance-terminated-by-user", "Spot Instance terminated due to user-initiated termination.";
    ENDED_BY_SERVICE = "instance-terminated-by-service", "Your Spot Instance was terminated from a stopped state.";
    ENDED_NO_CAPACITY = "instance-terminated-no-capacity", "Your Spot Instance was terminated because its capacity was needed.";
}

pub(crate) const TOO_LOW: &str = "price-too-low";
pub(crate) const BAD: &str = "bad-parameters";

impl Request {
    pub(crate) fn new(id: String, terms: &Terms, now: Timestamp) -> Request {
        let mut request = Request {
            id,
            persistent: terms.persistent,
            stops: terms.stops,
            max: terms.max,
            from: terms.from,
            until: terms.until,
            created: now,
            ..Request::default()
        };
        request.is_at(OPEN, PENDING, now);
        request
    }

    /// Enters a state with its status; when that is another, it is of now.
    pub(crate) fn is_at(&mut self, state: &str, status: Status, now: Timestamp) {
        self.says(state, status.0, status.1, now);
    }

    /// Another status in the state that it is in.
    pub(crate) fn shows(&mut self, status: Status, now: Timestamp) {
        let state = self.state.clone();
        self.is_at(&state, status, now);
    }

    pub(crate) fn says(&mut self, state: &str, code: &str, message: &str, now: Timestamp) {
        if self.state != state || self.code != code || self.message != message {
            (self.state, self.code, self.updated) = (state.to_owned(), code.to_owned(), now);
            message.clone_into(&mut self.message);
        }
    }

    pub(crate) fn is_fulfilled(&mut self, instance: &str, zone: &str, now: Timestamp) {
        (self.instance, self.zone) = (Some(instance.to_owned()), Some(zone.to_owned()));
        self.not_before = None;
        self.is_at(ACTIVE, FULFILLED, now);
    }

    /// Its machine is terminated: a persistent one is open again.
    pub(crate) fn is_over(&mut self, status: Status, now: Timestamp) {
        self.is_at(if self.persistent { OPEN } else { CLOSED }, status, now);
    }

    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// No more will come of it.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state.as_str(), CLOSED | CANCELLED | FAILED)
    }
}
