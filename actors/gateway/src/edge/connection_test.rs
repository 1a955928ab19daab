#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::{Incoming, Patience};
use std::{io::ErrorKind, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SOON: Duration = Duration::from_millis(20);

async fn listen(connections: usize, patience: Patience) -> (Incoming, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (
        Incoming::new("test", listener, connections, patience),
        address,
    )
}

async fn accept(incoming: &mut Incoming) -> super::Connection {
    std::future::poll_fn(|cx| incoming.poll_accept(cx)).await.0
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let (mut incoming, address) = listen(1, Patience::Opening(SOON)).await;
    let _client = TcpStream::connect(address).await.unwrap();
    let mut served = accept(&mut incoming).await;
    let ended = served.read_u8().await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_connection_that_drips_its_opening_is_closed() {
    let (mut incoming, address) = listen(1, Patience::Opening(SOON)).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut served = accept(&mut incoming).await;
    client.write_all(b"PRI * HTTP").await.unwrap();
    let mut opening = [0; 24];
    let ended = served.read_exact(&mut opening).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn after_its_opening_a_connection_may_be_silent() {
    let (mut incoming, address) = listen(1, Patience::Opening(SOON)).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut served = accept(&mut incoming).await;
    client.write_all(&[7; 24]).await.unwrap();
    let mut opening = [0; 24];
    served.read_exact(&mut opening).await.unwrap();
    let waited = tokio::time::timeout(SOON * 5, served.read_u8()).await;
    assert!(waited.is_err(), "the connection ended: {waited:?}");
}

#[tokio::test]
async fn a_connection_over_the_limit_is_closed_at_once() {
    let (mut incoming, address) = listen(1, Patience::Always(Duration::from_secs(60))).await;
    let _first = TcpStream::connect(address).await.unwrap();
    let served = accept(&mut incoming).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    let third = async {
        let ended = second.read(&mut [0; 1]).await;
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        drop(served);
        TcpStream::connect(address).await.unwrap()
    };
    let (_third, _served) = tokio::join!(third, accept(&mut incoming));
}
