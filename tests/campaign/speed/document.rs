//! The measured part of the document: Markdown and pictures.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::speed::sheet::{Figure, Limit, Sheet, Table, number};

/// Names the folder of the documents, whose measured part is then written anew.
const FOLDER: &str = "EARMARK_SPEED_OUT";
const DOCUMENT: &str = "performance.md";
const PICTURES: &str = "performance";
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

/// Writes the tables and the pictures, if somebody wants them.
pub(super) fn write(sheet: &Sheet, circumstances: &str) -> io::Result<()> {
    let Some(folder) = env::var_os(FOLDER) else {
        return Ok(());
    };
    let pictures = Path::new(&folder).join(PICTURES);
    fs::create_dir_all(&pictures)?;
    for plot in &sheet.plots {
        fs::write(pictures.join(format!("{}.svg", plot.name)), &plot.svg)?;
    }
    let document = Path::new(&folder).join(DOCUMENT);
    let text = fs::read_to_string(&document).unwrap_or_default();
    fs::write(document, spliced(&text, &markdown(sheet, circumstances)))
}

/// The text with another measured part; what stands around it stays.
fn spliced(text: &str, measured: &str) -> String {
    let (before, rest) = text.split_once(BEGIN).unwrap_or((text, END));
    let (_, after) = rest.split_once(END).unwrap_or(("", "\n"));
    format!("{before}{BEGIN}\n\n{measured}\n{END}{after}")
}

fn markdown(sheet: &Sheet, circumstances: &str) -> String {
    let mut out = format!("{circumstances}\n");
    for topic in topics(sheet) {
        let _ = writeln!(out, "\n### {topic}\n");
        let figures: Vec<&Figure> = sheet.figures.iter().filter(|one| one.topic == topic).collect();
        out += &rows(&["figure", "found", "wanted", "reached"].map(String::from), &cells(&figures));
        for table in sheet.tables.iter().filter(|table| table.topic == topic) {
            let Table { head, rows: all, .. } = table;
            let _ = write!(out, "\n{}", rows(head, all));
        }
        for plot in sheet.plots.iter().filter(|plot| plot.topic == topic) {
            let _ = writeln!(out, "\n![{}]({PICTURES}/{}.svg)", plot.title, plot.name);
        }
    }
    out
}

/// The topics in the order in which they came.
fn topics(sheet: &Sheet) -> Vec<&'static str> {
    let mut topics = Vec::new();
    for figure in &sheet.figures {
        if !topics.contains(&figure.topic) {
            topics.push(figure.topic);
        }
    }
    topics
}

fn cells(figures: &[&Figure]) -> Vec<Vec<String>> {
    let reached = |figure: &Figure| match (figure.limit, figure.is_met()) {
        (Limit::None, _) => "",
        (Limit::AtLeast(_) | Limit::AtMost(_), true) => "yes",
        (Limit::AtLeast(_) | Limit::AtMost(_), false) => "**no**",
    };
    let row = |figure: &&Figure| {
        let found = format!("{} {}", number(figure.value), figure.unit);
        let wanted = figure.limit.to_string();
        vec![figure.name.clone(), found.trim().to_owned(), wanted, reached(figure).to_owned()]
    };
    figures.iter().map(row).collect()
}

fn rows(head: &[String], all: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let body: String = all.iter().map(|row| line(row)).collect();
    [line(head), rule, body].concat()
}
