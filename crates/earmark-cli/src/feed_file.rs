//! Feeds in files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use earmark_sim::feed::{FEED_BYTES_MAX, Feed};

use crate::exit::Failure;

/// Reads a feed and checks all of it.
pub(crate) fn read(path: &Path) -> Result<Feed, Failure> {
    let unusable = |error| Failure::named("the feed", path, &error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unusable)?;
    // One byte more than is taken is enough for the refusal.
    file.take(FEED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unusable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let whole = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + whole.iter().filter(|byte| **byte == b'\n').count();
        let path = path.display();
        Failure::unusable(format!("{path}:{line}: a byte that is no text: expected UTF-8"))
    })?;
    Ok(Feed::parse(&path.display().to_string(), &text)?)
}

/// The refusal of a line that can be read but not be played here.
pub(crate) fn refused(path: &Path, line: usize, action: &str, expected: &str) -> Failure {
    Failure::unusable(format!("{}:{line}: \"{action}\" {expected}", path.display()))
}
