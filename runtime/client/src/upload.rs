//! Sends a leaf of any size in pieces, holding only a few of them in memory.
//!
//! It refuses to end a stream by accident: the half-close that tells the server "this is the whole
//! leaf" is sent only after the source said that it ended. A source that fails, or a caller that
//! goes away, resets the stream instead, so that no shortened leaf is ever stored.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use deriva_model::CAddr;
use deriva_proto::{PutLeafResponse, PutLeafStreamRequest};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Status,
    client::Grpc,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
};
use tonic_prost::{ProstDecoder, ProstEncoder};

use crate::{Client, ClientError, convert};

/// How much is read and sent at a time.
pub const PIECE_BYTES: usize = 256 << 10;
/// Pieces read ahead of the connection: with the one being sent, about 1 MiB.
const PIECES_AHEAD: usize = 3;
/// How long a failed upload waits for its reset to be sent.
const RESET_PATIENCE: Duration = Duration::from_secs(2);
const PATH: &str = "/deriva.Deriva/PutLeafStream";

/// One step of an upload. Only `End` closes the stream well.
pub(crate) enum Piece {
    Data(Bytes),
    End,
}

pub(crate) async fn put_leaf_stream<R>(client: &Client, source: R) -> Result<CAddr, ClientError>
where
    R: AsyncRead + Unpin + Send,
{
    let (pieces, outlet) = mpsc::channel(PIECES_AHEAD);
    // The call is a task of its own, because it must outlive a caller that goes away: dropping a
    // call makes the transport send CANCEL, which servers may take for an ordinary end.
    let call = tokio::spawn(send(client.clone(), outlet));
    let read = tokio::select! {
        // First, because a call that ended well closes its side right after the last piece.
        biased;
        read = pump(source, &pieces) => read,
        // The server has spoken before it had everything; the rest of the source is not read.
        () = pieces.closed() => return early(ended(call).await),
    };
    drop(pieces);
    match read {
        Ok(expected) => matching(expected, ended(call).await?),
        Err(fault) => {
            // Waits until the reset is on its way, so that a process that ends now does not lose
            // it. What the call says of it is known; a server that stays silent is left alone.
            match tokio::time::timeout(RESET_PATIENCE, call).await {
                Ok(_) | Err(_) => Err(fault),
            }
        }
    }
}

async fn ended(call: JoinHandle<Result<CAddr, ClientError>>) -> Result<CAddr, ClientError> {
    match call.await {
        Ok(answer) => answer,
        Err(e) => Err(ClientError::CutOff(format!("the upload was ended: {e}"))),
    }
}

/// An address that was answered, if it is that of the bytes.
pub(crate) fn matching(expected: CAddr, got: CAddr) -> Result<CAddr, ClientError> {
    match got == expected {
        true => Ok(got),
        false => Err(ClientError::Mismatch { expected, got }),
    }
}

/// An answer before the end of the source can only be a refusal.
fn early(answer: Result<CAddr, ClientError>) -> Result<CAddr, ClientError> {
    let got = answer?;
    Err(ClientError::Malformed(format!(
        "{got} was acknowledged before all of it was sent"
    )))
}

/// Reads the source to its end into the stream; answers the address of what was read.
async fn pump<R>(mut source: R, pieces: &mpsc::Sender<Piece>) -> Result<CAddr, ClientError>
where
    R: AsyncRead + Unpin,
{
    let mut hasher = blake3::Hasher::new();
    loop {
        let piece = read_piece(&mut source).await.map_err(ClientError::Source)?;
        let step = match piece.is_empty() {
            true => Piece::End,
            false => Piece::Data(piece.clone()),
        };
        hasher.update(&piece);
        // A closed outlet means that the call is over; what it says is the answer.
        let sent = pieces.send(step).await;
        if piece.is_empty() || sent.is_err() {
            return Ok(CAddr::from_bytes(hasher.finalize().into()));
        }
    }
}

/// Fills one piece unless the source ends; empty means the end.
async fn read_piece<R: AsyncRead + Unpin>(source: &mut R) -> std::io::Result<Bytes> {
    let mut piece = BytesMut::with_capacity(PIECE_BYTES);
    while piece.len() < PIECE_BYTES {
        let room = PIECE_BYTES - piece.len();
        if source.take(room as u64).read_buf(&mut piece).await? == 0 {
            break;
        }
    }
    Ok(piece.freeze())
}

async fn send(client: Client, outlet: mpsc::Receiver<Piece>) -> Result<CAddr, ClientError> {
    let mut grpc = Grpc::new(client.channel());
    grpc.ready()
        .await
        .map_err(|e| ClientError::unreachable(&e, &client.url()))?;
    let request = client.request(Whole::new(outlet));
    let answer = grpc
        .client_streaming(request, PathAndQuery::from_static(PATH), UploadCodec)
        .await
        .map_err(|s| client.fault(s))?;
    convert::address(&answer.into_inner().addr)
}

/// The pieces up to `End`; a channel that closes without it yields one failure.
struct Whole {
    pieces: ReceiverStream<Piece>,
    over: bool,
}

impl Whole {
    fn new(outlet: mpsc::Receiver<Piece>) -> Self {
        Self {
            pieces: ReceiverStream::new(outlet),
            over: false,
        }
    }
}

impl tokio_stream::Stream for Whole {
    type Item = Result<Bytes, Interrupted>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if self.over {
            return std::task::Poll::Ready(None);
        }
        let step = std::task::ready!(std::pin::Pin::new(&mut self.pieces).poll_next(cx));
        std::task::Poll::Ready(match step {
            Some(Piece::Data(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => {
                self.over = true;
                None
            }
            None => {
                self.over = true;
                Some(Err(Interrupted))
            }
        })
    }
}

/// The source failed or the caller went away.
struct Interrupted;

/// The generated codec cannot fail on request; this one turns an interruption into a failed body,
/// which resets the stream.
struct UploadCodec;

struct PieceEncoder(ProstEncoder<PutLeafStreamRequest>);

impl Codec for UploadCodec {
    type Encode = Result<Bytes, Interrupted>;
    type Decode = PutLeafResponse;
    type Encoder = PieceEncoder;
    type Decoder = ProstDecoder<PutLeafResponse>;

    fn encoder(&mut self) -> Self::Encoder {
        PieceEncoder(ProstEncoder::new(BufferSettings::default()))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::default())
    }
}

impl Encoder for PieceEncoder {
    type Item = Result<Bytes, Interrupted>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let data = item.map_err(|Interrupted| Status::cancelled("the source was interrupted"))?;
        self.0.encode(PutLeafStreamRequest { data }, out)
    }
}
