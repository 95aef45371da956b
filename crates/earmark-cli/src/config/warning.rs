//! What is wrong with a configuration that can be used all the same.

use std::path::Path;

use super::conflict::can_be_a_socket;
use super::{Config, TokenSource};
use crate::credentials::mode_for_others;

/// Less than this is taken by the journal's files, of which there are two and a reserve, before the
/// first frame.
const STORE_BYTES_MIN: u64 = 9 << 20;

impl Config {
    /// What a person should change, in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let files = self.accounts.iter().filter_map(|account| file_of(&account.token));
        let files = files.chain(self.status.token_file.as_deref());
        let mut warnings: Vec<String> = files.filter_map(of_token_file).collect();
        if !can_be_a_socket(&self.control_socket) {
            let path = self.control_socket.display();
            warnings.push(format!(
                "{path} is too long for a socket's path, so that nobody can mute; set \
                 host.control_socket to a shorter one"
            ));
        }
        if self.store.bytes_max.is_some_and(|max| max < STORE_BYTES_MIN) {
            warnings.push(String::from(
                "the journal's files alone take store.bytes_max, so that no frame is ever taken; \
                 set it to 9 MiB or more, or to 0 for no limit",
            ));
        }
        warnings.extend(self.server.in_the_clear());
        warnings
    }
}

fn file_of(token: &TokenSource) -> Option<&Path> {
    match token {
        TokenSource::File(path) => Some(path),
        TokenSource::Variable(_) | TokenSource::Command(_) => None,
    }
}

/// A token that others may read is theirs.
fn of_token_file(path: &Path) -> Option<String> {
    let (mode, path) = (mode_for_others(path)?, path.display());
    Some(format!("others may read the token in {path} (mode {mode:o}): chmod 600 {path}"))
}
