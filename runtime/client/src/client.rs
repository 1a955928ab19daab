//! The connection and the one place where a call meets its deadline, its retries and its errors.
//!
//! It refuses to know what any call means; that stands in `calls`.

use std::{future::Future, sync::Arc};

use deriva_proto::deriva_client::DerivaClient;
use tonic::{Request, Response, Status, transport::Channel};

use crate::{ClientConfig, ClientError, session};

/// The largest single answer that is decoded. Values come in chunks; this bounds lists.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The largest single request that is sent: a trace at its limit (64 MiB) and its envelope.
pub(crate) const MAX_REQUEST_BYTES: usize = 65 << 20;

pub(crate) type Stub = DerivaClient<Channel>;

/// A connection to one server. Clones share the connection; calls run side by side on it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    config: Arc<ClientConfig>,
}

impl Client {
    /// Connects with the defaults. `url` is `http://host:port`.
    pub async fn connect(url: impl Into<String>) -> Result<Self, ClientError> {
        Self::connect_with(ClientConfig::new(url)).await
    }

    /// Connects as `config` says and waits for a first sign of life, because a server that refuses
    /// a client's certificate says so only after the handshake. A server that cannot be reached is
    /// told at once, whatever the retry policy; a connection that breaks later is made again by the
    /// next call.
    pub async fn connect_with(config: ClientConfig) -> Result<Self, ClientError> {
        let endpoint = config.endpoint().await?;
        let channel = match endpoint.connect().await {
            Ok(channel) => channel,
            Err(error) => return Err(session::not_made(&config, &endpoint, &error).await),
        };
        session::greet(&config, &endpoint, channel.clone()).await?;
        Ok(Self {
            channel,
            config: Arc::new(config),
        })
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn stub(&self) -> Stub {
        DerivaClient::new(self.channel())
            .max_decoding_message_size(MAX_ANSWER_BYTES)
            .max_encoding_message_size(MAX_REQUEST_BYTES)
    }

    pub(crate) fn url(&self) -> Arc<str> {
        Arc::from(self.config.url.as_str())
    }

    /// A request with the configured deadline, which the server hears too.
    pub(crate) fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        if let Some(deadline) = self.config.deadline {
            request.set_timeout(deadline);
        }
        request
    }

    pub(crate) fn fault(&self, status: Status) -> ClientError {
        ClientError::from_status(status, &self.config.url)
    }

    /// Makes a call once: for what must not happen twice, or whose second answer would differ.
    pub(crate) async fn once<Q, A, F, Fut>(&self, message: Q, call: F) -> Result<A, ClientError>
    where
        F: FnOnce(Stub, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        let answer = call(self.stub(), self.request(message)).await;
        answer.map(Response::into_inner).map_err(|s| self.fault(s))
    }

    /// Makes a call that can be repeated without a trace, as often as the policy allows.
    pub(crate) async fn repeatable<Q, A, F, Fut>(
        &self,
        message: Q,
        call: F,
    ) -> Result<A, ClientError>
    where
        Q: Clone,
        F: Fn(Stub, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        self.config
            .retry
            .run(|| self.once(message.clone(), &call))
            .await
    }
}
