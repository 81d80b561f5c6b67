//! What machines are held to: their types, no more than there is, and their CPU credits; and what CloudWatch is told.

use crate::ec2_instances::until;
use crate::ec2_requirements::architecture;
use crate::ec2_spot::{instance, launch};
use crate::ec2_zones;
use crate::harness::Caller;
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::{Count, Share, Simulator, Usage, whole};
use net::program::Match;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

pub(crate) fn run(caller: &Caller<'_>, kind: &str, more: Value) -> String {
    let mut asked = launch(more);
    asked["InstanceType"] = json!(kind);
    text(&ec2(caller, "RunInstances", asked)["instancesSet"][0]["instanceId"])
}

#[test]
fn a_machine_has_what_its_type_has() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    for (kind, millicpus, mib) in [("t2.nano", 1_000, 512), ("m5.4xlarge", 16_000, 65_536)] {
        let id = run(&root, kind, json!({}));
        until(&cloud, &root, &id, "running");
        let of_type = Share { millicpus, memory_bytes: mib << 20 };
        assert_eq!(plane.share(&id), Some(of_type.at_most(whole())), "{kind}");
    }
    // With another type it is held to that when it starts again.
    let id = run(&root, "t2.nano", json!({}));
    until(&cloud, &root, &id, "running");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    let larger = json!({ "InstanceId": id, "InstanceType": { "Value": "t2.micro" } });
    ec2(&root, "ModifyInstanceAttribute", larger);
    ec2(&root, "StartInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "running");
    let of_type = Share { millicpus: 1_000, memory_bytes: 1024 << 20 };
    assert_eq!(plane.share(&id), Some(of_type.at_most(whole())));
}

fn option(caller: &Caller<'_>, id: &str) -> String {
    let found = ec2(caller, "DescribeInstanceCreditSpecifications", json!({ "InstanceIds": [id] }));
    text(&found["instanceCreditSpecificationSet"][0]["cpuCredits"])
}

fn choose(caller: &Caller<'_>, id: &str, option: &str) -> Value {
    let wanted = json!([{ "InstanceId": id, "CpuCredits": option }]);
    ec2(caller, "ModifyInstanceCreditSpecification", json!({ "InstanceCreditSpecifications": wanted }))
}

#[test]
fn a_t_machine_without_credits_has_its_baseline() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let standard = json!({ "CreditSpecification": { "CpuCredits": "standard" } });
    let id = run(&root, "t3.micro", standard.clone());
    until(&cloud, &root, &id, "running");
    let whole = Share { millicpus: 2_000, memory_bytes: 1024 << 20 }.at_most(whole());
    let share = || plane.share(&id).unwrap();
    // T3 machines begin with none.
    assert_eq!((option(&root, &id), share().millicpus), ("standard".into(), 200));
    let changed = choose(&root, &id, "unlimited");
    assert_eq!(changed["successfulInstanceCreditSpecificationSet"][0]["instanceId"], id.as_str());
    cloud.reconcile();
    assert_eq!((option(&root, &id), share()), ("unlimited".into(), whole));
    choose(&root, &id, "standard");
    // Twelve an hour: after ten minutes it has enough for a minute of both processors.
    for (minutes, millicpus) in [(9, 200), (1, whole.millicpus)] {
        for _ in 0..minutes {
            cloud.advance(Duration::from_secs(60));
            cloud.reconcile();
        }
        assert_eq!(share().millicpus, millicpus);
    }
    // What may spend more is told without being asked for.
    let other = run(&root, "t3.nano", json!({}));
    let found = ec2(&root, "DescribeInstanceCreditSpecifications", json!({}));
    let row = json!([{ "instanceId": other, "cpuCredits": "unlimited" }]);
    assert_eq!(found["instanceCreditSpecificationSet"], row);
    let t2 = run(&root, "t2.nano", json!({}));
    assert_eq!(option(&root, &t2), "standard");
}

#[test]
fn credits_are_for_t_machines() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let mut asked = launch(json!({ "CreditSpecification": { "CpuCredits": "unlimited" } }));
    let refused = root.call("ec2", "RunInstances", asked.clone()).error();
    let words = "The m5.large instance type does not support T2 Unlimited.";
    assert_eq!(refused, ("InstanceCreditSpecification.NotSupported".into(), words.into()));
    asked["InstanceType"] = json!("t3.micro");
    asked["CreditSpecification"]["CpuCredits"] = json!("much");
    assert_eq!(root.call("ec2", "RunInstances", asked).error().0, "InvalidParameterValue");
    let id = run(&root, "m5.large", json!({}));
    let why = |id: &str| {
        let answer = choose(&root, id, "unlimited");
        text(&answer["unsuccessfulInstanceCreditSpecificationSet"][0]["error"]["code"])
    };
    assert_eq!(why(&id), "InstanceCreditSpecification.NotSupported");
    assert_eq!(why("i-00000000000000000"), "InvalidInstanceID.NotFound");
    let over = run(&root, "t3.nano", json!({}));
    until(&cloud, &root, &over, "running");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [over] }));
    assert_eq!(why(&over), "IncorrectInstanceState");
    let nothing = root.call("ec2", "ModifyInstanceCreditSpecification", json!({})).error();
    assert_eq!(nothing.0, "MissingParameter");
    // A template says it as well.
    let data = json!({ "ImageId": crate::ec2_profiles::IMAGE, "InstanceType": "t2.micro",
        "CreditSpecification": { "CpuCredits": "unlimited" } });
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "fast", "LaunchTemplateData": data }));
    let by = json!({ "LaunchTemplate": { "LaunchTemplateName": "fast" }, "MinCount": 1, "MaxCount": 1 });
    let made = ec2(&root, "RunInstances", by);
    assert_eq!(option(&root, &text(&made["instancesSet"][0]["instanceId"])), "unlimited");
}

#[test]
fn in_detail_it_is_by_the_minute() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&root, "m5.large", json!({ "Monitoring": { "Enabled": true } }));
    let other = run(&root, "m5.large", json!({}));
    let monitoring = |id: &str| text(&instance(&root, id)["monitoring"]["state"]);
    assert_eq!((monitoring(&id), monitoring(&other)), ("enabled".into(), "disabled".into()));
    let change = |operation: &str, ids: Value| {
        let answer = ec2(&root, operation, json!({ "InstanceIds": ids }));
        text(&answer["instancesSet"][0]["monitoring"]["state"])
    };
    assert_eq!(change("MonitorInstances", json!([id])), "enabled");
    assert_eq!(change("MonitorInstances", json!([other])), "pending");
    assert_eq!(change("UnmonitorInstances", json!([other])), "disabling");
    let enabled = json!({ "Filters": filter("monitoring-state", "enabled") });
    assert_eq!(items(&ec2(&root, "DescribeInstances", enabled)["reservationSet"]).len(), 1);
    let nobody = json!({ "InstanceIds": ["i-00000000000000000"] });
    assert_eq!(root.call("ec2", "MonitorInstances", nobody).error().0, "InvalidInstanceID.NotFound");
    until(&cloud, &root, &id, "running");
    cloud.reconcile();
    for _ in 0..4 {
        cloud.advance(Duration::from_secs(60));
        cloud.reconcile();
        cloud.reconcile();
    }
    assert_eq!(metric(&root, &id, "CPUUtilization", "SampleCount"), Some(4.0));
    assert_eq!(metric(&root, &other, "CPUUtilization", "SampleCount"), None);
    let of_type =
        json!({ "Namespace": "AWS/EC2", "Dimensions": [{ "Name": "InstanceType", "Value": "m5.large" }] });
    let found = root.call("cloudwatch", "ListMetrics", of_type).ok();
    assert_eq!(items(&found["Metrics"]).len(), 5, "{found}");
}

#[test]
fn a_familys_default_is_of_the_account_and_region() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let default = |family: &str| {
        let found = ec2(&root, "GetDefaultCreditSpecification", json!({ "InstanceFamily": family }));
        text(&found["instanceFamilyCreditSpecification"]["cpuCredits"])
    };
    assert_eq!((default("t2"), default("t3")), ("standard".into(), "unlimited".into()));
    let before = run(&root, "t3.nano", json!({}));
    let set = |option: &str| {
        let asked = json!({ "InstanceFamily": "t3", "CpuCredits": option });
        root.call("ec2", "ModifyDefaultCreditSpecification", asked)
    };
    assert_eq!(set("some").error().0, "InvalidParameterValue");
    set("standard").ok();
    assert_eq!((default("t2"), default("t3")), ("standard".into(), "standard".into()));
    let after = run(&root, "t3.nano", json!({}));
    assert_eq!((option(&root, &before), option(&root, &after)), ("unlimited".into(), "standard".into()));
    let said = run(&root, "t3.nano", json!({ "CreditSpecification": { "CpuCredits": "unlimited" } }));
    assert_eq!(option(&root, &said), "unlimited");
}

#[test]
fn no_machine_hibernates() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&root, "m5.large", json!({ "HibernationOptions": { "Configured": false } }));
    until(&cloud, &root, &id, "running");
    assert_eq!(instance(&root, &id)["hibernationOptions"]["configured"], "false");
    let asked = json!({ "InstanceIds": [id], "Hibernate": true });
    let (code, words) = root.call("ec2", "StopInstances", asked).error();
    assert_eq!(code, "UnsupportedHibernationConfiguration");
    assert_eq!(
        words,
        format!(
            "The instance can't be hibernated because it was not configured at launch for hibernation: {id}"
        )
    );
    assert_eq!(instance(&root, &id)["instanceState"]["name"], "running");
    let configured = launch(json!({ "HibernationOptions": { "Configured": true } }));
    let refused = root.call("ec2", "RunInstances", configured).error();
    assert_eq!(refused.0, "UnsupportedHibernationConfiguration");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id], "Hibernate": false }));
    until(&cloud, &root, &id, "stopped");
}

/// The one value that CloudWatch has of a metric in the first ten minutes, by statistic.
fn metric(root: &Caller<'_>, id: &str, name: &str, statistic: &str) -> Option<f64> {
    let asked = json!({
        "Namespace": "AWS/EC2", "MetricName": name, "Dimensions": [{ "Name": "InstanceId", "Value": id }],
        "Statistics": [statistic], "StartTime": "2026-01-15T12:00:00Z", "EndTime": "2026-01-15T12:10:00Z",
        "Period": 600,
    });
    let answer = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    answer["Datapoints"][0].get(statistic).map(|value| match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    })
}

#[test]
fn cloudwatch_is_told_what_machines_do() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&root, "t2.nano", json!({}));
    until(&cloud, &root, &id, "running");
    cloud.reconcile();
    let zone = text(&instance(&root, &id)["placement"]["availabilityZone"]);
    for minute in 1..=5 {
        let count = |bytes| Count { packets: minute, bytes: bytes * minute };
        plane.use_up(
            &id,
            Usage { processor: Duration::from_secs(30 * minute), received: count(1_000), sent: count(200) },
        );
        cloud.advance(Duration::from_secs(60));
        cloud.reconcile();
        cloud.reconcile();
    }
    for (name, statistic, expected) in [
        ("CPUUtilization", "Average", 50.0),
        ("CPUUtilization", "SampleCount", 1.0),
        ("NetworkIn", "Sum", 5_000.0),
        ("NetworkOut", "Sum", 1_000.0),
        ("NetworkPacketsIn", "Sum", 5.0),
        ("CPUCreditUsage", "Sum", 2.5),
        // Thirty to begin with, and three an hour.
        ("CPUCreditBalance", "Average", 27.75),
        ("CPUSurplusCreditBalance", "Average", 0.0),
        ("StatusCheckFailed", "Maximum", 0.0),
        ("StatusCheckFailed", "SampleCount", 5.0),
    ] {
        assert_eq!(metric(&root, &id, name, statistic), Some(expected), "{name} {statistic}");
    }
    ec2_zones::set(&cloud, &zone, true);
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    cloud.reconcile();
    assert_eq!(metric(&root, &id, "StatusCheckFailed_System", "Maximum"), Some(1.0));
    // Of a machine without credits none are told.
    let other = run(&root, "m5.large", json!({}));
    until(&cloud, &root, &other, "running");
    for _ in 0..2 {
        cloud.reconcile();
        cloud.advance(Duration::from_secs(180));
        cloud.reconcile();
    }
    cloud.reconcile();
    assert_eq!(metric(&root, &other, "CPUCreditBalance", "Average"), None);
}

/// How fast a machine's network holds it to be, as the data plane was told: in, out.
fn speed(plane: &Simulator, vpc: &str, id: &str) -> [u64; 2] {
    let filter = plane.program(vpc).unwrap().filter;
    ["ingress", "egress"].map(|way| {
        let chain = &filter.chains[&format!("{id}/{way}/bandwidth")];
        let [Match::Beyond { rate, .. }] = chain.rules[0].matches[..] else { panic!("{chain:?}") };
        rate * 8
    })
}

#[test]
fn a_machine_is_as_fast_as_its_type_and_slower_when_it_has_burst() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&root, "t2.nano", json!({}));
    until(&cloud, &root, &id, "running");
    cloud.reconcile();
    let vpc = text(&instance(&root, &id)["vpcId"]);
    let (peak, baseline) = (512_000_000, 32_000_000);
    assert_eq!(speed(&plane, &vpc, &id), [peak, peak]);
    let look = |minutes: u64, sent: u64| {
        for minute in 1..=minutes {
            let sent = Count { packets: 1, bytes: sent * minute };
            plane.use_up(&id, Usage { sent, ..Usage::default() });
            cloud.advance(Duration::from_secs(60));
            cloud.reconcile();
            cloud.reconcile();
        }
    };
    // More than it could carry for five minutes.
    look(4, 5_000_000_000);
    assert_eq!(speed(&plane, &vpc, &id), [peak, peak]);
    look(5, 5_000_000_000);
    assert_eq!(speed(&plane, &vpc, &id), [peak, baseline]);
    plane.use_up(&id, Usage { sent: Count { packets: 1, bytes: 25_000_000_000 }, ..Usage::default() });
    // Its rest is by the cloud's clock.
    cloud.advance(Duration::from_secs(24 * 3600));
    cloud.reconcile();
    cloud.reconcile();
    assert_eq!(speed(&plane, &vpc, &id), [peak, peak]);
    // With another type it is that one's.
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    let larger = json!({ "InstanceId": id, "InstanceType": { "Value": "m5.large" } });
    ec2(&root, "ModifyInstanceAttribute", larger);
    ec2(&root, "StartInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "running");
    cloud.reconcile();
    assert_eq!(speed(&plane, &vpc, &id), [10_000_000_000; 2]);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "terminated");
    cloud.reconcile();
    let program = plane.program(&vpc);
    assert!(program.is_none_or(|program| !program.filter.chains.contains_key("bandwidth-out")));
}

#[test]
fn types_tell_how_fast_they_are() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let found = ec2(&root, "DescribeInstanceTypes", json!({ "InstanceTypes": ["t3.nano"] }));
    let network = &found["instanceTypeSet"][0]["networkInfo"];
    assert_eq!(
        network["networkCards"],
        json!([{ "networkCardIndex": "0", "networkPerformance": "Up to 5 Gigabit", "maximumNetworkInterfaces": "2",
            "baselineBandwidthInGbps": "0.032", "peakBandwidthInGbps": "5.0" }])
    );
    assert_eq!(
        found["instanceTypeSet"][0]["ebsInfo"]["ebsOptimizedInfo"],
        json!({ "baselineBandwidthInMbps": "43", "baselineThroughputInMBps": "5.375", "baselineIops": "250",
            "maximumBandwidthInMbps": "2085", "maximumThroughputInMBps": "260.625", "maximumIops": "11800" })
    );
    // What shares it with its network has no figures of its own.
    let older = ec2(&root, "DescribeInstanceTypes", json!({ "InstanceTypes": ["t2.micro"] }));
    assert!(older["instanceTypeSet"][0]["ebsInfo"].get("ebsOptimizedInfo").is_none());
    let by = filter("ebs-info.ebs-optimized-info.baseline-iops", "3600");
    let filtered = ec2(&root, "DescribeInstanceTypes", json!({ "Filters": by }));
    assert_eq!(filtered["instanceTypeSet"][0]["instanceType"], "m5.large");
    let asked = json!({ "ArchitectureTypes": [architecture(&root)], "VirtualizationTypes": ["hvm"],
        "InstanceRequirements": { "VCpuCount": { "Min": 1 }, "MemoryMiB": { "Min": 1 },
            "NetworkBandwidthGbps": { "Min": 1.0, "Max": 3.0 } } });
    let found = ec2(&root, "GetInstanceTypesFromInstanceRequirements", asked);
    let names: Vec<String> =
        items(&found["instanceTypeSet"]).iter().map(|t| text(&t["instanceType"])).collect();
    assert_eq!(names, ["m5.2xlarge", "m5.xlarge"]);
    let asked = |range: Value| {
        json!({ "ArchitectureTypes": [architecture(&root)], "VirtualizationTypes": ["hvm"],
            "InstanceRequirements": { "VCpuCount": { "Min": 1 }, "MemoryMiB": { "Min": 1 },
                "BurstablePerformance": "included", "BaselineEbsBandwidthMbps": range } })
    };
    let found =
        ec2(&root, "GetInstanceTypesFromInstanceRequirements", asked(json!({ "Min": 600, "Max": 700 })));
    let names: Vec<String> =
        items(&found["instanceTypeSet"]).iter().map(|t| text(&t["instanceType"])).collect();
    assert_eq!(names, ["m5.large", "t3.2xlarge", "t3.large", "t3.xlarge"]);
    root.call("ec2", "GetInstanceTypesFromInstanceRequirements", asked(json!({ "Min": 2, "Max": 1 })))
        .refused(400, "InvalidParameterValue");
}
