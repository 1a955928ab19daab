//! The PEM files of a client, judged before a connection is made.
//!
//! It refuses files that could never make a session: an authority's file without a certificate, and
//! a key that is not the certificate's, are told by name instead of by a handshake that fails.

use std::path::Path;

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::{ClientError, TlsFiles};

/// Reads and judges the files.
///
/// # Errors
/// `Configuration`, naming the file.
pub(crate) async fn config(files: &TlsFiles) -> Result<ClientTlsConfig, ClientError> {
    let ca = read(&files.ca).await?;
    authority(&files.ca, &ca)?;
    let config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
    let Some((cert_file, key_file)) = &files.identity else {
        return Ok(config);
    };
    let (cert, key) = (read(cert_file).await?, read(key_file).await?);
    identity((cert_file, &cert), (key_file, &key))?;
    Ok(config.identity(Identity::from_pem(cert, key)))
}

fn authority(file: &Path, pem: &[u8]) -> Result<(), ClientError> {
    let mut roots = RootCertStore::empty();
    for cert in certificates(file, pem)? {
        roots
            .add(cert)
            .map_err(|e| wrong(file, &format!("is no authority's certificate ({e})")))?;
    }
    Ok(())
}

/// All certificates of a file, of which there is one at least.
fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if all.is_empty() => Err(wrong(file, "holds no certificate in PEM")),
        Ok(all) => Ok(all),
        Err(e) => Err(wrong(file, &format!("is not PEM ({e})"))),
    }
}

fn identity(cert: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<(), ClientError> {
    let chain = certificates(cert.0, cert.1)?;
    let private = PrivateKeyDer::from_pem_slice(key.1)
        .map_err(|e| wrong(key.0, &format!("holds no private key in PEM ({e})")))?;
    let pair = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider());
    pair.map(|_fits| ()).map_err(|e| {
        let words = format!("is not the key of {} ({e})", cert.0.display());
        wrong(key.0, &words)
    })
}

fn wrong(file: &Path, what: &str) -> ClientError {
    ClientError::Configuration(format!("{} {what}", file.display()))
}

#[allow(
    clippy::disallowed_methods,
    reason = "a client runs outside the node: there is no storage port"
)]
async fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    tokio::fs::read(path)
        .await
        .map_err(|e| ClientError::Configuration(format!("{}: {e}", path.display())))
}
