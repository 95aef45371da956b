//! The server, the tokens, and the clock as the server sees it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use earmark::{
    Account, Clock as _, Content, Credentials as _, HttpClient, HttpFault, HttpReply, HttpRequest,
    HttpTransport as _, SystemClock,
};

use super::Finding;
use crate::config::{Config, TokenSource};
use crate::credentials::{HostCredentials, Refreshed, mode_for_others};

/// A question without an effect: no job has this name.
const PATH: &str = "/v2/sync-local-files/earmark-doctor";
/// How far the clock may be off: recordings are placed by their time.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(60);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config.accounts.iter().filter_map(of_file).collect();
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
    let client = match crate::host::trust(config.server.root_certificate.as_deref()) {
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
        let request = HttpRequest { path: PATH.into(), token, content: Content::Nothing };
        match client.send(request).await {
            Ok(reply) => {
                if findings.is_empty() {
                    findings.push(Finding::good(format!("{} answers", config.server.url)));
                    findings.extend(of_clock(&reply));
                }
                findings.push(of_answer(account, &reply));
            }
            Err(fault) => {
                findings.push(of_fault(&config.server.url, &fault));
                break;
            }
        }
    }
    findings
}

fn of_answer(account: &Account, reply: &HttpReply) -> Finding {
    match reply.status {
        401 | 403 => Finding::bad(
            format!("the server refuses the account {account} ({})", reply.status),
            "renew its token, and have it read again: kill -HUP, or systemctl reload earmark",
        ),
        200..=299 | 404 | 410 => Finding::good(format!("the server takes the account {account}")),
        status => Finding::doubtful(
            format!("the server answers {status} to the account {account}"),
            "wait; when it stays so, ask whoever runs the server",
        ),
    }
}

fn of_fault(url: &str, fault: &HttpFault) -> Finding {
    let HttpFault::Transport(fault) = fault else {
        return Finding::bad(format!("{url} got no question"), "try again");
    };
    let advice = match fault.outcome() {
        "refused" => "look whether the server runs, and at its address and port in server.url",
        "timeout" => "look at the network, and at firewalls on the way",
        _ => {
            "look at server.url, the network, the server's certificate and server.root_certificate"
        }
    };
    Finding::bad(format!("{url} does not answer: {fault:?}"), advice)
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
