//! Types of instances: told by name, and found by what they have.

use crate::ec2::image::architecture;
use crate::ec2::kinds::{self, InstanceType, TYPES, find};
use crate::ec2::placement::{CLUSTER, PARTITION, SPREAD};
use crate::requirements::Requirements;
use ec2::access::list;
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::filter::{self, Filter, Known};
use ec2::tags::Tag;
use ec2::{Ec2Error, Plain};
use kernel::Cx;

kernel::ops! {
    /// Types of instances.
    pub static OPS:
        DescribeInstanceTypes: describe_types, "ec2:DescribeInstanceTypes", list;
        DescribeInstanceTypeOfferings: offerings, "ec2:DescribeInstanceTypeOfferings", list;
        GetInstanceTypesFromInstanceRequirements: by_requirements, "ec2:GetInstanceTypesFromInstanceRequirements", list;
}

wire::shape! {
    #[derive(Debug)]
    struct DescribeTypes {
        names: Vec<String> = "InstanceTypes",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Types {
        types: Vec<View> = "InstanceTypes",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        name: String = "InstanceType",
        current: bool = "CurrentGeneration",
        bare: bool = "BareMetal",
        processor: Processor = "ProcessorInfo",
        cpus: Cpus = "VCpuInfo",
        memory: Memory = "MemoryInfo",
        storage: bool = "InstanceStorageSupported",
        network: Network = "NetworkInfo",
        burstable: bool = "BurstablePerformanceSupported",
        placement: Strategies = "PlacementGroupInfo",
        usage: Vec<String> = "SupportedUsageClasses",
        visor: String = "Hypervisor",
        hibernates: bool = "HibernationSupported",
        hosts: bool = "DedicatedHostsSupported",
        recovers: bool = "AutoRecoverySupported",
        roots: Vec<String> = "SupportedRootDeviceTypes",
        virtualization: Vec<String> = "SupportedVirtualizationTypes",
        boots: Vec<String> = "SupportedBootModes",
        ebs: Ebs = "EbsInfo",
        enclaves: String = "NitroEnclavesSupport",
        tpm: String = "NitroTpmSupport",
    }

    #[derive(Debug)]
    struct Ebs {
        optimized: String = "EbsOptimizedSupport",
        encryption: String = "EncryptionSupport",
        nvme: String = "NvmeSupport",
        info: Option<Optimized> = "EbsOptimizedInfo",
    }

    #[derive(Debug)]
    struct Optimized {
        megabits: i64 = "BaselineBandwidthInMbps",
        bytes: f64 = "BaselineThroughputInMBps",
        iops: i64 = "BaselineIops",
        megabits_max: i64 = "MaximumBandwidthInMbps",
        bytes_max: f64 = "MaximumThroughputInMBps",
        iops_max: i64 = "MaximumIops",
    }

    #[derive(Debug)]
    struct ByRequirements {
        architectures: Vec<String> = "ArchitectureTypes",
        virtualizations: Vec<String> = "VirtualizationTypes",
        requirements: Requirements = "InstanceRequirements",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Found {
        types: Vec<FoundView> = "InstanceTypes",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct FoundView { name: String = "InstanceType" }

    #[derive(Debug)]
    struct Offered {
        location: Option<String> = "LocationType",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Offerings {
        offerings: Vec<Offering> = "InstanceTypeOfferings",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Offering {
        kind: String = "InstanceType",
        location_type: String = "LocationType",
        location: String = "Location",
    }

    #[derive(Debug)]
    struct Strategies { all: Vec<String> = "SupportedStrategies" }

    #[derive(Debug)]
    struct Processor { architectures: Vec<String> = "SupportedArchitectures" }

    #[derive(Debug)]
    struct Cpus {
        default: i64 = "DefaultVCpus",
        cores: i64 = "DefaultCores",
        threads: i64 = "DefaultThreadsPerCore",
        valid_cores: Vec<i64> = "ValidCores",
        valid_threads: Vec<i64> = "ValidThreadsPerCore",
    }

    #[derive(Debug)]
    struct Memory { mib: i64 = "SizeInMiB" }

    #[derive(Debug)]
    struct Network {
        performance: String = "NetworkPerformance",
        interfaces: i64 = "MaximumNetworkInterfaces",
        addresses: i64 = "Ipv4AddressesPerInterface",
        most_cards: i64 = "MaximumNetworkCards",
        default_card: i64 = "DefaultNetworkCardIndex",
        ipv6: bool = "Ipv6Supported",
        ipv6_addresses: i64 = "Ipv6AddressesPerInterface",
        ena: String = "EnaSupport",
        efa: bool = "EfaSupported",
        cards: Vec<Card> = "NetworkCards",
    }

    #[derive(Debug)]
    struct Card {
        index: i64 = "NetworkCardIndex",
        performance: String = "NetworkPerformance",
        interfaces: i64 = "MaximumNetworkInterfaces",
        baseline: f64 = "BaselineBandwidthInGbps",
        peak: f64 = "PeakBandwidthInGbps",
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.name
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

fn card(kind: &InstanceType) -> Card {
    let gigabits = |megabits: i64| megabits as f64 / 1_000.0;
    Card {
        index: 0,
        performance: kind.network.into(),
        interfaces: kind.interfaces,
        baseline: gigabits(kind.megabits),
        peak: gigabits(kind.megabits_peak),
    }
}

fn view(kind: &InstanceType) -> View {
    View {
        name: kind.name.into(),
        current: kind.current,
        bare: false,
        // Machines run on this one's processors, whatever AWS's type has.
        processor: Processor { architectures: vec![architecture().into()] },
        cpus: Cpus {
            default: kind.cpus,
            cores: kind.cores(),
            threads: kind.threads(),
            valid_cores: kind.valid_cores(),
            valid_threads: kind.valid_threads(),
        },
        memory: Memory { mib: kind.memory_mib },
        storage: false,
        network: Network {
            performance: kind.network.into(),
            interfaces: kind.interfaces,
            addresses: kind.addresses,
            most_cards: 1,
            default_card: 0,
            ipv6: true,
            ipv6_addresses: kind.addresses,
            ena: if kind.is_nitro() { "required" } else { "unsupported" }.into(),
            efa: false,
            cards: vec![card(kind)],
        },
        burstable: kind.is_burstable(),
        placement: Strategies {
            all: [CLUSTER, PARTITION, SPREAD]
                .into_iter()
                .filter(|strategy| *strategy != CLUSTER || !kind.is_burstable())
                .map(str::to_owned)
                .collect(),
        },
        usage: vec!["on-demand".into(), "spot".into()],
        visor: if kind.is_nitro() { "nitro" } else { "xen" }.into(),
        hibernates: false,
        hosts: false,
        recovers: false,
        roots: vec!["ebs".into()],
        virtualization: vec!["hvm".into()],
        // What machines that boot from disks go by here.
        boots: vec!["legacy-bios".into()],
        ebs: Ebs {
            optimized: if kind.is_nitro() { "default" } else { "unsupported" }.into(),
            encryption: "supported".into(),
            nvme: if kind.is_nitro() { "required" } else { "unsupported" }.into(),
            info: kind.ebs().map(optimized),
        },
        // There are neither, whatever AWS's type has.
        enclaves: "unsupported".into(),
        tpm: "unsupported".into(),
    }
}

fn of_ebs<T: ToString>(told: &View, read: impl Fn(&Optimized) -> T) -> Vec<String> {
    told.ebs.info.iter().map(|info| read(info).to_string()).collect()
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn optimized(kind: kinds::Ebs) -> Optimized {
    let bytes = |megabits: i64| megabits as f64 / 8.0;
    Optimized {
        megabits: kind.megabits,
        bytes: bytes(kind.megabits),
        iops: kind.iops,
        megabits_max: kind.megabits_max,
        bytes_max: bytes(kind.megabits_max),
        iops_max: kind.iops_max,
    }
}

static FILTERS: &Known<View> = &[
    ("auto-recovery-supported", |t| vec![t.recovers.to_string()]),
    ("bare-metal", |t| vec![t.bare.to_string()]),
    ("burstable-performance-supported", |t| vec![t.burstable.to_string()]),
    ("current-generation", |t| vec![t.current.to_string()]),
    ("dedicated-hosts-supported", |t| vec![t.hosts.to_string()]),
    ("ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps", |t| of_ebs(t, |info| info.megabits)),
    ("ebs-info.ebs-optimized-info.baseline-iops", |t| of_ebs(t, |info| info.iops)),
    ("ebs-info.ebs-optimized-info.baseline-throughput-in-mbps", |t| of_ebs(t, |info| info.bytes)),
    ("ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps", |t| of_ebs(t, |info| info.megabits_max)),
    ("ebs-info.ebs-optimized-info.maximum-iops", |t| of_ebs(t, |info| info.iops_max)),
    ("ebs-info.ebs-optimized-info.maximum-throughput-in-mbps", |t| of_ebs(t, |info| info.bytes_max)),
    ("ebs-info.ebs-optimized-support", |t| vec![t.ebs.optimized.clone()]),
    ("ebs-info.encryption-support", |t| vec![t.ebs.encryption.clone()]),
    ("ebs-info.nvme-support", |t| vec![t.ebs.nvme.clone()]),
    ("hibernation-supported", |t| vec![t.hibernates.to_string()]),
    ("hypervisor", |t| vec![t.visor.clone()]),
    ("instance-storage-supported", |t| vec![t.storage.to_string()]),
    ("instance-type", |t| vec![t.name.clone()]),
    ("memory-info.size-in-mib", |t| vec![t.memory.mib.to_string()]),
    ("network-info.efa-supported", |t| vec![t.network.efa.to_string()]),
    ("network-info.ena-support", |t| vec![t.network.ena.clone()]),
    ("network-info.ipv6-addresses-per-interface", |t| vec![t.network.ipv6_addresses.to_string()]),
    ("network-info.ipv6-supported", |t| vec![t.network.ipv6.to_string()]),
    ("network-info.ipv4-addresses-per-interface", |t| vec![t.network.addresses.to_string()]),
    ("network-info.maximum-network-cards", |t| vec![t.network.most_cards.to_string()]),
    ("network-info.maximum-network-interfaces", |t| vec![t.network.interfaces.to_string()]),
    ("network-info.network-performance", |t| vec![t.network.performance.clone()]),
    ("placement-group-info.supported-strategies", |t| t.placement.all.clone()),
    ("processor-info.supported-architecture", |t| t.processor.architectures.clone()),
    ("supported-boot-mode", |t| t.boots.clone()),
    ("supported-root-device-type", |t| t.roots.clone()),
    ("supported-virtualization-type", |t| t.virtualization.clone()),
    ("supported-usage-class", |t| t.usage.clone()),
    ("vcpu-info.default-cores", |t| vec![t.cpus.cores.to_string()]),
    ("vcpu-info.default-threads-per-core", |t| vec![t.cpus.threads.to_string()]),
    ("vcpu-info.default-vcpus", |t| vec![t.cpus.default.to_string()]),
    ("vcpu-info.valid-cores", |t| t.cpus.valid_cores.iter().map(i64::to_string).collect()),
    ("vcpu-info.valid-threads-per-core", |t| t.cpus.valid_threads.iter().map(i64::to_string).collect()),
    ("nitro-enclaves-support", |t| vec![t.enclaves.clone()]),
    ("nitro-tpm-support", |t| vec![t.tpm.clone()]),
    // What no type here has: disks of its own, weights, interfaces of EFA, a TPM, features that are asked for.
    ("instance-storage-info.disk.count", |_| Vec::new()),
    ("instance-storage-info.disk.size-in-gb", |_| Vec::new()),
    ("instance-storage-info.disk.type", |_| Vec::new()),
    ("instance-storage-info.encryption-support", |_| Vec::new()),
    ("instance-storage-info.nvme-support", |_| Vec::new()),
    ("instance-storage-info.total-size-in-gb", |_| Vec::new()),
    ("network-info.bandwidth-weightings", |_| Vec::new()),
    ("network-info.efa-info.maximum-efa-interfaces", |_| Vec::new()),
    ("nitro-tpm-info.supported-versions", |_| Vec::new()),
    ("processor-info.supported-features", |_| Vec::new()),
];

fn describe_types(cx: &mut Cx<'_>, req: DescribeTypes) -> Result<Types, Ec2Error> {
    ids_or_pages(&req.names, "instanceTypes", req.max)?;
    let unknown: Vec<&str> =
        req.names.iter().map(String::as_str).filter(|name| find(name).is_none()).collect();
    if !unknown.is_empty() {
        let what = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(Plain::InvalidInstanceType(what).into());
    }
    let asked = |view: &View| req.names.is_empty() || req.names.contains(&view.name);
    let items = TYPES.iter().map(view).filter(asked).collect();
    let (types, next) =
        describe::page(cx, items, Ask::new(&req.filters, req.max, req.next.as_ref()), FILTERS)?;
    Ok(Types { types, next })
}

static OFFERING_FILTERS: &Known<Offering> =
    &[("instance-type", |o| vec![o.kind.clone()]), ("location", |o| vec![o.location.clone()])];

/// Every type is in every zone.
fn offerings(cx: &mut Cx<'_>, req: Offered) -> Result<Offerings, Ec2Error> {
    let of = req.location.as_deref().unwrap_or("region");
    let places: Vec<String> = match of {
        "region" => vec![cx.region.name().to_owned()],
        "availability-zone" => cx.region.zones().collect(),
        "availability-zone-id" => cx.region.zones().filter_map(|zone| cx.region.zone_id(&zone)).collect(),
        "outpost" => Vec::new(),
        other => {
            let why = "Valid values: region, availability-zone, availability-zone-id, outpost.";
            return Err(Ec2Error::value(other, "locationType", why));
        }
    };
    let mut items = Vec::new();
    for location in places {
        let of_type = |kind: &InstanceType| Offering {
            kind: kind.name.into(),
            location_type: of.into(),
            location: location.clone(),
        };
        items.extend(TYPES.iter().map(of_type));
    }
    filter::check(&req.filters, OFFERING_FILTERS)?;
    items.retain(|item| filter::passes(item, &[], &req.filters, OFFERING_FILTERS));
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let position = |item: &Offering| format!("{}/{}", item.location, item.kind);
    let (offerings, next) = describe::cut(cx, items, ask, position)?;
    Ok(Offerings { offerings, next })
}

/// AWS: what they cost beside each other is not asked here.
fn by_requirements(cx: &mut Cx<'_>, req: ByRequirements) -> Result<Found, Ec2Error> {
    if let Some(flaw) = req.requirements.flaw() {
        return Err(Plain::InvalidParameterValue(flaw).into());
    }
    let is_here = req.architectures.iter().any(|one| one == architecture())
        && req.virtualizations.iter().any(|one| one == "hvm");
    let found = if is_here { req.requirements.matching() } else { Vec::new() };
    let views = found.into_iter().map(|kind| FoundView { name: kind.name.into() }).collect();
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (types, next) = describe::cut(cx, views, ask, |view| view.name.clone())?;
    Ok(Found { types, next })
}
