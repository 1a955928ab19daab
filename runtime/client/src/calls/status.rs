//! What a node says of itself, and of a value it made twice.

use deriva_model::{CAddr, FunctionId};
use deriva_proto::{
    ClearMarkRequest, ClusterStatusRequest, ClusterStatusResponse, FunctionInfo,
    ListFunctionsRequest, StatusRequest, StatusResponse, VerifyRequest, VerifyResponse,
};

use crate::{Client, ClientError, client::Stub, convert};

/// What of a graph is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The address's own function.
    #[default]
    Root,
    /// Every function of the graph.
    Graph,
}

impl Client {
    /// Counts and rates of the node.
    pub async fn status(&self) -> Result<StatusResponse, ClientError> {
        let call = async |mut stub: Stub, request| stub.status(request).await;
        self.repeatable(StatusRequest {}, call).await
    }

    /// The nodes of the cluster, as this one sees them.
    pub async fn cluster_status(&self) -> Result<ClusterStatusResponse, ClientError> {
        let call = async |mut stub: Stub, request| stub.cluster_status(request).await;
        self.repeatable(ClusterStatusRequest {}, call).await
    }

    /// What can be called.
    pub async fn list_functions(&self) -> Result<Vec<FunctionInfo>, ClientError> {
        let call = async |mut stub: Stub, request| stub.list_functions(request).await;
        Ok(self
            .repeatable(ListFunctionsRequest {}, call)
            .await?
            .functions)
    }

    /// Executes the function of an address, or every function of its graph, twice and tells whether
    /// the bytes agree.
    pub async fn verify(&self, addr: &CAddr, depth: Depth) -> Result<VerifyResponse, ClientError> {
        let message = VerifyRequest {
            addr: convert::bytes_of(addr),
            deep: depth == Depth::Graph,
        };
        let call = async |mut stub: Stub, request| stub.verify(request).await;
        self.repeatable(message, call).await
    }

    /// Lets a function be used again that was caught giving two answers; whether it was marked.
    pub async fn clear_mark(&self, function: &FunctionId) -> Result<bool, ClientError> {
        let message = ClearMarkRequest {
            function_name: function.name.clone(),
            function_version: function.version.clone(),
        };
        let call = async |mut stub: Stub, request| stub.clear_mark(request).await;
        Ok(self.repeatable(message, call).await?.was_marked)
    }
}
