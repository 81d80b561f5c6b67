//! StartPipe and StopPipe.

use super::settled;
use super::view::Short;
use crate::pipes::access;
use crate::pipes::errors::PipesError;
use crate::pipes::model::Phase;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    StartPipe: start, "pipes:StartPipe", access::pipe;
    StopPipe: stop, "pipes:StopPipe", access::pipe;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct OnePipe { name: String = "Name" }
}

fn start(cx: &mut Cx<'_>, req: OnePipe) -> Result<Short, PipesError> {
    turn(cx, &req.name, true)
}

fn stop(cx: &mut Cx<'_>, req: OnePipe) -> Result<Short, PipesError> {
    turn(cx, &req.name, false)
}

fn turn(cx: &mut Cx<'_>, name: &str, runs: bool) -> Result<Short, PipesError> {
    let mut pipe = settled(cx, name)?;
    let is_so = if runs { pipe.phase == Phase::Running } else { pipe.phase == Phase::Stopped };
    if !is_so {
        pipe.phase = if runs { Phase::Starting } else { Phase::Stopping };
        pipe.runs = runs;
        pipe.modified = cx.now;
        pipe.revision += 1;
        pipe.save(cx.tx);
    }
    Ok(Short::of(&pipe))
}
