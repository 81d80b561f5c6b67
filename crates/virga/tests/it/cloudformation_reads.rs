//! Every kind that AWS can read, beside the first ones: it is looked at as its template has made it, what somebody changes
//! beside the stack is found, and what a stack has left behind makes another one.

use crate::cloudformation_drift::{detect, differences, drifts};
use crate::cloudformation_imports::{carry_out, make, one};
use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, output, physical};
use crate::harness::{Caller, Cloud};
use crate::iam_pems::{LEAF, LEAF_KEY};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

/// What identifies a resource: what its template says of it, or what follows from its physical id.
fn identifier(name: &str, physical: &str, expected: &Value, outputs: &Value) -> String {
    if let Some(value) = expected[name].as_str() {
        return value.to_owned();
    }
    let own = |key: &str| {
        let all = outputs.as_array().into_iter().flatten();
        let mut all = all;
        let found = all.find(|output| output["OutputKey"] == key);
        found.map(|output| output["OutputValue"].as_str().unwrap().to_owned())
    };
    match name {
        "AttachmentType" => "IGW".to_owned(),
        "AllocationId" => own("Allocation").unwrap(),
        "Arn" if !physical.starts_with("arn:") => own("Rule").unwrap(),
        "CidrBlock" => expected["DestinationCidrBlock"].as_str().unwrap().to_owned(),
        "AccountId" if physical.contains('|') => ACCOUNT.to_owned(),
        _ => physical.to_owned(),
    }
}

/// The stack is as it was written, also when another has taken in what it left behind. `disturb`: what is changed beside it, then;
/// what of that is found.
fn read_and_taken_in(
    cloud: &Cloud,
    root: &Caller<'_>,
    template: &str,
    disturb: &dyn Fn(&dyn Fn(&str) -> String),
    found: &[(&str, &str)],
) {
    let kept = template.replace(" Type: 'AWS::", " DeletionPolicy: Retain, Type: 'AWS::");
    let first = created(cloud, root, "old", &kept);
    let in_sync = |stack: &str| {
        let told = detect(cloud, root, json!({ "StackName": stack }));
        let all = drifts(root, stack);
        let wrong: Vec<_> = all.iter().filter(|d| d["StackResourceDriftStatus"] != "IN_SYNC").collect();
        assert!(wrong.is_empty() && told["StackDriftStatus"] == "IN_SYNC", "{told} {wrong:#?}");
        all
    };
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": "old" })).ok();
    let listed = listed["StackResourceSummaries"].as_array().unwrap();
    let seen = in_sync("old");
    assert_eq!(seen.len(), listed.len());
    let summary = root.call("cloudformation", "GetTemplateSummary", json!({ "StackName": "old" })).ok();
    let summaries = summary["ResourceIdentifierSummaries"].as_array().unwrap();
    let imports: Vec<Value> = listed
        .iter()
        .map(|resource| {
            let (name, kind) =
                (resource["LogicalResourceId"].as_str().unwrap(), resource["ResourceType"].as_str().unwrap());
            let drift = seen.iter().find(|drift| drift["LogicalResourceId"] == name).unwrap();
            let expected: Value =
                serde_json::from_str(drift["ExpectedProperties"].as_str().unwrap()).unwrap();
            let known = summaries.iter().find(|known| known["ResourceType"] == kind).unwrap();
            let id = resource["PhysicalResourceId"].as_str().unwrap();
            let names =
                known["ResourceIdentifiers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            let own: serde_json::Map<String, Value> = names
                .map(|name| (name.to_owned(), json!(identifier(name, id, &expected, &first["Outputs"]))))
                .collect();
            one(name, kind, Value::Object(own))
        })
        .collect();
    delete(cloud, root, "old");
    let (resources, outputs) = kept.split_once("Outputs:").unwrap_or((&kept, ""));
    make(root, "new", resources, json!(imports), json!({})).ok();
    assert_eq!(carry_out(cloud, root, "new"), "IMPORT_COMPLETE", "{:#?}", events(root, "new"));
    for resource in listed {
        let name = resource["LogicalResourceId"].as_str().unwrap();
        assert_eq!(physical(root, "new", name), resource["PhysicalResourceId"].as_str().unwrap(), "{name}");
    }
    if !outputs.is_empty() {
        update(cloud, root, "new", &kept);
        assert_eq!(describe(root, "new")["Outputs"], first["Outputs"]);
    }
    in_sync("new");
    disturb(&|name| physical(root, "new", name));
    detect(cloud, root, json!({ "StackName": "new" }));
    for (name, wanted) in found {
        let told = match *wanted {
            "DELETED" => {
                let all = drifts(root, "new");
                let own = all.iter().find(|drift| drift["LogicalResourceId"] == *name).unwrap();
                own["StackResourceDriftStatus"].as_str().unwrap().to_owned()
            }
            _ => differences(root, "new", name).join("; "),
        };
        assert_eq!(told, *wanted, "{name}");
    }
    // What is said of deletions alone is no update.
    let gone = kept.replace(" DeletionPolicy: Retain,", " DeletionPolicy: Delete,");
    update(cloud, root, "new", &gone.replace("Outputs:", "Outputs:\n  Last: { Value: x }"));
    delete(cloud, root, "new");
}

const NETWORK: &str = "
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } }
  More: { Type: 'AWS::EC2::VPCCidrBlock', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.1.0.0/16 } }
  Six: { Type: 'AWS::EC2::VPCCidrBlock', Properties: { VpcId: !Ref Vpc, AmazonProvidedIpv6CidrBlock: true } }
  Net: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a } }
  Igw: { Type: 'AWS::EC2::InternetGateway' }
  Attached: { Type: 'AWS::EC2::VPCGatewayAttachment', Properties: { VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw } }
  Table: { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: !Ref Vpc } }
  Way: { Type: 'AWS::EC2::Route', DependsOn: Attached, Properties: { RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw } }
  OfNet: { Type: 'AWS::EC2::SubnetRouteTableAssociation', Properties: { RouteTableId: !Ref Table, SubnetId: !Ref Net } }
  In: { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: !Ref Vpc } }
  OfIgw: { Type: 'AWS::EC2::GatewayRouteTableAssociation', DependsOn: Attached, Properties: { GatewayId: !Ref Igw, RouteTableId: !Ref In } }
  Acl: { Type: 'AWS::EC2::NetworkAcl', Properties: { VpcId: !Ref Vpc } }
  Watched: { Type: 'AWS::EC2::SubnetNetworkAclAssociation', Properties: { NetworkAclId: !Ref Acl, SubnetId: !Ref Net } }
  Options: { Type: 'AWS::EC2::DHCPOptions', Properties: { DomainName: one.example } }
  Told: { Type: 'AWS::EC2::VPCDHCPOptionsAssociation', Properties: { DhcpOptionsId: !Ref Options, VpcId: !Ref Vpc } }
  OnlyOut: { Type: 'AWS::EC2::EgressOnlyInternetGateway', Properties: { VpcId: !Ref Vpc, Tags: [{ Key: a, Value: b }] } }
  Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: g, VpcId: !Ref Vpc } }
  Web: { Type: 'AWS::EC2::SecurityGroupIngress', Properties: { GroupId: !Ref Group, IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 203.0.113.0/24, Description: web } }
  Own: { Type: 'AWS::EC2::SecurityGroupIngress', Properties: { GroupId: !Ref Group, IpProtocol: tcp, FromPort: 22, ToPort: 22, SourceSecurityGroupId: !Ref Group } }
  Out: { Type: 'AWS::EC2::SecurityGroupEgress', Properties: { GroupId: !Ref Group, IpProtocol: udp, FromPort: 53, ToPort: 53, CidrIp: 10.0.0.0/8 } }
  Door: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcId: !Ref Vpc, ServiceName: com.amazonaws.us-east-1.s3, RouteTableIds: [!Ref Table], PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: Allow, Principal: '*', Action: 's3:Get*', Resource: '*' }] } } }
  Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: flows-of-a-network } }
  Flow: { Type: 'AWS::EC2::FlowLog', Properties: { ResourceId: !Ref Vpc, ResourceType: VPC, TrafficType: REJECT, LogDestinationType: s3, LogDestination: !GetAtt Bucket.Arn, Tags: [{ Key: a, Value: b }] } }
  From: { Type: 'AWS::EC2::NetworkInterface', Properties: { SubnetId: !Ref Net } }
  To: { Type: 'AWS::EC2::NetworkInterface', Properties: { SubnetId: !Ref Net } }
  Path: { Type: 'AWS::EC2::NetworkInsightsPath', Properties: { Source: !Ref From, Destination: !Ref To, Protocol: tcp, DestinationPort: 22 } }
  Found: { Type: 'AWS::EC2::NetworkInsightsAnalysis', Properties: { NetworkInsightsPathId: !Ref Path } }
  Address: { Type: 'AWS::EC2::EIP', DependsOn: Attached, Properties: { Domain: vpc, Tags: [{ Key: a, Value: b }] } }
  Led: { Type: 'AWS::EC2::EIPAssociation', Properties: { AllocationId: !GetAtt Address.AllocationId, NetworkInterfaceId: !Ref From } }
Outputs:
  Allocation: { Value: !GetAtt Address.AllocationId }
  All: { Value: !Join [' ', [!GetAtt More.Id, !GetAtt Attached.AttachmentType, !GetAtt Way.CidrBlock, !GetAtt OfNet.Id, !GetAtt OfIgw.AssociationId, !GetAtt Watched.AssociationId, !GetAtt OnlyOut.Id, !GetAtt Web.Id, !GetAtt Out.Id, !GetAtt Door.Id, !GetAtt Flow.Id, !GetAtt Path.NetworkInsightsPathArn, !GetAtt Found.Status, !GetAtt Led.Id]] }
";

#[test]
fn what_networks_are_joined_by() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let run = |operation: &str, input: Value| drop(root.call("ec2", operation, input).ok());
    let disturb = |id: &dyn Fn(&str) -> String| {
        let way = json!({ "RouteTableId": id("Table"), "DestinationCidrBlock": "0.0.0.0/0", "NetworkInterfaceId": id("To") });
        run("ReplaceRoute", way);
        run("DisassociateRouteTable", json!({ "AssociationId": id("OfNet") }));
        run("AssociateDhcpOptions", json!({ "DhcpOptionsId": "default", "VpcId": id("Vpc") }));
        run("DisassociateVpcCidrBlock", json!({ "AssociationId": id("More") }));
        let rule = json!({ "SecurityGroupRuleId": id("Web"), "Description": "other" });
        run(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            json!({ "GroupId": id("Group"), "SecurityGroupRuleDescriptions": [rule] }),
        );
        run(
            "RevokeSecurityGroupEgress",
            json!({ "GroupId": id("Group"), "SecurityGroupRuleIds": [id("Out")] }),
        );
        run("ModifyVpcEndpoint", json!({ "VpcEndpointId": id("Door"), "AddRouteTableIds": [id("In")] }));
        for name in ["OnlyOut", "Flow"] {
            run("CreateTags", json!({ "Resources": [id(name)], "Tags": [{ "Key": "a", "Value": "c" }] }));
        }
        run("DisassociateAddress", json!({ "AssociationId": id("Led") }));
        run("DeleteNetworkInsightsAnalysis", json!({ "NetworkInsightsAnalysisId": id("Found") }));
    };
    let found = [
        ("OfNet", "DELETED"),
        ("Told", "DELETED"),
        ("More", "DELETED"),
        ("Web", "NOT_EQUAL /Description web other"),
        ("Out", "DELETED"),
        ("OnlyOut", "NOT_EQUAL /Tags/0/Value b c"),
        ("Flow", "NOT_EQUAL /Tags/0/Value b c"),
        ("Led", "DELETED"),
        ("Found", "DELETED"),
        ("Own", ""),
        ("Watched", ""),
    ];
    read_and_taken_in(&cloud, &root, NETWORK, &disturb, &found);
}

const MACHINES: &str = "
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } }
  Net: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a } }
  Guard: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: g, VpcId: !Ref Vpc } }
  Key: { Type: 'AWS::EC2::KeyPair', Properties: { KeyName: k, PublicKeyMaterial: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYCRcUwSkk5tlPyfwpc5qG6rTpxcPs+VXjV7mNMzX9R me', Tags: [{ Key: a, Value: b }] } }
  Near: { Type: 'AWS::EC2::PlacementGroup', Properties: { Strategy: cluster } }
  Closed: { Type: 'AWS::EC2::SnapshotBlockPublicAccess', Properties: { State: block-all-sharing } }
  Machine: { Type: 'AWS::EC2::Instance', Properties: { ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, SubnetId: !Ref Net, SecurityGroupIds: [!Ref Guard], KeyName: !Ref Key, UserData: aGVsbG8=, Monitoring: false, DisableApiTermination: false, InstanceInitiatedShutdownBehavior: stop, SourceDestCheck: false, CreditSpecification: { CPUCredits: standard }, MetadataOptions: { HttpTokens: required }, Tags: [{ Key: a, Value: b }] } }
  Card: { Type: 'AWS::EC2::NetworkInterface', Properties: { SubnetId: !Ref Net } }
  Plugged: { Type: 'AWS::EC2::NetworkInterfaceAttachment', Properties: { InstanceId: !Ref Machine, NetworkInterfaceId: !Ref Card, DeviceIndex: 1, DeleteOnTermination: false } }
  Disk: { Type: 'AWS::EC2::Volume', Properties: { AvailabilityZone: us-east-1a, Size: 1, VolumeType: gp3, Iops: 3000, Encrypted: false, AutoEnableIO: true, Tags: [{ Key: a, Value: b }] } }
  Used: { Type: 'AWS::EC2::VolumeAttachment', Properties: { VolumeId: !Ref Disk, InstanceId: !Ref Machine, Device: /dev/sdf } }
  Plan: { Type: 'AWS::EC2::LaunchTemplate', Properties: { LaunchTemplateName: plan, LaunchTemplateData: { ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.nano } } }
  Room: { Type: 'AWS::EC2::CapacityReservation', Properties: { AvailabilityZone: us-east-1a, InstanceCount: 1, InstancePlatform: Linux/UNIX, InstanceType: t3.small } }
  Fleet: { Type: 'AWS::EC2::EC2Fleet', Properties: { Type: maintain, LaunchTemplateConfigs: [{ LaunchTemplateSpecification: { LaunchTemplateId: !Ref Plan, Version: '1' }, Overrides: [{ SubnetId: !Ref Net }] }], TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: on-demand } } }
  Many: { Type: 'AWS::AutoScaling::AutoScalingGroup', Properties: { MinSize: '0', MaxSize: '2', DesiredCapacity: '0', Cooldown: '60', VPCZoneIdentifier: [!Ref Net], LaunchTemplate: { LaunchTemplateId: !Ref Plan, Version: '1' }, TerminationPolicies: [OldestInstance], Tags: [{ Key: a, Value: b, PropagateAtLaunch: true }], LifecycleHookSpecificationList: [{ LifecycleHookName: own, LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING' }] } }
  Tracks: { Type: 'AWS::AutoScaling::ScalingPolicy', Properties: { AutoScalingGroupName: !Ref Many, PolicyType: TargetTrackingScaling, TargetTrackingConfiguration: { TargetValue: 50, CustomizedMetricSpecification: { MetricName: m, Namespace: n, Statistic: Average } } } }
  Nightly: { Type: 'AWS::AutoScaling::ScheduledAction', Properties: { AutoScalingGroupName: !Ref Many, MinSize: 0, MaxSize: 1, Recurrence: 0 0 * * * } }
  Hook: { Type: 'AWS::AutoScaling::LifecycleHook', Properties: { AutoScalingGroupName: !Ref Many, LifecycleHookName: beside, LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING', DefaultResult: CONTINUE, HeartbeatTimeout: 60 } }
  Warm: { Type: 'AWS::AutoScaling::WarmPool', Properties: { AutoScalingGroupName: !Ref Many, MinSize: 0, PoolState: Stopped } }
Outputs:
  All: { Value: !Join [' ', [!GetAtt Key.KeyPairId, !GetAtt Near.GroupId, !GetAtt Machine.PrivateIp, !GetAtt Plugged.AttachmentId, !GetAtt Disk.VolumeId, !GetAtt Plan.LatestVersionNumber, !GetAtt Room.CapacityReservationArn, !GetAtt Fleet.FleetId, !GetAtt Tracks.PolicyName, !GetAtt Closed.AccountId, !GetAtt Nightly.ScheduledActionName, !GetAtt Many.AutoScalingGroupARN, !GetAtt Guard.Id]] }
";

#[test]
fn machines_and_what_they_are_made_of() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let run = |service: &str, operation: &str, input: Value| drop(root.call(service, operation, input).ok());
    let disturb = |id: &dyn Fn(&str) -> String| {
        let stays = json!({ "InstanceId": id("Machine"), "InstanceInitiatedShutdownBehavior": { "Value": "terminate" } });
        run("ec2", "ModifyInstanceAttribute", stays);
        let tokens = json!({ "InstanceId": id("Machine"), "HttpTokens": "optional" });
        run("ec2", "ModifyInstanceMetadataOptions", tokens);
        run("ec2", "MonitorInstances", json!({ "InstanceIds": [id("Machine")] }));
        for name in ["Machine", "Disk"] {
            run(
                "ec2",
                "CreateTags",
                json!({ "Resources": [id(name)], "Tags": [{ "Key": "a", "Value": "c" }] }),
            );
        }
        run("ec2", "EnableSnapshotBlockPublicAccess", json!({ "State": "block-new-sharing" }));
        run(
            "ec2",
            "ModifyCapacityReservation",
            json!({ "CapacityReservationId": id("Room"), "InstanceCount": 2 }),
        );
        let less = json!({ "TotalTargetCapacity": 0 });
        run("ec2", "ModifyFleet", json!({ "FleetId": id("Fleet"), "TargetCapacitySpecification": less }));
        let group = id("Many");
        run(
            "autoscaling",
            "UpdateAutoScalingGroup",
            json!({ "AutoScalingGroupName": group, "MaxSize": 5, "DefaultCooldown": 90 }),
        );
        run(
            "autoscaling",
            "DeleteLifecycleHook",
            json!({ "AutoScalingGroupName": group, "LifecycleHookName": "own" }),
        );
        let hook =
            json!({ "AutoScalingGroupName": group, "LifecycleHookName": "beside", "HeartbeatTimeout": 120 });
        run("autoscaling", "PutLifecycleHook", hook);
        let names = json!({ "AutoScalingGroupName": group, "ScheduledActionNames": [id("Nightly")] });
        run("autoscaling", "BatchDeleteScheduledAction", names);
        run(
            "autoscaling",
            "PutWarmPool",
            json!({ "AutoScalingGroupName": group, "MinSize": 0, "PoolState": "Running" }),
        );
        run("autoscaling", "DeletePolicy", json!({ "PolicyName": id("Tracks") }));
        // What somebody has ended already does not hold up the end of the stack.
    };
    let found = [
        (
            "Machine",
            "NOT_EQUAL /Monitoring false true; NOT_EQUAL /InstanceInitiatedShutdownBehavior stop terminate; NOT_EQUAL /MetadataOptions/HttpTokens required optional; NOT_EQUAL /Tags/0/Value b c",
        ),
        ("Disk", "NOT_EQUAL /Tags/0/Value b c"),
        ("Closed", "NOT_EQUAL /State block-all-sharing block-new-sharing"),
        ("Room", "NOT_EQUAL /InstanceCount 1 2"),
        ("Fleet", "NOT_EQUAL /TargetCapacitySpecification/TotalTargetCapacity 1 0"),
        ("Hook", "NOT_EQUAL /HeartbeatTimeout 60 120"),
        ("Nightly", "DELETED"),
        ("Warm", "NOT_EQUAL /PoolState Stopped Running"),
        ("Tracks", "DELETED"),
        ("Plugged", ""),
        ("Used", ""),
    ];
    read_and_taken_in(&cloud, &root, MACHINES, &disturb, &found);
}

const FUNCTIONS: &str = "
Resources:
  Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: 'sts:AssumeRole', Principal: { Service: [lambda.amazonaws.com, pipes.amazonaws.com, events.amazonaws.com] } } }, Policies: [{ PolicyName: p, PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: ['sqs:*', 'events:*'], Resource: '*' } } }] } }
  F: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: f, Runtime: python3.12, Handler: index.f, Role: !GetAtt Role.Arn, Code: { ZipFile: 'def f(event, context): pass' } } }
  One: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: !Ref F, Description: one } }
  Live: { Type: 'AWS::Lambda::Alias', Properties: { FunctionName: !GetAtt F.Arn, Name: live, FunctionVersion: !GetAtt One.Version, Description: d } }
  Url: { Type: 'AWS::Lambda::Url', Properties: { TargetFunctionArn: !Ref F, Qualifier: live, AuthType: AWS_IAM, Cors: { AllowOrigins: ['*'] } }, DependsOn: Live }
  Plain: { Type: 'AWS::Lambda::Url', Properties: { TargetFunctionArn: !GetAtt F.Arn, AuthType: NONE } }
  Handled: { Type: 'AWS::Lambda::EventInvokeConfig', Properties: { FunctionName: !Ref F, Qualifier: $LATEST, MaximumRetryAttempts: 1 } }
  Queue: { Type: 'AWS::SQS::Queue' }
  Mapped: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { FunctionName: !Ref F, EventSourceArn: !GetAtt Queue.Arn, BatchSize: 5, Enabled: false, Tags: [{ Key: a, Value: b }] } }
  Layer: { Type: 'AWS::Lambda::LayerVersion', Properties: { LayerName: l, Description: d, CompatibleRuntimes: [python3.12], Content: { S3Bucket: code, S3Key: l.zip } } }
  Everybody: { Type: 'AWS::Lambda::LayerVersionPermission', Properties: { LayerVersionArn: !Ref Layer, Action: 'lambda:GetLayerVersion', Principal: '*' } }
  Neighbour: { Type: 'AWS::Lambda::LayerVersionPermission', Properties: { LayerVersionArn: !Ref Layer, Action: 'lambda:GetLayerVersion', Principal: '210987654321' } }
  May: { Type: 'AWS::Lambda::Permission', Properties: { FunctionName: !Ref F, Action: 'lambda:InvokeFunction', Principal: s3.amazonaws.com, SourceArn: 'arn:aws:s3:::b', SourceAccount: !Ref 'AWS::AccountId' } }
  Other: { Type: 'AWS::Lambda::Permission', Properties: { FunctionName: !Ref Live, Action: 'lambda:InvokeFunctionUrl', Principal: '210987654321', FunctionUrlAuthType: AWS_IAM } }
Outputs:
  All: { Value: !Join [' ', [!GetAtt One.FunctionArn, !GetAtt Live.AliasArn, !GetAtt Url.FunctionUrl, !GetAtt Plain.FunctionArn, !GetAtt Mapped.EventSourceMappingArn, !GetAtt Layer.LayerVersionArn, !GetAtt Everybody.Id, !GetAtt May.Id]] }
";

#[test]
fn what_functions_have_beside_themselves() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "code" })).ok();
    crate::lambda_code::put(&cloud, &root, ("code", "l.zip"), ("python/own.py", "x"));
    let run = |operation: &str, input: Value| drop(root.call("lambda", operation, input).ok());
    let disturb = |id: &dyn Fn(&str) -> String| {
        run("UpdateAlias", json!({ "FunctionName": "f", "Name": "live", "Description": "e" }));
        run(
            "UpdateFunctionUrlConfig",
            json!({ "FunctionName": "f", "Qualifier": "live", "AuthType": "NONE" }),
        );
        run("UpdateEventSourceMapping", json!({ "UUID": id("Mapped"), "BatchSize": 7 }));
        run("PutFunctionEventInvokeConfig", json!({ "FunctionName": "f", "MaximumRetryAttempts": 2 }));
        run("RemovePermission", json!({ "FunctionName": "f", "StatementId": id("May") }));
        let (_, sid) = id("Everybody").split_once('#').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        run(
            "RemoveLayerVersionPermission",
            json!({ "LayerName": "l", "VersionNumber": 1, "StatementId": sid }),
        );
    };
    let found = [
        ("Live", "NOT_EQUAL /Description d e"),
        ("Url", "NOT_EQUAL /AuthType AWS_IAM NONE"),
        ("Plain", ""),
        ("Mapped", "NOT_EQUAL /BatchSize 5 7"),
        ("Handled", "NOT_EQUAL /MaximumRetryAttempts 1 2"),
        ("May", "DELETED"),
        ("Everybody", "DELETED"),
        ("Neighbour", ""),
        ("Other", ""),
    ];
    read_and_taken_in(&cloud, &root, FUNCTIONS, &disturb, &found);
}

const NEWS: &str = "
Resources:
  Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: 'sts:AssumeRole', Principal: { Service: [pipes.amazonaws.com, events.amazonaws.com, logs.amazonaws.com] } } }, Policies: [{ PolicyName: p, PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: '*', Resource: '*' } } }] } }
  Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: q } }
  Sends: { Type: 'AWS::SQS::QueueInlinePolicy', Properties: { Queue: !Ref Queue, PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: Allow, Principal: { Service: events.amazonaws.com }, Action: 'sqs:SendMessage', Resource: !GetAtt Queue.Arn }] } } }
  Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: t } }
  Says: { Type: 'AWS::SNS::TopicInlinePolicy', Properties: { TopicArn: !Ref Topic, PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: Allow, Principal: { Service: events.amazonaws.com }, Action: 'sns:Publish', Resource: !Ref Topic }] } } }
  Ear: { Type: 'AWS::SNS::Subscription', Properties: { TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn } }
  Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: b, Description: d, Tags: [{ Key: a, Value: b }] } }
  Neighbour: { Type: 'AWS::Events::EventBusPolicy', Properties: { EventBusName: !Ref Bus, StatementId: n, Statement: { Effect: Allow, Principal: { AWS: 'arn:aws:iam::210987654321:root' }, Action: 'events:PutEvents', Resource: !GetAtt Bus.Arn } } }
  Old: { Type: 'AWS::Events::Archive', Properties: { ArchiveName: old, SourceArn: !GetAtt Bus.Arn, RetentionDays: 3, EventPattern: { source: [x] } } }
  Login: { Type: 'AWS::Events::Connection', Properties: { Name: login, AuthorizationType: API_KEY, AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: k, ApiKeyValue: v } } } }
  Away: { Type: 'AWS::Events::ApiDestination', Properties: { Name: away, ConnectionArn: !GetAtt Login.Arn, HttpMethod: POST, InvocationEndpoint: 'https://127.0.0.1:9/' } }
  Rule: { Type: 'AWS::Events::Rule', Properties: { Name: r, EventBusName: !Ref Bus, EventPattern: { source: [x] }, State: ENABLED } }
  Pipe: { Type: 'AWS::Pipes::Pipe', Properties: { Name: p, Source: !GetAtt Queue.Arn, Target: !GetAtt Bus.Arn, RoleArn: !GetAtt Role.Arn, DesiredState: STOPPED, Description: d, Tags: { a: b } } }
  Times: { Type: 'AWS::Scheduler::ScheduleGroup', Properties: { Name: times, Tags: [{ Key: a, Value: b }] } }
  Board: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardName: board, DashboardBody: '{\"widgets\":[]}' } }
  Low: { Type: 'AWS::CloudWatch::Alarm', Properties: { AlarmName: low, Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: GreaterThanThreshold } }
  Both: { Type: 'AWS::CloudWatch::CompositeAlarm', DependsOn: Low, Properties: { AlarmName: both, AlarmRule: ALARM(low) } }
  Logs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: l } }
  Stream: { Type: 'AWS::Logs::LogStream', Properties: { LogGroupName: !Ref Logs, LogStreamName: s } }
  Counts: { Type: 'AWS::Logs::MetricFilter', Properties: { FilterName: counts, LogGroupName: !Ref Logs, FilterPattern: ERROR, MetricTransformations: [{ MetricName: m, MetricNamespace: n, MetricValue: '1', DefaultValue: 0 }] } }
  Query: { Type: 'AWS::Logs::QueryDefinition', Properties: { Name: find, QueryString: fields @message, LogGroupNames: [!Ref Logs] } }
  Writers: { Type: 'AWS::Logs::ResourcePolicy', Properties: { PolicyName: writers, PolicyDocument: '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"events.amazonaws.com\"},\"Action\":\"logs:PutLogEvents\",\"Resource\":\"*\"}]}' } }
  Goes: { Type: 'AWS::Logs::SubscriptionFilter', Properties: { FilterName: goes, LogGroupName: !Ref Logs, FilterPattern: '', DestinationArn: 'arn:aws:lambda:us-east-1:123456789012:function:f' } }
  All: { Type: 'AWS::Logs::AccountPolicy', Properties: { PolicyName: all, PolicyType: SUBSCRIPTION_FILTER_POLICY, Scope: ALL, PolicyDocument: 'DOCUMENT' } }
Outputs:
  Rule: { Value: !GetAtt Rule.Arn }
  Rest: { Value: !Join [' ', [!GetAtt Bus.Arn, !GetAtt Old.Arn, !GetAtt Login.Arn, !GetAtt Away.ArnForPolicy, !GetAtt Pipe.CurrentState, !GetAtt Times.Arn, !GetAtt Both.Arn, !GetAtt Query.QueryDefinitionId, !GetAtt All.AccountId, !Ref Ear]] }
";

#[test]
fn news_and_logs() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    crate::lambda_functions::create(&root);
    crate::logs_account_policies::let_in(&root);
    let run = |service: &str, operation: &str, input: Value| drop(root.call(service, operation, input).ok());
    let disturb = |id: &dyn Fn(&str) -> String| {
        let none = json!({ "QueueUrl": id("Queue"), "Attributes": { "Policy": "" } });
        run("sqs", "SetQueueAttributes", none);
        run("events", "UpdateEventBus", json!({ "Name": "b", "Description": "e" }));
        run("events", "RemovePermission", json!({ "EventBusName": "b", "StatementId": "n" }));
        run("events", "UpdateArchive", json!({ "ArchiveName": "old", "RetentionDays": 4 }));
        let other = json!({ "ApiKeyAuthParameters": { "ApiKeyName": "j", "ApiKeyValue": "w" } });
        run("events", "UpdateConnection", json!({ "Name": "login", "AuthParameters": other }));
        run("events", "UpdateApiDestination", json!({ "Name": "away", "HttpMethod": "PUT" }));
        run("events", "DisableRule", json!({ "Name": "r", "EventBusName": "b" }));
        let tags = json!({ "resourceArn": format!("arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p"), "tags": { "a": "c" } });
        run("pipes", "TagResource", tags);
        run(
            "cloudwatch",
            "PutDashboard",
            json!({ "DashboardName": "board", "DashboardBody": "{\"widgets\":[],\"start\":\"-PT1H\"}" }),
        );
        run("cloudwatch", "DeleteAlarms", json!({ "AlarmNames": ["both"] }));
        run("logs", "DeleteLogStream", json!({ "logGroupName": "l", "logStreamName": "s" }));
        run("logs", "DeleteSubscriptionFilter", json!({ "logGroupName": "l", "filterName": "goes" }));
        let counts = json!([{ "metricName": "m", "metricNamespace": "n", "metricValue": "2" }]);
        run(
            "logs",
            "PutMetricFilter",
            json!({ "logGroupName": "l", "filterName": "counts", "filterPattern": "WARN", "metricTransformations": counts }),
        );
        let query = json!({ "queryDefinitionId": id("Query"), "name": "found", "queryString": "fields @message", "logGroupNames": ["l"] });
        run("logs", "PutQueryDefinition", query);
        run("logs", "DeleteResourcePolicy", json!({ "policyName": "writers" }));
        run(
            "logs",
            "DeleteAccountPolicy",
            json!({ "policyName": "all", "policyType": "SUBSCRIPTION_FILTER_POLICY" }),
        );
    };
    let found = [
        ("Sends", "DELETED"),
        ("Says", ""),
        ("Bus", "NOT_EQUAL /Description d e"),
        ("Neighbour", "DELETED"),
        ("Old", "NOT_EQUAL /RetentionDays 3 4"),
        ("Login", "NOT_EQUAL /AuthParameters/ApiKeyAuthParameters/ApiKeyName k j"),
        ("Away", "NOT_EQUAL /HttpMethod POST PUT"),
        ("Rule", "NOT_EQUAL /State ENABLED DISABLED"),
        ("Pipe", "NOT_EQUAL /Tags/a b c"),
        ("Board", "ADD /DashboardBody/start null -PT1H"),
        ("Both", "DELETED"),
        ("Stream", "DELETED"),
        ("Goes", "DELETED"),
        (
            "Counts",
            "NOT_EQUAL /FilterPattern ERROR WARN; REMOVE /MetricTransformations/0 {\"MetricName\":\"m\",\"MetricNamespace\":\"n\",\"MetricValue\":\"1\",\"DefaultValue\":0} null; ADD /MetricTransformations/0 null {\"MetricName\":\"m\",\"MetricNamespace\":\"n\",\"MetricValue\":\"2\"}",
        ),
        ("Query", "NOT_EQUAL /Name find found"),
        ("Writers", "DELETED"),
        ("All", "DELETED"),
        ("Ear", ""),
    ];
    let template = NEWS.replace("DOCUMENT", &crate::logs_account_policies::document("x"));
    read_and_taken_in(&cloud, &root, &template, &disturb, &found);
}

const IDENTITIES: &str = "
Resources:
  Ann: { Type: 'AWS::IAM::User' }
  Team: { Type: 'AWS::IAM::Group' }
  Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: 'sts:AssumeRole', Principal: { Service: fis.amazonaws.com } } } } }
  OfTeam: { Type: 'AWS::IAM::GroupPolicy', Properties: { GroupName: !Ref Team, PolicyName: p, PolicyDocument: ALLOW } }
  OfRole: { Type: 'AWS::IAM::RolePolicy', Properties: { RoleName: !Ref Role, PolicyName: p, PolicyDocument: ALLOW } }
  OfAnn: { Type: 'AWS::IAM::UserPolicy', Properties: { UserName: !Ref Ann, PolicyName: p, PolicyDocument: ALLOW } }
  Tokens: { Type: 'AWS::IAM::OIDCProvider', Properties: { Url: 'https://token.example.com', ClientIdList: [one], ThumbprintList: ['0123456789abcdef0123456789abcdef01234567'], Tags: [{ Key: a, Value: b }] } }
  Linked: { Type: 'AWS::IAM::ServiceLinkedRole', Properties: { AWSServiceName: autoscaling.amazonaws.com, CustomSuffix: x, Description: d } }
  Replica: { Type: 'AWS::KMS::ReplicaKey', Properties: { PrimaryKeyArn: 'PRIMARY', Description: d, KeyPolicy: { Version: '2012-10-17', Statement: [{ Effect: Allow, Principal: { AWS: 'arn:aws:iam::123456789012:root' }, Action: 'kms:*', Resource: '*' }] }, Tags: [{ Key: a, Value: b }] } }
  Table: { Type: 'AWS::DynamoDB::GlobalTable', Properties: { TableName: ttt, BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{ AttributeName: k, AttributeType: S }], KeySchema: [{ AttributeName: k, KeyType: HASH }], SSESpecification: { SSEEnabled: false }, Replicas: [{ Region: us-east-1, DeletionProtectionEnabled: false, Tags: [{ Key: a, Value: b }] }] } }
  Trial: { Type: 'AWS::FIS::ExperimentTemplate', Properties: { Description: a trial, RoleArn: !GetAtt Role.Arn, StopConditions: [{ Source: none }], Tags: { Team: blue }, Targets: { Machines: { ResourceType: 'aws:ec2:instance', ResourceTags: { Chaos: 'yes' }, SelectionMode: COUNT(1), Filters: [{ Path: State.Name, Values: [running] }] } }, Actions: { Stop: { ActionId: 'aws:ec2:stop-instances', Parameters: { startInstancesAfterDuration: PT2M }, Targets: { Instances: Machines } } } } }
  Cert: { Type: 'AWS::IAM::ServerCertificate', Properties: { ServerCertificateName: site, Path: /web/, CertificateBody: \"THE_LEAF\", PrivateKey: \"ITS_SECRET\" } }
  Login: { Type: 'AWS::IAM::SAMLProvider', Properties: { Name: corp, SamlMetadataDocument: 'METADATA' } }
Outputs:
  All: { Value: !Join [' ', [!GetAtt Tokens.Arn, !GetAtt Linked.RoleName, !GetAtt Replica.Arn, !GetAtt Table.Arn, !GetAtt Trial.Id, !GetAtt Cert.Arn, !GetAtt Login.Arn]] }
";

#[test]
fn identities_keys_and_tables() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let away = root.in_region("eu-west-1");
    let key = away.call("kms", "CreateKey", json!({ "MultiRegion": true })).ok();
    let allow = "{ Version: 2012-10-17, Statement: { Effect: Allow, Action: 'sqs:*', Resource: '*' } }";
    let line = |pem: &str| pem.trim().replace('\n', "\\n");
    let template = IDENTITIES
        .replace("ALLOW", allow)
        .replace("PRIMARY", key["KeyMetadata"]["Arn"].as_str().unwrap())
        .replace("THE_LEAF", &line(LEAF))
        .replace("ITS_SECRET", &line(LEAF_KEY))
        .replace("METADATA", &crate::iam_providers::metadata("https://idp.example", "").replace('\n', " "));
    let run = |service: &str, operation: &str, input: Value| drop(root.call(service, operation, input).ok());
    let disturb = |id: &dyn Fn(&str) -> String| {
        let other =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sqs:*","Resource":"*"}}"#;
        let put = json!({ "RoleName": id("Role"), "PolicyName": "p", "PolicyDocument": other });
        run("iam", "PutRolePolicy", put);
        run("iam", "DeleteUserPolicy", json!({ "UserName": id("Ann"), "PolicyName": "p" }));
        let more = json!({ "OpenIDConnectProviderArn": id("Tokens"), "ClientID": "two" });
        run("iam", "AddClientIDToOpenIDConnectProvider", more);
        run("iam", "UpdateRole", json!({ "RoleName": id("Linked"), "Description": "e" }));
        run(
            "iam",
            "UpdateServerCertificate",
            json!({ "ServerCertificateName": "site", "NewPath": "/other/" }),
        );
        run("kms", "UpdateKeyDescription", json!({ "KeyId": id("Replica"), "Description": "e" }));
        run("dynamodb", "UpdateTable", json!({ "TableName": "ttt", "DeletionProtectionEnabled": true }));
        let later = json!({ "Stop": { "actionId": "aws:ec2:stop-instances", "parameters": { "startInstancesAfterDuration": "PT3M" }, "targets": { "Instances": "Machines" } } });
        run("fis", "UpdateExperimentTemplate", json!({ "id": id("Trial"), "actions": later }));
    };
    let found = [
        ("OfRole", "NOT_EQUAL /PolicyDocument/Statement/Effect Allow Deny"),
        ("OfAnn", "DELETED"),
        ("OfTeam", ""),
        ("Tokens", "ADD /ClientIdList/1 null two"),
        ("Linked", "NOT_EQUAL /Description d e"),
        ("Cert", "NOT_EQUAL /Path /web/ /other/"),
        ("Replica", "NOT_EQUAL /Description d e"),
        ("Table", "NOT_EQUAL /Replicas/0/DeletionProtectionEnabled false true"),
        ("Trial", "NOT_EQUAL /Actions/Stop/Parameters/startInstancesAfterDuration PT2M PT3M"),
        ("Login", ""),
    ];
    let undisturbed = |id: &dyn Fn(&str) -> String| {
        disturb(id);
        // What is protected could not go in the end.
        let drift = json!({ "StackName": "new", "LogicalResourceId": "Table" });
        let told = root.call("cloudformation", "DetectStackResourceDrift", drift).ok();
        assert_eq!(told["StackResourceDrift"]["StackResourceDriftStatus"], "MODIFIED", "{told}");
        cloud.advance(Duration::from_secs(15));
        run("dynamodb", "UpdateTable", json!({ "TableName": "ttt", "DeletionProtectionEnabled": false }));
    };
    let found: Vec<_> = found.into_iter().filter(|(name, _)| *name != "Table").collect();
    read_and_taken_in(&cloud, &root, &template, &undisturbed, &found);
}

const COMPANY: &str = "
Resources:
  Company: { Type: 'AWS::Organizations::Organization', Properties: { FeatureSet: ALL } }
  Unit: { Type: 'AWS::Organizations::OrganizationalUnit', Properties: { Name: unit, ParentId: !GetAtt Company.RootId, Tags: [{ Key: a, Value: b }] } }
  Member: { Type: 'AWS::Organizations::Account', Properties: { AccountName: dev, Email: dev@example.com, ParentIds: [!Ref Unit] } }
Outputs:
  All: { Value: !Join [' ', [!GetAtt Company.ManagementAccountArn, !GetAtt Unit.Arn, !GetAtt Member.Arn]] }
";

#[test]
fn an_organization() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "org", COMPANY);
    let told = detect(&cloud, &root, json!({ "StackName": "org" }));
    assert_eq!(told["StackDriftStatus"], "IN_SYNC", "{:#?}", drifts(&root, "org"));
    assert_eq!(drifts(&root, "org").len(), 3);
    let run = |operation: &str, input: Value| root.call("organizations", operation, input).ok();
    let unit = physical(&root, "org", "Unit");
    run("UpdateOrganizationalUnit", json!({ "OrganizationalUnitId": unit, "Name": "other" }));
    let top = run("ListRoots", json!({}))["Roots"][0]["Id"].clone();
    let member = physical(&root, "org", "Member");
    run("MoveAccount", json!({ "AccountId": member, "SourceParentId": unit, "DestinationParentId": top }));
    detect(&cloud, &root, json!({ "StackName": "org" }));
    assert_eq!(differences(&root, "org", "Unit"), ["NOT_EQUAL /Name unit other"]);
    let moved = [
        format!("REMOVE /ParentIds/0 {unit} null"),
        format!("ADD /ParentIds/0 null {}", top.as_str().unwrap()),
    ];
    assert_eq!(differences(&root, "org", "Member"), moved);
    // Another stack takes over what is there.
    let imports = json!([
        one(
            "Company",
            "AWS::Organizations::Organization",
            json!({ "Id": physical(&root, "org", "Company") })
        ),
        one("Unit", "AWS::Organizations::OrganizationalUnit", json!({ "Id": unit })),
        one("Member", "AWS::Organizations::Account", json!({ "AccountId": member })),
    ]);
    let before = output(&describe(&root, "org"), "All");
    let kept = COMPANY.replace(" Type: 'AWS::", " DeletionPolicy: Retain, Type: 'AWS::");
    update(&cloud, &root, "org", &kept.replace("Outputs:", "Outputs:\n  Last: { Value: x }"));
    delete(&cloud, &root, "org");
    let (resources, _) = kept.split_once("Outputs:").unwrap();
    make(&root, "new", resources, imports, json!({})).ok();
    assert_eq!(carry_out(&cloud, &root, "new"), "IMPORT_COMPLETE", "{:#?}", events(&root, "new"));
    update(&cloud, &root, "new", &kept);
    assert_eq!(output(&describe(&root, "new"), "All"), before);
}

#[test]
fn what_is_identified_by_several_names_needs_all_of_them() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "Resources: { S: { Type: 'AWS::Logs::LogStream', DeletionPolicy: Retain, Properties: { LogGroupName: l, LogStreamName: s } } }";
    let refuse = |identifier: Value| {
        let asked = json!([one("S", "AWS::Logs::LogStream", identifier)]);
        let words = "Invalid resource identifier for resource type AWS::Logs::LogStream. Expected [LogGroupName, LogStreamName]";
        make(&root, "s", template, asked, json!({})).refused_with(400, "ValidationError", words);
    };
    refuse(json!({ "LogStreamName": "s" }));
    refuse(json!({ "LogGroupName": "l", "Name": "s" }));
    refuse(json!({ "LogGroupName": "l", "LogStreamName": "s", "More": "x" }));
}
