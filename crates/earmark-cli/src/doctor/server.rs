//! The server, the tokens, and the clock as the server sees it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use earmark::{
    Account, Clock as _, Content, Credentials as _, HttpClient, HttpFault, HttpReply, HttpRequest,
    HttpTransport as _, SystemClock,
};
use earmark_core::sync::TransportFault;

use super::Finding;
use crate::config::{Config, TokenSource};
use crate::credentials::{HostCredentials, Refreshed, mode_for_others};

/// A question without an effect: no job has this name.
const PATH: &str = "/v2/sync-local-files/earmark-doctor";
/// How far the clock may be off: recordings are placed by their time.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(60);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config.accounts.iter().filter_map(of_file).collect();
    findings.extend(config.server.in_the_clear().map(|what| {
        Finding::doubtful(what, "name it by https:// in server.url, if it can be had that way")
    }));
    let credentials = HostCredentials::new(&config.accounts);
    for account in credentials.accounts() {
        findings.push(match credentials.refresh(&account).await {
            Refreshed::New | Refreshed::Same => {
                Finding::good(format!("the account {account} has a token"))
            }
            Refreshed::Failed(fault) => Finding::bad(
                format!("the account {account} has no token: {fault}"),
                "see [account.NAME] in the configuration",
            ),
        });
    }
    let client = match crate::custody::trust(config.server.root_certificate.as_deref()) {
        Ok(trust) => HttpClient::trusting(&config.server.url, &trust).map_err(|e| e.to_string()),
        Err(failure) => Err(failure.to_string()),
    };
    match client {
        Ok(client) => findings.extend(of_server(config, &client, &credentials).await),
        Err(fault) => {
            findings.push(Finding::bad(fault, "see server.url and server.root_certificate"))
        }
    }
    findings
}

/// A token that others may read is theirs.
fn of_file(account: &crate::config::AccountConfig) -> Option<Finding> {
    let TokenSource::File(path) = &account.token else {
        return None;
    };
    let (mode, shown) = (mode_for_others(path)?, path.display());
    let what = format!("others may read {shown} (mode {mode:o})");
    Some(Finding::bad(what, format!("chmod 600 {shown}")))
}

async fn of_server(
    config: &Config,
    client: &HttpClient,
    credentials: &HostCredentials,
) -> Vec<Finding> {
    let mut accounts: Vec<&Account> = config.sources.iter().map(|source| &source.account).collect();
    accounts.sort();
    accounts.dedup();
    let mut findings = Vec::new();
    for account in accounts {
        let token = credentials.token(account);
        let is_known = token.is_some();
        let request = HttpRequest { path: PATH.into(), token, content: Content::Nothing };
        match client.send(request).await {
            Ok(reply) => {
                if findings.is_empty() {
                    findings.push(Finding::good(format!("{} answers", config.server.url)));
                    findings.extend(of_clock(&reply));
                }
                findings.push(of_answer(account, is_known, &reply));
            }
            Err(fault) => {
                findings.push(of_fault(&config.server.url, &fault, client).await);
                break;
            }
        }
    }
    findings
}

fn of_answer(account: &Account, has_token: bool, reply: &HttpReply) -> Finding {
    let says = says(reply);
    match reply.status {
        401 | 403 => Finding::bad(
            format!("the server refuses the account {account} ({})", reply.status),
            "renew its token, and have it read again: kill -HUP, or systemctl reload earmark",
        ),
        status @ (200..=399 | 404 | 410) if says == Says::NothingOfOurs => Finding::bad(
            format!("what answers is no such server: {status}, and nothing that one says"),
            "look at server.url, and whether a page to sign in stands between here and there",
        ),
        200..=299 | 404 | 410 if !has_token => Finding::doubtful(
            format!(
                "the account {account} has no token; whether the server wants one is not known"
            ),
            "see [account.NAME] in the configuration, or set EARMARK_TOKEN",
        ),
        404 if says == Says::NoSuchPath => Finding::doubtful(
            "the server does not know the path of uploads; an older one is uploaded to in its way",
            "look at server.url, or say server.api = \"v1\"",
        ),
        200..=299 | 404 | 410 => Finding::good(format!("the server takes the account {account}")),
        status => Finding::doubtful(
            format!("the server answers {status} to the account {account}"),
            "wait; when it stays so, ask whoever runs the server",
        ),
    }
}

/// What the body of an answer tells of whoever gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// It speaks as the server does: there is no such job.
    AsTheServer,
    /// It is a server, and has no such path.
    NoSuchPath,
    /// It is somebody else.
    NothingOfOurs,
}

fn says(reply: &HttpReply) -> Says {
    match serde_json::from_slice::<serde_json::Value>(&reply.body) {
        Ok(body) if body == serde_json::json!({"detail": "Not Found"}) => Says::NoSuchPath,
        Ok(serde_json::Value::Object(_)) => Says::AsTheServer,
        Ok(_) | Err(_) => Says::NothingOfOurs,
    }
}

async fn of_fault(url: &str, fault: &HttpFault, client: &HttpClient) -> Finding {
    let HttpFault::Transport(fault) = fault else {
        return Finding::bad(format!("{url} got no question"), "try again");
    };
    let advice = match fault {
        TransportFault::Tls => {
            let why = client.distrust().await;
            let why = why.unwrap_or_else(|| String::from("it does not speak TLS"));
            return Finding::bad(
                format!("{url} was reached, and did not prove who it is: {why}"),
                "look at the name in server.url and at the clock; the root of a certificate of \
                 your own is named in server.root_certificate",
            );
        }
        TransportFault::Dns => "look at the name in server.url, and at the network's name server",
        TransportFault::Refused => {
            "look whether the server runs, and at its address and port in server.url"
        }
        TransportFault::Offline | TransportFault::ConnectTimeout | TransportFault::Timeout => {
            "look at the network, and at firewalls on the way"
        }
        TransportFault::Reset | TransportFault::Lost | TransportFault::TooLarge => {
            "look at server.url, and whether what listens there is the server"
        }
    };
    Finding::bad(format!("{url} does not answer: {}", fault.words()), advice)
}

/// Compares the clock with the server's.
fn of_clock(reply: &HttpReply) -> Option<Finding> {
    let theirs = reply.date.as_deref().and_then(|date| httpdate::parse_http_date(date).ok())?;
    let micros = u64::try_from(SystemClock::new().stamp().wall.unix_micros()).unwrap_or_default();
    let ours: SystemTime = UNIX_EPOCH + Duration::from_micros(micros);
    let off = ours.duration_since(theirs).unwrap_or_else(|error| error.duration());
    Some(if off <= CLOCK_OFF_MAX {
        Finding::good(format!("the clock is right to within {} s", off.as_secs() + 1))
    } else {
        let what = format!("the clock is {} s off the server's", off.as_secs());
        Finding::bad(what, "have it set by the network: timedatectl set-ntp true")
    })
}
