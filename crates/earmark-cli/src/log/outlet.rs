//! The way to standard error of a program that must not wait for whoever reads it.
//!
//! Lines are put beside each other, and a thread of their own writes them. When nobody reads, there
//! is room for so many bytes; a line that finds none is dropped and counted.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use crate::host::LOG_LINES_DROPPED;

/// How many bytes of lines wait at most; as many again may be under way.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// How long to wait before a standard error that takes nothing just now is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// Where lines wait. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Outlet(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    are_written: bool,
}

impl Outlet {
    /// Begins a thread that writes what is put here.
    pub(super) fn begin(out: impl Write + Send + 'static) -> io::Result<Self> {
        let outlet = Self::default();
        let writer = outlet.clone();
        thread::Builder::new().name(String::from("log")).spawn(move || writer.write_all(out))?;
        Ok(outlet)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a line here, if there is room for it.
    pub(super) fn put(&self, line: &[u8]) {
        let mut lines = self.lines();
        if lines.waiting.len() + line.len() > WAITING_BYTES_MAX {
            LOG_LINES_DROPPED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        lines.waiting.extend_from_slice(line);
        drop(lines);
        self.0.changed.notify_all();
    }

    /// Waits until everything is written, but no longer than this.
    pub(super) fn flush(&self, limit: Duration) {
        let is_busy = |lines: &mut Lines| lines.are_written || !lines.waiting.is_empty();
        // What was not written by then stays unwritten: the program ends.
        drop(self.0.changed.wait_timeout_while(self.lines(), limit, is_busy));
    }

    fn write_all(&self, mut out: impl Write) {
        loop {
            let nothing = |lines: &mut Lines| lines.waiting.is_empty();
            let waited = self.0.changed.wait_while(self.lines(), nothing);
            let mut lines = waited.unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut lines.waiting);
            lines.are_written = true;
            drop(lines);
            let unwritten = write(&mut out, &bytes);
            let dropped = unwritten.iter().filter(|byte| **byte == b'\n').count();
            LOG_LINES_DROPPED.fetch_add(dropped as u64, Ordering::Relaxed);
            self.lines().are_written = false;
            self.0.changed.notify_all();
        }
    }
}

/// Writes bytes, however long it takes; what could not be written, standard error being closed.
fn write<'a>(out: &mut impl Write, mut bytes: &'a [u8]) -> &'a [u8] {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => break,
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(TRY_AGAIN),
            Err(_) => break,
        }
    }
    bytes
}

impl Write for &Outlet {
    /// Takes a whole line, or drops it: nobody who logs is told of either.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Outlet {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// A standard error that takes a write when its reader does.
    struct Slow(SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let sent = self.0.send(bytes.to_vec());
            sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn begin() -> (Outlet, Receiver<Vec<u8>>) {
        let (sender, reader) = sync_channel(0);
        (Outlet::begin(Slow(sender)).expect("a thread"), reader)
    }

    #[test]
    fn what_nobody_reads_waits_for_nobody_and_what_finds_no_room_is_counted() {
        let (outlet, reader) = begin();
        let line = [&[b'x'; 1_023], b"\n".as_slice()].concat();
        let before = LOG_LINES_DROPPED.load(Ordering::Relaxed);
        // As much as may wait, as much again under way, and more.
        let lines = 3 * WAITING_BYTES_MAX / line.len();
        (0..lines).for_each(|_| outlet.put(&line));
        outlet.flush(Duration::ZERO);
        let dropped = LOG_LINES_DROPPED.load(Ordering::Relaxed) - before;
        assert!(dropped as usize >= lines / 3, "{dropped}");
        let written = (lines - dropped as usize) * line.len();
        let mut read = 0;
        while read < written {
            let some = reader.recv().expect("it is written");
            assert!(some.ends_with(b"\n"), "lines are whole");
            read += some.len();
        }
        assert_eq!(read, written);
        outlet.flush(Duration::MAX);
    }

    #[test]
    fn a_flush_ends_when_all_is_written() {
        let (outlet, reader) = begin();
        let reading = thread::spawn(move || reader.iter().flatten().take(8).collect::<Vec<_>>());
        outlet.put(b"one\n");
        outlet.put(b"two\n");
        outlet.flush(Duration::MAX);
        assert_eq!(reading.join().expect("it read"), b"one\ntwo\n");
    }
}
