//! What a fleet is asked to be: shapes of requests and answers, and the checks between them and the record.

use super::template;
use crate::ec2::fleet::model::{Config, Fleet, INSTANT, MAINTAIN, Options, Override, Target};
use crate::ec2::spot::price;
use crate::pools::{Strategy, UNIT};
use crate::requirements::{Requirements, Unit};
use ec2::{Ec2Error, Plain};
use kernel::Cx;

/// AWS: of all templates together, and units of one fleet.
const OVERRIDES_MAX: usize = 300;
const UNITS_MAX: i64 = 10_000;
/// AWS: a price must be more than that, in millionths of a dollar.
const PRICE_MIN: i64 = 1000;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ConfigShape {
        pub(crate) template: Option<TemplateShape> = "LaunchTemplateSpecification",
        pub(crate) overrides: Vec<OverrideShape> = "Overrides",
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct TemplateShape {
        pub(crate) id: Option<String> = "LaunchTemplateId",
        pub(crate) name: Option<String> = "LaunchTemplateName",
        pub(crate) version: Option<String> = "Version",
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct OverrideShape {
        pub(crate) kind: Option<String> = "InstanceType",
        pub(crate) max: Option<String> = "MaxPrice",
        pub(crate) subnet: Option<String> = "SubnetId",
        pub(crate) zone: Option<String> = "AvailabilityZone",
        pub(crate) weight: Option<f64> = "WeightedCapacity",
        pub(crate) priority: Option<f64> = "Priority",
        pub(crate) image: Option<String> = "ImageId",
        pub(crate) requirements: Option<Requirements> = "InstanceRequirements",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TargetShape {
        pub(crate) total: i64 = "TotalTargetCapacity",
        pub(crate) on_demand: Option<i64> = "OnDemandTargetCapacity",
        pub(crate) spot: Option<i64> = "SpotTargetCapacity",
        pub(crate) default: Option<String> = "DefaultTargetCapacityType",
        pub(crate) unit: Option<String> = "TargetCapacityUnitType",
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct SpotShape {
        pub(crate) strategy: Option<String> = "AllocationStrategy",
        pub(crate) maintenance: Option<MaintenanceShape> = "MaintenanceStrategies",
        pub(crate) behaviour: Option<String> = "InstanceInterruptionBehavior",
        pub(crate) pools: Option<i64> = "InstancePoolsToUseCount",
        pub(crate) one_type: Option<bool> = "SingleInstanceType",
        pub(crate) one_zone: Option<bool> = "SingleAvailabilityZone",
        pub(crate) least: Option<i64> = "MinTargetCapacity",
        pub(crate) total_price: Option<String> = "MaxTotalPrice",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct MaintenanceShape { pub(crate) rebalance: Option<RebalanceShape> = "CapacityRebalance" }

    #[derive(Clone, Debug)]
    pub(crate) struct RebalanceShape {
        pub(crate) strategy: Option<String> = "ReplacementStrategy",
        pub(crate) delay: Option<i64> = "TerminationDelay",
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct OnDemandShape {
        pub(crate) strategy: Option<String> = "AllocationStrategy",
        pub(crate) one_type: Option<bool> = "SingleInstanceType",
        pub(crate) one_zone: Option<bool> = "SingleAvailabilityZone",
        pub(crate) least: Option<i64> = "MinTargetCapacity",
        pub(crate) total_price: Option<String> = "MaxTotalPrice",
    }
}

fn invalid(what: impl Into<String>) -> Ec2Error {
    Plain::InvalidParameterValue(what.into()).into()
}

fn apart(what: impl Into<String>) -> Ec2Error {
    Plain::InvalidParameterCombination(what.into()).into()
}

/// # Errors
/// For templates that are not there, and what their overrides may not say.
pub(crate) fn configs(cx: &Cx<'_>, asked: &[ConfigShape]) -> Result<Vec<Config>, Ec2Error> {
    if asked.is_empty() {
        return Err(Plain::MissingParameter("LaunchTemplateConfigs".into()).into());
    }
    if asked.iter().map(|config| config.overrides.len()).sum::<usize>() > OVERRIDES_MAX {
        return Err(Plain::InvalidFleetConfig(format!(
            "A fleet may have up to {OVERRIDES_MAX} overrides in all of its launch templates."
        ))
        .into());
    }
    asked.iter().map(|config| of_config(cx, config)).collect()
}

fn of_config(cx: &Cx<'_>, asked: &ConfigShape) -> Result<Config, Ec2Error> {
    let missing = |name: &str| Ec2Error::from(Plain::MissingParameter(name.into()));
    let named = asked.template.as_ref().ok_or_else(|| missing("LaunchTemplateSpecification"))?;
    let version = named.version.clone().ok_or_else(|| missing("LaunchTemplateSpecification.Version"))?;
    let found = template::find(cx, named.id.as_ref(), named.name.as_ref())?;
    let data = super::template_version::data(cx, Some(&found.id), None, Some(&version))?.data;
    if data.market.is_some() {
        return Err(Plain::InvalidFleetConfig(format!(
            "The launch template {} says how its machines are paid for (InstanceMarketOptions), which is for the fleet to say.",
            found.id
        ))
        .into());
    }
    let overrides = asked.overrides.iter().map(of_override).collect::<Result<_, _>>()?;
    Ok(Config { id: found.id, name: found.name, version, overrides, launch: None })
}

pub(super) fn of_override(asked: &OverrideShape) -> Result<Override, Ec2Error> {
    if let Some(requirements) = &asked.requirements {
        if asked.kind.is_some() {
            return Err(apart(
                "InstanceType and InstanceRequirements may not be specified for one override.",
            ));
        }
        if let Some(flaw) = requirements.flaw() {
            return Err(Plain::InvalidFleetConfig(flaw).into());
        }
    }
    if let Some(max) = &asked.max
        && price::parse(max).is_none_or(|price| price <= PRICE_MIN)
    {
        let why = "Specify an amount of US dollars that is more than 0.001.";
        return Err(Ec2Error::value(max, "maxPrice", why));
    }
    if let Some(weight) = asked.weight.filter(|weight| !(0.001..=1_000_000.0).contains(weight)) {
        return Err(Ec2Error::value(weight, "weightedCapacity", "It must be more than 0."));
    }
    if let Some(priority) = asked.priority.filter(|priority| !(0.0..=1_000_000.0).contains(priority)) {
        return Err(Ec2Error::value(priority, "priority", "Priorities begin at 0."));
    }
    if asked.subnet.is_some() && asked.zone.is_some() {
        return Err(apart("SubnetId and AvailabilityZone may not be specified for one override."));
    }
    Ok(Override {
        kind: asked.kind.clone(),
        max: asked.max.clone(),
        subnet: asked.subnet.clone(),
        zone: asked.zone.clone(),
        weight: asked.weight,
        priority: asked.priority,
        image: asked.image.clone(),
        requirements: asked.requirements.as_ref().map(Requirements::text),
    })
}

/// The target that is asked for; what is not said stays as it was.
///
/// # Errors
/// `InvalidParameterValue` where its parts do not fit.
pub(crate) fn target(asked: &TargetShape, before: Option<&Target>) -> Result<Target, Ec2Error> {
    if let Some(unit) = asked.unit.as_ref().filter(|unit| Unit::named(unit).is_none()) {
        let why = "Valid values: vcpu, memory-mib, units.";
        return Err(Ec2Error::value(unit, "targetCapacityUnitType", why));
    }
    let rest_is_spot = match asked.default.as_deref() {
        Some("spot") => true,
        Some("on-demand") => false,
        None => before.is_some_and(|before| before.rest_is_spot),
        Some(other) => {
            let why =
                "Of default target capacity types, spot and on-demand are built in this version of Virga.";
            return Err(Ec2Error::value(other, "defaultTargetCapacityType", why));
        }
    };
    let target = Target {
        total: asked.total,
        on_demand: asked.on_demand.or(before.and_then(|before| before.on_demand)),
        spot: asked.spot.or(before.and_then(|before| before.spot)),
        rest_is_spot,
        unit: asked.unit.clone().or(before.and_then(|before| before.unit.clone())),
    };
    if !(0..=UNITS_MAX).contains(&target.total) {
        return Err(invalid(format!("TotalTargetCapacity must be from 0 to {UNITS_MAX}.")));
    }
    if target.split().is_none() {
        return Err(invalid(
            "TotalTargetCapacity must be at least the On-Demand and the Spot target capacity.",
        ));
    }
    Ok(target)
}

fn total_price(text: Option<&String>) -> Result<Option<i64>, Ec2Error> {
    let Some(text) = text else { return Ok(None) };
    let parsed = price::parse(text).filter(|price| *price > 0);
    let why = "Specify an amount of US dollars.";
    parsed.map(Some).ok_or_else(|| Ec2Error::value(text, "maxTotalPrice", why))
}

/// What is for instant fleets alone.
fn alone(kind: &str, options: &Options) -> Result<(), Ec2Error> {
    let is_one = options.one_type || options.one_zone;
    if kind != INSTANT && (is_one || options.least.is_some()) {
        return Err(apart(
            "SingleInstanceType, SingleAvailabilityZone and MinTargetCapacity are supported for fleets of type instant only.",
        ));
    }
    if options.least.is_some() && !is_one {
        return Err(apart(
            "MinTargetCapacity needs at least one of SingleAvailabilityZone and SingleInstanceType.",
        ));
    }
    match options.least {
        Some(least) if !(0..=1000).contains(&least) => {
            Err(Ec2Error::value(least, "minTargetCapacity", "Its maximum is 1000."))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// For what does not go together, or is not built.
pub(crate) fn spot(kind: &str, asked: Option<&SpotShape>) -> Result<Options, Ec2Error> {
    let none = SpotShape::default();
    let asked = asked.unwrap_or(&none);
    let strategy = asked.strategy.clone().unwrap_or_else(|| "lowest-price".into());
    match Strategy::named(&strategy, 1) {
        None | Some(Strategy::Prioritized) => {
            return Err(Ec2Error::value(
                strategy,
                "allocationStrategy",
                "It is no strategy for Spot Instances.",
            ));
        }
        Some(Strategy::LowestPrice(_)) => {}
        Some(_) if asked.pools.is_some() => {
            return Err(apart("InstancePoolsToUseCount is supported for the strategy lowest-price only."));
        }
        Some(_) => {}
    }
    if let Some(pools) = asked.pools.filter(|pools| *pools < 1) {
        return Err(Ec2Error::value(pools, "instancePoolsToUseCount", "It must be at least 1."));
    }
    let stops = match asked.behaviour.as_deref() {
        None | Some("terminate") => false,
        Some("stop") if kind == MAINTAIN => true,
        Some("stop") => return Err(apart("Interruptions stop machines of fleets of type maintain only.")),
        Some(other) => {
            let why = "Interruptions that terminate or stop machines are built in this version of Virga.";
            return Err(Ec2Error::value(other, "instanceInterruptionBehavior", why));
        }
    };
    let rebalance = asked.maintenance.as_ref().and_then(|asked| asked.rebalance.as_ref());
    let (rebalances, delay) = rebalancing(kind, rebalance)?;
    let options = Options {
        strategy,
        pools: asked.pools,
        total_price: total_price(asked.total_price.as_ref())?,
        one_type: asked.one_type == Some(true),
        one_zone: asked.one_zone == Some(true),
        least: asked.least,
        rebalances,
        delay,
        stops,
    };
    alone(kind, &options)?;
    Ok(options)
}

fn rebalancing(kind: &str, asked: Option<&RebalanceShape>) -> Result<(bool, Option<i64>), Ec2Error> {
    let Some(asked) = asked else { return Ok((false, None)) };
    if kind != MAINTAIN {
        return Err(apart("CapacityRebalance is supported for fleets of type maintain only."));
    }
    match (asked.strategy.as_deref(), asked.delay) {
        (Some("launch"), None) => Ok((true, None)),
        (Some("launch-before-terminate"), Some(delay)) if (120..=7200).contains(&delay) => {
            Ok((true, Some(delay)))
        }
        (Some("launch"), Some(_)) => {
            Err(apart("TerminationDelay is not valid where ReplacementStrategy is launch."))
        }
        (Some("launch-before-terminate"), Some(delay)) => {
            Err(Ec2Error::value(delay, "terminationDelay", "It must be from 120 to 7200 seconds."))
        }
        (Some("launch-before-terminate"), None) => {
            Err(Plain::MissingParameter("TerminationDelay".into()).into())
        }
        (strategy, _) => {
            let why = "Valid values: launch, launch-before-terminate.";
            Err(Ec2Error::value(strategy.unwrap_or("null"), "replacementStrategy", why))
        }
    }
}

/// # Errors
/// As [`spot`].
pub(crate) fn on_demand(kind: &str, asked: Option<&OnDemandShape>) -> Result<Options, Ec2Error> {
    let none = OnDemandShape::default();
    let asked = asked.unwrap_or(&none);
    let strategy = asked.strategy.clone().unwrap_or_else(|| "lowest-price".into());
    if !matches!(strategy.as_str(), "lowest-price" | "prioritized") {
        let why = "It is no strategy for On-Demand Instances.";
        return Err(Ec2Error::value(strategy, "allocationStrategy", why));
    }
    let options = Options {
        strategy,
        total_price: total_price(asked.total_price.as_ref())?,
        one_type: asked.one_type == Some(true),
        one_zone: asked.one_zone == Some(true),
        least: asked.least,
        ..Options::default()
    };
    alone(kind, &options)?;
    Ok(options)
}

impl TemplateShape {
    pub(crate) fn of(config: &Config) -> TemplateShape {
        TemplateShape {
            id: Some(config.id.clone()),
            name: Some(config.name.clone()),
            version: Some(config.version.clone()),
        }
    }
}

impl OverrideShape {
    pub(crate) fn of(over: &Override) -> OverrideShape {
        OverrideShape {
            kind: over.kind.clone(),
            max: over.max.clone(),
            subnet: over.subnet.clone(),
            zone: over.zone.clone(),
            weight: over.weight,
            priority: over.priority,
            image: over.image.clone(),
            requirements: over.requirements.as_deref().and_then(Requirements::read),
        }
    }
}

impl ConfigShape {
    pub(crate) fn of(config: &Config) -> ConfigShape {
        ConfigShape {
            template: Some(TemplateShape::of(config)),
            overrides: config.overrides.iter().map(OverrideShape::of).collect(),
        }
    }
}

impl TargetShape {
    pub(crate) fn of(target: &Target) -> TargetShape {
        let (on_demand, spot) = target.split().unwrap_or_default();
        let default = if target.rest_is_spot { "spot" } else { "on-demand" };
        TargetShape {
            total: target.total,
            on_demand: Some(on_demand),
            spot: Some(spot),
            default: Some(default.into()),
            unit: target.unit.clone(),
        }
    }
}

/// A price as AWS tells it.
pub(super) fn told(price: Option<i64>) -> Option<String> {
    price.map(price::text)
}

impl SpotShape {
    pub(crate) fn of(fleet: &Fleet) -> SpotShape {
        let options = &fleet.spot;
        let is_instant = fleet.kind == INSTANT;
        let cheapest = matches!(options.strategy(), Strategy::LowestPrice(_));
        let strategy = if options.delay.is_some() { "launch-before-terminate" } else { "launch" };
        let rebalance = RebalanceShape { strategy: Some(strategy.into()), delay: options.delay };
        SpotShape {
            strategy: Some(options.strategy.clone()),
            maintenance: options.rebalances.then_some(MaintenanceShape { rebalance: Some(rebalance) }),
            behaviour: Some(if options.stops { "stop" } else { "terminate" }.into()),
            pools: options.pools.or(cheapest.then_some(1)),
            one_type: is_instant.then_some(options.one_type),
            one_zone: is_instant.then_some(options.one_zone),
            least: options.least,
            total_price: told(options.total_price),
        }
    }
}

impl OnDemandShape {
    pub(crate) fn of(fleet: &Fleet) -> OnDemandShape {
        let options = &fleet.on_demand;
        let is_instant = fleet.kind == INSTANT;
        OnDemandShape {
            strategy: Some(options.strategy.clone()),
            one_type: is_instant.then_some(options.one_type),
            one_zone: is_instant.then_some(options.one_zone),
            least: options.least,
            total_price: told(options.total_price),
        }
    }
}

/// Thousandths as AWS tells units.
#[allow(clippy::cast_precision_loss, reason = "there are not so many units")]
pub(crate) fn units(thousandths: i64) -> f64 {
    thousandths as f64 / UNIT as f64
}

#[cfg(test)]
mod tests {
    use super::{
        OnDemandShape, RebalanceShape, SpotShape, TargetShape, on_demand, rebalancing, spot, target,
    };

    #[test]
    fn options_that_do_not_go_together_are_refused() {
        let text = |text: &str| Some(text.to_owned());
        let (value, combination) = ("InvalidParameterValue", "InvalidParameterCombination");
        for (kind, asked, code) in [
            ("maintain", SpotShape { strategy: text("prioritized"), ..SpotShape::default() }, value),
            (
                "maintain",
                SpotShape { strategy: text("diversified"), pools: Some(2), ..SpotShape::default() },
                combination,
            ),
            ("maintain", SpotShape { pools: Some(0), ..SpotShape::default() }, value),
            ("maintain", SpotShape { behaviour: text("hibernate"), ..SpotShape::default() }, value),
            ("request", SpotShape { behaviour: text("stop"), ..SpotShape::default() }, combination),
            ("maintain", SpotShape { one_type: Some(true), ..SpotShape::default() }, combination),
            ("request", SpotShape { least: Some(1), ..SpotShape::default() }, combination),
            ("instant", SpotShape { least: Some(1), ..SpotShape::default() }, combination),
            ("instant", SpotShape { least: Some(1001), one_type: Some(true), ..SpotShape::default() }, value),
            ("instant", SpotShape { total_price: text("much"), ..SpotShape::default() }, value),
        ] {
            let refused = spot(kind, Some(&asked)).unwrap_err();
            assert_eq!(refused.code(), code, "{asked:?} {}", refused.message());
        }
        assert!(
            spot(
                "instant",
                Some(&SpotShape { least: Some(1), one_type: Some(true), ..SpotShape::default() })
            )
            .is_ok()
        );
        let asked = OnDemandShape { strategy: text("diversified"), ..OnDemandShape::default() };
        assert_eq!(on_demand("maintain", Some(&asked)).unwrap_err().code(), value);
    }

    #[test]
    fn rebalancing_is_for_maintained_fleets() {
        let asked = |strategy: &str, delay| RebalanceShape { strategy: Some(strategy.to_owned()), delay };
        let said = |kind: &str, asked: RebalanceShape| {
            rebalancing(kind, Some(&asked)).map_err(|e| e.code().to_owned())
        };
        assert_eq!(said("maintain", asked("launch", None)), Ok((true, None)));
        assert_eq!(said("maintain", asked("launch-before-terminate", Some(120))), Ok((true, Some(120))));
        let (value, combination) =
            ("InvalidParameterValue".to_owned(), "InvalidParameterCombination".to_owned());
        assert_eq!(said("request", asked("launch", None)), Err(combination.clone()));
        assert_eq!(said("maintain", asked("launch", Some(120))), Err(combination));
        assert_eq!(said("maintain", asked("launch-before-terminate", Some(60))), Err(value.clone()));
        assert_eq!(said("maintain", asked("launch-before-terminate", None)), Err("MissingParameter".into()));
        assert_eq!(said("maintain", asked("never", None)), Err(value));
    }

    #[test]
    fn targets_keep_what_is_not_said() {
        let asked = |total, default: Option<&str>| TargetShape {
            total,
            on_demand: None,
            spot: None,
            default: default.map(str::to_owned),
            unit: None,
        };
        let mut before = target(&asked(4, Some("spot")), None).unwrap();
        before.on_demand = Some(2);
        assert_eq!(target(&asked(6, None), Some(&before)).unwrap().split(), Some((2, 4)));
        for (wrong, before) in [
            (asked(1, None), Some(&before)),
            (asked(-1, None), None),
            (asked(10_001, None), None),
            (asked(1, Some("capacity-block")), None),
            (TargetShape { unit: Some("gpu".into()), ..asked(1, None) }, None),
        ] {
            assert_eq!(target(&wrong, before).unwrap_err().code(), "InvalidParameterValue", "{wrong:?}");
        }
    }
}
