//! Event source mappings: they are made, shown, listed, changed and taken away. What they do is in [`crate::lambda::mapping`].

use super::{page, tag};
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::mapping::settings::{Asked, Destinations, Filtered, Scaling};
use crate::lambda::model::{self, MAPPINGS, Mapping, Phase};
use crate::lambda::name::Named;
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key};
use wire::{Pairs, Value};

kernel::ops! { pub(crate) static OPS:
    CreateEventSourceMapping: create, "lambda:CreateEventSourceMapping", access::new_mapping;
    GetEventSourceMapping: get, "lambda:GetEventSourceMapping", access::mapping;
    ListEventSourceMappings: list, "lambda:ListEventSourceMappings", access::any;
    UpdateEventSourceMapping: update, "lambda:UpdateEventSourceMapping", access::mapping;
    DeleteEventSourceMapping: delete, "lambda:DeleteEventSourceMapping", access::mapping;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateMapping {
        source: Option<String> = "EventSourceArn",
        function: String = "FunctionName",
        enabled: Option<bool> = "Enabled",
        batch: Option<u32> = "BatchSize",
        window: Option<u32> = "MaximumBatchingWindowInSeconds",
        filters: Option<Filtered> = "FilterCriteria",
        scaling: Option<Scaling> = "ScalingConfig",
        responses: Option<Vec<String>> = "FunctionResponseTypes",
        start: Option<String> = "StartingPosition",
        start_at: Option<Timestamp> = "StartingPositionTimestamp",
        parallel: Option<u32> = "ParallelizationFactor",
        destinations: Option<Destinations> = "DestinationConfig",
        age: Option<i64> = "MaximumRecordAgeInSeconds",
        bisects: Option<bool> = "BisectBatchOnFunctionError",
        retries: Option<i64> = "MaximumRetryAttempts",
        tumbling: Option<u32> = "TumblingWindowInSeconds",
        pollers: Option<Value> = "ProvisionedPollerConfig",
        metrics: Option<Value> = "MetricsConfig",
        tags: Pairs<String> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateMapping {
        id: String = "UUID",
        function: Option<String> = "FunctionName",
        enabled: Option<bool> = "Enabled",
        batch: Option<u32> = "BatchSize",
        window: Option<u32> = "MaximumBatchingWindowInSeconds",
        filters: Option<Filtered> = "FilterCriteria",
        scaling: Option<Scaling> = "ScalingConfig",
        responses: Option<Vec<String>> = "FunctionResponseTypes",
        parallel: Option<u32> = "ParallelizationFactor",
        destinations: Option<Destinations> = "DestinationConfig",
        age: Option<i64> = "MaximumRecordAgeInSeconds",
        bisects: Option<bool> = "BisectBatchOnFunctionError",
        retries: Option<i64> = "MaximumRetryAttempts",
        tumbling: Option<u32> = "TumblingWindowInSeconds",
        pollers: Option<Value> = "ProvisionedPollerConfig",
        metrics: Option<Value> = "MetricsConfig",
    }

    #[derive(Debug)]
    pub(crate) struct OneMapping { id: String = "UUID" }

    #[derive(Debug)]
    pub(crate) struct ListMappings {
        source: Option<String> = "EventSourceArn",
        function: Option<String> = "FunctionName",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct Mappings {
        marker: Option<String> = "NextMarker",
        mappings: Vec<MappingView> = "EventSourceMappings",
    }

    #[derive(Debug)]
    pub(crate) struct MappingView {
        id: String = "UUID",
        start: Option<String> = "StartingPosition",
        batch: u32 = "BatchSize",
        window: u32 = "MaximumBatchingWindowInSeconds",
        parallel: Option<u32> = "ParallelizationFactor",
        source: String = "EventSourceArn",
        filters: Option<Filtered> = "FilterCriteria",
        scaling: Option<Scaling> = "ScalingConfig",
        function: String = "FunctionArn",
        modified: Timestamp = "LastModified",
        result: Option<String> = "LastProcessingResult",
        state: String = "State",
        reason: String = "StateTransitionReason",
        destinations: Option<Destinations> = "DestinationConfig",
        age: Option<i64> = "MaximumRecordAgeInSeconds",
        bisects: Option<bool> = "BisectBatchOnFunctionError",
        retries: Option<i64> = "MaximumRetryAttempts",
        tumbling: Option<u32> = "TumblingWindowInSeconds",
        responses: Vec<String> = "FunctionResponseTypes",
        arn: String = "EventSourceMappingArn",
    }
}

fn label(phase: Phase) -> &'static str {
    match phase {
        Phase::Creating => "Creating",
        Phase::Enabling => "Enabling",
        Phase::Enabled => "Enabled",
        Phase::Disabling => "Disabling",
        Phase::Disabled => "Disabled",
        Phase::Updating => "Updating",
        Phase::Deleting => "Deleting",
    }
}

fn view(mapping: &Mapping) -> MappingView {
    let is_stream = !mapping.is_queue();
    let endless = |number: Option<u32>| is_stream.then(|| number.map_or(-1, i64::from));
    MappingView {
        id: mapping.id.clone(),
        start: mapping.start.clone(),
        batch: mapping.batch,
        window: mapping.window,
        parallel: is_stream.then_some(mapping.parallel),
        source: mapping.source.clone(),
        filters: Filtered::of(&mapping.filters),
        scaling: mapping.concurrency.map(|most| Scaling { most: Some(most) }),
        function: mapping.named().qualified_arn(),
        modified: mapping.modified,
        result: mapping.result.clone(),
        state: label(mapping.phase).into(),
        reason: if is_stream { "User action" } else { "USER_INITIATED" }.into(),
        destinations: is_stream.then(|| Destinations::of(mapping.on_failure.as_deref())),
        age: endless(mapping.age),
        bisects: is_stream.then_some(mapping.bisects),
        retries: endless(mapping.retries),
        tumbling: is_stream.then_some(0),
        responses: if mapping.reports { vec!["ReportBatchItemFailures".into()] } else { Vec::new() },
        arn: mapping.arn(),
    }
}

/// The function that is meant: one of this account.
fn function(cx: &Cx<'_>, name: &str) -> Result<Named, LambdaError> {
    let named = Named::read(cx, name, None)?;
    if named.account != cx.account {
        return Err(invalid("The function must be in the account of the event source mapping."));
    }
    model::function(cx.tx, &named)?;
    model::resolve(cx.tx, &named, 0)?;
    Ok(named)
}

/// # Errors
/// `ResourceNotFoundException`
pub(crate) fn found(cx: &Cx<'_>, id: &str) -> Result<Mapping, LambdaError> {
    let key = Key::regional(cx.account, cx.region).str(id);
    let missing = || LambdaError::NotFound("The resource you requested does not exist.".into());
    MAPPINGS.get(cx.tx, &key)?.ok_or_else(missing)
}

/// No other mapping joins the two.
fn check_alone(cx: &Cx<'_>, mapping: &Mapping) -> Result<(), LambdaError> {
    for pair in MAPPINGS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        let other = pair?.1;
        let is_same = other.source == mapping.source
            && (&other.function, &other.qualifier) == (&mapping.function, &mapping.qualifier);
        if is_same && other.id != mapping.id {
            let (source, function, id) = (&other.source, &other.function, &other.id);
            return Err(LambdaError::Conflict(match mapping.is_queue() {
                true => format!(
                    "An event source mapping with SQS arn (\" {source} \") and function (\" {function} \") already exists. Please update or delete the existing mapping with UUID {id}"
                ),
                false => format!(
                    "The event source arn (\" {source} \") and function (\" {function} \") provided mapping already exists. Please update or delete the existing mapping with UUID {id}"
                ),
            }));
        }
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: CreateMapping) -> Result<MappingView, LambdaError> {
    let named = function(cx, &req.function)?;
    let source = req.source.ok_or_else(|| invalid("Unrecognized event source."))?;
    let mut mapping = Mapping {
        id: base::id::uuid(cx.rng()),
        account: cx.account,
        region: cx.region,
        function: named.name,
        qualifier: named.qualifier,
        source,
        phase: Phase::Creating,
        enabled: req.enabled.unwrap_or(true),
        created: cx.now,
        modified: cx.now,
        parallel: 1,
        tags: tag::checked(req.tags)?,
        ..Mapping::default()
    };
    mapping.begin(req.start, req.start_at)?;
    let asked = Asked {
        batch: req.batch,
        window: req.window,
        filters: req.filters,
        scaling: req.scaling,
        responses: req.responses,
        parallel: req.parallel,
        destinations: req.destinations,
        age: req.age,
        bisects: req.bisects,
        retries: req.retries,
        tumbling: req.tumbling,
        pollers: req.pollers,
        metrics: req.metrics,
    };
    mapping.apply(asked)?;
    mapping.check_source(cx)?;
    check_alone(cx, &mapping)?;
    MAPPINGS.put(cx.tx, &mapping.key(), &mapping);
    Ok(view(&mapping))
}

fn get(cx: &mut Cx<'_>, req: OneMapping) -> Result<MappingView, LambdaError> {
    Ok(view(&found(cx, &req.id)?))
}

fn list(cx: &mut Cx<'_>, req: ListMappings) -> Result<Mappings, LambdaError> {
    let wanted = req.function.as_deref().map(|name| function(cx, name)).transpose()?;
    let all = Key::regional(cx.account, cx.region);
    let (mut mappings, mut marker) = (Vec::new(), req.marker);
    let list = format!("ListEventSourceMappings {:?} {:?}", req.source, req.function);
    // A page of what is asked for may lie behind pages of what is not.
    loop {
        let (found, next) = page(cx, &MAPPINGS, &all, &list, (marker.as_deref(), req.most))?;
        for (_, mapping) in found {
            let is_source = req.source.as_ref().is_none_or(|source| *source == mapping.source);
            let is_function = wanted.as_ref().is_none_or(|named| {
                named.name == mapping.function
                    && (named.qualifier.is_none() || named.qualifier == mapping.qualifier)
            });
            if is_source && is_function {
                mappings.push(view(&mapping));
            }
        }
        if next.is_none() || !mappings.is_empty() {
            return Ok(Mappings { marker: next, mappings });
        }
        marker = next;
    }
}

fn update(cx: &mut Cx<'_>, req: UpdateMapping) -> Result<MappingView, LambdaError> {
    let mut mapping = found(cx, &req.id)?;
    if !matches!(mapping.phase, Phase::Enabled | Phase::Disabled) {
        return Err(LambdaError::InUse);
    }
    if let Some(name) = &req.function {
        let named = function(cx, name)?;
        (mapping.function, mapping.qualifier) = (named.name, named.qualifier);
        check_alone(cx, &mapping)?;
    }
    let asked = Asked {
        batch: req.batch,
        window: req.window,
        filters: req.filters,
        scaling: req.scaling,
        responses: req.responses,
        parallel: req.parallel,
        destinations: req.destinations,
        age: req.age,
        bisects: req.bisects,
        retries: req.retries,
        tumbling: req.tumbling,
        pollers: req.pollers,
        metrics: req.metrics,
    };
    mapping.apply(asked)?;
    mapping.check_source(cx)?;
    let enabled = req.enabled.unwrap_or(mapping.enabled);
    mapping.phase = match (mapping.enabled, enabled) {
        (false, true) => Phase::Enabling,
        (true, false) => Phase::Disabling,
        _ => Phase::Updating,
    };
    mapping.enabled = enabled;
    mapping.modified = cx.now;
    mapping.revision += 1;
    MAPPINGS.put(cx.tx, &mapping.key(), &mapping);
    Ok(view(&mapping))
}

fn delete(cx: &mut Cx<'_>, req: OneMapping) -> Result<MappingView, LambdaError> {
    let mut mapping = found(cx, &req.id)?;
    if mapping.phase == Phase::Deleting {
        return Err(LambdaError::InUse);
    }
    mapping.phase = Phase::Deleting;
    mapping.modified = cx.now;
    mapping.revision += 1;
    MAPPINGS.put(cx.tx, &mapping.key(), &mapping);
    Ok(view(&mapping))
}
