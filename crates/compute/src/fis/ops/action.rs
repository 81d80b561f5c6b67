//! The actions and resource types that there are.

use super::cut;
use crate::fis::access::{action, any};
use crate::fis::errors::FisError;
use crate::fis::model::action::{KNOWN, Known, TYPES, Type, kind, known};
use crate::fis::model::arn;
use kernel::Cx;
use wire::Pairs;

kernel::ops! {
    /// Actions.
    pub(crate) static OPS:
        ListActions: list, "fis:ListActions", any;
        GetAction: get, "fis:GetAction", action;
        ListTargetResourceTypes: types, "fis:ListTargetResourceTypes", any;
        GetTargetResourceType: one_type, "fis:GetTargetResourceType", any;
}

wire::shape! {
    #[derive(Debug)]
    struct List {
        max: Option<i64> = "maxResults",
        next: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    struct Actions {
        actions: Vec<Summary> = "actions",
        next: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    struct Summary {
        id: String = "id",
        arn: String = "arn",
        description: String = "description",
        targets: Pairs<TargetView> = "targets",
        tags: Pairs<String> = "tags",
    }

    #[derive(Debug)]
    struct TargetView { kind: String = "resourceType" }

    #[derive(Debug)]
    struct Get { id: String = "id" }

    #[derive(Debug)]
    struct Got { action: View = "action" }

    #[derive(Debug)]
    struct View {
        id: String = "id",
        arn: String = "arn",
        description: String = "description",
        parameters: Pairs<ParameterView> = "parameters",
        targets: Pairs<TargetView> = "targets",
        tags: Pairs<String> = "tags",
    }

    #[derive(Debug)]
    struct ParameterView {
        description: String = "description",
        required: bool = "required",
    }

    #[derive(Debug)]
    struct Types {
        types: Vec<TypeView> = "targetResourceTypes",
        next: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    struct TypeView {
        kind: String = "resourceType",
        description: String = "description",
    }

    #[derive(Debug)]
    struct WholeType {
        kind: String = "resourceType",
        description: String = "description",
        parameters: Pairs<TypeParameter> = "parameters",
    }

    #[derive(Debug)]
    struct TypeParameter {
        description: String = "description",
        required: bool = "required",
    }

    #[derive(Debug)]
    struct OneType { kind: String = "resourceType" }

    #[derive(Debug)]
    struct GotType { kind: WholeType = "targetResourceType" }
}

fn targets(known: &Known) -> Pairs<TargetView> {
    let target =
        known.target.iter().map(|(name, kind)| ((*name).into(), TargetView { kind: (*kind).into() }));
    Pairs(target.collect())
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Actions, FisError> {
    let view = |known: &Known| Summary {
        id: known.id.into(),
        arn: arn(cx.account, cx.region, "action", known.id),
        description: known.description.into(),
        targets: targets(known),
        tags: Pairs::default(),
    };
    let all = KNOWN.iter().map(view).collect();
    let (actions, next) = cut(cx, all, "", req.max, req.next.as_deref())?;
    Ok(Actions { actions, next })
}

fn get(cx: &mut Cx<'_>, req: Get) -> Result<Got, FisError> {
    let known = known(&req.id).ok_or_else(|| FisError::NotFound(format!("Action {}", req.id)))?;
    let parameter = |(name, description, required): &(&str, &str, bool)| {
        ((*name).to_owned(), ParameterView { description: (*description).into(), required: *required })
    };
    let action = View {
        id: known.id.into(),
        arn: arn(cx.account, cx.region, "action", known.id),
        description: known.description.into(),
        parameters: Pairs(known.parameters.iter().map(parameter).collect()),
        targets: targets(known),
        tags: Pairs::default(),
    };
    Ok(Got { action })
}

fn types(cx: &mut Cx<'_>, req: List) -> Result<Types, FisError> {
    let view = |kind: &Type| TypeView { kind: kind.id.into(), description: kind.description.into() };
    let all = TYPES.iter().map(view).collect();
    let (types, next) = cut(cx, all, "", req.max, req.next.as_deref())?;
    Ok(Types { types, next })
}

fn one_type(_: &mut Cx<'_>, req: OneType) -> Result<GotType, FisError> {
    let found =
        kind(&req.kind).ok_or_else(|| FisError::NotFound(format!("Target resource type {}", req.kind)))?;
    let parameter = |(name, description): &(&str, &str)| {
        ((*name).to_owned(), TypeParameter { description: (*description).into(), required: false })
    };
    let kind = WholeType {
        kind: found.id.into(),
        description: found.description.into(),
        parameters: Pairs(found.parameters.iter().map(parameter).collect()),
    };
    Ok(GotType { kind })
}
