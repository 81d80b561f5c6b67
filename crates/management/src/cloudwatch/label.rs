//! Labels that tell of the values beside them (`[max: ${MAX}] ${PROP('Dim.InstanceId')}`). Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html>. Not here: ranges and
//! times (`${MAX_TIME}`), which are refused.

use super::math::Points;
use super::queries::Query;

/// What a label may ask about.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) query: &'a Query,
    /// What the series is called by itself.
    pub(super) own: &'a str,
    pub(super) points: &'a Points,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
}

/// The label with its variables filled in. Of no values there is nothing to tell.
///
/// # Errors
/// A sentence about a variable that is none.
pub(super) fn fill(label: &str, facts: &Facts<'_>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), label);
    while let Some((before, variable)) = rest.split_once("${") {
        let (name, after) = variable.split_once('}').ok_or("a variable in the label is not closed")?;
        out.push_str(before);
        out.push_str(&value(name.trim(), facts)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn value(name: &str, facts: &Facts<'_>) -> Result<String, String> {
    let property = name.strip_prefix("PROP(").and_then(|rest| rest.strip_suffix(')'));
    if let Some(property) = property.map(|name| name.trim().trim_matches(|c| c == '\'' || c == '"')) {
        return self::property(property, facts);
    }
    let values = || facts.points.values().copied();
    let count = facts.points.len();
    let number = match name {
        "LABEL" => return Ok(facts.own.to_owned()),
        "AVG" => (count > 0).then(|| values().sum::<f64>() / count as f64),
        "SUM" => (count > 0).then(|| values().sum()),
        "MIN" => values().reduce(f64::min),
        "MAX" => values().reduce(f64::max),
        "FIRST" => values().next(),
        "LAST" => values().next_back(),
        "DATAPOINT_COUNT" => return Ok(count.to_string()),
        _ => return Err(format!("the variable {name} of the label is not known, or not built")),
    };
    // As many digits as matter beside a graph.
    Ok(number.map(|number| format!("{}", (number * 1_000.0).round() / 1_000.0)).unwrap_or_default())
}

fn property(name: &str, facts: &Facts<'_>) -> Result<String, String> {
    let stat = facts.query.metric.as_ref();
    let of_metric = match (name, stat) {
        ("AccountId", _) => return Ok(facts.account.to_owned()),
        ("Region", _) => return Ok(facts.region.to_owned()),
        (_, None) => None,
        ("MetricName", Some(stat)) => stat.metric.name.clone(),
        ("Namespace", Some(stat)) => stat.metric.namespace.clone(),
        ("Period", Some(stat)) => Some(stat.period.to_string()),
        ("Stat", Some(stat)) => Some(stat.statistic.clone()),
        (name, Some(stat)) => {
            let Some(wanted) = name.strip_prefix("Dim.") else {
                return Err(format!("the property {name} of the label is not known"));
            };
            let mut all = stat.metric.dimensions.iter();
            all.find(|dimension| dimension.name == wanted).map(|dimension| dimension.value.clone())
        }
    };
    Ok(of_metric.unwrap_or_default())
}
