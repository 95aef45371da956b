//! `[live]`: what the live sockets ask of the server.

use std::collections::BTreeMap;

use earmark::{Account, ListenQuery};

use super::key::Section;
use super::{At, Reader};

impl Reader {
    pub(super) fn live(&mut self) -> Option<ListenQuery> {
        let at = (Section::Live, None);
        let query = ListenQuery {
            language: self.text(at, "language")?,
            uids: BTreeMap::new(),
            include_speech_profile: self.flag(at, "include_speech_profile")?,
            stt_service: self.text(at, "stt_service"),
            conversation_timeout: u32::try_from(self.whole(at, "conversation_timeout")?).ok()?,
            source: self.text(at, "source"),
            custom_stt: self.flag(at, "custom_stt")?,
            onboarding: self.flag(at, "onboarding")?,
            client_conversation_id: self.flag(at, "client_conversation_id")?,
            speaker_auto_assign: self.flag(at, "speaker_auto_assign"),
            create_speakers: self.flag(at, "create_speakers"),
            vad_gate: self.text(at, "vad_gate"),
            call_id: self.text(at, "call_id"),
            conversation_role: self.text(at, "conversation_role"),
        };
        self.refuse_faults(at, &query);
        Some(ListenQuery { uids: self.uids(), ..query })
    }

    /// What the server calls each account. An account that cannot be one is refused elsewhere.
    fn uids(&mut self) -> BTreeMap<Account, String> {
        let mut uids = BTreeMap::new();
        for name in self.settings.names_of(Section::Account) {
            let at = (Section::Account, Some(name.as_str()));
            let (Some(uid), Ok(account)) = (self.text(at, "uid"), Account::new(&name)) else {
                continue;
            };
            let own = BTreeMap::from([(account.clone(), uid.clone())]);
            self.refuse_faults(at, &ListenQuery { uids: own, ..ListenQuery::default() });
            uids.insert(account, uid);
        }
        uids
    }

    /// What no query can carry is refused by the key that it comes from.
    fn refuse_faults(&mut self, at: At<'_>, query: &ListenQuery) {
        for fault in query.faults() {
            self.refuse(at, fault.parameter(), fault.to_string());
        }
    }
}
