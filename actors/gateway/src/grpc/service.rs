//! Every call of the interface: one line each, to the file of its family.

use super::{
    answers::{Answers, Items},
    batches, cache,
    call::Call,
    collect, evaluate, explain,
    flow::Time,
    graph, import, keep, leaves, recipes, status, values, verify,
};
use crate::{
    context::GatewayContext,
    edge::{self, Admitted, Deadline, parse_timeout},
};
use deriva_messages::Fault;
use deriva_proto as api;
use std::{future::Future, sync::Arc};
use tonic::{Code, Request, Response, Status, Streaming};
use tracing::Instrument;

/// The header in which a client says how long it waits.
const TIMEOUT: &str = "grpc-timeout";

type Answered<T> = Result<Response<T>, Status>;

/// The interface's implementation.
#[derive(Clone, Debug)]
pub(super) struct Service {
    context: Arc<GatewayContext>,
}

impl Service {
    pub(super) const fn new(context: Arc<GatewayContext>) -> Self {
        Self { context }
    }

    /// A call with one answer.
    async fn one<M, T, W>(
        &self,
        request: Request<M>,
        handle: impl FnOnce(Call, M) -> W,
    ) -> Answered<T>
    where
        W: Future<Output = Result<T, Fault>>,
    {
        let (admitted, handled) = self.enter(request, handle)?;
        let (_, answer) = handled.instrument(admitted.span().clone()).await;
        match answer {
            Ok(answer) => {
                admitted.ended(Code::Ok);
                Ok(Response::new(answer))
            }
            Err(fault) => Err(failed(&admitted, &fault)),
        }
    }

    /// A call whose answer is a stream.
    async fn many<M, T, W>(
        &self,
        request: Request<M>,
        handle: impl FnOnce(Call, M) -> W,
    ) -> Answered<Answers<T>>
    where
        T: Send + 'static,
        W: Future<Output = Result<Items<T>, Fault>>,
    {
        let (admitted, handled) = self.enter(request, handle)?;
        let (deadline, items) = handled.instrument(admitted.span().clone()).await;
        match items {
            Ok(items) => {
                let silence = self.context.node.limits.silence;
                let time = Time { deadline, silence };
                Ok(Response::new(Answers::new(items, admitted, time)))
            }
            Err(fault) => Err(failed(&admitted, &fault)),
        }
    }

    /// Takes over from the entrance.
    fn enter<M, T, W>(
        &self,
        mut request: Request<M>,
        handle: impl FnOnce(Call, M) -> W,
    ) -> Result<(Arc<Admitted>, impl Future<Output = (Deadline, T)>), Status>
    where
        W: Future<Output = T>,
    {
        let Some(admitted) = request.extensions_mut().remove::<Arc<Admitted>>() else {
            let what = "a request came past the entrance".to_owned();
            return Err(edge::status(&Fault::Breach { what }));
        };
        admitted.enter();
        let asked = request.metadata().get(TIMEOUT);
        let asked = asked
            .map(|value| parse_timeout(value.as_bytes()))
            .transpose();
        let asked = asked.map_err(|fault| failed(&admitted, &fault))?;
        // The client counts from when it asked, not from when its message was read.
        let asked = asked.map(|asked| asked.saturating_sub(admitted.since()));
        let longest = self.context.node.limits.longest_request;
        let deadline = Deadline::new(self.context.node.clock.clone(), asked, longest);
        let call = Call {
            context: self.context.clone(),
            deadline: deadline.clone(),
        };
        let handled = handle(call, request.into_inner());
        Ok((admitted, async move { (deadline, handled.await) }))
    }
}

fn failed(admitted: &Admitted, fault: &Fault) -> Status {
    admitted.failed(fault);
    edge::status(fault)
}

#[tonic::async_trait]
impl api::deriva_server::Deriva for Service {
    type PutRecipesStream = Answers<api::PutRecipeResponse>;
    type PutGraphStream = Answers<api::PutGraphResponse>;
    type ImportRecipesStream = Answers<api::ImportRecipesResponse>;
    type GetStream = Answers<api::GetResponse>;
    type EvaluateStream = Answers<api::EvaluateResponse>;
    type GraphStream = Answers<api::GraphResponse>;
    type ExplainStream = Answers<api::ExplainResponse>;
    type TraceStream = Answers<api::TraceResponse>;

    async fn put_leaf(
        &self,
        request: Request<api::PutLeafRequest>,
    ) -> Answered<api::PutLeafResponse> {
        self.one(request, leaves::put).await
    }

    async fn put_leaf_stream(
        &self,
        request: Request<Streaming<api::PutLeafStreamRequest>>,
    ) -> Answered<api::PutLeafResponse> {
        self.one(request, leaves::put_stream).await
    }

    async fn put_recipe(
        &self,
        request: Request<api::PutRecipeRequest>,
    ) -> Answered<api::PutRecipeResponse> {
        self.one(request, recipes::put).await
    }

    async fn put_recipes(
        &self,
        request: Request<Streaming<api::PutRecipeRequest>>,
    ) -> Answered<Self::PutRecipesStream> {
        self.many(request, recipes::put_stream).await
    }

    async fn put_graph(
        &self,
        request: Request<Streaming<api::PutGraphRequest>>,
    ) -> Answered<Self::PutGraphStream> {
        self.many(request, batches::put_stream).await
    }

    async fn import_recipes(
        &self,
        request: Request<Streaming<api::ImportRecipesRequest>>,
    ) -> Answered<Self::ImportRecipesStream> {
        self.many(request, import::import_stream).await
    }

    async fn complete_import(
        &self,
        request: Request<api::CompleteImportRequest>,
    ) -> Answered<api::CompleteImportResponse> {
        self.one(request, import::complete).await
    }

    async fn import_status(
        &self,
        request: Request<api::ImportStatusRequest>,
    ) -> Answered<api::ImportStatusResponse> {
        self.one(request, import::status).await
    }

    async fn get(&self, request: Request<api::GetRequest>) -> Answered<Self::GetStream> {
        self.many(request, values::get).await
    }

    async fn evaluate(
        &self,
        request: Request<api::EvaluateRequest>,
    ) -> Answered<Self::EvaluateStream> {
        self.many(request, evaluate::evaluate).await
    }

    async fn resolve(
        &self,
        request: Request<api::ResolveRequest>,
    ) -> Answered<api::ResolveResponse> {
        self.one(request, graph::resolve).await
    }

    async fn invalidate(
        &self,
        request: Request<api::InvalidateRequest>,
    ) -> Answered<api::InvalidateResponse> {
        self.one(request, cache::invalidate).await
    }

    async fn cascade_invalidate(
        &self,
        request: Request<api::CascadeInvalidateRequest>,
    ) -> Answered<api::CascadeInvalidateResponse> {
        self.one(request, cache::cascade_invalidate).await
    }

    async fn status(&self, request: Request<api::StatusRequest>) -> Answered<api::StatusResponse> {
        self.one(request, status::status).await
    }

    async fn verify(&self, request: Request<api::VerifyRequest>) -> Answered<api::VerifyResponse> {
        self.one(request, verify::verify).await
    }

    async fn clear_mark(
        &self,
        request: Request<api::ClearMarkRequest>,
    ) -> Answered<api::ClearMarkResponse> {
        self.one(request, verify::clear_mark).await
    }

    async fn garbage_collect(&self, request: Request<api::GcRequest>) -> Answered<api::GcResponse> {
        self.one(request, collect::collect).await
    }

    async fn pin(&self, request: Request<api::PinRequest>) -> Answered<api::PinResponse> {
        self.one(request, keep::pin).await
    }

    async fn unpin(&self, request: Request<api::UnpinRequest>) -> Answered<api::UnpinResponse> {
        self.one(request, keep::unpin).await
    }

    async fn list_pins(
        &self,
        request: Request<api::ListPinsRequest>,
    ) -> Answered<api::ListPinsResponse> {
        self.one(request, keep::list_pins).await
    }

    async fn forget(&self, request: Request<api::ForgetRequest>) -> Answered<api::ForgetResponse> {
        self.one(request, keep::forget).await
    }

    async fn cluster_status(
        &self,
        request: Request<api::ClusterStatusRequest>,
    ) -> Answered<api::ClusterStatusResponse> {
        self.one(request, status::cluster).await
    }

    async fn list_functions(
        &self,
        request: Request<api::ListFunctionsRequest>,
    ) -> Answered<api::ListFunctionsResponse> {
        self.one(request, status::functions).await
    }

    async fn graph(&self, request: Request<api::GraphRequest>) -> Answered<Self::GraphStream> {
        self.many(request, graph::graph).await
    }

    async fn explain(
        &self,
        request: Request<api::ExplainRequest>,
    ) -> Answered<Self::ExplainStream> {
        self.many(request, explain::explain).await
    }

    async fn trace(&self, request: Request<api::TraceRequest>) -> Answered<Self::TraceStream> {
        self.many(request, values::trace).await
    }

    async fn find(&self, request: Request<api::FindRequest>) -> Answered<api::FindResponse> {
        self.one(request, graph::find).await
    }
}
