//! Reachability Analyzer: what is to be found out of a network, and what was.

use super::on::{On, at, map, text_at};
use super::vpc::{EC2, TAGGER, retagged};
use super::{Attributes, BASE, Done, Kind, Refusal, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[PATH, ANALYSIS];

pub(super) const PATH: Kind = Kind {
    name: "AWS::EC2::NetworkInsightsPath",
    changes: &["Tags"],
    fixed: &["Destination", "DestinationIp", "DestinationPort", "Protocol", "Source", "SourceIp"],
    attributes: &[
        "CreatedDate",
        "DestinationArn",
        "NetworkInsightsPathArn",
        "NetworkInsightsPathId",
        "SourceArn",
    ],
    create: |on| {
        let input = map([
            ("ClientToken", Value::Str(on.generated(64))),
            ("Destination", on.prop("Destination")),
            ("DestinationIp", on.prop("DestinationIp")),
            ("DestinationPort", on.prop("DestinationPort")),
            ("Protocol", on.prop("Protocol")),
            ("Source", on.prop("Source")),
            ("SourceIp", on.prop("SourceIp")),
            ("TagSpecifications", on.tag_specification("network-insights-path")),
        ]);
        let made = on.call(EC2, "CreateNetworkInsightsPath", input)?;
        let path = at(&made, "NetworkInsightsPath").cloned().unwrap_or(Value::Null);
        Ok(on.made(text_at(&path, "NetworkInsightsPathId"), told(&path, PATH.attributes)))
    },
    update: retagged,
    delete: |on| on.end(EC2, "DeleteNetworkInsightsPath", map([("NetworkInsightsPathId", on.physical())])),
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::beside::PATH),
    ..BASE
};

pub(super) const ANALYSIS: Kind = Kind {
    name: "AWS::EC2::NetworkInsightsAnalysis",
    changes: &["Tags"],
    fixed: &["NetworkInsightsPathId"],
    attributes: &[
        "NetworkInsightsAnalysisArn",
        "NetworkInsightsAnalysisId",
        "NetworkPathFound",
        "StartDate",
        "Status",
    ],
    create: |on| {
        let input = map([
            ("ClientToken", Value::Str(on.generated(64))),
            ("NetworkInsightsPathId", on.prop("NetworkInsightsPathId")),
            ("TagSpecifications", on.tag_specification("network-insights-analysis")),
        ]);
        let made = on.call(EC2, "StartNetworkInsightsAnalysis", input)?;
        Ok(on.made(text_at(&made, "NetworkInsightsAnalysis.NetworkInsightsAnalysisId"), Vec::new()))
    },
    update: retagged,
    delete: |on| {
        on.end(EC2, "DeleteNetworkInsightsAnalysis", map([("NetworkInsightsAnalysisId", on.physical())]))
    },
    ready: |on| {
        let seen = analysis(on)?;
        match text_at(&seen, "Status").as_str() {
            "running" => Ok(None),
            "failed" => Err(Refusal::of(format!("The analysis {} has failed.", on.physical))),
            _ => Ok(Some(told(&seen, ANALYSIS.attributes))),
        }
    },
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::beside::ANALYSIS),
    ..BASE
};

fn told(answer: &Value, attributes: &[&'static str]) -> Attributes {
    attributes.iter().map(|name| (*name, Value::Str(text_at(answer, name)))).collect()
}

fn analysis(on: &mut On<'_, '_>) -> Done<Value> {
    let ids = Value::List(vec![on.physical()]);
    let told = on.call(EC2, "DescribeNetworkInsightsAnalyses", map([("NetworkInsightsAnalysisIds", ids)]))?;
    Ok(at(&told, "NetworkInsightsAnalyses.0").cloned().unwrap_or(Value::Null))
}
