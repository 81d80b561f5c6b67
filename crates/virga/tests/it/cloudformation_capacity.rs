//! Kinds of what machines are reserved by, analyzed with and experimented on, and of settings of an account.

use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, created, output, physical};
use crate::harness::Cloud;
use crate::lambda_functions::create;
use crate::logs_account_policies::{document, let_in};
use crate::vpc_networks::{ec2, items};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::json;

#[test]
fn room_and_machines_in_numbers() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let template = |count: u32| {
        format!(
            "
Resources:
  Room:
    Type: AWS::EC2::CapacityReservation
    Properties:
      AvailabilityZone: us-east-1a
      InstanceCount: {count}
      InstancePlatform: Linux/UNIX
      InstanceType: t3.micro
      TagSpecifications: [{{ ResourceType: capacity-reservation, Tags: [{{ Key: a, Value: b }}] }}]
  Launch: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.nano }} }} }}
  Fleet:
    Type: AWS::EC2::EC2Fleet
    Properties:
      Type: maintain
      LaunchTemplateConfigs: [{{ LaunchTemplateSpecification: {{ LaunchTemplateId: !Ref Launch, Version: '1' }}, Overrides: [{{ AvailabilityZone: us-east-1b }}] }}]
      TargetCapacitySpecification: {{ TotalTargetCapacity: {count}, DefaultTargetCapacityType: on-demand }}
Outputs:
  Room: {{ Value: !GetAtt Room.CapacityReservationArn }}
  Count: {{ Value: !GetAtt Room.TotalInstanceCount }}
  Fleet: {{ Value: !GetAtt Fleet.FleetId }}
"
        )
    };
    let stack = created(&cloud, &root, "c", &template(2));
    let (room, fleet) = (physical(&root, "c", "Room"), physical(&root, "c", "Fleet"));
    assert!(output(&stack, "Room").ends_with(&format!(":capacity-reservation/{room}")));
    assert_eq!((output(&stack, "Count").as_str(), output(&stack, "Fleet")), ("2", fleet.clone()));
    let shown = || {
        let asked = json!({ "CapacityReservationIds": [room] });
        ec2(&root, "DescribeCapacityReservations", asked)["capacityReservationSet"][0].clone()
    };
    let wanted = || {
        let told = ec2(&root, "DescribeFleets", json!({ "FleetIds": [fleet] }));
        told["fleetSet"][0]["targetCapacitySpecification"]["totalTargetCapacity"].clone()
    };
    assert_eq!((shown()["totalInstanceCount"].clone(), wanted()), (json!("2"), json!("2")));
    let tags = items(&shown()["tagSet"]);
    assert!(tags.iter().any(|tag| tag["key"] == "aws:cloudformation:logical-id"), "{tags:?}");
    update(&cloud, &root, "c", &template(3));
    assert_eq!((shown()["totalInstanceCount"].clone(), wanted()), (json!("3"), json!("3")));
    assert_eq!(physical(&root, "c", "Room"), room);
    delete(&cloud, &root, "c");
    assert_eq!(shown()["state"], "cancelled");
    let running = ec2(
        &root,
        "DescribeInstances",
        json!({ "Filters": [{ "Name": "instance-state-name", "Values": ["running", "pending"] }] }),
    );
    assert!(items(&running["reservationSet"]).is_empty(), "{running}");
}

#[test]
fn a_path_is_analyzed_and_a_gateway_led_by_its_table() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let template = |table: &str| {
        format!(
            "
Resources:
  Vpc: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  Net: {{ Type: 'AWS::EC2::Subnet', Properties: {{ VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a }} }}
  Igw: {{ Type: 'AWS::EC2::InternetGateway' }}
  Attached: {{ Type: 'AWS::EC2::VPCGatewayAttachment', Properties: {{ VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw }} }}
  One: {{ Type: 'AWS::EC2::RouteTable', Properties: {{ VpcId: !Ref Vpc }} }}
  Two: {{ Type: 'AWS::EC2::RouteTable', Properties: {{ VpcId: !Ref Vpc }} }}
  Led: {{ Type: 'AWS::EC2::GatewayRouteTableAssociation', DependsOn: Attached, Properties: {{ GatewayId: !Ref Igw, RouteTableId: !Ref {table} }} }}
  From: {{ Type: 'AWS::EC2::NetworkInterface', Properties: {{ SubnetId: !Ref Net }} }}
  To: {{ Type: 'AWS::EC2::NetworkInterface', Properties: {{ SubnetId: !Ref Net }} }}
  Machine:
    Type: AWS::EC2::Instance
    Properties: {{ ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, SubnetId: !Ref Net, SourceDestCheck: false }}
  Path: {{ Type: 'AWS::EC2::NetworkInsightsPath', Properties: {{ Source: !Ref From, Destination: !Ref To, Protocol: tcp, DestinationPort: 22, Tags: [{{ Key: table, Value: {table} }}] }} }}
  Found: {{ Type: 'AWS::EC2::NetworkInsightsAnalysis', Properties: {{ NetworkInsightsPathId: !Ref Path }} }}
Outputs:
  Is: {{ Value: !GetAtt Found.NetworkPathFound }}
  Status: {{ Value: !GetAtt Found.Status }}
  Arn: {{ Value: !GetAtt Path.NetworkInsightsPathArn }}
"
        )
    };
    let stack = created(&cloud, &root, "n", &template("One"));
    assert_eq!(output(&stack, "Status"), "succeeded");
    assert_eq!(output(&stack, "Is"), "false", "they are attached to nothing");
    assert!(output(&stack, "Arn").ends_with(&physical(&root, "n", "Path")));
    let gateway = physical(&root, "n", "Igw");
    assert_eq!(physical(&root, "n", "Led"), gateway);
    let led_by = |name: &str| {
        let asked = json!({ "RouteTableIds": [physical(&root, "n", name)] });
        let told = ec2(&root, "DescribeRouteTables", asked);
        items(&told["routeTableSet"][0]["associationSet"])
            .iter()
            .any(|one| one["gatewayId"] == gateway.as_str())
    };
    assert!(led_by("One") && !led_by("Two"));
    let machine = json!({ "InstanceIds": [physical(&root, "n", "Machine")] });
    let told = ec2(&root, "DescribeInstances", machine);
    let first = &told["reservationSet"][0]["instancesSet"][0]["networkInterfaceSet"][0];
    assert_eq!(first["sourceDestCheck"], "false");
    update(&cloud, &root, "n", &template("Two"));
    assert!(led_by("Two") && !led_by("One"));
    delete(&cloud, &root, "n");
}

#[test]
fn experiments_and_settings_of_an_account() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |minutes: u32, state: &str| {
        format!(
            "
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{ Version: '2012-10-17', Statement: [{{ Effect: Allow, Principal: {{ Service: fis.amazonaws.com }}, Action: 'sts:AssumeRole' }}] }}
  Trial:
    Type: AWS::FIS::ExperimentTemplate
    Properties:
      Description: a trial
      RoleArn: !GetAtt Role.Arn
      StopConditions: [{{ Source: none }}]
      Tags: {{ Team: blue }}
      Targets: {{ Machines: {{ ResourceType: 'aws:ec2:instance', ResourceTags: {{ Chaos: 'yes' }}, SelectionMode: COUNT(1), Filters: [{{ Path: State.Name, Values: [running] }}] }} }}
      Actions:
        Stop: {{ ActionId: 'aws:ec2:stop-instances', Parameters: {{ startInstancesAfterDuration: PT{minutes}M }}, Targets: {{ Instances: Machines }} }}
  Closed: {{ Type: 'AWS::EC2::SnapshotBlockPublicAccess', Properties: {{ State: {state} }} }}
  Hidden:
    Type: AWS::Logs::AccountPolicy
    Properties:
      PolicyName: all
      PolicyType: SUBSCRIPTION_FILTER_POLICY
      Scope: ALL
      PolicyDocument: '{}'
Outputs:
  Id: {{ Value: !GetAtt Trial.Id }}
",
            document(&state.replace('-', ""))
        )
    };
    create(&root);
    let_in(&root);
    let stack = created(&cloud, &root, "f", &template(2, "block-all-sharing"));
    let id = physical(&root, "f", "Trial");
    assert_eq!(output(&stack, "Id"), id);
    let shown =
        || root.call("fis", "GetExperimentTemplate", json!({ "id": id })).ok()["experimentTemplate"].clone();
    let of = shown();
    assert_eq!(of["targets"]["Machines"]["resourceTags"], json!({ "Chaos": "yes" }));
    assert_eq!(
        of["targets"]["Machines"]["filters"],
        json!([{ "path": "State.Name", "values": ["running"] }])
    );
    assert_eq!(of["actions"]["Stop"]["targets"], json!({ "Instances": "Machines" }));
    assert_eq!(
        (&of["tags"]["Team"], &of["tags"]["aws:cloudformation:logical-id"]),
        (&json!("blue"), &json!("Trial"))
    );
    let state = || ec2(&root, "GetSnapshotBlockPublicAccessState", json!({}))["state"].clone();
    assert_eq!(state(), "block-all-sharing");
    update(&cloud, &root, "f", &template(5, "block-new-sharing"));
    assert_eq!(shown()["actions"]["Stop"]["parameters"]["startInstancesAfterDuration"], "PT5M");
    assert_eq!(state(), "block-new-sharing");
    let policies = || {
        let asked = json!({ "policyType": "SUBSCRIPTION_FILTER_POLICY" });
        root.call("logs", "DescribeAccountPolicies", asked).ok()["accountPolicies"].clone()
    };
    assert_eq!(policies()[0]["policyDocument"], document("blocknewsharing").as_str());
    assert_eq!(physical(&root, "f", "Hidden"), format!("{ACCOUNT}|SUBSCRIPTION_FILTER_POLICY|all"));
    delete(&cloud, &root, "f");
    assert_eq!((state(), policies()), (json!("unblocked"), json!([])));
    root.call("fis", "GetExperimentTemplate", json!({ "id": id })).refused(404, "ResourceNotFoundException");
}
