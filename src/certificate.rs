//! The certificate that Portcullis shows to clients, and the key that proves it: read and checked before anybody sees them.
//!
//! What cannot be shown is refused here, in words for an operator. What can be shown, and would be refused by browsers
//! (it is too old, or of another host), is a matter of [`Certificate::doubts`]: whoever stands in front may not mind.

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

use crate::clock::Timestamp;

/// A certificate that is good for less should have been renewed.
const RENEWED: Duration = Duration::from_hours(24 * 7);
/// Longest file that is taken for a certificate or a key.
const LONGEST: u64 = 1024 * 1024;

/// A certificate with its chain, and its key.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    from: Timestamp,
    until: Timestamp,
    /// The names and addresses in its subjectAltName.
    names: Arc<[String]>,
}

/// Why two files are no certificate and its key. Tells which of the two, and what to do; never what is in the key.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The file of the certificate is at fault.
    #[error("{0}")]
    Certificate(String),
    /// The file of the key is at fault, or it is the key of another certificate.
    #[error("{0}")]
    Key(String),
}

impl Certificate {
    /// Reads PEM files: the certificate first and those that vouch for it after it, and the key of the first.
    ///
    /// # Errors
    /// When there is no certificate, no key, or the key of another certificate.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Unfit> {
        let pem = contents(certificate).map_err(Unfit::Certificate)?;
        let chain = chain(&pem).map_err(Unfit::Certificate)?;
        let names = names(&chain[0]).into();
        let (from, until) = validity(&chain[0]).map_err(Unfit::Certificate)?;
        let key = private_key(&contents(key).map_err(Unfit::Key)?).map_err(Unfit::Key)?;
        let signs = ring::sign::any_supported_type(&key).map_err(|_| {
            Unfit::Key("is a key of a kind that TLS does not use; make one with ECDSA P-256".to_owned())
        })?;
        let key = CertifiedKey::new(chain, signs);
        match key.keys_match() {
            Ok(()) => Ok(Self { key: Arc::new(key), from, until, names }),
            Err(_) => {
                Err(Unfit::Key("is the key of another certificate; name the two that were issued together".to_owned()))
            }
        }
    }

    /// What signs handshakes.
    #[must_use]
    pub fn signs(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// Until when it is good.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Why browsers would refuse it, where they would: for this host, at this time.
    #[must_use]
    pub fn doubts(&self, host: &str, now: Timestamp) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.until < now {
            doubts.push(format!("was good until {}; renew it", self.until.rfc3339()));
        }
        if self.from > now {
            doubts.push(format!("is good from {} on; set the clock, or wait", self.from.rfc3339()));
        }
        if !self.stands_for(host) {
            let names = if self.names.is_empty() { "no name".to_owned() } else { self.names.join(", ") };
            let wildcard = if self.names.iter().any(|name| name.starts_with("*.")) {
                " (*.example.com stands for one label before example.com, and not for example.com itself)"
            } else {
                ""
            };
            doubts.push(format!(
                "stands for {names}, and not for {host}; have it issued for this host, as its subjectAltName{wildcard}"
            ));
        }
        doubts
    }

    /// That it should have been renewed, where it still is good, and not for long.
    #[must_use]
    pub fn soon_over(&self, now: Timestamp) -> Option<String> {
        let soon = self.until >= now && self.until < now.plus(RENEWED);
        soon.then(|| format!("is good until {} only; renew it", self.until.rfc3339()))
    }

    fn stands_for(&self, host: &str) -> bool {
        let name = ServerName::try_from(host.trim_matches(['[', ']']));
        let parsed = self.key.cert.first().map(ParsedCertificate::try_from);
        match (parsed, name) {
            (Some(Ok(parsed)), Ok(name)) => verify_server_name(&parsed, &name).is_ok(),
            _ => false,
        }
    }
}

/// Two are the same when clients see the same.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(until {}, ..)", self.until.rfc3339())
    }
}

fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let about = fs::metadata(path).map_err(|error| told(&error))?;
    if !about.is_file() || about.len() > LONGEST {
        return Err("names no plain file of less than 1 MiB; name the PEM file".to_owned());
    }
    fs::read(path).map(Zeroizing::new).map_err(|error| told(&error))
}

fn told(error: &io::Error) -> String {
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

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
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

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(_) if find(pem, b"ENCRYPTED") => {
            Err("is locked with a passphrase, which nobody could type at start; unlock it: openssl pkey -in … -out …"
                .to_owned())
        }
        Err(pem::Error::NoItemsFound) => {
            Err("has no key in it; it must hold the private key in PEM, with -----BEGIN PRIVATE KEY-----".to_owned())
        }
        Err(_) => Err("is broken PEM; write the private key as it was made".to_owned()),
    }
}

fn find(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// The names and addresses that it stands for, as far as they can be told.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
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

/// From when until when it is good.
fn validity(certificate: &CertificateDer<'_>) -> Result<(Timestamp, Timestamp), String> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| "has something in it that is no X.509 certificate; write the certificate first".to_owned())?;
    let moment = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    let good = parsed.validity();
    Ok((moment(good.not_before.timestamp()), moment(good.not_after.timestamp())))
}
