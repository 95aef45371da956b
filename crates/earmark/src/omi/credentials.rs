//! Credentials that do not change while a host runs.

use std::collections::BTreeMap;
use std::ffi::OsString;

use earmark_core::Account;
use futures_util::future::LocalBoxFuture;

use crate::credentials::{Credentials, Token};

/// The variable that holds the token of the account [`DEFAULT_ACCOUNT`].
const DEFAULT_VARIABLE: &str = "EARMARK_TOKEN";
/// What every other account's variable begins with.
const VARIABLE_PREFIX: &str = "EARMARK_TOKEN_";
/// The account of whoever names none.
const DEFAULT_ACCOUNT: &str = "default";

/// A token for each account, known beforehand. None is ever renewed.
#[derive(Clone, Debug, Default)]
pub struct StaticCredentials {
    tokens: BTreeMap<Account, Token>,
}

impl StaticCredentials {
    /// These tokens for these accounts; the last of several for one account counts.
    pub fn new(tokens: impl IntoIterator<Item = (Account, Token)>) -> Self {
        Self { tokens: tokens.into_iter().collect() }
    }
}

impl Credentials for StaticCredentials {
    fn token(&self, account: &Account) -> Option<Token> {
        self.tokens.get(account).cloned()
    }

    fn renew(&self, _: &Account, _: Option<Token>) -> LocalBoxFuture<'static, Option<Token>> {
        Box::pin(std::future::ready(None))
    }
}

/// Tokens from environment variables: `EARMARK_TOKEN` for the account `default`, and
/// `EARMARK_TOKEN_NAME` for the account `name`, upper-cased, with `_` for all but letters and
/// digits. None is ever renewed.
#[derive(Clone, Debug, Default)]
pub struct EnvCredentials {
    tokens: BTreeMap<String, Token>,
}

impl EnvCredentials {
    /// The tokens among these variables, such as those of [`std::env::vars_os`]. White space around
    /// a token is left out; an empty one is none.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let tokens = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let value = value.into_string().ok()?;
            let ours = name == DEFAULT_VARIABLE || name.starts_with(VARIABLE_PREFIX);
            let token = value.trim();
            (ours && !token.is_empty()).then(|| (name, Token::new(token)))
        });
        Self { tokens: tokens.collect() }
    }
}

impl Credentials for EnvCredentials {
    fn token(&self, account: &Account) -> Option<Token> {
        self.tokens.get(&variable(account)).cloned()
    }

    fn renew(&self, _: &Account, _: Option<Token>) -> LocalBoxFuture<'static, Option<Token>> {
        Box::pin(std::future::ready(None))
    }
}

/// The variable that holds an account's token.
fn variable(account: &Account) -> String {
    if account.as_str() == DEFAULT_ACCOUNT {
        return DEFAULT_VARIABLE.into();
    }
    let spell = |letter: char| {
        if letter.is_alphanumeric() { letter } else { '_' }
    };
    let name: String = account.as_str().chars().map(spell).collect();
    format!("{VARIABLE_PREFIX}{}", name.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary-7f3a";

    fn account(name: &str) -> Account {
        Account::new(name).expect("short enough")
    }

    fn of_environment(variables: &[(&str, &str)]) -> EnvCredentials {
        EnvCredentials::new(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn the_variable_of_an_account_is_its_name_in_capitals() {
        for (name, expected) in [
            ("default", "EARMARK_TOKEN"),
            ("anna", "EARMARK_TOKEN_ANNA"),
            ("anna.b-2@home", "EARMARK_TOKEN_ANNA_B_2_HOME"),
            ("zoë", "EARMARK_TOKEN_ZOË"),
        ] {
            assert_eq!(variable(&account(name)), expected);
        }
    }

    #[test]
    fn an_account_never_gets_the_token_of_another() {
        let credentials =
            of_environment(&[("EARMARK_TOKEN", "one"), ("EARMARK_TOKEN_ANNA", "two")]);
        assert_eq!(credentials.token(&account("default")), Some(Token::new("one")));
        assert_eq!(credentials.token(&account("anna")), Some(Token::new("two")));
        assert_eq!(credentials.token(&account("bert")), None);

        let fixed = StaticCredentials::new([(account("anna"), Token::new("two"))]);
        assert_eq!(fixed.token(&account("anna")), Some(Token::new("two")));
        assert_eq!(fixed.token(&account("default")), None);
    }

    #[test]
    fn an_empty_variable_is_no_token_and_white_space_no_part_of_one() {
        let credentials = of_environment(&[("EARMARK_TOKEN", " \n"), ("EARMARK_TOKEN_A", "x\n")]);
        assert_eq!(credentials.token(&account("default")), None);
        assert_eq!(credentials.token(&account("a")), Some(Token::new("x")));
    }

    /// F138.
    #[test]
    fn tokens_are_not_shown() {
        let fixed = StaticCredentials::new([(account("anna"), Token::new(CANARY))]);
        let credentials = of_environment(&[("EARMARK_TOKEN", CANARY), ("HOME", CANARY)]);
        assert!(!format!("{fixed:?} {credentials:?}").contains(CANARY));
    }

    #[test]
    fn variables_of_others_are_not_kept() {
        assert!(of_environment(&[("HOME", "x"), ("EARMARK_TOKENS", "x")]).tokens.is_empty());
    }
}
