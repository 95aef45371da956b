//! What one durable change of state costs, however many recordings there are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use earmark_store::{FsDisk, Record};

use crate::speed::backlog;
use crate::speed::counts::upload;
use crate::speed::index;
use crate::speed::measure::{median, quantile};
use crate::speed::ours::Host;
use crate::speed::plot;
use crate::speed::sheet::{Kind, Limit, Plot, Sheet, Table, number};

const TOPIC: &str = "Changes of state";
const SLOT_BYTES: usize = 64;
const SLOTS: u64 = 4_096;
const INDEX_EVERY: usize = 25;

/// What a change took, in microseconds.
#[derive(Debug, Default)]
struct Costs {
    raw: Vec<f64>,
    ours: Vec<f64>,
    index: Vec<f64>,
}

/// Measures changes at each of these numbers of recordings.
pub(super) fn measure(
    folder: &Path,
    recordings: &[usize],
    rounds: usize,
    sheet: &mut Sheet,
) -> io::Result<()> {
    let mut points = Vec::new();
    for count in recordings {
        let costs = among(folder, *count, rounds)?;
        let (raw, ours) = (median(&costs.raw), median(&costs.ours));
        let name = format!("one change at {count} recordings, to one synced 64-byte write");
        let limit = Limit::AtMost(1.1);
        sheet.note((TOPIC, Kind::Timed), name, (ours / raw, ""), limit);
        let name = format!("rewriting a JSON index at {count} recordings, to that write");
        let index = median(&costs.index) / raw;
        sheet.note((TOPIC, Kind::Timed), name, (index, ""), Limit::None);
        points.push((*count, costs));
    }
    sheet.tables.push(table(&points));
    sheet.plots.push(picture(&points));
    Ok(())
}

fn among(folder: &Path, count: usize, rounds: usize) -> io::Result<Costs> {
    let folder = folder.join(format!("change-{count}"));
    drop(backlog::with_recordings(&folder, count)?);
    let mut host = Host::on(Arc::new(FsDisk::create(&folder)?))?;
    let first = host.store.ledger().recordings.keys().next().copied();
    host.leave_first_file(&upload(first.expect("there are recordings")))?;
    let slots = slots(&folder)?;
    let mut costs = Costs::default();
    for round in 0..rounds {
        costs.raw.push(timed(|| write_slot(&slots, round as u64 % SLOTS))?);
        let change = chosen(&host, round);
        costs.ours.push(timed(|| {
            host.store.stage(change);
            host.flush()
        })?);
        // A few rounds are enough for what takes hundreds of times as long.
        if round % INDEX_EVERY == 0 {
            costs.index.push(timed(|| index::rewrite(&folder, count))?);
        }
        host.keep_house()?;
    }
    std::fs::remove_dir_all(folder)?;
    Ok(costs)
}

fn timed(act: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let began = Instant::now();
    act()?;
    Ok(began.elapsed().as_secs_f64() * 1e6)
}

fn slots(folder: &Path) -> io::Result<File> {
    let file = File::create(folder.join("slots"))?;
    for place in 0..SLOTS * SLOT_BYTES as u64 / 4_096 {
        file.write_all_at(&[0; 4_096], place * 4_096)?;
    }
    file.sync_all()?;
    Ok(file)
}

fn write_slot(file: &File, slot: u64) -> io::Result<()> {
    file.write_all_at(&[1; SLOT_BYTES], slot * SLOT_BYTES as u64)?;
    file.sync_data()
}

/// A change of another recording in each round.
fn chosen(host: &Host, round: usize) -> Record {
    let recordings = &host.store.ledger().recordings;
    let place = round.wrapping_mul(7_919) % recordings.len();
    upload(*recordings.keys().nth(place).expect("the place is among them"))
}

fn table(points: &[(usize, Costs)]) -> Table {
    let head = [
        "recordings",
        "raw p50 µs",
        "raw p99",
        "Earmark p50",
        "Earmark p99",
        "JSON p50",
        "JSON p99",
    ];
    let row = |(count, costs): &(usize, Costs)| {
        let all = [&costs.raw, &costs.ours, &costs.index];
        let both = all.into_iter().flat_map(|one| [quantile(one, 0.5), quantile(one, 0.99)]);
        [*count as f64].into_iter().chain(both).map(number).collect()
    };
    Table {
        topic: TOPIC,
        head: head.map(String::from).to_vec(),
        rows: points.iter().map(row).collect(),
    }
}

fn picture(points: &[(usize, Costs)]) -> Plot {
    let line = |name: &str, pick: fn(&Costs) -> &Vec<f64>| plot::Line {
        name: name.to_owned(),
        points: points.iter().map(|(x, costs)| (*x as f64, median(pick(costs)))).collect(),
    };
    let lines = [
        line("one synced 64-byte write", |costs| &costs.raw),
        line("Earmark", |costs| &costs.ours),
        line("JSON index, rewritten, not synced", |costs| &costs.index),
    ];
    let title = String::from("One change of state: µs at the median, by recordings");
    let svg = plot::lines(&title, "recordings", "µs", &lines);
    Plot { topic: TOPIC, name: "changes", title, svg }
}
