//! A program that delivers frames at their pace through a frame socket, and writes down what it is
//! told. What was not settled when a connection breaks is not sent again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::frame::Name;
use super::truth::Truth;
use crate::locked::locked;

const PREAMBLE: &[u8] = b"EARMARK\x01";
const FRAME: u8 = 0x01;
const KEEP_ALIVE: u8 = 0x04;
const WELCOME: u8 = 0x81;
const REFUSED: u8 = 0x82;
const SETTLED: u8 = 0x83;
/// The pace of `opus_fs320`.
const FRAME_EVERY: Duration = Duration::from_millis(20);
const CONNECT_AGAIN: Duration = Duration::from_millis(100);

/// A source, as the script sees it.
pub(super) struct Bridge {
    pub(super) place: u8,
    pub(super) device: &'static str,
    path: PathBuf,
    truth: Arc<Mutex<Truth>>,
    /// Which conversation is spoken in.
    conversation: AtomicU32,
    is_paused: AtomicBool,
    next: AtomicU64,
    /// Frames of the connection that is open which are neither settled nor refused.
    waiting: AtomicU64,
}

impl Bridge {
    pub(super) fn new(
        place: u8,
        device: &'static str,
        folder: &Path,
        truth: &Arc<Mutex<Truth>>,
    ) -> Self {
        Self {
            place,
            device,
            path: folder.join(format!("{device}.sock")),
            truth: Arc::clone(truth),
            conversation: AtomicU32::new(0),
            is_paused: AtomicBool::new(false),
            next: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
        }
    }

    pub(super) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::SeqCst);
    }

    /// Frames that it has sent.
    pub(super) fn sent(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    pub(super) fn conversation(&self) -> u32 {
        self.conversation.load(Ordering::SeqCst)
    }

    /// What the server calls the conversation that is spoken in.
    pub(super) fn conversation_name(&self) -> String {
        name_of(self.place, self.conversation())
    }

    /// The next frame begins another conversation.
    pub(super) fn begin_next(&self) {
        self.conversation.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the host has told the fate of every frame that it was sent.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// Delivers, until it is dropped.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            // The host is killed now and then; then there is nobody to connect to for a while.
            let _ = self.deliver().await;
            sleep(CONNECT_AGAIN).await;
        }
    }

    async fn deliver(self: &Arc<Self>) -> io::Result<()> {
        let mut stream = UnixStream::connect(&self.path).await?;
        stream.write_all(PREAMBLE).await?;
        let (mut input, mut output) = stream.into_split();
        if read_message(&mut input).await?.0 != WELCOME {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.waiting.store(0, Ordering::SeqCst);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let listening = tokio::spawn(Arc::clone(self).listen(input, Arc::clone(&sent)));
        let mut pace = interval(FRAME_EVERY);
        // A device does not wait for a host that is busy.
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let ended = loop {
            pace.tick().await;
            if listening.is_finished() {
                break Ok(());
            }
            let message = self.next_message(&sent);
            if let Err(error) = output.write_all(&message).await {
                break Err(error);
            }
        };
        listening.abort();
        self.waiting.store(0, Ordering::SeqCst);
        ended
    }

    /// The next frame; while nothing is said, that it is still there.
    fn next_message(&self, sent: &Mutex<Vec<Name>>) -> Vec<u8> {
        if self.is_paused.load(Ordering::SeqCst) {
            return vec![KEEP_ALIVE, 0, 0];
        }
        let serial = self.next.fetch_add(1, Ordering::SeqCst);
        let name = Name { source: self.place, conversation: self.conversation(), serial };
        locked(&self.truth).sent(name);
        locked(sent).push(name);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let frame = name.frame();
        let length = u16::try_from(frame.len()).unwrap_or(0).to_le_bytes();
        [&[FRAME], length.as_slice(), &frame].concat()
    }

    /// Writes down what the host tells of the frames that were sent on a connection.
    async fn listen(self: Arc<Self>, mut input: OwnedReadHalf, sent: Arc<Mutex<Vec<Name>>>) {
        let mut settled = 0;
        while let Ok((kind, content)) = read_message(&mut input).await {
            let number = content.first_chunk().map(|number| u64::from_le_bytes(*number));
            let number = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
            let sent = locked(&sent);
            match kind {
                REFUSED => sent.get(number).into_iter().for_each(|name| {
                    locked(&self.truth).refused(*name);
                }),
                SETTLED if number <= sent.len() && number >= settled => {
                    locked(&self.truth).settled(sent[settled..number].iter().copied());
                    settled = number;
                    let left = sent.len() - settled;
                    self.waiting.store(left as u64, Ordering::SeqCst);
                }
                _ => return,
            }
        }
    }
}

/// What the server calls a conversation.
pub(super) fn name_of(place: u8, conversation: u32) -> String {
    format!("soak-{place}-{conversation}")
}

async fn read_message(input: &mut OwnedReadHalf) -> io::Result<(u8, Vec<u8>)> {
    let kind = input.read_u8().await?;
    let mut content = vec![0; usize::from(input.read_u16_le().await?)];
    input.read_exact(&mut content).await?;
    Ok((kind, content))
}
