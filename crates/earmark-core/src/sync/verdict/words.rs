//! The server's own words, made fit for a person's eyes.

use alloc::format;
use alloc::string::String;

use crate::name::steers;

/// The most characters of a server's explanation that are kept.
pub const DETAIL_CHARS_MAX: usize = 200;

/// The sentence, and after it what the server said, without what could steer a terminal.
pub(super) fn with_detail(sentence: &str, detail: Option<&str>) -> String {
    match detail.map(clean).filter(|shown| !shown.is_empty()) {
        Some(shown) => format!("{sentence}: {shown}"),
        None => String::from(sentence),
    }
}

fn clean(detail: &str) -> String {
    let kept = detail.trim().chars().take(DETAIL_CHARS_MAX);
    let shown: String = kept.map(|letter| if steers(letter) { ' ' } else { letter }).collect();
    String::from(shown.trim())
}
