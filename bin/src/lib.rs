//! Where concrete parts meet the ports: the node's assembly and the command line.
//!
//! It refuses to hold any behaviour of its own; what a node does stands in its actors.

pub mod cli;
pub mod node;
