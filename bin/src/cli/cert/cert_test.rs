#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use super::{CaArgs, CertCommand, ClientArgs, NodeArgs, run};
use crate::cli::{failure::Failure, output::Answer};

fn ca(dir: &Path, cluster: &str) -> Result<Answer, Failure> {
    let cluster = cluster.parse().unwrap();
    run(CertCommand::Ca(CaArgs {
        dir: dir.to_owned(),
        cluster,
        days: 30,
    }))
}

fn node(dir: &Path, ca: Option<&Path>) -> Result<Answer, Failure> {
    run(CertCommand::Node(NodeArgs {
        dir: dir.to_owned(),
        name: "alpha".parse().unwrap(),
        sans: vec![
            "127.0.0.1".parse().unwrap(),
            "alpha.example".parse().unwrap(),
        ],
        id: None,
        ca: ca.map(Path::to_owned),
        days: 30,
    }))
}

fn client(dir: &Path) -> Result<Answer, Failure> {
    let name = "me".parse().unwrap();
    run(CertCommand::Client(ClientArgs {
        dir: dir.to_owned(),
        name,
        ca: None,
        days: 30,
    }))
}

fn roots(dir: &Path) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(dir.join("ca.pem")).unwrap())
        .unwrap();
    Arc::new(roots)
}

fn identity(dir: &Path, stem: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let cert = CertificateDer::from_pem_file(dir.join(format!("{stem}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join(format!("{stem}.key"))).unwrap();
    (vec![cert], key)
}

/// A mutual TLS 1.3 handshake in memory: the node serves, `stem` dials `host`.
fn handshake(server: &Path, dialer: &Path, stem: &str, host: &str) -> Result<(), rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots(server), provider.clone()).build();
    let (cert, key) = identity(server, "node");
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(cert, key)?;
    let mut accepting = ServerConnection::new(Arc::new(config))?;
    let (cert, key) = identity(dialer, stem);
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots(dialer))
        .with_client_auth_cert(cert, key)?;
    let host = ServerName::try_from(host.to_owned()).unwrap();
    let mut dialing = ClientConnection::new(Arc::new(config), host)?;
    for _flight in 0..8 {
        let mut wire = Vec::new();
        dialing.write_tls(&mut wire).unwrap();
        accepting.read_tls(&mut wire.as_slice()).unwrap();
        accepting.process_new_packets()?;
        wire.clear();
        accepting.write_tls(&mut wire).unwrap();
        dialing.read_tls(&mut wire.as_slice()).unwrap();
        dialing.process_new_packets()?;
    }
    assert!(!accepting.is_handshaking() && !dialing.is_handshaking());
    Ok(())
}

#[test]
fn what_is_issued_carries_a_mutual_handshake() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    ca(dir, "blue").unwrap();
    node(dir, None).unwrap();
    client(dir).unwrap();
    for stem in ["node", "client"] {
        handshake(dir, dir, stem, "127.0.0.1").unwrap();
        handshake(dir, dir, stem, "alpha.example").unwrap();
        assert!(handshake(dir, dir, stem, "beta.example").is_err());
    }
}

#[test]
fn another_cluster_with_the_same_name_is_a_stranger() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [here.path(), there.path()] {
        ca(dir, "blue").unwrap();
        node(dir, None).unwrap();
    }
    assert!(handshake(here.path(), there.path(), "node", "127.0.0.1").is_err());
}

#[test]
fn a_node_names_its_cluster_and_its_id() {
    let dir = tempfile::tempdir().unwrap();
    ca(dir.path(), "blue").unwrap();
    let said = node(dir.path(), None).unwrap().json;
    let id = said["node_id"].as_str().unwrap();
    assert_eq!((said["cluster"].as_str(), id.len()), (Some("blue"), 32));
    let cert = CertificateDer::from_pem_file(dir.path().join("node.pem")).unwrap();
    let uri = format!("deriva://blue/node/{id}");
    assert!(cert.windows(uri.len()).any(|part| part == uri.as_bytes()));
}

#[test]
fn a_node_elsewhere_is_given_what_it_needs_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (home, there) = (dir.path().join("ca"), dir.path().join("there"));
    ca(&home, "blue").unwrap();
    node(&there, Some(&home)).unwrap();
    let mut names = fs::read_dir(&there)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["ca.pem", "cluster.key", "node.key", "node.pem"]);
    let keys = [&home, &there].map(|dir| fs::read(dir.join("cluster.key")).unwrap());
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[0].trim_ascii_end().len(), 64);
}

#[test]
fn private_files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    ca(dir.path(), "blue").unwrap();
    node(dir.path(), None).unwrap();
    client(dir.path()).unwrap();
    for name in ["ca.key", "cluster.key", "node.key", "client.key"] {
        let mode = fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn nothing_is_ever_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    ca(dir.path(), "blue").unwrap();
    let before = fs::read(dir.path().join("ca.key")).unwrap();
    assert_eq!(ca(dir.path(), "red").unwrap_err().exit_code(), 1);
    assert_eq!(fs::read(dir.path().join("ca.key")).unwrap(), before);
    // One file in the way is enough: the others are not written either.
    fs::write(dir.path().join("node.key"), "mine").unwrap();
    assert!(node(dir.path(), None).is_err());
    assert!(!dir.path().join("node.pem").exists());
}

#[test]
fn an_authority_that_does_not_fit_is_found_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    ca(dir, "blue").unwrap();
    let pem = fs::read_to_string(dir.join("ca.pem")).unwrap();
    // Another name than the certificate's, another key, no name at all, no authority.
    fs::write(
        dir.join("ca.pem"),
        pem.replace("Cluster: blue", "Cluster: red"),
    )
    .unwrap();
    assert!(node(dir, None).is_err());
    let other = tempfile::tempdir().unwrap();
    ca(other.path(), "blue").unwrap();
    fs::copy(other.path().join("ca.pem"), dir.join("ca.pem")).unwrap();
    assert!(node(dir, None).is_err());
    fs::write(dir.join("ca.pem"), pem.replace("Cluster: blue\n", "")).unwrap();
    assert!(node(dir, None).is_err());
    fs::remove_file(dir.join("ca.pem")).unwrap();
    assert!(node(dir, None).is_err());
    assert!(!dir.join("node.pem").exists());
}
