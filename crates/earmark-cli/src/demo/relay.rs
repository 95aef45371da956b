//! A network of our own between the host and the server: it can be held back, and cut.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How much is carried at once.
const PIECE_BYTES_MAX: usize = 16 << 10;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It carries everything.
    Open,
    /// What the host sends stays underway; what the server sends arrives.
    Held,
    /// Whatever was connected is broken, what was underway is lost, and nothing new connects.
    Cut,
}

/// A relay that listens, until it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    line: watch::Sender<Line>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// A relay to a server.
    pub(super) async fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((server.ip(), 0)).await?;
        let address = listener.local_addr()?;
        let (line, watched) = watch::channel(Line::Open);
        let accepting = tokio::spawn(accept(listener, server, watched));
        Ok(Self { address, line, accepting })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the network do something else.
    pub(super) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, line: watch::Receiver<Line>) {
    loop {
        let Ok((host, _)) = listener.accept().await else {
            continue;
        };
        if *line.borrow() != Line::Cut {
            tokio::spawn(carry(host, server, line.clone()));
        }
    }
}

/// Carries one connection until either end closes it, or it is cut.
async fn carry(host: TcpStream, server: SocketAddr, line: watch::Receiver<Line>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = (host.set_nodelay(true), server.set_nodelay(true));
    let (from_host, to_host) = host.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = line.clone();
    tokio::select! {
        _ = cut.wait_for(|line| *line == Line::Cut) => {}
        _ = copy(from_host, to_server, Some(line)) => {}
        _ = copy(from_server, to_host, None) => {}
    }
}

/// Copies one direction; one that is held keeps what it has read, and reads no more.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut held: Option<watch::Receiver<Line>>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES_MAX];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        if let Some(line) = &mut held {
            // An error means that the relay is gone, and with it this connection.
            line.wait_for(|line| *line == Line::Open).await.map_err(io::Error::other)?;
        }
        to.write_all(&piece[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn connected() -> (Relay, TcpStream, TcpStream) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Relay::to(server.local_addr().unwrap()).await.unwrap();
        let host = TcpStream::connect(relay.address()).await.unwrap();
        let (accepted, _) = server.accept().await.unwrap();
        (relay, host, accepted)
    }

    #[tokio::test]
    async fn an_open_line_carries_both_ways() {
        let (_relay, mut host, mut server) = connected().await;
        let mut two = [0; 2];
        host.write_all(b"hi").await.unwrap();
        server.read_exact(&mut two).await.unwrap();
        server.write_all(b"ho").await.unwrap();
        host.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"ho");
    }

    #[tokio::test]
    async fn a_held_line_brings_news_of_the_server_and_a_cut_loses_what_was_underway() {
        let (relay, mut host, mut server) = connected().await;
        relay.set(Line::Held);
        host.write_all(b"lost").await.unwrap();
        server.write_all(b"ho").await.unwrap();
        let mut two = [0; 2];
        host.read_exact(&mut two).await.unwrap();
        relay.set(Line::Cut);
        let mut rest = Vec::new();
        let ended = server.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{ended:?}");
    }

    #[tokio::test]
    async fn nothing_connects_while_the_line_is_cut() {
        let (relay, _host, _server) = connected().await;
        relay.set(Line::Cut);
        let mut late = TcpStream::connect(relay.address()).await.unwrap();
        let mut byte = [0; 1];
        assert!(!matches!(late.read(&mut byte).await, Ok(1)));
    }
}
