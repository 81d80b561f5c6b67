//! Templates of experiments.

use super::machine::put;
use super::{Look, PLAIN, Seen, own};
use crate::cloudformation::kinds::fis::{FIS, each, raised};
use crate::cloudformation::kinds::on::map;

pub(in crate::cloudformation::kinds) static TEMPLATE: Look = Look {
    sees: &[
        "Actions",
        "Description",
        "ExperimentOptions",
        "LogConfiguration",
        "RoleArn",
        "StopConditions",
        "Tags",
        "Targets",
    ],
    whole: &["Actions.Parameters", "Tags"],
    read: |on| {
        let told = on.ask(FIS, "GetExperimentTemplate", map([("id", on.physical())]))?;
        let told = own(&told, "experimentTemplate");
        let mut all = TEMPLATE.rows(on, &raised(told.clone()), &[]);
        for name in ["Actions", "Targets"] {
            put(&mut all, name, each(own(&told, &name.to_lowercase()), raised));
        }
        put(&mut all, "Tags", on.tags_as_written(&own(&told, "tags")));
        Ok(Seen::of(all, vec![("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};
