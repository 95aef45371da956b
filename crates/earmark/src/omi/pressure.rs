//! Whether a server asks for less, and of what.

use earmark_core::sync::Pressure;
use earmark_wire::ReplyBody;

use super::answer;
use crate::http::HttpReply;

/// What `X-Omi-Rate-Limit-Reason` says when the account has used its fair share.
const FAIR_USE: &str = "fair_use";
/// The code with which a server says that it has no capacity for history.
const NO_CAPACITY: &str = "backfill_capacity";

/// What the server asks for with this answer; nothing when it asks for nothing less.
pub(super) fn of(reply: &HttpReply, read: &ReplyBody) -> Option<Pressure> {
    let code = answer::refusal(read).and_then(|detail| detail.code.as_deref());
    match reply.status {
        429 if reply.limit_reason.as_deref().map(str::trim) == Some(FAIR_USE) => {
            Some(Pressure::FairUse)
        }
        503 if code == Some(NO_CAPACITY) => Some(Pressure::Capacity),
        429 | 503 => Some(Pressure::Busy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn pressure(status: u16, reason: Option<&str>, body: &str) -> Option<Pressure> {
        let limit_reason = reason.map(String::from);
        let body = Bytes::copy_from_slice(body.as_bytes());
        let reply = HttpReply { status, retry_after: None, date: None, limit_reason, body };
        of(&reply, &ReplyBody::parse(&reply.body))
    }

    #[test]
    fn fair_use_capacity_and_a_busy_server_are_told_apart() {
        let capacity = r#"{"detail":{"code":"backfill_capacity","message":"later"}}"#;
        for (status, reason, body, expected) in [
            (429, Some(" fair_use"), "", Some(Pressure::FairUse)),
            (429, Some("burst"), "", Some(Pressure::Busy)),
            (429, None, "", Some(Pressure::Busy)),
            (503, None, capacity, Some(Pressure::Capacity)),
            (503, Some("fair_use"), "", Some(Pressure::Busy)),
            (500, Some("fair_use"), capacity, None),
            (200, Some("fair_use"), "", None),
        ] {
            assert_eq!(pressure(status, reason, body), expected, "{status} {reason:?} {body}");
        }
    }
}
