//! What a gateway lets in, each limit with its unit and its reason. All of them can be configured;
//! none can be switched off.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The limits of both gateways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// Bytes of one request message: a leaf of 16 MiB and its frame. A longer leaf is streamed.
    pub message_bytes: usize,
    /// Requests under way at once, over all connections: bounds what their buffers hold together.
    pub requests: usize,
    /// gRPC connections at once: each holds a file descriptor and some tens of KiB.
    pub connections: usize,
    /// Requests under way at once on one connection, so that one client cannot take all of them.
    pub streams_per_connection: u32,
    /// Bytes that a client may send ahead on one stream: a chunk, so that an upload never waits for
    /// leave to send.
    pub stream_window: u32,
    /// Bytes that a client may send ahead on all streams of a connection.
    pub connection_window: u32,
    /// Bytes of request headers: names, a deadline and a trace context need far less.
    pub header_bytes: u32,
    /// How long a new connection may take to begin speaking.
    pub opening: Duration,
    /// How often a silent connection is asked whether it lives.
    pub keepalive_interval: Duration,
    /// How long it may take to answer that.
    pub keepalive_patience: Duration,
    /// The longest that a request may last, whatever its deadline says.
    pub longest_request: Duration,
    /// How long a request may stand still on its client's side: nothing comes of a message that is
    /// waited for, or nothing is taken of an answer that is there. Then it gives its place back.
    pub silence: Duration,
    /// How long an actor may take to answer anything but a materialization.
    pub actor_patience: Duration,
    /// How long requests under way may go on after a drain began. Less than the supervisor's
    /// patience with a child that stops.
    pub drain_patience: Duration,
    /// Chunks of one upload that are being written at once: hides the disk's latency; with the
    /// chunk size it bounds what an upload holds.
    pub staged_chunks: usize,
    /// Recipes of one stream that share a commit.
    pub batch_recipes: usize,
    /// Bytes of the recipes that share a commit.
    pub batch_bytes: usize,
    /// How long a commit waits for further recipes of its stream.
    pub batch_wait: Duration,
    /// Bytes of one chunk of an answer.
    pub stream_chunk: usize,
    /// Admin connections at once.
    pub admin_connections: usize,
    /// Admin requests at once: a scrape, a probe, a person.
    pub admin_requests: usize,
    /// How long an admin request may take.
    pub admin_patience: Duration,
    /// How long an admin connection may be silent.
    pub admin_silence: Duration,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            message_bytes: 16 * MIB + 64 * KIB,
            requests: 512,
            connections: 1024,
            streams_per_connection: 256,
            stream_window: 1024 * 1024,
            connection_window: 4 * 1024 * 1024,
            header_bytes: 16 * 1024,
            opening: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_patience: Duration::from_secs(10),
            longest_request: Duration::from_secs(60 * 60),
            silence: Duration::from_secs(120),
            actor_patience: Duration::from_secs(60),
            drain_patience: Duration::from_secs(20),
            staged_chunks: 4,
            batch_recipes: 256,
            batch_bytes: 4 * MIB,
            batch_wait: Duration::from_millis(1),
            stream_chunk: deriva_model::limits::STREAM_CHUNK_BYTES,
            admin_connections: 64,
            admin_requests: 16,
            admin_patience: Duration::from_secs(30),
            admin_silence: Duration::from_secs(60),
        }
    }
}
