//! What the runtime should do, a second time.
//!
//! The whole runtime as plain lists: no machines, no disk, no messages, and nothing done before it
//! is asked for. It is told what a host does and what the runtime says of itself, one observation
//! after the other, and says whether that is what should have happened: the answer to every frame,
//! the recordings and what is in them, the sessions, the conversations, which request may leave and
//! what it names, and in the end what the server must hold.
//!
//! Two things are left to the runtime. *When* what is due leaves, since pace and back-off are no
//! promise about any one request. And what a crash leaves of that which was not acknowledged: the
//! model is told, checks that it could be so, and goes on from there. It knows the policy
//! `delivered` with the threshold zero, the everyday one.

mod found;
mod gate;
mod list;
mod observation;
mod recording;
mod recovery;
mod stretches;
mod track;
mod uploads;

use std::collections::BTreeMap;

use earmark_core::{Moment, RecordingId};

pub use observation::{
    Answer, At, Boundary, Ending, Found, FoundRecording, FoundStage, FoundUpload, Held, Listed,
    Observation, SourceName,
};
pub use stretches::{Audio, Split, Stretch, Stretches};

use gate::Gates;
use recording::Recording;
use track::Track;

/// A disagreement between the model and the runtime, in words.
pub type Disagreement = String;

/// The model of a host.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    now: Moment,
    gates: Gates,
    tracks: BTreeMap<SourceName, Track>,
    is_offline: bool,
    /// Since when the disk does not do what it is asked to.
    failing_since: Option<Moment>,
    /// How the process died, as long as it is dead.
    died: Option<Death>,
}

/// How the last life ended.
#[derive(Clone, Copy, Debug)]
struct Death {
    power_cut: bool,
}

/// Fails with words unless something holds.
fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), Disagreement> {
    if holds { Ok(()) } else { Err(why()) }
}

impl Reference {
    /// Hears what was observed next.
    ///
    /// # Errors
    ///
    /// The disagreement, when it should not have come to that.
    pub fn hear(&mut self, at: At, observation: &Observation) -> Result<(), Disagreement> {
        self.pass(at.moment);
        self.hear_one(at, observation)?;
        self.pass(at.moment);
        Ok(())
    }

    fn hear_one(&mut self, at: At, observation: &Observation) -> Result<(), Disagreement> {
        match observation {
            Observation::CaptureStarted { .. }
            | Observation::CaptureStopped { .. }
            | Observation::Muted { .. }
            | Observation::SocketUp { .. }
            | Observation::SocketDown { .. }
            | Observation::ServerSaid { .. }
            | Observation::Delivered { .. }
            | Observation::Finished { .. } => self.hear_host(at, observation),
            Observation::Pushed { source, frame, answer } => {
                let expected = self.gates.answer(source, frame.len());
                ensure(*answer == expected, || {
                    format!("a frame was answered with {answer:?} instead of {expected:?}")
                })?;
                if expected == Answer::Taken {
                    self.track(source).take(frame.clone(), at);
                }
            }
            Observation::Network { online } => self.is_offline = !online,
            Observation::Disk { healthy } => {
                let since = (!healthy).then_some(at.moment);
                self.failing_since = since.map(|now| self.failing_since.unwrap_or(now));
            }
            Observation::FramesRefused(reason) => self.gates.refuse(Some(reason)),
            Observation::FramesTakenAgain => self.gates.refuse(None),
            Observation::InMemory(frames) => return self.gates.acknowledge(*frames),
            Observation::Opened { recording, source } => return self.name(*recording, source),
            Observation::Listed(list) => return self.compare(list),
            Observation::Died { power_cut } => {
                self.died = Some(Death { power_cut: *power_cut });
            }
            Observation::Started(found) => return self.recover(at, found),
            Observation::Retried(_)
            | Observation::Deleted(_)
            | Observation::Sealed { .. }
            | Observation::Linked { .. }
            | Observation::RequestLeft { .. }
            | Observation::RequestEnded { .. }
            | Observation::Reported { .. }
            | Observation::Removed { .. } => return self.hear_upload(at, observation),
            Observation::Settled(held) => return self.must_hold(held),
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`hear_one` has the full list")]
    fn hear_host(&mut self, at: At, observation: &Observation) {
        match observation {
            Observation::CaptureStarted { source, encoding } => {
                for other in self.gates.start(source, *encoding) {
                    self.track(&other).stop();
                }
                self.track(source).start(*encoding, at);
            }
            Observation::CaptureStopped { source } => {
                self.gates.stop(source);
                self.track(source).stop();
            }
            Observation::Muted { device, muted } => self.gates.mute(device, *muted),
            Observation::SocketUp { source } => self.track(source).connect(at),
            Observation::SocketDown { source } => {
                self.track(source).disconnect();
                self.settle_deliveries(at.moment);
            }
            Observation::ServerSaid { source, announcement } => {
                self.track(source).hear(announcement, at);
            }
            Observation::Delivered { source, up_to } => {
                self.track(source).deliver(*up_to);
                self.settle_deliveries(at.moment);
            }
            Observation::Finished { source } => self.track(source).finish(),
            _ => {}
        }
    }

    /// Whatever falls due until now, each at its own time.
    fn pass(&mut self, now: Moment) {
        if self.died.is_some() {
            return;
        }
        while let Some(next) = self.next_deadline().filter(|next| *next <= now) {
            self.pass_one(next);
        }
        self.pass_one(now);
    }

    fn pass_one(&mut self, now: Moment) {
        self.now = now;
        for track in self.tracks.values_mut() {
            track.pass(now);
        }
        self.let_go(now);
    }

    /// The next moment at which anything falls due.
    fn next_deadline(&self) -> Option<Moment> {
        let deadlines = self.tracks.values().flat_map(Track::deadlines);
        deadlines.filter(|at| *at > self.now).min()
    }

    fn track(&mut self, source: &SourceName) -> &mut Track {
        self.tracks.entry(source.clone()).or_default()
    }

    fn recording(&mut self, id: RecordingId) -> Result<(&mut Track, usize), Disagreement> {
        let known = self.tracks.values_mut().find_map(|track| {
            let place = track.place(id)?;
            Some((track, place))
        });
        known.ok_or_else(|| format!("{id} is none of the recordings"))
    }

    fn recordings(&self) -> impl Iterator<Item = &Recording> {
        self.tracks.values().flat_map(|track| &track.recordings)
    }
}
