#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::TlsMaterial;
use crate::grpc::{GrpcArguments, GrpcGateway, test_node::TestNode};
use deriva_proto::{StatusRequest, deriva_client::DerivaClient};
use ractor::Actor;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::{
    Status,
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity},
};

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca() -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, signed by `ca`.
fn issue(ca: &Ca) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    (certificate.pem(), key.serialize_pem())
}

async fn status(url: &str, tls: ClientTlsConfig) -> Result<(), String> {
    let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
    let endpoint = endpoint.tls_config(tls.domain_name("localhost")).unwrap();
    let channel = endpoint
        .connect()
        .await
        .map_err(|error| error.to_string())?;
    let answer = DerivaClient::new(channel).status(StatusRequest {}).await;
    answer
        .map(|_| ())
        .map_err(|status: Status| status.to_string())
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_ours_get_in() {
    let node = TestNode::start().await;
    let (ours, other) = (ca(), ca());
    let (certificate, key) = issue(&ours);
    let tls = TlsMaterial {
        certificate: certificate.into(),
        key: key.into(),
        client_ca: ours.pem().into(),
    };
    let arguments = GrpcArguments {
        tls: Some(tls),
        ..node.arguments()
    };
    let url = format!("https://{}", arguments.port.address());
    let _gateway = Actor::spawn(None, GrpcGateway, arguments).await.unwrap();
    let trusting = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ours.pem()));
    let with = |ca: &Ca| {
        let (certificate, key) = issue(ca);
        trusting().identity(Identity::from_pem(certificate, key))
    };
    status(&url, with(&ours)).await.unwrap();
    assert!(
        status(&url, trusting()).await.is_err(),
        "a client without a certificate got in"
    );
    assert!(
        status(&url, with(&other)).await.is_err(),
        "a stranger's client got in"
    );
}
