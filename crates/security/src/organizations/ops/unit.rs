//! Organizational units, and walking the tree.

use super::super::access::named;
use super::super::errors::{OrgError, Plain};
use super::super::model::{
    ATTACHED, Attached, DEPTH_MAX, Organization, UNITS, UNITS_MAX, UNITS_OF, Unit, all, new_id, within,
};
use super::super::page::page;
use super::super::tree::{self, Node};
use super::Tag;
use kernel::{Cx, Empty};

kernel::ops! {
    pub static OPS:
        CreateOrganizationalUnit: create_unit, "organizations:CreateOrganizationalUnit", named;
        UpdateOrganizationalUnit: update_unit, "organizations:UpdateOrganizationalUnit", named;
        DeleteOrganizationalUnit: delete_unit, "organizations:DeleteOrganizationalUnit", named;
        DescribeOrganizationalUnit: describe_unit, "organizations:DescribeOrganizationalUnit", named;
        ListOrganizationalUnitsForParent: list_units, "organizations:ListOrganizationalUnitsForParent", named;
        ListParents: list_parents, "organizations:ListParents", named;
        ListChildren: list_children, "organizations:ListChildren", named;
}

wire::shape! {
    pub struct CreateUnit {
        pub parent: String = "ParentId",
        pub name: String = "Name",
        pub tags: Vec<Tag> = "Tags",
    }

    pub struct UpdateUnit {
        pub id: String = "OrganizationalUnitId",
        pub name: Option<String> = "Name",
    }

    pub struct UnitId { pub id: String = "OrganizationalUnitId" }

    pub struct UnitResult { pub unit: UnitShown = "OrganizationalUnit" }

    pub struct UnitShown {
        pub id: String = "Id",
        pub arn: String = "Arn",
        pub name: String = "Name",
        pub path: String = "Path",
    }

    pub struct ListUnits {
        pub parent: String = "ParentId",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Units {
        pub units: Vec<UnitShown> = "OrganizationalUnits",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct ListParents {
        pub child: String = "ChildId",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Relative {
        pub id: String = "Id",
        pub kind: String = "Type",
    }

    pub struct Parents {
        pub parents: Vec<Relative> = "Parents",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct ListChildren {
        pub parent: String = "ParentId",
        pub kind: String = "ChildType",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Children {
        pub children: Vec<Relative> = "Children",
        pub next_token: Option<String> = "NextToken",
    }
}

fn shown(cx: &Cx<'_>, organization: &Organization, unit: &Unit) -> Result<UnitShown, OrgError> {
    let path = tree::path(cx.tx, organization, &unit.id)?.join("/");
    Ok(UnitShown {
        id: unit.id.clone(),
        arn: organization.arn("ou", &unit.id),
        name: unit.name.clone(),
        path: format!("{}/{path}/", organization.id),
    })
}

fn find(cx: &Cx<'_>, organization: &Organization, id: &str) -> Result<Unit, OrgError> {
    UNITS.get(cx.tx, &within(&organization.id, id))?.ok_or_else(|| Plain::UnitNotFound.into())
}

/// Names are unique below one parent.
fn name_is_free(cx: &Cx<'_>, organization: &Organization, parent: &str, name: &str) -> Result<(), OrgError> {
    let taken = tree::units(cx.tx, &organization.id, parent)?.iter().any(|unit| unit.name == name);
    if taken { Err(Plain::DuplicateUnit.into()) } else { Ok(()) }
}

fn create_unit(cx: &mut Cx<'_>, req: CreateUnit) -> Result<UnitResult, OrgError> {
    let organization = tree::managed(cx)?;
    tree::parent(cx.tx, &organization, &req.parent, Plain::ParentNotFound)?;
    name_is_free(cx, &organization, &req.parent, &req.name)?;
    if tree::path(cx.tx, &organization, &req.parent)?.len() > DEPTH_MAX {
        let what = "You have exceeded the allowed nesting depth of organizational units.";
        return Err(OrgError::constraint("OU_DEPTH_LIMIT_EXCEEDED", what));
    }
    if UNITS.count(cx.tx, &all(&organization.id))? >= UNITS_MAX {
        let what = "You have exceeded the allowed number of organizational units.";
        return Err(OrgError::constraint("OU_NUMBER_LIMIT_EXCEEDED", what));
    }
    let family = organization.root.trim_start_matches("r-");
    let id = new_id(cx.rng(), &format!("ou-{family}-"), 8);
    let unit = Unit { id, name: req.name, parent: req.parent, tags: super::tags(req.tags)? };
    let key = within(&organization.id, &unit.id);
    UNITS.put(cx.tx, &key, &unit);
    UNITS_OF.put(cx.tx, &within(&organization.id, &unit.parent), &key);
    ATTACHED.put(cx.tx, &key, &Attached::first(&organization, &unit.id));
    Ok(UnitResult { unit: shown(cx, &organization, &unit)? })
}

fn update_unit(cx: &mut Cx<'_>, req: UpdateUnit) -> Result<UnitResult, OrgError> {
    let organization = tree::managed(cx)?;
    let mut unit = find(cx, &organization, &req.id)?;
    if let Some(name) = req.name.filter(|name| *name != unit.name) {
        name_is_free(cx, &organization, &unit.parent, &name)?;
        unit.name = name;
        UNITS.put(cx.tx, &within(&organization.id, &unit.id), &unit);
    }
    Ok(UnitResult { unit: shown(cx, &organization, &unit)? })
}

fn delete_unit(cx: &mut Cx<'_>, req: UnitId) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let unit = find(cx, &organization, &req.id)?;
    let units = tree::units(cx.tx, &organization.id, &unit.id)?;
    if !units.is_empty() || !tree::accounts(cx.tx, &organization.id, &unit.id)?.is_empty() {
        return Err(Plain::UnitNotEmpty.into());
    }
    let key = within(&organization.id, &unit.id);
    UNITS.delete(cx.tx, &key);
    UNITS_OF.delete(cx.tx, &within(&organization.id, &unit.parent), &key);
    ATTACHED.delete(cx.tx, &key);
    Ok(Empty)
}

fn describe_unit(cx: &mut Cx<'_>, req: UnitId) -> Result<UnitResult, OrgError> {
    let organization = tree::managed(cx)?;
    let unit = find(cx, &organization, &req.id)?;
    Ok(UnitResult { unit: shown(cx, &organization, &unit)? })
}

fn list_units(cx: &mut Cx<'_>, req: ListUnits) -> Result<Units, OrgError> {
    let organization = tree::managed(cx)?;
    tree::parent(cx.tx, &organization, &req.parent, Plain::ParentNotFound)?;
    let units = tree::units(cx.tx, &organization.id, &req.parent)?;
    let units = units.iter().map(|unit| Ok((unit.id.clone(), shown(cx, &organization, unit)?)));
    let units = units.collect::<Result<Vec<_>, OrgError>>()?;
    let list = format!("units/{}", req.parent);
    let (units, next_token) = page(cx, &list, units, req.next_token.as_deref(), req.max_results)?;
    Ok(Units { units, next_token })
}

fn list_parents(cx: &mut Cx<'_>, req: ListParents) -> Result<Parents, OrgError> {
    let organization = tree::managed(cx)?;
    let id = match tree::node(cx.tx, &organization, &req.child)? {
        Some(Node::Unit(unit)) => unit.parent,
        Some(Node::Account(member)) => member.parent,
        Some(Node::Root) | None => return Err(Plain::ChildNotFound.into()),
    };
    let kind = if id == organization.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    let all = vec![(id.clone(), Relative { id, kind: kind.into() })];
    let list = format!("parents/{}", req.child);
    let (parents, next_token) = page(cx, &list, all, req.next_token.as_deref(), req.max_results)?;
    Ok(Parents { parents, next_token })
}

fn list_children(cx: &mut Cx<'_>, req: ListChildren) -> Result<Children, OrgError> {
    let organization = tree::managed(cx)?;
    tree::parent(cx.tx, &organization, &req.parent, Plain::ParentNotFound)?;
    let ids: Vec<String> = if req.kind == "ACCOUNT" {
        let accounts = tree::accounts(cx.tx, &organization.id, &req.parent)?;
        accounts.into_iter().map(|member| member.account.to_string()).collect()
    } else {
        tree::units(cx.tx, &organization.id, &req.parent)?.into_iter().map(|unit| unit.id).collect()
    };
    let all = ids.into_iter().map(|id| (id.clone(), Relative { id, kind: req.kind.clone() })).collect();
    let list = format!("children/{}/{}", req.parent, req.kind);
    let (children, next_token) = page(cx, &list, all, req.next_token.as_deref(), req.max_results)?;
    Ok(Children { children, next_token })
}
