//! The network between the host and the server: it can be cut, stalled and made slow, and it asks
//! for the token that counts at the moment.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// The most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How much is carried at once, and how much of that on a slow line, how often.
const PIECE_BYTES_MAX: usize = 16 << 10;
const DRIP_BYTES: usize = 64;
const DRIP_EVERY: Duration = Duration::from_millis(2);
/// How long what follows a refused head is read away: a reset would swallow the answer.
const DRAIN: Duration = Duration::from_secs(2);

const REFUSAL: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\n\
    content-length: 40\r\nconnection: close\r\n\r\n{\"detail\":\"Invalid authorization token\"}";

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It carries everything.
    Open,
    /// What connects is closed.
    Cut,
    /// Everything stays where it is, and nothing breaks.
    Stalled,
    /// It carries a few bytes at a time.
    Slow,
}

#[derive(Clone, Debug)]
struct State {
    line: Line,
    server: SocketAddr,
    token: String,
    /// Connections of an earlier generation are broken.
    generation: u64,
}

/// A network that carries, until it is dropped.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn to(server: SocketAddr, token: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let token = token.to_owned();
        let state = State { line: Line::Open, server, token, generation: 0 };
        let (state, watched) = watch::channel(state);
        let accepting = tokio::spawn(accept(listener, watched));
        Ok(Self { address, state, accepting })
    }

    /// Makes the line do something else; a cut breaks what is connected.
    pub(super) fn set(&self, line: Line) {
        self.state.send_modify(|state| {
            state.line = line;
            state.generation += u64::from(line == Line::Cut);
        });
    }

    /// Another server from now on.
    pub(super) fn lead_to(&self, server: SocketAddr) {
        self.state.send_modify(|state| state.server = server);
    }

    /// Another token from now on; what came with the old one is broken.
    pub(super) fn ask_for(&self, token: &str) {
        self.state.send_modify(|state| {
            token.clone_into(&mut state.token);
            state.generation += 1;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: watch::Receiver<State>) {
    loop {
        let Ok((host, _)) = listener.accept().await else {
            continue;
        };
        if state.borrow().line != Line::Cut {
            tokio::spawn(serve(host, state.clone()));
        }
    }
}

/// Serves a connection until an end of it is closed, or it is broken.
async fn serve(host: TcpStream, state: watch::Receiver<State>) {
    let (mut broken, generation) = (state.clone(), state.borrow().generation);
    tokio::select! {
        _ = broken.wait_for(|state| state.generation != generation) => {}
        // Whichever end is gone, the other one is closed.
        _ = carry(host, state) => {}
    }
}

async fn carry(mut host: TcpStream, mut state: watch::Receiver<State>) -> io::Result<()> {
    let head = read_head(&mut host).await?;
    let now = state.wait_for(|state| state.line != Line::Stalled).await;
    let now = now.map_err(io::Error::other)?.clone();
    if !shows(&head, &now.token) {
        return refuse(host).await;
    }
    let mut server = TcpStream::connect(now.server).await?;
    host.set_nodelay(true)?;
    server.set_nodelay(true)?;
    server.write_all(&head).await?;
    let (from_host, to_host) = host.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = copy(from_host, to_server, state.clone()) => ended,
        ended = copy(from_server, to_host, state) => ended,
    }
}

async fn read_head(host: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX || host.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(head)
}

/// Whether a head shows a token.
fn shows(head: &[u8], token: &str) -> bool {
    let wanted = format!("authorization: bearer {token}");
    String::from_utf8_lossy(head).lines().any(|line| line.eq_ignore_ascii_case(&wanted))
}

async fn refuse(mut host: TcpStream) -> io::Result<()> {
    host.write_all(REFUSAL.as_bytes()).await?;
    host.shutdown().await?;
    let rest = async { while host.read(&mut [0; 4_096]).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(DRAIN, rest).await;
    Ok(())
}

/// Copies one direction as the line carries it.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES_MAX];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        let mut rest = &piece[..read];
        while !rest.is_empty() {
            let carries = state.wait_for(|state| state.line != Line::Stalled).await;
            let is_slow = carries.map_err(io::Error::other)?.line == Line::Slow;
            let now = if is_slow { DRIP_BYTES.min(rest.len()) } else { rest.len() };
            to.write_all(&rest[..now]).await?;
            rest = &rest[now..];
            if is_slow {
                sleep(DRIP_EVERY).await;
            }
        }
    }
}
