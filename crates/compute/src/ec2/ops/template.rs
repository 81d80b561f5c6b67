//! Launch templates. Their versions are in [`super::template_version`].

use super::template_version::{self, warning};
use crate::ec2::model::{TEMPLATE_VERSIONS, TEMPLATES, Template, TemplateVersion};
use crate::ec2::template::Data;
use base::Timestamp;
use ec2::access::{Access, list};
use ec2::describe::{self, Ask, Item};
use ec2::filter::{Filter, Known};
use ec2::kind::LAUNCH_TEMPLATE;
use ec2::shapes::Operator;
use ec2::tags::{self, Tag, TagSpecification, Tagged};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Target};
use store::{Direction, Key};
use wire::{Fault, Struct};

kernel::ops! {
    /// Launch templates.
    pub static OPS:
        CreateLaunchTemplate: create, "ec2:CreateLaunchTemplate", |cx, r| Access::of(cx, r).new(&LAUNCH_TEMPLATE).done();
        DescribeLaunchTemplates: describe_templates, "ec2:DescribeLaunchTemplates", list;
        ModifyLaunchTemplate: modify, "ec2:ModifyLaunchTemplate", named;
        DeleteLaunchTemplate: delete, "ec2:DeleteLaunchTemplate", named;
}

/// AWS: 5,000 in a region.
const TEMPLATES_MAX: usize = 5000;
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=128;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        token: Option<String> = "ClientToken",
        name: String = "LaunchTemplateName",
        description: Option<String> = "VersionDescription",
        data: Data = "LaunchTemplateData",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Created {
        template: View = "LaunchTemplate",
        warning: Option<template_version::Warning> = "Warning",
    }

    #[derive(Debug)]
    struct One { template: View = "LaunchTemplate" }

    #[derive(Debug)]
    struct View {
        id: String = "LaunchTemplateId",
        name: String = "LaunchTemplateName",
        created: Timestamp = "CreateTime",
        by: String = "CreatedBy",
        default: i64 = "DefaultVersionNumber",
        latest: i64 = "LatestVersionNumber",
        /// Not there where there are none.
        tags: Option<Vec<Tag>> = "Tags",
        operator: Operator = "Operator",
    }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "LaunchTemplateIds",
        names: Vec<String> = "LaunchTemplateNames",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        templates: Vec<View> = "LaunchTemplates",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Modify {
        token: Option<String> = "ClientToken",
        id: Option<String> = "LaunchTemplateId",
        name: Option<String> = "LaunchTemplateName",
        default: Option<String> = "DefaultVersion",
    }

    #[derive(Debug)]
    struct Delete {
        id: Option<String> = "LaunchTemplateId",
        name: Option<String> = "LaunchTemplateName",
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        self.tags.listed()
    }
}

impl View {
    fn of(cx: &Cx<'_>, template: Template) -> Result<View, Ec2Error> {
        let tags = tags::if_any(&register::tags(cx, &template.id)?);
        Ok(View {
            latest: template_version::latest(cx, &template)?,
            tags,
            operator: Operator::NONE,
            id: template.id,
            name: template.name,
            created: template.created.whole_seconds(),
            by: template.by,
            default: template.default,
        })
    }
}

fn by_name(cx: &Cx<'_>, name: &str) -> Result<Option<Template>, Ec2Error> {
    Ok(describe::all(cx, &TEMPLATES)?.into_iter().find(|template| template.name == name))
}

/// The template that is named by its id or its name.
///
/// # Errors
/// `InvalidLaunchTemplateId.NotFound`, `InvalidLaunchTemplateName.NotFoundException`; and where both names or none are
/// given.
pub(super) fn find(cx: &Cx<'_>, id: Option<&String>, name: Option<&String>) -> Result<Template, Ec2Error> {
    match (id, name) {
        (Some(_), Some(_)) => {
            // AWS: of reads, too.
            let what = "Either provide launch template ID or launch template name to modify the template.";
            Err(Plain::InvalidParameterCombination(what.into()).into())
        }
        (Some(id), None) => {
            describe::check_id(&LAUNCH_TEMPLATE, id)?;
            let found = TEMPLATES.get(cx.tx, &register::key(cx.account, cx.region, id))?;
            found.ok_or_else(|| Plain::InvalidLaunchTemplateId(id.clone()).into())
        }
        (None, Some(name)) => {
            by_name(cx, name)?.ok_or_else(|| Plain::InvalidLaunchTemplateName(name.clone()).into())
        }
        (None, None) => {
            Err(Plain::MissingParameter("launch template ID or launch template name".into()).into())
        }
    }
}

/// What a request is about that names a template.
pub(super) fn named(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let by_name = match request.str("LaunchTemplateName") {
        Some(name) => by_name(cx, name)?,
        None => None,
    };
    let id = request.str("LaunchTemplateId").map(str::to_owned).or(by_name.map(|template| template.id));
    // Nothing of that name: what is asked for is its template all the same.
    Access::of(cx, request).id(&LAUNCH_TEMPLATE, id.as_deref().unwrap_or("*")).done()
}

fn check_name(name: &str) -> Result<(), Ec2Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '(' | ')' | '.' | '-' | '/' | '_');
    if NAME_CHARS.contains(&name.chars().count()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(Plain::LaunchTemplateNameMalformed.into())
}

/// Writes a template.
pub(super) fn keep(cx: &mut Cx<'_>, template: &Template) {
    TEMPLATES.put(cx.tx, &register::key(cx.account, cx.region, &template.id), template);
}

/// What a token has made; `used` is what its operation says of one that other parameters came with.
pub(super) fn made(
    cx: &Cx<'_>,
    token: Option<&String>,
    request: &impl std::fmt::Debug,
    used: &'static str,
) -> Result<Option<String>, Ec2Error> {
    token::made(cx, token, request).map_err(|error| match error.code() {
        "IdempotentParameterMismatch" => Plain::TokenUsed(used).into(),
        _ => error,
    })
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    const USED: &str = "Client token already used before.";
    check_name(&req.name)?;
    template_version::check(&req.data)?;
    let is_other = |kind: &String| !kind.is_empty() && kind != LAUNCH_TEMPLATE.noun;
    if req.tags.iter().filter_map(|tags| tags.resource_type.as_ref()).any(is_other) {
        let what = "The value for the ResourceType member of the TagSpecification request parameter must be ‘launch-template’. Verify the ResourceType and try again.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    let own = tags::of_new(cx.caller, &req.tags, &LAUNCH_TEMPLATE, &[&LAUNCH_TEMPLATE])?;
    if let Some(id) = made(cx, req.token.as_ref(), &req, USED)? {
        // AWS: only while the template is as the token has made it.
        let there = TEMPLATES.get(cx.tx, &register::key(cx.account, cx.region, &id))?;
        let template = there.filter(|template| template.latest == 1).ok_or(Plain::TokenUsed(USED))?;
        return Ok(Created { template: View::of(cx, template)?, warning: warning(cx, &req.data) });
    }
    let all = describe::all(cx, &TEMPLATES)?;
    if all.iter().any(|template| template.name == req.name) {
        return Err(Plain::LaunchTemplateExists.into());
    }
    if all.len() >= TEMPLATES_MAX {
        return Err(Plain::LaunchTemplateLimit.into());
    }
    let template = Template {
        id: LAUNCH_TEMPLATE.id(cx.rng()),
        name: req.name.clone(),
        created: cx.now,
        by: cx.caller.principal.arn().into_owned(),
        default: 1,
        latest: 1,
    };
    keep(cx, &template);
    register::enter(cx, &LAUNCH_TEMPLATE, &template.id, &own, &[]);
    let first = TemplateVersion {
        number: 1,
        description: req.description.clone(),
        created: cx.now,
        by: template.by.clone(),
        data: req.data.clone().text(),
    };
    TEMPLATE_VERSIONS.put(cx.tx, &template_version::key(cx, &template.id, 1), &first);
    token::keep(cx, req.token.as_ref(), &req, &template.id);
    Ok(Created { template: View::of(cx, template)?, warning: warning(cx, &req.data) })
}

static FILTERS: &Known<View> =
    &[("create-time", |t| vec![t.created.iso8601()]), ("launch-template-name", |t| vec![t.name.clone()])];

fn describe_templates(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    let mut found = Vec::new();
    let malformed: Vec<&str> =
        req.ids.iter().filter(|id| !LAUNCH_TEMPLATE.fits(id)).map(String::as_str).collect();
    if !malformed.is_empty() {
        return Err(Plain::LaunchTemplateIdsMalformed(malformed.join(", ")).into());
    }
    for id in &req.ids {
        let there = TEMPLATES.get(cx.tx, &register::key(cx.account, cx.region, id))?;
        found.push(there.ok_or(Plain::LaunchTemplateIdUnknown)?);
    }
    for name in &req.names {
        found.push(by_name(cx, name)?.ok_or(Plain::LaunchTemplatesNotFound)?);
    }
    if req.ids.is_empty() && req.names.is_empty() {
        found = describe::all(cx, &TEMPLATES)?;
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    let views = found.into_iter().map(|template| View::of(cx, template)).collect::<Result<_, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (templates, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(Described { templates, next })
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<One, Ec2Error> {
    const USED: &str = "The specified client token has already been used before.";
    let mut template = find(cx, req.id.as_ref(), req.name.as_ref())?;
    if made(cx, req.token.as_ref(), &req, USED)?.is_none() {
        let none = || {
            let id = &template.id;
            Plain::MissingTarget(format!(
                "A launch template version must be specified to set the new default version for the template with ID {id}."
            ))
        };
        let wanted = req.default.as_ref().ok_or_else(none)?;
        let version = template_version::found(cx, &template, wanted)?;
        template.default = version.ok_or_else(|| Plain::NoDefaultVersion(wanted.clone()))?.number;
        keep(cx, &template);
        token::keep(cx, req.token.as_ref(), &req, &template.id);
    }
    Ok(One { template: View::of(cx, template)? })
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<One, Ec2Error> {
    let template = find(cx, req.id.as_ref(), req.name.as_ref())?;
    let view = View::of(cx, template)?;
    let place = register::key(cx.account, cx.region, &view.id);
    let versions: Vec<Key> = TEMPLATE_VERSIONS
        .scan(cx.tx, &place, Direction::Forward)
        .map(|pair| pair.map(|(key, _)| key))
        .collect::<Result<_, _>>()?;
    for version in versions {
        TEMPLATE_VERSIONS.delete(cx.tx, &version);
    }
    TEMPLATES.delete(cx.tx, &place);
    register::strike(cx.tx, cx.account, cx.region, &view.id);
    Ok(One { template: view })
}
