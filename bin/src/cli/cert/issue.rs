//! Certificates: what stands in them, and the check that each verifies.
//!
//! It refuses names that would not survive a URI or a certificate's subject unchanged.

use std::{
    net::IpAddr,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use super::{super::output::hex, Failure};

/// A name's length: what a certificate's common name can hold.
const NAME_CHARS_MOST: usize = 64;
/// Clocks of a cluster may differ; certificates hold from this long ago.
const BACKDATED: Duration = Duration::from_secs(3600);
const DAY_SECS: u64 = 24 * 60 * 60;
/// `ca.pem` opens with this line: a PEM reader skips what stands before the certificate.
const CLUSTER_LINE: &str = "Cluster: ";

/// The name of a cluster, a node or a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match (1..=NAME_CHARS_MOST).contains(&text.len()) && text.chars().all(fits) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "a name is 1 to {NAME_CHARS_MOST} letters, digits, dots, hyphens and underscores"
            )),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

/// An address that a node is reached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum San {
    Ip(IpAddr),
    Host(String),
}

impl FromStr for San {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Ok(Self::Ip(ip));
        }
        let label = |part: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !part.is_empty() && part.len() <= 63 && part.chars().all(inner)
        };
        match text.len() <= 253 && text.split('.').all(label) {
            true => Ok(Self::Host(text.to_owned())),
            false => Err("an IP address or a host name, without a port".to_owned()),
        }
    }
}

/// What a certificate is for.
pub(super) enum Role {
    /// Serves and dials among nodes.
    Node { id: Name, sans: Vec<San> },
    /// Dials only; never a node.
    Client,
}

/// A certificate and its private key, both PEM.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) pem: String,
    pub(super) key: String,
}

/// An authority that can issue.
pub(super) struct Authority {
    cluster: Name,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Makes a new authority, self-signed.
pub(super) fn authority(cluster: &Name, days: u32) -> Result<Issued, Failure> {
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = authority_params(cluster);
    valid_for(&mut params, days)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    let pem = format!("{CLUSTER_LINE}{}\n{}", cluster.as_str(), cert.pem());
    Ok(Issued {
        pem,
        key: key.serialize_pem(),
    })
}

/// Everything about an authority that its certificates repeat follows from the cluster's name.
fn authority_params(cluster: &Name) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(cluster, &format!("{} authority", cluster.as_str()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn subject(cluster: &Name, common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, cluster.as_str());
    name.push(DnType::CommonName, common_name);
    name
}

impl Authority {
    /// Reads an authority that `cert ca` made.
    pub(super) fn open(pem: String, key: &str) -> Result<Self, Failure> {
        let line = pem.lines().find_map(|line| line.strip_prefix(CLUSTER_LINE));
        let Some(line) = line else {
            return Err(Failure::local(format!(
                "ca.pem does not name its cluster: the line {CLUSTER_LINE:?} is missing"
            )));
        };
        let cluster = Name::new(line.trim())
            .map_err(|e| Failure::local(format!("ca.pem names its cluster {line:?}: {e}")))?;
        let key = KeyPair::from_pem(key).map_err(failed)?;
        let issuer = Issuer::new(authority_params(&cluster), key);
        Ok(Self {
            cluster,
            pem,
            issuer,
        })
    }

    pub(super) fn cluster(&self) -> &Name {
        &self.cluster
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate and checks that it verifies against `ca.pem`.
    pub(super) fn issue(&self, name: &Name, role: &Role, days: u32) -> Result<Issued, Failure> {
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&self.cluster, name.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = match role {
            Role::Node { .. } => {
                vec![
                    ExtendedKeyUsagePurpose::ServerAuth,
                    ExtendedKeyUsagePurpose::ClientAuth,
                ]
            }
            Role::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.subject_alt_names = self.alternative_names(name, role)?;
        valid_for(&mut params, days)?;
        let cert = params.signed_by(&key, &self.issuer).map_err(failed)?;
        verify(&self.pem, cert.der())?;
        Ok(Issued {
            pem: cert.pem(),
            key: key.serialize_pem(),
        })
    }

    fn alternative_names(&self, name: &Name, role: &Role) -> Result<Vec<SanType>, Failure> {
        let cluster = self.cluster.as_str();
        let (uri, sans) = match role {
            Role::Node { id, sans } => (
                format!("deriva://{cluster}/node/{}", id.as_str()),
                sans.as_slice(),
            ),
            Role::Client => (
                format!("deriva://{cluster}/client/{}", name.as_str()),
                &[][..],
            ),
        };
        let mut names = vec![SanType::URI(uri.as_str().try_into().map_err(failed)?)];
        for san in sans {
            names.push(match san {
                San::Ip(ip) => SanType::IpAddress(*ip),
                San::Host(host) => SanType::DnsName(host.as_str().try_into().map_err(failed)?),
            });
        }
        Ok(names)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a certificate is dated by the clock of whoever issues it"
)]
fn valid_for(params: &mut CertificateParams, days: u32) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_err(|e| Failure::local(format!("this machine's clock: {e}")))?;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(BACKDATED);
    params.not_after = epoch + now + Duration::from_secs(u64::from(days) * DAY_SECS);
    Ok(())
}

/// The same check that a peer makes: an authority whose key, name or time does not fit is found
/// here and not when the cluster is started.
fn verify(ca: &str, cert: &CertificateDer<'_>) -> Result<(), Failure> {
    let unfit = |e: &dyn std::fmt::Display| {
        Failure::local(format!(
            "the certificate does not verify against ca.pem: {e}"
        ))
    };
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).map_err(|e| unfit(&e))?;
    let mut roots = RootCertStore::empty();
    roots.add(ca).map_err(|e| unfit(&e))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.build().map_err(|e| unfit(&e))?;
    verifier
        .verify_client_cert(cert, &[], UnixTime::now())
        .map(|_verified| ())
        .map_err(|e| unfit(&e))
}

/// `N` random bytes from the TLS provider, in hex.
pub(super) fn random_hex<const N: usize>() -> Result<String, Failure> {
    let mut bytes = [0; N];
    let filled = aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Failure::local("the system gives no random bytes"))?;
    Ok(hex(&bytes))
}

fn failed(error: rcgen::Error) -> Failure {
    Failure::local(format!("the certificate could not be made: {error}"))
}
