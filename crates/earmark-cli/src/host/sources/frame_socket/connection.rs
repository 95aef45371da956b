//! One connection of the frame socket.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf, split};
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::message::{Answer, Message, read_message, read_preamble};
use super::outbox::Outbox;
use crate::host::intake::Intake;

/// How long a program may take to read what is left to tell once nothing more is taken.
const ANSWERS_SECONDS_MAX: u64 = 10;
/// How often a program is told what is settled.
const SETTLED_EVERY: Duration = Duration::from_millis(500);

/// How often it is looked for what a program waits for that has said all.
const SETTLE_LOOKS_MAX: u32 = 20;

/// Serves a connection to its end. What a program delivers is taken whether it reads or not.
pub(super) async fn serve<S: AsyncRead + AsyncWrite>(stream: S, intake: &Mutex<&mut Intake>) {
    let (input, output) = split(stream);
    let answers = Outbox::default();
    let delivery = pin!(async {
        let ended = deliver(input, &answers, intake).await;
        if let Err(fault) = &ended {
            tracing::warn!(fault, "a connection of a frame socket was closed");
        }
        let why = ended.err().unwrap_or_else(|| String::from("the end"));
        answers.put(Answer::Closed(why));
    });
    match select(delivery, pin!(answer(output, &answers))).await {
        // A program that does not read, or is gone, is not told why.
        Either::Left(((), telling)) => {
            drop(timeout(Duration::from_secs(ANSWERS_SECONDS_MAX), telling).await);
        }
        Either::Right((_, delivery)) => delivery.await,
    }
}

/// Writes what a program is told until there is nothing more.
async fn answer<S: AsyncWrite>(mut output: WriteHalf<S>, answers: &Outbox) -> io::Result<()> {
    while let Some(answer) = answers.next().await {
        output.write_all(&answer.bytes()).await?;
    }
    output.shutdown().await
}

async fn deliver<S: AsyncRead>(
    input: ReadHalf<S>,
    answers: &Outbox,
    intake: &Mutex<&mut Intake>,
) -> Result<(), String> {
    let mut input = BufReader::new(input);
    read_preamble(&mut input).await?;
    let mut intake = intake.try_lock().map_err(|_| "another program delivers already")?;
    intake.start()?;
    let mut delivery = Delivery::new(&intake, answers);
    let ended = delivery.run(&mut input).await;
    intake.stop()?;
    ended
}

/// What a program has delivered, and what it was told.
struct Delivery<'a> {
    intake: &'a Intake,
    answers: &'a Outbox,
    /// The number of the next frame.
    next: u64,
    /// The numbers of the frames that were taken and may not be durable.
    taken: VecDeque<u64>,
    settled: u64,
    look: Interval,
}

impl<'a> Delivery<'a> {
    fn new(intake: &'a Intake, answers: &'a Outbox) -> Self {
        let mut look = interval(SETTLED_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { intake, answers, next: 0, taken: VecDeque::new(), settled: 0, look }
    }

    async fn run(&mut self, input: &mut (impl AsyncRead + Unpin)) -> Result<(), String> {
        let encoding = self.intake.encoding();
        let welcome = json!({
            "version": 1,
            "codec": encoding.codec.name(),
            "sample_rate": encoding.sample_rate,
            "channels": encoding.channels,
            "frames_per_second": encoding.codec.frames_per_second(),
        });
        self.answers.put(Answer::Welcome(welcome.to_string()));
        loop {
            // Half a message that was read must not be forgotten when it is time to tell something.
            let mut reading = std::pin::pin!(read_message(input, encoding));
            let message = loop {
                tokio::select! {
                    message = &mut reading => break message?,
                    _ = self.look.tick() => self.tell_settled(),
                }
            };
            match message {
                Some(message) => self.take(message)?,
                None => {
                    self.settle().await;
                    return Ok(());
                }
            }
        }
    }

    /// A program that has said all may wait for the end of it to be durable.
    async fn settle(&mut self) {
        for _ in 0..SETTLE_LOOKS_MAX {
            self.tell_settled();
            if self.taken.is_empty() {
                break;
            }
            self.look.tick().await;
        }
    }

    fn take(&mut self, message: Message) -> Result<(), String> {
        match message {
            Message::KeepAlive => Ok(()),
            Message::Finish => self.intake.finish(),
            Message::Frame { captured, frame } => {
                let number = self.next;
                self.next += 1;
                match self.intake.push(frame, captured) {
                    Ok(Some(_)) => {
                        self.taken.push_back(number);
                        Ok(())
                    }
                    Ok(None) => Ok(()),
                    Err(refused) => {
                        let (may_pass, why) = (refused.may_pass, refused.fault);
                        if may_pass {
                            self.intake.refused(&why);
                        } else {
                            self.intake.lost(&why);
                        }
                        self.answers.put(Answer::Refused { number, may_pass, why });
                        Ok(())
                    }
                }
            }
        }
    }

    /// Tells what need not be kept any more. Frames of an earlier connection that are not durable
    /// yet count against this one's: too little is told rather than too much.
    fn tell_settled(&mut self) {
        let waiting = self.intake.unacknowledged();
        while self.taken.len() > waiting {
            self.taken.pop_front();
        }
        let settled = self.taken.front().copied().unwrap_or(self.next);
        if settled > self.settled {
            self.settled = settled;
            self.answers.put(Answer::Settled(settled));
        }
    }
}
