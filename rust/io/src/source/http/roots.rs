//! Whom TLS trusts: Mozilla's list, which comes with isocord, so that it is the same on every system and in the
//! smallest container; or what `SSL_CERT_FILE` names, as Python does.

use std::sync::OnceLock;

use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

pub(crate) fn tls_config() -> TlsConfig {
    static ROOTS: OnceLock<RootCerts> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| own_roots().unwrap_or(RootCerts::WebPki)).clone();
    TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(roots).build()
}

fn own_roots() -> Option<RootCerts> {
    let pem = std::fs::read(std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty())?).ok()?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Some(RootCerts::from(certificates.collect::<Vec<_>>()))
        .filter(|roots| matches!(roots, RootCerts::Specific(certificates) if !certificates.is_empty()))
}
