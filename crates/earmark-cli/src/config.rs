//! The configuration of a capture host: one TOML file, and variables that override it.
//!
//! `docs/configuration.md` has every key; `key.rs` is the list that it follows from.

mod command;
mod conflict;
mod fault;
mod init;
mod key;
mod live;
mod settings;
mod source;
mod value;
mod warning;

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use earmark::{Account, Api, Delivery, ListenQuery, Policy};

use fault::Refused;
use key::Section;
use settings::{CONFIG_BYTES_MAX, Settings};
use value::Datum;

pub(crate) use command::run;
pub(crate) use source::{Input, SourceConfig, StdinFormat};

/// How long it may take to read a configuration.
const READ_SECONDS_MAX: u64 = 5;
/// The most sources of one host.
pub(crate) const SOURCES_MAX: usize = 64;

/// What a host is to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    /// `[live]`, and the `uid` of each account.
    pub(crate) live: ListenQuery,
    pub(crate) accounts: Vec<AccountConfig>,
    pub(crate) store: StoreConfig,
    pub(crate) status: StatusConfig,
    pub(crate) log: LogConfig,
    pub(crate) stop_max: Duration,
    pub(crate) ends_with_sources: bool,
    pub(crate) control_socket: PathBuf,
    pub(crate) sources: Vec<SourceConfig>,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServerConfig {
    pub(crate) url: String,
    pub(crate) live: bool,
    pub(crate) api: Api,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) uploads_in_flight_max: usize,
    pub(crate) requests_per_minute_max: usize,
}

impl ServerConfig {
    /// What to say when tokens and audio can be read on their way to the server.
    pub(crate) fn in_the_clear(&self) -> Option<String> {
        let rest = self.url.trim().strip_prefix("http://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let name = match host.rsplit_once(':') {
            Some((name, port)) if is_port(port) => name,
            Some(_) | None => host,
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let is_here = name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        (!is_here).then(|| {
            format!("{}: tokens and audio travel there in the clear, for all to read", self.url)
        })
    }
}

/// `[account.NAME]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AccountConfig {
    pub(crate) account: Account,
    pub(crate) token: TokenSource,
}

/// Where a token comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenSource {
    /// An environment variable.
    Variable(String),
    /// A file.
    File(PathBuf),
    /// What a program prints.
    Command(Vec<String>),
}

/// `[store]`; no limit is `u64::MAX`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoreConfig {
    pub(crate) data_dir: PathBuf,
    pub(crate) policy: Policy,
    pub(crate) bytes_max: Option<u64>,
    pub(crate) free_bytes_min: u64,
    pub(crate) warn_percent: u64,
    /// How long a synced recording stays; for ever without it.
    pub(crate) retention: Option<Duration>,
    pub(crate) synced_bytes_max: Option<u64>,
}

/// `[status]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusConfig {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) token_file: Option<PathBuf>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogConfig {
    pub(crate) is_json: bool,
    pub(crate) level: String,
    pub(crate) repeats_per_minute_max: u32,
}

impl Config {
    /// Reads a file and the variables of the environment.
    pub(crate) fn load(
        path: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Refused> {
        let text = read(path).map_err(|what| Refused::file(path, what))?;
        Self::parse(path, &text, variables)
    }

    fn parse(
        path: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Refused> {
        let mut reader = Reader {
            settings: Settings::read(path, text, variables)?,
            base: path.parent().map_or_else(PathBuf::new, Path::to_path_buf),
        };
        let config = reader.config();
        let faults = reader.settings.faults;
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            Some(_) | None => Err(Refused(faults)),
        }
    }
}

/// Reads a file, or a pipe. One that nobody writes to would be waited for without end.
fn read(path: &Path) -> Result<String, String> {
    let (told, text) = mpsc::channel();
    let path = path.to_owned();
    std::thread::spawn(move || told.send(read_to_end(&path)));
    let text = text.recv_timeout(Duration::from_secs(READ_SECONDS_MAX));
    text.unwrap_or_else(|_| {
        Err(format!("it did not come to its end within {READ_SECONDS_MAX} s; name a file"))
    })
}

fn read_to_end(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| format!("it cannot be opened: {error}"))?;
    let mut text = String::new();
    let mut bounded = file.take(CONFIG_BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(|error| format!("it cannot be read: {error}"))?;
    if text.len() as u64 > CONFIG_BYTES_MAX {
        return Err(format!("it has more than {CONFIG_BYTES_MAX} bytes"));
    }
    Ok(text)
}

/// Values on their way to be a [`Config`]. A value that is refused is noted, and reading goes on,
/// so that everything that is wrong is said at once.
struct Reader {
    settings: Settings,
    base: PathBuf,
}

type At<'a> = (Section, Option<&'a str>);

impl Reader {
    fn config(&mut self) -> Option<Config> {
        let server = self.server();
        let accounts = self.accounts();
        let live = self.live();
        let store = self.store();
        let status = self.status();
        let log = self.log();
        let stop_max = self.whole((Section::Host, None), "stop_seconds_max");
        let ends_with_sources = self.flag((Section::Host, None), "ends_with_sources");
        let control_socket = self.path((Section::Host, None), "control_socket");
        let sources = self.sources();
        let store = store?;
        let config = Config {
            server: server?,
            live: live?,
            accounts,
            control_socket: control_socket.unwrap_or_else(|| store.data_dir.join("control.sock")),
            store,
            status: status?,
            log: log?,
            stop_max: Duration::from_secs(stop_max?),
            ends_with_sources: ends_with_sources?,
            sources,
        };
        self.refuse_conflicts(&config);
        Some(config)
    }

    fn server(&mut self) -> Option<ServerConfig> {
        let at = (Section::Server, None);
        let url = self.text(at, "url");
        if let Some(Err(fault)) = url.as_deref().map(earmark::check_server_url) {
            self.refuse(at, "url", fault.to_string());
        }
        let api = self.text(at, "api")?;
        Some(ServerConfig {
            url: url?,
            live: self.flag(at, "live")?,
            api: if api == "v1" { Api::V1 } else { Api::V2 },
            root_certificate: self.path(at, "root_certificate"),
            uploads_in_flight_max: self.count(at, "uploads_in_flight_max")?,
            requests_per_minute_max: self.count(at, "requests_per_minute_max")?,
        })
    }

    fn accounts(&mut self) -> Vec<AccountConfig> {
        self.settings.refuse_same_spelling(Section::Account);
        let names = self.settings.names_of(Section::Account);
        names.iter().filter_map(|name| self.account(name)).collect()
    }

    fn account(&mut self, name: &str) -> Option<AccountConfig> {
        let at = (Section::Account, Some(name));
        let account = self.checked(at, "", Account::new(name));
        let token = self.token_source(at);
        Some(AccountConfig { account: account?, token: token? })
    }

    /// The one source of a token that is given. One that a variable gives takes the place of what
    /// the file has, be it of another kind.
    fn token_source(&mut self, at: At<'_>) -> Option<TokenSource> {
        let expected = "expected one of token_env, token_file and token_command";
        let (settings, keys) = (&self.settings, ["token_env", "token_file", "token_command"]);
        let is_given = |key: &&str| settings.is_given(at.0, at.1, key);
        let is_variable =
            |key: &&str| matches!(settings.place(at.0, at.1, key), fault::Place::Variable(_));
        let mut given: Vec<&str> = keys.into_iter().filter(is_given).collect();
        if given.iter().any(is_variable) {
            given.retain(is_variable);
        }
        match given[..] {
            [] => self.refuse(at, "", expected),
            [first, second, ..] => {
                let first = match settings.place(at.0, at.1, first) {
                    fault::Place::Variable(name) => name,
                    fault::Place::Line(..) | fault::Place::File(_) => first.to_owned(),
                };
                self.refuse(at, second, format!("{expected}, and {first} is given, too"));
            }
            [_] => {}
        }
        match *given.first()? {
            "token_env" => self.text(at, "token_env").map(TokenSource::Variable),
            "token_file" => self.path(at, "token_file").map(TokenSource::File),
            _ => match self.settings.get(at.0, at.1, "token_command")? {
                Datum::List(words) => Some(TokenSource::Command(words)),
                Datum::Text(_) | Datum::Whole(_) | Datum::Flag(_) => None,
            },
        }
    }

    fn store(&mut self) -> Option<StoreConfig> {
        let at = (Section::Store, None);
        let data_dir = self.path(at, "data_dir");
        let data_dir = match crate::data_dir::of_config(data_dir) {
            Ok(folder) => Some(folder),
            Err(failure) => {
                self.refuse(at, "data_dir", failure.to_string());
                None
            }
        };
        let policy = self.text(at, "policy")?;
        let delivery = match policy.as_str() {
            "sent" => Delivery::Sent,
            "keep" => Delivery::Keep,
            _ => Delivery::Delivered,
        };
        let days = self.whole(at, "remove_synced_after_days")?;
        Some(StoreConfig {
            data_dir: data_dir?,
            policy: Policy { delivery, ..Policy::EVERYDAY },
            bytes_max: self.limit(at, "bytes_max"),
            free_bytes_min: self.whole(at, "free_bytes_min")?,
            warn_percent: self.whole(at, "warn_percent")?,
            retention: (days > 0).then(|| Duration::from_secs(days * 86_400)),
            synced_bytes_max: self.limit(at, "synced_bytes_max"),
        })
    }

    fn status(&mut self) -> Option<StatusConfig> {
        let at = (Section::Status, None);
        let listen = self.text(at, "listen")?;
        let listen = if listen == "off" { None } else { Some(self.loopback(at, &listen)?) };
        Some(StatusConfig { listen, token_file: self.path(at, "token_file") })
    }

    fn log(&mut self) -> Option<LogConfig> {
        let at = (Section::Log, None);
        let level = self.text(at, "level")?;
        if let Err(error) = crate::log::filter(&level) {
            self.refuse(at, "level", format!("{level:?} cannot be used: {error}"));
        }
        let repeats = self.whole(at, "repeats_per_minute_max")?;
        Some(LogConfig {
            is_json: self.text(at, "format")? == "json",
            level,
            repeats_per_minute_max: u32::try_from(repeats).unwrap_or(u32::MAX),
        })
    }

    /// A loopback address and a port. What listens elsewhere could be reached by strangers.
    fn loopback(&mut self, at: At<'_>, given: &str) -> Option<SocketAddr> {
        match given.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Some(address),
            Ok(_) | Err(_) => {
                let what = format!("{given:?} is no loopback address, such as 127.0.0.1:7317");
                self.refuse(at, "listen", what);
                None
            }
        }
    }

    fn refuse(&mut self, (section, name): At<'_>, key: &str, what: impl Into<String>) {
        let place = self.settings.place(section, name, key);
        let table = match name {
            Some(name) => format!("[{}.{name}]", section.name()),
            None => format!("[{}]", section.name()),
        };
        let key = if key.is_empty() { String::new() } else { format!(" {key}") };
        let what = format!("{table}{key}: {}", what.into());
        self.settings.faults.push(fault::Fault { place, what });
    }

    fn checked<T, E: ToString>(&mut self, at: At<'_>, key: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.refuse(at, key, error.to_string())).ok()
    }

    fn text(&mut self, (section, name): At<'_>, key: &str) -> Option<String> {
        match self.settings.get(section, name, key)? {
            Datum::Text(text) => Some(text),
            Datum::Whole(_) | Datum::Flag(_) | Datum::List(_) => None,
        }
    }

    fn path(&mut self, at: At<'_>, key: &str) -> Option<PathBuf> {
        self.text(at, key).map(|path| self.base.join(path))
    }

    fn flag(&mut self, (section, name): At<'_>, key: &str) -> Option<bool> {
        match self.settings.get(section, name, key)? {
            Datum::Flag(flag) => Some(flag),
            Datum::Text(_) | Datum::Whole(_) | Datum::List(_) => None,
        }
    }

    fn whole(&mut self, (section, name): At<'_>, key: &str) -> Option<u64> {
        match self.settings.get(section, name, key)? {
            Datum::Whole(number) => Some(number),
            Datum::Text(_) | Datum::Flag(_) | Datum::List(_) => None,
        }
    }

    fn count(&mut self, at: At<'_>, key: &str) -> Option<usize> {
        usize::try_from(self.whole(at, key)?).ok()
    }

    /// A limit, which 0 takes away.
    fn limit(&mut self, at: At<'_>, key: &str) -> Option<u64> {
        self.whole(at, key).filter(|limit| *limit > 0)
    }
}

#[cfg(test)]
mod tests;
