//! Generates the gRPC code from the `.proto` with a compiler in Rust, so that no `protoc` is needed.
//! It refuses to write anywhere but into the build's own directory.

use std::{env, path::PathBuf};

#[allow(
    clippy::disallowed_methods,
    reason = "a build script writes its output"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["deriva/deriva.proto"], ["proto"])?;
    // For gRPC reflection; the generator itself would only leave them behind if it ran `protoc`.
    let set = PathBuf::from(env::var("OUT_DIR")?).join("deriva.bin");
    std::fs::write(set, prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}
