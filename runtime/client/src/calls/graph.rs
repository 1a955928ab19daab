//! Looking: what an address stands for, what lies around it, how its value was made.

use deriva_model::CAddr;
use deriva_proto::{ExplainRequest, FindRequest, GraphQuery, GraphRequest, ResolveRequest};

use crate::{
    Client, ClientError, ExplainStream, GraphStream, Resolution, Resolved, client::Stub, convert,
};

impl Client {
    /// What an address stands for.
    pub async fn resolve(&self, addr: &CAddr) -> Result<Resolution, ClientError> {
        Ok(self.resolve_both(addr).await?.is)
    }

    /// The same with the address that the recipe had before DCF, if it was imported.
    pub async fn resolve_both(&self, addr: &CAddr) -> Result<Resolved, ClientError> {
        let message = ResolveRequest {
            addr: convert::bytes_of(addr),
        };
        let call = async |mut stub: Stub, request| stub.resolve(request).await;
        convert::resolved_both(self.repeatable(message, call).await?)
    }

    /// A graph query; the answers come in a fixed order.
    pub async fn graph(&self, addr: &CAddr, query: GraphQuery) -> Result<GraphStream, ClientError> {
        let message = GraphRequest {
            addr: convert::bytes_of(addr),
            query: query.into(),
        };
        let call = async |mut stub: Stub, request| stub.graph(request).await;
        let inner = self.repeatable(message, call).await?;
        Ok(GraphStream::new(inner, convert::graph_node, self.url()))
    }

    /// Each node beneath an address, inputs before consumers, with the record of its value.
    pub async fn explain(&self, addr: &CAddr) -> Result<ExplainStream, ClientError> {
        let message = ExplainRequest {
            addr: convert::bytes_of(addr),
        };
        let call = async |mut stub: Stub, request| stub.explain(request).await;
        let inner = self.repeatable(message, call).await?;
        Ok(ExplainStream::new(inner, convert::explained, self.url()))
    }

    /// The stored addresses that begin with `prefix` (8 to 64 lower-case hex digits); at most 16.
    pub async fn find(&self, prefix: &str) -> Result<Vec<CAddr>, ClientError> {
        let message = FindRequest {
            prefix: prefix.to_owned(),
        };
        let call = async |mut stub: Stub, request| stub.find(request).await;
        convert::addresses(&self.repeatable(message, call).await?.addrs)
    }
}
