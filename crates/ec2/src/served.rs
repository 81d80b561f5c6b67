//! Interfaces that other services of the cloud have in customers' networks. The room of networks makes them and takes them
//! away; whoever has them sends by them.

use crate::errors::{Ec2Error, Plain};
use base::{AccountId, Region};
use kernel::Cx;
use std::sync::OnceLock;
use store::{StoreError, Tx};

/// An interface that a service asks for.
#[derive(Clone, Debug, Default)]
pub struct NewInterface {
    pub subnet: String,
    pub groups: Vec<String>,
    pub description: String,
}

/// What was made.
#[derive(Clone, Debug, Default)]
pub struct Served {
    pub interface: String,
    pub vpc: String,
    pub zone: String,
}

pub type Make = fn(&mut Cx<'_>, &NewInterface) -> Result<Served, Ec2Error>;
pub type Unmake = fn(&mut Tx, AccountId, Region, &str) -> Result<(), StoreError>;

/// How the room of networks does it; set by the wiring.
#[derive(Debug, Default)]
pub struct Sockets(OnceLock<(Make, Unmake)>);

impl Sockets {
    pub fn set(&self, make: Make, unmake: Unmake) {
        let _ = self.0.set((make, unmake));
    }

    /// # Errors
    /// Those of `CreateNetworkInterface`.
    pub fn make(&self, cx: &mut Cx<'_>, wanted: &NewInterface) -> Result<Served, Ec2Error> {
        let (make, _) = self.0.get().ok_or(Plain::InternalError)?;
        make(cx, wanted)
    }

    /// Takes one away; one that is not there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unmake(
        &self,
        tx: &mut Tx,
        (account, region): (AccountId, Region),
        interface: &str,
    ) -> Result<(), StoreError> {
        self.0.get().map_or(Ok(()), |(_, unmake)| unmake(tx, account, region, interface))
    }
}
