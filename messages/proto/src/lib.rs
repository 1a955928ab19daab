//! The public gRPC interface, generated from `proto/deriva/deriva.proto`, for gateway and client
//! alike. It refuses to hold any logic: meaning is given to these messages where they arrive.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    unreachable_pub,
    missing_docs
)]

tonic::include_proto!("deriva");

/// The encoded descriptors of the interface, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("deriva");
