//! What a real server says with each status.

use axum::http::StatusCode;
use earmark_wire::{Detail, NO_ROUTE};

/// What an upload without any file is told.
pub(super) const NO_FILES: &str =
    r#"{"detail":[{"loc":["body","files"],"msg":"Field required","type":"missing"}]}"#;

/// The words of a refusal; `None` when a status is none or has no body.
pub(super) fn refusal(status: u16) -> Option<String> {
    let detail = match status {
        401 => Detail::words("Invalid authorization token"),
        404 => Detail::words("Conversation not found"),
        409 => coded("sync_content_in_progress", "These files are being processed"),
        422 => coded("backfill_lookback_exceeded", "The recording is older than 30 days"),
        429 => Detail::words("Rate limit exceeded"),
        500 => Detail::words("Processing failed; local audio remains available"),
        503 => coded("backfill_capacity", "The server is busy"),
        400..=599 => {
            let reason = StatusCode::from_u16(status).ok()?.canonical_reason();
            Detail::words(reason.unwrap_or("Refused"))
        }
        _ => return None,
    };
    Some(detail.to_json())
}

/// The body of a refusal in words of one's own.
pub(super) fn words(message: &str) -> String {
    Detail::words(message).to_json()
}

/// The body where there is no such path.
pub(super) fn no_route() -> String {
    String::from(NO_ROUTE)
}

fn coded(code: &str, message: &str) -> Detail {
    Detail { code: Some(String::from(code)), message: Some(String::from(message)) }
}
