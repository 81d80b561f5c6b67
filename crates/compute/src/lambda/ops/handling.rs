//! How events are handled: how often and for how long they are tried, and who is told what became of them.

use super::page;
use crate::lambda::access;
use crate::lambda::destination;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{self, HANDLING, Handling};
use crate::lambda::name::{LATEST, Named};
use base::Timestamp;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    PutFunctionEventInvokeConfig: put, "lambda:PutFunctionEventInvokeConfig", access::function;
    UpdateFunctionEventInvokeConfig: update, "lambda:UpdateFunctionEventInvokeConfig", access::function;
    GetFunctionEventInvokeConfig: get, "lambda:GetFunctionEventInvokeConfig", access::function;
    DeleteFunctionEventInvokeConfig: delete, "lambda:DeleteFunctionEventInvokeConfig", access::function;
    ListFunctionEventInvokeConfigs: list, "lambda:ListFunctionEventInvokeConfigs", access::function;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Place { arn: Option<String> = "Destination" }

    #[derive(Clone, Debug)]
    pub(crate) struct Destinations {
        on_success: Option<Place> = "OnSuccess",
        on_failure: Option<Place> = "OnFailure",
    }

    #[derive(Debug)]
    pub(crate) struct PutHandling {
        name: String = "FunctionName",
        qualifier: Option<String> = "Qualifier",
        retries: Option<u32> = "MaximumRetryAttempts",
        age: Option<u32> = "MaximumEventAgeInSeconds",
        destinations: Option<Destinations> = "DestinationConfig",
    }

    #[derive(Debug)]
    pub(crate) struct OneHandling {
        name: String = "FunctionName",
        qualifier: Option<String> = "Qualifier",
    }

    #[derive(Debug)]
    pub(crate) struct ListHandling {
        name: String = "FunctionName",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct HandlingView {
        modified: Timestamp = "LastModified",
        arn: String = "FunctionArn",
        retries: Option<u32> = "MaximumRetryAttempts",
        age: Option<u32> = "MaximumEventAgeInSeconds",
        destinations: Destinations = "DestinationConfig",
    }

    #[derive(Debug)]
    pub(crate) struct Handlings {
        all: Vec<HandlingView> = "FunctionEventInvokeConfigs",
        marker: Option<String> = "NextMarker",
    }
}

fn view(named: &Named, label: &str, handling: Handling) -> HandlingView {
    HandlingView {
        modified: handling.modified,
        arn: format!("{}:{label}", named.arn()),
        retries: handling.retries,
        age: handling.age,
        destinations: Destinations {
            on_success: Some(Place { arn: handling.on_success }),
            on_failure: Some(Place { arn: handling.on_failure }),
        },
    }
}

/// What is named, which must be there, and how it is labelled here.
fn meant(cx: &Cx<'_>, name: &str, qualifier: Option<&str>) -> Result<(Named, String), LambdaError> {
    let named = Named::read(cx, name, qualifier)?;
    model::function(cx.tx, &named)?;
    model::resolve(cx.tx, &named, 0)?;
    let label = named.qualifier.clone().unwrap_or_else(|| LATEST.to_owned());
    Ok((named, label))
}

fn known(cx: &Cx<'_>, named: &Named, label: &str) -> Result<Handling, LambdaError> {
    let missing = || {
        let arn = named.arn();
        LambdaError::NotFound(format!("The function {arn}:{label} doesn't have an EventInvokeConfig"))
    };
    HANDLING.get(cx.tx, &named.key().str(label))?.ok_or_else(missing)
}

/// A destination that was named, which the function's role must be let tell; an empty one is none.
fn told(cx: &mut Cx<'_>, named: &Named, place: Place) -> Result<Option<String>, LambdaError> {
    let Some(arn) = place.arn.filter(|arn| !arn.is_empty()) else { return Ok(None) };
    let Some(action) = destination::action(&arn) else {
        if arn.starts_with("arn:aws:s3:") {
            return Err(LambdaError::NotBuilt("A bucket as a destination".into()));
        }
        return Err(invalid(format!("The provided destination ARN is invalid: {arn}")));
    };
    if arn == named.arn() || arn.starts_with(&format!("{}:", named.arn())) {
        return Err(invalid("You can't specify the function as a destination for itself."));
    }
    let version = model::resolve(cx.tx, named, 0)?;
    let may = destination::may_tell(cx, (named.account, named.region), &version.role, (&arn, action))?;
    if may {
        return Ok(Some(arn));
    }
    let operation = action.split_once(':').map_or(action, |(_, operation)| operation);
    Err(invalid(format!(
        "The function's execution role does not have permissions to call {operation} on {arn}"
    )))
}

fn apply(cx: &mut Cx<'_>, req: PutHandling, base: Option<Handling>) -> Result<HandlingView, LambdaError> {
    let (named, label) = meant(cx, &req.name, req.qualifier.as_deref())?;
    if req.retries.is_none() && req.age.is_none() && req.destinations.is_none() {
        return Err(invalid("You must specify at least one of error handling or destination setting."));
    }
    let mut handling = base.unwrap_or_default();
    handling.retries = req.retries.or(handling.retries);
    handling.age = req.age.or(handling.age);
    if let Some(destinations) = req.destinations {
        if let Some(place) = destinations.on_success {
            handling.on_success = told(cx, &named, place)?;
        }
        if let Some(place) = destinations.on_failure {
            handling.on_failure = told(cx, &named, place)?;
        }
    }
    handling.modified = cx.now;
    HANDLING.put(cx.tx, &named.key().str(&label), &handling);
    Ok(view(&named, &label, handling))
}

fn put(cx: &mut Cx<'_>, req: PutHandling) -> Result<HandlingView, LambdaError> {
    apply(cx, req, None)
}

fn update(cx: &mut Cx<'_>, req: PutHandling) -> Result<HandlingView, LambdaError> {
    let (named, label) = meant(cx, &req.name, req.qualifier.as_deref())?;
    let before = known(cx, &named, &label)?;
    apply(cx, req, Some(before))
}

fn get(cx: &mut Cx<'_>, req: OneHandling) -> Result<HandlingView, LambdaError> {
    let (named, label) = meant(cx, &req.name, req.qualifier.as_deref())?;
    let handling = known(cx, &named, &label)?;
    Ok(view(&named, &label, handling))
}

fn delete(cx: &mut Cx<'_>, req: OneHandling) -> Result<Empty, LambdaError> {
    let (named, label) = meant(cx, &req.name, req.qualifier.as_deref())?;
    known(cx, &named, &label)?;
    HANDLING.delete(cx.tx, &named.key().str(&label));
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListHandling) -> Result<Handlings, LambdaError> {
    let (named, _) = meant(cx, &req.name, None)?;
    let list = format!("ListFunctionEventInvokeConfigs {}", named.name);
    let (found, marker) = page(cx, &HANDLING, &named.key(), &list, (req.marker.as_deref(), req.most))?;
    let labelled = |(key, handling): (store::Key, Handling)| {
        let mut reader = key.reader();
        let label = reader.regional().and_then(|_| reader.str()).and_then(|_| reader.str());
        view(&named, &label.unwrap_or_default(), handling)
    };
    Ok(Handlings { all: found.into_iter().map(labelled).collect(), marker })
}
