//! Records of capacity reservations, and which machines they are for. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-view.html> (the states)

use crate::ec2::model::{Instance, Wish};
use base::Timestamp;
use store::Table;

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Reservation {
        1 => pub(crate) id: String,
        /// The type of its machines.
        2 => pub(crate) kind: String,
        3 => pub(crate) zone: String,
        /// For how many machines.
        4 => pub(crate) total: i64,
        /// Only for machines that name it.
        5 => pub(crate) targeted: bool,
        /// AWS's word.
        6 => pub(crate) state: String,
        7 => pub(crate) created: Timestamp,
        /// When it ends by itself.
        8 => pub(crate) until: Option<Timestamp>,
        /// When it ended.
        9 => pub(crate) ended: Option<Timestamp>,
    }
}

pub(crate) const RESERVATIONS: Table<Reservation> = Table::new(0x2260, "compute/capacity-reservations");

pub(crate) const ACTIVE: &str = "active";
pub(crate) const EXPIRED: &str = "expired";
pub(crate) const CANCELLED: &str = "cancelled";

/// The one platform that machines have here.
pub(crate) const PLATFORM: &str = "Linux/UNIX";

/// AWS's words for what machines want.
pub(crate) const OPEN: &str = "open";
pub(crate) const NONE: &str = "none";

impl Reservation {
    pub(crate) fn is_active(&self) -> bool {
        self.state == ACTIVE
    }

    /// Whoever fits may be in it.
    pub(crate) fn is_open(&self) -> bool {
        self.is_active() && !self.targeted
    }

    pub(crate) fn is_for(&self, instance: &Instance) -> bool {
        self.kind == instance.kind && self.zone == instance.zone && !instance.dedicated
    }
}

impl Wish {
    pub(crate) fn is_open(&self) -> bool {
        self.target.is_none() && !self.none
    }
}

/// Which of some machines take the room that a reservation has left: those that run, fit and are in none; the oldest first.
pub(crate) fn takers<'i>(reservation: &Reservation, all: &'i [Instance], room: i64) -> Vec<&'i Instance> {
    use crate::ec2::model::state::{PENDING, RUNNING};
    let may = |instance: &&Instance| {
        matches!(instance.state, PENDING | RUNNING)
            && instance.reserved.is_none()
            && instance.spot.is_none()
            && instance.wish.is_open()
            && reservation.is_for(instance)
    };
    let mut found: Vec<&Instance> = all.iter().filter(may).collect();
    found.sort_by_key(|instance| (instance.launched, instance.id.clone()));
    found.truncate(usize::try_from(room).unwrap_or_default());
    found
}

#[cfg(test)]
mod tests {
    use super::{ACTIVE, Reservation, takers};
    use crate::ec2::model::{Instance, Wish, state};
    use base::Timestamp;

    fn instance(id: &str, launched: i64) -> Instance {
        Instance {
            id: id.into(),
            kind: "t3.micro".into(),
            zone: "a".into(),
            state: state::RUNNING,
            launched: Timestamp::from_seconds(launched),
            ..Instance::default()
        }
    }

    #[test]
    fn room_is_taken_by_those_that_fit_and_are_free_to() {
        let reservation = Reservation {
            kind: "t3.micro".into(),
            zone: "a".into(),
            state: ACTIVE.into(),
            ..Reservation::default()
        };
        let all = [
            instance("i-new", 9),
            instance("i-old", 1),
            Instance { kind: "t3.small".into(), ..instance("i-other", 0) },
            Instance { zone: "b".into(), ..instance("i-far", 0) },
            Instance { state: state::STOPPED, ..instance("i-stopped", 0) },
            Instance { spot: Some("sir-1".into()), ..instance("i-spot", 0) },
            Instance { reserved: Some("cr-1".into()), ..instance("i-held", 0) },
            Instance { wish: Wish { none: true, target: None }, ..instance("i-none", 0) },
            Instance { wish: Wish { none: false, target: Some("cr-2".into()) }, ..instance("i-for", 0) },
        ];
        let ids =
            |room| takers(&reservation, &all, room).iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(5), ["i-old", "i-new"]);
        assert_eq!(ids(1), ["i-old"]);
        assert!(ids(0).is_empty() && ids(-1).is_empty());
    }
}
