//! The other end of the live sockets, as a test wants it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use earmark::{
    Account, Closed, Dial, DialFault, Hello, INCOMING_MESSAGES_MAX, Incoming, LiveSocket,
    OUTGOING_MESSAGES_MAX, Outgoing,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Duration, interval, sleep};

type Soon<T> = Pin<Box<dyn Future<Output = T>>>;

/// How a server behaves on a connection.
#[derive(Clone, Copy)]
pub(crate) struct Manners {
    /// It answers pings.
    pub(crate) pongs: bool,
    /// It says the text `ping` every 10 s.
    pub(crate) talks: bool,
}

/// As every server behaves.
pub(crate) const GOOD: Manners = Manners { pongs: true, talks: true };

/// How a dial ends.
#[derive(Clone)]
pub(crate) enum Answer {
    /// The connection is up after so long.
    Up(Duration, Manners),
    /// It is not made.
    Fault(DialFault),
}

/// What becomes of somebody who is asked for a fresh token.
#[derive(Clone, Copy)]
pub(crate) enum Renewal {
    Fresh,
    NeverAnswered,
}

/// One connection, as the server has it.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) hello: Hello,
    say: Sender<Incoming>,
    heard: Arc<Mutex<Vec<Bytes>>>,
}

/// All connections of a test.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Inner>>);

struct Inner {
    answers: VecDeque<Answer>,
    /// How dials end that nothing is said about.
    otherwise: Answer,
    renewal: Renewal,
    renewals: u32,
    dials: usize,
    connections: Vec<Connection>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            answers: VecDeque::new(),
            otherwise: Answer::Up(Duration::ZERO, GOOD),
            renewal: Renewal::Fresh,
            renewals: 0,
            dials: 0,
            connections: Vec::new(),
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nobody panics with it")
    }

    /// How the next dials end, in order.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.inner().answers.extend(answers);
    }

    /// How all further dials end.
    pub(crate) fn answer_always(&self, answer: Answer) {
        self.inner().otherwise = answer;
    }

    pub(crate) fn renew(&self, renewal: Renewal) {
        self.inner().renewal = renewal;
    }

    /// How many connections were asked for.
    pub(crate) fn dials(&self) -> usize {
        self.inner().dials
    }

    /// How often a fresh token was asked for.
    pub(crate) fn renewals(&self) -> u32 {
        self.inner().renewals
    }

    /// The connections that came up, in order.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.inner().connections.clone()
    }

    /// The newest connection.
    pub(crate) fn latest(&self) -> Connection {
        self.connections().pop().expect("one came up")
    }

    fn connect(&self, hello: Hello, manners: Manners) -> LiveSocket {
        let (outgoing, sent) = channel(OUTGOING_MESSAGES_MAX);
        let (say, incoming) = channel(INCOMING_MESSAGES_MAX);
        let heard = Arc::default();
        let connection = Connection { hello, say, heard };
        tokio::task::spawn_local(serve(connection.clone(), sent, manners));
        self.inner().connections.push(connection);
        LiveSocket { outgoing, incoming }
    }
}

impl Connection {
    /// The frames that the server has heard.
    pub(crate) fn heard(&self) -> Vec<Bytes> {
        self.heard.lock().expect("nobody panics with it").clone()
    }

    /// The server says something; a client that has gone does not hear it.
    pub(crate) async fn say(&self, incoming: Incoming) {
        let _ = self.say.send(incoming).await;
    }

    pub(crate) async fn close(&self, code: u16) {
        self.say(Incoming::Closed(Closed::with(code))).await;
    }

    pub(crate) async fn text(&self, text: &str) {
        self.say(Incoming::Text(text.into())).await;
    }
}

async fn serve(connection: Connection, mut sent: Receiver<Outgoing>, manners: Manners) {
    let mut beat = interval(Duration::from_secs(10));
    beat.tick().await;
    loop {
        tokio::select! {
            biased;
            outgoing = sent.recv() => match outgoing {
                Some(Outgoing::Binary(bytes)) if bytes.len() > 2 => {
                    connection.heard.lock().expect("nobody panics with it").push(bytes);
                }
                Some(Outgoing::Binary(_)) => {}
                Some(Outgoing::Ping(number)) if manners.pongs => {
                    connection.say(Incoming::Pong(number)).await;
                }
                Some(Outgoing::Ping(_)) => {}
                Some(Outgoing::Close) | None => return,
            },
            _ = beat.tick(), if manners.talks => connection.text("ping").await,
        }
    }
}

impl Dial for Wire {
    fn dial(&self, hello: Hello) -> Soon<Result<LiveSocket, DialFault>> {
        let mut inner = self.inner();
        inner.dials += 1;
        let answer = inner.answers.pop_front().unwrap_or_else(|| inner.otherwise.clone());
        let wire = self.clone();
        Box::pin(async move {
            match answer {
                Answer::Fault(fault) => Err(fault),
                Answer::Up(after, manners) => {
                    sleep(after).await;
                    Ok(wire.connect(hello, manners))
                }
            }
        })
    }

    fn names_conversations(&self) -> bool {
        true
    }

    fn renew_sign_in(&self, _: Account) -> Soon<bool> {
        let mut inner = self.inner();
        inner.renewals += 1;
        match inner.renewal {
            Renewal::Fresh => Box::pin(std::future::ready(true)),
            Renewal::NeverAnswered => Box::pin(std::future::pending()),
        }
    }
}
