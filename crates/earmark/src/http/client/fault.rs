//! What the errors of the HTTP client mean.

use std::error::Error;
use std::io;
use std::iter::successors;

use earmark_core::sync::TransportFault;

/// Why a request got no answer. `complete`: whether all of it had been handed out.
pub(super) fn of_request(error: &reqwest::Error, complete: bool) -> TransportFault {
    if is_about_tls(error) {
        TransportFault::Tls
    } else if is_too_large(error) {
        TransportFault::TooLarge
    } else if error.is_connect() {
        of_connect(error)
    } else if error.is_timeout() {
        TransportFault::Timeout
    } else if complete {
        TransportFault::Lost
    } else {
        TransportFault::Reset
    }
}

/// What about a server's proof of who it is was not accepted, in words.
pub(super) fn distrust(error: &reqwest::Error) -> Option<String> {
    chain(error).find_map(|link| link.downcast_ref::<rustls::Error>()).map(ToString::to_string)
}

/// Why a reply that had begun did not come to its end.
pub(super) fn of_reply(error: &reqwest::Error) -> TransportFault {
    if error.is_timeout() { TransportFault::Timeout } else { TransportFault::Lost }
}

fn of_connect(error: &reqwest::Error) -> TransportFault {
    if error.is_dns() {
        return TransportFault::Dns;
    }
    if error.is_timeout() {
        return TransportFault::ConnectTimeout;
    }
    match chain(error).find_map(io_kind) {
        Some(io::ErrorKind::NetworkDown | io::ErrorKind::NetworkUnreachable) => {
            TransportFault::Offline
        }
        Some(io::ErrorKind::HostUnreachable) => TransportFault::ConnectTimeout,
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => TransportFault::Reset,
        // Before a connection is up only a TLS handshake reads anything.
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => TransportFault::Tls,
        Some(_) | None => TransportFault::Refused,
    }
}

fn is_about_tls(error: &reqwest::Error) -> bool {
    chain(error).any(|link| {
        let within = link.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        link.is::<rustls::Error>() || within.is_some_and(|inner| inner.is::<rustls::Error>())
    })
}

/// Whether a reply's head has more bytes, or more headers, than are read.
fn is_too_large(error: &reqwest::Error) -> bool {
    let hyper = |link: &'_ (dyn Error + 'static)| {
        link.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large)
    };
    chain(error).any(hyper)
}

fn io_kind(link: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    link.downcast_ref::<io::Error>().map(io::Error::kind)
}

/// An error and what caused it. A cause that an I/O error wraps is reached as well, which
/// [`Error::source`] would skip.
fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    successors(Some(first), |&link: &&'a (dyn Error + 'static)| {
        match link.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => link.source(),
        }
    })
}
