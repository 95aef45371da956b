//! A host in virtual time, with the model beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use earmark::{Account, Clock as _, Device, Network, Policy, SignIn, Socket, SourceHandle, Status};
use earmark_backend::ServerAction;
use earmark_core::session::Announcement;
use earmark_core::{Codec, ConversationId, Encoding, FRAME_BYTES_MAX, FrameSeq, WallTime};
use earmark_core::{RecordingId, session};
use earmark_sim::world::{Life, Setting};
use earmark_tests::reference::{
    Answer, At, Disagreement, Found, Observation, Reference, SourceName,
};
use serde_json::json;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::action::{Action, SOURCES, Say, Size, Which};

/// An instant is over when so many turns of the executor have changed nothing.
const QUIET_TURNS: u32 = 64;
/// After this time a disk that was mended has all that waited for it: a seal that failed is tried
/// again after half a minute at most, an ending a few seconds later.
const MENDED_AFTER: Duration = Duration::from_secs(40);
/// What is left to do takes no longer than this: a server may be asked once an hour.
const SETTLE_LIMIT: Duration = Duration::from_secs(86_400);
/// How often it is looked at whether anything is left.
const LOOK_EVERY: Duration = Duration::from_secs(300);

/// A machine, its process, and the model of both.
pub(super) struct Host {
    pub(super) setting: Setting,
    pub(super) life: Option<Life>,
    pub(super) model: Reference,
    handles: BTreeMap<usize, SourceHandle>,
    codecs: BTreeMap<usize, Codec>,
    /// Frames that the latest capture of a source has taken.
    taken: BTreeMap<usize, u64>,
    /// Frames so far: no two are alike.
    frames: u64,
    /// Events that the model has heard.
    pub(super) heard: usize,
    /// The latest id that it has heard of.
    pub(super) latest: Option<RecordingId>,
    /// The source that the present step is about.
    pub(super) subject: SourceName,
    is_broken: bool,
}

pub(super) fn source(place: usize) -> SourceName {
    let names = [("pendant", "default"), ("pendant", "other"), ("phone", "default")];
    let (device, account) = names[place % SOURCES];
    SourceName {
        device: Device::new(device).expect("the name is short"),
        account: Account::new(account).expect("the name is short"),
    }
}

impl Host {
    pub(super) async fn start() -> Self {
        let setting = Setting::new(Policy::EVERYDAY, 7);
        let life = Life::start(&setting).await.expect("a disk without faults opens");
        Self {
            setting,
            life: Some(life),
            model: Reference::default(),
            handles: BTreeMap::new(),
            codecs: BTreeMap::new(),
            taken: BTreeMap::new(),
            frames: 0,
            heard: 0,
            latest: None,
            subject: source(0),
            is_broken: false,
        }
    }

    pub(super) fn at(&self) -> At {
        let stamp = self.setting.clock.stamp();
        At { moment: stamp.moment, wall: stamp.wall }
    }

    pub(super) fn hear(&mut self, observation: &Observation) -> Result<(), Disagreement> {
        let at = self.at();
        self.model.hear(at, observation)
    }

    /// One step of a history, and all that it has caused at its instant.
    pub(super) async fn act(&mut self, action: &Action) -> Result<(), Disagreement> {
        self.act_now(action).await?;
        self.observe().await
    }

    async fn act_now(&mut self, action: &Action) -> Result<(), Disagreement> {
        match action {
            Action::Start(place, codec) => self.start_capture(*place, *codec)?,
            Action::Stop(place) => {
                let source = self.subject(*place);
                self.tell(*place, |handle| handle.stop().is_ok());
                self.hear(&Observation::CaptureStopped { source })?;
            }
            Action::Burst(place, count, size) => {
                for _ in 0..*count {
                    self.push(*place, *size)?;
                }
            }
            Action::Paced(place, count, pace) => {
                for _ in 0..*count {
                    self.push(*place, Size::Right)?;
                    self.observe().await?;
                    self.wait(*pace).await?;
                }
            }
            Action::Mute(place, muted) => {
                let device = self.subject(*place).device;
                self.tell(*place, |handle| handle.mute(*muted).is_ok());
                self.hear(&Observation::Muted { device, muted: *muted })?;
            }
            Action::Socket(place, up) => self.socket(*place, *up)?,
            Action::Say(place, say, conversation) => self.say(*place, *say, *conversation)?,
            Action::Deliver(place, part) => self.deliver(*place, *part)?,
            Action::Finish(place) => {
                let source = self.subject(*place);
                self.tell(*place, |handle| handle.finish().is_ok());
                self.hear(&Observation::Finished { source })?;
            }
            Action::Wait(time) => self.wait(*time).await?,
            Action::Network(online) => self.network(*online)?,
            Action::Respond(answer) => self.script(ServerAction::Respond(vec![answer.clone()])),
            Action::RespondToPoll(answer) => {
                self.script(ServerAction::JobRespond(vec![answer.clone()]));
            }
            Action::Retry(which) => {
                let chosen = self.chosen(*which).await;
                self.runtime(|runtime| runtime.retry(chosen.clone()));
                self.hear(&Observation::Retried(chosen))?;
            }
            Action::Delete(which) => {
                let chosen = self.chosen(*which).await;
                self.runtime(|runtime| runtime.delete(chosen.clone()));
                self.hear(&Observation::Deleted(chosen))?;
            }
            Action::Jump(seconds) => self.setting.clock.jump(i64::from(*seconds) * 1_000_000),
            Action::Die { power_cut, unhandled } => {
                if let Some((place, count)) = unhandled {
                    for _ in 0..*count {
                        self.push(*place, Size::Right)?;
                    }
                }
                self.die(*power_cut).await?;
            }
            Action::Break(op, error) => {
                self.setting.disk.set_fault(*op, *error, -1);
                self.breaks()?;
            }
            Action::Fill => {
                self.setting.disk.set_full(true);
                self.breaks()?;
            }
            Action::Mend => self.mend().await?,
        }
        Ok(())
    }

    fn subject(&mut self, place: usize) -> SourceName {
        self.subject = source(place);
        self.subject.clone()
    }

    fn handle(&mut self, place: usize) -> &mut SourceHandle {
        let SourceName { device, account } = source(place);
        let life = self.life.as_ref().expect("the process runs between two steps");
        self.handles.entry(place).or_insert_with(|| {
            life.runtime().source(device, account).expect("there is room for a few sources")
        })
    }

    /// Has a source's handle do something that cannot be too much.
    fn tell(&mut self, place: usize, tell: impl FnOnce(&mut SourceHandle) -> bool) {
        assert!(tell(self.handle(place)), "a few messages are never too many");
    }

    fn runtime(&self, tell: impl FnOnce(&earmark::Runtime)) {
        tell(self.life.as_ref().expect("the process runs between two steps").runtime());
    }

    fn script(&self, action: ServerAction) {
        self.setting.network.script(action).expect("a few answers are never too many");
    }

    fn start_capture(&mut self, place: usize, codec: Codec) -> Result<(), Disagreement> {
        let encoding = Encoding::mono_16k(codec);
        let source = self.subject(place);
        self.tell(place, |handle| handle.start(encoding).is_ok());
        self.codecs.insert(place, codec);
        self.taken.insert(place, 0);
        self.hear(&Observation::CaptureStarted { source, encoding })
    }

    fn push(&mut self, place: usize, size: Size) -> Result<(), Disagreement> {
        let source = self.subject(place);
        let codec = self.codecs.get(&place).copied().unwrap_or(Codec::Opus);
        let right = Encoding::mono_16k(codec).frame_bytes().unwrap_or(80);
        let bytes = match size {
            Size::Right => right,
            Size::Largest => FRAME_BYTES_MAX,
            Size::TooLarge => FRAME_BYTES_MAX + 1,
            Size::Empty => 0,
        };
        self.frames += 1;
        let numbers = self.frames.to_le_bytes();
        let frame: Bytes = numbers.iter().cycle().take(bytes).copied().collect();
        let answer = match self.handle(place).push(frame.clone()) {
            Ok(Some(FrameSeq(seq))) => {
                let taken = self.taken.entry(place).or_default();
                if seq != *taken {
                    return Err(format!("frame {taken} was taken as number {seq}"));
                }
                *taken += 1;
                Answer::Taken
            }
            Ok(None) => Answer::Muted,
            Err(rejected) => Answer::Rejected(rejected.reason.to_string()),
        };
        self.hear(&Observation::Pushed { source, frame, answer })
    }

    fn socket(&mut self, place: usize, up: bool) -> Result<(), Disagreement> {
        let source = self.subject(place);
        let news = if up { Socket::Up } else { Socket::Down(1006) };
        self.tell(place, |handle| handle.socket(news).is_ok());
        self.hear(&if up {
            Observation::SocketUp { source }
        } else {
            Observation::SocketDown { source }
        })
    }

    fn say(&mut self, place: usize, say: Say, conversation: u8) -> Result<(), Disagreement> {
        let source = self.subject(place);
        let id = ConversationId::new(&format!("c{conversation}")).expect("the name is short");
        let now = self.at().wall.unix_seconds();
        let (text, announcement) = match say {
            Say::Ended => (
                json!({ "type": "memory_processing_started", "memory": { "id": id } }),
                Announcement::ProcessingStarted(Some(id)),
            ),
            Say::Nameless => (
                json!({ "type": "memory_processing_started", "memory": { "id": "" } }),
                Announcement::ProcessingStarted(None),
            ),
            Say::Ready => (
                json!({ "type": "memory_created", "memory": { "id": id } }),
                Announcement::ConversationEvent { conversation: Some(id), span: None },
            ),
            Say::ReadyOf(from, to) => {
                let (from, to) = (now - i64::from(from), now - i64::from(to));
                let memory = json!({ "id": id, "started_at": from, "finished_at": to });
                let wall = |seconds: i64| WallTime::from_unix_micros(seconds * 1_000_000);
                let span = Some((wall(from), wall(to)));
                (
                    json!({ "type": "memory_created", "memory": memory }),
                    Announcement::ConversationEvent { conversation: Some(id), span },
                )
            }
            Say::Carried => (
                json!({ "type": "conversation_session", "conversation_id": id }),
                Announcement::ConversationSession(Some(id)),
            ),
        };
        self.tell(place, |handle| handle.server_message(text.to_string()).is_ok());
        self.hear(&Observation::ServerSaid { source, announcement })
    }

    fn deliver(&mut self, place: usize, part: u8) -> Result<(), Disagreement> {
        let source = self.subject(place);
        let taken = self.taken.get(&place).copied().unwrap_or(0);
        let up_to = taken * u64::from(part) / 100;
        self.tell(place, |handle| handle.delivered(FrameSeq(up_to)).is_ok());
        self.hear(&Observation::Delivered { source, up_to })
    }

    fn network(&mut self, online: bool) -> Result<(), Disagreement> {
        if online {
            self.setting.network.come_online();
            self.runtime(|runtime| runtime.network(Network::Online));
        } else {
            self.setting.network.go_offline();
            self.runtime(|runtime| runtime.network(Network::Offline));
        }
        self.hear(&Observation::Network { online })
    }

    /// Time passes, once everything that has come in is handled.
    async fn wait(&mut self, time: Duration) -> Result<(), Disagreement> {
        self.settle().await;
        sleep(time).await;
        self.observe().await
    }

    async fn chosen(&self, which: Which) -> Option<Vec<RecordingId>> {
        let Which::One(place) = which else { return None };
        let there = self.status().await.recordings;
        let place = usize::from(place) % there.len().max(1);
        Some(there.get(place).map(|one| one.id).into_iter().collect())
    }

    pub(super) async fn status(&self) -> Status {
        let life = self.life.as_ref().expect("the process runs between two steps");
        life.runtime().status_now().await.expect("the runtime runs")
    }

    fn breaks(&mut self) -> Result<(), Disagreement> {
        self.is_broken = true;
        self.hear(&Observation::Disk { healthy: false })
    }

    async fn mend(&mut self) -> Result<(), Disagreement> {
        if !std::mem::take(&mut self.is_broken) {
            return Ok(());
        }
        self.heal();
        self.wait(MENDED_AFTER).await?;
        self.hear(&Observation::Disk { healthy: true })
    }

    fn heal(&self) {
        self.setting.disk.clear_faults();
        self.setting.disk.set_full(false);
    }

    /// The process dies, and starts again on a disk that does what it is asked to.
    async fn die(&mut self, power_cut: Option<u64>) -> Result<(), Disagreement> {
        let life = self.life.take().expect("the process runs between two steps");
        match power_cut {
            Some(seed) => {
                life.cut_power(&self.setting.network, seed).await;
                self.setting.clock.reboot();
            }
            None => life.kill(&self.setting.network).await,
        }
        self.handles.clear();
        self.hear(&Observation::Died { power_cut: power_cut.is_some() })?;
        self.heal();
        self.setting.network.come_online();
        let life = Life::start(&self.setting).await;
        self.life = Some(life.map_err(|error| format!("it does not start: {error}"))?);
        let found = earmark_store::inspect(&self.setting.disk.life());
        let found = found.map_err(|error| format!("its store cannot be read: {error}"))?;
        if !found.damage.is_empty() {
            return Err(format!("damage was found: {:?}", found.damage));
        }
        self.latest = found.ledger.recordings.keys().max().copied();
        self.hear(&Observation::Started(Found::from(&found.ledger)))?;
        self.is_broken = false;
        self.hear(&Observation::Disk { healthy: true })
    }

    /// Lets everything happen that this instant has caused, without letting time pass.
    pub(super) async fn settle(&self) {
        self.runtime(earmark::Runtime::take_frames);
        let (mut seen, mut quiet) = (self.activity(), 0);
        while quiet < QUIET_TURNS {
            yield_now().await;
            let now = self.activity();
            quiet = if now == seen { quiet + 1 } else { 0 };
            seen = now;
        }
    }

    fn activity(&self) -> (u64, u64, u64) {
        let setting = &self.setting;
        (setting.disk.operations(), setting.network.operations(), setting.happened.count())
    }

    async fn is_settled(&self) -> bool {
        let status = self.status().await;
        status.is_settled() && !status.recordings.iter().any(|one| one.needs_person)
    }

    /// A person signs in wherever the server wanted that.
    fn sign_in(&self) {
        for place in 0..SOURCES {
            let account = source(place).account;
            self.runtime(|runtime| runtime.account(account, SignIn::SignedIn));
        }
    }

    /// From now on all goes well: then everything is where it belongs.
    pub(super) async fn end_well(&mut self) -> Result<(), Disagreement> {
        self.mend().await?;
        self.network(true)?;
        for place in 0..SOURCES {
            self.act(&Action::Stop(place)).await?;
        }
        let mut passed = Duration::ZERO;
        while !self.is_settled().await {
            self.sign_in();
            self.wait(LOOK_EVERY).await?;
            passed += LOOK_EVERY;
            if passed > SETTLE_LIMIT {
                let left = self.status().await.recordings;
                let left: Vec<_> = left.iter().filter(|one| one.is_on_its_way()).collect();
                return Err(format!("it never comes to rest: {left:?}"));
            }
        }
        self.wait(session::LINK_WAIT).await?;
        let held = self.held();
        self.hear(&Observation::Settled(held))
    }
}
