//! A request to a server cannot be written down for a recording that is only named.

use earmark::{Api, Blocks, UploadRequest};
use earmark_core::RecordingId;

fn request(recording: RecordingId, blocks: Box<dyn Blocks>) -> UploadRequest {
    UploadRequest { recording, conversation: None, api: Api::V2, blocks }
}

fn main() {}
