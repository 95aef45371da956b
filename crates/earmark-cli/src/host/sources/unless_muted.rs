//! A device of this machine, which is open only while somebody wants what it hears.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

/// How often it is looked whether the source is muted, or is muted no more. What is said so long
/// after an unmute is not heard.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Takes what a device brings, until the device ends or fails. While the source is muted the
/// device is closed, for what it hears must go nowhere; whoever opened it closes it when its
/// frames are wanted no more.
pub(super) async fn listen_unless_muted(
    is_muted: impl Fn() -> bool,
    open: impl Fn() -> Result<Receiver<Result<Bytes, String>>, String>,
    take: impl Fn(Bytes),
) -> Result<(), String> {
    loop {
        while is_muted() {
            sleep(LOOK_EVERY).await;
        }
        let mut frames = open()?;
        while !is_muted() {
            tokio::select! {
                biased;
                frame = frames.recv() => match frame {
                    Some(frame) => take(frame?),
                    None => return Ok(()),
                },
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::rc::Rc;
    use std::task::{Context, Waker};

    use tokio::sync::mpsc::{Sender, channel};
    use tokio::task::{JoinHandle, LocalSet, spawn_local};

    use super::super::feed::feed;
    use super::*;

    /// Says that a device was opened, and, when it goes, that it was closed.
    struct Opened(Sender<&'static str>);

    impl Opened {
        fn new(told: Sender<&'static str>) -> Self {
            told.blocking_send("opened").expect("the test listens");
            Self(told)
        }
    }

    impl Drop for Opened {
        fn drop(&mut self) {
            self.0.blocking_send("closed").expect("the test listens");
        }
    }

    /// Far longer than anything here takes: only what never comes is waited for so long.
    const HEARD_WITHIN: Duration = Duration::from_secs(60);

    /// A source with a device that brings so many frames and is silent then.
    struct Stage {
        is_muted: Rc<Cell<bool>>,
        told: Receiver<&'static str>,
        listening: JoinHandle<Result<(), String>>,
    }

    impl Stage {
        fn new(frames: usize, take: impl Fn(Bytes) + 'static) -> Self {
            let (tell, told) = channel(16);
            let is_muted = Rc::new(Cell::new(false));
            let muted = Rc::clone(&is_muted);
            let open = move || {
                let tell = tell.clone();
                feed(move |outlet| {
                    let _opened = Opened::new(tell);
                    (0..frames).all(|_| outlet.give(Bytes::from_static(b"frame")));
                    while outlet.is_wanted() {
                        std::thread::yield_now();
                    }
                    Ok(())
                })
            };
            let listening =
                spawn_local(async move { listen_unless_muted(|| muted.get(), open, take).await });
            Self { is_muted, told, listening }
        }

        async fn hears(&mut self, what: &str) {
            let told = tokio::time::timeout(HEARD_WITHIN, self.told.recv()).await;
            assert_eq!(told, Ok(Some(what)));
        }
    }

    fn tell<F: Future<Output = ()>>(story: F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        LocalSet::new().block_on(&runtime.expect("it needs no more than a timer"), story);
    }

    #[test]
    fn f152_a_microphone_is_closed_while_its_source_is_muted_and_with_its_source() {
        tell(async {
            let mut stage = Stage::new(0, |_| {});
            stage.hears("opened").await;
            stage.is_muted.set(true);
            stage.hears("closed").await;
            stage.is_muted.set(false);
            stage.hears("opened").await;
            stage.listening.abort();
            stage.hears("closed").await;
        });
    }

    #[test]
    fn f152_a_panic_closes_the_microphone() {
        tell(async {
            let mut stage = Stage::new(1, |_| panic!("this one is planned"));
            stage.hears("opened").await;
            stage.hears("closed").await;
            assert!(stage.listening.await.is_err_and(|error| error.is_panic()));
        });
    }

    #[test]
    fn f152_a_source_that_begins_muted_opens_no_microphone() {
        tell(async {
            let opened = Cell::new(false);
            let open = || {
                opened.set(true);
                Err(String::from("it was opened"))
            };
            let mut listening = pin!(listen_unless_muted(|| true, open, |_| {}));
            let looked = listening.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(looked.is_pending() && !opened.get());
        });
    }
}
