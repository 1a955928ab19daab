//! The bare server: what tonic itself costs for calls of the shape of the node's, with the same
//! messages, the same settings of the transport and the same kind of runtime.
//!
//! It refuses to do anything else: no gate, no deadline, no store, no check.

use crate::Failure;
use bytes::{Bytes, BytesMut};
use deriva_proto::{
    GetRequest, GetResponse, PutLeafRequest, PutLeafResponse, PutLeafStreamRequest,
};
use std::{
    convert::Infallible,
    fs::File,
    future::Future,
    io::{Read, Write},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::http,
    server::{Grpc, NamedService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower::Service;

/// The word that makes the benchmark's program the bare server.
pub const COMMAND: &str = "bare-server";
/// As the node has them (`GatewayLimits`).
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
const STREAMS: u32 = 256;
const MESSAGE_BYTES: usize = (16 << 20) + (64 << 10);
/// Bytes of one piece of an answer, as the node sends them.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that are read ahead of the client.
const PIECES_AHEAD: usize = 16;
/// Bytes of the value that is at hand.
pub(super) const VALUE_BYTES: usize = 1 << 10;
/// The file in the server's directory.
const FILE: &str = "bytes";

/// Serves until it is killed; `place` is where its file lies.
///
/// # Errors
/// The system gave no threads or no port.
pub fn run(place: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(place.to_owned()))
}

async fn serve(place: PathBuf) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "ready: grpc {}", listener.local_addr()?)?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(Bare::new(place))
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}

/// The calls, under the node's own names.
#[derive(Clone)]
struct Bare {
    place: Arc<Path>,
    /// What is answered at once, and its hash.
    value: Bytes,
    content: Bytes,
}

impl Bare {
    fn new(place: PathBuf) -> Self {
        let value = Bytes::from(vec![b'v'; VALUE_BYTES]);
        Self {
            place: Arc::from(place),
            content: Bytes::copy_from_slice(blake3::hash(&value).as_bytes()),
            value,
        }
    }
}

impl NamedService for Bare {
    const NAME: &'static str = "deriva.Deriva";
}

impl Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let bare = self.clone();
        match request.uri().path() {
            "/deriva.Deriva/PutLeaf" => {
                Box::pin(
                    async move { Ok(Grpc::new(ProstCodec::default()).unary(Echo, request).await) },
                )
            }
            "/deriva.Deriva/Get" => Box::pin(async move {
                let mut grpc = Grpc::new(ProstCodec::default());
                Ok(grpc.server_streaming(Give(bare), request).await)
            }),
            "/deriva.Deriva/PutLeafStream" => Box::pin(async move {
                let grpc = Grpc::new(ProstCodec::default());
                let mut grpc = grpc.apply_max_message_size_config(Some(MESSAGE_BYTES), None);
                Ok(grpc.client_streaming(Take(bare), request).await)
            }),
            _ => Box::pin(async { Ok(Status::unimplemented("a bare server").into_http()) }),
        }
    }
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

/// One message there, the same bytes back.
struct Echo;

impl Service<Request<PutLeafRequest>> for Echo {
    type Response = Response<PutLeafResponse>;
    type Error = Status;
    type Future = Answer<PutLeafResponse>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<PutLeafRequest>) -> Self::Future {
        let addr = request.into_inner().data;
        Box::pin(async move {
            Ok(Response::new(PutLeafResponse {
                addr,
                was_new: false,
            }))
        })
    }
}

type Given = Pin<Box<dyn Stream<Item = Result<GetResponse, Status>> + Send>>;

/// A stream of answers: one with a value that is at hand, or the file where no address is asked for.
struct Give(Bare);

impl Service<Request<GetRequest>> for Give {
    type Response = Response<Given>;
    type Error = Status;
    type Future = Answer<Given>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<GetRequest>) -> Self::Future {
        let given: Given = match request.into_inner().addr.is_empty() {
            true => Box::pin(ReceiverStream::new(pieces(self.0.place.join(FILE)))),
            false => Box::pin(tokio_stream::once(Ok(GetResponse {
                chunk: self.0.value.clone(),
                content_hash: self.0.content.clone(),
            }))),
        };
        Box::pin(async { Ok(Response::new(given)) })
    }
}

/// The file's bytes, read on a thread of their own.
fn pieces(file: PathBuf) -> mpsc::Receiver<Result<GetResponse, Status>> {
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = give(&file, &sender) {
            // Nobody hears it who has gone away.
            drop(sender.blocking_send(Err(error.into())));
        }
    });
    pieces
}

fn give(
    file: &Path,
    sender: &mpsc::Sender<Result<GetResponse, Status>>,
) -> Result<(), std::io::Error> {
    let mut file = File::open(file)?;
    loop {
        let mut piece = BytesMut::zeroed(PIECE_BYTES);
        let read = file.read(&mut piece)?;
        piece.truncate(read);
        let answer = GetResponse {
            chunk: piece.freeze(),
            content_hash: Bytes::new(),
        };
        if read == 0 || sender.blocking_send(Ok(answer)).is_err() {
            return Ok(());
        }
    }
}

/// A stream of messages: hashed, appended to the file, synced at the end.
struct Take(Bare);

impl Service<Request<Streaming<PutLeafStreamRequest>>> for Take {
    type Response = Response<PutLeafResponse>;
    type Error = Status;
    type Future = Answer<PutLeafResponse>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<PutLeafStreamRequest>>) -> Self::Future {
        let file = self.0.place.join(FILE);
        Box::pin(async move {
            let mut stream = request.into_inner();
            let mut file = File::create(file)?;
            let mut hasher = blake3::Hasher::new();
            while let Some(message) = stream.message().await? {
                hasher.update(&message.data);
                file.write_all(&message.data)?;
            }
            file.sync_all()?;
            let addr = Bytes::copy_from_slice(hasher.finalize().as_bytes());
            Ok(Response::new(PutLeafResponse {
                addr,
                was_new: true,
            }))
        })
    }
}
