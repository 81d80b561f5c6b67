//! Stack sets. Where they have their stacks is not seen, as AWS's schema has it.

use super::machine::put;
use super::{Look, PLAIN, Seen, own};
use crate::cloudformation::kinds::on::map;
use crate::cloudformation::kinds::stack_set::CLOUDFORMATION;
use wire::Value;

pub(in crate::cloudformation::kinds) static SET: Look = Look {
    sees: &[
        "AdministrationRoleARN",
        "AutoDeployment",
        "Capabilities",
        "Description",
        "ExecutionRoleName",
        "ManagedExecution",
        "Parameters",
        "PermissionModel",
        "StackSetName",
        "Tags",
        "TemplateBody",
    ],
    read: |on| {
        let asked = map([("StackSetName", on.physical()), ("CallAs", on.prop("CallAs"))]);
        let told = own(&on.ask(CLOUDFORMATION, "DescribeStackSet", asked)?, "StackSet");
        let mut all = SET.rows(on, &told, &[]);
        let managed = map([("Active", own(&told, "ManagedExecution.Active"))]);
        put(&mut all, "ManagedExecution", managed);
        Ok(Seen::of(all, vec![("StackSetId", Value::str(on.physical))]))
    },
    identifiers: &["StackSetId"],
    ..PLAIN
};
