//! `virga lab`: exercises of ten minutes each, in `examples/labs`. A lab is a stack that lacks something, a task, and a
//! check that grades by real packets and calls, not by what was configured.

mod least_policy;
mod nat;
mod sweep;
mod zone;

use crate::apps::{Deployed, Progress, Proof, Stack};

/// Grades a lab, and tells of each thing as it is tried.
type Check = fn(&str, &Deployed, &dyn Fn(&Proof)) -> Vec<Proof>;

/// An exercise.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What is to be done, as `examples/labs` tells it.
    pub(crate) task: &'static str,
    pub(crate) stack: Stack,
    pub(crate) check: Check,
}

macro_rules! lab {
    ($name:literal, $title:literal, $check:path) => {
        Lab {
            name: $name,
            title: $title,
            task: include_str!(concat!("../../../../examples/labs/", $name, "/README.md")),
            stack: Stack {
                name: concat!("lab-", $name),
                template: include_str!(concat!("../../../../examples/labs/", $name, "/template.yaml")),
                end: concat!("virga lab stop ", $name),
            },
            check: $check,
        }
    };
}

pub(crate) static LABS: &[Lab] = &[
    lab!("nat", "make this private subnet reach the internet", nat::check),
    lab!("least-policy", "find the least policy", least_policy::check),
    lab!("zone", "survive the loss of a zone", zone::check),
];

impl Lab {
    /// Takes the lab away, with what a student is expected to have made in it; false where it is not there.
    ///
    /// # Errors
    /// A sentence; of something else that was made in it, what keeps the stack from being deleted.
    pub(crate) fn end(&self, endpoint: &str, progress: Progress<'_>) -> Result<bool, String> {
        let Some(there) = self.stack.found(endpoint)? else { return Ok(false) };
        sweep::sweep(endpoint, &there)?;
        self.stack.tear_down(endpoint, progress)
    }
}
