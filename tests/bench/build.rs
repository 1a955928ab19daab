//! Hands the name of the compiler to the crate, so that a table says what it was built with.

fn main() {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = std::process::Command::new(compiler)
        .arg("--version")
        .output();
    let version = match &answer {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => format!("unknown: {error}"),
    };
    println!("cargo::rustc-env=DERIVA_BENCH_RUSTC={version}");
    println!("cargo::rerun-if-changed=build.rs");
}
