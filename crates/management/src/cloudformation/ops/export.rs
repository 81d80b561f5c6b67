//! Exports, and the stacks that use them.

use super::{PAGE_MAX, after};
use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{EXPORTS, Export, IMPORTS};
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    ListExports: exports, "cloudformation:ListExports", access::any;
    ListImports: imports, "cloudformation:ListImports", access::any;
}

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
    pub(crate) struct ListImports {
        export: String = "ExportName",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Imports {
        stacks: Vec<String> = "Imports",
        token: Option<String> = "NextToken",
    }
}

fn exports(cx: &mut Cx<'_>, req: ListExports) -> Result<Exports, CfnError> {
    let prefix = Key::regional(cx.account, cx.region);
    let list = format!("cloudformation:ListExports {} {}", cx.account, cx.region.name());
    let after = after(cx, &list, req.token.as_deref())?;
    let page = EXPORTS.page(cx.tx, &prefix, after.as_ref(), PAGE_MAX)?;
    let token = page.next.map(|next| cx.pager().token(&list, next.as_bytes()));
    let view = |e: Export| View { stack: e.stack, name: e.name, value: e.value };
    Ok(Exports { exports: page.items.into_iter().map(|(_, export)| view(export)).collect(), token })
}

fn imports(cx: &mut Cx<'_>, req: ListImports) -> Result<Imports, CfnError> {
    let prefix = Key::regional(cx.account, cx.region).str(&req.export);
    let list = format!("cloudformation:ListImports {} {} {}", cx.account, cx.region.name(), req.export);
    let after = after(cx, &list, req.token.as_deref())?;
    let page = IMPORTS.page(cx.tx, &prefix, after.as_ref(), PAGE_MAX)?;
    let token = page.next.map(|next| cx.pager().token(&list, next.as_bytes()));
    let stacks: Vec<String> = page.items.into_iter().map(|(_, link)| link.name).collect();
    if stacks.is_empty() {
        return Err(invalid(format!("Export '{}' is not imported by any stack.", req.export)));
    }
    Ok(Imports { stacks, token })
}
