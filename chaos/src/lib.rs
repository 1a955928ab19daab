//! Chaos: the node under what nobody plans for. `tests/actors.rs` runs a whole node in this process
//! and kills its actors, one after the other, while clients write and read; the deterministic
//! simulation of a whole cluster gets its room here too.
//!
//! It refuses to hold code of its own until two of its tests need the same.
