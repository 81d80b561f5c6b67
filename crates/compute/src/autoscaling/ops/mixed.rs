//! `MixedInstancesPolicy`: several types in one group, on demand and as spot instances.

use super::group::{TemplateSpecification, template};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::mixed::{Mixed, ON_DEMAND, ON_DEMAND_BY_ATTRIBUTES, Override, POOLS, SPOT};
use crate::autoscaling::model::{Group, Template};
use crate::ec2::kinds;
use crate::ec2::spot::price;
use crate::pools::Strategy;
use crate::requirements::Requirements;
use kernel::Cx;
use wire::Value;

/// AWS: types of one group, and the units of an instance.
const OVERRIDES_MAX: usize = 40;
const WEIGHT_MAX: i64 = 999;
const POOLS_MAX: i64 = 20;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct MixedShape {
        by: Option<ByShape> = "LaunchTemplate",
        distribution: Option<Distribution> = "InstancesDistribution",
    }

    #[derive(Clone, Debug)]
    struct ByShape {
        template: Option<TemplateSpecification> = "LaunchTemplateSpecification",
        overrides: Option<Vec<OverrideShape>> = "Overrides",
    }

    #[derive(Clone, Debug)]
    struct OverrideShape {
        kind: Option<String> = "InstanceType",
        weight: Option<String> = "WeightedCapacity",
        template: Option<TemplateSpecification> = "LaunchTemplateSpecification",
        image: Option<String> = "ImageId",
        requirements: Option<Requirements> = "InstanceRequirements",
    }

    #[derive(Clone, Debug)]
    struct Distribution {
        on_demand: Option<String> = "OnDemandAllocationStrategy",
        base: Option<i64> = "OnDemandBaseCapacity",
        above: Option<i64> = "OnDemandPercentageAboveBaseCapacity",
        spot: Option<String> = "SpotAllocationStrategy",
        pools: Option<i64> = "SpotInstancePools",
        max: Option<String> = "SpotMaxPrice",
        segments: Option<Value> = "DistributionSegments",
    }
}

impl MixedShape {
    pub(super) fn of(template: &Template, mixed: &Mixed) -> MixedShape {
        let over = |over: &Override| OverrideShape {
            kind: over.kind.clone(),
            weight: over.weight.map(|weight| weight.to_string()),
            template: over.template.clone().map(TemplateSpecification::from),
            image: over.image.clone(),
            requirements: over.requirements.as_deref().and_then(Requirements::read),
        };
        let cheapest = mixed.spot == SPOT;
        MixedShape {
            by: Some(ByShape {
                template: Some(TemplateSpecification::from(template.clone())),
                overrides: Some(mixed.overrides.iter().map(over).collect()),
            }),
            distribution: Some(Distribution {
                on_demand: Some(mixed.on_demand.clone()),
                base: Some(mixed.base),
                above: Some(mixed.above),
                spot: Some(mixed.spot.clone()),
                pools: mixed.pools.or(cheapest.then_some(POOLS)),
                max: mixed.max.clone(),
                segments: None,
            }),
        }
    }
}

/// The policy that is asked for, of what it does not say as it was before.
///
/// # Errors
/// `ValidationError`, and what the templates are refused for.
pub(super) fn policy(
    cx: &mut Cx<'_>,
    asked: &MixedShape,
    before: Option<&Group>,
) -> Result<(Template, Mixed), AutoScalingError> {
    let named = asked.by.as_ref().and_then(|by| by.template.as_ref());
    let template = match (named, before) {
        (Some(named), _) => on_demand_template(cx, named)?,
        (None, Some(group)) => group.template.clone(),
        (None, None) => {
            return Err(invalid(
                "MixedInstancesPolicy must contain LaunchTemplate.LaunchTemplateSpecification.",
            ));
        }
    };
    let kept = before.and_then(|group| group.mixed.clone());
    let mut mixed = kept.unwrap_or_else(|| Mixed {
        on_demand: ON_DEMAND.into(),
        spot: SPOT.into(),
        above: 100,
        ..Mixed::default()
    });
    if let Some(overrides) = asked.by.as_ref().and_then(|by| by.overrides.as_ref()) {
        mixed.overrides = overrides_of(cx, overrides)?;
    }
    if let Some(distribution) = &asked.distribution {
        distribute(&mut mixed, distribution)?;
    }
    let asked = asked.distribution.as_ref().and_then(|distribution| distribution.on_demand.as_ref());
    by_attributes(&mut mixed, asked.is_some())?;
    Ok((template, mixed))
}

/// AWS: what is chosen by attributes has no order, and so no priorities.
fn by_attributes(mixed: &mut Mixed, is_said: bool) -> Result<(), AutoScalingError> {
    if !mixed.goes_by_attributes() {
        return Ok(());
    }
    if mixed.on_demand == ON_DEMAND && !is_said {
        mixed.on_demand = ON_DEMAND_BY_ATTRIBUTES.into();
    }
    match (mixed.on_demand.as_str(), mixed.spot.as_str()) {
        (ON_DEMAND, _) | (_, "capacity-optimized-prioritized") => Err(invalid(
            "The allocation strategies prioritized and capacity-optimized-prioritized are not supported with InstanceRequirements.",
        )),
        _ => Ok(()),
    }
}

/// A template that leaves it to the group how its instances are paid for.
fn on_demand_template(cx: &mut Cx<'_>, named: &TemplateSpecification) -> Result<Template, AutoScalingError> {
    let found = template(cx, named)?;
    if says(cx, &found, "InstanceMarketOptions")? {
        return Err(invalid(
            "Incompatible launch template: You cannot use a launch template that is set to request Spot Instances (InstanceMarketOptions) when you configure an Auto Scaling group with a mixed instances policy. Add a different launch template to the group and try again.",
        ));
    }
    Ok(found)
}

/// Whether a template has a member, as one that says how its instances are paid for.
pub(super) fn says(cx: &mut Cx<'_>, template: &Template, member: &str) -> Result<bool, AutoScalingError> {
    let (data, _) =
        crate::autoscaling::work::instance::data(cx, template).map_err(|fault| invalid(fault.message))?;
    Ok(data.member(member).is_some())
}

fn overrides_of(cx: &mut Cx<'_>, asked: &[OverrideShape]) -> Result<Vec<Override>, AutoScalingError> {
    if asked.len() > OVERRIDES_MAX {
        return Err(invalid(format!("A group may have up to {OVERRIDES_MAX} overrides.")));
    }
    let mut out: Vec<Override> = Vec::new();
    for over in asked {
        if let Some(requirements) = &over.requirements {
            if over.kind.is_some() {
                return Err(invalid("An override may have InstanceType or InstanceRequirements, not both."));
            }
            match requirements.flaw() {
                Some(flaw) => return Err(invalid(flaw)),
                None if requirements.matching().is_empty() => {
                    return Err(invalid(
                        "No instance type of this cloud has the attributes of InstanceRequirements.",
                    ));
                }
                None => {}
            }
        }
        if let Some(kind) = over.kind.as_ref().filter(|kind| kinds::find(kind).is_none()) {
            return Err(invalid(format!("You must use a valid instance type: {kind} is not known.")));
        }
        let weight = over.weight.as_ref().map(|weight| {
            let number = weight.parse().ok().filter(|weight| (1..=WEIGHT_MAX).contains(weight));
            number.ok_or_else(|| {
                invalid(format!("WeightedCapacity must be a number from 1 to {WEIGHT_MAX}, not {weight}."))
            })
        });
        let template = match &over.template {
            Some(named) => Some(on_demand_template(cx, named)?),
            None => None,
        };
        out.push(Override {
            kind: over.kind.clone(),
            weight: weight.transpose()?,
            template,
            image: over.image.clone(),
            requirements: over.requirements.as_ref().map(Requirements::text),
        });
    }
    let weighted = out.iter().filter(|over| over.weight.is_some()).count();
    if weighted != 0 && weighted != out.len() {
        return Err(invalid("WeightedCapacity must be specified for all overrides, or for none."));
    }
    let twice = |at: usize, over: &Override| {
        over.kind.is_some() && out.iter().take(at).any(|other| other.kind == over.kind)
    };
    if out.iter().enumerate().any(|(at, over)| twice(at, over)) {
        return Err(invalid("Each instance type may be in one override only."));
    }
    Ok(out)
}

fn distribute(mixed: &mut Mixed, asked: &Distribution) -> Result<(), AutoScalingError> {
    if asked.segments.is_some() {
        return Err(invalid("DistributionSegments are not built in this version of Virga."));
    }
    if let Some(name) = &asked.on_demand {
        if !matches!(name.as_str(), "lowest-price" | "prioritized") {
            return Err(invalid(format!(
                "{name} is no OnDemandAllocationStrategy: lowest-price and prioritized are."
            )));
        }
        mixed.on_demand.clone_from(name);
    }
    if let Some(name) = &asked.spot {
        match Strategy::named(name, 1) {
            None | Some(Strategy::Diversified | Strategy::Prioritized) => {
                return Err(invalid(format!(
                    "{name} is no SpotAllocationStrategy: lowest-price, capacity-optimized, capacity-optimized-prioritized and price-capacity-optimized are."
                )));
            }
            Some(_) => mixed.spot.clone_from(name),
        }
        // The count was for the strategy before.
        mixed.pools = None;
    }
    if let Some(pools) = asked.pools {
        if mixed.spot != SPOT || !(1..=POOLS_MAX).contains(&pools) {
            return Err(invalid(format!(
                "SpotInstancePools must be from 1 to {POOLS_MAX}, and is for the strategy lowest-price only."
            )));
        }
        mixed.pools = Some(pools);
    }
    mixed.base = asked.base.unwrap_or(mixed.base);
    mixed.above = asked.above.unwrap_or(mixed.above);
    if mixed.base < 0 || !(0..=100).contains(&mixed.above) {
        return Err(invalid(
            "OnDemandBaseCapacity may not be negative, and OnDemandPercentageAboveBaseCapacity must be from 0 to 100.",
        ));
    }
    if let Some(max) = &asked.max {
        if !max.is_empty() && price::parse(max).is_none_or(|price| price <= 1000) {
            return Err(invalid(format!("SpotMaxPrice must be more than 0.001 US dollars, not {max}.")));
        }
        // AWS: an empty text takes the maximum away.
        mixed.max = (!max.is_empty()).then(|| max.clone());
    }
    Ok(())
}
