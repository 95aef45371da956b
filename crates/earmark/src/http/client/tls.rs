//! Whom a client trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Trust in the certificate authorities of the web, for requests and live sockets alike.
pub(crate) fn trust() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    trust_in(roots)
}

/// Trust in these certificate authorities alone.
pub(super) fn trust_in(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let versions = builder.with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
