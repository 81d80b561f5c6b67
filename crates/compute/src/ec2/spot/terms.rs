//! On which terms a spot machine is wanted: `InstanceMarketOptions`, and the like in RequestSpotInstances.

use super::model::Request;
use super::price::{self, PRODUCT, Pool};
use crate::ec2::kinds::InstanceType;
use crate::ec2::ops::{call, list, text};
use base::Timestamp;
use ec2::{Ec2Error, Plain, zone};
use kernel::Cx;
use wire::Value;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Market {
        pub(crate) kind: Option<String> = "MarketType",
        options: Option<Options> = "SpotOptions",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Options {
        max: Option<String> = "MaxPrice",
        kind: Option<String> = "SpotInstanceType",
        block: Option<i64> = "BlockDurationMinutes",
        until: Option<Timestamp> = "ValidUntil",
        behaviour: Option<String> = "InstanceInterruptionBehavior",
    }
}

/// A price must be more than that.
const PRICE_MIN: i64 = 1000;

/// Terms that have been checked.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) max: Option<i64>,
    pub(crate) persistent: bool,
    pub(crate) stops: bool,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// What requests say that make terms, whatever the operation calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) max: Option<&'a String>,
    pub(crate) kind: Option<&'a String>,
    pub(crate) block: Option<i64>,
    pub(crate) behaviour: Option<&'a String>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl Said<'_> {
    /// # Errors
    /// `InvalidParameterValue` and `InvalidParameterCombination`.
    pub(crate) fn terms(self, now: Timestamp) -> Result<Terms, Ec2Error> {
        if self.block.is_some() {
            return Err(Plain::InvalidParameterValue(
                "BlockDurationMinutes is not a valid parameter.".into(),
            )
            .into());
        }
        let max = self.max.filter(|text| !text.is_empty()).map(|text| amount(text)).transpose()?;
        let persistent = match self.kind.map(String::as_str) {
            None | Some("one-time") => false,
            Some("persistent") => true,
            Some(other) => {
                return Err(Ec2Error::value(
                    other,
                    "spotInstanceType",
                    "Valid values: one-time, persistent.",
                ));
            }
        };
        let stops = match self.behaviour.map(String::as_str) {
            None | Some("terminate") => false,
            Some("stop") if persistent => true,
            Some(behaviour @ ("stop" | "hibernate")) if !persistent => {
                let kind = self.kind.map_or("null", String::as_str);
                let what = format!(
                    "The request with type '{kind}' is not supported when instanceInterruptionBehavior is set to '{behaviour}'."
                );
                return Err(Plain::InvalidParameterCombination(what).into());
            }
            Some(other) => {
                let why = "Valid values: stop, terminate. Hibernation is not built in this version of Virga.";
                return Err(Ec2Error::value(other, "instanceInterruptionBehavior", why));
            }
        };
        if let Some(from) = self.from.filter(|from| *from <= now) {
            return Err(Ec2Error::value(from.iso8601(), "validFrom", "It must be in the future."));
        }
        if let Some(until) = self.until.filter(|until| *until <= self.from.unwrap_or(now)) {
            let why = "It must be in the future, and after validFrom.";
            return Err(Ec2Error::value(until.iso8601(), "validUntil", why));
        }
        Ok(Terms { max, persistent, stops, from: self.from, until: self.until })
    }
}

fn amount(text: &str) -> Result<i64, Ec2Error> {
    let why = "Specify an amount of US dollars that is more than 0.001.";
    price::parse(text)
        .filter(|price| *price > PRICE_MIN)
        .ok_or_else(|| Ec2Error::value(text, "spotPrice", why))
}

impl Market {
    /// The terms of a launch; `None` where it is on demand.
    ///
    /// # Errors
    /// As [`Said::terms`], and for what RunInstances does not take.
    pub(crate) fn terms(&self, now: Timestamp) -> Result<Option<Terms>, Ec2Error> {
        match self.kind.as_deref() {
            Some("spot") => {}
            None | Some("on-demand") if self.options.is_some() => {
                let what = "SpotOptions can be specified with the market type 'spot' only.";
                return Err(Plain::InvalidParameterCombination(what.into()).into());
            }
            None | Some("on-demand") => return Ok(None),
            Some(other) => {
                let why = "This market type is not built in this version of Virga.";
                return Err(Ec2Error::value(other, "marketType", why));
            }
        }
        let none = Options { max: None, kind: None, block: None, until: None, behaviour: None };
        let options = self.options.as_ref().unwrap_or(&none);
        let said = Said {
            max: options.max.as_ref(),
            kind: options.kind.as_ref(),
            block: options.block,
            behaviour: options.behaviour.as_ref(),
            from: None,
            until: options.until,
        };
        let terms = said.terms(now)?;
        // AWS: a launch has persistent requests only where interruptions stop the machine.
        if terms.persistent && !terms.stops {
            let what = "The terminate InstanceInterruptionBehavior is not supported when requestType is set to persistent.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        if terms.until.is_some() && !terms.persistent {
            let what = "ValidUntil is supported for persistent Spot requests only.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        Ok(Some(terms))
    }

    /// What asks for a machine like that of a request.
    pub(crate) fn like(request: &Request) -> Market {
        let options = Options {
            max: request.max.map(price::text),
            kind: Some(if request.persistent { "persistent" } else { "one-time" }.into()),
            block: None,
            until: request.until,
            behaviour: Some(if request.stops { "stop" } else { "terminate" }.into()),
        };
        Market { kind: Some("spot".into()), options: Some(options) }
    }
}

/// The pool of machines of a type in a zone.
pub(crate) fn pool<'a>(cx: &Cx<'_>, kind: &'a InstanceType, zone: &'a str) -> Pool<'a> {
    Pool { seed: cx.cloud().settings().seed.unwrap_or_default(), kind, zone }
}

/// What a pool costs, where that is more than somebody would pay.
pub(crate) fn too_low(cx: &Cx<'_>, kind: &InstanceType, zone: &str, max: Option<i64>) -> Option<String> {
    let price = pool(cx, kind, zone).price(cx.now);
    let max = max.unwrap_or(kind.price);
    let words = |max: i64| {
        format!(
            "Your Spot request price of {} is lower than the minimum required Spot request fulfillment price of {}.",
            short(max),
            short(price)
        )
    };
    (max < price).then(|| words(max))
}

/// `0.0329`
fn short(price: i64) -> String {
    let text = price::text(price);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Where a machine goes that no zone is named for: to the cheapest one that is open and has a default subnet.
///
/// # Errors
/// What the network answers.
pub(crate) fn cheapest(cx: &mut Cx<'_>, kind: &InstanceType) -> Result<Option<String>, Ec2Error> {
    let values = Value::List(vec![Value::str("true")]);
    let filter =
        Value::Struct([("Name", Value::str("default-for-az")), ("Values", values)].into_iter().collect());
    let found = call(cx, "DescribeSubnets", [("Filters", Value::List(vec![filter]))])?;
    let closed = zone::closed(cx)?;
    let zones = list(&found, "Subnets").iter().map(|subnet| text(subnet, "AvailabilityZone"));
    let zones: Vec<String> = zones.filter(|zone| !closed.contains(zone)).collect();
    Ok(zones.into_iter().min_by_key(|zone| (pool(cx, kind, zone).price(cx.now), zone.clone())))
}

/// How prices call what machines here run.
pub(crate) fn product() -> String {
    PRODUCT.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Market, Options, Terms};
    use base::Timestamp;

    const NOW: Timestamp = Timestamp::from_seconds(1000);

    fn none() -> Options {
        Options { max: None, kind: None, block: None, until: None, behaviour: None }
    }

    fn terms(kind: Option<&str>, options: Option<Options>) -> Result<Option<Terms>, (String, String)> {
        let market = Market { kind: kind.map(str::to_owned), options };
        market.terms(NOW).map_err(|error| (error.code().to_owned(), error.message().to_owned()))
    }

    #[test]
    fn terms_are_those_of_the_options() {
        assert_eq!(terms(None, None), Ok(None));
        assert_eq!(terms(Some("on-demand"), None), Ok(None));
        assert_eq!(terms(Some("spot"), None), Ok(Some(Terms::default())));
        let options = Options {
            max: Some("0.02".into()),
            kind: Some("persistent".into()),
            behaviour: Some("stop".into()),
            until: Some(Timestamp::from_seconds(2000)),
            block: None,
        };
        let expected = Terms {
            max: Some(20_000),
            persistent: true,
            stops: true,
            from: None,
            until: Some(Timestamp::from_seconds(2000)),
        };
        assert_eq!(terms(Some("spot"), Some(options)), Ok(Some(expected)));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let text = |text: &str| Some(text.to_owned());
        let later = Some(Timestamp::from_seconds(2000));
        let (value, combination) = ("InvalidParameterValue", "InvalidParameterCombination");
        for (kind, options, code) in [
            ("spot", Options { block: Some(60), ..none() }, value),
            ("spot", Options { max: text("0.001"), ..none() }, value),
            ("spot", Options { max: text("cheap"), ..none() }, value),
            ("spot", Options { kind: text("often"), ..none() }, value),
            ("spot", Options { behaviour: text("stop"), ..none() }, combination),
            ("spot", Options { behaviour: text("hibernate"), ..none() }, combination),
            ("spot", Options { kind: text("persistent"), ..none() }, combination),
            ("spot", Options { kind: text("persistent"), behaviour: text("hibernate"), ..none() }, value),
            ("spot", Options { until: later, ..none() }, combination),
            ("spot", Options { until: Some(NOW), ..none() }, value),
            ("on-demand", none(), combination),
            ("capacity-block", none(), value),
        ] {
            let (found, words) = terms(Some(kind), Some(options.clone())).unwrap_err();
            assert_eq!(found, code, "{options:?} {words}");
        }
    }
}
