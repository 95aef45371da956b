//! A server that does to each connection what a test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: watch::Receiver<Vec<Option<Vec<u8>>>>,
}

/// A connection, and what came over it.
pub(super) struct Seen {
    pub(super) stream: TcpStream,
    pub(super) request: Vec<u8>,
}

impl Server {
    /// Handles each connection, with its number from 0 on; what the handler returns is kept.
    pub(super) fn start<F>(handle: impl Fn(usize, Seen) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("it is bound");
        let listener = TcpListener::from_std(listener).expect("within a runtime");
        let connections = Arc::new(AtomicUsize::new(0));
        let (keep, requests) = watch::channel(Vec::new());
        let (counter, keep) = (Arc::clone(&connections), Arc::new(keep));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let handled = handle(number, Seen { stream, request: Vec::new() });
                let keep = Arc::clone(&keep);
                keep.send_modify(|requests| requests.push(None));
                tokio::spawn(async move {
                    let request = handled.await;
                    keep.send_modify(|requests| requests[number] = Some(request));
                });
            }
        });
        Self { address, connections, requests }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What the handler returned for a connection.
    pub(super) async fn request(&self, number: usize) -> Vec<u8> {
        let mut requests = self.requests.clone();
        let there =
            |requests: &Vec<Option<Vec<u8>>>| requests.get(number).is_some_and(Option::is_some);
        let requests = requests.wait_for(there).await.expect("the server lives");
        requests[number].clone().expect("it is there")
    }
}

impl Seen {
    /// Reads to the end of the head, byte by byte, so that the body stays unread.
    pub(super) async fn read_head(&mut self) {
        while !self.request.ends_with(b"\r\n\r\n") {
            let Ok(byte) = self.stream.read_u8().await else {
                return;
            };
            self.request.push(byte);
        }
    }

    pub(super) async fn read_body_to(&mut self, bytes: usize) {
        let mut body = vec![0; bytes];
        if self.stream.read_exact(&mut body).await.is_ok() {
            self.request.extend(body);
        }
    }

    /// Reads the whole request, or what comes of it.
    pub(super) async fn read_all(&mut self) {
        self.read_head().await;
        let head = String::from_utf8_lossy(&self.request).to_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next());
        let body: usize = length.map_or(0, |digits| digits.parse().expect("a length"));
        let whole = self.request.len() + body;
        while self.request.len() < whole {
            match self.stream.read_buf(&mut self.request).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    pub(super) async fn until_closed(&mut self) {
        while let Ok(1..) = self.stream.read_buf(&mut self.request).await {}
    }
}

pub(super) async fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
    // A client that has read enough closes before the end.
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
}

/// Ends a connection in a way that the peer sees as a reset.
pub(super) fn reset(stream: TcpStream) {
    stream.set_zero_linger().expect("a socket");
    drop(stream);
}
