//! The bodies of uploads.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use earmark_wire::FILE_NAME_BYTES_MAX;
use futures_util::StreamExt;

use super::Shared;
use crate::server::{ReceivedFile, Reply};

/// The most bytes of an upload.
pub const UPLOAD_BYTES_MAX: usize = 64 << 20;
/// The most files of an upload.
pub const UPLOAD_FILES_MAX: usize = 64;
/// The most uploads whose bodies are in memory at a time; further ones wait.
pub const UPLOADS_IN_FLIGHT_MAX: usize = 8;

/// The field of a form that holds a file.
const FILES_FIELD: &str = "files";

/// Reads the files of an upload and looks at them; the answer, when the body cannot be taken.
pub(super) async fn files(
    shared: &Arc<Shared>,
    request: Request,
) -> Result<Vec<ReceivedFile>, Reply> {
    let turn = Arc::clone(&shared.uploads).acquire_owned().await;
    let _turn = turn.expect("nobody closes the semaphore");
    let Ok(mut form) = Multipart::from_request(request, &()).await else {
        // What is no form holds no files, and is told so.
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| unreadable(&error))? {
        let name = field.file_name().unwrap_or_default().to_owned();
        if field.name() != Some(FILES_FIELD) {
            continue;
        }
        if name.len() > FILE_NAME_BYTES_MAX || files.len() == UPLOAD_FILES_MAX {
            let files = format!("At most {UPLOAD_FILES_MAX} files are taken");
            let words = format!("{files}, with names of at most {FILE_NAME_BYTES_MAX} bytes");
            return Err(Reply::refusal(400, &words));
        }
        let bytes = field.bytes().await.map_err(|error| unreadable(&error))?;
        // Decoding takes a while, during which others want to be served.
        let inspect = move || ReceivedFile::inspect(&name, &bytes, true);
        let inspected = tokio::task::spawn_blocking(inspect).await;
        files.push(inspected.map_err(|_| Reply::refusal(500, "The audio could not be decoded"))?);
    }
    Ok(files)
}

fn unreadable(error: &axum::extract::multipart::MultipartError) -> Reply {
    Reply::refusal(error.status().as_u16(), &error.body_text())
}

/// Reads a body up to so many bytes and forgets it.
pub(super) async fn discard(body: Body, bytes_max: usize) {
    let mut pieces = body.into_data_stream();
    let mut read = 0;
    while read < bytes_max
        && let Some(Ok(piece)) = pieces.next().await
    {
        read += piece.len();
    }
}
