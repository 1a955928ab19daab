//! Supervision: who is restarted, how often, after what pause, and how callers live through it.
//!
//! It refuses to keep state for the actors it restarts: what must survive stands behind a port.

pub mod policy;
mod root;
mod slot;
mod supervisor;

pub use policy::{Backoff, Intensity};
pub use root::Root;
pub use slot::{Envelope, Slot, SlotLimits};
pub use supervisor::{
    Child, ChildReport, Order, Supervisor, SupervisorMessage, SupervisorSeat, SupervisorSpec,
};

#[cfg(test)]
mod slot_test;
#[cfg(test)]
mod stage_test;
#[cfg(test)]
mod supervisor_test;
