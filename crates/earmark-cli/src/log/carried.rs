//! What libraries log of what they carry is shown to nobody, whatever is asked for: a request with
//! its token, a message with what people said, audio.

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// The places that log what they carry, below `info`, and all places within them.
const CARRIERS: [&str; 2] = [
    // The whole upgrade request, the `Authorization` header included.
    "tungstenite::handshake::client",
    // Each message and each frame.
    "tungstenite::protocol",
];

/// Leaves out what is carried.
pub(crate) struct NothingCarried;

fn is_carried(target: &str, level: Level) -> bool {
    let is_within = |place: &&str| {
        target.strip_prefix(*place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    level > Level::INFO && CARRIERS.iter().any(is_within)
}

impl<S: Subscriber> Filter<S> for NothingCarried {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        !is_carried(metadata.target(), *metadata.level())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_says_of_its_own_work_is_shown_and_what_it_carries_is_not() {
        for (target, level, expected) in [
            ("tungstenite::handshake::client", Level::TRACE, true),
            ("tungstenite::protocol", Level::TRACE, true),
            ("tungstenite::protocol::frame", Level::DEBUG, true),
            ("tungstenite::protocol", Level::INFO, false),
            ("tungstenite::protocols", Level::TRACE, false),
            ("tungstenite::handshake::machine", Level::TRACE, false),
            ("earmark::actors::uplink", Level::TRACE, false),
        ] {
            assert_eq!(is_carried(target, level), expected, "{target} {level}");
        }
    }
}
