use std::fs;
use std::path::{Path, PathBuf};

use super::*;

const CANARY: &str = "canary-7f3a";

fn account() -> Account {
    Account::new("anna").expect("short enough")
}

fn held(token: TokenSource) -> HostCredentials {
    HostCredentials::new(&[AccountConfig { account: account(), token }])
}

fn shell(script: &str) -> TokenSource {
    TokenSource::Command(["sh", "-c", script].map(String::from).to_vec())
}

#[tokio::test]
async fn a_token_comes_from_a_file_or_a_program_without_the_white_space_around_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    fs::write(&path, format!("{CANARY}\n")).expect("it is written");
    for source in [TokenSource::File(path), shell(&format!("echo {CANARY}"))] {
        let credentials = held(source);
        assert_eq!(credentials.token(&account()), None, "nobody has asked yet");
        assert_eq!(credentials.refresh(&account()).await, Refreshed::New);
        assert_eq!(credentials.token(&account()), Some(Token::new(CANARY)));
        assert_eq!(credentials.refresh(&account()).await, Refreshed::Same);
    }
}

#[tokio::test]
async fn a_source_that_fails_is_named_and_what_it_said_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("it is written");
        TokenSource::File(path)
    };
    let words = format!("{CANARY} {CANARY}");
    for (source, told) in [
        (TokenSource::File(PathBuf::from("no-such-file")), "no-such-file"),
        (TokenSource::Variable(String::from("NO_SUCH_VARIABLE")), "NO_SUCH_VARIABLE"),
        (file("empty", b" \n"), "is empty"),
        (file("words", words.as_bytes()), "white space"),
        (file("bytes", b"\xff\xfe"), "white space"),
        (file("long", &[b'a'; 20_000]), "no token is"),
        (shell(&format!("echo {CANARY}; echo {CANARY} >&2; exit 3")), "exit status: 3"),
        (TokenSource::Command(vec![String::from("no-such-program")]), "no-such-program"),
    ] {
        let Refreshed::Failed(fault) = held(source.clone()).refresh(&account()).await else {
            panic!("{source:?} brought a token");
        };
        assert!(fault.contains(told) && !fault.contains(CANARY), "{fault}");
    }
}

/// Whoever opens a pipe to read it waits until somebody writes.
#[tokio::test]
async fn a_token_file_that_is_no_regular_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("it starts");
    assert!(made.success());
    for path in [pipe.as_path(), folder.path(), Path::new("/dev/null")] {
        let refreshed = held(TokenSource::File(path.to_owned())).refresh(&account()).await;
        let Refreshed::Failed(fault) = refreshed else {
            panic!("{} brought a token", path.display());
        };
        let is_told = fault.contains(&path.display().to_string());
        assert!(is_told && fault.contains("no regular file"), "{fault}");
        assert!(fault.contains("token_command"), "it says what to do: {fault}");
    }
}

/// The time of this test goes on by itself while nothing else does.
#[tokio::test(start_paused = true)]
async fn a_program_that_does_not_end_is_given_up_and_named() {
    let program = ["sleep", "600"].map(String::from).to_vec();
    let refreshed = held(TokenSource::Command(program)).refresh(&account()).await;
    let told = "the token command sleep was not done within 30 s";
    assert_eq!(refreshed, Refreshed::Failed(String::from(told)));
}

#[tokio::test]
async fn a_refused_token_is_asked_for_once_and_requests_share_the_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = folder.path().join("count");
    let script = format!("echo x >> {0}; wc -l < {0} | tr -d ' '", count.display());
    let credentials = held(shell(&script));
    credentials.refresh(&account()).await;
    let asked = || fs::read_to_string(&count).expect("it is there").lines().count();
    let renew = |token| credentials.renew(&account(), Some(Token::new(token)));
    // An older token than the one there is needs no asking.
    assert_eq!(
        tokio::join!(renew("0"), renew("0")),
        (Some(Token::new("1")), Some(Token::new("1")))
    );
    assert_eq!(asked(), 1);
    let long_ago = clock::now().checked_sub(REFRESH_WAIT_MIN);
    credentials.accounts[&account()].state().refreshed = long_ago;
    assert_eq!(
        tokio::join!(renew("1"), renew("1")),
        (Some(Token::new("2")), Some(Token::new("2")))
    );
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_not_handed_out_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = folder.path().join("count");
    let script = format!("echo x >> {0}; wc -l < {0} | tr -d ' '", count.display());
    let credentials = held(shell(&script));
    let renew = |token: Option<&str>| credentials.renew(&account(), token.map(Token::new));
    assert_eq!(renew(None).await, Some(Token::new("1")));
    assert_eq!(renew(Some("1")).await, None, "within 30 s the source is not asked again");
    assert_eq!(renew(Some("0")).await, Some(Token::new("1")), "this request had an older one");
}

#[tokio::test]
async fn a_token_that_stays_the_same_is_no_renewal() {
    let credentials = held(shell(&format!("echo {CANARY}")));
    credentials.refresh(&account()).await;
    credentials.accounts[&account()].state().refreshed = None;
    assert_eq!(credentials.renew(&account(), Some(Token::new(CANARY))).await, None);
    assert_eq!(credentials.token(&account()), Some(Token::new(CANARY)), "it is kept");
}

#[tokio::test]
async fn a_program_does_not_get_the_tokens_of_others() {
    // Nothing may be put into this process's environment here; the shell that is started checks
    // what it got.
    let credentials = held(shell("env | grep -c '^EARMARK_TOKEN' || true"));
    credentials.refresh(&account()).await;
    assert_eq!(credentials.token(&account()), Some(Token::new("0")));
}

#[tokio::test]
async fn a_program_does_not_get_the_variables_that_hold_tokens_of_others() {
    let other = Account::new("bert").expect("short enough");
    // A variable that a test run by cargo has for certain.
    let variable = TokenSource::Variable(String::from("CARGO_MANIFEST_DIR"));
    let token = shell("echo ${CARGO_MANIFEST_DIR-not-there}");
    let credentials = HostCredentials::new(&[
        AccountConfig { account: account(), token },
        AccountConfig { account: other, token: variable },
    ]);
    assert_eq!(credentials.refresh(&account()).await, Refreshed::New);
    assert_eq!(credentials.token(&account()), Some(Token::new("not-there")));
}
