//! Asking a source for a token.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use earmark::Token;
use rustix::fs::OFlags;
use tokio::fs::OpenOptions;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::config::TokenSource;

/// The most bytes of a token, and of what a source may say around it.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// How long any source may take to give its token: whoever else wants that one waits meanwhile.
const SOURCE_SECONDS_MAX: u64 = 30;
/// What is said of a token file that is a directory, a device or a pipe; a pipe would block.
const NO_FILE: &str =
    "it is no regular file; write the token to one, or have a token_command print it";

/// Asks a source for its token; a program gets none of the variables that are `withheld`. The error
/// says what failed and never what was read.
pub(crate) async fn fetch(source: &TokenSource, withheld: &[String]) -> Result<Token, String> {
    let limit = Duration::from_secs(SOURCE_SECONDS_MAX);
    let fetched = timeout(limit, ask(source, withheld)).await;
    fetched.unwrap_or_else(|_| {
        let name = match source {
            TokenSource::Variable(name) => format!("the variable {name}"),
            TokenSource::File(path) => path.display().to_string(),
            TokenSource::Command(words) => {
                format!("the token command {}", words.first().map_or("", String::as_str))
            }
        };
        Err(format!("{name} was not done within {SOURCE_SECONDS_MAX} s"))
    })
}

async fn ask(source: &TokenSource, withheld: &[String]) -> Result<Token, String> {
    match source {
        TokenSource::Variable(name) => {
            let value = std::env::var_os(name).ok_or(format!("the variable {name} is not set"))?;
            checked(value.as_encoded_bytes(), &format!("the variable {name}"))
        }
        TokenSource::File(path) => {
            let bytes = file(path).await;
            let shown = path.display();
            let bytes = bytes.map_err(|error| format!("{shown} cannot be read: {error}"))?;
            checked(&bytes, &shown.to_string())
        }
        TokenSource::Command(words) => command(words, withheld).await,
    }
}

async fn file(path: &Path) -> io::Result<Vec<u8>> {
    let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(without_waiting).open(path).await?;
    if !file.metadata().await?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, NO_FILE));
    }
    let mut bytes = Vec::new();
    file.take(TOKEN_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn command(words: &[String], withheld: &[String]) -> Result<Token, String> {
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for (name, _) in std::env::vars_os() {
        // What other accounts have is none of its business.
        let is_withheld = withheld.iter().any(|one| name.as_os_str() == one.as_str());
        if is_withheld || name.as_encoded_bytes().starts_with(b"EARMARK_TOKEN") {
            command.env_remove(name);
        }
    }
    let printed = printed(command.kill_on_drop(true)).await;
    let printed = printed.map_err(|why| format!("the token command {program}: {why}"))?;
    checked(&printed, &format!("what the token command {program} printed"))
}

async fn printed(command: &mut Command) -> Result<Vec<u8>, String> {
    let started = command.spawn();
    let mut child = started.map_err(|error| format!("it cannot be started: {error}"))?;
    let mut bytes = Vec::new();
    if let Some(out) = child.stdout.take() {
        let read = out.take(TOKEN_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await;
        read.map_err(|error| format!("what it prints cannot be read: {error}"))?;
    }
    let status = child.wait().await.map_err(|error| format!("it cannot be waited for: {error}"))?;
    if status.success() { Ok(bytes) } else { Err(format!("it ended with {status}")) }
}

/// A token with no white space around it, if it is one that a header can carry.
fn checked(bytes: &[u8], whence: &str) -> Result<Token, String> {
    let token = bytes.trim_ascii();
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(format!("{whence} is more than {TOKEN_BYTES_MAX} bytes long: no token is"));
    }
    if token.is_empty() {
        return Err(format!("{whence} is empty"));
    }
    match std::str::from_utf8(token) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Token::new(text)),
        Ok(_) | Err(_) => Err(format!("{whence} has white space or signs that no token has")),
    }
}
