//! Export tasks: created, listed, cancelled. [`crate::logs::exporting`] is what runs them.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateExportTask.html>

use super::named;
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::exporting::{self, as_service, object};
use crate::logs::model::event::millis;
use crate::logs::model::export::{EXPORTS, Export};
use bytes::Bytes;
use kernel::{Answer, Body, Call, Cx, Dx, Empty};
use store::{Direction, Key};
use wire::Fault;

kernel::ops! { pub(crate) static OPS:
    CreateExportTask: [wait] create, "logs:CreateExportTask", access::group;
    DescribeExportTasks: describe, "logs:DescribeExportTasks", kernel::access::any;
    CancelExportTask: cancel, "logs:CancelExportTask", kernel::access::any;
}

const PREFIX: &str = "exportedlogs";
/// AWS: an object that shows that the bucket can be written.
const TEST: &str = "aws-logs-write-test";
const TEST_BODY: &[u8] = b"Permission Check Successful";
const PAGE_MAX: i64 = 50;
/// AWS: a key has so many bytes.
const KEY_MAX: usize = 512;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CreateExportTask {
        name: Option<String> = "taskName",
        group: String = "logGroupName",
        streams: Option<String> = "logStreamNamePrefix",
        since: i64 = "from",
        until: i64 = "to",
        bucket: String = "destination",
        prefix: Option<String> = "destinationPrefix",
    }

    #[derive(Debug)]
    pub(crate) struct Created { id: String = "taskId" }

    #[derive(Debug)]
    pub(crate) struct DescribeExportTasks {
        id: Option<String> = "taskId",
        code: Option<String> = "statusCode",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct Tasks {
        tasks: Vec<Task> = "exportTasks",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Task {
        id: String = "taskId",
        name: Option<String> = "taskName",
        group: String = "logGroupName",
        since: i64 = "from",
        until: i64 = "to",
        bucket: String = "destination",
        prefix: String = "destinationPrefix",
        status: Status = "status",
        info: Info = "executionInfo",
    }

    #[derive(Debug)]
    pub(crate) struct Status {
        code: String = "code",
        message: Option<String> = "message",
    }

    #[derive(Debug)]
    pub(crate) struct Info {
        created: i64 = "creationTime",
        ended: Option<i64> = "completionTime",
    }

    #[derive(Debug)]
    pub(crate) struct OneTask { id: String = "taskId" }
}

/// A task that may begin, as far as it can be told without writing anything.
fn begin(cx: &mut Cx<'_>, req: CreateExportTask) -> Result<Export, LogsError> {
    named(cx, &req.group)?;
    if req.since > req.until {
        return Err(invalid("The 'from' time must not be later than the 'to' time."));
    }
    let prefix = req.prefix.filter(|prefix| !prefix.is_empty()).unwrap_or_else(|| PREFIX.to_owned());
    if prefix.len() > KEY_MAX {
        return Err(invalid(format!("The destinationPrefix must have at most {KEY_MAX} bytes.")));
    }
    check_alone(cx)?;
    let export = Export {
        account: cx.account,
        region: cx.region,
        id: base::id::uuid(cx.rng()),
        name: req.name,
        group: req.group,
        streams: req.streams,
        since: req.since,
        until: req.until,
        bucket: req.bucket,
        prefix: prefix.trim_end_matches('/').to_owned(),
        code: "PENDING".to_owned(),
        message: None,
        created: cx.now,
        ended: None,
    };
    exporting::look(cx, &export).map_err(|_| refused("GetBucketAcl"))?;
    Ok(export)
}

/// As AWS says it of each call that the bucket does not let through.
fn refused(operation: &str) -> LogsError {
    invalid(format!(
        "{operation} call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation."
    ))
}

/// AWS: an account has one task at a time.
fn check_alone(cx: &Cx<'_>) -> Result<(), LogsError> {
    for pair in EXPORTS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        if pair?.1.is_active() {
            return Err(LogsError::Limit("Resource limit exceeded.".into()));
        }
    }
    Ok(())
}

async fn create(dx: Dx, req: CreateExportTask, _: Body) -> Result<Answer<Created>, Fault> {
    let export = dx.transact(|cx| begin(cx, req.clone())).await?;
    let key = format!("{}/{TEST}", export.prefix);
    let bytes = Bytes::from_static(TEST_BODY);
    // AWS: with credentials that may write there; and then as the service, which will.
    let call = Call { service: "s3", operation: "PutObject", value: object(&export, &key) };
    let own = dx.call("logs.amazonaws.com", call, Body::of(bytes.clone(), None)).await;
    own.map_err(|_| refused("PutObject"))?;
    let tried = as_service(dx.cloud(), &export, "PutObject", object(&export, &key), bytes).await;
    tried.map_err(|_| refused("PutObject"))?;
    let id = export.id.clone();
    dx.transact(|cx| {
        check_alone(cx)?;
        export.save(cx.tx);
        Ok::<_, LogsError>(())
    })
    .await?;
    Ok(Answer::from(Created { id }))
}

fn describe(cx: &mut Cx<'_>, req: DescribeExportTasks) -> Result<Tasks, LogsError> {
    let all = Key::regional(cx.account, cx.region);
    let list =
        format!("logs:DescribeExportTasks {} {} {:?} {:?}", cx.account, cx.region.name(), req.id, req.code);
    let is = |text: &str, wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == text);
    let wanted = |export: &Export| is(&export.id, &req.id) && is(&export.code, &req.code);
    let limit = req.limit.unwrap_or(PAGE_MAX) as usize;
    let (found, token) = cx.list(&EXPORTS, &all, &list, req.token.as_deref(), limit, wanted)?;
    let task = |export: Export| Task {
        id: export.id,
        name: export.name,
        group: export.group,
        since: export.since,
        until: export.until,
        bucket: export.bucket,
        prefix: export.prefix,
        status: Status { code: export.code, message: export.message },
        info: Info { created: millis(export.created), ended: export.ended.map(millis) },
    };
    Ok(Tasks { tasks: found.into_iter().map(task).collect(), token })
}

fn cancel(cx: &mut Cx<'_>, req: OneTask) -> Result<Empty, LogsError> {
    let found = EXPORTS.get(cx.tx, &Export::key(cx.account, cx.region, &req.id))?;
    let mut export = found.ok_or(LogsError::NoExport)?;
    if !export.is_active() {
        return Err(LogsError::ExportOver);
    }
    "PENDING_CANCEL".clone_into(&mut export.code);
    export.save(cx.tx);
    Ok(Empty)
}
