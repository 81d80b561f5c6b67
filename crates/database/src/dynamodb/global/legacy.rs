//! The operations of global tables' first version: no such table can be made, so there are none.

use crate::dynamodb::access;
use crate::dynamodb::errors::{Error, Refusal, parameter};
use kernel::Cx;
use kernel::op::Empty;

kernel::ops! { pub(crate) static OPS:
    CreateGlobalTable: create_global_table, "dynamodb:CreateGlobalTable", access::on_global_table;
    UpdateGlobalTable: update_global_table, "dynamodb:UpdateGlobalTable", access::on_global_table;
    DescribeGlobalTable: describe_global_table, "dynamodb:DescribeGlobalTable", access::on_global_table;
    ListGlobalTables: list_global_tables, "dynamodb:ListGlobalTables", access::any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Group {
        name: String = "GlobalTableName",
        replicas: Vec<InRegion> = "ReplicationGroup",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct InRegion { region: Option<String> = "RegionName" }

    #[derive(Clone, Debug)]
    pub(crate) struct Change {
        name: String = "GlobalTableName",
        updates: Vec<Update> = "ReplicaUpdates",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Update {
        create: Option<InRegion> = "Create",
        delete: Option<InRegion> = "Delete",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Named { name: String = "GlobalTableName" }

    #[derive(Clone, Debug)]
    pub(crate) struct List {
        start: Option<String> = "ExclusiveStartGlobalTableName",
        limit: Option<i64> = "Limit",
        region: Option<String> = "RegionName",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GlobalTable { name: String = "GlobalTableName" }

    #[derive(Clone, Debug)]
    pub(crate) struct ListOutput { tables: Vec<GlobalTable> = "GlobalTables" }
}

fn refused() -> Error {
    parameter(
        "DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables version 2019.11.21, instead of version 2017.11.29 (Legacy).",
    )
}

fn create_global_table(_: &mut Cx<'_>, _: Group) -> Result<Empty, Error> {
    Err(refused())
}

fn update_global_table(_: &mut Cx<'_>, _: Change) -> Result<Empty, Error> {
    Err(refused())
}

fn describe_global_table(_: &mut Cx<'_>, req: Named) -> Result<Empty, Error> {
    Err(Refusal::NoGlobalTable(req.name).into())
}

fn list_global_tables(_: &mut Cx<'_>, _: List) -> Result<ListOutput, Error> {
    Ok(ListOutput { tables: Vec::new() })
}
