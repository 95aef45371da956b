//! A history as a feed that `earmark play` can play.

use earmark_core::{ConversationId, Moment};
use serde_json::json;

/// The lines of a feed, from the start on.
#[derive(Debug)]
pub(super) struct Story {
    start: Moment,
    lines: Vec<String>,
    last_at: f64,
}

impl Story {
    pub(super) const fn beginning(start: Moment) -> Self {
        Self { start, lines: Vec::new(), last_at: 0.0 }
    }

    fn line(&mut self, at: Moment, what: &str, fields: &serde_json::Value) {
        let at = at.since(self.start).as_secs_f64();
        // A feed's time never falls; what came within a run of frames is told behind it.
        self.last_at = self.last_at.max(at);
        let mut line = json!({ "at": self.last_at, "do": what });
        if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
            line.extend(fields.clone());
        }
        self.lines.push(line.to_string());
    }

    fn of_device(&mut self, at: Moment, what: &str) {
        self.line(at, what, &json!({ "device": "pendant" }));
    }

    pub(super) fn start(&mut self, at: Moment) {
        self.line(at, "capture.start", &json!({ "device": "pendant", "codec": "opus" }));
    }

    pub(super) fn stop(&mut self, at: Moment) {
        self.of_device(at, "capture.stop");
    }

    pub(super) fn speak(&mut self, at: Moment, count: u64) {
        self.line(at, "frames", &json!({ "device": "pendant", "count": count }));
    }

    pub(super) fn connect(&mut self, at: Moment) {
        self.of_device(at, "socket.up");
    }

    pub(super) fn disconnect(&mut self, at: Moment) {
        self.of_device(at, "socket.down");
    }

    pub(super) fn finish(&mut self, at: Moment) {
        self.of_device(at, "user.finish");
    }

    pub(super) fn announce(&mut self, at: Moment, id: Option<&ConversationId>, kind: &str) {
        let id = id.map(ConversationId::as_str);
        let text = json!({ "type": kind, "memory": { "id": id } });
        self.line(at, "server.message", &json!({ "device": "pendant", "text": text }));
    }

    pub(super) fn crash(&mut self, at: Moment) {
        self.line(at, "kill", &json!({}));
        self.line(at, "restart", &json!({}));
    }

    /// The feed; what the disk and the uploads did in between is theirs again when it is played.
    pub(super) fn to_feed(&self, why: &str) -> String {
        format!("# {why}\n{}\n", self.lines.join("\n"))
    }
}
