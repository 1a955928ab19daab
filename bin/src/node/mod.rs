//! The node: its settings and its assembly.
