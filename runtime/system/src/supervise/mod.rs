//! Supervision: who is restarted, how often, after what pause, and how callers live through it.
//!
//! It refuses to keep state for the actors it restarts: what must survive stands behind a port.

mod child;
pub mod policy;
mod root;
mod slot;
mod supervisor;

pub use child::Child;
pub use policy::{Backoff, Intensity};
pub use root::Root;
pub use slot::{Envelope, Slot, SlotLimits};
pub use supervisor::{
    ChildReport, Order, Supervisor, SupervisorMessage, SupervisorSeat, SupervisorSpec,
};

#[cfg(test)]
mod slot_test;
#[cfg(test)]
mod stage_test;
#[cfg(test)]
mod supervisor_test;
