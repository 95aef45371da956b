//! When there is nothing left that a runtime can do without a person.

use earmark::{RecordingStatus, Status};

/// Whether a recording is still on its way to the server without a person's help.
pub(crate) fn is_on_its_way(recording: &RecordingStatus) -> bool {
    !recording.needs_person
        && matches!(recording.status, "pending" | "uploading" | "retrying" | "processing")
}

/// Whether no session waits for a link, event, seal or upload, and no recording is on its way. What
/// waits for a person does not count, nor does a capture that runs.
pub(crate) fn is_settled(status: &Status) -> bool {
    let needs_person =
        |id| status.recordings.iter().any(|one| one.session == id && one.needs_person);
    let sessions = status.sessions.iter().all(|session| match session.state {
        "capturing" | "settled" => true,
        _ => needs_person(session.id),
    });
    sessions && !status.recordings.iter().any(is_on_its_way)
}
