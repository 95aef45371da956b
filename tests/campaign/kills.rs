//! SIGKILL of the real program, on real files, in three ways.
//!
//! Many kills end a writer on the bare store, which tells what it was promised: `chain`. Few end
//! the whole program while it plays a feed against a server: `end_to_end`. And hosts that stream
//! are killed, to see how much audio that costs: `window`.

mod chain;
mod end_to_end;
mod fast;
mod judge;
mod life;
mod model;
mod oracle;
mod points;
mod program;
mod told;
mod trial;
mod window;

use std::thread;

use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;

pub(crate) use judge::{Judge, Promise, Wrong};
pub(crate) use life::{End as LifeEnd, Life, complaint, start};
pub(crate) use oracle::content;
pub(crate) use program::Program;
pub(crate) use told::Told;
pub(crate) use window::{Windows, arguments as stream_arguments, moment as moment_between};

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let program = Program::find()?;
    let mut outcome = Outcome { unit: "kills", ..Outcome::default() };
    let (many, whole) = (fast::Counts::default(), end_to_end::Counts::default());
    fast::control(slice, &program, &mut outcome);
    end_to_end::control(slice, &program, &mut outcome)?;
    thread::scope(|scope| {
        scope.spawn(|| fast::run(slice, &program, &many));
        end_to_end::run(slice, &program, &whole);
    });
    many.write(&mut outcome);
    whole.write(&mut outcome);
    window::run(slice, &program, &mut outcome);
    Ok(outcome)
}
