//! Kinesis data streams as destinations of a table's changes. There is no Kinesis in this cloud, so no table has any: what
//! is told and refused here is what AWS tells and refuses of a table without destinations.

use crate::dynamodb::access;
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::model::schema;
use kernel::Cx;
use kernel::op::Empty;

kernel::ops! { pub(crate) static OPS:
    DescribeKinesisStreamingDestination: describe, "dynamodb:DescribeKinesisStreamingDestination", access::on_table;
    EnableKinesisStreamingDestination: enable, "dynamodb:EnableKinesisStreamingDestination", access::on_table;
    DisableKinesisStreamingDestination: disable, "dynamodb:DisableKinesisStreamingDestination", access::on_table;
    UpdateKinesisStreamingDestination: update, "dynamodb:UpdateKinesisStreamingDestination", access::on_table;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Describe { table: String = "TableName" }

    #[derive(Clone, Debug)]
    pub(crate) struct Configuration { precision: Option<String> = "ApproximateCreationDateTimePrecision" }

    #[derive(Clone, Debug)]
    pub(crate) struct Switch {
        table: String = "TableName",
        stream: String = "StreamArn",
        configuration: Option<Configuration> = "EnableKinesisStreamingConfiguration",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Update {
        table: String = "TableName",
        stream: String = "StreamArn",
        configuration: Option<Configuration> = "UpdateKinesisStreamingConfiguration",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Destination {
        stream: String = "StreamArn",
        status: String = "DestinationStatus",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described {
        table: String = "TableName",
        destinations: Vec<Destination> = "KinesisDataStreamDestinations",
    }
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Error> {
    let schema = schema::existing(cx, &req.table)?;
    Ok(Described { table: schema.record.name.clone(), destinations: Vec::new() })
}

fn enable(cx: &mut Cx<'_>, req: Switch) -> Result<Empty, Error> {
    schema::existing(cx, &req.table)?;
    Err(Refusal::NotBuilt("A Kinesis data stream as the destination of a table's changes".into()).into())
}

fn disable(cx: &mut Cx<'_>, req: Switch) -> Result<Empty, Error> {
    schema::existing(cx, &req.table)?;
    Err(not_valid("KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."))
}

fn update(cx: &mut Cx<'_>, req: Update) -> Result<Empty, Error> {
    let schema = schema::existing(cx, &req.table)?;
    let (stream, name) = (&req.stream, &schema.record.name);
    Err(not_valid(format_args!(
        "No streaming destination with streamArn: {stream} found for table with tableName: {name}"
    )))
}

/// AWS: recorded answers, which say `enable` of each operation.
fn not_valid(why: impl std::fmt::Display) -> Error {
    validation(format!("Table is not in a valid state to enable Kinesis Streaming Destination: {why}"))
}
