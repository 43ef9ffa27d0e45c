//! TLS server certificate and its private key, loaded and validated before they are served.
//!
//! An unusable pair is an error with a message for the operator. A usable one that browsers would refuse
//! (expired, or of another host) is reported by [`Certificate::browser_warnings`]: a proxy in front may accept it.

use std::{fmt, fs, io, path::Path, sync::Arc, time::Duration};

use rustls::{
    client::verify_server_name,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject as _},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};
use zeroize::Zeroizing;

use crate::{clock::Timestamp, public_url::Host};

/// Remaining validity below which a renewal is overdue.
const RENEWAL_WINDOW: Duration = Duration::from_hours(24 * 7);
/// Largest accepted file of a certificate or a key, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Certificate chain with its private key.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    not_before: Timestamp,
    not_after: Timestamp,
    /// DNS names and IP addresses of the subjectAltName.
    names: Arc<[String]>,
}

/// Error of loading a certificate and its key: names the file and the remedy, never the content of the key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Unusable certificate file.
    #[error("{0}")]
    Certificate(String),
    /// Unusable key file, or the key of another certificate.
    #[error("{0}")]
    Key(String),
}

impl Certificate {
    /// Reads PEM files: the certificate first and those that vouch for it after it, and the key of the first.
    ///
    /// # Errors
    /// When there is no certificate, no key, or the key of another certificate.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let pem = read_file(certificate).map_err(CertificateError::Certificate)?;
        let chain = parse_chain(&pem).map_err(CertificateError::Certificate)?;
        let names = subject_names(&chain[0]).into();
        let (from, until) = validity_period(&chain[0]).map_err(CertificateError::Certificate)?;
        let key = parse_private_key(&read_file(key).map_err(CertificateError::Key)?).map_err(CertificateError::Key)?;
        let signs = ring::sign::any_supported_type(&key).map_err(|_| {
            CertificateError::Key("is a key of a kind that TLS does not use; make one with ECDSA P-256".to_owned())
        })?;
        let key = CertifiedKey::new(chain, signs);
        match key.keys_match() {
            Ok(()) => Ok(Self { key: Arc::new(key), not_before: from, not_after: until, names }),
            Err(_) => Err(CertificateError::Key(
                "is the key of another certificate; name the two that were issued together".to_owned(),
            )),
        }
    }

    /// Key that signs handshakes, with its chain.
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// End of validity (notAfter).
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Reasons for which browsers would refuse the certificate for this host at this time; empty where they accept it.
    #[must_use]
    pub fn browser_warnings(&self, host: &Host, now: Timestamp) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.not_after < now {
            warnings.push(format!("was good until {}; renew it", self.not_after.rfc3339()));
        }
        if self.not_before > now {
            warnings.push(format!("is good from {} on; set the clock, or wait", self.not_before.rfc3339()));
        }
        if !self.covers_host(host) {
            let names = if self.names.is_empty() { "no name".to_owned() } else { self.names.join(", ") };
            let wildcard = if self.names.iter().any(|name| name.starts_with("*.")) {
                " (*.example.com stands for one label before example.com, and not for example.com itself)"
            } else {
                ""
            };
            warnings.push(format!(
                "stands for {names}, and not for {host}; have it issued for this host, as its subjectAltName{wildcard}"
            ));
        }
        warnings
    }

    /// Warning about an overdue renewal, for a certificate that is still valid.
    #[must_use]
    pub fn expiry_warning(&self, now: Timestamp) -> Option<String> {
        let soon = self.not_after >= now && self.not_after < now.plus(RENEWAL_WINDOW);
        soon.then(|| format!("is good until {} only; renew it", self.not_after.rfc3339()))
    }

    fn covers_host(&self, host: &Host) -> bool {
        let name = ServerName::try_from(host.unbracketed());
        let parsed = self.key.cert.first().map(ParsedCertificate::try_from);
        match (parsed, name) {
            (Some(Ok(parsed)), Ok(name)) => verify_server_name(&parsed, &name).is_ok(),
            _ => false,
        }
    }
}

/// Equality of the certificates that clients receive.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(until {}, ..)", self.not_after.rfc3339())
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let about = fs::metadata(path).map_err(|error| file_error(&error))?;
    if !about.is_file() || about.len() > MAX_FILE_BYTES {
        return Err("names no plain file of less than 1 MiB; name the PEM file".to_owned());
    }
    fs::read(path).map(Zeroizing::new).map_err(|error| file_error(&error))
}

fn file_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "names a file that does not exist; a path starts at the folder of this file".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "names a file that may not be read; run chown or chmod on it, or on its folder".to_owned()
        }
        kind => format!("names a file that can not be read ({kind}); name the PEM file"),
    }
}

fn parse_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err("has no certificate in it; it must hold the certificate in PEM, with -----BEGIN CERTIFICATE-----"
            .to_owned()),
        Err(_) => {
            Err("is broken PEM; write the certificate, and those that vouch for it after it, as they were issued"
                .to_owned())
        }
    }
}

fn parse_private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(_) if contains(pem, b"ENCRYPTED") => {
            Err("is locked with a passphrase, which nobody could type at start; unlock it: openssl pkey -in … -out …"
                .to_owned())
        }
        Err(pem::Error::NoItemsFound) => {
            Err("has no key in it; it must hold the private key in PEM, with -----BEGIN PRIVATE KEY-----".to_owned())
        }
        Err(_) => Err("is broken PEM; write the private key as it was made".to_owned()),
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// Subject names and addresses, as far as they can be parsed.
fn subject_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    let shown = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.escape_default().to_string()),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            ref bytes => <[u8; 16]>::try_from(bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(shown).collect()
}

/// Validity period: notBefore and notAfter.
fn validity_period(certificate: &CertificateDer<'_>) -> Result<(Timestamp, Timestamp), String> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| "has something in it that is no X.509 certificate; write the certificate first".to_owned())?;
    let moment = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    let good = parsed.validity();
    Ok((moment(good.not_before.timestamp()), moment(good.not_after.timestamp())))
}
