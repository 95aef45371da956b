//! What is read of a request.

/// The most bytes that a request may have.
pub(super) const REQUEST_BYTES_MAX: usize = 8 << 10;
/// The most headers that a request may have.
const HEADERS_MAX: usize = 32;

/// A request, as far as it counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) host: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) authorization: Option<String>,
}

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A request with all its headers.
    Whole(Request),
    /// The beginning of one.
    Part,
    /// More than is read.
    TooLong,
    /// Something else.
    Unreadable,
}

/// Reads what has come so far.
pub(super) fn read(bytes: &[u8]) -> Read {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => of(&parsed).map_or(Read::Unreadable, Read::Whole),
        Ok(httparse::Status::Partial) if bytes.len() < REQUEST_BYTES_MAX => Read::Part,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => Read::TooLong,
        Err(_) => Read::Unreadable,
    }
}

fn of(parsed: &httparse::Request<'_, '_>) -> Option<Request> {
    let target = parsed.path?;
    let mut request = Request {
        method: parsed.method?.to_owned(),
        path: target.split('?').next().unwrap_or(target).to_owned(),
        ..Request::default()
    };
    for header in parsed.headers.iter() {
        let value = || std::str::from_utf8(header.value).ok().map(str::to_owned);
        let place = match header.name.to_ascii_lowercase().as_str() {
            "host" => &mut request.host,
            "origin" => &mut request.origin,
            "authorization" => &mut request.authorization,
            _ => continue,
        };
        // Of two that contradict each other neither counts.
        if place.is_some() {
            return None;
        }
        *place = Some(value()?);
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_of_a_request_is_read() {
        let bytes = b"GET /health?a=b HTTP/1.1\r\nHost: localhost:1\r\nX: y\r\norigin: a\r\n\r\n";
        let expected = Request {
            method: String::from("GET"),
            path: String::from("/health"),
            host: Some(String::from("localhost:1")),
            origin: Some(String::from("a")),
            authorization: None,
        };
        assert_eq!(read(bytes), Read::Whole(expected));
        assert_eq!(read(&bytes[..30]), Read::Part);
    }

    #[test]
    fn what_is_no_request_or_an_endless_one_is_told_apart() {
        assert_eq!(read(b"\x16\x03\x01\x02\x00"), Read::Unreadable);
        let endless = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'a'; REQUEST_BYTES_MAX]].concat();
        assert_eq!(read(&endless), Read::TooLong);
        let many = format!("GET / HTTP/1.1\r\n{}", "x: y\r\n".repeat(100));
        assert_eq!(read(many.as_bytes()), Read::TooLong);
    }

    #[test]
    fn two_hosts_are_none() {
        let bytes = b"GET / HTTP/1.1\r\nHost: localhost:1\r\nHost: evil.example\r\n\r\n";
        assert_eq!(read(bytes), Read::Unreadable);
    }
}
