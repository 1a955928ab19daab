//! What the store's tests share: small stores, and running one test again as a process of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::{RocksStorage, StoreOptions};
use deriva_system::storage::{Batch, Durability, Space, Storage, StorageFault};
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Tells a test that it runs again, and in which directory.
const CHILD: &str = "DERIVA_STORE_TEST_CHILD";

/// A store that is small enough for a disk of a few MiB.
pub(crate) fn small() -> StoreOptions {
    StoreOptions {
        memory_bytes: 8 << 20,
        reserve_bytes: 0,
        log_bytes: 4 << 20,
        what: "a test".to_owned(),
        ..StoreOptions::default()
    }
}

pub(crate) fn open(directory: &Path) -> RocksStorage {
    RocksStorage::open(directory, small()).unwrap()
}

pub(crate) fn put(
    storage: &dyn Storage,
    space: Space,
    key: &[u8],
    value: &[u8],
    durability: Durability,
) -> Result<(), StorageFault> {
    let mut batch = Batch::default();
    batch.put(space, key.to_vec(), value.to_vec());
    storage.write(&batch, durability)
}

/// The directory, when this process is a test that runs again.
pub(crate) fn child() -> Option<PathBuf> {
    env::var_os(CHILD).map(PathBuf::from)
}

/// The command that runs one test of this binary again, in `directory`.
pub(crate) fn again(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, directory)
        .stdout(Stdio::piped());
    command
}

/// Runs one test again where `directory` is a file system of its own, mounted with these options.
/// It goes with the process. Without the right to mount, this fails rather than testing nothing.
pub(crate) fn again_on_tmpfs(test: &str, directory: &Path, options: &str) {
    // Root needs no user namespace; everybody else needs one to mount anything.
    let namespaces = if rustix::process::geteuid().is_root() {
        "-m"
    } else {
        "-rm"
    };
    let output = Command::new("unshare")
        .args([namespaces, "--propagation", "private", "sh", "-ec"])
        .arg(r#"mount -t tmpfs -o "$1" tmpfs "$2"; exec "$3" --exact "$4" --nocapture"#)
        .args(["sh", options])
        .arg(directory)
        .arg(env::current_exe().unwrap())
        .arg(test)
        .env(CHILD, directory)
        .output()
        .expect("this test mounts a file system with `unshare` of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "in a mount namespace of its own (unshare {namespaces}): {}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
}
