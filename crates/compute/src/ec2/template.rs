//! What a version of a launch template holds: the part of a launch that its request may leave out. Pure.
//!
//! Members here are those that a launch acts on; others are reported or refused as those of RunInstances are.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RequestLaunchTemplateData.html>

use super::cpus::Wanted as Cpus;
use super::names::Wanted as Names;
use super::ops::credit::Wanted as Credits;
use super::ops::disks::Mapping;
use super::ops::metadata::{HOPS_MAX, Wanted};
use super::ops::monitoring::Wanted as Monitoring;
use super::ops::profile::Named;
use super::ops::reservation::Wanted as Reserved;
use super::ops::run::{Hibernation, Plug};
use super::placement::Placement;
use super::spot::terms::Market;
use super::upkeep::{Bandwidth, Wanted as Upkeep};
use crate::requirements::Requirements;
use base::Timestamp;
use ec2::kind::IMAGE;
use ec2::tags::TagSpecification;
use ec2::{Ec2Error, Plain};
use wire::{FromValue, Member, Mismatch, Struct, ToValue, Value};

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Data {
        pub(crate) image: Option<String> = "ImageId",
        pub(crate) kind: Option<String> = "InstanceType",
        pub(crate) key_name: Option<String> = "KeyName",
        pub(crate) user_data: Option<String> = "UserData",
        pub(crate) groups: Vec<String> = "SecurityGroupIds",
        pub(crate) named: Vec<String> = "SecurityGroups",
        pub(crate) optimized: Option<bool> = "EbsOptimized",
        pub(crate) names: Option<Names> = "PrivateDnsNameOptions",
        pub(crate) placement: Option<Placement> = "Placement",
        pub(crate) interfaces: Vec<Plug> = "NetworkInterfaces",
        pub(crate) tags: Vec<TagSpecification> = "TagSpecifications",
        pub(crate) behaviour: Option<String> = "InstanceInitiatedShutdownBehavior",
        pub(crate) protected: Option<bool> = "DisableApiTermination",
        pub(crate) stop_protected: Option<bool> = "DisableApiStop",
        pub(crate) profile: Option<Named> = "IamInstanceProfile",
        pub(crate) metadata: Option<Wanted> = "MetadataOptions",
        pub(crate) market: Option<Market> = "InstanceMarketOptions",
        pub(crate) credits: Option<Credits> = "CreditSpecification",
        pub(crate) monitoring: Option<Monitoring> = "Monitoring",
        pub(crate) hibernation: Option<Hibernation> = "HibernationOptions",
        pub(crate) requirements: Option<Requirements> = "InstanceRequirements",
        pub(crate) reservation: Option<Reserved> = "CapacityReservationSpecification",
        pub(crate) disks: Vec<Mapping> = "BlockDeviceMappings",
        pub(crate) cpus: Option<Cpus> = "CpuOptions",
        pub(crate) upkeep: Option<Upkeep> = "MaintenanceOptions",
        pub(crate) bandwidth: Option<Bandwidth> = "NetworkPerformanceOptions",
    }
}

impl Data {
    /// As a record keeps it.
    pub(crate) fn text(self) -> String {
        wire::json::text(&Value::Struct(members(self)))
    }

    /// # Errors
    /// For an image's id or a limit of hops that none can be; and where it says of two kinds which types are meant, or
    /// requirements that nothing can meet.
    pub(crate) fn check(&self) -> Result<(), Ec2Error> {
        if let Some(image) = self.image.as_ref().filter(|image| !is_image(image)) {
            return Err(Plain::TemplateImageMalformed(image.clone()).into());
        }
        if let Some(hops) = self.metadata.as_ref().and_then(|options| options.hops)
            && !(1..=HOPS_MAX).contains(&hops)
        {
            let what = format!(
                "A value of ‘{hops}’ is not valid for http-put-response-hop-limit. Specify a value between 1 and {HOPS_MAX}, and try again."
            );
            return Err(Plain::InvalidParameterValue(what).into());
        }
        let Some(requirements) = &self.requirements else { return Ok(()) };
        if self.kind.is_some() {
            let what = "InstanceType and InstanceRequirements may not be specified together.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        requirements.flaw().map_or(Ok(()), |flaw| Err(Plain::InvalidParameterValue(flaw).into()))
    }

    /// What a record keeps; `None` where it is none.
    pub(crate) fn read(text: &str) -> Option<Data> {
        kept(text)
    }
}

/// Whether a template may name an image so: by a parameter that holds it, or by its id. Recorded: here ids may have fewer
/// digits than any image's.
fn is_image(name: &str) -> bool {
    let is_hex = |digits: &str| digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let is_short = |digits: &str| (1..8).contains(&digits.len()) && is_hex(digits);
    IMAGE.fits(name) || name.strip_prefix("ami-").is_some_and(is_short) || name.starts_with("resolve:ssm:")
}

/// Data as it is shown: what nobody put in is not there, lists that are empty among it.
#[derive(Clone, Debug)]
pub(crate) struct Shown(pub(crate) Data);

impl ToValue for Shown {
    const MEMBERS: Option<&'static [Member]> = <Data as ToValue>::MEMBERS;

    fn to_value(self) -> Option<Value> {
        self.0.to_value().map(without_empty)
    }
}

impl FromValue for Shown {
    const MEMBERS: Option<&'static [Member]> = <Data as FromValue>::MEMBERS;

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        Data::from_value(value).map(Shown)
    }
}

/// The same without lists that are empty, at any depth.
fn without_empty(value: Value) -> Value {
    let is_said = |value: &Value| value.as_list().is_none_or(|items| !items.is_empty());
    match value {
        Value::Struct(members) => {
            let said = members.into_iter().filter(|(_, value)| is_said(value));
            Value::Struct(said.map(|(name, value)| (name, without_empty(value))).collect())
        }
        Value::List(items) => Value::List(items.into_iter().map(without_empty).collect()),
        other => other,
    }
}

/// The members that a shape says.
pub(crate) fn members(shape: impl ToValue) -> Struct {
    match shape.to_value() {
        Some(Value::Struct(members)) => members,
        _ => Struct::new(),
    }
}

/// What a record keeps of a shape as JSON; `None` where it is none.
pub(crate) fn kept<T: FromValue>(text: &str) -> Option<T> {
    T::from_value(structured(wire::json::read(text)?, T::MEMBERS)).ok()
}

/// The one member that is a moment, for which text has text.
const MOMENT: &str = "ValidUntil";

/// Structures where text has maps, by the names that are declared.
fn structured(value: Value, known: Option<&'static [wire::Member]>) -> Value {
    match (value, known) {
        (Value::Map(entries), Some(known)) => {
            let named = entries.into_iter().filter_map(|(name, value)| {
                let member = known.iter().find(|member| member.name == name)?;
                let moment =
                    value.as_str().filter(|_| member.name == MOMENT).and_then(Timestamp::parse_iso8601);
                let value = moment.map_or_else(|| structured(value, (member.inner)()), Value::Time);
                Some((member.name, value))
            });
            Value::Struct(named.collect())
        }
        (Value::List(items), known) => {
            Value::List(items.into_iter().map(|item| structured(item, known)).collect())
        }
        (value, _) => value,
    }
}

/// The members of `base` with those of `over` in their stead. A list that is empty says nothing.
pub(crate) fn merged(mut base: Struct, over: Struct) -> Struct {
    for (name, value) in over {
        if value.as_list().is_none_or(|items| !items.is_empty()) {
            base.set(name, value);
        }
    }
    base
}

/// What a launch asks for, over what its template has. Of the place each says its part: a fleet says the zone only.
pub(crate) fn laid_over(base: Struct, over: Struct) -> Struct {
    let place = match (base.get("Placement"), over.get("Placement")) {
        (Some(Value::Struct(below)), Some(Value::Struct(above))) => {
            Some(merged(below.clone(), above.clone()))
        }
        _ => None,
    };
    let mut whole = merged(base, over);
    if let Some(place) = place {
        whole.set("Placement", Value::Struct(place));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::{Data, members, merged};
    use wire::{FromValue, Value};

    fn data(members: &[(&'static str, Value)]) -> Data {
        Data::from_value(Value::Struct(members.iter().cloned().collect())).unwrap()
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let plug = [("DeviceIndex", Value::Int(0)), ("AssociatePublicIpAddress", Value::Bool(true))];
        let plugs = Value::List(vec![Value::Struct(plug.into_iter().collect())]);
        let until = Value::Time(base::Timestamp::from_seconds(2000));
        let spot = Value::Struct([("ValidUntil", until)].into_iter().collect());
        let market = [("MarketType", Value::str("spot")), ("SpotOptions", spot)];
        let market = Value::Struct(market.into_iter().collect());
        let whole = data(&[
            ("ImageId", Value::str("ami-1")),
            ("NetworkInterfaces", plugs),
            ("InstanceMarketOptions", market),
        ]);
        let again = Data::read(&whole.clone().text()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{whole:?}"));
        assert!(Data::read("[").is_none());
    }

    #[test]
    fn what_comes_later_counts_and_empty_lists_do_not() {
        let base = data(&[
            ("ImageId", Value::str("ami-1")),
            ("InstanceType", Value::str("t3.micro")),
            ("SecurityGroupIds", Value::List(vec![Value::str("sg-1")])),
        ]);
        let over = data(&[("InstanceType", Value::str("t3.small"))]);
        let both = Data::from_value(Value::Struct(merged(members(base), members(over)))).unwrap();
        assert_eq!(both.image.as_deref(), Some("ami-1"));
        assert_eq!(both.kind.as_deref(), Some("t3.small"));
        assert_eq!(both.groups, ["sg-1"]);
    }
}
