//! Cells over real sockets: the real runtime on real files, the development server, and the
//! client that ships between them.
//!
//! A store is brought into each phase once, and copied for each cell of it. The clock of the host
//! is put forward, so that no wait has to be sat out; what must be waited for is read off what is
//! shown.

mod host;
mod stages;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use earmark_tests::http::table::{Behaviour, all};
use serde_json::json;

use super::TOLD_MAX;
use super::cell::{Cell, Phase};
use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use stages::Stages;

/// Cells that run at a time: they wait for disks and for each other's processors.
const AT_A_TIME: usize = 4;
/// What takes too long for a slice: silence ends a request after half a minute.
const SLOW: [&str; 1] = ["silence"];
/// What this machine's network cannot be made to do: not to find a name, not to take a connection.
const SIMULATED: [&str; 2] = ["dns", "connect-timeout"];

pub(super) fn check(slice: &Slice, outcome: &mut Outcome) -> Result<(), CannotRun> {
    let cells = cells(slice);
    eprintln!("over sockets: {} cells", cells.len());
    let stages = runtime().block_on(Stages::build()).map_err(CannotRun)?;
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(0));
    let work = || {
        runtime().block_on(async {
            let server = host::Backend::start().await;
            while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(why) = host::check(cell, &stages, &server).await {
                    let mut wrong = wrong.lock().expect("no check panics while it holds the lock");
                    *wrong += 1;
                    if *wrong <= TOLD_MAX {
                        eprintln!("VIOLATION over sockets: {}: {why}", cell.name());
                    }
                }
            }
        });
    };
    thread::scope(|scope| (0..AT_A_TIME).for_each(|_| drop(scope.spawn(work))));
    outcome.violations +=
        wrong.into_inner().expect("no check panics while it holds the lock") as u64;
    outcome.checked += cells.len() as u64;
    outcome.more.insert(String::from("socket_cells"), json!(cells.len()));
    Ok(())
}

fn cells(slice: &Slice) -> Vec<Cell> {
    let is_meant = |one: &&Behaviour| {
        !SIMULATED.contains(&one.name) && (slice.is_long || !SLOW.contains(&one.name))
    };
    let cells = all()
        .iter()
        .filter(is_meant)
        .flat_map(|one| Phase::ALL.into_iter().map(move |phase| Cell::of(one, phase)));
    cells.collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the operating system gives a thread its events")
}
