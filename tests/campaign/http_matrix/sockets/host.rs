//! One host, one server, one cell.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark::{
    Account, Builder, Clock, Content, Credentials, Event, HttpClient, HttpFault, HttpReply,
    HttpRequest, HttpTransport, Numbered, OmiHttp, Runtime, Stamp, SystemClock, Token,
};
use earmark_backend::server::Options;
use earmark_backend::{RunningBackend, ServerAction};
use earmark_core::sync::UploadStage;
use earmark_store::FsDisk;
use earmark_tests::http::course::{Check, Course, Errand, Shown};
use earmark_tests::http::table::{Answer, Class};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::stages::{Stages, copy};
use crate::http_matrix::cell::{Cell, Phase};

type LocalBoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// How far the host's clock is put forward for each stage of its life: further than any wait of the
/// stage before.
const FORWARD: Duration = Duration::from_secs(1_000);
/// The stage of a cell, after those that lead to it.
const CELL: u32 = 3;
/// When everything happens, as the course is told: it judges no time here.
const NOW: Duration = Duration::from_secs(1_000);
/// How long a cell may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A development server.
pub(super) struct Backend(RunningBackend);

impl Backend {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let options = Options { decode: false, ..Options::default() };
        Self(earmark_backend::serve(listener, options).expect("a bound listener has an address"))
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// Forgets what it was to answer, and answers the next requests so.
    pub(super) fn answers(&self, uploads: &[Answer], polls: &[Answer]) -> Result<(), String> {
        self.script("server.accept", None)?;
        self.script("server.respond", Some(uploads))?;
        self.script("job.respond", Some(polls))
    }

    fn script(&self, action: &str, queue: Option<&[Answer]>) -> Result<(), String> {
        let queue = queue.map(|queue| queue.iter().map(Answer::to_json).collect::<Vec<Value>>());
        let fields = match queue {
            Some(queue) => json!({ "queue": queue }),
            None => json!({}),
        };
        let fields = fields.as_object().expect("it was written as one");
        let action = ServerAction::parse(action, fields).expect("an action of the server");
        let action = action.map_err(|error| error.to_string())?;
        self.0.act(action).map_err(|error| error.to_string())
    }
}

/// A host on a store.
pub(super) fn host(
    folder: &Path,
    url: &str,
    clock: Arc<dyn Clock>,
    watch: Option<&Arc<Watch>>,
) -> Result<Builder, String> {
    let client = HttpClient::new(url).map_err(|error| error.to_string())?;
    let transport: Arc<dyn HttpTransport> = match watch {
        Some(watch) => Arc::new(Watched { client, watch: Arc::clone(watch) }),
        None => Arc::new(client),
    };
    let target = OmiHttp::over(transport, Arc::new(SignsIn), Arc::clone(&clock));
    let builder = Runtime::builder(folder).sync_target(target).clock(clock);
    Ok(match watch {
        Some(watch) => {
            let watch = Arc::clone(watch);
            builder.observer(Box::new(move |event| watch.see(event)))
        }
        None => builder,
    })
}

/// Runs a cell until nothing more happens in it before time passes.
pub(super) async fn check(cell: &Cell, stages: &Stages, server: &Backend) -> Check {
    let folder = stages.of(cell.phase)?;
    let watch = Arc::new(Watch::new(begun(cell)?));
    let (url, uploads, polls) = served(cell, server).await;
    server.answers(&uploads, &polls)?;
    if cell.phase != Phase::Stop {
        return until_rest(folder.path(), &url, &watch).await;
    }
    let first = start(folder.path(), &url, &watch).await?;
    watch.left.notified().await;
    first.shutdown(LIMIT).await;
    server.answers(&[], &[])?;
    // The first process may still be letting go of its store.
    let left = copy(&folder)?;
    watch.next_life(is_swallowed(left.path())?)?;
    if watch.seen().course.rests(NOW) {
        return Ok(());
    }
    until_rest(left.path(), &server.url(), &watch).await
}

async fn start(folder: &Path, url: &str, watch: &Arc<Watch>) -> Result<Runtime, String> {
    let host = host(folder, url, Forward::by(CELL), Some(watch))?;
    host.start().await.map_err(|error| error.to_string())
}

async fn until_rest(folder: &Path, url: &str, watch: &Arc<Watch>) -> Check {
    let runtime = start(folder, url, watch).await?;
    let rest = tokio::time::timeout(LIMIT, watch.until_rest()).await;
    drop(runtime);
    watch.seen().broken.clone()?;
    rest.map_err(|_| String::from("nothing came of it"))
}

/// Whether a store knows of a request and not of its end.
fn is_swallowed(folder: &Path) -> Result<bool, String> {
    let disk = FsDisk::create(folder).map_err(|error| error.to_string())?;
    let found = earmark_store::inspect(&disk).map_err(|error| error.to_string())?;
    let mut all = found.ledger.recordings.values();
    Ok(all.any(|facts| facts.upload.stage == UploadStage::Uploading))
}

/// The course at the point at which the cell's store was left.
fn begun(cell: &Cell) -> Result<Course, String> {
    let mut course = cell.course();
    let seconds = |seconds| Duration::from_secs(seconds);
    let spent = match cell.phase {
        Phase::First | Phase::Stop => 0,
        Phase::Middle | Phase::Restart | Phase::Poll => 1,
        Phase::Last => 2,
    };
    for at in [3, 8].into_iter().take(spent).map(seconds) {
        course.left(at, Errand::Upload, true, false)?;
        if cell.phase != Phase::Restart {
            course.ended(at, Class::Accepted)?;
        }
    }
    course.restarts(NOW);
    Ok(course)
}

/// Where the cell's server is, and how it answers there.
async fn served(cell: &Cell, server: &Backend) -> (String, Vec<Answer>, Vec<Answer>) {
    let (uploads, mut polls) = cell.queues();
    let mut uploads: Vec<Answer> = uploads.into_iter().next_back().into_iter().collect();
    if cell.phase == Phase::Poll {
        uploads.clear();
    }
    let name = cell.told.last().map_or("", |one| one.name);
    let mut url = server.url();
    match name {
        "tls" => url = url.replace("http:", "https:"),
        "refused" => url = nobody().await,
        // A client follows so many times before it takes the answer for one.
        "redirect-loop" => {
            let times = |answers: Vec<Answer>| answers.into_iter().flat_map(|one| vec![one; 4]);
            (uploads, polls) = (times(uploads).collect(), times(polls).collect());
        }
        _ => {}
    }
    if matches!(name, "tls" | "refused") {
        (uploads, polls) = (Vec::new(), Vec::new());
    }
    for answer in uploads.iter_mut().chain(&mut polls) {
        answer.delay = answer.delay.min(1);
    }
    (url, uploads, polls)
}

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    format!("http://{}", listener.local_addr().expect("a bound listener has an address"))
}

/// What is seen of a host.
pub(super) struct Watch {
    seen: Mutex<Seen>,
    left: Notify,
    rest: Notify,
}

struct Seen {
    course: Course,
    broken: Check,
    /// Whether a request has been answered since the start.
    is_answered: bool,
}

impl Seen {
    /// Whether nothing more is to be seen before time passes.
    fn is_at_rest(&self) -> bool {
        self.broken.is_err() || (self.is_answered && self.course.rests(NOW))
    }
}

impl Watch {
    fn new(course: Course) -> Self {
        let seen = Seen { course, broken: Ok(()), is_answered: false };
        Self { seen: Mutex::new(seen), left: Notify::new(), rest: Notify::new() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, step: impl FnOnce(&mut Seen) -> Check) {
        let mut seen = self.seen();
        if seen.broken.is_ok() {
            seen.broken = step(&mut seen);
        }
        if seen.is_at_rest() {
            self.rest.notify_one();
        }
    }

    async fn until_rest(&self) {
        // A process before may have rung the bell.
        while !self.seen().is_at_rest() {
            self.rest.notified().await;
        }
    }

    /// What is seen from here on is of another process.
    fn next_life(&self, is_swallowed: bool) -> Check {
        let mut seen = self.seen();
        seen.broken.clone()?;
        seen.course.restarts_knowing(NOW, is_swallowed);
        seen.is_answered = false;
        Ok(())
    }

    fn see(&self, event: &Numbered) {
        if let Event::UploadChanged { report, .. } = &event.event {
            let shown = Shown {
                status: report.status.word(),
                reason: report.reason.clone(),
                attempts: report.attempts,
                wait: report.next_attempt_at.map(|deadline| deadline.wait),
            };
            self.follow(|seen| seen.course.shows(&shown));
        }
    }
}

/// The client that ships, watched.
struct Watched {
    client: HttpClient,
    watch: Arc<Watch>,
}

impl HttpTransport for Watched {
    fn send(&self, request: HttpRequest) -> LocalBoxFuture<Result<HttpReply, HttpFault>> {
        let errand = match request.content {
            Content::File(_) => Errand::Upload,
            Content::Nothing => Errand::Poll,
        };
        let is_named = request.path.contains("conversation_id=");
        let is_v1 = request.path.starts_with("/v1/");
        self.watch.follow(|seen| seen.course.left(NOW, errand, is_named, is_v1));
        self.watch.left.notify_one();
        let (sent, watch) = (self.client.send(request), Arc::clone(&self.watch));
        Box::pin(async move {
            let reply = sent.await;
            let plain = plain(&reply);
            watch.follow(|seen| {
                seen.is_answered = true;
                seen.course.ended(NOW, plain)
            });
            reply
        })
    }
}

/// What a server says when nothing is scripted.
fn plain(reply: &Result<HttpReply, HttpFault>) -> Class {
    match reply {
        Ok(reply) => crate::http_matrix::virtual_time::said(reply.status, &reply.body),
        Err(_) => Class::Final,
    }
}

/// Signs in again whenever it is asked to.
struct SignsIn;

impl Credentials for SignsIn {
    fn token(&self, _: &Account) -> Option<Token> {
        Some(Token::new("token"))
    }

    fn renew(&self, _: &Account, _: Option<Token>) -> LocalBoxFuture<Option<Token>> {
        Box::pin(std::future::ready(Some(Token::new("token"))))
    }
}

/// The machine's clock, put forward.
pub(super) struct Forward {
    clock: SystemClock,
    by: Duration,
}

impl Forward {
    /// A clock that is ahead by so many stages.
    pub(super) fn by(stages: u32) -> Arc<dyn Clock> {
        Arc::new(Self { clock: SystemClock::new(), by: FORWARD * stages })
    }
}

impl Clock for Forward {
    fn stamp(&self) -> Stamp {
        let stamp = self.clock.stamp();
        Stamp { moment: stamp.moment + self.by, ..stamp }
    }
}
