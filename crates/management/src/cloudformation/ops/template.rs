//! Templates: shown, summed up, checked.

use super::expansion::{looked_at, transforms};
use super::{body, capabilities_of, capabilities_reason, existing, source};
use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::{Table, kind};
use crate::cloudformation::template::check::Kinds;
use crate::cloudformation::template::{Template, yaml};
use kernel::{Answer, Body, Cx, Dx};
use wire::Fault;

kernel::ops! { pub(crate) static OPS:
    GetTemplate: get, "cloudformation:GetTemplate", access::template;
    GetTemplateSummary: [wait] summary, "cloudformation:GetTemplateSummary", access::stack_or_any;
    ValidateTemplate: [wait] validate, "cloudformation:ValidateTemplate", access::any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct GetTemplate {
        stack: Option<String> = "StackName",
        change_set: Option<String> = "ChangeSetName",
        stage: Option<String> = "TemplateStage",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Shown {
        body: Option<String> = "TemplateBody",
        stages: Vec<String> = "StagesAvailable",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GetTemplateSummary {
        body: Option<String> = "TemplateBody",
        url: Option<String> = "TemplateURL",
        stack: Option<String> = "StackName",
        config: Option<SummaryConfig> = "TemplateSummaryConfig",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct SummaryConfig { lenient: Option<bool> = "TreatUnrecognizedResourceTypesAsWarnings" }

    #[derive(Clone, Debug)]
    pub(crate) struct Warnings { kinds: Vec<String> = "UnrecognizedResourceTypes" }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        warnings: Option<Warnings> = "Warnings",
        parameters: Vec<Declared> = "Parameters",
        description: Option<String> = "Description",
        capabilities: Option<Vec<String>> = "Capabilities",
        reason: Option<String> = "CapabilitiesReason",
        kinds: Vec<String> = "ResourceTypes",
        version: Option<String> = "Version",
        metadata: Option<String> = "Metadata",
        transforms: Option<Vec<String>> = "DeclaredTransforms",
        identifiers: Option<Vec<Identified>> = "ResourceIdentifierSummaries",
    }

    /// By what the resources of a kind are imported.
    #[derive(Clone, Debug)]
    pub(crate) struct Identified {
        kind: String = "ResourceType",
        names: Vec<String> = "LogicalResourceIds",
        identifiers: Vec<String> = "ResourceIdentifiers",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Declared {
        key: String = "ParameterKey",
        default: Option<String> = "DefaultValue",
        kind: String = "ParameterType",
        no_echo: bool = "NoEcho",
        description: Option<String> = "Description",
        constraints: Constraints = "ParameterConstraints",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Constraints { allowed: Option<Vec<String>> = "AllowedValues" }

    #[derive(Clone, Debug)]
    pub(crate) struct ValidateTemplate {
        body: Option<String> = "TemplateBody",
        url: Option<String> = "TemplateURL",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Valid {
        parameters: Vec<Asked> = "Parameters",
        description: Option<String> = "Description",
        capabilities: Option<Vec<String>> = "Capabilities",
        reason: Option<String> = "CapabilitiesReason",
        transforms: Option<Vec<String>> = "DeclaredTransforms",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Asked {
        key: String = "ParameterKey",
        default: Option<String> = "DefaultValue",
        no_echo: bool = "NoEcho",
        description: Option<String> = "Description",
    }
}

fn some(items: Vec<String>) -> Option<Vec<String>> {
    if items.is_empty() { None } else { Some(items) }
}

fn capabilities(template: &Template) -> Option<Vec<String>> {
    some(capabilities_of(template).into_iter().map(str::to_owned).collect())
}

fn get(cx: &mut Cx<'_>, req: GetTemplate) -> Result<Shown, CfnError> {
    let body = match (&req.change_set, &req.stack) {
        (Some(named), stack) => {
            let (_, set) = super::change_set::find_set(cx, stack.as_deref(), named)?;
            set.body
        }
        (None, None) => return Err(invalid("StackName or ChangeSetName is required.")),
        (None, Some(name)) => {
            let stack = existing(cx, name)?;
            match body(cx, &stack)? {
                Some(body) => body,
                // AWS: a stack that is still reviewed is there, without a template.
                None => return Ok(Shown { body: None, stages: Vec::new() }),
            }
        }
    };
    // What has no transform is processed as it is.
    let processed = body.processed.is_some() || Template::read(&body.text)?.transforms.is_empty();
    let text = match req.stage.as_deref() {
        Some("Processed") if !processed => {
            return Err(CfnError::NotBuilt(
                "The processed stage of a template with language extensions".into(),
            ));
        }
        Some("Original") => body.text,
        // AWS: the processed one, where nothing else is said.
        _ => body.processed.unwrap_or(body.text),
    };
    let stages = ["Original", "Processed"].into_iter().take(1 + usize::from(processed));
    Ok(Shown { body: Some(text), stages: stages.map(str::to_owned).collect() })
}

async fn summary(dx: Dx, req: GetTemplateSummary, _: Body) -> Result<Answer<Summary>, Fault> {
    let text = source::text(&dx, req.body, req.url).await?;
    let lenient = req.config.and_then(|config| config.lenient) == Some(true);
    dx.read(|cx| sum_up(cx, req.stack, text, lenient)).map(Answer::from).map_err(Fault::from)
}

/// Kinds that nobody knows are warned of.
struct Lenient;

impl Kinds for Lenient {
    fn knows(&self, _: &str) -> bool {
        true
    }

    fn has_attribute(&self, kind: &str, attribute: &str) -> bool {
        !Table.knows(kind) || Table.has_attribute(kind, attribute)
    }
}

fn sum_up(
    cx: &mut Cx<'_>,
    stack: Option<String>,
    text: Option<String>,
    lenient: bool,
) -> Result<Summary, CfnError> {
    let known: &dyn Kinds = if lenient { &Lenient } else { &Table };
    let template = match (stack, text) {
        (Some(_), Some(_)) => {
            return Err(invalid("Only one of StackName, TemplateBody and TemplateURL may be specified."));
        }
        (Some(name), None) => {
            let stack = existing(cx, &name)?;
            let body = body(cx, &stack)?;
            let body =
                body.ok_or_else(|| invalid(format!("Stack with id {name} does not have a template")))?;
            let root = yaml::read(&body.text)?;
            let template = match &body.processed {
                Some(processed) => Template::read(processed)?,
                None => Template::of(&root)?,
            };
            Template { transforms: transforms(&root)?, ..template }
        }
        (None, given) => looked_at(cx, &given.ok_or_else(source::missing)?, known)?,
    };
    let mut kinds: Vec<String> = Vec::new();
    for resource in &template.resources {
        if !kinds.contains(&resource.kind) {
            kinds.push(resource.kind.clone());
        }
    }
    let declared = |p: &crate::cloudformation::template::Parameter| Declared {
        key: p.name.clone(),
        default: p.default.clone(),
        kind: p.kind.clone(),
        no_echo: p.no_echo,
        description: p.description.clone(),
        constraints: Constraints { allowed: some(p.allowed.clone()) },
    };
    let strangers: Vec<String> = kinds.iter().filter(|kind| !Table.knows(kind)).cloned().collect();
    Ok(Summary {
        warnings: (lenient && !strangers.is_empty()).then_some(Warnings { kinds: strangers }),
        parameters: template.parameters.iter().map(declared).collect(),
        capabilities: capabilities(&template),
        reason: capabilities_reason(&template),
        kinds,
        metadata: template.metadata.as_ref().map(wire::json::text),
        transforms: some(template.transforms.clone()),
        identifiers: identified(&template),
        description: template.description,
        version: template.version,
    })
}

fn identified(template: &Template) -> Option<Vec<Identified>> {
    let mut all: Vec<Identified> = Vec::new();
    for resource in &template.resources {
        let look = kind(&resource.kind).and_then(|kind| kind.look);
        let Some(look) = look.filter(|look| !look.identifiers.is_empty()) else { continue };
        match all.iter_mut().find(|known| known.kind == resource.kind) {
            Some(known) => known.names.push(resource.name.clone()),
            None => all.push(Identified {
                kind: resource.kind.clone(),
                names: vec![resource.name.clone()],
                identifiers: look.identifiers.iter().map(|name| (*name).to_owned()).collect(),
            }),
        }
    }
    (!all.is_empty()).then_some(all)
}

async fn validate(dx: Dx, req: ValidateTemplate, _: Body) -> Result<Answer<Valid>, Fault> {
    let text = source::text(&dx, req.body, req.url).await?;
    let text = text.ok_or_else(source::missing)?;
    let template = dx.read(|cx| looked_at(cx, &text, &Table))?;
    let asked = |p: &crate::cloudformation::template::Parameter| Asked {
        key: p.name.clone(),
        default: p.default.clone(),
        no_echo: p.no_echo,
        description: p.description.clone(),
    };
    let valid = Valid {
        parameters: template.parameters.iter().map(asked).collect(),
        capabilities: capabilities(&template),
        reason: capabilities_reason(&template),
        transforms: some(template.transforms.clone()),
        description: template.description,
    };
    Ok(valid.into())
}
