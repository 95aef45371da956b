//! What is wrong with a configuration that can be used all the same.

use std::path::Path;

use super::conflict::can_be_a_socket;
use super::{Config, TokenSource};
use crate::credentials::mode_for_others;

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
