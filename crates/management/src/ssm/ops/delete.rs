//! Parameters are deleted, with all their versions.

use super::{existing, home, tell};
use crate::ssm::access;
use crate::ssm::errors::SsmError;
use crate::ssm::model::{HISTORY, PARAMETERS, Parameter};
use kernel::{Cx, Empty};
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    DeleteParameter: one, "ssm:DeleteParameter", access::named;
    DeleteParameters: several, "ssm:DeleteParameters", access::several;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct DeleteParameter { name: String = "Name" }

    #[derive(Debug)]
    pub(crate) struct DeleteParameters { names: Vec<String> = "Names" }

    #[derive(Debug)]
    pub(crate) struct Deleted {
        deleted: Vec<String> = "DeletedParameters",
        invalid: Vec<String> = "InvalidParameters",
    }
}

fn delete(cx: &mut Cx<'_>, parameter: &Parameter) -> Result<(), SsmError> {
    let key = Parameter::key(home(cx), &parameter.name);
    let older = HISTORY.scan(cx.tx, &key, Direction::Forward).map(|pair| pair.map(|(key, _)| key));
    let older = older.collect::<Result<Vec<_>, _>>()?;
    older.iter().for_each(|key| HISTORY.delete(cx.tx, key));
    PARAMETERS.delete(cx.tx, &key);
    tell(cx, "Delete", parameter);
    Ok(())
}

fn one(cx: &mut Cx<'_>, req: DeleteParameter) -> Result<Empty, SsmError> {
    let parameter = existing(cx, &req.name)?;
    delete(cx, &parameter)?;
    Ok(Empty)
}

fn several(cx: &mut Cx<'_>, req: DeleteParameters) -> Result<Deleted, SsmError> {
    let mut answer = Deleted { deleted: Vec::new(), invalid: Vec::new() };
    for name in req.names {
        match Parameter::load(cx.tx, home(cx), &name)? {
            Some(parameter) => {
                delete(cx, &parameter)?;
                answer.deleted.push(name);
            }
            None => answer.invalid.push(name),
        }
    }
    Ok(answer)
}
