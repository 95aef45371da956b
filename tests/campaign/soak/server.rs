//! The development server as a process of its own, and what all its lives have kept.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use earmark_backend::StateReport;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::kills::Program;

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An upload by its file's name, its hash and its conversation.
pub(super) type Upload = (String, String, Option<String>);
/// Each upload that the server has kept, and how often.
pub(super) type Kept = BTreeMap<Upload, u64>;

/// The server.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) async fn start(program: &Program) -> Result<Self, String> {
        let mut command = Command::new(program.path());
        command.arg("backend").env("RUST_LOG", "error").stdin(Stdio::null());
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let out = child.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        let read = timeout(PATIENCE, BufReader::new(out).read_line(&mut line)).await;
        read.map_err(|_| "the server tells no address")?.map_err(|error| error.to_string())?;
        let address = line.trim().strip_prefix("http://").and_then(|text| text.parse().ok());
        let address = address.ok_or_else(|| format!("the server told {line:?}"))?;
        Ok(Self { child, address })
    }

    pub(super) async fn kill(mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())
    }

    /// Adds what this life of it has kept.
    pub(super) async fn tell(&self, kept: &mut Kept) -> Result<(), String> {
        let body = request(self.address, "GET", "/earmark/state", "").await?;
        let state: StateReport = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        for upload in state.uploads {
            let key = (upload.name, upload.sha256, upload.conversation);
            *kept.entry(key).or_default() += upload.times;
        }
        Ok(())
    }

    /// Has it say something on a device's live socket; it is lost when there is none.
    pub(super) async fn say(&self, device: &str, text: &Value) -> Result<(), String> {
        let line = serde_json::json!({ "do": "server.message", "device": device, "text": text });
        request(self.address, "POST", "/earmark/do", &line.to_string()).await.map(drop)
    }
}

/// Makes a request; the body of the answer.
pub(super) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Result<String, String> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    let answer = timeout(PATIENCE, exchange).await;
    let answer = answer.map_err(|_| format!("{path} is not answered"))?;
    let answer = answer.map_err(|error: std::io::Error| format!("{path}: {error}"))?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        Some(_) | None => Err(format!("{method} {path} was answered {answer:?}")),
    }
}
