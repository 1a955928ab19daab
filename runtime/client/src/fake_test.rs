//! A server in a few lines, for the client's own tests: it answers what a test told it to.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use deriva_proto as proto;
use deriva_proto::deriva_server::{Deriva, DerivaServer};
use tokio::{net::TcpListener, runtime::Runtime, sync::mpsc};
use tokio_stream::{
    StreamExt,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, ServerTlsConfig},
};

/// How an upload ended, as the server saw it.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    Whole(Vec<u8>),
    Broken,
}

#[derive(Clone)]
pub(crate) struct Fake {
    /// What `Get` and `Evaluate` yield after their chunks.
    pub(crate) last: Option<Status>,
    /// Whether `Get` falls silent after its chunks instead of ending.
    pub(crate) silent: Option<()>,
    pub(crate) chunks: Vec<&'static [u8]>,
    /// What `Get` says at the end that the value is.
    pub(crate) says: Option<[u8; 32]>,
    /// The next so many calls of `Status` and `Pin` are answered UNAVAILABLE.
    pub(crate) unavailable: Arc<AtomicU32>,
    pub(crate) calls: Arc<AtomicU32>,
    /// What puts answer instead of the true address.
    pub(crate) answer: Option<[u8; 32]>,
    pub(crate) resolve: Result<proto::ResolveResponse, Status>,
    uploads: mpsc::UnboundedSender<Ended>,
}

pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) uploads: mpsc::UnboundedReceiver<Ended>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Closes every socket at once, as a killed process does.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a server that `shape` has made its own.
pub(crate) fn start(shape: impl FnOnce(&mut Fake)) -> Running {
    started(shape, Server::builder(), "http")
}

/// Starts a server behind TLS.
pub(crate) fn start_tls(tls: ServerTlsConfig) -> Running {
    started(|_| {}, Server::builder().tls_config(tls).unwrap(), "https")
}

fn started(shape: impl FnOnce(&mut Fake), mut server: Server, scheme: &str) -> Running {
    let (uploads, seen) = mpsc::unbounded_channel();
    let mut fake = Fake {
        last: None,
        silent: None,
        chunks: Vec::new(),
        says: None,
        unavailable: Arc::default(),
        calls: Arc::default(),
        answer: None,
        resolve: Ok(proto::ResolveResponse::default()),
        uploads,
    };
    shape(&mut fake);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let std = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    std.set_nonblocking(true).unwrap();
    let url = format!("{scheme}://{}", std.local_addr().unwrap());
    runtime.spawn(async move {
        let incoming = TcpListenerStream::new(TcpListener::from_std(std).unwrap());
        let server = server.add_service(DerivaServer::new(fake));
        server.serve_with_incoming(incoming).await.unwrap();
    });
    Running {
        url,
        uploads: seen,
        runtime: Some(runtime),
    }
}

impl Fake {
    fn counted(&self) -> Result<(), Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let left = self
            .unavailable
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match left {
            Ok(_) => Err(Status::unavailable("starting")),
            Err(_) => Ok(()),
        }
    }

    fn address(&self, bytes: &[u8]) -> bytes::Bytes {
        let true_one = deriva_model::CAddr::of_leaf(bytes);
        bytes::Bytes::copy_from_slice(self.answer.as_ref().unwrap_or(true_one.as_bytes()))
    }
}

type Answers<T> = ReceiverStream<Result<T, Status>>;

/// A stream of `items`; then `last`, or nothing more for ever.
fn stream<T: Send + 'static>(
    items: Vec<T>,
    last: Option<Status>,
    silent: Option<()>,
) -> Answers<T> {
    let (tx, rx) = mpsc::channel(8);
    tokio::spawn(async move {
        for item in items {
            tx.send(Ok(item)).await.unwrap();
        }
        if let Some(status) = last {
            tx.send(Err(status)).await.unwrap();
        }
        if silent.is_some() {
            std::future::pending::<()>().await;
        }
    });
    ReceiverStream::new(rx)
}

/// What a recipe request asks for, read the way the client reads answers.
fn recipe(request: proto::PutRecipeRequest) -> deriva_model::Recipe {
    let answer = proto::ResolveResponse {
        found: true,
        function_name: request.function_name,
        function_version: request.function_version,
        inputs: request.inputs,
        params: request.params,
        typed_params: request.typed_params,
        ..Default::default()
    };
    match crate::convert::resolution(answer).unwrap() {
        crate::Resolution::Recipe(recipe) => recipe,
        other => panic!("{other:?}"),
    }
}

#[tonic::async_trait]
impl Deriva for Fake {
    type PutRecipesStream = Answers<proto::PutRecipeResponse>;
    type PutGraphStream = Answers<proto::PutGraphResponse>;
    type ImportRecipesStream = Answers<proto::ImportRecipesResponse>;
    type GetStream = Answers<proto::GetResponse>;
    type EvaluateStream = Answers<proto::EvaluateResponse>;
    type GraphStream = Answers<proto::GraphResponse>;
    type ExplainStream = Answers<proto::ExplainResponse>;
    type TraceStream = Answers<proto::TraceResponse>;

    async fn put_leaf(
        &self,
        request: Request<proto::PutLeafRequest>,
    ) -> Result<Response<proto::PutLeafResponse>, Status> {
        let data = request.into_inner().data;
        let addr = self.address(&data);
        self.uploads.send(Ended::Whole(data.to_vec())).unwrap();
        Ok(Response::new(proto::PutLeafResponse {
            addr,
            was_new: true,
        }))
    }

    async fn put_leaf_stream(
        &self,
        request: Request<Streaming<proto::PutLeafStreamRequest>>,
    ) -> Result<Response<proto::PutLeafResponse>, Status> {
        /// A handler that is dropped saw its stream broken.
        struct Guard(mpsc::UnboundedSender<Ended>, Option<Ended>);
        impl Drop for Guard {
            fn drop(&mut self) {
                let _gone = self.0.send(self.1.take().unwrap_or(Ended::Broken));
            }
        }
        let mut guard = Guard(self.uploads.clone(), None);
        let mut pieces = request.into_inner();
        let mut whole = Vec::new();
        while let Some(piece) = pieces.message().await? {
            whole.extend_from_slice(&piece.data);
        }
        let addr = self.address(&whole);
        guard.1 = Some(Ended::Whole(whole));
        Ok(Response::new(proto::PutLeafResponse {
            addr,
            was_new: true,
        }))
    }

    async fn put_recipes(
        &self,
        request: Request<Streaming<proto::PutRecipeRequest>>,
    ) -> Result<Response<Self::PutRecipesStream>, Status> {
        let mut recipes = request.into_inner();
        let (tx, rx) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(Ok(recipe)) = recipes.next().await {
                let addr = self::recipe(recipe).address();
                let addr = crate::convert::bytes_of(&addr);
                tx.send(Ok(proto::PutRecipeResponse { addr }))
                    .await
                    .unwrap();
            }
        });
        Ok(Response::new(ReceiverStream::new(rx)))
    }

    async fn put_graph(
        &self,
        request: Request<Streaming<proto::PutGraphRequest>>,
    ) -> Result<Response<Self::PutGraphStream>, Status> {
        let (fake, mut batches) = (self.clone(), request.into_inner());
        let (tx, rx) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(Ok(batch)) = batches.next().await {
                let recipes = batch.recipes.into_iter().map(self::recipe);
                let stored = proto::PutGraphResponse {
                    leaf_addrs: batch.leaves.iter().map(|leaf| fake.address(leaf)).collect(),
                    recipe_addrs: recipes
                        .map(|recipe| crate::convert::bytes_of(&recipe.address()))
                        .collect(),
                };
                tx.send(Ok(stored)).await.unwrap();
            }
        });
        Ok(Response::new(ReceiverStream::new(rx)))
    }

    /// The first byte says what becomes of a recipe.
    async fn import_recipes(
        &self,
        request: Request<Streaming<proto::ImportRecipesRequest>>,
    ) -> Result<Response<Self::ImportRecipesStream>, Status> {
        let mut recipes = request.into_inner();
        let mut items = Vec::new();
        while let Some(message) = recipes.message().await? {
            let outcome = match message.recipe.first() {
                Some(b'k') => proto::ImportOutcome::Known,
                Some(b'r') => proto::ImportOutcome::Refused,
                Some(b'u') => proto::ImportOutcome::Unspecified,
                _ => proto::ImportOutcome::New,
            };
            items.push(proto::ImportRecipesResponse {
                outcome: outcome.into(),
                old_addr: self.address(&message.recipe),
                missing_count: 3,
                ..Default::default()
            });
        }
        Ok(Response::new(stream(items, self.last.clone(), None)))
    }

    async fn complete_import(
        &self,
        _: Request<proto::CompleteImportRequest>,
    ) -> Result<Response<proto::CompleteImportResponse>, Status> {
        self.counted()?;
        Ok(Response::new(proto::CompleteImportResponse {
            alias_count: 7,
        }))
    }

    async fn import_status(
        &self,
        _: Request<proto::ImportStatusRequest>,
    ) -> Result<Response<proto::ImportStatusResponse>, Status> {
        self.counted()?;
        Ok(Response::new(proto::ImportStatusResponse {
            complete: false,
            alias_count: 7,
        }))
    }

    async fn put_recipe(
        &self,
        request: Request<proto::PutRecipeRequest>,
    ) -> Result<Response<proto::PutRecipeResponse>, Status> {
        let recipe = recipe(request.into_inner());
        let addr = crate::convert::bytes_of(&recipe.address());
        Ok(Response::new(proto::PutRecipeResponse { addr }))
    }

    async fn get(
        &self,
        _: Request<proto::GetRequest>,
    ) -> Result<Response<Self::GetStream>, Status> {
        let chunks = self.chunks.iter();
        let said = self.says.map(|content| proto::GetResponse {
            content_hash: content.to_vec().into(),
            ..Default::default()
        });
        let items = chunks
            .map(|c| proto::GetResponse {
                chunk: (*c).into(),
                ..Default::default()
            })
            .chain(said)
            .collect();
        Ok(Response::new(stream(items, self.last.clone(), self.silent)))
    }

    async fn evaluate(
        &self,
        request: Request<proto::EvaluateRequest>,
    ) -> Result<Response<Self::EvaluateStream>, Status> {
        let root = request.into_inner().root;
        let chunks = self.chunks.iter().map(|c| proto::EvaluateResponse {
            chunk: (*c).into(),
            ..Default::default()
        });
        let mut items = chunks.collect::<Vec<_>>();
        items.insert(
            0,
            proto::EvaluateResponse {
                root,
                ..Default::default()
            },
        );
        let leaf = self.address(&self.chunks.concat());
        items.push(proto::EvaluateResponse {
            leaf,
            ..Default::default()
        });
        Ok(Response::new(stream(items, self.last.clone(), None)))
    }

    async fn resolve(
        &self,
        _: Request<proto::ResolveRequest>,
    ) -> Result<Response<proto::ResolveResponse>, Status> {
        self.resolve.clone().map(Response::new)
    }

    async fn status(
        &self,
        _: Request<proto::StatusRequest>,
    ) -> Result<Response<proto::StatusResponse>, Status> {
        self.counted()?;
        Ok(Response::new(proto::StatusResponse {
            recipe_count: 7,
            ..Default::default()
        }))
    }

    async fn pin(
        &self,
        _: Request<proto::PinRequest>,
    ) -> Result<Response<proto::PinResponse>, Status> {
        self.counted()?;
        Ok(Response::new(proto::PinResponse { was_new: true }))
    }

    async fn graph(
        &self,
        _: Request<proto::GraphRequest>,
    ) -> Result<Response<Self::GraphStream>, Status> {
        let items = (0u8..3).map(|n| proto::GraphResponse {
            addr: vec![n; 32].into(),
            depth: u64::from(n),
        });
        Ok(Response::new(stream(
            items.collect(),
            self.last.clone(),
            None,
        )))
    }

    async fn invalidate(
        &self,
        _: Request<proto::InvalidateRequest>,
    ) -> Result<Response<proto::InvalidateResponse>, Status> {
        Err(Status::unimplemented("invalidate"))
    }

    async fn cascade_invalidate(
        &self,
        _: Request<proto::CascadeInvalidateRequest>,
    ) -> Result<Response<proto::CascadeInvalidateResponse>, Status> {
        Err(Status::unimplemented("cascade_invalidate"))
    }

    async fn verify(
        &self,
        _: Request<proto::VerifyRequest>,
    ) -> Result<Response<proto::VerifyResponse>, Status> {
        Err(Status::unimplemented("verify"))
    }

    async fn clear_mark(
        &self,
        _: Request<proto::ClearMarkRequest>,
    ) -> Result<Response<proto::ClearMarkResponse>, Status> {
        Err(Status::unimplemented("clear_mark"))
    }

    async fn garbage_collect(
        &self,
        _: Request<proto::GcRequest>,
    ) -> Result<Response<proto::GcResponse>, Status> {
        Err(Status::unimplemented("garbage_collect"))
    }

    async fn unpin(
        &self,
        _: Request<proto::UnpinRequest>,
    ) -> Result<Response<proto::UnpinResponse>, Status> {
        Err(Status::unimplemented("unpin"))
    }

    async fn list_pins(
        &self,
        _: Request<proto::ListPinsRequest>,
    ) -> Result<Response<proto::ListPinsResponse>, Status> {
        Err(Status::unimplemented("list_pins"))
    }

    async fn forget(
        &self,
        _: Request<proto::ForgetRequest>,
    ) -> Result<Response<proto::ForgetResponse>, Status> {
        Err(Status::unimplemented("forget"))
    }

    async fn cluster_status(
        &self,
        _: Request<proto::ClusterStatusRequest>,
    ) -> Result<Response<proto::ClusterStatusResponse>, Status> {
        Err(Status::unimplemented("cluster_status"))
    }

    async fn list_functions(
        &self,
        _: Request<proto::ListFunctionsRequest>,
    ) -> Result<Response<proto::ListFunctionsResponse>, Status> {
        Err(Status::unimplemented("list_functions"))
    }

    async fn find(
        &self,
        _: Request<proto::FindRequest>,
    ) -> Result<Response<proto::FindResponse>, Status> {
        Err(Status::unimplemented("find"))
    }

    async fn explain(
        &self,
        _: Request<proto::ExplainRequest>,
    ) -> Result<Response<Self::ExplainStream>, Status> {
        Err(Status::unimplemented("explain"))
    }

    async fn trace(
        &self,
        _: Request<proto::TraceRequest>,
    ) -> Result<Response<Self::TraceStream>, Status> {
        Err(Status::unimplemented("trace"))
    }
}
