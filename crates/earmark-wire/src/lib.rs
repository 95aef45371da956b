//! The bytes of others: what a server says and what it is sent, and how audio lies in a file.
//!
//! Everything here turns bytes into values or values into bytes and does nothing else. All input is
//! hostile: each reader has a limit, keeps nothing of what it does not need, and answers with a
//! value or with an error that names the place.
//!
//! | module | bytes |
//! |---|---|
//! | `server_message` | text messages of the live socket |
//! | `audio_file` | frames in a file, as a server takes them |
//! | `file_name` | the name under which a file is uploaded |
//! | `reply` | bodies of the answers to uploads and polls |
//! | `job` | the one of them that says that the server works on an upload |
//! | `wals` | an Omi app's list of its recordings |

#![no_std]

extern crate alloc;

mod audio_file;
mod field;
mod file_name;
mod job;
mod reply;
mod server_message;
mod time_text;
mod wals;

pub use audio_file::{
    AUDIO_FRAME_BYTES_MAX, AudioFrames, FRAME_HEADER_BYTES, FileFault, encode_frame_header, frames,
};
pub use file_name::{
    FILE_NAME_BYTES_MAX, FileCodec, Mark, NAME_SECONDS_MAX, NAME_SECONDS_MIN, NameFault, NamePart,
    UploadName,
};
pub use job::{JOB_ID_BYTES_MAX, Job, JobId, JobIdError, JobStatus};
pub use reply::{
    CONVERSATIONS_MAX, Detail, ERRORS_MAX, FILES_MAX, KeptFile, NO_ROUTE, REPLY_BYTES_MAX,
    REPLY_TEXT_CHARS_MAX, ReplyBody, UploadResult,
};
pub use server_message::{
    KIND_CHARS_MAX, MessageFault, SERVER_MESSAGE_BYTES_MAX, ServerMessage, pong,
};
pub use wals::{
    WAL_BYTES_MAX, WAL_KEYS_MAX, WALS_BYTES_MAX, WALS_MAX, WalEntry, WalFacts, WalFault, WalIndex,
    WalKeys, WalStatus, WalStorage, WalsFault, encode_wals, read_wals,
};
