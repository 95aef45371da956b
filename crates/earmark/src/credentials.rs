//! What a host knows and nobody else may see.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use earmark_core::Account;
use futures_util::future::LocalBoxFuture;

/// What stands for a token where a server has repeated it.
const HIDDEN: &str = "[token]";
/// A token of fewer bytes is a word like any other: it stands in answers by chance.
const HIDDEN_BYTES_MIN: usize = 6;

/// A bearer token. It is never shown: not in a log, a report, a panic or an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Keeps a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for the header that carries it and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What a server has said, with `[token]` for the token wherever it is repeated, be it spelt
    /// with escapes of JSON; `None` where it is not.
    pub(crate) fn hidden_in(&self, said: &[u8]) -> Option<Vec<u8>> {
        let (mut hidden, mut rest) = (Vec::new(), said);
        if self.0.len() < HIDDEN_BYTES_MIN {
            return None;
        }
        while let Some((first, others)) = rest.split_first() {
            match after(self.0.as_bytes(), rest) {
                Some(behind) => {
                    hidden.extend_from_slice(HIDDEN.as_bytes());
                    rest = behind;
                }
                None => {
                    hidden.push(*first);
                    rest = others;
                }
            }
        }
        (hidden != said).then_some(hidden)
    }

    /// The same for words.
    pub(crate) fn hide(token: Option<&Self>, words: String) -> String {
        let hidden = token.and_then(|token| token.hidden_in(words.as_bytes()));
        hidden.map_or(words, |hidden| String::from_utf8_lossy(&hidden).into_owned())
    }
}

/// What follows a token that stands at the beginning.
fn after<'a>(token: &[u8], said: &'a [u8]) -> Option<&'a [u8]> {
    token.iter().try_fold(said, |rest, byte| match rest {
        [b'\\', b'u', a, b, c, d, rest @ ..] if is_spelt_by(*byte, &[*a, *b, *c, *d]) => Some(rest),
        [b'\\', escaped, rest @ ..] if escaped == byte && b"/\\\"".contains(byte) => Some(rest),
        [plain, rest @ ..] if plain == byte => Some(rest),
        _ => None,
    })
}

/// Whether four hexadecimal digits stand for a byte.
fn is_spelt_by(byte: u8, digits: &[u8]) -> bool {
    let digits = std::str::from_utf8(digits).ok();
    digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) == Some(byte.into())
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Where tokens come from. They are asked for by account: a recording is uploaded only to its own.
pub trait Credentials: Send + Sync + 'static {
    /// The token of an account; `None` when the host has none.
    fn token(&self, account: &Account) -> Option<Token>;

    /// Another token after the server refused this one, or a request without any; `None` when there
    /// is no other. Requests that were under way with an older token may be refused late: to them
    /// the present token is another one.
    fn renew(
        &self,
        account: &Account,
        refused: Option<Token>,
    ) -> LocalBoxFuture<'static, Option<Token>>;
}

/// No account has a token; requests go out without one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn token(&self, _: &Account) -> Option<Token> {
        None
    }

    fn renew(&self, _: &Account, _: Option<Token>) -> LocalBoxFuture<'static, Option<Token>> {
        Box::pin(std::future::ready(None))
    }
}

/// The token that each account showed last to a server that has refused it, or may still do so.
#[derive(Clone, Default)]
pub(crate) struct Shown(Arc<Mutex<BTreeMap<Account, Option<Token>>>>);

impl Shown {
    pub(crate) fn note(&self, account: &Account, token: Option<Token>) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(account.clone(), token);
    }

    /// Asks for another token than the one that was shown; whether there is one.
    pub(crate) fn renew(
        &self,
        credentials: &dyn Credentials,
        account: &Account,
    ) -> LocalBoxFuture<'static, bool> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned();
        let renewal = credentials.renew(account, shown.flatten());
        Box::pin(async move { renewal.await.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::client::authorization;
    use crate::{EnvCredentials, HttpClient, StaticCredentials, WebSocketDialer};

    const CANARY: &str = "canary-7f3a";

    #[test]
    fn a_token_is_hidden_however_json_spells_it_and_nothing_else_is() {
        let token = Token::new("canary/7f3a");
        for (said, expected) in [
            ("Bearer canary/7f3a.", Some("Bearer [token].")),
            ("canary/7f3acanary/7f3a", Some("[token][token]")),
            (r"ccanary\/7f3a", Some("c[token]")),
            (r"\u0063anary\u002F7f3a\n", Some(r"[token]\n")),
            ("canary/7f3", None),
            ("Canary/7f3a", None),
            (r"\u0063\u00zz", None),
            ("", None),
        ] {
            let hidden = token.hidden_in(said.as_bytes());
            assert_eq!(hidden.as_deref(), expected.map(str::as_bytes), "{said}");
        }
        assert_eq!(Token::new("short").hidden_in(b"a short word"), None);
    }

    #[test]
    fn whatever_holds_a_token_shows_nothing_of_it() {
        let (token, account) = (Token::new(CANARY), Account::new("anna").expect("a name"));
        let fixed = StaticCredentials::new([(account, token.clone())]);
        let found = EnvCredentials::new([("EARMARK_TOKEN".into(), CANARY.into())]);
        let url = "http://127.0.0.1:1";
        let dialer = WebSocketDialer::new(url, fixed.clone()).expect("a URL");
        let client = HttpClient::new(url).expect("a URL");
        let headers = authorization(Some(&token));
        assert_eq!(headers.len(), 1, "the token is in one of them");
        let held: [&dyn fmt::Debug; 7] =
            [&token, &Some(&token), &fixed, &found, &dialer, &client, &headers];
        for one in held {
            let shown = format!("{one:?} {one:#?}");
            assert!(!shown.contains(CANARY), "{shown}");
        }
    }
}
