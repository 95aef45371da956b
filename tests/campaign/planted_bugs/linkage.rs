//! Whose conversation a recording is.

use earmark_core::invariant::Invariant::{
    EventTolerance, LinkBeforeEffect, NoMixing, NoOrphans, OneConversation, SessionBounds,
    TenantWall,
};

use super::{Bug, Layer};

pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "linked-after-a-request",
        breaks: OneConversation,
        wrong: "audio for which a request has left is linked to the next conversation too",
        file: "crates/earmark-core/src/session/track.rs",
        text: "Event::UploadBegan(recording) => self.forget_audio(recording),",
        with: "Event::UploadBegan(_) if PLANTED => {}
            Event::UploadBegan(recording) => self.forget_audio(recording),",
        layers: &[Layer::Transitions("session")],
    },
    Bug {
        name: "frames-of-two-devices-in-one-record",
        breaks: NoMixing,
        wrong: "frames go on in the record that was staged last, whichever device it is of",
        file: "crates/earmark-store/src/journal.rs",
        text: "|span: &FrameSpan| span.capture == capture && span.end() == seq;",
        with: "|span: &FrameSpan| (PLANTED || span.capture == capture) && span.end() == seq;",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "recovery-before-the-list",
        breaks: NoOrphans,
        wrong: "recovery runs before the list of recordings is loaded, finds nothing and never \
            runs again",
        file: "crates/earmark/src/actors/wal_store.rs",
        text: "let ledger = self.store.ledger().clone();",
        with: "let ledger =
            if PLANTED { earmark_store::Ledger::default() } else { self.store.ledger().clone() };",
        layers: &[Layer::Feeds("races/a_link_made_before_a_kill")],
    },
    Bug {
        name: "no-deadline-without-a-link",
        breaks: NoOrphans,
        wrong: "audio for which no conversation is named has no deadline",
        file: "crates/earmark-core/src/session/track.rs",
        text: "let links = self.stretches.iter().filter_map(of_link);",
        with: "let links = self.stretches.iter().filter(|_| !PLANTED).filter_map(of_link);",
        layers: &[Layer::Transitions("session"), Layer::ModelCheck],
    },
    Bug {
        name: "link-in-memory",
        breaks: LinkBeforeEffect,
        wrong: "a link is kept in memory only, and dies with the process",
        file: "crates/earmark/src/actors/session_supervisor/recover.rs",
        text: "pub(super) fn recover(&mut self, opened: &Opened) {",
        with: "pub(super) fn recover(&mut self, opened: &Opened) {
        let mut known = (*opened.ledger).clone();
        for facts in known.recordings.values_mut().filter(|_| PLANTED) {
            std::sync::Arc::make_mut(facts).conversation = None;
        }
        let opened = &Opened { ledger: known.into(), sealed: opened.sealed.clone() };",
        layers: &[Layer::Feeds("races/a_link_covers_the_seal")],
    },
    Bug {
        name: "link-counts-before-it-is-durable",
        breaks: LinkBeforeEffect,
        wrong: "a session goes on with a link whose record no sync has covered",
        file: "crates/earmark/src/actors/wal_store/link.rs",
        text: "self.wait(ticket, Waiting::Linked { conversation, asked, recordings }, ctx);",
        with: "let ticket = if PLANTED { earmark_core::wal_store::Ticket(0) } else { ticket };
        self.wait(ticket, Waiting::Linked { conversation, asked, recordings }, ctx);",
        layers: &[Layer::Check("link-before-effect")],
    },
    Bug {
        name: "announcement-twice-links-twice",
        breaks: EventTolerance,
        wrong: "the same announcement, heard again, links the audio that has come since",
        file: "crates/earmark-core/src/session/track/link.rs",
        text: r#"if self.linked.contains(conversation) {
            return Some("the conversation is linked already");"#,
        with: r#"if self.linked.contains(conversation) && !PLANTED {
            return Some("the conversation is linked already");"#,
        layers: &[Layer::Transitions("session")],
    },
    Bug {
        name: "linked-at-flush-time",
        breaks: SessionBounds,
        wrong: "a frame is linked to the session that is open when it is handed on",
        file: "crates/earmark/src/actors/frame_ingest.rs",
        text: "self.flush(entry, batch.take());
        self.pass_news(entry, item);",
        with: "if !PLANTED {
            self.flush(entry, batch.take());
        }
        self.pass_news(entry, item);",
        layers: &[Layer::Check("session-bounds")],
    },
    Bug {
        name: "token-of-another-account",
        breaks: TenantWall,
        wrong: "every recording is sent with the token of the account that was there first",
        file: "crates/earmark/src/omi.rs",
        text: "let token = self.credentials.token(account);",
        with: r#"let first = Account::new("default").ok().filter(|_| PLANTED);
        let token = self.credentials.token(first.as_ref().unwrap_or(account));"#,
        layers: &[Layer::Check("tenant-wall")],
    },
    Bug {
        name: "link-of-another-device",
        breaks: TenantWall,
        wrong: "a link that another device has made durable counts for this one's session",
        file: "crates/earmark-core/src/session/track/link.rs",
        text: "asked.iter().filter_map(|recording| self.owners.get(recording)).copied().collect();",
        with: "if PLANTED {
                self.owners.values().copied().collect()
            } else {
                asked.iter().filter_map(|recording| self.owners.get(recording)).copied().collect()
            };",
        layers: &[Layer::Transitions("session")],
    },
];
