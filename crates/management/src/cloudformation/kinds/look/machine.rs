//! Machines and what they are made of and with: instances, launch templates, volumes, key pairs, placement groups, room
//! for machines and fleets. What a launch template says of machines is not seen, as AWS's schema has it.

use super::network::described;
use super::{Look, PLAIN, Seen, gone, list, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, map, text_at, texts_at};
use crate::cloudformation::kinds::spot_fleet::DATA;
use crate::cloudformation::kinds::vpc::EC2;
use crate::cloudformation::kinds::{group, instance};
use wire::Value;

pub(in crate::cloudformation::kinds) static INSTANCE: Look = Look {
    sees: &[
        "AvailabilityZone",
        "CreditSpecification",
        "DisableApiTermination",
        "HibernationOptions",
        "IamInstanceProfile",
        "ImageId",
        "InstanceInitiatedShutdownBehavior",
        "InstanceType",
        "KeyName",
        "MetadataOptions",
        "Monitoring",
        "PlacementGroupName",
        "PrivateIpAddress",
        "SecurityGroupIds",
        "SourceDestCheck",
        "SubnetId",
        "Tags",
        "Tenancy",
        "UserData",
    ],
    read: machine,
    identifiers: &["InstanceId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static TEMPLATE: Look = Look {
    sees: &["LaunchTemplateName"],
    read: |on| {
        let told = described(on, "DescribeLaunchTemplates", "LaunchTemplates", "LaunchTemplateId")?;
        let number = |path: &str| Value::Str(text_at(&told, path));
        let attributes = vec![
            ("LaunchTemplateId", on.physical()),
            ("DefaultVersionNumber", number("DefaultVersionNumber")),
            ("LatestVersionNumber", number("LatestVersionNumber")),
        ];
        Ok(Seen::of(TEMPLATE.rows(on, &told, &[]), attributes))
    },
    identifiers: &["LaunchTemplateId"],
    ..PLAIN
};

/// By which key it is encrypted is not seen: a key has many names.
pub(in crate::cloudformation::kinds) static VOLUME: Look = Look {
    sees: &[
        "AutoEnableIO",
        "AvailabilityZone",
        "Encrypted",
        "Iops",
        "Size",
        "SnapshotId",
        "Tags",
        "Throughput",
        "VolumeType",
    ],
    read: |on| {
        let told = described(on, "DescribeVolumes", "Volumes", "VolumeId")?;
        let mut all = VOLUME.rows(on, &told, &[]);
        let asked = map([("VolumeId", on.physical()), ("Attribute", Value::str("autoEnableIO"))]);
        let attribute = on.ask(EC2, "DescribeVolumeAttribute", asked)?;
        put(&mut all, "AutoEnableIO", own(&attribute, "AutoEnableIO.Value"));
        Ok(Seen::of(all, vec![("VolumeId", on.physical())]))
    },
    identifiers: &["VolumeId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static VOLUME_IN_USE: Look = Look {
    sees: &["Device", "InstanceId", "VolumeId"],
    read: |on| {
        let ids = Value::List(vec![Value::Str(on.identity("VolumeId"))]);
        let told = on.ask(EC2, "DescribeVolumes", map([("VolumeIds", ids)]))?;
        let machine = on.identity("InstanceId");
        let all = list(&told, "Volumes.0.Attachments");
        let found = all.iter().find(|one| text_at(one, "InstanceId") == machine);
        let found = found.ok_or_else(|| gone(on.physical))?;
        Ok(Seen::of(VOLUME_IN_USE.rows(on, found, &[]), Vec::new()))
    },
    identifiers: &["VolumeId", "InstanceId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static SNAPSHOT_BLOCK: Look = Look {
    sees: &["State"],
    read: |on| {
        let told = on.ask(EC2, "GetSnapshotBlockPublicAccessState", map([]))?;
        let blocks = text_at(&told, "State") != "unblocked" && on.physical == on.account();
        match blocks {
            true => Ok(Seen::of(SNAPSHOT_BLOCK.rows(on, &told, &[]), vec![("AccountId", on.physical())])),
            false => Err(gone(on.physical)),
        }
    },
    identifiers: &["AccountId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static KEY_PAIR: Look = Look {
    sees: &["KeyName", "KeyType", "Tags"],
    read: |on| {
        let told = by_name(on, "DescribeKeyPairs", "KeyPairs", "KeyNames")?;
        let attributes = ["KeyPairId", "KeyFingerprint"].map(|name| (name, own(&told, name)));
        Ok(Seen::of(KEY_PAIR.rows(on, &told, &[]), attributes.to_vec()))
    },
    identifiers: &["KeyName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static PLACEMENT: Look = Look {
    sees: &["PartitionCount", "SpreadLevel", "Strategy", "Tags"],
    read: |on| {
        let told = by_name(on, "DescribePlacementGroups", "PlacementGroups", "GroupNames")?;
        let attributes = ["GroupId", "GroupName"].map(|name| (name, own(&told, name)));
        Ok(Seen::of(PLACEMENT.rows(on, &told, &[]), attributes.to_vec()))
    },
    identifiers: &["GroupName"],
    ..PLAIN
};

/// When it ends is not seen: a time is written in many ways.
pub(in crate::cloudformation::kinds) static RESERVATION: Look = Look {
    sees: &[
        "AvailabilityZone",
        "EndDateType",
        "InstanceCount",
        "InstanceMatchCriteria",
        "InstancePlatform",
        "InstanceType",
        "Tenancy",
    ],
    read: |on| {
        const ATTRIBUTES: [&str; 6] = [
            "AvailableInstanceCount",
            "CapacityReservationArn",
            "OwnerId",
            "StartDate",
            "State",
            "TotalInstanceCount",
        ];
        let told =
            described(on, "DescribeCapacityReservations", "CapacityReservations", "CapacityReservationId")?;
        if matches!(text_at(&told, "State").as_str(), "cancelled" | "expired") {
            return Err(gone(on.physical));
        }
        let mut attributes = ATTRIBUTES.map(|name| (name, Value::Str(text_at(&told, name)))).to_vec();
        attributes.push(("Id", on.physical()));
        let all = RESERVATION.rows(on, &told, &[("InstanceCount", "TotalInstanceCount")]);
        Ok(Seen::of(all, attributes))
    },
    identifiers: &["Id"],
    ..PLAIN
};

/// What its machines are made of is not seen: a version of a template is written in many ways.
pub(in crate::cloudformation::kinds) static FLEET: Look = Look {
    sees: &[
        "ExcessCapacityTerminationPolicy",
        "ReplaceUnhealthyInstances",
        "TargetCapacitySpecification",
        "TerminateInstancesWithExpiration",
        "Type",
    ],
    read: |on| {
        let told = described(on, "DescribeFleets", "Fleets", "FleetId")?;
        if text_at(&told, "FleetState").starts_with("deleted") {
            return Err(gone(on.physical));
        }
        Ok(Seen::of(FLEET.rows(on, &told, &[]), vec![("FleetId", on.physical())]))
    },
    identifiers: &["FleetId"],
    ..PLAIN
};

/// What its machines are made of is not seen: much of it is written in many ways.
pub(in crate::cloudformation::kinds) static SPOT_FLEET: Look = Look {
    sees: &[DATA],
    blind: &[
        "SpotFleetRequestConfigData.LaunchSpecifications",
        "SpotFleetRequestConfigData.LaunchTemplateConfigs",
        "SpotFleetRequestConfigData.TagSpecifications",
        "SpotFleetRequestConfigData.ValidFrom",
        "SpotFleetRequestConfigData.ValidUntil",
    ],
    read: |on| {
        let told = own(
            &on.ask(
                EC2,
                "DescribeSpotFleetRequests",
                map([("SpotFleetRequestIds", Value::List(vec![on.physical()]))]),
            )?,
            "SpotFleetRequestConfigs.0",
        );
        if matches!(
            text_at(&told, "SpotFleetRequestState").as_str(),
            "" | "cancelled" | "cancelled_terminating"
        ) {
            return Err(gone(on.physical));
        }
        let all = vec![(DATA.to_owned(), own(&told, "SpotFleetRequestConfig"))];
        Ok(Seen::of(all, vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

/// What an account has of it already, under no name.
pub(in crate::cloudformation::kinds) fn is_blocked(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let account = on.account().to_owned();
    SNAPSHOT_BLOCK.is_there(on, &[account])
}

fn by_name(on: &mut On<'_, '_>, operation: &str, noun: &str, names: &str) -> Done<Value> {
    let told = on.ask(EC2, operation, map([(names, Value::List(vec![on.physical()]))]))?;
    match own(&told, &format!("{noun}.0")) {
        Value::Null => Err(gone(on.physical)),
        found => Ok(found),
    }
}

/// Says of a property what was found elsewhere.
pub(super) fn put(all: &mut Vec<(String, Value)>, name: &str, value: Value) {
    all.retain(|(own, _)| own != name);
    all.push((name.to_owned(), value));
}

/// What an instance is made of, as far as its description tells.
const PLACES: &[(&str, &str)] = &[
    ("AvailabilityZone", "Placement.AvailabilityZone"),
    ("PlacementGroupName", "Placement.GroupName"),
    ("Tenancy", "Placement.Tenancy"),
    ("SourceDestCheck", "NetworkInterfaces.0.SourceDestCheck"),
];

fn machine(on: &mut On<'_, '_>) -> Done<Seen> {
    let ids = Value::List(vec![on.physical()]);
    let told = on.ask(EC2, "DescribeInstances", map([("InstanceIds", ids)]))?;
    let told = own(&told, "Reservations.0.Instances.0");
    if matches!(text_at(&told, "State.Name").as_str(), "terminated" | "shutting-down" | "") {
        return Err(gone(on.physical));
    }
    let mut all = INSTANCE.rows(on, &told, PLACES);
    let profile = text_at(&told, "IamInstanceProfile.Arn");
    let profile = profile.rsplit('/').next().filter(|name| !name.is_empty()).map(Value::str);
    put(&mut all, "IamInstanceProfile", profile.unwrap_or(Value::Null));
    let monitored = matches!(text_at(&told, "Monitoring.State").as_str(), "enabled" | "pending");
    put(&mut all, "Monitoring", Value::Bool(monitored));
    let groups: Vec<Value> =
        texts_at(&own(&told, "SecurityGroups"), "GroupId").into_iter().map(Value::Str).collect();
    // Some may be written by their names.
    let wanted = group::ids(on, on.prop("SecurityGroupIds"))?;
    let is_of = |wanted: &Value| matches!(wanted, Value::List(all) if all.len() == groups.len() && all.iter().all(|one| groups.contains(one)));
    let shown = if is_of(&wanted) { on.prop("SecurityGroupIds") } else { Value::List(groups) };
    put(&mut all, "SecurityGroupIds", shown);
    let image = own(&told, "ImageId");
    let is_looked_up = |wanted: &Value| wanted.as_str().is_some_and(|id| id.starts_with("resolve:"));
    put(&mut all, "ImageId", on.as_written("ImageId", is_looked_up, image));
    for (property, attribute) in [
        ("DisableApiTermination", "disableApiTermination"),
        ("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior"),
        ("UserData", "userData"),
    ] {
        if on.prop(property) != Value::Null {
            let asked = map([("InstanceId", on.physical()), ("Attribute", Value::str(attribute))]);
            let answer = on.ask(EC2, "DescribeInstanceAttribute", asked)?;
            put(&mut all, property, own(&answer, &format!("{property}.Value")));
        }
    }
    // Types that have no credits refuse to be asked.
    if on.prop("CreditSpecification") != Value::Null {
        let ids = Value::List(vec![on.physical()]);
        let answer = on.ask(EC2, "DescribeInstanceCreditSpecifications", map([("InstanceIds", ids)]))?;
        let credits = own(&answer, "InstanceCreditSpecifications.0.CpuCredits");
        put(&mut all, "CreditSpecification", map([("CPUCredits", credits)]));
    }
    let mut attributes = instance::attributes(&told);
    attributes.push(("InstanceId", on.physical()));
    Ok(Seen::of(all, attributes))
}
