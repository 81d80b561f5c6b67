//! Flow logs of VPCs, subnets and interfaces.

use super::item;
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::flows::INTERVALS;
use crate::vpc::flows::deliver::{BUCKETS, NAME};
use crate::vpc::flows::format::{DEFAULT, Format};
use crate::vpc::model::{FLOW_LOGS, FlowLog, Traffic};
use base::{Arn, Timestamp};
use ec2::describe::{self, Ask, all, check_id};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{FLOW_LOG, NETWORK_INTERFACE, SUBNET, VPC};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{As, Call, Cx, Target};
use wire::{Struct, Value};

kernel::ops! {
    pub(crate) static OPS:
        CreateFlowLogs: create, "ec2:CreateFlowLogs", targets;
        DeleteFlowLogs: delete, "ec2:DeleteFlowLogs", |cx, r| on(cx, r)?.many(&FLOW_LOG, "FlowLogIds").done();
        DescribeFlowLogs: describe, "ec2:DescribeFlowLogs", list;
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-flow-logs>
const PER_RESOURCE_MAX: usize = 2;
const GROUPS: &str = "cloud-watch-logs";
const FILES: &str = "s3";
const TEXT: &str = "plain-text";
/// The code of what a destination refuses.
const REFUSED: &str = "400";

wire::shape! {
    #[derive(Debug)]
    struct Create {
        resources: Vec<String> = "ResourceIds",
        kind: String = "ResourceType",
        traffic: Option<String> = "TrafficType",
        to: Option<String> = "LogDestinationType",
        destination: Option<String> = "LogDestination",
        group: Option<String> = "LogGroupName",
        role: Option<String> = "DeliverLogsPermissionArn",
        other_role: Option<String> = "DeliverCrossAccountRole",
        format: Option<String> = "LogFormat",
        interval: Option<i64> = "MaxAggregationInterval",
        options: Option<Options> = "DestinationOptions",
        tags: Vec<TagSpecification> = "TagSpecifications",
        token: Option<String> = "ClientToken",
    }

    #[derive(Clone, Debug)]
    struct Options {
        format: Option<String> = "FileFormat",
        hive: Option<bool> = "HiveCompatiblePartitions",
        by_hour: Option<bool> = "PerHourPartition",
    }

    #[derive(Debug)]
    struct Created {
        ids: Vec<String> = "FlowLogIds",
        token: String = "ClientToken",
        unsuccessful: Vec<Unsuccessful> = "Unsuccessful",
    }

    #[derive(Debug)]
    struct Unsuccessful {
        error: Why = "Error",
        resource: String = "ResourceId",
    }

    #[derive(Clone, Debug)]
    struct Why {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    struct Delete { ids: Vec<String> = "FlowLogIds" }

    #[derive(Debug)]
    struct Deleted { unsuccessful: Vec<Unsuccessful> = "Unsuccessful" }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "FlowLogIds",
        filters: Vec<Filter> = "Filter",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        logs: Vec<View> = "FlowLogs",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        created: Timestamp = "CreationTime",
        trouble: Option<String> = "DeliverLogsErrorMessage",
        role: Option<String> = "DeliverLogsPermissionArn",
        delivery: String = "DeliverLogsStatus",
        id: String = "FlowLogId",
        status: String = "FlowLogStatus",
        group: Option<String> = "LogGroupName",
        resource: String = "ResourceId",
        traffic: String = "TrafficType",
        to: String = "LogDestinationType",
        destination: String = "LogDestination",
        format: String = "LogFormat",
        tags: Vec<Tag> = "Tags",
        interval: i64 = "MaxAggregationInterval",
        options: Option<Options> = "DestinationOptions",
    }
}

item!(View, id);

fn targets(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, wire::Fault> {
    let kind = match request.str("ResourceType") {
        Some("Subnet") => &SUBNET,
        Some("NetworkInterface") => &NETWORK_INTERFACE,
        _ => &VPC,
    };
    let passed = |role: &str| Target::on(role).doing("iam:PassRole").key("iam:PassedToService", NAME);
    let role = request.str("DeliverLogsPermissionArn").map(passed);
    let files = (request.str("LogDestinationType") == Some(FILES))
        .then(|| Target::any().doing("logs:CreateLogDelivery"));
    let access = on(cx, request)?.new(&FLOW_LOG).many(kind, "ResourceIds");
    access.target_if(role).target_if(files).done()
}

fn invalid(what: impl Into<String>) -> Ec2Error {
    Plain::InvalidParameter(what.into()).into()
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &FLOW_LOG, &[&FLOW_LOG])?;
    // AWS: an answer names a token also where the request had none.
    let token = req.token.clone().unwrap_or_else(|| base::id::uuid(cx.rng()));
    let done = |ids: String, unsuccessful| Created {
        ids: ids.split_terminator(',').map(str::to_owned).collect(),
        token,
        unsuccessful,
    };
    if let Some(ids) = token::made(cx, req.token.as_ref(), &req)? {
        return Ok(done(ids, Vec::new()));
    }
    let plan = plan(cx, &req)?;
    for id in &req.resources {
        match req.kind.as_str() {
            "VPC" => drop(find::vpc(cx, id)?),
            "Subnet" => drop(find::subnet(cx, id)?),
            _ => drop(find::interface(cx, id)?),
        }
    }
    let there = all(cx, &FLOW_LOGS)?;
    for id in &req.resources {
        let own: Vec<&FlowLog> = there.iter().filter(|log| log.resource == *id).collect();
        let same = |log: &&&FlowLog| (&log.destination, log.traffic) == (&plan.destination, plan.traffic);
        if own.iter().any(|log| same(&log)) {
            return Err(Plain::FlowLogAlreadyExists.into());
        }
        if own.len() >= PER_RESOURCE_MAX {
            return Err(Limit::FlowLog.into());
        }
    }
    if plan.is_to_bucket()
        && let Some(message) = closed(cx, &plan)
    {
        let refused = |id: &String| Unsuccessful {
            error: Why { code: REFUSED.into(), message: message.clone() },
            resource: id.clone(),
        };
        return Ok(done(String::new(), req.resources.iter().map(refused).collect()));
    }
    let mut ids = Vec::new();
    for resource in &req.resources {
        let log = FlowLog { id: FLOW_LOG.id(cx.rng()), resource: resource.clone(), ..plan.clone() };
        FLOW_LOGS.put(cx.tx, &register::key(cx.account, cx.region, &log.id), &log);
        register::enter(cx, &FLOW_LOG, &log.id, &tags, &[]);
        ids.push(log.id);
    }
    let ids = ids.join(",");
    token::keep(cx, req.token.as_ref(), &req, &ids);
    Ok(done(ids, Vec::new()))
}

/// What the request asks for, but for whose it is.
fn plan(cx: &Cx<'_>, req: &Create) -> Result<FlowLog, Ec2Error> {
    if !matches!(req.kind.as_str(), "VPC" | "Subnet" | "NetworkInterface") {
        return Err(Plain::Unsupported(format!("There are no flow logs of {} here.", req.kind)).into());
    }
    let traffic = req.traffic.as_deref().ok_or_else(|| Plain::MissingParameter("TrafficType".into()))?;
    let traffic = Traffic::parse(traffic).ok_or_else(|| invalid("Invalid TrafficType."))?;
    let interval = req.interval.unwrap_or_else(|| INTERVALS[0].into());
    let interval = u32::try_from(interval).ok().filter(|interval| INTERVALS.contains(interval));
    let interval = interval.ok_or_else(|| invalid("Invalid Flow Log Max Aggregation Interval"))?;
    let format = req.format.clone().unwrap_or_else(|| DEFAULT.to_owned());
    match Format::parse(&format) {
        Err(field) => return Err(invalid(format!("LogFormat: {field} is no field that can be recorded."))),
        Ok(parsed) if parsed.is_empty() => return Err(invalid("LogFormat must have at least one field.")),
        Ok(_) => {}
    }
    if req.other_role.is_some() {
        return Err(
            Plain::Unsupported("DeliverCrossAccountRole is for Firehose, which is not here.".into()).into()
        );
    }
    let plan = FlowLog { traffic, interval, format, created: cx.now, ..FlowLog::default() };
    match req.to.as_deref().unwrap_or(GROUPS) {
        GROUPS => to_group(cx, req, plan),
        FILES => to_bucket(req, plan),
        other => Err(Plain::Unsupported(format!("The log destination type {other} is not here.")).into()),
    }
}

fn to_group(cx: &Cx<'_>, req: &Create, plan: FlowLog) -> Result<FlowLog, Ec2Error> {
    if req.options.is_some() {
        return Err(invalid("DestinationOptions can only be specified if LogDestinationType is s3."));
    }
    let group = match (&req.group, &req.destination) {
        (Some(_), Some(_)) => {
            return Err(invalid(BOTH));
        }
        (None, None) => {
            return Err(invalid("LogDestination can't be empty if LogGroupName is not provided."));
        }
        (Some(name), None) => name.clone(),
        (None, Some(text)) => {
            let arn = Arn::parse(text).filter(|arn| {
                (arn.service.as_str(), arn.region.as_str(), arn.account.as_str())
                    == ("logs", cx.region.name(), cx.account.as_str())
            });
            let name = arn.and_then(|arn| {
                let name = arn.resource.strip_prefix("log-group:")?;
                Some(name.strip_suffix(":*").unwrap_or(name).to_owned())
            });
            name.filter(|name| !name.is_empty()).ok_or_else(|| invalid("Invalid LogDestination."))?
        }
    };
    let role = req.role.clone().filter(|role| !role.is_empty()).ok_or_else(|| {
        invalid("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.")
    })?;
    let destination = cx.arn("logs", &format!("log-group:{group}")).to_string();
    Ok(FlowLog { destination, group, role, ..plan })
}

/// What is said of a request that names its destination in both ways.
const BOTH: &str = "Please only provide LogGroupName or only provide LogDestination.";

fn to_bucket(req: &Create, plan: FlowLog) -> Result<FlowLog, Ec2Error> {
    if req.group.is_some() {
        return Err(invalid(match &req.destination {
            Some(_) => BOTH,
            None => "LogDestination type must be cloud-watch-logs if LogGroupName is provided.",
        }));
    }
    if req.role.is_some() {
        return Err(invalid("DeliverLogsPermissionArn is not applicable for s3 delivery"));
    }
    let Some(destination) = req.destination.clone() else {
        return Err(invalid("LogDestination can't be empty if LogGroupName is not provided."));
    };
    let (hive, by_hour) = match &req.options {
        None => (false, false),
        Some(options) => {
            if options.format.as_deref().is_some_and(|format| format != TEXT) {
                return Err(Plain::Unsupported("Files are written as plain-text only.".into()).into());
            }
            (options.hive.unwrap_or(false), options.by_hour.unwrap_or(false))
        }
    };
    let log = FlowLog { destination, hive, by_hour, ..plan };
    let (bucket, folder) = log.bucket();
    // The folder of all logs is theirs alone.
    if bucket.is_empty() || folder.starts_with("AWSLogs/") {
        return Err(invalid("Invalid LogDestination."));
    }
    Ok(log)
}

/// Why the bucket does not take logs, if it does not. One that has no policy is given one, if the caller may.
fn closed(cx: &mut Cx<'_>, plan: &FlowLog) -> Option<String> {
    let (bucket, folder) = plan.bucket();
    let named = || [("Bucket", Value::str(bucket))];
    let source = format!("arn:aws:logs:{}:{}:*", cx.region.name(), cx.account);
    let account = cx.account;
    let open = |cx: &mut Cx<'_>| {
        let value = Value::Struct(named().into_iter().collect());
        let call = Call { service: "s3", operation: "GetBucketAcl", value };
        cx.call_for(&source, call, BUCKETS, account).map(drop).map_err(|fault| fault.code)
    };
    match open(cx) {
        Ok(()) => return None,
        Err(code) if code == "NoSuchBucket" => {
            return Some(format!("LogDestination: {bucket} does not exist"));
        }
        Err(_) => {}
    }
    let has_none = cx
        .call("s3", "GetBucketPolicy", Value::Struct(named().into_iter().collect()), As::Caller)
        .is_err_and(|fault| fault.code == "NoSuchBucketPolicy");
    if has_none {
        let policy = Value::Str(policy(bucket, &folder, account.as_str(), &source));
        let input = named().into_iter().chain([("Policy", policy)]).collect();
        let put = cx.call("s3", "PutBucketPolicy", Value::Struct(input), As::Caller);
        if put.is_ok() && open(cx).is_ok() {
            return None;
        }
    }
    Some(format!("Access Denied for LogDestination: {bucket}. Please check LogDestination permission"))
}

/// What AWS attaches to the bucket of who owns it.
fn policy(bucket: &str, folder: &str, account: &str, source: &str) -> String {
    let condition = format!(
        r#""StringEquals":{{"aws:SourceAccount":"{account}"{{acl}}}},"ArnLike":{{"aws:SourceArn":"{source}"}}"#
    );
    let statement = |sid: &str, action: &str, resource: &str, acl: &str| {
        format!(
            r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{{"Service":"{BUCKETS}"}},"Action":"s3:{action}","Resource":"arn:aws:s3:::{resource}","Condition":{{{}}}}}"#,
            condition.replace("{acl}", acl)
        )
    };
    let full = r#","s3:x-amz-acl":"bucket-owner-full-control""#;
    let objects = format!("{bucket}/{folder}AWSLogs/{account}/*");
    let write = statement("AWSLogDeliveryWrite", "PutObject", &objects, full);
    let check = statement("AWSLogDeliveryAclCheck", "GetBucketAcl", bucket, "");
    format!(r#"{{"Version":"2012-10-17","Statement":[{write},{check}]}}"#)
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Deleted, Ec2Error> {
    found(cx, &req.ids)?;
    for id in &req.ids {
        FLOW_LOGS.delete(cx.tx, &register::key(cx.account, cx.region, id));
        register::strike(cx.tx, cx.account, cx.region, id);
    }
    Ok(Deleted { unsuccessful: Vec::new() })
}

/// The flow logs with these ids; all of them where there is none.
fn found(cx: &Cx<'_>, ids: &[String]) -> Result<Vec<FlowLog>, Ec2Error> {
    ids.iter().try_for_each(|id| check_id(&FLOW_LOG, id))?;
    let there = all(cx, &FLOW_LOGS)?;
    let missing: Vec<&str> =
        ids.iter().filter(|id| there.iter().all(|log| log.id != **id)).map(String::as_str).collect();
    if !missing.is_empty() {
        return Err(Plain::FlowLogsNotFound(missing.len(), missing.join(", ")).into());
    }
    Ok(there.into_iter().filter(|log| ids.is_empty() || ids.contains(&log.id)).collect())
}

static FILTERS: &Known<View> = &[
    ("deliver-log-status", |v| super::one(&v.delivery)),
    ("flow-log-id", |v| super::one(&v.id)),
    ("log-destination-type", |v| super::one(&v.to)),
    ("log-group-name", |v| super::maybe(&v.group)),
    ("resource-id", |v| super::one(&v.resource)),
    ("traffic-type", |v| super::one(&v.traffic)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    let items = found(cx, &req.ids)?.into_iter().map(|log| view(cx, log)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (logs, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Described { logs, next })
}

fn view(cx: &Cx<'_>, log: FlowLog) -> Result<View, Ec2Error> {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    let to_bucket = log.is_to_bucket();
    let options = Options { format: Some(TEXT.into()), hive: Some(log.hive), by_hour: Some(log.by_hour) };
    Ok(View {
        created: log.created,
        delivery: if log.trouble.is_empty() { "SUCCESS" } else { "FAILED" }.into(),
        trouble: filled(log.trouble),
        role: filled(log.role),
        tags: tags::view(&register::tags(cx, &log.id)?),
        id: log.id,
        status: "ACTIVE".into(),
        group: filled(log.group),
        resource: log.resource,
        traffic: log.traffic.word().into(),
        to: if to_bucket { FILES } else { GROUPS }.into(),
        destination: log.destination,
        format: log.format,
        interval: log.interval.into(),
        options: to_bucket.then_some(options),
    })
}
