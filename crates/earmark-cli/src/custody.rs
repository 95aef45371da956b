//! The runtimes of all commands that have a store in their care: where they upload to, and what
//! they let go.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use earmark::{Builder, Delivery, HttpClient, OmiHttp, Policy, Runtime, SystemClock, Trust};

use crate::config::Config;
use crate::credentials::HostCredentials;
use crate::exit::Failure;

/// How long a synced recording stays where none is ever removed.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);
/// Nothing is released.
const KEEP: Policy = Policy { delivery: Delivery::Keep, ..Policy::EVERYDAY };

/// A runtime that lets go of nothing by itself. A store does not say what may be let go of it: the
/// configuration of its host does, and whoever was not given that keeps everything.
pub(crate) fn keeping(folder: &Path) -> Builder {
    Runtime::builder(folder).policy(KEEP).retention(FOR_EVER)
}

/// A runtime that uploads to the server of a configuration, and lets go of what that one says.
pub(crate) fn uploading(
    config: &Config,
    trust: &Trust,
    credentials: &HostCredentials,
) -> Result<Builder, Failure> {
    let (server, store) = (&config.server, &config.store);
    Ok(Runtime::builder(&store.data_dir)
        .sync_target(target(&server.url, trust, credentials)?)
        .policy(store.policy)
        .pace(server.uploads_in_flight_max, server.requests_per_minute_max)
        .api(server.api)
        .retention(store.retention.unwrap_or(FOR_EVER)))
}

/// A server that recordings are uploaded to.
pub(crate) fn target(
    url: &str,
    trust: &Trust,
    credentials: &HostCredentials,
) -> Result<OmiHttp, Failure> {
    let transport = Arc::new(HttpClient::trusting(url, trust)?);
    Ok(OmiHttp::over(transport, Arc::new(credentials.clone()), Arc::new(SystemClock::new())))
}

/// Whom to trust.
pub(crate) fn trust(root_certificate: Option<&Path>) -> Result<Trust, Failure> {
    let Some(path) = root_certificate else {
        return Ok(Trust::platform());
    };
    let refused = |error: &dyn std::fmt::Display| {
        let path = path.display();
        Failure::unusable(format!(
            "server.root_certificate {path} cannot be used: {error}; name a PEM file of \
             certificates, or leave the key out"
        ))
    };
    let pem = std::fs::read(path).map_err(|error| refused(&error))?;
    Trust::platform().with_roots(&pem).map_err(|error| refused(&error))
}
