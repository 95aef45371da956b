//! The URL of a server.

use reqwest::Url;

/// Why a URL cannot be a server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlFault {
    /// It is no URL.
    #[error("the server's URL {given:?} is none ({reason}); one reads https://api.example.com")]
    Unreadable {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It has a scheme that is not spoken.
    #[error("the server's URL begins with `{scheme}:`; http: and https: are taken")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It has a part that a server's URL cannot have. The URL is not shown, for it may be secret.
    #[error("the server's URL has {part}; leave it out")]
    Part {
        /// Which.
        part: &'static str,
    },
}

/// Says whether a URL can be a server's, and what is wrong with it.
///
/// # Errors
///
/// [`ServerUrlFault`] when it cannot.
pub fn check_server_url(given: &str) -> Result<(), ServerUrlFault> {
    ServerUrl::parse(given).map(drop)
}

/// The URL of a server: an origin, and a path that stands before every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl(Url);

impl ServerUrl {
    /// Takes a URL, if it is one of `http` or `https` without user, query and fragment.
    pub(crate) fn parse(given: &str) -> Result<Self, ServerUrlFault> {
        let url = Url::parse(given.trim()).map_err(|error| ServerUrlFault::Unreadable {
            given: without_user(given),
            reason: error.to_string(),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ServerUrlFault::Scheme { scheme: url.scheme().into() });
        }
        let part = if !url.username().is_empty() || url.password().is_some() {
            Some("a user or a password in it")
        } else if url.query().is_some() {
            Some("a query (`?`)")
        } else {
            url.fragment().map(|_| "a fragment (`#`)")
        };
        part.map_or(Ok(Self(url)), |part| Err(ServerUrlFault::Part { part }))
    }

    /// The URL of a path and query that begin with `/`.
    pub(crate) fn join(&self, path: &str) -> Url {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let mut url = self.0.clone();
        let base = self.0.path().trim_end_matches('/');
        url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        url.set_query(query);
        url
    }

    /// Whether the server is reached over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether a request to `url` goes to this server, with nothing that a client would add to it.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        url.origin() == self.0.origin() && url.username().is_empty() && url.password().is_none()
    }
}

/// A text that may be shown although it might be a URL with a password.
fn without_user(given: &str) -> String {
    given.rsplit_once('@').map_or_else(|| given.into(), |(_, host)| format!("…@{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_server_stands_before_the_path_of_a_request() {
        let server = ServerUrl::parse("https://api.example.com/omi/").expect("a good URL");
        assert_eq!(
            server.join("/v2/files?conversation_id=a%2Fb").as_str(),
            "https://api.example.com/omi/v2/files?conversation_id=a%2Fb"
        );
    }

    #[test]
    fn an_encoded_path_is_not_encoded_again() {
        let server = ServerUrl::parse("http://127.0.0.1:8080").expect("a good URL");
        assert_eq!(server.join("/v2/a%2Fb").as_str(), "http://127.0.0.1:8080/v2/a%2Fb");
    }

    #[test]
    fn a_path_cannot_lead_to_another_host() {
        let server = ServerUrl::parse("https://api.example.com").expect("a good URL");
        for path in ["//evil.example/", "@evil.example/", "/\\evil.example", ".evil.example"] {
            assert_eq!(server.join(path).host_str(), Some("api.example.com"), "{path}");
        }
    }

    #[test]
    fn only_plain_web_addresses_are_taken() {
        for (given, words) in [
            ("ftp://example.com", "`ftp:`"),
            ("file:///etc/passwd", "`file:`"),
            ("example.com", "relative"),
            ("https://", "empty host"),
            ("https://example.com/?a=b", "a query"),
            ("https://example.com/#a", "a fragment"),
        ] {
            let fault = ServerUrl::parse(given).expect_err(given).to_string();
            assert!(fault.contains(words), "{given}: {fault}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for given in ["https://me:canary@example.com", "https://me:canary@exa mple.com:99999"] {
            let fault = ServerUrl::parse(given).expect_err(given).to_string();
            assert!(!fault.contains("canary"), "{fault}");
        }
    }
}
