//! The file that says what a folder is: a store, of which version and incarnation.

use std::io;

use crc32c::crc32c;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, create_anew, read_whole, write_all_at};
use crate::format::VERSION;
use crate::layout::{IDENTITY, IDENTITY_TEMP};
use crate::recovery::ReadError;

const IDENTITY_BYTES_MAX: u64 = 4_096;
const FORMAT: &str = "earmark-store";

#[derive(Serialize, Deserialize)]
struct Page {
    format: String,
    version: u32,
    incarnation: u32,
    crc32c: u32,
}

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Known(u32),
    Absent,
    Damaged(String),
}

fn check(version: u32, incarnation: u32) -> u32 {
    crc32c(format!("{FORMAT} {version} {incarnation}").as_bytes())
}

pub(crate) fn read(disk: &dyn Disk) -> Result<Identity, ReadError> {
    let file = match disk.open(IDENTITY) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Identity::Absent),
        Err(error) => return Err(ReadError::io(IDENTITY, error)),
    };
    let bytes = match read_whole(file.as_ref(), IDENTITY_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Identity::Damaged(error.to_string())),
    };
    let page: Page = match serde_json::from_slice(&bytes) {
        Ok(page) => page,
        Err(error) => return Ok(Identity::Damaged(error.to_string())),
    };
    if page.format != FORMAT {
        return Ok(Identity::Damaged(format!("its format is not `{FORMAT}`")));
    }
    if page.crc32c != check(page.version, page.incarnation) {
        return Ok(Identity::Damaged("its checksum does not match".to_owned()));
    }
    if page.version > VERSION {
        return Err(ReadError::Newer { path: IDENTITY.to_owned(), version: page.version });
    }
    if !bytes.ends_with(b"\n") {
        return Ok(Identity::Damaged("its end is missing".to_owned()));
    }
    Ok(Identity::Known(page.incarnation))
}

/// Writes the file of a new store.
pub(crate) fn write(disk: &dyn Disk, incarnation: u32) -> io::Result<()> {
    let page = Page {
        format: FORMAT.to_owned(),
        version: VERSION,
        incarnation,
        crc32c: check(VERSION, incarnation),
    };
    let mut bytes = serde_json::to_vec(&page)?;
    bytes.push(b'\n');
    let file = create_anew(disk, IDENTITY_TEMP)?;
    write_all_at(file.as_ref(), 0, &bytes)?;
    file.sync()?;
    disk.rename(IDENTITY_TEMP, IDENTITY)?;
    disk.sync_dir("")
}
