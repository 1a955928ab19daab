//! What a gateway actor hears. Clients talk to its listener, not to its mailbox.

use crate::Reply;

#[derive(Debug)]
pub enum GatewayMessage {
    /// Takes no new requests, ends those under way, then answers.
    Drain { reply: Reply<()> },
    /// The listener's task has ended with this error.
    Ended { why: String },
}
