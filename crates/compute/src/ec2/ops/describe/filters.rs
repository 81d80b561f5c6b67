//! By what instances are found: AWS's filters, all of them. Those about what no instance here has (hosts, Outposts, kernels,
//! product codes) find nothing.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>

use super::{Association, Interface, Private, Seen, disks};
use crate::ec2::ops::{list, text};
use ec2::filter::Known;
use wire::Value;

fn maybe(text: &Option<String>) -> Vec<String> {
    text.iter().cloned().collect()
}

fn nothing(_: &Seen) -> Vec<String> {
    Vec::new()
}

/// Something of each interface that is shown.
fn each<T: ToString>(seen: &Seen, read: fn(&Interface) -> T) -> Vec<String> {
    seen.view.interfaces.iter().map(|one| read(one).to_string()).collect()
}

/// Of each of its private addresses.
fn address(seen: &Seen, read: fn(&Private) -> Option<String>) -> Vec<String> {
    seen.view.interfaces.iter().flat_map(|one| &one.addresses).filter_map(read).collect()
}

/// Of the public address of each interface.
fn public(seen: &Seen, read: fn(&Association) -> &String) -> Vec<String> {
    seen.view
        .interfaces
        .iter()
        .filter_map(|one| one.association.as_ref())
        .map(|one| read(one).clone())
        .collect()
}

fn ipv6(seen: &Seen) -> Vec<String> {
    seen.view.interfaces.iter().flat_map(|one| &one.ipv6).map(|one| one.address.clone()).collect()
}

/// A member of what networks say of each interface.
fn told(seen: &Seen, member: &str) -> Vec<String> {
    let flag = |one: &Value| one.member(member).and_then(Value::as_bool).map(|flag| flag.to_string());
    let word = |one: &Value| Some(text(one, member)).filter(|word| !word.is_empty());
    seen.interfaces.iter().filter_map(|one| flag(one).or_else(|| word(one))).collect()
}

/// A member of the associations of all private addresses.
fn associated(seen: &Seen, member: &str) -> Vec<String> {
    let all = seen.interfaces.iter().flat_map(|one| list(one, "PrivateIpAddresses"));
    let read = |one: &Value| Some(text(one.member("Association")?, member)).filter(|word| !word.is_empty());
    all.filter_map(read).collect()
}

/// The same of the primary addresses alone.
fn of_primary(seen: &Seen, member: &str) -> Vec<String> {
    let read = |one: &Value| Some(text(one.member("Association")?, member)).filter(|word| !word.is_empty());
    seen.interfaces.iter().filter_map(read).collect()
}

fn tagged(seen: &Seen, member: &str) -> Vec<String> {
    seen.interfaces.iter().flat_map(|one| list(one, "TagSet")).map(|tag| text(tag, member)).collect()
}

pub(super) static FILTERS: &Known<Seen> = &[
    ("affinity", nothing),
    ("architecture", |s| vec![s.view.architecture.clone()]),
    ("availability-zone", |s| vec![s.view.placement.zone.clone()]),
    ("availability-zone-id", |s| maybe(&s.view.placement.zone_id)),
    ("block-device-mapping.attach-time", |s| disks::View::each(&s.view.disks, disks::View::at)),
    ("block-device-mapping.delete-on-termination", |s| disks::View::each(&s.view.disks, disks::View::delete)),
    ("block-device-mapping.device-name", |s| disks::View::each(&s.view.disks, disks::View::device)),
    ("block-device-mapping.status", |s| disks::View::each(&s.view.disks, disks::View::status)),
    ("block-device-mapping.volume-id", |s| disks::View::each(&s.view.disks, disks::View::volume)),
    // What the image said, which here says nothing.
    ("boot-mode", nothing),
    ("capacity-reservation-id", |s| maybe(&s.view.reserved)),
    ("capacity-reservation-specification.capacity-reservation-preference", |s| {
        maybe(&s.view.wish.preference)
    }),
    ("capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id", |s| {
        s.view.wish.target.iter().filter_map(|target| target.id.clone()).collect()
    }),
    (
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
        nothing,
    ),
    ("client-token", |s| maybe(&s.view.token)),
    ("current-instance-boot-mode", |s| vec![s.view.boots.clone()]),
    ("dns-name", |s| vec![s.view.public_dns.clone()]),
    ("ebs-optimized", |s| vec![s.view.optimized.to_string()]),
    ("ena-support", |s| vec![s.view.ena.to_string()]),
    ("enclave-options.enabled", |s| vec![s.view.enclave.enabled.to_string()]),
    ("hibernation-options.configured", |s| {
        s.view.hibernation.iter().filter_map(|h| h.configured).map(|is| is.to_string()).collect()
    }),
    ("host-id", nothing),
    ("hypervisor", |s| vec![s.view.visor.clone()]),
    ("iam-instance-profile.arn", |s| s.view.profile.iter().map(|p| p.arn.clone()).collect()),
    ("iam-instance-profile.id", |s| s.view.profile.iter().map(|p| p.id.clone()).collect()),
    ("image-id", |s| vec![s.view.image.clone()]),
    ("instance-id", |s| vec![s.view.id.clone()]),
    ("instance-lifecycle", |s| maybe(&s.view.lifecycle)),
    ("instance-state-code", |s| vec![s.view.state.code.to_string()]),
    ("instance-state-name", |s| vec![s.view.state.name.clone()]),
    ("instance-type", |s| vec![s.view.kind.clone()]),
    ("instance.group-id", |s| s.view.groups.iter().map(|g| g.id.clone()).collect()),
    ("instance.group-name", |s| s.view.groups.iter().map(|g| g.name.clone()).collect()),
    ("ip-address", |s| maybe(&s.view.public)),
    ("ipv6-address", ipv6),
    ("kernel-id", nothing),
    ("key-name", |s| maybe(&s.view.key)),
    ("launch-index", |s| vec![s.view.index.to_string()]),
    ("launch-time", |s| vec![s.view.launched.iso8601_millis(), s.view.launched.iso8601()]),
    ("maintenance-options.auto-recovery", |s| vec![s.view.upkeep.recovery.clone()]),
    ("metadata-options.http-endpoint", |s| vec![s.view.metadata.endpoint.clone()]),
    ("metadata-options.http-protocol-ipv4", |_| vec!["enabled".into()]),
    ("metadata-options.http-protocol-ipv6", |s| vec![s.view.metadata.ipv6.clone()]),
    ("metadata-options.http-put-response-hop-limit", |s| vec![s.view.metadata.hops.to_string()]),
    ("metadata-options.http-tokens", |s| vec![s.view.metadata.tokens.clone()]),
    ("metadata-options.state", |s| vec![s.view.metadata.state.clone()]),
    ("metadata-options.instance-metadata-tags", |s| vec![s.view.metadata.tags.clone()]),
    ("monitoring-state", |s| vec![s.view.monitoring.state.clone()]),
    ("network-interface.addresses.association.allocation-id", |s| associated(s, "AllocationId")),
    ("network-interface.addresses.association.association-id", |s| associated(s, "AssociationId")),
    ("network-interface.addresses.association.carrier-ip", nothing),
    ("network-interface.addresses.association.customer-owned-ip", nothing),
    ("network-interface.addresses.association.ip-owner-id", |s| associated(s, "IpOwnerId")),
    ("network-interface.addresses.association.public-dns-name", |s| associated(s, "PublicDnsName")),
    ("network-interface.addresses.association.public-ip", |s| associated(s, "PublicIp")),
    ("network-interface.addresses.primary", |s| address(s, |a| Some(a.primary.to_string()))),
    ("network-interface.addresses.private-dns-name", |s| address(s, |a| a.dns.clone())),
    ("network-interface.addresses.private-ip-address", |s| address(s, |a| Some(a.address.clone()))),
    ("network-interface.association.carrier-ip", nothing),
    ("network-interface.association.customer-owned-ip", nothing),
    ("network-interface.association.ip-owner-id", |s| public(s, |a| &a.owner)),
    ("network-interface.association.public-dns-name", |s| public(s, |a| &a.dns)),
    ("network-interface.association.allocation-id", |s| of_primary(s, "AllocationId")),
    ("network-interface.association.association-id", |s| of_primary(s, "AssociationId")),
    ("network-interface.association.public-ip", |s| public(s, |a| &a.address)),
    ("network-interface.attachment.attach-time", |s| each(s, |n| n.attachment.at.iso8601_millis())),
    ("network-interface.attachment.attachment-id", |s| each(s, |n| n.attachment.id.clone())),
    ("network-interface.attachment.delete-on-termination", |s| each(s, |n| n.attachment.delete)),
    ("network-interface.attachment.device-index", |s| each(s, |n| n.attachment.device)),
    ("network-interface.attachment.instance-id", |s| {
        s.view.interfaces.iter().map(|_| s.view.id.clone()).collect()
    }),
    ("network-interface.attachment.instance-owner-id", |s| vec![s.owner.clone()]),
    ("network-interface.attachment.network-card-index", |s| each(s, |n| n.attachment.card)),
    ("network-interface.attachment.status", |s| each(s, |n| n.attachment.status.clone())),
    ("network-interface.availability-zone", |s| told(s, "AvailabilityZone")),
    ("network-interface.deny-all-igw-traffic", nothing),
    ("network-interface.description", |s| each(s, |n| n.description.clone())),
    ("network-interface.group-id", |s| {
        s.view.interfaces.iter().flat_map(|n| &n.groups).map(|g| g.id.clone()).collect()
    }),
    ("network-interface.group-name", |s| {
        s.view.interfaces.iter().flat_map(|n| &n.groups).map(|g| g.name.clone()).collect()
    }),
    ("network-interface.ipv4-prefixes.ipv4-prefix", nothing),
    ("network-interface.ipv6-address", ipv6),
    ("network-interface.ipv6-addresses.ipv6-address", ipv6),
    ("network-interface.ipv6-addresses.is-primary-ipv6", nothing),
    ("network-interface.ipv6-native", nothing),
    ("network-interface.ipv6-prefixes.ipv6-prefix", nothing),
    ("network-interface.mac-address", |s| each(s, |n| n.mac.clone())),
    ("network-interface.network-interface-id", |s| each(s, |n| n.id.clone())),
    ("network-interface.operator.managed", |s| each(s, |_| false)),
    ("network-interface.operator.principal", nothing),
    ("network-interface.outpost-arn", nothing),
    ("network-interface.owner-id", |s| each(s, |n| n.owner.clone())),
    ("network-interface.private-dns-name", |s| told(s, "PrivateDnsName")),
    ("network-interface.private-ip-address", |s| {
        s.view.interfaces.iter().filter_map(|one| one.address.clone()).collect()
    }),
    ("network-interface.public-dns-name", |s| public(s, |a| &a.dns)),
    ("network-interface.requester-id", |s| told(s, "RequesterId")),
    ("network-interface.requester-managed", |s| told(s, "RequesterManaged")),
    ("network-interface.source-dest-check", |s| each(s, |n| n.check)),
    ("network-interface.status", |s| each(s, |n| n.status.clone())),
    ("network-interface.subnet-id", |s| each(s, |n| n.subnet.clone())),
    ("network-interface.tag-key", |s| tagged(s, "Key")),
    ("network-interface.tag-value", |s| tagged(s, "Value")),
    ("network-interface.vpc-id", |s| each(s, |n| n.vpc.clone())),
    ("network-performance-options.bandwidth-weighting", |s| {
        s.view.bandwidth.iter().filter_map(|bandwidth| bandwidth.weighting.clone()).collect()
    }),
    ("operator.managed", |_| vec!["false".into()]),
    ("operator.principal", nothing),
    ("outpost-arn", nothing),
    ("owner-id", |s| vec![s.owner.clone()]),
    ("placement-group-name", |s| vec![s.view.placement.group.clone()]),
    ("placement-partition-number", |s| s.view.placement.partition.iter().map(i64::to_string).collect()),
    // AWS: it knows Windows only.
    ("platform", nothing),
    ("platform-details", |s| maybe(&s.view.platform)),
    ("private-dns-name", |s| vec![s.view.private_dns.clone()]),
    ("private-dns-name-options.enable-resource-name-dns-a-record", |s| vec![s.view.names.ipv4.to_string()]),
    ("private-dns-name-options.enable-resource-name-dns-aaaa-record", |s| {
        vec![s.view.names.ipv6.to_string()]
    }),
    ("private-dns-name-options.hostname-type", |s| vec![s.view.names.kind.clone()]),
    ("private-ip-address", |s| maybe(&s.view.address)),
    ("product-code", nothing),
    ("product-code.type", nothing),
    ("ramdisk-id", nothing),
    ("reason", |s| vec![s.view.transition.clone()]),
    ("requester-id", nothing),
    ("reservation-id", |s| vec![s.reservation.clone()]),
    ("root-device-name", |s| maybe(&s.view.root_name)),
    ("root-device-type", |s| vec![s.view.root_kind.clone()]),
    ("source-dest-check", |s| s.view.check.iter().map(bool::to_string).collect()),
    ("spot-instance-request-id", |s| maybe(&s.view.spot)),
    ("state-reason-code", |s| s.view.reason.iter().map(|r| r.code.clone()).collect()),
    ("state-reason-message", |s| s.view.reason.iter().map(|r| r.message.clone()).collect()),
    ("subnet-id", |s| maybe(&s.view.subnet)),
    ("tenancy", |s| vec![s.view.placement.tenancy.clone()]),
    ("tpm-support", nothing),
    ("usage-operation", |s| maybe(&s.view.usage)),
    ("usage-operation-update-time", |s| {
        s.view.usage_at.iter().flat_map(|at| [at.iso8601_millis(), at.iso8601()]).collect()
    }),
    ("virtualization-type", |s| vec![s.view.virtualization.clone()]),
    ("vpc-id", |s| maybe(&s.view.vpc)),
];
