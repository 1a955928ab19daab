//! Generates the gRPC code from the `.proto` with a compiler in Rust, so that no `protoc` is needed.

use std::{env, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["deriva/deriva.proto"], ["proto"])?;
    let set = PathBuf::from(env::var("OUT_DIR")?).join("deriva.bin");
    tonic_prost_build::configure()
        .bytes(".")
        .file_descriptor_set_path(&set)
        .skip_protoc_run()
        .compile_fds(descriptors.clone())?;
    std::fs::write(&set, prost::Message::encode_to_vec(&descriptors))?;
    Ok(())
}
