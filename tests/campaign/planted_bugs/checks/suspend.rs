//! X2: what fell due while the machine slept happens once, soon after it woke up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use earmark::{Clock, Event, Numbered, Runtime, Stamp};
use earmark_backend::ServerAction;
use earmark_backend::script::Answer;
use earmark_core::invariant::environment;
use earmark_sim::world::{Happened, Setting, VirtualClock};

use super::world::{pass, record, tell};
use super::{ensure, text};

/// How long the machine sleeps.
const SLEEP: Duration = Duration::from_secs(3 * 3_600);
/// Within this time of being awake a deadline that has passed is found.
const SOON: Duration = Duration::from_secs(65);
/// Longer than anything waits that happens once.
const LONG: Duration = Duration::from_secs(900);
/// How long the server wants to be left alone.
const RETRY_AFTER: &str = "7200";

/// The clocks of a machine that has slept: they go on, and timers do not.
struct Sleeper {
    awake: Arc<VirtualClock>,
    slept_micros: AtomicU64,
}

impl Sleeper {
    fn sleep(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.slept_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for Sleeper {
    fn stamp(&self) -> Stamp {
        let slept = Duration::from_micros(self.slept_micros.load(Ordering::Relaxed));
        let Stamp { boot, moment, wall } = self.awake.stamp();
        Stamp { boot, moment: moment + slept, wall: wall + slept }
    }
}

pub(super) fn suspend() -> Result<(), String> {
    tell(async |setting| {
        let sleeper =
            Sleeper { awake: Arc::clone(&setting.clock), slept_micros: AtomicU64::new(0) };
        let sleeper = Arc::new(sleeper);
        let runtime = start(&setting, &sleeper).await?;
        let refusal = Answer {
            status: 503,
            body: None,
            headers: vec![(String::from("retry-after"), RETRY_AFTER.to_owned())],
            delay: Duration::ZERO,
            fault: None,
            stored: None,
        };
        setting.network.script(ServerAction::Respond(vec![refusal])).map_err(text)?;
        let _source = record(&runtime, "pendant", "default").await?;
        expect(&setting, 0, "before the wait for a link is over")?;
        sleeper.sleep(SLEEP);
        pass(SOON).await;
        expect(&setting, 1, "after the wait for a link is over")?;
        sleeper.sleep(SLEEP);
        pass(SOON).await;
        expect(&setting, 2, "after the time that the server told is over")?;
        sleeper.sleep(SLEEP);
        pass(LONG).await;
        expect(&setting, 2, "when everything is done")
    })
}

async fn start(setting: &Setting, sleeper: &Arc<Sleeper>) -> Result<Runtime, String> {
    let happened: Arc<Happened> = Arc::clone(&setting.happened);
    let observer = move |event: &Numbered| happened.add(event);
    let builder = setting.process_on(Arc::new(setting.disk.life()));
    let builder = builder.clock(sleeper.clone()).observer(Box::new(observer));
    builder.start_here().await.map_err(text)
}

/// Whether so many requests have left.
fn expect(setting: &Setting, requests: u32, when: &str) -> Result<(), String> {
    let is_request = |one: &&Numbered| matches!(one.event, Event::UploadStarted { .. });
    let left = setting.happened.look(|events| events.iter().filter(is_request).count() as u32);
    // Each of the waits is one deadline.
    environment::suspend((1 + left).saturating_sub(requests)).map_err(text)?;
    ensure(left == requests, || format!("{left} of {requests} requests have left {when}"))
}
