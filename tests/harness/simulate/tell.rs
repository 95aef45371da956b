//! A world told to a person, line by line.

use std::time::Duration;

use earmark_sim::witness::{Answer, Answered, Heard, Witness};

/// Writes what happens to standard error; frames that are simply taken, and reads, are left out.
#[derive(Debug, Default)]
pub struct Teller {
    taken: u64,
}

impl Witness for Teller {
    fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        let text = match heard {
            Heard::Frame(_, _, _, _, Answer::Taken(_)) => {
                self.taken += 1;
                return;
            }
            Heard::Live(..) => return,
            Heard::Disk(call) if call.op == earmark_store::DiskOp::Read && call.error.is_none() => {
                return;
            }
            Heard::Line(line) => format!("line {}: {:?}", line.number, line.action),
            Heard::Event(event) => format!("{}: {:?}", event.actor, event.event),
            Heard::Body(number, bytes) => format!("request {number}: {} bytes", bytes.len()),
            Heard::Answered(number, Answered::Reply(status, after, body)) => {
                let body = String::from_utf8_lossy(body);
                format!("request {number}: {status} {after:?} {body}")
            }
            Heard::Started(status, _) => format!("started: {:?}", status.frames),
            Heard::Ended(report, _, settled) => format!("ended: {settled}, {:?}", report.frames),
            other => format!("{other:?}"),
        };
        let taken = std::mem::take(&mut self.taken);
        if taken > 0 {
            eprintln!("             ({taken} frames taken)");
        }
        eprintln!("{:12.6} {text}", at.as_secs_f64());
    }
}
