//! Values that are good by themselves and cannot go together, or cannot be had.

use std::collections::BTreeMap;
use std::os::unix::net::SocketAddr as SocketPath;
use std::path::Path;

use super::key::Section;
use super::{At, Config, Input, Reader};

impl Reader {
    pub(super) fn refuse_conflicts(&mut self, config: &Config) {
        let at = (Section::Host, None);
        if self.settings.is_given(at.0, at.1, "control_socket") {
            self.refuse_long(at, "control_socket", &config.control_socket);
        }
        self.refuse_same_places(config);
    }

    /// Nobody can listen where somebody else does.
    fn refuse_same_places(&mut self, config: &Config) {
        let mut paths = BTreeMap::from([(config.control_socket.as_path(), "the control socket")]);
        let mut ports: BTreeMap<_, _> =
            config.status.listen.iter().map(|listen| (listen, "status.listen")).collect();
        for source in &config.sources {
            let (name, at) = (source.name.as_str(), (Section::Source, Some(source.name.as_str())));
            match &source.input {
                Input::Unix { path } => {
                    self.refuse_long(at, "path", path);
                    self.refuse_taken(at, "path", paths.insert(path, name));
                }
                // The system picks a port of its own for each who asks for none.
                Input::Tcp { listen } if listen.port() != 0 => {
                    self.refuse_taken(at, "listen", ports.insert(listen, name));
                }
                Input::Tcp { .. }
                | Input::Wav { .. }
                | Input::Stdin { .. }
                | Input::Microphone { .. } => {}
            }
        }
    }

    fn refuse_taken(&mut self, at: At<'_>, key: &str, other: Option<&str>) {
        if let Some(other) = other {
            let what = format!("{other} listens there, too; give each a place of its own");
            self.refuse(at, key, what);
        }
    }

    fn refuse_long(&mut self, at: At<'_>, key: &str, path: &Path) {
        if !can_be_a_socket(path) {
            self.refuse(at, key, format!("{} is too long for a socket's path", path.display()));
        }
    }
}

/// Whether the system can listen at a path: one that is too long is never taken.
pub(super) fn can_be_a_socket(path: &Path) -> bool {
    SocketPath::from_pathname(path).is_ok()
}
