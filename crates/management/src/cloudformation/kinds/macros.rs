//! Macros. They are CloudFormation's own: there is no operation that makes one.

use super::on::On;
use super::{BASE, Done, Kind, Made, Refusal};
use crate::cloudformation::macros::{MACROS, Macro};
use store::Key;

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::CloudFormation::Macro",
    changes: &["Description", "FunctionName"],
    fixed: &["Name"],
    named: Some("Name"),
    create: |on| {
        let name = on.text("Name").unwrap_or_default();
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !is_name {
            return Err(Refusal::of("Property Name cannot be empty."));
        }
        if MACROS.get(on.cx.tx, &key(on, &name))?.is_some() {
            let own = format!("{}::{name}", on.account());
            return Err(Refusal::of(format!("{own} already exists")));
        }
        put(on, &name)
    },
    update: |on| {
        let name = on.physical.to_owned();
        put(on, &name)
    },
    delete: |on| {
        MACROS.delete(on.cx.tx, &key(on, on.physical));
        Ok(())
    },
    ..BASE
}];

fn key(on: &On<'_, '_>, name: &str) -> Key {
    Key::regional(on.cx.account, on.cx.region).str(name)
}

fn put(on: &mut On<'_, '_>, name: &str) -> Done<Made> {
    let function = on.text("FunctionName").filter(|function| !function.is_empty());
    let function = function.ok_or_else(|| Refusal::of("Property FunctionName cannot be empty."))?;
    let own = Macro { name: name.to_owned(), function, description: on.text("Description") };
    MACROS.put(on.cx.tx, &key(on, name), &own);
    Ok(on.made(name, Vec::new()))
}
