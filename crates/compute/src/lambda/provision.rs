//! Provisioned concurrency: environments that are started and initialized before anybody calls.
//!
//! What is wanted is a row of the store; what there is of it is known to who holds the environments
//! ([`super::environments`]), and is made anew after a restart. An alias with weights has its number divided among its
//! versions by them.
//!
//! Not here: Application Auto Scaling.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html>

use super::allotment::Failure;
use super::beginning::{self, Kind};
use super::errors::{LambdaError, is_of_function};
use super::invocation::Runs;
use super::logs;
use super::model::{self, ALIASES, Alias, FUNCTIONS, PROVISIONS, Provision, VERSIONS};
use super::name::Named;
use super::sandbox::Environment;
use super::sandbox::end::Reason;
use super::workshop::{Ground, Workshop};
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Read};
use tokio::runtime::Handle;
use wire::Fault;

/// AWS: what functions may take to begin whose environments are provisioned, unless they may run for longer.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INIT_MAX: u32 = 130;
const INIT_FAILED: &str = "FUNCTION_ERROR_INIT_FAILURE";
/// Where this machine is at fault, it is tried anew.
const AGAIN: Duration = Duration::from_secs(10);
/// Between two looks at whether all are still there, and at whose credentials end.
const LOOK: Duration = Duration::from_secs(5);

impl Provision {
    pub(crate) fn named(&self) -> Named {
        let (account, region, name) = (self.account, self.region, self.function.clone());
        Named { account, region, name, qualifier: Some(self.qualifier.clone()) }
    }
}

/// The versions that an alias leads to, each with its part of a number.
pub(crate) fn shares(alias: &Alias, number: u32) -> Vec<(String, u32)> {
    let mut left = number;
    let mut all = Vec::new();
    for (version, weight) in &alias.weights {
        let part = (u64::from(number) * u64::from(*weight) + 5_000) / 10_000;
        let part = u32::try_from(part).unwrap_or(left).min(left);
        left -= part;
        all.push((version.clone(), part));
    }
    all.push((alias.version.clone(), left));
    all
}

/// The versions that a qualifier leads to, each with its part of a number.
///
/// # Errors
/// The store's.
pub(crate) fn divided(
    from: &dyn Read,
    named: &Named,
    number: u32,
) -> Result<Vec<(String, u32)>, LambdaError> {
    let qualifier = named.qualifier.as_deref().unwrap_or_default();
    if model::number_of(qualifier).is_some() {
        return Ok(vec![(qualifier.to_owned(), number)]);
    }
    let alias = ALIASES.get(from, &named.key().str(qualifier))?;
    Ok(alias.map(|alias| shares(&alias, number)).unwrap_or_default())
}

/// What is to be kept ready for a provision, and how many of each.
///
/// # Errors
/// The store's.
pub(crate) fn wanted(from: &dyn Read, provision: &Provision) -> Result<Vec<(Runs, u32)>, LambdaError> {
    let named = provision.named();
    let Some(function) = FUNCTIONS.get(from, &named.key())? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (label, share) in divided(from, &named, provision.requested)? {
        let Some(number) = model::number_of(&label).filter(|_| share > 0) else { continue };
        if let Some(version) = VERSIONS.get(from, &named.key().u64(number))? {
            all.push((Runs { function: function.clone(), version }, share));
        }
    }
    Ok(all)
}

/// The provisions of a function.
///
/// # Errors
/// The store's.
pub(crate) fn of(from: &dyn Read, function: &Key) -> Result<Vec<Provision>, LambdaError> {
    let all = PROVISIONS.scan(from, function, Direction::Forward).map(|pair| pair.map(|(_, row)| row));
    Ok(all.collect::<Result<_, _>>()?)
}

/// How much is provisioned of a function, and of all that have nothing reserved.
///
/// # Errors
/// The store's.
pub(crate) fn totals(
    from: &dyn Read,
    home: (AccountId, Region),
    function: &str,
) -> Result<(u32, u32), LambdaError> {
    let (mut own, mut unreserved) = (0, 0);
    for provision in of(from, &Key::regional(home.0, home.1))? {
        if provision.function == function {
            own += provision.requested;
        }
        let owner = FUNCTIONS.get(from, &provision.named().key())?;
        if owner.is_some_and(|owner| owner.reserved.is_none()) {
            unreserved += provision.requested;
        }
    }
    Ok((own, unreserved))
}

/// Keeps what is provisioned.
#[derive(Debug)]
pub struct Provisions(pub Ground);

impl Reconciler for Provisions {
    fn name(&self) -> &'static str {
        "lambda provisioned concurrency"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![PROVISIONS.stored_key(&Key::empty()), ALIASES.stored_key(&Key::empty())]
    }

    fn nap(&self) -> Duration {
        LOOK
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let workshop = cloud.memory::<Workshop>();
        workshop.set(&self.0);
        let snapshot = cloud.store().snapshot();
        let mut all = Vec::new();
        for provision in of(&snapshot, &Key::empty()).map_err(|why| Fault::from(why).message)? {
            let wanted = wanted(&snapshot, &provision).map_err(|why| Fault::from(why).message)?;
            all.extend(wanted.into_iter().map(|(runs, share)| (provision.id.clone(), runs, share)));
        }
        drop(snapshot);
        for key in workshop.environments.allot(all, cloud.clock().now()) {
            tend(cloud, &key).map_err(|e| e.to_string())?;
        }
        Ok(None)
    }
}

/// Starts what a version lacks of what is provisioned.
///
/// # Errors
/// Where no runtime runs.
pub(crate) fn tend(cloud: &Arc<Cloud>, key: &str) -> Result<(), tokio::runtime::TryCurrentError> {
    let runtime = Handle::try_current()?;
    let workshop = cloud.memory::<Workshop>();
    while let Some(place) = super::environments::place(&workshop, key, cloud.clock().now()) {
        let cloud = Arc::clone(cloud);
        runtime.spawn(async move {
            let mut next = Some(place);
            while let Some(place) = next.take() {
                let made = made(&cloud, &place.runs).await;
                next = place.fill(made, cloud.clock().now());
            }
        });
    }
    Ok(())
}

/// An environment that waits for its first event.
async fn made(cloud: &Arc<Cloud>, runs: &Runs) -> Result<Arc<Environment>, Failure> {
    let workshop = cloud.memory::<Workshop>();
    let begun = beginning::begin(cloud, &workshop, runs, Kind::Provisioned).await;
    let environment = begun.map_err(|why| {
        if is_of_function(&why) {
            return Failure { reason: INIT_FAILED.into(), again: None };
        }
        Failure { reason: why.message, again: Some(cloud.clock().now().plus(AGAIN)) }
    })?;
    let limit = Duration::from_secs(INIT_MAX.max(runs.version.timeout).into());
    let failed = beginning::initialized(&environment, limit, cloud.clock().now()).await.is_some();
    let lines = environment.output.take();
    if !lines.is_empty() {
        let (cloud, runs, environment) = (Arc::clone(cloud), runs.clone(), Arc::clone(&environment));
        let _ = tokio::task::spawn_blocking(move || logs::write(&cloud, &environment, &runs, lines)).await;
    }
    if failed {
        environment.fail(Reason::Failure);
        return Err(Failure { reason: INIT_FAILED.into(), again: None });
    }
    environment.rest();
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::shares;
    use crate::lambda::model::Alias;

    #[test]
    fn an_alias_divides_by_its_weights() {
        let alias = |weight: Option<u32>| Alias {
            version: "1".into(),
            weights: weight.map(|weight| ("2".to_owned(), weight)).into_iter().collect(),
            ..Alias::default()
        };
        let parts = |weight, number| -> Vec<u32> {
            shares(&alias(weight), number).into_iter().map(|(_, part)| part).collect()
        };
        assert_eq!(parts(None, 5), [5]);
        assert_eq!(parts(Some(2_500), 4), [1, 3]);
        assert_eq!(parts(Some(10_000), 3), [3, 0]);
        assert_eq!(parts(Some(1), 3), [0, 3]);
        assert_eq!(shares(&alias(Some(5_000)), 3), [("2".to_owned(), 2), ("1".to_owned(), 1)]);
    }
}
