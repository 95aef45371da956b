//! Whom a client trusts.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::{ClientError, ServerUrl};

/// The certificate authorities that a server's certificate is checked against: those of the
/// platform, and any that are added. There is no way to leave the check out.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    added: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// The platform's certificate authorities alone.
    pub fn platform() -> Self {
        Self::default()
    }

    /// Adds the root certificates of a PEM text.
    ///
    /// # Errors
    ///
    /// [`ClientError::Root`] when it has none, or one that cannot be read.
    pub fn with_roots(mut self, pem: &[u8]) -> Result<Self, ClientError> {
        let refused = |reason: String| ClientError::Root { reason };
        for root in CertificateDer::pem_slice_iter(pem) {
            let root = root.map_err(|error| refused(error.to_string()))?;
            RootCertStore::empty().add(root.clone()).map_err(|error| refused(error.to_string()))?;
            self.added.push(root);
        }
        if self.added.is_empty() {
            return Err(refused(String::from("it has no `BEGIN CERTIFICATE`")));
        }
        Ok(self)
    }

    /// What a connection to a server needs. One without TLS needs no authorities, and reading the
    /// platform's takes a while.
    pub(crate) fn client(&self, server: &ServerUrl) -> Result<ClientConfig, ClientError> {
        let mut roots = RootCertStore::empty();
        if server.is_secure() {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some of the platform's root certificates cannot be read");
            }
            // A platform may hold certificates that are no roots by today's rules.
            roots.add_parsable_certificates(found.certs);
            roots.add_parsable_certificates(self.added.iter().cloned());
            if roots.is_empty() {
                return Err(ClientError::NoRoots);
            }
        }
        Ok(trust_in(roots)?)
    }
}

/// Trust in these certificate authorities alone.
pub(super) fn trust_in(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let versions = builder.with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
