//! What a program is still to be told. It never grows beyond a limit, whether anybody reads or not.

use std::cell::RefCell;
use std::collections::VecDeque;

use tokio::sync::Notify;

use super::message::Answer;

/// How many answers may wait for a program that does not read; further refusals are counted.
pub(super) const ANSWERS_WAITING_MAX: usize = 1_024;

/// Answers on their way from the delivery to whoever writes them.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: RefCell<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    answers: VecDeque<Answer>,
    /// How many refusals found no room since the last one that did.
    untold: u64,
    is_closed: bool,
}

impl Outbox {
    /// Puts an answer behind the others. Of what is settled the latest counts alone.
    pub(super) fn put(&self, answer: Answer) {
        let mut waiting = self.waiting.borrow_mut();
        match answer {
            Answer::Settled(_) => {
                waiting.answers.retain(|one| !matches!(one, Answer::Settled(_)));
                waiting.answers.push_back(answer);
            }
            Answer::Refused { .. } if waiting.answers.len() >= ANSWERS_WAITING_MAX => {
                waiting.untold += 1;
            }
            Answer::Refused { number, may_pass, why } => {
                let why = waiting.with_untold(why);
                waiting.answers.push_back(Answer::Refused { number, may_pass, why });
            }
            Answer::Welcome(_) => waiting.answers.push_back(answer),
            Answer::Closed(why) => {
                let why = waiting.with_untold(why);
                waiting.answers.push_back(Answer::Closed(why));
                waiting.is_closed = true;
            }
        }
        self.news.notify_one();
    }

    /// The next answer; nothing behind the last one.
    pub(super) async fn next(&self) -> Option<Answer> {
        loop {
            {
                let mut waiting = self.waiting.borrow_mut();
                let next = waiting.answers.pop_front();
                if next.is_some() || waiting.is_closed {
                    return next;
                }
            }
            self.news.notified().await;
        }
    }
}

impl Waiting {
    fn with_untold(&mut self, words: String) -> String {
        match std::mem::take(&mut self.untold) {
            0 => words,
            untold => format!("{words}; {untold} refusals before this were not read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(number: u64) -> Answer {
        Answer::Refused { number, may_pass: true, why: String::from("full") }
    }

    async fn read(outbox: &Outbox) -> Answer {
        outbox.next().await.expect("something is told")
    }

    #[tokio::test]
    async fn what_is_settled_is_told_once_and_behind_the_refusals_that_it_covers() {
        let outbox = Outbox::default();
        outbox.put(Answer::Settled(1));
        outbox.put(refused(1));
        (2..100_000).for_each(|number| outbox.put(Answer::Settled(number)));
        assert_eq!(read(&outbox).await, refused(1));
        assert_eq!(read(&outbox).await, Answer::Settled(99_999));
        outbox.put(Answer::Closed(String::from("the end")));
        assert_eq!(read(&outbox).await, Answer::Closed(String::from("the end")));
        assert_eq!(outbox.next().await, None);
    }

    #[tokio::test]
    async fn refusals_that_find_no_room_are_counted_and_the_count_is_told() {
        let outbox = Outbox::default();
        let max = ANSWERS_WAITING_MAX as u64;
        (0..max + 7).for_each(|number| outbox.put(refused(number)));
        assert_eq!(read(&outbox).await, refused(0));
        outbox.put(refused(max + 7));
        for number in 1..max {
            assert_eq!(read(&outbox).await, refused(number));
        }
        let Answer::Refused { number, why, .. } = read(&outbox).await else {
            panic!("a refusal is told");
        };
        assert_eq!((number, why.as_str()), (max + 7, "full; 7 refusals before this were not read"));
    }
}
