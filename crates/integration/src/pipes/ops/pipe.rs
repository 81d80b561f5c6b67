//! Pipes: create, describe, change, delete.

use super::tag;
use super::view::{self, EnrichmentParameters, Short, SourceParameters, TargetParameters, UpdatedSource};
use super::{own, settled};
use crate::pipes::access;
use crate::pipes::errors::PipesError;
use crate::pipes::model::{PIPES, Phase, Pipe, Source, Target};
use base::Timestamp;
use kernel::Cx;
use store::Key;
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreatePipe: create, "pipes:CreatePipe", access::put_pipe;
    DescribePipe: describe, "pipes:DescribePipe", access::pipe;
    UpdatePipe: update, "pipes:UpdatePipe", access::put_pipe;
    DeletePipe: delete, "pipes:DeletePipe", access::pipe;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const PIPES_MAX: usize = 1_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct LogConfiguration { level: String = "Level" }

    #[derive(Debug)]
    pub(crate) struct CreatePipe {
        name: String = "Name",
        description: Option<String> = "Description",
        desired: Option<String> = "DesiredState",
        source: String = "Source",
        source_parameters: Option<SourceParameters> = "SourceParameters",
        enrichment: Option<String> = "Enrichment",
        enrichment_parameters: Option<EnrichmentParameters> = "EnrichmentParameters",
        target: String = "Target",
        target_parameters: Option<TargetParameters> = "TargetParameters",
        role: String = "RoleArn",
        tags: Pairs<String> = "Tags",
        log: Option<LogConfiguration> = "LogConfiguration",
        key: Option<String> = "KmsKeyIdentifier",
    }

    #[derive(Debug)]
    pub(crate) struct UpdatePipe {
        name: String = "Name",
        description: Option<String> = "Description",
        desired: Option<String> = "DesiredState",
        source_parameters: Option<UpdatedSource> = "SourceParameters",
        enrichment: Option<String> = "Enrichment",
        enrichment_parameters: Option<EnrichmentParameters> = "EnrichmentParameters",
        target: Option<String> = "Target",
        target_parameters: Option<TargetParameters> = "TargetParameters",
        role: String = "RoleArn",
        log: Option<LogConfiguration> = "LogConfiguration",
        key: Option<String> = "KmsKeyIdentifier",
    }

    #[derive(Debug)]
    pub(crate) struct OnePipe { name: String = "Name" }

    #[derive(Debug)]
    pub(crate) struct PipeView {
        arn: String = "Arn",
        name: String = "Name",
        description: Option<String> = "Description",
        desired: String = "DesiredState",
        current: String = "CurrentState",
        reason: Option<String> = "StateReason",
        source: String = "Source",
        source_parameters: SourceParameters = "SourceParameters",
        enrichment: Option<String> = "Enrichment",
        enrichment_parameters: Option<EnrichmentParameters> = "EnrichmentParameters",
        target: String = "Target",
        target_parameters: TargetParameters = "TargetParameters",
        role: String = "RoleArn",
        tags: Pairs<String> = "Tags",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
    }
}

/// # Errors
/// `NotImplemented`
fn check_beside(log: Option<&LogConfiguration>, key: Option<&str>) -> Result<(), PipesError> {
    if log.is_some_and(|log| log.level != "OFF") {
        return Err(PipesError::NotBuilt("A log of a pipe".into()));
    }
    match key.is_some_and(|key| !key.is_empty()) {
        true => Err(PipesError::NotBuilt("Encryption of pipes with keys of one's own".into())),
        false => Ok(()),
    }
}

fn create(cx: &mut Cx<'_>, req: CreatePipe) -> Result<Short, PipesError> {
    check_beside(req.log.as_ref(), req.key.as_deref())?;
    let home = (cx.account, cx.region);
    if Pipe::load(cx.tx, home, &req.name)?.is_some() {
        return Err(PipesError::Exists(req.name));
    }
    let mut pipe = Pipe {
        account: cx.account,
        region: cx.region,
        name: req.name,
        id: base::id::uuid(cx.rng()),
        description: req.description,
        role: req.role,
        source: Source { arn: req.source, parallel: 1, ..Source::default() },
        enrichment: None,
        target: Target { arn: req.target, ..Target::default() },
        tags: tag::checked(req.tags)?,
        runs: req.desired.as_deref() != Some("STOPPED"),
        phase: Phase::Creating,
        reason: None,
        created: cx.now,
        modified: cx.now,
        revision: 0,
    };
    pipe.begin(req.source_parameters.unwrap_or_default())?;
    pipe.enrich(req.enrichment, req.enrichment_parameters)?;
    pipe.aim(req.target_parameters)?;
    pipe.check()?;
    if !cx.has_room(&PIPES, &Key::regional(cx.account, cx.region), PIPES_MAX)? {
        return Err(PipesError::Limit(PIPES_MAX));
    }
    pipe.save(cx.tx);
    Ok(Short::of(&pipe))
}

fn describe(cx: &mut Cx<'_>, req: OnePipe) -> Result<PipeView, PipesError> {
    let pipe = own(cx, &req.name)?;
    let batch = pipe.batch();
    Ok(PipeView {
        arn: pipe.arn(),
        desired: pipe.desired().to_owned(),
        current: pipe.phase.label().to_owned(),
        name: pipe.name,
        description: pipe.description,
        reason: pipe.reason,
        source: pipe.source.arn.clone(),
        source_parameters: view::source(pipe.source, batch),
        enrichment: pipe.enrichment.as_ref().map(|enrichment| enrichment.arn.clone()),
        enrichment_parameters: pipe.enrichment.map(view::enrichment),
        target: pipe.target.arn.clone(),
        target_parameters: view::target(pipe.target),
        role: pipe.role,
        tags: Pairs(pipe.tags.into_iter().collect()),
        created: pipe.created,
        modified: pipe.modified,
    })
}

fn update(cx: &mut Cx<'_>, req: UpdatePipe) -> Result<Short, PipesError> {
    check_beside(req.log.as_ref(), req.key.as_deref())?;
    let mut pipe = settled(cx, &req.name)?;
    pipe.role = req.role;
    pipe.description = req.description.or(pipe.description);
    if let Some(parameters) = req.source_parameters {
        pipe.change_source(parameters)?;
    }
    pipe.enrich(req.enrichment, req.enrichment_parameters)?;
    if let Some(arn) = req.target.filter(|arn| *arn != pipe.target.arn) {
        pipe.target = Target { arn, ..Target::default() };
    }
    pipe.aim(req.target_parameters)?;
    pipe.check()?;
    pipe.runs = req.desired.map_or(pipe.runs, |desired| desired == "RUNNING");
    pipe.phase = Phase::Updating;
    pipe.modified = cx.now;
    pipe.revision += 1;
    pipe.save(cx.tx);
    Ok(Short::of(&pipe))
}

fn delete(cx: &mut Cx<'_>, req: OnePipe) -> Result<Short, PipesError> {
    let mut pipe = settled(cx, &req.name)?;
    pipe.phase = Phase::Deleting;
    pipe.modified = cx.now;
    pipe.revision += 1;
    pipe.save(cx.tx);
    Ok(Short::of(&pipe))
}
