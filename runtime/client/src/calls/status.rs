//! What a node says of itself, and of a value it made twice.

use deriva_model::CAddr;
use deriva_proto::{
    ClusterStatusRequest, ClusterStatusResponse, FunctionInfo, ListFunctionsRequest, StatusRequest,
    StatusResponse, VerifyRequest, VerifyResponse,
};

use crate::{Client, ClientError, client::Stub, convert};

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

    /// Executes the function of an address twice and tells whether the bytes agree.
    pub async fn verify(&self, addr: &CAddr) -> Result<VerifyResponse, ClientError> {
        let message = VerifyRequest {
            addr: convert::bytes_of(addr),
        };
        let call = async |mut stub: Stub, request| stub.verify(request).await;
        self.repeatable(message, call).await
    }
}
