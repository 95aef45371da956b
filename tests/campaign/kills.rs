//! placeholder
use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
pub(crate) fn run(_: &Slice) -> Result<Outcome, CannotRun> {
    Err(CannotRun(String::from("placeholder")))
}
