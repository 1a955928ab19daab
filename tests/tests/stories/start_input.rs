//! Bad input at the start of a node: its configuration, its ports, its directory.

use deriva_tests::{Launch, Mounted, Place};

#[tokio::test]
async fn unknown_settings_are_named_with_where_they_came_from() {
    let environment = Launch::new().set("wrokers", "3").refused().await;
    assert!(
        environment.names(&["wrokers", "DERIVA_WROKERS", "workers"]),
        "{environment:?}"
    );

    let place = Place::new();
    let file = place.path().with_file_name("deriva.toml");
    std::fs::write(&file, "workers = 2\ncache_dsik = \"1GiB\"\n").unwrap();
    let name = file.to_str().unwrap();
    let in_file = Launch::at(place)
        .argument("--config")
        .argument(name)
        .refused()
        .await;
    assert!(
        in_file.names(&["cache_dsik", name, "cache_disk"]),
        "{in_file:?}"
    );

    let flag = Launch::new().argument("--wrokers").refused().await;
    assert!(flag.names(&["--wrokers"]), "{flag:?}");
    assert_eq!(flag.status.code(), Some(2), "wrong usage");
}

#[tokio::test]
async fn bad_values_are_named_with_what_is_taken() {
    for (key, value, wanted) in [
        ("workers", "many", "number"),
        ("cache_disk", "lots", "GiB"),
        ("chunk_size", "17KiB", "power of two"),
        ("shards", "0", "1"),
        ("log_format", "xml", "json"),
    ] {
        let refused = Launch::new().set(key, value).refused().await;
        let name = format!("DERIVA_{}", key.to_uppercase());
        assert!(
            refused.names(&[key, value, &name, wanted]),
            "{key}: {refused:?}"
        );
    }
    let missing = Launch::new()
        .argument("--config")
        .argument("/nowhere/deriva.toml");
    let missing = missing.refused().await;
    assert!(missing.names(&["/nowhere/deriva.toml"]), "{missing:?}");
    let cluster = Launch::new()
        .argument("--seed")
        .argument("127.0.0.1:1")
        .refused()
        .await;
    assert!(cluster.names(&["seeds", "single"]), "{cluster:?}");
}

#[tokio::test]
async fn the_settings_in_force_are_printed_with_their_origins() {
    let launch = Launch::new()
        .set("cache_disk", "3GiB")
        .argument("--print-config");
    // It prints and ends: it is never ready.
    let printed = launch.attempt().await.unwrap_err();
    assert!(printed.status.success(), "{printed:?}");
    let expected = "(from the environment's DERIVA_CACHE_DISK)\ncache_disk = \"3GiB\"";
    assert!(printed.stdout.contains(expected), "{}", printed.stdout);
    assert!(
        printed
            .stdout
            .contains("(from a flag)\ngrpc_listen = \"127.0.0.1:0\"")
    );
    assert!(printed.stdout.contains("(from the default)\nshards"));
    // What was printed puts the same in force.
    let place = Place::new();
    let file = place.path().with_file_name("deriva.toml");
    std::fs::write(&file, &printed.stdout).unwrap();
    let again = Launch::at(place)
        .argument("--print-config")
        .argument("--config");
    let again = again.argument(&file).attempt().await.unwrap_err();
    assert!(
        again.stdout.contains("cache_disk = \"3GiB\""),
        "{}",
        again.stdout
    );
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let grpc = Launch::new().grpc_listen(&address).refused().await;
    assert!(grpc.names(&[&address, "gRPC"]), "{grpc:?}");
    let admin = Launch::new().admin_listen(&address).refused().await;
    assert!(admin.names(&[&address, "admin"]), "{admin:?}");
    let nowhere = Launch::new().grpc_listen("nowhere").refused().await;
    assert!(nowhere.names(&["grpc_listen", "nowhere"]), "{nowhere:?}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let Some(place) = Mounted::place("8m", ",ro").await else {
        return;
    };
    let path = place.path();
    let refused = Launch::at(place).refused().await;
    assert!(
        refused.names(&[path.to_str().unwrap(), "written"]),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_file_in_the_directorys_place_is_named() {
    let place = Place::new();
    std::fs::write(place.path(), b"not a directory").unwrap();
    let path = place.path();
    let refused = Launch::at(place.clone()).refused().await;
    assert!(
        refused.names(&[path.to_str().unwrap(), "directory"]),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read(path).unwrap(),
        b"not a directory",
        "nothing was changed"
    );
}
