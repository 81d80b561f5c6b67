//! What a Spot Fleet launches without a template: specifications that say all of it themselves.

use super::disks::Mapping;
use super::fleet_config::{OverrideShape, of_override};
use super::monitoring::Wanted as Monitoring;
use super::profile::Named;
use super::run::Plug;
use crate::ec2::fleet::model::Config;
use crate::ec2::template::{Data, kept, members};
use crate::requirements::Requirements;
use ec2::tags::TagSpecification;
use ec2::{Ec2Error, Plain};
use wire::{FromValue, Struct, Value};

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct Specification {
        groups: Vec<Group> = "SecurityGroups",
        disks: Vec<Mapping> = "BlockDeviceMappings",
        profile: Option<Named> = "IamInstanceProfile",
        image: Option<String> = "ImageId",
        kind: Option<String> = "InstanceType",
        key_name: Option<String> = "KeyName",
        monitoring: Option<Monitoring> = "Monitoring",
        interfaces: Vec<Plug> = "NetworkInterfaces",
        placement: Option<Zones> = "Placement",
        price: Option<String> = "SpotPrice",
        subnet: Option<String> = "SubnetId",
        user_data: Option<String> = "UserData",
        weight: Option<f64> = "WeightedCapacity",
        tags: Vec<TagSpecification> = "TagSpecifications",
        requirements: Option<Requirements> = "InstanceRequirements",
    }

    #[derive(Clone, Debug)]
    struct Zones { zone: Option<String> = "AvailabilityZone" }

    #[derive(Clone, Debug)]
    struct Group { id: Option<String> = "GroupId" }
}

/// What is a fleet's to say at each launch, or is no member of one.
const NOT_LAUNCHED: &[&str] =
    &["InstanceRequirements", "Placement", "SecurityGroups", "SpotPrice", "SubnetId", "WeightedCapacity"];

/// What a record keeps of one.
pub(super) fn read(text: &str) -> Option<Specification> {
    kept(text)
}

impl Specification {
    /// The part of a fleet that it makes; `price` is what the whole fleet says of that.
    ///
    /// # Errors
    /// As for overrides, and `MissingParameter` where there is no image.
    pub(super) fn config(&self, price: Option<&String>) -> Result<Config, Ec2Error> {
        let missing = |name: &str| Ec2Error::from(Plain::MissingParameter(name.into()));
        if self.image.is_none() {
            return Err(missing("LaunchSpecifications.ImageId"));
        }
        if self.kind.is_none() && self.requirements.is_none() {
            return Err(missing("LaunchSpecifications.InstanceType"));
        }
        if self.groups.iter().any(|group| group.id.is_none()) {
            return Err(missing("LaunchSpecifications.SecurityGroups.GroupId"));
        }
        let zones = self.placement.as_ref().and_then(|placement| placement.zone.clone());
        let zones = zones.filter(|zones| !zones.is_empty());
        // AWS: several zones are a list in one text.
        let zones: Vec<Option<String>> = match zones {
            Some(zones) => zones.split(',').map(|zone| Some(zone.trim().to_owned())).collect(),
            None => vec![None],
        };
        let over = |zone: Option<String>| OverrideShape {
            kind: self.kind.clone(),
            max: self.price.clone().or(price.cloned()),
            subnet: self.subnet.clone(),
            zone,
            weight: self.weight,
            requirements: self.requirements.clone(),
            ..OverrideShape::default()
        };
        let overrides = zones.into_iter().map(|zone| of_override(&over(zone))).collect::<Result<_, _>>()?;
        let text = wire::json::text(&Value::Struct(members(self.clone())));
        Ok(Config { overrides, launch: Some(text), ..Config::default() })
    }

    /// What RunInstances is asked beside what the fleet says itself.
    fn launch(&self) -> Struct {
        let own = members(self.clone());
        let mut launch: Struct = own.into_iter().filter(|(name, _)| !NOT_LAUNCHED.contains(name)).collect();
        if !self.groups.is_empty() {
            let ids = self.groups.iter().filter_map(|group| group.id.as_ref()).map(Value::str);
            launch.set("SecurityGroupIds", Value::List(ids.collect()));
        }
        launch
    }
}

/// What RunInstances is asked for a part of a fleet that has no template.
pub(crate) fn launch(config: &Config) -> Option<Struct> {
    config.launch.as_deref().and_then(read).map(|specification| specification.launch())
}

/// As the data of a template.
pub(crate) fn data(config: &Config) -> Option<Data> {
    Data::from_value(Value::Struct(launch(config)?)).ok()
}
