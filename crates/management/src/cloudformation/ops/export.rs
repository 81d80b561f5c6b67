//! Exports, and the stacks that use them.

use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{EXPORTS, Export, IMPORTS};
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    ListExports: exports, "cloudformation:ListExports", access::any;
    ListImports: imports, "cloudformation:ListImports", access::any;
}

const PAGE_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ListExports { token: Option<String> = "NextToken" }

    #[derive(Clone, Debug)]
    pub(crate) struct Exports {
        exports: Vec<View> = "Exports",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        stack: String = "ExportingStackId",
        name: String = "Name",
        value: String = "Value",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListImports { export: String = "ExportName" }

    #[derive(Clone, Debug)]
    pub(crate) struct Imports { stacks: Vec<String> = "Imports" }
}

fn exports(cx: &mut Cx<'_>, req: ListExports) -> Result<Exports, CfnError> {
    let prefix = Key::regional(cx.account, cx.region);
    let list = format!("cloudformation:ListExports {} {}", cx.account, cx.region.name());
    let after = match &req.token {
        None => None,
        Some(token) => {
            let position =
                cx.pager().position(&list, token).map_err(|_| invalid("The NextToken is not valid."))?;
            Some(Key::of_stored(&position))
        }
    };
    let page = EXPORTS.page(cx.tx, &prefix, after.as_ref(), PAGE_MAX)?;
    let token = page.next.map(|next| cx.pager().token(&list, next.as_bytes()));
    let view = |e: Export| View { stack: e.stack, name: e.name, value: e.value };
    Ok(Exports { exports: page.items.into_iter().map(|(_, export)| view(export)).collect(), token })
}

fn imports(cx: &mut Cx<'_>, req: ListImports) -> Result<Imports, CfnError> {
    let region = Key::regional(cx.account, cx.region);
    let all = IMPORTS.scan(cx.tx, &region.str(&req.export), Direction::Forward);
    let mut stacks = Vec::new();
    for entry in all {
        stacks.push(entry?.1.name);
    }
    if stacks.is_empty() {
        return Err(invalid(format!("Export '{}' is not imported by any stack.", req.export)));
    }
    Ok(Imports { stacks })
}
