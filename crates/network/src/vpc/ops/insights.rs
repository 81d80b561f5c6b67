//! Reachability Analyzer: may a packet get from here to there, by which way, and what stands in it.

use super::{item, one};
use crate::vpc::access::{list, on};
use crate::vpc::analyze;
use crate::vpc::make::arn;
use crate::vpc::model::{ANALYSES, Analysis, Hop, HopRule, PATHS, Path};
use base::Timestamp;
use ec2::describe::{self, Ask, all, get};
use ec2::filter::{Filter, Known};
use ec2::kind::{self, INSIGHTS_ANALYSIS, INSIGHTS_PATH};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::Cx;

kernel::ops! {
    pub(crate) static OPS:
        CreateNetworkInsightsPath: create, "ec2:CreateNetworkInsightsPath", |cx, r| on(cx, r)?.new(&INSIGHTS_PATH).done();
        DeleteNetworkInsightsPath: delete, "ec2:DeleteNetworkInsightsPath", |cx, r| on(cx, r)?.one(&INSIGHTS_PATH, "NetworkInsightsPathId").done();
        DescribeNetworkInsightsPaths: describe, "ec2:DescribeNetworkInsightsPaths", list;
        StartNetworkInsightsAnalysis: start, "ec2:StartNetworkInsightsAnalysis", |cx, r| on(cx, r)?.new(&INSIGHTS_ANALYSIS).one(&INSIGHTS_PATH, "NetworkInsightsPathId").done();
        DeleteNetworkInsightsAnalysis: delete_analysis, "ec2:DeleteNetworkInsightsAnalysis", |cx, r| on(cx, r)?.one(&INSIGHTS_ANALYSIS, "NetworkInsightsAnalysisId").done();
        DescribeNetworkInsightsAnalyses: describe_analyses, "ec2:DescribeNetworkInsightsAnalyses", list;
}

wire::shape! {
    #[derive(Debug)]
    struct Create {
        source_ip: Option<String> = "SourceIp",
        destination_ip: Option<String> = "DestinationIp",
        source: String = "Source",
        destination: Option<String> = "Destination",
        protocol: String = "Protocol",
        port: Option<i64> = "DestinationPort",
        tags: Vec<TagSpecification> = "TagSpecifications",
        token: String = "ClientToken",
    }

    #[derive(Debug)]
    struct Made { path: PathView = "NetworkInsightsPath" }

    #[derive(Debug)]
    struct PathView {
        id: String = "NetworkInsightsPathId",
        arn: String = "NetworkInsightsPathArn",
        created: Timestamp = "CreatedDate",
        source: String = "Source",
        destination: Option<String> = "Destination",
        source_arn: Option<String> = "SourceArn",
        destination_arn: Option<String> = "DestinationArn",
        source_ip: Option<String> = "SourceIp",
        destination_ip: Option<String> = "DestinationIp",
        protocol: String = "Protocol",
        port: Option<i64> = "DestinationPort",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct OnePath { id: String = "NetworkInsightsPathId" }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "NetworkInsightsPathIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Paths {
        paths: Vec<PathView> = "NetworkInsightsPaths",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Start {
        path: String = "NetworkInsightsPathId",
        tags: Vec<TagSpecification> = "TagSpecifications",
        token: String = "ClientToken",
    }

    #[derive(Debug)]
    struct Started { analysis: View = "NetworkInsightsAnalysis" }

    #[derive(Debug)]
    struct View {
        id: String = "NetworkInsightsAnalysisId",
        arn: String = "NetworkInsightsAnalysisArn",
        path: String = "NetworkInsightsPathId",
        started: Timestamp = "StartDate",
        status: String = "Status",
        found: Option<bool> = "NetworkPathFound",
        forward: Vec<ComponentView> = "ForwardPathComponents",
        back: Vec<ComponentView> = "ReturnPathComponents",
        explanations: Vec<Explanation> = "Explanations",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    struct Named {
        id: String = "Id",
        arn: Option<String> = "Arn",
    }

    #[derive(Debug)]
    struct ComponentView {
        number: i64 = "SequenceNumber",
        component: Named = "Component",
        vpc: Option<Named> = "Vpc",
        acl_rule: Option<AclRuleView> = "AclRule",
        route: Option<RouteView> = "RouteTableRoute",
        group_rule: Option<GroupRuleView> = "SecurityGroupRule",
        header: Header = "OutboundHeader",
    }

    #[derive(Debug)]
    struct AclRuleView {
        egress: bool = "Egress",
        action: String = "RuleAction",
        number: i64 = "RuleNumber",
    }

    #[derive(Debug)]
    struct RouteView {
        destination: String = "DestinationCidr",
        egress_gateway: Option<String> = "EgressOnlyInternetGatewayId",
        gateway: Option<String> = "GatewayId",
        nat: Option<String> = "NatGatewayId",
        interface: Option<String> = "NetworkInterfaceId",
        peering: Option<String> = "VpcPeeringConnectionId",
        state: String = "State",
    }

    #[derive(Debug)]
    struct GroupRuleView {
        direction: String = "Direction",
        group: Option<String> = "SecurityGroupId",
    }

    #[derive(Debug)]
    struct Header {
        destinations: Vec<String> = "DestinationAddresses",
        destination_ports: Vec<PortRange> = "DestinationPortRanges",
        protocol: String = "Protocol",
        sources: Vec<String> = "SourceAddresses",
        source_ports: Vec<PortRange> = "SourcePortRanges",
    }

    #[derive(Debug)]
    struct PortRange {
        from: i64 = "From",
        to: i64 = "To",
    }

    #[derive(Debug)]
    struct Explanation {
        code: String = "ExplanationCode",
        direction: Option<String> = "Direction",
        component: Named = "Component",
        vpc: Option<Named> = "Vpc",
        acl: Option<Named> = "Acl",
        acl_rule: Option<AclRuleView> = "AclRule",
        interface: Option<Named> = "NetworkInterface",
        table: Option<Named> = "RouteTable",
        gateway: Option<Named> = "InternetGateway",
        nat: Option<Named> = "NatGateway",
        peering: Option<Named> = "VpcPeeringConnection",
        endpoint: Option<Named> = "VpcEndpoint",
        group: Option<Named> = "SecurityGroup",
    }

    #[derive(Debug)]
    struct OneAnalysis { id: String = "NetworkInsightsAnalysisId" }

    #[derive(Debug)]
    struct DescribeAnalyses {
        ids: Vec<String> = "NetworkInsightsAnalysisIds",
        path: Option<String> = "NetworkInsightsPathId",
        from: Option<Timestamp> = "AnalysisStartTime",
        to: Option<Timestamp> = "AnalysisEndTime",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Analyses {
        analyses: Vec<View> = "NetworkInsightsAnalyses",
        next: Option<String> = "NextToken",
    }
}

item!(PathView, id);
item!(View, id);

fn named(cx: &Cx<'_>, id: &str) -> Named {
    Named { arn: kind::of_id(id).map(|kind| arn(cx, kind.noun, id)), id: id.to_owned() }
}

fn path_view(cx: &Cx<'_>, path: &Path) -> Result<PathView, Ec2Error> {
    let end = |text: &str| named(cx, analyze::id_of(text));
    Ok(PathView {
        id: path.id.clone(),
        arn: arn(cx, INSIGHTS_PATH.noun, &path.id),
        created: path.created,
        source: end(&path.source).id,
        destination: path.destination.as_deref().map(|text| end(text).id),
        source_arn: end(&path.source).arn,
        destination_arn: path.destination.as_deref().and_then(|text| end(text).arn),
        source_ip: path.source_ip.clone(),
        destination_ip: path.destination_ip.clone(),
        protocol: path.protocol.clone(),
        port: path.port,
        tags: tags::view(&register::tags(cx, &path.id)?),
    })
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &INSIGHTS_PATH, &[&INSIGHTS_PATH])?;
    if let Some(id) = token::made(cx, Some(&req.token), &req)? {
        let path = get(cx, &PATHS, &INSIGHTS_PATH, &id)?;
        return Ok(Made { path: path_view(cx, &path)? });
    }
    if req.destination.is_none() && req.destination_ip.is_none() {
        return Err(Plain::MissingParameter("Destination".into()).into());
    }
    // A walk is about one packet, so that it has a port.
    let port = req.port.ok_or_else(|| Plain::MissingParameter("DestinationPort".into()))?;
    for (text, name) in [(&req.source_ip, "sourceIp"), (&req.destination_ip, "destinationIp")] {
        if let Some(text) = text.as_ref().filter(|text| text.parse::<std::net::IpAddr>().is_err()) {
            return Err(Ec2Error::value(text, name, "It is no address."));
        }
    }
    let path = Path {
        id: INSIGHTS_PATH.id(cx.rng()),
        created: cx.now,
        source: req.source.clone(),
        destination: req.destination.clone(),
        source_ip: req.source_ip.clone(),
        destination_ip: req.destination_ip.clone(),
        protocol: req.protocol.clone(),
        port: Some(port),
    };
    analyze::check(cx, &path)?;
    PATHS.put(cx.tx, &register::key(cx.account, cx.region, &path.id), &path);
    register::enter(cx, &INSIGHTS_PATH, &path.id, &tags, &[]);
    token::keep(cx, Some(&req.token), &req, &path.id);
    Ok(Made { path: path_view(cx, &path)? })
}

fn delete(cx: &mut Cx<'_>, req: OnePath) -> Result<OnePath, Ec2Error> {
    let path = get(cx, &PATHS, &INSIGHTS_PATH, &req.id)?;
    if all(cx, &ANALYSES)?.iter().any(|analysis| analysis.path == path.id) {
        let what = format!("The path {} has analyses; delete them first.", path.id);
        return Err(Plain::AnalysisExists(what).into());
    }
    PATHS.delete(cx.tx, &register::key(cx.account, cx.region, &path.id));
    register::strike(cx.tx, cx.account, cx.region, &path.id);
    Ok(OnePath { id: path.id })
}

static PATH_FILTERS: &Known<PathView> = &[
    ("destination", |p| super::maybe(&p.destination)),
    ("filter-at-source.source-address", |p| super::maybe(&p.source_ip)),
    ("filter-at-source.destination-address", |p| super::maybe(&p.destination_ip)),
    ("protocol", |p| one(&p.protocol)),
    ("source", |p| one(&p.source)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Paths, Ec2Error> {
    let found = describe::some(cx, &PATHS, &INSIGHTS_PATH, &req.ids)?;
    let items = found.iter().map(|path| path_view(cx, path)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (paths, next) = describe::page(cx, items, ask, PATH_FILTERS)?;
    Ok(Paths { paths, next })
}

fn start(cx: &mut Cx<'_>, req: Start) -> Result<Started, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &INSIGHTS_ANALYSIS, &[&INSIGHTS_ANALYSIS])?;
    if let Some(id) = token::made(cx, Some(&req.token), &req)? {
        let analysis = get(cx, &ANALYSES, &INSIGHTS_ANALYSIS, &id)?;
        return Ok(Started { analysis: view(cx, &analysis)? });
    }
    let path = get(cx, &PATHS, &INSIGHTS_PATH, &req.path)?;
    let walk = analyze::analyze(cx, &path)?;
    let analysis = Analysis {
        id: INSIGHTS_ANALYSIS.id(cx.rng()),
        path: path.id,
        started: cx.now,
        found: walk.works(),
        forward: analyze::hops(&walk.forward),
        back: walk.back.as_ref().map(analyze::hops).unwrap_or_default(),
        obstacles: analyze::obstacles(&walk),
    };
    ANALYSES.put(cx.tx, &register::key(cx.account, cx.region, &analysis.id), &analysis);
    register::enter(cx, &INSIGHTS_ANALYSIS, &analysis.id, &tags, &[]);
    token::keep(cx, Some(&req.token), &req, &analysis.id);
    let mut started = view(cx, &analysis)?;
    // As AWS tells it: the answer is there when it is asked for.
    (started.status, started.found) = ("running".into(), None);
    (started.forward, started.back, started.explanations) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Started { analysis: started })
}

fn acl_rule(hop: &Hop) -> Option<AclRuleView> {
    let HopRule::Acl(rule) = &hop.rule else { return None };
    let action = if rule.allow { "allow" } else { "deny" };
    // The last entry has this number in answers.
    let number = rule.number.unwrap_or(32767);
    Some(AclRuleView { egress: rule.egress, action: action.into(), number })
}

fn direction(hop: &Hop) -> Option<String> {
    let egress = match &hop.rule {
        HopRule::Group(egress) => *egress,
        HopRule::Acl(rule) => rule.egress,
        _ => return None,
    };
    Some(if egress { "egress" } else { "ingress" }.into())
}

fn route(hop: &Hop) -> Option<RouteView> {
    let HopRule::Route(rule) = &hop.rule else { return None };
    let is = |prefix: &str| rule.target.starts_with(prefix).then(|| rule.target.clone());
    Some(RouteView {
        destination: rule.destination.clone(),
        egress_gateway: is("eigw-"),
        gateway: is("igw-").or_else(|| is("local")).or_else(|| is("vpce-")),
        nat: is("nat-"),
        interface: is("eni-"),
        peering: is("pcx-"),
        state: if rule.target == "blackhole" { "blackhole" } else { "active" }.into(),
    })
}

fn component(cx: &Cx<'_>, at: usize, hop: &Hop) -> ComponentView {
    let ports = |port: Option<i64>| port.map(|port| PortRange { from: port, to: port }).into_iter().collect();
    let group_rule = matches!(hop.rule, HopRule::Group(_)).then(|| GroupRuleView {
        direction: direction(hop).unwrap_or_default(),
        group: kind::SECURITY_GROUP.fits(&hop.component).then(|| hop.component.clone()),
    });
    ComponentView {
        number: i64::try_from(at + 1).unwrap_or(i64::MAX),
        component: named(cx, &hop.component),
        vpc: hop.vpc.as_deref().map(|id| named(cx, id)),
        acl_rule: acl_rule(hop),
        route: route(hop),
        group_rule,
        header: Header {
            destinations: vec![hop.destination.clone()],
            destination_ports: ports(hop.destination_port),
            protocol: hop.protocol.clone(),
            sources: vec![hop.source.clone()],
            source_ports: ports(hop.source_port),
        },
    }
}

fn explanation(cx: &Cx<'_>, hop: &Hop) -> Explanation {
    let of = |kind: &kind::Kind| kind.fits(&hop.component).then(|| named(cx, &hop.component));
    Explanation {
        code: hop.code.clone(),
        direction: direction(hop),
        component: named(cx, &hop.component),
        vpc: hop.vpc.as_deref().map(|id| named(cx, id)),
        acl: of(&kind::NETWORK_ACL),
        acl_rule: acl_rule(hop),
        interface: of(&kind::NETWORK_INTERFACE),
        table: of(&kind::ROUTE_TABLE),
        gateway: of(&kind::INTERNET_GATEWAY),
        nat: of(&kind::NAT_GATEWAY),
        peering: of(&kind::PEERING),
        endpoint: of(&kind::VPC_ENDPOINT),
        group: of(&kind::SECURITY_GROUP),
    }
}

fn view(cx: &Cx<'_>, analysis: &Analysis) -> Result<View, Ec2Error> {
    let components = |hops: &[Hop]| hops.iter().enumerate().map(|(at, hop)| component(cx, at, hop)).collect();
    // Where there is no way, what was passed is none.
    let (forward, back) = match analysis.found {
        true => (components(&analysis.forward), components(&analysis.back)),
        false => (Vec::new(), Vec::new()),
    };
    Ok(View {
        id: analysis.id.clone(),
        arn: arn(cx, INSIGHTS_ANALYSIS.noun, &analysis.id),
        path: analysis.path.clone(),
        started: analysis.started,
        status: "succeeded".into(),
        found: Some(analysis.found),
        forward,
        back,
        explanations: analysis.obstacles.iter().map(|hop| explanation(cx, hop)).collect(),
        tags: tags::view(&register::tags(cx, &analysis.id)?),
    })
}

fn delete_analysis(cx: &mut Cx<'_>, req: OneAnalysis) -> Result<OneAnalysis, Ec2Error> {
    let analysis = get(cx, &ANALYSES, &INSIGHTS_ANALYSIS, &req.id)?;
    ANALYSES.delete(cx.tx, &register::key(cx.account, cx.region, &analysis.id));
    register::strike(cx.tx, cx.account, cx.region, &analysis.id);
    Ok(OneAnalysis { id: analysis.id })
}

static FILTERS: &Known<View> =
    &[("path-found", |a| a.found.iter().map(bool::to_string).collect()), ("status", |a| one(&a.status))];

fn describe_analyses(cx: &mut Cx<'_>, req: DescribeAnalyses) -> Result<Analyses, Ec2Error> {
    let mut found = describe::some(cx, &ANALYSES, &INSIGHTS_ANALYSIS, &req.ids)?;
    found.retain(|analysis| {
        req.path.as_ref().is_none_or(|path| analysis.path == *path)
            && req.from.is_none_or(|from| analysis.started >= from)
            && req.to.is_none_or(|to| analysis.started <= to)
    });
    let items = found.iter().map(|analysis| view(cx, analysis)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (analyses, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Analyses { analyses, next })
}
