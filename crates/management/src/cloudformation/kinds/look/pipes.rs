//! Pipes. What their sources and targets are told beside is not seen, as AWS's schema has it.

use super::{Look, PLAIN, Seen, own};
use crate::cloudformation::kinds::on::map;
use crate::cloudformation::kinds::pipes::PIPES;

pub(in crate::cloudformation::kinds) static PIPE: Look = Look {
    sees: &[
        "Description",
        "DesiredState",
        "Enrichment",
        "EnrichmentParameters",
        "KmsKeyIdentifier",
        "LogConfiguration",
        "Name",
        "RoleArn",
        "Source",
        "Tags",
        "Target",
    ],
    whole: &["Tags"],
    read: |on| {
        const ATTRIBUTES: [&str; 5] =
            ["Arn", "CreationTime", "CurrentState", "LastModifiedTime", "StateReason"];
        let told = on.ask(PIPES, "DescribePipe", map([("Name", on.physical())]))?;
        let attributes = ATTRIBUTES.map(|name| (name, own(&told, name)));
        Ok(Seen::of(PIPE.rows(on, &told, &[]), attributes.to_vec()))
    },
    identifiers: &["Name"],
    ..PLAIN
};
