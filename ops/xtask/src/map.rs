//! The map of the house as data: which crate lives in which folder, whom it may see, and which room each heavy or
//! dangerous dependency is kept in. A wall is moved here and in `ARCHITECTURE.md`, in the same change.
//! This file holds no logic.

/// One crate of ours: where it lives and which of ours it may see.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
    /// What it may name in `[dependencies]` and `[build-dependencies]`.
    pub(crate) sees: &'static [&'static str],
    /// What its tests may name besides that, in `[dev-dependencies]`.
    pub(crate) tests_see: &'static [&'static str],
}

pub(crate) const ROOMS: &[Room] = &[
    Room {
        name: "deriva-model",
        folder: "messages/model",
        sees: &[],
        tests_see: &[],
    },
    Room {
        name: "deriva-messages",
        folder: "messages/wire",
        sees: &["deriva-model"],
        tests_see: &[],
    },
    Room {
        name: "deriva-proto",
        folder: "messages/proto",
        sees: &[],
        tests_see: &[],
    },
    Room {
        name: "deriva-system",
        folder: "runtime/system",
        sees: &["deriva-messages", "deriva-model"],
        tests_see: &[],
    },
    Room {
        name: "deriva-store",
        folder: "runtime/store",
        sees: &["deriva-system", "deriva-model"],
        tests_see: &[],
    },
    Room {
        name: "deriva-compute",
        folder: "runtime/compute",
        sees: &["deriva-system", "deriva-model"],
        tests_see: &[],
    },
    Room {
        name: "deriva-net",
        folder: "runtime/net",
        sees: &["deriva-system", "deriva-messages", "deriva-model"],
        tests_see: &[],
    },
    Room {
        name: "deriva-client",
        folder: "runtime/client",
        sees: &["deriva-model", "deriva-proto"],
        tests_see: &[],
    },
    Room {
        name: "deriva-actors",
        folder: "actors/node",
        sees: &["deriva-system", "deriva-messages", "deriva-model"],
        // Its tests run real functions through the actors.
        tests_see: &["deriva-compute"],
    },
    Room {
        name: "deriva-gateway",
        folder: "actors/gateway",
        sees: &[
            "deriva-system",
            "deriva-messages",
            "deriva-model",
            "deriva-proto",
        ],
        // Its tests talk to it as a client does, with the actors behind it.
        tests_see: &["deriva-actors", "deriva-client", "deriva-compute"],
    },
    Room {
        name: "deriva-bin",
        folder: "bin",
        sees: &[
            "deriva-actors",
            "deriva-client",
            "deriva-compute",
            "deriva-gateway",
            "deriva-messages",
            "deriva-model",
            "deriva-net",
            "deriva-proto",
            "deriva-store",
            "deriva-system",
        ],
        tests_see: &[],
    },
    Room {
        name: "deriva-tests",
        folder: "tests",
        sees: &["deriva-bin", "deriva-client", "deriva-model"],
        tests_see: &[],
    },
    Room {
        name: "deriva-bench",
        folder: "tests/bench",
        // It measures every floor, from within and through the listeners.
        sees: &[
            "deriva-actors",
            "deriva-bin",
            "deriva-client",
            "deriva-compute",
            "deriva-gateway",
            "deriva-messages",
            "deriva-model",
            "deriva-net",
            "deriva-proto",
            "deriva-store",
            "deriva-system",
        ],
        tests_see: &[],
    },
    Room {
        name: "deriva-chaos",
        folder: "chaos",
        // Cores and ports for the simulation, the client for the live half.
        sees: &[
            "deriva-actors",
            "deriva-client",
            "deriva-compute",
            "deriva-messages",
            "deriva-model",
            "deriva-system",
        ],
        // A whole node in the test's process, whose actors it kills.
        tests_see: &["deriva-bin"],
    },
    Room {
        name: "deriva-golden",
        folder: "golden",
        sees: &["deriva-model"],
        tests_see: &[],
    },
    Room {
        name: "xtask",
        folder: "ops/xtask",
        sees: &[],
        tests_see: &[],
    },
];

/// A dependency that lives in few rooms, so that it can be replaced and so that others do not rebuild with it.
pub(crate) struct Kept {
    pub(crate) dependency: &'static str,
    pub(crate) rooms: &'static [&'static str],
    pub(crate) reason: &'static str,
}

/// The benchmark has a bare echo beside the gateway.
const GRPC_ROOMS: &[&str] = &[
    "deriva-proto",
    "deriva-client",
    "deriva-gateway",
    "deriva-bench",
];

pub(crate) const KEPT: &[Kept] = &[
    Kept {
        dependency: "rocksdb",
        rooms: &["deriva-store"],
        reason: "the storage port hides it from everybody else",
    },
    Kept {
        dependency: "tonic",
        rooms: GRPC_ROOMS,
        reason: "gRPC is spoken at the edge and nowhere else",
    },
    Kept {
        dependency: "tonic-prost",
        rooms: GRPC_ROOMS,
        reason: "gRPC is spoken at the edge and nowhere else",
    },
    Kept {
        dependency: "tonic-health",
        rooms: &["deriva-gateway"],
        reason: "gRPC is served by the gateway",
    },
    Kept {
        dependency: "tonic-reflection",
        rooms: &["deriva-gateway"],
        reason: "gRPC is served by the gateway",
    },
    Kept {
        dependency: "tonic-types",
        rooms: &["deriva-client", "deriva-gateway"],
        reason: "rich error details are written by the gateway and read by the client",
    },
    Kept {
        dependency: "prost",
        rooms: GRPC_ROOMS,
        reason: "protobuf is spoken at the edge and nowhere else",
    },
    Kept {
        dependency: "axum",
        rooms: &["deriva-gateway"],
        reason: "HTTP is served by the gateway",
    },
    Kept {
        dependency: "rustls",
        rooms: &["deriva-net", "deriva-client", "deriva-bin"],
        reason: "the network room uses it; the client tells TLS faults apart by its types; the binaries install the one provider",
    },
    Kept {
        dependency: "tokio-rustls",
        rooms: &["deriva-net"],
        reason: "TLS between nodes lives in the network room",
    },
    Kept {
        dependency: "rcgen",
        rooms: &["deriva-net", "deriva-bin"],
        reason: "`deriva cert` makes certificates, the network room reads them",
    },
    Kept {
        dependency: "wasmtime",
        rooms: &["deriva-compute"],
        reason: "functions are executed in the compute room",
    },
    Kept {
        dependency: "csv",
        rooms: &["deriva-compute"],
        reason: "its bytes are part of a function's version",
    },
    Kept {
        dependency: "flate2",
        rooms: &["deriva-compute"],
        reason: "its bytes are part of a function's version",
    },
    Kept {
        dependency: "zstd",
        rooms: &["deriva-compute"],
        reason: "its bytes are part of a function's version",
    },
    Kept {
        dependency: "lz4_flex",
        rooms: &["deriva-compute"],
        reason: "its bytes are part of a function's version",
    },
    Kept {
        dependency: "regex",
        rooms: &["deriva-compute"],
        reason: "its tables are part of a function's version",
    },
    Kept {
        dependency: "clap",
        rooms: &["deriva-bin", "deriva-bench"],
        reason: "only binaries have a command line",
    },
    Kept {
        dependency: "ractor",
        rooms: &[
            "deriva-messages",
            "deriva-system",
            "deriva-net",
            "deriva-actors",
            "deriva-gateway",
        ],
        reason: "what has no actors must not know of them",
    },
];

/// What a pure crate may name at all: it has no runtime, clock, chance or I/O to reach for.
pub(crate) const PURE: &[(&str, &[&str])] = &[
    ("deriva-model", &["blake3", "thiserror", "zerocopy"]),
    ("xtask", &["serde", "serde_json"]),
];

/// Packages that may not be anywhere in the tree.
pub(crate) const BANNED: &[(&str, &str)] = &[
    (
        "ring",
        "aws-lc-rs is the only TLS provider; with two, rustls panics at run time",
    ),
    ("openssl-sys", "aws-lc-rs is the only TLS provider"),
    ("native-tls", "aws-lc-rs is the only TLS provider"),
];

/// The decision record that lists every package which stands in the tree in more than one version, one a table row.
pub(crate) const DUPLICATES_RECORD: &str = "ops/decisions/002-dependency-duplicates.md";

/// A crate that must name build dependencies it does not use, so that building it alone chooses the same features
/// as building the whole workspace.
pub(crate) struct Unified {
    pub(crate) name: &'static str,
    pub(crate) build_dependencies: &'static [&'static str],
    pub(crate) reason: &'static str,
}

pub(crate) const UNIFIED: &[Unified] = &[Unified {
    name: "deriva-store",
    build_dependencies: &["protox", "tonic-prost-build"],
    reason: "without it `cargo test -p deriva-store` builds RocksDB's C++ a second time \
             (ops/decisions/003-one-profile-one-target-directory.md)",
}];
