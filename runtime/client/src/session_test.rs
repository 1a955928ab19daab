#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use super::{Seen, SessionFault, of_head};
use crate::{
    Client, ClientConfig, ClientError, TlsFiles,
    fake_test::{Running, start, start_tls},
};

type Ca = CertifiedIssuer<'static, KeyPair>;

/// Two authorities of the same name: only their keys tell them apart.
fn ca() -> Ca {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "ours");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(ca: &Ca, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let cert = params.signed_by(&key, ca).unwrap();
    (cert.pem(), key.serialize_pem())
}

fn node(ca: &Ca, name: &str) -> Running {
    let (cert, key) = issue(ca, name);
    start_tls(
        ServerTlsConfig::new()
            .identity(Identity::from_pem(cert, key))
            .client_ca_root(Certificate::from_pem(ca.pem())),
    )
}

/// A directory of PEM files that goes when it is dropped.
struct Files(PathBuf);

impl Files {
    fn new(test: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("deriva-client-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn pair(&self, ca: &Ca) -> Option<(PathBuf, PathBuf)> {
        let (cert, key) = issue(ca, "client");
        Some((self.write("cert", &cert), self.write("key", &key)))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

async fn connect(
    url: &str,
    ca: Option<&Path>,
    identity: Option<(PathBuf, PathBuf)>,
) -> Result<Client, ClientError> {
    let tls = ca.map(|ca| TlsFiles {
        ca: ca.to_owned(),
        identity,
    });
    Client::connect_with(ClientConfig {
        tls,
        ..ClientConfig::new(url)
    })
    .await
}

fn fault(made: Result<Client, ClientError>) -> SessionFault {
    match made {
        Err(ClientError::NoSession { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_told_apart() {
    let files = Files::new("certificates");
    let (ours, other) = (ca(), ca());
    let node = node(&ours, "127.0.0.1");
    let trusted = files.write("ca", &ours.pem());
    let foreign = files.write("foreign", &other.pem());

    let fits = connect(&node.url, Some(&trusted), files.pair(&ours)).await;
    let client = fits.unwrap();
    client.status().await.unwrap();
    // More than once: whether the server's alert arrives before the connection closes is chance.
    for _ in 0..8 {
        let none = fault(connect(&node.url, Some(&trusted), None).await);
        assert_eq!(none, SessionFault::CertificateDemanded);
        let strange = fault(connect(&node.url, Some(&trusted), files.pair(&other)).await);
        assert!(
            matches!(strange, SessionFault::CertificateRefused(_)),
            "{strange:?}"
        );
    }
    let untrusted = fault(connect(&node.url, Some(&foreign), files.pair(&ours)).await);
    assert!(
        matches!(untrusted, SessionFault::Untrusted(_)),
        "{untrusted:?}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_host_is_told() {
    let files = Files::new("names");
    let ours = ca();
    let node = node(&ours, "elsewhere.example");
    let trusted = files.write("ca", &ours.pem());
    let wrong = fault(connect(&node.url, Some(&trusted), files.pair(&ours)).await);
    assert!(matches!(wrong, SessionFault::WrongName(_)), "{wrong:?}");
}

#[tokio::test]
async fn tls_on_one_side_only_is_told() {
    let files = Files::new("sides");
    let ours = ca();
    let node = node(&ours, "127.0.0.1");
    let clear = node.url.replace("https", "http");
    assert_eq!(
        fault(connect(&clear, None, None).await),
        SessionFault::NeedsTls
    );

    let plain = start(|_| {});
    let trusted = files.write("ca", &ours.pem());
    let https = plain.url.replace("http", "https");
    assert_eq!(
        fault(connect(&https, Some(&trusted), None).await),
        SessionFault::NoTls
    );
}

#[tokio::test]
async fn files_that_cannot_work_are_told_by_name() {
    let files = Files::new("files");
    let (ours, other) = (ca(), ca());
    let json = files.write("trace.json", "{}");
    let trusted = files.write("ca", &ours.pem());
    let (cert, key) = files.pair(&ours).unwrap();
    let stray = files.write("stray", &issue(&other, "client").1);
    let nobody = "https://127.0.0.1:1";
    for (ca, pair, named) in [
        (&json, None, "trace.json holds no certificate"),
        (&key, None, "key holds no certificate"),
        (
            &trusted,
            Some((&json, &key)),
            "trace.json holds no certificate",
        ),
        (
            &trusted,
            Some((&cert, &json)),
            "trace.json holds no private key",
        ),
        (&trusted, Some((&cert, &stray)), "stray is not the key of"),
    ] {
        let pair = pair.map(|(cert, key)| (cert.clone(), key.clone()));
        match connect(nobody, Some(ca), pair).await {
            Err(ClientError::Configuration(words)) => assert!(words.contains(named), "{words}"),
            other => panic!("{named}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn another_protocol_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 16];
            stream.read_exact(&mut some).await.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    let said = fault(connect(&url, None, None).await);
    assert!(matches!(said, SessionFault::NotGrpc(_)), "{said:?}");
    server.abort();
}

#[test]
fn no_session_is_nothing_to_try_again() {
    let error = ClientError::NoSession {
        url: "u".to_owned(),
        fault: SessionFault::NeedsTls,
    };
    assert!(!error.retryable());
}

#[test]
fn a_server_is_known_by_its_first_bytes() {
    let cases: [(&[u8], Seen); 6] = [
        (&[0x15, 3, 3, 0, 2, 2, 50], Seen::Tls),
        (b"HTTP/1.1 ", Seen::Http1),
        (&[0, 0, 18, 4, 0, 0, 0, 0, 0], Seen::Http2),
        (&[0, 0, 18, 4, 0], Seen::Nothing),
        (b"", Seen::Nothing),
        (b"SSH-2.0-x", Seen::Nothing),
    ];
    for (head, seen) in cases {
        assert_eq!(of_head(head), seen, "{head:?}");
    }
}
