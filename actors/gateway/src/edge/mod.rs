//! What the gateways share: the port that outlives a restart, connections that cannot be held open
//! by saying nothing, the gate that bounds requests, deadlines, and one table from fault to status
//! per protocol.
//!
//! It refuses to know any call: what a request means is its gateway's affair.

mod connection;
mod deadline;
mod gate;
mod http;
mod listening;
mod overview;
mod port;
mod serving;
mod status;

pub use port::Port;
pub use status::{DOMAIN, code, status};

pub(crate) use connection::{Incoming, Patience};
pub(crate) use deadline::{Deadline, parse_timeout};
pub(crate) use gate::{Admitted, Gate};
pub(crate) use http::{answer, refuse};
pub(crate) use listening::Listening;
pub(crate) use overview::{Overview, rate};
pub(crate) use serving::Serving;
pub(crate) use status::cut;
